package gate

import (
	"net"
	"net/netip"
)

// ListenTCP listens on an address and no other: [::] is all addresses of both families, and 0.0.0.0 those of IPv4.
func ListenTCP(at netip.AddrPort) (net.Listener, error) {
	network, addr := "tcp", at.Addr().Unmap()
	if addr.Is4() {
		network = "tcp4" // package net takes 0.0.0.0 for both families otherwise
	}
	return net.Listen(network, netip.AddrPortFrom(addr, at.Port()).String())
}

// hostBits is what one host chooses freely of its IPv6 address.
const hostBits = 64

// Host returns the source of a connection on TCP: the IPv4 address of who connects, or the first 64 bits of the IPv6 address.
func Host(c net.Conn) string {
	at, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return ""
	}
	addr := at.AddrPort().Addr().Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	p, err := addr.Prefix(hostBits)
	if err != nil {
		return ""
	}
	return p.String()
}
