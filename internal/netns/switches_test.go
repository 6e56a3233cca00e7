//go:build linux

package netns_test

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

func TestWithoutSwitchesTheCGNHasTheBridges(t *testing.T) {
	t.Parallel()
	topology := netnstest.NewTopology(t, netns.Options{})
	if topology.Access != topology.CGN || topology.Core != topology.CGN {
		t.Errorf("bridges are in %v and %v, want %v", topology.Access, topology.Core, topology.CGN)
	}
}

func TestSwitches(t *testing.T) {
	t.Parallel()
	topology := netnstest.NewTopology(t, netns.Options{Switches: true})
	sides := []struct {
		sw            *netns.NS
		link, gateway string
		ports         []string
	}{
		{topology.Access, netns.InsideLink, "100.64.255.254/16", []string{"in0", "in1"}},
		{topology.Core, netns.OutsideLink, "203.0.113.254/24", []string{"out0", "out1"}},
	}
	for _, side := range sides {
		if got := netnstest.Run(t, topology.CGN, "ip", "-d", "addr", "show", side.link); !strings.Contains(got, " veth ") ||
			!strings.Contains(got, " "+side.gateway+" ") {
			t.Errorf("link %s is no cable with address %s: %s", side.link, side.gateway, got)
		}
		if got := netnstest.Run(t, side.sw, "ip", "addr", "show", "scope", "global"); strings.Contains(got, "inet") {
			t.Errorf("the switch of %s has an address: %s", side.link, got)
		}
		checkEthtool(t, topology.CGN, side.link, unix.ETHTOOL_GGRO, 0)
		checkEthtool(t, side.sw, netns.CGNLink, unix.ETHTOOL_GGRO, 1)
		for _, cmd := range []uint32{unix.ETHTOOL_GTXCSUM, unix.ETHTOOL_GTSO, unix.ETHTOOL_GGSO} {
			checkEthtool(t, topology.CGN, side.link, cmd, 0)
			checkEthtool(t, side.sw, netns.CGNLink, cmd, 0)
			for _, port := range side.ports {
				checkEthtool(t, side.sw, port, cmd, 0)
			}
		}
	}
}

func checkEthtool(t *testing.T, ns *netns.NS, link string, cmd, want uint32) {
	t.Helper()
	if got, err := ns.Ethtool(link, cmd); err != nil || got != want {
		t.Errorf("ethtool command %#x says %d of %s (error %v), want %d", cmd, got, link, err, want)
	}
}

// A switch with GRO merges segments; the hosts behind it must not notice.
func TestSwitchesCutWhatTheyMerged(t *testing.T) {
	t.Parallel()
	topology := netnstest.NewTopology(t, netns.Options{Switches: true, InsideRoutes: true, OutsideMTU: 1400})
	sink := listenSink(t, topology.Servers[0])
	received, err := topology.Servers[0].Observe(netns.Watch{Keep: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	stream := netns.Stream{Remote: sink.Addr(), Bytes: 4 << 20}
	transfer, err := topology.Subscribers[0].StartTransfer(within(t), stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := transfer.Wait(); err != nil {
		t.Error(err)
	}
	packets, err := received.Packets()
	if err != nil || len(packets) < 3000 {
		t.Errorf("%d packets (error %v), want some 3000", len(packets), err)
	}
	for _, p := range packets {
		if len(p.Raw) > 1400 || tcpChecksum(p.Raw) != 0 {
			t.Fatalf("the server receives %d bytes with checksum %#x, want at most 1400 with 0", len(p.Raw), tcpChecksum(p.Raw))
		}
	}
}

// tcpChecksum returns 0 if the checksum of a TCP segment in a packet without IP options is right.
func tcpChecksum(raw []byte) uint16 {
	pseudo := append(append([]byte{}, raw[12:20]...), 0, unix.IPPROTO_TCP)
	pseudo = binary.BigEndian.AppendUint16(pseudo, uint16(len(raw)-20))
	return netns.Checksum(append(pseudo, raw[20:]...))
}

func TestOutsideMTU(t *testing.T) {
	t.Parallel()
	for _, switches := range []bool{false, true} {
		topology := netnstest.NewTopology(t, netns.Options{Switches: switches, InsideRoutes: true, Offload: true, OutsideMTU: 1300})
		links := []struct {
			ns   *netns.NS
			name string
			want string
		}{
			{topology.Subscribers[0].NS, netns.HostLink, "1500"},
			{topology.CGN, netns.InsideLink, "1500"},
			{topology.CGN, netns.OutsideLink, "1300"},
			{topology.Core, netns.OutsideLink, "1300"},
			{topology.Servers[1].NS, netns.HostLink, "1300"},
		}
		for _, link := range links {
			got := netnstest.Run(t, link.ns, "ip", "link", "show", link.name)
			if !strings.Contains(got, "mtu "+link.want+" ") {
				t.Errorf("switches %t: link is %s, want MTU %s", switches, got, link.want)
			}
		}
		if switches {
			checkEthtool(t, topology.Core, netns.CGNLink, unix.ETHTOOL_GGRO, 1)
		}
		checkRouted(t, topology.Subscribers, topology.Servers[0])
	}
}

// The kernel says what a link can take.
func TestOutsideMTURefused(t *testing.T) {
	t.Parallel()
	netnstest.Root(t)
	topology, err := netns.NewTopology(netns.Options{Servers: []netip.Addr{addr("203.0.113.1")}, OutsideMTU: 20})
	want := "build topology: server 203.0.113.1: set MTU of eth0 to 20: invalid argument"
	if err == nil || err.Error() != want {
		t.Errorf("NewTopology: %v (%v), want %s", err, topology, want)
	}
}
