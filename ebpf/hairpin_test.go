//go:build linux

package ebpf

import (
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// A query behind a shared address has one identifier for two mappings: that of who asks, and that by which who is asked was found. It
// arrives with the identifier of the latter, as one from outside does. The answer has that, too, which says nothing about who asked: it
// gets to nobody, or, as anybody outside could send it, to who has that identifier there. RFC 5508 REQ-7 wants no more of a NAPT.
func TestHairpinnedQueries(t *testing.T) {
	l := newLab(t, Config{}, alloc.PoolSpec{Inside: spans("100.64.0.0/28"), Outside: spans("198.51.100.0/30"), PortsPerSubscriber: 100})
	asks, asked := ad("100.64.0.1"), ad("100.64.0.2")
	own := l.model.inside
	if got := l.send(fromInside, icmpQuery(asked, server.Addr(), echoRequest, 9, "x").frame()); got.verdict != outbound {
		t.Fatalf("a mapping: %v", got.verdict)
	}
	found := own[insider{planeICMP, netip.AddrPortFrom(asked, 9)}].outside
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
	from := own[insider{planeICMP, netip.AddrPortFrom(asks, found.Port())}].outside
	if got := l.send(fromInside, icmpQuery(asked, from.Addr(), echoReply, 9, "x").frame()); got.verdict != dropNoMapping {
		t.Errorf("the answer: %v", got.verdict)
	}
	if got := l.send(fromInside, icmpQuery(asked, from.Addr(), echoReply, from.Port(), "x").frame()); got.verdict != dropNoMapping {
		t.Errorf("an answer that was made up: %v", got.verdict)
	}

	other := ad("100.64.0.3")
	l.send(fromInside, icmpQuery(other, server.Addr(), echoRequest, 8, "x").frame())
	taken := own[insider{planeICMP, netip.AddrPortFrom(other, 8)}].outside
	l.send(fromInside, icmpQuery(asked, server.Addr(), echoRequest, taken.Port(), "x").frame())
	if got := l.send(fromInside, icmpQuery(asked, taken.Addr(), echoReply, taken.Port(), "x").frame()); got.verdict != hairpin {
		t.Errorf("an answer with an identifier that somebody has: %v", got.verdict)
	}
}
