package rulefile_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// without returns shares of which each is missing with probability p, but at least one is left.
func without(rng *rand.Rand, shares []wanted, p float64) []wanted {
	out := slices.Clone(shares)
	out = slices.DeleteFunc(out, func(wanted) bool { return rng.Float64() < p })
	if len(out) == 0 {
		return shares[:1]
	}
	return out
}

// givesAll fails unless a spec gives every share, and shares to as many others as x says.
func givesAll(t *testing.T, spec alloc.Spec, x *rulefile.Explanation, shares []wanted) {
	t.Helper()
	plan, err := alloc.NewPlan(spec)
	if err != nil {
		t.Fatal(err)
	}
	filled := uint64(0)
	for _, r := range x.Filled {
		filled += r.Len()
	}
	if n := plan.Subscribers(); n != uint64(len(shares))+filled {
		t.Fatalf("%d subscribers, want %d and %d", n, len(shares), filled)
	}
	for _, s := range shares {
		a, err := plan.Lookup(alloc.SubscriberFrom("", s.inside))
		if err != nil || a.Outside() != s.outside || !a.Ports().Equal(s.ports) {
			t.Fatalf("%v: got %v, %v", s.inside, a, err)
		}
	}
}

func listed(spec alloc.Spec) (n int) {
	for _, p := range spec.Pools {
		n += len(p.Shares)
	}
	return n
}

// inferBoth infers in both ways, and proves both plans.
func inferBoth(t *testing.T, shares []wanted) (exact, filled alloc.Spec, x, fx *rulefile.Explanation) {
	t.Helper()
	text, _ := csvTable(shares)
	table := parse(t, "csv", text)
	exact, x, err := rulefile.Infer(table)
	if err != nil {
		t.Fatalf("%v\n%s", err, head(text))
	}
	givesAll(t, exact, x, shares)
	if len(x.Filled) > 0 {
		t.Fatalf("Infer fills %v", x.Filled)
	}
	filled, fx, err = rulefile.InferFilled(table)
	if err != nil {
		t.Fatalf("%v\n%s", err, head(text))
	}
	givesAll(t, filled, fx, shares)
	return exact, filled, x, fx
}

// TestHoles takes subscribers out of regular allocations: filled, each is one pool again, and gives the missing their shares.
func TestHoles(t *testing.T) {
	rng := seeded(t)
	for _, p := range []float64{0.001, 0.01, 0.03, 0.1, 0.3} {
		for range 8 {
			c := []int{8, 16, 32, 64, 100}[rng.IntN(5)]
			n := uint32(c * (20 + rng.IntN(60)))
			plan, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{Name: "a", SharingRatio: c,
				Inside: []alloc.AddrRange{span(t, 100<<24|64<<16, 100<<24|64<<16+n-1)}, Outside: []alloc.AddrRange{span(t, 198<<24|18<<16, 198<<24|18<<16|255)}}}})
			if err != nil {
				t.Fatal(err)
			}
			all := sharesOf(plan)
			shares := without(rng, all, p)
			exact, filled, x, fx := inferBoth(t, shares)
			if len(filled.Pools) != 1 || filled.Pools[0].Scheme != alloc.Sequential || filled.Pools[0].SharingRatio != c {
				t.Errorf("%d of %d, 1:%d: filled %q", len(shares), len(all), c, fx.Lines())
			}
			if len(exact.Pools) > 9 {
				t.Errorf("%d of %d, 1:%d: exact %q", len(shares), len(all), c, x.Lines())
			}
			missing := len(all) - len(shares)
			count := 0
			known := map[netip.Addr]bool{}
			for _, s := range all {
				known[s.inside] = true
			}
			for _, r := range fx.Filled {
				for a := r.First(); r.Contains(a); a = a.Next() {
					if count++; !known[a] {
						t.Errorf("%v is given a share, and never had one", a)
					}
				}
			}
			if count > missing {
				t.Errorf("%d are given shares, %d are missing", count, missing)
			}
		}
	}
}

// generated is a plan of several pools as an operator may have, and what was done to it.
type generated struct {
	spec  alloc.Spec
	holes float64
}

