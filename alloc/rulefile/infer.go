package rulefile

import (
	"fmt"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
)

// What is left beyond these is listed: it is irregular, and looking on would not make the plan simpler.
const (
	maxPools  = 64   // of schemes
	maxSingle = 8    // pools before one is made for a single address
	maxTries  = 4096 // layouts that follow no scheme
)

// Infer finds the plan that a table follows: the spec whose plan gives every share of the table, and no other. It tries the
// schemes on the layout of ports that outside addresses have in common; addresses of one layout become one pool. What follows
// no scheme is listed in a pool of scheme explicit: also random shares, because the key is not in the rules, and the shares of
// addresses on which the subscribers of some shares are missing. Explanation.Offer says what InferFilled would make of those.
//
// The result is proven: the plan is made, and every share is compared, by Lookup and by Trace. The error wraps ErrOverlap
// where two subscribers have a port in common, or an error of package alloc where the addresses make no plan, such as an
// inside address that is an outside one.
//
// It takes time O(n log n) and some 30 bytes a share.
func Infer(t *Table) (alloc.Spec, *Explanation, error) { return infer(t, false) }

// InferFilled is like Infer, but its plan may also give shares to inside addresses that nothing in the file names: those whose
// shares are missing among the ones that follow a scheme, such as of subscribers who left. It does so
// where fewer lines are to be read than with a list. Explanation.Filled says whom.
func InferFilled(t *Table) (alloc.Spec, *Explanation, error) { return infer(t, true) }

func infer(t *Table, fill bool) (alloc.Spec, *Explanation, error) {
	g, err := newGroups(t)
	if err != nil {
		return alloc.Spec{}, nil, err
	}
	found := g.solve()
	x := &Explanation{Shares: t.Len()}
	s := found.exact
	if fill {
		s = found.filled
		x.Filled = addrRanges(s.fills)
	} else if o := found.filled; len(o.fills) > 0 {
		x.Offer = &Offer{Pools: len(o.pools), Listed: len(o.odd), Filled: len(o.fills)}
	}
	spec := alloc.Spec{Pools: s.pools}
	if len(s.odd) > 0 {
		spec.Pools = append(spec.Pools, t.explicit(s.odd))
	}
	name(spec.Pools)
	plan, err := alloc.NewPlan(spec)
	if err != nil {
		return alloc.Spec{}, nil, fmt.Errorf("the rules make no plan: %w", err)
	}
	if err := t.prove(plan, s.fills); err != nil {
		return alloc.Spec{}, nil, err
	}
	x.describe(plan)
	return spec, x, nil
}

// name names pools.
func name(pools []alloc.PoolSpec) {
	for i := range pools {
		pools[i].Name = "imported"
		if len(pools) > 1 {
			pools[i].Name = fmt.Sprintf("imported-%d", i+1)
		}
	}
}

// explicit lists shares that follow no scheme, in the order of the file.
func (t *Table) explicit(odd []int) alloc.PoolSpec {
	slices.Sort(odd)
	s := alloc.PoolSpec{Scheme: alloc.Explicit}
	for _, i := range odd {
		r := &t.records[i]
		s.Shares = append(s.Shares, alloc.ExplicitShare{Inside: addr4(r.inside), Outside: addr4(r.outside), Ports: t.sets.set(r.ports)})
	}
	return s
}

// prove compares a plan with the table, share by share and in both directions. Besides those of the table, the subscribers of the
// plan are fills, which are ascending.
func (t *Table) prove(plan *alloc.Plan, fills []uint32) error {
	if n := plan.Subscribers(); n != uint64(t.Len())+uint64(len(fills)) {
		return fmt.Errorf("%w: the plan that was found has %d subscribers, the rules have %d and %d are missing: please report this", ErrUnproven, n, t.Len(), len(fills))
	}
	same := map[slotSet]bool{}
	for a := range plan.All() {
		i, ok := t.pages.at(u32(a.Inside()))
		if !ok {
			if _, ok = slices.BinarySearch(fills, u32(a.Inside())); ok {
				continue
			}
		}
		if !ok || !t.sameShare(i, a, same) || !traces(plan, a) {
			return fmt.Errorf("%w: the plan that was found gives %v another share than the rules: please report this", ErrUnproven, a.Inside())
		}
	}
	return nil
}

// A slotSet is a slot of a pool and a set of the table. Whether they are the same needs to be found out once.
type slotSet struct {
	pool *alloc.Pool
	slot int
	set  setID
}

func (t *Table) sameShare(i int, a alloc.Allocation, same map[slotSet]bool) bool {
	r := &t.records[i]
	if a.Outside() != addr4(r.outside) {
		return false
	}
	key := slotSet{a.Pool(), a.Slot(), r.ports}
	equal, known := same[key]
	if !known {
		equal = a.Ports().Equal(t.sets.set(r.ports))
		same[key] = equal
	}
	return equal
}

// traces asks the plan the reverse question for the first and last port of a share.
func traces(plan *alloc.Plan, a alloc.Allocation) bool {
	ports := a.Ports()
	for _, port := range []uint16{ports.First(), ports.Last()} {
		if b, ok := plan.Trace(a.Outside(), port).Allocation(); !ok || b.Inside() != a.Inside() {
			return false
		}
	}
	return true
}
