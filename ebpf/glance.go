package ebpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// Glance compares what of the maps anybody but programs could change, as it is not frozen, and is quick to look at: policies, what programs know
// of interfaces, and which slots and accounts programs find for a number of outside addresses from row at on. It returns the row to go
// on with, 0 after the last. found is called with every difference, in the same order each time. It takes about two milliseconds, and 0.1 ms for an
// address. The error wraps ErrChanged where another state is in force than when the instance was opened.
//
// What slots and accounts themselves say is not compared: see Verify.
func (d *Datapath) Glance(at, rows int, found func(Difference)) (next int, err error) {
	v, err := newVerifier(d.generation, d.generation.plan, found)
	if err != nil {
		return 0, err
	}
	last := min(at+rows, len(v.tables.rows))
	for _, step := range []func() error{v.verifyPolicies, v.verifyWires, func() error { return v.verifyOuter(at, last) }, d.current} {
		if err := step(); err != nil {
			return 0, fmt.Errorf("look at instance %s: %w", d.folder.instance, err)
		}
	}
	if last == len(v.tables.rows) {
		last = 0
	}
	return last, nil
}

// Tables returns a number that is another one when programs find other slots or accounts for any outside address than before. It takes some
// milliseconds with 10,000 addresses, and does not know which are right: see Glance. The error wraps ErrChanged as there.
func (d *Datapath) Tables() (uint64, error) {
	v, err := newVerifier(d.generation, d.generation.plan, func(Difference) {})
	if err != nil {
		return 0, err
	}
	h := fnv.New64a()
	for _, name := range []string{bpf.CgnatMapSlots, bpf.CgnatMapAccounts} {
		if err := v.hashOuter(h, name); err != nil {
			return 0, fmt.Errorf("look at instance %s: %w", d.folder.instance, err)
		}
	}
	return h.Sum64(), d.current()
}

// hashOuter writes which maps a map of maps has.
func (v *verifier) hashOuter(h hash.Hash, name string) error {
	m, err := v.open(misleading, name, len(v.tables.rows), 4)
	if err != nil || m == nil {
		_, _ = h.Write([]byte(name + " is gone"))
		return err
	}
	defer m.Close()
	var cursor ebpf.MapBatchCursor
	n := min(readTogether, int(m.MaxEntries()))
	rows, ids := make([]uint32, n), make([]uint32, n)
	for {
		n, err := m.BatchLookup(&cursor, rows, ids, nil) // what is not there is left out
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("read map %s: %w", name, permission(err))
		}
		for i := range n {
			_, _ = h.Write(binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(nil, rows[i]), ids[i]))
		}
		if err != nil {
			return nil
		}
	}
}

// verifyOuter looks whether programs find the slots and accounts of some rows.
func (v *verifier) verifyOuter(first, last int) error {
	for _, name := range []string{bpf.CgnatMapSlots, bpf.CgnatMapAccounts} {
		outer, err := v.open(misleading, name, len(v.tables.rows), 4)
		if err != nil {
			return err
		}
		for row := first; row < last; row++ {
			entries := uint32(tableSlots)
			if name == bpf.CgnatMapAccounts {
				entries = v.ratio(row)
			}
			if err = v.verifyTable(outer, name, row, entries); err != nil {
				break
			}
		}
		if outer != nil {
			outer.Close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}
