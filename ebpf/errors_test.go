//go:build linux

package ebpf

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// ICMP errors carry the packet that they are about, and both are translated (RFC 5508 REQ-3 to REQ-7).
func TestErrors(t *testing.T) {
	l := newLab(t, Config{}, labPools()...)
	c := newCast(l)
	l.play(t, errorsIn(c))
	l.play(t, errorsOut(c))
	l.play(t, errorsBack(c))
	l.play(t, errorsRefused(c))
	l.play(t, errorsFromSubscribersRefused(c))
	l.play(t, errorsWithoutPorts(c))
}

// about returns what an error quotes: a packet one hop on its way, from its IP header to a length.
func about(d datagram, most int) []byte {
	d.ttl = 1
	b := d.ip()
	return b[:min(len(b), most)]
}

// damaged returns a frame whose last octet is another than when its checksums were made.
func damaged(d datagram) []byte {
	frame := d.frame()
	frame[len(frame)-1] ^= 0x10
	return frame
}

// shortest is how much of a packet without options an error has to quote.
const shortest = 28

// routed has a record route option, which is of no account in a quoted packet.
func routed(d datagram) datagram {
	d.options = []byte{131, 7, 4, 192, 0, 2, 9, 0}
	return d
}

func errorsIn(c *cast) []scene {
	a := c.alice
	from := func(typ, code uint8, quote func(endpoint [3]netip.AddrPort) []byte) (in, out []byte) {
		return icmpError(router, a.out[0].Addr(), typ, code, quote(a.out)).frame(),
			toSubscriber(icmpError(router, a.in[0].Addr(), typ, code, quote(a.in)))
	}
	var scenes []scene
	for _, e := range []struct {
		name      string
		typ, code uint8
		quote     func(me [3]netip.AddrPort) []byte
	}{
		{"about UDP", unreachable, 3, func(me [3]netip.AddrPort) []byte { return about(udp(me[planeUDP], server, "ask"), 1500) }},
		{"about UDP, the least", unreachable, 3, func(me [3]netip.AddrPort) []byte { return about(udp(me[planeUDP], server, "ask"), shortest) }},
		{"about UDP without a checksum", unreachable, 3, func(me [3]netip.AddrPort) []byte { return about(udpWithout(me[planeUDP], server, "ask"), 1500) }},
		{"about UDP with a source route", unreachable, 5, func(me [3]netip.AddrPort) []byte { return about(routed(udp(me[planeUDP], server, "ask")), 1500) }},
		{"about UDP with options, the least", unreachable, 5, func(me [3]netip.AddrPort) []byte { return about(routed(udp(me[planeUDP], server, "ask")), 36) }},
		{"about TCP, whole", unreachable, 1, func(me [3]netip.AddrPort) []byte { return about(tcp(me[planeTCP], server, ack, "data"), 1500) }},
		{"about TCP, 8 octets", unreachable, 1, func(me [3]netip.AddrPort) []byte { return about(tcp(me[planeTCP], server, ack, "data"), shortest) }},
		{"about TCP, up to its checksum", unreachable, 1, func(me [3]netip.AddrPort) []byte { return about(tcp(me[planeTCP], server, ack, "data"), 36) }},
		{"about TCP, its header", timeExceeded, 0, func(me [3]netip.AddrPort) []byte { return about(tcp(me[planeTCP], server, syn, ""), 40) }},
		{"about TCP, too big", unreachable, 4, func(me [3]netip.AddrPort) []byte { return about(tcp(me[planeTCP], server, ack, "data"), 1500) }},
		{"about an echo", timeExceeded, 0, func(me [3]netip.AddrPort) []byte {
			return about(icmpQuery(me[planeICMP].Addr(), server.Addr(), echoRequest, me[planeICMP].Port(), "ping"), 1500)
		}},
		{"about a timestamp, the least", parameterProblem, 0, func(me [3]netip.AddrPort) []byte {
			return about(icmpQuery(me[planeICMP].Addr(), server.Addr(), timestamp, me[planeICMP].Port(), "ping"), shortest)
		}},
		{"about a first fragment", timeExceeded, 1, func(me [3]netip.AddrPort) []byte {
			return about(udp(me[planeUDP], server, "ask").with(func(d *datagram) { d.flags = moreFragments }), 1500)
		}},
		{"with trailing octets of RFC 4884", timeExceeded, 0, func(me [3]netip.AddrPort) []byte {
			return append(about(udp(me[planeUDP], server, "ask"), 1500), make([]byte, 100)...)
		}},
	} {
		in, out := from(e.typ, e.code, e.quote)
		scenes = append(scenes, scene{"in, " + e.name, fromOutside, in, inbound, out})
	}
	for _, more := range []int{1, 2, 3, 219, 220, 221, 222, 476, 477, 1399, 1400} { // pieces of 256 octets are summed
		in, out := from(unreachable, 3, func(me [3]netip.AddrPort) []byte {
			return append(about(udp(me[planeUDP], server, "ask"), 1500), bytes.Repeat([]byte{0xa5}, more)...)
		})
		scenes = append(scenes, scene{fmt.Sprintf("in, about UDP, with %d octets more", more), fromOutside, in, inbound, out})
	}
	// What is behind the end of the IP packet is no part of it: neither quoted nor under a checksum.
	in, out := from(unreachable, 1, func(me [3]netip.AddrPort) []byte { return about(tcp(me[planeTCP], server, ack, "data"), shortest) })
	trailer := []byte("0123456789abcdef")
	return append(scenes, scene{"in, about TCP, 8 octets, padded", fromOutside, append(in, trailer...), inbound, append(out, trailer...)})
}

