//go:build linux

package ebpf

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// shareShapes are pools with shares of all kinds, by scheme and size.
func shareShapes() (out []alloc.PoolSpec) {
	add := func(name string, s alloc.PoolSpec) {
		n := uint32(len(out))
		s.Name = name
		s.Inside = []alloc.AddrRange{must(alloc.AddrRangeFrom(fromWire(wireOrder(0x64400000+n<<8)), fromWire(wireOrder(0x64400001+n<<8))))}
		s.Outside = []alloc.AddrRange{must(alloc.AddrRangeFrom(fromWire(wireOrder(0xc6120000+2*n)), fromWire(wireOrder(0xc6120001+2*n))))}
		out = append(out, s)
	}
	for _, scheme := range []alloc.Scheme{alloc.Sequential, alloc.Spread, alloc.Stripe, alloc.Staggered, alloc.Step, alloc.Random} {
		for _, size := range []int{1, 2, 3, 7, 63, 64, 1000, 4032} {
			if size > 64 && scheme != alloc.Sequential && scheme != alloc.Random && scheme != alloc.Staggered {
				continue
			}
			s := alloc.PoolSpec{Scheme: scheme, PortsPerSubscriber: size}
			switch scheme {
			case alloc.Step:
				s.StepSize = 5
			case alloc.Random:
				s.KeyID = testKey.ID()
			}
			add(fmt.Sprintf("%v-%d", scheme, size), s)
		}
	}
	for _, l := range [][2]int{{0, 10}, {6, 10}, {6, 6}, {4, 12}, {1, 15}, {12, 4}} {
		s := alloc.PoolSpec{Scheme: alloc.PSID, PSIDOffset: &l[0], PSIDLength: &l[1]}
		add(fmt.Sprintf("psid-%d-%d", l[0], l[1]), s)
		s.Reserve = portSet("0-1023,5060,5062,65500-65535")
		add(fmt.Sprintf("psid-%d-%d-reserved", l[0], l[1]), s)
	}
	add("list", alloc.PoolSpec{PortsPerSubscriber: 100, Reserve: portSet("0-1023,1030,1040-1050,5060")})
	add("alone", alloc.PoolSpec{SharingRatio: 1})
	for name, shares := range map[string][]string{
		"explicit":        {"100.80.0.9 198.18.200.1 2000-2099", "100.80.0.1 198.18.200.1 1-64", "100.80.0.2 198.18.200.2 65535"},
		"explicit-ranges": {"100.80.1.9 198.18.201.1 2000-2009,3001,4000-4050", "100.80.1.1 198.18.201.1 2010-2019,65535", "100.80.1.5 198.18.201.2 7"},
	} {
		s := listOfShares(shares...)
		s.Name = name
		out = append(out, s)
	}
	return out
}

// Every share is used to its last port before anything is refused, in every plane; what exists goes on meanwhile; what is
// refused is counted and answered; what expires can be had again, and no more.
func TestSharesAreUsedUp(t *testing.T) {
	t.Parallel()
	l := newLab(t, Config{}, shareShapes()...)
	ports := 0
	for p := range l.d.Plan().Pools() {
		a, ok := p.At(0)
		if !ok {
			t.Fatalf("%s has no subscriber", p.Name())
		}
		planes := []plane{planeTCP, planeUDP, planeICMP}
		if a.Ports().Len() > 1000 {
			planes = planes[planeUDP:planeICMP] // the size is what matters here
		}
		for _, plane := range planes {
			t.Run(fmt.Sprintf("%s, plane %d", p.Name(), plane), func(t *testing.T) {
				defer l.on(t)()
				l.useUp(plane, a)
				ports += a.Ports().Len()
			})
		}
		if b, ok := p.At(1); ok {
			if got := l.send(fromInside, opening(planeUDP, netip.AddrPortFrom(b.Inside(), 9), server).frame()); got.verdict != outbound {
				t.Errorf("%s: a neighbour is refused: %s", p.Name(), got.verdict)
			}
		}
		l.checkTable(a)
	}
	t.Logf("%d ports", ports)
}

// useUp fills a share, empties part of it and fills it again.
func (l *lab) useUp(p plane, a alloc.Allocation) {
	l.Helper()
	size := a.Ports().Len()
	next := uint16(1) // the inside port of the next session
	open := func() outcome {
		l.Helper()
		got := l.send(fromInside, opening(p, netip.AddrPortFrom(a.Inside(), next), server).frame())
		next++
		return got
	}
	refused := func() {
		l.Helper()
		for range 2 {
			if got := open(); got.verdict != dropExhausted {
				l.Fatalf("verdict %q with all %d ports in use", got.verdict, size)
			}
		}
	}
	fill := func(n int) {
		l.Helper()
		for i := range n {
			if got := open(); got.verdict != outbound {
				l.Fatalf("verdict %q for number %d of %d free ports", got.verdict, i+1, n)
			}
		}
		refused()
	}
	fill(size)
	l.goOn(p, a)
	refused()
	expired := 0
	l.expire(func(m *mapping) bool {
		port := m.insider.endpoint.Port() // there are not many more of them than a share can have ports
		expires := m.insider.plane == p && m.insider.endpoint.Addr() == a.Inside() && port%2 == 1 && port < 900
		if expires {
			expired++
		}
		return expires
	})
	fill(expired)
}

// goOn sends packets both ways through some mappings of a subscriber.
func (l *lab) goOn(p plane, a alloc.Allocation) {
	l.Helper()
	all := l.model.mappings(p, a.Inside())
	for i := 0; i < len(all); i += 1 + len(all)/50 {
		m := all[i]
		l.send(fromInside, opening(p, m.insider.endpoint, server).frame())
		l.send(fromOutside, arrival(p, server, m.outside).frame())
	}
}

// arrival returns a packet of a session to an outside endpoint.
func arrival(p plane, from, to netip.AddrPort) datagram {
	switch p {
	case planeTCP:
		return tcp(from, to, ack, "data")
	case planeUDP:
		return udp(from, to, "data")
	default:
		return icmpQuery(from.Addr(), to.Addr(), echoReply, to.Port(), "data")
	}
}
