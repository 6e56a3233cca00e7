package daemon

import (
	"strings"
	"testing"
	"time"
)

func TestDriftRepaired(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(time.Minute)
		for name, change := range map[string]func(){
			"table gone":    func() { r.b.sha, r.b.mark = "", r.b.mark+1 },
			"elements gone": func() { r.b.broken, r.b.mark = []string{"subscriber 100.64.0.9: missing"}, r.b.mark+1 },
		} {
			r.b.do(change)
			s := r.after(5 * time.Second)
			r.has(s, 1)
			if len(r.seen().broken) > 0 || !s.Healthy || s.Drift.Repaired == 0 || s.Drift.Found == 0 || len(s.Drift.Examples) == 0 {
				t.Errorf("%s: %+v", name, s)
			}
			r.after(10 * time.Minute)
		}
		if !strings.Contains(r.logged(), "subscriber 100.64.0.9: missing") {
			t.Error("what differed is not logged")
		}
	})
}

// TestDriftAgainAndAgain is somebody who changes the kernel as often as he can: there is a wait between repairs.
func TestDriftAgainAndAgain(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(time.Second)
		before := r.b.written()
		for range 300 {
			r.after(time.Second)
			r.b.do(func() { r.b.sha, r.b.mark = "somebody's", r.b.mark+1 })
		}
		if n := r.b.written() - before; n < 50 || n > 110 {
			t.Errorf("%d repairs in five minutes", n)
		}
		r.has(r.after(2*time.Minute), 1)
	})
}

func TestDriftReported(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.options.Report, r.b.exact = true, true
	}, func(r *rig) {
		r.after(time.Minute)
		r.b.do(func() { r.b.broken, r.b.mark = []string{"gone"}, r.b.mark+1 })
		s := r.after(5 * time.Second)
		if s.Healthy || !strings.Contains(problem(s, "drift"), "not repaired") || s.Drift.Repaired != 0 || len(r.seen().broken) == 0 {
			t.Fatalf("%+v", s)
		}
		compared := r.seen().compare
		if r.after(4 * time.Minute); r.seen().compare != compared {
			t.Errorf("what is known is compared %d times more", r.seen().compare-compared)
		}
		r.b.do(func() { r.b.broken, r.b.mark = nil, r.b.mark+1 })
		if s = r.after(5 * time.Second); !s.Healthy {
			t.Error(s.Problems)
		}
	})
}

// TestDriftWhileDown has somebody change the kernel while no daemon runs: it is named, and repaired unless only to be reported.
func TestDriftWhileDown(t *testing.T) {
	for _, report := range []bool{false, true} {
		inBubble(t, "l.jsonl", func(r *rig) {
			r.options.Report = report
			r.add(1, 0)
			time.Sleep(time.Hour)
			r.b.sha, r.b.broken = r.plan(1).SHA256(), []string{"subscriber 100.64.0.9: missing"}
		}, func(r *rig) {
			s := r.after(3 * time.Second)
			r.has(s, 1)
			if s.Drift.Found != 1 || len(s.Drift.Examples) != 1 || !strings.Contains(r.logged(), "subscriber 100.64.0.9: missing") || !s.Ready {
				t.Errorf("report %t: %+v", report, s)
			}
			if repaired := len(r.seen().broken) == 0; repaired == report || s.Healthy == report || report != (s.Drift.Repaired == 0) {
				t.Errorf("report %t: %+v", report, s)
			}
			if !report {
				return
			}
			if applies := r.seen().applies; applies > 0 || !strings.Contains(problem(s, "drift"), "not repaired") {
				t.Errorf("%d applies, %v", applies, s.Problems)
			}
			r.add(2, 0) // another plan is another matter
			s = r.after(3 * time.Second)
			r.has(s, 2)
			if !s.Healthy {
				t.Error(s.Problems)
			}
		})
	}
}

// TestDriftWhileDownRefused has the kernel refuse the repair at the start: it is tried again with growing distance.
func TestDriftWhileDownRefused(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.b.sha, r.b.broken, r.b.refuse = r.plan(1).SHA256(), []string{"gone"}, errRefused
	}, func(r *rig) {
		s := r.after(time.Minute)
		if n := r.seen().applies; n < 4 || n > 8 || s.Healthy || problem(s, "apply") == "" || !s.Ready {
			t.Errorf("%d attempts, %+v", n, s)
		}
		r.b.do(func() { r.b.refuse = nil })
		s = r.after(time.Minute)
		r.has(s, 1)
		if !s.Healthy || s.Drift.Found != 1 || s.Drift.Repaired != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// TestOtherRelease is what another release has made: that is nobody's drift.
func TestOtherRelease(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.options.Report = true
		r.add(1, 0)
		r.b.sha, r.b.broken = r.plan(1).SHA256(), []string{"programs: of another release"}
	}, func(r *rig) {
		s := r.after(3 * time.Second)
		if len(r.seen().broken) > 0 || !s.Healthy || s.Drift.Found != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestQuietDriftReported is one that is only reported, and taken back, or becomes another one: neither shows in the mark.
func TestQuietDriftReported(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.options.Report, r.options.VerifyEvery = true, time.Hour
	}, func(r *rig) {
		r.after(time.Minute)
		r.b.do(func() { r.b.broken = []string{"a slot is another one"} })
		s := r.after(time.Hour)
		if problem(s, "drift") == "" || s.Drift.Found != 1 || strings.Count(r.logged(), "a slot is another one") != 1 {
			t.Errorf("%+v", s)
		}
		if n := s.Verify.Runs; n > uint64(time.Minute/verifyAgain)+3 {
			t.Errorf("%d comparisons", n)
		}
		r.b.do(func() { r.b.broken = []string{"another slot is another one"} })
		if s = r.after(verifyAgain + 2*time.Second); s.Drift.Found != 2 || s.Drift.Examples[0] != "another slot is another one" {
			t.Errorf("%+v", s)
		}
		r.b.do(func() { r.b.broken = nil })
		if s = r.after(verifyAgain + 2*time.Second); !s.Healthy || !s.Departed.IsZero() {
			t.Errorf("%+v", s)
		}
		r.end()
	})
}

// TestQuietDrift is a change that nothing shows but a whole comparison.
func TestQuietDrift(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(time.Minute)
		r.b.do(func() { r.b.broken = []string{"a route is missing"} })
		if r.after(defaultEvery); len(r.seen().broken) > 0 {
			t.Error("it was not noticed")
		}
	})
}
