package daemon

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestEvidence has an apply take away what somebody has changed, under the mark, before a comparison found it: who had ports meanwhile is not known afterwards, also
// where the daemon is killed, or ends, within the apply.
func TestEvidence(t *testing.T) {
	changed := func(r *rig) {
		r.b.do(func() { r.b.broken = append(r.b.broken, "slot of 198.18.1.1: changed") })
		r.after(time.Minute)
	}
	for name, play := range map[string]func(r *rig){
		"the repair": func(r *rig) { changed(r); r.after(10 * time.Minute) },
		"files of the backend": func(r *rig) {
			changed(r)
			r.b.do(func() { r.b.changed = true })
			r.d.Reload()
		},
		"an epoch":          func(r *rig) { changed(r); r.add(2, 0) },
		"an epoch of later": func(r *rig) { r.add(2, 3*time.Minute); changed(r); r.after(2 * time.Minute) },
		"shortly before an epoch": func(r *rig) {
			r.b.do(func() { r.b.exact, r.b.ahead = true, 10*time.Second })
			r.add(2, time.Minute)
			r.after(58 * time.Second)
			r.swap("changed")
		},
		"shortly before an epoch is prepared": func(r *rig) {
			r.b.do(func() { r.b.exact, r.b.ahead, r.b.takes = true, 10*time.Second, 100*time.Millisecond })
			r.add(2, time.Minute)
			r.after(49800 * time.Millisecond)
			r.swap("changed")
		},
		"before an epoch, and its preparation is given up": func(r *rig) {
			r.b.do(func() { r.b.ahead, r.b.slow = 20*time.Second, time.Second })
			r.add(2, time.Minute)
			r.after(39500 * time.Millisecond)
			r.swap("changed")
			r.after(15 * time.Second)
			r.swap()
		},
		"another plan that was edited": func(r *rig) {
			r.add(3, 0)
			r.after(time.Minute)
			r.add(1, 0)
			r.after(time.Minute)
			r.byHand(3)
			r.swap("changed")
		},
		"a restart":             func(r *rig) { changed(r); r.restart(func() {}) },
		"an epoch at a restart": func(r *rig) { changed(r); r.restart(func() { r.add(2, 0) }) },
		"the repair of what gives no port": func(r *rig) {
			r.b.do(func() { r.b.refuse = errRefused })
			r.swap("route: missing")
			r.after(3 * time.Minute)
			changed(r)
			r.b.do(func() { r.b.refuse = nil; r.b.links++ })
		},
		"what was refused at the start": func(r *rig) {
			r.restart(func() { r.b.do(func() { r.b.refuse = errRefused }); r.swap("route: missing") })
			r.after(3 * time.Minute)
			changed(r)
			r.b.do(func() { r.b.refuse = nil; r.b.links++ })
		},
		"a repair within which it is killed": func(r *rig) {
			changed(r)
			r.b.do(func() { r.b.takes = 2 * time.Second })
			for problem(r.after(100*time.Millisecond), "drift") == "" {
			}
			r.after(time.Second)
			r.kill(filepath.Dir(r.path))
			r.restart(func() { time.Sleep(2 * time.Second) })
		},
		"a repair within which it ends": func(r *rig) {
			changed(r)
			r.b.do(func() { r.b.takes = 2 * time.Second })
			for problem(r.after(100*time.Millisecond), "drift") == "" {
			}
			r.after(time.Second)
			r.restart(func() { time.Sleep(2 * time.Second) })
		},
		"a start within which it is killed": func(r *rig) {
			changed(r)
			r.b.do(func() { r.b.takes = 2 * time.Second })
			r.restart(func() {})
			r.after(time.Second)
			r.kill(filepath.Dir(r.path))
			r.restart(func() { time.Sleep(2 * time.Second) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, "l.jsonl", func(r *rig) { r.add(1, -10*time.Hour); r.options.VerifyEvery = 5 * time.Minute }, func(r *rig) {
				r.after(11 * time.Minute)
				before := r.now().Add(-5 * time.Minute)
				play(r)
				s := r.after(20 * time.Minute)
				if len(r.seen().broken) > 0 || !s.Healthy || len(s.Departures) > 0 || len(r.strays()) != 1 {
					t.Fatalf("%v %v %+v", r.strays(), r.seen().broken, s)
				}
				e := r.strays()[0]
				r.unknown(e.Settled.Add(-time.Second), true)
				r.unknown(before, false)
				r.unknown(r.now(), false)
				if e.From.Before(before) || e.Settled.Sub(e.From) > 6*time.Minute {
					t.Errorf("from %s until %s it is recorded", stamp(e.From), stamp(e.Settled))
				}
				r.end()
			})
		})
	}
}

// TestDepartureOverWhileRefused has the repair of what gives no port be refused for long: what could give ports to others meanwhile is over when it is.
func TestDepartureOverWhileRefused(t *testing.T) {
	for _, adopted := range []bool{false, true} {
		inBubble(t, "l.jsonl", func(r *rig) { r.add(1, -10*time.Hour); r.options.VerifyEvery = 5 * time.Minute }, func(r *rig) {
			r.after(20 * time.Minute)
			r.b.do(func() { r.b.refuse = errRefused })
			r.swap("route: missing")
			r.after(20 * time.Minute)
			if adopted {
				r.restart(func() {})
				r.after(20 * time.Minute)
			}
			r.swap("route: missing", "changed")
			if s := r.after(10 * time.Minute); s.Departed.IsZero() {
				t.Errorf("%+v", s)
			}
			r.swap("route: missing")
			if s := r.after(20 * time.Minute); !s.Departed.IsZero() || !r.knownAlone(r.now()) || len(r.strays()) != 1 || r.seen().counted == 0 {
				t.Errorf("adopted %t: %+v", adopted, s)
			}
			r.end()
		})
	}
}

