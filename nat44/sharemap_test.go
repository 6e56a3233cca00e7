package nat44

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// A failer is *testing.T or *rapid.T.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkElements compares the maps with the plan, subscriber by subscriber: it walks over plan.All, and takes from each map the
// elements that stand next and belong to that subscriber. It holds nothing that grows with the subscribers. It does not check that
// shares are disjoint; checkDisjoint does, on elements alone.
func checkElements(t failer, rs *Ruleset) {
	t.Helper()
	type cursor struct {
		m    *shareMap
		next func() (element, bool)
		e    element
		ok   bool
		n    uint64
	}
	var cursors []*cursor
	for _, m := range rs.maps {
		next, stop := iter.Pull(m.each2())
		defer stop()
		c := &cursor{m: m, next: next}
		c.e, c.ok = next()
		cursors = append(cursors, c)
	}
	var own []portset.Range
	for a := range rs.plan.All() {
		homes, wholes := 0, 0 // maps with elements of this subscriber
		for _, c := range cursors {
			own = own[:0]
			for c.ok && c.e.Inside() == a.Inside() && c.e.Pool() == a.Pool() {
				if c.e.Outside() != a.Outside() || c.e.bucket != len(own) {
					t.Fatalf("map %s, %v: element %v bucket %d after %d others, want %v", c.m.name(), a.Inside(), c.e.Outside(), c.e.bucket, len(own), a.Outside())
				}
				own = append(own, c.e.ports)
				c.n++
				c.e, c.ok = c.next()
			}
			switch {
			case len(own) == 0:
			case c.m.kind == whole:
				wholes++
			default:
				homes++
				checkShare(t, c.m, a, own)
			}
		}
		if homes != 1 {
			t.Fatalf("%v is in %d maps", a.Inside(), homes)
		}
		one := a.Pool().SharingRatio() == 1 || a.Pool().Scheme() == alloc.Explicit && sharers(rs.plan, a.Outside()) == 1
		if one != (wholes == 1) {
			t.Fatalf("%v on %v of a 1:%d pool is in the map of whole addresses %d times", a.Inside(), a.Outside(), a.Pool().SharingRatio(), wholes)
		}
	}
	total := uint64(0)
	for _, c := range cursors {
		if c.ok || c.n != c.m.elements {
			t.Fatalf("map %s says %d elements and gave %d for the plan's subscribers; more to come: %t", c.m.name(), c.m.elements, c.n, c.ok)
		}
		total += c.n
	}
	if total != rs.Elements() {
		t.Fatalf("%d elements, want %d", rs.Elements(), total)
	}
}

// sharers returns how many subscribers an outside address has.
func sharers(p *alloc.Plan, outside netip.Addr) (n int) {
	for range p.Holders(outside) {
		n++
	}
	return n
}

// each2 is each for range.
func (m *shareMap) each2() iter.Seq[element] {
	return func(yield func(element) bool) { m.each(yield) }
}

// checkShare checks that the ranges of a subscriber's elements are its share, and that there is one element a bucket.
func checkShare(t failer, m *shareMap, a alloc.Allocation, own []portset.Range) {
	t.Helper()
	if len(own) != m.buckets || m.kind == contiguous && m.buckets != 1 {
		t.Fatalf("map %s, %v: %d elements, want %d", m.name(), a.Inside(), len(own), m.buckets)
	}
	ports := a.Ports()
	if r, ok := ports.Range(); ok {
		if m.kind != contiguous || own[0] != r {
			t.Fatalf("map %s, %v: %v, want %v in map shares", m.name(), a.Inside(), own, r)
		}
		return
	}
	if m.kind != ranged || !slices.Equal(slices.Compact(slices.Clone(own)), slices.Collect(ports.Ranges())) {
		t.Fatalf("map %s, %v: %v, want %v", m.name(), a.Inside(), own, ports)
	}
}

