package alloc

import (
	"cmp"
	"slices"
)

// An order is a list of disjoint address ranges in the order in which they were written, with exclusions cut out. It
// translates positions to addresses and back. Its size grows with the number of ranges, not of addresses: a prefix costs
// 16 bytes, a list of scattered addresses 17 to 22 bytes an address.
type order struct {
	spans  []span
	before []uint32 // before[i] = addresses in spans[:i]; nil when every span is a single address
	n      uint32

	// The same spans by address. Nil when there is one span.
	firsts []uint32 // ascending
	number []uint32 // number[k] = which of spans starts at firsts[k]; nil when spans are ascending as written
	byAddr ladder
	byPos  ladder

	excluded []span // ascending, disjoint: addresses that were written and then excluded
}

// A clash is an address that an order would hold twice.
type clash struct{ addr uint32 }

// newOrder makes an order of ranges without the addresses in exclude, which is ascending and disjoint. When two ranges
// overlap it returns the lowest address that they share. O(r log r) for r ranges.
func newOrder(ranges []AddrRange, exclude []span) (order, *clash) {
	var o order
	for _, r := range ranges {
		o.add(r.span(), exclude)
	}
	o.spans = append(make([]span, 0, len(o.spans)), o.spans...) // what append grew beyond need is not kept
	if c := o.sort(); c != nil {
		return order{}, c
	}
	o.count()
	return o, nil
}

// add appends the parts of s that are not excluded.
func (o *order) add(s span, exclude []span) {
	k, _ := slices.BinarySearchFunc(exclude, s.first, func(e span, a uint32) int { return cmp.Compare(e.last, a) })
	for ; k < len(exclude) && exclude[k].first <= s.last; k++ {
		e := exclude[k]
		o.excluded = append(o.excluded, span{max(e.first, s.first), min(e.last, s.last)})
		if e.first > s.first {
			o.append(span{s.first, e.first - 1})
		}
		if e.last >= s.last {
			return
		}
		s.first = e.last + 1
	}
	o.append(s)
}

// append adds s, merged into the span before it where it continues it.
func (o *order) append(s span) {
	if n := len(o.spans); n > 0 && o.spans[n-1].last != ^uint32(0) && o.spans[n-1].last+1 == s.first {
		o.spans[n-1].last = s.last
		return
	}
	o.spans = append(o.spans, s)
}

// sort fills firsts and number, and finds overlaps.
func (o *order) sort() *clash {
	o.excluded = mergeSpans(o.excluded)
	if len(o.spans) < 2 {
		return nil
	}
	o.firsts = make([]uint32, len(o.spans))
	if slices.IsSortedFunc(o.spans, func(a, b span) int { return cmp.Compare(a.first, b.first) }) {
		for i, s := range o.spans {
			o.firsts[i] = s.first
		}
	} else {
		o.number = sortedNumbers(o.spans)
		for k, i := range o.number {
			o.firsts[k] = o.spans[i].first
		}
	}
	for k := 1; k < len(o.firsts); k++ {
		if o.at(k-1).last >= o.firsts[k] {
			return &clash{o.firsts[k]}
		}
	}
	o.byAddr = newLadder(o.firsts)
	return nil
}

// sortedNumbers returns the numbers of spans in the order of their first addresses. Sorting plain integers is several
// times faster than sorting with a comparison that looks each span up.
func sortedNumbers(spans []span) []uint32 {
	keys := make([]uint64, len(spans))
	for i, s := range spans {
		keys[i] = uint64(s.first)<<32 | uint64(i)
	}
	slices.Sort(keys)
	numbers := make([]uint32, len(keys))
	for k, key := range keys {
		numbers[k] = uint32(key)
	}
	return numbers
}

// at returns the span with the k-th lowest first address.
func (o *order) at(k int) span { return o.spans[o.numberOf(k)] }

func (o *order) numberOf(k int) int {
	if o.number == nil {
		return k
	}
	return int(o.number[k])
}

// count fills n, before and byPos. The spans are disjoint and leave out 0.0.0.0/8, so that n fits.
func (o *order) count() {
	single := true
	for _, s := range o.spans {
		single = single && s.first == s.last
		o.n += uint32(s.len())
	}
	if single || len(o.spans) < 2 {
		return
	}
	o.before = make([]uint32, len(o.spans))
	for i := 1; i < len(o.spans); i++ {
		o.before[i] = o.before[i-1] + uint32(o.spans[i-1].len())
	}
	o.byPos = newLadder(o.before)
}

// addr returns the address at position pos, which must be below o.n.
func (o *order) addr(pos uint32) uint32 {
	switch {
	case len(o.spans) == 1:
		return o.spans[0].first + pos
	case o.before == nil:
		return o.spans[pos].first
	}
	i := o.byPos.find(o.before, pos)
	return o.spans[i].first + (pos - o.before[i])
}

// position returns the position of address a.
func (o *order) position(a uint32) (pos uint32, ok bool) {
	if len(o.spans) == 1 {
		return a - o.spans[0].first, o.spans[0].contains(a)
	}
	k := o.byAddr.find(o.firsts, a)
	if k < 0 {
		return 0, false
	}
	i := o.numberOf(k)
	s := o.spans[i]
	if a > s.last {
		return 0, false
	}
	if o.before == nil {
		return uint32(i), true
	}
	return o.before[i] + (a - s.first), true
}

// isExcluded reports whether a was written and then excluded.
func (o *order) isExcluded(a uint32) bool { return spansContain(o.excluded, a) }

func spansContain(ascending []span, a uint32) bool { return spansOverlap(ascending, span{a, a}) }

// spansOverlap reports whether e has an address in common with ascending, disjoint spans.
func spansOverlap(ascending []span, e span) bool {
	k, _ := slices.BinarySearchFunc(ascending, e.first, func(s span, a uint32) int { return cmp.Compare(s.last, a) })
	return k < len(ascending) && ascending[k].first <= e.last
}

// indexBytes returns the memory that o holds on to.
func (o *order) indexBytes() int {
	return 8*(cap(o.spans)+cap(o.excluded)) +
		4*(cap(o.before)+cap(o.firsts)+cap(o.number)+cap(o.byAddr.rungs)+cap(o.byPos.rungs))
}

// A cursor walks the addresses of an order from its first position on.
type cursor struct {
	o    *order
	span int
	next uint32
}

func (o *order) cursor() cursor { return cursor{o: o, next: o.spans[0].first} }

// left returns how many consecutive addresses lie at the cursor.
func (c *cursor) left() uint32 { return c.o.spans[c.span].last - c.next + 1 }

// take returns the address at the cursor and steps over it and the n-1 behind it, left at most. After the last address it
// starts again.
func (c *cursor) take(n uint32) uint32 {
	a := c.next
	if n < c.left() {
		c.next += n
		return a
	}
	if c.span++; c.span == len(c.o.spans) {
		c.span = 0
	}
	c.next = c.o.spans[c.span].first
	return a
}

// mergeSpans sorts spans and merges those that overlap or touch.
func mergeSpans(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && uint64(s.first) <= uint64(out[n-1].last)+1 {
			out[n-1].last = max(out[n-1].last, s.last)
			continue
		}
		out = append(out, s)
	}
	return out
}
