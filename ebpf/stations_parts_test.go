//go:build linux

package ebpf

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// sessionOf returns the mapping of TCP that an inside endpoint has, and the state of its session; no mapping where it has none.
func (s *site) sessionOf(inside netip.AddrPort) (outside netip.AddrPort, state bpf.CgnatCgnTcpState) {
	s.Helper()
	for _, m := range s.mappings() {
		if m.Protocol == TCP && m.Inside == inside {
			return m.Outside, bpf.CgnatCgnTcpState(m.state & uint32(bpf.CgnatCgnSlotStateCGN_SLOT_TCP))
		}
	}
	return netip.AddrPort{}, 0
}

// A frame for an address of the host that programs do not know means to its session what any other does: nothing twice. It may come in more
// than once, where it is cut, or is the first fragment for which others wait.
func TestUnknownStationCountsOnce(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	macs := map[string]net.HardwareAddr{netns.InsideLink: changedMAC, netns.OutsideLink: strangerMAC}
	for link, mac := range macs {
		netnstest.Run(t, s.CGN, "ip", "link", "set", link, "address", mac.String())
	}
	me, narrow := s.Subscribers[0], s.Subscribers[1]
	him, far := s.Servers[0], s.Servers[1]
	netnstest.Run(t, s.CGN, "ip", "route", "add", narrow.Addr.String()+"/32", "dev", netns.InsideLink, "mtu", "lock", "600")
	netnstest.Run(t, s.CGN, "ip", "route", "add", far.Addr.String()+"/32", "dev", netns.OutsideLink, "mtu", "lock", "600")
	// What arrives has a wrong checksum, so that no host answers with a reset.
	send := func(h netns.Host, link, count string, parts uint64, packets ...datagram) {
		t.Helper()
		want := s.counts()[count] + parts
		for _, p := range packets {
			if err := h.SendFrame(netns.HostLink, macs[link], p.ip()); err != nil {
				t.Fatal(err)
			}
		}
		until(t, "the packet has passed, or its parts", func() bool { return s.counts()[count] >= want })
	}
	id := uint16(0)
	segment := func(from, to netip.AddrPort, flags uint8, octets int) datagram {
		return tcp(from, to, flags, strings.Repeat("x", octets)).with(fragmentable).with(func(d *datagram) { id++; d.id = id; d.payload[16] ^= 0xff })
	}
	opens := func(h netns.Host, port uint16) (in, out netip.AddrPort) {
		t.Helper()
		in = netip.AddrPortFrom(h.Addr, port)
		send(h, netns.InsideLink, "outbound", 1, segment(in, netip.AddrPortFrom(him.Addr, 9), ack, 0))
		out, _ = s.sessionOf(in)
		return in, out
	}
	reversed := func(d datagram) []datagram {
		parts := cutUp(d, 24)
		slices.Reverse(parts)
		return parts
	}
	_, turn := opens(narrow, 4000)
	_, wide := opens(me, 4000)
	narrowIn, narrowOut := opens(narrow, 5000)
	wideIn, wideOut := opens(me, 5000)
	from := func(h netns.Host, port uint16) netip.AddrPort { return netip.AddrPortFrom(h.Addr, port) }
	server := from(him, 9)
	const trans, established = bpf.CgnatCgnTcpStateCGN_TCP_TRANS, bpf.CgnatCgnTcpStateCGN_TCP_ESTABLISHED
	for _, test := range []struct {
		name    string
		host    netns.Host
		link    string
		count   string
		packets []datagram
		inside  netip.AddrPort
		want    bpf.CgnatCgnTcpState
	}{
		{"out, cut", me, netns.InsideLink, "outbound", []datagram{segment(from(me, 6000), from(far, 9), ack, 1000)}, from(me, 6000), trans},
		{"in, cut", him, netns.OutsideLink, "inbound", []datagram{segment(server, narrowOut, fin|ack, 1000)}, narrowIn, established},
		{"in, waited for", him, netns.OutsideLink, "inbound", reversed(segment(server, wideOut, fin|ack, 24)), wideIn, established},
		{"turned back, cut", me, netns.InsideLink, "hairpin", []datagram{segment(from(me, 6001), turn, ack, 1000)}, from(me, 6001), trans},
		{"turned back, waited for", narrow, netns.InsideLink, "hairpin", reversed(segment(from(narrow, 6001), wide, ack, 24)), from(narrow, 6001), trans},
	} {
		send(test.host, test.link, test.count, 2, test.packets...)
		if _, state := s.sessionOf(test.inside); state != test.want {
			t.Errorf("%s: state %d, want %d", test.name, state, test.want)
		}
	}
}
