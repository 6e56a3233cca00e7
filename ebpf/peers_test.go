//go:build linux

package ebpf

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

// peersPool has 128 subscribers in realm "default".
var peersPool = alloc.PoolSpec{Name: "a", Inside: spans("100.64.0.0/25"), Outside: spans("198.51.100.0/30"), SharingRatio: 64}

// newFilterLab returns a lab that filters.
func newFilterLab(tb testing.TB, filtering Filtering, pools ...alloc.PoolSpec) *lab {
	tb.Helper()
	return newLab(tb, Config{Policy: Policy{Filtering: filtering}}, pools...)
}

// opens sends from a mapping to a remote endpoint, and returns the mapping's outside endpoint.
func (l *lab) opens(d datagram) netip.AddrPort {
	l.Helper()
	o := l.run(fromInside, d.frame())
	if o.verdict != outbound {
		l.Fatalf("from the inside: %q", o.verdict)
	}
	return sourceOf(o.frame)
}

// hears checks what becomes of a packet from the outside.
func (l *lab) hears(what string, d datagram, want verdict) {
	l.Helper()
	if o := l.run(fromOutside, d.frame()); o.verdict != want {
		l.Errorf("%s: %q, want %q", what, o.verdict, want)
	}
}

// idle makes a mapping so much older, in the table alone.
func (l *lab) idle(p plane, outside netip.AddrPort, by time.Duration) {
	l.Helper()
	_, tick, err := tickShift()
	if err != nil {
		l.Fatal(err)
	}
	seen := binary.NativeEndian.AppendUint32(nil, l.slot(p, outside).Seen-uint32(by/tick))
	if _, err := l.slots[outside.Addr()].WriteAt(seen, l.place(p, outside)+8); err != nil {
		l.Fatal(err)
	}
}

// replan puts another plan in force and has the lab run its programs.
func (l *lab) replan(c Config) {
	l.Helper()
	var d *Datapath
	if err := l.ns.Do(func() (err error) { d, err = Apply(c); return err }); err != nil {
		l.Fatal(err)
	}
	_ = l.d.Close()
	l.follow(d)
}

// Whom a mapping has sent to may answer, for as long as its protocol lets it, whether the slot or the bucket knows. Ports count
// where they are to.
func TestPeers(t *testing.T) {
	for _, filtering := range []Filtering{AddressDependent, AddressAndPortDependent} {
		t.Run(filtering.String(), func(t *testing.T) {
			l := newFilterLab(t, filtering, peersPool)
			otherPort := inbound
			if filtering == AddressAndPortDependent {
				otherPort = dropFiltered
			}
			for p, packet := range map[plane]func(from, to netip.AddrPort) datagram{
				planeUDP: func(from, to netip.AddrPort) datagram { return udp(from, to, "x") },
				planeTCP: func(from, to netip.AddrPort) datagram { return tcp(from, to, ack, "") },
			} {
				me, first, second := ap("100.64.0.1:5000"), ap("192.0.2.1:443"), ap("192.0.2.2:443")
				out := l.opens(packet(me, first))
				for _, next := range []netip.AddrPort{first, second, first, ap("192.0.2.3:443"), ap("192.0.2.4:443")} {
					l.opens(packet(me, next))
					l.hears("the first", packet(first, out), inbound)
					l.hears("the last", packet(next, out), inbound)
					l.hears("another port of the last", packet(netip.AddrPortFrom(next.Addr(), 444), out), otherPort)
					l.hears("a stranger", packet(ap("192.0.2.99:443"), out), dropFiltered)
				}
				l.hears("the second", packet(second, out), inbound)
				l.hears("the second, to another port", packet(second, netip.AddrPortFrom(out.Addr(), out.Port()^1)), dropNoMapping)
				if s := l.slot(p, out); s.Owner == 0 {
					t.Errorf("no mapping at %v", out)
				}
			}
		})
	}
}

// A session of TCP that follows another on a mapping takes its place in the slot; what is late of the former comes through.
func TestPeersOfSessionsInTurn(t *testing.T) {
	l := newFilterLab(t, AddressAndPortDependent, peersPool)
	me, first, second := ap("100.64.0.1:5000"), ap("192.0.2.1:443"), ap("192.0.2.2:443")
	out := l.opens(tcp(me, first, syn, ""))
	l.hears("the first", tcp(first, out, syn|ack, ""), inbound)
	l.opens(tcp(me, first, rst, ""))
	l.opens(tcp(me, second, syn, ""))
	l.hears("the second", tcp(second, out, syn|ack, ""), inbound)
	l.hears("the first, late", tcp(first, out, rst, ""), inbound)
}

