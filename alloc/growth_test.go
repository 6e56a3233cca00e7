package alloc

import (
	"fmt"
	"testing"
)

func TestGrowthMovesNobody(t *testing.T) {
	const inside, outside = "100.64.9.0/26 100.64.1.0-100.64.1.40", "203.0.113.9 192.0.2.0/30"
	moreInside := func(s *PoolSpec) { s.Inside = append(s.Inside, addrs("100.64.0.0/27 100.64.200.1")...) }
	moreOutside := func(s *PoolSpec) { s.Outside = append(s.Outside, addrs("192.0.2.200 192.0.2.64/29")...) }
	both := edit(moreInside, moreOutside)
	for _, tc := range []struct {
		name string
		base func(*PoolSpec)
		grow map[string]func(*PoolSpec)
	}{
		{"sequential, ports given", size(1000), map[string]func(*PoolSpec){"inside": moreInside, "outside": moreOutside, "both": both}},
		{"sequential, ratio given", ratio(40), map[string]func(*PoolSpec){"inside": moreInside, "outside": moreOutside, "both": both}},
		{"sequential, both given, dynamic", edit(size(900), ratio(40), dynShares(3)), map[string]func(*PoolSpec){"inside": moreInside, "outside": moreOutside}},
		{"staggered, ratio given", edit(scheme(Staggered), ratio(40)), map[string]func(*PoolSpec){"inside": moreInside, "outside": moreOutside, "both": both}},
		{"step, ports given", edit(step(4), size(300)), map[string]func(*PoolSpec){"inside": moreInside, "outside": moreOutside, "both": both}},
		{"psid, length given", psid(6, 6), map[string]func(*PoolSpec){"inside": moreInside, "outside": moreOutside, "both": both}},
		{"psid, ratio given", edit(psidOffset(0), ratio(64)), map[string]func(*PoolSpec){"inside": moreInside, "outside": moreOutside, "both": both}},
		{"stripe, ports given", edit(scheme(Stripe), size(1000)), map[string]func(*PoolSpec){"inside": moreInside}},
		{"stripe, ratio given", edit(scheme(Stripe), ratio(64)), map[string]func(*PoolSpec){"inside": moreInside}},
		{"spread, ratio given", edit(scheme(Spread), ratio(64)), map[string]func(*PoolSpec){"inside": moreInside, "outside": moreOutside}},
	} {
		for what, grow := range tc.grow {
			t.Run(tc.name+", more "+what, func(t *testing.T) {
				before := mustPlan(t, spec(pool("p", inside, outside, tc.base)))
				after := mustPlan(t, spec(pool("p", inside, outside, tc.base, grow)))
				d := Diff(before, after)
				if d.Moved != 0 || d.Removed != 0 || d.Kept != before.Subscribers() || d.Added != after.Subscribers()-before.Subscribers() {
					t.Errorf("kept %d, moved %d, added %d, removed %d of %d", d.Kept, d.Moved, d.Added, d.Removed, before.Subscribers())
				}
			})
		}
	}
}

// Each row is an exception that the documentation names.
func TestGrowthThatMoves(t *testing.T) {
	const inside, outside = "100.64.0.0/26", "192.0.2.0/30"
	const nine = "192.0.2.0/30 192.0.2.100-192.0.2.104"
	more := func(in, out string) func(*PoolSpec) {
		return func(s *PoolSpec) {
			s.Inside, s.Outside = append(s.Inside, addrs(in)...), append(s.Outside, addrs(out)...)
		}
	}
	for _, tc := range []struct {
		name       string
		outside    string
		base, grow func(*PoolSpec)
		want       string // kept, moved, added, removed
	}{
		// C goes from 16 to 17, so that S shrinks for all.
		{"no size given, more inside", outside, edit(), more("100.64.1.0", ""), "0 64 1 0"},
		// C goes from 16 to 13.
		{"no size given, more outside", outside, edit(), more("", "192.0.2.8"), "0 64 0 0"},
		{"spread with ports given, more inside", outside, edit(scheme(Spread), size(1000)), more("100.64.1.0", ""), "16 48 1 0"},
		// The first round of four stays, all others turn differently.
		{"stripe, more outside", outside, edit(scheme(Stripe), size(1000)), more("", "192.0.2.8"), "4 60 0 0"},
		{"psid, length derived", outside, scheme(PSID), more("100.64.1.0", ""), "0 64 1 0"},
		{"inside put in front", outside, size(1000), func(s *PoolSpec) { s.Inside = append(addrs("100.64.1.0"), s.Inside...) }, "0 64 1 0"},
		{"an inside address excluded", outside, size(1000), func(s *PoolSpec) { s.ExcludeInside = addrs("100.64.0.10") }, "10 53 0 1"},
		{"an outside address excluded", nine, size(5000), func(s *PoolSpec) { s.Inside, s.ExcludeOutside = addrs("100.64.0.0/27"), addrs("192.0.2.1") }, "12 20 0 32"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := mustPlan(t, spec(pool("p", inside, tc.outside, tc.base)))
			after := mustPlan(t, spec(pool("p", inside, tc.outside, tc.base, tc.grow)))
			d := Diff(before, after)
			if got := fmt.Sprint(d.Kept, d.Moved, d.Added, d.Removed); got != tc.want {
				t.Errorf("kept, moved, added, removed = %s, want %s", got, tc.want)
			}
		})
	}
}
