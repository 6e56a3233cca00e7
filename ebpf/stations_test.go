//go:build linux

package ebpf

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

var (
	strangerMAC = net.HardwareAddr{2, 0, 0, 0, 9, 9}
	virtualMAC  = net.HardwareAddr{0, 0, 0x5e, 0, 1, 51} // of a virtual router, RFC 9568 section 7.3
	changedMAC  = net.HardwareAddr{2, 0, 0, 0, 9, 1}
)

// A number is a MAC address and back, and what no station has is none.
func TestMACNumber(t *testing.T) {
	for _, a := range []net.HardwareAddr{strangerMAC, virtualMAC, {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff}, {0, 0, 0, 0, 0, 1}} {
		if n, ok := macNumber(a); !ok || !bytes.Equal(macOf(n), a) {
			t.Errorf("%v is %#x, %v, which is %v", a, n, ok, macOf(n))
		}
	}
	for _, a := range []net.HardwareAddr{nil, make(net.HardwareAddr, 6), make(net.HardwareAddr, 8), {1, 0, 0x5e, 0, 0, 1}} {
		if n, ok := macNumber(a); ok {
			t.Errorf("%v is %#x", a, n)
		}
	}
}

// A frame for another station is the host's, with tags too. The driver leaves it to the program behind it, which knows what the kernel
// thinks of it.
func TestForeignStation(t *testing.T) {
	for _, tagged := range []bool{false, true} {
		l := newLab(t, Config{behind: true, tagged: tagged}, alloc.PoolSpec{Inside: spans("100.64.0.0/28"), Outside: spans("198.51.100.0/30"), PortsPerSubscriber: 100})
		tags := []tag{{0x8100, 100}}
		send := l.send
		if tagged {
			l.tag([2][]tag{tags, tags})
			send = func(from side, frame []byte) outcome { return l.sendTagged(from, frame, tags, tags) }
		}
		me := netip.MustParseAddrPort("100.64.0.1:5000")
		out := udp(me, server, "x").frame()
		if got := send(fromInside, out); got.verdict != outbound {
			t.Fatalf("to us: %v", got.verdict)
		}
		back := udp(server, l.model.inside[insider{planeUDP, me}].outside, "x").frame()
		for from, frame := range map[side][]byte{fromInside: out, fromOutside: back} {
			foreign := slices.Clone(frame)
			copy(foreign, strangerMAC)
			if got := send(from, foreign); got.verdict != passSlow {
				t.Errorf("tagged %v, side %v: %v", tagged, from, got.verdict)
			}
			program := bpf.CgnatProgCgnInsideSlow
			if from == fromOutside {
				program = bpf.CgnatProgCgnOutsideSlow
			}
			behind := must(l.d.generation.openProgram(program))
			if got := l.runBehind(behind, from, foreign); got.verdict != passForeign || !bytes.Equal(got.frame, foreign) {
				t.Errorf("behind the driver, side %v: %v, %x", from, got.verdict, got.frame)
			}
			if got := l.runBehind(behind, from, frame); !slices.Contains([]verdict{outbound, inbound}, got.verdict) {
				t.Errorf("to us, behind the driver, side %v: %v", from, got.verdict)
			}
		}
	}
}

