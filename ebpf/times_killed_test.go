//go:build linux

package ebpf

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// A timedCase is a mapping that has been idle for a while when times change, one getting shorter, the other longer.
type timedCase struct {
	plane         plane
	idle          time.Duration
	before, after bool          // it lives by the times of before, and then
	waits         time.Duration // then, where it has ended
	me            netip.Addr
	out           netip.AddrPort
}

const timedHold = 2 * time.Minute

var timedPolicies = [2]Policy{
	{Hold: timedHold, UDP: time.Hour, ICMP: 5 * time.Minute},
	{Hold: timedHold, UDP: 5 * time.Minute, ICMP: time.Hour},
}

// timedCases opens mappings of subscribers on two addresses.
func timedCases(l *lab) (all []*timedCase) {
	l.Helper()
	for _, first := range []string{"100.64.0.0", "100.64.0.32"} {
		me := ad(first)
		for _, c := range []timedCase{
			{plane: planeUDP, idle: time.Minute, before: true, after: true},
			{plane: planeUDP, idle: 30 * time.Minute, before: true, waits: timedHold},
			{plane: planeUDP, idle: 61 * time.Minute, waits: timedHold - time.Minute},
			{plane: planeUDP, idle: 63 * time.Minute},
			{plane: planeICMP, idle: time.Minute, before: true, after: true},
			{plane: planeICMP, idle: 6 * time.Minute, waits: timedHold - time.Minute},
			{plane: planeICMP, idle: 30 * time.Minute},
		} {
			me = me.Next()
			c.me = me
			if c.plane == planeUDP {
				c.out = l.leaves(udp(netip.AddrPortFrom(me, 5000), server, "x"))
			} else {
				c.out = l.pings(me, 5000)
			}
			l.idle(c.plane, c.out, c.idle)
			all = append(all, &c)
		}
	}
	return all
}

func (c *timedCase) String() string {
	return fmt.Sprintf("%v, plane %d, idle for %v", c.out, c.plane, c.idle)
}

// hear compares whether mappings live.
func hear(l *lab, when string, all []*timedCase, lives func(*timedCase) bool) {
	l.Helper()
	for _, c := range all {
		want := dropNoMapping
		if lives(c) {
			want = inbound
		}
		l.hears(fmt.Sprint(c, " ", when), arrival(c.plane, server, c.out), want)
	}
}

func livesBefore(c *timedCase) bool { return c.before }
func livesAfter(c *timedCase) bool  { return c.after }

// wait compares for how long ports wait still, which no other endpoint of the subscriber gets before that.
func wait(l *lab, all []*timedCase) {
	l.Helper()
	another := func(c *timedCase, want verdict) {
		l.Helper()
		l.forgetRefusal(c.me)
		if o := l.run(fromInside, opening(c.plane, netip.AddrPortFrom(c.me, 6000), server).frame()); o.verdict != want {
			l.Errorf("%v: another endpoint: %q, want %q", c, o.verdict, want)
		}
	}
	for _, c := range all {
		if !c.after && c.waits > 0 {
			another(c, dropExhausted)
			l.idle(c.plane, c.out, c.waits-50*time.Second)
			another(c, dropExhausted)
			l.idle(c.plane, c.out, 51*time.Second)
		}
		if c.after {
			another(c, dropExhausted)
		} else {
			another(c, outbound)
		}
	}
}

// An apply that changes times and ends in between leaves the times of before or those after: no mapping that has ended passes a packet, then
// nor later, when the change is finished or made undone, and no port is given early or late.
func TestTimesChangeInterrupted(t *testing.T) {
	plan := mustPlan(t, alloc.PoolSpec{Inside: spans("100.64.0.0/26"), Outside: spans("198.51.100.0/31"), PortsPerSubscriber: 1, SharingRatio: 32})
	const builds, notes, changes, begins, ends = 0, 1, 2, 3, 4
	for _, r := range []struct {
		when  string
		step  int
		lives func(*timedCase) bool
	}{
		{"when it is made", builds, livesBefore},
		{"before the change", notes, livesBefore},
		{"with the change", changes, livesBefore},
		{"when the times begin on one address", begins, livesAfter},
		{"when they have begun", ends, livesAfter},
	} {
		t.Run(r.when, func(t *testing.T) {
			l := newLab(t, Config{Plan: plan, Policy: timedPolicies[0]})
			all := timedCases(l)
			l.interrupt(Config{Plan: plan, Policy: timedPolicies[1], Key: l.d.Key()}, r.step)
			hear(l, "then", all, r.lives)
			var d *Datapath
			if err := l.ns.Do(func() (err error) { d, err = Open(""); return err }); err != nil {
				t.Fatal(err)
			}
			_ = l.d.Close()
			l.follow(d)
			hear(l, "when it has been finished", all, livesAfter)
			hasTimes(l)
			if r.step%2 == 0 {
				l.replan(Config{Plan: plan, Policy: timedPolicies[0], Key: l.d.Key()})
				hear(l, "when it has been undone", all, livesAfter)
				hasTimes(l)
			}
			wait(l, all)
		})
	}
	t.Run("and is taken back", func(t *testing.T) {
		l := newLab(t, Config{Plan: plan, Policy: timedPolicies[0]})
		all := timedCases(l)
		l.interrupt(Config{Plan: plan, Policy: timedPolicies[1], Key: l.d.Key()}, notes)
		if err := removeGeneration(l.d.folder.next()); err != nil { // as after an error
			t.Fatal(err)
		}
		hear(l, "then", all, livesBefore)
		for _, c := range all {
			if c.plane == planeUDP && c.before {
				l.idle(c.plane, c.out, 50*time.Minute)
				c.after = c.idle+50*time.Minute < time.Hour
				c.waits = timedHold - (c.idle + 50*time.Minute - time.Hour)
			}
		}
		hear(l, "later", all, livesAfter)
	})
}

