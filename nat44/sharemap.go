package nat44

import (
	"fmt"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// A mapKind is the shape of a map.
type mapKind uint8

const (
	contiguous mapKind = iota + 1 // inside address -> outside address and one port range
	ranged                        // inside address and bucket -> outside address and one port range
	whole                         // inside address -> outside address, for protocols without ports
)

// A shareMap is one map of the ruleset: which subscribers have elements in it, and what is in them.
type shareMap struct {
	kind     mapKind
	buckets  int // elements a subscriber
	parts    []mapPart
	elements uint64
}

// A mapPart is the part of a map that comes from one pool. In a pool, the same slot has the same ports on every outside
// address (but with scheme random, which is refused), so what an element holds is an address and an entry of this table.
type mapPart struct {
	pool *alloc.Pool
	// ranges has buckets entries for each slot. The zero Range says that the slot is not in this map.
	ranges []portset.Range
}

// name returns the map's name without the suffix of its generation.
func (m *shareMap) name() string {
	switch m.kind {
	case contiguous:
		return "shares"
	case whole:
		return "whole"
	}
	return fmt.Sprintf("ranges_%d", m.buckets)
}

// order sorts maps: the one that most flows need is asked first.
func (m *shareMap) order() int { return int(m.kind)<<16 + m.buckets }

// size is the declared size of the map: room to grow by a quarter without rebuilding.
func (m *shareMap) size() uint64 { return max(64, m.elements+m.elements/4) }

// slotSets returns the port set of each slot that a subscriber of the pool holds.
func slotSets(pool *alloc.Pool) []portset.Set {
	stride := uint64(1)
	if pool.Scheme() == alloc.Stripe {
		stride = pool.Addresses() // neighbours in inside order are on different addresses there
	}
	var sets []portset.Set
	for i := uint64(0); i < pool.Subscribers() && len(sets) < pool.SharingRatio(); i += stride {
		a, _ := pool.At(i)
		sets = append(sets, a.Ports())
	}
	return sets
}

// slotCount returns how many subscribers of the pool hold a slot.
func slotCount(pool *alloc.Pool, slot int) uint64 {
	n, each := pool.Subscribers(), uint64(pool.SharingRatio())
	if pool.Scheme() == alloc.Stripe {
		return min(pool.Addresses(), n-uint64(slot)*pool.Addresses())
	}
	count := n / each
	if uint64(slot) < n%each {
		count++
	}
	return count
}

// add puts one of the pool's slots into the map.
func (m *shareMap) add(pool *alloc.Pool, slots, slot int, ports portset.Set) {
	part := m.part(pool)
	if part.ranges == nil {
		part.ranges = make([]portset.Range, slots*m.buckets)
	}
	copy(part.ranges[slot*m.buckets:], spread(ports, m.buckets))
	m.elements += slotCount(pool, slot) * uint64(m.buckets)
}

// addWhole puts every subscriber of a 1:1 pool into the map of whole addresses.
func (m *shareMap) addWhole(pool *alloc.Pool) {
	all, _ := portset.NewRange(0, 65535) // stands for "in this map"; no element holds it
	m.part(pool).ranges = []portset.Range{all}
	m.elements += pool.Subscribers()
}

func (m *shareMap) part(pool *alloc.Pool) *mapPart {
	if n := len(m.parts); n == 0 || m.parts[n-1].pool != pool {
		m.parts = append(m.parts, mapPart{pool: pool})
	}
	return &m.parts[len(m.parts)-1]
}

// An element is one element of a map, before it is encoded. It is small and passed by value.
type element struct {
	alloc.Allocation
	bucket int
	ports  portset.Range
}

// each calls yield with every element of the map in the order of the plan, until yield returns false.
func (m *shareMap) each(yield func(element) bool) {
	for _, part := range m.parts {
		if !part.each(m.buckets, yield) {
			return
		}
	}
}

func (p *mapPart) each(buckets int, yield func(element) bool) bool {
	for run := range p.pool.Runs() {
		slot := run.First.Slot()
		for k := range run.Len {
			own := p.ranges[(slot+k)*buckets:][:buckets]
			if !own[0].IsValid() {
				continue
			}
			a := run.At(k)
			for b, r := range own {
				if !yield(element{a, b, r}) {
					return false
				}
			}
		}
	}
	return true
}
