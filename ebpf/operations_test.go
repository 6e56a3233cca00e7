//go:build linux

package ebpf

import (
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// Thousands of random operations on small shares, most of which are full most of the time: sessions open, packets of them come
// from both sides, others try ports that are nobody's, mappings expire. The model knows every outcome, and has the same table.
func TestOperations(t *testing.T) {
	const operations = 12_000
	rnd := seeded(t)
	l := newLab(t, Config{},
		alloc.PoolSpec{Name: "plain", Inside: spans("100.64.0.0/30"), Outside: spans("198.51.100.0"), PortsPerSubscriber: 63},
		alloc.PoolSpec{
			Name: "random", Inside: spans("100.64.1.0/30"), Outside: spans("198.51.100.1"), PortsPerSubscriber: 7,
			Scheme: alloc.Random, KeyID: testKey.ID(),
		})
	inside := []netip.Addr{ad("100.64.0.0"), ad("100.64.0.1"), ad("100.64.0.3"), ad("100.64.1.0"), ad("100.64.1.2")}
	seen := make(map[verdict]int)
	for range operations {
		p := plane(rnd.IntN(3))
		who := netip.AddrPortFrom(inside[rnd.IntN(len(inside))], uint16(1000+rnd.IntN(100)))
		a, _ := l.model.subscriber(who.Addr())
		port, _ := a.Ports().Port(rnd.IntN(a.Ports().Len()))
		to := netip.AddrPortFrom(a.Outside(), port)
		switch rnd.IntN(20) {
		case 0:
			chance := rnd.IntN(10)
			l.expire(func(m *mapping) bool { return m.insider.plane == p && rnd.IntN(10) < chance })
		case 1, 2, 3, 4, 5:
			seen[l.send(fromOutside, arrival(p, server, to).frame()).verdict]++
		case 6, 7:
			seen[l.send(fromInside, opening(p, who, to).frame()).verdict]++
		default:
			seen[l.send(fromInside, opening(p, who, server).frame()).verdict]++
		}
	}
	t.Log(seen)
	for _, v := range []verdict{outbound, inbound, hairpin, dropNoMapping, dropExhausted} {
		if seen[v] < operations/100 {
			t.Errorf("%q occurred %d times", v, seen[v])
		}
	}
	for _, who := range []netip.Addr{inside[0], inside[3]} {
		a, _ := l.model.subscriber(who)
		l.checkTable(a)
	}
}
