package daemon

import (
	"strings"
	"testing"
	"time"
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

// TestSmallStepBack sets the clock back by less than is called a step, just after an epoch began.
func TestSmallStepBack(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.add(2, time.Minute)
	}, func(r *rig) {
		r.after(time.Minute + 200*time.Millisecond)
		applies := r.seen().applies
		for range 3 { // one after the other, as NTP may do it
			r.step(-1900 * time.Millisecond)
			r.has(r.after(time.Second), 2)
		}
		s := r.after(time.Minute)
		r.has(s, 2)
		if r.seen().applies != applies || !s.Healthy || s.Epoch.Seq != 2 {
			t.Errorf("%d applies more, %+v", r.seen().applies-applies, s)
		}
	})
}

// TestClockAheadForAWhile has the clock jump ahead over an epoch, and set right: who had ports by the plan that came too early is a candidate for just that time.
func TestClockAheadForAWhile(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.add(2, time.Minute)
		r.add(3, 30*time.Hour)
	}, func(r *rig) {
		begun := r.now()
		r.after(20 * time.Hour)
		r.step(20 * time.Hour)
		r.has(r.after(5*time.Minute), 3)
		r.step(-20 * time.Hour)
		s := r.after(5 * time.Minute)
		r.has(s, 2)
		if !s.Healthy || !s.Unsure.IsZero() {
			t.Errorf("%+v", s)
		}
		r.possible(begun.Add(30*time.Second), 1)
		r.possible(begun.Add(10*time.Hour), 2)
		r.possible(begun.Add(20*time.Hour+3*time.Minute), 2, 3)
		r.possible(r.now(), 2)
	})
}
