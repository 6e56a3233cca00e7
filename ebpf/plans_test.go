package ebpf

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// every is how many subscribers of a pool are all compared; of larger pools, that many.
const every = 65536

func TestSamplePlansAgree(t *testing.T) {
	rnd := seeded(t)
	for name, plan := range samples(t) {
		t.Run(name, func(t *testing.T) {
			k := load(t, plan)
			t.Logf("%d subscribers, %d bytes of tables; %d forward and %d reverse answers are alloc's",
				plan.Subscribers(), k.tables.Bytes(), k.forward(rnd, every), k.reverse(rnd, 8))
		})
	}
}

// randomPool draws a pool that is number n of its plan. Many of them are no valid pools.
func randomPool(rnd *rand.Rand, n int) alloc.PoolSpec {
	pick := func(of ...int) int { return of[rnd.IntN(len(of))] }
	s := alloc.PoolSpec{
		Name:               fmt.Sprintf("pool%d", n),
		Realm:              []string{"", "north", "south"}[rnd.IntN(3)],
		Inside:             randomRanges(rnd, 0x64400000+uint32(n*pick(0, 1<<16, 1<<16)), pick(1, 1, 2, 3, 40), pick(1, 16, 300, 5000)),
		Outside:            randomRanges(rnd, 0xc6336400+uint32(n)<<12, pick(1, 1, 2, 3, 20), pick(1, 2, 6)),
		SkipEdges:          rnd.IntN(5) == 0,
		Scheme:             alloc.Scheme(1 + rnd.IntN(7)),
		SharingRatio:       pick(0, 0, 0, 1, 2, 3, 16, 31, 64, 1000),
		PortsPerSubscriber: pick(0, 0, 0, 0, 1, 7, 100, 1000, 2016, 22000),
	}
	s.ExcludeInside, s.ExcludeOutside = randomExclusions(rnd, s.Inside), randomExclusions(rnd, s.Outside)
	if rnd.IntN(2) == 0 {
		s.Ports = must(portset.NewRange(pick(0, 1, 1023, 1024, 4000, 60000, 65500), pick(65535, 65535, 65534, 65503)))
	}
	if rnd.IntN(2) == 0 {
		s.Reserve = must(portset.ParseSet([]string{"0-1023", "1024", "65535", "5060,5062,65501", "1-2000,65535", "3000-65000"}[rnd.IntN(6)]))
	}
	switch rnd.IntN(5) {
	case 0:
		s.DynamicShares = pick(1, 2, 8)
	case 1:
		s.DynamicPorts = pick(1, 100, 30000)
	}
	switch s.Scheme {
	case alloc.Step:
		s.StepSize = pick(1, 2, 3, 8, 40)
	case alloc.Random:
		s.KeyID = testKey.ID()
	case alloc.PSID:
		s.PortsPerSubscriber = 0
		if rnd.IntN(2) == 0 {
			s.PSIDOffset = new(rnd.IntN(16))
		}
		if rnd.IntN(2) == 0 {
			s.PSIDLength, s.SharingRatio = new(rnd.IntN(13)), 0
		}
	}
	return s
}

