//go:build linux

package nat44

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// Loading the file again changes nothing: mappings stay, and flows have the timers of the file.
func TestRouterAgain(t *testing.T) {
	t.Parallel()
	s := routerSpec(t, 6, 8, 0x34)
	s.Filtering = FilterNone
	b := newRouterBench(t, s)
	want := map[string]netip.AddrPort{}
	for _, network := range []string{"udp", "tcp", "icmp"} {
		seen, err := b.seen(0, 1, network, 4000)
		if err != nil {
			t.Fatal(err)
		}
		want[network] = seen
	}
	flows := map[string][]olderFlow{}
	for _, network := range []string{"udp", "tcp"} {
		flows[network] = []olderFlow{b.beginInside(network), b.beginOutside(network)}
	}
	stray, listed := b.counted(strayCounter), b.nft("list", "table", "ip", "cgn")
	if err := b.Servers[0].Silent(netns.Query{Remote: netip.AddrPortFrom(s.Outside, 80)}); err != nil {
		t.Error(err)
	}
	for range 2 {
		b.load(s)
	}
	if n := b.counted(strayCounter); n != stray+1 {
		t.Errorf("%d strays counted before, %d after", stray+1, n)
	}
	for network, list := range flows {
		for i, f := range list {
			if got, err := f.Ask(); err != nil || got != f.seen {
				t.Errorf("%s: flow %d is seen as %v, %v; want %v", network, i, got, err, f.seen)
			}
		}
		for _, seconds := range b.remembered(network) {
			if most := map[string]int{"udp": 300, "tcp": 7440}[network]; seconds > most {
				t.Errorf("%s: conntrack remembers a flow for %d s, want at most %d", network, seconds, most)
			}
		}
	}
	for network, seen := range want {
		if got, err := b.seen(0, 0, network, 4000); err != nil || got != seen {
			t.Errorf("%s: another server sees %v, %v; want %v", network, got, err, seen)
		}
	}
	for _, name := range []string{foreignCounter, staleCounter, dropCounter} {
		if n := b.counted(name); n > 0 {
			t.Errorf("%d packets are counted as %s", n, name)
		}
	}
	if rules := chainsOf(b.nft("list", "table", "ip", "cgn")); rules != chainsOf(listed) {
		t.Errorf("the rules are others:\n%s\nbefore:\n%s", rules, chainsOf(listed))
	}
}

// chainsOf returns the chains of the listing of a table.
func chainsOf(listing string) string {
	_, chains, _ := strings.Cut(listing, "\tchain ")
	return chains
}