// What the driver does not know to be ours is translated behind it where the kernel does, and then the driver has noted nothing.
func TestUnknownStation(t *testing.T) {
	l := newLab(t, Config{behind: true}, alloc.PoolSpec{Inside: spans("100.64.0.0/28"), Outside: spans("198.51.100.0/30"), PortsPerSubscriber: 100})
	if err := l.table(bpf.CgnatMapMacs).Put(l.links[fromInside], uint64(1)); err != nil {
		t.Fatal(err)
	}
	me := netip.MustParseAddrPort("100.64.0.1:5000")
	behind := must(l.d.generation.openProgram(bpf.CgnatProgCgnInsideSlow))
	for _, flags := range []uint8{syn, ack} {
		if got := l.run(fromInside, tcp(me, server, flags, "").frame()); got.verdict != passSlow {
			t.Errorf("in the driver: %v", got.verdict)
		}
		if got := l.runBehind(behind, fromInside, tcp(me, server, flags, "").frame()); got.verdict != outbound {
			t.Errorf("behind the driver: %v", got.verdict)
		}
	}
	share, _ := l.model.subscriber(me.Addr())
	port := l.portOf(insider{planeTCP, me}, share)
	before := l.slot(planeTCP, netip.AddrPortFrom(share.Outside(), port)).State
	answer := tcp(server, netip.AddrPortFrom(share.Outside(), port), syn|ack, "").frame()
	if got := l.run(fromOutside, answer); got.verdict != inbound {
		t.Errorf("the answer: %v", got.verdict)
	}
	l.runBehind(behind, fromInside, tcp(me, server, ack, "").frame())
	if after := l.slot(planeTCP, netip.AddrPortFrom(share.Outside(), port)).State; after == before {
		t.Errorf("the connection is still in state %#x", after)
	}
}

// heard sends a packet to a MAC address on the link of the subscribers. It returns whether the server has heard it, and which counters
// that changed.
func (s *site) heard(mac net.HardwareAddr, echo *netns.Echo, own net.HardwareAddr) (bool, map[verdict]uint64) {
	s.Helper()
	counters := newTally(s, must(s.d.generation.openMap("maps", bpf.CgnatMapCounters)))
	before, seen := counters.read(), len(echo.Seen())
	from := netip.AddrPortFrom(s.Subscribers[0].Addr, 4000)
	for _, to := range []net.HardwareAddr{mac, own} {
		if err := s.Subscribers[0].SendFrame(netns.HostLink, to, udp(from, echo.Addr(), "x").ip()); err != nil {
			s.Fatal(err)
		}
	}
	if _, err := echo.AwaitSeen(s.Context(), seen+1); err != nil {
		s.Fatal(err)
	}
	s.flow(1, echo.Addr()) // what was sent before has been decided when the answer is here
	changed := make(map[verdict]uint64)
	for v, n := range counters.read() {
		if n != before[v] {
			changed[v] = n - before[v]
		}
	}
	return len(echo.Seen()) == seen+3, changed
}

// On a link, frames for another router are left alone. Whatever address of this host a frame is for, it is translated: by the driver once
// an apply has seen the address, and Verify says when it has not.
func TestStations(t *testing.T) {
	c := Config{Plan: mustPlan(t, samplePool)}
	s := newSite(t, c)
	echo := s.echo()
	s.flow(1, echo.Addr())
	own := must(s.CGN.MAC(netns.InsideLink))
	check := func(name string, mac net.HardwareAddr, want bool, count verdict) {
		t.Helper()
		if got, counted := s.heard(mac, echo, own); got != want || counted[count] == 0 || (count != passSlow && want && counted[passSlow] > 0) {
			t.Errorf("%s: heard %v, counted %v", name, got, counted)
		}
	}
	verify := func(name, want string) {
		t.Helper()
		if _, found := s.verify(c.Plan); len(found) != 1 || !strings.HasPrefix(found[0], want) {
			t.Errorf("%s: %q", name, found)
		}
		s.apply(c)
		if _, found := s.verify(c.Plan); len(found) > 0 {
			t.Errorf("%s, after apply: %q", name, found)
		}
	}
	check("our own", own, true, outbound)
	check("a stranger's", strangerMAC, false, passForeign)

	netnstest.Run(t, s.CGN, "ip", "link", "add", "vrrp.51", "link", netns.InsideLink, "address", virtualMAC.String(), "type", "macvlan", "mode", "private")
	netnstest.Run(t, s.CGN, "ip", "link", "set", "vrrp.51", "up")
	verify("a virtual router", "map stations: missing: MAC address 00:00:5e:00:01:33 on interface inside is not known")
	check("a virtual router's", virtualMAC, true, outbound)
	netnstest.Run(t, s.CGN, "ip", "link", "delete", "vrrp.51")
	verify("a virtual router that is gone", "map stations: changed: MAC address 00:00:5e:00:01:33 is none of interface inside")
	check("one of a virtual router that is gone", virtualMAC, false, passForeign)

	netnstest.Run(t, s.CGN, "ip", "link", "set", netns.InsideLink, "address", changedMAC.String())
	own = changedMAC
	netnstest.Run(t, s.Subscribers[1].NS, "ip", "neighbour", "flush", "dev", netns.HostLink)
	check("the new one", changedMAC, true, passSlow)
	verify("another MAC address", "map macs: changed: interface inside has MAC address 02:00:00:00:09:01, and programs take it for ")
	check("the new one, after apply", changedMAC, true, outbound)
}

