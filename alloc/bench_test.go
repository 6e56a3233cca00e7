package alloc

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
)

const benchQueries = 4096 // a power of two

type benchCase struct {
	name string
	spec Spec
}

func benchCases() []benchCase {
	const inside, outside = "100.64.0.0/10", "198.18.0.0/15"
	return []benchCase{
		{"sequential", spec(pool("p", inside, outside))},
		{"spread", spec(pool("p", inside, outside, scheme(Spread)))},
		{"stripe", spec(pool("p", inside, outside, scheme(Stripe)))},
		{"psid", spec(pool("p", inside, outside, scheme(PSID)))},
		{"explicit", spec(PoolSpec{Name: "p", Inside: scattered(1_000_000), Outside: addrs(outside), SharingRatio: 32})},
	}
}

// listedCases are apart, because a list of a million shares in memory slows the others down.
func listedCases() []benchCase {
	return []benchCase{{"scheme explicit", spec(listedPool(1_000_000, "1024-3039"))}}
}

// benchmark runs one sub-benchmark a case, with the allocations of random subscribers.
func benchmark(b *testing.B, cases []benchCase, run func(b *testing.B, p *Plan, allocations []Allocation)) {
	b.Helper()
	for _, bc := range cases {
		p := mustPlan(b, bc.spec)
		pool := p.pools[0]
		rng := rand.New(rand.NewPCG(19, 23))
		list := make([]Allocation, benchQueries)
		for i := range list {
			list[i], _ = pool.At(rng.Uint64N(pool.Subscribers()))
		}
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			run(b, p, list)
			b.ReportMetric(float64(pool.IndexBytes())/float64(pool.Subscribers()), "index-B/subscriber")
		})
	}
}

func BenchmarkLookup(b *testing.B)       { benchmarkLookup(b, benchCases()) }
func BenchmarkLookupListed(b *testing.B) { benchmarkLookup(b, listedCases()) }

func benchmarkLookup(b *testing.B, cases []benchCase) {
	b.Helper()
	benchmark(b, cases, func(b *testing.B, p *Plan, allocations []Allocation) {
		queries := make([]Subscriber, len(allocations))
		for i, a := range allocations {
			queries[i] = a.Subscriber()
		}
		i, sum := 0, 0
		for b.Loop() {
			a, err := p.Lookup(queries[i&(benchQueries-1)])
			if err != nil {
				b.Fatal(err)
			}
			if a.Outside().Is4() {
				sum += int(a.Ports().First())
			}
			i++
		}
		if sum == 0 {
			b.Fatal("no ports")
		}
	})
}

func BenchmarkTrace(b *testing.B)       { benchmarkTrace(b, benchCases()) }
func BenchmarkTraceListed(b *testing.B) { benchmarkTrace(b, listedCases()) }

func benchmarkTrace(b *testing.B, cases []benchCase) {
	b.Helper()
	benchmark(b, cases, func(b *testing.B, p *Plan, allocations []Allocation) {
		queries := make([]netip.AddrPort, len(allocations))
		for i, a := range allocations {
			port, _ := a.Ports().Port(i % a.Ports().Len())
			queries[i] = netip.AddrPortFrom(a.Outside(), port)
		}
		i, found := 0, 0
		for b.Loop() {
			q := queries[i&(benchQueries-1)]
			a, ok := p.Trace(q.Addr(), q.Port()).Allocation()
			if !ok {
				b.Fatalf("nobody has %v", q)
			}
			if a.Subscriber().Prefix.IsValid() {
				found++
			}
			i++
		}
		if found != i {
			b.Fatal("a subscriber is invalid")
		}
	})
}

func BenchmarkAll(b *testing.B) {
	p := mustPlan(b, spec(pool("p", "100.64.0.0/10", "198.18.0.0/15")))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for a := range p.All() {
			n += a.Ports().Len()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(p.Subscribers()), "ns/subscriber")
	if n == 0 {
		b.Fatal("no ports")
	}
}

// hundredPools has 100 pools with 4 million subscribers together and outside ranges that interleave.
func hundredPools() Spec {
	s := Spec{Pools: make([]PoolSpec, 100)}
	for i := range s.Pools {
		in := span{0x0a000000 + uint32(i)*40000, 0x0a000000 + uint32(i)*40000 + 39999}
		s.Pools[i] = PoolSpec{Name: fmt.Sprintf("pool%d", i), Inside: []AddrRange{addrRangeOf(in)}, SharingRatio: 64}
	}
	for k := range uint32(100 * 40) { // 40 ranges of 16 addresses for each pool, in turn
		p := &s.Pools[k%100]
		p.Outside = append(p.Outside, addrRangeOf(span{0xc6120000 + k*16, 0xc6120000 + k*16 + 15}))
	}
	return s
}

func BenchmarkNewPlan100Pools(b *testing.B) {
	s := hundredPools()
	b.ReportAllocs()
	for b.Loop() {
		if p, err := NewPlan(s); err != nil || p.Subscribers() != 4_000_000 {
			b.Fatal(err)
		}
	}
}

func BenchmarkDiff(b *testing.B) {
	older := mustPlan(b, spec(pool("p", "100.64.0.0/12", "198.18.0.0/15", size(2016))))
	newer := mustPlan(b, spec(pool("p", "100.64.0.0/12 101.64.0.0/16", "198.18.0.0/15", size(2016))))
	b.ReportAllocs()
	for b.Loop() {
		if d := Diff(older, newer); d.Added != 1<<16 || d.Moved != 0 {
			b.Fatalf("%+v", d)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(older.Subscribers()+newer.Subscribers()), "ns/subscriber")
}

func BenchmarkSHA256(b *testing.B) {
	for _, bc := range []benchCase{
		{"prefix", spec(pool("p", "100.64.0.0/10", "198.18.0.0/15"))},
		{"100 pools", hundredPools()},
		{"explicit", benchCases()[4].spec},
	} {
		p := mustPlan(b, bc.spec)
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if sum := p.hash(); sum == ([32]byte{}) {
					b.Fatal("no hash")
				}
			}
		})
	}
}
