//go:build linux

package nat44

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/portset"
)

// busyFlows are flows that ask all the time: some of UDP from one host, and as many of TCP from the other.
func (b *routerBench) busyFlows(each int) (flows []olderFlow, stop func()) {
	b.Helper()
	to := netip.AddrPortFrom(b.Servers[0].Addr, 7)
	for i := range uint16(2 * each) {
		network, host := []string{"udp", "tcp"}[i%2], b.Subscribers[i%2]
		f := b.dial(host.NS, network, netip.AddrPortFrom(host.Addr, 20000+i), to)
		seen, err := f.Ask()
		if err != nil {
			b.Fatal(err)
		}
		flows = append(flows, olderFlow{f, seen, seen})
	}
	done := make(chan struct{})
	var all sync.WaitGroup
	for _, f := range flows {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					_, _ = f.Ask() // some have lost their port
				}
			}
		})
	}
	return flows, func() {
		close(done)
		all.Wait()
	}
}

// answered asks until there is an answer. A connection that was without one for long sends again after as long.
func answered(f olderFlow) (seen netip.AddrPort, err error) {
	for range 60 {
		if seen, err = f.Ask(); err == nil {
			return seen, nil
		}
	}
	return seen, err
}

// Loading the file again while packets flow hurts no flow. The sets of the ports are in motion at that moment.
func TestRouterAgainBusy(t *testing.T) {
	t.Parallel()
	s := routerSpec(t, 6, 8, 0x34)
	s.Services = must(portset.ParseSet("1232,2256-2257"))
	b := newRouterBench(t, s)
	flows, stop := b.busyFlows(40)
	for range 50 {
		b.load(s)
	}
	stop()
	for _, f := range flows {
		if got, err := answered(f); err != nil || got != f.seen {
			t.Errorf("a flow is seen as %v, %v; want %v", got, err, f.seen)
		}
	}
	for _, name := range []string{foreignCounter, staleCounter, dropCounter, strayCounter, refusedCounter} {
		if n := b.counted(name); n > 0 {
			t.Errorf("%d packets are counted as %s", n, name)
		}
	}
}

// Loading a file with fewer ports, or with services, while packets flow hurts the flows of these ports and no others. Where they come back, so do
// their flows.
func TestRouterOtherPortsBusy(t *testing.T) {
	t.Parallel()
	s := routerSpec(t, 6, 8, 0x34)
	b := newRouterBench(t, s)
	flows, stop := b.busyFlows(40)
	fewer, serving := s, s
	last, _ := portset.NewRange(32768, 32768)
	fewer.Ports, _ = s.Ports.Minus(must(portset.NewSet(last)))
	serving.Services = s.Ports.Slice(60, 40)
	for range 4 {
		for _, spec := range []RouterSpec{fewer, s, serving} {
			b.load(spec)
		}
	}
	stop()
	gone := 0
	for _, f := range flows {
		if serving.Services.Contains(f.port.Port()) {
			gone++
			if _, err := f.Ask(); err == nil {
				t.Errorf("a flow goes on with port %d, which is a service", f.port.Port())
			}
			continue
		}
		if got, err := answered(f); err != nil || got != f.seen {
			t.Errorf("a flow is seen as %v, %v; want %v", got, err, f.seen)
		}
	}
	if gone == 0 || gone == len(flows) {
		t.Errorf("%d of %d flows have ports that became services", gone, len(flows))
	}
	b.load(s)
	for _, f := range flows {
		if got, err := answered(f); err != nil || got != f.seen {
			t.Errorf("when its port is back, a flow is seen as %v, %v; want %v", got, err, f.seen)
		}
	}
}

// A mapping that is about to end is its endpoint's still: by flows that go on, by new ones, and from outside.
func TestRouterAboutToEnd(t *testing.T) {
	for _, network := range []string{"udp", "tcp", "icmp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			s := routerSpec(t, 6, 8, 0x34)
			s.Filtering = FilterNone
			b := newRouterBench(t, s)
			var flows []olderFlow
			if network != "icmp" {
				flows = []olderFlow{b.beginInside(network), b.beginOutside(network)}
			}
			seen, err := b.seen(0, 1, network, 4000)
			if err != nil {
				t.Fatal(err)
			}
			end := func() {
				b.nft("flush", "set", "ip", "cgn", "fresh_"+network)
				time.Sleep(1100 * time.Millisecond) // what is claimed is so for a second
			}
			for i, f := range flows {
				end()
				if got, err := f.Ask(); err != nil || got != f.seen {
					t.Errorf("flow %d is seen as %v, %v; want %v", i, got, err, f.seen)
				}
			}
			end()
			if got, err := b.seen(0, 0, network, 4000); err != nil || got != seen {
				t.Errorf("another server sees %v, %v; want %v", got, err, seen)
			}
			if network == "udp" {
				end()
				c := b.hostSocket(b.Subscribers[0].NS, netip.AddrPortFrom(b.Subscribers[0].Addr, 4000))
				if err := b.Servers[1].SendIPv4(first(network, netip.AddrPortFrom(b.Servers[1].Addr, 9999), seen)); err != nil {
					t.Fatal(err)
				}
				if !heard(c, "?") {
					t.Error("what a server sends does not arrive")
				}
			}
			if n := b.counted(staleCounter); n > 0 {
				t.Errorf("%d packets are counted as %s", n, staleCounter)
			}
		})
	}
}
