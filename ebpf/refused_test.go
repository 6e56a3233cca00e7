//go:build linux

package ebpf

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
)

// Packets that contradict themselves, that name a route, or that are of no session.
func TestRefused(t *testing.T) {
	l := newLab(t, Config{}, labPools()...)
	c := newCast(l)
	l.play(t, lyingHeaders(c))
	l.play(t, ipOptions(c))
	l.play(t, strangers(c))
	l.play(t, withoutMapping(c))
	l.play(t, otherProtocols(c))
}

// edit returns a frame with one octet changed and the checksum of its IP header right again.
func edit(frame []byte, at int, to byte) []byte {
	frame[at] = to
	return resealed(frame)
}

// resealed sets the checksum of an IP header whose length may be a lie.
func resealed(frame []byte) []byte {
	end := min(len(frame), ip+max(20, int(frame[ip]&15)*4))
	frame[ip+10], frame[ip+11] = 0, 0
	binary.BigEndian.PutUint16(frame[ip+10:], ^sum16(frame[ip:end]))
	return frame
}

// lengthened returns a frame whose IP header says another length than it has.
func lengthened(frame []byte, by int) []byte {
	n := int(binary.BigEndian.Uint16(frame[ip+2:])) + by
	binary.BigEndian.PutUint16(frame[ip+2:], uint16(n))
	return resealed(frame)
}

func lyingHeaders(c *cast) []scene {
	in, out := c.alice.in[planeUDP], c.alice.out[planeUDP]
	u := func() []byte { return udp(in, server, "ask").frame() }
	s := func() []byte { return tcp(c.alice.in[planeTCP], server, ack, "ask").frame() }
	e := func() []byte {
		return icmpError(router, out.Addr(), unreachable, 3, about(udp(out, server, "ask"), 1500)).frame()
	}
	wrong := u()
	wrong[ip+10] ^= 1
	wrongIn := udp(server, out, "answer").frame()
	wrongIn[ip+11] ^= 0x80
	return []scene{
		{"wrong header checksum, out", fromInside, wrong, dropChecksum, nil},
		{"wrong header checksum, in", fromOutside, wrongIn, dropChecksum, nil},
		{"version 6 in an IPv4 frame", fromInside, edit(u(), ip, 0x65), dropMalformed, nil},
		{"header of 16 octets", fromInside, edit(u(), ip, 0x44), dropMalformed, nil},
		{"header longer than the packet", fromInside, edit(udp(in, server, "").frame(), ip, 0x4f), dropMalformed, nil},
		{"length longer than the frame, out", fromInside, lengthened(u(), 1), dropMalformed, nil},
		{"length longer than the frame, in", fromOutside, lengthened(udp(server, out, "answer").frame(), 1000), dropMalformed, nil},
		{"length shorter than the IP header", fromInside, lengthened(u(), -12), dropMalformed, nil},
		{"length without room for a UDP header", fromInside, lengthened(u(), -4), dropMalformed, nil},
		{"length without room for a TCP header", fromInside, lengthened(s(), -4), dropMalformed, nil},
		{"length without room for ICMP", fromInside, lengthened(icmpQuery(in.Addr(), server.Addr(), echoRequest, 1, "").frame(), -1), dropMalformed, nil},
		{"length that cuts a quote short", fromOutside, lengthened(e(), -4), dropMalformed, nil},
		{"TCP header of 16 octets", fromInside, edit(s(), ip+20+12, 0x40), dropMalformed, nil},
		{"TCP header longer than the packet", fromInside, edit(s(), ip+20+12, 0xf0), dropMalformed, nil},
	}
}

func ipOptions(c *cast) []scene {
	in, out := c.alice.in[planeUDP], c.alice.out[planeUDP]
	with := func(options ...byte) func(*datagram) { return func(d *datagram) { d.options = options } }
	from := func(options ...byte) []byte { return udp(in, server, "ask").with(with(options...)).frame() }
	gone := func(options ...byte) []byte { return toServer(udp(out, server, "ask").with(with(options...))) }
	recordRoute := append([]byte{7, 39, 4}, make([]byte, 37)...)
	return []scene{
		{"record route, 40 octets", fromInside, from(recordRoute...), outbound, gone(recordRoute...)},
		{"no operation and timestamp", fromInside, from(1, 68, 4, 5, 0, 0, 0, 0), outbound, gone(1, 68, 4, 5, 0, 0, 0, 0)},
		{"router alert", fromInside, from(148, 4, 0, 0), outbound, gone(148, 4, 0, 0)},
		{"loose source route, out", fromInside, from(131, 7, 4, 192, 0, 2, 9, 0), dropSourceRoute, nil},
		{"strict source route, out", fromInside, from(137, 7, 4, 192, 0, 2, 9, 0), dropSourceRoute, nil},
		{"source route behind others", fromInside, from(1, 1, 68, 4, 5, 0, 131, 7, 4, 192, 0, 2), dropSourceRoute, nil},
		{"source route in the last octet", fromInside, from(1, 1, 1, 131), dropSourceRoute, nil},
		{"source route, in", fromOutside, udp(server, out, "x").with(with(131, 7, 4, 192, 0, 2, 9, 0)).frame(), dropSourceRoute, nil},
		{"the number of a source route behind the end of the list", fromInside, from(0, 131, 7, 4), outbound, gone(0, 131, 7, 4)},
		{"the number of a source route within an option", fromInside, from(68, 4, 131, 137), outbound, gone(68, 4, 131, 137)},
		{"option of length 0", fromInside, from(68, 0, 131, 4), outbound, gone(68, 0, 131, 4)},
		{"option that ends behind the header", fromInside, from(68, 200, 131, 4), outbound, gone(68, 200, 131, 4)},
	}
}

