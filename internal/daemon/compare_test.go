package daemon

import (
	"testing"
	"time"
)

// TestComparisonFails has the kernel not be looked at, or not be compared, for a moment or longer: it is tried again soon, however rarely it is compared else.
func TestComparisonFails(t *testing.T) {
	for name, fails := range map[string]func(*fakeState, error){"look": func(b *fakeState, err error) { b.blind = err }, "comparison": func(b *fakeState, err error) { b.dumb = err }} {
		for _, lasts := range []time.Duration{time.Second, 10 * time.Minute} {
			inBubble(t, "l.jsonl", func(r *rig) {
				r.add(1, -time.Hour)
				r.options.VerifyEvery = 2 * time.Hour
			}, func(r *rig) {
				r.after(2*time.Hour - time.Second/2)
				r.b.do(func() { fails(&r.b.fakeState, errRefused) })
				s, compared := r.after(lasts), r.seen().compare
				if problem(s, "verify") == "" || s.Verify.Failed == 0 || s.Healthy {
					t.Errorf("%s, %v: %+v", name, lasts, s)
				}
				if n := uint64(lasts/verifyAgain) + 1; s.Verify.Failed > n || s.Verify.Failed < n/2 {
					t.Errorf("%s, %v: %d attempts failed", name, lasts, s.Verify.Failed)
				}
				r.b.do(func() { fails(&r.b.fakeState, nil) })
				if s = r.after(verifyAgain + 2*time.Second); !s.Healthy || !s.Departed.IsZero() {
					t.Errorf("%s, %v: %v", name, lasts, s.Problems)
				}
				if r.after(100 * time.Minute); r.seen().compare > compared+1 {
					t.Errorf("%s, %v: compared %d times more", name, lasts, r.seen().compare-compared)
				}
				r.end()
			})
		}
	}
}
