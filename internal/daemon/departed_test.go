package daemon

import (
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// strays returns the records of the ledger that say of a time that nobody knows who had ports.
func (r *rig) strays() (all []ledger.Epoch) {
	for e := range r.d.Ledger().Epochs() {
		if e.Stray && e.PlanSHA256 == ledger.Anything {
			all = append(all, e)
		}
	}
	return all
}

// TestDepartureRecorded has a departure be over: that nobody knows who had ports meanwhile stays so, and only meanwhile. A moment in which nobody could look,
// and nothing had changed, leaves nothing, and nothing does what gives no port to anybody.
func TestDepartureRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		report bool
		play   func(r *rig)
		kept   bool
	}{
		"mended by hand": {true, func(r *rig) { r.swap("changed"); r.after(10 * time.Minute); r.swap() }, true},
		"repaired":       {false, func(r *rig) { r.swap("changed"); r.after(10 * time.Second) }, true},
		"again and again": {false, func(r *rig) {
			for range 10 {
				r.swap("changed")
				r.after(10 * time.Second)
			}
		}, true},
		"the next daemon":      {true, func(r *rig) { r.swap("changed"); r.after(time.Minute); r.restart(func() { r.swap() }) }, true},
		"the next one repairs": {false, func(r *rig) { r.restart(func() { r.swap("changed") }); r.after(10 * time.Second) }, true},
		"the next epoch":       {true, func(r *rig) { r.swap("changed"); r.after(time.Minute); r.add(1, 0); r.swap() }, true},
		"back and over": {true, func(r *rig) {
			r.swap("changed")
			r.after(time.Minute)
			r.step(-time.Minute)
			r.after(time.Minute)
			r.swap()
		}, true},
		"another release comes": {false, func(r *rig) {
			r.swap("changed")
			r.restart(func() { r.swap("changed", "programs of another release") })
			r.after(10 * time.Second)
		}, true},
		"the mark of the plan is gone": {true, func(r *rig) {
			r.b.do(func() { r.b.sha, r.b.broken = "", []string{"unknown: an element is another one"}; r.b.mark++ })
			r.after(time.Minute)
			r.b.do(func() { r.b.sha, r.b.broken = r.plan(1).SHA256(), nil; r.b.mark++ })
		}, true},
		"what is missing gives no port": {true, func(r *rig) { r.swap("route: missing"); r.after(10 * time.Minute); r.swap() }, false},
		"nobody could look": {true, func(r *rig) {
			r.b.do(func() { r.b.blind = errRefused })
			r.after(time.Minute)
			r.b.do(func() { r.b.blind = nil })
		}, false},
		"nobody could compare": {true, func(r *rig) {
			r.b.do(func() { r.b.dumb = errRefused })
			r.after(10 * time.Minute)
			r.b.do(func() { r.b.dumb = nil })
		}, false},
		"the table was emptied": {false, func(r *rig) { r.byHand(0); r.after(10 * time.Second) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			departingIn(t, func(r *rig) {
				r.options.Report = c.report
				r.restart(func() {})
				r.b.do(func() { r.b.exact = true })
				r.after(10 * time.Minute)
				before := r.now().Add(-5 * time.Minute)
				begun := r.now()
				c.play(r)
				ended := r.now()
				s := r.after(20 * time.Minute)
				if !s.Healthy || len(s.Problems) > 0 || !s.Unsure.IsZero() || len(s.Departures) > 0 || (len(r.strays()) > 0) != c.kept {
					t.Errorf("%+v", s)
				}
				want := map[time.Time]bool{before: true, begun: !c.kept, ended.Add(time.Minute): true}
				if c.report {
					want[ended.Add(-time.Second)] = !c.kept
				}
				for at, want := range want {
					if got := r.knownAlone(at); got != want {
						t.Errorf("at %s, from %s until %s, somebody is named alone: %t", stamp(at), stamp(begun), stamp(ended), got)
					}
				}
			})
		})
	}
}

// TestHarmlessDrift is one that gives no port to anybody: answers name who has it all the time.
func TestHarmlessDrift(t *testing.T) {
	for _, exact := range []bool{true, false} {
		departingIn(t, func(r *rig) {
			r.b.do(func() { r.b.exact = exact })
			r.after(10 * time.Minute)
			r.swap("route: missing")
			at := r.now()
			s := r.after(10 * time.Hour)
			if problem(s, "drift") == "" || s.Healthy || !s.Departed.IsZero() || !r.knownAlone(at) || !r.knownAlone(r.now()) {
				t.Errorf("%+v", s)
			}
			r.swap("route: missing", "changed") // what is so since then is not so since the route is away
			s = r.after(10 * time.Minute)
			r.departed(s, at.Add(9*time.Hour), r.now().Add(-9*time.Minute))
			r.swap("route: missing")
			if s = r.after(10 * time.Minute); problem(s, "drift") == "" || !s.Departed.IsZero() || len(r.strays()) != 1 {
				t.Errorf("%+v", s)
			}
			if !r.knownAlone(at.Add(9*time.Hour)) || !r.knownAlone(r.now()) || r.knownAlone(at.Add(10*time.Hour+time.Minute)) {
				t.Error("who had ports is known or not at the wrong time")
			}
		})
	}
}

