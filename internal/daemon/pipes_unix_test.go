//go:build unix

package daemon

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestPipesBesideTheLedger has pipes that nobody writes to, or reads from, stand where the daemon keeps what it remembers: it does not wait for them.
func TestPipesBesideTheLedger(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		for _, suffix := range []string{ledger.MemorySuffix, ledger.MemorySuffix + ".new"} {
			if err := syscall.Mkfifo(r.path+suffix, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}, func(r *rig) {
		s := r.after(time.Minute)
		r.has(s, 1)
		if !s.Healthy || len(s.Problems) > 0 {
			t.Errorf("%+v", s)
		}
		if st, err := os.Lstat(r.path + ledger.MemorySuffix); err != nil || !st.Mode().IsRegular() {
			t.Errorf("nothing is remembered: %v", err)
		}
	})
}

// TestPipeForALedger has a pipe take the place of the ledger: the kernel stays as it is.
func TestPipeForALedger(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(time.Minute)
		if err := os.Remove(r.path); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(r.path, 0o600); err != nil {
			t.Fatal(err)
		}
		s := r.after(time.Minute)
		r.has(s, 1)
		if s.Healthy || problem(s, "source") == "" {
			t.Errorf("%+v", s)
		}
	})
}
