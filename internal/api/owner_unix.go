//go:build unix

package api

import (
	"io/fs"
	"syscall"
)

// ownerOf returns the user whose file it is.
func ownerOf(st fs.FileInfo) (uid int, known bool) {
	s, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(s.Uid), true
}

// dontWait opens a pipe without waiting for who writes to it.
const dontWait = syscall.O_NONBLOCK
