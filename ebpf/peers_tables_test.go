//go:build linux

package ebpf

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// otherPool has 128 subscribers beside those of peersPool.
var otherPool = alloc.PoolSpec{Name: "b", Inside: spans("100.65.0.0/25"), Outside: spans("198.51.100.64/30"), SharingRatio: 64}

// tablesOfPeers returns how many subscribers have a table.
func (l *lab) tablesOfPeers() (n int) {
	l.Helper()
	m := l.table(bpf.CgnatMapFilters)
	var key uint64
	for at := any(nil); m.NextKey(at, &key) == nil; at = key {
		n++
	}
	return n
}

// Peers stay when tables get another size: because another pool comes or leaves, or because the number of those that are kept changes.
// Then the limit is the new one.
func TestPeersAreCarried(t *testing.T) {
	one, two := mustPlan(t, peersPool), mustPlan(t, peersPool, otherPool)
	third := alloc.PoolSpec{Name: "c", Inside: spans("100.66.0.0/25"), Outside: spans("198.51.100.128/30"), SharingRatio: 64}
	few := Policy{Filtering: AddressDependent, Peers: 100}
	many := Policy{Filtering: AddressDependent, Peers: 700}
	l := newLab(t, Config{Plan: one, Policy: few})
	me, peers := ap("100.64.0.1:5000"), peersOf(1000)
	var out netip.AddrPort
	for _, peer := range peers[:90] {
		out = l.opens(udp(me, peer, "x"))
	}
	session := l.opens(tcp(me, peers[0], syn, ""))
	l.opens(tcp(me, peers[1], syn, ""))
	for _, step := range []struct {
		name  string
		plan  *alloc.Plan
		a, b  Policy
		moves bool
	}{
		{"a larger pool comes", two, few, many, true},
		{"one that is no larger comes", mustPlan(t, peersPool, otherPool, third), few, many, false},
		{"it leaves", one, few, few, true},
		{"more are kept", one, many, many, true},
		{"a smaller pool comes", two, many, few, false},
		{"fewer are kept", one, few, few, true},
	} {
		c := Config{Plan: step.plan, Policy: few, Policies: map[string]Policy{"a": step.a}}
		if step.plan != one {
			c.Policies["b"] = step.b
		}
		change := Change{}
		if err := l.ns.Do(func() (err error) { change, err = Preview(c); return err }); err != nil {
			t.Fatal(err)
		}
		if change.PeersCarried != step.moves || change.PeersForgotten {
			t.Errorf("%s: the preview says %+v", step.name, change)
		}
		l.replan(c)
		for _, peer := range peers[:90] {
			l.hears(step.name, udp(peer, out, "y"), inbound)
		}
		l.hears(step.name+": a stranger", udp(peers[999], out, "y"), dropFiltered)
		l.hears(step.name, tcp(peers[0], session, syn|ack, ""), inbound)
		l.hears(step.name, tcp(peers[1], session, syn|ack, ""), inbound)
	}
	for _, peer := range peers[90:100] { // 89 and one of TCP were in the table
		l.opens(udp(me, peer, "x"))
	}
	l.gets(fromInside, udp(me, peers[100], "x"), dropPeers)
}

// With another key nobody is known, and the preview says so.
func TestPeersUnderAnotherKey(t *testing.T) {
	c := Config{Plan: mustPlan(t, peersPool), Policy: Policy{Filtering: AddressDependent}}
	l := newLab(t, c)
	me, first := ap("100.64.0.1:5000"), ap("192.0.2.1:443")
	out := l.opens(udp(me, first, "x"))
	l.opens(udp(me, ap("192.0.2.2:443"), "x"))
	c.Key = NewKey()
	change := Change{}
	if err := l.ns.Do(func() (err error) { change, err = Preview(c); return err }); err != nil {
		t.Fatal(err)
	}
	if change.PeersCarried || !change.PeersForgotten {
		t.Errorf("the preview says %+v", change)
	}
	l.replan(c)
	l.hears("the first", udp(first, out, "y"), dropFiltered)
}

// A pool that stops to filter has no tables, and what another has stays.
func TestPeersOfPoolsThatStopFiltering(t *testing.T) {
	plan := mustPlan(t, peersPool, otherPool)
	filtering := Policy{Filtering: AddressDependent}
	l := newLab(t, Config{Plan: plan, Policy: filtering})
	first, second := ap("192.0.2.1:443"), ap("192.0.2.2:443")
	var out netip.AddrPort
	for i := range uint32(100) {
		for _, pool := range []uint32{0x64400000, 0x64410000} {
			me := netip.AddrPortFrom(fromWire(wireOrder(pool+i)), 5000)
			l.opens(udp(me, first, "x"))
			out = l.opens(udp(me, second, "x"))
		}
	}
	if n := l.tablesOfPeers(); n != 200 {
		t.Fatalf("%d tables, want 200", n)
	}
	l.replan(Config{Plan: plan, Policies: map[string]Policy{"a": {}, "b": filtering}})
	if n := l.tablesOfPeers(); n != 100 {
		t.Errorf("%d tables, want the 100 of pool b", n)
	}
	l.hears("who was sent to", udp(first, out, "y"), inbound)
}

