package rulefile

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/cgnkit/cgnkit/portset"
)

// Groups are the shares of a table by outside address. The port sets on an address, in ascending order, are its layout;
// layouts are kept as paths in a tree, so that one address with fewer shares than another, but the same ones, is its ancestor.
type groups struct {
	t      *Table
	order  []uint32 // records by outside address and first port
	groups []group
	nodes  []node
	child  map[[2]uint32]uint32 // node and set to node
	root   []setID              // by set, while families are found
	used   map[uint32]int       // inside addresses that rules do not name, by the group that has them or wants them, from 1
	tries  int                  // layouts that followed no scheme
}

// A group is an outside address: order[from:to].
type group struct {
	from, to uint32
	node     uint32
}

// A node is a layout: the sets on the path from the root.
type node struct {
	parent    uint32
	set       setID
	depth     int
	last      uint16 // the highest port so far
	ascending bool   // no set begins before the one before it ends
}

func newGroups(t *Table) (*groups, error) {
	g := &groups{t: t, nodes: []node{{ascending: true}}, child: map[[2]uint32]uint32{}, used: map[uint32]int{}}
	g.sort()
	for from := 0; from < len(g.order); {
		to := from + 1
		outside := g.record(from).outside
		for to < len(g.order) && g.record(to).outside == outside {
			to++
		}
		n, err := g.layout(from, to)
		if err != nil {
			return nil, err
		}
		g.groups = append(g.groups, group{uint32(from), uint32(to), n})
		from = to
	}
	return g, nil
}

// record returns the k-th record in order.
func (g *groups) record(k int) *record { return &g.t.records[g.order[k]] }

// sort orders records by outside address, and by first port on it.
func (g *groups) sort() {
	keys := make([]uint64, len(g.t.records))
	sorted := true
	for i := range g.t.records {
		r := &g.t.records[i]
		keys[i] = uint64(r.outside)<<32 | uint64(g.t.sets.set(r.ports).First())
		sorted = sorted && (i == 0 || keys[i-1] <= keys[i])
	}
	g.order = make([]uint32, len(keys))
	for i := range g.order {
		g.order[i] = uint32(i)
	}
	if !sorted {
		slices.SortStableFunc(g.order, func(a, b uint32) int { return cmp.Compare(keys[a], keys[b]) })
	}
}

// layout returns the node of the sets of an address, which must not overlap.
func (g *groups) layout(from, to int) (uint32, error) {
	n := uint32(0)
	fresh := false
	for k := from; k < to; k++ {
		id := g.record(k).ports
		key := [2]uint32{n, uint32(id)}
		next, ok := g.child[key]
		if !ok {
			next, fresh = uint32(len(g.nodes)), true
			set, parent := g.t.sets.set(id), g.nodes[n]
			g.nodes = append(g.nodes, node{parent: n, set: id, depth: parent.depth + 1, last: max(parent.last, set.Last()),
				ascending: parent.ascending && (parent.depth == 0 || set.First() > parent.last)})
			g.child[key] = next
		}
		n = next
	}
	if fresh && !g.nodes[n].ascending {
		return n, g.disjoint(from, to)
	}
	return n, nil
}

// disjoint proves that no two of the shares on an address have a port in common.
func (g *groups) disjoint(from, to int) error {
	type owned struct {
		portset.Range
		k int
	}
	var all []owned
	for k := from; k < to; k++ {
		for r := range g.t.sets.set(g.record(k).ports).Ranges() {
			all = append(all, owned{r, k})
		}
	}
	slices.SortFunc(all, func(a, b owned) int { return cmp.Compare(a.First(), b.First()) })
	for i := 1; i < len(all); i++ {
		if a, b := all[i-1], all[i]; b.First() <= a.Last() {
			one, two := g.t.share(int(g.order[a.k])), g.t.share(int(g.order[b.k]))
			return &OverlapError{one, two, b.First()}
		}
	}
	return nil
}

// An OverlapError names two subscribers who have a port in common.
type OverlapError struct {
	A, B Share
	Port uint16 // one that both have
}

// Error names both lines.
func (e *OverlapError) Error() string {
	return fmt.Sprintf("port %d of %v belongs to subscriber %v (line %d) and to %v (line %d): nobody could say who used it",
		e.Port, e.A.Outside, e.A.Inside, e.A.Line, e.B.Inside, e.B.Line)
}

