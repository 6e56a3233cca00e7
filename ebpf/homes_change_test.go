//go:build linux

package ebpf

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// Whoever has the same share finds its UDP mappings where they are, whatever shares others have: also the first or the last one of the
// list that is not one range.
func TestHomesStayWhenOthersComeAndGo(t *testing.T) {
	alone := Config{Plan: mustPlan(t, listOfShares("100.64.0.1 198.51.100.1 1024-2047"))}
	gaps := Config{Plan: mustPlan(t, listOfShares("100.64.0.1 198.51.100.1 1024-2047", "100.64.0.2 198.51.100.2 3000,3002,3004"))}
	l := newLab(t, alone)
	who := ad("100.64.0.1")
	have := l.opensMany(who, 200)
	for _, c := range []Config{gaps, alone} {
		l.replan(c)
		for _, out := range have {
			l.hears("the server", udp(server, out, "x"), inbound)
		}
		if now := l.opensMany(who, 200); !slices.Equal(now, have) {
			t.Errorf("mappings are elsewhere when the list has %d shares", c.Plan.Subscribers())
		}
		l.away("afterwards")
	}
}

// Releases before gave UDP ports of explicit shares homes of their parity. What is where those have put it is found, and no longer
// at home.
func TestHomesOfReleasesBefore(t *testing.T) {
	c := Config{Plan: mustPlan(t, listOfShares("100.64.0.1 198.51.100.1 1024-2047"))}
	l := newLab(t, c)
	who, key := ad("100.64.0.1"), l.d.generation.record.key()
	share := must(l.d.Plan().Lookup(alloc.SubscriberFrom("", who)))
	var inside, outside []netip.AddrPort
	at := func(number int) netip.AddrPort {
		port, _ := share.Ports().Port(number)
		return netip.AddrPortFrom(share.Outside(), port)
	}
	for port := uint16(1000); len(inside) < 20; port++ {
		me := netip.AddrPortFrom(who, port)
		then := at(key.homeOf(me, UDP, homeShare{share.Ports().Len(), true, share.Ports().First()}))
		now := at(key.homeOf(me, UDP, homeShare{len: share.Ports().Len()}))
		if then == now || l.slot(planeUDP, then).Owner != 0 || l.slot(planeUDP, now).Owner != 0 {
			continue
		}
		if was := l.opens(udp(me, server, "x")); was != then {
			l.moves(was, then)
		}
		inside, outside = append(inside, me), append(outside, then)
	}
	l.hasPoolsOfBefore()
	l.replan(c)
	if n := l.away("after the upgrade"); n != len(inside) {
		t.Errorf("%d mappings are away, want %d", n, len(inside))
	}
	for i, me := range inside {
		l.hears("the server", udp(server, outside[i], "x"), inbound)
		if out := l.opens(udp(me, server, "x")); out != outside[i] {
			t.Errorf("%v has %v, and had %v", me, out, outside[i])
		}
	}
}

// moves takes a mapping of UDP to another port, in the table alone.
func (l *lab) moves(from, to netip.AddrPort) {
	l.Helper()
	slot := make([]byte, slotBytes)
	memory := l.slots[from.Addr()]
	if _, err := memory.ReadAt(slot, l.place(planeUDP, from)); err != nil {
		l.Fatal(err)
	}
	_, err := memory.WriteAt(slot, l.place(planeUDP, to))
	_, cleared := memory.WriteAt(make([]byte, slotBytes), l.place(planeUDP, from))
	if err := errors.Join(err, cleared); err != nil {
		l.Fatal(err)
	}
}

// hasPoolsOfBefore pins the pools as releases before wrote them, which had parity where every share is a range.
func (l *lab) hasPoolsOfBefore() {
	l.Helper()
	now := l.table(bpf.CgnatMapPools)
	before := must(ebpf.NewMap(&ebpf.MapSpec{Type: now.Type(), KeySize: 4, ValueSize: now.ValueSize(), MaxEntries: now.MaxEntries(), Flags: now.Flags()}))
	l.Cleanup(func() { _ = before.Close() })
	pools := slices.Clone(l.d.generation.tables.pools)
	for i := range pools {
		pools[i].Flags |= parity
	}
	err := write(map[string]*ebpf.Map{bpf.CgnatMapPools: before}, bpf.CgnatMapPools, pools)
	pin := l.d.generation.at("maps", bpf.CgnatMapPools)
	if err := errors.Join(err, os.Remove(pin), before.Pin(pin)); err != nil {
		l.Fatal(err)
	}
}
