package daemon

import (
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// byHand gives the kernel a plan, as somebody would who says nothing to the ledger; 0 = none.
func (r *rig) byHand(n int) {
	r.b.do(func() {
		r.b.mark++
		if r.b.sha = ""; n > 0 {
			r.b.sha = r.plan(n).SHA256()
		}
	})
}

// unknown fails the test unless an instant is one at which the kernel may have had a plan that the ledger does not know, or is not.
func (r *rig) unknown(at time.Time, want bool) {
	r.Helper()
	if _, gap := r.d.Ledger().Between(at, at); gap != want {
		r.Errorf("at %s a plan that the ledger does not know is possible: %t", stamp(at), gap)
	}
}

// TestByHand has somebody give the kernel another plan for a while, one that the ledger knows and one that it does not: that is in the ledger for just
// this while, whoever ends it and however.
func TestByHand(t *testing.T) {
	for name, play := range map[string]func(r *rig, n int){
		"repaired": func(r *rig, n int) { r.byHand(n); r.after(10 * time.Second) },
		"put back": func(r *rig, n int) {
			r.options.Report = true
			r.again(func() {})
			r.after(time.Minute)
			r.byHand(n)
			r.after(30 * time.Second)
			r.byHand(2)
		},
		"then nothing, then put back": func(r *rig, n int) {
			r.options.Report = true
			r.again(func() {})
			r.after(time.Minute)
			r.byHand(n)
			r.after(10 * time.Second)
			r.byHand(0)
			r.after(10 * time.Second)
			r.byHand(2)
		},
		"refused, then repaired": func(r *rig, n int) {
			r.b.do(func() { r.b.refuse = errRefused })
			r.byHand(n)
			r.after(20 * time.Second)
			r.b.do(func() { r.b.refuse = nil })
		},
		"down": func(r *rig, n int) { r.again(func() { r.byHand(n); time.Sleep(30 * time.Second) }) },
		"killed while it lasts": func(r *rig, n int) {
			r.b.do(func() { r.b.refuse = errRefused })
			r.byHand(n)
			r.after(10 * time.Second)
			r.again(func() { r.b.do(func() { r.b.refuse = nil }) })
		},
		"killed while it lasts, then a boot": func(r *rig, n int) {
			r.b.do(func() { r.b.refuse = errRefused })
			r.byHand(n)
			r.after(10 * time.Second)
			r.again(func() { r.byHand(0); r.b.do(func() { r.b.refuse = nil }) })
		},
	} {
		for _, n := range []int{1, 9} {
			t.Run(name, func(t *testing.T) {
				inBubble(t, "l.jsonl", func(r *rig) {
					r.add(1, 0)
					r.add(2, time.Minute)
				}, func(r *rig) {
					begun := r.now()
					r.after(time.Hour)
					at := r.now().Add(5 * time.Second)
					r.d.Reload()
					play(r, n)
					if d := at.Sub(r.now()); d > 0 {
						r.after(d)
					}
					s := r.after(2 * time.Minute)
					if r.has(s, 2); !s.Healthy || !s.Unsure.IsZero() || len(s.Had) > 0 {
						t.Errorf("%+v", s)
					}
					// Somewhere in the time of the play the other plan is possible, and nowhere else.
					seen, first, last := 0, time.Time{}, time.Time{}
					for at := begun; at.Before(r.now()); at = at.Add(time.Second) {
						epochs, gap := r.d.Ledger().Between(at, at)
						two := len(epochs) > 1 && at.After(begun.Add(2*time.Minute))
						if two != (n == 1) && two || gap && n == 1 {
							t.Fatalf("at %s: %v, %t", stamp(at), epochs, gap)
						}
						if two || gap {
							if last = at; seen == 0 {
								first = at
							}
							seen++
						}
					}
					if seen == 0 || first.Before(begun.Add(time.Hour-seenEvery)) || last.After(r.now().Add(-time.Minute)) {
						t.Errorf("for %d s, from %s to %s", seen, stamp(first), stamp(last))
					}
					r.alone(true)
					r.possible(begun.Add(30*time.Second), 1)
					r.possible(begun.Add(10*time.Minute), 2)
					r.possible(r.now(), 2)
					records := s.Records
					r.again(func() {})
					if s = r.after(10 * time.Minute); s.Records != records { // once is enough
						t.Errorf("%d records, and there were %d", s.Records, records)
					}
					if _, _, err := ledger.Verify(r.path); err != nil {
						t.Error(err)
					}
					r.end()
				})
			})
		}
	}
}

// TestByHandAcross has somebody give the kernel another plan just before an epoch begins: it and what was before are possible until the kernel has what it
// is to have.
func TestByHandAcross(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.add(2, time.Minute)
		r.add(3, time.Hour)
	}, func(r *rig) {
		instant := r.now().Add(time.Hour)
		r.after(time.Hour - 20*time.Second)
		r.b.do(func() { r.b.refuse = errRefused })
		r.byHand(1)
		r.after(40 * time.Second)
		r.b.do(func() { r.b.refuse = nil })
		s := r.after(3 * time.Minute)
		if r.has(s, 3); !s.Healthy || !s.Unsure.IsZero() {
			t.Errorf("%+v", s)
		}
		r.possible(instant.Add(-time.Minute), 2)
		r.possible(instant.Add(-10*time.Second), 1, 2)
		r.possible(instant.Add(10*time.Second), 1, 2, 3)
		r.possible(r.now(), 3)
	})
}

