package ebpf

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// verifyRows looks at the slots and accounts of every outside address, and into every slot.
func (v *verifier) verifyRows() error {
	outer := make(map[string]*ebpf.Map)
	for _, name := range []string{bpf.CgnatMapSlots, bpf.CgnatMapAccounts} {
		m, err := v.open(misleading, name, len(v.tables.rows), 4)
		if err != nil {
			return err
		}
		if m != nil {
			defer m.Close()
			outer[name] = m
		}
	}
	buffer := make([]byte, planeBytes)
	for row := range v.tables.rows {
		for _, table := range []struct {
			name    string
			entries uint32
		}{{bpf.CgnatMapSlots, uint32(tableSlots)}, {bpf.CgnatMapAccounts, v.ratio(row)}} {
			if err := v.verifyTable(outer[table.name], table.name, row, table.entries); err != nil {
				return err
			}
		}
		if err := v.verifySlots(row, buffer); err != nil {
			return err
		}
	}
	return nil
}

// verifyTable looks whether the slots or accounts of a row are those that the programs find. Where they find none, they drop what would
// get a port there.
func (v *verifier) verifyTable(outer *ebpf.Map, kind string, row int, entries uint32) error {
	what := fmt.Sprintf("%s of %v", kind, v.address(row))
	m, err := v.openMap(kind, v.address(row))
	if errors.Is(err, ErrChanged) {
		b := misleading // nobody can look who has the ports
		if kind == bpf.CgnatMapAccounts {
			b = harmless
		}
		v.differ(b, Missing, what, "they are not pinned any longer")
		return nil
	}
	if err != nil {
		return err
	}
	defer m.Close()
	if m.MaxEntries() != entries {
		v.differ(misleading, Changed, what, "there are %d instead of %d", m.MaxEntries(), entries)
	}
	if outer == nil {
		return nil // which is reported
	}
	pinned, err := mapID(m)
	if err != nil {
		return err
	}
	var found ebpf.MapID
	switch err := outer.Lookup(uint32(row), &found); {
	case errors.Is(err, ebpf.ErrKeyNotExist):
		v.differ(harmless, Missing, what, "programs find none in row %d", row)
	case err != nil:
		return fmt.Errorf("look for the %s: %w", what, permission(err))
	case found != pinned:
		v.differ(misleading, Changed, what, "programs find others in row %d than those that are pinned", row)
	}
	return nil
}

// verifySlots looks whether the owner of every slot of a row owns the port.
func (v *verifier) verifySlots(row int, buffer []byte) error {
	memory, err := v.openSlots(row)
	if errors.Is(err, ErrChanged) {
		return nil // which is reported
	}
	if err != nil {
		return err
	}
	defer memory.Close()
	pool, noted := v.poolOf(row), netip.Addr{}
	err = eachSlot(memory, buffer, func(proto Protocol, port uint16, s bpf.CgnatCgnSlot) bool {
		inside, _ := ownerOf(s.Owner)
		if isAlone(proto, port) {
			noted = inside.Addr()
			return true
		}
		if v.owns(pool.Realm(), inside.Addr(), row, port) {
			v.Mappings++
			return true
		}
		v.foreign[row] = true
		v.differ(misleading, Surplus, fmt.Sprintf("%v port %d of %v", proto, port, v.address(row)), "%v has it, and the plan says: %s", inside, v.whose(row, port))
		return true
	})
	if err == nil {
		v.verifyAlone(row, noted)
	}
	return err
}

// verifyAlone looks whether who has an address alone is who is noted. Where it is shared, nobody reads the note. Where
// nobody is noted, what has no ports goes to nobody.
func (v *verifier) verifyAlone(row int, noted netip.Addr) {
	want, ok := v.alone(row)
	what := fmt.Sprintf("subscriber of %v", v.address(row))
	switch {
	case !ok || noted == want:
	case !noted.IsValid():
		v.differ(harmless, Missing, what, "it is not noted that %v has it alone", want)
	default:
		v.differ(misleading, Changed, what, "%v is noted to have it alone, and the plan says: %v", noted, want)
	}
}

// owns reports whether a subscriber owns a port of a row.
func (v *verifier) owns(realm string, inside netip.Addr, row int, port uint16) bool {
	share, err := v.plan.Lookup(alloc.SubscriberFrom(realm, inside))
	return err == nil && share.Outside() == v.address(row) && share.Ports().Contains(port)
}

// whose says in a word whose a port is.
func (v *verifier) whose(row int, port uint16) string {
	t := v.plan.Trace(v.address(row), port)
	if owner, ok := t.Allocation(); ok {
		return owner.Subscriber().String()
	}
	return t.Status().String()
}
