//go:build unix

package ledger_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestMemoryIsReadable has the file beside the ledger be readable for whom the ledger is, again and again.
func TestMemoryIsReadable(t *testing.T) {
	s := newStraddle(t)
	for _, mode := range []os.FileMode{0o640, 0o600, 0o644, 0o660} {
		if err := os.Chmod(s.path, mode); err != nil {
			t.Fatal(err)
		}
		if os.Getuid() == 0 {
			if err := os.Chown(s.path, -1, 12345); err != nil {
				t.Fatal(err)
			}
		}
		if err := ledger.Remember(s.path, ledger.Memory{From: hour(1), PlanSHA256: s.plans["a"].SHA256(), Seen: hour(1).Add(time.Minute)}); err != nil {
			t.Fatal(err)
		}
		st, err := os.Stat(s.path + ledger.MemorySuffix)
		if err != nil {
			t.Fatal(err)
		}
		if st.Mode().Perm() != mode&0o644 || gid(t, s.path) != gid(t, s.path+ledger.MemorySuffix) {
			t.Errorf("a ledger with mode %v, and %v, group %d beside it", mode, st.Mode(), gid(t, s.path+ledger.MemorySuffix))
		}
	}
}

func gid(t *testing.T, path string) uint32 {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return st.Sys().(*syscall.Stat_t).Gid
}
