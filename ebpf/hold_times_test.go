//go:build linux

package ebpf

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
)

// Where times change, what has ended stays over and waits as long as it would have, and what is over by the new time alone ends with the
// change and waits from then on. All else lives on, and ends by its new time.
func TestTimesOfPoliciesChange(t *testing.T) {
	const hold = 2 * time.Minute
	long := Policy{Hold: hold, UDP: 10 * time.Minute, ICMP: 8 * time.Minute, Established: 5 * time.Hour, Opening: 9 * time.Minute, Closing: 9 * time.Minute}
	short := Policy{Hold: hold, UDP: 5 * time.Minute, ICMP: 3 * time.Minute, Established: 3 * time.Hour, Opening: 4 * time.Minute, Closing: 4 * time.Minute}
	t.Run("shorter", func(t *testing.T) { timesChange(t, long, short) })
	t.Run("longer", func(t *testing.T) { timesChange(t, short, long) })
}

func timesChange(t *testing.T, before, after Policy) {
	const margin = 30 * time.Second
	hold := before.Hold
	kinds := []struct {
		name     string
		plane    plane
		open     func(*lab, netip.AddrPort) netip.AddrPort
		was, now time.Duration
	}{
		{"UDP", planeUDP, func(l *lab, me netip.AddrPort) netip.AddrPort { return l.leaves(udp(me, server, "x")) }, before.UDP, after.UDP},
		{"ICMP", planeICMP, func(l *lab, me netip.AddrPort) netip.AddrPort { return l.pings(me.Addr(), me.Port()) }, before.ICMP, after.ICMP},
		{"TCP that opens", planeTCP, func(l *lab, me netip.AddrPort) netip.AddrPort { return l.leaves(tcp(me, server, syn, "")) }, before.Opening, after.Opening},
		{"TCP", planeTCP, (*lab).shake, before.Established, after.Established},
		{"TCP from its middle", planeTCP, func(l *lab, me netip.AddrPort) netip.AddrPort { return l.leaves(tcp(me, server, ack, "")) }, before.Closing, after.Closing},
	}
	plan := mustPlan(t, alloc.PoolSpec{Inside: spans("100.64.0.0/24"), Outside: spans("198.51.100.0"), PortsPerSubscriber: 1})
	l := newLab(t, Config{Plan: plan, Policy: before})
	type one struct {
		what      string
		plane     plane
		me        netip.Addr
		out       netip.AddrPort
		idle      time.Duration
		was, now  time.Duration
		waits     time.Duration
		lives     bool
		forwarded bool
	}
	var all []one
	add := func(o one) {
		o.lives = o.idle < min(o.was, o.now) || o.forwarded
		o.waits = hold - max(0, o.idle-o.was)
		all = append(all, o)
	}
	next := ad("100.64.0.0")
	for _, k := range kinds {
		for _, idle := range []time.Duration{0, k.now - margin, k.now + margin, k.was - margin, k.was + margin, k.was + hold - margin, k.was + hold + margin} {
			next = next.Next()
			out := k.open(l, netip.AddrPortFrom(next, 5000))
			l.idle(k.plane, out, idle)
			add(one{fmt.Sprint(k.name, " that is idle for ", idle), k.plane, next, out, idle, k.was, k.now, 0, false, false})
		}
	}
	next = next.Next()
	out := l.leaves(udp(netip.AddrPortFrom(next, 5000), server, "x"))
	if err := l.d.Forward(Forward{alloc.SubscriberFrom("", next), UDP, out.Port(), 5000}); err != nil {
		t.Fatal(err)
	}
	l.idle(planeUDP, out, time.Hour)
	add(one{"a forward", planeUDP, next, out, time.Hour, before.UDP, after.UDP, 0, false, true})

	l.replan(Config{Plan: plan, Policy: after, Key: l.d.Key()})
	listed := make(map[netip.AddrPort]bool)
	for m, err := range l.d.Mappings() {
		if err != nil {
			t.Fatal(err)
		}
		listed[m.Inside] = true
	}
	for _, o := range all {
		// another wants the port of the subscriber, its only one
		another := func(when string, want verdict) {
			t.Helper()
			l.forgetRefusal(o.me)
			if got := l.run(fromInside, opening(o.plane, netip.AddrPortFrom(o.me, 6000), server).frame()); got.verdict != want {
				t.Errorf("%s: another endpoint %s: %q, want %q", o.what, when, got.verdict, want)
			}
		}
		waits := func(d time.Duration) {
			t.Helper()
			another("while it waits", dropExhausted)
			l.idle(o.plane, o.out, d-margin+time.Second)
			another("while it waits still", dropExhausted)
			l.idle(o.plane, o.out, margin)
			another("when it has waited", outbound)
		}
		if listed[netip.AddrPortFrom(o.me, 5000)] != o.lives {
			t.Errorf("%s: it is listed: %t, want %t", o.what, !o.lives, o.lives)
		}
		want := dropNoMapping
		if o.lives {
			want = inbound
		}
		l.hears(o.what, arrival(o.plane, server, o.out), want)
		switch {
		case o.forwarded:
			another("while it lives", dropExhausted)
		case o.lives:
			another("while it lives", dropExhausted)
			if o.plane == planeTCP {
				continue // which has been heard, and has another state
			}
			l.idle(o.plane, o.out, o.now-o.idle-margin)
			l.hears(o.what+", before its new time is over", arrival(o.plane, server, o.out), inbound)
			l.idle(o.plane, o.out, 2*margin)
			l.hears(o.what+", when its new time is over", arrival(o.plane, server, o.out), dropNoMapping)
			waits(hold - margin)
		case o.waits > 0:
			waits(o.waits)
		default:
			another("when it has waited", outbound)
		}
	}
}

