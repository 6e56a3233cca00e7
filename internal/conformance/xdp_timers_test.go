//go:build linux

package conformance

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/ebpf"
)

// What RFCs ask of idle mappings is far longer than a test may take. So the policy in force is read from the kernel, slots are made
// to look old, and packets show what that means; and with times of a second, mappings end by themselves.

func xdpTimerProbes() map[string]probe {
	return map[string]probe{
		"4787-5":   shows(overXDP(roomy), udpLasts),
		"4787-5b":  shows(overXDP(roomy), udpEnds),
		"4787-5c":  like("4787-5"),
		"4787-6":   shows(overXDP(roomy), insideRefreshes),
		"5382-5":   shows(overXDP(roomy), tcpLasts),
		"5382-5a":  shows(overXDP(roomy), tcpEnds),
		"5508-2":   shows(overXDP(roomy), queryLasts),
		"5508-2a":  shows(overXDP(roomy), queryEnds),
		"7857-2.1": like("5382-5"),
		"7857-2.2": shows(overXDP(roomy), resetLasts),
		"7857-2":   shows(overXDP(roomy), dataAfterResetLasts),
		"7857-7.1": shows(overXDP(roomy), refusalsKeepNothingAlive),
	}
}

// defaults fails the test unless the policy in force has the times of the RFCs, to the tick. How long a tick is, is found with the
// clock of the kernel.
func (b *bench) defaults(t *testing.T) {
	t.Helper()
	_, tick := clock(t, b.path.slot(t, "udp", b.endpoint(t, 0, 65001, 9)))
	ticks := func(seconds time.Duration) uint32 { return uint32((seconds*time.Second + tick - 1) / tick) }
	want := policy{
		UDP: ticks(300), ICMP: ticks(60), Established: ticks(7440), Opening: ticks(240), Closing: ticks(240), Held: 1 << 16,
		Limit: [4]uint32{1 << 16, 1 << 16, 1 << 16}, Peers: 320,
	}
	if p := b.path.inForce(t); p != want {
		t.Errorf("the policy in force is %+v, want %+v with ticks of %v", p, want, tick)
	}
}

func udpLasts(t *testing.T, b *bench) {
	b.defaults(t)
	e := b.endpoint(t, 0, 40000, 9)
	b.lasts(t, "udp", e, 300*time.Second)
	if answered := b.ask(t, 0, "udp", 40000, b.echo(t, 0, "udp", 7000).Addr()); answered != e {
		t.Errorf("the mapping was %v and is %v", e, answered)
	}
	b.lasts(t, "udp", e, 300*time.Second)
}

// ends fails the test if a mapping does not end although its policy gives it a second.
func (b *bench) ends(t *testing.T, protocol string, e netip.AddrPort) {
	t.Helper()
	if !b.knock(t, protocol, e) {
		t.Errorf("%s mapping %v is not there", protocol, e)
	}
	for end := soon(t); b.knock(t, protocol, e); time.Sleep(100 * time.Millisecond) {
		if end.Err() != nil {
			t.Fatalf("%s mapping %v does not end", protocol, e)
		}
	}
}

func udpEnds(t *testing.T, b *bench) {
	b.restart(t, ebpf.Policy{UDP: time.Second})
	b.ends(t, "udp", b.endpoint(t, 0, 40000, 9))
	b.lastsInstead(t, ebpf.Policy{UDP: time.Hour}, "udp", time.Hour, func() netip.AddrPort { return b.endpoint(t, 0, 40000, 9) })
}

// lastsInstead shows that another policy has its own time.
func (b *bench) lastsInstead(t *testing.T, p ebpf.Policy, protocol string, d time.Duration, begin func() netip.AddrPort) {
	t.Helper()
	b.restart(t, p)
	b.lasts(t, protocol, begin(), d)
}

// insideRefreshes shows that a packet from inside makes the time begin anew, and a packet from outside does not.
func insideRefreshes(t *testing.T, b *bench) {
	server := b.echo(t, 0, "udp", 7000).Addr()
	e := b.ask(t, 0, "udp", 40000, server)
	b.idles(t, "udp", e, func() {
		w := watch(t, b.Subscribers[0].NS, udpFrom(server.Addr()))
		send(t, b.Servers[0], datagram(server, e, "from outside"))
		w.await(t, 1)
	})
	was := b.path.slot(t, "udp", e)
	if again := b.endpoint(t, 0, 40000, 9); again != e {
		t.Errorf("the mapping was %v and is %v", e, again)
	}
	fresh := b.path.slot(t, "udp", b.endpoint(t, 0, 65001, 9))
	if now := b.path.slot(t, "udp", e); now.Seen == was.Seen || fresh.Seen-now.Seen > 40 {
		t.Errorf("a packet from inside left the mapping at tick %d, it was at %d and now is %d", now.Seen, was.Seen, fresh.Seen)
	}
	b.lasts(t, "udp", e, 300*time.Second)
}

func queryLasts(t *testing.T, b *bench) {
	b.defaults(t)
	b.lasts(t, "icmp", newTalk(t, b, "icmp").say(t, 0, 2000, 0), time.Minute)
}

func queryEnds(t *testing.T, b *bench) {
	k := newTalk(t, b, "icmp")
	b.restart(t, ebpf.Policy{ICMP: time.Second})
	b.ends(t, "icmp", k.say(t, 0, 2000, 0))
	b.lastsInstead(t, ebpf.Policy{ICMP: 10 * time.Minute}, "icmp", 10*time.Minute, func() netip.AddrPort { return k.say(t, 0, 2000, 0) })
}

// refusalsKeepNothingAlive shows what a subscriber's refusal does to the time of a mapping: an ICMP error nothing, and a RST nothing but for
// the first, which takes an established connection's time and gives it 240 s.
func refusalsKeepNothingAlive(t *testing.T, b *bench) {
	q := newQuarrel(t, b)
	q.barrier(t) // arrives at a closed port: the subscriber's kernel answers with port unreachable
	b.idles(t, "udp", q.seen, func() {
		w := watch(t, b.Servers[0].NS, icmpOf(3))
		send(t, b.Subscribers[0], icmpError(q.inside.Addr(), q.server.Addr(), 3, 3, 0, q.in))
		w.await(t, 1)
	})
	b.idles(t, "udp", q.seen, func() { q.comesIn(t, icmpError(addr("203.0.113.77"), q.seen.Addr(), 3, 3, 0, q.out)) })

	c := converse(t, b)
	c.shake()
	c.sends(segment{flags: rst, seq: 101})
	for range 2 {
		b.idles(t, "tcp", c.seen, func() { c.sends(segment{flags: rst, seq: 101}) })
	}
	stranger := netip.AddrPortFrom(b.Servers[1].Addr, 7777)
	w := watch(t, b.Servers[1].NS, tcpFrom(c.seen.Addr()))
	b.idles(t, "tcp", c.seen, func() {
		b.knock(t, "tcp", c.seen)
		send(t, b.Subscribers[0], segment{flags: rst, seq: 1}.packet(c.inside, stranger))
		w.await(t, 1)
	})
}