// A mapping's peers are not those of the next inside endpoint that gets its port, also where the port has been free meanwhile.
func TestPeersAreNotInherited(t *testing.T) {
	pool := peersPool
	pool.SharingRatio, pool.PortsPerSubscriber = 0, 1
	for _, swept := range []bool{false, true} {
		l := newFilterLab(t, AddressAndPortDependent, pool)
		old, next := ap("100.64.0.1:5000"), ap("100.64.0.1:5001")
		peers := []netip.AddrPort{ap("192.0.2.1:443"), ap("192.0.2.2:443"), ap("192.0.2.3:443")}
		var out netip.AddrPort
		for _, peer := range peers {
			out = l.opens(tcp(old, peer, syn, ""))
		}
		for _, peer := range peers {
			l.hears("a peer", tcp(peer, out, syn|ack, ""), inbound)
		}
		l.idle(planeTCP, out, 3*time.Hour)
		if swept {
			free := make([]byte, 8)
			if _, err := l.slots[out.Addr()].WriteAt(free, l.place(planeTCP, out)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second) // some ticks
		}
		if to := l.opens(tcp(next, ap("192.0.2.50:80"), syn, "")); to != out {
			t.Fatalf("the next mapping is at %v, the first was at %v", to, out)
		}
		for _, peer := range peers {
			l.hears("a peer of the former", tcp(peer, out, syn, ""), dropFiltered)
		}
	}
}

// Protocols without ports are filtered by address, and their errors are not.
func TestPeersWithoutPorts(t *testing.T) {
	for _, filtering := range []Filtering{AddressDependent, AddressAndPortDependent} {
		l := newFilterLab(t, filtering, alloc.PoolSpec{Name: "b", Inside: spans("100.65.0.0/31"), Outside: spans("198.51.100.128/31"), SharingRatio: 1})
		me, one, other, stranger := ad("100.65.0.1"), ad("192.0.2.1"), ad("192.0.2.2"), ad("192.0.2.99")
		gre := func(from, to netip.Addr) datagram { return newDatagram(from, to, protoGRE, make([]byte, 8)) }
		out := l.opens(udp(netip.AddrPortFrom(me, 5000), server, "x")).Addr()
		l.hears("who was sent only UDP", gre(server.Addr(), out), dropFiltered)
		l.opens(gre(me, one))
		l.opens(gre(me, other))
		l.hears("the first", gre(one, out), inbound)
		l.hears("the last", gre(other, out), inbound)
		l.hears("a stranger", gre(stranger, out), dropFiltered)
		l.hears("a router", icmpError(router, out, unreachable, 1, gre(out, one).ip()), inbound)
		l.hears("who was sent only GRE, with UDP", udp(netip.AddrPortFrom(one, 9), netip.AddrPortFrom(out, 9), "x"), dropNoMapping)
	}
}

// Under a plan with more subscribers, or another realm, everybody's peers are there.
func TestPeersStayWhenThePlanGrows(t *testing.T) {
	policy := Policy{Filtering: AddressDependent}
	l := newFilterLab(t, AddressDependent, peersPool)
	me, first := ap("100.64.0.1:5000"), ap("192.0.2.1:443")
	out := l.opens(udp(me, first, "x"))
	l.opens(udp(me, ap("192.0.2.2:443"), "x"))
	more := alloc.PoolSpec{Name: "b", Inside: spans("100.64.16.0/21"), Outside: spans("198.51.100.64/27"), SharingRatio: 64}
	realm := alloc.PoolSpec{Name: "c", Realm: "another", Inside: spans("100.64.0.0/25"), Outside: spans("198.51.100.32/30"), SharingRatio: 64}
	for _, plan := range []*alloc.Plan{mustPlan(t, peersPool, more), mustPlan(t, peersPool, more, realm), mustPlan(t, peersPool)} {
		l.replan(Config{Plan: plan, Policy: policy})
		l.hears("the peer", udp(first, out, "y"), inbound)
		l.hears("a stranger", udp(ap("192.0.2.99:443"), out, "y"), dropFiltered)
	}
}

// What else a subscriber does takes no mapping's peer away, as long as each sends to one.
func TestPeersBesideOtherMappings(t *testing.T) {
	l := newFilterLab(t, AddressAndPortDependent, peersPool)
	me, first := ap("100.64.0.1:5000"), ap("192.0.2.1:443")
	out := l.opens(udp(me, first, "x"))
	l.opens(udp(me, ap("192.0.2.2:443"), "x"))
	for port := range uint16(100) {
		l.opens(udp(netip.AddrPortFrom(me.Addr(), 6000+port), ap("192.0.2.9:53"), "x"))
		l.opens(tcp(netip.AddrPortFrom(me.Addr(), 6000+port), ap("192.0.2.9:53"), ack, ""))
	}
	l.hears("the first", udp(first, out, "y"), inbound)
}

