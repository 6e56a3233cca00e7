package live

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/metrics"
)

func pool(tb testing.TB, name, realm, inside, outside string, ratio int) alloc.PoolSpec {
	tb.Helper()
	in, err := alloc.ParseAddrRange(inside)
	if err != nil {
		tb.Fatal(err)
	}
	out, err := alloc.ParseAddrRange(outside)
	if err != nil {
		tb.Fatal(err)
	}
	return alloc.PoolSpec{Name: name, Realm: realm, Inside: []alloc.AddrRange{in}, Outside: []alloc.AddrRange{out}, SharingRatio: ratio}
}

func plan(tb testing.TB, pools ...alloc.PoolSpec) *alloc.Plan {
	tb.Helper()
	p, err := alloc.NewPlan(alloc.Spec{Pools: pools})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// TestCounterEqualsTrace draws sessions of anybody with any outside endpoint. Those count of which the plan's trace says that the
// subscriber owns the port, and a port counts once.
func TestCounterEqualsTrace(t *testing.T) {
	seed := testseed.New(t)
	rng := rand.New(rand.NewPCG(seed, 1))
	p := plan(t, pool(t, "homes", "", "100.64.0.0/30", "192.0.2.0/31", 4), pool(t, "other", "wholesale", "172.16.0.0/31", "192.0.2.8", 2))
	insides := []string{"100.64.0.0", "100.64.0.1", "100.64.0.3", "100.64.0.4", "172.16.0.0", "172.16.0.1", "9.9.9.9"}
	outsides := []string{"192.0.2.0", "192.0.2.1", "192.0.2.8", "192.0.2.9"}
	c := newCounter(p)
	want := map[netip.Addr]*metrics.Use{}
	seen := map[string]bool{}
	for range 50_000 {
		inside, outside := netip.MustParseAddr(insides[rng.IntN(len(insides))]), netip.MustParseAddr(outsides[rng.IntN(len(outsides))])
		port := uint16(rng.IntN(8)) + []uint16{0, 1024, 17150, 17152, 33280, 65528}[rng.IntN(6)]
		proto := []alloc.Protocol{alloc.TCP, alloc.UDP, icmp, 47}[rng.IntN(4)]
		c.add(proto, inside, netip.AddrPortFrom(outside, port))
		a, ok := p.Trace(outside, port).Allocation()
		if !ok || a.Inside() != inside || proto == 47 {
			continue
		}
		u := want[inside]
		if u == nil {
			u = &metrics.Use{Share: a}
			want[inside] = u
		}
		key, n := fmt.Sprint(outside, port, proto), uint64(1)
		if seen[key] {
			n = 0
		}
		seen[key] = true
		switch proto {
		case alloc.TCP:
			u.Sessions.TCP++
			u.Ports.TCP += n
		case alloc.UDP:
			u.Sessions.UDP++
			u.Ports.UDP += n
		default:
			u.Sessions.ICMP++
			u.Ports.ICMP += n
		}
	}
	if len(want) < 4 {
		t.Fatalf("only %d subscribers had a session", len(want))
	}
	for inside, w := range want {
		if got := c.uses[inside]; got == nil || got.Ports != w.Ports || got.Sessions != w.Sessions || got.Share.Outside() != w.Share.Outside() {
			t.Errorf("%v: got %+v, want %+v", inside, got, w)
		}
	}
	for inside, got := range c.uses {
		if want[inside] == nil && got.Sessions != (metrics.Protocols{}) {
			t.Errorf("%v has %+v and should have nothing", inside, got)
		}
	}
}

// BenchmarkCounter is what a million sessions of 20,000 subscribers take.
func BenchmarkCounter(b *testing.B) {
	p := plan(b, pool(b, "a", "", "100.64.0.0-100.64.78.31", "192.0.0.0/22", 32))
	type session struct {
		inside  netip.Addr
		outside netip.AddrPort
	}
	var all []session
	for a := range p.All() {
		first := a.Ports().First()
		for i := range uint16(50) {
			all = append(all, session{a.Inside(), netip.AddrPortFrom(a.Outside(), first+i)})
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		c := newCounter(p)
		for _, s := range all {
			c.add(alloc.UDP, s.inside, s.outside)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(all)), "ns/session")
}
