package rulefile

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
)

// A frame is a layout that addresses have in common although shares are missing on some of them: each of their sets has a slot.
type frame struct {
	g       *groups
	shape   alloc.PoolSpec // without addresses
	slots   int            // on an address
	slot    map[setID]int
	groups  []int // addresses all of whose sets have a slot, in outside order
	foreign []int // the others
}

// frame finds the layout of most of the addresses.
func (g *groups) frame(members []int) (*frame, bool) {
	members = slices.Sorted(slices.Values(members))
	common := g.common(members)
	tried := [][]setID{common}
	if even := g.mostEven(common); len(even) < len(common) {
		tried = append(tried, even)
	}
	for _, ids := range tried {
		var best *frame
		for _, shape := range g.frameShapes(ids, members) {
			if f, ok := g.frameOf(shape, ids, members); ok && (best == nil || f.simpler(best)) {
				best = f
			}
		}
		if best != nil {
			return best, true
		}
	}
	return nil, false
}

// simpler reports whether f says the same with fewer ranges.
func (f *frame) simpler(than *frame) bool {
	return cmp.Or(cmp.Compare(than.rows(), f.rows()), cmp.Compare(f.shape.Reserve.RangeCount(), than.shape.Reserve.RangeCount())) < 0
}

// rows counts, among the first addresses, those whose subscribers follow each other.
func (f *frame) rows() (n int) {
	const enough = 64
	for _, m := range f.groups[:min(enough, len(f.groups))] {
		if f.isRow(f.seats(m)) {
			n++
		}
	}
	return n
}

// frameOf returns the frame of a shape, which may have more slots than addresses use.
func (g *groups) frameOf(shape alloc.PoolSpec, ids []setID, members []int) (*frame, bool) {
	slot, ok := g.slotsOf(shape, ids)
	if !ok {
		return nil, false
	}
	f := &frame{g: g, slot: slot}
	for _, m := range members {
		if f.has(m) {
			f.groups = append(f.groups, m)
		} else {
			f.foreign = append(f.foreign, m)
		}
	}
	if len(f.groups) == 0 {
		return nil, false
	}
	shape, f.slots = f.finish(shape)
	f.shape = shape
	if f.slot, ok = g.slotsOf(shape, ids); !ok {
		return nil, false
	}
	for _, s := range f.slot {
		if s >= f.slots {
			return nil, false
		}
	}
	return f, true
}

// has reports whether all sets of an address have a slot.
func (f *frame) has(m int) bool {
	for k := f.g.groups[m].from; k < f.g.groups[m].to; k++ {
		if _, ok := f.slot[f.g.record(int(k)).ports]; !ok {
			return false
		}
	}
	return true
}

// slotsOf returns the slot of each set in a shape; ok is false where one has none.
func (g *groups) slotsOf(shape alloc.PoolSpec, ids []setID) (slots map[setID]int, ok bool) {
	shape.Name = "candidate"
	a := netip.AddrFrom4([4]byte{192, 0, 2, 1})
	shape.Outside = []alloc.AddrRange{rangeOf(span{u32(a), u32(a)})}
	p, err := alloc.NewPlacement(shape)
	if err != nil {
		return nil, false
	}
	byFirst := make(map[uint16]setID, len(ids))
	for _, id := range ids {
		byFirst[g.t.sets.set(id).First()] = id
	}
	slots = make(map[setID]int, len(ids))
	for i := range p.Capacity() {
		got, err := p.Assign(i, a.Next())
		if err != nil {
			return nil, false
		}
		ports := got.Ports()
		id, known := byFirst[ports.First()]
		if !known {
			continue
		}
		if !ports.Equal(g.t.sets.set(id)) {
			return nil, false
		}
		slots[id] = int(i)
	}
	return slots, len(slots) == len(ids)
}

// common returns the sets that most addresses have: none has a port in common with one that more have. They are in ascending order.
func (g *groups) common(members []int) []setID {
	count := map[setID]int{}
	for _, m := range members {
		for k := g.groups[m].from; k < g.groups[m].to; k++ {
			count[g.record(int(k)).ports]++
		}
	}
	ids := slices.Collect(maps.Keys(count))
	slices.SortFunc(ids, func(a, b setID) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	var taken portBits
	ids = slices.DeleteFunc(ids, func(id setID) bool { return !taken.claim(g.t.sets.set(id)) })
	g.ascending(ids)
	return ids
}

func (g *groups) ascending(ids []setID) {
	slices.SortFunc(ids, func(a, b setID) int { return cmp.Compare(g.t.sets.set(a).First(), g.t.sets.set(b).First()) })
}

// mostEven returns the sets of the size that most have.
func (g *groups) mostEven(ids []setID) []setID {
	count := map[int]int{}
	best := 0
	for _, id := range ids {
		n := g.t.sets.set(id).Len()
		if count[n]++; count[n] > count[best] || count[n] == count[best] && n > best {
			best = n
		}
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id setID) bool { return g.t.sets.set(id).Len() != best })
}

// A seat is a share in its slot.
type seat struct {
	slot   int
	inside uint32
}

// seats returns the shares of an address by slot.
func (f *frame) seats(m int) []seat {
	gr := f.g.groups[m]
	out := make([]seat, 0, gr.to-gr.from)
	for k := gr.from; k < gr.to; k++ {
		r := f.g.record(int(k))
		out = append(out, seat{f.slot[r.ports], r.inside})
	}
	if !slices.IsSortedFunc(out, bySlot) {
		slices.SortFunc(out, bySlot)
	}
	return out
}

func bySlot(a, b seat) int { return cmp.Compare(a.slot, b.slot) }

// base returns the inside address that slot 0 has where subscribers of an address follow each other.
func base(seats []seat) int64 { return int64(seats[0].inside) - int64(seats[0].slot) }