// generate returns a plan of one to four pools over all schemes that can be found.
func generate(t *testing.T, rng *rand.Rand) generated {
	t.Helper()
	for {
		var g generated
		inside, outside := uint32(100<<24|64<<16), uint32(198<<24|18<<16)
		for k := range 1 + rng.IntN(4) {
			s, _ := randomPlan(t, rng, found[rng.IntN(len(found))])
			p := s.Pools[0]
			p.Name = fmt.Sprintf("pool-%d", k)
			p.Inside, p.Outside = nil, nil
			n := uint32(60 + rng.IntN(900))
			for left := n; left > 0; {
				m := min(left, 20+rng.Uint32N(600))
				inside += rng.Uint32N(2) * 256 * (1 + rng.Uint32N(4))
				p.Inside = append(p.Inside, span(t, inside, inside+m-1))
				inside, left = inside+m, left-m
			}
			m := uint32(1 + rng.IntN(60))
			outside += 1 + rng.Uint32N(3)
			p.Outside = []alloc.AddrRange{span(t, outside, outside+m-1)}
			outside += m
			g.spec.Pools = append(g.spec.Pools, p)
		}
		g.holes = []float64{0, 0.001, 0.01, 0.03, 0.1, 0.2, 0.3}[rng.IntN(7)]
		if _, err := alloc.NewPlan(g.spec); err == nil {
			return g
		}
	}
}

// TestGenerated infers from many tables, with subscribers missing at random: as many pools are found as tables are made of, and
// hardly anything is listed.
func TestGenerated(t *testing.T) {
	rng := seeded(t)
	made, found, lists, all := 0, 0, 0, 0
	for range 30 {
		g := generate(t, rng)
		plan, err := alloc.NewPlan(g.spec)
		if err != nil {
			t.Fatal(err)
		}
		shares := without(rng, sharesOf(plan), g.holes)
		exact, filled, _, x := inferBoth(t, shares)
		if n := listed(exact); g.holes == 0 && (n > 0 || len(exact.Pools) > len(g.spec.Pools)) {
			t.Errorf("nobody is missing, %d are listed, %d pools: %+v", n, len(exact.Pools), g.spec.Pools)
		}
		if n := listed(filled); n > 0 || len(filled.Pools) > len(g.spec.Pools) {
			t.Logf("holes %v: %d of %d listed, made %+v: %q", g.holes, n, len(shares), g.spec.Pools, x.Lines())
		}
		made, found = made+len(g.spec.Pools), found+len(filled.Pools)
		lists, all = lists+listed(filled), all+len(shares)
	}
	if t.Logf("%d pools made, %d found, %d of %d shares listed", made, found, lists, all); 10*found > 11*made || 10*lists > all {
		t.Errorf("%d pools were made and %d found, %d of %d shares listed", made, found, lists, all)
	}
}

// TestHolesAndMore takes subscribers out of a regular allocation, changes one share and gives outside addresses new numbers.
func TestHolesAndMore(t *testing.T) {
	rng := seeded(t)
	for range 20 {
		plan, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{Name: "a", SharingRatio: 32, Reserve: ports(t, "1900,5060-5061"),
			Inside: []alloc.AddrRange{span(t, 100<<24|64<<16, 100<<24|64<<16|2047)}, Outside: []alloc.AddrRange{span(t, 198<<24|18<<16, 198<<24|18<<16|63)}}}})
		if err != nil {
			t.Fatal(err)
		}
		shares := without(rng, sharesOf(plan), 0.03)
		numbers := rng.Perm(64)
		for i := range shares {
			shares[i].outside = addr4(203<<24 | uint32(numbers[shares[i].outside.As4()[3]]))
		}
		_, filled, _, x := inferBoth(t, shares)
		if p := filled.Pools[0]; len(filled.Pools) != 1 || len(p.Inside) != 1 || p.SharingRatio != 32 || !p.Reserve.Equal(ports(t, "1900,5060-5061")) {
			t.Errorf("other outside addresses: %q", x.Lines())
		}
		k := rng.IntN(len(shares))
		old := shares[k].ports.String()
		if mutate(rng, &shares, k) || old == shares[k].ports.String() {
			continue
		}
		_, filled, _, x = inferBoth(t, shares)
		if n := listed(filled); len(filled.Pools) != 2 || n > 32 {
			t.Errorf("one share of another size: %d listed, %q", n, x.Lines())
		}
	}
}

