package daemon

import (
	"os"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestAppliedBeforeRepair has somebody apply and record a plan in the moment between a look and a repair.
func TestAppliedBeforeRepair(t *testing.T) {
	for _, readable := range []bool{true, false} {
		inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
			r.after(time.Minute)
			r.b.do(func() { r.b.refuse, r.b.broken, r.b.mark = errRefused, []string{"gone"}, r.b.mark+1 })
			r.after(5 * time.Second) // drift, and a repair that is refused
			looks := r.seen().looks
			for r.seen().looks == looks {
				r.after(time.Millisecond)
			}
			r.b.do(func() { r.b.refuse, r.b.broken, r.b.sha, r.b.mark = nil, nil, r.plan(2).SHA256(), r.b.mark+1 })
			writes := r.b.written()
			if r.add(2, 0); !readable {
				if err := os.Remove(r.path); err != nil {
					t.Fatal(err)
				}
			}
			r.d.Reload() // have it do at once what is due
			s := r.after(30 * time.Second)
			if r.seen().sha != r.plan(2).SHA256() || r.b.written() != writes || s.Healthy != readable {
				t.Errorf("readable %t: %d writes, %+v", readable, r.b.written()-writes, s)
			}
			if looked := r.seen().looks - looks; looked > 100 {
				t.Errorf("%d looks", looked)
			}
		})
	}
}

// TestUnreadableAndApplied has somebody apply and record a plan that the daemon cannot read of: it does not undo that.
func TestUnreadableAndApplied(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(time.Minute)
		if err := os.Rename(r.path, r.path+".away"); err != nil {
			t.Fatal(err)
		}
		r.after(100 * time.Millisecond)
		r.b.do(func() { r.b.sha, r.b.mark = r.plan(2).SHA256(), r.b.mark+1 })
		writes := r.b.written()
		s := r.after(20 * time.Minute)
		if r.b.written() != writes || s.Drift.Found != 0 || s.Healthy || problem(s, "source") == "" || s.InForce != r.plan(2).SHA256() {
			t.Errorf("%d writes, %+v", r.b.written()-writes, s)
		}
		// A kernel without a plan is another matter: nobody has ports then.
		r.b.do(func() { r.b.sha, r.b.mark = "", r.b.mark+1 })
		r.has(r.after(10*time.Second), 1)
		r.b.do(func() { r.b.sha, r.b.mark = r.plan(2).SHA256(), r.b.mark+1 })
		writes = r.b.written()
		r.after(time.Minute)
		if err := os.Rename(r.path+".away", r.path); err != nil {
			t.Fatal(err)
		}
		r.add(2, 0) // which says nothing of the minute before
		s = r.after(12 * time.Second)
		r.has(s, 2)
		if r.b.written() != writes || !s.Healthy {
			t.Errorf("%d writes, %+v", r.b.written()-writes, s)
		}
		r.possible(r.now().Add(-30*time.Second), 1, 2)
	})
}

// TestSomebodyApplies is cgnctl apply --ledger: kernel first, record second. The daemon must not undo it in between.
func TestSomebodyApplies(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(10 * time.Second)
		writes := r.b.written()
		w, err := ledger.Edit(r.path)
		if err != nil {
			t.Fatal(err)
		}
		in := r.begin(w, 2)
		r.b.do(func() { r.b.sha, r.b.mark = r.plan(2).SHA256(), r.b.mark+1 })
		r.after(20 * time.Second)
		if r.b.written() != writes {
			t.Fatal("the daemon undid what somebody applied")
		}
		if _, err := w.Commit(in, r.now().UTC().Truncate(time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		w.Close()
		s := r.after(3 * time.Second)
		r.has(s, 2)
		if r.b.written() != writes || s.Epoch.Seq != 2 || !s.Healthy || s.Drift.Found != 0 || len(s.Problems) > 0 {
			t.Errorf("%d writes, %+v", r.b.written()-writes, s)
		}
	})
}

// begin writes down that somebody else applies a plan.
func (r *rig) begin(w *ledger.Writer, n int) ledger.Intent {
	r.Helper()
	in, err := w.Begin(ledger.Intent{Plan: r.plan(n), From: r.now().UTC().Truncate(time.Millisecond), Target: "fake cgn"})
	if err != nil {
		r.Fatal(err)
	}
	return in
}