// TestAppliedWhileComparing has somebody apply and record another plan while an attempt compares, which takes its time: that is neither undone nor drift.
func TestAppliedWhileComparing(t *testing.T) {
	for _, exact := range []bool{true, false} {
		inBubble(t, "l.jsonl", func(r *rig) { r.add(1, -10*time.Hour); r.options.VerifyEvery = 5 * time.Minute }, func(r *rig) {
			r.after(30 * time.Minute)
			r.b.do(func() { r.b.exact, r.b.slow, r.b.refuse = exact, 4*time.Second, errRefused })
			r.swap("route: missing")
			r.after(30 * time.Minute)
			for at := range 20 {
				r.b.do(func() { r.b.mark++; r.b.links++ }) // so that it is tried again
				r.after(time.Duration(at) * 500 * time.Millisecond)
			}
			r.b.do(func() { r.b.refuse = nil; r.b.links++; r.b.mark++ })
			r.after(2 * time.Second)
			r.b.do(func() { r.b.sha, r.b.broken, r.b.mark = r.plan(2).SHA256(), nil, r.b.mark+1 })
			wrote := len(r.seen().writes)
			r.add(2, 0)
			s := r.after(20 * time.Minute)
			if w := r.seen().writes[wrote:]; len(w) > 0 && w[0] == r.plan(1).SHA256() || len(r.strays()) > 0 || !s.Healthy {
				t.Errorf("exact %t: it wrote %.8s, %v, %+v", exact, w, r.strays(), s)
			}
			r.end()
		})
	}
}

// TestSlowComparisons has a comparison take seconds, as with a million subscribers: no planned epoch waits for it, whoever changes what, and what is refused for hours is not
// compared all the time.
func TestSlowComparisons(t *testing.T) {
	for _, c := range []struct {
		exact         bool
		ahead         time.Duration
		every, before time.Duration // others change something
	}{
		{true, 2 * time.Second, 0, 0},
		{true, 2 * time.Second, 0, 1900 * time.Millisecond},
		{true, 2 * time.Second, 0, 4 * time.Second},
		{true, 2 * time.Second, 0, 500 * time.Millisecond},
		{true, 2 * time.Second, 300 * time.Millisecond, 0},
		{true, 2 * time.Second, 5 * time.Second, 0},
		{false, 5 * time.Second, 0, 0},
		{false, 5 * time.Second, 0, 4 * time.Second},
		{false, 5 * time.Second, 0, 8500 * time.Millisecond},
		{false, time.Minute, 0, 50 * time.Second},
	} {
		inBubble(t, "l.jsonl", func(r *rig) {
			r.add(1, -10*time.Hour)
			r.options.VerifyEvery = 5 * time.Minute
			r.b.slow, r.b.exact, r.b.ahead = 4*time.Second, c.exact, c.ahead
		}, func(r *rig) {
			r.after(31 * time.Minute)
			at := r.now().Add(90 * time.Minute)
			r.add(2, 90*time.Minute)
			once := c.before
			for last := time.Now(); r.seen().sha != r.plan(2).SHA256(); {
				if r.after(50 * time.Millisecond); c.every > 0 && time.Since(last) >= c.every || once > 0 && at.Sub(r.now()) <= once {
					last, once = time.Now(), 0
					r.b.do(func() { r.b.mark++ })
				}
			}
			if late := r.now().Sub(at); late > time.Second/2 {
				t.Errorf("%+v: late by %v", c, late)
			}
			r.b.do(func() { r.b.refuse = errRefused })
			r.add(1, 0)
			r.after(time.Hour)
			n := r.seen().compare
			r.after(10 * time.Hour)
			if n = r.seen().compare - n; c.every == 0 && n > 10*60*60/retryShare/4+20*10 { // and one each half hour
				t.Errorf("%+v: %d comparisons in 10 hours", c, n)
			}
			r.end()
		})
	}
}

// TestRecordedBehindAComparison has somebody apply another plan while an attempt compares, and record it seconds behind that: it is not undone meanwhile.
func TestRecordedBehindAComparison(t *testing.T) {
	for _, exact := range []bool{true, false} {
		for at := time.Duration(0); at < 6*time.Second; at += 700 * time.Millisecond {
			inBubble(t, "l.jsonl", func(r *rig) { r.add(1, -10*time.Hour); r.options.VerifyEvery = 5 * time.Minute }, func(r *rig) {
				r.after(30 * time.Minute)
				r.b.do(func() { r.b.exact, r.b.slow, r.b.refuse = exact, 4*time.Second, errRefused })
				r.swap("route: missing")
				for r.after(30 * time.Minute); !r.seen().verifying || r.d.Snapshot().Doing != "apply"; r.after(100 * time.Millisecond) {
					r.b.do(func() { r.b.mark++; r.b.links++ }) // so that it is tried again
				}
				w, err := ledger.Edit(r.path)
				if err != nil {
					t.Fatal(err)
				}
				in := r.begin(w, 2)
				r.b.do(func() { r.b.refuse = nil })
				r.after(at)
				r.byHand(2)
				r.b.do(func() { r.b.broken = nil })
				wrote := len(r.seen().writes)
				r.after(3 * time.Second)
				_, err = w.Commit(in, r.now().UTC().Truncate(time.Millisecond))
				w.Close()
				s := r.after(20 * time.Minute)
				if wrote := r.seen().writes[wrote:]; err != nil || len(wrote) > 0 || len(r.strays()) > 0 || !s.Healthy {
					t.Errorf("exact %t, %v behind the begin of the comparison: it wrote %.8s, %v, %v, %+v", exact, at, wrote, r.strays(), err, s)
				}
				r.end()
			})
		}
	}
}