// randomRanges draws disjoint ranges from base on, not in order.
func randomRanges(rnd *rand.Rand, base uint32, n, most int) (out []alloc.AddrRange) {
	for range n {
		base += uint32(rnd.IntN(4))
		last := base + uint32(rnd.IntN(most))
		out = append(out, must(alloc.AddrRangeFrom(fromWire(wireOrder(base)), fromWire(wireOrder(last)))))
		base = last + 1
	}
	rnd.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// randomExclusions draws one address of some ranges.
func randomExclusions(rnd *rand.Rand, from []alloc.AddrRange) (out []alloc.AddrRange) {
	for _, r := range from {
		if r.Len() > 1 && rnd.IntN(4) == 0 {
			a := fromWire(wireOrder(hostOrder(r.First()) + uint32(rnd.Uint64N(r.Len()))))
			out = append(out, must(alloc.AddrRangeFrom(a, a)))
		}
	}
	return out
}

func TestRandomPlansAgree(t *testing.T) {
	root(t)
	rnd := seeded(t)
	const want = 70
	schemes := map[alloc.Scheme]int{}
	for tried, made := 0, 0; made < want; tried++ {
		if tried == 100*want {
			t.Fatalf("%d valid plans in %d", made, tried)
		}
		spec := alloc.Spec{Keys: []alloc.Key{testKey}}
		for n := range 1 + rnd.IntN(3) {
			spec.Pools = append(spec.Pools, randomPool(rnd, n))
		}
		// One scheme of seven in turn, so that none is rare.
		if spec.Pools[0].Scheme != alloc.Scheme(1+made%7) {
			continue
		}
		plan, err := alloc.NewPlan(spec)
		if err != nil {
			continue
		}
		made++
		t.Run(fmt.Sprint(tried), func(t *testing.T) {
			k := load(t, plan)
			forward, reverse := k.forward(rnd, 4096), k.reverse(rnd, 4)
			for _, p := range k.pools {
				schemes[p.Scheme()]++
			}
			if forward == 0 || reverse == 0 {
				t.Fatalf("%d forward, %d reverse", forward, reverse)
			}
			if t.Failed() {
				t.Logf("%s", plan.AppendCanonical(nil))
			}
		})
	}
	t.Log("pools by scheme:", schemes)
}

// Every PSID layout, with three sets of usable ports: the default, all, and one that cuts into sets.
func TestLayoutsAgree(t *testing.T) {
	t.Parallel()
	root(t)
	rnd := seeded(t)
	for name, shape := range map[string]alloc.PoolSpec{
		"default": {},
		"all":     {Ports: must(portset.NewRange(1, 65535))},
		"cut":     {Reserve: must(portset.ParseSet("0-1023,5060,5062,65500-65535"))},
	} {
		t.Run(name, func(t *testing.T) {
			refused, cut, reverse, forward := 0, 0, 0, 0
			for a := range 16 {
				for k := range 17 - a {
					plan := layoutPlan(t, shape, a, k)
					if plan == nil {
						refused++
						continue
					}
					t.Run(fmt.Sprintf("a=%d,k=%d", a, k), func(t *testing.T) {
						in := load(t, plan)
						if in.tables.pools[0].Flags&cutOut != 0 {
							cut++
						}
						forward += in.forward(rnd, 2048)
						reverse += in.reverseAddress(netip.MustParseAddr("198.51.100.9"))
					})
				}
			}
			t.Logf("%d layouts refused by alloc, %d cut; %d forward and %d reverse answers are alloc's", refused, cut, forward, reverse)
			if refused > 16 {
				t.Errorf("%d of 152 layouts were not compared", refused)
			}
		})
	}
}

// layoutPlan returns a plan with one layout, on one address of which most shares are held, or nil when alloc refuses it.
func layoutPlan(t *testing.T, shape alloc.PoolSpec, a, k int) *alloc.Plan {
	shape.Name, shape.Scheme, shape.PSIDOffset, shape.PSIDLength = "psid", alloc.PSID, &a, &k
	shape.Outside = spans("198.51.100.9")
	place, err := alloc.NewPlacement(shape)
	if err != nil {
		return nil
	}
	last := 0x64400000 + uint32(max(1, place.Capacity()*3/4)) - 1
	shape.Inside = []alloc.AddrRange{must(alloc.AddrRangeFrom(netip.MustParseAddr("100.64.0.0"), fromWire(wireOrder(last))))}
	return mustPlan(t, shape)
}

// scattered returns n addresses of which no two are neighbours, in no order.
func scattered(rnd *rand.Rand, n int) (out []alloc.AddrRange) {
	var b [4]byte
	for _, i := range rnd.Perm(n) {
		binary.BigEndian.PutUint32(b[:], 0x0a000000+uint32(i)*16+uint32(rnd.IntN(15)))
		a := netip.AddrFrom4(b)
		out = append(out, must(alloc.AddrRangeFrom(a, a)))
	}
	return out
}

// Lists of addresses, at the sizes where the tree gets another node or another level.
func TestListsAgree(t *testing.T) {
	rnd := seeded(t)
	for _, n := range []int{1, 2, 15, 16, 17, 255, 256, 257, 4095, 4096, 4097, 65537, 200_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			k := load(t, mustPlan(t, alloc.PoolSpec{
				Inside: scattered(rnd, n), Outside: spans("198.18.0.0/16"), PortsPerSubscriber: 1008,
			}))
			t.Logf("%d bytes of tables; %d forward answers are alloc's", k.tables.Bytes(), k.forward(rnd, n)+k.reverse(rnd, 2))
		})
	}
}

// The largest prefix that a plan can have subscribers in, and outside addresses that are scattered.
func TestLargePrefixAgrees(t *testing.T) {
	rnd := seeded(t)
	for _, scheme := range []alloc.Scheme{alloc.Sequential, alloc.Stripe, alloc.PSID, alloc.Staggered} {
		t.Run(scheme.String(), func(t *testing.T) {
			outside := randomRanges(rnd, 0xc6120000, 300, 512)
			k := load(t, mustPlan(t, alloc.PoolSpec{Inside: spans("10.0.0.0/11"), Outside: outside, Scheme: scheme, SharingRatio: 64}))
			k.forward(rnd, every)
			k.reverse(rnd, 4)
		})
	}
}

func TestSameAddressInTwoRealms(t *testing.T) {
	rnd := seeded(t)
	k := load(t, mustPlan(t,
		alloc.PoolSpec{Realm: "north", Inside: spans("10.0.0.0/22"), Outside: spans("198.51.100.0/26"), SharingRatio: 16},
		alloc.PoolSpec{Realm: "south", Inside: spans("10.0.0.0/22"), Outside: spans("203.0.113.0/26"), SharingRatio: 16, Scheme: alloc.Stripe}))
	k.forward(rnd, every)
	k.reverse(rnd, 8)
	both := []query{{Inside: wire(netip.MustParseAddr("10.0.1.2")), Realm: 0}, {Inside: wire(netip.MustParseAddr("10.0.1.2")), Realm: 1}}
	third := slices.Clone(both[:1])
	third[0].Realm = 2
	k.ask("forward", both)
	k.ask("forward", third)
	if both[0].Pool != 0 || both[1].Pool != 1 || both[0].Outside == both[1].Outside || third[0].Found != 0 {
		t.Errorf("north %+v\nsouth %+v\nno realm %+v", both[0], both[1], third[0])
	}
}
