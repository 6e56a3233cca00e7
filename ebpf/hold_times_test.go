//go:build linux

package ebpf

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
)

// Where times get shorter, freed ports wait as long as before: what was live a moment ago waits from now on, what waited goes on waiting.
func TestShorterTimesDoNotEndTheWait(t *testing.T) {
	const hold, margin = 2 * time.Minute, 30 * time.Second
	before := Policy{Hold: hold, UDP: 10 * time.Minute, ICMP: 8 * time.Minute, Established: 5 * time.Hour, Opening: 9 * time.Minute, Closing: 9 * time.Minute}
	after := Policy{Hold: hold, UDP: 5 * time.Minute, ICMP: 3 * time.Minute, Established: 3 * time.Hour, Opening: 4 * time.Minute, Closing: 4 * time.Minute}
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
		o.lives = o.idle < o.now || o.forwarded
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
	for _, o := range all {
		// another wants the port of the subscriber, its only one
		another := func(when string, want verdict) {
			t.Helper()
			l.forgetRefusal(o.me)
			if got := l.run(fromInside, opening(o.plane, netip.AddrPortFrom(o.me, 6000), server).frame()); got.verdict != want {
				t.Errorf("%s: another endpoint %s: %q, want %q", o.what, when, got.verdict, want)
			}
		}
		want := dropNoMapping
		if o.lives {
			want = inbound
		}
		l.hears(o.what, arrival(o.plane, server, o.out), want)
		switch {
		case o.lives:
			another("while it lives", dropExhausted)
		case o.waits > 0:
			another("while it waits", dropExhausted)
			l.idle(o.plane, o.out, o.waits-margin+time.Second)
			another("while it waits still", dropExhausted)
			l.idle(o.plane, o.out, margin)
			another("when it has waited", outbound)
		default:
			another("when it has waited", outbound)
		}
	}
}

// What an eviction has left waits as long, whatever becomes of times.
func TestShorterTimesAndWhoMoved(t *testing.T) {
	const hold = 2 * time.Minute
	list := func(policy Policy, shares ...string) Config {
		return Config{Plan: mustPlan(t, listOfShares(shares...)), Policy: policy}
	}
	l := newLab(t, list(Policy{Hold: hold, Opening: time.Hour}, "100.64.0.1 198.51.100.1 1024-1024"))
	out := l.leaves(tcp(ap("100.64.0.1:5000"), server, syn, ""))
	moved := []string{"100.64.0.2 198.51.100.1 1024-1024", "100.64.0.1 198.51.100.1 2000-2007"}
	l.replan(list(Policy{Hold: hold, Opening: time.Hour}, moved...))
	l.replan(list(Policy{Hold: hold}, moved...))
	me := tcp(ap("100.64.0.2:5000"), server, syn, "")
	l.gets(fromInside, me, dropExhausted)
	l.idle(planeTCP, out, hold+time.Second)
	l.waitTick()
	l.gets(fromInside, me, outbound)
}