// interrupt does the first steps of an Apply, and has the lab run the programs that are in force then.
func (l *lab) interrupt(c Config, steps int) {
	l.Helper()
	f, live := l.d.folder, l.d.generation
	check := func(err error) {
		l.Helper()
		if err != nil {
			l.Fatal(err)
		}
	}
	check(l.ns.Do(func() error {
		want, err := newRecord(c, live)
		check(err)
		b, err := build(f.next(), want, live, c)
		check(err)
		for i, step := range []func() error{
			func() error { return b.endBefore(live) },
			func() error { return f.switchTo(live, b.generation) },
			func() error { return b.endRow(0, l.policyOf(b.generation)) },
			func() error { return b.endRow(1, l.policyOf(b.generation)) },
		} {
			if i >= steps {
				break
			}
			check(step())
		}
		if steps > 1 {
			live.close()
			l.follow(&Datapath{folder: f, generation: b.generation})
		} else {
			b.close()
		}
		return nil
	}))
}

// policyOf returns what the programs of a generation have as the policy of their first pool.
func (l *lab) policyOf(g *generation) (e bpf.CgnatCgnPolicy) {
	l.Helper()
	m := must(g.openMap("maps", bpf.CgnatMapPolicies))
	defer func() { _ = m.Close() }()
	if err := m.Lookup(uint32(0), &e); err != nil {
		l.Fatal(err)
	}
	return e
}

// hasTimes checks that no times of before are of account any more.
func hasTimes(l *lab) {
	l.Helper()
	var e bpf.CgnatCgnPolicy
	m := must(l.d.generation.openMap("maps", bpf.CgnatMapPolicies))
	defer func() { _ = m.Close() }()
	for i, want := range l.d.generation.record.Policies {
		if err := m.Lookup(uint32(i), &e); err != nil {
			l.Fatal(err)
		}
		if e.Was = want.Was; e != want {
			l.Errorf("policy %d is %+v, want %+v", i, e, want)
		}
	}
	v, err := l.d.Verify(l.d.Plan(), func(d Difference) {
		if d.What == "map "+bpf.CgnatMapPolicies {
			l.Errorf("%+v", d)
		}
	})
	if err != nil {
		l.Errorf("verify: %v, %v", v, err)
	}
}

// Addresses that come to a pool from several have had several times.
func TestTimesOfPoolsThatBecomeOne(t *testing.T) {
	pool := func(name, inside, outside string) alloc.PoolSpec {
		return alloc.PoolSpec{Name: name, Inside: spans(inside), Outside: spans(outside), PortsPerSubscriber: 1, SharingRatio: 32}
	}
	two := mustPlan(t, pool("a", "100.64.0.0/27", "198.51.100.0"), pool("b", "100.64.0.32/27", "198.51.100.1"))
	one := mustPlan(t, pool("c", "100.64.0.0/26", "198.51.100.0/31"))
	const hold = timedHold
	a, b := Policy{Hold: hold, UDP: 10 * time.Minute}, Policy{Hold: hold, UDP: 5 * time.Minute}
	for _, c := range []time.Duration{5 * time.Minute, 7 * time.Minute, 20 * time.Minute} {
		t.Run(c.String(), func(t *testing.T) {
			l := newLab(t, Config{Plan: two, Policies: map[string]Policy{"a": a, "b": b}})
			var all []*timedCase
			me := [2]netip.Addr{ad("100.64.0.0"), ad("100.64.0.32")}
			for _, idle := range []time.Duration{2, 4, 6, 9, 11, 13} {
				for i, was := range []time.Duration{a.UDP, b.UDP} {
					me[i] = me[i].Next()
					x := &timedCase{plane: planeUDP, idle: idle * time.Minute, me: me[i]}
					x.after = x.idle < min(was, c)
					x.waits = hold - max(0, x.idle-was)
					x.out = l.leaves(udp(netip.AddrPortFrom(me[i], 5000), server, "x"))
					l.idle(planeUDP, x.out, x.idle)
					all = append(all, x)
				}
			}
			l.replan(Config{Plan: one, Policy: Policy{Hold: hold, UDP: c}, Key: l.d.Key()})
			hear(l, "then", all, livesAfter)
			hasTimes(l)
			wait(l, all)
		})
	}
}

