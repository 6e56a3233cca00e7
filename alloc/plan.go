package alloc

import (
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"slices"
	"sync"

	"github.com/cgnkit/cgnkit/portset"
)

// A Plan is a checked, immutable description from which every share follows. Make one with NewPlan or ParseCanonical; the
// zero Plan has no pools. A Plan is safe for concurrent use.
//
// Its memory grows with the number of address ranges in its pools and of destinations that are not translated, not with the
// number of subscribers; only pools of scheme Explicit take memory per subscriber, see Pool.IndexBytes.
type Plan struct {
	pools   []*Pool
	inside  []*routes          // one a realm
	realms  map[string]*routes // the same by name
	outside *routes

	softwires []*Pool // pools of other kinds than NAT44

	noTranslate []Destination

	sum func() [sha256.Size]byte
}

// NewPlan checks spec and resolves its sizes. The error is an *InvalidError with every defect that was found. It proves,
// on ranges and never by enumeration, that no outside address and no inside address of a realm has two places, and that
// every subscriber has a share: O(r log r) for r address ranges.
//
// NewPlan keeps nothing of spec.
func NewPlan(spec Spec) (*Plan, error) {
	c, p := newChecker(spec), &Plan{}
	if len(spec.Pools)+len(spec.Softwires) == 0 {
		c.add(Finding{Err: ErrEmpty, Path: "pools", Msg: "the plan has no pools"})
	}
	for i := range spec.Pools {
		if pool := c.pool(i); pool != nil {
			p.pools = append(p.pools, pool)
		}
	}
	p.inside, p.outside = c.routes(p.pools)
	p.realms = make(map[string]*routes, len(p.inside))
	for _, r := range p.inside {
		p.realms[r.realm] = r
	}
	c.destinations(p.outside)
	p.softwires = c.softwires(p)
	if len(c.findings) > 0 {
		return nil, &InvalidError{Findings: c.findings}
	}
	p.noTranslate = slices.Clone(spec.NoTranslate)
	p.sum = sync.OnceValue(p.hash)
	return p, nil
}

func (p *Plan) hash() (sum [sha256.Size]byte) {
	h := sha256.New()
	p.writeCanonical(h)
	h.Sum(sum[:0])
	return sum
}

// SHA256 returns the plan's identity: the SHA-256 of its canonical form, in lower-case hexadecimal. Two plans with the
// same one give the same answer to every question. It is computed at the first call, in time linear in the ranges.
func (p *Plan) SHA256() string {
	if p.sum == nil {
		sum := p.hash()
		return hex.EncodeToString(sum[:])
	}
	sum := p.sum()
	return hex.EncodeToString(sum[:])
}

// Pools iterates over the pools of kind NAT44, in the order of the plan. Those of other kinds are Softwires.
func (p *Plan) Pools() iter.Seq[*Pool] {
	return func(yield func(*Pool) bool) {
		for _, pool := range p.pools {
			if !yield(pool) {
				return
			}
		}
	}
}

// Subscribers returns the number of subscribers of all pools of kind NAT44.
func (p *Plan) Subscribers() uint64 {
	var n uint64
	for _, pool := range p.pools {
		n += uint64(pool.inside.n)
	}
	return n
}

// AllSubscribers returns the number of subscribers of all pools, whatever their kind.
func (p *Plan) AllSubscribers() uint64 {
	var n uint64
	for pool := range p.AllPools() {
		n += pool.Subscribers()
	}
	return n
}

// A Pool is one pool of a plan: subscribers in order, outside addresses in order, and the scheme between them.
type Pool struct {
	name, realm string
	keyID       string
	inside      order
	place       placement

	soft *softwirePool // for every kind but NAT44, which has no inside order then
}

// Name returns the pool's name, unique in the plan.
func (p *Pool) Name() string { return p.name }

// Realm returns the realm of the pool's subscribers.
func (p *Pool) Realm() string { return p.realm }

// Scheme returns the scheme.
func (p *Pool) Scheme() Scheme { return p.place.scheme }

// Subscribers returns the number of inside addresses that have a share; of MAP and lw4o6, that of the routers, 2^32 at most.
func (p *Pool) Subscribers() uint64 {
	if p.soft != nil {
		return p.soft.count
	}
	return uint64(p.inside.n)
}

