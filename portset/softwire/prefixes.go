package softwire

import "net/netip"

// prefixes find the longest of some IPv6 prefixes that holds an address. Prefixes of up to 64 bits are intervals of the
// first halves of addresses. Where there are longer ones, such an interval is one number wide, and its owner says which
// intervals of second halves are meant.
type prefixes struct {
	first  intervals
	second []intervals
	parent []int32 // of a prefix, by its number: the next shorter one that holds it, or nobody
}

// newPrefixes takes prefixes without host bits, none of them twice.
func newPrefixes(list []netip.Prefix) prefixes {
	t := prefixes{parent: make([]int32, len(list))}
	var short []span
	long := map[uint64][]span{} // by first half
	for i, p := range list {
		a, m := from6(p.Addr()), mask128(p.Bits())
		if p.Bits() <= 64 {
			short = append(short, span{a.hi, a.hi | ^m.hi, int32(i)})
		} else {
			long[a.hi] = append(long[a.hi], span{a.lo, a.lo | ^m.lo, int32(i)})
		}
	}
	t.first = t.nest(short, nobody)
	if len(long) == 0 {
		return t
	}
	for hi, spans := range long {
		rest := t.first.find(hi) // before the first halves that lead to second ones are in it
		t.second = append(t.second, t.nest(spans, rest))
		short = append(short, span{hi, hi, deep(len(t.second) - 1)})
	}
	t.first, _ = newIntervals(short, nobody)
	return t
}

// nest returns the intervals of spans and notes their parents.
func (t *prefixes) nest(spans []span, rest int32) intervals {
	table, parents := newIntervals(spans, rest)
	for i, s := range spans {
		t.parent[s.owner] = parents[i]
	}
	return table
}

// deep is the owner that stands for second[i], and back.
func deep(i int) int32 { return -2 - int32(i) }

// find returns the number of the longest prefix that holds a, or nobody.
func (t *prefixes) find(a bits128) int32 {
	i := t.first.find(a.hi)
	if i < nobody {
		i = t.second[deep(int(i))].find(a.lo)
	}
	return i
}