// An interface takes packets at its own MAC address, and at those of what is above it; a VLAN at that of its card, too.
func TestMACsAt(t *testing.T) {
	ns := netnstest.New(t)
	ip := func(args ...string) { t.Helper(); netnstest.Run(t, ns, "ip", args...) }
	at := func(n string) string { return "02:00:00:00:00:" + n }
	ip("link", "add", "card", "address", at("01"), "type", "veth", "peer", "name", "far", "address", at("05"))
	ip("link", "add", "bridge", "address", at("02"), "type", "bridge")
	ip("link", "set", "card", "master", "bridge")
	ip("link", "add", "onbridge", "link", "bridge", "address", at("03"), "type", "macvlan")
	ip("link", "add", "onfar", "link", "far", "address", at("06"), "type", "macvlan")
	ip("link", "add", "other", "address", at("07"), "type", "veth", "peer", "name", "another")
	byIndex, err := map[int]netlink.Link(nil), error(nil)
	if err = ns.Do(func() error { byIndex, err = linksByIndex(); return err }); err != nil {
		t.Fatal(err)
	}
	index := make(map[string]int)
	for i, l := range byIndex {
		index[l.Attrs().Name] = i
	}
	add := func(l netlink.Link) { // not every kernel has these
		a := l.Attrs()
		a.Index, a.NetNsID = 1000+len(byIndex), -1
		byIndex[a.Index], index[a.Name] = l, a.Index
	}
	mac := func(n byte) net.HardwareAddr { return net.HardwareAddr{2, 0, 0, 0, 0, n} }
	add(&netlink.Vlan{LinkAttrs: netlink.LinkAttrs{Name: "vlan", ParentIndex: index["far"], HardwareAddr: mac(8)}})
	add(&netlink.Vlan{LinkAttrs: netlink.LinkAttrs{Name: "inner", ParentIndex: index["vlan"], HardwareAddr: mac(9)}})
	add(&netlink.Vlan{LinkAttrs: netlink.LinkAttrs{Name: "lost", ParentIndex: 999, HardwareAddr: mac(10)}})
	add(&netlink.Vrf{LinkAttrs: netlink.LinkAttrs{Name: "vrf", HardwareAddr: mac(11)}})
	byIndex[index["inner"]].Attrs().MasterIndex = index["vrf"]
	for name, want := range map[string][]string{
		"card":   {at("01"), at("01"), at("02"), at("03")},
		"bridge": {at("02"), at("02"), at("03")},
		"far":    {at("05"), at("05"), at("06")},
		"onfar":  {at("06"), at("06")},
		"vlan":   {at("08"), at("05"), at("08")},
		"inner":  {at("09"), at("05"), at("08"), at("09")},
		"lost":   {at("0a"), at("0a")},
		"":       {""},
	} {
		var got []string
		own, others := macsAmong(index[name], byIndex)
		for _, o := range others {
			got = append(got, o.String())
		}
		slices.Sort(got)
		if got = append([]string{own.String()}, got...); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}
