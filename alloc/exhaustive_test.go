package alloc

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

// The tests of this file ask about every port of every outside address and compare with the oracle in slow_test.go.

var portShapes = []struct{ name, ports, reserve string }{
	{"default", "", ""},
	{"last port only", "65535", ""},
	{"from port 1", "1-65535", ""},
	{"from the port behind the system ports", "1025-65535", ""},
	{"one port below the end", "1-65534", ""},
	{"small and odd", "60000-60996", ""},
	{"reserved at both ends", "2000-9999", "2000-2099,9990-9999"},
	{"single reserved ports", "1024-65535", "5004,5060,65535"},
	{"holes", "1024-65535", "1024,1026,3000-3999,40000-40007,65000-65534"},
	{"every other port", "65000-65020", "65001,65003,65005,65007,65009,65011,65013,65015,65017,65019"},
	{"system ports too, with holes", "1-65535", "22,80,443,32768-33000"},
}

var addressShapes = []struct {
	name string
	edit func(*PoolSpec)
}{
	{"one prefix each", func(s *PoolSpec) {
		s.Inside, s.Outside = addrs("100.64.0.0/29"), addrs("192.0.2.0/31")
	}},
	{"unsorted ranges, odd sizes", func(s *PoolSpec) {
		s.Inside = addrs("100.64.9.0-100.64.9.2 100.64.1.7 100.64.5.0/30 100.64.1.0-100.64.1.4")
		s.Outside = addrs("203.0.113.9 192.0.2.4-192.0.2.5")
	}},
	{"exclusions on both sides", func(s *PoolSpec) {
		s.Inside, s.ExcludeInside = addrs("100.64.0.0/28"), addrs("100.64.0.0 100.64.0.5-100.64.0.7 100.64.0.15")
		s.Outside, s.ExcludeOutside = addrs("198.51.100.1 192.0.2.0/29"), addrs("192.0.2.0-192.0.2.3 192.0.2.6")
	}},
	{"skipped edges", func(s *PoolSpec) {
		s.Inside, s.Outside = addrs("100.64.0.0/29 100.64.1.0/31"), addrs("192.0.2.0/30 192.0.2.8")
		s.SkipEdges = true
	}},
	{"one subscriber", func(s *PoolSpec) {
		s.Inside, s.Outside = addrs("100.64.0.1"), addrs("192.0.2.1")
	}},
	{"fewer subscribers than addresses", func(s *PoolSpec) {
		s.Inside, s.Outside = addrs("100.64.0.1-100.64.0.2"), addrs("192.0.2.1-192.0.2.3")
	}},
}

var sizeShapes = []struct {
	name string
	edit func(*PoolSpec)
}{
	{"sizes derived", func(*PoolSpec) {}},
	{"ratio 1", func(s *PoolSpec) { s.SharingRatio = 1; s.Inside = s.Inside[:1]; s.ExcludeInside = nil }},
	{"ratio given", func(s *PoolSpec) { s.SharingRatio = 8 }},
	{"ratio given, odd", func(s *PoolSpec) { s.SharingRatio = 7 }},
	{"ports given", func(s *PoolSpec) { s.PortsPerSubscriber = 97 }},
	{"all ports in one share", func(s *PoolSpec) { s.PortsPerSubscriber = 64512 }},
	{"both given", func(s *PoolSpec) { s.PortsPerSubscriber, s.SharingRatio = 101, 9 }},
	{"dynamic shares", func(s *PoolSpec) { s.DynamicShares = 3 }},
	{"dynamic shares, ports given", func(s *PoolSpec) { s.DynamicShares, s.PortsPerSubscriber = 1, 50 }},
	{"dynamic ports", func(s *PoolSpec) { s.DynamicPorts = 100 }},
	{"dynamic ports, ratio given", func(s *PoolSpec) { s.DynamicPorts, s.SharingRatio = 333, 16 }},
}

func TestExhaustive(t *testing.T) {
	for _, scheme := range []Scheme{Sequential, Spread, Stripe, Staggered, Step, PSID} {
		t.Run(scheme.String(), func(t *testing.T) {
			t.Parallel()
			accepted := 0
			for i, ports := range portShapes {
				for j, size := range sizeShapes {
					shape := addressShapes[(i+j)%len(addressShapes)]
					s := PoolSpec{Name: "p", Scheme: scheme}
					shape.edit(&s)
					size.edit(&s)
					if ports.ports != "" {
						s.Ports = portRange(ports.ports)
					}
					if ports.reserve != "" {
						s.Reserve = portSet(ports.reserve)
					}
					switch scheme {
					case Step:
						s.StepSize = 3
					case PSID:
						s.PortsPerSubscriber = 0
						s.PSIDOffset = new([]int{6, 0, 4, 1, 0}[(i*3+j)%5])
					}
					if exhaust(t, fmt.Sprintf("%s, %s, %s", ports.name, shape.name, size.name), spec(s)) {
						accepted++
					}
				}
			}
			if accepted < 50 {
				t.Errorf("only %d of the specs were valid plans", accepted)
			}
		})
	}
}

