//go:build linux

package ebpf

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
)

// TestForwardsTakeNoPeers: a forward is reached by everybody, so whom it answers is not noted, and clients cannot use up the peers of a subscriber.
func TestForwardsTakeNoPeers(t *testing.T) {
	for _, f := range []Filtering{AddressDependent, AddressAndPortDependent} {
		l := newFilterLab(t, f, peersPool)
		sub := ad("100.64.0.1")
		share := must(l.d.Plan().Lookup(alloc.SubscriberFrom("", sub)))
		port, _ := share.Ports().Port(5)
		out, web := netip.AddrPortFrom(share.Outside(), port), netip.AddrPortFrom(sub, 80)
		for _, proto := range []Protocol{TCP, UDP} {
			if err := l.d.Forward(Forward{alloc.SubscriberFrom("", sub), proto, port, 80}); err != nil {
				t.Fatal(err)
			}
		}
		for _, client := range peersOf(400) {
			l.hears("a client", tcp(client, out, syn, ""), inbound)
			l.opens(tcp(web, client, syn|ack, ""))
			l.hears("a question", udp(client, out, "q"), inbound)
			l.opens(udp(web, client, "a"))
		}
		me := netip.AddrPortFrom(sub, 5000)
		l.opens(udp(me, ap("192.0.2.1:53"), "x"))
		l.opens(udp(me, ap("192.0.2.2:53"), "x"))
		if n := l.tablesOfPeers(); n != 1 {
			t.Errorf("%v: %d tables, for one mapping with two peers", f, n)
		}
	}
}

// TestResetOpensNothing: who is told to go away may not come in for that.
func TestResetOpensNothing(t *testing.T) {
	for _, f := range []Filtering{AddressDependent, AddressAndPortDependent} {
		l := newFilterLab(t, f, peersPool)
		me, stranger := ap("100.64.0.1:5000"), ap("192.0.2.2:443")
		out := l.opens(tcp(me, ap("192.0.2.1:443"), syn, ""))
		l.hears("a stranger", tcp(stranger, out, syn, ""), dropFiltered)
		l.opens(tcp(me, stranger, rst, ""))
		l.hears("a stranger that was told to go away", tcp(stranger, out, syn, ""), dropFiltered)
	}
}

// TestSessionsOfOneAddress: of two sessions of one inside port to two ports of a server, the end of one is not that of the other (RFC 5382
// REQ-5), also where the slot cannot tell them apart, which is so for one pair of 16.
func TestSessionsOfOneAddress(t *testing.T) {
	l := newFilterLab(t, AddressDependent, peersPool)
	one := ap("192.0.2.1:443")
	for i := range uint16(160) {
		me := netip.AddrPortFrom(ad("100.64.0.1"), 20000+i)
		two := netip.AddrPortFrom(one.Addr(), 1000+i)
		var out netip.AddrPort
		for _, server := range []netip.AddrPort{one, two} {
			out = l.opens(tcp(me, server, syn, ""))
			l.hears("SYN ACK", tcp(server, out, syn|ack, ""), inbound)
			l.opens(tcp(me, server, ack, ""))
		}
		l.opens(tcp(me, two, ack|fin, ""))
		l.hears("FIN", tcp(two, out, ack|fin, ""), inbound)
		l.opens(tcp(me, two, ack, ""))
		l.idle(planeTCP, out, 5*time.Minute)
		l.hears("data of the other session", tcp(one, out, ack, "x"), inbound)
	}
}
