package daemon

import (
	"os"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestNothingCanBeKept has an epoch come late while neither that nor what the kernel has can be written down, as with a full disk or a folder that
// belongs to somebody else. It is said at once, and after restarts, before and behind the end of the trouble, both plans are possible.
func TestNothingCanBeKept(t *testing.T) {
	for name, bare := range map[string]bool{"a memory is there": false, "none ever was": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, "l.jsonl", func(r *rig) {
				r.add(1, 0)
				r.add(2, time.Minute)
				r.b.refused = r.plan(2).SHA256()
				if bare {
					r.full(true)
				}
			}, func(r *rig) {
				instant := r.now().Add(time.Minute)
				s := r.after(30 * time.Second)
				if (problem(s, "memory") != "") != bare {
					t.Errorf("%+v", s)
				}
				if !bare {
					r.full(true)
				}
				r.after(5 * time.Minute)
				r.b.do(func() { r.b.refused = "" })
				for range 3 {
					s = r.after(2 * time.Minute)
					if r.has(s, 2); problem(s, "memory") == "" || problem(s, "late") == "" || s.Unsure.IsZero() || s.Unsure.After(instant) {
						t.Errorf("%+v", s)
					}
					q := ledger.Question{From: instant.Add(10 * time.Second), To: instant.Add(10 * time.Second), Unsure: s.Unsure, Had: s.Had}
					if got := r.plansAt(r.d.Ledger(), q); len(got) != 2 {
						t.Errorf("plans %v are possible", got)
					}
					r.restart(func() {}) // the file alone cannot know it
					r.after(0)           // it looks before there is room
				}
				r.full(false)
				s = r.after(time.Minute)
				if r.has(s, 2); problem(s, "memory") != "" || !s.Unsure.IsZero() {
					t.Errorf("%+v", s)
				}
				r.possible(instant, 1, 2)
				r.possible(instant.Add(5*time.Minute), 1, 2)
				r.end()
			})
		})
	}
}

// full has neither a memory nor a record be written, or again.
func (r *rig) full(is bool) {
	r.Helper()
	if r.held != nil {
		r.held.Close()
		r.held = nil
	}
	err := os.Rename(r.path+".cgnd.new", r.path+".gone") // in one step: the daemon may be at it
	if is {
		err = os.MkdirAll(r.path+".cgnd.new/x", 0o700)
	}
	if is && err == nil {
		r.held, err = ledger.Edit(r.path) // nobody else can
	}
	if err != nil {
		r.Fatal(err)
	}
}
