//go:build linux

package nat44

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/portset"
)

// A service of the router has one outside port, its own, whoever is asked and whoever sends first; and it sees the ports of others as they are.
func TestRouterServiceSends(t *testing.T) {
	for _, order := range []string{"the service first", "the others first"} {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			s := routerSpec(t, 6, 8, 0x34)
			s.Services = must(portset.ParseSet("1232,2256-2257"))
			b := newRouterBench(t, s)
			service := netip.AddrPortFrom(s.Outside, 1232)
			c := b.hostSocket(b.CGN, netip.AddrPortFrom(netip.IPv4Unspecified(), 1232))
			for _, server := range b.Servers {
				peer := b.hostSocket(server.NS, netip.AddrPortFrom(server.Addr, 5060))
				for round := range 2 {
					if serviceSends := (order == "the service first") == (round == 0); serviceSends {
						if _, err := c.WriteToUDPAddrPort([]byte("hello"), netip.AddrPortFrom(server.Addr, 5060)); err != nil {
							t.Fatal(err)
						}
						if _, from := received(t, peer); from != service {
							t.Errorf("round %d: the service is seen as %v, want %v", round, from, service)
						}
						continue
					}
					if _, err := peer.WriteToUDPAddrPort([]byte("hello"), service); err != nil {
						t.Fatal(err)
					}
					if _, from := received(t, c); from != netip.AddrPortFrom(server.Addr, 5060) {
						t.Errorf("round %d: the service sees %v, want port 5060 of %v", round, from, server.Addr)
					}
				}
			}
			for _, server := range b.Servers {
				seen, err := b.CGN.Ask(netns.Query{Network: "tcp", Local: netip.AddrPortFrom(netip.Addr{}, 1232), Remote: netip.AddrPortFrom(server.Addr, 7)})
				if err != nil || seen != service {
					t.Errorf("by TCP the service is seen as %v, %v; want %v", seen, err, service)
				}
			}
			for _, network := range []string{"udp", "tcp"} {
				seen, err := b.CGN.Ask(netns.Query{Network: network, Local: netip.AddrPortFrom(netip.Addr{}, 5000), Remote: netip.AddrPortFrom(b.Servers[0].Addr, 7)})
				if err != nil || s.Services.Contains(seen.Port()) || !s.Ports.Contains(seen.Port()) {
					t.Errorf("%s from another port of the router: seen as %v, %v", network, seen, err)
				}
				host, err := b.seen(0, 0, network, 1232)
				if err != nil || s.Services.Contains(host.Port()) {
					t.Errorf("%s from a host's port 1232: seen as %v, %v", network, host, err)
				}
			}
		})
	}
}

// received returns the next datagram of a socket.
func received(tb testing.TB, c *net.UDPConn) (text string, from netip.AddrPort) {
	tb.Helper()
	buf := make([]byte, 100)
	_ = c.SetReadDeadline(time.Now().Add(2 * time.Second)) // its error shows in what follows
	n, from, err := c.ReadFromUDPAddrPort(buf)
	if err != nil {
		tb.Error(err)
	}
	return string(buf[:n]), netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
}

// The router answers pings with all identifiers that are its own: also those that no inside endpoint gets.
func TestRouterPings(t *testing.T) {
	for name, c := range map[string]struct {
		layout            routerLayout
		services          string
		answered, unheard []uint16
	}{
		"whole address": {routerLayout{0, 0, 0}, "2000-65535", []uint16{0, 1, 500, 1023, 1024, 5000, 65535}, nil},
		"first share":   {routerLayout{0, 8, 0}, "", []uint16{0, 1, 255}, []uint16{256, 65535}},
		"a share":       {routerLayout{6, 8, 0x34}, "1233", []uint16{1232, 1233, 64723}, []uint16{0, 1231, 1236}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := routerSpec(t, c.layout.offset, c.layout.length, c.layout.psid)
			if c.services != "" {
				s.Services = must(portset.ParseSet(c.services))
			}
			b := newRouterBench(t, s)
			for _, id := range c.answered {
				if err := b.Servers[0].Ping(netns.Ping{To: s.Outside, ID: id}); err != nil {
					t.Error(err)
				}
			}
			for i, id := range c.unheard {
				if err := b.Servers[0].Ping(netns.Ping{To: s.Outside, ID: id, Timeout: 300 * time.Millisecond}); err == nil {
					t.Errorf("a ping with identifier %d of others is answered", id)
				}
				if n := b.counted(strayCounter); n != i+1 {
					t.Errorf("%d strays counted, want %d", n, i+1)
				}
			}
			for i := range 3 {
				if _, err := b.seen(0, 0, "icmp", uint16(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
