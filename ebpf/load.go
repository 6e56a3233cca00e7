package ebpf

import (
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// size sets how many entries the plan's maps get, and what the programs have as constants.
func (t *Tables) size(spec *ebpf.CollectionSpec) error {
	for name, n := range map[string]int{
		bpf.CgnatMapPools: len(t.pools), bpf.CgnatMapRows: len(t.rows), bpf.CgnatMapNodes: len(t.nodes), bpf.CgnatMapRanges: len(t.ranges),
		bpf.CgnatMapBuckets: len(t.buckets), bpf.CgnatMapLists: len(t.lists),
		bpf.CgnatMapCuts: len(t.cuts), bpf.CgnatMapExempts: len(t.exempts),
	} {
		m := spec.Maps[name]
		if m == nil {
			return fmt.Errorf("map %s: the object has none", name)
		}
		m.MaxEntries = max(1, uint32(n)) // the kernel refuses empty maps
	}
	var constants [maxIndexes]index
	copy(constants[:], t.indexes)
	first, last := t.insideSpan()
	outside := t.extents[0]
	for name, value := range map[string]any{
		"indexes": constants, "realms": uint32(len(t.indexes) - 2), "inside_first": first, "inside_last": last,
		"outside_first": outside.first, "outside_last": outside.last,
	} {
		v := spec.Variables[name]
		if v == nil {
			return fmt.Errorf("variable %s: the object has none", name)
		}
		if err := v.Set(value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}

// fill writes the plan into maps that were made with size, and freezes them: from then on nobody changes them, and a program
// never sees half a plan. Another plan gets maps of its own.
func (t *Tables) fill(maps map[string]*ebpf.Map) error {
	for _, err := range []error{
		write(maps, bpf.CgnatMapPools, t.pools),
		write(maps, bpf.CgnatMapRows, t.rows),
		write(maps, bpf.CgnatMapNodes, t.nodes),
		write(maps, bpf.CgnatMapRanges, t.ranges),
		write(maps, bpf.CgnatMapBuckets, t.buckets),
		write(maps, bpf.CgnatMapCuts, t.cuts),
		write(maps, bpf.CgnatMapExempts, t.exempts),
		t.fillLists(maps[bpf.CgnatMapLists]),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// write writes the entries of one map.
func write[T any](maps map[string]*ebpf.Map, name string, entries []T) error {
	m := maps[name]
	if len(entries) > 0 {
		keys := make([]uint32, len(entries))
		for i := range keys {
			keys[i] = uint32(i)
		}
		n, err := m.BatchUpdate(keys, entries, nil)
		if err != nil {
			return fmt.Errorf("write map %s: %w", name, err)
		}
		if n != len(entries) {
			return fmt.Errorf("write map %s: %d of %d entries were taken", name, n, len(entries))
		}
	}
	return freeze(m, name)
}

// fillLists makes one list after the other: they are too large to have all at once.
func (t *Tables) fillLists(m *ebpf.Map) error {
	l := new(list)
	for i, writeTo := range t.lists {
		writeTo(l)
		if err := m.Put(uint32(i), l); err != nil {
			return fmt.Errorf("write list %d: %w", i, err)
		}
	}
	return freeze(m, bpf.CgnatMapLists)
}

func freeze(m *ebpf.Map, name string) error {
	if err := m.Freeze(); err != nil {
		return fmt.Errorf("freeze map %s: %w", name, err)
	}
	return nil
}
