package daemon

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestClock sets the clock forward over an epoch, which takes effect, and back, which does not undo it at once.
func TestClock(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.add(2, time.Hour)
	}, func(r *rig) {
		r.after(time.Minute)
		r.step(2 * time.Hour)
		s := r.after(2 * time.Second)
		r.has(s, 2)
		if !strings.Contains(problem(s, "clock"), "set by 2h0m0s") || !s.Healthy {
			t.Error(s.Problems)
		}
		r.after(time.Minute)
		r.step(-2 * time.Hour)
		r.after(steadyFor / 2)
		r.step(90 * time.Minute) // and forward again: nothing has to be undone
		r.has(r.after(2*time.Minute), 2)
		r.step(-90 * time.Minute)
		s = r.after(steadyFor / 2)
		r.has(s, 2)
		s = r.after(steadyFor)
		r.has(s, 1)
		if s = r.after(clockFor); problem(s, "clock") != "" {
			t.Error(s.Problems)
		}
	})
}

// TestSmallStepBack sets the clock back by less than is called a step, just after an epoch began: what the clock says twice is said of both plans.
func TestSmallStepBack(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.add(2, time.Minute)
	}, func(r *rig) {
		r.after(time.Minute + 200*time.Millisecond)
		applies, instant := r.seen().applies, r.now()
		for range 3 { // one after the other, as NTP may do it
			r.step(-1900 * time.Millisecond)
			r.has(r.after(time.Second), 2)
		}
		s := r.after(time.Minute)
		r.has(s, 2)
		if r.seen().applies != applies || !s.Healthy || s.Epoch.SHA256 != r.plan(2).SHA256() {
			t.Errorf("%d applies more, %+v", r.seen().applies-applies, s)
		}
		r.possible(instant.Add(-5*time.Second), 1) // a second is how exactly it is known when the clock was set
		r.possible(instant.Add(-time.Second), 1, 2)
		r.possible(instant.Add(time.Minute), 2)
	})
}

// TestStepBackOverAnEpoch sets the clock back over the beginning of an epoch that the kernel has: until that begins once more, it has the plan before
// its time.
func TestStepBackOverAnEpoch(t *testing.T) {
	for _, killed := range []bool{false, true} {
		inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0); r.add(2, 11*time.Minute) }, func(r *rig) {
			r.after(11*time.Minute + 10*time.Second)
			r.has(r.d.Snapshot(), 2)
			r.step(-40 * time.Second)
			again := r.now()
			s := r.after(15 * time.Second)
			if r.has(s, 2); s.Unsure.IsZero() || s.Unsure.After(again) {
				t.Errorf("%+v", s)
			}
			if killed {
				r.again(func() {})
			}
			r.after(40 * time.Minute)
			r.possible(again.Add(-time.Minute), 1)
			r.possible(again.Add(-5*time.Second), 1, 2) // by this clock, the kernel has had it for ten seconds
			r.possible(again.Add(time.Second), 1, 2)
			if !killed { // the next daemon goes by its clock alone
				r.possible(again.Add(29*time.Second), 1, 2)
			}
			r.possible(again.Add(10*time.Minute), 2)
			r.end()
		})
	}
}

// TestLateThenAhead has an epoch be late by minutes after the clock was set forward, and the clock be set back when the next epoch has begun: what was
// late stays so.
func TestLateThenAhead(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(10 * time.Minute)
		r.step(20 * time.Second)
		r.after(2 * time.Second)
		r.add(2, time.Minute)
		r.b.do(func() { r.b.refuse = errRefused })
		r.after(3 * time.Minute)
		at := r.now()
		r.after(3 * time.Minute)
		r.b.do(func() { r.b.refuse = nil })
		r.has(r.after(2*time.Minute), 2)
		r.add(3, time.Minute)
		r.has(r.after(62*time.Second), 3)
		r.step(-20 * time.Second)
		r.after(time.Hour)
		r.possible(at, 1, 2, 3) // two plans and two times are noted as one time, in which either is possible
		r.end()
	})
}