// The last peer of protocols without ports has its time as all others have.
func TestPeersWithoutPortsEnd(t *testing.T) {
	l := newFilterLab(t, AddressDependent, alloc.PoolSpec{Name: "b", Inside: spans("100.65.0.0/31"), Outside: spans("198.51.100.128/31"), SharingRatio: 1})
	me, one, other := ad("100.65.0.1"), ad("192.0.2.1"), ad("192.0.2.2")
	gre := func(from, to netip.Addr) datagram { return newDatagram(from, to, protoGRE, make([]byte, 8)) }
	out := l.opens(gre(me, one)).Addr()
	l.idle(planeICMP, netip.AddrPortFrom(out, 0), 4*time.Minute)
	l.hears("in its time", gre(one, out), inbound)
	l.idle(planeICMP, netip.AddrPortFrom(out, 0), 2*time.Minute)
	l.hears("after it", gre(one, out), dropFiltered)
	l.opens(gre(me, other))
	l.hears("who came last", gre(other, out), inbound)
	l.hears("whose time was over then", gre(one, out), dropFiltered)
	l.opens(gre(me, one))
	l.hears("who was sent to again", gre(one, out), inbound)
}

// Two CPUs that send to the same peers at once note each of them once.
func TestPeersOnTwoCPUsAreNotedOnce(t *testing.T) {
	l := newLab(t, Config{Policy: Policy{Filtering: AddressAndPortDependent, Peers: 300}}, peersPool)
	peers, room := peersOf(200), l.d.generation.record.peerRoom()
	for round := range uint16(20) {
		from := netip.AddrPortFrom(ad("100.64.0.1"), 5000+round)
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if err := l.ns.Do(func() error { return l.sendAll(from, peers) }); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		var key filterKey
		var table []byte
		for entries := l.table(bpf.CgnatMapFilters).Iterate(); entries.Next(&key, &table); {
			noted := make(map[uint64]int)
			for _, p := range peersIn(table, room) {
				if noted[p.who]++; p.who>>32 != 0 && noted[p.who] == 2 {
					t.Errorf("round %d: %#x is noted twice", round, p.who)
				}
			}
		}
		l.was = l.tally.read()
		l.forgetAll()
	}
}

// Entries are freed and taken by two CPUs at once, and a mapping that lives loses none of its own.
func TestPeersAreFreedOnTwoCPUs(t *testing.T) {
	l := newLab(t, Config{Policy: Policy{Filtering: AddressAndPortDependent, Peers: 130}}, peersPool)
	me, peers := ap("100.64.0.1:5000"), peersOf(100)
	out := l.opens(udp(me, peers[0], "x"))
	begun := time.Now()
	for round := 0; round < 10 || time.Since(begun) < 3*time.Second; round++ {
		done := make(chan error)
		for half := range uint16(2) {
			go func() {
				done <- l.ns.Do(func() error {
					from := netip.AddrPortFrom(me.Addr(), 20000+uint16(round%200)*2+half)
					if err := l.sendAll(from, peers[half:12]); err != nil {
						return err
					}
					return l.sendAll(me, peers[50*half:50*half+50])
				})
			}()
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		l.endAll(me)
		l.was = l.tally.read()
		for _, peer := range peers {
			l.hears(peer.String(), udp(peer, out, "y"), inbound)
		}
	}
}

// endAll ends the mappings of UDP that a subscriber has, all but one.
func (l *lab) endAll(but netip.AddrPort) {
	l.Helper()
	for m, err := range l.d.Mappings() {
		if err != nil {
			l.Fatal(err)
		}
		if m.Protocol == UDP && m.Inside != but {
			l.idle(planeUDP, m.Outside, time.Hour)
		}
	}
}

// Tables as releases before had them, without marks, are carried to those of this one.
func TestPeersOfReleasesBefore(t *testing.T) {
	plan := mustPlan(t, peersPool)
	c := Config{Plan: plan, Policy: Policy{Filtering: AddressDependent, Peers: 50}}
	l := newLab(t, c)
	me, peers := ap("100.64.0.1:5000"), peersOf(51)
	var out netip.AddrPort
	for _, peer := range peers[:50] {
		out = l.opens(udp(me, peer, "x"))
	}
	session := l.opens(tcp(me, peers[0], syn, ""))
	l.opens(tcp(me, peers[1], syn, ""))
	now, room := l.table(bpf.CgnatMapFilters), l.d.generation.record.peerRoom()
	before := must(ebpf.NewMap(&ebpf.MapSpec{
		Type: ebpf.Hash, KeySize: 8, ValueSize: 50 * (peerBytes - 1), MaxEntries: minFilters, Flags: noPrealloc,
	}))
	t.Cleanup(func() { _ = before.Close() })
	var key filterKey
	var table []byte
	for entries := now.Iterate(); entries.Next(&key, &table); {
		var who, seen []byte
		for i, p := range peersIn(table, room) {
			if p.who>>32&3 == uint64(planeTCP) {
				p.who |= 0x5 << 40 // there were 24 bits of the address
			}
			if i < 50 {
				who, seen = binary.NativeEndian.AppendUint64(who, p.who), binary.NativeEndian.AppendUint32(seen, p.seen)
			}
		}
		old := make([]byte, 50*(peerBytes-1))
		copy(old, who)
		copy(old[50*8:], seen)
		if err := before.Put(key, old); err != nil {
			t.Fatal(err)
		}
	}
	pin := l.d.generation.at("maps", bpf.CgnatMapFilters)
	if err := errors.Join(os.Remove(pin), before.Pin(pin)); err != nil {
		t.Fatal(err)
	}
	c.Policy.UDP = 6 * time.Minute
	l.replan(c)
	for _, peer := range peers[:50] {
		l.hears("who was sent to", udp(peer, out, "y"), inbound)
	}
	l.hears("who was sent to by TCP", tcp(peers[1], session, syn|ack, ""), inbound)
	l.hears("a stranger", udp(peers[50], out, "y"), dropFiltered)
}
