package live

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/metrics"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
	"github.com/cgnkit/cgnkit/nat44"
)

// newTopology returns one in which every host has found its neighbours, so that nothing waits for that later.
func newTopology(t *testing.T, o netns.Options) *netns.Topology {
	t.Helper()
	netnstest.Root(t)
	top := netnstest.NewTopology(t, o)
	for _, s := range top.Subscribers {
		if err := s.Ping(netns.Ping{To: netip.MustParseAddr("100.64.255.254")}); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range top.Servers {
		if err := s.Ping(netns.Ping{To: netip.MustParseAddr("203.0.113.254")}); err != nil {
			t.Fatal(err)
		}
	}
	return top
}

// traffic makes seven UDP mappings of the first subscriber and two of the second, and one ICMP query of each, to both servers.
func traffic(t *testing.T, top *netns.Topology) {
	t.Helper()
	for _, s := range top.Servers {
		e, err := s.ListenEcho("udp", netip.AddrPortFrom(s.Addr, 7))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Close() })
	}
	for n, ports := range []uint16{7, 2} {
		sub := top.Subscribers[n]
		for port := range ports {
			for _, s := range top.Servers {
				q := netns.Query{Network: "udp", Local: netip.AddrPortFrom(sub.Addr, 4000+port), Remote: netip.AddrPortFrom(s.Addr, 7)}
				if _, err := sub.Ask(q); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := sub.Ping(netns.Ping{To: top.Servers[0].Addr}); err != nil {
			t.Fatal(err)
		}
	}
}

// survey reads once.
func survey(t *testing.T, r metrics.Reader, p *alloc.Plan) *metrics.Usage {
	t.Helper()
	s, err := metrics.NewSurvey(r, func() *alloc.Plan { return p }, metrics.SurveyConfig{Top: 5})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s.Last()
}

func check(t *testing.T, u *metrics.Usage, top *netns.Topology) {
	t.Helper()
	got := u.Pools[0]
	if want := (metrics.Protocols{UDP: 9, ICMP: 2}); got.Ports != want || got.Mappings != want {
		t.Errorf("ports %+v, mappings %+v, want %+v", got.Ports, got.Mappings, want)
	}
	if got.Subscribers.Count() != 16 || got.Subscribers.Sum() != 9 || got.Addresses.Count() != 2 || got.Addresses.Sum() != 9 {
		t.Errorf("subscribers %d with %d, addresses %d with %d", got.Subscribers.Count(), got.Subscribers.Sum(), got.Addresses.Count(), got.Addresses.Sum())
	}
	if len(u.Top) != 2 || u.Top[0].Ports != 7 || u.Top[0].Subscriber.Addr() != top.Subscribers[0].Addr || u.Top[1].Ports != 2 {
		t.Errorf("top %+v", u.Top)
	}
}

// canceled makes sure that a reading ends with its context.
func canceled(t *testing.T, r metrics.Reader, p *alloc.Plan) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var last error
	for _, err := range r.Uses(ctx, p) {
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("a reading that was canceled ends with %v", last)
	}
}

