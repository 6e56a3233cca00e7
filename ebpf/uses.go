package ebpf

import (
	"errors"
	"fmt"
	"iter"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// A Use is how many ports of its share the mappings of a subscriber have.
type Use struct {
	Share          alloc.Allocation
	TCP, UDP, ICMP int
}

// Uses iterates over the subscribers whose accounts say that they use something: outside address by outside address in the order of
// the plan. An account counts a mapping that has expired until a Sweep comes by, and is an estimate for a moment after a change of
// shares. It costs a few dozen microseconds for an outside address and nothing for a mapping, so it is what to count a million
// subscribers with; Mappings has them one by one. An error is the last pair; it wraps ErrChanged when the instance has got another plan.
func (d *Datapath) Uses() iter.Seq2[Use, error] {
	return func(yield func(Use, error) bool) {
		g := d.generation
		for row := range g.tables.rows {
			accounts, err := g.accounts(row)
			if err != nil {
				yield(Use{}, err)
				return
			}
			if accounts == nil {
				continue
			}
			slot := -1
			for share := range g.plan.Holders(g.address(row)) {
				slot++
				used := accounts[slot].Used
				if used != [4]uint16{} && !yield(Use{Share: share, TCP: int(used[TCP]), UDP: int(used[UDP]), ICMP: int(used[ICMP])}, nil) {
					return
				}
			}
		}
	}
}

// accounts returns the accounts of a row by slot, or nil where nobody uses anything.
func (g *generation) accounts(row int) ([]bpf.CgnatCgnAccount, error) {
	m, err := g.openMap("accounts", g.address(row))
	if err != nil {
		return nil, err
	}
	defer m.Close()
	n := int(g.ratio(row))
	keys, accounts := make([]uint32, n), make([]bpf.CgnatCgnAccount, n)
	var cursor ebpf.MapBatchCursor
	got, err := m.BatchLookup(&cursor, keys, accounts, nil)
	if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) || got != n {
		return nil, fmt.Errorf("read the accounts of %v: %d of %d: %w", g.address(row), got, n, permission(err))
	}
	for i := range accounts {
		if accounts[i].Used != [4]uint16{} {
			return accounts, nil
		}
	}
	return nil, nil
}
