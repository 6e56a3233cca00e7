//go:build linux

package ebpf

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// realmPool is a pool of a realm, with the inside addresses that those of all realms have.
func realmPool(realm, outside string) alloc.PoolSpec {
	return alloc.PoolSpec{Name: realm, Realm: realm, Inside: spans("100.64.0.0/28"), Outside: spans(outside), PortsPerSubscriber: 4}
}

// renewNotes makes what is noted of datagrams that come in parts as old as something else: a change of plan may take longer than it is good for.
func renewNotes(tb testing.TB, m *ebpf.Map, seen uint32) {
	tb.Helper()
	var key bpf.CgnatCgnFragmentKey
	var note bpf.CgnatCgnFragmentNote
	notes := make(map[bpf.CgnatCgnFragmentKey]bpf.CgnatCgnFragmentNote)
	all := m.Iterate()
	for all.Next(&key, &note) {
		note.Seen = seen
		notes[key] = note
	}
	err := all.Err()
	for key, note := range notes {
		err = errors.Join(err, m.Put(key, note))
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// Later parts follow their first one beyond a change of plan, unless the numbers of realms mean something else then: they would go to the
// other realm's subscriber, or leave with its address.
func TestNotesOfThePlanBefore(t *testing.T) {
	east, west, more := realmPool("east", "198.51.100.0/30"), realmPool("west", "198.51.100.8/30"), realmPool("more", "198.51.100.16/30")
	for name, pools := range map[string][]alloc.PoolSpec{
		"as they were":  {east, west},
		"the other way": {west, east},
		"one before":    {more, east, west},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, Config{Plan: mustPlan(t, east, west)})
			me := ap("100.64.0.5:5000") // of the first realm, whose program the lab runs
			out := l.leaves(udp(me, server, "x"))
			there, back := cutUp(udp(me, server, "0123456789abcdef"), 16), cutUp(udp(server, out, "0123456789abcdef"), 16)
			l.gets(fromInside, there[0], outbound)
			l.gets(fromOutside, back[0], inbound)
			l.replan(Config{Plan: mustPlan(t, pools...), Policy: Policy{UDP: time.Hour}, Key: l.d.Key()})
			renewNotes(t, l.table(bpf.CgnatMapFragments), l.slot(planeUDP, l.leaves(udp(me, server, "x"))).Seen)
			same := name == "as they were"
			if got := l.run(fromOutside, back[1].frame()); (got.verdict == inbound) != same {
				t.Errorf("a later part to the subscriber of east: %q", got.verdict)
			}
			left := l.gets(fromInside, there[1], outbound).frame[ip:]
			from := netip.AddrFrom4([4]byte(left[12:16]))
			if want := pools[0].Outside[0]; !want.Contains(from) {
				t.Errorf("a later part of the first realm left from %v, want one of %v", from, want)
			}
		})
	}
}

// Two subscribers of two realms have one address. While the first has a datagram on its way in parts, the realms change places: the
// rest waits for a first part in vain, and the other one gets none of it. What comes whole, comes.
func TestTwinsChangePlaces(t *testing.T) {
	s, twins := twinRealms(t)
	him, echo := s.Servers[0], s.echo()
	to, err := twins[0].Ask(netns.Query{Local: netip.AddrPortFrom(twins[0].Addr, 5000), Remote: echo.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	var seen [2]*netns.Observer
	for i := range seen {
		seen[i] = must(twins[i].Observe(netns.Watch{Match: func(p netns.Packet) bool {
			return p.Src == him.Addr && bytes.Contains(p.Raw, []byte("east"))
		}}))
	}
	send := func(id uint16, parts ...int) {
		t.Helper()
		d := udp(netip.AddrPortFrom(him.Addr, 777), to, strings.Repeat("for east", 32)).with(func(d *datagram) { d.id = id })
		all := cutUp(d, 64)
		if err := him.SendAll(len(parts), func(i int) []byte { return all[parts[i]].ip() }); err != nil {
			t.Fatal(err)
		}
	}
	come := func(n int) {
		t.Helper()
		until(t, "the parts are there", func() bool { return must(seen[0].Count()) >= n })
	}
	pools := twinPools()
	slices.Reverse(pools)
	c := Config{Plan: mustPlan(t, pools...), KeepInterfaces: true, Step: func(what string) error {
		if what == "changing over" {
			send(1, 0, 1)
			come(2)
		}
		return nil
	}}
	d, err := in(s, func() (*Datapath, error) { return Apply(c) })
	if err != nil {
		t.Fatal(err)
	}
	_ = s.d.Close()
	s.d = d
	held := s.counts()["held"]
	send(1, 2, 3)
	until(t, "the parts are held", func() bool { return s.counts()["held"] == held+2 })
	send(2, 0, 1, 2, 3)
	come(6)
	if east, west := must(seen[0].Count()), must(seen[1].Count()); east != 6 || west != 0 {
		t.Errorf("%d parts came to east and %d to west, want 6 and none", east, west)
	}
}

// A later part waits for its first one, since its destination turns packets back. Where that is a host by the next plan, none needs a first
// one: all leave, those that wait, too, and none by what is not known yet.
func TestPartsThatNeedNotWaitAnyLonger(t *testing.T) {
	pool := func(name, inside, outside string) alloc.PoolSpec {
		return alloc.PoolSpec{Name: name, Inside: spans(inside), Outside: spans(outside), SharingRatio: 32}
	}
	a, b := pool("a", "100.64.0.0/27", "198.51.100.0"), pool("b", "100.64.0.32/27", "192.0.2.8")
	l := newLab(t, Config{Plan: mustPlan(t, a, b), behind: true})
	me, to := ap("100.64.0.1:5000"), ap("192.0.2.8:9000")
	parts := cutUp(udp(me, to, "0123456789abcdef0123456789abcdef"), 8)
	behind := func(d datagram, want verdict) {
		t.Helper()
		p := must(l.d.generation.openProgram(bpf.CgnatProgCgnInsideSlow))
		defer func() { _ = p.Close() }()
		if got := l.runBehind(p, fromInside, d.frame()); got.verdict != want {
			t.Errorf("behind the driver: %q, want %q", got.verdict, want)
		}
	}
	l.gets(fromInside, parts[1], passSlow)
	behind(parts[1], "held")
	l.replan(Config{Plan: mustPlan(t, a), behind: true, Key: l.d.Key()})
	renewNotes(t, l.table(bpf.CgnatMapFragments), l.slot(planeUDP, l.leaves(udp(me, server, "x"))).Seen)
	l.gets(fromInside, parts[2], passSlow)
	behind(parts[2], "") // it comes again, and the one that waits
	for _, d := range []datagram{parts[2], parts[3], parts[1]} {
		left := l.gets(fromInside, d, outbound).frame[ip:]
		if from, dst := netip.AddrFrom4([4]byte(left[12:16])), netip.AddrFrom4([4]byte(left[16:20])); from != ad("198.51.100.0") || dst != to.Addr() {
			t.Errorf("it left from %v to %v", from, dst)
		}
	}
}