func errorsOut(c *cast) []scene {
	a := c.alice
	quote := func(me netip.AddrPort) []byte { return about(udp(server, me, "what"), 1500) }
	in, out := a.in[planeUDP], a.out[planeUDP]
	return []scene{
		{
			"out, port unreachable", fromInside, icmpError(in.Addr(), server.Addr(), unreachable, 3, quote(in)).frame(),
			outbound, toServer(icmpError(out.Addr(), server.Addr(), unreachable, 3, quote(out))),
		},
		{
			"out, from a router that is no subscriber", fromInside, icmpError(c.stranger, server.Addr(), timeExceeded, 0, quote(in)).frame(),
			outbound, toServer(icmpError(out.Addr(), server.Addr(), timeExceeded, 0, quote(out))),
		},
		{
			"out, about an echo from outside", fromInside,
			icmpError(in.Addr(), server.Addr(), unreachable, 2, about(icmpQuery(server.Addr(), in.Addr(), echoRequest, a.in[planeICMP].Port(), "x"), 1500)).frame(),
			outbound,
			toServer(icmpError(out.Addr(), server.Addr(), unreachable, 2, about(icmpQuery(server.Addr(), out.Addr(), echoRequest, a.out[planeICMP].Port(), "x"), 1500))),
		},
	}
}

func errorsBack(c *cast) []scene {
	a, b := c.alice, c.bob
	return []scene{
		{
			"back, about UDP to a neighbour", fromInside,
			icmpError(b.in[1].Addr(), a.out[1].Addr(), unreachable, 3, about(udp(a.out[planeUDP], b.in[planeUDP], "hi"), 1500)).frame(),
			hairpin,
			toSubscriber(icmpError(b.out[1].Addr(), a.in[1].Addr(), unreachable, 3, about(udp(a.in[planeUDP], b.out[planeUDP], "hi"), 1500))),
		},
		{
			"back, about TCP, 8 octets", fromInside,
			icmpError(b.in[0].Addr(), a.out[0].Addr(), unreachable, 3, about(tcp(a.out[planeTCP], b.in[planeTCP], syn, ""), shortest)).frame(),
			hairpin,
			toSubscriber(icmpError(b.out[0].Addr(), a.in[0].Addr(), unreachable, 3, about(tcp(a.in[planeTCP], b.out[planeTCP], syn, ""), shortest))),
		},
	}
}

