package alloc

import (
	"iter"
	"net/netip"
)

// A Status is the answer to the reverse question: who owns a port of an outside address?
type Status uint8

const (
	// Allocated means: exactly one subscriber owns the port.
	Allocated Status = iota + 1
	// Reserved means: the port is never given to anyone.
	Reserved
	// Tail means: a usable port that the scheme leaves to nobody.
	Tail
	// Unassigned means: the port is in a share that no subscriber holds.
	Unassigned
	// Dynamic means: the port is set aside for dynamic blocks; the plan alone cannot say who holds it.
	Dynamic
	// Excluded means: the address belongs to a pool that excludes it.
	Excluded
	// NotInPool means: no pool has the address.
	NotInPool
)

var statusNames = [...]string{
	Allocated: "allocated", Reserved: "reserved", Tail: "tail", Unassigned: "unassigned", Dynamic: "dynamic",
	Excluded: "excluded", NotInPool: "not-in-pool",
}

// String returns "allocated", "reserved", "tail", "unassigned", "dynamic", "excluded" or "not-in-pool".
func (s Status) String() string {
	if s == 0 || int(s) >= len(statusNames) {
		return "invalid Status"
	}
	return statusNames[s]
}

// A Trace is the answer to the reverse question.
type Trace struct {
	status Status
	a      Allocation // complete for Allocated; else only its pool is set, or nothing
}

// Status returns what the answer is.
func (t Trace) Status() Status { return t.status }

// Pool returns the pool of the outside address, or nil for NotInPool.
func (t Trace) Pool() *Pool { return t.a.pool }

// Allocation returns the subscriber and the share that contains the port; ok is false unless the status is Allocated.
func (t Trace) Allocation() (a Allocation, ok bool) {
	if t.status != Allocated {
		return Allocation{}, false
	}
	return t.a, true
}

// Trace answers the reverse question: who owns this port of this outside address? It names a subscriber only when exactly
// that subscriber's share has the port; everything else is a reason (see Status). It does not allocate, except with scheme
// Random. O(log r) for r address ranges, and for r port ranges on the address with Explicit.
func (p *Plan) Trace(outside netip.Addr, port uint16) Trace {
	pool, address, st := p.outsideAddr(outside)
	if st != Allocated {
		if t, ok := p.traceSoftwire(outside, port); ok {
			return t
		}
		return Trace{status: st, a: Allocation{pool: pool}}
	}
	a := u32(outside)
	if pool.place.list != nil {
		return pool.traceListed(address, a, port)
	}
	slot, st := pool.place.slot(a, port)
	if st != Allocated {
		return Trace{status: st, a: Allocation{pool: pool}}
	}
	i := pool.place.position(address, slot)
	if i >= uint64(pool.inside.n) {
		return Trace{status: Unassigned, a: Allocation{pool: pool}}
	}
	return Trace{status: Allocated, a: Allocation{pool: pool, inside: pool.inside.addr(uint32(i)), outside: a, slot: slot}}
}

// traceListed is Trace for an Explicit pool, about outside address a with number address.
func (p *Pool) traceListed(address, a uint32, port uint16) Trace {
	t := Trace{status: Reserved, a: Allocation{pool: p}}
	if !p.place.usable.Contains(port) {
		return t
	}
	pos, ok := p.place.list.find(address, port)
	if !ok {
		t.status = Tail
		return t
	}
	return Trace{status: Allocated, a: Allocation{pool: p, inside: p.inside.addr(pos), outside: a, slot: p.place.list.seats[pos].slot}}
}

// outsideAddr finds the pool of an outside address and the address's position in it. The status is Allocated, Excluded or
// NotInPool.
func (p *Plan) outsideAddr(outside netip.Addr) (*Pool, uint32, Status) {
	if !outside.Is4() || p.outside == nil {
		return nil, 0, NotInPool
	}
	a := u32(outside)
	if pool := p.outside.find(a); pool != nil {
		if pos, ok := pool.place.outside.position(a); ok {
			return pool, pos, Allocated
		}
	}
	for _, pool := range p.outside.excluding {
		if pool.place.outside.isExcluded(a) {
			return pool, 0, Excluded
		}
	}
	return nil, 0, NotInPool
}

// Holders iterates over the allocations on one outside address, in slot order, or with Explicit by their lowest ports: the
// candidates when a port is not known. It yields nothing for an address that is excluded or in no pool.
func (p *Plan) Holders(outside netip.Addr) iter.Seq[Allocation] {
	return func(yield func(Allocation) bool) {
		pool, address, st := p.outsideAddr(outside)
		if st != Allocated {
			p.holdersOfSoftwires(outside, yield)
			return
		}
		if pool.place.list != nil {
			pool.place.list.holders(address, func(pos uint32) bool {
				return yield(pool.allocation(pool.inside.addr(pos), pos))
			})
			return
		}
		for slot := range pool.place.ratio {
			i := pool.place.position(address, slot)
			if i >= uint64(pool.inside.n) {
				return
			}
			if al, ok := pool.At(i); !ok || !yield(al) {
				return
			}
		}
	}
}
