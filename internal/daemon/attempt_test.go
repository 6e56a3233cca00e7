package daemon

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRetryFindsNothing has a repair be refused and tried again while the kernel cannot be compared, or when somebody has mended it: that is no other drift.
func TestRetryFindsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		play   func(b *fakeState)
		mended bool
	}{
		"it cannot be compared": {func(b *fakeState) { b.dumb = errRefused }, false},
		"it is mended":          {func(b *fakeState) { b.broken, b.mark = nil, b.mark+1 }, true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, "l.jsonl", func(r *rig) { r.add(1, -10*time.Hour); r.options.VerifyEvery = 5 * time.Minute }, func(r *rig) {
				r.after(30 * time.Minute)
				r.b.do(func() { r.b.refuse = errRefused })
				r.swap("route: missing")
				was := r.after(10 * time.Minute)
				r.b.do(func() { c.play(&r.b.fakeState); r.b.links++ })
				s := r.after(10 * time.Minute)
				if strings.Contains(r.logged(), "in 0 places") || s.Drift.Found != was.Drift.Found || !slices.Equal(s.Drift.Examples, was.Drift.Examples) {
					t.Errorf("%+v", s)
				}
				if told := problem(s, "drift"); (told == "") != c.mended {
					t.Errorf("it says %q", told)
				}
				r.end()
			})
		})
	}
}
