//go:build linux

package ebpf

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
)

// BenchmarkFiltering reports what a packet from outside costs whose sender counts, in nanoseconds of a run of the driver's program: of a
// stranger, who is refused, and of a peer that the table knows. There is no way to the subscriber, so that what is let in ends there
// and can be sent again: "let in by all" is that packet where nothing is filtered. "no mapping" is one to an unused port, which no
// table is asked about. The packets take turns; the figure is the median of the rounds.
func BenchmarkFiltering(b *testing.B) {
	unreached := alloc.PoolSpec{Name: "a", Inside: spans("100.64.254.0/25"), Outside: spans("198.51.100.0/30"), SharingRatio: 64}
	for _, c := range []struct {
		name  string
		peers int // that the subscriber has beside the one in the slot
		most  int
	}{{"one peer", 0, 320}, {"2 of 320 peers", 1, 320}, {"320 of 320 peers", 320, 320}, {"2048 of 2048 peers", 2048, 2048}} {
		b.Run(c.name, func(b *testing.B) {
			pin(b)
			open := newLab(b, Config{}, unreached)
			l := newLab(b, Config{Policy: Policy{Filtering: AddressAndPortDependent, Peers: c.most}}, unreached)
			me, peers := ap("100.64.254.1:5000"), peersOf(c.peers+2)
			var out netip.AddrPort
			for _, peer := range peers[:c.peers+1] {
				out = l.opens(udp(me, peer, "x"))
			}
			figures := []*figure{
				{l: l, name: "refused-ns", d: udp(peers[c.peers+1], out, "x"), want: dropFiltered},
				{l: l, name: "known-ns", d: udp(peers[0], out, "x"), want: dropUnrouted},
				{l: open, name: "let-in-by-all-ns", d: udp(peers[0], open.opens(udp(me, peers[0], "x")), "x"), want: dropUnrouted},
				{l: l, name: "no-mapping-ns", d: udp(peers[0], netip.AddrPortFrom(out.Addr(), out.Port()^1), "x"), want: dropNoMapping},
			}
			for range 7 {
				for _, f := range figures {
					f.measure(b)
				}
			}
			for _, f := range figures {
				b.ReportMetric(median(f.rounds), f.name)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// A figure is what a packet from outside costs.
type figure struct {
	l      *lab
	name   string
	d      datagram
	want   verdict
	rounds []float64
}

func (f *figure) measure(b *testing.B) {
	b.Helper()
	const repeat = 100_000
	f.l.hears(f.name, f.d, f.want)
	frame := f.d.frame()
	f.l.address(fromOutside, frame)
	opts := ebpf.RunOptions{
		Data: frame, DataOut: make([]byte, len(frame)+256), Repeat: repeat,
		Context: &[6]uint32{1: uint32(len(frame)), 3: f.l.links[fromOutside]},
	}
	var err error
	var took time.Duration
	done := make(chan struct{})
	f.l.work <- func() {
		begun := time.Now()
		_, err = f.l.programs[fromOutside].Run(&opts)
		took = time.Since(begun)
		close(done)
	}
	if <-done; err != nil {
		b.Fatal(err)
	}
	f.l.was = f.l.tally.read()
	f.rounds = append(f.rounds, float64(took.Nanoseconds())/repeat)
}
