//go:build linux

package conformance

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// byPeers are the ways of filtering that need to know whom a mapping has sent to.
var byPeers = []ebpf.Filtering{ebpf.AddressDependent, ebpf.AddressAndPortDependent}

// stateIsLimited shows what a subscriber can take: mappings, and peers where its pool filters.
func stateIsLimited(t *testing.T, b *bench) {
	sessionsTakeNothing(t, b)
	peersAreLimited(t, b)
}

// stateLimitsCanBeAdjusted shows that both limits can be set.
func stateLimitsCanBeAdjusted(t *testing.T, b *bench) {
	limitCanBeAdjusted(t, b)
	peersCanBeAdjusted(t, b)
}

// peersAreLimited shows that a mapping can send to as many hosts as are kept, beside the one that its slot knows, and to no more, and that
// mappings with one peer are not counted: those to one server, and those to a server each.
func peersAreLimited(t *testing.T, b *bench) {
	const most, many = 5, 20
	hosts := b.moreServers(t, many)
	for _, filtering := range byPeers {
		b.restart(t, ebpf.Policy{Filtering: filtering, Peers: most})
		b.connects(t, 40000, hosts[:most+1]...)
		b.cannotConnect(t, 40000, hosts[most+1])
		for i := range uint16(many) {
			b.connects(t, 41000+i, hosts[0])
			b.connects(t, 42000+i, hosts[i])
		}
		b.connects(t, 40000, hosts[:most+1]...)
		b.cannotConnect(t, 40000, hosts[most+1])
	}
}

// peersCanBeAdjusted shows that as many peers are kept as the policy says, up and down, and that those that there are stay, as far as there
// is room.
func peersCanBeAdjusted(t *testing.T, b *bench) {
	hosts := b.moreServers(t, 20)
	for _, filtering := range byPeers {
		b.restart(t, ebpf.Policy{Filtering: filtering, Peers: 2})
		b.connects(t, 40000, hosts[:3]...)
		b.cannotConnect(t, 40000, hosts[3])
		for _, most := range []int{9, 70, 9} {
			b.adjust(t, ebpf.Policy{Filtering: filtering, Peers: most})
			b.connects(t, 40000, hosts[:10]...)
			if most == 9 {
				b.cannotConnect(t, 40000, hosts[10])
			}
		}
	}
}

// moreServers gives server 1 further addresses, and returns them.
func (b *bench) moreServers(t *testing.T, n byte) (hosts []netip.Addr) {
	t.Helper()
	for i := range n {
		host := netip.AddrFrom4([4]byte{203, 0, 113, 100 + i})
		if err := b.Servers[1].AddAddr(netns.HostLink, netip.PrefixFrom(host, 32)); err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, host)
	}
	return hosts
}

// opening returns the first packet of a connection from a port of subscriber 0 to a host, and what selects it there.
func (b *bench) opening(port uint16, host netip.Addr) (packet netns.IPv4, match func(netns.Packet) bool) {
	return segment{flags: syn, seq: 1}.packet(b.from(0, port), netip.AddrPortFrom(host, 9)), func(p netns.Packet) bool {
		return p.Proto == unix.IPPROTO_TCP && p.Dst == host && body(p)[13] == syn
	}
}

// connects fails the test unless packets that open connections to some hosts, from one port, arrive there.
func (b *bench) connects(t *testing.T, port uint16, hosts ...netip.Addr) {
	t.Helper()
	for _, host := range hosts {
		packet, match := b.opening(port, host)
		w := watch(t, b.Servers[1].NS, match)
		send(t, b.Subscribers[0], packet)
		w.await(t, 1)
	}
}

// cannotConnect fails the test unless one is refused, which the subscriber is told.
func (b *bench) cannotConnect(t *testing.T, port uint16, host netip.Addr) {
	t.Helper()
	packet, match := b.opening(port, host)
	there := watch(t, b.Servers[1].NS, match)
	told := watch(t, b.Subscribers[0].NS, icmpOf(3))
	send(t, b.Subscribers[0], packet)
	isAboutRefused(t, told.await(t, 1)[0], b.from(0, port), netip.AddrPortFrom(host, 9))
	there.none(t)
}
