package daemon

import (
	"net/netip"
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

// knownAlone reports whether the files alone name somebody, and nobody else, at an instant.
func (r *rig) knownAlone(at time.Time) bool {
	r.Helper()
	led, err := ledger.Open(r.path)
	if err == nil {
		defer led.Close()
		err = led.Heed(r.now())
	}
	if err != nil {
		r.Fatal(err)
	}
	a, err := led.Trace(ledger.Question{From: at, To: at, Outside: netip.MustParseAddr("198.18.1.1"), Port: ledger.PortOf(5000)})
	return err == nil && a.Verdict == ledger.One
}

// swap has somebody change elements of the kernel, or take that back.
func (r *rig) swap(is ...string) { r.b.do(func() { r.b.broken, r.b.mark = is, r.b.mark+1 }) }

// departingIn is inBubble with a ledger of one epoch, where what departs is only reported.
func departingIn(t *testing.T, test func(*rig)) {
	t.Helper()
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, -10*time.Hour)
		r.options.Report, r.options.VerifyEvery = true, 5*time.Minute
	}, func(r *rig) {
		test(r)
		r.end()
	})
}

// known returns when the kernel was known last to be right: when it was looked at, or compared, where not all shows.
func (r *rig) known(s *Snapshot) time.Time {
	if r.b.exact {
		return r.now().Add(-2 * time.Second)
	}
	return s.Verify.At.Add(-time.Second)
}

// TestDeparture has somebody change the kernel under its plan: from when it was known last to be right it may depart, also for a daemon that begins while
// that lasts, and by a clock that was set.
func TestDeparture(t *testing.T) {
	for _, exact := range []bool{true, false} {
		departingIn(t, func(r *rig) {
			r.b.do(func() { r.b.exact = exact })
			s := r.after(2 * time.Minute)
			if !s.Departed.IsZero() {
				t.Errorf("nothing departs, and it does since %v", s.Departed)
			}
			known := r.known(s)
			r.swap("subscriber 100.64.0.9: changed")
			changed := r.now()
			s = r.after(time.Minute)
			r.departed(s, known, changed)
			r.restart(func() { time.Sleep(time.Minute) })
			s = r.after(time.Minute)
			r.departed(s, known, changed)
			r.step(-time.Hour)
			s = r.after(time.Minute)
			r.departed(s, known.Add(-time.Hour), changed.Add(-time.Hour))
			r.step(time.Hour)
			r.swap()
			if s = r.after(time.Minute); !s.Departed.IsZero() {
				t.Errorf("it departs still: %v", s.Problems)
			}
		})
	}
}

// TestDepartureWhileDown has it happen while no daemon runs: it may be so since the one before knew that it was not.
func TestDepartureWhileDown(t *testing.T) {
	for _, exact := range []bool{true, false} {
		departingIn(t, func(r *rig) {
			r.b.do(func() { r.b.exact = exact })
			known, end := r.known(r.after(7*time.Minute)), r.now()
			r.restart(func() {
				time.Sleep(10 * time.Minute)
				r.swap("subscriber 100.64.0.9: changed")
				time.Sleep(10 * time.Minute)
			})
			r.departed(r.after(time.Minute), known, end)
		})
	}
}

// TestDepartureUnderTheMark has it be such that only a comparison finds it: it may be so since the one before, whoever made that, and whatever else changes.
func TestDepartureUnderTheMark(t *testing.T) {
	for name, then := range map[string]func(r *rig){
		"found in its turn":      func(r *rig) { r.after(6 * time.Minute) },
		"something else changes": func(r *rig) { r.after(2 * time.Minute); r.b.do(func() { r.b.mark++ }); r.after(time.Minute) },
		"found by the next one":  func(r *rig) { r.after(3 * time.Minute); r.restart(func() {}); r.after(time.Minute) },
		"by the one after that": func(r *rig) {
			r.after(3 * time.Minute)
			r.restart(func() {})
			r.restart(func() {})
			r.after(time.Minute)
		},
		"the next one fails": func(r *rig) {
			r.after(3*time.Minute + 59500*time.Millisecond)
			r.b.do(func() { r.b.blind = errRefused })
			r.after(2 * time.Second)
			r.b.do(func() { r.b.blind = nil })
			r.after(7 * time.Minute)
		},
		"it cannot be compared now": func(r *rig) { r.b.do(func() { r.b.blind = errRefused }); r.after(time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			departingIn(t, func(r *rig) {
				compared := r.after(6 * time.Minute).Verify.At
				r.b.do(func() { r.b.broken = []string{"subscriber 100.64.0.9: changed"} })
				then(r)
				r.departed(r.d.Snapshot(), compared.Add(-time.Minute), compared) // it is noted each minute
			})
		})
	}
}

