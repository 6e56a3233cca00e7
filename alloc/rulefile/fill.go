package rulefile

import (
	"cmp"
	"maps"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
)

// assemble makes pools of the addresses of a frame. Where fill is set, shares that nobody has are given to the inside addresses that
// stand in their places; otherwise addresses with such shares are listed.
func (f *frame) assemble(fill bool) *solution {
	var rows []row
	var others []int
	for _, m := range f.groups {
		if seats := f.seats(m); f.isRow(seats) && (len(seats) > 1 || f.slots == 1) {
			rows = append(rows, row{m, base(seats)})
		} else {
			others = append(others, m)
		}
	}
	if len(rows) > 0 { // one share says nothing about an order
		single := func(m int) bool { return f.g.groups[m].to-f.g.groups[m].from == 1 }
		for _, m := range others {
			if single(m) {
				rows = append(rows, row{m, base(f.seats(m))})
			}
		}
		others = slices.DeleteFunc(others, single)
	}
	s := f.rowPools(rows, fill)
	s.add(f.stripePools(others, fill))
	return s
}

// A row is an address whose subscribers follow each other.
type row struct {
	group int
	base  int64 // the inside address of slot 0
}

// A line is addresses that are filled one after the other.
type line struct {
	groups []int
	inside []uint32
}

func (l *line) add(o line) {
	l.groups = append(l.groups, o.groups...)
	l.inside = append(l.inside, o.inside...)
}

// rowPools makes pools of rows, by inside address: one for each address that is not full, which must be the last of its pool.
func (f *frame) rowPools(rows []row, fill bool) *solution {
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(a.base, b.base), cmp.Compare(a.group, b.group)) })
	fl := newFiller(f.g)
	if fill {
		for i := range rows {
			f.expect(fl, rows, i)
		}
	}
	s := &solution{}
	var lines []line
	var open line
	for i, r := range rows {
		end := spot{chunk: !f.goesOn(rows, i), all: i == len(rows)-1}
		inside, ok := f.row(fl, r, end, fill)
		if !ok {
			s.odd = append(s.odd, f.g.recordsOf([]int{r.group})...)
			continue
		}
		open.add(line{[]int{r.group}, inside})
		if len(inside) < f.slots {
			lines, open = append(lines, open), line{}
		}
	}
	if len(open.groups) > 0 {
		if n := len(lines) - 1; n >= 0 { // whoever is last is full: the others go before who is not
			open.add(lines[n])
			lines[n] = open
		} else {
			lines = append(lines, open)
		}
	}
	for _, l := range lines {
		s.pools = append(s.pools, f.g.pool(f.shape, l.inside, l.groups))
	}
	s.fills = fl.filled()
	return s
}

// goesOn reports whether the next row begins where a row ends.
func (f *frame) goesOn(rows []row, i int) bool {
	return i+1 < len(rows) && rows[i+1].base == rows[i].base+int64(f.slots)
}

// A spot says whether an address is the last of those that continue each other, and the last of all.
type spot struct{ chunk, all bool }

// row returns the inside addresses of a row by slot; as far as somebody has one, where the rest is empty.
func (f *frame) row(fl *filler, r row, end spot, fill bool) ([]uint32, bool) {
	seats := f.seats(r.group)
	last := seats[len(seats)-1]
	need := f.slots
	if empty := need - 1 - last.slot; empty > 0 && f.pending(r, end, empty, fill) {
		need = last.slot + 1
	}
	if missing := need - len(seats); missing > 0 && (!fill || missing > max(32, 2*len(seats))) {
		return nil, false
	}
	fl.begin(r.group)
	inside, ok := fl.all(make([]uint32, 0, need), seats)
	if !ok {
		return nil, false
	}
	if n := need - len(inside); n > 0 && !fl.run(&inside, int64(last.inside)+1, n) && !end.chunk {
		return nil, false // at an end, the address is not full instead
	}
	fl.commit()
	return inside, true
}

// pending reports whether shares that nobody has at the end of an address are not missing, but have not been given to anybody yet. At
// the end of all, only so few are missing that they complete a prefix.
func (f *frame) pending(r row, end spot, empty int, fill bool) bool {
	few := empty < max(4, f.slots/8)
	if end.all {
		return !fill || !few || (r.base+int64(f.slots))%256 != 0
	}
	return end.chunk && !few
}