// After the ports have changed, flows that the kernel remembers do not leave with ports that somebody else has by now, from whichever side
// they began. Once they are forgotten, they get new ones.
func TestRouterOtherPorts(t *testing.T) {
	t.Parallel()
	s := routerSpec(t, 6, 8, 0x34)
	s.Filtering = FilterNone
	b := newRouterBench(t, s)
	host, to := b.Subscribers[0], netip.AddrPortFrom(b.Servers[0].Addr, 7)
	send := func() {
		b.Helper()
		for _, c := range []netns.IPv4{udpOf(5000, 7, "?"), udpOf(5000, 9998, "answer"), queryOf(8, 77, nil)} {
			c.Src, c.Dst = host.Addr, to.Addr()
			if err := host.SendIPv4(c.Bytes()); err != nil {
				t.Fatal(err)
			}
		}
	}
	seen, err := b.seen(0, 1, "udp", 5000)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Servers[0].SendIPv4(first("udp", netip.AddrPortFrom(to.Addr(), 9998), seen)); err != nil { // begins outside
		t.Fatal(err)
	}
	connection, err := host.Dial(netns.Query{Network: "tcp", Local: netip.AddrPortFrom(host.Addr, 5001), Remote: to, Timeout: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	send()
	if _, err := connection.Ask(); err != nil {
		t.Fatal(err)
	}
	if n := b.counted(foreignCounter); n != 0 {
		t.Errorf("%d packets with ports of others are counted while all are the router's", n)
	}
	b.spec = routerSpec(t, 6, 8, 0x35)
	b.load(b.spec)
	watch, err := b.Servers[0].Observe(netns.Watch{Match: func(p netns.Packet) bool {
		return p.Src == s.Outside && !b.spec.Ports.Contains(p.SrcPort)
	}})
	if err != nil {
		t.Fatal(err)
	}
	neighbours, err := b.Servers[0].Observe(netns.Watch{Match: func(p netns.Packet) bool { return p.Dst == seen.Addr() && p.DstPort == seen.Port() }})
	if err != nil {
		t.Fatal(err)
	}
	send()
	if _, err := connection.Ask(); err == nil {
		t.Error("a connection with a port of somebody else goes on")
	}
	if n := b.counted(foreignCounter); n < 4 {
		t.Errorf("%d packets with ports of others are counted, want those of three flows and a connection", n)
	}
	netnstest.Run(t, b.CGN, "conntrack", "-F")
	for _, network := range []string{"udp", "tcp", "icmp"} {
		b.oneMapping(map[uint16]string{}, 0, network, 6000)
		b.oneMapping(map[uint16]string{}, 0, network, 5000) // it had another port
	}
	if err := host.SendIPv4(first("udp", netip.AddrPortFrom(host.Addr, 6001), seen)); err != nil { // to a neighbour by now
		t.Fatal(err)
	}
	if _, err := neighbours.AwaitCount(t.Context(), 1); err != nil {
		t.Error(err)
	}
	packets, err := watch.Packets()
	if err != nil || len(packets) > 0 {
		t.Errorf("%d packets left with ports of others, %v: %+v", len(packets), err, packets)
	}
}

// udpOf returns a datagram of one port to another.
func udpOf(from, to uint16, text string) netns.IPv4 {
	return netns.IPv4{Proto: unix.IPPROTO_UDP, Payload: append([]byte{byte(from >> 8), byte(from), byte(to >> 8), byte(to), 0, byte(8 + len(text)), 0, 0}, text...)}
}

// queryOf returns a question by ICMP with an identifier.
func queryOf(kind byte, id uint16, data []byte) netns.IPv4 {
	b := append([]byte{kind, 0, 0, 0, byte(id >> 8), byte(id), 0, 1}, data...)
	sum := netns.Checksum(b)
	b[2], b[3] = byte(sum>>8), byte(sum)
	return netns.IPv4{Proto: unix.IPPROTO_ICMP, Payload: b}
}

// What asks for the time with an identifier of somebody else gets no answer, as a ping does not (RFC 7597 section 8).
func TestRouterStrayTimestamp(t *testing.T) {
	t.Parallel()
	b := newRouterBench(t, routerSpec(t, 6, 8, 0x34))
	for i, id := range []uint16{1231, 1236, 5} {
		p := queryOf(13, id, make([]byte, 12)) // timestamp request
		p.Src, p.Dst = b.Servers[0].Addr, b.spec.Outside
		if err := b.Servers[0].SendIPv4(p.Bytes()); err != nil {
			t.Fatal(err)
		}
		if n := b.counted(strayCounter); n != i+1 {
			t.Errorf("%d strays counted, want %d", n, i+1)
		}
	}
}

// A CGN on the same machine is not touched by the router's file, whichever comes first, and the two do not take each other for a conflict.
func TestRouterBesideCGN(t *testing.T) {
	t.Parallel()
	s := routerSpec(t, 6, 8, 0x34)
	s.Instance = must(ParseInstance(RouterInstance))
	router, rs := routerOf(t, s), must(NewRuleset(onePool(t, ports(1000), "100.64.0.0/24", "198.51.100.0/28"), cgn))
	for _, routerFirst := range []bool{false, true} {
		b := newBench(t)
		if routerFirst {
			loadRouter(t, b.ns, router)
		}
		b.apply(rs)
		loadRouter(t, b.ns, router)
		b.equal(rs)
		b.apply(rs)
		if !strings.Contains(b.nft("list", "table", "ip", s.Instance.Table()), "chain arrive") {
			t.Error("the router's table is gone")
		}
		other := must(NewRuleset(rs.Plan(), s.Instance))
		if _, err := b.k.Apply(other, ApplyOptions{}); !errors.Is(err, ErrForeign) {
			t.Errorf("a CGN in the router's table: %v", err)
		}
	}
}
