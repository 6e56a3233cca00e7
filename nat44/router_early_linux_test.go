//go:build linux

package nat44

import (
	"context"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// first returns the packet that begins a flow.
func first(network string, from, to netip.AddrPort) []byte {
	p := netns.IPv4{Src: from.Addr(), Dst: to.Addr(), Proto: unix.IPPROTO_UDP}
	p.Payload = binary.BigEndian.AppendUint16(p.Payload, from.Port())
	p.Payload = binary.BigEndian.AppendUint16(p.Payload, to.Port())
	if network == "udp" {
		p.Payload = append(p.Payload, 0, 9, 0, 0, '?')
		return p.Bytes()
	}
	p.Proto = unix.IPPROTO_TCP
	p.Payload = append(p.Payload, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 4, 0, 0, 0, 0, 0) // a SYN
	pseudo := p.Bytes()[12:20]                                                       // its addresses
	sum := netns.Checksum(append(append(pseudo, 0, p.Proto, 0, byte(len(p.Payload))), p.Payload...))
	binary.BigEndian.PutUint16(p.Payload[16:], sum)
	return p.Bytes()
}

// early sends the first packets of flows from one endpoint to every port of the router that is not left out.
func (b *routerBench) early(ns *netns.NS, network string, from netip.AddrPort, without uint16) {
	b.Helper()
	before, n := b.counted(refusedCounter), 0
	for port := range b.spec.Ports.Ports() {
		if port == without {
			continue
		}
		if err := ns.SendIPv4(first(network, from, netip.AddrPortFrom(b.spec.Outside, port))); err != nil {
			b.Fatal(err)
		}
		n++
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		got := b.counted(refusedCounter) - before
		if got == n {
			return
		}
		if time.Now().After(deadline) {
			b.Errorf("%s: %d packets to ports without a mapping are counted, want %d", network, got, n)
			return
		}
	}
}

// Who sends first to a port that no mapping has does not keep it from those who get it: peers with fixed ports find each other again after
// a mapping has expired, and strangers block nobody.
func TestRouterEarly(t *testing.T) {
	for i, name := range Filterings {
		for _, network := range []string{"udp", "tcp"} {
			t.Run(name+","+network, func(t *testing.T) {
				t.Parallel()
				s := routerSpec(t, 6, 8, 0x34)
				s.Filtering = Filtering(i + 1)
				b := newRouterBench(t, s)
				server := b.Servers[1]
				there := netip.AddrPortFrom(server.Addr, 9998)
				b.early(server.NS, network, there, 0)
				if flows := b.remembered(network); len(flows) > 0 {
					t.Errorf("conntrack remembers %d flows to ports without a mapping", len(flows))
				}
				if _, err := server.ListenEcho(network, there); err != nil {
					t.Fatal(err)
				}
				for port := range uint16(5) {
					host := b.Subscribers[port%2]
					seen, err := host.Ask(netns.Query{Network: network, Local: netip.AddrPortFrom(host.Addr, 41000+port), Remote: there})
					if err != nil || !s.Ports.Contains(seen.Port()) {
						t.Errorf("port %d: the server that sent first sees %v, %v", 41000+port, seen, err)
					}
				}
			})
		}
	}
}

// The same from inside: a host that sent to a port before it was another host's is reached from there.
func TestRouterEarlyInside(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			b := newRouterBench(t, routerSpec(t, 6, 8, 0x34))
			host, other := b.Subscribers[0], b.Subscribers[1]
			inside := netip.AddrPortFrom(host.Addr, 5000)
			seen, err := b.seen(0, 0, network, inside.Port())
			if err != nil {
				t.Fatal(err)
			}
			b.early(host.NS, network, inside, seen.Port())
			if _, err := host.ListenEcho(network, inside); err != nil {
				t.Fatal(err)
			}
			for port := range uint16(3) {
				want, err := b.seen(1, 0, network, 6000+port)
				if err != nil {
					t.Fatal(err)
				}
				got, err := other.Ask(netns.Query{Network: network, Local: netip.AddrPortFrom(other.Addr, 6000+port), Remote: seen})
				if err != nil || got != want {
					t.Errorf("port %d: the host that sent first sees %v, %v; want %v", 6000+port, got, err, want)
				}
			}
		})
	}
}

// Pings of strangers are answered by the router, and keep nobody inside from pinging them with the same identifiers.
func TestRouterEarlyPings(t *testing.T) {
	t.Parallel()
	b := newRouterBench(t, routerSpec(t, 6, 8, 0x34))
	server := b.Servers[1]
	for id := range b.spec.Ports.Ports() {
		if err := server.Ping(netns.Ping{To: b.spec.Outside, ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	for id := range uint16(5) {
		if _, err := b.seen(int(id%2), 1, "icmp", 300+id); err != nil {
			t.Error(err)
		}
	}
}

// An ICMP error is about a flow of another protocol, whose ports are no identifiers: it makes no mapping of ICMP.
func TestRouterErrorsMakeNothing(t *testing.T) {
	t.Parallel()
	b := newRouterBench(t, routerSpec(t, 6, 8, 0x34))
	server := b.Servers[0]
	if err := server.SetSysctl("net.ipv4.icmp_ratelimit", "0"); err != nil {
		t.Fatal(err)
	}
	netnstest.Run(t, server.NS, "nft", "table ip refuse { chain refuse { type filter hook input priority 0; meta l4proto { tcp, udp } reject with icmp type host-unreachable; }; }")
	host := b.Subscribers[0]
	watch, err := host.Observe(netns.Watch{Match: func(p netns.Packet) bool { return p.Proto == unix.IPPROTO_ICMP && p.ICMPType == 3 }})
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint16(4) {
		from, port := netip.AddrPortFrom(host.Addr, 7000+i), b.spec.Ports.First()+i // it has the number of a port of the router
		for _, p := range [][]byte{first("udp", from, netip.AddrPortFrom(server.Addr, port)), first("tcp", from, netip.AddrPortFrom(server.Addr, port))} {
			if err := host.SendIPv4(p); err != nil {
				t.Fatal(err)
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := watch.AwaitCount(ctx, 8); err != nil {
		t.Fatal(err)
	}
	for kind, name := range map[string]string{"map": "out_icmp", "set": "busy_icmp"} {
		if n := len(b.expires(kind, name)); n > 0 {
			t.Errorf("nobody has pinged, and %s has %d elements", name, n)
		}
	}
}
