//go:build linux

package nat44

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
	"github.com/cgnkit/cgnkit/portset"
)

// loadShort loads the ruleset with mappings that end after some seconds, much earlier than the kernel forgets their flows.
func (b *routerBench) loadShort() {
	b.Helper()
	fresh := regexp.MustCompile(`(update @fresh_\w+ .*) timeout \d+s`)
	other := regexp.MustCompile(`(update @\w+ .*) timeout \d\d+s`)
	text := other.ReplaceAllString(fresh.ReplaceAllString(routerOf(b.TB, b.spec).String(), "$1 timeout 2s"), "$1 timeout 4s")
	path := filepath.Join(b.TempDir(), "short.nft")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
	netnstest.Run(b.TB, b.CGN, "nft", "-f", path)
}

// awaitNone waits until there are no mappings of a protocol.
func (b *routerBench) awaitNone(network string) {
	b.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if len(b.expires("map", "out_"+network))+len(b.expires("set", "busy_"+network)) == 0 {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("%s: mappings do not end", network)
		}
	}
}

// occupy has the other host take all ports of the router, towards another server. It returns the flow that has a port.
func (b *routerBench) occupy(network string, port uint16) *netns.Flow {
	b.Helper()
	other := b.Subscribers[1]
	var found *netns.Flow
	for i := range uint16(b.spec.Ports.Len()) {
		f := b.dial(other.NS, network, netip.AddrPortFrom(other.Addr, 6000+i), netip.AddrPortFrom(b.Servers[1].Addr, 7))
		seen, err := f.Ask()
		if err != nil {
			b.Fatal(err)
		}
		if seen.Port() == port {
			found = f
		}
	}
	if found == nil {
		b.Fatalf("%s: nobody got port %d", network, port)
	}
	return found
}

// An older flow is one that is there before its mapping ends.
type olderFlow struct {
	*netns.Flow
	port netip.AddrPort // the outside endpoint of the host
	seen netip.AddrPort // what the other side sees
}

// beginInside opens a flow to a server.
func (b *routerBench) beginInside(network string) olderFlow {
	b.Helper()
	host := b.Subscribers[0]
	f := b.dial(host.NS, network, netip.AddrPortFrom(host.Addr, 5001), netip.AddrPortFrom(b.Servers[0].Addr, 7))
	seen, err := f.Ask()
	if err != nil {
		b.Fatal(err)
	}
	return olderFlow{f, seen, seen}
}

// beginOutside has a server begin a flow to a mapping.
func (b *routerBench) beginOutside(network string) olderFlow {
	b.Helper()
	host, server := b.Subscribers[0], b.Servers[0]
	inside, there := netip.AddrPortFrom(host.Addr, 5000), netip.AddrPortFrom(server.Addr, 9998)
	port, err := b.seen(0, 0, network, inside.Port())
	if err != nil {
		b.Fatal(err)
	}
	if network == "udp" { // the host asks
		if err := server.SendIPv4(first(network, there, port)); err != nil {
			b.Fatal(err)
		}
		b.echo(server.NS, network, there)
		return olderFlow{b.dial(host.NS, network, inside, there), port, port}
	}
	b.echo(host.NS, network, inside)
	return olderFlow{b.dial(server.NS, network, there, port), port, there}
}

func (b *routerBench) dial(ns *netns.NS, network string, from, to netip.AddrPort) *netns.Flow {
	b.Helper()
	f, err := ns.Dial(netns.Query{Network: network, Local: from, Remote: to, Timeout: 500 * time.Millisecond})
	if err != nil {
		b.Fatal(err)
	}
	return f
}

func (b *routerBench) echo(ns *netns.NS, network string, local netip.AddrPort) {
	b.Helper()
	if _, err := ns.ListenEcho(network, local); err != nil {
		b.Fatal(err)
	}
}

// A flow that the kernel remembers longer than its mapping, as after its timers were taken away, gets the mapping back only while nobody else
// has the port: no port has two inside endpoints at a time, on whichever side the flow began.
func TestRouterStale(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		for name, begin := range map[string]func(*routerBench, string) olderFlow{"from inside": (*routerBench).beginInside, "from outside": (*routerBench).beginOutside} {
			t.Run(network+" "+name, func(t *testing.T) {
				t.Parallel()
				s := routerSpec(t, 0, 14, 16)
				s.Filtering = FilterNone
				b := newRouterBench(t, s)
				b.loadShort()
				flow := begin(b, network)
				if _, err := flow.Ask(); err != nil {
					t.Fatal(err)
				}
				b.awaitNone(network)
				if got, err := flow.Ask(); err != nil || got != flow.seen {
					t.Fatalf("while its port is free, the flow is seen as %v, %v; want %v", got, err, flow.seen)
				}
				if n := len(b.expires("map", "inside_"+network)); n != 1 {
					t.Errorf("after that there are %d mappings, want the one of the flow", n)
				}
				b.awaitNone(network)
				watch, err := b.Servers[0].Observe(netns.Watch{Match: func(p netns.Packet) bool { return p.Src == s.Outside }})
				if err != nil {
					t.Fatal(err)
				}
				owner := b.occupy(network, flow.port.Port())
				if _, err := flow.Ask(); err == nil {
					t.Errorf("somebody else has port %d, and the flow goes on", flow.port.Port())
				}
				if got, err := owner.Ask(); err != nil || got != flow.port {
					t.Errorf("who got the port is seen as %v, %v; want %v", got, err, flow.port)
				}
				if n, err := watch.Count(); err != nil || n > 0 {
					t.Errorf("%d packets of the flow left with the port of somebody else, %v", n, err)
				}
				if b.counted(staleCounter) == 0 {
					t.Error("what was dropped is not counted")
				}
			})
		}
	}
}

