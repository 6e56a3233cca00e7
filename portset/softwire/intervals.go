package softwire

import (
	"cmp"
	"slices"
)

// nobody is the owner of an interval that no span covers.
const nobody = -1

// A span is an inclusive range of numbers with an owner, 0 or more. Spans are those of prefixes: of two, one holds the
// other or they are disjoint.
type span struct {
	first, last uint64
	owner       int32
}

// intervals say for every number which of some spans covers it, and of several that do, the shortest. Interval i reaches
// from starts[i] to before starts[i+1]; starts[0] is 0. There are at most twice as many intervals as spans, and one.
//
//	spans       |--------0--------|        |--2--|
//	                 |--1--|
//	intervals  -1|-0-|--1--|--0---|---1----|--2--|-1
type intervals struct {
	starts []uint64
	owners []int32
}

// newIntervals makes intervals of spans, which it sorts; numbers outside all of them belong to rest. parents[i] is
// the owner of the shortest span that holds spans[i] and is not the same, or rest.
func newIntervals(spans []span, rest int32) (t intervals, parents []int32) {
	slices.SortFunc(spans, func(a, b span) int {
		// Of two equal spans, one that leads to second halves counts: as an unsigned number its owner is the greater.
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(b.last, a.last), cmp.Compare(uint32(a.owner), uint32(b.owner)))
	})
	t.add(0, rest)
	parents = make([]int32, len(spans))
	var open []span // those that hold the place that the sweep has reached
	top := func() int32 {
		if len(open) == 0 {
			return rest
		}
		return open[len(open)-1].owner
	}
	closeBefore := func(x uint64) {
		for len(open) > 0 && open[len(open)-1].last < x {
			after := open[len(open)-1].last + 1
			open = open[:len(open)-1]
			t.add(after, top())
		}
	}
	for i, s := range spans {
		closeBefore(s.first)
		parents[i] = top()
		t.add(s.first, s.owner)
		open = append(open, s)
	}
	closeBefore(^uint64(0)) // what reaches to the last number has nothing behind it
	return intervals{slices.Clip(t.starts), slices.Clip(t.owners)}, parents
}

// add starts an interval at start, which does not lie before the last one.
func (t *intervals) add(start uint64, owner int32) {
	if n := len(t.starts); n > 0 && t.starts[n-1] == start {
		t.owners[n-1] = owner
		return
	}
	t.starts, t.owners = append(t.starts, start), append(t.owners, owner)
}

// find returns the owner of x. O(log n).
func (t *intervals) find(x uint64) int32 {
	starts := t.starts
	at := 0
	for n := len(starts); n > 1; {
		half := n / 2
		// The compiler turns this into a conditional move: no branch that is guessed wrongly half of the time.
		next := at + half
		if starts[next] > x {
			next = at
		}
		at = next
		n -= half
	}
	return t.owners[at]
}
