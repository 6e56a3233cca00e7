package ebpf

import (
	"encoding/binary"
	"net"
	"net/netip"
)

// A side is which of the two programs sees a packet.
type side int

const (
	fromInside side = iota
	fromOutside
)

// XDP actions.
const (
	xdpDrop     = 1
	xdpPass     = 2
	xdpRedirect = 4
)

// tc actions.
const (
	tcShot     = 2
	tcRedirect = 7
)

// A hop is where packets to some addresses go.
type hop struct {
	to       netip.Prefix
	own      netip.Addr       // the address that the NAT itself sends from
	src, dst net.HardwareAddr // the neighbour is not known without dst
	mtu      int
	none     verdict // without a way: what the host thinks of it
}

// Where the lab's packets come from and go to. What a subscriber has is behind a router; so is the rest of the world.
var (
	labMAC    = [2]net.HardwareAddr{{2, 0, 0, 0, 1, 0}, {2, 0, 0, 0, 2, 0}}
	routerMAC = [2]net.HardwareAddr{{2, 0, 0, 0, 1, 1}, {2, 0, 0, 0, 2, 1}}
)

// A network is what surrounds the NAT: hops, the longest prefix first.
type network []hop

// The addresses of the host on either side.
var (
	labInside  = netip.MustParseAddr("100.127.255.253")
	labOutside = netip.MustParseAddr("203.0.113.253")
)

func (n network) route(to netip.Addr) hop {
	for _, h := range n {
		if h.to.Contains(to) {
			return h
		}
	}
	return hop{none: passLocal} // the kernel has one answer for "to me" and "I know no way"
}

func (h hop) leadsOutside() bool { return h.none == "" && h.own == labOutside }

func (h hop) tooBig(s *shape) bool { return s.length > h.mtu }

// out says why a packet from the inside cannot go on, or "". The host answers where it can: it knows the sender.
func (h hop) out(s *shape) verdict {
	switch {
	case h.none != "":
		return h.none
	case s.ttl <= 1, h.tooBig(s) && !s.fragmentable:
		return passAnswer
	case h.tooBig(s), h.dst == nil:
		return passSlow
	}
	return ""
}

// in says why a packet cannot go to an inside address, or "".
func (h hop) in(s *shape) verdict {
	switch {
	case h.none != "":
		return dropUnrouted
	case s.ttl <= 1:
		return dropTTL
	case h.tooBig(s) && !s.fragmentable:
		return dropTooBig
	case h.tooBig(s), h.dst == nil:
		return passSlow
	}
	return ""
}

// icmpOf says what a sender hears about a verdict.
func icmpOf(v verdict) (typ, code uint8, ok bool) {
	switch v {
	case dropExhausted, dropLimit, dropRate, dropPeers:
		return unreachable, 1, true
	case dropTooBig:
		return unreachable, 4, true
	case dropTTL:
		return timeExceeded, 0, true
	}
	return 0, 0, false
}

// answers reports whether the sender hears of a drop: never about an error, and only one host that can be reached (RFC 1812
// section 4.3.2.7).
func (m *model) answers(s *shape, v verdict) bool {
	if _, _, ok := icmpOf(v); !ok || s.kind == quotes || s.u16(ip+6)&0x1fff != 0 || m.mute || s.length < 28 { // too short to be quoted: RFC 792
		return false
	}
	first := s.teller.As4()[0]
	return first != 0 && first != 127 && first < 224 && m.network.route(s.teller).none == ""
}

// reply returns the ICMP error about a packet: it quotes whole words of it, up to 128 octets.
func (m *model) reply(s *shape, v verdict) []byte {
	typ, code, _ := icmpOf(v)
	quote := s.frame[ip : ip+min(s.length&^3, 128)]
	d := icmpError(m.network.route(s.teller).own, s.teller, typ, code, append([]byte(nil), quote...))
	if v == dropTooBig {
		binary.BigEndian.PutUint16(d.payload[6:], uint16(s.hop.mtu))
		d = icmp(d.src, d.dst, d.payload)
	}
	d.tos, d.id = 0xc0, 0
	out := d.frame()
	copy(out, s.frame[6:12])
	copy(out[6:], s.frame[:6])
	return out
}