// to returns a frame with another first octet of the MAC address that it is for.
func to(frame []byte, first byte) []byte {
	frame[0] = first
	return frame
}

func strangers(c *cast) []scene {
	me := netip.AddrPortFrom(c.stranger, 999)
	arp := append([]byte{255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 2, 8, 6}, make([]byte, 28)...)
	return []scene{
		{"to everybody on the link", fromInside, to(udp(c.alice.in[1], server, "x").frame(), 255), passLocal, nil},
		{"to a group on the link, from outside", fromOutside, to(udp(server, c.alice.out[1], "x").frame(), 1), passLocal, nil},
		{"source is an outside address of ours, from outside", fromOutside, udp(c.bob.out[1], c.alice.out[1], "x").frame(), dropSource, nil},
		{"source is no subscriber", fromInside, udp(ap("10.0.0.1:999"), server, "x").frame(), passNotSubscriber, nil},
		{"source is of the shared space", fromInside, udp(me, server, "x").frame(), dropSource, nil},
		{"source is of the shared space, to a router that is not known", fromInside, udp(me, ap("203.0.113.9:9"), "x").frame(), dropSource, nil},
		{"source is of the shared space, to an outside address", fromInside, udp(me, c.alice.out[1], "x").frame(), dropSource, nil},
		{"source is of the shared space, to a host outside that is, too", fromInside, udp(me, twin, "x").frame(), dropSource, nil},
		{"source is of the shared space, to the inside", fromInside, udp(me, c.alice.in[1], "x").frame(), passNotSubscriber, nil},
		{"source is of the shared space, to the host", fromInside, udp(me, netip.AddrPortFrom(labInside, 53), "x").frame(), passNotSubscriber, nil},
		{"source is of the shared space, to a group", fromInside, udp(me, ap("224.0.0.5:9"), "x").frame(), passNotSubscriber, nil},
		{"source is of the shared space, and nobody knows the way", fromInside, udp(me, ap("192.0.2.200:9"), "x").frame(), passNotSubscriber, nil},
		{"source is beside the shared space", fromInside, udp(ap("100.128.0.0:9"), server, "x").frame(), passNotSubscriber, nil},
		{"source is an outside address of ours, GRE", fromInside, newDatagram(c.solo.out[0].Addr(), server.Addr(), protoGRE, []byte("x")).frame(), dropSource, nil},
		{"source is no subscriber, GRE", fromInside, newDatagram(c.stranger, server.Addr(), protoGRE, []byte("x")).frame(), dropSource, nil},
		{"source is no subscriber, a fragment", fromInside, udp(me, server, "x").with(func(d *datagram) { d.flags = moreFragments }).frame(), dropSource, nil},
		{"source is no subscriber, a later fragment", fromInside, udp(me, server, "x").with(func(d *datagram) { d.flags = 9 }).frame(), dropSource, nil},
		{"source is an outside address of ours", fromInside, udp(c.alice.out[1], server, "x").frame(), dropSource, nil},
		{"source is an inside address, from outside", fromOutside, udp(c.alice.in[1], server, "x").frame(), dropSource, nil},
		{"source is an inside address, to an outside address", fromOutside, udp(c.bob.in[1], c.alice.out[1], "x").frame(), dropSource, nil},
		{"source is an inside address without a way, from outside", fromOutside, udp(c.lost.in[1], c.alice.out[1], "x").frame(), dropSource, nil},
		{"source is an inside address, a later fragment", fromOutside, udp(c.bob.in[1], c.alice.out[1], "x").with(func(d *datagram) { d.flags = 9 }).frame(), dropSource, nil},
		{"to an inside address, from outside", fromOutside, udp(server, c.alice.in[1], "x").frame(), dropInside, nil},
		{"ping to an inside address, from outside", fromOutside, icmpQuery(router, c.alice.in[1].Addr(), echoRequest, 1, "x").frame(), dropInside, nil},
		{"GRE to an inside address of its own, from outside", fromOutside, newDatagram(router, c.solo.in[1].Addr(), protoGRE, nil).frame(), dropInside, nil},
		{"to an inside address that is outside, from outside", fromOutside, udp(server, twin, "x").frame(), passNotOutside, nil},
		{"source is an inside address that is outside", fromOutside, udp(twin, netip.AddrPortFrom(labOutside, 179), "x").frame(), passNotOutside, nil},
		{"source is near the inside addresses", fromOutside, udp(ap("100.64.0.128:9"), netip.AddrPortFrom(labOutside, 179), "x").frame(), dropSource, nil},
		{"source is near the inside addresses, to a mapping", fromOutside, udp(ap("100.64.0.128:9"), c.alice.out[1], "x").frame(), dropSource, nil},
		{"source is of the shared space, outside", fromOutside, udp(ap("100.64.252.99:9"), netip.AddrPortFrom(labOutside, 179), "x").frame(), passNotOutside, nil},
		{"source is beside the shared space, from outside", fromOutside, udp(ap("100.128.0.0:9"), netip.AddrPortFrom(labOutside, 179), "x").frame(), passNotOutside, nil},
		{"to an address near the inside ones", fromOutside, udp(server, ap("100.64.0.128:9"), "x").frame(), passNotOutside, nil},
		{"to the host's own inside address", fromOutside, udp(server, netip.AddrPortFrom(labInside, 179), "x").frame(), passNotOutside, nil},
		{"to the host, from inside", fromInside, udp(c.alice.in[1], netip.AddrPortFrom(labInside, 53), "x").frame(), passLocal, nil},
		{"to the host, from outside", fromOutside, udp(server, netip.AddrPortFrom(labOutside, 179), "x").frame(), passNotOutside, nil},
		{"to everybody, from inside", fromInside, udp(c.alice.in[1], ap("255.255.255.255:67"), "x").frame(), passLocal, nil},
		{"to a group, from inside", fromInside, udp(c.alice.in[1], ap("224.0.0.1:9"), "x").frame(), passLocal, nil},
		{"to a loopback address, from inside", fromInside, udp(c.alice.in[1], ap("127.0.0.1:9"), "x").frame(), passLocal, nil},
		{"to network 0, from inside", fromInside, udp(c.alice.in[1], ap("0.0.0.9:9"), "x").frame(), passLocal, nil},
		{"to the broadcast address of a link, from inside", fromInside, udp(c.alice.in[1], ap("203.0.113.255:9"), "x").frame(), passLocal, nil},
		{"ARP", fromInside, arp, passNotIPv4, nil},
		{"ARP from outside", fromOutside, arp, passNotIPv4, nil},
		{"an Ethernet header and nothing else", fromInside, frameOf(nil), dropMalformed, nil},
	}
}

