//go:build linux

package conformance

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
)

// TCP flags.
const (
	fin = 1 << iota
	syn
	rst
	psh
	ack
)

// datagram makes a UDP packet.
func datagram(from, to netip.AddrPort, payload string) netns.IPv4 {
	b := make([]byte, 8, 8+len(payload))
	binary.BigEndian.PutUint16(b[0:], from.Port())
	binary.BigEndian.PutUint16(b[2:], to.Port())
	binary.BigEndian.PutUint16(b[4:], uint16(8+len(payload)))
	b = append(b, payload...)
	sum := transportChecksum(from.Addr(), to.Addr(), unix.IPPROTO_UDP, b)
	if sum == 0 {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(b[6:], sum)
	return netns.IPv4{Src: from.Addr(), Dst: to.Addr(), Proto: unix.IPPROTO_UDP, Payload: b}
}

// A segment is the part of a TCP header that the probes vary.
type segment struct {
	flags    uint8
	seq, ack uint32
	data     string
	shut     bool // the window is zero
}

// packet makes a TCP packet.
func (s segment) packet(from, to netip.AddrPort) netns.IPv4 {
	b := make([]byte, 20, 20+len(s.data))
	binary.BigEndian.PutUint16(b[0:], from.Port())
	binary.BigEndian.PutUint16(b[2:], to.Port())
	binary.BigEndian.PutUint32(b[4:], s.seq)
	binary.BigEndian.PutUint32(b[8:], s.ack)
	b[12], b[13] = 5<<4, s.flags
	if !s.shut {
		binary.BigEndian.PutUint16(b[14:], 65535)
	}
	b = append(b, s.data...)
	binary.BigEndian.PutUint16(b[16:], transportChecksum(from.Addr(), to.Addr(), unix.IPPROTO_TCP, b))
	return netns.IPv4{Src: from.Addr(), Dst: to.Addr(), Proto: unix.IPPROTO_TCP, Payload: b}
}

// transportChecksum is the checksum of b with the pseudo header.
func transportChecksum(src, dst netip.Addr, proto uint8, b []byte) uint16 {
	s, d := src.As4(), dst.As4()
	pseudo := append(append(s[:], d[:]...), 0, proto, byte(len(b)>>8), byte(len(b)))
	return netns.Checksum(append(pseudo, b...))
}

// icmp makes an ICMP message with its checksum. rest is the second word of its header.
func icmp(typ, code uint8, rest uint32, body []byte) []byte {
	b := append([]byte{typ, code, 0, 0}, binary.BigEndian.AppendUint32(nil, rest)...)
	b = append(b, body...)
	binary.BigEndian.PutUint16(b[2:], netns.Checksum(b))
	return b
}

// icmpError makes an ICMP error about a packet.
func icmpError(from, to netip.Addr, typ, code uint8, rest uint32, about []byte) netns.IPv4 {
	return netns.IPv4{Src: from, Dst: to, Proto: unix.IPPROTO_ICMP, Payload: icmp(typ, code, rest, about)}
}

// send sends a packet made by hand.
func send(t *testing.T, h netns.Host, p netns.IPv4) {
	t.Helper()
	if err := h.SendIPv4(p.Bytes()); err != nil {
		t.Fatal(err)
	}
}

// udpFrom, tcpFrom and icmpOf select packets.
func udpFrom(a netip.Addr) func(netns.Packet) bool {
	return func(p netns.Packet) bool { return p.Proto == unix.IPPROTO_UDP && p.Src == a }
}

func tcpFrom(a netip.Addr) func(netns.Packet) bool {
	return func(p netns.Packet) bool { return p.Proto == unix.IPPROTO_TCP && p.Src == a }
}

func icmpOf(typ uint8) func(netns.Packet) bool {
	return func(p netns.Packet) bool { return p.Proto == unix.IPPROTO_ICMP && p.ICMPType == typ }
}

func protocol(proto uint8) func(netns.Packet) bool {
	return func(p netns.Packet) bool { return p.Proto == proto }
}

// body returns what follows the IPv4 header.
func body(p netns.Packet) []byte { return p.Raw[int(p.Raw[0]&0x0f)*4:] }

// quoted returns the packet that an ICMP error is about, as far as it is there.
func quoted(p netns.Packet) []byte { return body(p)[8:] }

// endpoints reads addresses and ports of a raw packet with a header of any length.
func endpoints(raw []byte) (from, to netip.AddrPort) {
	h := int(raw[0]&0x0f) * 4
	src, _ := netip.AddrFromSlice(raw[12:16])
	dst, _ := netip.AddrFromSlice(raw[16:20])
	return netip.AddrPortFrom(src, binary.BigEndian.Uint16(raw[h:])), netip.AddrPortFrom(dst, binary.BigEndian.Uint16(raw[h+2:]))
}

// sound fails the test unless the checksums of a packet and of the ICMP message in it are right.
func sound(t *testing.T, p netns.Packet) {
	t.Helper()
	if h := int(p.Raw[0]&0x0f) * 4; netns.Checksum(p.Raw[:h]) != 0 {
		t.Errorf("wrong IPv4 header checksum in %x", p.Raw)
	}
	if p.Proto == unix.IPPROTO_ICMP && netns.Checksum(body(p)) != 0 {
		t.Errorf("wrong ICMP checksum in %x", p.Raw)
	}
}
