//go:build linux

package conformance

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/nat44"
)

func limitProbes() map[string]probe {
	return map[string]probe{
		"6888-4":   shows(with(4), limitPerDestination),
		"6888-4a":  shows(with(4), limitCanBeChanged),
		"6888-4b":  shows(with(4), protocolsCountAlone),
		"6888-4c":  shows(with(roomy), noRateLimit),
		"6888-5":   shows(with(roomy), noSessionLimit),
		"6888-5a":  shows(with(roomy), noSessionLimit),
		"6888-5b":  shows(with(roomy), noRateLimit),
		"6888-8":   shows(with(2), reuseAtOnce),
		"6888-8b":  shows(with(2), reuseAtOnce),
		"6888-8c":  shows(with(roomy), strictFiltering("udp")),
		"6888-11a": shows(with(4), exhaustionDrops),
		"6888-11b": shows(with(4), exhaustionIsSilent),
		"6888-11d": shows(with(4), evictedWhenTableIsFull),
		"5508-8":   shows(with(4), queryExhaustionIsSilent),
		"7857-4":   shows(setup{ports: 4, outside: []string{"192.0.2.1", "192.0.2.9"}}.make, exhaustionDrops),
	}
}

// fill uses up a share of four ports towards server 0.
func fill(t *testing.T, b *bench) (server netip.AddrPort, used map[uint16]netip.AddrPort) {
	t.Helper()
	server, used = b.echo(t, 0, "udp", 7000).Addr(), map[uint16]netip.AddrPort{}
	for port := uint16(40000); port < 40004; port++ {
		used[port] = b.ask(t, 0, "udp", port, server)
		b.owns(t, 0, used[port])
	}
	return server, used
}

func limitPerDestination(t *testing.T, b *bench) {
	server, _ := fill(t, b)
	b.refused(t, 0, 40004, server)
	other := b.echo(t, 1, "udp", 7000).Addr()
	for port := uint16(40004); port < 40008; port++ {
		b.owns(t, 0, b.ask(t, 0, "udp", port, other))
	}
	b.refused(t, 0, 40008, other)
	if n := len(b.remembered(t, "udp")); n != 8 {
		t.Errorf("%d mappings on 4 ports: the table says that the limit is for each destination", n)
	}
}

func limitCanBeChanged(t *testing.T, b *bench) {
	server, used := fill(t, b)
	b.refused(t, 0, 40004, server)
	b.apply(t, setup{ports: 8}.plan(t))
	for port := uint16(40000); port < 40008; port++ {
		e := b.ask(t, 0, "udp", port, server)
		b.owns(t, 0, e)
		if old, ok := used[port]; ok && e != old {
			t.Errorf("port %d was %v before the change and is %v", port, old, e)
		}
	}
	b.refused(t, 0, 40008, server)
}

func protocolsCountAlone(t *testing.T, b *bench) {
	server, _ := fill(t, b)
	b.refused(t, 0, 40004, server)
	b.echo(t, 0, "tcp", 7000)
	for port := uint16(40000); port < 40004; port++ {
		_, seen := b.dial(t, 0, "tcp", port, server)
		b.owns(t, 0, seen)
	}
	// The number is the same for both: it is the size of the share.
	b.refusedTCP(t, b.Subscribers[0].NS, server)
}

// exhaustionDrops shows that the packet that no mapping can be made for goes nowhere, with another outside address in the pool or
// without.
func exhaustionDrops(t *testing.T, b *bench) {
	server, _ := fill(t, b)
	w := watch(t, b.Servers[0].NS, func(netns.Packet) bool { return true })
	b.refused(t, 0, 40004, server)
	w.none(t)
}

func exhaustionIsSilent(t *testing.T, b *bench) {
	server, _ := fill(t, b)
	w := watch(t, b.Subscribers[0].NS, func(netns.Packet) bool { return true })
	b.refused(t, 0, 40004, server)
	w.none(t)
}

func queryExhaustionIsSilent(t *testing.T, b *bench) {
	for id := uint16(40000); id < 40004; id++ {
		if err := b.Subscribers[0].Ping(netns.Ping{To: b.Servers[0].Addr, ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	in, out := watch(t, b.Subscribers[0].NS, icmpOf(3)), watch(t, b.Servers[0].NS, icmpOf(8))
	err := b.Subscribers[0].Ping(netns.Ping{To: b.Servers[0].Addr, ID: 40004, Timeout: 200 * time.Millisecond})
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("fifth identifier: error %v, want silence", err)
	}
	in.none(t)
	out.none(t)
}

// nobodyEvicted shows that a share that is used up keeps its flows.
func nobodyEvicted(t *testing.T, b *bench) {
	server, used := fill(t, b)
	b.echo(t, 0, "tcp", 7000)
	var flows []*netns.Flow
	for port := uint16(40000); port < 40004; port++ {
		f, _ := b.dial(t, 0, "tcp", port, server)
		flows = append(flows, f)
	}
	b.refused(t, 0, 40004, server)
	b.refusedTCP(t, b.Subscribers[0].NS, server)
	for port, e := range used {
		if again := b.ask(t, 0, "udp", port, server); again != e {
			t.Errorf("port %d was %v and is %v", port, e, again)
		}
	}
	for _, f := range flows {
		if _, err := f.Ask(); err != nil {
			t.Error(err)
		}
	}
}

// noRateLimit shows that nothing slows down a subscriber that makes mappings as fast as it can.
func noRateLimit(t *testing.T, b *bench) {
	const n = 500
	for i := range uint16(n) {
		send(t, b.Subscribers[0], datagram(b.from(0, 40000+i), netip.AddrPortFrom(b.Servers[0].Addr, 9), "new"))
	}
	if got := len(b.remembered(t, "udp")); got != n {
		t.Errorf("%d mappings of %d were made: the table says that there is no limit of their rate", got, n)
	}
	instance, err := nat44.ParseInstance("")
	if err != nil {
		t.Fatal(err)
	}
	if rs, err := nat44.NewRuleset(b.plan, instance); err != nil || strings.Contains(rs.String(), "limit rate") {
		t.Errorf("the ruleset limits a rate (error %v)", err)
	}
}

// noSessionLimit shows that one mapping may have any number of sessions.
func noSessionLimit(t *testing.T, b *bench) {
	const n = 500
	for i := range uint16(n) {
		send(t, b.Subscribers[0], datagram(b.from(0, 1500), netip.AddrPortFrom(b.Servers[0].Addr, 10000+i), "another"))
	}
	all := b.remembered(t, "udp")
	for _, r := range all {
		if r.back["dport"] != "1500" {
			t.Fatalf("a session of port 1500 came out of %s", r.back["dport"])
		}
	}
	if len(all) != n {
		t.Errorf("%d sessions of %d: the table says that they are not limited", len(all), n)
	}
}

// reuseAtOnce shows that a freed port is given again at once, but to nobody else than its owner.
func reuseAtOnce(t *testing.T, b *bench) {
	k := newTalk(t, b, "udp")
	freed := k.say(t, 0, 40000, 0)
	k.forget(t, 40000)
	if a, b := k.say(t, 0, 40001, 0), k.say(t, 0, 40002, 0); a != freed && b != freed {
		t.Errorf("%v is held down: new mappings got %v and %v", freed, a, b)
	}
	k.forget(t, 40001)
	k.forget(t, 40002)
	for _, port := range []uint16{40000, 40001} {
		if e := k.say(t, 1, port, 0); e == freed {
			t.Errorf("%v went from one subscriber to another", e)
		}
	}
	b.refused(t, 1, 40002, k.servers[0])
}
