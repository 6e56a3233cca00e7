//go:build linux

package conformance

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/netns"
)

func xdpFilteringProbes() map[string]probe {
	return map[string]probe{
		"6888-7":  shows(overXDP(roomy), anybodyMaySend("udp")),
		"4787-8":  shows(overXDP(roomy), filteringByPolicy("udp")),
		"4787-8a": like("4787-8"),
		"5382-3":  shows(overXDP(roomy), filteringByPolicy("tcp")),
		"5382-3a": like("5382-3"),
		"4787-11": shows(overXDP(roomy), sameUnderLoad),
		"5382-4":  shows(overXDP(roomy), silentToUnknownSYN),
		"5382-4a": shows(obeying(roomy, ebpf.Policy{Filtering: ebpf.AddressDependent}), silentToRefusedSYN),
		"7857-7":  shows(obeying(roomy, ebpf.Policy{Filtering: ebpf.AddressDependent}), refusedKeepsNothingAlive),
	}
}

// anybodyMaySend shows that a host that a mapping has never sent to reaches the subscriber through it, and gets answers from it.
func anybodyMaySend(protocol string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		e := b.listen(t, 0, protocol, 40000)
		b.owns(t, 0, e)
		from := netip.AddrPortFrom(b.Servers[1].Addr, 7001)
		seen, err := b.Servers[1].Ask(netns.Query{Network: protocol, Local: from, Remote: e})
		if err != nil || seen != from {
			t.Errorf("the subscriber sees %v (error %v), want %v", seen, err, from)
		}
	}
}

// filteringByPolicy shows who may send to a mapping that has sent to port 9 of server 0, by each of the policies.
func filteringByPolicy(protocol string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		for _, c := range []struct {
			filtering                      ebpf.Filtering
			elsewhere, otherPort, samePort bool
		}{
			{ebpf.EndpointIndependent, true, true, true},
			{ebpf.AddressDependent, false, true, true},
			{ebpf.AddressAndPortDependent, false, false, true},
		} {
			b.restart(t, ebpf.Policy{Filtering: c.filtering})
			e := b.knownTo(t, 0, 40000)
			if protocol == "udp" {
				e = b.endpoint(t, 0, 40000, 9)
			}
			for _, from := range []struct {
				server int
				port   uint16
				want   bool
			}{{1, 9, c.elsewhere}, {0, 7000, c.otherPort}, {0, 9, c.samePort}} {
				source := netip.AddrPortFrom(b.Servers[from.server].Addr, from.port)
				match := func(p netns.Packet) bool {
					return p.Proto == numbers[protocol] && p.Src == source.Addr() && p.SrcPort == source.Port() && p.DstPort == 40000
				}
				got := b.hears(t, match, func() {
					if protocol == "udp" {
						send(t, b.Servers[from.server], datagram(source, e, "may I?"))
					} else {
						send(t, b.Servers[from.server], segment{flags: syn, seq: 7}.packet(source, e))
					}
				})
				if got != from.want {
					t.Errorf("filtering %d: packets of %v pass: %v, want %v", c.filtering, source, got, from.want)
				}
			}
			if protocol == "udp" && c.filtering == ebpf.EndpointIndependent {
				anybodyMaySend("tcp")(t, b)
			}
		}
	}
}

// sameUnderLoad shows that mappings are the same with a share that is full, and filtering with many other sessions, also with more than
// there is room for.
func sameUnderLoad(t *testing.T, b *bench) {
	b.peers(t)
	b.keepsPeers(t)
	b.begin(t, setup{ports: 4}.plan(t))
	eimWhateverElse("udp")(t, b)
}

// peers shows that a mapping knows whom it has sent to whatever the subscriber's neighbours do, and
// whatever the subscriber does from other ports.
func (b *bench) peers(t *testing.T) {
	const port, many = 10000, 200
	for _, filtering := range []ebpf.Filtering{ebpf.AddressDependent, ebpf.AddressAndPortDependent} {
		b.restart(t, ebpf.Policy{Filtering: filtering})
		e := b.endpoint(t, 0, 40000, port)
		peer := netip.AddrPortFrom(b.Servers[0].Addr, port)
		answers := func() bool {
			return b.hears(t, func(p netns.Packet) bool { return p.SrcPort == port && p.DstPort == 40000 }, func() {
				send(t, b.Servers[0], datagram(peer, e, "may I?"))
			})
		}
		visit := func(i int) {
			flood(t, b.Subscribers[i], many, func(n int) []byte {
				return datagram(b.from(i, uint16(41000+n)), netip.AddrPortFrom(peer.Addr(), uint16(20000+n)), "hello").Bytes()
			})
			b.endpoint(t, i, 41000, port+1)
		}
		if visit(1); !answers() {
			t.Errorf("filtering %d: what a neighbour sends makes the peer of a mapping a stranger", filtering)
		}
		if visit(0); !answers() {
			t.Errorf("filtering %d: what the subscriber sends from other ports makes the peer of a mapping a stranger", filtering)
		}
	}
}

