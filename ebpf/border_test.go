//go:build linux

package ebpf

import (
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// verdicts sends packets and compares what became of them, without the model.
func (l *lab) verdicts(from side, packets map[string]datagram, want map[string]verdict) {
	l.Helper()
	for name, p := range packets {
		if got := l.run(from, p.frame()); got.verdict != want[name] {
			l.Errorf("%s: %s, want %s", name, got.verdict, want[name])
		}
	}
}

// Hosts that subscribers reach untranslated may answer that way, and so may routers on the way to them. Nobody else may send to an
// inside address, and nobody at all from one.
func TestBorderWithoutTranslation(t *testing.T) {
	plan, err := alloc.NewPlan(alloc.Spec{
		Pools:       []alloc.PoolSpec{{Name: "a", Inside: spans("100.64.0.0/28"), Outside: spans("198.51.100.0/30"), PortsPerSubscriber: 100}},
		NoTranslate: []alloc.Destination{must(alloc.ParseDestination("192.0.2.16/28"))},
	})
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(t, Config{Plan: plan})
	me, friend, other := ap("100.64.0.1:5000"), ap("192.0.2.17:53"), ap("192.0.2.32:53")
	later := func(d *datagram) { d.flags = 100 }
	told := func(about datagram) datagram {
		return icmpError(router, me.Addr(), unreachable, 4, about.ip()[:shortest])
	}
	l.verdicts(fromOutside, map[string]datagram{
		"from a friend":                       udp(friend, me, "x"),
		"from a friend, a later fragment":     udp(friend, me, "x").with(later),
		"from a friend, a ping":               icmpQuery(friend.Addr(), me.Addr(), echoRequest, 1, "x"),
		"from another":                        udp(other, me, "x"),
		"from another, a later fragment":      udp(other, me, "x").with(later),
		"from another, ICMP, a later one":     icmpQuery(other.Addr(), me.Addr(), echoRequest, 1, "x").with(later),
		"about a packet to a friend":          told(udp(me, friend, "x")),
		"about a packet to another":           told(udp(me, other, "x")),
		"about a packet from a friend":        told(udp(friend, me, "x")),
		"from an inside address":              udp(ap("100.64.0.2:1"), me, "x"),
		"from an inside address to a friend":  udp(ap("100.64.0.2:1"), friend, "x"),
		"from a friend to an outside address": udp(friend, ap("198.51.100.0:2000"), "x"),
	}, map[string]verdict{
		"from a friend": "pass no translate", "from a friend, a later fragment": "pass no translate", "from a friend, a ping": "pass no translate",
		"from another": dropInside, "from another, a later fragment": dropInside, "from another, ICMP, a later one": dropInside,
		"about a packet to a friend": "pass no translate", "about a packet to another": dropInside, "about a packet from a friend": dropInside,
		"from an inside address": dropSource, "from an inside address to a friend": dropSource,
		"from a friend to an outside address": dropNoMapping,
	})
}

// Inside addresses are those of all realms.
func TestBorderOfRealms(t *testing.T) {
	l := newLab(t, Config{},
		alloc.PoolSpec{Name: "a", Realm: "west", Inside: spans("100.64.0.0/28"), Outside: spans("198.51.100.0/30"), PortsPerSubscriber: 100},
		alloc.PoolSpec{Name: "b", Realm: "east", Inside: spans("100.64.0.8/29 100.65.0.0/28"), Outside: spans("198.51.100.8/30"), PortsPerSubscriber: 100},
		alloc.PoolSpec{Name: "c", Realm: "north", Inside: spans("100.64.252.0/28"), Outside: spans("198.51.100.16/30"), PortsPerSubscriber: 100})
	from := func(a string) datagram {
		return udp(netip.AddrPortFrom(ad(a), 9), netip.AddrPortFrom(ad("198.51.100.1"), 2000), "x")
	}
	to := func(a string) datagram { return udp(server, netip.AddrPortFrom(ad(a), 9), "x") }
	l.verdicts(fromOutside, map[string]datagram{
		"of the first": from("100.64.0.1"), "of two": from("100.64.0.9"), "of the second": from("100.65.0.15"), "of none": from("100.65.0.16"),
		"of the third, outside": from("100.64.252.1"),
		"to the first":          to("100.64.0.1"), "to the second": to("100.65.0.15"), "to none": to("100.65.0.16"), "to the third, outside": to("100.64.252.1"),
	}, map[string]verdict{
		"of the first": dropSource, "of two": dropSource, "of the second": dropSource, "of none": dropSource, "of the third, outside": dropNoMapping,
		"to the first": dropInside, "to the second": dropInside, "to none": passNotOutside, "to the third, outside": passNotOutside,
	})
}

// Behind the driver, the kernel says of a packet that is larger than the interface only that: which side an address is on does not
// depend on it, or what has to be cut would leave untranslated.
func TestBorderOfLargePackets(t *testing.T) {
	l := newLab(t, Config{behind: true}, labPools()...)
	c := newCast(l)
	inside, outside := must(l.d.generation.openProgram(bpf.CgnatProgCgnInsideSlow)), must(l.d.generation.openProgram(bpf.CgnatProgCgnOutsideSlow))
	netnstest.Run(t, l.ns, "ip", "link", "set", "outside", "mtu", "1000")
	large := string(make([]byte, 1200))
	out := l.runBehind(inside, fromInside, udp(c.alice.in[planeUDP], twin, large).with(fragmentable).frame())
	if out.verdict != "" || out.action != tcShot { // cut, and its parts come in again
		t.Errorf("to a host outside: %s, action %d", out.verdict, int32(out.action))
	}
	if in := l.runBehind(outside, fromOutside, udp(twin, c.alice.out[planeUDP], large).frame()); in.verdict != inbound {
		t.Errorf("from a host outside: %s, action %d", in.verdict, int32(in.action))
	}
}
