//go:build linux

package netns_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

func addr(s string) netip.Addr         { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix     { return netip.MustParsePrefix(s) }
func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// within bounds a wait for something that must happen.
func within(tb testing.TB) context.Context {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), long)
	tb.Cleanup(cancel)
	return ctx
}

func listenEcho(tb testing.TB, server netns.Host, network string) *netns.Echo {
	tb.Helper()
	echo, err := server.ListenEcho(network, netip.AddrPortFrom(server.Addr, 7))
	if err != nil {
		tb.Fatal(err)
	}
	return echo
}

// TestTopologyRoutes is the check of the checker: with nothing but a router in the middle, every probe sees the true address.
func TestTopologyRoutes(t *testing.T) {
	t.Parallel()
	for i := range 8 {
		opts := netns.Options{InsideRoutes: true, Switches: i%2 == 1}
		t.Run(fmt.Sprintf("%d switches %t", i, opts.Switches), func(t *testing.T) {
			t.Parallel()
			topology := netnstest.NewTopology(t, opts)
			for _, server := range topology.Servers {
				checkRouted(t, topology.Subscribers, server)
			}
		})
	}
}

func checkRouted(t *testing.T, clients []netns.Host, server netns.Host) {
	t.Helper()
	pings, err := server.WatchPings()
	if err != nil {
		t.Fatal(err)
	}
	echoes := map[string]*netns.Echo{"udp": listenEcho(t, server, "udp"), "tcp": listenEcho(t, server, "tcp")}
	var wantSeen []netip.AddrPort
	var wantPings []netns.SeenPing
	for i, client := range clients {
		want := netip.AddrPortFrom(client.Addr, 4000)
		wantSeen = append(wantSeen, want)
		for network, echo := range echoes {
			q := netns.Query{Network: network, Local: netip.AddrPortFrom(netip.Addr{}, 4000), Remote: echo.Addr()}
			if got, err := client.Ask(q); err != nil || got != want {
				t.Errorf("%v: server sees %v (error %v), want %v", q, got, err, want)
			}
		}
		ping := netns.SeenPing{Source: client.Addr, ID: uint16(700 + i), Seq: 3}
		wantPings = append(wantPings, ping)
		if err := client.Ping(netns.Ping{To: server.Addr, ID: ping.ID, Seq: ping.Seq}); err != nil {
			t.Error(err)
		}
	}
	for network, echo := range echoes {
		if diff := cmp.Diff(wantSeen, echo.Seen(), cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
			t.Errorf("seen by the %s echo of %v (-want +got):\n%s", network, server.Addr, diff)
		}
	}
	got, err := pings.AwaitSeen(within(t), len(wantPings))
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(wantPings, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("pings seen by %v (-want +got):\n%s", server.Addr, diff)
	}
}

// Without a way back, a packet with an inside source arrives but is not answered.
func TestTopologyHasNoWayBackToTheInside(t *testing.T) {
	t.Parallel()
	for _, opts := range []netns.Options{{}, {Switches: true}} {
		t.Run(fmt.Sprintf("switches %t", opts.Switches), func(t *testing.T) {
			t.Parallel()
			checkNoWayBack(t, netnstest.NewTopology(t, opts))
		})
	}
}

func checkNoWayBack(t *testing.T, topology *netns.Topology) {
	t.Helper()
	client, server := topology.Subscribers[0], topology.Servers[1]
	echo := listenEcho(t, server, "udp")
	if err := client.Silent(netns.Query{Local: addrPort("0.0.0.0:4001"), Remote: echo.Addr()}); err != nil {
		t.Error(err)
	}
	seen, err := echo.AwaitSeen(within(t), 1)
	if want := netip.AddrPortFrom(client.Addr, 4001); err != nil || len(seen) != 1 || seen[0] != want {
		t.Errorf("server saw %v (error %v), want %v", seen, err, want)
	}
	pings, err := server.WatchPings()
	if err != nil {
		t.Fatal(err)
	}
	if seen := pings.Seen(); len(seen) != 0 {
		t.Errorf("pings before the first one: %v", seen)
	}
	err = client.Ping(netns.Ping{To: server.Addr, ID: 1, Timeout: 50 * time.Millisecond})
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("ping without a way back: %v, want %v", err, os.ErrDeadlineExceeded)
	}
	if _, err := pings.AwaitSeen(within(t), 1); err != nil || len(pings.Seen()) != 1 {
		t.Errorf("pings %v (error %v), want one", pings.Seen(), err)
	}
	// TCP says so in the same words.
	tcp := listenEcho(t, server, "tcp")
	_, err = client.Ask(netns.Query{Network: "tcp", Remote: tcp.Addr(), Timeout: 50 * time.Millisecond})
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("TCP without a way back: %v, want %v", err, os.ErrDeadlineExceeded)
	}
}

func TestTopologyWithOptions(t *testing.T) {
	t.Parallel()
	opts := netns.Options{
		Inside:         []netip.Addr{addr("10.0.0.1"), addr("172.16.4.4"), addr("10.0.0.3")},
		InsideGateway:  prefix("10.0.0.254/24"),
		Servers:        []netip.Addr{addr("198.51.100.9")},
		OutsideGateway: prefix("198.51.100.1/28"),
		Outside:        []netip.Prefix{prefix("192.0.2.16/28"), prefix("192.0.2.128/25")},
		InsideRoutes:   true,
		Offload:        true,
	}
	for _, opts.Switches = range []bool{false, true} {
		t.Run(fmt.Sprintf("switches %t", opts.Switches), func(t *testing.T) {
			t.Parallel()
			checkOptions(t, netnstest.NewTopology(t, opts), opts)
		})
	}
}