// keepsPeers shows that a mapping which has as many peers as are kept hears all of them, whatever it sends to others, and that it
// cannot send to those.
func (b *bench) keepsPeers(t *testing.T) {
	const most, port = 50, 20000
	b.restart(t, ebpf.Policy{Filtering: ebpf.AddressAndPortDependent, Peers: most})
	b.hears(t, func(netns.Packet) bool { return false }, func() {}) // with a mapping of two peers, one of which is kept
	e := b.endpoint(t, 0, 40000, port)
	peer := func(n int) netip.AddrPort { return netip.AddrPortFrom(b.Servers[0].Addr, uint16(port+n)) }
	w := watch(t, b.Servers[0].NS, func(p netns.Packet) bool { return p.DstPort >= port+most && p.DstPort < port+100 })
	flood(t, b.Subscribers[0], 90, func(n int) []byte { return datagram(b.from(0, 40000), peer(n), "hello").Bytes() })
	w.none(t)
	for n := range most { // 49 that are kept, and one that the slot knows
		heard := b.hears(t, func(p netns.Packet) bool { return p.SrcPort == peer(n).Port() && p.DstPort == 40000 }, func() {
			send(t, b.Servers[0], datagram(peer(n), e, "may I?"))
		})
		if !heard {
			t.Errorf("peer %d is a stranger after the mapping has sent to others", n)
		}
	}
}

// silentToUnknownSYN shows that a SYN to a port without a mapping gets no answer for a second, and that a connection from inside
// can come through that port in the meantime.
func silentToUnknownSYN(t *testing.T, b *bench) {
	server := b.echo(t, 0, "tcp", 7000).Addr()
	w := watch(t, b.Servers[1].NS, func(p netns.Packet) bool { return p.Proto == unix.IPPROTO_TCP || p.Proto == unix.IPPROTO_ICMP })
	unused := netip.AddrPortFrom(b.share(t, 0).Outside, b.share(t, 0).Ports.First())
	b.unanswered(t, unused)
	for port := range b.share(t, 0).Ports.Ports() {
		send(t, b.Servers[1], segment{flags: syn, seq: 1}.packet(netip.AddrPortFrom(b.Servers[1].Addr, 7000), netip.AddrPortFrom(unused.Addr(), port)))
	}
	b.owns(t, 0, b.ask(t, 0, "tcp", 40000, server))
	w.none(t)
}

// silentToRefusedSYN shows the same for a port that has a mapping, which does not take packets from there.
func silentToRefusedSYN(t *testing.T, b *bench) {
	server := b.echo(t, 0, "tcp", 7000).Addr()
	flow, seen := b.dial(t, 0, "tcp", 40000, server)
	w := watch(t, b.Servers[1].NS, func(p netns.Packet) bool { return p.Proto == unix.IPPROTO_TCP || p.Proto == unix.IPPROTO_ICMP })
	at := watch(t, b.Subscribers[0].NS, tcpFrom(b.Servers[1].Addr))
	b.unanswered(t, seen)
	if again, err := flow.Ask(); err != nil || again != seen {
		t.Errorf("the flow is %v and was %v (error %v)", again, seen, err)
	}
	w.none(t)
	at.none(t)
}

// refusedKeepsNothingAlive shows that packets which filtering refuses, and packets from outside at all, leave the time of a
// mapping as it is.
func refusedKeepsNothingAlive(t *testing.T, b *bench) {
	e := b.endpoint(t, 0, 40000, 9)
	b.idles(t, "udp", e, func() {
		if b.knock(t, "udp", e) {
			t.Error("filtering lets a stranger in")
		}
	})
	b.restart(t, ebpf.Policy{})
	e = b.endpoint(t, 0, 40000, 9)
	b.idles(t, "udp", e, func() {
		if !b.knock(t, "udp", e) {
			t.Error("a stranger is not let in")
		}
	})
}

// idles fails the test unless a mapping of subscriber 0 is as old after what do does as it was before.
func (b *bench) idles(t *testing.T, protocol string, e netip.AddrPort, do func()) {
	t.Helper()
	b.path.ago(t, protocol, e, b.path.slot(t, "udp", b.endpoint(t, 0, 65001, 9)), 40*time.Second)
	was := b.path.slot(t, protocol, e)
	do()
	if now := b.path.slot(t, protocol, e); now.Seen != was.Seen || now.Owner != was.Owner {
		t.Errorf("%s mapping %v was %+v and is %+v", protocol, e, was, now)
	}
}
