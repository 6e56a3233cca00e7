//go:build unix

package daemon

import (
	"os"
	"syscall"
)

// inode returns the number of a file, which another one that took its place does not have.
func inode(st os.FileInfo) uint64 {
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Ino) //nolint:unconvert // it is not the same type everywhere
	}
	return 0
}