// TestOneShareOfMany makes no pool of subscribers who have one share each of many addresses: nearly all of it would be invented.
func TestOneShareOfMany(t *testing.T) {
	rng := seeded(t)
	var shares []wanted
	for k := range uint32(200) {
		slot := rng.Uint32N(32)
		first := 1024 + 2016*slot
		shares = append(shares, wanted{addr4(100<<24 | k*32 + slot), addr4(198<<24 | k), ports(t, fmt.Sprintf("%d-%d", first, first+2015))})
	}
	_, filled, x, fx := inferBoth(t, shares)
	if len(fx.Filled) > 0 || x.Offer != nil || listed(filled) < 150 {
		t.Errorf("%d listed, %v filled, offer %v: %q", listed(filled), fx.Filled, x.Offer, fx.Lines())
	}
}

// TestCrowded infers from small tables in which ranges of inside addresses lie close together and cross: whatever is filled must be free.
func TestCrowded(t *testing.T) {
	rng := seeded(t)
	filledSome := 0
	for range 1500 {
		slots, size := 2+rng.IntN(12), 50+rng.IntN(400)
		taken := map[uint32]bool{}
		var shares []wanted
		for k := range uint32(2 + rng.IntN(12)) {
			base, step := 10<<24+rng.Uint32N(120), uint32(1)
			switch rng.IntN(4) {
			case 0:
				base = 10<<24 + k*uint32(slots)
			case 1:
				base, step = 10<<24+k, 2+rng.Uint32N(12)
			}
			outside := 10<<24 + 200 + k
			if rng.IntN(9) == 0 {
				outside = 10<<24 + 60 + k // among the inside addresses
			}
			for i := range uint32(slots) {
				first := 1024 + size*int(i)
				if a := base + i*step; !taken[a] && a != outside && rng.IntN(5) > 0 {
					taken[a] = true
					shares = append(shares, wanted{addr4(a), addr4(outside), ports(t, fmt.Sprintf("%d-%d", first, first+size-1-rng.IntN(40)/39))})
				}
			}
		}
		outsides := map[netip.Addr]bool{}
		for _, s := range shares {
			outsides[s.outside] = true
		}
		if shares = slices.DeleteFunc(shares, func(s wanted) bool { return outsides[s.inside] }); len(shares) == 0 {
			continue
		}
		if _, _, _, x := inferBoth(t, shares); len(x.Filled) > 0 {
			filledSome++
		}
	}
	if filledSome < 100 {
		t.Errorf("only %d tables were filled", filledSome)
	}
}

// TestSmallPools makes a pool of each of ten villages with an address and a layout of their own, and a list of two hundred subscribers
// with an address and a port range of their own.
func TestSmallPools(t *testing.T) {
	rng := seeded(t)
	var villages, single []wanted
	for k := range uint32(10) {
		size := 1500 + 10*int(k)
		for i := range uint32(30) {
			first := 1024 + size*int(i)
			villages = append(villages, wanted{addr4(100<<24 | k<<8 | i), addr4(198<<24 | k), ports(t, fmt.Sprintf("%d-%d", first, first+size-1))})
		}
	}
	for k := range uint32(200) {
		first := 1024 + rng.IntN(30000)
		single = append(single, wanted{addr4(10<<24 | 3*k), addr4(203<<24 | k), ports(t, fmt.Sprintf("%d-%d", first, first+100+rng.IntN(9000)))})
	}
	exact, _, x, _ := inferBoth(t, villages)
	if len(exact.Pools) != 10 || listed(exact) > 0 {
		t.Errorf("villages: %q", x.Lines())
	}
	if exact, _, x, _ = inferBoth(t, single); len(exact.Pools) != 1 || listed(exact) != 200 {
		t.Errorf("single subscribers: %q", x.Lines())
	}
}