func checkOptions(t *testing.T, topology *netns.Topology, opts netns.Options) {
	t.Helper()
	if len(topology.Subscribers) != 3 || len(topology.Servers) != 1 {
		t.Fatalf("%d subscribers and %d servers, want 3 and 1", len(topology.Subscribers), len(topology.Servers))
	}
	checkRouted(t, topology.Subscribers, topology.Servers[0])

	// Pools lead to the CGN, and so does the way from one subscriber to another.
	for _, pool := range []string{"192.0.2.17", "192.0.2.129"} {
		if err := topology.CGN.AddAddr("lo", netip.PrefixFrom(addr(pool), 32)); err != nil {
			t.Fatal(err)
		}
		q := netns.Query{Remote: netip.AddrPortFrom(addr(pool), 9)}
		if _, err := topology.CGN.ListenEcho("udp", q.Remote); err != nil {
			t.Fatal(err)
		}
		if got, err := topology.Servers[0].Ask(q); err != nil || got.Addr() != opts.Servers[0] {
			t.Errorf("%v: CGN sees %v (error %v)", q, got, err)
		}
	}
	forwarded, err := topology.CGN.Observe(netns.Watch{Link: netns.InsideLink})
	if err != nil {
		t.Fatal(err)
	}
	if err := topology.Subscribers[0].Ping(netns.Ping{To: addr("10.0.0.3"), ID: 2}); err != nil {
		t.Error(err)
	}
	if n, err := forwarded.AwaitCount(within(t), 2); err != nil || n != 2 {
		t.Errorf("between two subscribers the CGN forwards %d packets (error %v), want 2", n, err)
	}
	// There is no other way.
	if err := topology.CGN.SetSysctl("net.ipv4.ip_forward", "0"); err != nil {
		t.Fatal(err)
	}
	err = topology.Subscribers[0].Ping(netns.Ping{To: addr("10.0.0.3"), ID: 3, Timeout: 50 * time.Millisecond})
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("between two subscribers without the CGN: %v, want %v", err, os.ErrDeadlineExceeded)
	}
}

func TestTopologySysctls(t *testing.T) {
	t.Parallel()
	topology := netnstest.NewTopology(t, netns.Options{})
	for name, want := range map[string]string{
		"net.ipv4.ip_forward":                 "1",
		"net.ipv4.conf.all.rp_filter":         "0",
		"net.ipv4.conf.inside.rp_filter":      "0",
		"net/ipv4/conf/out1/rp_filter":        "0",
		"net.ipv4.conf.inside.send_redirects": "0",
		"net.ipv6.conf.outside.disable_ipv6":  "1",
		"net.ipv4.conf.outside.forwarding":    "1",
		"net.ipv6.conf.in0.disable_ipv6":      "1",
		"net.ipv4.not.there":                  "",
	} {
		got, err := topology.CGN.Sysctl(name)
		if want == "" {
			if !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: error %v, want %v", name, err, os.ErrNotExist)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("%s is %q (error %v), want %q", name, got, err, want)
		}
	}
	if got, err := topology.Subscribers[0].Sysctl("net.ipv4.ip_forward"); err != nil || got != "0" {
		t.Errorf("subscriber forwards: %q (error %v)", got, err)
	}
}

func TestOptionsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		opts netns.Options
		want string
	}{
		"same address twice": {
			netns.Options{Inside: []netip.Addr{addr("100.64.0.1"), addr("100.64.0.1")}},
			"build topology: address 100.64.0.1 is given twice",
		},
		"subscriber is gateway": {
			netns.Options{Inside: []netip.Addr{addr("100.64.255.254")}},
			"build topology: address 100.64.255.254 is given twice",
		},
		"IPv6 subscriber": {
			netns.Options{Inside: []netip.Addr{addr("2001:db8::1")}},
			"build topology: host 2001:db8::1 is not an IPv4 address",
		},
		"IPv6 gateway": {
			netns.Options{OutsideGateway: prefix("2001:db8::1/64")},
			"build topology: gateway 2001:db8::1 is not an IPv4 address",
		},
		"one gateway for both": {
			netns.Options{InsideGateway: prefix("203.0.113.254/24")},
			"build topology: both gateways are 203.0.113.254",
		},
		"server elsewhere": {
			netns.Options{Servers: []netip.Addr{addr("198.51.100.1")}},
			"build topology: server 198.51.100.1 is not within 203.0.113.0/24",
		},
		"IPv6 pool": {
			netns.Options{Outside: []netip.Prefix{prefix("2001:db8::/32")}},
			"build topology: outside prefix 2001:db8::/32 is not IPv4",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topology, err := netns.NewTopology(test.opts)
			if err == nil {
				t.Fatal(errors.Join(errors.New("no error"), topology.Close()))
			}
			if err.Error() != test.want {
				t.Errorf("error %q, want %q", err, test.want)
			}
		})
	}
}
