//go:build linux

package ebpf

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// twinLink is the CGN's link to the twin of subscriber 0: a host with the same address in another realm.
const twinLink = "twin"

// twinRealms is a site with the realm of the plan's first pool behind the inside link and that of the second behind twinLink,
// where a host has the address of subscriber 0. It returns both hosts.
func twinRealms(t *testing.T) (*site, [2]netns.Host) {
	t.Helper()
	s := &site{TB: t, Topology: netnstest.NewTopology(t, netns.Options{Inside: []netip.Addr{ad("100.64.0.1")}, Switches: true, OutsideMTU: 1400})}
	twin := netns.Host{NS: netnstest.New(t), Addr: s.Subscribers[0].Addr}
	s.connect(twin)
	warm(t, s.Topology)
	s.byRule()
	c := Config{Plan: mustPlan(t, twinPools()...), Inside: []Interface{{netns.InsideLink, "east"}, {twinLink, "west"}}, Outside: []Interface{{Name: netns.OutsideLink}}}
	var err error
	if s.d, err = in(s, func() (*Datapath, error) { return Apply(c) }); err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(func() {
		_ = s.d.Close()
		if err := s.CGN.Do(func() error { return Remove("") }); err != nil {
			t.Error(err)
		}
	})
	return s, [2]netns.Host{s.Subscribers[0], twin}
}

func twinPools() []alloc.PoolSpec {
	east := alloc.PoolSpec{Name: "east", Realm: "east", Inside: spans("100.64.0.0/24"), Outside: spans("192.0.2.0/30"), SharingRatio: 64}
	west := east
	west.Name, west.Realm, west.Outside = "west", "west", spans("192.0.2.4/30")
	return []alloc.PoolSpec{east, west}
}

// connect plugs a twin into the CGN.
func (s *site) connect(twin netns.Host) {
	s.Helper()
	if err := s.CGN.AddVeth(twinLink, twin.NS, netns.HostLink); err != nil {
		s.Fatal(err)
	}
	for _, end := range []struct {
		ns   *netns.NS
		link string
	}{{s.CGN, twinLink}, {twin.NS, netns.HostLink}} {
		netnstest.Run(s, end.ns, "ip", "link", "set", end.link, "up")
		if err := end.ns.DisableOffload(end.link); err != nil {
			s.Fatal(err)
		}
	}
	// Up first: the kernel takes no notice of what is set while an end is down, and then drops what is redirected to the other.
	if err := twin.EnableGRO(netns.HostLink); err != nil {
		s.Fatal(err)
	}
	netnstest.Run(s, s.CGN, "ip", "address", "add", "100.64.255.254/32", "dev", twinLink)
	netnstest.Run(s, twin.NS, "ip", "address", "add", twin.Addr.String()+"/32", "dev", netns.HostLink)
	netnstest.Run(s, twin.NS, "ip", "route", "add", "100.64.255.254", "dev", netns.HostLink)
	netnstest.Run(s, twin.NS, "ip", "route", "add", "default", "via", "100.64.255.254")
}

// byRule has each realm look for ways in a table of its own first, as its inside interface says. Both find the way out behind it.
func (s *site) byRule() {
	for i, link := range []string{netns.InsideLink, twinLink} {
		table := []string{"101", "102"}[i]
		netnstest.Run(s, s.CGN, "ip", "rule", "add", "iif", link, "lookup", table)
		netnstest.Run(s, s.CGN, "ip", "route", "add", "100.64.0.0/24", "dev", link, "table", table)
	}
}

// Two subscribers with the same address, in two realms behind two interfaces, use the same ports at the same time, and whose a
// packet is, is never mixed up.
func TestTwins(t *testing.T) {
	s, twins := twinRealms(t)
	twinTransfers(t, s, twins)
	seen := twinExchanges(t, s, twins)
	twinsMeet(t, twins, seen)
	twinsGetFragments(t, s, twins, seen)
	s.isWhole(mustPlan(t, twinPools()...))
	for i, h := range twins {
		isTold(t, i, h, s.Servers[0].Addr.String())
	}
}

// isTold fails the test unless a twin hears of a TTL that is over, and of the narrow link behind the CGN.
func isTold(t *testing.T, i int, h netns.Host, to string) {
	t.Helper()
	want := []string{"100.64.255.254", to}
	if got := hops(t, h.NS, "-m", "3", "-w", "1", to); !slices.Equal(got, want) {
		t.Errorf("twin %d: the way is %v, want %v", i, got, want)
	}
	if text := netnstest.Run(t, h.NS, "tracepath", "-n", "-m", "3", to); !strings.Contains(text, "Resume: pmtu 1400 hops 2 back 2") {
		t.Errorf("twin %d: the path is\n%s", i, text)
	}
}

