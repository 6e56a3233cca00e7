//go:build linux

package netns

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// A Ping is one ICMP echo request.
type Ping struct {
	// To is the host that is asked.
	To netip.Addr
	// ID is the identifier, which a NAT treats like a source port.
	ID uint16
	// Seq is the sequence number.
	Seq uint16
	// Timeout ends the wait for the reply. Default: 2 s.
	Timeout time.Duration
}

// An ICMPError is the ICMP error message that came back instead of a reply.
type ICMPError struct {
	// From is the sender of the message.
	From netip.Addr
	// Type and Code say what happened: 3/1 is host unreachable.
	Type, Code uint8
}

// Error returns "ICMP type 3 code 1 from 100.64.255.254".
func (e *ICMPError) Error() string {
	return fmt.Sprintf("ICMP type %d code %d from %v", e.Type, e.Code, e.From)
}

// Ping sends an echo request through a raw socket and waits for the reply with the same identifier and sequence number. An
// ICMP error about the request is returned as an *[ICMPError]; silence matches os.ErrDeadlineExceeded.
func (n *NS) Ping(p Ping) error {
	if err := n.ping(p); err != nil {
		return fmt.Errorf("ping %v with id %d: %w", p.To, p.ID, err)
	}
	return nil
}

func (n *NS) ping(p Ping) error {
	conn, err := n.listenICMP()
	if err != nil {
		return err
	}
	defer func() { _ = closeSocket(conn) }()
	if p.Timeout == 0 {
		p.Timeout = defaultTimeout
	}
	if err := conn.SetDeadline(time.Now().Add(p.Timeout)); err != nil {
		return err
	}
	if _, err := conn.WriteTo(p.request(), &net.IPAddr{IP: p.To.AsSlice()}); err != nil {
		return err
	}
	buf := make([]byte, 65536)
	for {
		size, source, err := readICMP(conn, buf)
		if err != nil {
			return err
		}
		msg := buf[:size]
		switch {
		case source == p.To && p.isReply(msg):
			return nil
		case p.isErrorAbout(msg):
			return &ICMPError{From: source, Type: msg[0], Code: msg[1]}
		}
	}
}

func (p Ping) request() []byte {
	b := make([]byte, 8, 64)
	b[0] = icmpEchoRequest
	binary.BigEndian.PutUint16(b[4:], p.ID)
	binary.BigEndian.PutUint16(b[6:], p.Seq)
	b = append(b, "cgnkit"...)
	binary.BigEndian.PutUint16(b[2:], Checksum(b))
	return b
}

func (p Ping) isReply(msg []byte) bool {
	return len(msg) >= 8 && msg[0] == icmpEchoReply && p.matches(msg)
}

func (p Ping) matches(echo []byte) bool {
	return binary.BigEndian.Uint16(echo[4:]) == p.ID && binary.BigEndian.Uint16(echo[6:]) == p.Seq
}

// isErrorAbout reports whether msg is an error that quotes the request.
func (p Ping) isErrorAbout(msg []byte) bool {
	if len(msg) < 8+20+8 || isICMPQuery(msg[0]) {
		return false
	}
	quoted := parsePacket(msg[8:])
	header := int(msg[8]&0x0f) * 4
	if quoted.Proto != unix.IPPROTO_ICMP || quoted.ICMPType != icmpEchoRequest || quoted.Dst != p.To {
		return false
	}
	return len(quoted.Raw) >= header+8 && p.matches(quoted.Raw[header:])
}

// readICMP reads a message without its IP header.
func readICMP(conn *net.IPConn, buf []byte) (int, netip.Addr, error) {
	size, source, err := conn.ReadFromIP(buf)
	if err != nil {
		return 0, netip.Addr{}, err
	}
	addr, _ := netip.AddrFromSlice(source.IP)
	return size, addr.Unmap(), nil
}
