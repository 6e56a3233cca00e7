//go:build linux

package conformance

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
)

func xdpErrorProbes() map[string]probe {
	return map[string]probe{
		"4787-12":  shows(overXDP(roomy), errorsEndNothing("udp")),
		"4787-12a": shows(overXDP(roomy), errorsComeIn),
		"4787-12b": like("4787-12a"),
		"5382-9":   shows(overXDP(roomy), tooBigComesIn),
		"5382-10":  shows(overXDP(roomy), errorsEndNothing("tcp")),
		"5508-3":   shows(overXDP(roomy), wrongChecksum),
		"5508-3a":  shows(overXDP(roomy), wrongQuotedHeaderIsKept),
		"5508-3b":  shows(overXDP(roomy), quotedOptions),
		"5508-3c":  shows(overXDP(roomy), wrongQuotedTransport),
		"5508-3d":  shows(overXDP(roomy), extensions),
		"5508-4":   shows(overXDP(roomy), errorsWithoutMapping),
		"5508-4a":  like("4787-12a"),
		"5508-5":   shows(overXDP(roomy), strayErrorFromInside),
		"5508-5a":  shows(overXDP(roomy), errorsGoOut),
		"5508-5c":  like("5508-5a"),
		"5508-6":   shows(overXDP(roomy), errorAboutQueryKeepsNothing),
	}
}

func xdpICMPProbes() map[string]probe {
	return map[string]probe{
		"5508-1":   shows(overXDP(roomy), queriesPass),
		"5508-10a": shows(overXDP(roomy), traceroute),
		"5508-10b": shows(overXDP(roomy), timestampsPass),
		"5508-10c": shows(overXDP(roomy), obsoleteMessagesAreKept),
		"5508-10d": shows(overXDP(4), ownErrors),
		"5508-10e": shows(overXDP(roomy), noErrorAboutErrors),
		"5508-10f": like("6888-11b"),
		"5508-11":  shows(overXDP(roomy), unknownMessages),
		"7422-12":  like("5508-1"),
	}
}

func wrongQuotedHeaderIsKept(t *testing.T, b *bench) {
	q := newQuarrel(t, b)
	about := slices.Clone(q.out)
	about[10] ^= 0xff
	q.isKept(t, icmpError(addr("203.0.113.77"), q.seen.Addr(), 3, 1, 0, about))
}

// errorsWithoutMapping shows that errors about outside endpoints that are nobody's mapping go nowhere. With the mapping of another
// protocol, too. To whom the packet was sent does not matter, as a mapping is not about that.
func errorsWithoutMapping(t *testing.T, b *bench) {
	q := newQuarrel(t, b)
	about := func(at int, xor byte) []byte {
		raw := slices.Clone(q.out)
		raw[at] ^= xor
		raw[10], raw[11] = 0, 0
		binary.BigEndian.PutUint16(raw[10:], netns.Checksum(raw[:20]))
		return raw
	}
	router := addr("203.0.113.77")
	q.isKept(t, icmpError(router, q.seen.Addr(), 3, 1, 0, about(21, 0x55)))                                      // another port
	q.isKept(t, icmpError(router, q.seen.Addr(), 3, 1, 0, about(9, unix.IPPROTO_UDP^unix.IPPROTO_TCP)))          // TCP has no mapping
	q.isKept(t, icmpError(router, q.seen.Addr(), 3, 1, 0, about(9, 0x55)))                                       // no protocol that we know
	q.isKept(t, icmpError(router, q.seen.Addr(), 3, 1, 0, about(15, 0x55)))                                      // not about the one it is sent to
	q.comesIn(t, icmpError(router, q.seen.Addr(), 3, 1, 0, about(19, 0x55)))                                     // to another server
	if p := q.comesIn(t, icmpError(router, q.seen.Addr(), 3, 1, 0, about(23, 0x55))); p.Dst != q.inside.Addr() { // to another port of it
		t.Errorf("the error went to %v", p.Dst)
	}
}