// checkDisjoint checks, on the elements alone, that no two subscribers have a port of an outside address in common, and that no
// inside address and bucket is twice in one map.
func checkDisjoint(t failer, rs *Ruleset) {
	t.Helper()
	type key struct {
		inside netip.Addr
		bucket int
	}
	owners := map[netip.Addr]*[portset.PortCount]uint32{}
	for _, m := range rs.maps {
		seen := map[key]bool{}
		m.each(func(e element) bool {
			k := key{e.Inside(), e.bucket}
			if seen[k] {
				t.Fatalf("map %s has %v twice", m.name(), k)
			}
			seen[k] = true
			if m.kind == whole {
				return true
			}
			owner := owners[e.Outside()]
			if owner == nil {
				owner = new([portset.PortCount]uint32)
				owners[e.Outside()] = owner
			}
			a := e.Inside().As4()
			inside := binary.BigEndian.Uint32(a[:])
			for port := int(e.ports.First()); port <= int(e.ports.Last()); port++ {
				if o := owner[port]; o != 0 && o != inside {
					t.Fatalf("%v:%d belongs to %v and %#x", e.Outside(), port, e.Inside(), o)
				}
				owner[port] = inside
			}
			return true
		})
	}
}

// TestSamplePlans compares the elements of every sample plan with the plan.
func TestSamplePlans(t *testing.T) {
	names := samplePlans(t)
	for name := range refusedSamples {
		if !slices.Contains(names, name) {
			t.Errorf("there is no sample plan %s", name)
		}
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(name, ".yaml"), func(t *testing.T) {
			t.Parallel()
			p := loadPlan(t, name)
			rs, err := NewRuleset(p, cgn)
			if refusal, refused := refusedSamples[name]; refused {
				if !errors.Is(err, ErrInexpressible) || !strings.Contains(err.Error(), refusal) {
					t.Fatalf("got %v\nwant %s", err, refusal)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkElements(t, rs)
			if p.Subscribers() < 2000 {
				checkDisjoint(t, rs)
			}
		})
	}
}

// drawPool draws a pool whose addresses do not meet those of a pool with another number. Whether its sizes fit is open.
func drawPool(t *rapid.T, n int) alloc.PoolSpec {
	inside := fmt.Sprintf("100.64.%d.0", 16*n)
	outside := fmt.Sprintf("192.0.2.%d", 64*n)
	more := func(s, label string, most int) string {
		first := must(netip.ParseAddr(s)).As4()
		first[3] += byte(rapid.IntRange(0, 3).Draw(t, label+" from"))
		last := first
		last[3] += byte(rapid.IntRange(0, most).Draw(t, label+" more"))
		return fmt.Sprintf("%v-%v", netip.AddrFrom4(first), netip.AddrFrom4(last))
	}
	p := pool(fmt.Sprintf("p%d", n), more(inside, "inside", 60), more(outside, "outside", 5))
	if rapid.Bool().Draw(t, "second range") {
		// Before the first one: the order of a plan is not that of the addresses.
		p.Inside = append(p.Inside, spans(fmt.Sprintf("100.63.%d.0/29", n))...)
		p.Outside = append(p.Outside, spans(fmt.Sprintf("192.0.1.%d/31", 32*n))...)
	}
	if rapid.Bool().Draw(t, "exclude") {
		p.ExcludeInside, p.ExcludeOutside = spans(inside[:len(inside)-1]+"5"), spans(fmt.Sprintf("192.0.2.%d", 64*n+3))
	}
	if rapid.Bool().Draw(t, "holes") {
		p.Reserve = portSet(rapid.SampledFrom([]string{"5060-5061", "1900,5060-5061,27015,65535", "1024,3000-3999", "2048-65000"}).Draw(t, "reserve"))
	}
	if rapid.IntRange(0, 3).Draw(t, "ports given") == 0 {
		p.Ports = portRange(rapid.SampledFrom([]string{"1-65535", "1536-65535", "60000-65535", "1024-65534"}).Draw(t, "ports"))
	}
	p.Scheme = rapid.SampledFrom([]alloc.Scheme{0, alloc.Sequential, alloc.Spread, alloc.Stripe, alloc.Staggered, alloc.Step, alloc.PSID, alloc.PSID}).Draw(t, "scheme")
	switch rapid.IntRange(0, 3).Draw(t, "size") {
	case 0:
		p.SharingRatio = rapid.SampledFrom([]int{1, 1, 1, 16, 64, 500}).Draw(t, "ratio")
		if p.SharingRatio == 1 {
			p.Inside, p.Outside, p.ExcludeInside, p.ExcludeOutside = p.Inside[:1], spans(outside+"/26"), nil, nil
		}
	case 1:
		p.PortsPerSubscriber = rapid.SampledFrom([]int{1, 7, 100, 1000, 2016}).Draw(t, "ports each")
	}
	switch p.Scheme {
	case alloc.Step:
		p.StepSize = rapid.IntRange(1, 5).Draw(t, "step")
	case alloc.PSID:
		p.SharingRatio, p.PortsPerSubscriber = 0, 0
		a, k := rapid.IntRange(0, 10).Draw(t, "a"), rapid.IntRange(0, 6).Draw(t, "k")
		p.PSIDOffset, p.PSIDLength = &a, &k
	default:
		if rapid.IntRange(0, 3).Draw(t, "dynamic") == 0 {
			p.DynamicPorts = 1000
		}
	}
	if rapid.IntRange(0, 4).Draw(t, "listed") == 0 {
		return listed(t, p)
	}
	return p
}

// listed writes down the shares of a pool one by one, some of them, in another order.
func listed(t *rapid.T, p alloc.PoolSpec) alloc.PoolSpec {
	plan, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{p}})
	if err != nil {
		return p
	}
	list := alloc.PoolSpec{Name: p.Name, Realm: p.Realm, Scheme: alloc.Explicit}
	for a := range plan.All() {
		list.Shares = append(list.Shares, alloc.ExplicitShare{Inside: a.Inside(), Outside: a.Outside(), Ports: a.Ports()})
	}
	list.Shares = rapid.Permutation(list.Shares).Draw(t, "order")
	list.Shares = list.Shares[:rapid.IntRange(1, len(list.Shares)).Draw(t, "kept")]
	return list
}

