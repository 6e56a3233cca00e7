//go:build linux

package ebpf

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

// Packets of sessions that exist: from the inside, from the outside, and back to the inside.
func TestSessions(t *testing.T) {
	l := newLab(t, Config{}, labPools()...)
	c := newCast(l)
	l.play(t, udpScenes(c))
	l.play(t, tcpScenes(c))
	l.play(t, queryScenes(c))
	l.play(t, hairpinScenes(c))
	l.play(t, askedAlone(c))
	l.play(t, zeroChecksums(t, c))
}

// zeroChecksums are packets whose checksums become zero, which UDP and UDP-Lite write as 0xffff and TCP does not.
func zeroChecksums(t *testing.T, c *cast) (scenes []scene) {
	in, out := c.solo.in, c.solo.out
	for _, p := range []struct {
		name   string
		packet func(me [3]netip.AddrPort, data string) datagram
		check  int
		zero   uint16
	}{
		{"UDP", func(me [3]netip.AddrPort, data string) datagram { return udp(me[planeUDP], server, data) }, 6, 0xffff},
		{"UDP-Lite", func(me [3]netip.AddrPort, data string) datagram {
			return udpLite(netip.AddrPortFrom(me[0].Addr(), 9), server, data)
		}, 6, 0xffff},
		{"TCP", func(me [3]netip.AddrPort, data string) datagram { return tcp(me[planeTCP], server, ack, data) }, 16, 0},
	} {
		found := false
		for word := 0; word < 0x10000 && !found; word++ {
			data := string([]byte{byte(word >> 8), byte(word)})
			if d := p.packet(out, data); binary.BigEndian.Uint16(d.payload[p.check:]) == p.zero {
				found = true
				scenes = append(scenes, scene{p.name + " whose checksum becomes zero", fromInside, p.packet(in, data).frame(), outbound, toServer(d)})
			}
		}
		if !found {
			t.Errorf("no %s data makes the checksum zero", p.name)
		}
	}
	return scenes
}

func udpScenes(c *cast) []scene {
	in, out := c.alice.in[planeUDP], c.alice.out[planeUDP]
	other := ap("192.0.2.9:9")
	marked := func(d datagram) datagram { d.tos, d.options = 0xb8, []byte{7, 7, 4, 0, 0, 0, 0, 0}; return d }
	return []scene{
		{"UDP out", fromInside, udp(in, server, "ask").frame(), outbound, toServer(udp(out, server, "ask"))},
		{"UDP out to somebody else, from the same port", fromInside, udp(in, other, "ask").frame(), outbound, toServer(udp(out, other, "ask"))},
		{"UDP out without data", fromInside, udp(in, server, "").frame(), outbound, toServer(udp(out, server, ""))},
		{"UDP out without a checksum", fromInside, udpWithout(in, server, "ask").frame(), outbound, toServer(udpWithout(out, server, "ask"))},
		{"UDP out, padded", fromInside, append(udp(in, server, "a").frame(), 9, 9, 9), outbound, append(toServer(udp(out, server, "a")), 9, 9, 9)},
		{"UDP out with record route and a DS field", fromInside, marked(udp(in, server, "ask")).frame(), outbound, toServer(marked(udp(out, server, "ask")))},
		{"UDP in", fromOutside, udp(server, out, "answer").frame(), inbound, toSubscriber(udp(server, in, "answer"))},
		{"UDP in without a checksum", fromOutside, udpWithout(server, out, "answer").frame(), inbound, toSubscriber(udpWithout(server, in, "answer"))},
		{"UDP in from somebody else", fromOutside, udp(other, out, "hello").frame(), inbound, toSubscriber(udp(other, in, "hello"))},
		{"UDP in with options", fromOutside, marked(udp(server, out, "answer")).frame(), inbound, toSubscriber(marked(udp(server, in, "answer")))},
		{"UDP out to an inside address that is outside", fromInside, udp(in, twin, "ask").frame(), outbound, toServer(udp(out, twin, "ask"))},
		{"UDP in from an inside address that is outside", fromOutside, udp(twin, out, "answer").frame(), inbound, toSubscriber(udp(twin, in, "answer"))},
		{"UDP out to an inside address", fromInside, udp(in, c.bob.in[1], "ask").frame(), passInside, nil},
		{"UDP out of who has an address alone", fromInside, udp(c.solo.in[planeUDP], server, "ask").frame(), outbound, toServer(udp(c.solo.out[planeUDP], server, "ask"))},
		{"UDP in for who has an address alone", fromOutside, udp(server, c.solo.out[planeUDP], "answer").frame(), inbound, toSubscriber(udp(server, c.solo.in[planeUDP], "answer"))},
	}
}

