package daemon

import (
	"cmp"
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// compared lets time go by until the kernel was just compared.
func (r *rig) compared() {
	r.Helper()
	for n := r.seen().compare; r.seen().compare == n; {
		r.after(100 * time.Millisecond)
	}
}

// TestTakenAway has somebody change elements right behind a comparison, which may take long and may not show in the mark, and an apply take that away: who had ports
// meanwhile is not known afterwards, whatever was refused before, unless a planned epoch had to wait for a comparison.
func TestTakenAway(t *testing.T) {
	type timing struct{ slow, ahead time.Duration }
	quick, slow, million := timing{0, 10 * time.Second}, timing{200 * time.Millisecond, 10 * time.Second}, timing{4 * time.Second, 10 * time.Second}
	edit := func(r *rig) {
		r.b.do(func() {
			if r.b.broken = append(r.b.broken, "slot of 198.18.1.1: changed"); r.b.exact {
				r.b.mark++
			}
		})
	}
	change := func(r *rig) {
		r.compared()
		r.after(time.Second)
		edit(r)
	}
	refused := func(r *rig, long time.Duration) {
		r.b.do(func() { r.b.refuse = errRefused })
		r.swap("route: missing")
		r.after(long)
	}
	recorded := func(changed, before time.Duration) func(r *rig) { // so long before the record, which is so long before the epoch
		return func(r *rig) {
			change(r)
			r.after(changed)
			r.add(2, before)
			r.after(before)
		}
	}
	for name, c := range map[string]struct {
		timings []timing
		play    func(r *rig)
	}{
		"an epoch, long after a repair was refused": {[]timing{quick, slow, million}, func(r *rig) {
			refused(r, 10*time.Minute)
			r.b.do(func() { r.b.refuse = nil; r.b.links++ })
			r.after(2 * time.Hour)
			change(r)
			r.after(5 * time.Second)
			r.add(2, 0)
		}},
		"a repair that is refused until a link is back": {[]timing{quick, slow, million}, func(r *rig) {
			refused(r, time.Hour)
			change(r)
			r.after(15 * time.Second)
			r.b.do(func() { r.b.refuse = nil; r.b.links++; r.b.mark++ })
		}},
		"files, while a repair is refused": {[]timing{quick, slow, million}, func(r *rig) {
			refused(r, time.Hour)
			change(r)
			r.after(5 * time.Second)
			r.b.do(func() { r.b.refuse, r.b.changed = nil, true })
			r.d.Reload()
		}},
		"an epoch that is planned 5 s ahead":  {[]timing{quick}, recorded(4*time.Minute, 5*time.Second)},
		"an epoch that is planned 9 s ahead":  {[]timing{quick, slow}, recorded(4*time.Minute, 9*time.Second)},
		"an epoch that is planned 20 s ahead": {[]timing{quick, slow, million, {4 * time.Second, 2 * time.Second}}, recorded(4*time.Minute, 20*time.Second)},
		"an epoch that is planned a while ahead": {[]timing{quick, slow, million, {4 * time.Second, time.Minute}}, func(r *rig) {
			r.compared()
			r.add(2, 10*time.Minute)
			r.after(8 * time.Minute)
			edit(r)
			r.after(2 * time.Minute)
		}},
		"an epoch that is planned 50 s ahead": {[]timing{{4 * time.Second, time.Minute}}, recorded(30*time.Minute, 50*time.Second)},
	} {
		for _, at := range c.timings {
			for _, exact := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%v, exact %t", name, at, exact), func(t *testing.T) {
					inBubble(t, "l.jsonl", func(r *rig) {
						r.add(1, -10*time.Hour)
						r.options.VerifyEvery = 5 * time.Minute
						r.b.slow, r.b.ahead, r.b.exact = at.slow, at.ahead, exact
					}, func(r *rig) {
						r.after(time.Hour)
						c.play(r)
						s := r.after(20 * time.Minute)
						if len(r.seen().broken) > 0 || !s.Healthy || len(s.Departures) > 0 || len(r.strays()) != 1 {
							t.Errorf("%v %v %+v", r.strays(), r.seen().broken, s)
						}
						r.end()
					})
				})
			}
		}
	}
}

