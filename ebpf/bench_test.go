package ebpf

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// BenchmarkLookup reports nanoseconds of the kernel for one answer about a random subscriber, over what the same program takes
// without a lookup. The two programs alternate; the figure is the median of the rounds.
func BenchmarkLookup(b *testing.B) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name  string
		reach uint32 // questions, less one
		pool  alloc.PoolSpec
	}{
		{"one prefix, 1k questions", 1023, alloc.PoolSpec{Inside: spans("10.0.0.0/16"), Outside: spans("198.18.0.0/22"), SharingRatio: 64}},
		{"one prefix", batch - 1, alloc.PoolSpec{Inside: spans("10.0.0.0/16"), Outside: spans("198.18.0.0/22"), SharingRatio: 64}},
		{"64 ranges", batch - 1, alloc.PoolSpec{Inside: randomRanges(rnd, 0x0a000000, 64, 2000), Outside: spans("198.18.0.0/21"), SharingRatio: 64}},
		{"list of 1M", batch - 1, alloc.PoolSpec{Inside: scattered(rnd, 1_000_000), Outside: spans("198.18.0.0/18"), SharingRatio: 64}},
		{"list of 1k, 1k questions", 1023, alloc.PoolSpec{Inside: scattered(rnd, 1_000), Outside: spans("198.18.0.0/18"), SharingRatio: 64}},
		{"list of 1M, 1k questions", 1023, alloc.PoolSpec{Inside: scattered(rnd, 1_000_000), Outside: spans("198.18.0.0/18"), SharingRatio: 64}},
		{"shares of 1k, 1k questions", 1023, listOf(rnd, 1_000)},
		{"shares of 1M, 1k questions", 1023, listOf(rnd, 1_000_000)},
		{"list of ports", batch - 1, alloc.PoolSpec{Inside: spans("10.0.0.0/16"), Outside: spans("198.18.0.0/22"), SharingRatio: 64, Reserve: portSet("0-1023,5060")}},
		{"shares of 1M", batch - 1, listOf(rnd, 1_000_000)},
		{"psid", batch - 1, alloc.PoolSpec{Inside: spans("10.0.0.0/16"), Outside: spans("198.18.0.0/22"), SharingRatio: 64, Scheme: alloc.PSID}},
	} {
		b.Run(c.name, func(b *testing.B) {
			k := load(b, mustPlan(b, c.pool))
			questions := make([]query, batch)
			for i := range questions {
				a, _ := k.pools[0].At(rnd.Uint64N(k.pools[0].Subscribers()))
				questions[i] = query{Inside: wire(a.Inside()), Number: uint32(rnd.IntN(a.Ports().Len()))}
			}
			k.ask("forward", questions)
			if err := k.coll.Variables["reach"].Set(c.reach); err != nil {
				b.Fatal(err)
			}
			var floor, forward []float64
			for range 7 {
				floor = append(floor, k.time(b, "bench_floor"))
				forward = append(forward, k.time(b, "bench_forward"))
			}
			b.ReportMetric(median(floor), "floor-ns")
			b.ReportMetric(median(forward)-median(floor), "forward-ns")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// time returns the nanoseconds of one run of a program.
func (k *kernel) time(b *testing.B, program string) float64 {
	b.Helper()
	const repeat = 300_000
	_, each, err := k.coll.Programs[program].Benchmark(packet, repeat, nil)
	if err != nil {
		b.Fatal(err)
	}
	return float64(each.Nanoseconds())
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
