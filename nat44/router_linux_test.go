//go:build linux

package nat44

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
	"github.com/cgnkit/cgnkit/portset"
)

// routerSpec describes the router of RFC 7597 appendix A, with another layout of ports.
func routerSpec(tb testing.TB, offset, length int, psid uint16) RouterSpec {
	tb.Helper()
	layout, err := portset.NewLayout(offset, length)
	if err != nil {
		tb.Fatal(err)
	}
	set, err := layout.Set(psid)
	if err != nil {
		tb.Fatal(err)
	}
	instance, err := ParseInstance("")
	if err != nil {
		tb.Fatal(err)
	}
	return RouterSpec{Instance: instance, Outside: netip.MustParseAddr("192.0.2.18"), Ports: set, Link: netns.OutsideLink, MTU: 1460}
}

func routerOf(tb testing.TB, s RouterSpec) *Router {
	tb.Helper()
	r, err := NewRouter(s)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// A routerBench is a topology with a subscriber's router in the middle, and two hosts behind it.
type routerBench struct {
	*trafficBench
	spec RouterSpec
}

func newRouterBench(t *testing.T, s RouterSpec) *routerBench {
	t.Helper()
	b := &routerBench{newTrafficBench(t, netns.Options{
		Inside:        []netip.Addr{netip.MustParseAddr("192.168.1.10"), netip.MustParseAddr("192.168.1.11")},
		InsideGateway: netip.MustParsePrefix("192.168.1.1/24"),
		Outside:       []netip.Prefix{netip.PrefixFrom(s.Outside, 32)},
	}), s}
	if err := b.CGN.AddRoute(netns.Route{Via: b.Servers[0].Addr}); err != nil {
		t.Fatal(err)
	}
	b.load(s)
	return b
}

// load gives the router's ruleset to nft.
func (b *routerBench) load(s RouterSpec) {
	b.Helper()
	loadRouter(b.TB, b.CGN, routerOf(b.TB, s))
}

func loadRouter(tb testing.TB, ns *netns.NS, r *Router) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "router.nft")
	if err := os.WriteFile(path, []byte(r.String()), 0o644); err != nil {
		tb.Fatal(err)
	}
	netnstest.Run(tb, ns, "nft", "-f", path)
}

// counted returns the packets of a counter.
func (b *routerBench) counted(name string) int {
	b.Helper()
	return countedBy(b.TB, b.CGN, name)
}

func countedBy(tb testing.TB, ns *netns.NS, name string) int {
	tb.Helper()
	m := regexp.MustCompile(`packets (\d+)`).FindStringSubmatch(netnstest.Run(tb, ns, "nft", "list", "counter", "ip", "cgn", name))
	if m == nil {
		tb.Fatalf("no counter %s", name)
	}
	n, _ := strconv.Atoi(m[1]) // digits
	return n
}

// A routerLayout says which port set a router has.
type routerLayout struct {
	offset, length int
	psid           uint16
}

var layouts = []routerLayout{{6, 8, 0x34}, {4, 6, 33}, {0, 8, 4}, {6, 6, 63}, {8, 4, 1}, {0, 4, 0}}

// TestRouterMappings asks servers from inside endpoints of two hosts: whatever is asked, an inside endpoint has one port of the set,
// and no other inside endpoint has it.
func TestRouterMappings(t *testing.T) {
	for _, l := range layouts {
		t.Run(fmt.Sprintf("a=%d,k=%d", l.offset, l.length), func(t *testing.T) {
			t.Parallel()
			b := newRouterBench(t, routerSpec(t, l.offset, l.length, l.psid))
			for _, network := range []string{"udp", "tcp", "icmp"} {
				owner := map[uint16]string{}
				for port := range uint16(12) {
					for from := range b.Subscribers {
						b.oneMapping(owner, from, network, 40000+port)
					}
				}
			}
		})
	}
}

// oneMapping asks both servers from one inside endpoint.
func (b *routerBench) oneMapping(owner map[uint16]string, from int, network string, port uint16) {
	b.Helper()
	who := fmt.Sprintf("%v:%d", b.Subscribers[from].Addr, port)
	var first netip.AddrPort
	for round := range 4 {
		seen, err := b.seen(from, round%2, network, port)
		if err != nil {
			b.Fatalf("%s from %s: %v", network, who, err)
		}
		if round == 0 {
			first = seen
		}
		if seen != first {
			b.Errorf("%s from %s: mapped to %v and to %v (RFC 4787 REQ-1)", network, who, first, seen)
		}
	}
	if first.Addr() != b.spec.Outside || !b.spec.Ports.Contains(first.Port()) {
		b.Errorf("%s from %s: seen as %v, which is not in %v", network, who, first, b.spec.Ports)
	}
	if other, taken := owner[first.Port()]; taken && other != who {
		b.Errorf("%s: %s and %s both have port %d (RFC 4787 REQ-3)", network, who, other, first.Port())
	}
	owner[first.Port()] = who
}

// TestRouterFull opens mappings until there is no port left. Every port is given before one is refused, each once; who has a mapping
// still reaches everybody.
func TestRouterFull(t *testing.T) {
	for _, l := range append(layouts[:3:3], routerLayout{6, 4, 5}) {
		for _, network := range []string{"udp", "tcp", "icmp"} {
			t.Run(fmt.Sprintf("a=%d,k=%d,%s", l.offset, l.length, network), func(t *testing.T) {
				t.Parallel()
				b := newRouterBench(t, routerSpec(t, l.offset, l.length, l.psid))
				b.fill(network)
			})
		}
	}
}

func (b *routerBench) fill(network string) {
	b.Helper()
	owner := map[uint16]int{}
	n := b.spec.Ports.Len()
	for i := range n {
		seen, err := b.seen(i%2, i%2, network, uint16(20000+i))
		if err != nil {
			b.Fatalf("%s: refused with %d of %d ports in use: %v", network, i, n, err)
		}
		if other, taken := owner[seen.Port()]; taken {
			b.Fatalf("%s: mappings %d and %d both have port %d", network, other, i, seen.Port())
		}
		if owner[seen.Port()] = i; !b.spec.Ports.Contains(seen.Port()) {
			b.Fatalf("%s: port %d is not in %v", network, seen.Port(), b.spec.Ports)
		}
	}
	if got := b.counted("full_" + network); got != 0 {
		b.Errorf("%d packets counted as refused while ports were free", got)
	}
	before := b.counted("full_" + network)
	if _, err := b.refusal(network, 60000); !errors.Is(err, os.ErrDeadlineExceeded) {
		b.Errorf("one more than there are ports: %v", err)
	}
	if got := b.counted("full_" + network); got == before {
		b.Error("a refusal was not counted")
	}
	for _, i := range []int{0, n / 2, n - 1} {
		seen, err := b.seen(i%2, 1-i%2, network, uint16(20000+i))
		if err != nil || owner[seen.Port()] != i {
			b.Errorf("%s: mapping %d, when all is full: another server sees %v, %v", network, i, seen, err)
		}
	}
}

// refusal asks with little patience.
func (b *routerBench) refusal(network string, port uint16) (netip.AddrPort, error) {
	sub, to := b.Subscribers[0], b.Servers[0].Addr
	if network == "icmp" {
		return netip.AddrPort{}, sub.Ping(netns.Ping{To: to, ID: port, Timeout: 300 * time.Millisecond})
	}
	return sub.Ask(netns.Query{Network: network, Local: netip.AddrPortFrom(sub.Addr, port), Remote: netip.AddrPortFrom(to, 7), Timeout: 300 * time.Millisecond})
}
