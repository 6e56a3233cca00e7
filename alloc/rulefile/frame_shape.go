package rulefile

import (
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// portBits is a set of ports to which sets are added quickly.
type portBits [portset.PortCount / 64]uint64

// claim adds a set, unless it has a port in common with what is there.
func (b *portBits) claim(s portset.Set) bool {
	for r := range s.Ranges() {
		for p := int(r.First()); p <= int(r.Last()); {
			mask, next := wordOf(p, int(r.Last()))
			if b[p/64]&mask != 0 {
				return false
			}
			p = next
		}
	}
	for r := range s.Ranges() {
		for p := int(r.First()); p <= int(r.Last()); {
			mask, next := wordOf(p, int(r.Last()))
			b[p/64] |= mask
			p = next
		}
	}
	return true
}

// wordOf returns the bits of the ports from p to last that lie in the word of p, and the port behind them.
func wordOf(p, last int) (mask uint64, next int) {
	end := min(last, p|63)
	mask = ^uint64(0) << (p & 63)
	mask &= ^uint64(0) >> (63 - end&63)
	return mask, end + 1
}

// frameShapes returns the shapes that sets may be slots of, with as many slots as fit. Nobody may have some of the slots.
func (g *groups) frameShapes(ids []setID, members []int) []alloc.PoolSpec {
	sets := make([]portset.Set, len(ids))
	for i, id := range ids {
		sets[i] = g.t.sets.set(id)
	}
	size := sets[0].Len()
	even, ascending := true, true
	for i, s := range sets {
		even = even && s.Len() == size
		ascending = ascending && (i == 0 || s.First() > sets[i-1].Last())
	}
	if even && ascending {
		if s, ok := g.rowShape(ids, sets, members); ok {
			return []alloc.PoolSpec{s}
		}
	}
	out := psidCandidates(sets, true)
	if even && size > 1 {
		out = append(out, interleaved(sets, size, true)...)
		out = append(out, turning(sets, size)...)
		out = append(out, takingTurns(sets, size)...)
	}
	return out
}

// rowShape returns the sequential shape of sets. Where ports between two of them would hold more, the inside addresses say whether
// subscribers are missing there, or the ports are reserved.
func (g *groups) rowShape(ids []setID, sets []portset.Set, members []int) (alloc.PoolSpec, bool) {
	size := sets[0].Len()
	missing := g.missing(ids, sets, members)
	var usablePorts []portset.Range
	for i, s := range sets {
		usablePorts = slices.AppendSeq(usablePorts, s.Ranges())
		if missing[i] > 0 {
			r, err := portset.NewRange(int(s.Last())+1, int(s.Last())+missing[i]*size)
			if err != nil {
				return alloc.PoolSpec{}, false
			}
			usablePorts = append(usablePorts, r)
		}
	}
	all, err := portset.NewSet(usablePorts...)
	if err != nil {
		return alloc.PoolSpec{}, false
	}
	s := alloc.PoolSpec{Scheme: alloc.Sequential, PortsPerSubscriber: size}
	return s, usable(&s, all)
}

// missing returns how many slots nobody has behind each of the sets, but for the last.
func (g *groups) missing(ids []setID, sets []portset.Set, members []int) []int {
	size := sets[0].Len()
	out := make([]int, len(sets))
	room := make([]int, len(sets)) // for so many
	some := false
	for i := 1; i < len(sets); i++ {
		room[i-1] = (int(sets[i].First()) - int(sets[i-1].Last()) - 1) / size
		some = some || room[i-1] > 0
	}
	if !some {
		return out
	}
	number := make(map[setID]int, len(ids))
	for i, id := range ids {
		number[id] = i
	}
	votes := make([]map[int]int, len(sets))
	follow, all := 0, 0 // neighbours without room between them
	for _, m := range members {
		for k := g.groups[m].from + 1; k < g.groups[m].to; k++ {
			a, b := g.record(int(k-1)), g.record(int(k))
			i, known := number[a.ports]
			j, known2 := number[b.ports]
			if !known || !known2 || j != i+1 {
				continue
			}
			d := int64(b.inside) - int64(a.inside) - 1
			if room[i] == 0 {
				all++
				if d == 0 {
					follow++
				}
			}
			if 0 <= d && d <= int64(room[i]) {
				if votes[i] == nil {
					votes[i] = map[int]int{}
				}
				votes[i][int(d)]++
			}
		}
	}
	for i := range out {
		out[i] = most(votes[i])
		if votes[i] == nil && room[i] > 0 && 2*follow > all && (int(sets[i+1].First())-int(sets[i].Last())-1)%size == 0 {
			out[i] = room[i] // no address says it, and it fits
		}
	}
	return out
}

// most returns the number with the most votes, of several the smallest; 0 where there are none.
func most(votes map[int]int) int {
	best := 0
	for n, v := range votes {
		if v > votes[best] || v == votes[best] && n < best {
			best = n
		}
	}
	return best
}

// turning returns the shapes in which owners take turns, and nobody may have some of the turns.
func turning(sets []portset.Set, size int) []alloc.PoolSpec {
	owners := distance(sets[0])
	if owners < 2 {
		return nil
	}
	var out []alloc.PoolSpec
	starts := []uint16{1024}
	for k := range uint16(min(owners, 16)) { // the first turns may be nobody's
		if first := sets[0].First(); first > k {
			starts = append(starts, first-k)
		}
	}
	for _, first := range starts {
		staggered := alloc.PoolSpec{Scheme: alloc.Staggered, SharingRatio: owners, PortsPerSubscriber: size}
		step := alloc.PoolSpec{Scheme: alloc.Step, StepSize: owners, PortsPerSubscriber: size}
		from(&staggered, first)
		from(&step, first)
		out = append(out, staggered, step)
	}
	return out
}

// finish gives a shape the number of slots that an address has: as far apart as the first subscribers of neighbours are, and at
// least as many as are in use.
func (f *frame) finish(shape alloc.PoolSpec) (alloc.PoolSpec, int) {
	used := 0
	for _, s := range f.slot {
		used = max(used, s+1)
	}
	slots := f.apart()
	switch shape.Scheme {
	case alloc.Staggered:
		return shape, shape.SharingRatio
	case alloc.PSID:
		whole := 1 << *shape.PSIDLength
		if used <= slots && slots < whole {
			shape.DynamicShares = whole - slots
			return shape, slots
		}
		return shape, whole
	case alloc.Sequential:
		shape, used = f.before(shape, used, slots)
	}
	if slots < used || slots > f.room(shape) {
		slots = used
	}
	shape.SharingRatio = slots
	return shape, slots
}

// apart returns by how many inside addresses neighbouring outside addresses are apart, mostly; 0 where they are not neighbours.
func (f *frame) apart() int {
	votes := map[int]int{}
	for i := 1; i < len(f.groups); i++ {
		a, b := f.seats(f.groups[i-1]), f.seats(f.groups[i])
		if !f.isRow(a) || !f.isRow(b) {
			continue
		}
		d := base(b) - base(a)
		out := int64(f.outside(f.groups[i]) - f.outside(f.groups[i-1]))
		if d < 0 {
			d = -d
		}
		if d > 0 && d%out == 0 && d/out < portset.PortCount {
			votes[int(d/out)]++
		}
	}
	return most(votes)
}

func (f *frame) outside(m int) uint32 { return f.g.record(int(f.g.groups[m].from)).outside }

// isRow reports whether the subscribers of an address follow each other, mostly.
func (f *frame) isRow(seats []seat) bool {
	good := 0
	for i := 1; i < len(seats); i++ {
		if int64(seats[i].inside)-int64(seats[i-1].inside) == int64(seats[i].slot-seats[i-1].slot) {
			good++
		}
	}
	return 2*good >= len(seats)-1
}

// before begins with ports below those in use, where the slots that nobody has must be there.
func (f *frame) before(shape alloc.PoolSpec, used, slots int) (alloc.PoolSpec, int) {
	first, size := 1024, shape.PortsPerSubscriber
	if shape.Ports.IsValid() {
		first = int(shape.Ports.First())
	}
	lead := 0
	if below := first - 1024; slots > used && below > 0 && below%size == 0 && below/size <= slots-used {
		lead = below / size
	} else if over := slots - f.room(shape); over > 0 && first-over*size >= 1 {
		lead = over
	}
	if lead > 0 {
		shape.Ports = portset.Range{}
		from(&shape, uint16(first-lead*size))
	}
	return shape, used + lead
}

// room returns how many slots fit.
func (f *frame) room(shape alloc.PoolSpec) int {
	shape.SharingRatio = 0
	shape.Name = "candidate"
	shape.Outside = []alloc.AddrRange{rangeOf(span{0xc0000201, 0xc0000201})}
	p, err := alloc.NewPlacement(shape)
	if err != nil {
		return 0
	}
	return int(p.Capacity())
}
