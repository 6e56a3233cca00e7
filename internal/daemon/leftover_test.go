package daemon

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// possibleNow returns which plans an answer about now has; 0 = any.
func (r *rig) possibleNow() []int {
	r.Helper()
	s, led := r.d.Asked()
	return r.plansAt(led, ledger.Question{From: r.now(), To: r.now(), Unsure: s.Unsure, Had: s.Had})
}

// TestLeftover has somebody give the kernel another plan for some seconds and take it back, and connections of these seconds go on: as long as they do, it is
// possible by name, whatever the kernel says of itself, and when they are gone, or forgotten, it is over, and recorded.
func TestLeftover(t *testing.T) {
	for name, c := range map[string]struct {
		report bool
		around func(r *rig, byHand func()) // who does what, before and behind the plan by hand
		ends   bool                        // the daemon forgets them
	}{
		"reported": {report: true, around: func(_ *rig, byHand func()) { byHand() }},
		"nobody sees it go": {report: true, around: func(r *rig, byHand func()) {
			byHand()
			r.b.do(func() { r.b.blind = errRefused })
			r.after(5 * time.Second)
			r.b.do(func() { r.b.blind = nil })
		}},
		"while the ledger is away": {ends: true, around: func(r *rig, byHand func()) {
			back := moveAway(r.T, r.path)
			r.after(20 * time.Second)
			byHand()
			r.after(20 * time.Second)
			if err := back(); err != nil {
				r.Fatal(err)
			}
		}},
		"while the kernel refuses": {ends: true, around: func(r *rig, byHand func()) {
			r.b.do(func() { r.b.refuse = errRefused })
			byHand()
			r.after(20 * time.Second)
			if got := r.possibleNow(); !slices.Contains(got, 2) {
				r.Errorf("refused: plans %v are possible", got)
			}
			r.b.do(func() { r.b.refuse = nil })
		}},
		"restarted meanwhile": {report: true, ends: true, around: func(r *rig, byHand func()) {
			byHand()
			r.after(20 * time.Second)
			r.end()
			r.restart(func() {})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, "l.jsonl", func(r *rig) {
				r.add(2, 0)
				r.add(1, time.Minute)
				r.options.Report = c.report
			}, func(r *rig) {
				r.after(10 * time.Minute)
				var at time.Time
				c.around(r, func() {
					r.byHand(2)
					at = r.now().Add(time.Second)
					r.after(3 * time.Second)
					r.b.do(func() { r.b.left = 7 })
					r.byHand(1)
					r.after(100 * time.Millisecond)
				})
				for range 60 {
					if s := r.after(time.Minute); !c.ends && (s.Healthy || problem(s, "drift") == "" || s.InForce != r.plan(1).SHA256()) {
						r.Fatalf("%+v", s)
					}
					if got := r.possibleNow(); !c.ends && !slices.Equal(got, []int{1, 2}) {
						r.Fatalf("plans %v are possible", got)
					}
				}
				if c.ends && r.seen().left != 0 {
					r.Errorf("%d connections go on", r.seen().left)
				}
				gone := r.now()
				r.b.do(func() { r.b.left = 0 })
				s := r.after(2 * time.Minute)
				r.unknownNow(s, gone)
				for n, when := range map[int]time.Time{2: at, 1: r.now()} {
					s, led := r.d.Asked()
					if got := r.plansAt(led, ledger.Question{From: when, To: when, Unsure: s.Unsure, Had: s.Had}); len(got) != n {
						r.Errorf("at %v plans %v are possible", when, got)
					}
				}
				r.end()
			})
		})
	}
}

// unknownNow fails the test unless all is well again.
func (r *rig) unknownNow(s *Snapshot, since time.Time) {
	r.Helper()
	if !s.Healthy && problem(s, "late") == "" || problem(s, "drift") != "" || !s.Unsure.IsZero() && s.Unsure.Before(since) {
		r.Errorf("%+v", s)
	}
}