// TestClockAheadForAWhile has the clock jump ahead over an epoch, and set right: who had ports by the plan that came too early is a candidate for just
// that time, and what is to come stays settled. So it is where the daemon is killed at any time of it.
func TestClockAheadForAWhile(t *testing.T) {
	const never = 10
	for killed := range never + 1 {
		inBubble(t, "l.jsonl", func(r *rig) {
			r.add(1, 0)
			r.add(2, time.Minute)
			r.add(3, 5*time.Hour)
		}, func(r *rig) {
			begun, step := r.now(), 0
			kill := func() {
				if step++; step == killed {
					r.again(func() {})
				}
			}
			r.after(20 * time.Minute)
			kill()
			r.step(20 * time.Hour)
			kill()
			r.has(r.after(2*time.Second), 3)
			kill()
			r.after(5 * time.Minute)
			kill()
			r.step(-20 * time.Hour)
			kill()
			r.after(time.Second)
			kill()
			r.after(steadyFor + 10*time.Second)
			kill()
			s := r.after(5 * time.Minute)
			r.has(s, 2)
			if !s.Healthy || !s.Unsure.IsZero() {
				t.Errorf("killed %d: %+v", killed, s)
			}
			r.possible(begun.Add(30*time.Second), 1)
			r.possible(begun.Add(10*time.Minute), 2)
			r.possible(begun.Add(19*time.Minute), 2)
			r.possible(begun.Add(23*time.Minute), 2, 3)
			r.possible(r.now(), 2)
			r.possible(begun.Add(4*time.Hour), 2)
			if killed != 1 && killed != 2 { // one that starts when the clock is ahead already takes it for right
				r.possible(begun.Add(6*time.Hour), 3)
			}
			r.end()
		})
	}
}

// TestClockBehind boots a machine whose clock is a month behind, which is set right after a minute: the plan that was in force a month ago is possible for
// that minute, and the evidence of the month stays as it was.
func TestClockBehind(t *testing.T) {
	const month = 30 * 24 * time.Hour
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.add(2, time.Hour)
		time.Sleep(month)
	}, func(r *rig) {
		first := r.now()
		r.has(r.after(10*time.Minute), 2)
		r.again(func() {
			r.b.do(func() { r.b.sha, r.b.mark = "", r.b.mark+1 })
			r.step(-month)
		})
		r.has(r.after(time.Minute), 1)
		r.step(month)
		r.has(r.after(10*time.Second), 2)
		s := r.after(leapFor + time.Minute)
		if !s.Healthy || !s.Unsure.IsZero() {
			t.Errorf("%+v", s)
		}
		begun := first.Add(-month)
		r.possible(begun.Add(30*time.Minute), 1)
		r.possible(begun.Add(2*time.Hour), 2)
		r.possible(first.Add(-time.Hour), 2)
		r.possible(first.Add(9*time.Minute), 2)
		r.possible(first.Add(10*time.Minute+30*time.Second), 1, 2)
		r.possible(r.now(), 2)
		r.end()
	})
}

// TestLateThenForward has an epoch begin while the ledger cannot be read, and the clock be set forward before it can be again: the plan before is possible
// from when the epoch began by the clock as it was.
func TestLateThenForward(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(10 * time.Minute)
		r.add(2, time.Minute)
		r.after(5 * time.Second)
		if err := os.Rename(r.path, r.path+".away"); err != nil {
			t.Fatal(err)
		}
		r.after(5 * time.Minute)
		before := r.now()
		r.step(15 * time.Minute)
		r.after(5 * time.Minute)
		if err := os.Rename(r.path+".away", r.path); err != nil {
			t.Fatal(err)
		}
		r.has(r.after(15*time.Second), 2)
		if s := r.after(40 * time.Minute); !s.Unsure.IsZero() {
			t.Errorf("%+v", s)
		}
		r.possible(before.Add(-3*time.Minute), 1, 2)
		r.possible(before, 1, 2)
		r.possible(before.Add(17*time.Minute), 1, 2)
		r.possible(r.now(), 2)
		r.end()
	})
}

