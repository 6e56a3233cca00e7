//go:build linux

package ebpf

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// connects has a connection opened, used, and closed by both sides, and returns its outside endpoint. It is 5 minutes old then.
func (l *lab) connects(me, server netip.AddrPort) netip.AddrPort {
	l.Helper()
	out := l.opens(tcp(me, server, syn, ""))
	l.hears("the answer", tcp(server, out, syn|ack, ""), inbound)
	l.opens(tcp(me, server, ack, ""))
	l.opens(tcp(me, server, ack|fin, ""))
	l.hears("the end", tcp(server, out, ack|fin, ""), inbound)
	l.opens(tcp(me, server, ack, ""))
	l.idle(planeTCP, out, 5*time.Minute)
	return out
}

// waitTick waits until entries of tables can be freed once more.
func (l *lab) waitTick() {
	l.Helper()
	_, tick, err := tickShift()
	if err != nil {
		l.Fatal(err)
	}
	time.Sleep(2 * tick)
}

// A mapping with one peer takes no place, and so one connection after the other can be made, to one server or to many, however few peers
// are kept.
func TestPeersOfConnections(t *testing.T) {
	for _, filtering := range []Filtering{AddressDependent, AddressAndPortDependent} {
		l := newLab(t, Config{Policy: Policy{Filtering: filtering, Peers: 1}}, peersPool)
		servers := peersOf(100)
		for i := range uint16(200) {
			me := netip.AddrPortFrom(ad("100.64.0.1"), 20000+i)
			l.connects(me, servers[0])
			l.connects(me, servers[i%100]) // the port has ended, and is taken anew
		}
	}
}

// The first packet of a mapping is never refused for its peer, so that nothing that was refused has a port.
func TestPeersTakeNoPortInVain(t *testing.T) {
	pool := peersPool
	pool.SharingRatio, pool.PortsPerSubscriber = 0, 8
	for _, filtering := range []Filtering{AddressDependent, AddressAndPortDependent} {
		l := newLab(t, Config{Policy: Policy{Filtering: filtering, Peers: 1}}, pool)
		me := func(i int) netip.AddrPort { return netip.AddrPortFrom(ad("100.64.0.1"), uint16(20000+i)) }
		peers := peersOf(20)
		for i := range 8 {
			l.opens(tcp(me(i), peers[i], syn, ""))
		}
		l.gets(fromInside, tcp(me(8), peers[8], syn, ""), dropExhausted)
		l.gets(fromInside, tcp(me(0), peers[9], syn, ""), outbound) // the one that is kept
		l.gets(fromInside, tcp(me(1), peers[9], syn, ""), dropPeers)
		if a := must(l.d.Subscriber(alloc.SubscriberFrom("", me(0).Addr()))); a.TCP.Used != 8 {
			t.Errorf("%v: %d ports are in use, want 8", filtering, a.TCP.Used)
		}
	}
}

// Mappings that have ended give their places back, at the latest in the next tick but one; those that live keep theirs.
func TestPeersOfEndedMappings(t *testing.T) {
	for _, filtering := range []Filtering{AddressDependent, AddressAndPortDependent} {
		l := newLab(t, Config{Policy: Policy{Filtering: filtering, Peers: 40}}, peersPool)
		me := func(i int) netip.AddrPort { return netip.AddrPortFrom(ad("100.64.0.1"), uint16(20000+i)) }
		peers := peersOf(22)
		kept := ap("100.64.0.1:5000")
		var at netip.AddrPort
		for _, peer := range peers[:21] { // one in the slot, 20 in the table
			at = l.opens(tcp(kept, peer, syn, ""))
		}
		for round := range 5 {
			first := 1000 * round
			var out [20]netip.AddrPort
			for i := range out {
				l.opens(tcp(me(first+i), peers[0], syn, ""))
				out[i] = l.opens(tcp(me(first+i), peers[1], syn, ""))
			}
			l.gets(fromInside, tcp(kept, peers[21], syn, ""), dropPeers)
			for i := range out {
				l.hears("a peer of a mapping that lives", tcp(peers[0], out[i], syn|ack, ""), inbound)
				l.hears("the other one", tcp(peers[1], out[i], syn|ack, ""), inbound)
				l.idle(planeTCP, out[i], 3*time.Hour)
			}
			l.waitTick()
		}
		for _, peer := range peers[:21] {
			l.hears("a peer of the mapping that is kept", tcp(peer, at, syn|ack, ""), inbound)
		}
	}
}