// expect keeps the addresses that surely belong to a row for it: those between its subscribers, and between rows that continue each other.
func (f *frame) expect(fl *filler, rows []row, i int) {
	seats := f.seats(rows[i].group)
	keep := func(first, last int64) {
		for a := first; a <= last; a++ {
			fl.keep(a, rows[i].group)
		}
	}
	for k := 1; k < len(seats); k++ {
		if a, b := seats[k-1], seats[k]; int64(b.inside)-int64(a.inside) == int64(b.slot-a.slot) {
			keep(int64(a.inside)+1, int64(b.inside)-1)
		}
	}
	if i > 0 && f.goesOn(rows, i-1) {
		keep(rows[i].base, int64(seats[0].inside)-1)
	}
	if last := seats[len(seats)-1]; f.goesOn(rows, i) {
		keep(int64(last.inside)+1, int64(last.inside)+int64(f.slots-1-last.slot))
	}
}

// A filler finds inside addresses for shares that nobody has.
type filler struct {
	g       *groups
	group   int            // from 1
	pending map[uint32]int // what was found since begin: for whom it was kept before that
	done    []uint32
}

func newFiller(g *groups) *filler { return &filler{g: g, pending: map[uint32]int{}} }

// taken is who has what was found since begin: nobody may have it once more, not the same outside address either.
const taken = -1

// begin begins with an outside address.
func (fl *filler) begin(group int) {
	fl.giveBack()
	fl.group = group + 1
}

// giveBack frees what was found since begin and not committed.
func (fl *filler) giveBack() {
	maps.Copy(fl.g.used, fl.pending)
	clear(fl.pending)
}

// filled returns what was committed, in no order.
func (fl *filler) filled() []uint32 {
	fl.giveBack()
	return fl.done
}

// commit keeps what was found since begin.
func (fl *filler) commit() {
	for a := range fl.pending {
		fl.g.used[a] = fl.group
		fl.done = append(fl.done, a)
	}
	clear(fl.pending)
}

// keep keeps an address for an outside address.
func (fl *filler) keep(a int64, group int) {
	if fl.group = group + 1; fl.free(a) {
		fl.g.used[uint32(a)] = fl.group
	}
}

// free reports whether an inside address may be given a share.
func (fl *filler) free(a int64) bool {
	if a < 1<<24 || a >= 224<<24 || a>>24 == 127 {
		return false // no host has it
	}
	if by := fl.g.used[uint32(a)]; by != 0 && by != fl.group {
		return false
	}
	_, has := fl.g.t.pages.at(uint32(a))
	return !has && !fl.g.t.names(uint32(a)) && !fl.g.isOutside(uint32(a))
}

// run appends n addresses from first on, if they are free.
func (fl *filler) run(to *[]uint32, first int64, n int) bool {
	for a := first; a < first+int64(n); a++ {
		if !fl.free(a) {
			return false
		}
	}
	for a := first; a < first+int64(n); a++ {
		*to = append(*to, uint32(a))
		fl.pending[uint32(a)] = fl.g.used[uint32(a)]
		fl.g.used[uint32(a)] = taken
	}
	return true
}

// all appends the inside addresses of seats and of those that are missing before and between them.
func (fl *filler) all(to []uint32, seats []seat) ([]uint32, bool) {
	for i, s := range seats {
		if i == 0 {
			if !fl.run(&to, int64(s.inside)-int64(s.slot), s.slot) {
				return nil, false
			}
		} else if n := s.slot - seats[i-1].slot - 1; n > 0 && !fl.between(&to, seats[i-1].inside, s.inside, n) {
			return nil, false
		}
		to = append(to, s.inside)
	}
	return to, true
}

// between appends n addresses behind one subscriber, or before another.
func (fl *filler) between(to *[]uint32, before, behind uint32, n int) bool {
	return fl.run(to, int64(before)+1, n) || fl.run(to, int64(behind)-int64(n), n)
}

// isOutside reports whether rules translate to an address.
func (g *groups) isOutside(a uint32) bool {
	_, found := slices.BinarySearchFunc(g.groups, a, func(gr group, a uint32) int { return cmp.Compare(g.record(int(gr.from)).outside, a) })
	return found
}

// addrRanges writes addresses as ranges in ascending order.
func addrRanges(addrs []uint32) []alloc.AddrRange {
	slices.Sort(addrs)
	return ranges(addrs)
}
