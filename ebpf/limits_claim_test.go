//go:build linux

package ebpf

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
)

// limitedOne has the forwards, and what was restored, in the tests here.
var limitedOne = ad("100.64.0.1")

// portsOf returns the outside ports of a subscriber.
func (l *lab) portsOf(who netip.Addr) (at netip.Addr, ports []uint16) {
	l.Helper()
	share := must(l.d.Plan().Lookup(alloc.SubscriberFrom("", who)))
	return share.Outside(), slices.Collect(share.Ports().Ports())
}

// forwards opens a port of limitedOne.
func (l *lab) forwards(p Protocol, outside, inside uint16) error {
	l.Helper()
	f := Forward{alloc.SubscriberFrom("", limitedOne), p, outside, inside}
	return l.ns.Do(func() error { return l.d.Forward(f) })
}

// living counts the mappings of limitedOne that live.
func (l *lab) living(p Protocol) (n int) {
	l.Helper()
	for m, err := range l.d.Mappings() {
		if err != nil {
			l.Fatal(err)
		}
		if m.Protocol == p && m.Inside.Addr() == limitedOne {
			n++
		}
	}
	return n
}

// What is restored counts, and what is more than the limit is left out and counted, with what lives already.
func TestRestoreHeedsTheLimit(t *testing.T) {
	for _, lives := range []int{0, 1, 3} { // the first, by packets
		l := newLab(t, Config{}, limited())
		for p := range uint16(10) {
			l.leaves(udp(netip.AddrPortFrom(limitedOne, 5000+p), server, "x"))
		}
		other := l.leaves(udp(ap("100.64.0.2:5000"), server, "x"))
		at, ports := l.portsOf(limitedOne)
		if err := l.forwards(TCP, ports[7], 80); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := l.d.Checkpoint(&b, CheckpointOptions{}); err != nil {
			t.Fatal(err)
		}
		k := newLab(t, Config{Plan: l.d.Plan(), Key: l.d.Key(), Policy: Policy{Limit: Limit{UDP: 4, TCP: 1}}})
		for p := range lives {
			k.leaves(udp(netip.AddrPortFrom(limitedOne, uint16(6000+p)), server, "x"))
		}
		for range 2 { // once more, and what is there already is placed
			var r Restored
			if err := k.ns.Do(func() (err error) { r, err = k.d.Restore(bytes.NewReader(b.Bytes())); return err }); err != nil {
				t.Fatal(err)
			}
			if placed := uint64(4 - lives + 2); r.Placed != placed || r.Limited+r.Taken != 12-placed || r.Limited == 0 {
				t.Errorf("%d live: restored %+v", lives, r)
			}
			if udp, tcp := k.living(UDP), k.living(TCP); udp != 4 || tcp != 1 {
				t.Errorf("%d live: then %d of UDP and %d of TCP, limits 4 and 1", lives, udp, tcp)
			}
		}
		k.hears("of another subscriber", udp(server, other, "x"), inbound)
		k.hears("of the forward", arrival(planeTCP, server, netip.AddrPortFrom(at, ports[7])), inbound)
		k.forgetRefusal(limitedOne)
		if o := k.run(fromInside, udp(netip.AddrPortFrom(limitedOne, 7000), server, "x").frame()); o.verdict != dropLimit {
			t.Errorf("%d live: one more: %q", lives, o.verdict)
		}
	}
}

