package portset

import (
	"fmt"
	"slices"
)

// Slice returns the n ports of s that start at index i. Like slicing a slice, it panics when i or n is out of range, or
// when n is less than 1. It does not allocate for sets made by NewSet, ParseSet or Slice.
//
// With s the usable ports of an address and n the ports per subscriber, Slice(j*n, n) is subscriber j's share in
// RFC 7422's sequential algorithm (section 2, A=0).
func (s Set) Slice(i, n int) Set {
	if i < 0 || n < 1 || n > s.Len()-i {
		s.panicIndex(i, 1, n)
	}
	if s.count > 1 {
		s = s.flat()
	}
	return Set{base: s.base, progression: progression{first: s.first + uint16(i), run: uint32(n), count: 1}}
}

// Every returns the n ports of s with the indexes i, i+stride, i+2*stride and so on. It panics when one of them is out
// of range, or when n or stride is less than 1. It does not allocate for sets made by NewSet, ParseSet or Slice.
//
// With s the usable ports of an address, C the sharing ratio and n the ports per subscriber, Every(j, C, n) is subscriber
// j's share in RFC 7422's staggered algorithm (section 2, A=1, with its formula read as n*C+R+j: the printed one makes
// two subscribers share all but one port).
func (s Set) Every(i, stride, n int) Set {
	if i < 0 || stride < 1 || n < 1 || i >= s.Len() || n-1 > (s.Len()-1-i)/stride { // i+(n-1)*stride may overflow
		s.panicIndex(i, stride, n)
	}
	if n == 1 || stride == 1 {
		return s.Slice(i, n)
	}
	if s.count > 1 {
		s = s.flat()
	}
	return Set{base: s.base, progression: progression{first: s.first + uint16(i), stride: uint16(stride), run: 1, count: uint32(n)}}
}

func (s Set) panicIndex(i, stride, n int) {
	panic(fmt.Sprintf("portset: index %d, stride %d, count %d is out of range for a set of %d ports", i, stride, n, s.Len()))
}

// flat returns s as a set over its own list of ranges, so that an index into it is an index into its base.
func (s Set) flat() Set {
	t, _ := setFrom(slices.Collect(s.Ranges()))
	return t
}

// Minus returns the ports of s that are not in t. ok is false when none is left. O(ranges of s and t).
func (s Set) Minus(t Set) (left Set, ok bool) {
	if !s.IsValid() {
		return Set{}, false
	}
	if !s.Overlaps(t) {
		return s, true
	}
	var out []Range
	cuts := slices.Collect(t.Ranges())
	for r := range s.Ranges() {
		first := int(r.First())
		for len(cuts) > 0 && int(cuts[0].Last()) < first {
			cuts = cuts[1:]
		}
		for _, c := range cuts {
			if c.First() > r.Last() {
				break
			}
			if int(c.First()) > first {
				out = append(out, rangeOf(uint16(first), c.First()-1))
			}
			first = int(c.Last()) + 1
		}
		if first <= int(r.Last()) {
			out = append(out, rangeOf(uint16(first), r.Last()))
		}
	}
	return setFrom(out)
}

// Overlaps reports whether s and t have a port in common. O(ranges of s and t).
func (s Set) Overlaps(t Set) bool {
	_, ok := s.firstCommon(t)
	return ok
}

// firstCommon returns the lowest port that s and t share. It walks the ranges of both side by side.
func (s Set) firstCommon(t Set) (uint16, bool) {
	cuts := slices.Collect(t.Ranges())
	for r := range s.Ranges() {
		for len(cuts) > 0 && cuts[0].Last() < r.First() {
			cuts = cuts[1:]
		}
		if len(cuts) > 0 && cuts[0].First() <= r.Last() {
			return max(cuts[0].First(), r.First()), true
		}
	}
	return 0, false
}

// union sorts and merges ranges into ascending ranges that do not touch.
//
//	in:   |----|            |---|
//	           |-----|  |------|
//	out:  |----------|  |-------|
func union(ranges []Range) []Range {
	in := slices.Clone(ranges)
	slices.SortFunc(in, func(a, b Range) int { return int(a.First()) - int(b.First()) })
	out := in[:0]
	for _, r := range in {
		if n := len(out); n > 0 && int(r.First()) <= int(out[n-1].last)+1 {
			out[n-1].last = max(out[n-1].last, r.last)
			continue
		}
		out = append(out, r)
	}
	return out
}
