package ebpf

import (
	"cmp"
	"fmt"
	"slices"
)

// addIndex appends an index over ranges, which are disjoint: a tree, and a hash table for the addresses of short ranges, if many of
// those would make the tree high.
func (t *Tables) addIndex(ranges []addrRange) error {
	slices.SortFunc(ranges, func(a, b addrRange) int { return cmp.Compare(a.First, b.First) })
	t.extents = append(t.extents, extentOf(ranges))
	long, short := apart(ranges)
	ix := index{}
	if !t.addBuckets(&ix, short) {
		long = ranges
	}
	return t.addTree(ix, long)
}

// addTree appends an index with the nodes of a tree over ranges, which are in the order of their addresses:
//
//	root    level[0]             | 0  256  512 ...          every key is the lowest address below it
//	leaves  level[1]   | 0  1 .. 15 | 16 17 .. 31 | ...     key c of leaf j is the first address of range 16j+c
//	ranges             0  1  ..  15   16 17  ..             in the order of their addresses
func (t *Tables) addTree(ix index, ranges []addrRange) error {
	ix.Range, ix.Ranges = uint32(len(t.ranges)), uint32(len(ranges))
	t.ranges = append(t.ranges, ranges...)

	var levels [][]node // from the leaves up
	if len(ranges) > 1 {
		keys := make([]uint32, len(ranges))
		for i, r := range ranges {
			keys[i] = r.First
		}
		for len(levels) == 0 || len(keys) > 1 {
			var level []node
			level, keys = gather(keys)
			levels = append(levels, level)
		}
	}
	if len(levels) > len(ix.Level) {
		return fmt.Errorf("%w: %d", ErrTooManyRanges, len(ranges))
	}
	slices.Reverse(levels)
	ix.Depth = uint32(len(levels))
	for i, level := range levels {
		ix.Level[i] = uint32(len(t.nodes))
		t.nodes = append(t.nodes, level...)
	}
	t.indexes = append(t.indexes, ix)
	return nil
}

// An extent is the lowest and the highest address of an index, and whether any is of the shared address space.
type extent struct {
	first, last uint32
	shared      bool
}

// sharedSpace is the shared address space of RFC 6598.
var sharedSpace = addrRange{First: 100<<24 | 64<<16, Last: 100<<24 | 127<<16 | 0xffff}

func extentOf(ranges []addrRange) extent {
	e := extent{first: ^uint32(0)}
	for _, r := range ranges {
		e.first, e.last = min(e.first, r.First), max(e.last, r.Last)
		e.shared = e.shared || r.First <= sharedSpace.Last && r.Last >= sharedSpace.First
	}
	return e
}

// insideSpan returns the lowest and the highest address of the inside of all realms. Who uses the shared space has all of it on the
// inside, but for what routes say.
func (t *Tables) insideSpan() (first, last uint32) {
	first = ^uint32(0)
	for _, e := range t.extents[1:] {
		first, last = min(first, e.first), max(last, e.last)
		if e.shared {
			first, last = min(first, sharedSpace.First), max(last, sharedSpace.Last)
		}
	}
	return first, last
}

// gather puts keys into nodes, and returns the lowest of each.
func gather(keys []uint32) (level []node, lowest []uint32) {
	for chunk := range slices.Chunk(keys, len(node{}.Key)) {
		var n node
		for i := range n.Key {
			n.Key[i] = ^uint32(0)
		}
		copy(n.Key[:], chunk)
		level, lowest = append(level, n), append(lowest, chunk[0])
	}
	return level, lowest
}
