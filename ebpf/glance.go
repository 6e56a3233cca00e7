package ebpf

import (
	"fmt"

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

// verifyOuter looks whether programs find the slots and accounts of some rows.
func (v *verifier) verifyOuter(first, last int) error {
	for _, name := range []string{bpf.CgnatMapSlots, bpf.CgnatMapAccounts} {
		outer, err := v.open(name, len(v.tables.rows), 4)
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