func errorsRefused(c *cast) []scene {
	a := c.alice
	out := a.out[planeUDP]
	fine := about(udp(out, server, "ask"), 1500)
	errorIn := func(typ uint8, quote []byte) []byte { return icmpError(router, out.Addr(), typ, 0, quote).frame() }
	changed := func(at int, to byte) []byte { b := slices.Clone(fine); b[at] = to; return b }
	unused := netip.AddrPortFrom(out.Addr(), out.Port()^1)
	return []scene{
		{"in, source quench", fromOutside, errorIn(sourceQuench, fine), dropICMPType, nil},
		{"in, redirect", fromOutside, errorIn(redirect, fine), dropICMPType, nil},
		{"in, information request", fromOutside, errorIn(informationAsk, fine), dropICMPType, nil},
		{"in, address mask request", fromOutside, errorIn(addressMaskAsk, fine), dropICMPType, nil},
		{"in, unknown type", fromOutside, errorIn(200, fine), dropICMPType, nil},
		{"in, without a quote", fromOutside, errorIn(unreachable, nil), dropMalformed, nil},
		{"in, one octet of the quote short", fromOutside, errorIn(unreachable, fine[:shortest-1]), dropMalformed, nil},
		{"in, damaged", fromOutside, damaged(icmpError(router, out.Addr(), unreachable, 3, fine)), dropChecksum, nil},
		{"in, damaged, of an odd length", fromOutside, damaged(icmpError(router, out.Addr(), unreachable, 3, append(slices.Clone(fine), 7))), dropChecksum, nil},
		{"in, damaged far behind", fromOutside, damaged(icmpError(router, out.Addr(), unreachable, 3, append(slices.Clone(fine), make([]byte, 1400)...))), dropChecksum, nil},
		{"in, damaged, and nobody's", fromOutside, damaged(icmpError(router, out.Addr(), unreachable, 3, about(udp(unused, server, "ask"), 1500))), dropNoMapping, nil},
		{"in, about a packet with a wrong header checksum", fromOutside, errorIn(unreachable, changed(10, fine[10]^1)), dropChecksum, nil},
		{"in, about version 6", fromOutside, errorIn(unreachable, changed(0, 0x65)), dropMalformed, nil},
		{"in, about a header of 16 octets", fromOutside, errorIn(unreachable, changed(0, 0x44)), dropMalformed, nil},
		{"in, about a header longer than the packet", fromOutside, errorIn(unreachable, changed(0, 0x4f)), dropMalformed, nil},
		{
			"in, about a later fragment", fromOutside,
			errorIn(unreachable, about(udp(out, server, "ask").with(func(d *datagram) { d.flags = 100 }), 1500)), dropFragment, nil,
		},
		{"in, about an error", fromOutside, errorIn(unreachable, about(icmpError(out.Addr(), server.Addr(), unreachable, 3, fine), 1500)), dropICMPType, nil},
		{"in, about GRE", fromOutside, errorIn(unreachable, about(newDatagram(out.Addr(), server.Addr(), protoGRE, make([]byte, 8)), 1500)), dropProtocol, nil},
		{"in, about a port that nobody has", fromOutside, errorIn(unreachable, about(udp(unused, server, "ask"), 1500)), dropNoMapping, nil},
		{"in, about another protocol's port", fromOutside, errorIn(unreachable, about(tcp(out, server, syn, ""), 1500)), dropNoMapping, nil},
		{
			"in, forged: about a packet of somebody else's", fromOutside,
			errorIn(unreachable, about(udp(ap("192.0.2.9:9"), server, "ask"), 1500)), dropMalformed, nil,
		},
		{
			"in, to one outside address, about another", fromOutside,
			icmpError(router, c.carol.out[1].Addr(), unreachable, 3, fine).frame(), dropMalformed, nil,
		},
	}
}