func TestNFTables(t *testing.T) {
	top := newTopology(t, netns.Options{})
	p := plan(t, pool(t, "homes", "", "100.64.0.0/28", "192.0.2.0/31", 8))
	instance, err := nat44.ParseInstance("")
	if err != nil {
		t.Fatal(err)
	}
	rs, err := nat44.NewRuleset(p, instance)
	if err != nil {
		t.Fatal(err)
	}
	var reader *NFTables
	var conntrack *Conntrack
	if err := top.CGN.Do(func() error {
		k, err := nat44.Open()
		if err != nil {
			return err
		}
		defer k.Close()
		if _, err := k.Apply(rs, nat44.ApplyOptions{}); err != nil {
			return err
		}
		if reader, err = OpenNFTables(); err != nil {
			return err
		}
		conntrack, err = OpenConntrack()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	t.Cleanup(conntrack.Close)
	traffic(t, top)
	u := survey(t, reader, p)
	check(t, u, top)
	if want := (metrics.Protocols{UDP: 18, ICMP: 2}); u.Pools[0].Sessions != want || !u.HasSessions {
		t.Errorf("sessions %+v, want %+v", u.Pools[0].Sessions, want)
	}
	canceled(t, reader, p)
	check(t, survey(t, reader, p), top) // after a reading that was broken off
	each(t, reader, p)
	if buckets, flows, err := conntrack.Size(); err != nil || buckets < 1024 || flows < 20 || flows > 100 {
		t.Errorf("%d buckets, %d flows, %v", buckets, flows, err)
	}
	// An inside address without a share is dropped, and counted.
	netnstest.Run(t, top.CGN, "nft", "delete", "element", "ip", "cgn", "shares", "{ 100.64.0.2 }")
	if err := top.Subscribers[1].Silent(netns.Query{Network: "udp", Remote: netip.AddrPortFrom(top.Servers[0].Addr, 7), Timeout: 200 * time.Millisecond}); err != nil {
		t.Error(err)
	}
	if got, err := reader.Packets("cgn"); err != nil || len(got) != 1 || got[0].Result != "dropped" || got[0].Reason != "untranslated" || got[0].Packets == 0 || got[0].Bytes < 28*got[0].Packets {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := reader.Packets("other"); !errors.Is(err, nat44.ErrNotLoaded) {
		t.Errorf("of an instance that is not there: %v", err)
	}
	c, err := conntrack.Read()
	if err != nil || c.Entries < 20 || c.Entries > 100 || c.Limit < c.Entries || c.Dropped != 0 {
		t.Errorf("conntrack %+v, %v", c, err)
	}
}

func TestXDP(t *testing.T) {
	top := newTopology(t, netns.Options{Switches: true})
	p := plan(t, pool(t, "homes", "", "100.64.0.0/28", "192.0.2.0/31", 8))
	var d *ebpf.Datapath
	if err := top.CGN.Do(func() (err error) {
		d, err = ebpf.Apply(ebpf.Config{Plan: p, Inside: []ebpf.Interface{{Name: netns.InsideLink}}, Outside: []ebpf.Interface{{Name: netns.OutsideLink}}})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := top.CGN.Do(func() error { return errors.Join(d.Close(), ebpf.Remove("")) }); err != nil {
			t.Error(err)
		}
	})
	traffic(t, top)
	reader := XDP{Datapath: func() *ebpf.Datapath { return d }}
	u := survey(t, reader, p)
	check(t, u, top)
	canceled(t, reader, p)
	for u, err := range reader.Uses(t.Context(), p) {
		if err != nil {
			t.Fatal(err)
		}
		a, err := d.Subscriber(u.Share.Subscriber())
		if err != nil {
			t.Fatal(err)
		}
		if got, limit := UseOf(a); got != u || limit.TCP != uint64(u.Share.Ports().Len()) {
			t.Errorf("%v: %+v of %+v, want %+v", u.Share.Inside(), got, limit, u)
		}
	}
	moved := plan(t, pool(t, "homes", "", "100.64.0.0/28", "192.0.2.0/31", 10))
	if u := survey(t, reader, moved); u.Pools[0].Ports != (metrics.Protocols{}) {
		t.Errorf("shares of another plan are counted: %+v", u.Pools[0].Ports)
	}
	counters, err := d.Counters()
	if err != nil {
		t.Fatal(err)
	}
	if got := PacketsOf(counters)[0]; got.Result != "translated" || got.Reason != "outbound" || got.Packets < 20 {
		t.Errorf("%+v", got)
	}
	tallies, err := d.Tallies()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := MappingsOf(tallies), (metrics.Protocols{UDP: 9, ICMP: 2}); *got != want {
		t.Errorf("%+v were made, want %+v", *got, want)
	}
	if got := RefusalsOf(tallies); len(got) != 3 || got[0] != (metrics.Refusal{Kind: "exhausted"}) {
		t.Errorf("%+v", got)
	}
	for _, err := range (XDP{Datapath: func() *ebpf.Datapath { return nil }}).Uses(t.Context(), p) {
		if !errors.Is(err, ebpf.ErrNotLoaded) {
			t.Errorf("without an instance: %v", err)
		}
	}
}

// each compares what is read of one subscriber with what is read of all.
func each(t *testing.T, r *NFTables, p *alloc.Plan) {
	t.Helper()
	all := map[alloc.Allocation]metrics.Use{}
	for u, err := range r.Uses(t.Context(), p) {
		if err != nil {
			t.Fatal(err)
		}
		all[u.Share] = u
	}
	if len(all) < 2 {
		t.Fatalf("only %d subscribers use something", len(all))
	}
	for share := range p.All() {
		want, ok := all[share]
		if !ok {
			want = metrics.Use{Share: share}
		}
		if got, err := r.Of(p, share); err != nil || got != want {
			t.Errorf("%v: %+v, %v, want %+v", share.Inside(), got, err, want)
		}
	}
	for s, err := range r.kernel.SessionsOf(netip.MustParseAddr("100.64.99.99")) {
		t.Errorf("nobody has session %v, %v", s, err)
	}
}

// BenchmarkOf is what it takes to read what one subscriber uses. With nftables that goes by the buckets of conntrack's table.
func BenchmarkOf(b *testing.B) {
	netnstest.Root(b)
	ns := netnstest.New(b)
	p := plan(b, pool(b, "homes", "", "100.64.0.0/28", "192.0.2.0/31", 8))
	var reader *NFTables
	if err := ns.Do(func() (err error) { reader, err = OpenNFTables(); return err }); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(reader.Close)
	for share := range p.All() {
		for b.Loop() {
			if _, err := reader.Of(p, share); err != nil {
				b.Fatal(err)
			}
		}
		break
	}
}