func tcpScenes(c *cast) []scene {
	in, out := c.alice.in[planeTCP], c.alice.out[planeTCP]
	long := func(from, to netip.AddrPort) datagram { // 4 octets of TCP options
		d := tcp(from, to, ack, "")
		body := slices.Concat(d.payload, []byte{2, 4, 5, 0xb4})
		body[12], body[16], body[17] = 0x60, 0, 0
		check := ^sum16(pseudoHeader(from.Addr(), to.Addr(), protoTCP, len(body)), body)
		body[16], body[17] = byte(check>>8), byte(check)
		d.payload = body
		return d
	}
	return []scene{
		{"TCP out", fromInside, tcp(in, server, syn, "").frame(), outbound, toServer(tcp(out, server, syn, ""))},
		{"TCP in", fromOutside, tcp(server, out, syn|ack, "").frame(), inbound, toSubscriber(tcp(server, in, syn|ack, ""))},
		{"TCP out with data", fromInside, tcp(in, server, ack, "GET /").frame(), outbound, toServer(tcp(out, server, ack, "GET /"))},
		{"TCP out with options", fromInside, long(in, server).frame(), outbound, toServer(long(out, server))},
		{"TCP in with data", fromOutside, tcp(server, out, ack, "200").frame(), inbound, toSubscriber(tcp(server, in, ack, "200"))},
		{"TCP in with a reset", fromOutside, tcp(server, out, rst, "").frame(), inbound, toSubscriber(tcp(server, in, rst, ""))},
		{"TCP out with a reset", fromInside, tcp(in, server, rst|ack, "").frame(), outbound, toServer(tcp(out, server, rst|ack, ""))},
		{"TCP in after the reset", fromOutside, tcp(server, out, ack, "more").frame(), inbound, toSubscriber(tcp(server, in, ack, "more"))},
	}
}

func queryScenes(c *cast) []scene {
	in, out := c.alice.in[planeICMP], c.alice.out[planeICMP]
	query := func(from, to netip.AddrPort, typ uint8, id netip.AddrPort) datagram {
		return icmpQuery(from.Addr(), to.Addr(), typ, id.Port(), "data!")
	}
	return []scene{
		{"echo out", fromInside, query(in, server, echoRequest, in).frame(), outbound, toServer(query(out, server, echoRequest, out))},
		{"echo reply in", fromOutside, query(server, out, echoReply, out).frame(), inbound, toSubscriber(query(server, in, echoReply, in))},
		{"echo in", fromOutside, query(server, out, echoRequest, out).frame(), inbound, toSubscriber(query(server, in, echoRequest, in))},
		{"echo reply out", fromInside, query(in, server, echoReply, in).frame(), outbound, toServer(query(out, server, echoReply, out))},
		{"timestamp out", fromInside, query(in, server, timestamp, in).frame(), outbound, toServer(query(out, server, timestamp, out))},
		{"timestamp reply in", fromOutside, query(server, out, timestampReply, out).frame(), inbound, toSubscriber(query(server, in, timestampReply, in))},
	}
}

