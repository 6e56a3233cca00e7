//go:build linux

package nat44

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

const million = 1_000_000

// millionPlans are two plans over a million subscribers that differ in one of a hundred.
func millionPlans(tb testing.TB) (a, b *Ruleset) {
	const out = "192.0.0.0-192.0.63.255"
	return subscribersOf(tb, out, 1000, "100.64.0.0-100.79.66.63"),
		subscribersOf(tb, out, 1000, "100.64.0.0-100.64.255.255", "100.65.19.136-100.65.39.15", "100.65.0.0-100.65.19.135", "100.65.39.16-100.79.66.63")
}

// BenchmarkIncrement changes one per cent of a million subscribers, and counts the time from when the difference is known.
func BenchmarkIncrement(b *testing.B) {
	bench := newBench(b)
	one, two := millionPlans(b)
	bench.apply(one)
	next, other := two, one
	for b.Loop() {
		b.StopTimer()
		st, err := bench.k.read(next.instance)
		if err != nil {
			b.Fatal(err)
		}
		d, err := bench.k.plan(next, st)
		if err != nil || d.Way != Increment || d.Moved != million/100 {
			b.Fatal(d.Report, err)
		}
		b.StartTimer()
		if err := bench.k.change(next, st, d); err != nil {
			b.Fatal(err)
		}
		next, other = other, next
	}
	b.StopTimer()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/change")
	if d := bench.differences(other); len(d) > 0 {
		b.Fatal(d[0])
	}
}

// BenchmarkNewFlow sends the first packet of flows, each from another inside endpoint, through a CGN with a thousand and with a
// million subscribers in turn. The sender's system call does all the work, from socket to server, so its time is the cost.
func BenchmarkNewFlow(b *testing.B) {
	netnstest.Root(b)
	const flows = 100_000
	var small, large []float64
	top := netnstest.NewTopology(b, netns.Options{Outside: []netip.Prefix{netip.MustParsePrefix("192.0.0.0/18")}, Offload: true})
	bench := openBench(b, top.CGN)
	thousand := subscribersOf(b, "192.0.0.0-192.0.63.255", 1000, "100.64.0.0-100.64.3.231")
	all, _ := millionPlans(b)
	for b.Loop() {
		small = append(small, bench.newFlows(top, thousand, flows))
		large = append(large, bench.newFlows(top, all, flows))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(small), "ns/flow@1k")
	b.ReportMetric(median(large), "ns/flow@1M")
	b.ReportMetric(median(large)/median(small), "ratio")
}

// newFlows loads a plan, forgets all flows and times new ones. Sources are the first thousand subscribers, so that both plans get
// the same packets.
func (b *bench) newFlows(top *netns.Topology, rs *Ruleset, n int) float64 {
	b.Helper()
	b.apply(rs)
	if _, err := b.k.sock.forget(func(flow) bool { return true }); err != nil {
		b.Fatal(err)
	}
	var fd int
	err := top.Subscribers[0].Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	to := netip.AddrPortFrom(top.Servers[0].Addr, 9)
	quiet, err := top.Servers[0].ListenUDP(to)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = quiet.Close() }()
	packet := make([]byte, 34)
	start := time.Now()
	for i := range n {
		host := i % 1000
		udpPacket(packet, netip.AddrPortFrom(netip.AddrFrom4([4]byte{100, 64, byte(host >> 8), byte(host)}), uint16(2000+i/1000)), to)
		if err := unix.Sendto(fd, packet, 0, &unix.SockaddrInet4{Addr: to.Addr().As4()}); err != nil {
			b.Fatal(err)
		}
	}
	each := float64(time.Since(start).Nanoseconds()) / float64(n)
	made := 0
	if err := b.k.sock.flows(func(_ []byte, f flow) error {
		if f.orig.src != f.reply.dst {
			made++
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	if made < n*99/100 {
		b.Fatalf("of %d flows %d were translated", n, made)
	}
	return each
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}
