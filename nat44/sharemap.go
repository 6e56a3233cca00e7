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
	// rows says where the ranges of a slot are, counted from 1; 0 is for a slot that is not in this map.
	rows   []uint32
	ranges []portset.Range // buckets entries a row
	alone  bool            // only of who has an outside address alone
}

// own returns the ranges of an allocation, one for each bucket; none where it is not in this map.
func (p *mapPart) own(a alloc.Allocation, buckets int) []portset.Range {
	row := int(p.rows[a.Slot()])
	if row == 0 || p.alone && !a.Alone() {
		return nil
	}
	return p.ranges[(row-1)*buckets:][:buckets]
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

// A slot is a port set of a pool and the number of subscribers that hold it, each on an address of its own.
type slot struct {
	ports portset.Set
	held  uint64
}

// slotsOf returns the slots of a pool that subscribers hold.
func slotsOf(pool *alloc.Pool) []slot {
	if pool.Scheme() == alloc.Explicit {
		return countSlots(pool)
	}
	stride := uint64(1)
	if pool.Scheme() == alloc.Stripe {
		stride = pool.Addresses() // neighbours in inside order are on different addresses there
	}
	var slots []slot
	for i := uint64(0); i < pool.Subscribers() && len(slots) < pool.SharingRatio(); i += stride {
		a, _ := pool.At(i)
		slots = append(slots, slot{a.Ports(), slotCount(pool, len(slots))})
	}
	return slots
}

// countSlots goes over all subscribers: of shares that are listed, no formula says who holds which slot.
func countSlots(pool *alloc.Pool) []slot {
	slots := make([]slot, pool.Slots())
	for a := range pool.All() {
		s := &slots[a.Slot()]
		if s.held++; s.held == 1 {
			s.ports = a.Ports()
		}
	}
	return slots
}

// slotCount returns how many subscribers of the pool hold a slot, by the arithmetic of schemes.
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
func (m *shareMap) add(pool *alloc.Pool, number int, s slot) {
	part := m.part(pool)
	part.ranges = append(part.ranges, spread(s.ports, m.buckets)...)
	part.rows[number] = uint32(len(part.ranges) / m.buckets)
	m.elements += s.held * uint64(m.buckets)
}

// addWhole puts the n subscribers of a pool that have an outside address alone into the map of whole addresses.
func (m *shareMap) addWhole(pool *alloc.Pool, n uint64) {
	all, _ := portset.NewRange(0, 65535) // stands for "in this map"; no element holds it
	part := m.part(pool)
	part.ranges, part.alone = []portset.Range{all}, true
	for i := range part.rows {
		part.rows[i] = 1
	}
	m.elements += n
}

// countAlone returns how many subscribers of a pool have an outside address alone: where shares are listed, some may, and others not.
func countAlone(pool *alloc.Pool) (n uint64) {
	switch {
	case pool.SharingRatio() == 1:
		return pool.Subscribers()
	case pool.Scheme() == alloc.Explicit:
		for a := range pool.All() {
			if a.Alone() {
				n++
			}
		}
	}
	return n
}

func (m *shareMap) part(pool *alloc.Pool) *mapPart {
	if n := len(m.parts); n == 0 || m.parts[n-1].pool != pool {
		m.parts = append(m.parts, mapPart{pool: pool, rows: make([]uint32, pool.Slots())})
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
		for k, row := range p.rows[run.First.Slot():][:run.Len] {
			if row == 0 {
				continue
			}
			a := run.At(k)
			if p.alone && !a.Alone() {
				continue
			}
			for b, r := range p.ranges[int(row-1)*buckets:][:buckets] {
				if !yield(element{a, b, r}) {
					return false
				}
			}
		}
	}
	return true
}
