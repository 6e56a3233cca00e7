//go:build linux

package ebpf

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
	"github.com/cgnkit/cgnkit/portset"
)

// A transfer of a subscriber that does not move survives twenty changes of the plan under it, byte for byte.
func TestUnmovedTransferSurvives(t *testing.T) {
	t.Parallel()
	plans := []*alloc.Plan{mustPlan(t, samplePool), mustPlan(t, movedPool)}
	s := newSite(t, Config{Plan: plans[0]})
	sink, err := s.Servers[0].ListenSink(netip.AddrPortFrom(s.Servers[0].Addr, 9))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	transfer, err := s.Subscribers[0].StartTransfer(ctx, netns.Stream{Remote: sink.Addr(), Bytes: 1 << 40, Rate: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if err := transfer.AwaitSent(ctx, transfer.Sent()+1<<16); err != nil {
			t.Fatalf("before change %d: %v", i, err)
		}
		s.apply(Config{Plan: plans[(i+1)%2]})
	}
	if err := transfer.Finish(); err != nil {
		t.Error(err)
	}
	if got := s.d.generation.record.Serial; got != 21 {
		t.Errorf("generation %d, want 21", got)
	}
}

// Flows of who moves end at once: the old port is no longer theirs, and their next packet has a port of the new share.
func TestMovedFlowsEnd(t *testing.T) {
	plans := []*alloc.Plan{mustPlan(t, samplePool), mustPlan(t, movedPool)}
	s := newSite(t, Config{Plan: plans[0]})
	echo := s.echo()
	stays, stayed := s.flow(0, echo.Addr())
	moves, before := s.flow(1, echo.Addr())
	s.apply(Config{Plan: plans[1]})
	if err := s.Servers[0].Silent(netns.Query{Local: netip.AddrPortFrom(s.Servers[0].Addr, 4000), Remote: before}); err != nil {
		t.Errorf("the old port: %v", err)
	}
	after, err := moves.Ask()
	if err != nil {
		t.Fatal(err)
	}
	if owner, _ := plans[1].Trace(after.Addr(), after.Port()).Allocation(); owner.Inside() != s.Subscribers[1].Addr || after == before {
		t.Errorf("who moved arrives from %v after %v, which is %v's", after, before, owner.Inside())
	}
	if again, err := stays.Ask(); err != nil || again != stayed {
		t.Errorf("who stays arrives from %v, %v; want %v", again, err, stayed)
	}
}

// Mappings of a subscriber survive that its address gets another sharing ratio, and with it other accounts, when its share stays;
// displaced ones too.
func TestSurvivesOtherAccounts(t *testing.T) {
	small := alloc.PoolSpec{Inside: spans("100.64.0.1 100.64.0.2"), Outside: spans("192.0.2.0/32"), PortsPerSubscriber: 8, SharingRatio: 2}
	large := small
	large.Inside, large.SharingRatio = spans("100.64.0.1 100.64.0.2 100.64.0.9"), 3
	s := newSite(t, Config{Plan: mustPlan(t, small)})
	echo := s.echo()
	var flows []*netns.Flow
	var ports []netip.AddrPort
	for range 8 {
		f, seen := s.flow(0, echo.Addr())
		flows, ports = append(flows, f), append(ports, seen)
	}
	for i, spec := range []alloc.PoolSpec{large, small} {
		s.apply(Config{Plan: mustPlan(t, spec)})
		for j, f := range flows {
			if seen, err := f.Ask(); err != nil || seen != ports[j] {
				t.Errorf("change %d: flow %d arrives from %v, %v; want %v", i, j, seen, err, ports[j])
			}
		}
	}
}

// A list that changes ends the flows of who gets other ports, and of nobody else: with the address, in the list, or by being cut off.
func TestListsChange(t *testing.T) {
	root(t)
	plan := func(shares ...string) *alloc.Plan { return mustPlan(t, listOfShares(shares...)) }
	const stays = "100.64.0.1 192.0.2.1 1024-1031,2000-2007"
	s := newSite(t, Config{Plan: plan("100.64.0.2 192.0.2.1 3000-3007", stays)})
	echo := s.echo()
	first, kept := s.flow(0, echo.Addr())
	second, before := s.flow(1, echo.Addr())
	for _, to := range []*alloc.Plan{
		plan("100.64.0.2 192.0.2.1 4000-4007,5000", stays, "100.64.0.9 192.0.2.1 1-1000"),
		plan("100.64.0.9 192.0.2.3 1-1000", "100.64.0.2 192.0.2.2 4000-4007", stays),
		mustPlan(t, listOfShares(stays), alloc.PoolSpec{Name: "b", Inside: spans("100.64.0.2"), Outside: spans("192.0.2.2"), Ports: must(portset.NewRange(6000, 6007))}),
	} {
		s.apply(Config{Plan: to})
		if again, err := first.Ask(); err != nil || again != kept {
			t.Errorf("who stays arrives from %v, %v; want %v", again, err, kept)
		}
		after, err := second.Ask()
		if err != nil {
			t.Fatal(err)
		}
		if owner, _ := to.Trace(after.Addr(), after.Port()).Allocation(); owner.Inside() != s.Subscribers[1].Addr || after == before {
			t.Errorf("who moved arrives from %v after %v, which is %v's", after, before, owner.Inside())
		}
		before = after
		if v, found := s.verify(to); len(found) > 0 || v.Mappings != 2 {
			t.Errorf("%d mappings, %q", v.Mappings, found)
		}
	}
}

// Another key leaves mappings where they are.
func TestSurvivesOtherKey(t *testing.T) {
	plan := mustPlan(t, samplePool)
	s := newSite(t, Config{Plan: plan})
	echo := s.echo()
	flow, seen := s.flow(0, echo.Addr())
	s.apply(Config{Plan: plan, Key: NewKey()})
	if again, err := flow.Ask(); err != nil || again != seen {
		t.Errorf("the server sees %v, %v; want %v", again, err, seen)
	}
}

// The same inside addresses in two realms are two subscribers, told apart by their interface. An outside address that goes from
// one realm to the other takes no mapping along.
func TestRealms(t *testing.T) {
	east := alloc.PoolSpec{Name: "east", Realm: "east", Inside: spans("100.64.0.0/24"), Outside: spans("192.0.2.0/30"), SharingRatio: 64}
	west := east
	west.Name, west.Realm, west.Outside = "west", "west", spans("192.0.2.4/30")
	s := &site{TB: t, Topology: netnstest.NewTopology(t, netns.Options{Switches: true})}
	warm(t, s.Topology)
	load := func(realm string, pools ...alloc.PoolSpec) {
		t.Helper()
		c := withLinks(Config{Plan: mustPlan(t, pools...)})
		c.Inside[0].Realm = realm
		d, err := in(s, func() (*Datapath, error) { return Apply(c) })
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(func() {
		if err := s.CGN.Do(func() error { return Remove("") }); err != nil {
			t.Error(err)
		}
	})
	echo := s.echo()
	for _, realm := range []string{"east", "west"} {
		load(realm, east, west)
		_, seen := s.flow(0, echo.Addr())
		if got := must(mustPlan(t, east, west).Lookup(alloc.SubscriberFrom(realm, s.Subscribers[0].Addr))).Outside(); seen.Addr() != got {
			t.Errorf("realm %s arrives from %v, want %v", realm, seen, got)
		}
	}
	_, seen := s.flow(0, echo.Addr())
	west.Outside, east.Outside = east.Outside, west.Outside
	load("west", east, west)
	if err := s.Servers[0].Silent(netns.Query{Local: netip.AddrPortFrom(s.Servers[0].Addr, 4000), Remote: seen}); err != nil {
		t.Errorf("the old port, of another realm now: %v", err)
	}
}
