package ebpf

import (
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/ebpf/internal/selftest"
)

// planMaps are the maps that a plan fills.
var planMaps = []string{
	bpf.CgnatMapPools, bpf.CgnatMapRows, bpf.CgnatMapNodes, bpf.CgnatMapRanges, bpf.CgnatMapLists, bpf.CgnatMapCuts, bpf.CgnatMapExempts,
}

// What is tested is what is shipped: the selftest object has the production object's maps of the plan.
func TestSelftestHasTheSameMaps(t *testing.T) {
	production, tested := must(bpf.LoadCgnat()), must(selftest.LoadSelftest())
	for _, name := range planMaps {
		want, got := production.Maps[name], tested.Maps[name]
		if got == nil || got.Type != want.Type || got.KeySize != want.KeySize || got.ValueSize != want.ValueSize || got.Flags != want.Flags {
			t.Errorf("%s: selftest has %v, production %v", name, got, want)
		}
	}
}

// The statuses of C are alloc's.
func TestStatuses(t *testing.T) {
	for c, want := range map[selftest.SelftestCgnStatus]alloc.Status{
		selftest.SelftestCgnStatusCGN_ALLOCATED: alloc.Allocated, selftest.SelftestCgnStatusCGN_RESERVED: alloc.Reserved,
		selftest.SelftestCgnStatusCGN_TAIL: alloc.Tail, selftest.SelftestCgnStatusCGN_UNASSIGNED: alloc.Unassigned,
		selftest.SelftestCgnStatusCGN_DYNAMIC: alloc.Dynamic, selftest.SelftestCgnStatusCGN_EXCLUDED: alloc.Excluded,
		selftest.SelftestCgnStatusCGN_NOT_IN_POOL: alloc.NotInPool,
	} {
		if alloc.Status(c) != want {
			t.Errorf("%v is %d in C", want, c)
		}
	}
}
