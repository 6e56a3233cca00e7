package rulefile

import (
	"cmp"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
)

// pools returns the pools whose plan gives the shares of a class; found is false where its layout follows no scheme.
func (g *groups) pools(c *class) (pools []alloc.PoolSpec, found bool) {
	shape, found := shapeOf(g.sets(c.node), len(c.members()) == 1)
	if !found {
		return nil, false
	}
	filled := g.filled(c)
	if shape.Scheme != alloc.Sequential || c.tail >= 0 || g.nodes[c.node].depth == 1 {
		if c.parent == nil {
			return []alloc.PoolSpec{g.pool(shape, filled, c.members())}, true
		}
		rest := &class{node: g.nodes[c.node].parent, groups: c.parent, tail: -1}
		more, found := g.pools(rest)
		filled = g.filled(&class{node: c.node, groups: c.groups, tail: -1})
		return append([]alloc.PoolSpec{g.pool(shape, filled, c.groups)}, more...), found
	}
	whole := g.striped(c.groups, c.parent)
	runs := g.runs(whole)
	if n := len(filled); n >= scattered && !slices.IsSorted(filled) && min(runs, g.runs(filled)) > n/2 {
		return nil, false // subscribers came in no order: a list says it better than ranges of one
	}
	if c.parent == nil && g.runs(filled) <= runs {
		return []alloc.PoolSpec{g.pool(shape, filled, c.members())}, true
	}
	if blocks := g.blocks(c); len(blocks) > 1 && len(blocks) < maxPools && g.blockRuns(blocks) < runs {
		return g.stripes(blocks), true
	}
	shape.Scheme = alloc.Stripe
	return []alloc.PoolSpec{g.pool(shape, whole, c.members())}, true
}

// scattered is the number of subscribers from which on a pool must have some order.
const scattered = 64

// filled returns the inside addresses of a class in the order in which one address after the other is filled.
func (g *groups) filled(c *class) []uint32 {
	var out []uint32
	for _, m := range c.members() {
		for k := g.groups[m].from; k < g.groups[m].to; k++ {
			out = append(out, g.record(int(k)).inside)
		}
	}
	return out
}

// striped returns the inside addresses of groups in the order in which a stripe goes round them: those of full, and then of
// short, which have one share less.
func (g *groups) striped(full, short []int) []uint32 {
	members := slices.Concat(full, short)
	var out []uint32
	for slot := 0; ; slot++ {
		n := len(out)
		for _, m := range members {
			if at := g.groups[m].from + uint32(slot); at < g.groups[m].to {
				out = append(out, g.record(int(at)).inside)
			}
		}
		if len(out) == n {
			return out
		}
	}
}

// runs counts the ranges that addresses in an order take.
func (g *groups) runs(addrs []uint32) int {
	n := 0
	for i, a := range addrs {
		if i == 0 || a != addrs[i-1]+1 {
			n++
		}
	}
	return n
}

// blocks cuts a class into stripes of their own: prefixes that are each mapped to a prefix, stripe by stripe. It returns nil
// where it is not such.
func (g *groups) blocks(c *class) []*class {
	members := slices.Concat(c.groups, c.parent)
	slices.SortFunc(members, func(a, b int) int { return cmp.Compare(g.inside(a, 0), g.inside(b, 0)) })
	var out []*class
	for len(members) > 0 {
		first := g.groups[members[0]]
		if first.to-first.from < 2 {
			return nil
		}
		n := uint64(g.inside(members[0], 1)) - uint64(g.inside(members[0], 0)) // the second stripe begins behind the first
		if n == 0 || n > uint64(len(members)) {
			return nil
		}
		b := &class{node: first.node, tail: -1}
		for _, m := range members[:n] {
			switch {
			case g.groups[m].node == first.node && b.parent == nil:
				b.groups = append(b.groups, m)
			case g.groups[m].node == g.nodes[first.node].parent:
				b.parent = append(b.parent, m)
			default:
				return nil
			}
		}
		out, members = append(out, b), members[n:]
	}
	return out
}

func (g *groups) blockRuns(blocks []*class) int {
	n := 0
	for _, b := range blocks {
		n += 1 + g.runs(g.striped(b.groups, b.parent))
	}
	return n
}

func (g *groups) stripes(blocks []*class) []alloc.PoolSpec {
	var out []alloc.PoolSpec
	for _, b := range blocks {
		shape, _ := shapeOf(g.sets(b.node), false) // the layout begins as that of the class, which has a shape
		shape.Scheme = alloc.Stripe
		out = append(out, g.pool(shape, g.striped(b.groups, b.parent), b.members()))
	}
	return out
}

// pool completes the shape of a pool with its addresses.
func (g *groups) pool(shape alloc.PoolSpec, inside []uint32, members []int) alloc.PoolSpec {
	shape.Inside = ranges(inside)
	outside := make([]uint32, len(members))
	for i, m := range members {
		outside[i] = g.record(int(g.groups[m].from)).outside
	}
	shape.Outside = ranges(outside)
	if len(members) == 1 && shape.Scheme == alloc.Sequential && !shape.Reserve.IsValid() {
		shape.SharingRatio = 0 // one address, which need not be full: as many as fit
	}
	return shape
}

// ranges writes addresses as ranges, in their order.
func ranges(addrs []uint32) []alloc.AddrRange {
	var out []alloc.AddrRange
	for i := 0; i < len(addrs); {
		k := i + 1
		for k < len(addrs) && addrs[k] == addrs[k-1]+1 {
			k++
		}
		out = append(out, rangeOf(span{addrs[i], addrs[k-1]}))
		i = k
	}
	return out
}