// TestRefusedForHours has something be refused for hours, with comparisons of seconds: they take at most a hundredth of the time, also where links come and go.
func TestRefusedForHours(t *testing.T) {
	repair := func(r *rig) { r.swap("route: missing") }
	for name, c := range map[string]struct {
		report bool
		play   func(r *rig)
		every  time.Duration // a link comes or goes
	}{
		"a repair":                            {false, repair, 0},
		"a repair while links flap":           {false, repair, 20 * time.Second},
		"an epoch":                            {false, func(r *rig) { r.add(2, 0) }, 0},
		"an epoch while links flap":           {false, func(r *rig) { r.add(2, 0) }, 20 * time.Second},
		"a start":                             {false, func(r *rig) { r.restart(func() { repair(r) }) }, 0},
		"a start while links flap":            {false, func(r *rig) { r.restart(func() { repair(r) }) }, 20 * time.Second},
		"a start, and nothing differs":        {false, func(r *rig) { r.restart(func() {}) }, 0},
		"the same, and it would only be told": {true, func(r *rig) { r.restart(func() {}) }, 0},
		"files while nothing differs":         {true, func(r *rig) { r.b.do(func() { r.b.changed = true }); r.d.Reload() }, 0},
	} {
		for _, exact := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, exact %t", name, exact), func(t *testing.T) {
				inBubble(t, "l.jsonl", func(r *rig) {
					r.add(1, -10*time.Hour)
					r.options.VerifyEvery, r.options.Report = 5*time.Minute, c.report
					r.b.slow, r.b.exact = 4*time.Second, exact
				}, func(r *rig) {
					r.after(time.Hour)
					r.b.do(func() { r.b.refuse = errRefused })
					c.play(r)
					r.after(time.Hour)
					n, tried := r.seen().compare, r.seen().applies
					step := cmp.Or(c.every, time.Minute)
					for end := r.now().Add(3 * time.Hour); r.now().Before(end); {
						if r.after(step); c.every > 0 {
							r.b.do(func() { r.b.links++ })
						}
					}
					n, tried = r.seen().compare-n, r.seen().applies-tried
					if most := 3*60*60/4/retryShare + int(savedUp.Seconds())/4/retryShare + 3*60*60/4/idleShare + 2; n > most || tried < 3*60*60/410 {
						t.Errorf("%d comparisons, and %d are the most, and %d attempts", n, most, tried)
					}
					r.end()
				})
			})
		}
	}
}

// TestToldWhileWaiting has the preparation of an epoch find what somebody has changed: nobody is named alone while it waits for the instant, and what it found is repaired
// where the epoch is called off.
func TestToldWhileWaiting(t *testing.T) {
	for _, off := range []bool{false, true} {
		for _, exact := range []bool{true, false} {
			inBubble(t, "l.jsonl", func(r *rig) {
				r.add(1, -10*time.Hour)
				r.options.VerifyEvery = 5 * time.Hour
				r.b.slow, r.b.ahead, r.b.exact = time.Second, time.Minute, exact
			}, func(r *rig) {
				r.after(time.Hour)
				r.b.do(func() { r.b.broken = []string{"slot of 198.18.1.1: changed"} })
				if exact {
					r.b.do(func() { r.b.mark++ })
				}
				at := r.now().Add(50 * time.Second)
				r.add(2, 50*time.Second)
				r.after(5 * time.Second)
				for range 9 {
					if s := r.after(4 * time.Second); s.Doing != "prepare" || s.Departed.IsZero() || problem(s, "drift") == "" || s.Drift.Found != 1 {
						t.Errorf("exact %t: %+v", exact, s)
						break
					}
				}
				if off {
					r.add(1, at.Sub(r.now()))
				}
				s := r.after(10 * time.Minute)
				if len(r.seen().broken) > 0 || !s.Healthy || !s.Departed.IsZero() || len(r.strays()) != 1 || s.Drift.Found != 1 {
					t.Errorf("exact %t, called off %t: %+v", exact, off, s)
				}
				r.end()
			})
		}
	}
}

// TestLateByAnother has an attempt begin shortly before a planned epoch, where a comparison takes seconds: the epoch waits for none, and what was applied before it
// is compared behind it.
func TestLateByAnother(t *testing.T) {
	for _, exact := range []bool{true, false} {
		for name, play := range map[string]func(r *rig){
			"files":    func(r *rig) { r.b.do(func() { r.b.changed = true; r.b.mark++ }); r.d.Reload() },
			"an epoch": func(r *rig) { r.b.do(func() { r.b.mark++ }) },
			"a repair": func(r *rig) { r.b.do(func() { r.b.refuse = nil; r.b.links++; r.b.mark++ }) },
		} {
			for _, before := range []time.Duration{time.Second, 2500 * time.Millisecond, 4 * time.Second, 5500 * time.Millisecond, 7 * time.Second} {
				inBubble(t, "l.jsonl", func(r *rig) {
					r.add(1, -10*time.Hour)
					r.options.VerifyEvery = 5 * time.Minute
					r.b.slow, r.b.exact, r.b.ahead = 4*time.Second, exact, 2*time.Second
				}, func(r *rig) {
					r.after(time.Hour)
					if name == "a repair" {
						r.b.do(func() { r.b.refuse = errRefused })
						r.swap("route: missing")
					}
					r.after(time.Minute)
					at := r.now().Add(10 * time.Minute)
					if name == "an epoch" {
						r.add(3, 10*time.Minute-before)
					}
					r.add(2, 10*time.Minute)
					r.after(10*time.Minute - before)
					play(r)
					for r.seen().sha != r.plan(2).SHA256() {
						r.after(50 * time.Millisecond)
					}
					if late := r.now().Sub(at); late > lateAfter {
						t.Errorf("exact %t, %s %v before: late by %v", exact, name, before, late)
					}
					if s := r.after(20 * time.Minute); !s.Healthy || !s.Departed.IsZero() || r.seen().compare == 0 {
						t.Errorf("exact %t, %s %v before: %+v", exact, name, before, s)
					}
					r.end()
				})
			}
		}
	}
}