func errorsFromSubscribersRefused(c *cast) []scene {
	me, out := c.alice.in[planeUDP], c.alice.out[planeUDP]
	from := func(to netip.Addr, quote []byte) []byte {
		return icmpError(me.Addr(), to, unreachable, 3, quote).frame()
	}
	closed := netip.AddrPortFrom(me.Addr(), 9)
	return []scene{
		{"out, damaged", fromInside, damaged(icmpError(me.Addr(), server.Addr(), unreachable, 3, about(udp(server, me, "x"), 1500))), dropChecksum, nil},
		{"back, damaged", fromInside, damaged(icmpError(c.bob.in[1].Addr(), out.Addr(), unreachable, 3, about(udp(out, c.bob.in[1], "x"), 1500))), dropChecksum, nil},
		{"out, about a port that has sent nothing", fromInside, from(server.Addr(), about(udp(server, closed, "x"), 1500)), dropNoMapping, nil},
		{"out, to somebody else than it is about", fromInside, from(router, about(udp(server, me, "x"), 1500)), dropMalformed, nil},
		{"out, forged: about a packet between others", fromInside, from(server.Addr(), about(udp(server, ap("192.0.2.9:9"), "x"), 1500)), dropNoMapping, nil},
		{"out, forged: about a packet to an outside address", fromInside, from(server.Addr(), about(udp(server, out, "x"), 1500)), dropNoMapping, nil},
		{"out, a redirect", fromInside, icmpError(me.Addr(), server.Addr(), redirect, 0, about(udp(server, me, "x"), 1500)).frame(), dropICMPType, nil},
		{
			"out, of nobody about nobody", fromInside, icmpError(c.stranger, server.Addr(), unreachable, 3, about(udp(server, netip.AddrPortFrom(c.stranger, 9), "x"), 1500)).frame(),
			dropSource, nil,
		},
	}
}

