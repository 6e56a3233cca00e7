//go:build linux

package ebpf

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

func ap(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }
func ad(text string) netip.Addr     { return netip.MustParseAddr(text) }

// labPools are a pool whose subscribers share addresses, one in which everybody has one, and a list in which some do.
func labPools() []alloc.PoolSpec {
	return []alloc.PoolSpec{
		{Inside: spans("100.64.0.0/25 100.64.252.0/28 100.64.253.0/28 100.64.254.0/28 100.64.255.0/28"), Outside: spans("198.51.100.0/30"), SharingRatio: 64},
		{Inside: spans("100.65.0.0/31"), Outside: spans("198.51.100.128/31"), SharingRatio: 1},
		listOfShares("100.65.8.1 198.51.100.160 1-4000,5000", "100.65.8.2 198.51.100.161 1-4000", "100.65.8.3 198.51.100.161 5000-9999"),
	}
}

// Somebody outside, and a router on the way there.
var (
	server = ap("192.0.2.1:443")
	router = ad("192.0.2.77")
	twin   = ap("100.64.252.1:53") // who has a subscriber's address
)

// An actor is a subscriber with a mapping in every plane.
type actor struct{ in, out [3]netip.AddrPort }

// A cast is who appears in scenes.
type cast struct {
	alice, bob actor // behind one address
	carol      actor // behind another
	solo       actor // behind one of her own
	only       actor // the only one on an address of a list
	pair       actor // one of two on another of it
	narrow     actor // behind a link with an MTU of 1300
	lost       actor // whose addresses have become unreachable since
	unknown    actor // behind a router whose MAC address is not known
	stranger   netip.Addr
}

func newCast(l *lab) *cast {
	l.Helper()
	return &cast{
		alice: l.actor("100.64.0.1"), bob: l.actor("100.64.0.2"), carol: l.actor("100.64.0.70"), solo: l.actor("100.65.0.1"),
		only: l.actor("100.65.8.1"), pair: l.actor("100.65.8.2"),
		narrow: l.actor("100.64.253.1"), lost: l.actor("100.64.254.1"), unknown: l.actor("100.64.255.1"),
		stranger: ad("100.66.0.1"),
	}
}

// opening returns the first packet of a session.
func opening(p plane, from, to netip.AddrPort) datagram {
	switch p {
	case planeTCP:
		return tcp(from, to, syn, "")
	case planeUDP:
		return udp(from, to, "open")
	default:
		return icmpQuery(from.Addr(), to.Addr(), echoRequest, from.Port(), "open")
	}
}

// actor opens a mapping in every plane, from a different port each.
func (l *lab) actor(addr string) (a actor) {
	l.Helper()
	for p := range a.in {
		a.in[p] = netip.AddrPortFrom(ad(addr), uint16(30000+p))
		l.send(fromInside, opening(plane(p), a.in[p], server).frame())
		a.out[p] = l.model.inside[insider{plane(p), a.in[p]}].outside
	}
	return a
}

// arriving returns a frame as the router of a side gets it: one hop further.
func arriving(to side, d datagram) []byte {
	d.ttl--
	frame := d.frame()
	copy(frame, routerMAC[to])
	copy(frame[6:], labMAC[to])
	return frame
}

// toServer and toSubscriber return frames that leave the NAT.
func toServer(d datagram) []byte     { return arriving(fromOutside, d) }
func toSubscriber(d datagram) []byte { return arriving(fromInside, d) }

// A scene is a packet and what becomes of it. Without out it goes to the host as it came, or ends.
type scene struct {
	name string
	from side
	in   []byte
	want verdict
	out  []byte
}

// play runs scenes through a lab, one after the other: what the model says and what the scene says must come out.
func (l *lab) play(t *testing.T, scenes []scene) {
	for _, r := range scenes {
		t.Run(r.name, func(t *testing.T) {
			got := l.run(r.from, r.in)
			if diff := l.model.judge(r.from, r.in, got); diff != "" {
				t.Errorf("the model says otherwise: %s", diff)
			}
			want := outcome{verdict: r.want, action: xdpDrop, frame: r.out}
			switch {
			case r.out == nil && r.want.passes():
				want.action, want.frame = xdpPass, r.in
			case r.out != nil:
				want.action, want.reply = xdpRedirect, r.want.drops()
				if bytes.Equal(r.out[6:12], anyMAC) { // an answer comes from the station that was asked
					want.frame = slices.Clone(r.out)
					copy(want.frame[6:], labMAC[r.from])
				}
			}
			if diff := want.diff(got); diff != "" {
				t.Errorf("the scene says otherwise: %s", diff)
			}
			if t.Failed() {
				t.Logf("the packet: %q", lines(r.in))
			}
		})
	}
}
