package alloc

import (
	"cmp"
	"fmt"
	"slices"
)

// routes finds the pool of an address: the stretches of the address space that belong to one pool, with no address of
// another pool between. Where pools do not interleave there is one stretch a pool, however many ranges a pool has.
type routes struct {
	firsts []uint32 // ascending
	lasts  []uint32
	owner  []uint32 // number in pools
	ladder ladder
	pools  []*Pool // every pool that was routed
	realm  string  // of inside addresses

	excluding []*Pool // pools that exclude addresses; asked one by one, but only when an address has no pool
}

// find returns the only pool that may have a, or nil.
func (r *routes) find(a uint32) *Pool {
	if len(r.firsts) == 1 {
		if r.firsts[0] <= a && a <= r.lasts[0] {
			return r.pools[r.owner[0]]
		}
		return nil
	}
	k := r.ladder.find(r.firsts, a)
	if k < 0 || a > r.lasts[k] {
		return nil
	}
	return r.pools[r.owner[k]]
}

// A claim is a span that a pool, the k-th of those that were built, has.
type claim struct {
	span
	k int
}

// maxOverlaps bounds the overlaps that one plan reports.
const maxOverlaps = 50

// routes proves that no address has two pools and indexes which pool has which. It adds a finding for each overlap.
func (c *checker) routes(pools []*Pool) (inside []*routes, outside *routes) {
	all := make([]int, len(pools))
	realms := map[string][]int{}
	for k, p := range pools {
		all[k] = k
		realms[p.realm] = append(realms[p.realm], k)
	}
	outside = c.route(pools, all, "outside")
	for _, k := range all { // in the order of the plan, not of the map
		if numbers := realms[pools[k].realm]; numbers[0] == k {
			r := c.route(pools, numbers, "inside")
			r.realm = pools[k].realm
			inside = append(inside, r)
			for _, n := range numbers {
				c.checkLoop(pools, n, r)
			}
		}
	}
	return inside, outside
}

// route makes the routes of the pools in numbers.
func (c *checker) route(pools []*Pool, numbers []int, field string) *routes {
	r := &routes{}
	number := make(map[int]uint32, len(numbers)) // of a pool in r.pools
	for i, k := range numbers {
		number[k] = uint32(i)
		r.pools = append(r.pools, pools[k])
		if len(orderOf(pools[k], field).excluded) > 0 {
			r.excluding = append(r.excluding, pools[k])
		}
	}
	for _, cl := range c.claims(pools, numbers, field) {
		if n := len(r.owner); n > 0 && r.owner[n-1] == number[cl.k] {
			r.lasts[n-1] = max(r.lasts[n-1], cl.last)
			continue
		}
		r.firsts = append(r.firsts, cl.first)
		r.lasts = append(r.lasts, cl.last)
		r.owner = append(r.owner, number[cl.k])
	}
	r.ladder = newLadder(r.firsts)
	return r
}

// claims returns what the pools in numbers claim, ascending, after adding a finding for every overlap. A single pool, of
// which the order is known to be without overlap, claims one stretch: then nothing of the size of its list is built.
func (c *checker) claims(pools []*Pool, numbers []int, field string) []claim {
	if len(numbers) == 1 {
		o := orderOf(pools[numbers[0]], field)
		s := o.spans[0]
		if len(o.spans) > 1 {
			s = span{o.firsts[0], o.at(len(o.spans) - 1).last}
		}
		return []claim{{s, numbers[0]}}
	}
	var claims []claim
	for _, k := range numbers {
		for _, s := range orderOf(pools[k], field).spans {
			claims = append(claims, claim{s, k})
		}
	}
	slices.SortFunc(claims, func(a, b claim) int { return cmp.Or(cmp.Compare(a.first, b.first), a.k-b.k) })
	c.findOverlaps(claims, field)
	return claims
}

func orderOf(p *Pool, field string) *order {
	if field == "inside" {
		return &p.inside
	}
	return &p.place.outside
}