// TestDepartureAndClock sets the clock while the kernel departs: what it has said since that began stays in doubt, by the daemon and by the files alone.
func TestDepartureAndClock(t *testing.T) {
	const hour = time.Hour
	for name, steps := range map[string][]time.Duration{
		"forward": {hour}, "back": {-hour}, "forward and back": {hour, -hour}, "back and forward": {-hour, hour}, "further and further": {hour, hour, hour},
		"further and further back": {-hour, -hour, -hour}, "in pieces": {1900 * time.Millisecond, 1900 * time.Millisecond, -1900 * time.Millisecond, -1900 * time.Millisecond},
	} {
		for _, down := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				departingIn(t, func(r *rig) {
					r.after(2 * time.Minute)
					r.swap("subscriber 100.64.0.9: changed")
					said := []time.Time{r.now()}
					r.after(30 * time.Minute)
					for _, by := range steps {
						said = append(said, r.now().Add(-10*time.Minute), r.now())
						if down {
							r.restart(func() {
								time.Sleep(time.Minute)
								r.step(by)
								time.Sleep(time.Minute)
								if said = append(said, r.now()); by < -time.Minute && r.knownAlone(r.now()) {
									t.Errorf("the clock says %s, and the files alone name somebody", stamp(r.now()))
								}
							})
						} else {
							r.step(by)
							said = append(said, r.now())
						}
						s := r.after(20 * time.Minute)
						for _, at := range said {
							if s.Departed.After(at) || r.knownAlone(at) && !at.After(r.now()) {
								t.Errorf("at %s somebody is named alone: daemon %t, files %t; it departs since %s", stamp(at), s.Departed.After(at), r.knownAlone(at), stamp(s.Departed))
							}
						}
						r.departed(s, r.now().Add(-10*hour), r.now())
					}
				})
			})
		}
	}
}

// TestDepartureInherited has a daemon begin while the kernel departs, and not come to compare it: what the one before noted stands.
func TestDepartureInherited(t *testing.T) {
	for name, c := range map[string]struct {
		before func(r *rig)
		after  func(r *rig)
	}{
		"the next epoch is refused": {func(r *rig) { r.b.do(func() { r.b.refused = r.plan(2).SHA256() }); r.add(2, time.Minute) }, nil},
		"nobody can look":           {func(r *rig) { r.b.do(func() { r.b.blind = errRefused }) }, nil},
		"nobody could look":         {func(r *rig) { r.b.do(func() { r.b.blind = errRefused }) }, func(r *rig) { r.b.do(func() { r.b.blind = nil }) }},
	} {
		t.Run(name, func(t *testing.T) {
			departingIn(t, func(r *rig) {
				compared := r.after(2 * time.Minute).Verify.At
				r.swap("subscriber 100.64.0.9: changed")
				changed := r.now()
				r.after(30 * time.Minute)
				c.before(r)
				r.after(10 * time.Minute)
				for range 2 {
					r.restart(func() {})
					for i := range 100 {
						s := r.after(time.Second)
						if s.Ready || i > 10 {
							r.departed(s, compared.Add(-time.Second), changed)
						}
						if i == 50 && c.after != nil {
							c.after(r)
						}
						if t.Failed() {
							t.Fatal(i, s.Problems)
						}
					}
				}
				r.b.do(func() { r.b.refused, r.b.blind = "", nil })
				r.swap()
				if s := r.after(2 * time.Minute); !s.Departed.IsZero() || problem(s, "drift") != "" {
					t.Errorf("it departs still since %s: %v", stamp(s.Departed), s.Problems)
				}
			})
		})
	}
}