// TestTakenAwayUncompared has the kernel not be compared for a while, in which somebody changes it or not, and something be applied meanwhile: what it took away is not
// known afterwards, also where the daemon is killed just then. Where nothing was applied, what is compared at last decides.
func TestTakenAwayUncompared(t *testing.T) {
	epoch := func(r *rig) { r.add(2, 0); r.after(10 * time.Second) }
	for name, c := range map[string]struct {
		play    func(r *rig)
		changed bool
		unknown bool
	}{
		"an epoch":         {epoch, true, true},
		"one, and nothing": {epoch, false, true},
		"a planned epoch":  {func(r *rig) { r.add(2, 2*time.Minute); r.after(3 * time.Minute) }, true, true},
		"a restart":        {func(r *rig) { r.restart(func() {}); r.after(10 * time.Second) }, true, true},
		"files":            {func(r *rig) { r.b.do(func() { r.b.changed = true }); r.d.Reload(); r.after(10 * time.Second) }, true, true},
		"nothing, and a restart": {func(r *rig) {
			r.restart(func() {})
			r.after(10 * time.Second)
		}, false, false},
		"nothing":       {func(*rig) {}, false, false},
		"what is found": {func(*rig) {}, true, true},
		"an epoch within which it is killed": {func(r *rig) {
			r.b.do(func() { r.b.takes = 2 * time.Second })
			r.add(2, 0)
			r.after(3500 * time.Millisecond)
			r.kill(filepath.Dir(r.path))
			r.restart(func() { time.Sleep(3 * time.Second) })
			r.after(10 * time.Second)
		}, true, true},
	} {
		for _, exact := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, exact %t", name, exact), func(t *testing.T) {
				inBubble(t, "l.jsonl", func(r *rig) {
					r.add(1, -10*time.Hour)
					r.options.VerifyEvery, r.b.exact = 5*time.Minute, exact
				}, func(r *rig) {
					r.after(20 * time.Minute)
					r.b.do(func() { r.b.dumb = errRefused; r.b.mark++ })
					if c.changed {
						r.swap("changed")
					}
					r.after(time.Second)
					at := r.now()
					if r.after(10 * time.Minute); r.knownAlone(at) {
						t.Error("it cannot be compared, and somebody is named alone")
					}
					c.play(r)
					r.b.do(func() { r.b.dumb = nil })
					s := r.after(30 * time.Minute)
					if !s.Healthy || !s.Departed.IsZero() || len(r.seen().broken) > 0 || (len(r.strays()) == 1) != c.unknown || r.knownAlone(at) == c.unknown || !r.knownAlone(at.Add(-6*time.Minute)) {
						t.Errorf("%v %+v", r.strays(), s)
					}
					r.end()
				})
			})
		}
	}
}

// TestReportUncompared starts a daemon that only reports drift while the kernel cannot be compared: what differs stays as it is, and is reported when it can be.
func TestReportUncompared(t *testing.T) {
	for _, changed := range []bool{false, true} {
		inBubble(t, "l.jsonl", func(r *rig) {
			r.add(1, -10*time.Hour)
			r.options.VerifyEvery, r.options.Report = 5*time.Minute, true
		}, func(r *rig) {
			r.after(20 * time.Minute)
			wrote := r.b.written()
			r.restart(func() {
				if r.b.do(func() { r.b.dumb = errRefused }); changed {
					r.swap("changed")
				}
			})
			if s := r.after(10 * time.Minute); s.Healthy || !s.Ready || problem(s, "apply") == "" || problem(s, "verify") == "" {
				t.Errorf("changed %t: %+v", changed, s)
			}
			r.b.do(func() { r.b.dumb = nil })
			s := r.after(10 * time.Minute)
			if r.b.written() != wrote || s.Healthy == changed || (problem(s, "drift") != "") != changed || len(s.Problems) > 1 || s.Drift.Repaired > 0 {
				t.Errorf("changed %t: %+v", changed, s)
			}
			r.end()
		})
	}
}
