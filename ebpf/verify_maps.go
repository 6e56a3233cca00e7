package ebpf

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// verifyMaps compares the maps of the plan, entry by entry. They say who has which port.
func (v *verifier) verifyMaps() error {
	t := v.tables
	for _, err := range []error{
		compare(v, bpf.CgnatMapPools, t.pools),
		compare(v, bpf.CgnatMapRows, t.rows),
		compare(v, bpf.CgnatMapNodes, t.nodes),
		compare(v, bpf.CgnatMapRanges, t.ranges),
		compare(v, bpf.CgnatMapBuckets, t.buckets),
		compare(v, bpf.CgnatMapCuts, t.cuts),
		compare(v, bpf.CgnatMapExempts, t.exempts),
		v.verifyLists(),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// open opens a map that should be there, with a number of entries of a size. It returns nil after a difference, which has the bearing
// that the contents have, also where only a pin is gone: nobody can look at what programs have then.
func (v *verifier) open(b bearing, name string, entries int, size uintptr) (*ebpf.Map, error) {
	what := "map " + name
	m, err := v.openMap("maps", name)
	if errors.Is(err, ErrChanged) {
		v.differ(v.unlessReleased(b), Missing, what, "it is not pinned any longer")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if n := uint32(max(1, entries)); m.MaxEntries() != n || m.ValueSize() != uint32(size) {
		v.differ(v.unlessReleased(b), Changed, what, "it has %d entries of %d octets instead of %d of %d", m.MaxEntries(), m.ValueSize(), n, size)
		m.Close()
		return nil, nil
	}
	return m, nil
}

// readTogether is how many entries are read at once.
const readTogether = 4096

// compare compares the entries of a map of the plan.
func compare[T comparable](v *verifier, name string, want []T) error {
	var entry T
	m, err := v.open(misleading, name, len(want), unsafe.Sizeof(entry))
	if m == nil || err != nil {
		return err
	}
	defer m.Close()
	if len(want) == 0 {
		return v.frozen(m, name)
	}
	var cursor ebpf.MapBatchCursor
	keys, have := make([]uint32, min(readTogether, len(want))), make([]T, min(readTogether, len(want)))
	var differ diffs
	for at := 0; at < len(want); {
		n, err := m.BatchLookup(&cursor, keys, have, nil)
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("read map %s: %w", name, permission(err))
		}
		for i := range n {
			differ.add(have[i] == want[keys[i]], int(keys[i]), func() string { return differences(have[i], want[keys[i]]) })
		}
		if at += n; err != nil && at < len(want) {
			return fmt.Errorf("read map %s: it ends at entry %d", name, at)
		}
	}
	v.Entries += uint64(len(want))
	v.report(misleading, name, differ, len(want))
	return v.frozen(m, name)
}

// diffs are the entries of a map that differ.
type diffs struct {
	n     int
	first string
}

func (d *diffs) add(same bool, entry int, say func() string) {
	if same {
		return
	}
	if d.n++; d.n == 1 {
		d.first = fmt.Sprintf("%d has %s", entry, say())
	}
}

func (v *verifier) report(b bearing, name string, d diffs, of int) {
	if d.n > 0 {
		v.differ(b, Changed, "map "+name, "%d of %d entries differ, first: %s", d.n, of, d.first)
	}
}

// frozen reports a map of the plan that can be written: it may have said something else before.
func (v *verifier) frozen(m *ebpf.Map, name string) error {
	info, err := m.Info()
	if err != nil {
		return fmt.Errorf("look at map %s: %w", name, permission(err))
	}
	if !info.Frozen() {
		v.differ(misleading, Changed, "map "+name, "it can be written")
	}
	return nil
}

// verifyLists compares one list after the other: they are too large to have all at once.
func (v *verifier) verifyLists() error {
	want, have := new(list), new(list)
	m, err := v.open(misleading, bpf.CgnatMapLists, len(v.tables.lists), unsafe.Sizeof(*want))
	if m == nil || err != nil {
		return err
	}
	defer m.Close()
	var differ diffs
	for i, writeTo := range v.tables.lists {
		writeTo(want)
		if err := m.Lookup(uint32(i), have); err != nil {
			return fmt.Errorf("read list %d: %w", i, permission(err))
		}
		differ.add(*want == *have, i, func() string { return "other ports than the plan says" })
	}
	v.Entries += uint64(len(v.tables.lists))
	v.report(misleading, bpf.CgnatMapLists, differ, len(v.tables.lists))
	return v.frozen(m, bpf.CgnatMapLists)
}

// verifyPolicies compares how pools behave with the record. Times, limits and filters say which packets pass, and for how long, by ports
// that are the subscriber's own.
func (v *verifier) verifyPolicies() error {
	var entry bpf.CgnatCgnPolicy
	m, err := v.open(harmless, bpf.CgnatMapPolicies, len(v.record.Policies), unsafe.Sizeof(entry))
	if m == nil || err != nil {
		return err
	}
	defer m.Close()
	var differ diffs
	for i, want := range v.record.Policies {
		if err := m.Lookup(uint32(i), &entry); err != nil {
			return fmt.Errorf("read policy %d: %w", i, permission(err))
		}
		entry.Was = want.Was // which is of no account, see beginTimes
		differ.add(entry == want, i, func() string { return differences(entry, want) })
	}
	v.Entries += uint64(len(v.record.Policies))
	v.report(harmless, bpf.CgnatMapPolicies, differ, len(v.record.Policies))
	return nil
}
