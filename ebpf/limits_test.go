//go:build linux

package ebpf

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// limited is a pool with shares of 200 ports.
func limited() alloc.PoolSpec {
	return alloc.PoolSpec{Name: "limited", Inside: spans("100.64.0.0/29"), Outside: spans("198.51.100.0/30"), PortsPerSubscriber: 200}
}

// A limit counts the mappings of one subscriber and protocol, and refuses what is more by its own name, however often it is
// tried. What expires makes room.
func TestLimits(t *testing.T) {
	l := newLab(t, Config{Policy: Policy{Limit: Limit{TCP: 3, UDP: 50, ICMP: 1}}}, limited())
	limits := map[plane]int{planeTCP: 3, planeUDP: 50, planeICMP: 1}
	l.model.limit = limits
	first, second := ad("100.64.0.1"), ad("100.64.0.2")
	for p, limit := range limits {
		for _, who := range []netip.Addr{first, second} {
			for port := range uint16(limit + 3) {
				l.send(fromInside, opening(p, netip.AddrPortFrom(who, 1000+port), server).frame())
			}
		}
		if got := l.model.live[holder{p, first}]; got != limit {
			t.Errorf("plane %d: %d mappings, limit %d", p, got, limit)
		}
		l.expire(func(m *mapping) bool {
			return m.insider.plane == p && m.insider.endpoint.Addr() == first && m.insider.endpoint.Port() == 1000
		})
		for port := range uint16(3) {
			l.send(fromInside, opening(p, netip.AddrPortFrom(first, 2000+port), server).frame())
		}
		for _, m := range l.model.mappings(p, first) {
			l.send(fromOutside, arrival(p, server, m.outside).frame())
		}
	}
}

// A limit can be changed while packets pass.
func TestLimitsChange(t *testing.T) {
	l := newLab(t, Config{Policy: Policy{Limit: Limit{UDP: 2}}}, limited())
	me := ad("100.64.0.1")
	next, policies := uint16(1000), l.table(bpf.CgnatMapPolicies)
	_, tick, err := tickShift()
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{2, 4, 1, 5, 200} {
		l.model.limit[planeUDP] = limit
		if err := policies.Put(uint32(0), Policy{Limit: Limit{UDP: limit}}.entry(tick)); err != nil {
			t.Fatal(err)
		}
		l.forgetRefusal(me)
		for range 4 {
			l.send(fromInside, opening(planeUDP, netip.AddrPortFrom(me, next), server).frame())
			next++
		}
	}
	if got := l.model.live[holder{planeUDP, me}]; got != 9 {
		t.Errorf("%d mappings, want 5 and 4", got)
	}
}

// The rate of new mappings is one of all protocols. It lets a burst pass, and touches nothing that exists.
func TestRate(t *testing.T) {
	const burst, tries = 20, 150
	l := newLab(t, Config{Policy: Policy{Rate: 1, Burst: burst}}, limited())
	me, made, refused := ad("100.64.0.1"), 0, 0
	for i := range uint16(tries) {
		p, from := plane(i%3), netip.AddrPortFrom(me, 1000+i)
		frame := opening(p, from, server).frame()
		switch got := l.run(fromInside, frame); got.verdict {
		case outbound:
			if diff := l.judge(fromInside, frame, got); diff != "" {
				t.Fatal(diff)
			}
			made++
		case dropRate:
			refused++
		default:
			t.Fatalf("verdict %q for number %d", got.verdict, i+1)
		}
		if i < burst && refused > 0 {
			t.Fatalf("number %d of a burst of %d is refused", i+1, burst)
		}
	}
	// A second or so may have passed, and not minutes.
	if refused < tries/2 {
		t.Errorf("%d made and %d refused", made, refused)
	}
	for p := range planeICMP + 1 {
		for _, m := range l.model.mappings(p, me) {
			l.send(fromInside, opening(p, m.insider.endpoint, server).frame())
			l.send(fromOutside, arrival(p, server, m.outside).frame())
		}
	}
	if got := l.send(fromInside, opening(planeUDP, ap("100.64.0.2:1"), server).frame()); got.verdict != outbound {
		t.Errorf("a neighbour is refused: %s", got.verdict)
	}
}

// Who gets no mapping is told at once, also where the driver itself could not have sent the packet: its neighbour is not known, it
// has to be cut, the interface takes no frames of the driver. What has a mapping goes the slow way, and keeps its one.
func TestRefusedBeforeTheSlowWay(t *testing.T) {
	l := newLab(t, Config{Policy: Policy{Limit: Limit{TCP: 1, UDP: 1, ICMP: 1}}}, limited())
	l.model.limit = map[plane]int{planeTCP: 1, planeUDP: 1, planeICMP: 1}
	me, nobody := ad("100.64.0.1"), ap("203.0.113.9:9")
	cut := func(d *datagram) { d.flags, d.payload = 0, append(d.payload, make([]byte, 1400)...) }
	refused := func(port uint16, why string) {
		t.Helper()
		for p := range planeICMP + 1 {
			for what, d := range map[string]datagram{
				"a packet":                         opening(p, netip.AddrPortFrom(me, port), nobody),
				"a long one":                       opening(p, netip.AddrPortFrom(me, port), ap("192.0.2.130:9")).with(cut),
				"one to a neighbour that is known": opening(p, netip.AddrPortFrom(me, port), server),
			} {
				if got := l.send(fromInside, d.frame()); got.verdict != dropLimit || !got.reply {
					t.Errorf("%s, %s of plane %d: %s, answered %v", why, what, p, got.verdict, got.reply)
				}
			}
		}
	}
	for p := range planeICMP + 1 {
		first := opening(p, netip.AddrPortFrom(me, 1000), nobody).frame()
		for range 2 {
			if got := l.send(fromInside, first); got.verdict != passSlow {
				t.Errorf("plane %d: the first mapping: %s", p, got.verdict)
			}
		}
		if n := l.model.live[holder{p, me}]; n != 1 {
			t.Errorf("plane %d: %d mappings", p, n)
		}
	}
	refused(1001, "all can send")
	l.shut(fromOutside)
	l.waitTick() // one sender is told so often in a tick, and no more often
	refused(1002, "the interface takes no frames")
}

// shut has the driver send nothing by the interface of a side, which goes the slow way then.
func (l *lab) shut(side side) {
	l.Helper()
	exits, word, at := l.table(bpf.CgnatMapExits), uint64(0), l.links[side]/64
	if err := exits.Lookup(at, &word); err != nil {
		l.Fatal(err)
	}
	if err := exits.Put(at, word&^(1<<(l.links[side]%64))); err != nil {
		l.Fatal(err)
	}
	own := [2]netip.Addr{labInside, labOutside}[side]
	l.model.network = slices.Clone(l.model.network)
	for i := range l.model.network {
		if l.model.network[i].own == own {
			l.model.network[i].dst = nil
		}
	}
}
