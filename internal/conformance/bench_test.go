//go:build linux

package conformance

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
	"github.com/cgnkit/cgnkit/nat44"
)

// A bench is a network whose CGN obeys a plan.
type bench struct {
	*netns.Topology
	plan   *alloc.Plan
	report nat44.Report
	path   *datapath // nil: the backend is nftables
	ids    uint16
}

// nextID returns another number each time.
func (b *bench) nextID() uint16 {
	b.ids++
	return b.ids
}

// A setup describes a bench. Everything but ports has a default.
type setup struct {
	ports       int      // a share has so many
	ratio       int      // or an address so many shares
	outside     []string // default: 192.0.2.1
	scheme      alloc.Scheme
	reserve     string
	noTranslate []string
	routes      bool // servers have a way back to inside addresses
	extra       netns.Options
	xdp         *ebpf.Policy // nil: the backend is nftables
}

// Ports of shares: so many that they do not run out, and all of an address.
const (
	roomy   = 2016
	allOfIt = 64512
)

func (s setup) make(t *testing.T) *bench {
	t.Helper()
	s.extra.InsideRoutes = s.routes
	s.extra.Switches = s.xdp != nil
	b := &bench{plan: s.plan(t)}
	b.Topology = netnstest.NewTopology(t, s.extra)
	if s.xdp != nil {
		b.path = &datapath{key: ebpf.NewKey(), policy: *s.xdp}
		if !s.extra.OutsideGateway.IsValid() {
			b.warm(t)
		}
	}
	b.apply(t, b.plan)
	return b
}

// plan returns a plan of two subscribers, 100.64.0.1 and 100.64.0.2.
func (s setup) plan(t *testing.T) *alloc.Plan {
	t.Helper()
	if s.outside == nil {
		s.outside = []string{"192.0.2.1"}
		if s.ports == allOfIt {
			s.outside = []string{"192.0.2.1-192.0.2.2"}
		}
	}
	pool := alloc.PoolSpec{
		Name: "test", Inside: ranges(t, "100.64.0.1-100.64.0.2"), Outside: ranges(t, s.outside...), Scheme: s.scheme,
		PortsPerSubscriber: s.ports, SharingRatio: s.ratio,
	}
	if s.reserve != "" {
		pool.Reserve = ports(t, s.reserve)
	}
	spec := alloc.Spec{Pools: []alloc.PoolSpec{pool}}
	for _, text := range s.noTranslate {
		d, err := alloc.ParseDestination(text)
		if err != nil {
			t.Fatal(err)
		}
		spec.NoTranslate = append(spec.NoTranslate, d)
	}
	return newPlan(t, spec)
}

// with returns a setup function for a plain bench whose shares have so many ports.
func with(ports int) func(*testing.T) *bench { return setup{ports: ports}.make }

// overXDP is with for the XDP backend.
func overXDP(ports int) func(*testing.T) *bench { return obeying(ports, ebpf.Policy{}) }

// obeying is overXDP with a policy.
func obeying(ports int, p ebpf.Policy) func(*testing.T) *bench {
	return setup{ports: ports, xdp: &p}.make
}

// apply makes the CGN obey a plan. With nftables it proves that it does.
func (b *bench) apply(t *testing.T, plan *alloc.Plan) {
	t.Helper()
	if b.path != nil {
		b.load(t, plan)
		return
	}
	b.applyWith(t, plan, nat44.ApplyOptions{})
}