// Hint says what to do where one of the two has all ports by a rule that was meant for the rest; else it is empty.
func (e *OverlapError) Hint() string {
	for _, s := range []Share{e.B, e.A} {
		if s.Ports.Len() == portset.PortCount-1 {
			return fmt.Sprintf("line %d gives %v whatever ports of the address are left: if nobody has that inside address, take it out of a copy of the file, or limit the rule to icmp",
				s.Line, s.Inside)
		}
	}
	return ""
}

// Unwrap returns ErrOverlap.
func (e *OverlapError) Unwrap() error { return ErrOverlap }

// Overlap returns the first two shares that have a port in common; ok is false where no port has two owners, which is as it should be.
func (t *Table) Overlap() (o *OverlapError, ok bool) {
	_, err := newGroups(t)
	return o, errors.As(err, &o)
}

// A class is the addresses of one layout, and one more that has only the first shares of it.
type class struct {
	node   uint32
	groups []int // by the inside address of their first share
	parent []int // groups with one share less each: the addresses that a stripe has not reached
	tail   int   // an address with some of the layout's first shares; -1 = none
}

// first returns the inside address in slot k of a group.
func (g *groups) inside(group, slot int) uint32 {
	return g.record(int(g.groups[group].from) + slot).inside
}

// sets returns the sets of a layout in order.
func (g *groups) sets(n uint32) []portset.Set {
	out := make([]portset.Set, g.nodes[n].depth)
	for ; n != 0; n = g.nodes[n].parent {
		out[g.nodes[n].depth-1] = g.t.sets.set(g.nodes[n].set)
	}
	return out
}

// classes returns the layouts that addresses have, the one with the most subscribers first.
func (g *groups) classes(members []int) []*class {
	byNode := map[uint32]*class{}
	var all []*class
	for _, i := range members {
		n := g.groups[i].node
		c := byNode[n]
		if c == nil {
			c = &class{node: n, tail: -1}
			byNode[n] = c
			all = append(all, c)
		}
		c.groups = append(c.groups, i)
	}
	for _, c := range all {
		slices.SortFunc(c.groups, func(a, b int) int { return cmp.Compare(g.inside(a, 0), g.inside(b, 0)) })
	}
	g.attach(all, byNode)
	all = slices.DeleteFunc(all, func(c *class) bool { return len(c.groups) == 0 })
	slices.SortStableFunc(all, func(a, b *class) int {
		return cmp.Or(cmp.Compare(b.size(g), a.size(g)), cmp.Compare(g.inside(a.groups[0], 0), g.inside(b.groups[0], 0)))
	})
	return all
}

// attach gives layouts the address that is filled in part, and stripes the addresses that the last round has not reached.
func (g *groups) attach(all []*class, byNode map[uint32]*class) {
	deep := slices.Clone(all)
	slices.SortStableFunc(deep, func(a, b *class) int { return cmp.Compare(g.nodes[b.node].depth, g.nodes[a.node].depth) })
	tried := map[uint32]int{}
	for _, c := range deep {
		if len(c.groups) == 0 {
			continue // belongs to a longer layout
		}
		n := g.nodes[c.node].parent
		tried[n]++ // irregular tables have layouts with a thousand children, of which at most one is the stripe
		if p := byNode[n]; p != nil && len(p.groups) > 0 && tried[n] <= maxSingle && g.runs(g.striped(c.groups, p.groups)) < len(c.groups)+len(p.groups) {
			c.parent, p.groups = p.groups, nil
			continue
		}
		for ; n != 0; n = g.nodes[n].parent {
			if p := byNode[n]; p != nil && len(p.groups) == 1 && p.parent == nil && p.tail < 0 {
				c.tail, p.groups = p.groups[0], nil
				break
			}
		}
	}
}

func (c *class) members() []int {
	out := slices.Concat(c.groups, c.parent)
	if c.tail >= 0 {
		out = append(out, c.tail)
	}
	return out
}

// size returns the number of subscribers.
func (c *class) size(g *groups) int {
	n := 0
	for _, m := range c.members() {
		n += int(g.groups[m].to - g.groups[m].from)
	}
	return n
}

// records returns the records of a class.
func (c *class) records(g *groups) []int {
	var out []int
	for _, m := range c.members() {
		for k := g.groups[m].from; k < g.groups[m].to; k++ {
			out = append(out, int(g.order[k]))
		}
	}
	return out
}
