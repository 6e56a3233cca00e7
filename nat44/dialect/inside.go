package dialect

import (
	"cmp"
	"iter"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
)

// An inside holds the inside addresses of a plan as targets see them: one address space, ascending.
type inside struct {
	pools []*alloc.Pool
	spans []span // ascending, without overlap
}

// newInside lays out the inside addresses of p. It refuses plans that do not fit into one address space.
func newInside(p *alloc.Plan) (*inside, error) {
	in := &inside{}
	for pool := range p.Pools() {
		in.spans = append(in.spans, spansOf(pool.InsideRanges(), len(in.pools))...)
		in.pools = append(in.pools, pool)
	}
	if len(in.spans) == 0 {
		for pool := range p.Softwires() {
			return nil, refuse("the plan has no pool of kind %v, and the target serves no other: pool %q is of kind %v", alloc.NAT44, pool.Name(), pool.Kind())
		}
		return nil, refuse("the plan has no subscribers: give it a pool")
	}
	slices.SortFunc(in.spans, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	for k := 1; k < len(in.spans); k++ {
		if a, b := in.spans[k-1], in.spans[k]; b.first <= a.last {
			return nil, in.twice(a, b)
		}
	}
	return in, in.checkLoop()
}

// twice refuses a plan in which two realms have the same inside addresses. alloc rules that out within a realm.
func (in *inside) twice(a, b span) error {
	one, two := in.pools[a.pool], in.pools[b.pool]
	return refuse("inside address %v is in realm %q (pool %q) and in realm %q (pool %q), and the target has one inside address space: "+
		"render the realms for separate targets, from a plan each", addr4(b.first), one.Realm(), one.Name(), two.Realm(), two.Name())
}

// checkLoop refuses a plan in which an outside address is an inside address of another realm: in one address space its
// packets would be taken for those of a subscriber.
func (in *inside) checkLoop() error {
	for _, pool := range in.pools {
		for r := range pool.OutsideRanges() {
			k := in.from(u32(r.First()))
			if k < len(in.spans) && in.spans[k].first <= u32(r.Last()) {
				s := in.spans[k]
				other := in.pools[s.pool]
				return refusePool(pool, "outside address %v is an inside address of realm %q (pool %q), and the target has one address space: "+
					"render the realms for separate targets, from a plan each", addr4(max(s.first, u32(r.First()))), other.Realm(), other.Name())
			}
		}
	}
	return nil
}

// from returns the number of the first span that reaches a or further.
func (in *inside) from(a uint32) int { return from(in.spans, a) }

func from(spans []span, a uint32) int {
	k, _ := slices.BinarySearchFunc(spans, a, func(s span, a uint32) int { return cmp.Compare(s.last, a) })
	return k
}

// at returns the allocation of an address of the k-th span.
func (in *inside) at(k int, a uint32) alloc.Allocation {
	s := in.spans[k]
	found, ok := in.pools[s.pool].At(uint64(s.start) + uint64(a-s.first))
	if !ok {
		panic("dialect: an inside address has no position") // spans hold the addresses of subscribers
	}
	return found
}

// merge returns the spans joined where they continue each other and are of the same class. The pool of a joined span is
// that of its first address.
func (in *inside) merge(class func(*alloc.Pool) bool) []span {
	var out []span
	for _, s := range in.spans {
		n := len(out) - 1
		if n >= 0 && uint64(out[n].last)+1 == uint64(s.first) && class(in.pools[out[n].pool]) == class(in.pools[s.pool]) {
			out[n].last = s.last
			continue
		}
		out = append(out, s)
	}
	return out
}

// isWhole reports whether the subscribers of p have an outside address each, so that protocols without ports can be
// translated for them.
func isWhole(p *alloc.Pool) bool { return p.SharingRatio() == 1 }

// spansOf returns ranges as spans of a pool, in their order, joined where they continue each other.
func spansOf(ranges iter.Seq[alloc.AddrRange], pool int) []span {
	var out []span
	position := uint32(0)
	for r := range ranges {
		s := span{u32(r.First()), u32(r.Last()), int32(pool), position}
		position += s.last - s.first + 1
		if n := len(out) - 1; n >= 0 && uint64(out[n].last)+1 == uint64(s.first) {
			out[n].last = s.last
			continue
		}
		out = append(out, s)
	}
	return out
}
