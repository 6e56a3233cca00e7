package rulefile

import (
	"cmp"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
)

// A solution is pools for some outside addresses, and what becomes of the rest.
type solution struct {
	pools []alloc.PoolSpec
	odd   []int    // records that follow no scheme
	fills []uint32 // inside addresses to which pools give shares, and no rule does
}

func (s *solution) add(o *solution) {
	s.pools = append(s.pools, o.pools...)
	s.odd = append(s.odd, o.odd...)
	s.fills = append(s.fills, o.fills...)
}

// simple reports whether no other solution can be simpler.
func (s *solution) simple() bool {
	return len(s.pools) == 1 && len(s.odd) == 0 && len(s.fills) == 0 && len(s.pools[0].Inside) == 1
}

// cost says how much there is to read, in lines: a pool is worth more than its lines, because somebody has to know why it is there.
func (s *solution) cost() int {
	n := len(s.odd) + len(s.fills)
	if len(s.odd) > 0 {
		n += costOfPool
	}
	for _, p := range s.pools {
		n += costOfPool + len(p.Inside) + len(p.Outside) + p.Reserve.RangeCount()
	}
	return n
}

const costOfPool = 64

// A choice is the best solution that gives shares to nobody but whom the rules name, and the best that may.
type choice struct{ exact, filled *solution }

// solve finds the pools of all addresses.
func (g *groups) solve() choice {
	all := make([]int, len(g.groups))
	for i := range all {
		all[i] = i
	}
	if s := g.classed(all); s.simple() {
		return choice{s, s}
	}
	c := choice{&solution{}, &solution{}}
	var small [][]int // families of one address
	for _, f := range g.families(all) {
		if len(f) == 1 && len(g.recordsOf(f)) < costOfPool {
			small = append(small, f)
			continue
		}
		c.add(g, f)
	}
	// Where most is listed anyway, nobody wants to read of many pools with a few subscribers each.
	few := len(small) <= maxPools
	if n := 0; few && len(small) > maxSingle {
		for _, f := range small {
			n += len(g.recordsOf(f))
		}
		few = n > len(c.exact.odd)
	}
	for _, f := range small {
		if few {
			c.add(g, f)
			continue
		}
		c.list(g, f)
	}
	return c
}

// list lists the shares of a family.
func (c *choice) list(g *groups, f []int) {
	odd := &solution{odd: g.recordsOf(f)}
	c.exact.add(odd)
	c.filled.add(odd)
}

// add finds the pools of a family.
func (c *choice) add(g *groups, f []int) {
	if min(len(c.exact.pools), len(c.filled.pools)) >= maxPools {
		c.list(g, f)
		return
	}
	one := g.solveFamily(f, 0)
	c.exact.addWithin(one.exact, g, f)
	c.filled.addWithin(one.filled, g, f)
}

// addWithin adds a solution for addresses, or lists them where there would be too many pools.
func (s *solution) addWithin(o *solution, g *groups, members []int) {
	if len(s.pools)+len(o.pools) > maxPools {
		o = &solution{odd: g.recordsOf(members)}
	}
	s.add(o)
}

// solveFamily finds the pools of addresses that have shares in common. Addresses that do not belong to the layout of the rest
// are a family, or several, again.
func (g *groups) solveFamily(members []int, depth int) choice {
	if g.tries >= maxTries {
		s := &solution{odd: g.recordsOf(members)}
		return choice{s, s}
	}
	plain := g.classed(members)
	c := choice{plain, plain}
	if plain.simple() {
		return c
	}
	g.tries++
	f, ok := g.frame(members)
	if !ok {
		return c
	}
	exact, filled := f.assemble(false), f.assemble(true)
	switch {
	case len(f.foreign) == 0:
	case depth == maxForeign || len(f.foreign) == len(members):
		odd := &solution{odd: g.recordsOf(f.foreign)}
		exact.add(odd)
		filled.add(odd)
	default:
		for _, rest := range g.families(f.foreign) {
			one := g.solveFamily(rest, depth+1)
			exact.add(one.exact)
			filled.add(one.filled)
		}
	}
	// A pool for each pattern of missing shares is exact, and nobody wants to read it.
	if exact.cost() < plain.cost() || len(plain.pools) > maxSingle && len(plain.odd) > 0 {
		c = choice{exact, exact}
	}
	if filled.cost() < c.exact.cost() {
		c.filled = filled
	}
	return c
}

// maxForeign bounds how often what does not belong to a family is parted again.
const maxForeign = 8

// classed makes pools of addresses that have the same layout.
func (g *groups) classed(members []int) *solution {
	s := &solution{}
	for _, class := range g.classes(members) {
		n := len(s.pools)
		if g.tries < maxTries && (n < maxSingle || n < maxPools && len(class.members()) > 1) {
			if pools, found := g.pools(class); found {
				s.pools = append(s.pools, pools...)
				continue
			}
			g.tries++
		}
		s.odd = append(s.odd, class.records(g)...)
	}
	return s
}

func (g *groups) recordsOf(members []int) []int {
	c := class{groups: members, tail: -1}
	return c.records(g)
}

// families parts addresses into those that have port sets in common, directly or through others; the largest come first.
func (g *groups) families(members []int) [][]int {
	if g.root == nil {
		g.root = make([]setID, len(g.t.sets.sets))
	}
	for _, m := range members {
		for k := g.groups[m].from; k < g.groups[m].to; k++ {
			id := g.record(int(k)).ports
			g.root[id] = id
		}
	}
	for _, m := range members {
		first := g.record(int(g.groups[m].from)).ports
		for k := g.groups[m].from + 1; k < g.groups[m].to; k++ {
			if a, b := g.find(first), g.find(g.record(int(k)).ports); a != b {
				g.root[b] = a
			}
		}
	}
	number := map[setID]int{}
	var out [][]int
	var size []int
	for _, m := range members {
		r := g.find(g.record(int(g.groups[m].from)).ports)
		n, ok := number[r]
		if !ok {
			n = len(out)
			number[r] = n
			out, size = append(out, nil), append(size, 0)
		}
		out[n] = append(out[n], m)
		size[n] += int(g.groups[m].to - g.groups[m].from)
	}
	order := make([]int, len(out))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(size[b], size[a]) })
	sorted := make([][]int, len(out))
	for i, n := range order {
		sorted[i] = out[n]
	}
	return sorted
}

// find returns the set that stands for all that are connected with a set.
func (g *groups) find(id setID) setID {
	for g.root[id] != id {
		g.root[id] = g.root[g.root[id]]
		id = g.root[id]
	}
	return id
}
