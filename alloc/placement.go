package alloc

import (
	"net/netip"
	"sync/atomic"

	"github.com/cgnkit/cgnkit/portset"
)

// A placement is a scheme at work: it translates the position of a subscriber to an outside address and a slot (the number
// of a share on its address, 0 to C-1), slots to ports, and everything back. It knows nothing of inside addresses.
type placement struct {
	scheme  Scheme
	outside order
	sizing

	// For Random: the key, and the shuffle of the address that was asked for last. Making one costs as much as a thousand
	// lookups, and who lists a plan asks for all shares of an address in turn.
	key  Key
	last atomic.Pointer[shuffled]

	list *shareTable // for Explicit
}

// A shuffled is the permutation of one outside address.
type shuffled struct {
	address uint32
	by      *portset.Permutation
}

// locate returns where the share at position i lies. i must be below capacity.
func (p *placement) locate(i uint32) (address, slot uint32) {
	if p.list != nil {
		s := p.list.seats[i]
		return s.address, s.slot
	}
	return locate(p, i)
}

// locate takes uint64 too, for shares beyond the 2^32 that have subscribers at most; dividing that is slower.
func locate[N uint32 | uint64](p *placement, i N) (address, slot uint32) {
	if p.scheme == Stripe {
		return uint32(i % N(p.outside.n)), uint32(i / N(p.outside.n))
	}
	return uint32(i / N(p.ratio)), uint32(i % N(p.ratio))
}

// position is the inverse of locate. It is not for Explicit.
func (p *placement) position(address, slot uint32) uint64 {
	if p.scheme == Stripe {
		return uint64(slot)*uint64(p.outside.n) + uint64(address)
	}
	return uint64(address)*uint64(p.ratio) + uint64(slot)
}

// ports returns the share in a slot. a is the outside address, which only Random looks at. It does not allocate, except
// for Random.
func (p *placement) ports(a, slot uint32) portset.Set {
	size := int(p.size)
	switch p.scheme {
	case Staggered:
		return p.usable.Every(int(slot), int(p.ratio), size)
	case Step:
		window, owner := slot/p.step, slot%p.step
		return p.usable.Every(int(window*p.size*p.step+owner), int(p.step), size)
	case PSID:
		return p.psids.set(slot)
	case Random:
		return p.permutation(a).Set(int(slot)*size, size)
	case Explicit:
		return p.list.set(slot)
	default:
		return p.usable.Slice(int(slot)*size, size)
	}
}

// slot returns the slot that owns a port of outside address a, or the reason why none does. It is not for Explicit.
func (p *placement) slot(a uint32, port uint16) (slot uint32, st Status) {
	index, ok := p.usable.Index(port)
	if !ok {
		return 0, Reserved
	}
	x := uint32(index)
	switch p.scheme {
	case Staggered:
		slot, ok = x%p.ratio, x/p.ratio < p.size
	case Step:
		window := x / (p.size * p.step)
		slot = window*p.step + x%(p.size*p.step)%p.step
	case PSID:
		slot, ok = p.psids.slot(port)
	case Random:
		source, _ := p.permutation(a).Inverse(port) // port is usable
		index, _ = p.usable.Index(source)
		slot = uint32(index) / p.size
	default:
		slot = x / p.size
	}
	switch {
	case ok && slot < p.ratio:
		return slot, Allocated
	case p.dynamic:
		return 0, Dynamic
	}
	return 0, Tail
}

// permutation returns the shuffle of one outside address.
func (p *placement) permutation(a uint32) *portset.Permutation {
	if s := p.last.Load(); s != nil && s.address == a {
		return s.by
	}
	key, err := p.key.perAddress(a)
	if err != nil {
		panic(err) // the key has 16 bytes
	}
	shuffle, err := portset.NewPermutation(key, p.usable)
	if err != nil {
		panic(err) // a placement has usable ports
	}
	p.last.Store(&shuffled{a, shuffle})
	return shuffle
}

// sharePorts returns the number of ports that shares take on one address; for Explicit, where they take fewest.
func (p *placement) sharePorts() int {
	switch p.scheme {
	case Explicit:
		return p.list.fewest
	case PSID:
	default:
		return int(p.ratio * p.size)
	}
	n := 0
	for slot := range p.ratio {
		n += p.psids.set(slot).Len()
	}
	return n
}

// capacity returns the number of shares.
func (p *placement) capacity() uint64 {
	if p.list != nil {
		return uint64(len(p.list.seats))
	}
	return uint64(p.outside.n) * uint64(p.ratio)
}

// A Share is what one position of a pool owns: a port set on an outside address.
type Share struct {
	Outside netip.Addr
	Ports   portset.Set
}
