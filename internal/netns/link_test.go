//go:build linux

package netns_test

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// pair joins two new namespaces by a cable, eth0 on both ends, with the addresses 192.0.2.1 and 192.0.2.2.
func pair(tb testing.TB) (a, b *netns.NS) {
	tb.Helper()
	a, b = netnstest.New(tb), netnstest.New(tb)
	err := errors.Join(
		a.AddVeth("eth0", b, "eth0"),
		a.AddAddr("eth0", prefix("192.0.2.1/30")),
		b.AddAddr("eth0", prefix("192.0.2.2/30")),
		a.SetUp("eth0"),
		b.SetUp("eth0"),
		a.AwaitUp(long, "eth0"),
		b.AwaitUp(long, "lo", "eth0"),
	)
	if err != nil {
		tb.Fatal(err)
	}
	return a, b
}

func TestVeth(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	if err := a.Ping(netns.Ping{To: addr("192.0.2.2"), ID: 5}); err != nil {
		t.Error(err)
	}
	if err := b.SetMTU("eth0", 1400); err != nil {
		t.Error(err)
	}
	if got := netnstest.Run(t, b, "ip", "link", "show", "eth0"); !strings.Contains(got, "mtu 1400") {
		t.Errorf("link after SetMTU: %s", got)
	}
	// With the other namespace goes the cable.
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := a.AwaitGone(long, "eth0"); err != nil {
		t.Error(err)
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	if err := b.AddAddr("lo", prefix("198.51.100.1/32")); err != nil {
		t.Fatal(err)
	}
	routes := []netns.Route{
		{Via: addr("192.0.2.2")},
		{To: prefix("198.51.100.7/24"), Via: addr("192.0.2.2"), Link: "eth0"},
		{To: prefix("203.0.113.0/24"), Link: "eth0"},
		{To: prefix("203.0.113.128/25"), Blackhole: true},
	}
	for _, r := range routes {
		if err := a.AddRoute(r); err != nil {
			t.Error(err)
		}
	}
	got := netnstest.Run(t, a, "ip", "route")
	for _, want := range []string{
		"default via 192.0.2.2 dev eth0",
		"198.51.100.0/24 via 192.0.2.2 dev eth0",
		"203.0.113.0/24 dev eth0 scope link",
		"blackhole 203.0.113.128/25",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no route %q in:\n%s", want, got)
		}
	}
	if err := a.Ping(netns.Ping{To: addr("198.51.100.1"), ID: 6}); err != nil {
		t.Error(err)
	}
	// The kernel says so at once; nothing is sent.
	if err := a.Ping(netns.Ping{To: addr("203.0.113.129"), ID: 7}); !errors.Is(err, unix.EINVAL) {
		t.Errorf("ping into a blackhole: %v, want %v", err, unix.EINVAL)
	}
}

func TestAwaitUp(t *testing.T) {
	t.Parallel()
	a, b := netnstest.New(t), netnstest.New(t)
	if err := a.AddVeth("eth0", b, "eth0"); err != nil {
		t.Fatal(err)
	}
	if err := a.SetUp("eth0"); err != nil {
		t.Fatal(err)
	}
	err := a.AwaitUp(time.Millisecond, "lo", "eth0")
	if !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "link eth0 is ") {
		t.Errorf("with the other end off: %v, want %v", err, os.ErrDeadlineExceeded)
	}
	up := make(chan error)
	go func() { up <- a.AwaitUp(long, "eth0") }()
	if err := b.SetUp("eth0"); err != nil {
		t.Error(err)
	}
	if err := <-up; err != nil {
		t.Error(err)
	}
}

func TestLinkErrors(t *testing.T) {
	t.Parallel()
	ns := netnstest.New(t)
	tests := map[string]struct {
		err  error
		want string
	}{
		"address": {ns.AddAddr("eth0", prefix("192.0.2.1/24")), "find link eth0: Link not found"},
		"up":      {ns.SetUp("lo", "eth0"), "find link eth0: Link not found"},
		"mtu":     {ns.SetMTU("lo", -1), "set MTU of lo to -1: invalid argument"},
		"bridge":  {ns.AddBridge("lo"), "add bridge lo: file exists"},
		"port":    {ns.AddBridge("br0", "eth0"), "find link eth0: Link not found"},
		"veth":    {ns.AddVeth("lo", ns, "eth0"), "add veth lo to eth0: file exists"},
		"route":   {ns.AddRoute(netns.Route{To: prefix("192.0.2.0/24"), Via: addr("198.51.100.1")}), "add route 192.0.2.0/24 via 198.51.100.1: network is unreachable"},
		"default": {ns.AddRoute(netns.Route{Via: addr("198.51.100.1")}), "add route default via 198.51.100.1: network is unreachable"},
		"sysctl":  {ns.SetSysctl("net.ipv4.ip_forward", "perhaps"), `set sysctl net.ipv4.ip_forward to "perhaps": write /proc/sys/net/ipv4/ip_forward: invalid argument`},
		"offload": {ns.DisableOffload("eth0"), "disable offload 0x1f of eth0: no such device"},
		"GRO":     {ns.EnableGRO("lo", "eth0"), "enable GRO of eth0: no such device"},
		"observe": {observeError(ns), "observe packets: find link eth0: Link not found"},
		"send":    {ns.SendIPv4(netns.IPv4{Src: addr("192.0.2.1"), Dst: addr("192.0.2.2")}.Bytes()), "send packet to 192.0.2.2: network is unreachable"},
	}
	for name, test := range tests {
		if test.err == nil || test.err.Error() != test.want {
			t.Errorf("%s: error %v, want %s", name, test.err, test.want)
		}
	}
}

func observeError(ns *netns.NS) error {
	_, err := ns.Observe(netns.Watch{Link: "eth0"})
	return err
}

// Sysctls belong to the namespace, also while the process is in another.
func TestSysctlOfTheNamespace(t *testing.T) {
	t.Parallel()
	a, b := netnstest.New(t), netnstest.New(t)
	const name = "net.ipv4.ip_default_ttl"
	if err := a.SetSysctl(name, "77"); err != nil {
		t.Fatal(err)
	}
	for ns, want := range map[*netns.NS]string{a: "77", b: "64"} {
		if got, err := ns.Sysctl(name); err != nil || got != want {
			t.Errorf("%s in %v is %s (error %v), want %s", name, ns, got, err, want)
		}
	}
}

func TestBridge(t *testing.T) {
	t.Parallel()
	middle := netnstest.New(t)
	var hosts []*netns.NS
	for i, port := range []string{"p0", "p1"} {
		h := netnstest.New(t)
		ip := netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + i)})
		err := errors.Join(
			h.AddVeth("eth0", middle, port), middle.SetUp(port), h.SetUp("eth0"), h.AddAddr("eth0", netip.PrefixFrom(ip, 24)),
		)
		if err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, h)
	}
	if err := errors.Join(middle.AddBridge("br0", "p0", "p1"), middle.SetUp("br0"), middle.AwaitUp(long, "p0", "p1", "br0")); err != nil {
		t.Fatal(err)
	}
	if err := hosts[0].Ping(netns.Ping{To: addr("192.0.2.2"), ID: 8}); err != nil {
		t.Error(err)
	}
}
