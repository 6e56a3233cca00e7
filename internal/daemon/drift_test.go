package daemon

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestRefused has the backend refuse: what was in force stays, attempts come with growing distance, and one succeeds.
func TestRefused(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(time.Second)
		r.b.do(func() { r.b.refuse, r.b.applies = errRefused, 0 })
		r.add(2, time.Second)
		s := r.after(5 * time.Minute)
		r.has(s, 1)
		if s.Healthy || !strings.Contains(problem(s, "apply"), errRefused.Error()) || s.Apply.Retry == 0 || s.Epoch.Seq != 1 {
			t.Fatalf("%+v", s)
		}
		if r.seen().applies < 7 || r.seen().applies > 12 { // after 1, 2, 4, 8, 16, 32, 60, 60, … seconds
			t.Errorf("%d attempts in five minutes", r.seen().applies)
		}
		// What is in force is looked after meanwhile.
		r.b.do(func() {
			r.b.refuse, r.b.refused, r.b.broken, r.b.mark = nil, r.plan(2).SHA256(), []string{"gone"}, r.b.mark+1
		})
		s = r.after(10 * time.Second)
		r.has(s, 1)
		if len(r.seen().broken) > 0 || s.Drift.Repaired != 1 || problem(s, "apply") == "" {
			t.Errorf("%+v", s)
		}
		r.b.do(func() { r.b.refused = "" })
		r.d.Reload() // somebody says that it will work now
		s = r.after(2 * time.Second)
		r.has(s, 2)
		if !s.Healthy || s.Apply.Failed == 0 || s.Apply.Retry != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestTakenBack has a plan that is refused be taken back.
func TestTakenBack(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(time.Second)
		r.b.do(func() { r.b.refuse = errRefused })
		r.add(2, time.Second)
		if s := r.after(time.Minute); problem(s, "apply") == "" {
			t.Fatalf("%+v", s)
		}
		r.add(1, 0)
		s := r.after(3 * time.Second)
		r.has(s, 1)
		if !s.Healthy || s.Epoch.Seq != 5 || s.Apply.Retry != 0 { // two say that nobody knows whether the one before came
			t.Errorf("%+v", s)
		}
	})
}

// TestHalfApplied has an apply fail when the kernel has the plan already: connections by the one before may go on until it is done again.
func TestHalfApplied(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(time.Second)
		r.b.do(func() { r.b.after = errRefused })
		r.add(2, time.Second)
		s := r.after(10 * time.Second)
		r.has(s, 2)
		if s.Healthy || s.Drift.Found != 0 || s.Epoch.Seq != 2 {
			t.Fatalf("%+v", s)
		}
		r.b.do(func() { r.b.after = nil })
		if s = r.after(time.Minute); !s.Healthy || len(s.Problems) != 1 || problem(s, "late") == "" {
			t.Errorf("%+v", s)
		}
		if s = r.after(lateFor); !s.Healthy || len(s.Problems) > 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestDriftRepaired(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(time.Minute)
		for name, change := range map[string]func(){
			"table gone":    func() { r.b.sha, r.b.mark = "", r.b.mark+1 },
			"elements gone": func() { r.b.broken, r.b.mark = []string{"subscriber 100.64.0.9: missing"}, r.b.mark+1 },
		} {
			r.b.do(change)
			s := r.after(5 * time.Second)
			r.has(s, 1)
			if len(r.seen().broken) > 0 || !s.Healthy || s.Drift.Repaired == 0 || s.Drift.Found == 0 || len(s.Drift.Examples) == 0 {
				t.Errorf("%s: %+v", name, s)
			}
			r.after(10 * time.Minute)
		}
		if !strings.Contains(r.logged(), "subscriber 100.64.0.9: missing") {
			t.Error("what differed is not logged")
		}
	})
}

// TestDriftAgainAndAgain is somebody who changes the kernel as often as he can: there is a wait between repairs.
func TestDriftAgainAndAgain(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(time.Second)
		before := r.b.written()
		for range 300 {
			r.after(time.Second)
			r.b.do(func() { r.b.sha, r.b.mark = "somebody's", r.b.mark+1 })
		}
		if n := r.b.written() - before; n < 50 || n > 110 {
			t.Errorf("%d repairs in five minutes", n)
		}
		r.has(r.after(2*time.Minute), 1)
	})
}

