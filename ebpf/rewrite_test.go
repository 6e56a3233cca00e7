package ebpf

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// translated returns the frame as it goes on. Checksums are summed anew: over what they cover now, so that they are as right
// or as wrong as before. The identification of a packet that may be cut into fragments is anything, so it is taken from what
// has gone on (RFC 6864).
func (s *shape) translated(gone []byte) []byte {
	out := slices.Clone(s.frame)
	t := &shape{frame: out, gone: gone, end: s.end, l4: s.l4, quoted: s.quoted, quotedL4: s.quotedL4}
	ports, quote, message := s.sumPorts(), uint16(0), s.sumMessage()
	if s.quoted > 0 {
		quote = sum16(s.frame[s.quoted:s.quotedL4])
	}
	s.moveTo(out, s.newNear, ip+12, s.quoted+16, s.nearPort)
	s.moveTo(out, s.newFar, ip+16, s.quoted+12, s.farPort)
	t.kind, t.check, t.plane, t.proto, t.quotedProto = s.kind, s.check, s.plane, s.proto, s.quotedProto
	if s.check > 0 && (!s.isUDP() || s.u16(s.check) != 0) {
		t.balance(s.check, ports, t.sumPorts)
		if s.isUDP() && t.u16(s.check) == 0 {
			binary.BigEndian.PutUint16(out[s.check:], 0xffff) // RFC 768
		}
	}
	if s.quoted > 0 {
		t.balance(s.quoted+10, quote, func() uint16 { return sum16(out[s.quoted:s.quotedL4]) })
		t.balance(s.l4+2, message, t.sumMessage)
	}
	out[ip+8]--
	if (s.fragmentable || s.fragment()) && len(gone) == len(out) {
		copy(out[ip+4:ip+6], gone[ip+4:])
	}
	t.balance(ip+10, 0xffff, func() uint16 { return sum16(out[ip:s.l4]) })
	copy(out, s.hop.dst)
	copy(out[6:], s.hop.src)
	return out
}

// moveTo writes an endpoint to the frame, unless it stays.
func (s *shape) moveTo(out []byte, to netip.AddrPort, outer, quoted, port int) {
	if !to.IsValid() {
		return
	}
	a := to.Addr().As4()
	copy(out[outer:], a[:])
	if s.quoted > 0 {
		copy(out[quoted:], a[:])
	}
	if port > 0 {
		binary.BigEndian.PutUint16(out[port:], to.Port())
	}
}

// isUDP reports whether a checksum of 0 over the ports means that there is none.
func (s *shape) isUDP() bool {
	proto := s.proto
	if s.kind == quotes {
		proto = s.quotedProto
	}
	return proto == protoUDP || proto == protoUDPLite
}

// sumPorts returns the sum over what the checksum over the ports covers, as far as it is in the frame.
func (s *shape) sumPorts() uint16 {
	if s.check == 0 {
		return 0
	}
	at, from, proto := ip, s.l4, s.proto
	if s.kind == quotes {
		at, from, proto = s.quoted, s.quotedL4, s.quotedProto
	}
	body := s.frame[from:s.end]
	if proto == protoICMP {
		return sum16(body)
	}
	return sum16(pseudoHeader(s.addr(at+12), s.addr(at+16), proto, len(body)), body)
}

// sumMessage returns the sum over an ICMP error.
func (s *shape) sumMessage() uint16 { return sum16(s.frame[s.l4:s.end]) }

// balance sets a checksum such that sum is what it was. Of the two zeros it is the usual one, except in a packet that was wrong
// before or had the other: then both are as good, and it is the one that has gone on.
func (s *shape) balance(check int, was uint16, sum func() uint16) {
	old := s.u16(check)
	binary.BigEndian.PutUint16(s.frame[check:], 0)
	c := ^sum()
	if was != 0xffff {
		v := uint32(was) + uint32(c)
		c = uint16(v&0xffff + v>>16)
	}
	if zero := c == 0 || c == 0xffff; zero && (was != 0xffff || old == 0xffff) && len(s.gone) == len(s.frame) {
		if gone := binary.BigEndian.Uint16(s.gone[check:]); gone == ^c {
			c = gone
		}
	}
	binary.BigEndian.PutUint16(s.frame[check:], c)
}