// twinTransfers has both send to the same sink from the same port.
func twinTransfers(t *testing.T, s *site, twins [2]netns.Host) {
	t.Helper()
	sink, err := s.Servers[0].ListenSink(netip.AddrPortFrom(s.Servers[0].Addr, 9))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all []*netns.Transfer
	for _, h := range twins {
		transfer, err := h.StartTransfer(ctx, netns.Stream{Local: netip.AddrPortFrom(h.Addr, 5000), Remote: sink.Addr(), Bytes: 1 << 40, Rate: 4 << 20})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, transfer)
	}
	for _, transfer := range slices.Concat(all, all) { // so that each goes on while the other does
		if err := transfer.AwaitSent(ctx, transfer.Sent()+1<<20); err != nil {
			t.Fatal(err)
		}
	}
	for i, transfer := range all {
		if err := transfer.Finish(); err != nil {
			t.Errorf("twin %d: %v", i, err)
		}
	}
}

// twinExchanges has both ask and ping from the same port, and checks that each has a mapping of its own realm. It returns those of
// UDP.
func twinExchanges(t *testing.T, s *site, twins [2]netns.Host) (seen [2]netip.AddrPort) {
	t.Helper()
	echo := s.echo()
	for i, h := range twins {
		f, err := h.Dial(netns.Query{Local: netip.AddrPortFrom(h.Addr, 5000), Remote: echo.Addr()})
		if err != nil {
			t.Fatal(err)
		}
		if seen[i], err = f.Ask(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err := h.Ping(netns.Ping{To: s.Servers[0].Addr, ID: 5000}); err != nil {
			t.Error(err)
		}
	}
	found := make(map[string]int)
	for m, err := range s.d.Mappings() {
		if err != nil {
			t.Fatal(err)
		}
		owner, _ := s.d.Plan().Trace(m.Outside.Addr(), m.Outside.Port()).Allocation()
		if owner.Pool().Realm() != m.Realm || m.Inside != netip.AddrPortFrom(twins[0].Addr, 5000) {
			t.Errorf("%v of realm %s has %v of realm %s", m.Inside, m.Realm, m.Outside, owner.Pool().Realm())
		}
		found[m.Realm]++
	}
	if found["east"] != 3 || found["west"] != 3 {
		t.Errorf("mappings by realm are %v, want 3 each", found)
	}
	return seen
}

// twinsMeet has each of them ask the other, whose address is its own, by the outside endpoint.
func twinsMeet(t *testing.T, twins [2]netns.Host, seen [2]netip.AddrPort) {
	t.Helper()
	for i, h := range twins {
		echo, err := h.ListenEcho("udp", netip.AddrPortFrom(h.Addr, 5000))
		if err != nil {
			t.Fatal(err)
		}
		from, err := twins[1-i].Ask(netns.Query{Local: netip.AddrPortFrom(h.Addr, 5001), Remote: seen[i]})
		if err != nil || seen[1-i].Addr() != from.Addr() {
			t.Errorf("twin %d asks from %v (error %v), want %v", 1-i, from, err, seen[1-i].Addr())
		}
		if err := echo.Close(); err != nil {
			t.Error(err)
		}
	}
}

// twinsGetFragments has the server, and each twin the other, send a packet in fragments: the later ones know nothing of realms.
func twinsGetFragments(t *testing.T, s *site, twins [2]netns.Host, seen [2]netip.AddrPort) {
	t.Helper()
	open := func(h *netns.NS, at netip.AddrPort) *net.UDPConn {
		c, err := h.ListenUDP(at)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	server := open(s.Servers[0].NS, netip.AddrPortFrom(s.Servers[0].Addr, 777))
	var at [2]*net.UDPConn
	for i, h := range twins {
		at[i] = open(h.NS, netip.AddrPortFrom(h.Addr, 5000))
	}
	for i := range twins {
		for _, from := range []*net.UDPConn{server, at[1-i]} {
			if _, err := from.WriteToUDPAddrPort(make([]byte, 2000), seen[i]); err != nil {
				t.Fatal(err)
			}
			_ = at[i].SetReadDeadline(time.Now().Add(2 * time.Second))
			if n, _, err := at[i].ReadFromUDPAddrPort(make([]byte, 4000)); err != nil || n != 2000 {
				t.Errorf("%v sends 2000 octets to twin %d: %d arrive, %v", from.LocalAddr(), i, n, err)
			}
		}
	}
}

// isWhole fails the test unless the kernel equals a plan.
func (s *site) isWhole(plan *alloc.Plan) {
	s.Helper()
	if _, found := s.verify(plan); len(found) > 0 {
		s.Errorf("the kernel departs from the plan: %v", found)
	}
}
