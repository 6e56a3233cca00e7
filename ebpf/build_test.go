package ebpf

import (
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// The first inside interface of each realm stands for it; a realm without one has none.
func TestRealmInterfaces(t *testing.T) {
	pool := func(realm, outside string) alloc.PoolSpec {
		return alloc.PoolSpec{Name: realm, Realm: realm, Inside: spans("100.64.0.0/24"), Outside: spans(outside), SharingRatio: 64}
	}
	plan := mustPlan(t, pool("east", "192.0.2.0/30"), pool("west", "192.0.2.4/30"), pool("north", "192.0.2.8/30"))
	b := &builder{generation: &generation{plan: plan}}
	b.record.Links = []attachment{
		{Index: 7}, {Index: 4, Inside: true, Realm: "west"}, {Index: 5, Inside: true, Realm: "west"}, {Index: 6, Inside: true, Realm: "east"},
	}
	if got := b.realmInterfaces(); got[0] != 6 || got[1] != 4 || got[2] != 0 {
		t.Errorf("interfaces %v", got[:3])
	}
}
