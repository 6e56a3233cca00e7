//go:build linux

package netnstest

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// AsUser does something in a thread of its own that belongs to another user, who may nothing. It takes root. The function must not
// end its goroutine, as FailNow of a test does.
func AsUser(uid int, do func()) (err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
			err = errno
			return
		}
		do()
	}()
	<-done
	return err
}