// TestEndOfHoles completes the last address where that makes a prefix, and not where it has only begun.
func TestEndOfHoles(t *testing.T) {
	for _, c := range []struct {
		n    uint32
		gone []uint32
		want string
	}{
		{256, []uint32{3, 70, 140, 200, 255}, "100.0.0.0/24"},
		{250, []uint32{3, 70, 140, 200}, "100.0.0.0-100.0.0.249"},
		{230, []uint32{3, 70, 140, 200}, "100.0.0.0-100.0.0.229"},
		{240, []uint32{3, 70, 140, 200, 239}, "100.0.0.0-100.0.0.238"},
	} {
		var shares []wanted
		for k := range c.n {
			if first := 1024 + 2016*(k%32); !slices.Contains(c.gone, k) {
				shares = append(shares, wanted{addr4(100<<24 | k), addr4(198<<24 | k/32), ports(t, fmt.Sprintf("%d-%d", first, first+2015))})
			}
		}
		_, filled, _, x := inferBoth(t, shares)
		if p := filled.Pools[0]; len(filled.Pools) != 1 || len(p.Inside) != 1 || p.Inside[0].String() != c.want {
			t.Errorf("%d subscribers: got %v, want %s: %q", c.n, p.Inside, c.want, x.Lines())
		}
	}
}

// TestOffer says in the exact plan what the other would be.
func TestOffer(t *testing.T) {
	var shares []wanted
	for k := range uint32(256) {
		if first := 1024 + 2016*(k%32); k%29 != 3 { // nine are missing, on nine of ten addresses
			shares = append(shares, wanted{addr4(100<<24 | k), addr4(198<<24 | k/32), ports(t, fmt.Sprintf("%d-%d", first, first+2015))})
		}
	}
	exact, filled, x, fx := inferBoth(t, shares)
	if o := x.Offer; o == nil || *o != (rulefile.Offer{Pools: 1, Filled: 9}) || listed(exact) == 0 {
		t.Errorf("got %+v, %q", o, x.Lines())
	}
	if len(filled.Pools) != 1 || filled.Pools[0].Inside[0].String() != "100.0.0.0/24" || len(fx.Filled) != 9 || fx.Filled[0].String() != "100.0.0.3" || fx.Offer != nil {
		t.Errorf("filled %v: %q", fx.Filled, fx.Lines())
	}
}

// TestCrossedStripe fills a stripe whose missing subscribers of two places would have the same inside addresses.
func TestCrossedStripe(t *testing.T) {
	var shares []wanted
	for _, s := range []struct{ inside, outside, slot uint32 }{
		{3, 203, 0}, {6, 203, 1}, {15, 203, 4}, {5, 205, 0}, {20, 205, 3}, {30, 205, 5}, // 16 and 17 may be before 20 or behind 15
		{11, 201, 3}, {12, 201, 4}, {13, 201, 5}, {24, 204, 0}, {25, 204, 1}, {26, 204, 2}, {27, 204, 3}, {29, 204, 5},
		{37, 206, 1}, {38, 206, 2}, {39, 206, 3}, {41, 206, 5}, {42, 207, 0}, {43, 207, 1}, {44, 207, 2}, {46, 207, 4}, {47, 207, 5},
		{69, 202, 0}, {70, 202, 1}, {71, 202, 2}, {72, 202, 3}, {73, 202, 4}, {74, 202, 5},
		{79, 60, 1}, {80, 60, 2}, {81, 60, 3}, {82, 60, 4}, {83, 60, 5}, {86, 208, 1}, {87, 208, 2}, {88, 208, 3}, {89, 208, 4}, {90, 208, 5},
	} {
		first := 1024 + 447*s.slot
		shares = append(shares, wanted{addr4(10<<24 | s.inside), addr4(10<<24 | s.outside), ports(t, fmt.Sprintf("%d-%d", first, first+446))})
	}
	if _, _, _, fx := inferBoth(t, shares); len(fx.Filled) == 0 {
		t.Errorf("nobody is filled: %q", fx.Lines())
	}
}