// peersOf are remote endpoints with addresses of their own, one port.
func peersOf(n int) (out []netip.AddrPort) {
	for i := range uint32(n) {
		out = append(out, netip.AddrPortFrom(fromWire(wireOrder(0xc0000200-uint32(n)+i)), 6881))
	}
	return out
}

// As many peers as the policy says are kept, and those that slots know: to the last one. Who is one too many cannot be sent to, and
// takes nobody's place; everybody else's packets pass in both directions, and when the time of some is over, there is room.
func TestPeersAreKept(t *testing.T) {
	const most = 100
	for _, filtering := range []Filtering{AddressDependent, AddressAndPortDependent} {
		t.Run(filtering.String(), func(t *testing.T) {
			l := newLab(t, Config{Policy: Policy{Filtering: filtering, Peers: most}}, peersPool)
			defer l.on(t)()
			me, other := ap("100.64.0.1:5000"), ap("100.64.0.1:5001")
			peers := peersOf(most + 2)
			var out netip.AddrPort
			for _, peer := range peers[:most+1] {
				out = l.opens(udp(me, peer, "x"))
			}
			tooMany := peers[most+1]
			l.gets(fromInside, udp(me, tooMany, "x"), dropPeers)
			l.hears("one too many", udp(tooMany, out, "y"), dropFiltered)
			for _, peer := range peers[:most+1] {
				l.hears(peer.String(), udp(peer, out, "y"), inbound)
				l.gets(fromInside, udp(me, peer, "x"), outbound)
			}
			l.gets(fromInside, udp(other, tooMany, "x"), outbound) // a mapping with one peer needs no room
			l.gets(fromInside, udp(other, peers[0], "x"), dropPeers)
			l.gets(fromInside, udp(ap("100.64.0.2:5000"), tooMany, "x"), outbound)
			l.gets(fromInside, udp(ap("100.64.0.2:5000"), peers[0], "x"), outbound)
			l.agePeers(6 * time.Minute)
			l.hears("whose time is over", udp(peers[1], out, "y"), dropFiltered)
			l.hears("who the slot knows", udp(peers[most], out, "y"), inbound)
			for _, peer := range peers[2:] {
				l.gets(fromInside, udp(me, peer, "x"), outbound)
				l.hears(peer.String(), udp(peer, out, "y"), inbound)
			}
		})
	}
}

// A session of TCP that finds no room changes nothing for the one that the slot knows.
func TestPeersOfSessionsAreKept(t *testing.T) {
	l := newLab(t, Config{Policy: Policy{Filtering: AddressAndPortDependent, Peers: 2}}, peersPool)
	me, peers := ap("100.64.0.1:5000"), peersOf(5)
	var out netip.AddrPort
	for _, peer := range peers[:3] {
		out = l.opens(tcp(me, peer, syn, ""))
		l.hears("the answer", tcp(peer, out, syn|ack, ""), inbound)
	}
	was := l.slot(planeTCP, out)
	l.gets(fromInside, tcp(me, peers[3], syn, ""), dropPeers)
	if now := l.slot(planeTCP, out); now.State != was.State {
		t.Errorf("state %x is %x", was.State, now.State)
	}
	for _, peer := range peers[:3] {
		l.hears("who is known", tcp(peer, out, ack, ""), inbound)
	}
	// Of a session that ends, what is late comes through, and so it keeps its room: the next one has none.
	single := ap("100.64.0.1:5001")
	at := l.opens(tcp(single, peers[3], syn, ""))
	l.hears("the answer", tcp(peers[3], at, syn|ack, ""), inbound)
	l.opens(tcp(single, peers[3], rst, ""))
	was = l.slot(planeTCP, at)
	l.gets(fromInside, tcp(single, peers[4], syn, ""), dropPeers)
	if now := l.slot(planeTCP, at); now.State != was.State {
		t.Errorf("state %x is %x", was.State, now.State)
	}
	l.hears("what is late", tcp(peers[3], at, ack, ""), inbound)
}

// Neighbours who talk to as many as they may take no peer from anybody.
func TestPeersBesideNeighbours(t *testing.T) {
	l := newFilterLab(t, AddressAndPortDependent, peersPool)
	me, first := ap("100.64.0.1:5000"), ap("192.0.2.1:443")
	out := l.opens(udp(me, first, "x"))
	l.opens(udp(me, ap("192.0.2.2:443"), "x"))
	for n := range uint32(64) {
		who := netip.AddrPortFrom(fromWire(wireOrder(0x64400000+2+n)), 7000)
		sent := 0
		for _, peer := range peersOf(400) {
			if v := l.run(fromInside, udp(who, peer, "x").frame()).verdict; v == outbound {
				sent++
			} else if v != dropPeers {
				t.Fatal(v)
			}
		}
		if sent != 321 {
			t.Fatalf("%v may send to %d, want 320 and the one that the slot knows", who, sent)
		}
	}
	l.hears("the first", udp(first, out, "y"), inbound)
}

