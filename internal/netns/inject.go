//go:build linux

package netns

import (
	"encoding/binary"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// SendIPv4 sends a packet made by hand out of the namespace, along its routes. The source address need not be its own, and
// the protocol may be any. The kernel always writes the total length and the header checksum, and it writes the
// identification if that is zero; where these matter use [NS.SendFrame].
func (n *NS) SendIPv4(packet []byte) error {
	if len(packet) < 20 {
		return fmt.Errorf("send packet of %d bytes: %w", len(packet), unix.EINVAL)
	}
	dst := &unix.SockaddrInet4{Addr: [4]byte(packet[16:20])}
	err := n.withSocket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW, func(fd int) error {
		return unix.Sendto(fd, packet, 0, dst)
	})
	if err != nil {
		return fmt.Errorf("send packet to %v: %w", net.IP(dst.Addr[:]), err)
	}
	return nil
}

// SendAll sends many packets like SendIPv4, as fast as the kernel takes them. packet makes each when its turn has come.
func (n *NS) SendAll(count int, packet func(i int) []byte) error {
	err := n.withSocket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW, func(fd int) error {
		for i := range count {
			p := packet(i)
			if err := unix.Sendto(fd, p, 0, &unix.SockaddrInet4{Addr: [4]byte(p[16:20])}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("send %d packets: %w", count, err)
	}
	return nil
}

// SendFrame sends an IPv4 packet made by hand on a link to the given neighbour, past routes, neighbour table and netfilter.
// Nothing in the packet is changed.
func (n *NS) SendFrame(link string, neighbour net.HardwareAddr, packet []byte) error {
	l, err := n.link(link)
	if err != nil {
		return err
	}
	to := &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_IP), Ifindex: l.Attrs().Index, Halen: 6}
	if copy(to.Addr[:], neighbour) != 6 {
		return fmt.Errorf("send frame on %s to %v: %w", link, neighbour, unix.EINVAL)
	}
	// Protocol 0: this socket is not to receive anything.
	err = n.withSocket(unix.AF_PACKET, unix.SOCK_DGRAM, 0, func(fd int) error {
		return unix.Sendto(fd, packet, 0, to)
	})
	if err != nil {
		return fmt.Errorf("send frame on %s to %v: %w", link, neighbour, err)
	}
	return nil
}

// htons puts a number into network byte order, as sockaddr_ll and the protocol of AF_PACKET want it.
func htons(v uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	return binary.NativeEndian.Uint16(b[:])
}