func (b *bench) applyWith(t *testing.T, plan *alloc.Plan, o nat44.ApplyOptions) {
	t.Helper()
	instance, err := nat44.ParseInstance("")
	if err != nil {
		t.Fatal(err)
	}
	rs, err := nat44.NewRuleset(plan, instance)
	if err != nil {
		t.Fatal(err)
	}
	err = b.CGN.Do(func() error {
		k, err := nat44.Open()
		if err != nil {
			return err
		}
		defer k.Close()
		if b.report, err = k.Apply(rs, o); err != nil {
			return err
		}
		_, err = k.Verify(rs, func(d nat44.Difference) { t.Errorf("after apply: %v", d) })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.plan = plan
}

// share returns what subscriber i owns.
func (b *bench) share(t *testing.T, i int) alloc.Share {
	t.Helper()
	a, err := b.plan.Lookup(alloc.SubscriberFrom("", b.Subscribers[i].Addr))
	if err != nil {
		t.Fatal(err)
	}
	return a.Share()
}

// owns fails the test unless the endpoint is in the share of subscriber i.
func (b *bench) owns(t *testing.T, i int, e netip.AddrPort) {
	t.Helper()
	s := b.share(t, i)
	if e.Addr() != s.Outside || !s.Ports.Contains(e.Port()) {
		t.Errorf("%v came out as %v, which is not in its share %v:%v", b.Subscribers[i].Addr, e, s.Outside, s.Ports)
	}
}

// echo starts an echo server on server i.
func (b *bench) echo(t *testing.T, i int, network string, port uint16) *netns.Echo {
	t.Helper()
	e, err := b.Servers[i].ListenEcho(network, netip.AddrPortFrom(b.Servers[i].Addr, port))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// from returns subscriber i's own port as the source of a query.
func (b *bench) from(i int, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(b.Subscribers[i].Addr, port)
}

// ask asks a server from a port of subscriber i and returns how the server saw it.
func (b *bench) ask(t *testing.T, i int, network string, port uint16, remote netip.AddrPort) netip.AddrPort {
	t.Helper()
	seen, err := b.Subscribers[i].Ask(netns.Query{Network: network, Local: b.from(i, port), Remote: remote})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// dial opens a flow from a port of subscriber i, which stays open until the end of the test, and asks once.
func (b *bench) dial(t *testing.T, i int, network string, port uint16, remote netip.AddrPort) (*netns.Flow, netip.AddrPort) {
	t.Helper()
	f, err := b.Subscribers[i].Dial(netns.Query{Network: network, Local: b.from(i, port), Remote: remote})
	if err != nil {
		t.Fatal(err)
	}
	seen, err := f.Ask()
	if err != nil {
		t.Fatal(err)
	}
	return f, seen
}

// refusal is what a subscriber notices of it: nothing with nftables, host unreachable with XDP.
func (b *bench) refusal() error {
	if b.path != nil {
		return unix.EHOSTUNREACH
	}
	return os.ErrDeadlineExceeded
}

// refused fails the test unless a datagram from a port of subscriber i is dropped.
func (b *bench) refused(t *testing.T, i int, port uint16, remote netip.AddrPort) {
	t.Helper()
	_, err := b.Subscribers[i].Ask(netns.Query{Local: b.from(i, port), Remote: remote, Timeout: b.patience()})
	if !errors.Is(err, b.refusal()) {
		t.Errorf("datagram from port %d to %v: error %v, want %v", port, remote, err, b.refusal())
	}
}

// refusedTCP is the same for a connection.
func (b *bench) refusedTCP(t *testing.T, ns *netns.NS, remote netip.AddrPort) {
	t.Helper()
	_, err := ns.Ask(netns.Query{Network: "tcp", Remote: remote, Timeout: b.patience()})
	if !errors.Is(err, b.refusal()) {
		t.Errorf("connection to %v: error %v, want %v", remote, err, b.refusal())
	}
}

// patience is short where nothing is what is expected.
func (b *bench) patience() time.Duration {
	if b.path != nil {
		return 2 * time.Second
	}
	return 200 * time.Millisecond
}

// endpoint sends a datagram from a port of subscriber i to a port of server 0 and returns the source that arrives there.
func (b *bench) endpoint(t *testing.T, i int, port, remote uint16) netip.AddrPort {
	t.Helper()
	w := watch(t, b.Servers[0].NS, func(p netns.Packet) bool {
		return p.Proto == unix.IPPROTO_UDP && p.DstPort == remote && p.Src == b.share(t, i).Outside
	})
	send(t, b.Subscribers[i], datagram(b.from(i, port), netip.AddrPortFrom(b.Servers[0].Addr, remote), "who am I?"))
	p := w.await(t, 1)[0]
	return netip.AddrPortFrom(p.Src, p.SrcPort)
}

// A watcher counts packets at one host.
type watcher struct{ *netns.Observer }

func watch(t *testing.T, ns *netns.NS, match func(netns.Packet) bool) watcher {
	t.Helper()
	o, err := ns.Observe(netns.Watch{Match: match})
	if err != nil {
		t.Fatal(err)
	}
	return watcher{o}
}

// await returns the packets once there are n of them.
func (w watcher) await(t *testing.T, n int) []netns.Packet {
	t.Helper()
	if _, err := w.AwaitCount(soon(t), n); err != nil {
		t.Fatal(err)
	}
	p, err := w.Packets()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// none fails the test if a packet was seen. The caller has made sure that it would have arrived by now.
func (w watcher) none(t *testing.T) {
	t.Helper()
	p, err := w.Packets()
	if err != nil || len(p) != 0 {
		t.Errorf("%d packets arrived that should not (error %v): %+v", len(p), err, p)
	}
}

// soon is for what happens at once unless it does not happen.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// closeAtEnd closes a socket when the test ends.
func closeAtEnd(t *testing.T, c io.Closer) {
	t.Helper()
	t.Cleanup(func() { _ = c.Close() })
}