// Addresses returns the number of outside addresses that are not excluded.
func (p *Pool) Addresses() uint64 {
	if p.soft != nil {
		return p.soft.addresses
	}
	return uint64(p.place.outside.n)
}

// SharingRatio returns C, the number of shares on an outside address. At 1 the pool is 1:1. With Explicit it is that of the
// address that has most.
func (p *Pool) SharingRatio() int { return int(p.place.ratio) }

// Slots returns how many slots the pool has: Allocation.Slot is below it. It is SharingRatio, but with Explicit the number of
// different port sets among the shares.
func (p *Pool) Slots() int {
	if p.place.list != nil {
		return p.place.list.slots()
	}
	return int(p.place.ratio)
}

// PortsPerSubscriber returns S, the number of ports in a share. Where reserved ports cut into PSID sets unevenly, and with
// Explicit, it is the number of ports in the smallest.
func (p *Pool) PortsPerSubscriber() int { return int(p.place.size) }

// Capacity returns the number of shares, SharingRatio times Addresses. It is at least Subscribers, and with Explicit the same.
func (p *Pool) Capacity() uint64 {
	if p.soft != nil {
		return p.soft.count
	}
	return p.place.capacity()
}

// Usable returns L, the ports of an outside address that are not reserved. Without a kind of NAT44, where each rule or binding
// says by itself, it is not valid.
func (p *Pool) Usable() portset.Set { return p.place.usable }

// TailPorts returns how many usable ports of each outside address the scheme leaves to nobody; with Explicit, where addresses
// differ, of the one where it is most. It is 0 where ports are set aside for dynamic blocks, because then they take the rest.
func (p *Pool) TailPorts() int {
	if p.place.dynamic || p.soft != nil {
		return 0
	}
	return p.place.usable.Len() - p.place.sharePorts()
}

// DynamicPorts returns how many ports of each outside address are set aside for dynamic blocks.
func (p *Pool) DynamicPorts() int {
	if !p.place.dynamic {
		return 0
	}
	return p.place.usable.Len() - p.place.sharePorts()
}

// Layout returns the PSID layout; ok is false for every scheme but PSID.
func (p *Pool) Layout() (l portset.Layout, ok bool) {
	if p.place.psids == nil {
		return portset.Layout{}, false
	}
	return p.place.psids.layout, true
}

// StepSize returns T, the number of interleaved owners, for scheme Step, and 0 for every other.
func (p *Pool) StepSize() int {
	if p.place.scheme != Step {
		return 0
	}
	return int(p.place.step)
}

// KeyID returns the ID of the key, for scheme Random, and "" for every other.
func (p *Pool) KeyID() string { return p.keyID }

// InsideRanges iterates over the subscribers' addresses in order, as ranges. Excluded addresses are left out. It yields nothing
// unless the pool is of kind NAT44.
func (p *Pool) InsideRanges() iter.Seq[AddrRange] { return p.inside.ranges() }

// OutsideRanges iterates over the outside addresses in order, as ranges. Excluded addresses are left out.
func (p *Pool) OutsideRanges() iter.Seq[AddrRange] {
	if p.soft != nil {
		return rangesOf(p.soft.outside)
	}
	return p.place.outside.ranges()
}

func (o *order) ranges() iter.Seq[AddrRange] { return rangesOf(o.spans) }

func rangesOf(spans []span) iter.Seq[AddrRange] {
	return func(yield func(AddrRange) bool) {
		for _, s := range spans {
			if !yield(addrRangeOf(s)) {
				return
			}
		}
	}
}

// IndexBytes returns the memory that the pool's address indexes hold, in bytes, and its list of shares with Explicit: 14 bytes a
// share of one range beside the indexes, 8 and 6 a range for others, and what the different port sets take. Pools that
// interleave share an index of which stretch belongs to whom, 12 bytes a stretch, that is not counted.
func (p *Pool) IndexBytes() int {
	n := p.inside.indexBytes() + p.place.outside.indexBytes()
	if p.place.list != nil {
		n += p.place.list.bytes()
	}
	return n
}
