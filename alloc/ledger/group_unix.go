//go:build unix

package ledger

import (
	"os"
	"syscall"
)

// giveGroup gives a file the group of another one, and reports whether it has that.
func giveGroup(f *os.File, like os.FileInfo) bool {
	st, ok := like.Sys().(*syscall.Stat_t)
	return ok && f.Chown(-1, int(st.Gid)) == nil
}
