//go:build linux

package conformance

import (
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/internal/netns"
)

func xdpMappingProbes() map[string]probe {
	return map[string]probe{
		"4787-1":  shows(overXDP(4), eimWhateverElse("udp")),
		"5382-1":  shows(overXDP(4), eimWhateverElse("tcp")),
		"5508-1a": shows(overXDP(4), eimWhateverElse("icmp")),
		"4787-3":  shows(overXDP(2), noOverload("udp")),
		"5382-7":  shows(overXDP(2), noOverload("tcp")),
		"4787-3a": shows(overXDP(roomy), portClass),
		"4787-4":  shows(overXDP(4), parityWhileFree),
		"7857-5":  shows(overXDP(1), protocolsAreApart),
		"7857-6":  like("7857-5"),
	}
}

// eimWhateverElse shows that an inside endpoint has one outside endpoint towards whomever, also when all other ports of the share
// are in use, towards the same server, and that nobody else is refused a port for that: four endpoints have the four ports.
func eimWhateverElse(protocol string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		k := newTalk(t, b, protocol)
		used := map[netip.AddrPort]uint16{}
		share := b.share(t, 0).Ports
		// From outside of the share, and from inside of it: a port that is one of the share's is nothing special.
		from := []uint16{40001, share.First(), share.Last(), 40000}
		for _, port := range from {
			e := k.say(t, 0, port, 0)
			b.owns(t, 0, e)
			if other, taken := used[e]; taken {
				t.Errorf("ports %d and %d are both %v", port, other, e)
			}
			used[e] = port
		}
		servers := []int{1, 0, 1}
		if protocol == "tcp" {
			servers = servers[:1] // the connections to the other one are open still
		}
		for _, server := range servers {
			for _, port := range from {
				if e := k.say(t, 0, port, server); used[e] != port {
					t.Errorf("port %d is %v towards server %d, which is port %d's", port, e, server, used[e])
				}
			}
		}
	}
}

// noOverload shows that a share of two ports serves two endpoints and no third one, whatever their destinations, and that other
// subscribers have other ports.
func noOverload(protocol string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		k := newTalk(t, b, protocol)
		used := map[netip.AddrPort]bool{}
		for i := range b.Subscribers {
			for server, port := range []uint16{40000, 40001} { // to different servers
				e := k.say(t, i, port, server)
				b.owns(t, i, e)
				used[e] = true
			}
			for _, server := range k.servers {
				if protocol == "udp" {
					b.refused(t, i, 40002, server)
				} else {
					b.refusedTCP(t, b.Subscribers[i].NS, server)
				}
			}
		}
		if len(used) != 4 {
			t.Errorf("four endpoints of two subscribers have the outside endpoints %v", used)
		}
	}
}

// parityWhileFree shows that a UDP port gets one of its parity, and that this is not kept to once those are used up: two of four
// ports are even.
func parityWhileFree(t *testing.T, b *bench) {
	k := newTalk(t, b, "udp")
	if e := k.say(t, 0, 40000, 0); e.Port()%2 != 0 {
		t.Errorf("port 40000 became %d", e.Port())
	}
	if e := k.say(t, 1, 40001, 0); e.Port()%2 != 1 {
		t.Errorf("port 40001 became %d", e.Port())
	}
	odd := uint16(0)
	for _, port := range []uint16{40000, 40002, 40004, 40006} {
		odd += k.say(t, 0, port, 0).Port() & 1
	}
	if odd != 2 {
		t.Errorf("%d of four even ports became odd in a share of four", odd)
	}
}

// protocolsAreApart shows mappings in shares of one port, so that all protocols have the same outside port: each has its own, and
// what is sent to one does not get to another.
func protocolsAreApart(t *testing.T, b *bench) {
	talks := map[string]*talk{}
	for _, protocol := range []string{"udp", "tcp", "icmp"} {
		talks[protocol] = newTalk(t, b, protocol)
	}
	server := talks["tcp"].servers[0]
	port := b.share(t, 0).Ports.First()
	only := netip.AddrPortFrom(b.share(t, 0).Outside, port)
	none := watch(t, b.Subscribers[0].NS, func(p netns.Packet) bool { return p.Src == server.Addr() && p.Proto != numbers["tcp"] })
	flow, seen := b.dial(t, 0, "tcp", 41000, server)
	if seen != only {
		t.Errorf("TCP is %v, want %v", seen, only)
	}
	send(t, b.Servers[0], datagram(server, only, "not yours"))
	send(t, b.Servers[0], netns.IPv4{Src: server.Addr(), Dst: only.Addr(), Proto: numbers["icmp"], Payload: icmp(0, 0, uint32(port)<<16|1, nil)})
	if _, err := flow.Ask(); err != nil {
		t.Fatal(err)
	}
	none.none(t)
	for i, protocol := range []string{"udp", "icmp"} {
		if e := talks[protocol].say(t, 0, uint16(42000+i), 0); e != only {
			t.Errorf("%s is %v, want %v: each protocol has all ports of the share", protocol, e, only)
		}
	}
	if again, err := flow.Ask(); err != nil || again != only {
		t.Errorf("TCP is %v after that, error %v", again, err)
	}
}
