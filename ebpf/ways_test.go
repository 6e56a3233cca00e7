//go:build linux

package ebpf

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
)

// What becomes of packets whose way ends here: for their TTL, their size, or the want of a way.
func TestWays(t *testing.T) {
	l := newLab(t, Config{}, labPools()...)
	c := newCast(l)
	l.play(t, waysOut(c))
	l.play(t, waysIn(c))
	l.play(t, waysBack(c))
}

func withTTL(ttl uint8) func(*datagram) { return func(d *datagram) { d.ttl = ttl } }

// gre returns the shortest packet of GRE.
func gre(from, to netip.Addr) datagram { return newDatagram(from, to, protoGRE, make([]byte, 4)) }

func fragmentable(d *datagram) { d.flags = 0 }

// answer returns the frame with which the NAT answers a frame: an ICMP error that quotes most octets of it.
func answer(from side, in []byte, typ, code uint8, mtu uint16, most int) []byte {
	sender := netip.AddrFrom4([4]byte(in[ip+12:]))
	message := append([]byte{typ, code, 0, 0, 0, 0, byte(mtu >> 8), byte(mtu)}, in[ip:min(len(in), ip+most)]...)
	d := icmp([]netip.Addr{labInside, labOutside}[from], sender, message)
	d.tos, d.id = 0xc0, 0
	out := d.frame()
	copy(out, in[6:12])
	copy(out[6:], in[:6])
	return out
}

func waysOut(c *cast) []scene {
	in, out := c.alice.in[planeUDP], c.alice.out[planeUDP]
	narrow, nowhere, nobody := ap("192.0.2.130:9"), ap("192.0.2.200:9"), ap("203.0.113.9:9")
	large, exact := strings.Repeat("x", 1273), strings.Repeat("x", 1272)
	return []scene{
		{"TTL 2", fromInside, udp(in, server, "x").with(withTTL(2)).frame(), outbound, toServer(udp(out, server, "x").with(withTTL(2)))},
		{"TTL 255", fromInside, udp(in, server, "x").with(withTTL(255)).frame(), outbound, toServer(udp(out, server, "x").with(withTTL(255)))},
		{"TTL 1", fromInside, udp(in, server, "x").with(withTTL(1)).frame(), passAnswer, nil},
		{"TTL 0", fromInside, udp(in, server, "x").with(withTTL(0)).frame(), passAnswer, nil},
		{"TTL 1, and nobody knows the way", fromInside, udp(in, nowhere, "x").with(withTTL(1)).frame(), passUnrouted, nil},
		{"TTL 1, to a router that is not known", fromInside, udp(in, nobody, "x").with(withTTL(1)).frame(), passAnswer, nil},
		{"no way", fromInside, udp(in, nowhere, "x").frame(), passUnrouted, nil},
		{"a router that is not known", fromInside, udp(in, nobody, "x").frame(), passSlow, nil},
		{"as large as the MTU", fromInside, udp(in, narrow, exact).frame(), outbound, toServer(udp(out, narrow, exact))},
		{"larger than the MTU, not to be cut", fromInside, udp(in, narrow, large).frame(), passAnswer, nil},
		{"larger than the MTU", fromInside, udp(in, narrow, large).with(fragmentable).frame(), passSlow, nil},
	}
}

