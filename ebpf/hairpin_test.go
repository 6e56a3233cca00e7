//go:build linux

package ebpf

import (
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// A query behind a shared address finds who is asked by the identifier of one of its mappings, as one from outside does, and by none
// else. It arrives with that of who asks; so the answer, and errors about either, find their way back.
func TestHairpinnedQueries(t *testing.T) {
	l := newLab(t, Config{}, alloc.PoolSpec{Inside: spans("100.64.0.0/28"), Outside: spans("198.51.100.0/30"), PortsPerSubscriber: 100})
	asks, asked := ad("100.64.0.1"), ad("100.64.0.2")
	found := l.pings(asked, 9)
	for name, test := range map[string]struct {
		to   netip.Addr
		id   uint16
		want verdict
	}{
		"to the mapping of another":            {found.Addr(), found.Port(), hairpin},
		"to the address, with any identifier":  {found.Addr(), 7, dropNoMapping},
		"to an identifier that nobody has":     {found.Addr(), found.Port() + 1, dropNoMapping},
		"to another address, which nobody has": {ad("198.51.100.3"), 7, dropNoMapping},
	} {
		if got := l.send(fromInside, icmpQuery(asks, test.to, echoRequest, test.id, "x").frame()); got.verdict != test.want {
			t.Errorf("%s: %v, want %v", name, got.verdict, test.want)
		}
	}
	from := l.model.inside[insider{planeICMP, netip.AddrPortFrom(asks, found.Port())}].outside
	l.play(t, pingsBack(netip.AddrPortFrom(asks, found.Port()), from, netip.AddrPortFrom(asked, 9), found))
	if got := l.send(fromInside, icmpQuery(asked, found.Addr(), echoRequest, found.Port(), "x").frame()); got.verdict != hairpin {
		t.Errorf("to itself: %v", got.verdict)
	}
}

// pings opens a mapping for an identifier, and returns it.
func (l *lab) pings(who netip.Addr, id uint16) netip.AddrPort {
	l.Helper()
	if got := l.send(fromInside, icmpQuery(who, server.Addr(), echoRequest, id, "x").frame()); got.verdict != outbound {
		l.Fatalf("%v pings: %v", who, got.verdict)
	}
	return l.model.inside[insider{planeICMP, netip.AddrPortFrom(who, id)}].outside
}

// pingsBack are what follows from a ping of in to found, which is asked's; out is the mapping of in.
func pingsBack(in, out, asked, found netip.AddrPort) []scene {
	query := func(from, to netip.Addr, id uint16) datagram { return icmpQuery(from, to, echoRequest, id, "x") }
	reply := func(from, to netip.Addr, id uint16) datagram { return icmpQuery(from, to, echoReply, id, "x") }
	asks, has := in.Addr(), asked.Addr()
	arrived, sent := query(out.Addr(), has, out.Port()), query(asks, found.Addr(), in.Port())
	answer, back := reply(has, out.Addr(), out.Port()), reply(found.Addr(), asks, in.Port())
	told := func(by, to netip.Addr, typ uint8, quote datagram) datagram {
		return icmpError(by, to, typ, 0, about(quote, 1500))
	}
	return []scene{
		{"the query", fromInside, sent.frame(), hairpin, toSubscriber(arrived)},
		{"the answer", fromInside, answer.frame(), hairpin, toSubscriber(back)},
		{"the answer with the identifier by which it was found", fromInside, reply(has, out.Addr(), asked.Port()).frame(), dropNoMapping, nil},
		{"an error about the query", fromInside, told(has, out.Addr(), unreachable, arrived).frame(), hairpin, toSubscriber(told(found.Addr(), asks, unreachable, sent))},
		{
			"an error about the query, of a router", fromInside, told(ad("100.66.0.1"), out.Addr(), timeExceeded, arrived).frame(),
			hairpin, toSubscriber(told(found.Addr(), asks, timeExceeded, sent)),
		},
		{"an error about the answer", fromInside, told(asks, found.Addr(), unreachable, back).frame(), hairpin, toSubscriber(told(out.Addr(), has, unreachable, answer))},
		{"an error about an answer that nobody has sent", fromInside, told(asks, found.Addr(), unreachable, reply(found.Addr(), asks, 77)).frame(), dropNoMapping, nil},
	}
}