// errorsWithoutPorts are about protocols that only who has an address alone can use.
func errorsWithoutPorts(c *cast) []scene {
	in, out := c.solo.in[0].Addr(), c.solo.out[0].Addr()
	shared, sharedOut := c.alice.in[0].Addr(), c.alice.out[0].Addr()
	next, nextOut := ad("100.65.0.0"), ad("198.51.100.128") // behind the address beside
	plain := func(proto uint8) func(from, to netip.Addr) datagram {
		return func(from, to netip.Addr) datagram { return newDatagram(from, to, proto, []byte("0123456789ab")) }
	}
	fifth := func(p func(from, to netip.AddrPort) datagram) func(from, to netip.Addr) datagram {
		return func(from, to netip.Addr) datagram { return p(netip.AddrPortFrom(from, 5), netip.AddrPortFrom(to, 5)) }
	}
	gre := plain(protoGRE)
	tooBig := func(from, to netip.Addr, quote datagram) datagram {
		return icmpError(from, to, unreachable, 4, about(quote, 1500))
	}
	scenes := []scene{
		{
			"in, about GRE to an address that has sent none", fromOutside, tooBig(router, nextOut, gre(nextOut, server.Addr())).frame(),
			inbound, toSubscriber(tooBig(router, next, gre(next, server.Addr()))),
		},
		{
			"out, about GRE of who has sent none", fromInside, tooBig(next, server.Addr(), gre(server.Addr(), next)).frame(),
			outbound, toServer(tooBig(nextOut, server.Addr(), gre(server.Addr(), nextOut))),
		},
		{"GRE opens", fromInside, gre(in, server.Addr()).frame(), outbound, toServer(gre(out, server.Addr()))},
		{"GRE of the neighbour opens", fromInside, gre(next, server.Addr()).frame(), outbound, toServer(gre(nextOut, server.Addr()))},
		{"in, about GRE of who shares an address", fromOutside, tooBig(router, sharedOut, gre(sharedOut, server.Addr())).frame(), dropProtocol, nil},
		{"out, about GRE to who shares an address", fromInside, tooBig(shared, server.Addr(), gre(server.Addr(), shared)).frame(), dropProtocol, nil},
		{"in, forged: about GRE of somebody else's", fromOutside, tooBig(router, out, gre(ad("192.0.2.9"), server.Addr())).frame(), dropMalformed, nil},
		{"in, seven octets of GRE", fromOutside, icmpError(router, out, unreachable, 4, about(gre(out, server.Addr()), 27)).frame(), dropMalformed, nil},
		{
			"in, about GRE, the least", fromOutside, icmpError(router, out, unreachable, 4, about(gre(out, server.Addr()), shortest)).frame(),
			inbound, toSubscriber(icmpError(router, in, unreachable, 4, about(gre(in, server.Addr()), shortest))),
		},
		{
			"in, about GRE with options", fromOutside, tooBig(router, out, routed(gre(out, server.Addr()))).frame(),
			inbound, toSubscriber(tooBig(router, in, routed(gre(in, server.Addr())))),
		},
	}
	without := func(d datagram) datagram { d.payload[6], d.payload[7] = 0, 0; return d }
	for name, p := range map[string]func(from, to netip.Addr) datagram{
		"GRE": gre, "ESP": plain(50), "SCTP": plain(protoSCTP), "protocol 255": plain(255), "DCCP": fifth(dccp),
		"UDP-Lite":                    fifth(func(from, to netip.AddrPort) datagram { return udpLite(from, to, "x") }),
		"UDP-Lite without a checksum": fifth(func(from, to netip.AddrPort) datagram { return without(udpLite(from, to, "x")) }),
	} {
		scenes = append(scenes,
			scene{
				"in, about " + name, fromOutside, tooBig(router, out, p(out, server.Addr())).frame(),
				inbound, toSubscriber(tooBig(router, in, p(in, server.Addr()))),
			},
			scene{
				"out, about " + name, fromInside, tooBig(in, server.Addr(), p(server.Addr(), in)).frame(),
				outbound, toServer(tooBig(out, server.Addr(), p(server.Addr(), out))),
			},
			scene{
				"out, from a router that is no subscriber, about " + name, fromInside, tooBig(c.stranger, server.Addr(), p(server.Addr(), in)).frame(),
				outbound, toServer(tooBig(out, server.Addr(), p(server.Addr(), out))),
			},
			scene{
				"back, about " + name, fromInside, tooBig(next, out, p(out, next)).frame(),
				hairpin, toSubscriber(tooBig(nextOut, in, p(in, nextOut))),
			})
	}
	return scenes
}

// The program behind the driver looks at the checksum of an error, too, which the driver leaves to it before.
func TestDamagedErrorsBehindTheDriver(t *testing.T) {
	l := newLab(t, Config{behind: true}, labPools()...)
	c := newCast(l)
	behind := must(l.d.generation.openProgram(bpf.CgnatProgCgnOutsideSlow))
	out := c.unknown.out[planeUDP]
	for _, more := range []int{0, 1, 2, 3, 227, 228, 229, 1400} {
		quote := append(about(udp(out, server, "ask"), 1500), bytes.Repeat([]byte{0xa5}, more)...)
		for _, r := range []struct {
			frame  []byte
			want   verdict
			action uint32
		}{
			{icmpError(router, out.Addr(), unreachable, 3, quote).frame(), inbound, tcRedirect},
			{damaged(icmpError(router, out.Addr(), unreachable, 3, quote)), dropChecksum, tcShot},
		} {
			if got := l.send(fromOutside, r.frame); got.verdict != passSlow {
				t.Fatalf("%d octets more: in the driver: %s", more, got.verdict)
			}
			if got := l.runBehind(behind, fromOutside, r.frame); got.verdict != r.want || got.action != r.action {
				t.Errorf("%d octets more: %s, action %d; want %s, action %d", more, got.verdict, got.action, r.want, r.action)
			}
		}
	}
}
