//go:build linux

package conformance

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
)

func xdpHairpinProbes() map[string]probe {
	return map[string]probe{
		"4787-9":  shows(overXDP(roomy), hairpins("udp")),
		"4787-9a": like("4787-9"),
		"5382-8":  shows(overXDP(roomy), hairpins("tcp")),
		"5382-8a": like("5382-8"),
		"5508-7":  shows(overXDP(roomy), hairpinnedErrors),
		"7857-12": like("5508-7"),
		"5508-7a": shows(overXDP(allOfIt), hairpinnedQuery),
	}
}

// hairpins shows that a subscriber reaches the outside endpoint of another one, and of itself, and is reached back: both see
// each other's outside endpoints, and the answer comes from where the question was sent to.
func hairpins(protocol string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		server := b.echo(t, 0, protocol, 7000).Addr()
		there := b.listen(t, 1, protocol, 40000)
		here := b.listen(t, 0, protocol, 40000)
		b.owns(t, 1, there)
		for _, to := range []netip.AddrPort{there, here} {
			known := b.ask(t, 0, protocol, 40001, server)
			seen := b.ask(t, 0, protocol, 40001, to) // answers from elsewhere would not count
			b.owns(t, 0, seen)
			if seen != known {
				t.Errorf("%v sees %v, and the server saw %v", to, seen, known)
			}
		}
		b.owns(t, 1, b.ask(t, 1, protocol, 40001, here))
	}
}

// hairpinnedErrors shows what a subscriber gets about packets to the outside endpoint of another one: port unreachable from
// there, time exceeded from a router in front of it, fragmentation needed. All are about its own packet, and come from the
// outside address.
func hairpinnedErrors(t *testing.T, b *bench) {
	closed := b.endpoint(t, 1, 40000, 9)
	source := b.from(0, 40001)
	b.endpoint(t, 0, 40001, 9)
	_, err := b.Subscribers[0].Ask(netns.Query{Local: source, Remote: closed})
	if !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("datagram to the closed port behind %v: error %v, want connection refused", closed, err)
	}
	arrived := watch(t, b.Subscribers[1].NS, protocol(unix.IPPROTO_UDP))
	send(t, b.Subscribers[0], datagram(source, closed, "who is there?"))
	about := arrived.await(t, 1)[0].Raw
	router := addr("100.64.0.99")
	for _, e := range [][2]uint8{{3, 3}, {3, 4}, {3, 13}, {11, 0}, {12, 0}} {
		w := watch(t, b.Subscribers[0].NS, func(p netns.Packet) bool { return p.ICMPType == e[0] && body(p)[1] == e[1] })
		from, _ := endpoints(about)
		send(t, b.Subscribers[1], icmpError(router, from.Addr(), e[0], e[1], 1400, about))
		p := w.await(t, 1)
		last := p[len(p)-1]
		sound(t, last)
		src, dst := endpoints(quoted(last))
		if src != source || dst != closed || last.Src != closed.Addr() || netns.Checksum(quoted(last)[:20]) != 0 {
			t.Errorf("error %d/%d arrived from %v about %v to %v, want %v to %v", e[0], e[1], last.Src, src, dst, source, closed)
		}
	}
}

// hairpinnedQuery shows that subscribers with addresses of their own ping each other, and themselves, by those, whatever the
// identifier, and though who is asked has sent nothing: the query arrives from the outside address of who asks, and the answer from where
// it was sent to. Behind an address that is shared, an identifier that somebody is using there finds that one.
func hairpinnedQuery(t *testing.T, b *bench) {
	for _, id := range []uint16{1, 2000, 40000} {
		for to := range 2 {
			w := watch(t, b.Subscribers[to].NS, icmpOf(8))
			if err := b.Subscribers[0].Ping(netns.Ping{To: b.share(t, to).Outside, ID: id}); err != nil {
				t.Errorf("ping of subscriber %d with identifier %d: %v", to, id, err)
			}
			p := w.await(t, 1)
			if last := p[len(p)-1]; last.Src != b.share(t, 0).Outside {
				t.Errorf("the ping arrived from %v", last.Src)
			}
		}
	}
	b.apply(t, setup{ports: roomy}.plan(t))
	found := newTalk(t, b, "icmp").say(t, 1, 3000, 0)
	w := watch(t, b.Subscribers[1].NS, icmpOf(8))
	if err := b.Subscribers[0].Ping(netns.Ping{To: found.Addr(), ID: found.Port()}); err != nil {
		t.Errorf("ping with the identifier of a mapping: %v", err)
	}
	if p := w.await(t, 1)[0]; p.Src != b.share(t, 0).Outside {
		t.Errorf("the ping arrived from %v", p.Src)
	}
}