// TestDepartureBounds is some moments of drift, each repaired at once: nobody is named alone for about as long.
func TestDepartureBounds(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, -10*time.Hour); r.options.VerifyEvery = 5 * time.Minute }, func(r *rig) {
		r.b.do(func() { r.b.exact = true })
		r.after(10 * time.Minute)
		for range 3 {
			r.swap("changed")
			if s := r.after(3 * time.Minute); !s.Unsure.IsZero() || !s.Departed.IsZero() || !r.knownAlone(r.now()) {
				t.Errorf("it is over since three minutes: %+v", s)
			}
		}
		r.after(20 * time.Minute)
		n := 0
		for at := r.now().Add(-40 * time.Minute); at.Before(r.now()); at = at.Add(time.Second) {
			if !r.knownAlone(at) {
				n++
			}
		}
		if n < 3 || n > 3*5 || len(r.strays()) != 3 {
			t.Errorf("nobody is named alone for %d s, %v", n, r.strays())
		}
		r.end()
	})
}

// TestDepartureByTheClock has the clock be set while the kernel departs, or soon behind that: for no time that it said meanwhile somebody is named alone.
func TestDepartureByTheClock(t *testing.T) {
	for name, play := range map[string]func(r *rig) (asked time.Time){
		"back, and over before it says that again": func(r *rig) time.Time {
			r.swap("changed")
			asked := r.after(20 * time.Minute).Taken
			r.after(10 * time.Minute)
			r.step(-20 * time.Minute)
			r.after(2 * time.Minute)
			return asked
		},
		"back while it was not noticed": func(r *rig) time.Time {
			r.b.do(func() { r.b.exact, r.b.broken = false, []string{"changed"} })
			asked := r.after(time.Minute).Taken
			r.step(-20 * time.Minute)
			r.after(5 * time.Minute)
			return asked
		},
		"forward before, and set right soon behind": func(r *rig) time.Time {
			r.step(10 * time.Minute)
			r.after(time.Minute)
			r.swap("changed")
			asked := r.after(time.Minute).Taken
			r.after(time.Minute)
			r.swap()
			r.after(time.Minute)
			r.step(-10 * time.Minute)
			return asked
		},
		"the clock that was right": func(r *rig) time.Time {
			r.step(10 * time.Minute)
			r.after(time.Minute)
			r.swap("changed")
			asked := r.after(time.Minute).Taken.Add(-10 * time.Minute)
			r.after(time.Minute)
			r.swap()
			r.after(time.Minute)
			r.step(-10 * time.Minute)
			return asked
		},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				departingIn(t, func(r *rig) {
					r.b.do(func() { r.b.exact = true })
					r.after(20 * time.Minute)
					asked := play(r)
					if restart {
						r.restart(func() {})
						r.after(time.Minute)
					}
					r.swap()
					for range 40 {
						if r.after(time.Minute); r.knownAlone(asked) {
							t.Fatalf("at %s somebody is named alone at %s: %+v", stamp(r.now()), stamp(asked), r.strays())
						}
					}
					if s := r.d.Snapshot(); !s.Healthy || len(s.Departures) > 0 || len(r.strays()) == 0 {
						t.Errorf("%+v", s)
					}
				})
			})
		}
	}
}

// TestDepartureWhileRefused has a moment of drift be repaired while an epoch is refused for long: that is doubtful for a moment, and not for as long as that.
func TestDepartureWhileRefused(t *testing.T) {
	for _, restart := range []bool{false, true} {
		inBubble(t, "l.jsonl", func(r *rig) { r.add(1, -10*time.Hour); r.options.VerifyEvery = 5 * time.Minute }, func(r *rig) {
			r.b.do(func() { r.b.exact = true })
			r.after(10 * time.Minute)
			r.b.do(func() { r.b.refused = r.plan(2).SHA256() })
			r.add(2, time.Minute)
			r.after(5 * time.Minute)
			if restart {
				r.restart(func() {})
				r.after(time.Minute)
			}
			at := r.now()
			r.swap("changed")
			r.after(2 * time.Hour)
			for when, want := range map[time.Time]bool{at: true, at.Add(-time.Minute): false, at.Add(time.Minute): false} {
				if _, gap := r.d.Ledger().Between(when, when); gap != want || len(r.strays()) != 1 {
					t.Errorf("restart %t: at %s, of %s, what is not known is possible: %t; %v", restart, stamp(when), stamp(at), gap, r.strays())
				}
			}
			r.end()
		})
	}
}