// askedAlone are queries to who has an address alone, and the answers. They keep the identifier of who asks, which is that of its
// mapping if it is a subscriber, and so an answer finds back (RFC 5508 REQ-7).
func askedAlone(c *cast) (scenes []scene) {
	b, bOut := c.solo.in[0].Addr(), c.solo.out[0].Addr()
	query := func(from, to netip.Addr, typ uint8, id uint16) datagram { return icmpQuery(from, to, typ, id, "data!") }
	mine := [2]uint16{c.solo.in[planeICMP].Port(), c.solo.out[planeICMP].Port()} // which somebody else may use, too
	for _, id := range []uint16{0, 1, 40000, 65535, mine[0], mine[1]} {
		name := fmt.Sprintf(" with identifier %d", id)
		for _, typ := range [][2]uint8{{echoRequest, echoReply}, {timestamp, timestampReply}} {
			scenes = append(scenes,
				scene{fmt.Sprint("query ", typ[0], name, " in"), fromOutside, query(router, bOut, typ[0], id).frame(), inbound, toSubscriber(query(router, b, typ[0], id))},
				scene{fmt.Sprint("answer ", typ[1], name, " out"), fromInside, query(b, router, typ[1], id).frame(), outbound, toServer(query(bOut, router, typ[1], id))})
		}
		tooBig := func(from, to netip.Addr, about datagram) datagram {
			return icmpError(from, to, unreachable, 1, about.ip())
		}
		scenes = append(scenes,
			scene{"error about an answer" + name + " in", fromOutside, tooBig(server.Addr(), bOut, query(bOut, router, echoReply, id)).frame(), inbound, toSubscriber(tooBig(server.Addr(), b, query(b, router, echoReply, id)))},
			scene{"error about a query" + name + " out", fromInside, tooBig(b, router, query(router, b, echoRequest, id)).frame(), outbound, toServer(tooBig(bOut, router, query(router, bOut, echoRequest, id)))})
	}
	for name, a := range map[string]actor{"of who shares an address": c.alice, "of herself": c.solo} {
		in, out := a.in[planeICMP], a.out[planeICMP]
		told := func(from, to, src, dst netip.Addr, id uint16) datagram {
			return icmpError(from, to, unreachable, 3, query(src, dst, echoRequest, id).ip())
		}
		scenes = append(scenes,
			scene{"echo back " + name, fromInside, query(in.Addr(), bOut, echoRequest, in.Port()).frame(), hairpin, toSubscriber(query(out.Addr(), b, echoRequest, out.Port()))},
			scene{"echo reply back " + name, fromInside, query(b, out.Addr(), echoReply, out.Port()).frame(), hairpin, toSubscriber(query(bOut, in.Addr(), echoReply, in.Port()))},
			scene{"error about the echo back " + name, fromInside, told(b, out.Addr(), out.Addr(), b, out.Port()).frame(), hairpin, toSubscriber(told(bOut, in.Addr(), in.Addr(), bOut, in.Port()))})
	}
	return append(scenes,
		scene{"echo of her own", fromInside, query(b, router, echoRequest, mine[0]).frame(), outbound, toServer(query(bOut, router, echoRequest, mine[1]))},
		scene{"the answer", fromOutside, query(router, bOut, echoReply, mine[1]).frame(), inbound, toSubscriber(query(router, b, echoReply, mine[0]))})
}

func hairpinScenes(c *cast) []scene {
	a, b, far := c.alice, c.bob, c.carol
	return []scene{
		{
			"UDP to a neighbour behind the same address", fromInside, udp(a.in[planeUDP], b.out[planeUDP], "hi").frame(),
			hairpin, toSubscriber(udp(a.out[planeUDP], b.in[planeUDP], "hi")),
		},
		{
			"UDP to somebody behind another address", fromInside, udp(a.in[planeUDP], far.out[planeUDP], "hi").frame(),
			hairpin, toSubscriber(udp(a.out[planeUDP], far.in[planeUDP], "hi")),
		},
		{
			"UDP without a checksum", fromInside, udpWithout(a.in[planeUDP], b.out[planeUDP], "hi").frame(),
			hairpin, toSubscriber(udpWithout(a.out[planeUDP], b.in[planeUDP], "hi")),
		},
		{
			"UDP to herself", fromInside, udp(a.in[planeUDP], a.out[planeUDP], "hi").frame(),
			hairpin, toSubscriber(udp(a.out[planeUDP], a.in[planeUDP], "hi")),
		},
		{
			"TCP", fromInside, tcp(a.in[planeTCP], b.out[planeTCP], syn, "").frame(),
			hairpin, toSubscriber(tcp(a.out[planeTCP], b.in[planeTCP], syn, "")),
		},
		{
			"TCP, the answer", fromInside, tcp(b.in[planeTCP], a.out[planeTCP], syn|ack, "").frame(),
			hairpin, toSubscriber(tcp(b.out[planeTCP], a.in[planeTCP], syn|ack, "")),
		},
		{
			"TCP to who has an address alone", fromInside, tcp(a.in[planeTCP], c.solo.out[planeTCP], syn, "").frame(),
			hairpin, toSubscriber(tcp(a.out[planeTCP], c.solo.in[planeTCP], syn, "")),
		},
	}
}