func waysIn(c *cast) []scene {
	to := c.alice.out[planeUDP]
	one := udp(server, to, "x").with(withTTL(1)).frame()
	odd := udp(server, to, "12345").with(withTTL(1)).frame()
	long := udp(server, to, strings.Repeat("y", 300)).with(withTTL(0)).frame()
	large := udp(server, c.narrow.out[planeUDP], strings.Repeat("x", 1273))
	exact := strings.Repeat("x", 1272)
	return []scene{
		{"in, TTL 1", fromOutside, one, dropTTL, answer(fromOutside, one, timeExceeded, 0, 0, 28)},
		{"in, TTL 1, an odd length", fromOutside, odd, dropTTL, answer(fromOutside, odd, timeExceeded, 0, 0, 32)},
		{"in, TTL 0, a long packet", fromOutside, long, dropTTL, answer(fromOutside, long, timeExceeded, 0, 0, 128)},
		{"GRE out", fromInside, gre(c.solo.in[0].Addr(), server.Addr()).frame(), outbound, toServer(gre(c.solo.out[0].Addr(), server.Addr()))},
		{"in, TTL 1, too short to be quoted", fromOutside, gre(server.Addr(), c.solo.out[0].Addr()).with(withTTL(1)).frame(), dropTTL, nil},
		{"in, TTL 1, to a port that nobody has", fromOutside, udp(server, netip.AddrPortFrom(to.Addr(), 53), "x").with(withTTL(1)).frame(), dropNoMapping, nil},
		{"in, from a group", fromOutside, udp(ap("224.0.0.9:9"), to, "x").frame(), dropSource, nil},
		{"in, from a loopback address", fromOutside, udp(ap("127.0.0.1:9"), to, "x").frame(), dropSource, nil},
		{"in, TTL 1, an error", fromOutside, icmpError(router, to.Addr(), unreachable, 3, about(udp(to, server, "x"), 1500)).with(withTTL(1)).frame(), dropTTL, nil},
		{"in, as large as the MTU", fromOutside, udp(server, c.narrow.out[1], exact).frame(), inbound, toSubscriber(udp(server, c.narrow.in[1], exact))},
		{"in, larger than the MTU, not to be cut", fromOutside, large.frame(), dropTooBig, answer(fromOutside, large.frame(), unreachable, 4, 1300, 128)},
		{"in, larger than the MTU", fromOutside, large.with(fragmentable).frame(), passSlow, nil},
		{"in, to a router that is not known", fromOutside, udp(server, c.unknown.out[1], "x").frame(), passSlow, nil},
		{"in, no way", fromOutside, udp(server, c.lost.out[1], "x").frame(), dropUnrouted, nil},
	}
}

func waysBack(c *cast) []scene {
	a := c.alice
	one := udp(a.in[1], c.bob.out[1], "x").with(withTTL(1)).frame()
	large := udp(a.in[1], c.narrow.out[1], strings.Repeat("x", 1400)).frame()
	return []scene{
		{"back, TTL 1", fromInside, one, dropTTL, answer(fromInside, one, timeExceeded, 0, 0, 28)},
		{"back, larger than the MTU, not to be cut", fromInside, large, dropTooBig, answer(fromInside, large, unreachable, 4, 1300, 128)},
		{"back, to a router that is not known", fromInside, udp(a.in[1], c.unknown.out[1], "x").frame(), passSlow, nil},
		{"back, no way", fromInside, udp(a.in[1], c.lost.out[1], "x").frame(), dropUnrouted, nil},
	}
}

// A packet that may be cut gets an identification of its own where it is translated (RFC 6864), and keeps all else.
func TestFragmentableIsTranslated(t *testing.T) {
	l := newLab(t, Config{}, labPools()...)
	c := newCast(l)
	got := l.send(fromInside, udp(c.alice.in[1], server, "x").with(fragmentable).frame())
	want := udp(c.alice.out[1], server, "x").with(fragmentable)
	want.id = binary.BigEndian.Uint16(got.frame[ip+4:])
	if diff := (outcome{verdict: outbound, action: xdpRedirect, frame: toServer(want)}).diff(got); diff != "" {
		t.Error(diff)
	}
}

// Later fragments have no checksum of their protocol, and nothing in them is taken for one.
func TestLaterFragmentsKeepTheirData(t *testing.T) {
	l := newLab(t, Config{}, labPools()...)
	c := newCast(l)
	in, out := c.solo.in[0].Addr(), c.solo.out[0].Addr()
	for _, proto := range []uint8{protoGRE, protoDCCP, protoUDPLite} {
		for _, data := range []string{"some data of a fragment", "end"} {
			from := func(a netip.Addr) datagram {
				return newDatagram(a, server.Addr(), proto, []byte(data)).with(func(d *datagram) { d.flags = 100 })
			}
			got := l.run(fromInside, from(in).frame())
			if got.verdict != outbound {
				t.Errorf("protocol %d, %q: %s", proto, data, got.verdict)
				continue
			}
			want := from(out)
			want.id = binary.BigEndian.Uint16(got.frame[ip+4:]) // a new one
			if diff := (outcome{outbound, false, xdpRedirect, toServer(want)}).diff(got); diff != "" {
				t.Errorf("protocol %d, %q: %s", proto, data, diff)
			}
		}
	}
}