// TestRandomPlans compares the elements with the plan for plans of every scheme but random, holes and 1:1 pools included, and checks
// that a plan is refused exactly when a share has too many ranges.
func TestRandomPlans(t *testing.T) {
	counts := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		var spec alloc.Spec
		for n := range rapid.IntRange(1, 3).Draw(t, "pools") {
			spec.Pools = append(spec.Pools, drawPool(t, n))
		}
		p, err := alloc.NewPlan(spec)
		if err != nil { // mostly because the sizes do not fit
			spec.Pools = spec.Pools[:1]
			spec.Pools[0].SharingRatio, spec.Pools[0].PortsPerSubscriber, spec.Pools[0].PSIDLength = 0, 0, nil
			if p, err = alloc.NewPlan(spec); err != nil {
				counts["no plan"]++
				return
			}
		}
		tooMany := false
		for a := range p.All() {
			if a.Ports().RangeCount() > MaxRanges {
				tooMany = true
			}
		}
		rs, err := NewRuleset(p, cgn)
		if tooMany {
			counts["refused"]++
			if !errors.Is(err, ErrInexpressible) {
				t.Fatalf("a share of more than %d ranges gives %v", MaxRanges, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range rs.maps {
			counts[strings.TrimRight(m.name(), "0123456789")]++
		}
		checkElements(t, rs)
		checkDisjoint(t, rs)
	})
	t.Log(counts)
	for _, what := range []string{"refused", "shares", "ranges_", "whole"} {
		if counts[what] == 0 {
			t.Errorf("the random plans have nothing of %s: %v", what, counts)
		}
	}
}

// TestRandomScheme checks scheme random apart: there, the same slot has other ports on every outside address, so that the tables of
// a map by slot would give away the ports of others. It is refused whatever the size of the shares.
func TestRandomScheme(t *testing.T) {
	for _, s := range []int{1, 20, 200, 2000} {
		for _, outside := range []string{"192.0.2.0/30", "192.0.2.0"} {
			rs, err := NewRuleset(plan(pool("r", "100.64.0.0/28", outside, shuffled(), ratio(16), share(s))), cgn)
			if rs != nil || !errors.Is(err, ErrInexpressible) || !strings.Contains(err.Error(), `pool "r": scheme random `) {
				t.Errorf("%d ports each on %s: %v", s, outside, err)
			}
		}
	}
}

// TestTooManyRanges checks each scheme that scatters ports at the limit of MaxRanges and one beyond.
func TestTooManyRanges(t *testing.T) {
	for name, tt := range map[string]struct {
		tweaks []tweak
		ranges int
	}{
		"step at the limit":      {[]tweak{stepping(4), share(256)}, 256},
		"step beyond":            {[]tweak{stepping(4), share(257)}, 257},
		"staggered at the limit": {[]tweak{scheme(alloc.Staggered), ratio(252), share(256)}, 256},
		"staggered beyond":       {[]tweak{scheme(alloc.Staggered), ratio(251), share(257)}, 257},
		"psid a=8":               {[]tweak{mapped(8, 4)}, 252},
		"psid a=9":               {[]tweak{mapped(9, 4)}, 504},
		"random":                 {[]tweak{shuffled(), ratio(16)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan(pool("pool-7", "100.64.0.0/27", "192.0.2.0/30", tt.tweaks...))
			rs, err := NewRuleset(p, cgn)
			if tt.ranges > 0 && tt.ranges <= MaxRanges {
				if err != nil {
					t.Fatal(err)
				}
				checkElements(t, rs)
				if b := rs.maps[0].buckets; rs.Elements() != 32*uint64(b) || b < tt.ranges {
					t.Errorf("%d elements in %d buckets for %d ranges", rs.Elements(), b, tt.ranges)
				}
				return
			}
			want := `pool "pool-7": scheme `
			if tt.ranges > 0 {
				want += fmt.Sprintf("%v gives a share of %d ranges (", plan0(p).Scheme(), tt.ranges)
			}
			if !errors.Is(err, ErrInexpressible) || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

// plan0 returns the first pool of a plan.
func plan0(p *alloc.Plan) *alloc.Pool {
	for pool := range p.Pools() {
		return pool
	}
	return nil
}

// TestMapsOfShapes checks which maps come from which plans, in which order, with how many elements and which size.
func TestMapsOfShapes(t *testing.T) {
	for name, tt := range map[string]struct {
		pools []alloc.PoolSpec
		want  string // name:buckets:elements:size of each map
	}{
		"contiguous": {[]alloc.PoolSpec{pool("a", "100.64.0.0/24", "192.0.2.0/29", ratio(32))}, "shares:1:256:320"},
		"small":      {[]alloc.PoolSpec{pool("a", "100.64.0.1", "192.0.2.0/29", ratio(32))}, "shares:1:1:64"},
		"one to one": {[]alloc.PoolSpec{pool("a", "100.64.0.0/28", "192.0.2.0/28", ratio(1))}, "shares:1:16:64 whole:1:16:64"},
		"one to one with holes": {[]alloc.PoolSpec{pool("a", "100.64.0.0/28", "192.0.2.0/28", ratio(1), reserved("5060"))},
			"ranges_16:16:256:320 whole:1:16:64"},
		"psid": {[]alloc.PoolSpec{pool("a", "100.64.0.0/24", "192.0.2.0/29", mapped(2, 6))}, "ranges_3:3:768:960"},
		"holes in some shares": {[]alloc.PoolSpec{pool("a", "100.64.0.0/24", "192.0.2.0/29", share(2000), reserved("2024-2033"))},
			"shares:1:248:310 ranges_2:2:16:64"},
		"two pools in one map": {[]alloc.PoolSpec{
			pool("a", "100.64.0.0/24", "192.0.2.0/29", ratio(32)), pool("b", "100.65.0.0/24", "198.51.100.0/29", ratio(64)),
		}, "shares:1:512:640"},
		"all shapes, the rarest first": {[]alloc.PoolSpec{
			pool("a", "100.64.1.0/30", "192.0.2.128/30", ratio(1)),
			pool("b", "100.64.2.0/24", "192.0.2.0/29", mapped(3, 5)),
			pool("c", "100.64.3.0/24", "192.0.2.8/29", mapped(2, 5)),
			pool("d", "100.64.4.0/24", "192.0.2.16/29", ratio(32)),
		}, "shares:1:260:325 ranges_3:3:768:960 ranges_7:7:1792:2240 whole:1:4:64"},
	} {
		t.Run(name, func(t *testing.T) {
			rs := must(NewRuleset(plan(tt.pools...), cgn))
			var got []string
			for _, m := range rs.maps {
				got = append(got, fmt.Sprintf("%s:%d:%d:%d", m.name(), m.buckets, m.elements, m.size()))
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("got  %s\nwant %s", s, tt.want)
			}
			checkElements(t, rs)
			checkDisjoint(t, rs)
		})
	}
}

// TestEachStops checks that each asks for nothing more once yield has returned false, wherever that is.
func TestEachStops(t *testing.T) {
	rs := must(NewRuleset(plan(
		pool("a", "100.64.0.0/29", "192.0.2.0/30", mapped(2, 2)),
		pool("b", "100.64.1.0/29", "192.0.2.8/30", mapped(2, 2)),
	), cgn))
	m := rs.maps[0]
	for stop := range int(m.elements) {
		n := 0
		m.each(func(element) bool { n++; return n <= stop })
		if n != stop+1 {
			t.Fatalf("each went on to element %d after a false at %d", n, stop+1)
		}
	}
}
