package metrics

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/alarm"
)

func inside(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) }

// TestTallyEqualsSlowCount counts what random subscribers use once more, port by port and from the definitions.
func TestTallyEqualsSlowCount(t *testing.T) {
	seed := testseed.New(t)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 20 {
		p := twoPools(t)
		tally, uses := NewTally(p, 5), map[string][]Use{}
		all := slices.Collect(p.All())
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, a := range all[:rng.IntN(len(all))] {
			u := Use{Share: a, Ports: Protocols{rng.Uint64N(1001), rng.Uint64N(20), rng.Uint64N(2)}}
			u.Mappings, u.Sessions = u.Ports, Protocols{TCP: u.Ports.TCP * 2}
			uses[a.Pool().Name()] = append(uses[a.Pool().Name()], u)
			tally.Add(u, nil)
		}
		got := tally.Usage(PoolsOf(p), nil)
		i := 0
		var top []TopUse
		for pool := range p.Pools() {
			var sum Protocols
			var mine []uint64
			on := map[netip.Addr]Protocols{}
			for _, u := range uses[pool.Name()] {
				sum = sum.plus(u.Ports)
				on[u.Share.Outside()] = on[u.Share.Outside()].plus(u.Ports)
				mine = append(mine, u.Ports.Max())
				if u.Ports.Max() > 0 {
					top = append(top, TopUse{pool.Name(), u.Share.Subscriber(), u.Ports.Max()})
				}
			}
			var theirs []uint64
			for r := range pool.OutsideRanges() {
				for a := r.First(); r.Contains(a); a = a.Next() {
					theirs = append(theirs, on[a].Max())
				}
			}
			mine = append(mine, make([]uint64, int(pool.Subscribers())-len(mine))...)
			g := &got.Pools[i]
			if g.Name != pool.Name() || g.Ports != sum || g.Sessions.TCP != 2*sum.TCP {
				t.Fatalf("pool %+v, want %v", g, sum)
			}
			same(t, &g.Subscribers, mine)
			same(t, &g.Addresses, theirs)
			i++
		}
		slices.SortFunc(top, TopUse.compare)
		if want := top[:min(5, len(top))]; !slices.Equal(got.Top, want) {
			t.Fatalf("top %v, want %v", got.Top, want)
		}
	}
}

// same compares a histogram with the values that it should be of.
func same(t *testing.T, h *Histogram, values []uint64) {
	t.Helper()
	var sum uint64
	for _, v := range values {
		sum += v
	}
	if h.Count() != uint64(len(values)) || h.Sum() != sum {
		t.Fatalf("count %d sum %d, want %d and %d", h.Count(), h.Sum(), len(values), sum)
	}
	for bound, n := range h.buckets() {
		var want uint64
		for _, v := range values {
			if float64(v) <= bound {
				want++
			}
		}
		if n != want {
			t.Fatalf("at most %v: %d, want %d", bound, n, want)
		}
	}
}

func TestTallyTellsAlarms(t *testing.T) {
	p := twoPools(t)
	m, err := alarm.New(alarm.Config{
		Subscriber: alarm.Thresholds{Raise: 90, Clear: 50}, Address: alarm.Thresholds{Raise: 3, Clear: 1}, Pool: alarm.Thresholds{Raise: 2, Clear: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := m.Begin(now)
	tally := NewTally(p, 0)
	for i := range 5 {
		tally.Add(Use{Share: share(t, p, fmt.Sprintf("100.64.0.%d", i)), Ports: Protocols{UDP: 1800}}, r)
	}
	tally.Add(Use{Share: share(t, p, "100.65.0.1"), Ports: Protocols{TCP: 899}}, r) // of 1000
	tally.Usage(PoolsOf(p), r)
	var got []string
	for _, e := range r.End(true) {
		got = append(got, e.String())
	}
	slices.Sort(got)
	want := []string{
		"alarm raised: address 192.0.2.0: 9000 of 64512 ports",
		`alarm raised: pool "fttx": 9000 of 400000 ports`,
	}
	for i := range 5 {
		want = append(want, fmt.Sprintf(`alarm raised: subscriber 100.64.0.%d in realm "default": 1800 of 2000 ports`, i))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestForeignSharesAreIgnored(t *testing.T) {
	one, other := twoPools(t), twoPools(t)
	tally := NewTally(one, 10)
	tally.Add(Use{Share: share(t, other, "100.64.0.1"), Ports: Protocols{TCP: 5}}, nil)
	tally.Add(Use{Ports: Protocols{TCP: 5}}, nil)
	u := tally.Usage(PoolsOf(one), nil)
	if u.Pools[0].Ports.TCP != 0 || u.Pools[0].Subscribers.Count() != 200 || len(u.Top) != 0 {
		t.Errorf("%+v", u)
	}
}

// TestPortsOfPoolsAddUp compares PoolsOf with a trace of every port of every address.
func TestPortsOfPoolsAddUp(t *testing.T) {
	psid := 3
	for _, spec := range []alloc.PoolSpec{
		{Name: "a", Inside: ranges(t, "100.64.0.0/27"), Outside: ranges(t, "192.0.2.0/31"), PortsPerSubscriber: 2000, SharingRatio: 32},
		{Name: "b", Inside: ranges(t, "100.64.0.0/28"), Outside: ranges(t, "192.0.2.0/30"), PortsPerSubscriber: 1000, DynamicPorts: 20_000},
		{Name: "c", Inside: ranges(t, "100.64.0.0-100.64.0.9"), Outside: ranges(t, "192.0.2.0/31"), Scheme: alloc.PSID, PSIDLength: &psid},
		{Name: "d", Inside: ranges(t, "100.64.0.0/28"), Outside: ranges(t, "192.0.2.0/28"), SharingRatio: 1},
	} {
		p := plan(t, spec)
		got := PoolsOf(p)[0]
		counts := map[alloc.Status]uint64{}
		for pool := range p.Pools() {
			for r := range pool.OutsideRanges() {
				for a := r.First(); r.Contains(a); a = a.Next() {
					for port := range 65536 {
						counts[p.Trace(a, uint16(port)).Status()]++
					}
				}
			}
		}
		if got.OwnedPorts != counts[alloc.Allocated] || got.TailPorts != counts[alloc.Tail] || got.DynamicPorts != counts[alloc.Dynamic] {
			t.Errorf("%s: %+v, a trace of all ports says %v", spec.Name, got, counts)
		}
	}
}
