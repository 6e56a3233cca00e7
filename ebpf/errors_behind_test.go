//go:build linux

package ebpf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// Where only the program behind the driver sees a packet, it tells the sender what the driver would, octet by octet.
func TestErrorsBehindTheDriver(t *testing.T) {
	l := newLab(t, Config{behind: true}, labPools()...)
	c := newCast(l)
	behind := [2]*ebpf.Program{
		must(l.d.generation.openProgram(bpf.CgnatProgCgnInsideSlow)), must(l.d.generation.openProgram(bpf.CgnatProgCgnOutsideSlow)),
	}
	told := 0
	for _, s := range append(waysIn(c), waysBack(c)...) {
		if s.want != dropTTL && s.want != dropTooBig {
			continue
		}
		got := l.runBehind(behind[s.from], s.from, s.in)
		want := outcome{verdict: s.want, action: tcShot, frame: got.frame}
		if s.out != nil {
			told++
			want = outcome{verdict: s.want, reply: true, action: tcRedirect, frame: s.out}
			copy(want.frame[6:], labMAC[s.from])
		}
		if diff := want.diff(got); diff != "" {
			t.Errorf("%s: %s", s.name, diff)
		}
	}
	if told < 5 {
		t.Errorf("%d errors are compared", told)
	}
}

// Errors of our own arrive whatever way the packets take that they are about: the sender learns the MTU, hears that the TTL is over, or that
// there is no port for it.
func TestErrorsByEveryWay(t *testing.T) {
	for name, change := range map[string]func(*site){
		"in the driver":               func(*site) {},
		"the driver cannot send":      (*site).closeAllExits,
		"the MAC addresses are new":   (*site).changeMACs,
		"neither":                     func(s *site) { s.closeAllExits(); s.changeMACs() },
		"and checksums are not whole": func(s *site) { s.closeAllExits(); s.leaveChecksums() },
		"not whole, and for new MACs": func(s *site) { s.changeMACs(); s.leaveChecksums() },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, Config{Plan: mustPlan(t, samplePool), Policy: Policy{Limit: Limit{UDP: 1}}})
			if err := s.CGN.SetMTU(netns.InsideLink, 1300); err != nil {
				t.Fatal(err)
			}
			change(s)
			warm(t, s.Topology)
			me, him := s.Subscribers[0], s.Servers[0]
			from := netip.AddrPortFrom(him.Addr, 777)
			server, client := must(him.ListenUDP(from)), must(me.ListenUDP(netip.AddrPortFrom(me.Addr, 5000)))
			must(client.WriteToUDPAddrPort([]byte("ask"), from))
			_, out, err := server.ReadFromUDPAddrPort(make([]byte, 100))
			if err != nil {
				t.Fatal(err)
			}
			before := s.counts()
			heard := must(him.Observe(netns.Watch{Match: func(p netns.Packet) bool { return p.Proto == protoICMP && p.ICMPType != echoReply }}))
			must(server.WriteToUDPAddrPort([]byte(strings.Repeat("x", 1350)), out))
			until(t, "the sender hears of the MTU", func() bool { return must(heard.Count()) == 1 })
			last := udp(from, out, "the last hop").with(withTTL(1))
			if err := him.SendIPv4(last.ip()); err != nil {
				t.Fatal(err)
			}
			until(t, "the sender hears of the TTL", func() bool { return must(heard.Count()) == 2 })
			packets := must(heard.Packets())
			large := packets[0].Raw[28:]
			wantError(t, packets[0], icmpError(ad("203.0.113.254"), him.Addr, unreachable, 4, large[:128]), 1300)
			if !bytes.Equal(large[12:24], udp(from, out, "").ip()[12:24]) || binary.BigEndian.Uint16(large[2:]) != 1378 {
				t.Errorf("the error about a packet that is too large quotes % x", large)
			}
			wantError(t, packets[1], icmpError(ad("203.0.113.254"), him.Addr, timeExceeded, 0, last.ip()), 0)
			if _, err := me.Ask(netns.Query{Local: netip.AddrPortFrom(me.Addr, 4001), Remote: from}); !errors.Is(err, unix.EHOSTUNREACH) {
				t.Errorf("a second mapping: error %v, want host unreachable", err)
			}
			now := s.counts()
			for name, want := range map[string]uint64{"replied": 3, "drop-ttl": 1, "drop-too-big": 1, "drop-limit": 1} {
				if got := now[name] - before[name]; got != want {
					t.Errorf("%s: %d packets, want %d", name, got, want)
				}
			}
		})
	}
}