// TestByHandAgainAndAgain has somebody fight the daemon for an hour: the ledger does not grow by every blow.
func TestByHandAgainAndAgain(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(time.Minute)
		begun := r.now()
		for range 3600 {
			r.after(time.Second)
			r.b.do(func() { r.b.sha, r.b.mark = "somebody's\x1b[31m\n"+strings.Repeat("x", 100), r.b.mark+1 })
		}
		s := r.after(10 * time.Minute)
		r.has(s, 1)
		if s.Records > 40 || !s.Unsure.IsZero() {
			t.Errorf("%d records, unsure since %v, %q, %v\n%.3000s", s.Records, s.Unsure, s.Had, s.Problems, r.logged()[len(r.logged())-3000:])
		}
		for m := range 59 {
			r.unknown(begun.Add(time.Duration(m)*time.Minute+30*time.Second), true)
		}
		r.unknown(begun.Add(-30*time.Second), false)
		r.unknown(r.now(), false)
		if strings.ContainsAny(r.logged(), "\x1b") {
			t.Error("control characters are logged")
		}
	})
}

// TestUnknownFromTheStart starts over a kernel with a plan that the ledger does not know, and remembers nothing: who had ports since the epoch began is not
// known.
func TestUnknownFromTheStart(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.byHand(9)
		time.Sleep(time.Minute)
	}, func(r *rig) {
		begun := r.now().Add(-time.Minute)
		s := r.after(time.Minute)
		if r.has(s, 1); !s.Healthy || !s.Unsure.IsZero() {
			t.Errorf("%+v", s)
		}
		r.unknown(begun.Add(30*time.Second), true)
		r.unknown(r.now(), false)
		r.possible(r.now(), 1)
	})
}

// TestRecordedWhileRepaired has an epoch be recorded while a plan by hand is repaired: until the kernel has it, what the repair put back is possible.
func TestRecordedWhileRepaired(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(10 * time.Minute)
		r.b.do(func() { r.b.takes = 2 * time.Second })
		r.byHand(3)
		r.after(1500 * time.Millisecond)
		r.add(2, 0)
		for r.seen().sha == r.plan(3).SHA256() {
			r.after(10 * time.Millisecond)
		}
		repaired := r.now()
		r.after(40 * time.Minute)
		r.add(3, time.Hour) // from now on it is known what came by hand
		r.after(time.Minute)
		r.possible(repaired.Add(20*time.Millisecond), 1, 2, 3) // both times are noted as one
		r.possible(repaired.Add(1500*time.Millisecond), 1, 2, 3)
		r.possible(r.now(), 2)
		r.end()
	})
}

// TestManyByHand has somebody give the kernel more plans, one after the other, than are told apart: it may have had whichever then, now and in the ledger.
func TestManyByHand(t *testing.T) {
	const plans = maxHad + 4
	inBubble(t, "l.jsonl", func(r *rig) {
		for n := plans; n >= 1; n-- {
			r.add(n, time.Duration(plans+1-n)*time.Second)
		}
		r.options.Report = true
	}, func(r *rig) {
		r.after(10 * time.Minute)
		r.has(r.d.Snapshot(), 1)
		var at time.Time
		for n := 2; n <= plans; n++ {
			r.byHand(n)
			r.after(5 * time.Second)
			at = r.now().Add(-2 * time.Second)
		}
		if s, _ := r.d.Asked(); len(s.Had) != maxHad || s.Had[maxHad-1] != ledger.Anything {
			t.Errorf("the kernel had %q", s.Had)
		}
		r.byHand(1)
		r.after(10 * time.Minute)
		r.unknown(at, true)
		r.unknown(r.now(), false)
		r.end()
	})
}