// Two CPUs at once lose no peer.
func TestPeersOnTwoCPUs(t *testing.T) {
	const each = 100
	l := newLab(t, Config{Policy: Policy{Filtering: AddressAndPortDependent, Peers: 3 * each}}, peersPool)
	me, peers := ap("100.64.0.1:5000"), peersOf(2*each)
	for round := range 20 {
		from := netip.AddrPortFrom(me.Addr(), me.Port()+uint16(round))
		out := l.opens(udp(from, peers[0], "x"))
		var both sync.WaitGroup
		for half := range 2 {
			both.Go(func() {
				err := l.ns.Do(func() error { return l.sendAll(from, peers[half*each:(half+1)*each]) })
				if err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		l.was = l.tally.read()
		for _, peer := range peers {
			l.hears(peer.String(), udp(peer, out, "y"), inbound)
		}
		l.forgetAll()
	}
}

// agePeers makes what tables of peers say so much older.
func (l *lab) agePeers(by time.Duration) {
	l.Helper()
	_, tick, err := tickShift()
	if err != nil {
		l.Fatal(err)
	}
	m := l.table(bpf.CgnatMapFilters)
	var key uint64
	for at := any(nil); m.NextKey(at, &key) == nil; at = key {
		entries := must(m.LookupBytes(key))
		room := uint32(len(entries)) / peerBytes
		for seen := entries[8*room:][:4*room]; len(seen) > 0; seen = seen[4:] {
			binary.NativeEndian.PutUint32(seen, binary.NativeEndian.Uint32(seen)-uint32(by/tick))
		}
		clear(entries[peerBytes*room:]) // when entries were freed
		if err := m.Put(key, entries); err != nil {
			l.Fatal(err)
		}
	}
}

// sendAll sends to many, from the calling thread.
func (l *lab) sendAll(from netip.AddrPort, to []netip.AddrPort) error {
	for _, peer := range to {
		frame := udp(from, peer, "x").frame()
		l.address(fromInside, frame)
		_, err := l.programs[fromInside].Run(&ebpf.RunOptions{
			Data: frame, DataOut: make([]byte, len(frame)+256), Context: &[6]uint32{1: uint32(len(frame)), 3: l.links[fromInside]},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// forgetAll takes the peers of all subscribers away.
func (l *lab) forgetAll() {
	l.Helper()
	m := l.table(bpf.CgnatMapFilters)
	var key uint64
	for m.NextKey(nil, &key) == nil {
		if err := m.Delete(key); err != nil {
			l.Fatal(err)
		}
	}
}

// Who gets another share has no peers, and who keeps it has them.
func TestPeersOfWhoMoves(t *testing.T) {
	policy := Policy{Filtering: AddressDependent}
	ea := 16
	list := func(shares ...string) *alloc.Plan {
		pool := listOfShares(shares...)
		pool.Name = "cgn"
		ea-- // what becomes of subscribers of MAP is not looked at
		return must(alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{pool}, Softwires: []alloc.SoftwireSpec{{
			Name: "map", Kind: alloc.MAPE, Relay: ad("2001:db8:ffff::1"),
			Rules: []softwire.RuleSpec{{IPv6: netip.MustParsePrefix("2001:db8::/40"), IPv4: netip.MustParsePrefix("192.0.2.0/24"), EALen: ea}},
		}}}))
	}
	l := newLab(t, Config{Plan: list("100.64.0.1 198.51.100.1 1024-1031", "100.64.0.2 198.51.100.1 2048-2055"), Policy: policy})
	first := ap("192.0.2.1:443")
	var out [2]netip.AddrPort
	for i, me := range []netip.AddrPort{ap("100.64.0.1:5000"), ap("100.64.0.2:5000")} {
		out[i] = l.opens(udp(me, first, "x"))
		l.opens(udp(me, ap("192.0.2.2:443"), "x"))
	}
	tables := l.table(bpf.CgnatMapFilters)
	l.replan(Config{Plan: list("100.64.0.1 198.51.100.1 1024-1031", "100.64.0.2 198.51.100.2 2048-2055"), Policy: policy})
	l.hears("the peer of who stays", udp(first, out[0], "y"), inbound)
	n := 0
	for key := uint64(0); tables.NextKey(key, &key) == nil; n++ {
	}
	if n != 1 {
		t.Errorf("%d subscribers have peers, want 1", n)
	}
}
