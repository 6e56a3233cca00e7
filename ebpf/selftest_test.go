package ebpf

import (
	"testing"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/ebpf/internal/selftest"
)

// planMaps are the maps that a plan fills.
var planMaps = []string{
	bpf.CgnatMapPools, bpf.CgnatMapRows, bpf.CgnatMapNodes, bpf.CgnatMapRanges, bpf.CgnatMapBuckets, bpf.CgnatMapLists, bpf.CgnatMapCuts, bpf.CgnatMapExempts,
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
