package ebpf

import (
	"fmt"
	"net/netip"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// Who has an outside address alone is noted in its slots, at identifier 0 of ICMP, which no mapping can have. Packets without ports
// and pings find it there, from the moment that the plan is in force: see cgn_stand_alone.

// aloneSlot is the number of that slot.
const aloneSlot = uint32(ICMP) << 16

// isAlone reports whether a slot is where that is noted.
func isAlone(proto Protocol, port uint16) bool { return proto == ICMP && port == 0 }

// alone returns who has the address of a row alone; ok is false where nobody has it, or it is shared.
func (g *generation) alone(row int) (inside netip.Addr, ok bool) {
	if g.ratio(row) != 1 {
		return inside, false
	}
	for share := range g.plan.Holders(g.address(row)) {
		return share.Inside(), true
	}
	return inside, false
}

// noteAlone notes it in all rows. What is noted already stays, so that peers do; where an address is shared now, and was not under the
// plan of old, which may be nil, the note goes.
func (g *generation) noteAlone(old *generation) error {
	had := make(map[netip.Addr]bool)
	if old != nil {
		for row := range old.tables.rows {
			if _, ok := old.alone(row); ok {
				had[old.address(row)] = true
			}
		}
	}
	for row := range g.tables.rows {
		inside, ok := g.alone(row)
		if !ok && !had[g.address(row)] {
			continue
		}
		if err := g.noteRow(row, inside); err != nil {
			return fmt.Errorf("note who has %v alone: %w", g.address(row), permission(err))
		}
	}
	return nil
}

// noteAgain notes it in all rows, whatever another plan has left there.
func (g *generation) noteAgain() error {
	for row := range g.tables.rows {
		inside, _ := g.alone(row)
		if err := g.noteRow(row, inside); err != nil {
			return fmt.Errorf("note who has %v alone: %w", g.address(row), permission(err))
		}
	}
	return nil
}

// noteRow notes in one row that a subscriber has it alone, or with the zero address that nobody has.
func (g *generation) noteRow(row int, inside netip.Addr) error {
	m, err := g.openMap("slots", g.address(row))
	if err != nil {
		return err
	}
	defer m.Close()
	var s bpf.CgnatCgnSlot
	if err := m.Lookup(aloneSlot, &s); err != nil {
		return err
	}
	switch was, ok := ownerOf(s.Owner); {
	case !inside.IsValid() && ok:
		return m.Put(aloneSlot, bpf.CgnatCgnSlot{})
	case !inside.IsValid(), ok && was.Addr() == inside:
		return nil
	}
	// The turn is another one than that of who was noted before, whose peers are not the new owner's.
	turn := uint16(s.Owner) + uint16(g.record.Serial)
	return m.Put(aloneSlot, bpf.CgnatCgnSlot{
		Owner: uint64(wireOrder(hostOrder(inside)))<<32 | uint64(turn), State: uint32(bpf.CgnatCgnSlotStateCGN_SLOT_STATIC),
	})
}