// TestSomebodyAppliesAcross is the same while the instant of a planned epoch goes by: the daemon waits, and follows what is recorded.
func TestSomebodyAppliesAcross(t *testing.T) {
	for before := range 3 { // how many seconds, for the daemon may have seen it or not
		inBubble(t, "l.jsonl", func(r *rig) {
			r.add(1, 0)
			r.add(2, time.Minute)
		}, func(r *rig) {
			r.after(time.Minute - time.Duration(before)*time.Second - time.Millisecond)
			w, err := ledger.Edit(r.path)
			if err != nil {
				t.Fatal(err)
			}
			writes, in := r.b.written(), r.begin(w, 3)
			r.after(20 * time.Second)
			r.b.do(func() { r.b.sha, r.b.mark = r.plan(3).SHA256(), r.b.mark+1 })
			r.after(20 * time.Second)
			if r.b.written() != writes {
				t.Fatal("the daemon applied while somebody else did")
			}
			if _, err := w.Commit(in, r.now().UTC().Truncate(time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			w.Close()
			s := r.after(3 * time.Second)
			r.has(s, 3)
			if r.b.written() != writes || !s.Healthy || s.Drift.Found != 0 || len(s.Problems) > 0 {
				t.Errorf("%d writes, %+v", r.b.written()-writes, s)
			}
		})
	}
}

// TestSomebodyDiedAcross has nobody end what was begun: the planned epoch is applied in the end.
func TestSomebodyDiedAcross(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.add(2, time.Minute)
	}, func(r *rig) {
		r.after(50 * time.Second)
		w, err := ledger.Edit(r.path)
		if err != nil {
			t.Fatal(err)
		}
		r.begin(w, 3)
		w.Close()
		r.after(foreignFor - 5*time.Second)
		if r.seen().sha != r.plan(1).SHA256() {
			t.Error("too early")
		}
		s := r.after(10 * time.Second)
		r.has(s, 2)
		if problem(s, "pending") == "" || problem(s, "late") == "" || !s.Healthy {
			t.Errorf("%+v", s)
		}
	})
}

// TestSomebodyDied is the same, cut off before the record: in the end the ledger decides.
func TestSomebodyDied(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(10 * time.Second)
		w, err := ledger.Edit(r.path)
		if err != nil {
			t.Fatal(err)
		}
		r.begin(w, 2)
		w.Close()
		r.b.do(func() { r.b.sha, r.b.mark = r.plan(2).SHA256(), r.b.mark+1 })
		if s := r.after(foreignFor / 2); s.Drift.Found != 0 || r.seen().sha != r.plan(2).SHA256() {
			t.Errorf("too early: %+v", s)
		}
		s := r.after(foreignFor)
		r.has(s, 1)
		if s.Drift.Repaired != 1 || problem(s, "pending") == "" || !s.Healthy {
			t.Errorf("%+v", s)
		}
	})
}

// TestStartWhileSomebodyApplies starts a daemon between the kernel and the record of somebody else: what he applied stays. After a boot there is
// nothing to wait for.
func TestStartWhileSomebodyApplies(t *testing.T) {
	for name, c := range map[string]struct{ empty, dies bool }{"ends": {}, "dies": {dies: true}, "after a boot": {empty: true, dies: true}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
				var w *ledger.Writer
				var in ledger.Intent
				r.after(time.Minute)
				r.again(func() {
					var err error
					if w, err = ledger.Edit(r.path); err != nil {
						t.Fatal(err)
					}
					in = r.begin(w, 2)
					r.b.do(func() {
						r.b.sha, r.b.mark = r.plan(2).SHA256(), r.b.mark+1
						if c.empty {
							r.b.sha = ""
						}
					})
				})
				defer func() { r.end() }()
				writes := r.b.written()
				s := r.after(20 * time.Second)
				if !s.Ready {
					t.Error("the service manager waits, too")
				}
				if c.empty {
					r.has(s, 1)
					w.Close()
					return
				}
				if r.b.written() != writes {
					t.Fatal("the daemon undid what somebody applied")
				}
				if c.dies {
					w.Close()
					r.has(r.after(foreignFor), 1)
					return
				}
				if _, err := w.Commit(in, r.now().UTC().Truncate(time.Millisecond)); err != nil {
					t.Fatal(err)
				}
				w.Close()
				s = r.after(3 * time.Second)
				r.has(s, 2)
				if r.b.written() != writes || s.Records != 2 || !s.Healthy || len(s.Problems) > 0 {
					t.Errorf("%d writes, %+v", r.b.written()-writes, s)
				}
			})
		})
	}
}
