package ebpf

import (
	"errors"
	"os"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// The production object's maps take a plan, and nothing changes it afterwards.
func TestProductionMapsTakeAPlan(t *testing.T) {
	root(t)
	for name, plan := range samples(t) {
		tables, err := NewTables(plan)
		if err != nil {
			t.Fatal(err)
		}
		spec := must(bpf.LoadCgnat())
		if err := tables.size(spec); err != nil {
			t.Fatal(err)
		}
		spec.Programs = nil // which take the kernel a second to check
		coll := must(ebpf.NewCollection(spec))
		defer coll.Close()
		if err := tables.fill(coll.Maps); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, n := range planMaps {
			m := coll.Maps[n]
			if err := m.Put(uint32(0), make([]byte, m.ValueSize())); !errors.Is(err, os.ErrPermission) {
				t.Errorf("%s: map %s can be written: %v", name, n, err)
			}
		}
	}
}

// An object without the plan's maps is refused by name.
func TestForeignObjectIsRefused(t *testing.T) {
	spec := must(bpf.LoadCgnat())
	delete(spec.Maps, bpf.CgnatMapCuts)
	tables, err := NewTables(samples(t)["tiny"])
	if err != nil {
		t.Fatal(err)
	}
	if err := tables.size(spec); err == nil || err.Error() != "map cuts: the object has none" {
		t.Errorf("size = %v", err)
	}
}
