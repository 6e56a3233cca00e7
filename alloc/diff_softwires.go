package alloc

import (
	"iter"

	"github.com/cgnkit/cgnkit/portset/softwire"
)

// A softwireDiff compares the pools of other kinds than NAT44 that only one of two plans has. MAP rules are compared as ranges of
// end-user prefixes, bindings one by one.
type softwireDiff struct {
	older, newer         []*Pool
	olderPlan, newerPlan *Plan
	byRealm              map[string]softwire.Comparison
}

func diffSoftwires(older, newer *Plan) softwireDiff {
	d := softwireDiff{olderPlan: older, newerPlan: newer, byRealm: map[string]softwire.Comparison{}}
	d.older, d.newer = changedSoftwires(older, newer)
	was, is := domainsOf(d.older), domainsOf(d.newer)
	for _, pools := range [][]*Pool{d.older, d.newer} {
		for _, p := range pools {
			if _, done := d.byRealm[p.realm]; !done {
				d.byRealm[p.realm] = softwire.Compare(was[p.realm], is[p.realm])
			}
		}
	}
	return d
}

// domainsOf returns the MAP domains of some pools, by realm.
func domainsOf(pools []*Pool) map[string][]*softwire.Domain {
	out := map[string][]*softwire.Domain{}
	for _, p := range pools {
		if p.soft.domain != nil {
			out[p.realm] = append(out[p.realm], p.soft.domain)
		}
	}
	return out
}

// count adds the changes to those of a difference. O(n log n) for n rules and bindings in all.
func (d softwireDiff) count(to *Difference) {
	var was, is, both, same uint64
	for _, c := range d.byRealm {
		n, s := c.Both()
		both, same = both+n, same+s
	}
	for _, p := range d.older {
		was += p.soft.count
		if p.soft.bindings == nil {
			continue
		}
		for a := range p.All() {
			if b, ok := d.newerPlan.same(a); ok {
				both++
				same += one(sameShare(a, b))
			}
		}
	}
	for _, p := range d.newer {
		is += p.soft.count
		if p.soft.bindings == nil {
			continue
		}
		for b := range p.All() { // bindings that both have were counted
			if a, ok := d.olderPlan.same(b); ok && a.pool.soft.bindings == nil {
				both++
				same += one(sameShare(a, b))
			}
		}
	}
	to.Moved += both - same
	to.Removed += was - both
	to.Added += is - both
}

func one(yes bool) uint64 {
	if yes {
		return 1
	}
	return 0
}

// all iterates over the subscribers of the old pools, but for ranges that have the same in the new ones.
func (d softwireDiff) all(yield func(Allocation) bool) {
	remaining(d.older, softwire.Comparison.Older, d.byRealm)(yield)
}

// added iterates over the subscribers of the new pools, but for those that a MAP rule of the old ones has.
func (d softwireDiff) added(yield func(Allocation) bool) {
	remaining(d.newer, softwire.Comparison.Newer, d.byRealm)(yield)
}

// remaining iterates over the bindings of pools, and the CEs that pick leaves of their domains.
func remaining(pools []*Pool, pick func(softwire.Comparison, *softwire.Domain) iter.Seq[softwire.CE], byRealm map[string]softwire.Comparison) iter.Seq[Allocation] {
	return func(yield func(Allocation) bool) {
		for _, p := range pools {
			list := p.All()
			if dom := p.soft.domain; dom != nil {
				list = func(yield func(Allocation) bool) { each(pick(byRealm[p.realm], dom), p.ofCE, yield) }
			}
			for a := range list {
				if !yield(a) {
					return
				}
			}
		}
	}
}

// same returns the allocation of the subscriber of another plan's allocation; ok is false where p has no such subscriber.
func (p *Plan) same(a Allocation) (b Allocation, ok bool) {
	b, err := p.Lookup(a.Subscriber())
	return b, err == nil && b.Subscriber() == a.Subscriber()
}

// sameShare reports whether two allocations have the same outside addresses and ports.
func sameShare(a, b Allocation) bool {
	return a.OutsidePrefix() == b.OutsidePrefix() && a.Ports().Equal(b.Ports())
}
