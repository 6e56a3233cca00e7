//go:build linux

package ebpf

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// echoPort is the port of echo servers in tests.
const echoPort = 7

// attach loads a datapath between the two sides of a topology with switches.
func attach(tb testing.TB, top *netns.Topology, c Config) *Datapath {
	tb.Helper()
	c.Inside, c.Outside = []Interface{{Name: netns.InsideLink}}, []Interface{{Name: netns.OutsideLink}}
	var d *Datapath
	if err := top.CGN.Do(func() (err error) { d, err = Apply(c); return err }); err != nil {
		tb.Fatalf("%+v", err)
	}
	tb.Cleanup(func() {
		err := errors.Join(d.Close(), top.CGN.Do(func() error { return Remove(c.Instance) }))
		if err != nil {
			tb.Error(err)
		}
	})
	return d
}

// warm has every host find its neighbours, so that packets that test something else do not wait for that.
func warm(tb testing.TB, top *netns.Topology) {
	tb.Helper()
	for _, s := range top.Subscribers {
		if err := s.Ping(netns.Ping{To: netip.MustParseAddr("100.64.255.254")}); err != nil {
			tb.Fatal(err)
		}
	}
	for _, s := range top.Servers {
		if err := s.Ping(netns.Ping{To: netip.MustParseAddr("203.0.113.254")}); err != nil {
			tb.Fatal(err)
		}
	}
}

// Every protocol with ports reaches a server from a port of the subscriber's share, and its answer comes back.
func TestTraffic(t *testing.T) {
	top := netnstest.NewTopology(t, netns.Options{Switches: true})
	plan := mustPlan(t, alloc.PoolSpec{Inside: spans("100.64.0.0/24"), Outside: spans("192.0.2.0/29"), SharingRatio: 64})
	warm(t, top)
	attach(t, top, Config{Plan: plan})
	for _, network := range []string{"udp", "tcp"} {
		echo, err := top.Servers[0].ListenEcho(network, netip.AddrPortFrom(top.Servers[0].Addr, echoPort))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range top.Subscribers {
			seen, err := s.Ask(netns.Query{Network: network, Remote: echo.Addr()})
			if err != nil {
				t.Fatal(err)
			}
			if owner, _ := plan.Trace(seen.Addr(), seen.Port()).Allocation(); owner.Inside() != s.Addr {
				t.Errorf("%s of %v arrives from %v, which is %v's", network, s.Addr, seen, owner.Inside())
			}
		}
	}
	for _, s := range top.Subscribers {
		if err := s.Ping(netns.Ping{To: top.Servers[0].Addr}); err != nil {
			t.Error(err)
		}
	}
}

// The first packet to a host whose address nobody knows yet arrives, in both directions and back to the inside.
func TestNeighboursAreAsked(t *testing.T) {
	top := netnstest.NewTopology(t, netns.Options{Switches: true})
	plan := mustPlan(t, alloc.PoolSpec{Inside: spans("100.64.0.0/24"), Outside: spans("192.0.2.0/29"), SharingRatio: 64})
	attach(t, top, Config{Plan: plan})
	echo, err := top.Servers[0].ListenEcho("udp", netip.AddrPortFrom(top.Servers[0].Addr, echoPort))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := top.Subscribers[0].Ask(netns.Query{Remote: echo.Addr()}); err != nil {
		t.Error(err)
	}
}

// Who gets no mapping hears of it at once, also where the neighbour that the packet would go to has not been asked for.
func TestRefusalIsTold(t *testing.T) {
	top := netnstest.NewTopology(t, netns.Options{Switches: true})
	plan := mustPlan(t, alloc.PoolSpec{Inside: spans("100.64.0.0/24"), Outside: spans("192.0.2.0/29"), SharingRatio: 64})
	attach(t, top, Config{Plan: plan, Policy: Policy{Limit: Limit{UDP: 1}}})
	me := top.Subscribers[0]
	echo, err := top.Servers[0].ListenEcho("udp", netip.AddrPortFrom(top.Servers[0].Addr, echoPort))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := me.Ask(netns.Query{Local: netip.AddrPortFrom(me.Addr, 4000), Remote: echo.Addr()}); err != nil {
		t.Fatal(err)
	}
	stranger := netip.AddrPortFrom(netip.MustParseAddr("203.0.113.99"), echoPort)
	if _, err := me.Ask(netns.Query{Local: netip.AddrPortFrom(me.Addr, 4001), Remote: stranger}); !errors.Is(err, unix.EHOSTUNREACH) {
		t.Errorf("a second mapping: error %v, want host unreachable", err)
	}
}
