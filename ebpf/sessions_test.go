//go:build linux

package ebpf

import (
	"encoding/binary"
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
		// An ICMP query has one identifier for both ends. It becomes that of the one it goes to (RFC 5508 REQ-7 wants this of
		// a NAT without ports only).
		{
			"echo", fromInside, icmpQuery(a.in[planeICMP].Addr(), b.out[planeICMP].Addr(), echoRequest, b.out[planeICMP].Port(), "").frame(),
			hairpin, toSubscriber(icmpQuery(a.out[planeICMP].Addr(), b.in[planeICMP].Addr(), echoRequest, b.in[planeICMP].Port(), "")),
		},
	}
}
