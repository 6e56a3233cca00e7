//go:build linux

package ebpf

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// What the host lacks is said with the command that mends it, and that command does.
func TestLacks(t *testing.T) {
	ns := netnstest.New(t)
	run := func(name string, args ...string) {
		t.Helper()
		netnstest.Run(t, ns, name, args...)
	}
	for _, name := range []string{"inside", "outside"} {
		run("ip", "link", "add", name, "type", "veth", "peer", "name", name+"-far")
		run("ip", "link", "set", name+"-far", "up")
		run("ethtool", "-K", name+"-far", "gro", "off")
	}
	run("ip", "link", "set", "inside", "up")
	run("ip", "link", "set", "inside", "mtu", "1600")
	run("sysctl", "-q", "-w", "net.ipv4.ip_forward=0")
	c := Config{
		Plan:   mustPlan(t, alloc.PoolSpec{Inside: spans("100.64.0.0/24"), Outside: spans("192.0.2.0"), SharingRatio: 256}),
		Inside: []Interface{{Name: "inside"}}, Outside: []Interface{{Name: "outside"}},
	}
	check := func(want ...string) {
		t.Helper()
		err := ns.Do(func() error {
			got, err := Preview(c)
			if diff := cmp.Diff(want, got.Lacks); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	all := []string{
		"forwarding is off, so no packet of a subscriber gets anywhere: sysctl -w net.ipv4.ip_forward=1",
		"inside-far, the other end of inside, does not poll, so what is sent to it takes the slow way: ethtool -K inside-far gro on",
		"outside is down: ip link set outside up",
		"outside-far, the other end of outside, does not poll, so what is sent to it takes the slow way: ethtool -K outside-far gro on",
		"inside takes 1600 octets and outside only 1500: larger packets are cut, slowly, or answered with ICMP: ip link set outside mtu 1600",
		"there are no routes: ip route add default via GATEWAY",
		"pool pool0: the way to the subscriber 100.64.0.0 does not lead to an inside interface: ip route add SUBSCRIBERS dev INTERFACE",
	}
	check(all...)
	run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
	run("sysctl", "-q", "-w", "net.ipv4.conf.outside.forwarding=0")
	run("ethtool", "-K", "inside-far", "gro", "on")
	run("ip", "link", "set", "outside", "up")
	run("ip", "link", "set", "outside", "mtu", "1600")
	run("ip", "route", "add", "100.64.0.0/10", "dev", "inside")
	check("forwarding is off on outside, so no packet that comes in there gets anywhere: sysctl -w net.ipv4.conf.outside.forwarding=1",
		all[3], "no route with a gateway leads out of an outside interface: ip route add default via GATEWAY")
	run("sysctl", "-q", "-w", "net.ipv4.conf.outside.forwarding=1")
	run("ethtool", "-K", "outside-far", "gro", "on")
	run("ip", "address", "add", "203.0.113.1/24", "dev", "outside")
	run("ip", "route", "add", "default", "via", "203.0.113.254")
	check()
}

// A realm without an inside interface is said, by name.
func TestLacksOfRealms(t *testing.T) {
	plan := mustPlan(t, alloc.PoolSpec{Realm: "east", Inside: spans("100.64.0.0/24"), Outside: spans("192.0.2.0"), SharingRatio: 256},
		alloc.PoolSpec{Realm: "west", Inside: spans("100.64.0.0/24"), Outside: spans("192.0.2.1"), SharingRatio: 256})
	b := &box{plan: plan, record: record{Links: []attachment{{Name: "a", Inside: true, Realm: "east"}, {Name: "b"}}}}
	b.realms()
	want := []string{"realm west of the plan has no inside interface, so its subscribers are not translated: give it one, --inside INTERFACE=west"}
	if diff := cmp.Diff(want, b.out); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whether there are VLANs on a card is known; this kernel need not have them.
func TestHasVLAN(t *testing.T) {
	b := &box{links: map[int]netlink.Link{
		3: &netlink.Vlan{LinkAttrs: netlink.LinkAttrs{Index: 3, ParentIndex: 2}},
		4: &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Index: 4, ParentIndex: 5}},
	}}
	if !b.hasVLAN(2) || b.hasVLAN(5) {
		t.Errorf("VLANs on 2: %v, on 5: %v", b.hasVLAN(2), b.hasVLAN(5))
	}
}

// The features of an interface are those that ethtool shows.
func TestOffloads(t *testing.T) {
	ns := netnstest.New(t)
	if err := ns.AddVeth("here", ns, "there"); err != nil {
		t.Fatal(err)
	}
	var seen []bool
	for _, state := range []string{"on", "off"} {
		netnstest.Run(t, ns, "ethtool", "-K", "here", "gro", state)
		err := ns.Do(func() error {
			on, err := offloads("here")
			seen = append(seen, on["rx-gro"])
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(seen, []bool{true, false}) {
		t.Errorf("GRO is %v", seen)
	}
	if err := ns.Do(func() error { _, err := offloads("nowhere"); return err }); err == nil {
		t.Error("an interface that does not exist has offloads")
	}
}
