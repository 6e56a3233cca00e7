package daemon

import (
	"strings"
	"testing"
	"time"
)

// TestAdopted has a daemon begin while the epoch that is due is refused: the plan of the daemon before is looked after meanwhile, and what is recorded in
// the end is what was so.
func TestAdopted(t *testing.T) {
	for _, report := range []bool{false, true} {
		for name, happens := range map[string]func(*rig){
			"nothing":                  func(*rig) {},
			"elements change":          func(r *rig) { r.swap("subscriber 100.64.0.9: changed") },
			"the kernel is emptied":    func(r *rig) { r.byHand(0) },
			"another daemon begins":    func(r *rig) { r.restart(func() {}) },
			"this one is killed":       func(r *rig) { r.restart(func() { r.swap("subscriber 100.64.0.9: changed") }) },
			"the ledger goes and does": func(r *rig) { r.add(3, 3*time.Hour) },
		} {
			t.Run(name, func(t *testing.T) {
				inBubble(t, "l.jsonl", func(r *rig) {
					r.add(1, -time.Hour)
					r.options.Report = report
				}, func(r *rig) {
					r.after(2 * time.Minute)
					before := r.now()
					r.b.do(func() { r.b.refused = r.plan(2).SHA256() })
					r.add(2, time.Minute)
					instant := before.Add(time.Minute)
					r.after(5 * time.Minute)
					r.restart(func() {})
					s := r.after(10 * time.Second)
					if r.has(s, 1); s.Epoch == nil || s.Epoch.Seq != 1 || problem(s, "apply") == "" || s.Healthy || len(s.Problems) != 1 || s.Unsure.IsZero() || s.Unsure.After(instant) {
						t.Fatalf("%+v", s)
					}
					happens(r)
					s = r.after(15 * time.Second)
					emptied := strings.Contains(name, "emptied") // that is repaired, whatever else is only reported
					if drifts := strings.Contains(name, "elements") || strings.Contains(name, "killed"); drifts && report {
						if problem(s, "drift") == "" || s.Departed.IsZero() {
							t.Errorf("nobody notices: %+v", s)
						}
					} else if problem(s, "drift") != "" && (!emptied || !report) || len(r.seen().broken) > 0 {
						t.Errorf("%+v", s)
					}
					if !emptied || !report {
						r.has(s, 1)
					}
					r.b.do(func() { r.b.refused = "" })
					at := r.now()
					s = r.after(10 * time.Minute)
					if r.has(s, 2); !s.Healthy || len(s.Problems) > 0 || !s.Unsure.IsZero() || !s.Departed.IsZero() {
						t.Errorf("%+v", s)
					}
					r.possible(before, 1)
					r.possible(at, 1, 2)
					r.possible(r.now(), 2)
					r.end()
				})
			})
		}
	}
}

// TestNotAdopted has the kernel have what the daemon before did not note: nothing is known of that.
func TestNotAdopted(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, -time.Hour) }, func(r *rig) {
		r.after(2 * time.Minute)
		r.b.do(func() { r.b.refuse = errRefused })
		r.add(2, time.Minute)
		r.add(3, 3*time.Hour)
		r.after(5 * time.Minute)
		r.restart(func() { r.byHand(3) })
		if s := r.after(time.Minute); s.Epoch != nil || r.d.Plan() != nil || s.Healthy {
			t.Errorf("%+v", s)
		}
		r.b.do(func() { r.b.refuse = nil })
		r.has(r.after(2*time.Minute), 2)
		r.end()
	})
}

// TestDriftWhileDownNotRepaired has the kernel refuse to be repaired when a daemon begins: nobody is named alone meanwhile.
func TestDriftWhileDownNotRepaired(t *testing.T) {
	departingIn(t, func(r *rig) {
		r.options.Report = false
		known := r.known(r.after(2 * time.Minute))
		r.restart(func() {
			r.swap("subscriber 100.64.0.9: changed")
			r.b.do(func() { r.b.refuse = errRefused })
		})
		s := r.after(time.Minute)
		if r.departed(s, known, r.now()); s.Departed.IsZero() || s.Drift.Found != 1 || !strings.Contains(problem(s, "drift"), r.plan(1).SHA256()[:12]) {
			t.Errorf("%+v", s)
		}
		r.b.do(func() { r.b.refuse = nil })
		if s = r.after(2 * time.Minute); !s.Healthy || s.Drift.Found != 1 || s.Drift.Repaired != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// TestAdoptedSame has a daemon begin while the kernel has the plan that is due, and refuses to have it made whole, as where an interface is away: it is looked after.
func TestAdoptedSame(t *testing.T) {
	for _, report := range []bool{false, true} {
		for _, broken := range []string{"route: missing", "subscriber 100.64.0.9: changed"} {
			inBubble(t, "l.jsonl", func(r *rig) {
				r.add(1, -time.Hour)
				r.options.Report = report
			}, func(r *rig) {
				r.after(2 * time.Minute)
				r.b.do(func() { r.b.refuse = errRefused })
				r.swap("route: missing")
				r.after(time.Minute)
				r.restart(func() {})
				s := r.after(10 * time.Second)
				if r.has(s, 1); s.Epoch == nil || r.d.Plan() == nil || !s.Departed.IsZero() || problem(s, "drift") == "" || (problem(s, "apply") == "") != report {
					t.Errorf("%+v", s)
				}
				compared := s.Verify.Runs
				r.swap(broken)
				s = r.after(10 * time.Minute)
				if r.has(s, 1); s.Departed.IsZero() == (broken != "route: missing") || s.Verify.Runs == compared || !report && s.Verify.Runs > compared+4 || s.Drift.Repaired > 0 {
					t.Errorf("report %t, %s: %+v", report, broken, s)
				}
				r.b.do(func() { r.b.refuse = nil })
				if s = r.after(2 * time.Minute); (len(r.seen().broken) > 0) != report || report == s.Healthy || s.Epoch == nil {
					t.Errorf("report %t, %s: %v %+v", report, broken, r.seen().broken, s)
				}
				r.swap()
				if s = r.after(10 * time.Minute); !s.Healthy || len(s.Problems) > 0 || (len(r.strays()) > 0) != (broken != "route: missing") {
					t.Errorf("report %t, %s: %+v", report, broken, s)
				}
				r.end()
			})
		}
	}
}
