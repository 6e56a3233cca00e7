//go:build linux

package ebpf

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// What is over at the change stays over, since when it was; what is over by the new time alone has been since the change. The oracle goes
// from tick to tick.
func TestOverdueWhileTimesChange(t *testing.T) {
	p := loadParts(t, [2]uint64{})
	const first = 1000 // a tick
	times := []uint64{1, 2, 3, 7, 12, 20}
	var q []question
	var want []uint64
	ask := func() {
		p.ask("ask_overdue", q)
		for i := range q {
			if q[i].Answer != want[i] {
				t.Fatalf("at tick %d, seen at %d, times %d until %d and %d then: over for %d ticks, want %d", q[i].A, q[i].B, q[i].D>>32, q[i].C, uint32(q[i].D),
					q[i].Answer, want[i])
			}
		}
		q, want = q[:0], want[:0]
	}
	for _, since := range []uint64{uint64(bpf.CgnatCgnSinceCGN_SINCE_ALWAYS), uint64(bpf.CgnatCgnSinceCGN_SINCE_LATER), first + 25, first + 40} {
		begins := since
		switch bpf.CgnatCgnSince(since) {
		case bpf.CgnatCgnSinceCGN_SINCE_ALWAYS:
			begins = 0
		case bpf.CgnatCgnSinceCGN_SINCE_LATER:
			begins = 1 << 31
		}
		for _, was := range times {
			for _, is := range times {
				for seen := uint64(first); seen < first+50; seen++ {
					over := uint64(0)
					for now := seen; now < first+90; now++ {
						idle := now - seen
						if over > 0 || begins > 0 && now <= begins && idle > was || now >= begins && idle > is {
							over++
						}
						q, want = append(q, question{A: now, B: seen, C: since, D: was<<32 | is}), append(want, over)
						if len(q) == batch {
							ask()
						}
					}
				}
			}
		}
	}
	ask()
}

// A port in the model of a change of times: who has it, and since when it waits.
type timedPort struct {
	who   netip.AddrPort
	seen  time.Duration // when a packet was sent last
	ended time.Duration // when the mapping ended, 0 = it lives
}

// A timedShare is one protocol of a subscriber in it.
type timedShare struct {
	plane plane
	me    netip.Addr
	ports map[netip.AddrPort]*timedPort
}

// A timed is a lab in which time passes as the test wants it, with a model of what subscribers have. All that happens is at whole hundreds
// of seconds of the model, times end halfway between them, and holds a quarter after that: so the seconds that the test takes do not matter.
type timed struct {
	*lab
	policy   Policy
	now      time.Duration
	shares   []*timedShare
	tick     time.Duration
	policies *ebpf.Map
	seen     map[verdict]int
}

const (
	timedStep  = 100 * time.Second
	timedLimit = 5
	timedPorts = 6
)

// times of the model are k steps and a half.
func timedTimes(k int) time.Duration { return time.Duration(k)*timedStep + timedStep/2 }

func (l *timed) timeout(p plane) time.Duration {
	if p == planeICMP {
		return l.policy.ICMP
	}
	return l.policy.UDP
}

// pass has time pass in the kernel and in the model.
func (l *timed) pass(d time.Duration) {
	l.Helper()
	l.now += d
	for _, s := range l.shares {
		for out, p := range s.ports {
			l.idle(s.plane, out, d)
			if end := p.seen + l.timeout(s.plane); p.ended == 0 && end < l.now {
				p.ended = end
			}
		}
	}
	l.setPolicy(func(e *bpf.CgnatCgnPolicy) {
		if e.Since > uint32(bpf.CgnatCgnSinceCGN_SINCE_LATER) {
			e.Since -= uint32(d / l.tick)
		}
	})
}

// setPolicy changes the policy in the kernel.
func (l *timed) setPolicy(change func(*bpf.CgnatCgnPolicy)) {
	l.Helper()
	e := l.entry()
	change(&e)
	if err := l.policies.Put(uint32(0), e); err != nil {
		l.Fatal(err)
	}
}

// entry returns the policy that the kernel has.
func (l *timed) entry() (e bpf.CgnatCgnPolicy) {
	l.Helper()
	if err := l.policies.Lookup(uint32(0), &e); err != nil {
		l.Fatal(err)
	}
	return e
}

// begin has other times begin in the model: what has been idle for longer ends now.
func (l *timed) begin(p Policy) {
	l.policy = p
	for _, s := range l.shares {
		for _, port := range s.ports {
			if port.ended == 0 && port.seen+l.timeout(s.plane) < l.now {
				port.ended = l.now
			}
		}
	}
}

// given reports whether another endpoint may get a port.
func (l *timed) given(p *timedPort) bool { return p.ended > 0 && p.ended+l.policy.Hold < l.now }

