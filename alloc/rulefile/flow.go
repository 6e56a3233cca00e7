package rulefile

import (
	"cmp"
	"slices"
	"sort"
)

// Protocols, as bits of a mask.
type protoMask uint8

const (
	tcp protoMask = 1 << iota
	udp
	icmp
	other
	ported   = tcp | udp | icmp // those that have ports, or identifiers that are used like ports
	allProto = ported | other

	anyID protoMask = 1 << 4 // in a record: icmp has any identifier
)

// A segment is a stretch of inside addresses and the protocols for which it stands.
type segment struct {
	span
	mask protoMask
}

// A flow is a set of (inside address, protocol): what still travels along a chain. Segments are disjoint, ascending and kept in
// blocks of bounded size, so that rules in any order cost the same.
type flow struct {
	blocks  [][]segment // none is empty
	scratch []segment
}

// blockSize is about where moving half a block costs as much as finding it.
const blockSize = 256

func newFlow(segments ...segment) *flow {
	f := &flow{}
	for _, s := range segments {
		f.add(s)
	}
	return f
}

func (f *flow) clone() *flow {
	c := &flow{blocks: make([][]segment, 0, len(f.blocks)+1)}
	for _, b := range f.blocks {
		c.blocks = append(c.blocks, slices.Clone(b))
	}
	return c
}

func (f *flow) empty() bool { return len(f.blocks) == 0 }

// find returns the number of the first block that reaches a or further.
func (f *flow) find(a uint32) int {
	return sort.Search(len(f.blocks), func(i int) bool {
		b := f.blocks[i]
		return b[len(b)-1].last >= a
	})
}

// within returns which segments of a block have addresses in s: those from lo to before hi.
func within(block []segment, s span) (lo, hi int) {
	lo, _ = slices.BinarySearchFunc(block, s.first, func(g segment, a uint32) int { return cmp.Compare(g.last, a) })
	for hi = lo; hi < len(block) && block[hi].first <= s.last; hi++ {
	}
	return lo, hi
}

// get appends to dst what f has of s and mask.
func (f *flow) get(dst []segment, s span, mask protoMask) []segment {
	for b := f.find(s.first); b < len(f.blocks) && f.blocks[b][0].first <= s.last; b++ {
		lo, hi := within(f.blocks[b], s)
		for _, g := range f.blocks[b][lo:hi] {
			if m := g.mask & mask; m != 0 {
				dst = append(dst, segment{span{max(g.first, s.first), min(g.last, s.last)}, m})
			}
		}
	}
	return dst
}

// at returns the protocols for which f has an address.
func (f *flow) at(a uint32) protoMask {
	if b := f.find(a); b < len(f.blocks) {
		if lo, hi := within(f.blocks[b], span{a, a}); lo < hi {
			return f.blocks[b][lo].mask
		}
	}
	return 0
}

// take does what get does, and removes it from f.
func (f *flow) take(dst []segment, s span, mask protoMask) []segment {
	for b := f.find(s.first); b < len(f.blocks) && f.blocks[b][0].first <= s.last; {
		block := f.blocks[b]
		lo, hi := within(block, s)
		if lo > 0 {
			lo--
		}
		if hi < len(block) {
			hi++
		}
		keep := f.scratch[:0]
		for _, g := range block[lo:hi] {
			cut := span{max(g.first, s.first), min(g.last, s.last)}
			m := g.mask & mask
			if m == 0 || cut.first > cut.last {
				keep = join(keep, g)
				continue
			}
			dst = append(dst, segment{cut, m})
			if g.first < cut.first {
				keep = join(keep, segment{span{g.first, cut.first - 1}, g.mask})
			}
			if rest := g.mask &^ m; rest != 0 {
				keep = join(keep, segment{cut, rest})
			}
			if cut.last < g.last {
				keep = join(keep, segment{span{cut.last + 1, g.last}, g.mask})
			}
		}
		f.scratch = keep
		b += f.replace(b, lo, hi, keep)
	}
	return dst
}

// join appends g, merged into the segment before it where that continues.
func join(to []segment, g segment) []segment {
	if n := len(to) - 1; n >= 0 && to[n].mask == g.mask && to[n].last+1 == g.first {
		to[n].last = g.last
		return to
	}
	return append(to, g)
}

// replace puts segments in the place of others of a block. It returns how many blocks stand there now.
func (f *flow) replace(b, lo, hi int, by []segment) int {
	block := slices.Replace(f.blocks[b], lo, hi, by...)
	switch {
	case len(block) == 0:
		f.blocks = slices.Delete(f.blocks, b, b+1)
		return 0
	case len(block) > blockSize:
		half := slices.Clone(block[len(block)/2:])
		f.blocks[b] = block[:len(block)/2]
		f.blocks = slices.Insert(f.blocks, b+1, half)
		return 2
	}
	f.blocks[b] = block
	return 1
}

// add puts a segment into f. What f has already of it stays.
func (f *flow) add(g segment) {
	at := uint64(g.first)
	for _, old := range f.take(nil, g.span, allProto) {
		if at < uint64(old.first) {
			f.insert(segment{span{uint32(at), old.first - 1}, g.mask})
		}
		f.insert(segment{old.span, old.mask | g.mask})
		at = uint64(old.last) + 1
	}
	if at <= uint64(g.last) {
		f.insert(segment{span{uint32(at), g.last}, g.mask})
	}
}

// insert puts a segment where f has no address of it.
func (f *flow) insert(g segment) {
	b := f.find(g.first)
	if b == len(f.blocks) {
		if b == 0 {
			f.blocks = append(f.blocks, []segment{g})
			return
		}
		b--
	}
	block := f.blocks[b]
	at, _ := slices.BinarySearchFunc(block, g.first, func(s segment, a uint32) int { return cmp.Compare(s.last, a) })
	lo, hi := max(at-1, 0), min(at+1, len(block))
	merged := f.scratch[:0]
	for i := lo; i < at; i++ {
		merged = append(merged, block[i])
	}
	merged = join(merged, g)
	for i := at; i < hi; i++ {
		merged = join(merged, block[i])
	}
	f.scratch = merged
	f.replace(b, lo, hi, merged)
}

// each calls yield for every segment.
func (f *flow) each(yield func(segment)) {
	for _, b := range f.blocks {
		for _, g := range b {
			yield(g)
		}
	}
}
