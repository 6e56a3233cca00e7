package rulefile

import (
	"cmp"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
)

// A strip is outside addresses in ascending order whose subscribers step with them: in each slot, the inside address is as far from
// the outside address on all of them.
type strip struct {
	groups []int
	apart  []int64 // by slot; nobody where nobody has it
}

const nobody = int64(1) << 40

// stripePools makes pools of addresses that a stripe goes round.
func (f *frame) stripePools(members []int, fill bool) *solution {
	s := &solution{}
	if f.shape.Scheme != alloc.Sequential {
		s.odd = f.g.recordsOf(members)
		return s
	}
	fl := newFiller(f.g)
	for _, strips := range f.joined(f.strips(members)) {
		inside, groups, ok := f.stripe(fl, strips, fill)
		if !ok {
			s.odd = append(s.odd, f.g.recordsOf(groups)...)
			continue
		}
		shape := f.shape
		shape.Scheme = alloc.Stripe
		s.pools = append(s.pools, f.g.pool(shape, inside, groups))
	}
	s.fills = fl.filled()
	return s
}

// strips parts addresses, which are in outside order.
func (f *frame) strips(members []int) []strip {
	var out []strip
	for _, m := range members {
		seats := f.seats(m)
		at := int64(f.outside(m))
		if n := len(out) - 1; n >= 0 && out[n].takes(seats, at) {
			out[n].add(m, seats, at)
			continue
		}
		one := strip{apart: make([]int64, f.slots)}
		for i := range one.apart {
			one.apart[i] = nobody
		}
		one.add(m, seats, at)
		out = append(out, one)
	}
	return out
}

// takes reports whether shares on an outside address continue a strip.
func (s *strip) takes(seats []seat, outside int64) bool {
	some := false
	for _, t := range seats {
		if s.apart[t.slot] == nobody {
			continue
		}
		if s.apart[t.slot] != int64(t.inside)-outside {
			return false
		}
		some = true
	}
	return some
}

func (s *strip) add(m int, seats []seat, outside int64) {
	s.groups = append(s.groups, m)
	for _, t := range seats {
		s.apart[t.slot] = int64(t.inside) - outside
	}
}

// joined puts strips together that a stripe goes round one after the other, because its outside addresses are several ranges.
func (f *frame) joined(strips []strip) [][]strip {
	slices.SortStableFunc(strips, func(a, b strip) int { return cmp.Compare(f.first(&a), f.first(&b)) })
	var out [][]strip
	for _, s := range strips {
		if n := len(out) - 1; n >= 0 && f.continues(&out[n][len(out[n])-1], &s) {
			out[n] = append(out[n], s)
			continue
		}
		out = append(out, []strip{s})
	}
	return out
}

// first returns the lowest inside address of a strip's first slot.
func (f *frame) first(s *strip) int64 {
	for _, d := range s.apart {
		if d != nobody {
			return d + int64(f.outside(s.groups[0]))
		}
	}
	return 0
}

// continues reports whether b begins where a ends, in most slots: in others, a range of inside addresses may end there.
func (f *frame) continues(a, b *strip) bool {
	end, begin := int64(f.outside(a.groups[len(a.groups)-1]))+1, int64(f.outside(b.groups[0]))
	good, both := 0, 0
	for i := range a.apart {
		if a.apart[i] == nobody || b.apart[i] == nobody {
			continue
		}
		both++
		if a.apart[i]+end == b.apart[i]+begin {
			good++
		}
	}
	return 2*good > both
}

// stripe returns the inside addresses of strips, stripe by stripe, as far as somebody has a share.
func (f *frame) stripe(fl *filler, strips []strip, fill bool) (inside []uint32, groups []int, ok bool) {
	for _, s := range strips {
		groups = append(groups, s.groups...)
	}
	n := len(groups)
	var seats []seat // by position in the pool
	for i, m := range groups {
		for _, s := range f.seats(m) {
			seats = append(seats, seat{s.slot*n + i, s.inside})
		}
	}
	slices.SortFunc(seats, bySlot)
	need := seats[len(seats)-1].slot + 1
	if missing := need - len(seats); n < 2 || missing > 0 && (!fill || missing > len(seats)) {
		return nil, groups, false
	}
	fl.begin(groups[0])
	inside, ok = fl.all(make([]uint32, 0, need), seats)
	if ok {
		fl.commit()
	}
	return inside, groups, ok
}