func withoutMapping(c *cast) []scene {
	a := c.alice
	to := func(p plane, port uint16) netip.AddrPort { return netip.AddrPortFrom(a.out[p].Addr(), port) }
	fresh := func(port uint16) netip.AddrPort { return netip.AddrPortFrom(a.in[0].Addr(), port) }
	unused := a.out[planeUDP].Port() ^ 1
	return []scene{
		{"UDP to an unused port of the share", fromOutside, udp(server, to(planeUDP, unused), "x").frame(), dropNoMapping, nil},
		{"UDP to a reserved port", fromOutside, udp(server, to(planeUDP, 53), "x").frame(), dropNoMapping, nil},
		{"UDP to port 0", fromOutside, udp(server, to(planeUDP, 0), "x").frame(), dropNoMapping, nil},
		{"UDP to port 65535", fromOutside, udp(server, to(planeUDP, 65535), "x").frame(), dropNoMapping, nil},
		{"UDP to a port that only TCP has", fromOutside, udp(server, a.out[planeTCP], "x").frame(), dropNoMapping, nil},
		{"TCP to a port that only UDP has", fromOutside, tcp(server, a.out[planeUDP], syn, "").frame(), dropNoMapping, nil},
		{"echo to an identifier that nobody has", fromOutside, icmpQuery(server.Addr(), a.out[0].Addr(), echoRequest, unused, "").frame(), dropNoMapping, nil},
		{"UDP from inside to an unused port of ours", fromInside, udp(a.in[planeUDP], to(planeUDP, unused), "x").frame(), dropNoMapping, nil},
		{"UDP from a new port to an unused port of ours", fromInside, udp(fresh(31001), to(planeUDP, 53), "x").frame(), dropNoMapping, nil},
		{"TCP reset of no session", fromInside, tcp(fresh(31002), server, rst, "").frame(), dropNoMapping, nil},
		{"echo reply of no session", fromInside, icmpQuery(a.in[0].Addr(), server.Addr(), echoReply, 31003, "").frame(), dropNoMapping, nil},
		{"timestamp reply of no session", fromInside, icmpQuery(a.in[0].Addr(), server.Addr(), timestampReply, 31003, "").frame(), dropNoMapping, nil},
		{"address mask request", fromInside, icmp(a.in[0].Addr(), server.Addr(), []byte{addressMaskAsk, 0, 0, 0, 0, 1, 0, 1}).frame(), dropICMPType, nil},
		{"information request", fromInside, icmp(a.in[0].Addr(), server.Addr(), []byte{informationAsk, 0, 0, 0, 0, 1, 0, 1}).frame(), dropICMPType, nil},
	}
}