// The same where the apply is killed in between: a mapping that has ended by the times of its pool does not live again, and nobody has more
// than the limit.
func TestTimesOfPoolsThatBecomeOneInterrupted(t *testing.T) {
	pool := func(name, inside, outside string) alloc.PoolSpec {
		return alloc.PoolSpec{Name: name, Inside: spans(inside), Outside: spans(outside), PortsPerSubscriber: 8, SharingRatio: 32}
	}
	two := mustPlan(t, pool("a", "100.64.0.0/27", "198.51.100.0"), pool("b", "100.64.0.32/27", "198.51.100.1"))
	one := mustPlan(t, pool("c", "100.64.0.0/26", "198.51.100.0/31"))
	policy := func(udp time.Duration) Policy { return Policy{UDP: udp, Limit: Limit{UDP: 1}} }
	times := []time.Duration{10 * time.Minute, 5 * time.Minute}
	const then = 20 * time.Minute
	for step := range 5 {
		t.Run(fmt.Sprintf("after %d steps", step), func(t *testing.T) {
			l := newLab(t, Config{Plan: two, Policies: map[string]Policy{"a": policy(times[0]), "b": policy(times[1])}})
			var all []*timedCase
			me := [2]netip.Addr{ad("100.64.0.0"), ad("100.64.0.32")}
			open := func(x timedCase, port uint16) {
				l.forgetRefusal(x.me)
				x.out = l.leaves(udp(netip.AddrPortFrom(x.me, port), server, "x"))
				l.idle(planeUDP, x.out, x.idle)
				all = append(all, &x)
			}
			for _, idle := range []time.Duration{3, 6, 9, 11, 60} {
				for i, was := range times {
					me[i] = me[i].Next()
					x := timedCase{plane: planeUDP, idle: idle * time.Minute, me: me[i]}
					x.before = x.idle < was
					x.after = x.before
					open(x, 5000)
					if !x.before { // another takes its place, and ends, too
						open(x, 6000)
					}
				}
			}
			l.interrupt(Config{Plan: one, Policy: policy(then), Key: l.d.Key()}, step)
			hear(l, "then", all, livesBefore)
			var d *Datapath
			if err := l.ns.Do(func() (err error) { d, err = Open(""); return err }); err != nil {
				t.Fatal(err)
			}
			_ = l.d.Close()
			l.follow(d)
			hear(l, "when it has been finished", all, livesAfter)
			hasTimes(l)
		})
	}
}

// While times change, on another CPU, a mapping that has ended passes nothing, its port is not given, and one that is used passes all.
func TestTimesChangeUnderTraffic(t *testing.T) {
	const hold = 100 * time.Hour
	random := seeded(t)
	plan := mustPlan(t, alloc.PoolSpec{Inside: spans("100.64.0.0/26"), Outside: spans("198.51.100.0"), PortsPerSubscriber: 1, SharingRatio: 64})
	l := newLab(t, Config{Plan: plan, Policy: Policy{Hold: hold, UDP: time.Hour}})
	ended, used := ap("100.64.0.1:5000"), ap("100.64.0.2:5000")
	over := l.leaves(udp(ended, server, "x"))
	l.idle(planeUDP, over, time.Hour+time.Minute)
	lives := l.leaves(udp(used, server, "x"))
	_, tick, err := tickShift()
	if err != nil {
		t.Fatal(err)
	}
	policies := l.table(bpf.CgnatMapPolicies)
	stop := make(chan struct{})
	var done sync.WaitGroup
	sent := 0
	done.Go(func() {
		for ; ; sent++ {
			select {
			case <-stop:
				return
			default:
			}
			for _, p := range []struct {
				from side
				d    datagram
				want verdict
			}{
				{fromOutside, udp(server, over, "x"), dropNoMapping},
				{fromInside, udp(netip.AddrPortFrom(ended.Addr(), 6000), server, "x"), dropExhausted},
				{fromInside, udp(used, server, "x"), outbound},
				{fromOutside, udp(server, lives, "x"), inbound},
			} {
				if got := l.run(p.from, p.d.frame()); got.verdict != p.want {
					t.Errorf("after %d: from %v to %v: %q, want %q", sent, p.d.src, p.d.dst, got.verdict, p.want)
					return
				}
			}
			l.forgetRefusal(ended.Addr())
		}
	})
	for range 500 {
		before := l.policyOf(l.d.generation)
		next := Policy{Hold: hold, UDP: time.Duration(5+random.IntN(600)) * time.Minute}.entry(tick)
		next.Was, next.Since = timesOf(before), uint32(bpf.CgnatCgnSinceCGN_SINCE_LATER)
		if err := policies.Put(uint32(0), next); err != nil {
			t.Error(err)
		}
		if err := l.d.generation.beginTimes(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	done.Wait()
	if sent == 0 {
		t.Error("nothing was sent")
	}
	t.Log(sent)
}
