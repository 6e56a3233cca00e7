package alloc

import (
	"fmt"
	"net/netip"

	"github.com/cgnkit/cgnkit/portset"
)

// An Allocation says who owns what: a subscriber and its share. It is a small handle (24 bytes) that computes its parts
// when asked; none of its methods allocates, except Ports with scheme Random. The zero Allocation is invalid and its
// methods panic. Allocations of one plan are comparable with ==.
type Allocation struct {
	pool            *Pool
	inside, outside uint32 // addresses
	slot            uint32
}

// IsValid reports whether a is not the zero Allocation.
func (a Allocation) IsValid() bool { return a.pool != nil }

// Pool returns the pool of the subscriber.
func (a Allocation) Pool() *Pool { return a.pool }

// Subscriber returns who owns the share.
func (a Allocation) Subscriber() Subscriber {
	if a.pool.soft != nil {
		return Subscriber{Realm: a.pool.realm, Prefix: a.softPrefix()}
	}
	return Subscriber{Realm: a.pool.realm, Prefix: netip.PrefixFrom(addr4(a.inside), 32)}
}

// Inside returns Subscriber().Addr(), at a fraction of the cost.
func (a Allocation) Inside() netip.Addr {
	if a.pool.soft != nil {
		return a.softPrefix().Addr()
	}
	return addr4(a.inside)
}

// Outside returns the outside address of the share: the first, where MAP gives a subscriber several.
func (a Allocation) Outside() netip.Addr { return addr4(a.outside) }

// OutsidePrefix returns the outside addresses of the share: a /32, or a shorter prefix where MAP gives a subscriber several.
func (a Allocation) OutsidePrefix() netip.Prefix {
	if ce, ok := a.CE(); ok {
		return ce.IPv4()
	}
	return netip.PrefixFrom(addr4(a.outside), 32)
}

// Ports returns the port set of the share.
func (a Allocation) Ports() portset.Set {
	if a.pool.soft != nil {
		return a.softPorts()
	}
	return a.pool.place.ports(a.outside, a.slot)
}

// Share returns Outside and Ports.
func (a Allocation) Share() Share { return Share{Outside: a.Outside(), Ports: a.Ports()} }

// Slot returns the number of the share on its outside address, 0 to Pool.Slots less 1. In one pool the same slot has the same
// ports on every address, except with scheme Random. With MAP and lw4o6 it is the PSID.
func (a Allocation) Slot() int { return int(a.slot) }

// Alone reports whether the outside address has no other share, so that what has no ports can only be this subscriber's. That is so
// with sharing ratio 1, and with Explicit where the list has the address once, however many ports of it, and whatever it says of
// other addresses. A share that nobody has yet counts: at another ratio, the first subscriber of an address is not alone. O(log r)
// for r address ranges, and for r port ranges of the share with Explicit.
func (a Allocation) Alone() bool {
	p := &a.pool.place
	if p.ratio == 1 || p.list == nil {
		return p.ratio == 1
	}
	address, ok := p.outside.position(a.outside)
	return ok && p.list.alone(address)
}

// Lookup answers the forward question: which share does s own? The error is ErrNotSubscriber or ErrExcluded. It does not
// allocate. O(log r) for r address ranges.
//
// An IPv6 prefix may be longer than that of the subscriber, down to an address in it: the answer's Subscriber has the prefix
// that stands for it. O(p log r) for p pools of MAP and lw4o6, with r rules or bindings.
func (p *Plan) Lookup(s Subscriber) (Allocation, error) {
	a := s.Prefix.Addr()
	if s.Realm == "" {
		s.Realm = DefaultRealm
	}
	if a.Is6() {
		return p.lookupSoftwire(s)
	}
	r := p.realm(s.Realm)
	if r == nil || !a.Is4() || s.Prefix.Bits() != 32 {
		return Allocation{}, ErrNotSubscriber
	}
	addr := u32(a)
	if pool := r.find(addr); pool != nil {
		if pos, ok := pool.inside.position(addr); ok {
			return pool.allocation(addr, pos), nil
		}
	}
	for _, pool := range r.excluding {
		if pool.inside.isExcluded(addr) {
			return Allocation{}, ErrExcluded
		}
	}
	return Allocation{}, ErrNotSubscriber
}

