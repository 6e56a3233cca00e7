//go:build linux

package ebpf

import (
	"net/netip"
	"slices"
	"testing"
)

// A sample is a packet of a kind that gets through.
type sample struct {
	name string
	from side
	in   []byte
}

// samplePackets returns a packet of every kind.
func samplePackets(c *cast) []sample {
	a, b := c.alice, c.bob
	options := func(d *datagram) { d.options = []byte{1, 7, 7, 4, 0, 0, 0, 0} }
	quote := func(me [3]netip.AddrPort) []byte { return about(tcp(me[planeTCP], server, ack, "data"), 1500) }
	me, my := a.in[1].Addr(), a.out[1].Addr()
	return []sample{
		{"UDP out", fromInside, udp(a.in[1], server, "some data").frame()},
		{"UDP out with options", fromInside, udp(a.in[1], server, "some data").with(options).frame()},
		{"UDP in", fromOutside, udp(server, a.out[1], "some data").frame()},
		{"UDP back", fromInside, udp(a.in[1], b.out[1], "some data").frame()},
		{"UDP in without a checksum", fromOutside, udpWithout(server, a.out[1], "some data").frame()},
		{"TCP out", fromInside, tcp(a.in[0], server, ack, "some data").frame()},
		{"TCP in with options", fromOutside, tcp(server, a.out[0], ack, "some data").with(options).frame()},
		{"TCP back", fromInside, tcp(a.in[0], b.out[0], ack, "some data").frame()},
		{"echo out", fromInside, icmpQuery(me, server.Addr(), echoRequest, a.in[2].Port(), "some data").frame()},
		{"echo reply in", fromOutside, icmpQuery(server.Addr(), my, echoReply, a.out[2].Port(), "some data").frame()},
		{"error in", fromOutside, icmpError(router, my, unreachable, 4, quote(a.out)).frame()},
		{"error in about options", fromOutside, icmpError(router, my, unreachable, 3, about(routed(udp(a.out[1], server, "some data")), 1500)).frame()},
		{"error in about an echo", fromOutside, icmpError(router, my, timeExceeded, 0, about(icmpQuery(my, server.Addr(), echoRequest, a.out[2].Port(), ""), 1500)).frame()},
		{"error out", fromInside, icmpError(me, server.Addr(), unreachable, 3, about(udp(server, a.in[1], "some data"), 1500)).frame()},
		{"error back", fromInside, icmpError(b.in[1].Addr(), my, unreachable, 3, about(udp(a.out[1], b.in[1], "some data"), 1500)).frame()},
		{"GRE out", fromInside, newDatagram(c.solo.in[0].Addr(), server.Addr(), protoGRE, []byte("some data")).frame()},
		{"DCCP out", fromInside, dccp(netip.AddrPortFrom(c.solo.in[0].Addr(), 5), server).frame()},
		{"error in about GRE", fromOutside, icmpError(router, c.solo.out[0].Addr(), unreachable, 4, about(newDatagram(c.solo.out[0].Addr(), server.Addr(), protoGRE, []byte("some data")), 1500)).frame()},
		{"error in about DCCP", fromOutside, icmpError(router, c.solo.out[0].Addr(), unreachable, 4, about(dccp(netip.AddrPortFrom(c.solo.out[0].Addr(), 5), server), 1500)).frame()},
		{"error out about UDP-Lite", fromInside, icmpError(c.solo.in[0].Addr(), server.Addr(), unreachable, 2, about(udpLite(server, netip.AddrPortFrom(c.solo.in[0].Addr(), 5), "some data"), 1500)).frame()},
		{"echo in to who has an address alone", fromOutside, icmpQuery(server.Addr(), c.solo.out[2].Addr(), echoRequest, 77, "some data").frame()},
		{"echo reply out of who has an address alone", fromInside, icmpQuery(c.solo.in[2].Addr(), server.Addr(), echoReply, 77, "some data").frame()},
		{"echo back to who has an address alone", fromInside, icmpQuery(me, c.solo.out[2].Addr(), echoRequest, a.in[2].Port(), "some data").frame()},
		{"TTL 1 in", fromOutside, udp(server, a.out[1], "some data").with(withTTL(1)).frame()},
		{"too big in", fromOutside, udp(server, c.narrow.out[1], string(make([]byte, 1300))).frame()},
	}
}

// A frame that ends early is never translated, wherever it ends.
func TestTruncatedFrames(t *testing.T) {
	l := newLab(t, Config{}, labPools()...)
	for _, s := range samplePackets(newCast(l)) {
		for n := ethernet; n < len(s.in); n += 1 + n/200 {
			got := l.send(s.from, s.in[:n:n])
			if !got.verdict.drops() && !got.verdict.passes() || got.reply {
				t.Errorf("%s: %d of %d octets: %s, reply %t", s.name, n, len(s.in), got.verdict, got.reply)
			}
		}
	}
}

// A packet that says itself how short it is, is what it says, and the rest of the frame is padding: it goes along as it is, and
// nothing is taken from it.
func TestShortPacketsInLongFrames(t *testing.T) {
	l := newLab(t, Config{}, labPools()...)
	translated := 0
	for _, s := range samplePackets(newCast(l)) {
		for n := range len(s.in) - ethernet {
			frame := lengthened(slices.Clone(s.in), n+ethernet-len(s.in))
			if got := l.send(s.from, frame); !got.verdict.drops() && !got.verdict.passes() {
				translated++
			}
		}
	}
	if translated < 1000 {
		t.Errorf("only %d packets were translated", translated)
	}
}
