//go:build linux

package ebpf

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// What a forward frees waits as other ports do: its own endpoint may have it again at once, and no other.
func TestPortsOfForwardsWait(t *testing.T) {
	l := newLab(t, Config{Policy: Policy{Hold: 2 * time.Minute}}, alloc.PoolSpec{Inside: spans("100.64.0.0/28"), Outside: spans("198.51.100.0"), PortsPerSubscriber: 3})
	sub := alloc.SubscriberFrom("", ad("100.64.0.1"))
	share := must(l.d.Plan().Lookup(sub))
	first := share.Ports().First()
	forward := func(port, inside uint16) error { return l.d.Forward(Forward{sub, UDP, port, inside}) }
	at := netip.AddrPortFrom(share.Outside(), first)
	if err := forward(first, 80); err != nil {
		t.Fatal(err)
	}
	l.hears("the forward", udp(server, at, "x"), inbound)
	for range 2 {
		if err := l.d.EndForward(Forward{sub, UDP, first, 80}); err != nil {
			t.Fatal(err)
		}
		l.hears("no forward", udp(server, at, "x"), dropNoMapping)
		for _, inside := range []uint16{80, 81} {
			if err := forward(first, inside); !errors.Is(err, ErrTaken) {
				t.Errorf("inside port %d has it at once: %v", inside, err)
			}
		}
		l.idle(planeUDP, at, 2*time.Minute+time.Second)
		if err := forward(first, 80); err != nil {
			t.Errorf("it has waited: %v", err)
		}
		l.hears("the forward again", udp(server, at, "x"), inbound)
	}

	mine := l.opens(udp(netip.AddrPortFrom(sub.Addr(), 5000), server, "x"))
	other := first + 1
	if mine.Port() == other {
		other++
	}
	if err := forward(other, 5000); err != nil {
		t.Fatal(err)
	}
	l.hears("where it was", udp(server, mine, "x"), dropNoMapping)
	if got := l.run(fromInside, udp(netip.AddrPortFrom(sub.Addr(), 6000), server, "x").frame()); got.verdict != dropExhausted {
		t.Errorf("another endpoint has the port that is left over at once: %q", got.verdict)
	}
	l.hears("still", udp(server, mine, "x"), dropNoMapping)
	l.hears("where it is", udp(server, netip.AddrPortFrom(share.Outside(), other), "x"), inbound)
	l.idle(planeUDP, mine, 2*time.Minute+time.Second)
	l.forgetRefusal(sub.Addr())
	if got := l.run(fromInside, udp(netip.AddrPortFrom(sub.Addr(), 6000), server, "x").frame()); got.verdict != outbound || sourceOf(got.frame) != mine {
		t.Errorf("it has waited: %q", got.verdict)
	}
}

// A forward that is removed is closed, also while its server sends: no session goes on, and what the server opens next is not at its port.
func TestForwardEndsWhileItsServerSends(t *testing.T) {
	for _, hold := range []time.Duration{0, 2 * time.Minute} {
		l := newLab(t, Config{Policy: Policy{Hold: hold}}, alloc.PoolSpec{Inside: spans("100.64.0.0/28"), Outside: spans("198.51.100.0"), PortsPerSubscriber: 16})
		sub := alloc.SubscriberFrom("", ad("100.64.0.1"))
		me := netip.AddrPortFrom(sub.Addr(), 80)
		share := must(l.d.Plan().Lookup(sub))
		home := l.leaves(tcp(me, server, syn, ""))
		f := Forward{sub, TCP, share.Ports().First(), 80}
		if f.OutsidePort == home.Port() { // which it has without a forward, too
			f.OutsidePort++
		}
		out := netip.AddrPortFrom(share.Outside(), f.OutsidePort)
		if err := l.d.Forward(f); err != nil {
			t.Fatal(err)
		}
		l.gets(fromOutside, tcp(server, out, syn, ""), inbound)
		if from := l.leaves(tcp(me, server, syn|ack, "")); from != out {
			t.Fatalf("the server answers from %v, not %v", from, out)
		}
		if err := l.d.EndForward(f); err != nil {
			t.Fatal(err)
		}
		got := l.run(fromInside, tcp(me, server, ack, "more").frame())
		if got.verdict == outbound && sourceOf(got.frame) == out {
			t.Errorf("hold %v: the session goes on from %v", hold, out)
		}
		l.gets(fromOutside, tcp(ap("192.0.2.77:4000"), out, syn, ""), dropNoMapping)
	}
}

