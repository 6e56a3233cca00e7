//go:build linux

package nat44

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// A wire bench is a topology whose CGN has a plan.
type trafficBench struct {
	*bench
	*netns.Topology
	udp, tcp []*netns.Echo
	pings    []*netns.PingWatch
}

func newTrafficBench(t *testing.T, o netns.Options) *trafficBench {
	t.Helper()
	netnstest.Root(t)
	top := netnstest.NewTopology(t, o)
	b := &trafficBench{bench: openBench(t, top.CGN), Topology: top}
	for _, s := range top.Servers {
		local := netip.AddrPortFrom(s.Addr, 7)
		for network, to := range map[string]*[]*netns.Echo{"udp": &b.udp, "tcp": &b.tcp} {
			e, err := s.ListenEcho(network, local)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = e.Close() })
			*to = append(*to, e)
		}
		w, err := s.WatchPings()
		if err != nil {
			t.Fatal(err)
		}
		b.pings = append(b.pings, w)
	}
	return b
}

// seen asks a server over a protocol and returns what it saw. For icmp the port is the query identifier.
func (b *trafficBench) seen(from, server int, network string, port uint16) (netip.AddrPort, error) {
	sub, to := b.Subscribers[from], b.Servers[server].Addr
	if network == "icmp" {
		return b.pinged(from, server, port)
	}
	return sub.Ask(netns.Query{Network: network, Local: netip.AddrPortFrom(sub.Addr, port), Remote: netip.AddrPortFrom(to, 7)})
}

// TestEveryScheme sends TCP, UDP and ICMP through every kind of plan that the backend takes. What the servers see must be a port
// of the subscriber's share, must be traced back to the subscriber, and must not depend on the server.
func TestEveryScheme(t *testing.T) {
	in, out := "100.64.0.0/28", "192.0.2.0/30"
	for name, plan := range map[string]*alloc.Plan{
		"sequential": onePool(t, ports(4032), in, out),
		"spread":     onePool(t, func(p *alloc.PoolSpec) { p.Scheme = alloc.Spread }, in, out),
		"stripe":     onePool(t, func(p *alloc.PoolSpec) { p.Scheme, p.PortsPerSubscriber = alloc.Stripe, 4032 }, in, out),
		"psid":       onePool(t, psid(0, 4), in, out),
		"psid a=2":   onePool(t, psid(2, 4), in, out),
		"psid a=6":   onePool(t, psid(6, 2), in, out),
		"holes": onePool(t, func(p *alloc.PoolSpec) {
			p.Reserve, p.PortsPerSubscriber = mustSet(t, "1024-1030,2000,5060-5061"), 2016
		}, in, out),
		"1:1":          onePool(t, func(p *alloc.PoolSpec) { p.SharingRatio = 1 }, "100.64.0.0/29", "192.0.2.0/29"),
		"small shares": onePool(t, ports(64), in, out),
		"explicit":     listedPool(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newTrafficBench(t, netns.Options{})
			rs := rulesetOf(t, plan)
			b.apply(rs)
			for from := range b.Subscribers {
				a, err := plan.Lookup(alloc.SubscriberFrom("", b.Subscribers[from].Addr))
				if err != nil {
					t.Fatal(err)
				}
				for _, network := range []string{"udp", "tcp", "icmp"} {
					for port := range uint16(3) {
						b.expect(plan, a, from, network, 40000+port)
					}
				}
			}
			b.equal(rs)
		})
	}
}

// listedPool is a plan that follows no scheme: addresses in no order, system ports, shares that interleave, and one of several
// ranges.
func listedPool(tb testing.TB) *alloc.Plan {
	tb.Helper()
	p := listedAs("a", "100.64.0.9 192.0.2.3 1024-65535", "100.64.0.2 192.0.2.1 20000-29999", "100.64.0.1 192.0.2.1 512-1023,30000-30511,40000-40511",
		"100.64.0.3 192.0.2.0 443-1466", "100.64.0.4 192.0.2.0 1467-1999", "100.64.0.0 192.0.2.1 1024-9999")
	return planOf(tb, alloc.Spec{Pools: []alloc.PoolSpec{p}})
}

// TestExplicitReplaces goes from a scheme to the list of its shares, which changes nothing, and from list to list, where one
// subscriber moves, one comes and one goes.
func TestExplicitReplaces(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	scheme := onePool(t, ports(4032), "100.64.0.0/28", "192.0.2.0/30")
	list := alloc.PoolSpec{Name: "a", Scheme: alloc.Explicit}
	for a := range scheme.All() {
		list.Shares = append(list.Shares, alloc.ExplicitShare{Inside: a.Inside(), Outside: a.Outside(), Ports: a.Ports()})
	}
	b.apply(rulesetOf(t, scheme))
	same := rulesetOf(t, planOf(t, alloc.Spec{Pools: []alloc.PoolSpec{list}}))
	if r := b.apply(same); r.Kept != 16 || r.Moved+r.Added+r.Removed != 0 {
		t.Errorf("the same shares as a list: %+v", r)
	}
	b.equal(same)
	list.Shares[3].Outside = netip.MustParseAddr("192.0.2.9")
	list.Shares[5].Inside = netip.MustParseAddr("100.64.0.77")
	other := rulesetOf(t, planOf(t, alloc.Spec{Pools: []alloc.PoolSpec{list}}))
	if d := b.differences(other); len(d) == 0 {
		t.Error("the kernel equals a list that it does not have")
	}
	if r := b.apply(other); r.Kept != 14 || r.Moved != 1 || r.Added != 1 || r.Removed != 1 {
		t.Errorf("another list: %+v", r)
	}
	b.equal(other)
}

