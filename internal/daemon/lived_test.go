package daemon

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/internal/testseed"
)

// includes fails the test unless a plan is possible at an instant, or it is not known who had ports then.
func (r *rig) includes(at time.Time, n int) {
	r.Helper()
	epochs, gap := r.d.Ledger().Between(at, at)
	if !gap && !slices.ContainsFunc(epochs, func(e ledger.Epoch) bool { return e.PlanSHA256 == r.plan(n).SHA256() }) {
		r.Errorf("at %s plan %d is not possible: %+v\n%s", stamp(at), n, epochs, r.logged())
	}
}

// TestManyTwice has plans come by hand one after the other before and after the clock is set back, and the daemon begin once more by a clock that was
// set back over the last one. Nothing is missing at any of these times, and in the end nothing is in doubt.
func TestManyTwice(t *testing.T) {
	for _, many := range []int{5, 20, ledger.MaxLived} {
		t.Run(fmt.Sprint(many), func(t *testing.T) {
			inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
				had := map[time.Time]int{}
				byHand := func() {
					n := 2 + len(had)%4
					r.byHand(n)
					r.after(time.Second)
					had[r.now()] = n
					r.after(9 * time.Second)
				}
				r.after(time.Minute)
				for range many / 2 {
					byHand()
				}
				r.step(-time.Duration(many) * 5 * time.Second)
				r.after(2 * time.Second)
				for range many/2 + 1 {
					byHand()
				}
				r.restart(func() { r.step(-2 * time.Minute) })
				s := r.after(time.Hour)
				if !s.Unsure.IsZero() || !s.Healthy {
					t.Errorf("%+v", s)
				}
				for at, n := range had {
					r.includes(at, n)
				}
				r.possible(r.now(), 1)
				r.end()
			})
		})
	}
}

// TestFoundAfterNothing has a kernel get a plan while no daemon runs, that had nothing when one ran, and the clock be set back since: by either clock it
// may have had it.
func TestFoundAfterNothing(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(10 * time.Minute)
		r.b.do(func() { r.b.refuse = errRefused })
		r.byHand(0)
		r.after(2 * time.Minute)
		var had, again time.Time
		r.restart(func() {
			r.add(2, 0)
			r.byHand(2)
			r.add(3, 30*time.Second)
			time.Sleep(2 * time.Minute)
			had = r.now().Add(-time.Second)
			r.step(-time.Minute)
			again = r.now().Add(-time.Second)
			r.b.do(func() { r.b.refuse = nil })
		})
		r.has(r.after(time.Second), 3)
		if s := r.after(40 * time.Minute); !s.Unsure.IsZero() {
			t.Errorf("%+v", s)
		}
		r.includes(had, 2)
		r.includes(again, 2)
		r.possible(r.now(), 3)
		r.end()
	})
}

// TestSeenWhileRecorded has a plan by hand be seen by the look that finds a new record, and be gone by the next one.
func TestSeenWhileRecorded(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(10*time.Minute + lookEvery/2)
		r.add(2, 10*time.Minute)
		r.add(3, 20*time.Minute)
		r.byHand(3)
		had := r.now().Add(lookEvery / 4)
		r.after(lookEvery)
		r.byHand(0)
		if s := r.after(10 * time.Second); !s.Unsure.IsZero() {
			t.Errorf("%+v", s)
		}
		r.possible(had, 1, 3)
		r.possible(r.now(), 1)
		r.end()
	})
}

// TestLivedRoom notes at random what the kernel had, and has the clock be set back at random: what it had within livedFor is never forgotten, and
// always known to come twice where it does.
func TestLivedRoom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(testseed.New(t), 1))
	for range 200 {
		var v lived
		type sighting struct {
			at    time.Time
			plan  string
			twice bool
		}
		var all []sighting
		wall, mono := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Time{}
		for range 3 * ledger.MaxLived {
			if rnd.IntN(20) == 0 {
				by := time.Duration(rnd.IntN(120)) * time.Second
				wall = wall.Add(-by)
				v.cut(wall.Add(by), wall, wall, mono)
				for i := range all {
					all[i].twice = all[i].twice || all[i].at.After(wall)
				}
			}
			s := sighting{at: wall, plan: fmt.Sprintf("%064x", 1+rnd.IntN(5))}
			v.see(s.plan, wall)
			all = append(all, s)
			wall = wall.Add(time.Duration(rnd.IntN(10)+1) * time.Second)
		}
		if len(v.spans) > ledger.MaxLived {
			t.Fatalf("%d spans", len(v.spans))
		}
		for _, s := range all {
			if wall.Sub(s.at) < livedFor && !slices.ContainsFunc(v.spans, func(p span) bool {
				return !p.From.After(s.at) && !p.To.Before(s.at) && (p.PlanSHA256 == s.plan || p.PlanSHA256 == ledger.Anything) && (p.Twice || !s.twice)
			}) {
				t.Fatalf("%+v is missing in %+v", s, v.spans)
			}
		}
	}
}
