package daemon

import (
	"testing"
	"time"
)

// TestSeenWhileRecorded has a plan by hand be seen by the look that finds a new record, and be gone by the next one.
func TestSeenWhileRecorded(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(10*time.Minute + lookEvery/2)
		r.add(2, 10*time.Minute)
		r.add(3, 20*time.Minute)
		r.byHand(3)
		had := r.now().Add(lookEvery / 4)
		r.after(lookEvery)
		r.byHand(0)
		if s := r.after(10 * time.Second); !s.Unsure.IsZero() {
			t.Errorf("%+v", s)
		}
		r.possible(had, 1, 3)
		r.possible(r.now(), 1)
		r.end()
	})
}
