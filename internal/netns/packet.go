//go:build linux

package netns

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// A Packet is an IPv4 packet as an [Observer] saw it. What the packet is too short for, is zero.
type Packet struct {
	// Src and Dst are the addresses of the outer header.
	Src, Dst netip.Addr
	// Proto is the protocol number: unix.IPPROTO_UDP and so on.
	Proto uint8
	// SrcPort and DstPort are the ports of TCP, UDP, UDP-Lite, SCTP and DCCP. Both are the identifier of an ICMP query, as
	// RFC 5508 has a NAT treat it. They are zero in all fragments but the first, which do not carry them.
	SrcPort, DstPort uint16
	// ICMPType is the type of an ICMP message.
	ICMPType uint8
	// Raw is the whole packet from the IPv4 header on.
	Raw []byte
}

// parsePacket fills in what it can; the Raw of the result is raw.
func parsePacket(raw []byte) Packet {
	p := Packet{Raw: raw}
	if len(raw) < 20 || raw[0]>>4 != 4 {
		return p
	}
	p.Proto = raw[9]
	p.Src = netip.AddrFrom4([4]byte(raw[12:16]))
	p.Dst = netip.AddrFrom4([4]byte(raw[16:20]))
	header := int(raw[0]&0x0f) * 4
	notFirst := binary.BigEndian.Uint16(raw[6:])&0x1fff != 0
	if header < 20 || header > len(raw) || notFirst {
		return p
	}
	payload := raw[header:]
	switch p.Proto {
	case unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_UDPLITE, unix.IPPROTO_SCTP, unix.IPPROTO_DCCP:
		if len(payload) >= 4 {
			p.SrcPort, p.DstPort = binary.BigEndian.Uint16(payload), binary.BigEndian.Uint16(payload[2:])
		}
	case unix.IPPROTO_ICMP:
		if len(payload) >= 1 {
			p.ICMPType = payload[0]
		}
		if len(payload) >= 6 && isICMPQuery(payload[0]) {
			p.SrcPort = binary.BigEndian.Uint16(payload[4:])
			p.DstPort = p.SrcPort
		}
	}
	return p
}

// ICMP types (RFC 792), named by their numbers in the kernel.
const (
	icmpEchoReply   = 0
	icmpEchoRequest = 8
)

// isICMPQuery reports whether messages of the type have an identifier: echo, timestamp, information and address mask.
func isICMPQuery(typ uint8) bool {
	return typ == icmpEchoReply || typ == icmpEchoRequest || typ >= 13 && typ <= 18
}

// An IPv4 is a packet to be made by hand, for [NS.SendIPv4] and as the content of ICMP errors.
type IPv4 struct {
	// Src and Dst are the addresses.
	Src, Dst netip.Addr
	// Proto is the protocol number.
	Proto uint8
	// TTL is the time to live. Default: 64.
	TTL uint8
	// ID is the identification of fragments.
	ID uint16
	// Frag holds the three flags and the fragment offset as in the header: 0x4000 is don't fragment.
	Frag uint16
	// Payload is everything after the header.
	Payload []byte
}

// Bytes returns the packet with a header of 20 bytes and its checksum.
func (p IPv4) Bytes() []byte {
	b := make([]byte, 20, 20+len(p.Payload))
	b[0] = 0x45
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(p.Payload)))
	binary.BigEndian.PutUint16(b[4:], p.ID)
	binary.BigEndian.PutUint16(b[6:], p.Frag)
	b[8] = p.TTL
	if p.TTL == 0 {
		b[8] = 64
	}
	b[9] = p.Proto
	copy(b[12:], p.Src.AsSlice())
	copy(b[16:], p.Dst.AsSlice())
	binary.BigEndian.PutUint16(b[10:], Checksum(b))
	return append(b, p.Payload...)
}

// Checksum returns the Internet checksum (RFC 1071) of b. Over data that contains its own right checksum it returns 0.
func Checksum(b []byte) uint16 {
	var sum uint32
	for i, c := range b {
		if i%2 == 0 {
			sum += uint32(c) << 8
		} else {
			sum += uint32(c)
		}
		// Folding at once keeps any length from overflowing.
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