// sends sends from an inside port, and compares.
func (l *timed) sends(step int, s *timedShare, inside uint16) {
	l.Helper()
	me := netip.AddrPortFrom(s.me, inside)
	live, room := 0, len(s.ports) < timedPorts
	own := netip.AddrPort{}
	for out, p := range s.ports {
		if p.ended == 0 {
			live++
		}
		if p.who == me {
			own = out
		}
		room = room || l.given(p)
	}
	had := s.ports[own]
	want := outbound
	switch {
	case had != nil && had.ended == 0:
	case live >= timedLimit:
		want = dropLimit
	case had == nil && !room:
		want = dropExhausted
	}
	l.forgetRefusal(s.me)
	o := l.run(fromInside, opening(s.plane, me, server).frame())
	if o.verdict != want {
		l.Fatalf("%d: %v of plane %d, of %d that live: %q, want %q", step, me, s.plane, live, o.verdict, want)
	}
	if l.seen[want]++; want != outbound {
		return
	}
	out := sourceOf(o.frame)
	if s.plane == planeICMP {
		out = netip.AddrPortFrom(out.Addr(), binary.BigEndian.Uint16(o.frame[ethernet+24:]))
	}
	if p := s.ports[out]; p != nil && p.who != me && !l.given(p) {
		l.Fatalf("%d: %v of plane %d gets %v, which is %v's and has ended at %v, now %v", step, me, s.plane, out, p.who, p.ended, l.now)
	}
	if had != nil && !l.given(had) && out != own {
		l.Fatalf("%d: %v of plane %d gets %v and has %v", step, me, s.plane, out, own)
	}
	delete(s.ports, own)
	s.ports[out] = &timedPort{who: me, seen: l.now}
}

// hearAll sends to all ports, and compares.
func (l *timed) hearAll(step int) {
	l.Helper()
	for _, s := range l.shares {
		for out, p := range s.ports {
			want := inbound
			if p.ended > 0 {
				want = dropNoMapping
			}
			if o := l.run(fromOutside, arrival(s.plane, server, out).frame()); o.verdict != want {
				l.Fatalf("%d: to %v of plane %d, seen at %v, ended at %v, now %v: %q, want %q", step, out, s.plane, p.seen, p.ended, l.now, o.verdict, want)
			}
		}
	}
}

// However times change, and whatever an apply has done of it: what has ended does not live again, what lives ends by its time, a port waits as
// long as it does without a change, and nobody has more mappings than its limit.
func TestTimesChange(t *testing.T) {
	rnd := seeded(t)
	random := func() Policy {
		return Policy{
			UDP: timedTimes(1 + rnd.IntN(8)), ICMP: timedTimes(1 + rnd.IntN(8)), Hold: 4*timedStep + timedStep/4,
			Limit: Limit{UDP: timedLimit, ICMP: timedLimit},
		}
	}
	begun := random()
	plan := mustPlan(t, listOfShares("100.64.0.1 198.51.100.1 1024-1029", "100.64.0.2 198.51.100.2 1024-1029", "100.64.0.3 198.51.100.1 2000-2005",
		"100.64.0.4 198.51.100.2 2000-2005"))
	l := &timed{lab: newLab(t, Config{Plan: plan, Policy: begun}), policy: begun, now: timedStep}
	_, tick, err := tickShift()
	if err != nil {
		t.Fatal(err)
	}
	l.seen = make(map[verdict]int)
	l.tick, l.policies = tick, l.table(bpf.CgnatMapPolicies)
	for _, me := range []string{"100.64.0.1", "100.64.0.2"} {
		for _, p := range []plane{planeUDP, planeICMP} {
			l.shares = append(l.shares, &timedShare{plane: p, me: ad(me), ports: make(map[netip.AddrPort]*timedPort)})
		}
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	before, next, stage := begun, begun, 0
	done := make(map[string]int)
	change := func() {
		g := l.d.generation
		switch {
		case stage == 0 && rnd.IntN(3) == 0: // as where addresses come from several pools
			check(g.endRow(rnd.IntN(2), l.entry()))
			done["noted before"]++
		case stage == 0:
			before, next, stage = l.policy, random(), 1
			l.setPolicy(func(e *bpf.CgnatCgnPolicy) {
				was := timesOf(*e)
				*e = next.entry(tick)
				e.Was, e.Since = was, uint32(bpf.CgnatCgnSinceCGN_SINCE_LATER)
			})
		case stage == 1 && rnd.IntN(3) == 0:
			stage = 0
			l.setPolicy(func(e *bpf.CgnatCgnPolicy) { *e = before.entry(tick) })
			done["taken back"]++
		case rnd.IntN(4) == 0:
			check(g.beginTimes())
			if stage == 1 {
				l.begin(next)
			}
			stage = 0
			done["gone on with"]++
		case stage == 3:
			check(g.beginTimes())
			stage = 0
			done["whole"]++
		default:
			check(g.endRow(stage-1, l.entry()))
			if stage++; stage == 2 {
				l.begin(next)
			}
		}
	}
	for i := range 6000 {
		switch op := rnd.IntN(20); {
		case op < 11:
			l.sends(i, l.shares[rnd.IntN(len(l.shares))], uint16(1000+rnd.IntN(9)))
		case op < 16:
			l.pass(time.Duration(rnd.IntN(3)) * timedStep)
		case op < 19:
			change()
		default:
			l.tidies()
		}
		l.hearAll(i)
	}
	t.Log(done, l.seen)
	for _, what := range []string{"noted before", "taken back", "gone on with", "whole"} {
		if done[what] == 0 {
			t.Errorf("no change was %s", what)
		}
	}
	for _, v := range []verdict{outbound, dropLimit, dropExhausted} {
		if l.seen[v] == 0 {
			t.Errorf("no packet was %q", v)
		}
	}
}
