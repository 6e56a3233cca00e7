package ebpf

import (
	"encoding/binary"
	"iter"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// addShares lays out a pool that lists its shares, and returns where its subscribers sit: a range of one address for each, whose
// position is that of its cut. On an outside address, slots are in the order of their lowest ports.
//
// Where every share is one range, cuts are all that is needed. Where not, the pool has lists, in which each share is a run: one list
// for all addresses that have the same shares, because rule sets repeat a few dozen port sets.
func (t *Tables) addShares(e *pool, p *alloc.Pool) (seats []addrRange) {
	e.Flags |= cutOut | seated
	e.FirstPort, e.Usable = 1, portset.PortCount-1
	if !areRanges(p) {
		e.Flags |= listed
	}
	seats = make([]addrRange, 0, p.Subscribers())
	known, number := make(map[string]uint32), uint32(len(t.pools))
	for row := int(e.Row); row < len(t.rows); row++ {
		var sets []portset.Set
		at := uint32(len(t.cuts))
		for a := range t.plan.Holders(fromWire(t.rows[row].Addr)) {
			inside := hostOrder(a.Inside())
			seats = append(seats, addrRange{First: inside, Last: inside, Pool: number, Position: at + uint32(len(sets))})
			sets = append(sets, a.Ports())
		}
		key := t.addRuns(uint32(row), sets)
		t.rows[row].Cut, t.ratios[row] = at, uint32(len(sets))
		if e.Flags&listed != 0 {
			t.rows[row].List = t.listOf(known, key, sets)
		}
	}
	return seats
}

// areRanges reports whether every share of a pool is one range.
func areRanges(p *alloc.Pool) bool {
	for a := range p.All() {
		if _, one := a.Ports().Range(); !one {
			return false
		}
	}
	return true
}

// addRuns appends the cuts of the shares of an outside address. It returns what its list depends on: nothing where all are one range
// each, because such shares are runs of the list of all ports.
func (t *Tables) addRuns(row uint32, sets []portset.Set) string {
	several := slices.ContainsFunc(sets, func(s portset.Set) bool { _, one := s.Range(); return !one })
	var key []byte
	next := 0
	for slot, s := range sets {
		start := int(s.First()) - 1
		if several {
			start, next = next, next+s.Len()
			for r := range s.Ranges() {
				key = binary.BigEndian.AppendUint32(key, uint32(r.First())<<16|uint32(r.Last()))
			}
		}
		t.cuts = append(t.cuts, cut{Start: uint16(start), Len: uint16(s.Len()), Row: row, Slot: uint16(slot), Shares: uint16(len(sets))})
	}
	return string(key)
}

// listOf returns the list with a key: one that is known, or a new one.
func (t *Tables) listOf(known map[string]uint32, key string, sets []portset.Set) uint32 {
	n, ok := known[key]
	if ok {
		return n
	}
	n = uint32(len(t.lists))
	known[key] = n
	ports := inTurn(sets)
	if key == "" {
		all, _ := portset.NewRange(1, portset.PortCount-1)
		whole, _ := portset.NewSet(all)
		ports = whole.Ports()
	}
	t.lists = append(t.lists, func(l *list) { l.write(ports) })
	return n
}

// inTurn iterates over the ports of one set after the other.
func inTurn(sets []portset.Set) iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		for _, s := range sets {
			for port := range s.Ports() {
				if !yield(port) {
					return
				}
			}
		}
	}
}
