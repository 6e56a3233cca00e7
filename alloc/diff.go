package alloc

import (
	"crypto/sha256"
	"iter"
)

// A ChangeKind says how a subscriber's share differs between two plans.
type ChangeKind uint8

const (
	// Moved means: another outside address or other ports.
	Moved ChangeKind = iota + 1
	// Added means: only the new plan has the subscriber.
	Added
	// Removed means: only the old plan has the subscriber.
	Removed
)

// String returns "moved", "added" or "removed".
func (k ChangeKind) String() string {
	return [...]string{"invalid ChangeKind", "moved", "added", "removed"}[min(k, Removed)]
}

// A Change is one subscriber whose share differs. Old is zero for Added, New is zero for Removed.
type Change struct {
	Kind       ChangeKind
	Subscriber Subscriber
	Old, New   Share
}

// A Difference compares two plans, subscriber by subscriber.
type Difference struct {
	older, newer *Plan
	nat44        bool // whether pools of other kinds are left out
	// Kept counts subscribers with the same outside address and the same port set in both plans, whatever the names of
	// their pools. Moved, Added and Removed count the changes.
	Kept, Moved, Added, Removed uint64
}

// Diff compares two plans by the shares that they give. What else a plan says, such as the destinations that it does not
// translate, is not compared: plans whose hashes differ may have no difference. It takes one pass over the subscribers of NAT44
// pools and the bindings of lw4o6, and no memory that grows with them; of MAP it compares rules, O(n log n) for n of them, however
// many subscribers these have. Pools of MAP and lw4o6 that both plans have, whatever their names, are not looked into.
func Diff(older, newer *Plan) Difference {
	d := Difference{older: older, newer: newer}
	diffSoftwires(older, newer).count(&d)
	d.Kept = older.AllSubscribers()
	return d.counted()
}

// DiffNAT44 is Diff without the pools of MAP and lw4o6: what a backend that serves the others has to do.
func DiffNAT44(older, newer *Plan) Difference {
	return Difference{older: older, newer: newer, nat44: true, Kept: older.Subscribers()}.counted()
}

// counted returns d with the changes of NAT44 pools counted, too. Kept is the number of subscribers of the old plan before.
func (d Difference) counted() Difference {
	for c := range d.changes(softwireDiff{}) {
		switch c.Kind {
		case Moved:
			d.Moved++
		case Added:
			d.Added++
		case Removed:
			d.Removed++
		}
	}
	d.Kept -= d.Moved + d.Removed
	return d
}

// IsEmpty reports whether both plans give every subscriber the same share.
func (d Difference) IsEmpty() bool { return d.Moved+d.Added+d.Removed == 0 }

// Changes iterates over the changes: those of the old plan's subscribers in its order, then the added ones in the order of
// the new plan. Each iteration compares anew. Ranges of subscribers of MAP that have the same in both plans cost nothing.
func (d Difference) Changes() iter.Seq[Change] {
	return func(yield func(Change) bool) {
		var soft softwireDiff
		if !d.nat44 {
			soft = diffSoftwires(d.older, d.newer)
		}
		d.changes(soft)(yield)
	}
}

// changes is Changes with the pools of other kinds than NAT44 that soft has.
func (d Difference) changes(soft softwireDiff) iter.Seq[Change] {
	return func(yield func(Change) bool) {
		for a := range d.older.allWith(soft.all) {
			c := Change{Kind: Removed, Subscriber: a.Subscriber(), Old: a.Share()}
			if b, ok := d.newer.same(a); ok {
				if sameShare(a, b) {
					continue
				}
				c.Kind, c.New = Moved, b.Share()
			}
			if !yield(c) {
				return
			}
		}
		for b := range d.newer.allWith(soft.added) {
			if _, ok := d.older.same(b); ok {
				continue
			}
			if !yield(Change{Kind: Added, Subscriber: b.Subscriber(), New: b.Share()}) {
				return
			}
		}
	}
}

// allWith iterates over the allocations of all pools of kind NAT44, and then over others.
func (p *Plan) allWith(others iter.Seq[Allocation]) iter.Seq[Allocation] {
	return func(yield func(Allocation) bool) {
		for _, pool := range p.pools {
			for a := range pool.All() {
				if !yield(a) {
					return
				}
			}
		}
		others(yield)
	}
}

// SameSoftwires reports whether two plans have the same pools of MAP and lw4o6, whatever their names and order. Pools that give
// everybody the same in other words, such as one rule in place of two, are not the same.
func SameSoftwires(p, q *Plan) bool {
	o, n := changedSoftwires(p, q)
	return len(o)+len(n) == 0
}

// changedSoftwires returns the pools of other kinds than NAT44 that only one of two plans has, whatever their names.
func changedSoftwires(older, newer *Plan) (o, n []*Pool) {
	have := map[[sha256.Size]byte]bool{}
	for _, p := range older.softwires {
		have[p.identity()] = true
	}
	both := map[[sha256.Size]byte]bool{}
	for _, p := range newer.softwires {
		if sum := p.identity(); have[sum] {
			both[sum] = true
		} else {
			n = append(n, p)
		}
	}
	for _, p := range older.softwires {
		if !both[p.identity()] {
			o = append(o, p)
		}
	}
	return o, n
}
