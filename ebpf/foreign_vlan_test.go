//go:build linux

package ebpf

import (
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// A frame of a VLAN that is not ours is left to the host, on the slow way too, where the kernel has taken the tag off before it asks.
// One of VLAN 0 has a priority and no VLAN.
func TestForeignVLANs(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	echo := s.echo()
	f, _ := s.flow(0, echo.Addr())
	// Otherwise the kernel sends tags beside the frame, where no driver's program sees them.
	for _, end := range []struct {
		ns   *netns.NS
		link string
	}{{s.Subscribers[0].NS, netns.HostLink}, {s.Access, netns.CGNLink}} {
		netnstest.Run(t, end.ns, "ethtool", "-K", end.link, "txvlan", "off")
	}
	counters := newTally(s, must(s.d.generation.openMap("maps", "counters")))
	for _, test := range []struct {
		vid  uint16
		port uint16
		left bool
	}{{100, 4100, false}, {0, 4000, true}} {
		before, heard := counters.read(), len(echo.Seen())
		s.sendTagged(test.vid, netip.AddrPortFrom(s.Subscribers[0].Addr, test.port), echo.Addr())
		if _, err := f.Ask(); err != nil { // what was sent before has been decided when the answer is here
			t.Fatal(err)
		}
		after, want := counters.read(), heard+1
		if test.left {
			want++
		}
		if got := len(echo.Seen()); got != want {
			t.Errorf("VLAN %d: the server has heard %d packets, want %d", test.vid, got, want)
		}
		if got := after[outbound] - before[outbound]; !test.left && got != 1 {
			t.Errorf("VLAN %d: %d packets were translated, want 1", test.vid, got)
		}
		for v := range after {
			if after[v] != before[v] && v != outbound && v != inbound && v != passNotIPv4 {
				t.Errorf("VLAN %d: %d more of %q", test.vid, after[v]-before[v], v)
			}
		}
	}
}

// sendTagged sends a UDP packet in a frame with a tag from subscriber 0.
func (s *site) sendTagged(vid uint16, from, to netip.AddrPort) {
	s.Helper()
	mac, err := s.CGN.MAC(netns.InsideLink)
	if err != nil {
		s.Fatal(err)
	}
	frame := udp(from, to, "tagged").frame()
	copy(frame, mac)
	tagged := withTags(frame, []tag{{0x8100, vid}}, 0)
	err = s.Subscribers[0].Do(func() error {
		link, err := net.InterfaceByName(netns.HostLink)
		if err != nil {
			return err
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		return unix.Sendto(fd, tagged, 0, &unix.SockaddrLinklayer{Ifindex: link.Index, Halen: 6, Addr: [8]byte(append(mac, 0, 0))})
	})
	if err != nil {
		s.Fatal(err)
	}
}
