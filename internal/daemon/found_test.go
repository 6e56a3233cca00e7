package daemon

import (
	"os"
	"testing"
	"time"
)

// TestFoundThere has somebody give the kernel the plan of an epoch that the daemon was to give it, and say nothing to the ledger, before or behind the
// epoch's instant: from when the plan before was seen last until the daemon finds it both are candidates.
func TestFoundThere(t *testing.T) {
	for name, c := range map[string]struct {
		play        func(r *rig, hand func())
		first, last time.Duration // after the instant, where both are possible
	}{
		"down, and behind the instant": {func(r *rig, hand func()) {
			r.after(10 * time.Minute)
			r.again(func() { time.Sleep(20 * time.Minute); hand(); time.Sleep(5 * time.Minute) })
		}, -9 * time.Minute, 15*time.Minute - time.Second},
		"down, and before the instant": {func(r *rig, hand func()) {
			r.after(10 * time.Minute)
			r.again(func() { time.Sleep(5 * time.Minute); hand(); time.Sleep(20 * time.Minute) })
		}, -9 * time.Minute, 15*time.Minute - time.Second},
		"the ledger is away": {func(r *rig, hand func()) {
			r.after(10 * time.Minute)
			move(r, r.path, r.path+".away")
			r.after(20 * time.Minute)
			hand()
			r.after(5 * time.Minute)
			move(r, r.path+".away", r.path)
		}, 0, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, "l.jsonl", func(r *rig) {
				r.add(1, 0)
				r.add(2, 20*time.Minute)
			}, func(r *rig) {
				instant := r.now().Add(20 * time.Minute)
				c.play(r, func() { r.byHand(2) })
				s := r.after(3 * time.Minute)
				if r.has(s, 2); !s.Unsure.IsZero() {
					t.Errorf("%+v", s)
				}
				r.alone(true)
				r.possible(instant.Add(c.first), 1, 2)
				r.possible(instant.Add((c.first+c.last)/2), 1, 2)
				r.possible(instant.Add(c.last), 1, 2)
				r.possible(instant.Add(c.first-2*time.Minute), 1)
				r.possible(r.now().Add(-time.Minute), 2)
				records := s.Records
				r.again(func() {})
				if s = r.after(time.Minute); s.Records != records {
					t.Errorf("%d records, and there were %d", s.Records, records)
				}
				r.end()
			})
		})
	}
}

func move(r *rig, from, to string) {
	r.Helper()
	if err := os.Rename(from, to); err != nil {
		r.Fatal(err)
	}
}