// A reverse lookup with scheme Random costs a key schedule; so there are few plans here.
func TestExhaustiveRandom(t *testing.T) {
	random := func(s *PoolSpec) { s.Scheme, s.KeyID = Random, testKey.ID() }
	for name, s := range map[string]PoolSpec{
		"default ports": pool("p", "100.64.0.0-100.64.0.4", "192.0.2.1", random, func(s *PoolSpec) { s.SharingRatio = 7 }),
		"holes and dynamic shares": pool("p", "100.64.0.0-100.64.0.4", "192.0.2.1", random, func(s *PoolSpec) {
			s.Ports, s.Reserve, s.DynamicShares = portRange("1-65535"), portSet("1,22,5060,32768-40000,65535"), 2
		}),
		"two addresses differ": pool("p", "100.64.0.0-100.64.0.4", "192.0.2.9 192.0.2.1", random, func(s *PoolSpec) {
			s.PortsPerSubscriber, s.Ports = 4000, portRange("50000-65535")
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !exhaust(t, name, Spec{Pools: []PoolSpec{s}, Keys: []Key{{}, testKey}}) {
				t.Error("the spec is no valid plan")
			}
		})
	}
}

func TestExhaustiveSeveralPools(t *testing.T) {
	realm := func(name string) func(*PoolSpec) { return func(s *PoolSpec) { s.Realm = name } }
	for name, s := range map[string]Spec{
		"several schemes in one realm": spec(
			pool("a", "100.64.0.0/29", "192.0.2.0/31"),
			pool("b", "100.64.0.16/29", "192.0.2.4", func(s *PoolSpec) { s.Scheme = Staggered }),
			pool("c", "100.64.0.8/29", "192.0.2.2/31", func(s *PoolSpec) { s.Scheme = PSID }),
			pool("d", "100.64.0.32", "192.0.2.5", func(s *PoolSpec) { s.SharingRatio, s.Ports = 1, portRange("1-65535") })),
		"pools that interleave": spec(
			pool("a", "100.64.0.0 100.64.0.4 100.64.0.2", "192.0.2.3 192.0.2.1"),
			pool("b", "100.64.0.1 100.64.0.5 100.64.0.3", "192.0.2.2 192.0.2.0", func(s *PoolSpec) { s.Scheme = Stripe })),
		"the same inside addresses in two realms": spec(
			pool("a", "100.64.0.0/29", "192.0.2.0", realm("north")),
			pool("b", "100.64.0.0/29", "192.0.2.1", realm("south")),
			pool("c", "100.64.0.0/30", "192.0.2.2")),
		"an address excluded here and used there": spec(
			pool("a", "100.64.0.0/29", "192.0.2.0/30", func(s *PoolSpec) { s.ExcludeOutside = addrs("192.0.2.1 192.0.2.3") }),
			pool("b", "100.64.1.0/29", "192.0.2.1")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !exhaust(t, name, s) {
				t.Error("the spec is no valid plan")
			}
		})
	}
}

// exhaust compares the plan of s with the oracle and reports whether there is one. When the oracle says that the sizes
// cannot be met, NewPlan must refuse s too.
func exhaust(t *testing.T, name string, s Spec) bool {
	t.Helper()
	slow, ok := newSlowPlan(s)
	if s.Pools[0].Scheme == PSID && s.Pools[0].SharingRatio == 7 {
		ok = false // not a power of two
	}
	plan, err := NewPlan(s)
	if ok != (err == nil) {
		t.Errorf("%s: NewPlan: %v; the oracle says %v", name, err, ok)
	}
	if !ok || err != nil {
		return false
	}
	traced := map[netip.Addr][]uint32{}
	for _, p := range slow.pools {
		comparePool(t, name, plan, p)
		for _, a := range append(slices.Clone(p.outside), aroundPool(p)...) {
			if traced[addr4(a)] == nil {
				traced[addr4(a)] = compareAddress(t, name, plan, slow, a)
			}
		}
	}
	compareShares(t, name, plan, slow, traced)
	return !t.Failed()
}

