package ebpf

import (
	"iter"
	"net/netip"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/portset"
)

// A list is struct cgn_list.
type list bpf.CgnatCgnList

// noPort is CGN_NO_PORT. No index is as high, because port 0 is never usable.
const noPort = 0xffff

// A sharedList is a list that pools have in common when all of this is the same.
type sharedList struct {
	usable portset.Set
	layout portset.Layout // for cut PSID sets
	ratio  int            // for cut PSID sets
	list   uint32
	cut    uint32
}

// addPorts says how a pool's ports follow: by formula, or with a list.
func (t *Tables) addPorts(e *pool, p *alloc.Pool) {
	layout, isPSID := p.Layout()
	if isPSID {
		e.Flags |= psid
		e.Offset, e.Contiguous, e.Length = uint8(layout.Offset()), uint8(layout.ContiguousBits()), uint8(layout.Length())
	}
	switch {
	case p.Scheme() == alloc.Random:
		e.Flags |= listed
		for a, rows := uint64(0), t.rows[e.Row:]; a < p.Addresses(); a++ {
			outside := fromWire(rows[a].Addr)
			rows[a].List = uint32(len(t.lists))
			t.lists = append(t.lists, func(l *list) { t.writeShuffled(l, p, a*uint64(p.SharingRatio()), outside) })
		}
	case isPSID && isCut(layout, p.Usable()):
		e.Flags |= listed | cutOut
		s := t.share(sharedList{usable: p.Usable(), layout: layout, ratio: p.SharingRatio()}, func() func(*list) {
			return t.addCuts(fromWire(t.rows[e.Row].Addr), layout)
		})
		t.setLists(e, s)
	default:
		if _, one := p.Usable().Range(); !one {
			e.Flags |= listed
			t.setLists(e, t.share(sharedList{usable: p.Usable()}, func() func(*list) {
				return func(l *list) { l.write(p.Usable().Ports()) }
			}))
		}
	}
}

// setLists gives all addresses of a pool the same list.
func (t *Tables) setLists(e *pool, s sharedList) {
	for i := range t.rows[e.Row:] {
		row := &t.rows[int(e.Row)+i]
		row.List, row.Cut = s.list, s.cut
	}
}

// share returns the list that is wanted: one that another pool has, or a new one.
func (t *Tables) share(want sharedList, add func() func(*list)) sharedList {
	for _, s := range t.shared {
		if s.layout == want.layout && s.ratio == want.ratio && s.usable.Equal(want.usable) {
			return s
		}
	}
	want.list, want.cut = uint32(len(t.lists)), uint32(len(t.cuts))
	t.lists = append(t.lists, add())
	t.shared = append(t.shared, want)
	return want
}

// isCut reports whether a PSID set lacks a port: then a formula cannot say which it has. With a > 0 the ports with A = 0
// belong to no set.
func isCut(layout portset.Layout, usable portset.Set) bool {
	if layout.Offset() == 0 {
		return true // port 0 is in a set, and never usable
	}
	var last portset.Range
	for r := range usable.Ranges() {
		last = r
	}
	return int(last.First()) > 1<<(16-layout.Offset()) || last.Last() != portset.PortCount-1
}

// addCuts appends the cuts of a layout, and returns the writer of their list: the ports slot by slot, then the rest. Which
// PSIDs have a slot is the plan's to say: one of its addresses is asked. Slots are in the order of PSIDs.
func (t *Tables) addCuts(outside netip.Addr, layout portset.Layout) func(*list) {
	sets := make([][]uint16, layout.SharingRatio())
	var rest []uint16
	for n := range portset.PortCount {
		port := uint16(n)
		switch t.plan.Trace(outside, port).Status() {
		case alloc.Allocated, alloc.Unassigned:
			psid, _ := layout.PSID(port)
			sets[psid] = append(sets[psid], port)
		case alloc.Tail, alloc.Dynamic:
			rest = append(rest, port)
		}
	}
	cuts := make([]cut, 0, len(sets))
	start := 0
	for _, ports := range sets {
		if len(ports) > 0 {
			cuts = append(cuts, cut{Start: uint16(start), Len: uint16(len(ports))})
			start += len(ports)
		}
	}
	t.cuts = append(t.cuts, cuts...)
	ordered := append(slices.Concat(sets...), rest...)
	return func(l *list) { l.write(slices.Values(ordered)) }
}

// write makes l the list of ports in this order.
func (l *list) write(ports iter.Seq[uint16]) {
	*l = list{}
	for port := range l.Index {
		l.Index[port] = noPort
	}
	x := 0
	for port := range ports {
		l.Port[x], l.Index[port] = port, uint16(x)
		x++
	}
}

// writeShuffled writes the list of one outside address with scheme random: the shares of its subscribers, each in ascending
// order, then the ports of shares that nobody holds, then the rest. The first share is the one at position first. That the
// plan is asked for the result keeps the key where it is.
func (t *Tables) writeShuffled(l *list, p *alloc.Pool, first uint64, outside netip.Addr) {
	var taken [portset.PortCount]bool
	l.write(func(yield func(uint16) bool) {
		for slot := range uint64(p.SharingRatio()) {
			a, ok := p.At(first + slot)
			if !ok {
				break
			}
			for port := range a.Ports().Ports() {
				taken[port] = true
				yield(port)
			}
		}
		var rest []uint16
		for port := range p.Usable().Ports() {
			switch {
			case taken[port]:
			case t.plan.Trace(outside, port).Status() == alloc.Unassigned:
				yield(port)
			default:
				rest = append(rest, port)
			}
		}
		for _, port := range rest {
			yield(port)
		}
	})
}