// TestSetBackWhileApplied has a plan by hand be seen by an apply that repairs, and the clock be set back while that goes on: it is possible for the time
// by either clock.
func TestSetBackWhileApplied(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(10 * time.Minute)
		r.byHand(2)
		r.after(1200 * time.Millisecond) // repaired, so that the next repair waits
		r.b.do(func() { r.b.takes = 3 * time.Second })
		r.byHand(0)
		for r.d.Snapshot().Doing != "apply" {
			r.after(100 * time.Millisecond)
			if r.seen().sha == "" && problem(r.d.Snapshot(), "drift") != "" {
				r.byHand(3) // after the look, before the repair
			}
		}
		had := r.now().Add(time.Second)
		r.after(2 * time.Second)
		r.step(-2 * time.Minute)
		again := r.now()
		r.after(40 * time.Minute)
		r.unknown(had, true)
		r.unknown(again, true)
		r.possible(r.now(), 1)
		r.end()
	})
}

// TestSetBackAndDown has a plan by hand in the kernel, which refuses the repair, when the clock is set back, and the daemon be killed a moment later: the
// file says that the plan is possible for as long as nobody looks.
func TestSetBackAndDown(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		time.Sleep(time.Hour)
		r.add(1, 0)
		r.add(2, 20*time.Second)
	}, func(r *rig) {
		begun := r.now()
		r.after(10 * time.Minute)
		r.b.do(func() { r.b.refuse = errRefused })
		r.byHand(3)
		r.after(2 * time.Minute)
		r.step(-15 * time.Minute)
		r.after(3 * time.Second)
		r.kill(filepath.Dir(r.path))
		time.Sleep(5 * time.Minute)
		file, err := ledger.Open(r.path)
		if err == nil {
			err = file.Heed(r.now())
		}
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		for _, at := range []time.Duration{10 * time.Second, time.Minute} {
			if got := r.plansAt(file, ledger.Question{From: begun.Add(at), To: begun.Add(at)}); !slices.Contains(got, 0) {
				t.Errorf("%v after the beginning plans %v are possible, and the kernel had one that the ledger does not know", at, got)
			}
		}
	})
}

// TestKilledInApplyAfterStep has the clock be set forward to where an epoch is in force at last, the daemon be killed while it applies that, and the clock be
// set back a little before the next one begins: what the kernel had until then by the clock that was ahead is possible.
func TestKilledInApplyAfterStep(t *testing.T) {
	for _, covered := range []bool{false, true} {
		inBubble(t, "l.jsonl", func(r *rig) {
			r.add(1, 0)
			if covered {
				r.add(2, 15*time.Minute)
			}
			r.options.Report = true
		}, func(r *rig) {
			r.after(5 * time.Minute)
			if !covered {
				r.restart(func() { r.step(-15 * time.Minute) })
			}
			r.after(time.Minute)
			r.byHand(3)
			r.after(3 * time.Minute)
			r.b.do(func() { r.b.takes = 10 * time.Second })
			r.step(20 * time.Minute)
			ahead := r.now()
			s := r.after(5 * time.Second)
			if s.Doing != "apply" {
				t.Fatalf("%+v", s)
			}
			r.kill(filepath.Dir(r.path))
			r.b.do(func() { r.b.takes = 0 })
			time.Sleep(10 * time.Second)
			r.restart(func() { r.step(-20 * time.Second) })
			if s := r.after(time.Hour); !s.Healthy || !s.Unsure.IsZero() {
				t.Errorf("%+v", s)
			}
			for _, at := range []time.Duration{time.Second, 3 * time.Second} {
				r.unknown(ahead.Add(at), true)
			}
			r.end()
		})
	}
}