// Of a large share whose ports wait, all are given but as many as may wait, the longest first among those that are looked at, and nothing that
// lives is touched.
func TestManyPortsWait(t *testing.T) {
	const ports, held, alive = 3000, 100, 7
	l := newLab(t, Config{Plan: mustPlan(t, listOfShares("100.64.0.2 198.51.100.1 1024-4023")), Policy: Policy{Hold: 2 * time.Minute, HoldPorts: held}})
	me, rnd := ad("100.64.0.2"), seeded(t)
	had := l.opensMany(me, ports)
	if n := l.used(me); n != ports {
		t.Fatalf("%d ports are in use", n)
	}
	waits := make(map[uint16]int)
	for i, out := range had[alive:] {
		waits[out.Port()] = 1 + rnd.IntN(100)
		l.idle(planeUDP, had[alive+i], 5*time.Minute+time.Duration(waits[out.Port()])*time.Second)
	}
	given := 0
	for i := range ports {
		l.forgetRefusal(me)
		got := l.run(fromInside, udp(netip.AddrPortFrom(me, uint16(20000+i)), server, "x").frame())
		if got.verdict != outbound {
			break
		}
		out := sourceOf(got.frame)
		longer := 0
		for d := range uint16(ports) { // beginning at home, which is not known here: at any port that 256 could end with
			if waits[1024+d] > waits[out.Port()] {
				longer++
			}
		}
		if waits[out.Port()] == 0 || longer > ports-256 {
			t.Fatalf("%d: port %d has waited %d s, and %d have waited for longer", i, out.Port(), waits[out.Port()], longer)
		}
		delete(waits, out.Port())
		given++
	}
	if given != ports-alive-held {
		t.Errorf("%d ports are given, want %d", given, ports-alive-held)
	}
	for _, out := range had[:alive] {
		l.hears("what lives", udp(server, out, "x"), inbound)
	}
}

// A subscriber with a share of several slices has no more mappings than its limit while sweeps free ports that waited for nobody, as after a
// change of plan, and packets come between the slices.
func TestLimitWhileSwept(t *testing.T) {
	const limit = 100
	l := newLab(t, Config{Plan: mustPlan(t, listOfShares("100.64.0.2 198.51.100.1 1024-65535")), Policy: Policy{Hold: 2 * time.Minute, Limit: Limit{UDP: limit}}})
	me, at := ad("100.64.0.2"), ad("198.51.100.1")
	var had []netip.AddrPort
	for i := range uint16(limit) {
		had = append(had, l.opens(udp(netip.AddrPortFrom(me, 1000+i), server, "x")))
	}
	now := l.slot(planeUDP, had[limit-1]).Seen
	tidy, err := l.d.generation.openProgram(bpf.CgnatProgCgnTidy)
	if err != nil {
		t.Fatal(err)
	}
	_, tick, err := tickShift()
	if err != nil {
		t.Fatal(err)
	}
	var many []netip.AddrPort
	for i := range uint16(100) {
		many = append(many, netip.AddrPortFrom(ad("192.0.2.1"), i+1))
	}
	sent := make(chan error)
	go func() {
		sent <- l.ns.Do(func() error {
			for i := range uint16(8000) { // the first packet of each tick is not refused by what is remembered of the one before
				if err := l.sendAll(netip.AddrPortFrom(me, 2000+i), many); err != nil {
					return err
				}
			}
			return nil
		})
	}()
	for begun := true; begun; {
		select {
		case err := <-sent:
			if err != nil {
				t.Fatal(err)
			}
			begun = false
		default:
		}
		for q := uint16(1024); q < 2048; q++ {
			if a := netip.AddrPortFrom(at, q); l.slot(planeUDP, a).Owner == 0 {
				life := binary.NativeEndian.AppendUint32(nil, now-uint32(3*time.Minute/tick))
				life = binary.NativeEndian.AppendUint32(life, uint32(bpf.CgnatCgnSlotStateCGN_SLOT_ENDED))
				_ = must(l.slots[at].WriteAt(life, l.place(planeUDP, a)+8))
				_ = must(l.slots[at].WriteAt(binary.NativeEndian.AppendUint64(nil, 1), l.place(planeUDP, a)))
			}
		}
		all := l.d.generation.whole()
		if _, err := l.d.generation.tidy(tidy, &all, tidySlots/2); err != nil {
			t.Fatal(err)
		}
	}
	live := 0
	for m, err := range l.d.Mappings() {
		if err != nil {
			t.Fatal(err)
		}
		if live++; m.Inside.Addr() != me {
			t.Errorf("%+v", m)
		}
	}
	if live != limit {
		t.Errorf("%d mappings live, limit %d", live, limit)
	}
	l.was = l.tally.read()
}
