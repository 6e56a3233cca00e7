package portset

import (
	"fmt"
	"iter"
	"slices"
)

// A Set is an immutable, non-empty set of ports in ascending order, with an index for every port: index 0 is the lowest
// port, index Len()-1 the highest. The zero Set is invalid and holds no port.
//
// A Set is 24 bytes and is passed by value. Sets that were made from the same constructor arguments need not be identical
// structs, so == is ruled out by the compiler; use Equal.
//
// Contains, Index and Port take O(1) for sets that are one range or an arithmetic progression of ranges (a PSID set, a
// staggered set), and O(log r) for sets that are cut from a list of r ranges. None of them allocates.
type Set struct {
	_ [0]func()

	// The set is a progression of *indexes*. With base nil an index is a port number; else it is an index into base.
	base *list
	progression
}

// A progression is count runs of run consecutive indexes, the first at index first, each stride after the one before.
//
// It is a struct of its own so that neither has more than four fields: the compiler keeps such structs in registers, which
// makes a lookup a third faster.
type progression struct {
	first  uint16
	stride uint16 // > run when count > 1; 0 when count == 1
	run    uint32 // >= 1, or 0 in the zero Set
	count  uint32 // >= 1
}

// NewSet returns the union of ranges, which may come in any order, touch and overlap. It returns ErrEmpty without
// ranges and ErrRange for a zero Range. O(r log r) in time and O(r) in memory for r ranges.
func NewSet(ranges ...Range) (Set, error) {
	for _, r := range ranges {
		if !r.IsValid() {
			return Set{}, fmt.Errorf("%w: the zero Range", ErrRange)
		}
	}
	s, ok := setFrom(union(ranges))
	if !ok {
		return Set{}, ErrEmpty
	}
	return s, nil
}

// setFrom makes a Set of ranges that are ascending, disjoint and not touching.
func setFrom(ranges []Range) (Set, bool) {
	switch len(ranges) {
	case 0:
		return Set{}, false
	case 1:
		return Set{progression: progression{first: ranges[0].First(), run: uint32(ranges[0].Len()), count: 1}}, true
	}
	l := newList(ranges)
	return Set{base: l, progression: progression{run: l.n, count: 1}}, true
}

// IsValid reports whether s holds ports, that is, whether it is not the zero Set.
func (s Set) IsValid() bool { return s.run != 0 }

// Len returns the number of ports in s, 1 to 65536, or 0 for the zero Set.
func (s Set) Len() int { return int(s.run * s.count) }

// Contains reports whether port belongs to s.
func (s Set) Contains(port uint16) bool {
	_, ok := s.Index(port)
	return ok
}

// Index returns the position of port in s, 0 to Len()-1. ok is false when port does not belong to s.
func (s Set) Index(port uint16) (i int, ok bool) {
	x := uint32(port)
	if s.base != nil {
		if x, ok = s.base.index(port); !ok {
			return 0, false
		}
	}
	d := x - uint32(s.first) // wraps to a number beyond every run below first
	if s.count <= 1 {
		if d < s.run {
			return int(d), true
		}
		return 0, false
	}
	if q, r := d/uint32(s.stride), d%uint32(s.stride); q < s.count && r < s.run {
		return int(q*s.run + r), true
	}
	return 0, false
}

// Port returns the port with index i, 0 to Len()-1. ok is false for any other i.
func (s Set) Port(i int) (port uint16, ok bool) {
	if i < 0 || i >= s.Len() {
		return 0, false
	}
	x := s.indexOf(uint32(i))
	if s.base != nil {
		return s.base.at(x), true
	}
	return uint16(x), true
}

// indexOf translates an index into s to an index into its base.
func (s Set) indexOf(i uint32) uint32 {
	if s.count == 1 {
		return uint32(s.first) + i
	}
	return uint32(s.first) + i/s.run*uint32(s.stride) + i%s.run
}

// First returns the lowest port of s, or 0 for the zero Set.
func (s Set) First() uint16 {
	p, _ := s.Port(0)
	return p
}

// Last returns the highest port of s, or 0 for the zero Set.
func (s Set) Last() uint16 {
	p, _ := s.Port(s.Len() - 1)
	return p
}

// Ranges iterates over the maximal ranges of s in ascending order: no two of them touch. It does not allocate.
func (s Set) Ranges() iter.Seq[Range] {
	return func(yield func(Range) bool) {
		for k := range s.count {
			x := uint32(s.first) + k*uint32(s.stride)
			if !s.base.yieldRun(x, s.run, yield) {
				return
			}
		}
	}
}

// yieldRun yields the ranges that the indexes x..x+run-1 cover. A nil list is the list of all ports.
//
// Runs of one set never touch: between two runs at least one index is left out, and so at least one port.
func (l *list) yieldRun(x, run uint32, yield func(Range) bool) bool {
	if l == nil {
		return yield(rangeOf(uint16(x), uint16(x+run-1)))
	}
	for k := l.rangeAt(x); run > 0; k++ {
		skip := x - l.before[k]
		n := min(uint32(l.ranges[k].Len())-skip, run)
		first := l.ranges[k].First() + uint16(skip)
		if !yield(rangeOf(first, first+uint16(n-1))) {
			return false
		}
		x, run = x+n, run-n
	}
	return true
}

// RangeCount returns the number of maximal ranges of s. O(ranges).
func (s Set) RangeCount() int {
	if s.base == nil {
		return int(s.count)
	}
	n := 0
	for range s.Ranges() {
		n++
	}
	return n
}

// Range returns s as one range; ok is false when s is not contiguous. O(1), or O(log r) for sets cut from r ranges.
func (s Set) Range() (r Range, ok bool) {
	if !s.IsValid() {
		return Range{}, false
	}
	r = rangeOf(s.First(), s.Last())
	return r, r.Len() == s.Len()
}

// Ports iterates over the ports of s in ascending order.
func (s Set) Ports() iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		for r := range s.Ranges() {
			for p := int(r.First()); p <= int(r.Last()); p++ {
				if !yield(uint16(p)) {
					return
				}
			}
		}
	}
}

// Equal reports whether s and t hold the same ports. O(1) for ranges and progressions of ranges, else O(ranges).
func (s Set) Equal(t Set) bool {
	same := s.progression == t.progression
	switch {
	case s.Len() != t.Len():
		return false
	case s.base == t.base && same:
		return true
	case s.base == nil && t.base == nil:
		return false // without a base list there is one way to write a set
	case same && s.base != nil && t.base != nil && slices.Equal(s.base.ranges, t.base.ranges):
		return true
	}
	next, stop := iter.Pull(t.Ranges())
	defer stop()
	for r := range s.Ranges() {
		if u, ok := next(); !ok || u != r {
			return false
		}
	}
	return true
}