// What an eviction has left waits as long, whatever becomes of times.
func TestTimesAndWhoMoved(t *testing.T) {
	const hold = 2 * time.Minute
	list := func(policy Policy, shares ...string) Config {
		return Config{Plan: mustPlan(t, listOfShares(shares...)), Policy: policy}
	}
	for what, is := range map[string][2]time.Duration{"shorter": {time.Hour, 0}, "longer": {0, 168 * time.Hour}} {
		t.Run(what, func(t *testing.T) {
			before, after := Policy{Hold: hold, HoldPorts: 1, Opening: is[0]}, Policy{Hold: hold, HoldPorts: 1, Opening: is[1]}
			l := newLab(t, list(before, "100.64.0.1 198.51.100.1 1024-1024"))
			out := l.leaves(tcp(ap("100.64.0.1:5000"), server, syn, ""))
			moved := []string{"100.64.0.2 198.51.100.1 1024-1024", "100.64.0.1 198.51.100.1 2000-2007"}
			l.replan(list(before, moved...))
			l.replan(list(after, moved...))
			me := tcp(ap("100.64.0.2:5000"), server, syn, "")
			l.gets(fromInside, me, dropExhausted)
			l.idle(planeTCP, out, hold-30*time.Second)
			l.waitTick()
			l.gets(fromInside, me, dropExhausted)
			l.idle(planeTCP, out, 31*time.Second)
			l.waitTick()
			l.gets(fromInside, me, outbound)
		})
	}
}

// A limit is one of mappings, too, where times get longer while some wait.
func TestLimitWhileTimesGetLonger(t *testing.T) {
	const hold = 2 * time.Minute
	plan, me := mustPlan(t, limited()), ad("100.64.0.1")
	l := newLab(t, Config{Plan: plan, Policy: Policy{Hold: hold, Limit: Limit{UDP: 2}}})
	try := func(port uint16, want verdict) netip.AddrPort {
		t.Helper()
		l.forgetRefusal(me)
		o := l.run(fromInside, udp(netip.AddrPortFrom(me, port), server, "x").frame())
		if o.verdict != want {
			t.Errorf("port %d: %q, want %q", port, o.verdict, want)
		}
		return sourceOf(o.frame)
	}
	ended := []netip.AddrPort{try(1, outbound), try(2, outbound)}
	try(3, dropLimit)
	for _, out := range ended {
		l.idle(planeUDP, out, 6*time.Minute)
	}
	lives := []netip.AddrPort{try(4, outbound)}
	l.replan(Config{Plan: plan, Policy: Policy{Hold: hold, UDP: 10 * time.Minute, Limit: Limit{UDP: 2}}, Key: l.d.Key()})
	lives = append(lives, try(5, outbound))
	for port := uint16(6); port < 12; port++ {
		try(port, dropLimit)
	}
	for _, out := range lives {
		l.hears("a mapping that lives", udp(server, out, "x"), inbound)
	}
	for _, out := range ended {
		l.hears("one that has ended", udp(server, out, "x"), dropNoMapping)
	}
}
