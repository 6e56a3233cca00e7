//go:build linux

package ebpf

import (
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// With filtering, strangers are kept out, and whom a mapping has sent to may answer, also under another plan. There are
// filters for more subscribers than this plan has.
func TestFilters(t *testing.T) {
	policy := Policy{Filtering: AddressAndPortDependent}
	s := newSite(t, Config{Plan: mustPlan(t, samplePool), Policy: policy})
	server := s.Servers[0]
	echo, err := s.Subscribers[0].ListenEcho("udp", netip.AddrPortFrom(s.Subscribers[0].Addr, echoPort))
	if err != nil {
		t.Fatal(err)
	}
	addr, port := s.sharePort(0, 3)
	f := Forward{alloc.SubscriberFrom("", s.Subscribers[0].Addr), UDP, port, echoPort}
	if err := s.d.Forward(f); err != nil {
		t.Fatal(err)
	}
	stranger := netns.Query{Local: netip.AddrPortFrom(server.Addr, 4000), Remote: netip.AddrPortFrom(addr, port)}
	if _, err := server.Ask(stranger); err != nil {
		t.Errorf("a stranger, of a forward: %v", err)
	}
	if got := len(echo.Seen()); got != 1 {
		t.Errorf("the subscriber has heard of %d", got)
	}
	flow, seen := s.flow(0, s.echo().Addr())
	for _, pool := range []int{1, 2} {
		before := s.d.generation.record.Serial
		c := Config{Plan: mustPlan(t, movedPool), Policy: policy}
		if pool == 2 {
			c.Plan = mustPlan(t, samplePool)
		}
		s.apply(c)
		if s.d.generation.record.Serial == before {
			t.Fatal("nothing has changed")
		}
		if err := s.Servers[0].Silent(netns.Query{Local: netip.AddrPortFrom(server.Addr, 4001), Remote: seen}); err != nil {
			t.Errorf("a stranger: %v", err)
		}
		if again, err := flow.Ask(); err != nil || again != seen {
			t.Errorf("the flow: %v, %v", again, err)
		}
	}
	m := must(s.d.generation.openMap("maps", "filters"))
	defer m.Close()
	if m.MaxEntries() != minFilters {
		t.Errorf("%d filters for 256 subscribers, want %d", m.MaxEntries(), minFilters)
	}
}

// Whom a mapping has sent to may answer under a plan in which its outside address has another place, too: filters go by addresses.
func TestFiltersOutliveTheirRows(t *testing.T) {
	kept := samplePool
	kept.Name = "kept"
	front := alloc.PoolSpec{Name: "front", Inside: spans("100.64.9.0/24"), Outside: spans("198.51.100.0/30"), SharingRatio: 64}
	policies := map[string]Policy{"kept": {Filtering: AddressDependent}}
	s := newSite(t, Config{Plan: mustPlan(t, kept), Policies: policies})
	me, servers := s.Subscribers[0], s.Servers[:2]
	var seen [2]netip.AddrPort // of a port that has sent to both servers, last to server 1, which its slot knows; and of one to server 1 only
	for i, server := range servers {
		echo, err := server.ListenEcho("udp", netip.AddrPortFrom(server.Addr, echoPort))
		if err != nil {
			t.Fatal(err)
		}
		for port := range seen[:i+1] {
			from := netip.AddrPortFrom(me.Addr, 4000+uint16(port))
			if seen[port], err = me.Ask(netns.Query{Local: from, Remote: echo.Addr()}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for port := range seen {
		if _, err := me.ListenEcho("udp", netip.AddrPortFrom(me.Addr, 4000+uint16(port))); err != nil {
			t.Fatal(err)
		}
	}
	for round, plan := range []*alloc.Plan{mustPlan(t, kept), mustPlan(t, front, kept), mustPlan(t, kept)} {
		s.apply(Config{Plan: plan, Policies: policies})
		if _, err := servers[0].Ask(netns.Query{Remote: seen[0]}); err != nil {
			t.Errorf("round %d: who was sent to: %v", round, err)
		}
		if err := servers[0].Silent(netns.Query{Remote: seen[1]}); err != nil {
			t.Errorf("round %d: who was not: %v", round, err)
		}
	}
}