// expect checks one inside endpoint towards all servers.
func (b *trafficBench) expect(plan *alloc.Plan, a alloc.Allocation, from int, network string, port uint16) {
	b.Helper()
	var first netip.AddrPort
	for server := range b.Servers {
		got, err := b.seen(from, server, network, port)
		if err != nil {
			b.Errorf("%s from %v:%d: %v", network, a.Inside(), port, err)
			return
		}
		if got.Addr() != a.Outside() || !a.Ports().Contains(got.Port()) {
			b.Errorf("%s from %v:%d: the server saw %v, and the share is %v:%v", network, a.Inside(), port, got, a.Outside(), a.Ports())
		}
		tr := plan.Trace(got.Addr(), got.Port())
		if owner, ok := tr.Allocation(); !ok || owner.Inside() != a.Inside() {
			b.Errorf("%s: %v is traced to %v %v", network, got, tr.Status(), owner.Inside())
		}
		if server == 0 {
			first = got
		} else if got != first {
			b.Errorf("%s from %v:%d: mapped to %v and to %v (RFC 4787 REQ-1)", network, a.Inside(), port, first, got)
		}
	}
}

// TestMovedFlowsAreForgotten moves one of two subscribers. Its flows must get an endpoint of its new share at once; those of the
// other must go on as they were.
func TestMovedFlowsAreForgotten(t *testing.T) {
	t.Parallel()
	b := newTrafficBench(t, netns.Options{})
	stay, move := b.Subscribers[0], b.Subscribers[1]
	b.apply(subscribersOf(t, "192.0.2.0/30", 1000, "100.64.0.1", "100.64.0.2", "100.64.0.3"))
	flows := map[string]*netns.Flow{}
	before := map[string]netip.AddrPort{}
	for _, h := range []netns.Host{stay, move} {
		for _, network := range []string{"udp", "tcp"} {
			f, err := h.Dial(netns.Query{Network: network, Remote: netip.AddrPortFrom(b.Servers[0].Addr, 7), Timeout: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = f.Close() }()
			key := network + h.Addr.String()
			if before[key], err = f.Ask(); err != nil {
				t.Fatal(err)
			}
			flows[key] = f
		}
	}
	r := b.apply(subscribersOf(t, "192.0.2.0/30", 1000, "100.64.0.1", "100.64.0.3", "100.64.0.2"))
	if r.Moved != 2 || r.FlowsDeleted != 2 {
		t.Fatalf("%+v", r)
	}
	for key, f := range flows {
		got, err := f.Ask()
		switch {
		case strings.HasSuffix(key, stay.Addr.String()):
			if err != nil || got != before[key] {
				t.Errorf("%s of the one that stayed: %v became %v, %v", key, before[key], got, err)
			}
		case key == "udp"+move.Addr.String():
			if err != nil || got.Port() < 3024 || got.Port() > 4023 {
				t.Errorf("%s of the one that moved: %v became %v, %v; want 3024-4023", key, before[key], got, err)
			}
		case err == nil && got == before[key]:
			t.Errorf("%s of the one that moved still has %v", key, got)
		}
	}
}

// TestNoTranslate lets what goes to the listed destinations pass as it is, and nothing else.
func TestNoTranslate(t *testing.T) {
	t.Parallel()
	b := newTrafficBench(t, netns.Options{InsideRoutes: true})
	spec := alloc.Spec{Pools: []alloc.PoolSpec{{Name: "a", Inside: addrRanges(t, "100.64.0.0/24"), Outside: addrRanges(t, "192.0.2.0/28"), PortsPerSubscriber: 1000}}}
	for _, s := range []string{"203.0.113.1", "203.0.113.2 tcp/7"} {
		d, err := alloc.ParseDestination(s)
		if err != nil {
			t.Fatal(err)
		}
		spec.NoTranslate = append(spec.NoTranslate, d)
	}
	b.apply(rulesetOf(t, planOf(t, spec)))
	for _, c := range []struct {
		server     int
		network    string
		translated bool
	}{{0, "udp", false}, {0, "tcp", false}, {0, "icmp", false}, {1, "tcp", false}, {1, "udp", true}, {1, "icmp", true}} {
		got, err := b.seen(0, c.server, c.network, 5000)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if translated := got.Addr() != b.Subscribers[0].Addr; translated != c.translated {
			t.Errorf("%+v: the server saw %v", c, got)
		}
	}
}

// TestNothingLeaves sends what cannot be translated: other protocols, inside addresses that are no subscribers, packets that
// conntrack takes for invalid. None of it may be seen outside, and all of it must be counted.
func TestNothingLeaves(t *testing.T) {
	t.Parallel()
	b := newTrafficBench(t, netns.Options{})
	b.apply(subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.1", "100.64.0.0"))
	inside := netip.MustParsePrefix("100.64.0.0/10")
	watch, err := b.Servers[0].Observe(netns.Watch{Match: func(p netns.Packet) bool { return inside.Contains(p.Src) }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = watch.Close() }()
	sub, server := b.Subscribers[0], b.Servers[0].Addr
	ack := []byte{0, 80, 0, 81, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x04, 0, 0, 0, 0, 0, 0} // a RST of no connection
	sent := 0
	for _, p := range []netns.IPv4{
		{Proto: 47, Payload: make([]byte, 8)}, {Proto: 50, Payload: make([]byte, 24)}, {Proto: 4, Payload: make([]byte, 20)},
		{Proto: 132, Payload: make([]byte, 12)}, {Proto: 6, Payload: ack}, {Proto: 1, Payload: []byte{3, 1, 0xfc, 0xfe, 0, 0, 0, 0}},
	} {
		p.Src, p.Dst, p.TTL = sub.Addr, server, 64
		if err := sub.SendIPv4(p.Bytes()); err != nil {
			t.Fatal(err)
		}
		sent++
	}
	// A packet that is translated comes behind them, so they had their chance.
	if _, err := b.seen(0, 0, "udp", 4000); err != nil {
		t.Fatal(err)
	}
	if n, err := watch.Count(); err != nil || n != 0 {
		t.Errorf("%d packets left with an inside source, %v", n, err)
	}
	counter := b.nft("list", "counter", "ip", "cgn", dropCounter)
	if !strings.Contains(counter, fmt.Sprintf("packets %d ", sent)) {
		t.Errorf("%d were sent, and the counter says %s", sent, counter)
	}
}

// TestFirstLoadFreesOldFlows has a flow that was there before the plan, untranslated. The plan must translate it from then on.
func TestFirstLoadFreesOldFlows(t *testing.T) {
	t.Parallel()
	b := newTrafficBench(t, netns.Options{InsideRoutes: true})
	// Conntrack must know the flow, for which somebody has to ask for conntrack.
	b.nft("add table ip other; add chain ip other c { type filter hook forward priority 0; }; add rule ip other c ct state new accept")
	f, err := b.Subscribers[0].Dial(netns.Query{Network: "udp", Remote: netip.AddrPortFrom(b.Servers[0].Addr, 7)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if got, err := f.Ask(); err != nil || got.Addr() != b.Subscribers[0].Addr {
		t.Fatal(got, err)
	}
	r := b.apply(subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24"))
	if r.FlowsDeleted != 1 {
		t.Errorf("%d flows deleted", r.FlowsDeleted)
	}
	if got, err := f.Ask(); err != nil || got.Addr() != netip.MustParseAddr("192.0.2.0") {
		t.Errorf("the flow is seen as %v, %v", got, err)
	}
}

// TestUnusedPortsDoNotLoop sends to a port of the pool that no flow uses.
func TestUnusedPortsDoNotLoop(t *testing.T) {
	t.Parallel()
	b := newTrafficBench(t, netns.Options{})
	b.apply(subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24"))
	// The CGN's default route leads back to the server, as it would at an ISP's edge.
	if err := b.CGN.AddRoute(netns.Route{Via: b.Servers[0].Addr}); err != nil {
		t.Fatal(err)
	}
	watch, err := b.CGN.Observe(netns.Watch{Match: func(p netns.Packet) bool { return p.Dst == netip.MustParseAddr("192.0.2.5") }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = watch.Close() }()
	if err := b.Servers[0].Silent(netns.Query{Remote: netip.MustParseAddrPort("192.0.2.5:60000")}); err != nil {
		t.Fatal(err)
	}
	if n, err := watch.Count(); err != nil || n < 1 || n > 2 { // the bridge shows it twice
		t.Errorf("%d copies, %v", n, err)
	}
}

// pinged sends an echo request and returns what the server saw of it.
func (b *trafficBench) pinged(from, server int, id uint16) (netip.AddrPort, error) {
	sub, to := b.Subscribers[from], b.Servers[server].Addr
	n := len(b.pings[server].Seen())
	if err := sub.Ping(netns.Ping{To: to, ID: id}); err != nil {
		return netip.AddrPort{}, err
	}
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Second)
	defer cancel()
	seen, err := b.pings[server].AwaitSeen(ctx, n+1)
	if err != nil {
		return netip.AddrPort{}, err
	}
	last := seen[len(seen)-1]
	return netip.AddrPortFrom(last.Source, last.ID), nil
}
