//go:build linux

package conformance

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/netns"
)

func xdpLimitProbes() map[string]probe {
	two := setup{ports: 4, outside: []string{"192.0.2.1", "192.0.2.9"}, xdp: &ebpf.Policy{}}
	return map[string]probe{
		"6888-4":   shows(overXDP(8), limitsAreExact),
		"6888-4a":  shows(overXDP(8), limitCanBeAdjusted),
		"6888-4b":  like("6888-4"),
		"6888-4c":  shows(obeying(roomy, ebpf.Policy{Rate: 1, Burst: 20}), ratesAreKept),
		"6888-5":   shows(obeying(roomy, ebpf.Policy{Limit: ebpf.Limit{UDP: 3}}), stateIsLimited),
		"6888-5a":  shows(overXDP(roomy), stateLimitsCanBeAdjusted),
		"6888-5b":  like("6888-4c"),
		"6888-11a": shows(overXDP(4), exhaustionDrops),
		"6888-11b": shows(overXDP(4), exhaustionIsTold),
		"6888-11d": shows(overXDP(4), nobodyEvicted),
		"5508-8":   shows(overXDP(4), queryExhaustionIsTold),
		"7857-4":   shows(two.make, exhaustionDrops),
		"7422-3":   like("6888-11a"),
	}
}

// limitsAreExact shows how many mappings a subscriber gets of each protocol, under three policies, and that those it has stay; and that
// where freed ports wait, the limit is still one of mappings.
func limitsAreExact(t *testing.T, b *bench) {
	talks := map[string]*talk{}
	for _, protocol := range []string{"udp", "tcp", "icmp"} {
		talks[protocol] = newTalk(t, b, protocol)
	}
	for round, limit := range []ebpf.Limit{{TCP: 1, UDP: 2, ICMP: 3}, {TCP: 5, UDP: 4, ICMP: 1}, {}} {
		b.restart(t, ebpf.Policy{Limit: limit})
		for protocol, want := range map[string]int{"tcp": limit.TCP, "udp": limit.UDP, "icmp": limit.ICMP} {
			if want == 0 {
				want = 8
			}
			used := map[netip.AddrPort]bool{}
			first := uint16(40000 + 100*round)
			for port := first; port < first+uint16(want); port++ {
				used[talks[protocol].say(t, 0, port, 0)] = true
			}
			if len(used) != want {
				t.Errorf("%d %s mappings have %d outside endpoints", want, protocol, len(used))
			}
			// To another server, too: what counts are mappings.
			for _, server := range talks[protocol].servers {
				b.refusedBy(t, protocol, first+50, server)
			}
			if e := talks[protocol].say(t, 0, first, 1); !used[e] {
				t.Errorf("limit %+v: the first mapping of %s became %v", limit, protocol, e)
			}
			if n := b.path.mappings(t, protocol, b.share(t, 0).Outside); n != want {
				t.Errorf("limit %+v: %d mappings of %s", limit, n, protocol)
			}
		}
	}
	limitWhilePortsWait(t, b, talks["udp"])
}

// limitWhilePortsWait shows that a port that waits is no mapping, and that who comes back to it is one more.
func limitWhilePortsWait(t *testing.T, b *bench, udp *talk) {
	t.Helper()
	b.restart(t, ebpf.Policy{Limit: ebpf.Limit{UDP: 2}, Hold: 2 * time.Minute})
	over, lives := udp.say(t, 0, 42000, 0), udp.say(t, 0, 42001, 0)
	b.path.ago(t, "udp", over, b.path.slot(t, "udp", lives), 5*time.Minute+5*time.Second)
	if next := udp.say(t, 0, 42002, 0); next == over {
		t.Errorf("%v waits, and is given to somebody else", over)
	}
	for _, port := range []uint16{42000, 42003} {
		b.refusedBy(t, "udp", port, udp.servers[0])
	}
}

// limitCanBeAdjusted shows that a limit goes up and down while mappings live: those that there are stay, also where there are more of
// them than would be allowed now.
func limitCanBeAdjusted(t *testing.T, b *bench) {
	server := b.echo(t, 0, "udp", 7000).Addr()
	used := map[uint16]netip.AddrPort{}
	for _, limit := range []int{2, 5, 1, 8} {
		b.adjust(t, ebpf.Policy{Limit: ebpf.Limit{UDP: limit}})
		for port := uint16(40000); len(used) < limit; port++ {
			if _, ok := used[port]; !ok {
				used[port] = b.ask(t, 0, "udp", port, server)
			}
		}
		b.refused(t, 0, 41000, server)
		for port, e := range used {
			if now := b.ask(t, 0, "udp", port, server); now != e {
				t.Errorf("limit %d: port %d was %v and is %v", limit, port, e, now)
			}
		}
	}
}

// refusedBy fails the test unless a new mapping is refused, which is told.
func (b *bench) refusedBy(t *testing.T, protocol string, port uint16, server netip.AddrPort) {
	t.Helper()
	switch protocol {
	case "udp":
		b.refused(t, 0, port, server)
	case "tcp":
		b.refusedTCP(t, b.Subscribers[0].NS, server)
	default:
		err := b.Subscribers[0].Ping(netns.Ping{To: b.Servers[0].Addr, ID: port})
		if !isUnreachable(err) {
			t.Errorf("ping with a new identifier: error %v, want host unreachable", err)
		}
	}
}