// A forward is a mapping for the limit: one that would be more than it allows is refused, and ends nothing.
func TestForwardHeedsTheLimit(t *testing.T) {
	l := newLab(t, Config{Policy: Policy{Limit: Limit{UDP: 2}}}, limited())
	at, ports := l.portsOf(limitedOne)
	first, second := netip.AddrPortFrom(limitedOne, 5000), netip.AddrPortFrom(limitedOne, 5001)
	a, b := l.leaves(udp(first, server, "x")), l.leaves(udp(second, server, "x"))
	free := slices.DeleteFunc(ports, func(p uint16) bool { return p == a.Port() || p == b.Port() })
	add := func(why string, outside, inside uint16, want error) {
		t.Helper()
		if err := l.forwards(UDP, outside, inside); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", why, err, want)
		}
		if n := l.living(UDP); n > 2 {
			t.Errorf("%s: %d mappings live, limit 2", why, n)
		}
	}
	add("a third", free[0], 80, ErrLimit)
	err := l.forwards(UDP, free[0], 80)
	const want = "forward udp PORT of 100.64.0.1 to port 80: the subscriber has as many mappings as its limit allows: pool limited allows 2 of udp, and " +
		"forwards count: raise the limit in the policy, remove a forward, or wait until a mapping ends"
	if got := withoutPort(err.Error()); got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	l.hears("the first", udp(server, a, "x"), inbound)
	l.hears("the second", udp(server, b, "x"), inbound)
	add("of a mapping that lives", a.Port(), first.Port(), nil)
	add("the same once more", a.Port(), first.Port(), nil)
	add("instead of a mapping elsewhere", free[0], second.Port(), nil)
	l.hears("where it was", udp(server, b, "x"), dropNoMapping)
	l.hears("where it is", udp(server, netip.AddrPortFrom(at, free[0]), "x"), inbound)
	add("beside two forwards", free[1], 80, ErrLimit)
	if err := l.forwards(TCP, free[1], 80); err != nil {
		t.Errorf("of another protocol: %v", err)
	}
	l.forgetRefusal(limitedOne)
	if o := l.run(fromInside, udp(netip.AddrPortFrom(limitedOne, 7000), server, "x").frame()); o.verdict != dropLimit {
		t.Errorf("a mapping beside two forwards: %q", o.verdict)
	}
	f := Forward{alloc.SubscriberFrom("", limitedOne), UDP, a.Port(), first.Port()}
	if err := l.ns.Do(func() error { return l.d.EndForward(f) }); err != nil {
		t.Fatal(err)
	}
	l.forgetRefusal(limitedOne)
	third := l.leaves(udp(netip.AddrPortFrom(limitedOne, 7000), server, "x"))
	add("when another has taken the place", free[2], 80, ErrLimit)
	l.idle(planeUDP, third, time.Hour)
	add("when that has ended", free[2], 80, nil)
	add("instead of what has ended", free[3], 7000, ErrLimit)
}

// withoutPort replaces the outside port in what is said of a forward.
func withoutPort(text string) string {
	words := bytes.Fields([]byte(text))
	words[2] = []byte("PORT")
	return string(bytes.Join(words, []byte(" ")))
}

// Programs that count what a subscriber has leave alone what is somebody else's: it may be his by the plan that is in force, and theirs be
// given up.
func TestCountingFreesNothingOfOthers(t *testing.T) {
	l := newLab(t, Config{}, alloc.PoolSpec{Name: "p", Inside: spans("100.64.0.0/28"), Outside: spans("198.51.100.0"), PortsPerSubscriber: 64})
	who, other := ad("100.64.0.0"), ad("100.64.0.1")
	share := must(l.d.Plan().Lookup(alloc.SubscriberFrom("", who)))
	at := l.opensMany(other, 40)
	for i, out := range at { // as if the shares of the two had changed places
		port, _ := share.Ports().Port(i)
		l.moves(out, netip.AddrPortFrom(share.Outside(), port))
	}
	l.replan(Config{Plan: l.d.Plan(), Key: l.d.Key(), Policy: Policy{Limit: Limit{UDP: 20}}})
	l.opensMany(who, 20)
	l.gets(fromInside, udp(netip.AddrPortFrom(who, 9), server, "x"), dropLimit)
	n := 0
	for port := range share.Ports().Ports() {
		if inside, _ := ownerOf(l.slot(planeUDP, netip.AddrPortFrom(share.Outside(), port)).Owner); inside.Addr() == other {
			n++
		}
	}
	if n < 20 {
		t.Errorf("%d of 40 mappings of somebody else are left, and 20 ports were needed", n)
	}
}
