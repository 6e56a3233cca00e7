//go:build linux

package netns_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// One local port talks to both servers at the same time, and again after it was closed.
func TestFlowsShareALocalPort(t *testing.T) {
	t.Parallel()
	topology := netnstest.NewTopology(t, netns.Options{InsideRoutes: true})
	client := topology.Subscribers[0]
	local := netip.AddrPortFrom(client.Addr, 4000)
	echoes := []*netns.Echo{listenEcho(t, topology.Servers[0], "tcp"), listenEcho(t, topology.Servers[1], "tcp")}
	for range 3 {
		var flows []*netns.Flow
		for _, echo := range echoes {
			flow, err := client.Dial(netns.Query{Network: "tcp", Local: local, Remote: echo.Addr()})
			if err != nil {
				t.Fatal(err)
			}
			flows = append(flows, flow)
		}
		for range 2 {
			for _, flow := range flows {
				if got, err := flow.Ask(); err != nil || got != local {
					t.Errorf("server sees %v (error %v), want %v", got, err, local)
				}
			}
		}
		for _, flow := range flows {
			if got := flow.Local(); got != local {
				t.Errorf("Local is %v, want %v", got, local)
			}
			if err := flow.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	// A connection counts once, however often it asks.
	if n := len(echoes[0].Seen()); n != 3 {
		t.Errorf("echo saw %d connections, want 3", n)
	}
}

func TestUDPFlowKeepsItsPort(t *testing.T) {
	t.Parallel()
	topology := netnstest.NewTopology(t, netns.Options{InsideRoutes: true})
	client := topology.Subscribers[1]
	echo := listenEcho(t, topology.Servers[0], "udp")
	flow, err := client.Dial(netns.Query{Remote: echo.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got, err := flow.Ask(); err != nil || got != flow.Local() || got.Addr() != client.Addr {
			t.Errorf("server sees %v (error %v), want %v", got, err, flow.Local())
		}
	}
	if err := flow.Close(); err != nil {
		t.Error(err)
	}
	if n := len(echo.Seen()); n != 3 {
		t.Errorf("echo saw %d datagrams, want 3", n)
	}
}

func TestAskReportsICMP(t *testing.T) {
	t.Parallel()
	topology := netnstest.NewTopology(t, netns.Options{InsideRoutes: true})
	client, server := topology.Subscribers[0], topology.Servers[0]
	closed := netip.AddrPortFrom(server.Addr, 7)
	for _, network := range []string{"udp", "tcp"} {
		q := netns.Query{Network: network, Remote: closed}
		if _, err := client.Ask(q); !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("%v: %v, want %v", q, err, unix.ECONNREFUSED)
		}
	}
	err := client.Silent(netns.Query{Local: addrPort("100.64.0.1:5000"), Remote: closed})
	if !errors.Is(err, unix.ECONNREFUSED) || !strings.HasPrefix(err.Error(), "expect silence: udp 100.64.0.1:5000 to 203.0.113.1:7: ") {
		t.Errorf("Silent towards a closed port: %v, want %v", err, unix.ECONNREFUSED)
	}
	echo := listenEcho(t, server, "udp")
	if _, err := client.Ask(netns.Query{Remote: echo.Addr()}); err != nil {
		t.Error(err)
	}
	err = client.Silent(netns.Query{Local: addrPort("0.0.0.0:5001"), Remote: echo.Addr()})
	if want := "udp 0.0.0.0:5001 to 203.0.113.1:7: got an answer to 100.64.0.1:5001 instead of silence"; err == nil || err.Error() != want {
		t.Errorf("Silent towards an echo: %v, want %s", err, want)
	}

	// What a CGN without free ports does.
	netnstest.Run(t, topology.CGN, "nft", "add table ip t; "+
		"add chain ip t f { type filter hook forward priority 0; }; "+
		"add rule ip t f ip daddr 203.0.113.1 reject with icmp type host-unreachable")
	for _, network := range []string{"udp", "tcp"} {
		q := netns.Query{Network: network, Remote: echo.Addr()}
		if _, err := client.Ask(q); !errors.Is(err, unix.EHOSTUNREACH) {
			t.Errorf("%v: %v, want %v", q, err, unix.EHOSTUNREACH)
		}
	}
	err = client.Ping(netns.Ping{To: server.Addr, ID: 9})
	var icmp *netns.ICMPError
	if !errors.As(err, &icmp) || *icmp != (netns.ICMPError{From: addr("100.64.255.254"), Type: 3, Code: 1}) {
		t.Errorf("ping: %v, want host unreachable from the CGN", err)
	}
	if want := "ping 203.0.113.1 with id 9: ICMP type 3 code 1 from 100.64.255.254"; err != nil && err.Error() != want {
		t.Errorf("ping: %q, want %q", err, want)
	}
}

func TestBadNetworks(t *testing.T) {
	t.Parallel()
	ns := netnstest.New(t)
	if _, err := ns.Ask(netns.Query{Network: "sctp", Remote: addrPort("127.0.0.1:7")}); err == nil {
		t.Error("Ask over sctp worked")
	}
	if _, err := ns.ListenEcho("sctp", anyPort); err == nil {
		t.Error("ListenEcho over sctp worked")
	}
	if err := ns.Silent(netns.Query{Network: "tcp", Remote: addrPort("127.0.0.1:7")}); err == nil {
		t.Error("Silent over tcp worked")
	}
}

func TestAwaitSeenEnds(t *testing.T) {
	t.Parallel()
	ns := netnstest.New(t)
	echo, err := ns.ListenEcho("udp", addrPort("127.0.0.1:7"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ns.Ask(netns.Query{Remote: echo.Addr(), Timeout: time.Second}); err != nil {
		t.Error(err)
	}
	if err := echo.Close(); err != nil {
		t.Error(err)
	}
	if err := echo.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if _, err := ns.Ask(netns.Query{Remote: echo.Addr()}); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("Ask after Close: %v, want %v", err, unix.ECONNREFUSED)
	}
	// The wait for what never comes ends with its context, and still says what came.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	seen, err := echo.AwaitSeen(ctx, 2)
	if want := "wait for 2 sightings, have 1: context canceled"; err == nil || err.Error() != want || len(seen) != 1 {
		t.Errorf("AwaitSeen returns %v and %v, want one and %s", seen, err, want)
	}
	if seen, err := echo.AwaitSeen(ctx, 1); err != nil || len(seen) != 1 {
		t.Errorf("AwaitSeen of what is there: %v, %v", seen, err)
	}
}