// errorAboutQueryKeepsNothing shows that an error about an echo request passes and leaves the mapping as it is.
func errorAboutQueryKeepsNothing(t *testing.T, b *bench) {
	e := newTalk(t, b, "icmp").say(t, 0, 40000, 0)
	out := watch(t, b.Servers[0].NS, icmpOf(8))
	send(t, b.Subscribers[0], b.query(8, 40000, "query"))
	about := out.await(t, 1)[0].Raw
	b.idles(t, "icmp", e, func() {
		in := watch(t, b.Subscribers[0].NS, icmpOf(3))
		send(t, b.Servers[0], icmpError(addr("203.0.113.77"), e.Addr(), 3, 1, 0, about))
		p := in.await(t, 1)[0]
		sound(t, p)
		if id := binary.BigEndian.Uint16(quoted(p)[24:]); id != 40000 {
			t.Errorf("the error is about identifier %d, want 40000", id)
		}
	})
}

// timestampsPass shows timestamp with its identifier and parameter problem, and that address mask, redirect and router
// advertisement do not pass.
func timestampsPass(t *testing.T, b *bench) {
	got := b.crosses(t, b.query(13, 40000, "aaaabbbbcccc"))
	b.owns(t, 0, netip.AddrPortFrom(got.Src, binary.BigEndian.Uint16(body(got)[4:])))
	b.errorsCross(t, 12)
	b.swallowed(t, b.query(17, 40000, "mask"))
	q := newQuarrel(t, b)
	q.isKept(t, icmpError(addr("203.0.113.77"), q.seen.Addr(), 5, 1, 0xcb007101, q.out))
	b.swallowed(t, netns.IPv4{
		Src: b.Subscribers[0].Addr, Dst: b.Servers[0].Addr, Proto: unix.IPPROTO_ICMP, Payload: icmp(9, 0, 0x01020708, make([]byte, 8)),
	})
}

// obsoleteMessagesAreKept shows that source quench and information request do not pass.
func obsoleteMessagesAreKept(t *testing.T, b *bench) {
	b.swallowed(t, b.query(15, 40000, ""))
	q := newQuarrel(t, b)
	q.isKept(t, icmpError(addr("203.0.113.77"), q.seen.Addr(), 4, 0, 0, q.out))
}

// ownErrors shows the precedence of the errors that the CGN makes: about a TTL that runs out in either direction, and about a packet
// for which there is no port.
func ownErrors(t *testing.T, b *bench) {
	w := watch(t, b.Subscribers[0].NS, icmpOf(11))
	out := datagram(b.from(0, 40000), netip.AddrPortFrom(b.Servers[0].Addr, 9), "ttl")
	seen := b.endpoint(t, 0, 40000, 9)
	out.TTL = 1
	send(t, b.Subscribers[0], out)
	w.hasPrecedence(t)
	w = watch(t, b.Servers[0].NS, icmpOf(11))
	in := datagram(netip.AddrPortFrom(b.Servers[0].Addr, 9), seen, "ttl")
	in.TTL = 1
	send(t, b.Servers[0], in)
	w.hasPrecedence(t)
	w = watch(t, b.Subscribers[0].NS, icmpOf(3))
	for port := uint16(40001); port < 40005; port++ {
		send(t, b.Subscribers[0], datagram(b.from(0, port), netip.AddrPortFrom(b.Servers[0].Addr, 9), "new"))
	}
	w.hasPrecedence(t)
}

// hasPrecedence checks the first packet that is seen.
func (w watcher) hasPrecedence(t *testing.T) {
	t.Helper()
	p := w.await(t, 1)[0]
	sound(t, p)
	if tos := p.Raw[1]; tos>>5 != 6 {
		t.Errorf("ICMP error %d has type of service %#x, want precedence 6", p.ICMPType, tos)
	}
}

// noErrorAboutErrors shows it in both directions: the CGN speaks about a query and not about an error, which come with the same TTL.
func noErrorAboutErrors(t *testing.T, b *bench) {
	noErrorAboutError(t, b)
	q := newQuarrel(t, b)
	w := watch(t, b.Servers[0].NS, icmpOf(11))
	e := icmpError(addr("203.0.113.77"), q.seen.Addr(), 3, 1, 0, q.out)
	e.TTL = 1
	e.Src = b.Servers[0].Addr
	send(t, b.Servers[0], e)
	p := datagram(q.server, q.seen, "ttl")
	p.TTL = 1
	send(t, b.Servers[0], p)
	if got := w.await(t, 1); len(got) != 1 || quoted(got[0])[9] != unix.IPPROTO_UDP {
		t.Errorf("%d errors, the first about protocol %d", len(got), quoted(got[0])[9])
	}
}
