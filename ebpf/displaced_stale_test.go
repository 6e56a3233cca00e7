//go:build linux

package ebpf

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// wandering returns mappings of UDP of a subscriber that are not at home, as before, while those in whose way they were have ended.
func (l *lab) wandering(inside netip.Addr) (away []Mapping) {
	l.Helper()
	l.opensMany(inside, 40)
	for m, err := range l.d.Mappings() {
		switch {
		case err != nil:
			l.Fatal(err)
		case m.Displaced:
			away = append(away, m)
		default:
			l.idle(planeUDP, m.Outside, time.Hour)
		}
	}
	if len(away) < 3 {
		l.Fatalf("%d mappings are not at home: this shows nothing", len(away))
	}
	return away
}

// misleads has displaced say of mappings that they are at some ports, as if programs of another plan had made them there.
func (l *lab) misleads(away []Mapping, ports []uint16) {
	l.Helper()
	m := l.table(bpf.CgnatMapDisplaced)
	for i, a := range away {
		key := bpf.CgnatCgnDisplaced{Addr: wireOrder(hostOrder(a.Inside.Addr())), Port: wirePort(a.Inside.Port()), Proto: uint8(a.Protocol)}
		if err := m.Put(key, ports[i%len(ports)]); err != nil {
			l.Fatal(err)
		}
	}
}

// stay fails the test unless each mapping is where it was, at the first packet of its endpoint and at the second, and is the only one.
func (l *lab) stay(when string, mappings []Mapping) {
	l.Helper()
	for range 2 {
		for _, m := range mappings {
			got := l.run(fromInside, udp(m.Inside, server, "x").frame())
			if got.verdict != outbound || sourceOf(got.frame) != m.Outside {
				l.Errorf("%s: %v has %v, and leaves as %v, %v", when, m.Inside, m.Outside, sourceOf(got.frame), got.verdict)
			}
		}
	}
	n := make(map[netip.AddrPort]int)
	for m, err := range l.d.Mappings() {
		if n[m.Inside]++; err != nil || n[m.Inside] > 1 {
			l.Errorf("%s: %v has %d mappings, %v", when, m.Inside, n[m.Inside], err)
		}
	}
}

// What programs of another plan have left in the index of mappings that are not at home leads nobody to a second mapping, nor is anybody
// refused because of it: a mapping is looked for then, and the index is right from that packet on. Where nobody has sent, the end of a change
// sees to it, and a sweep that comes by meanwhile spoils nothing.
func TestDisplacedLeadsNowhere(t *testing.T) {
	who, other := ad("100.64.0.1"), ad("100.64.0.2")
	for _, hold := range []time.Duration{0, 2 * time.Minute} {
		l := newLab(t, Config{Plan: mustPlan(t, listOfShares("100.64.0.1 198.51.100.1 1024-1087", "100.64.0.2 198.51.100.1 2000-2063")), Policy: Policy{Hold: hold}})
		away := l.wandering(who)
		taken := l.opens(udp(netip.AddrPortFrom(other, 1000), server, "x"))
		ports := []uint16{1, taken.Port(), 2063, away[0].Outside.Port(), 1087}
		l.misleads(away, ports)
		me := away[1].Inside
		l.gets(fromInside, icmpError(me.Addr(), server.Addr(), unreachable, 3, about(udp(server, me, "x"), shortest)), outbound) // it makes no mapping
		l.stay("at once", away)
		l.away("when all have sent")
		l.misleads(away, ports)
		l.tidies()
		if err := l.ns.Do(l.d.generation.forgetEnded); err != nil {
			t.Fatal(err)
		}
		l.away("when a change has ended")
		l.stay("when a change has ended", away)
	}
}