// wantError fails the test unless a packet is an ICMP error of ours.
func wantError(t *testing.T, got netns.Packet, want datagram, mtu uint16) {
	t.Helper()
	binary.BigEndian.PutUint16(want.payload[6:], mtu)
	want = icmp(want.src, want.dst, want.payload)
	want.tos, want.id = 0xc0, 0
	if !bytes.Equal(got.Raw, want.ip()) {
		t.Errorf("came % x\nwant % x", got.Raw, want.ip())
	}
}

// closeAllExits has the programs believe that no driver can send what they redirect to it.
func (s *site) closeAllExits() {
	s.Helper()
	err := with(s, "maps", bpf.CgnatMapExits, func(m *ebpf.Map) error {
		for at := range m.MaxEntries() {
			if err := m.Put(at, uint64(0)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
}

// changeMACs gives the interfaces addresses that the programs do not know.
func (s *site) changeMACs() {
	s.Helper()
	netnstest.Run(s, s.CGN, "ip", "link", "set", netns.InsideLink, "address", "02:00:00:00:77:01")
	netnstest.Run(s, s.CGN, "ip", "link", "set", netns.OutsideLink, "address", "02:00:00:00:77:02")
	for _, h := range append(s.Subscribers, s.Servers...) {
		netnstest.Run(s, h.NS, "ip", "neighbour", "flush", "all")
	}
}

// leaveChecksums has what hosts send reach the CGN without checksums of UDP, as between virtual machines: its own links end them.
func (s *site) leaveChecksums() {
	s.Helper()
	for _, h := range append(s.Subscribers, s.Servers...) {
		netnstest.Run(s, h.NS, "ethtool", "-K", netns.HostLink, "tx", "on")
	}
	for _, sw := range []*netns.NS{s.Access, s.Core} {
		netnstest.Run(s, sw, "ethtool", "-K", netns.CGNLink, "tx", "on")
	}
}

// A frame with priority and no VLAN (IEEE 802.1p) is decided behind the driver alone, and who sent it hears of a refusal, too.
func TestErrorsAboutPriorityFrames(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool), Policy: Policy{Limit: Limit{UDP: 1}}})
	me, him := s.Subscribers[0], netip.AddrPortFrom(s.Servers[0].Addr, 9)
	heard := must(me.Observe(netns.Watch{Match: func(p netns.Packet) bool { return p.Src == ad("100.64.255.254") }}))
	s.sendTagged(0, netip.AddrPortFrom(me.Addr, 4000), him)
	refused := netip.AddrPortFrom(me.Addr, 4001)
	s.sendTagged(0, refused, him)
	until(t, "the subscriber hears of it", func() bool { return must(heard.Count()) > 0 })
	wantError(t, must(heard.Packets())[0], icmpError(ad("100.64.255.254"), me.Addr, unreachable, 1, udp(refused, him, "tagged").ip()[:32]), 0)
	if counts := s.counts(); counts["replied"] != 1 || counts["drop-limit"] != 1 {
		t.Errorf("%d errors about %d packets", counts["replied"], counts["drop-limit"])
	}
}

// What the driver cannot send goes to the program behind it as it came, so long as the sender may be told. What the VLAN
// interfaces of a kernel do with it is not covered.
func TestErrorsAreHandedOn(t *testing.T) {
	for _, tagged := range []bool{false, true} {
		l := newLab(t, Config{tagged: tagged}, alloc.PoolSpec{Inside: spans("100.64.0.0/28"), Outside: spans("198.51.100.0/30"), PortsPerSubscriber: 100})
		var tags []tag
		if tagged {
			tags = []tag{{0x8100, 100}}
			l.tag([2][]tag{nil, tags})
		}
		me := ap("100.64.0.1:5000")
		l.run(fromInside, udp(me, server, "x").frame())
		share, _ := l.model.subscriber(me.Addr())
		out := netip.AddrPortFrom(share.Outside(), l.portOf(insider{planeUDP, me}, share))
		if err := l.table(bpf.CgnatMapExits).Put(l.links[fromOutside]/64, uint64(0)); err != nil {
			t.Fatal(err)
		}
		frame := udp(server, out, "the last hop").with(withTTL(1)).frame()
		l.address(fromOutside, frame)
		frame = withTags(frame, tags, 0)
		l.waitTick()
		for range 400 {
			got := l.run(fromOutside, frame)
			if got.verdict != dropTTL || got.reply {
				t.Fatalf("tagged %v: %s, reply %v", tagged, got.verdict, got.reply)
			}
			if got.action == xdpDrop && l.repliesSpent() {
				break
			}
			if got.action != xdpPass || !bytes.HasSuffix(got.frame, frame) {
				t.Fatalf("tagged %v: action %d, frame % x", tagged, got.action, got.frame)
			}
		}
	}
}