func TestDriftReported(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.options.Report = true
	}, func(r *rig) {
		r.after(time.Minute)
		r.b.do(func() { r.b.broken, r.b.mark = []string{"gone"}, r.b.mark+1 })
		s := r.after(5 * time.Second)
		if s.Healthy || !strings.Contains(problem(s, "drift"), "not repaired") || s.Drift.Repaired != 0 || len(r.seen().broken) == 0 {
			t.Fatalf("%+v", s)
		}
		compared := r.seen().compare
		if r.after(4 * time.Minute); r.seen().compare != compared {
			t.Errorf("what is known is compared %d times more", r.seen().compare-compared)
		}
		r.b.do(func() { r.b.broken, r.b.mark = nil, r.b.mark+1 })
		if s = r.after(5 * time.Second); !s.Healthy {
			t.Error(s.Problems)
		}
	})
}

// TestDriftWhileDown has somebody change the kernel while no daemon runs: it is named, and repaired unless only to be reported.
func TestDriftWhileDown(t *testing.T) {
	for _, report := range []bool{false, true} {
		inBubble(t, "l.jsonl", func(r *rig) {
			r.options.Report = report
			r.add(1, 0)
			time.Sleep(time.Hour)
			r.b.sha, r.b.broken = r.plan(1).SHA256(), []string{"subscriber 100.64.0.9: missing"}
		}, func(r *rig) {
			s := r.after(3 * time.Second)
			r.has(s, 1)
			if s.Drift.Found != 1 || len(s.Drift.Examples) != 1 || !strings.Contains(r.logged(), "subscriber 100.64.0.9: missing") || !s.Ready {
				t.Errorf("report %t: %+v", report, s)
			}
			if repaired := len(r.seen().broken) == 0; repaired == report || s.Healthy == report || report != (s.Drift.Repaired == 0) {
				t.Errorf("report %t: %+v", report, s)
			}
			if !report {
				return
			}
			if applies := r.seen().applies; applies > 0 || !strings.Contains(problem(s, "drift"), "not repaired") {
				t.Errorf("%d applies, %v", applies, s.Problems)
			}
			r.add(2, 0) // another plan is another matter
			s = r.after(3 * time.Second)
			r.has(s, 2)
			if !s.Healthy {
				t.Error(s.Problems)
			}
		})
	}
}

// TestDriftWhileDownRefused has the kernel refuse the repair at the start: it is tried again with growing distance.
func TestDriftWhileDownRefused(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.b.sha, r.b.broken, r.b.refuse = r.plan(1).SHA256(), []string{"gone"}, errRefused
	}, func(r *rig) {
		s := r.after(time.Minute)
		if n := r.seen().applies; n < 4 || n > 8 || s.Healthy || problem(s, "apply") == "" || !s.Ready {
			t.Errorf("%d attempts, %+v", n, s)
		}
		r.b.do(func() { r.b.refuse = nil })
		s = r.after(time.Minute)
		r.has(s, 1)
		if !s.Healthy || s.Drift.Found != 1 || s.Drift.Repaired != 1 {
			t.Errorf("%+v", s)
		}
	})
}

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

// TestOtherRelease is what another release has made: that is nobody's drift.
func TestOtherRelease(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.options.Report = true
		r.add(1, 0)
		r.b.sha, r.b.broken, r.b.release = r.plan(1).SHA256(), []string{"programs: of another release"}, true
	}, func(r *rig) {
		s := r.after(3 * time.Second)
		if len(r.seen().broken) > 0 || !s.Healthy || s.Drift.Found != 0 {
			t.Errorf("%+v", s)
		}
	})
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

// TestQuietDrift is a change that nothing shows but a whole comparison.
func TestQuietDrift(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(time.Minute)
		r.b.do(func() { r.b.broken = []string{"a route is missing"} })
		if r.after(defaultEvery); len(r.seen().broken) > 0 {
			t.Error("it was not noticed")
		}
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
