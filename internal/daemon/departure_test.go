package daemon

import (
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// departed fails the test unless the kernel may depart from its plan since an instant, and the file beside the ledger says so, too.
func (r *rig) departed(s *Snapshot, from, to time.Time) {
	r.Helper()
	if s.Departed.Before(from.Add(-time.Millisecond)) || s.Departed.After(to) {
		r.Errorf("it may depart since %v, want one between %v and %v", s.Departed.UTC(), from.UTC(), to.UTC())
	}
	m, err := ledger.RecallBeside(r.path)
	if err != nil || m.Departed.Sub(s.Departed).Abs() > time.Second {
		r.Errorf("beside the ledger stands %v (%v), want %v", m.Departed.UTC(), err, s.Departed.UTC())
	}
}

// swap has somebody change elements of the kernel, or take that back.
func (r *rig) swap(is ...string) { r.b.do(func() { r.b.broken, r.b.mark = is, r.b.mark+1 }) }

// TestDeparture has somebody change the kernel under its plan: from when it was last seen to be right it may depart, also for a daemon that begins while
// that lasts, and by a clock that was set.
func TestDeparture(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, -time.Hour)
		r.options.Report = true
	}, func(r *rig) {
		if s := r.after(2 * time.Minute); !s.Departed.IsZero() {
			t.Errorf("nothing departs, and it does since %v", s.Departed)
		}
		r.swap("subscriber 100.64.0.9: changed")
		changed := r.now()
		s := r.after(time.Minute)
		r.departed(s, changed.Add(-2*time.Second), changed)
		r.restart(func() { time.Sleep(time.Minute) })
		s = r.after(time.Minute)
		r.departed(s, changed.Add(-2*time.Second), changed)
		r.step(-time.Hour)
		if s = r.after(time.Minute); s.Departed.After(r.now()) {
			t.Errorf("by a clock that was set back it departs since %v, and now is %v", s.Departed, r.now())
		}
		r.step(time.Hour)
		r.swap()
		if s = r.after(time.Minute); !s.Departed.IsZero() {
			t.Errorf("it departs still: %v", s.Problems)
		}
		r.end()
	})
}

// TestDepartureWhileDown has it happen while no daemon runs: it may be so since the end of the one before.
func TestDepartureWhileDown(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, -time.Hour)
		r.options.Report = true
	}, func(r *rig) {
		r.after(2 * time.Minute)
		end := r.now()
		r.restart(func() {
			time.Sleep(10 * time.Minute)
			r.swap("subscriber 100.64.0.9: changed")
			time.Sleep(10 * time.Minute)
		})
		r.departed(r.after(time.Minute), end.Add(-2*time.Second), end)
		r.end()
	})
}

// TestDepartureUnderTheMark has it be such that only a comparison finds it: it may be so since the one before.
func TestDepartureUnderTheMark(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, -time.Hour)
		r.options.Report, r.options.VerifyEvery = true, 5*time.Minute
	}, func(r *rig) {
		s := r.after(6 * time.Minute)
		compared := s.Verify.At
		r.b.do(func() { r.b.broken = []string{"subscriber 100.64.0.9: changed"} })
		s = r.after(6 * time.Minute)
		r.departed(s, compared.Add(-time.Second), compared)
		r.end()
	})
}