// aroundPool returns the excluded addresses and the neighbours of a pool's outside addresses.
func aroundPool(p *slowPool) []uint32 {
	out := []uint32{0, 0xffffffff, p.outside[0] - 1, p.outside[len(p.outside)-1] + 1}
	for a := range p.cutOut {
		out = append(out, a)
	}
	return out
}

func comparePool(t *testing.T, name string, plan *Plan, want *slowPool) {
	t.Helper()
	for got := range plan.Pools() {
		if got.Name() != want.spec.Name {
			continue
		}
		left, dynamic, slots := want.tail(), 0, want.ratio
		if want.dynamic {
			left, dynamic = 0, left
		}
		if want.listed != nil {
			slots = len(want.shares)
		}
		type numbers struct{ subscribers, addresses, ratio, slots, size, capacity, tail, dynamic int }
		g := numbers{int(got.Subscribers()), int(got.Addresses()), got.SharingRatio(), got.Slots(), got.PortsPerSubscriber(), int(got.Capacity()), got.TailPorts(), got.DynamicPorts()}
		w := numbers{len(want.inside), len(want.outside), want.ratio, slots, want.size, want.capacity(), left, dynamic}
		if g != w {
			t.Errorf("%s: pool %s is %+v, want %+v", name, got.Name(), g, w)
		}
	}
}

// compareAddress asks about every port of an outside address. It returns the inside addresses that are the answers, 0 for none.
func compareAddress(t *testing.T, name string, plan *Plan, slow *slowPlan, outside uint32) []uint32 {
	t.Helper()
	answers := make([]uint32, 65536)
	var count [NotInPool + 1]int
	inPool := slow.trace(outside, 0).status == Reserved
	for port := range answers {
		got := plan.Trace(addr4(outside), uint16(port))
		count[got.Status()]++
		if !inPool && port == 100 { // all ports of an address that no pool has are alike
			return answers
		}
		answer, want := answerOf(got), slow.trace(outside, uint16(port))
		if answer != want {
			t.Fatalf("%s: Trace(%v, %d) = %+v, want %+v", name, addr4(outside), port, answer, want)
		}
		answers[port] = answer.inside
		if a, ok := got.Allocation(); ok && (a.Outside() != addr4(outside) || a.Slot() >= a.Pool().Slots()) {
			t.Fatalf("%s: Trace(%v, %d) is about %v", name, addr4(outside), port, a.Outside())
		}
	}
	sum := 0
	for _, n := range count[Allocated:] {
		sum += n
	}
	if sum != 65536 {
		t.Errorf("%s: the answers for %v add up to %d ports: %v", name, addr4(outside), sum, count)
	}
	return answers
}

// compareShares checks the forward answers: equal to the oracle's, disjoint, and reversed by what Trace answered.
func compareShares(t *testing.T, name string, plan *Plan, slow *slowPlan, traced map[netip.Addr][]uint32) {
	t.Helper()
	taken := map[netip.Addr][]bool{}
	for _, p := range slow.pools {
		for i, inside := range p.inside {
			s := SubscriberFrom(p.realm, addr4(inside))
			a, err := plan.Lookup(s)
			if err != nil {
				t.Fatalf("%s: Lookup(%v): %v", name, s, err)
			}
			outside, slot := p.place(i)
			want := slices.Sorted(slices.Values(p.share(outside, slot)))
			got := slices.Collect(a.Ports().Ports())
			if a.Outside() != addr4(outside) || a.Slot() != slot || a.Subscriber() != s || !slices.Equal(got, want) {
				t.Fatalf("%s: Lookup(%v) = %v %v slot %d, want %v slot %d and %d ports from %d", name, s, a.Outside(), a.Ports(), a.Slot(),
					addr4(outside), slot, len(want), want[0])
			}
			if taken[a.Outside()] == nil {
				taken[a.Outside()] = make([]bool, 65536)
			}
			for _, port := range got {
				if taken[a.Outside()][port] {
					t.Fatalf("%s: port %d of %v has two owners", name, port, a.Outside())
				}
				taken[a.Outside()][port] = true
				if back := traced[a.Outside()][port]; back != inside {
					t.Fatalf("%s: port %d of the share of %v traces to %v", name, port, s, addr4(back))
				}
			}
		}
		for cut := range p.cutIn {
			if _, err := plan.Lookup(SubscriberFrom(p.realm, addr4(cut))); !errors.Is(err, ErrExcluded) {
				t.Errorf("%s: Lookup(%v): %v, want %v", name, addr4(cut), err, ErrExcluded)
			}
		}
	}
}