// Where addresses decide, the slot of a session knows the address by 20 bits and the port by 4: two ports of a server are one peer. That
// there are two sessions is noticed also where these 4 bits are the same, which is so for one pair of 16.
func TestPeersByAddress(t *testing.T) {
	const n = 160
	l := newLab(t, Config{Policy: Policy{Filtering: AddressDependent, Peers: 1}, Key: Key{7, 1, 200, 31, 77, 140, 9, 250, 66, 13, 181, 94, 3, 222, 58, 117}}, peersPool)
	several, parts := 0, map[uint32]bool{}
	for i := range uint16(n) {
		me := netip.AddrPortFrom(ad("100.64.0.1"), 20000+i)
		server := ap("192.0.2.1:443")
		out := l.opens(tcp(me, server, syn, ""))
		other := netip.AddrPortFrom(server.Addr(), 1000+i)
		l.hears("the answer", tcp(server, out, syn|ack, ""), inbound)
		l.opens(tcp(me, other, syn, ""))
		l.hears("the other port", tcp(other, out, syn|ack, ""), inbound)
		l.hears("a third port", tcp(netip.AddrPortFrom(server.Addr(), 9), out, syn, ""), inbound)
		l.hears("a stranger", tcp(ap("192.0.2.2:443"), out, syn, ""), dropFiltered)
		s := l.slot(planeTCP, out)
		parts[s.State&uint32(bpf.CgnatCgnSlotStateCGN_SLOT_ADDRESS)] = true
		if s.State&uint32(bpf.CgnatCgnSlotStateCGN_SLOT_SEVERAL) != 0 {
			several++
		}
	}
	if len(parts) != 1 || several != n {
		t.Errorf("one address has %d digests, and %d of %d pairs of sessions are taken for two", len(parts), several, n)
	}
}

// A session goes on when its pool filters in another way: the slot knew its other end otherwise, and does not take it for another one.
func TestPeersWhenFilteringChanges(t *testing.T) {
	plan := mustPlan(t, peersPool)
	l := newLab(t, Config{Plan: plan})
	me, server := ap("100.64.0.1:5000"), ap("192.0.2.1:443")
	out := l.opens(tcp(me, server, syn, ""))
	l.hears("the answer", tcp(server, out, syn|ack, ""), inbound)
	for _, filtering := range []Filtering{AddressDependent, AddressAndPortDependent, AddressDependent} {
		l.replan(Config{Plan: plan, Policy: Policy{Filtering: filtering}})
		l.hears("the server", tcp(server, out, ack, ""), inbound)
		l.hears("a stranger", tcp(ap("192.0.2.2:443"), out, ack, ""), dropFiltered)
		l.opens(tcp(me, server, ack, ""))
		l.hears("the server", tcp(server, out, ack, ""), inbound)
		if s := l.slot(planeTCP, out); s.State&uint32(bpf.CgnatCgnSlotStateCGN_SLOT_SEVERAL) != 0 {
			t.Errorf("%v: one session is taken for several", filtering)
		}
	}
}

// Who is known can be sent to also where the table is full and a session to it follows another in the slot: one takes the place of the
// other, as often as they change. A place that somebody gives up is there for others.
func TestPeersChangePlaces(t *testing.T) {
	for _, filtering := range []Filtering{AddressDependent, AddressAndPortDependent} {
		l := newLab(t, Config{Policy: Policy{Filtering: filtering, Peers: 2}}, peersPool)
		me, peers := ap("100.64.0.1:5000"), peersOf(5)
		var out netip.AddrPort
		for round := range 4 {
			known := peers[:2+round/2] // two, then three: one in the slot and two in the table, as many as are kept
			for _, peer := range known {
				out = l.opens(tcp(me, peer, syn, ""))
				l.hears("the answer", tcp(peer, out, syn|ack, ""), inbound)
				l.hears("its end", tcp(peer, out, rst, ""), inbound)
			}
			for _, peer := range known {
				l.hears("who is known", tcp(peer, out, rst, ""), inbound)
			}
		}
		if s := l.slot(planeTCP, out); s.State&uint32(bpf.CgnatCgnSlotStateCGN_SLOT_SEVERAL) != 0 {
			t.Errorf("%v: sessions in turn are taken for several at once", filtering)
		}
		was := l.slot(planeTCP, out)
		l.gets(fromInside, tcp(me, peers[3], syn, ""), dropPeers)
		if now := l.slot(planeTCP, out); now.State != was.State {
			t.Errorf("%v: state %x is %x", filtering, was.State, now.State)
		}
		l.hears("a stranger", tcp(peers[4], out, syn, ""), dropFiltered)
	}
}