// TestLeftoverDrift has somebody exchange elements of the plan that the kernel has, and put them back; connections of that time go on for an hour, which is
// drift for as long, with a ledger and with a plan file. That they cannot be counted is a problem, too.
func TestLeftoverDrift(t *testing.T) {
	for _, name := range []string{"l.jsonl", "p.yaml"} {
		inBubble(t, name, func(r *rig) {
			if r.options.Report = true; name == "p.yaml" {
				r.writePlan(1)
			} else {
				r.add(1, 0)
			}
		}, func(r *rig) {
			r.after(10 * time.Minute)
			r.b.do(func() { r.b.broken, r.b.mark = []string{"two are exchanged"}, r.b.mark+1 })
			if s := r.after(5 * time.Second); problem(s, "drift") == "" {
				r.Errorf("%+v", s)
			}
			r.b.do(func() { r.b.broken, r.b.mark, r.b.left = nil, r.b.mark+1, 2 })
			looks := r.seen().counted
			for range 60 {
				if s := r.after(time.Minute); problem(s, "drift") == "" || s.Verify.Differences != 0 || s.Healthy {
					r.Fatalf("%+v", s)
				}
			}
			if n := r.seen().counted - looks; n < 60 || n > 60*6+6 {
				r.Errorf("they were counted %d times in an hour", n)
			}
			r.b.do(func() { r.b.uncounted = errRefused })
			if s := r.after(time.Minute); problem(s, "verify") == "" || s.Healthy {
				r.Errorf("%+v", s)
			}
			r.b.do(func() { r.b.uncounted, r.b.left = nil, 0 })
			if s := r.after(time.Minute); !s.Healthy || (problem(s, "late") == "") == (name == "l.jsonl") || !s.Departed.IsZero() { // it is recorded
				r.Errorf("%+v", s)
			}
			if s := r.after(lateFor); !s.Healthy || len(s.Problems) > 0 {
				r.Errorf("%+v", s)
			}
			looks = r.seen().counted
			if r.after(time.Hour); r.seen().counted != looks {
				r.Errorf("they are counted without a reason")
			}
			r.end()
		})
	}
}

// TestLeftoverAfterApply has an epoch come into force and what comes behind fail: until that was done, connections by the plan before may go on, and it is
// possible, and no longer.
func TestLeftoverAfterApply(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.add(2, 10*time.Minute)
	}, func(r *rig) {
		r.after(9 * time.Minute)
		r.b.do(func() { r.b.after = errors.New("flows cannot be deleted") })
		r.after(2 * time.Minute)
		for range 10 {
			if s := r.after(time.Minute); problem(s, "apply") == "" || s.InForce != r.plan(2).SHA256() {
				r.Fatalf("%+v", s)
			}
			if got := r.possibleNow(); !slices.Equal(got, []int{1, 2}) {
				r.Fatalf("plans %v are possible", got)
			}
		}
		meanwhile := r.now()
		r.b.do(func() { r.b.after = nil })
		r.unknownNow(r.after(5*time.Minute), meanwhile.Add(2*time.Minute))
		if got := r.possibleNow(); !slices.Equal(got, []int{2}) {
			r.Errorf("plans %v are possible", got)
		}
		led, err := ledger.Open(r.path)
		if err != nil {
			r.Fatal(err)
		}
		defer led.Close()
		if got := r.plansAt(led, ledger.Question{From: meanwhile, To: meanwhile}); !slices.Equal(got, []int{1, 2}) {
			r.Errorf("plans %v were possible", got)
		}
		r.end()
	})
}

// TestNotedAtOnce has somebody record a plan for later, and give it to the kernel by hand a moment later: it is noted as soon as the ledger is read, for a
// daemon that is killed then.
func TestNotedAtOnce(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, -time.Hour); r.options.Report = true }, func(r *rig) {
		r.after(70500 * time.Millisecond)
		looks := r.seen().looks
		for r.seen().looks == looks {
			r.after(10 * time.Millisecond)
		}
		r.after(900 * time.Millisecond) // just before the next look
		r.add(2, time.Hour)
		r.byHand(2)
		r.after(300 * time.Millisecond)
		m, err := ledger.RecallBeside(r.path)
		if err != nil || !slices.Contains(m.Had, r.plan(2).SHA256()) {
			r.Errorf("%v, %+v", err, m)
		}
		r.end()
	})
}

// TestLeftoverOfSeveral has two plans by hand come one after the other while applies are refused: what an apply replaces in the end is the second one only, so that
// connections of the first are looked for, and both plans stay possible until that is done.
func TestLeftoverOfSeveral(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(2, 0)
		r.add(3, 0)
		r.add(1, time.Minute)
	}, func(r *rig) {
		r.after(10 * time.Minute)
		r.b.do(func() { r.b.refuse = errRefused })
		r.byHand(2)
		r.after(10 * time.Second)
		r.byHand(3)
		r.after(10 * time.Second)
		r.b.do(func() { r.b.refuse, r.b.uncounted = nil, errRefused })
		r.has(r.after(2*time.Minute), 1)
		if got := r.possibleNow(); !slices.Equal(got, []int{1, 2, 3}) {
			t.Errorf("whether connections go on cannot be looked at, and possible are plans %v", got)
		}
		r.b.do(func() { r.b.uncounted = nil })
		r.after(10 * time.Minute)
		if got := r.possibleNow(); !slices.Equal(got, []int{1}) {
			t.Errorf("possible are plans %v", got)
		}
		r.end()
	})
}
