package ebpf

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
)

// Protocols of IPv4.
const (
	protoICMP    = 1
	protoTCP     = 6
	protoUDP     = 17
	protoDCCP    = 33
	protoGRE     = 47
	protoSCTP    = 132
	protoUDPLite = 136
)

// Flags of TCP.
const (
	fin = 0x01
	syn = 0x02
	rst = 0x04
	ack = 0x10
)

// Types of ICMP.
const (
	echoReply        = 0
	unreachable      = 3
	sourceQuench     = 4
	redirect         = 5
	echoRequest      = 8
	timeExceeded     = 11
	parameterProblem = 12
	timestamp        = 13
	timestampReply   = 14
	informationAsk   = 15
	addressMaskAsk   = 17
)

const (
	dontFragment  = 0x4000
	moreFragments = 0x2000
)

// ethernet is the length of an Ethernet header without tags.
const ethernet = 14

// A datagram is an IPv4 packet to be built, with right checksums unless something changes the bytes afterwards.
type datagram struct {
	src, dst netip.Addr
	proto    uint8
	tos      uint8
	id       uint16
	flags    uint16 // and the fragment offset
	ttl      uint8
	options  []byte // multiples of four
	payload  []byte
}

// ip returns the packet from its IP header on.
func (d datagram) ip() []byte {
	h := make([]byte, 20, 20+len(d.options)+len(d.payload))
	h = append(h, d.options...)
	h[0], h[1] = 0x40|uint8(len(h)/4), d.tos
	binary.BigEndian.PutUint16(h[2:], uint16(len(h)+len(d.payload)))
	binary.BigEndian.PutUint16(h[4:], d.id)
	binary.BigEndian.PutUint16(h[6:], d.flags)
	h[8], h[9] = d.ttl, d.proto
	src, dst := d.src.As4(), d.dst.As4()
	copy(h[12:], src[:])
	copy(h[16:], dst[:])
	binary.BigEndian.PutUint16(h[10:], ^sum16(h))
	return append(h, d.payload...)
}

// frame returns the packet in an Ethernet frame as a neighbour sends it.
func (d datagram) frame() []byte { return frameOf(d.ip()) }

// anyMAC is for whoever gets the frame: see lab.address.
var anyMAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}

// frameOf returns an Ethernet frame with an IPv4 packet.
func frameOf(ip []byte) []byte {
	return slices.Concat(anyMAC, []byte{2, 0, 0, 0, 0, 2, 8, 0}, ip)
}

// with returns the packet, changed. Checksums over the payload cover what they covered before.
func (d datagram) with(change func(*datagram)) datagram {
	change(&d)
	return d
}

func newDatagram(src, dst netip.Addr, proto uint8, payload []byte) datagram {
	return datagram{src: src, dst: dst, proto: proto, id: 0x1234, flags: dontFragment, ttl: 64, payload: payload}
}

// udp returns a UDP datagram.
func udp(from, to netip.AddrPort, data string) datagram {
	b := binary.BigEndian.AppendUint16(nil, from.Port())
	b = binary.BigEndian.AppendUint16(b, to.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(data)))
	b = append(b, 0, 0)
	b = append(b, data...)
	binary.BigEndian.PutUint16(b[6:], neverZero(^sum16(pseudoHeader(from.Addr(), to.Addr(), protoUDP, len(b)), b)))
	return newDatagram(from.Addr(), to.Addr(), protoUDP, b)
}

// neverZero returns a checksum as UDP and UDP-Lite write it: for UDP 0 means that there is none, for UDP-Lite it is illegal.
func neverZero(check uint16) uint16 {
	if check == 0 {
		return 0xffff
	}
	return check
}

// udpWithout is udp without a checksum.
func udpWithout(from, to netip.AddrPort, data string) datagram {
	d := udp(from, to, data)
	d.payload[6], d.payload[7] = 0, 0
	return d
}

// tcp returns a TCP segment. Every segment has the same numbers: nothing here looks at them.
func tcp(from, to netip.AddrPort, flags uint8, data string) datagram {
	b := binary.BigEndian.AppendUint16(nil, from.Port())
	b = binary.BigEndian.AppendUint16(b, to.Port())
	b = append(b, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, flags, 0xfa, 0xf0, 0, 0, 0, 0)
	b = append(b, data...)
	binary.BigEndian.PutUint16(b[16:], ^sum16(pseudoHeader(from.Addr(), to.Addr(), protoTCP, len(b)), b))
	return newDatagram(from.Addr(), to.Addr(), protoTCP, b)
}

// icmpQuery returns an ICMP query or the answer to one.
func icmpQuery(src, dst netip.Addr, typ uint8, id uint16, data string) datagram {
	b := []byte{typ, 0, 0, 0}
	b = binary.BigEndian.AppendUint16(b, id)
	b = append(b, 0, 1)
	return icmp(src, dst, append(b, data...))
}

// icmpError returns an ICMP error about a packet, of which it quotes what it is given.
func icmpError(src, dst netip.Addr, typ, code uint8, about []byte) datagram {
	return icmp(src, dst, append([]byte{typ, code, 0, 0, 0, 0, 0, 0}, about...))
}

// icmp returns an ICMP message with a right checksum.
func icmp(src, dst netip.Addr, message []byte) datagram {
	binary.BigEndian.PutUint16(message[2:], 0)
	binary.BigEndian.PutUint16(message[2:], ^sum16(message))
	return newDatagram(src, dst, protoICMP, message)
}

// dccp returns the generic header of a DCCP packet; its checksum covers the addresses (RFC 4340 section 9).
func dccp(from, to netip.AddrPort) datagram {
	b := binary.BigEndian.AppendUint16(nil, from.Port())
	b = binary.BigEndian.AppendUint16(b, to.Port())
	b = append(b, 4, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2)
	binary.BigEndian.PutUint16(b[6:], ^sum16(pseudoHeader(from.Addr(), to.Addr(), protoDCCP, len(b)), b))
	return newDatagram(from.Addr(), to.Addr(), protoDCCP, b)
}

// udpLite returns a UDP-Lite datagram whose checksum covers all of it (RFC 3828).
func udpLite(from, to netip.AddrPort, data string) datagram {
	b := binary.BigEndian.AppendUint16(nil, from.Port())
	b = binary.BigEndian.AppendUint16(b, to.Port())
	b = append(b, 0, 0, 0, 0)
	b = append(b, data...)
	binary.BigEndian.PutUint16(b[6:], neverZero(^sum16(pseudoHeader(from.Addr(), to.Addr(), protoUDPLite, len(b)), b)))
	return newDatagram(from.Addr(), to.Addr(), protoUDPLite, b)
}

// pseudoHeader returns what the checksums of TCP and UDP cover of the IP header.
func pseudoHeader(src, dst netip.Addr, proto uint8, length int) []byte {
	s, d := src.As4(), dst.As4()
	return slices.Concat(s[:], d[:], []byte{0, proto, byte(length >> 8), byte(length)})
}

// sum16 returns the one's complement sum of RFC 1071 over parts, each of which begins at an even place. A right checksum in
// them makes it 0xffff.
func sum16(parts ...[]byte) uint16 {
	sum := 0
	for _, b := range parts {
		for i, octet := range b {
			if i%2 == 0 {
				sum += int(octet) << 8
			} else {
				sum += int(octet)
			}
		}
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return uint16(sum)
}