// realm returns the routes of a realm, or nil. Most plans have one realm; that needs no map.
func (p *Plan) realm(name string) *routes {
	if len(p.inside) > 0 && p.inside[0].realm == name {
		return p.inside[0]
	}
	return p.realms[name]
}

// Realms returns the names of the realms of pools of kind NAT44, in the order in which these use them first.
func (p *Plan) Realms() []string {
	names := make([]string, len(p.inside))
	for i, r := range p.inside {
		names[i] = r.realm
	}
	return names
}

// At returns the allocation of the subscriber at position i in inside order. ok is false unless i is below Subscribers.
func (p *Pool) At(i uint64) (a Allocation, ok bool) {
	if i >= p.Subscribers() {
		return Allocation{}, false
	}
	return p.allocation(p.inside.addr(uint32(i)), uint32(i)), true
}

// allocation returns the share of the subscriber with an inside address and its position.
func (p *Pool) allocation(inside, pos uint32) Allocation {
	address, slot := p.place.locate(pos)
	return Allocation{pool: p, inside: inside, outside: p.place.outside.addr(address), slot: slot}
}

// A Placement is a pool without its subscribers: shares by position. It serves callers that stream subscribers and cannot
// know their number.
type Placement struct{ pool *Pool }

// NewPlacement checks everything of s but its inside addresses. Because the number of subscribers is not known, s must
// give PortsPerSubscriber, SharingRatio or PSIDLength, and its scheme must not be Spread, nor Explicit, which lists them. The
// error is an *InvalidError.
func NewPlacement(s PoolSpec, keys ...Key) (Placement, error) {
	if s.scheme() == Explicit {
		return Placement{}, &InvalidError{[]Finding{{Err: ErrScheme, Path: "pools[0].scheme", Pool: s.Name,
			Msg: "scheme explicit lists its subscribers: there is no share to give to others", Hint: "use another scheme"}}}
	}
	if s.scheme() == Spread || s.PortsPerSubscriber == 0 && s.SharingRatio == 0 && s.PSIDLength == nil {
		return Placement{}, &InvalidError{[]Finding{{Err: ErrPorts, Path: "pools[0].ports-per-subscriber", Pool: s.Name,
			Msg:  "the number of subscribers is not known, so that no sharing ratio follows from it",
			Hint: "give the ports per subscriber or the sharing ratio, and a scheme other than spread"}}}
	}
	c := newChecker(Spec{Pools: []PoolSpec{s}, Keys: keys})
	pool := c.begin(0)
	if out := c.order(0, "outside", s.Outside, s.ExcludeOutside, s.SkipEdges); out != nil && len(c.findings) == 0 {
		pool.place.outside = *out
		c.size(0, pool, demand{subscribers: 1, addresses: uint64(out.n)})
	}
	if len(c.findings) > 0 {
		return Placement{}, &InvalidError{c.findings}
	}
	return Placement{pool}, nil
}

// Capacity returns the number of shares.
func (p Placement) Capacity() uint64 { return p.pool.Capacity() }

// Assign returns the share at position i as the allocation of the subscriber with inside address a. The error wraps
// ErrCapacity when i is not below Capacity, ErrAddress when a is no IPv4 address that a host can have, and ErrLoop when it is
// an outside address of the placement. That no address is assigned twice is the caller's to see to.
func (p Placement) Assign(i uint64, a netip.Addr) (Allocation, error) {
	if i >= p.Capacity() {
		return Allocation{}, fmt.Errorf("%w: %d shares are all there are", ErrCapacity, p.Capacity())
	}
	if !a.Is4() {
		return Allocation{}, fmt.Errorf("%w %v: NAT44 takes IPv4 addresses", ErrAddress, a)
	}
	addr := u32(a)
	if why := whyUnusable(span{addr, addr}); why != "" {
		return Allocation{}, fmt.Errorf("%w %v: %s", ErrAddress, a, why)
	}
	if _, ok := p.pool.place.outside.position(addr); ok {
		return Allocation{}, fmt.Errorf("%w: inside address %v is also an outside address", ErrLoop, a)
	}
	address, slot := locate(&p.pool.place, i)
	return Allocation{pool: p.pool, inside: addr, outside: p.pool.place.outside.addr(address), slot: slot}, nil
}
