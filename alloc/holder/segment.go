package holder

import (
	"cmp"
	"slices"
	"sort"
)

// A segment is one stay of somebody on one address: certain between sure.from and sure.to, possible between from and to, all in
// seconds and included.
type segment struct {
	from, to           int64 // always and never: not known
	sureFrom, sureTo   int64 // reversed when nothing is sure
	head, tail         Reasons
	who                uint32
	origin             uint32 // the number of the session plus one; 0 for a lease
	line               uint32
	file               uint16
	unknown            bool // somebody, but nobody knows who
	unread             bool // told by a record that was rejected
	openHead, openTail bool // whether another stay on the address bounds this one
}

// A history is everything about one address.
type history struct {
	segments []segment // by from
	last     []int64   // last[i] is the latest end of segments[0..i]
	first    int64     // the first second in which somebody can have had it
	known    []span    // the times of which lease files tell all, sorted and apart; empty where no lease is on the address
}

// newHistory sorts.
func newHistory(segments []segment, known []span) *history {
	slices.SortFunc(segments, func(a, b segment) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.sureFrom, b.sureFrom), cmp.Compare(a.to, b.to), cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line))
	})
	h := &history{segments: segments, last: make([]int64, len(segments)), first: never, known: known}
	latest := int64(always)
	for i, s := range segments {
		latest = max(latest, s.to)
		h.last[i] = latest
		h.first = min(h.first, s.from)
	}
	return h
}

// listed reports whether lease files have the address from a second on, as far as they reach.
func (h *history) listed(from int64) bool { return len(h.known) > 0 && from >= h.known[0].from }

// unknown says why the lease files that have the address do not tell all of a time; 0 means that they do, or that none has it yet.
func (h *history) unknown(from, to int64) Reasons {
	if len(h.known) == 0 || to < h.known[0].from {
		return 0
	}
	from = max(from, h.known[0].from)
	i := sort.Search(len(h.known), func(i int) bool { return h.known[i].to >= from })
	if i < len(h.known) && h.known[i].from <= from && to <= h.known[i].to {
		return 0
	}
	return FileEnds
}

// bound ends stays without a Stop where the next one on the address begins, at the latest, and begins stays without a Start where
// the one before ends, at the earliest. Stays that begin at the same second do not bound each other: which was first is not known.
func bound(segments []segment) {
	begins, ends := edges(segments)
	for i := range segments {
		s := &segments[i]
		if s.openTail {
			k := sort.Search(len(begins), func(k int) bool { return begins[k] >= s.sureTo && begins[k] > s.sureFrom })
			if k < len(begins) {
				s.to = min(s.to, begins[k])
			}
		}
		if s.openHead {
			k := sort.Search(len(ends), func(k int) bool { return ends[k] > s.sureFrom || ends[k] >= s.sureTo })
			if k > 0 {
				s.from = max(s.from, ends[k-1])
			}
		}
	}
}

// edges returns when somebody certainly began and ended to have the address, each sorted. A stay of which nothing is sure has none: its
// records can be on either side of another's.
func edges(segments []segment) (begins, ends []int64) {
	for _, s := range segments {
		if s.sureFrom <= s.sureTo {
			begins, ends = append(begins, s.sureFrom), append(ends, s.sureTo)
		}
	}
	slices.Sort(begins)
	slices.Sort(ends)
	return begins, ends
}

// overlapping returns the segments that touch the seconds from to to, by from.
func (h *history) overlapping(from, to int64) []segment {
	n := sort.Search(len(h.segments), func(i int) bool { return h.segments[i].from > to })
	var out []segment
	for i := n - 1; i >= 0 && h.last[i] >= from; i-- {
		if h.segments[i].to >= from {
			out = append(out, h.segments[i])
		}
	}
	slices.Reverse(out)
	return out
}
