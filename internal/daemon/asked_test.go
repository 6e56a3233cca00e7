package daemon

import (
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestAskedWhileApplied asks from the moment on when somebody has written down that he is about to apply until long after he was killed: what he was
// about to apply is possible as soon as the kernel may have it, by name when it was read, and the plan before is possible all the time.
func TestAskedWhileApplied(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		before := r.after(10 * time.Minute)
		if s, _ := r.d.Asked(); s != before {
			t.Errorf("%+v", s)
		}
		r.after(lookEvery / 2)
		w, err := ledger.Edit(r.path)
		if err != nil {
			t.Fatal(err)
		}
		r.begin(w, 2)
		w.Close()
		r.byHand(2)
		for _, d := range []time.Duration{0, time.Millisecond, 2 * lookEvery, 30 * time.Second, foreignFor, time.Minute} {
			r.after(d)
			s, led := r.d.Asked()
			got := r.plansAt(led, ledger.Question{From: r.now(), To: r.now(), Unsure: s.Unsure, Had: s.Had})
			if named := d > time.Millisecond; len(got) < 2 || !slices.Contains(got, 1) || slices.Contains(got, 2) != named || slices.Contains(got, 0) == named {
				t.Errorf("after %v: plans %v are possible, unsure since %v, %v", d, got, s.Unsure, s.Had)
			}
			at := r.now().Add(-time.Hour)
			if got := r.plansAt(led, ledger.Question{From: at, To: at, Unsure: s.Unsure, Had: s.Had}); len(got) > 1 {
				t.Errorf("an hour before: %v", got)
			}
		}
	})
}

// TestAskedBetween records epochs that begin at once, and asks whenever the loop looks at the clock: also between two things that it finds out at once, no
// answer about now is without the plan that the kernel has.
func TestAskedBetween(t *testing.T) {
	for _, takes := range []time.Duration{0, 50 * time.Millisecond, 3 * time.Second} {
		inBubble(t, "l.jsonl", func(r *rig) {
			r.add(1, 0)
			r.b.takes = takes
			var asked atomic.Int32 // in the loop and beside it
			r.options.Now = func() time.Time {
				now := r.now()
				if r.d == nil {
					return now
				}
				s, led := r.d.Asked()
				if led == nil {
					return now
				}
				asked.Add(1)
				has := r.seen().sha
				for _, n := range r.plansAt(led, ledger.Question{From: now, To: now, Unsure: s.Unsure, Had: s.Had}) {
					if n == 0 || has == r.plan(n).SHA256() {
						return now
					}
				}
				if has != "" && !t.Failed() {
					t.Errorf("at %s the kernel has plan %.12s, which is not in an answer about now; unsure since %v, %v, doing %q", stamp(now), has, s.Unsure, s.Had, s.Doing)
				}
				return now
			}
			t.Cleanup(func() {
				if n := asked.Load(); n < 100 {
					t.Errorf("asked %d times", n)
				}
			})
		}, func(r *rig) {
			for n := 2; n < 6; n++ {
				r.after(10 * time.Second)
				r.add(n, 0)
			}
			r.has(r.after(time.Minute), 5)
			r.end()
		})
	}
}

// TestAskedBesideGarbage has what nobody can read stand where an apply would: the ledger is followed, and no answer about now is a single name.
func TestAskedBesideGarbage(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.add(2, 10*time.Minute)
	}, func(r *rig) {
		r.after(time.Minute)
		if err := os.Mkdir(r.path+".pending", 0o700); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			r.after(20 * time.Second)
			r.d.Reload()
			r.after(time.Second)
			if s, _ := r.d.Asked(); s.Unsure.IsZero() || problem(s, "source") != "" {
				t.Errorf("%+v", s)
			}
		}
		r.has(r.after(20*time.Minute), 2)
		if err := os.Remove(r.path + ".pending"); err != nil {
			t.Fatal(err)
		}
		r.after(time.Minute)
		if s, _ := r.d.Asked(); s != r.d.Snapshot() {
			t.Errorf("%+v", s)
		}
	})
}

// TestLooked: when the kernel was looked at last is not when the state was last made known.
func TestLooked(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		if s := r.after(time.Minute); s.Looked.IsZero() || s.Taken.Sub(s.Looked) > lookEvery {
			t.Errorf("%+v", s)
		}
		r.b.do(func() { r.b.blind = errRefused })
		at := r.now()
		if s := r.after(10 * time.Minute); s.Looked.After(at) {
			t.Errorf("looked %v, blind since %v", s.Looked, at)
		}
		r.b.do(func() { r.b.blind = nil })
		r.add(2, 0)
		r.b.do(func() { r.b.takes = 9 * time.Minute })
		at = r.now()
		if s := r.after(8 * time.Minute); s.Looked.After(at.Add(2 * lookEvery)) {
			t.Errorf("looked %v, at work since %v", s.Looked, at)
		}
		r.after(2 * time.Minute)
	})
}