// ratesAreKept shows that a subscriber that makes mappings as fast as it can gets as many at once as the policy says, that those go
// on, and that its neighbour notices nothing.
func ratesAreKept(t *testing.T, b *bench) {
	const n, burst, perSecond = 500, 20, 1
	server := b.echo(t, 0, "udp", 7000).Addr()
	to := netip.AddrPortFrom(b.Servers[0].Addr, 9)
	w := watch(t, b.Servers[0].NS, func(p netns.Packet) bool { return p.Proto == unix.IPPROTO_UDP && p.DstPort == 9 })
	flood(t, b.Subscribers[0], n, func(i int) []byte { return datagram(b.from(0, uint16(40000+i)), to, "new").Bytes() })
	for port := uint16(40000); port < 40000+burst; port++ {
		b.owns(t, 1, b.ask(t, 1, "udp", port, server))
	}
	b.owns(t, 0, b.ask(t, 0, "udp", 40000, server)) // has a mapping
	// It would take a minute for a second fifth of them.
	if got := len(w.await(t, burst)); got > burst+60*perSecond {
		t.Errorf("%d of %d new mappings were made at once, want %d", got, n, burst)
	}
}

// sessionsTakeNothing shows that a mapping that has sent to very many endpoints is one mapping and counts as one.
func sessionsTakeNothing(t *testing.T, b *bench) {
	const n = 2000
	w := watch(t, b.Servers[0].NS, func(p netns.Packet) bool { return p.Proto == unix.IPPROTO_UDP && p.DstPort >= 10000 })
	flood(t, b.Subscribers[0], n, func(i int) []byte {
		return datagram(b.from(0, 1500), netip.AddrPortFrom(b.Servers[0].Addr, uint16(10000+i)), "another").Bytes()
	})
	w.await(t, n)
	if got := b.path.mappings(t, "udp", b.share(t, 0).Outside); got != 1 {
		t.Errorf("%d sessions of one endpoint are %d mappings", n, got)
	}
	server := b.echo(t, 0, "udp", 7000).Addr()
	b.ask(t, 0, "udp", 1501, server)
	b.ask(t, 0, "udp", 1502, server)
	b.refused(t, 0, 1503, server)
}

// exhaustionIsTold shows the ICMP error about a packet that no mapping can be made for: host unreachable, from the CGN, about the
// packet as the subscriber sent it. A flood of such packets gets few of them.
func exhaustionIsTold(t *testing.T, b *bench) {
	server, _ := fill(t, b)
	w := watch(t, b.Subscribers[0].NS, icmpOf(3))
	refused := datagram(b.from(0, 40004), server, "one too many")
	send(t, b.Subscribers[0], refused)
	p := w.await(t, 1)[0]
	sound(t, p)
	isAboutRefused(t, p, b.from(0, 40004), server)
	const n = 5000
	flood(t, b.Subscribers[0], n, func(i int) []byte { return datagram(b.from(0, uint16(41000+i)), server, "many too many").Bytes() })
	b.ask(t, 0, "udp", 40000, server)
	if got := len(w.await(t, 2)); got > n/10 {
		t.Errorf("%d errors about %d packets", got, n)
	}
}

// isAboutRefused checks an ICMP error host unreachable.
func isAboutRefused(t *testing.T, p netns.Packet, inside, server netip.AddrPort) {
	t.Helper()
	from, to := endpoints(quoted(p))
	if p.Src != addr("100.64.255.254") || body(p)[1] != 1 || from != inside || to != server {
		t.Errorf("error %d/%d from %v about %v to %v", p.ICMPType, body(p)[1], p.Src, from, to)
	}
	if netns.Checksum(quoted(p)[:20]) != 0 || quoted(p)[8] != 64 {
		t.Errorf("the error quotes %x, which is not what was sent", quoted(p))
	}
	if precedence := p.Raw[1] >> 5; precedence != 6 {
		t.Errorf("the error has precedence %d, want 6", precedence)
	}
}

// queryExhaustionIsTold shows the same for queries: the answer has code 1, as RFC 6888 says, and not RFC 5508's 13.
func queryExhaustionIsTold(t *testing.T, b *bench) {
	k := newTalk(t, b, "icmp")
	for id := uint16(40000); id < 40004; id++ {
		b.owns(t, 0, k.say(t, 0, id, 0))
	}
	w, out := watch(t, b.Subscribers[0].NS, icmpOf(3)), watch(t, b.Servers[0].NS, icmpOf(8))
	q := b.query(8, 40004, "one too many")
	send(t, b.Subscribers[0], q)
	p := w.await(t, 1)[0]
	sound(t, p)
	if id := binary.BigEndian.Uint16(quoted(p)[24:]); body(p)[1] != 1 || id != 40004 || !bytes.Equal(quoted(p)[12:20], q.Bytes()[12:20]) {
		t.Errorf("error %d/%d is about identifier %d of %x", p.ICMPType, body(p)[1], id, quoted(p))
	}
	b.owns(t, 0, k.say(t, 0, 40000, 1))
	out.none(t)
}
