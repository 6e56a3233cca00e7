//go:build linux

package netns

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

const threadNetns = "/proc/thread-self/ns/net"

// abroad calls leave, which moves the current thread to another network namespace, then fn, and then moves the thread back.
// All of that happens on a goroutine with a thread of its own. A panic and a runtime.Goexit of fn (which is what t.FailNow
// does) reach the caller as if fn ran on the caller's goroutine.
func abroad(leave, fn func() error) error {
	var (
		err      error
		panicked any
		returned bool
		done     = make(chan struct{})
	)
	spareThread(func() {
		defer close(done)
		defer func() {
			if r := recover(); r != nil {
				panicked = fmt.Sprintf("%v\n\n%s", r, debug.Stack())
			}
		}()
		err = journey(leave, fn)
		returned = true
	})
	<-done
	switch {
	case panicked != nil:
		panic(panicked)
	case !returned:
		runtime.Goexit()
	}
	return err
}

// journey expects a locked thread. It unlocks the thread once it is known to be home; otherwise the thread stays locked and
// the runtime ends it together with the goroutine, so that no other goroutine wakes up in the wrong namespace.
func journey(leave, fn func() error) (err error) {
	home, err := unix.Open(threadNetns, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open %s: %w", threadNetns, err)
	}
	defer func() { _ = unix.Close(home) }()
	if err := leave(); err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer func() {
		if back := unix.Setns(home, unix.CLONE_NEWNET); back != nil {
			err = errors.Join(err, fmt.Errorf("return to own network namespace (ending this thread): %w", back))
			return
		}
		runtime.UnlockOSThread()
	}()
	return fn()
}

// spareThread runs work on a new goroutine, locked to a thread that is not the main thread. The main thread cannot be ended
// and stands for the process in /proc, so it must never be in a foreign namespace.
func spareThread(work func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != unix.Getpid() {
			work()
			return
		}
		// As long as this goroutine holds the main thread, the next one gets another.
		locked := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(locked)
			work()
		}()
		<-locked
		runtime.UnlockOSThread()
	}()
}
