package daemon

import (
	"testing"
	"time"
)

// TestStrayIsNotFollowed has somebody give the kernel by hand a plan that the ledger knows, and that be recorded. Then the clock is set back into that time,
// beside a running daemon and while none runs: the kernel keeps what the ledger has in force, and the other one is possible.
func TestStrayIsNotFollowed(t *testing.T) {
	for name, c := range map[string]struct {
		report bool
		back   func(r *rig)
	}{
		"reported, beside the daemon": {true, func(r *rig) { r.step(-10 * time.Minute) }},
		"repaired, beside the daemon": {false, func(r *rig) { r.step(-10 * time.Minute) }},
		"reported, while none runs":   {true, func(r *rig) { r.again(func() { r.step(-10 * time.Minute) }) }},
		"repaired, while none runs":   {false, func(r *rig) { r.again(func() { r.step(-10 * time.Minute) }) }},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, "l.jsonl", func(r *rig) {
				r.add(1, 0)
				r.add(3, time.Minute)
				r.add(2, 2*time.Minute)
				r.options.Report = c.report
			}, func(r *rig) {
				r.after(30 * time.Minute)
				r.has(r.d.Snapshot(), 2)
				r.b.do(func() { r.b.refuse = errRefused })
				by := r.now()
				r.byHand(3)
				r.after(10 * time.Minute)
				r.b.do(func() { r.b.refuse = nil })
				if c.report {
					r.byHand(2)
				}
				s := r.after(5 * time.Minute)
				if r.has(s, 2); !s.Unsure.IsZero() || s.Records != 4 {
					t.Fatalf("%d records, in doubt since %v", s.Records, s.Unsure)
				}
				writes := r.b.written()
				c.back(r)
				for range 1200 {
					s = r.after(time.Second)
					r.has(s, 2)
					if s.Wanted != r.plan(2).SHA256() || s.Next != nil && s.Next.SHA256 != s.Wanted {
						t.Fatalf("%.12s is to be in force, and then %+v", s.Wanted, s.Next)
					}
				}
				if r.b.written() != writes || !s.Healthy {
					t.Errorf("%+v", s)
				}
				r.possible(by.Add(5*time.Minute), 2, 3)
				r.possible(r.now(), 2)
				r.end()
			})
		})
	}
}
