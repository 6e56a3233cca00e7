//go:build linux

package nat44

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// expires returns after how many seconds the elements of a set or map end.
func (b *routerBench) expires(kind, name string) []int {
	b.Helper()
	var list struct {
		Nftables []map[string]struct {
			Elem []json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(netnstest.Run(b.TB, b.CGN, "nft", "-j", "list", kind, "ip", "cgn", name)), &list); err != nil {
		b.Fatal(err)
	}
	var out []int
	for _, item := range list.Nftables {
		for _, raw := range item[kind].Elem {
			var pair []json.RawMessage
			if json.Unmarshal(raw, &pair) == nil {
				raw = pair[0] // of a map
			}
			var e struct{ Elem struct{ Expires int } }
			if err := json.Unmarshal(raw, &e); err != nil {
				b.Fatalf("%s: %v", raw, err)
			}
			out = append(out, e.Elem.Expires)
		}
	}
	return out
}

// lasts checks that the only mapping of a protocol lasts so many seconds, and longer than the kernel remembers its flow.
func (b *routerBench) lasts(network string, want int) {
	b.Helper()
	for _, set := range []string{"map out_", "set busy_"} {
		kind, name, _ := strings.Cut(set, " ")
		if got := b.expires(kind, name+network); !as(got, want) {
			b.Errorf("%s%s: elements last %d s, want one and %d", name, network, got, want)
		}
	}
	for _, seconds := range b.remembered(network) {
		if seconds > want-4 {
			b.Errorf("a mapping of %d s, and conntrack remembers a flow for %d", want, seconds)
		}
	}
}

// remembered returns for how many seconds conntrack remembers the flows of a protocol.
func (b *routerBench) remembered(network string) []int {
	b.Helper()
	var out []int
	for line := range strings.Lines(netnstest.Run(b.TB, b.CGN, "conntrack", "-L", "-p", network)) {
		var number, seconds int
		if _, err := fmt.Sscanf(strings.TrimPrefix(line, network), "%d %d", &number, &seconds); err != nil {
			b.Fatalf("%s: %v", line, err)
		}
		out = append(out, seconds)
	}
	return out
}

// as reports whether there is one number, and it is the wanted one or a little less.
func as(got []int, want int) bool { return len(got) == 1 && got[0] <= want && got[0] > want-30 }

// A mapping ends a little after the last flow of it, and not before.
func TestRouterLifetimes(t *testing.T) {
	t.Parallel()
	b := newRouterBench(t, routerSpec(t, 6, 8, 0x34))
	sub := b.Subscribers[0]
	for network, want := range map[string]int{"udp": udpKept, "icmp": icmpKept} {
		if _, err := b.seen(0, 0, network, 4000); err != nil {
			t.Fatal(err)
		}
		b.lasts(network, want)
	}
	dial := func(server int) *netns.Flow {
		f, err := sub.Dial(netns.Query{Network: "tcp", Local: netip.AddrPortFrom(sub.Addr, 4000), Remote: netip.AddrPortFrom(b.Servers[server].Addr, 7)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Ask(); err != nil {
			t.Fatal(err)
		}
		return f
	}
	first := dial(0)
	b.lasts("tcp", tcpKept)
	if u, c := b.remembered("udp"), b.remembered("tcp"); !as(u, 300) || !as(c, 7440) {
		t.Errorf("conntrack remembers flows for %v and %v s, want 300 and 7440", u, c)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	b.lasts("tcp", tcpShort)
	one, two := dial(0), dial(1)
	b.lasts("tcp", tcpKept)
	for _, f := range []*netns.Flow{one, two} {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		b.lasts("tcp", tcpKept) // nobody counts how many are left
	}
}

// What the router itself sends has a port of the set; what comes for other ports and addresses is dropped; and so is what cannot be
// translated.
func TestRouterGuards(t *testing.T) {
	t.Parallel()
	b := newRouterBench(t, routerSpec(t, 6, 8, 0x34))
	for _, network := range []string{"udp", "tcp"} {
		seen, err := b.CGN.Ask(netns.Query{Network: network, Local: netip.AddrPortFrom(netip.Addr{}, 33333), Remote: netip.AddrPortFrom(b.Servers[0].Addr, 7)})
		if err != nil || seen.Addr() != b.spec.Outside || !b.spec.Ports.Contains(seen.Port()) {
			t.Errorf("%s of the router itself: seen as %v, %v", network, seen, err)
		}
	}
	if err := b.CGN.Ping(netns.Ping{To: b.Servers[0].Addr, ID: 77}); err != nil {
		t.Error(err)
	}
	for i, to := range []string{"192.0.2.18:80", "192.0.2.18:1236", "192.168.1.10:1232"} {
		if i == 2 {
			if err := b.Servers[0].AddRoute(netns.Route{To: netip.MustParsePrefix("192.168.1.0/24"), Via: netip.MustParseAddr("203.0.113.254")}); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Servers[0].Silent(netns.Query{Remote: netip.MustParseAddrPort(to)}); err != nil {
			t.Error(err)
		}
		if n := b.counted(strayCounter); n != i+1 {
			t.Errorf("%d strays counted, want %d", n, i+1)
		}
	}
	if err := b.Servers[0].Ping(netns.Ping{To: b.spec.Outside, ID: 1233}); err != nil {
		t.Error("a ping with an identifier of the set:", err)
	}
	if err := b.Servers[0].Ping(netns.Ping{To: b.spec.Outside, ID: 1231, Timeout: 300 * time.Millisecond}); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a ping with an identifier of others:", err)
	}
	watch, err := b.Servers[0].Observe(netns.Watch{Match: func(p netns.Packet) bool { return p.Src == b.Subscribers[0].Addr }})
	if err != nil {
		t.Fatal(err)
	}
	sub := b.Subscribers[0]
	ack := []byte{0, 80, 0, 81, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x10, 0, 0, 0, 0, 0, 0} // of no connection
	for i, p := range []netns.IPv4{{Proto: 47, Payload: make([]byte, 8)}, {Proto: 50, Payload: make([]byte, 24)}, {Proto: 6, Payload: ack}} {
		p.Src, p.Dst = sub.Addr, b.Servers[0].Addr
		if err := sub.SendIPv4(p.Bytes()); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(5 * time.Second); b.counted(dropCounter) != i+1; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("packet %d: %d counted", i, b.counted(dropCounter))
			}
		}
	}
	if n, err := watch.Count(); err != nil || n != 0 {
		t.Errorf("%d packets left with an inside source, %v", n, err)
	}
}

// Others have other ports of the same address: hosts reach them past the router, and they reach hosts.
func TestRouterNeighbour(t *testing.T) {
	t.Parallel()
	s := routerSpec(t, 6, 8, 0x34)
	s.Filtering = FilterNone
	b := newRouterBench(t, s)
	neighbour := netip.AddrPortFrom(s.Outside, 1236)
	c := b.hostSocket(b.Subscribers[0].NS, netip.AddrPortFrom(b.Subscribers[0].Addr, 5000))
	watch, err := b.Servers[0].Observe(netns.Watch{Match: func(p netns.Packet) bool { return p.Src == s.Outside && p.Dst == s.Outside }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.WriteToUDPAddrPort([]byte("hello"), neighbour); err != nil {
		t.Fatal(err)
	}
	if _, err := watch.AwaitCount(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	seen, err := watch.Packets()
	if err != nil || seen[0].DstPort != 1236 || !s.Ports.Contains(seen[0].SrcPort) {
		t.Fatalf("it left as %+v, %v", seen[0], err)
	}
	for text, from := range map[string]uint16{"answer": 1236, "from another": 1240} {
		datagram := binary.BigEndian.AppendUint16(nil, from)
		datagram = binary.BigEndian.AppendUint16(datagram, seen[0].SrcPort)
		datagram = binary.BigEndian.AppendUint16(datagram, uint16(8+len(text)))
		datagram = append(append(datagram, 0, 0), text...)
		if err := b.Servers[0].SendIPv4(netns.IPv4{Src: s.Outside, Dst: s.Outside, Proto: unix.IPPROTO_UDP, Payload: datagram}.Bytes()); err != nil {
			t.Fatal(err)
		}
		if !heard(c, text) {
			t.Errorf("%q of a neighbour does not arrive", text)
		}
	}
}

// Packets for ports of the router that no mapping has make none, however many they are.
func TestRouterScanned(t *testing.T) {
	t.Parallel()
	s := routerSpec(t, 6, 8, 0x34)
	s.Filtering = FilterNone
	b := newRouterBench(t, s)
	c := b.hostSocket(b.Servers[0].NS, netip.AddrPortFrom(b.Servers[0].Addr, 9999))
	for port := range s.Ports.Ports() {
		_, _ = c.WriteToUDPAddrPort([]byte("?"), netip.AddrPortFrom(s.Outside, port)) // is dropped
	}
	if _, err := b.seen(0, 0, "udp", 5000); err != nil {
		t.Fatal(err)
	}
	b.lasts("udp", udpKept)
}

// Many at the same moment: still nobody has a port that another one has.
func TestRouterCrowd(t *testing.T) {
	t.Parallel()
	b := newRouterBench(t, routerSpec(t, 6, 8, 0x34))
	const each = 110 // of 252
	var mu sync.Mutex
	owner := map[uint16]int{}
	var all sync.WaitGroup
	for i := range 2 * each {
		all.Go(func() {
			sub := b.Subscribers[i%2]
			c, err := sub.ListenUDP(netip.AddrPortFrom(sub.Addr, uint16(20000+i)))
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = c.Close() }()
			for server := range b.Servers {
				seen, err := seenFrom(c, netip.AddrPortFrom(b.Servers[server].Addr, 7))
				mu.Lock()
				switch other, taken := owner[seen.Port()]; {
				case err != nil:
					t.Errorf("mapping %d: %v", i, err)
				case taken && other != i:
					t.Errorf("mapping %d has %v, and so has mapping %d", i, seen, other)
				case !taken && server > 0:
					t.Errorf("mapping %d has another port for another server: %v", i, seen)
				default:
					owner[seen.Port()] = i
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(owner) != 2*each {
		t.Errorf("%d ports for %d mappings", len(owner), 2*each)
	}
}

// seenFrom asks an echo server through a socket, and returns what it says.
func seenFrom(c *net.UDPConn, server netip.AddrPort) (netip.AddrPort, error) {
	if _, err := c.WriteToUDPAddrPort([]byte("?"), server); err != nil {
		return netip.AddrPort{}, err
	}
	buf := make([]byte, 100)
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second)) // its error shows in what follows
	n, err := c.Read(buf)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.ParseAddrPort(strings.TrimPrefix(string(buf[:n]), "? "))
}

// Datagrams that are fragmented arrive whole, both ways, and ICMP errors arrive where they belong.
func TestRouterFragmentsAndErrors(t *testing.T) {
	t.Parallel()
	b := newRouterBench(t, routerSpec(t, 6, 8, 0x34))
	c := b.hostSocket(b.Subscribers[0].NS, netip.AddrPortFrom(b.Subscribers[0].Addr, 5000))
	text := bytes.Repeat([]byte("0123456789abcdef"), 500)
	if _, err := c.WriteToUDPAddrPort(text, netip.AddrPortFrom(b.Servers[0].Addr, 7)); err != nil {
		t.Fatal(err)
	}
	if !heard(c, string(text)+" "+b.spec.Outside.String()+":") {
		t.Error("8000 octets did not come back")
	}
	_, err := b.Subscribers[0].Ask(netns.Query{Remote: netip.AddrPortFrom(b.Servers[0].Addr, 9)})
	if !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("a closed port: %v", err)
	}
}

// A transfer arrives octet by octet through a narrow link, and both sides were told its size.
func TestRouterTransfer(t *testing.T) {
	t.Parallel()
	s := routerSpec(t, 6, 8, 0x34)
	s.MTU = 1280
	b := newRouterBench(t, s)
	sink, err := b.Servers[0].ListenSink(netip.AddrPortFrom(b.Servers[0].Addr, 8))
	if err != nil {
		t.Fatal(err)
	}
	var watches []*netns.Observer
	for _, ns := range []*netns.NS{b.Servers[0].NS, b.Subscribers[0].NS} {
		w, err := ns.Observe(netns.Watch{Match: func(p netns.Packet) bool { return p.Proto == unix.IPPROTO_TCP && p.Raw[20+13]&2 != 0 }})
		if err != nil {
			t.Fatal(err)
		}
		watches = append(watches, w)
	}
	tr, err := b.Subscribers[0].StartTransfer(t.Context(), netns.Stream{Remote: sink.Addr(), Bytes: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Wait(); err != nil {
		t.Error(err)
	}
	for i, w := range watches {
		packets, err := w.Packets()
		if err != nil || len(packets) == 0 {
			t.Fatal(len(packets), err)
		}
		if mss := binary.BigEndian.Uint16(packets[0].Raw[20+20+2:]); mss != 1240 {
			t.Errorf("side %d reads an MSS of %d, want 1240", i, mss)
		}
	}
}