// findOverlaps walks ascending claims and remembers the one that reaches furthest. A claim that starts before that one's
// end overlaps it.
//
//	furthest:  |---------------|
//	next:            |------|            overlap: the part of next up to the end of furthest
//	next:                   |------|     overlap, and next reaches furthest from here on
func (c *checker) findOverlaps(claims []claim, field string) {
	var last *Finding // the overlap before, to join with the next one of the same pools
	var joined span
	var pair [2]int
	for i, furthest := 1, 0; i < len(claims); i++ {
		a, b := claims[furthest], claims[i]
		if b.first <= a.last {
			common, now := span{b.first, min(a.last, b.last)}, [2]int{min(a.k, b.k), max(a.k, b.k)}
			if last != nil && now == pair && uint64(common.first) <= uint64(joined.last)+1 {
				common = span{joined.first, max(joined.last, common.last)}
			} else if c.overlaps++; c.overlaps > maxOverlaps {
				return
			} else {
				c.findings = append(c.findings, Finding{})
			}
			last, joined, pair = &c.findings[len(c.findings)-1], common, now
			*last = c.overlap(common, now, field)
		}
		if b.last > a.last {
			furthest = i
		}
	}
}

// overlap describes that two pools, by their number among those that were built, have the same addresses.
func (c *checker) overlap(common span, pair [2]int, field string) Finding {
	first, second := c.numbers[pair[0]], c.numbers[pair[1]]
	f := Finding{Err: ErrOverlap, Pool: c.spec.Pools[second].Name, Hint: "give every outside address to one pool"}
	if field == "inside" {
		f.Err, f.Hint = ErrDuplicate, "list every inside address in one pool, or give the pools different realms"
	}
	f.Path = fmt.Sprintf("pools[%d].%s", second, c.spec.Pools[second].pathOf(field, common.first))
	plural := "addresses"
	if common.first == common.last {
		plural = "address"
	}
	f.Msg = fmt.Sprintf("%s %s %v (%d) also belong to pool %q", field, plural, common, common.len(), c.spec.Pools[first].Name)
	if common.first == common.last {
		f.Msg = fmt.Sprintf("%s address %v also belongs to pool %q", field, common, c.spec.Pools[first].Name)
	}
	return f
}

// checkLoop adds a finding when an outside address of the k-th pool is an inside address of its realm: its packets would be
// translated again.
func (c *checker) checkLoop(pools []*Pool, k int, inside *routes) {
	for _, s := range pools[k].place.outside.spans {
		p, a, ok := inside.firstIn(s, "inside")
		if !ok {
			continue
		}
		i := c.numbers[k]
		c.addTo(i, Finding{Err: ErrLoop, Path: c.spec.Pools[i].pathOf("outside", a),
			Msg:  fmt.Sprintf("outside address %v is also an inside address of realm %q, in pool %q", addr4(a), p.realm, p.name),
			Hint: "an address cannot be on both sides: correct one of the lists, or use another realm"})
		return
	}
}

// firstIn returns the lowest address in s of the first pool that has one there. It looks at one pool more than it needs,
// because every stretch starts with an address.
func (r *routes) firstIn(s span, field string) (*Pool, uint32, bool) {
	for k := max(r.ladder.find(r.firsts, s.first), 0); k < len(r.firsts) && r.firsts[k] <= s.last; k++ {
		p := r.pools[r.owner[k]]
		if a, ok := orderOf(p, field).firstIn(s); ok {
			return p, a, true
		}
	}
	return nil, 0, false
}

// firstIn returns the lowest address of o that lies in s.
func (o *order) firstIn(s span) (uint32, bool) {
	if len(o.spans) == 1 {
		first := max(o.spans[0].first, s.first)
		return first, first <= min(o.spans[0].last, s.last)
	}
	if _, ok := o.position(s.first); ok {
		return s.first, true
	}
	k := o.byAddr.find(o.firsts, s.first) + 1
	if k < len(o.firsts) && o.firsts[k] <= s.last {
		return o.firsts[k], true
	}
	return 0, false
}