// portlessOf are protocols without ports of who shares an outside address, and of who has one alone.
func portlessOf(where string, shares, alone actor) (scenes []scene) {
	in, out := shares.in[0].Addr(), shares.out[0].Addr()
	own, ownOut := alone.in[0].Addr(), alone.out[0].Addr()
	packets := map[string]func(from, to netip.Addr) datagram{
		"DCCP": func(from, to netip.Addr) datagram {
			return dccp(netip.AddrPortFrom(from, 7), netip.AddrPortFrom(to, 8))
		},
		"UDP-Lite": func(from, to netip.Addr) datagram {
			return udpLite(netip.AddrPortFrom(from, 7), netip.AddrPortFrom(to, 8), "x")
		},
	}
	for name, proto := range map[string]uint8{"GRE": protoGRE, "SCTP": protoSCTP, "ESP": 50, "IPv6": 41, "protocol 0": 0, "protocol 255": 255} {
		packets[name] = func(from, to netip.Addr) datagram { return newDatagram(from, to, proto, []byte("0123456789ab")) }
	}
	for name, p := range packets {
		name += " " + where
		scenes = append(scenes,
			scene{name + " of who shares an address", fromInside, p(in, server.Addr()).frame(), dropProtocol, nil},
			scene{name + " to an address that is shared", fromOutside, p(server.Addr(), out).frame(), dropProtocol, nil},
			scene{name + " back to an address that is shared", fromInside, p(own, out).frame(), dropProtocol, nil},
			scene{name + " of who has an address alone", fromInside, p(own, server.Addr()).frame(), outbound, toServer(p(ownOut, server.Addr()))},
			scene{name + " to who has an address alone", fromOutside, p(server.Addr(), ownOut).frame(), inbound, toSubscriber(p(server.Addr(), own))},
		)
	}
	return scenes
}

func otherProtocols(c *cast) []scene {
	scenes := slices.Concat(
		portlessOf("behind addresses of a ratio", c.alice, c.solo),
		portlessOf("behind addresses of a list", c.pair, c.only),
	)
	scenes = append(scenes, scene{
		"GRE to who has an address alone and has sent nothing", fromOutside,
		newDatagram(server.Addr(), ad("198.51.100.128"), protoGRE, nil).frame(), inbound, toSubscriber(newDatagram(server.Addr(), ad("100.65.0.0"), protoGRE, nil)),
	})
	aloneOut := c.solo.out[0].Addr()
	// Where the table notes who has an address alone is no mapping.
	scenes = append(scenes,
		scene{"echo to the only one on an address of a list", fromOutside, icmpQuery(server.Addr(), c.only.out[0].Addr(), echoRequest, 5, "").frame(), inbound, toSubscriber(icmpQuery(server.Addr(), c.only.in[0].Addr(), echoRequest, 5, ""))},
		scene{"echo to two on an address of the same list", fromOutside, icmpQuery(server.Addr(), c.pair.out[0].Addr(), echoRequest, 4500, "").frame(), dropNoMapping, nil},
		scene{"echo reply to identifier 0 of who has an address alone", fromOutside, icmpQuery(server.Addr(), aloneOut, echoReply, 0, "").frame(), dropNoMapping, nil},
		scene{"echo to who has an address alone and has sent nothing", fromOutside, icmpQuery(server.Addr(), ad("198.51.100.128"), echoRequest, 5, "").frame(), inbound, toSubscriber(icmpQuery(server.Addr(), ad("100.65.0.0"), echoRequest, 5, ""))},
		scene{"echo reply of who has an address alone and has sent nothing", fromInside, icmpQuery(ad("100.65.0.0"), server.Addr(), echoReply, 5, "").frame(), outbound, toServer(icmpQuery(ad("198.51.100.128"), server.Addr(), echoReply, 5, ""))})
	return scenes
}
