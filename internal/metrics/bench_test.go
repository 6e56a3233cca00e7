package metrics

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// million is a Snapshot of a million subscribers in n pools, all of whom use something.
func million(b *testing.B, n int) *Snapshot {
	b.Helper()
	var specs []alloc.PoolSpec
	for i := range n {
		each, addrs := 1_000_000/n, (1_000_000/n+31)/32
		first, outside := 100<<24|64<<16+uint32(i*each), 11<<24+uint32(i*addrs)
		specs = append(specs, alloc.PoolSpec{
			Name: fmt.Sprintf("pool%03d", i), SharingRatio: 32, PortsPerSubscriber: 2016,
			Inside:  ranges(b, fmt.Sprintf("%v-%v", ip(first), ip(first+uint32(each)-1))),
			Outside: ranges(b, fmt.Sprintf("%v-%v", ip(outside), ip(outside+uint32(addrs)-1))),
		})
	}
	p := plan(b, specs...)
	t, pools := NewTally(p, MaxTop), PoolsOf(p)
	i := uint64(0)
	for a := range p.All() {
		ports := Protocols{i % 200, i % 90, i % 3}
		t.Add(Use{Share: a, Ports: ports, Mappings: ports, Sessions: ports}, nil)
		i++
	}
	s := &Snapshot{Pools: pools, Usage: t.Usage(pools, nil)}
	s.Usage.HasSessions, s.Usage.Taken = true, now
	return s
}

func ip(n uint32) string { return fmt.Sprintf("%d.%d.%d.%d", n>>24, n>>16&255, n>>8&255, n&255) }

// BenchmarkScrape is a whole scrape over HTTP of a million subscribers. The limit is 50 ms.
func BenchmarkScrape(b *testing.B) {
	for _, pools := range []int{1, 20, MaxPools} {
		b.Run(fmt.Sprintf("pools=%d", pools), func(b *testing.B) {
			h := Handler(fixed{million(b, pools)}, Build{})
			b.ReportAllocs()
			var bytes int
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
				bytes = w.Body.Len()
			}
			b.ReportMetric(float64(bytes), "bytes")
		})
	}
}

// BenchmarkTally adds up a million subscribers, in the background of the daemon.
func BenchmarkTally(b *testing.B) {
	for b.Loop() {
		million(b, 20)
	}
}
