//go:build linux

package nat44

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/portset"
)

// A hostSocket is a UDP socket of a host.
func (b *routerBench) hostSocket(ns *netns.NS, local netip.AddrPort) *net.UDPConn {
	b.Helper()
	c, err := ns.ListenUDP(local)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	return c
}

// heard reports whether a datagram with that text arrives soon.
func heard(c *net.UDPConn, text string) bool {
	buf := make([]byte, 1<<16)
	for {
		_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond)) // its error shows in what follows
		n, err := c.Read(buf)
		if err != nil {
			return false
		}
		if strings.HasPrefix(string(buf[:n]), text) {
			return true
		}
	}
}

// What reaches a mapping from outside is what the filtering says, by UDP and by TCP.
func TestRouterFiltering(t *testing.T) {
	for filtering, want := range map[Filtering][2]bool{FilterByAddress: {true, false}, FilterByPort: {false, false}, FilterNone: {true, true}} {
		t.Run(Filterings[filtering-1], func(t *testing.T) {
			t.Parallel()
			s := routerSpec(t, 6, 8, 0x34)
			s.Filtering = filtering
			b := newRouterBench(t, s)
			host, to := b.Subscribers[0], netip.AddrPortFrom(b.Servers[0].Addr, 7)
			inside := netip.AddrPortFrom(host.Addr, 5000)
			seen, err := b.seen(0, 0, "udp", 5000)
			if err != nil {
				t.Fatal(err)
			}
			c := b.hostSocket(host.NS, inside)
			for i, server := range b.Servers {
				text := "from " + server.Addr.String()
				if _, err := b.hostSocket(server.NS, netip.AddrPortFrom(server.Addr, 9999)).WriteToUDPAddrPort([]byte(text), seen); err != nil {
					t.Fatal(err)
				}
				if got := heard(c, text); got != want[i] {
					t.Errorf("UDP from server %d arrives: %v, want %v", i, got, want[i])
				}
			}
			b.bothBegin(c, seen)
			if seen, err = host.Ask(netns.Query{Network: "tcp", Local: inside, Remote: to}); err != nil {
				t.Fatal(err)
			}
			if _, err := host.ListenEcho("tcp", inside); err != nil {
				t.Fatal(err)
			}
			for i, server := range b.Servers {
				_, err := server.Ask(netns.Query{Network: "tcp", Local: netip.AddrPortFrom(server.Addr, 9999), Remote: seen, Timeout: 300 * time.Millisecond})
				if got := err == nil; got != want[i] {
					t.Errorf("TCP from server %d arrives: %v (%v), want %v", i, got, err, want[i])
				}
			}
		})
	}
}

// bothBegin has a server that the host has not sent to send first, and then the host send there from its mapping: it is answered, and seen
// as before.
func (b *routerBench) bothBegin(c *net.UDPConn, seen netip.AddrPort) {
	b.Helper()
	server := b.Servers[1]
	there := b.hostSocket(server.NS, netip.AddrPortFrom(server.Addr, 9998))
	for range 2 {
		if _, err := there.WriteToUDPAddrPort([]byte("early"), seen); err != nil {
			b.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond) // what is refused must have come first
	}
	if _, err := c.WriteToUDPAddrPort([]byte("late"), netip.AddrPortFrom(server.Addr, 9998)); err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 100)
	_ = there.SetReadDeadline(time.Now().Add(2 * time.Second)) // its error shows in what follows
	n, from, err := there.ReadFromUDPAddrPort(buf)
	if err != nil || string(buf[:n]) != "late" || from != seen {
		b.Errorf("the server that sent first reads %q from %v, %v; want it from %v", buf[:n], from, err, seen)
		return
	}
	if _, err := there.WriteToUDPAddrPort([]byte("answer"), seen); err != nil || !heard(c, "answer") {
		b.Errorf("the answer does not arrive, %v", err)
	}
}

// Hosts behind one router reach each other by their outside endpoints, and see each other's (RFC 4787 REQ-9).
func TestRouterHairpin(t *testing.T) {
	for i, name := range Filterings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := routerSpec(t, 6, 8, 0x34)
			s.Filtering = Filtering(i + 1)
			newRouterBench(t, s).hairpin()
		})
	}
}

func (b *routerBench) hairpin() {
	b.Helper()
	for _, network := range []string{"udp", "tcp"} {
		var seen [2]netip.AddrPort
		for i := range seen {
			var err error
			if seen[i], err = b.seen(i, 0, network, 5000); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := b.Subscribers[0].ListenEcho(network, netip.AddrPortFrom(b.Subscribers[0].Addr, 5000)); err != nil {
			b.Fatal(err)
		}
		other := b.Subscribers[1]
		got, err := other.Ask(netns.Query{Network: network, Local: netip.AddrPortFrom(other.Addr, 5000), Remote: seen[0]})
		if err != nil || got != seen[1] {
			b.Errorf("%s: the other host is seen as %v, %v; want %v", network, got, err, seen[1])
		}
	}
}

// Services of the router are reached on their ports from everywhere, also from hosts behind it, and no inside endpoint gets these ports.
func TestRouterServices(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			s := routerSpec(t, 0, 11, 4)
			s.Services = must(portset.ParseSet("129,140-142"))
			b := newRouterBench(t, s)
			b.serve(network, true)
			b.spec.Ports, _ = s.Ports.Minus(s.Services)
			b.fill(network)
			b.serve(network, false)
		})
	}
}

// serve asks services of the router from outside and from behind it.
func (b *routerBench) serve(network string, start bool) {
	b.Helper()
	for port := range b.spec.Services.Ports() {
		if start {
			if _, err := b.CGN.ListenEcho(network, netip.AddrPortFrom(netip.IPv4Unspecified(), port)); err != nil {
				b.Fatal(err)
			}
		}
		service := netip.AddrPortFrom(b.spec.Outside, port)
		for _, who := range []netns.Host{b.Servers[0], b.Servers[1], b.Subscribers[0]} {
			if _, err := who.Ask(netns.Query{Network: network, Local: netip.AddrPortFrom(who.Addr, 9990), Remote: service}); err != nil {
				b.Errorf("%v does not reach the service on port %d: %v", who.Addr, port, err)
			}
		}
	}
}
