//go:build linux

package conformance

import (
	"errors"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/netns"
)

func filteringProbes() map[string]probe {
	return map[string]probe{
		"6888-7":  shows(with(roomy), strictFiltering("udp")),
		"4787-8":  shows(with(roomy), strictFiltering("udp")),
		"4787-8a": shows(with(roomy), strictFiltering("udp")),
		"5382-3":  shows(with(roomy), strictFiltering("tcp")),
		"5382-3a": shows(with(roomy), strictFiltering("tcp")),
		"4787-9":  shows(with(roomy), noHairpin("udp")),
		"4787-9a": shows(with(roomy), noHairpin("udp")),
		"5382-8":  shows(with(roomy), noHairpin("tcp")),
		"5382-8a": shows(with(roomy), noHairpin("tcp")),
		"5508-7":  shows(with(roomy), noHairpinnedError),
		"7857-12": shows(with(roomy), noHairpinnedError),
		"5508-7a": shows(with(allOfIt), noHairpinnedQuery),
		"5382-4":  shows(with(roomy), silentToSYN),
		"5382-4a": shows(with(roomy), silentToSYN),
		"7857-7":  shows(with(roomy), refusedDoesNotRefresh),
	}
}

// strictFiltering shows that only the endpoint to which a mapping has sent may answer: no other address, and no other port of
// the same address.
func strictFiltering(protocol string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		server := b.echo(t, 0, protocol, 7000).Addr()
		flow, seen := b.dial(t, 0, protocol, 40000, server)
		fromElsewhere := func(p netns.Packet) bool {
			return p.Src == b.Servers[1].Addr || p.Src == server.Addr() && p.SrcPort != server.Port()
		}
		w := watch(t, b.Subscribers[0].NS, fromElsewhere)
		for i, port := range []uint16{7001, 7000} {
			from := netip.AddrPortFrom(b.Servers[i].Addr, port)
			if protocol == "udp" {
				send(t, b.Servers[i], datagram(from, seen, "unsolicited"))
			} else {
				send(t, b.Servers[i], segment{flags: syn, seq: 1}.packet(from, seen))
			}
		}
		// The right endpoint still gets through, after the others.
		if again, err := flow.Ask(); err != nil || again != seen {
			t.Errorf("the flow is %v and was %v (error %v)", again, seen, err)
		}
		w.none(t)
	}
}

// noHairpin shows that subscribers do not reach each other's outside endpoints.
func noHairpin(protocol string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		server := b.echo(t, 0, protocol, 7000).Addr()
		flow, seen := b.dial(t, 1, protocol, 40000, server)
		w := watch(t, b.Subscribers[1].NS, func(p netns.Packet) bool { return p.Src != server.Addr() })
		if protocol == "udp" {
			b.refused(t, 0, 40001, seen)
		} else {
			b.refusedTCP(t, b.Subscribers[0].NS, seen)
		}
		if _, err := flow.Ask(); err != nil {
			t.Error(err)
		}
		w.none(t)
	}
}

// noHairpinnedError shows that there is nothing for an ICMP error to turn back from: what is sent to the outside endpoint of a
// subscriber that would answer with port unreachable gets no answer.
func noHairpinnedError(t *testing.T, b *bench) {
	server := b.echo(t, 0, "udp", 7000).Addr()
	closed := b.ask(t, 1, "udp", 40000, server) // the socket is closed after this, the mapping stays
	w := watch(t, b.Subscribers[0].NS, icmpOf(3))
	b.refused(t, 0, 40001, closed)
	w.none(t)
}

func noHairpinnedQuery(t *testing.T, b *bench) {
	server := b.Servers[0].Addr
	if err := b.Subscribers[1].Ping(netns.Ping{To: server, ID: 2000}); err != nil {
		t.Fatal(err)
	}
	w := watch(t, b.Subscribers[1].NS, icmpOf(8))
	err := b.Subscribers[0].Ping(netns.Ping{To: b.share(t, 1).Outside, ID: 2000, Timeout: 200 * time.Millisecond})
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("ping of an outside address: error %v, want silence", err)
	}
	w.none(t)
}

// silentToSYN shows that a connection from outside gets no answer for a second. That it gets none after the six of RFC 5382
// either is not waited for: nothing keeps the SYN.
func silentToSYN(t *testing.T, b *bench) {
	server := b.echo(t, 0, "tcp", 7000).Addr()
	_, seen := b.dial(t, 0, "tcp", 1500, server)
	unused := netip.AddrPortFrom(seen.Addr(), seen.Port()+1)
	w := watch(t, b.Servers[1].NS, func(netns.Packet) bool { return true })
	b.unanswered(t, seen)
	b.unanswered(t, unused)
	w.none(t)
	// A connection from inside through the same port in the meantime is a connection like any other.
	if e := b.ask(t, 0, "tcp", unused.Port(), server); e != unused {
		t.Errorf("the subscriber came out as %v, want %v", e, unused)
	}
}

// unanswered fails the test unless a connection from server 1 gets no answer.
func (b *bench) unanswered(t *testing.T, to netip.AddrPort) {
	t.Helper()
	_, err := b.Servers[1].Ask(netns.Query{Network: "tcp", Remote: to, Timeout: 500 * time.Millisecond})
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("connection from outside to %v: error %v, want silence", to, err)
	}
}

// refusedDoesNotRefresh shows that what filtering refuses does not prolong the mapping.
func refusedDoesNotRefresh(t *testing.T, b *bench) {
	server := b.echo(t, 0, "udp", 7000).Addr()
	seen := b.ask(t, 0, "udp", 40000, server)
	b.age(t, "udp", 100)
	at := watch(t, b.CGN, udpFrom(b.Servers[1].Addr))
	send(t, b.Servers[1], datagram(netip.AddrPortFrom(b.Servers[1].Addr, 7000), seen, "unsolicited"))
	at.await(t, 1)
	b.theOne(t, "udp").lasts(t, 100)
}
