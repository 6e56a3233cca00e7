package ebpf

import (
	"bytes"
	"encoding/binary"
	"net/netip"
)

// A kind says where a packet has its endpoints.
type kind int

const (
	session kind = iota // in its own headers
	quotes              // an ICMP error: in the packet that it quotes
)

// A shape is what a frame is, and where in it things are. Places are offsets into the frame; 0 where there is none.
type shape struct {
	frame []byte
	end   int // of the IP packet
	l4    int
	kind  kind
	plane plane

	quoted, quotedL4   int
	near, far          netip.AddrPort
	nearPort, farPort  int
	check              int // the checksum over the ports
	flags              uint8
	asks               bool // an ICMP query, not the answer to one; or an error about an answer
	portless           bool // another protocol, or an error about one
	ttl                uint8
	fragmentable       bool
	length             int
	teller, addressee  netip.Addr // of the outer header
	quotedProto, proto uint8

	gone []byte // of a frame that the model makes: what has really gone on

	// What the model says.
	hop             hop
	newNear, newFar netip.AddrPort
	problem         string
}

const ip = ethernet

func (s *shape) u16(at int) uint16         { return binary.BigEndian.Uint16(s.frame[at:]) }
func (s *shape) addr(at int) netip.Addr    { return netip.AddrFrom4([4]byte(s.frame[at:])) }
func (s *shape) header(at int) int         { return int(s.frame[at]&15) * 4 }
func (s *shape) holds(at, octets int) bool { return at+octets <= s.end }

// readHeader reads the outer IP header. What contradicts itself or the frame is malformed, and that is decided before
// anything else.
func readHeader(frame []byte, from side) (*shape, verdict) {
	s := &shape{frame: frame}
	if len(frame) < ethernet || s.u16(12) != 0x0800 {
		return s, passNotIPv4
	}
	if frame[0]&1 == 1 {
		return s, passLocal // for a group
	}
	if !bytes.Equal(frame[:6], labMAC[from]) {
		return s, passSlow // for another station, as far as the driver knows
	}
	s.end = len(frame)
	if !s.holds(ip, 20) || frame[ip]>>4 != 4 || s.header(ip) < 20 || !s.holds(ip, s.header(ip)) {
		return s, dropMalformed
	}
	s.length = int(s.u16(ip + 2))
	if s.length < s.header(ip) || ip+s.length > len(frame) {
		return s, dropMalformed
	}
	s.end = ip + s.length // what follows is padding
	s.l4 = ip + s.header(ip)
	s.ttl, s.proto = frame[ip+8], frame[ip+9]
	s.fragmentable = s.u16(ip+6)&dontFragment == 0
	s.teller, s.addressee = s.addr(ip+12), s.addr(ip+16)
	s.near, s.far = netip.AddrPortFrom(s.teller, 0), netip.AddrPortFrom(s.addressee, 0)
	if sourceRouted(frame[ip+20 : s.l4]) {
		return s, dropSourceRoute
	}
	if sum16(frame[ip:s.l4]) != 0xffff {
		return s, dropChecksum
	}
	return s, ""
}

// sourceRouted reports whether IP options name a route (RFC 791: LSRR 131, SSRR 137).
func sourceRouted(options []byte) bool {
	for i := 0; i < len(options) && options[i] != 0; {
		if options[i] == 131 || options[i] == 137 {
			return true
		}
		if options[i] == 1 {
			i++
			continue
		}
		if i+1 == len(options) || options[i+1] < 2 {
			return false
		}
		i += int(options[i+1])
	}
	return false
}

// readPorts reads what follows the outer IP header.
func (s *shape) readPorts() verdict {
	switch s.proto {
	case protoTCP:
		if !s.holds(s.l4, 20) || s.frame[s.l4+12]>>4 < 5 || !s.holds(s.l4, int(s.frame[s.l4+12]>>4)*4) {
			return dropMalformed
		}
		s.plane, s.check, s.flags = planeTCP, s.l4+16, s.frame[s.l4+13]
	case protoUDP:
		if !s.holds(s.l4, 8) {
			return dropMalformed
		}
		s.plane, s.check = planeUDP, s.l4+6
	case protoICMP:
		return s.readICMP()
	case protoDCCP, protoUDPLite:
		s.portless = true
		if s.later() {
			return "" // what is there is data
		}
		if !s.holds(s.l4, 8) {
			return dropMalformed
		}
		s.check = s.l4 + 6
		return ""
	default:
		s.portless = true
		return ""
	}
	s.setPorts(s.l4, s.l4+2)
	return ""
}

// setPorts says where the ports of the near and the far endpoint are.
func (s *shape) setPorts(near, far int) {
	s.nearPort, s.farPort = near, far
	s.near = netip.AddrPortFrom(s.near.Addr(), s.u16(near))
	s.far = netip.AddrPortFrom(s.far.Addr(), s.u16(far))
}

func isQuery(typ uint8) (query, asks bool) {
	switch typ {
	case echoRequest, timestamp:
		return true, true
	case echoReply, timestampReply:
		return true, false
	}
	return false, false
}

func (s *shape) readICMP() verdict {
	if !s.holds(s.l4, 8) {
		return dropMalformed
	}
	s.plane = planeICMP
	query, asks := isQuery(s.frame[s.l4])
	switch typ := s.frame[s.l4]; {
	case query:
		s.asks, s.check = asks, s.l4+2
		s.setPorts(s.l4+4, s.l4+4)
		return ""
	case typ == unreachable, typ == timeExceeded, typ == parameterProblem:
		return s.readQuoted(s.l4 + 8)
	}
	return dropICMPType
}

// readQuoted reads the packet that an error quotes, from which 8 octets behind its IP header are enough. It went the other
// way: its destination is the near endpoint.
func (s *shape) readQuoted(at int) verdict {
	if !s.holds(at, 20) || s.frame[at]>>4 != 4 || s.header(at) < 20 || !s.holds(at, s.header(at)) {
		return dropMalformed
	}
	if sum16(s.frame[at:at+s.header(at)]) != 0xffff {
		return dropChecksum
	}
	if s.u16(at+6)&0x1fff != 0 {
		return dropFragment
	}
	l4 := at + s.header(at)
	s.kind, s.quoted, s.quotedL4, s.quotedProto = quotes, at, l4, s.frame[at+9]
	s.near, s.far = netip.AddrPortFrom(s.addr(at+16), 0), netip.AddrPortFrom(s.addr(at+12), 0)
	if !s.holds(l4, 8) {
		return dropMalformed
	}
	switch s.quotedProto {
	case protoTCP:
		s.plane = planeTCP
		if s.holds(l4, 20) {
			s.check = l4 + 16
		}
	case protoUDP:
		s.plane, s.check = planeUDP, l4+6
	case protoICMP:
		s.plane, s.check = planeICMP, l4+2
		query, asks := isQuery(s.frame[l4])
		if !query {
			return dropICMPType // an error about an error, or about what we do not translate
		}
		s.asks = !asks // its near endpoint was asked, or has asked
		s.setPorts(l4+4, l4+4)
		return ""
	case protoDCCP, protoUDPLite:
		s.portless, s.check = true, l4+6
		return ""
	default:
		s.portless = true
		return ""
	}
	s.setPorts(l4+2, l4)
	return ""
}
