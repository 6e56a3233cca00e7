//go:build linux

package ebpf

import (
	"net/netip"
	"regexp"
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// The hosts of a far site: behind the CGN there is a link with an MTU of 1400, then a router, server 1, and behind that a link
// with an MTU of 1300 to the host farAddr.
const farAddr = "198.51.100.1"

// newFarSite returns a site, and a host behind a router.
func newFarSite(t *testing.T, c Config) (*site, netns.Host) {
	t.Helper()
	s := &site{TB: t, Topology: netnstest.NewTopology(t, netns.Options{Switches: true, OutsideMTU: 1400})}
	far, router := netnstest.New(t), s.Servers[1]
	if err := router.AddVeth("far", far, netns.HostLink); err != nil {
		t.Fatal(err)
	}
	for _, end := range []struct {
		ns         *netns.NS
		link, addr string
	}{{router.NS, "far", "198.51.100.254/24"}, {far, netns.HostLink, farAddr + "/24"}} {
		netnstest.Run(t, end.ns, "ip", "link", "set", end.link, "up", "mtu", "1300")
		netnstest.Run(t, end.ns, "ip", "address", "add", end.addr, "dev", end.link)
	}
	netnstest.Run(t, far, "ip", "route", "add", "default", "via", "198.51.100.254")
	netnstest.Run(t, router.NS, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
	netnstest.Run(t, s.CGN, "ip", "route", "add", "198.51.100.0/24", "via", router.Addr.String())
	warm(t, s.Topology)
	s.d = attach(t, s.Topology, c)
	return s, netns.Host{NS: far, Addr: ad(farAddr)}
}

var hopLine = regexp.MustCompile(`(?m)^ *\d+  (\S+)`)

// hops returns the way that traceroute shows. It asks once a hop, one after the other, because hosts answer a few questions at a
// time.
func hops(t *testing.T, from *netns.NS, args ...string) (out []string) {
	t.Helper()
	text := netnstest.Run(t, from, "traceroute", slices.Concat([]string{"-n", "-q", "1", "-N", "1"}, args)...)
	for _, m := range hopLine.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// Who asks for the way with the tool that everybody uses sees every router, whatever the tool sends, outward and inward.
func TestTraceroute(t *testing.T) {
	s, _ := newFarSite(t, Config{Plan: mustPlan(t, samplePool)})
	out := []string{"100.64.255.254", s.Servers[1].Addr.String(), farAddr}
	for name, args := range map[string][]string{
		"UDP": nil, "UDP to one port": {"-U"}, "ICMP": {"-I"}, "TCP": {"-T"}, "UDP, of 1300 octets": {farAddr, "1300"},
	} {
		if len(args) < 2 {
			args = append(args, farAddr)
		}
		if got := hops(t, s.Subscribers[0].NS, args...); !slices.Equal(got, out) {
			t.Errorf("%s: the way is %v, want %v", name, got, out)
		}
	}
	_, seen := s.flow(0, s.echo().Addr())
	in := []string{"203.0.113.254", seen.Addr().String()}
	if got := hops(t, s.Servers[0].NS, "-U", "-p", portOf(seen), seen.Addr().String()); !slices.Equal(got, in) {
		t.Errorf("inward the way is %v, want %v", got, in)
	}
}

func portOf(e netip.AddrPort) string { return e.String()[len(e.Addr().String())+1:] }

// Who asks for the MTU of the way hears of both narrow links: from the CGN of its own, and from the router behind it.
func TestTracepath(t *testing.T) {
	s, _ := newFarSite(t, Config{Plan: mustPlan(t, samplePool)})
	text := netnstest.Run(t, s.Subscribers[0].NS, "tracepath", "-n", farAddr)
	for _, want := range []string{
		`(?m)^ *\d: +100\.64\.255\.254 +[\d.]+ms pmtu 1400$`, `(?m)^ *\d: +203\.0\.113\.2 +[\d.]+ms pmtu 1300$`,
		`(?m)^ *3: +198\.51\.100\.1 +[\d.]+ms reached$`, `(?m)^ +Resume: pmtu 1300 hops 3 back 3 *$`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
}