// holders returns who holds which port by UDP.
func (b *routerBench) holders() map[string][]string {
	b.Helper()
	out := map[string][]string{}
	for _, m := range regexp.MustCompile(`(\d+) \. (192\.168\.1\.\d+ \. \d+) timeout`).FindAllStringSubmatch(netnstest.Run(b.TB, b.CGN, "nft", "list", "set", "ip", "cgn", "held_udp"), -1) {
		out[m[1]] = append(out[m[1]], m[2])
	}
	return out
}

// Flows whose mappings were lost and flows that are new come at the same moment: still no port has two inside endpoints.
func TestRouterStaleCrowd(t *testing.T) {
	t.Parallel()
	b := newRouterBench(t, routerSpec(t, 6, 8, 0x34))
	host, other := b.Subscribers[0], b.Subscribers[1]
	const each = 126 // of 252
	var old []*net.UDPConn
	send := func(conns []*net.UDPConn, server int) {
		for _, c := range conns {
			_, _ = c.WriteToUDPAddrPort([]byte("?"), netip.AddrPortFrom(b.Servers[server].Addr, 7)) // some are dropped
		}
	}
	for i := range uint16(each) {
		old = append(old, b.hostSocket(host.NS, netip.AddrPortFrom(host.Addr, 20000+i)))
	}
	send(old, 0)
	lost := ""
	for _, set := range []string{"map ip cgn out", "map ip cgn inside", "set ip cgn held", "set ip cgn fresh", "set ip cgn busy", "set ip cgn claimed"} {
		lost += "flush " + set + "_udp; "
	}
	for round := range 10 {
		var fresh []*net.UDPConn
		for i := range uint16(each) {
			fresh = append(fresh, b.hostSocket(other.NS, netip.AddrPortFrom(other.Addr, uint16(20000+each*round)+i)))
		}
		if n := len(b.holders()); n < each/2 {
			t.Fatalf("round %d: %d ports are held", round, n)
		}
		netnstest.Run(t, b.CGN, "nft", lost)
		var both sync.WaitGroup
		both.Go(func() { send(old, 0) })
		both.Go(func() { send(fresh, 1) })
		both.Wait()
		for port, who := range b.holders() {
			if len(who) > 1 {
				t.Errorf("round %d: port %s is held by %v", round, port, who)
			}
		}
	}
}

// After a port has become a service of the router, a host that had it has it no more, and gets another one.
func TestRouterNewService(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			b := newRouterBench(t, routerSpec(t, 6, 8, 0x34))
			flow := b.beginInside(network)
			watch, err := b.Servers[0].Observe(netns.Watch{Match: func(p netns.Packet) bool { return p.SrcPort == flow.port.Port() && p.Src == b.spec.Outside }})
			if err != nil {
				t.Fatal(err)
			}
			b.spec.Services = must(portset.ParseSet(fmt.Sprint(flow.port.Port())))
			b.load(b.spec)
			if _, err := flow.Ask(); err == nil {
				t.Error("the flow goes on with the port of a service")
			}
			if n, err := watch.Count(); err != nil || n > 0 {
				t.Errorf("%d packets left with the port of a service, %v", n, err)
			}
			if b.counted(staleCounter) == 0 {
				t.Error("what was dropped is not counted")
			}
			_ = flow.Close() // nobody answers it
			again, err := b.seen(0, 1, network, 5001)
			if err != nil || again == flow.port || !b.spec.Ports.Contains(again.Port()) {
				t.Errorf("the same inside endpoint gets %v, %v", again, err)
			}
			if later, err := b.seen(0, 1, network, 5001); err != nil || later != again {
				t.Errorf("then it is seen as %v, %v; want %v", later, err, again)
			}
			b.serve(network, true)
			if network == "tcp" {
				return // the host's own kernel does not let it begin that connection again so soon
			}
			b.spec.Services = portset.Set{}
			b.load(b.spec)
			old := b.dial(b.Subscribers[0].NS, network, netip.AddrPortFrom(b.Subscribers[0].Addr, 5001), netip.AddrPortFrom(b.Servers[0].Addr, 7))
			for range 3 { // what is claimed is so for a second
				if got, err := old.Ask(); err == nil && got != again {
					t.Errorf("when its port is back, the flow of before is seen as %v, and others of its endpoint as %v", got, again)
				}
			}
			_ = old.Close()
			if later, err := b.seen(0, 1, network, 5001); err != nil || later != again {
				t.Errorf("at last it is seen as %v, %v; want %v", later, err, again)
			}
		})
	}
}
