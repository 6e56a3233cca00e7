package alloc

import (
	"errors"
	"iter"
	"net/netip"
	"slices"

	"github.com/cgnkit/cgnkit/portset"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

// A SoftwireSpec describes a pool whose subscribers' routers hold the port sets. A subscriber is an end-user IPv6 prefix.
type SoftwireSpec struct {
	Name  string // as of a PoolSpec
	Realm string // in which end-user prefixes are unique; "" = DefaultRealm
	Kind  Kind   // MAPE, MAPT or LW4o6

	Rules []softwire.RuleSpec // MAPE and MAPT, and required there
	Relay netip.Addr          // the border relay of MAPE, the lwAFTR of LW4o6; required there
	DMR   netip.Prefix        // MAPT, and required there

	// Bindings are the binding table, LW4o6 only, and required there. No prefix lies in another.
	Bindings []softwire.BindingSpec
}

// maxSoftwires bounds the pools of other kinds than NAT44: lookups ask them one by one.
const maxSoftwires = 256

// maxSoftwireSubscribers bounds the subscribers of such a pool, so that who walks them ends; Diff does not. RFC 7597 allows 2^48.
const maxSoftwireSubscribers = 1 << 32

// A softwirePool is what a Pool of another kind than NAT44 has. One of domain and bindings is set.
type softwirePool struct {
	kind     Kind
	domain   *softwire.Domain
	bindings *softwire.Bindings
	relay    netip.Addr
	outside  []span // ascending, merged

	count, addresses uint64
}

// Softwires iterates over the pools of other kinds than NAT44, in the order of the plan.
func (p *Plan) Softwires() iter.Seq[*Pool] {
	return func(yield func(*Pool) bool) {
		for _, pool := range p.softwires {
			if !yield(pool) {
				return
			}
		}
	}
}

// AllPools iterates over the pools of kind NAT44, and then over the others, in the order of the plan.
func (p *Plan) AllPools() iter.Seq[*Pool] {
	return func(yield func(*Pool) bool) {
		for _, pools := range [][]*Pool{p.pools, p.softwires} {
			for _, pool := range pools {
				if !yield(pool) {
					return
				}
			}
		}
	}
}

// SoftwireRealms returns the names of the realms of Softwires, in the order in which these use them first.
func (p *Plan) SoftwireRealms() []string {
	var names []string
	for _, pool := range p.softwires {
		if !slices.Contains(names, pool.realm) {
			names = append(names, pool.realm)
		}
	}
	return names
}

// Kind returns who translates for the pool.
func (p *Pool) Kind() Kind {
	if p.soft == nil {
		return NAT44
	}
	return p.soft.kind
}

// Domain returns the MAP domain of a pool of kind MAPE or MAPT, and nil for every other.
func (p *Pool) Domain() *softwire.Domain {
	if p.soft == nil {
		return nil
	}
	return p.soft.domain
}

// Bindings returns the binding table of a pool of kind LW4o6, and nil for every other.
func (p *Pool) Bindings() *softwire.Bindings {
	if p.soft == nil {
		return nil
	}
	return p.soft.bindings
}

// Relay returns the border relay of MAPE or the lwAFTR of LW4o6; ok is false for every other kind.
func (p *Pool) Relay() (a netip.Addr, ok bool) {
	if p.soft == nil || p.soft.kind == MAPT {
		return netip.Addr{}, false
	}
	return p.soft.relay, true
}

// CE returns the router of the subscriber under its MAP rule; ok is false unless the pool is of kind MAPE or MAPT.
func (a Allocation) CE() (ce softwire.CE, ok bool) {
	if a.pool.soft == nil || a.pool.soft.domain == nil {
		return softwire.CE{}, false
	}
	return a.pool.soft.domain.Rule(int(a.inside)).Find(addr4(a.outside), uint16(a.slot))
}

// Binding returns the binding of the subscriber; ok is false unless the pool is of kind LW4o6.
func (a Allocation) Binding() (b softwire.Binding, ok bool) {
	if a.pool.soft == nil || a.pool.soft.bindings == nil {
		return softwire.Binding{}, false
	}
	return a.pool.soft.bindings.Find(addr4(a.outside), uint16(a.slot))
}

// RouterAddr returns the IPv6 address from which the subscriber's router sends: its MAP address or its B4 address. ok is false
// for kind NAT44.
func (a Allocation) RouterAddr() (addr netip.Addr, ok bool) {
	if ce, ok := a.CE(); ok {
		return ce.Address(), true
	}
	b, ok := a.Binding()
	if !ok {
		return netip.Addr{}, false
	}
	return b.B4(), true
}

// softPrefix is Subscriber().Prefix where the pool is not of kind NAT44.
func (a Allocation) softPrefix() netip.Prefix {
	if ce, ok := a.CE(); ok {
		return ce.EndUser()
	}
	b, _ := a.Binding() // allocations of a pool are of its domain or its bindings
	return b.Prefix()
}

// softPorts is Ports where the pool is not of kind NAT44.
func (a Allocation) softPorts() portset.Set {
	if ce, ok := a.CE(); ok {
		return ce.Ports()
	}
	b, _ := a.Binding()
	return b.Ports()
}

// ofCE returns the allocation of a CE of the pool's domain. The rule, the address and the PSID are enough to find it again.
func (p *Pool) ofCE(ce softwire.CE) Allocation {
	psid, _ := ce.PSID()
	return Allocation{pool: p, inside: uint32(ce.Rule().Number()), outside: u32(ce.IPv4().Addr()), slot: uint32(psid)}
}

// ofBinding returns the allocation of a binding of the pool.
func (p *Pool) ofBinding(b softwire.Binding) Allocation {
	psid, _ := b.PSID()
	return Allocation{pool: p, outside: u32(b.IPv4()), slot: uint32(psid)}
}

// lookupSoftwire is Lookup for an IPv6 prefix: of the subscriber, or one that lies in it.
func (p *Plan) lookupSoftwire(s Subscriber) (Allocation, error) {
	for _, pool := range p.softwires {
		if pool.realm != s.Realm || !s.Prefix.IsValid() {
			continue
		}
		if a, ok := pool.behind(s.Prefix.Addr()); ok && a.softPrefix().Bits() <= s.Prefix.Bits() {
			return a, nil
		}
	}
	return Allocation{}, ErrNotSubscriber
}

// behind returns the allocation of the subscriber in whose prefix an IPv6 address lies.
func (p *Pool) behind(a netip.Addr) (Allocation, bool) {
	if d := p.soft.domain; d != nil {
		ce, err := d.Behind(a)
		if err != nil {
			return Allocation{}, false
		}
		return p.ofCE(ce), true
	}
	b, err := p.soft.bindings.Behind(a)
	if err != nil {
		return Allocation{}, false
	}
	return p.ofBinding(b), true
}

// traceSoftwire is Trace in pools of other kinds than NAT44; ok is false where none has the address.
func (p *Plan) traceSoftwire(outside netip.Addr, port uint16) (t Trace, ok bool) {
	for _, pool := range p.softwires {
		if a, err := pool.reverse(outside, port); !errors.Is(err, softwire.ErrNoRule) {
			t := Trace{status: Allocated, a: a}
			switch {
			case errors.Is(err, softwire.ErrExcluded):
				t = Trace{status: Reserved, a: Allocation{pool: pool}}
			case err != nil:
				t = Trace{status: Unassigned, a: Allocation{pool: pool}}
			}
			return t, true
		}
	}
	return Trace{}, false
}

func (p *Pool) reverse(outside netip.Addr, port uint16) (Allocation, error) {
	if d := p.soft.domain; d != nil {
		ce, err := d.Reverse(outside, port)
		if err != nil {
			return Allocation{}, err
		}
		return p.ofCE(ce), nil
	}
	b, err := p.soft.bindings.Reverse(outside, port)
	if err != nil {
		return Allocation{}, err
	}
	return p.ofBinding(b), nil
}

// holdersOfSoftwires is Holders in pools of other kinds than NAT44.
func (p *Plan) holdersOfSoftwires(outside netip.Addr, yield func(Allocation) bool) {
	for _, pool := range p.softwires {
		if !pool.on(outside, yield) {
			return
		}
	}
}

func (p *Pool) on(outside netip.Addr, yield func(Allocation) bool) bool {
	if d := p.soft.domain; d != nil {
		return each(d.On(outside), p.ofCE, yield)
	}
	return each(p.soft.bindings.On(outside), p.ofBinding, yield)
}

// allSoft is All where the pool is not of kind NAT44: rule by rule and by EA bits, or by IPv4 address and PSID.
func (p *Pool) allSoft(yield func(Allocation) bool) {
	if d := p.soft.domain; d != nil {
		each(d.All(), p.ofCE, yield)
		return
	}
	each(p.soft.bindings.All(), p.ofBinding, yield)
}

// each passes what of makes of every item on. It returns false when yield did.
func each[T any](items iter.Seq[T], of func(T) Allocation, yield func(Allocation) bool) bool {
	for item := range items {
		if !yield(of(item)) {
			return false
		}
	}
	return true
}
