//go:build linux

package conformance

import (
	"net/netip"
	"slices"
	"strconv"
	"testing"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

func mappingProbes() map[string]probe {
	return map[string]probe{
		"4787-1":  shows(with(3), eimUnlessTaken("udp")),
		"5382-1":  shows(with(3), eimUnlessTaken("tcp")),
		"5508-1a": shows(with(3), eimUnlessTaken("icmp")),
		"4787-11": shows(with(3), eimUnlessTaken("udp")),
		"4787-3":  shows(with(2), overload("udp")),
		"5382-7":  shows(with(2), overload("tcp")),
		"7857-3":  shows(with(2), overload("udp")),
		"4787-3a": shows(with(roomy), portClass),
		"4787-4":  shows(with(roomy), parity),
		"7857-5":  shows(with(roomy), perProtocol),
	}
}

// A talk is subscribers talking to both servers over one protocol. Where there are no ports, identifiers stand for them.
type talk struct {
	b        *bench
	protocol string
	servers  [2]netip.AddrPort
	pings    [2]*netns.PingWatch
	pinged   [2]int
}

func newTalk(t *testing.T, b *bench, protocol string) *talk {
	t.Helper()
	k := &talk{b: b, protocol: protocol}
	for i := range k.servers {
		if protocol != "icmp" {
			k.servers[i] = b.echo(t, i, protocol, 7000).Addr()
			continue
		}
		w, err := b.Servers[i].WatchPings()
		if err != nil {
			t.Fatal(err)
		}
		k.pings[i] = w
	}
	return k
}

// say sends from a port of a subscriber to a server and returns the source that the server sees. TCP connections stay open.
func (k *talk) say(t *testing.T, subscriber int, port uint16, server int) netip.AddrPort {
	t.Helper()
	switch k.protocol {
	case "tcp":
		_, seen := k.b.dial(t, subscriber, "tcp", port, k.servers[server])
		return seen
	case "udp":
		return k.b.ask(t, subscriber, "udp", port, k.servers[server])
	}
	if err := k.b.Subscribers[subscriber].Ping(netns.Ping{To: k.b.Servers[server].Addr, ID: port}); err != nil {
		t.Fatal(err)
	}
	k.pinged[server]++
	seen, err := k.pings[server].AwaitSeen(soon(t), k.pinged[server])
	if err != nil {
		t.Fatal(err)
	}
	last := seen[len(seen)-1]
	return netip.AddrPortFrom(last.Source, last.ID)
}

// forget ends what conntrack remembers of subscriber 0's port.
func (k *talk) forget(t *testing.T, port uint16) {
	t.Helper()
	option := "--orig-port-src"
	if k.protocol == "icmp" {
		option = "--icmp-id"
	}
	netnstest.Run(t, k.b.CGN, "conntrack", "-D", "-p", k.protocol, "-s", k.b.Subscribers[0].Addr.String(), option, strconv.Itoa(int(port)))
}

// eimUnlessTaken shows that an inside endpoint keeps its outside endpoint for another destination, and that it does not if
// another endpoint of the same subscriber already uses that one towards there. The share is 1024 to 1026.
func eimUnlessTaken(protocol string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		k := newTalk(t, b, protocol)
		// From outside and from inside of the share.
		for _, port := range []uint16{40001, 1025} {
			first, second := k.say(t, 0, port, 0), k.say(t, 0, port, 1)
			b.owns(t, 0, first)
			if first != second {
				t.Errorf("port %d is %v to one server and %v to the other", port, first, second)
			}
			if port != 1025 {
				k.forget(t, port)
			}
		}
		// 1025 is taken now, towards both. Take all but 1024 towards the second server, and then 1024 too, by another endpoint.
		before := k.say(t, 0, 1024, 0)
		k.say(t, 0, 1026, 1)
		if taker := k.say(t, 0, 40000, 1); taker != before {
			t.Fatalf("the only free port was %v, and the endpoint got %v", before, taker)
		}
		k.forget(t, 1026)
		after := k.say(t, 0, 1024, 1)
		b.owns(t, 0, after)
		if after == before {
			t.Errorf("the mapping stayed %v although that was in use: the table says that it cannot", after)
		}
	}
}

// overload shows that two endpoints of one subscriber share an outside port if their destinations differ, and only then, and
// that two subscribers never do.
func overload(protocol string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		k := newTalk(t, b, protocol)
		to0 := []netip.AddrPort{k.say(t, 0, 40000, 0), k.say(t, 0, 40001, 0)}
		if to0[0] == to0[1] {
			t.Errorf("two endpoints are %v to the same destination", to0[0])
		}
		if other := k.say(t, 0, 40002, 1); !slices.Contains(to0, other) {
			t.Errorf("a third endpoint of a share of two ports is %v: the table says that ports are shared", other)
		}
		for _, port := range []uint16{40000, 40001} {
			for server := range k.servers {
				e := k.say(t, 1, port, server)
				b.owns(t, 1, e)
				if slices.Contains(to0, e) {
					t.Errorf("%v belongs to two subscribers", e)
				}
			}
		}
	}
}

func portClass(t *testing.T, b *bench) {
	k := newTalk(t, b, "udp")
	if e := k.say(t, 0, 500, 0); e.Port() < 1024 {
		t.Errorf("port 500 came out as %v: the table says that ports below 1024 are reserved", e)
	}
	for port := uint16(40000); port < 40020; port++ {
		if e := k.say(t, 0, port, 0); e.Port() < 1024 {
			t.Errorf("port %d came out as %v", port, e)
		}
	}
}

func parity(t *testing.T, b *bench) {
	k := newTalk(t, b, "udp")
	for _, port := range []uint16{1100, 1101} {
		if e := k.say(t, 0, port, 0); e.Port() != port {
			t.Errorf("port %d of the share came out as %v", port, e)
		}
	}
	var odd int
	const n = 40 // that all have one parity by chance: 1 in 2^39
	for i := range uint16(n) {
		odd += int(k.say(t, 0, 40000+2*i, 0).Port() & 1)
	}
	if odd == 0 || odd == n {
		t.Errorf("%d of %d even ports became odd: the table says that parity is not kept", odd, n)
	}
}

// perProtocol shows that a mapping of one protocol is none of another.
func perProtocol(t *testing.T, b *bench) {
	server := b.echo(t, 0, "tcp", 7000).Addr()
	b.echo(t, 0, "udp", 7000)
	flow, seen := b.dial(t, 0, "tcp", 1500, server)
	w := watch(t, b.Subscribers[0].NS, udpFrom(server.Addr()))
	send(t, b.Servers[0], datagram(server, seen, "not yours"))
	if _, err := flow.Ask(); err != nil {
		t.Fatal(err)
	}
	w.none(t)
	// Another subscriber's endpoint of the other protocol gets a port whether or not TCP has it.
	if e := b.ask(t, 0, "udp", 1500, server); e != seen {
		t.Errorf("UDP got %v, TCP has %v: each protocol has all ports of the share", e, seen)
	}
}
