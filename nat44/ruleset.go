package nat44

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cgnkit/cgnkit/alloc"
)

// ErrInexpressible says that plain nftables cannot do what a plan asks for.
var ErrInexpressible = errors.New("nftables cannot express this plan")

// A Ruleset describes what one instance has in the kernel. It is immutable. Its memory grows with the pools' slots (the sharing
// ratio, or the different port sets of a list of shares) and address ranges, not with the subscribers.
type Ruleset struct {
	plan     *alloc.Plan
	instance Instance
	realms   []string
	maps     []*shareMap
	inside   []alloc.AddrRange // merged, ascending
	outside  []alloc.AddrRange // merged, ascending
	exempt   []alloc.AddrRange // merged, ascending: never translated, whatever the port
	services []alloc.Destination
	timers   []timeout
	warnings []string
	partial  bool // only some of its maps, for comparing; see only
}

// NewRuleset returns the ruleset of a plan. The error wraps ErrInexpressible and names the pool and the reason.
func NewRuleset(plan *alloc.Plan, instance Instance) (*Ruleset, error) {
	if instance == (Instance{}) {
		return nil, fmt.Errorf("%w: it is empty", ErrInstance)
	}
	rs := &Ruleset{plan: plan, instance: instance, realms: plan.Realms(), timers: timeouts()}
	for pool := range plan.Pools() {
		rs.inside = slices.AppendSeq(rs.inside, pool.InsideRanges())
		rs.outside = slices.AppendSeq(rs.outside, pool.OutsideRanges())
		if err := rs.addPool(pool); err != nil {
			return nil, err
		}
	}
	if len(rs.maps) == 0 {
		return nil, fmt.Errorf("%w: it has no subscribers of NAT44", ErrInexpressible)
	}
	for _, d := range plan.NoTranslate() {
		if _, ok := d.Ports(); ok {
			rs.services = append(rs.services, d)
		} else {
			rs.exempt = append(rs.exempt, d.Addrs())
		}
	}
	if a, b, found := overlap(rs.inside); found {
		return nil, fmt.Errorf("%w: inside %v and %v overlap in different realms, and one kernel table tells subscribers apart "+
			"by address alone; give each realm a plan, an instance and a network namespace of its own", ErrInexpressible, a, b)
	}
	rs.inside, rs.outside, rs.exempt = merge(rs.inside), merge(rs.outside), merge(rs.exempt)
	if o, i, found := crossing(rs.outside, rs.inside); found {
		return nil, fmt.Errorf("%w: %v is outside in one realm and inside in another (%v), and the kernel would take what is translated "+
			"for something that is not; give each realm a plan and a network namespace of its own", ErrInexpressible, o, i)
	}
	slices.SortFunc(rs.maps, func(a, b *shareMap) int { return a.order() - b.order() })
	return rs, nil
}

// Plan returns the plan that rs was made from.
func (rs *Ruleset) Plan() *alloc.Plan { return rs.plan }

// Instance returns whose ruleset it is.
func (rs *Ruleset) Instance() Instance { return rs.instance }

// Warnings returns what works, but worse than the plan may lead one to hope: sentences for people.
func (rs *Ruleset) Warnings() []string { return slices.Clone(rs.warnings) }

// Elements returns the number of map elements, at least one a subscriber.
func (rs *Ruleset) Elements() uint64 {
	n := uint64(0)
	for _, m := range rs.maps {
		n += m.elements
	}
	return n
}

// addPool puts the shares of a pool into maps, by the shape of their port sets.
func (rs *Ruleset) addPool(pool *alloc.Pool) error {
	if pool.Scheme() == alloc.Random {
		return fmt.Errorf("%w: pool %q: scheme random scatters the ports of every share one by one, otherwise on each address; "+
			"use scheme sequential, or psid with an offset of at most 8", ErrInexpressible, pool.Name())
	}
	ranges, shortest := 1, 1<<16
	for number, s := range slotsOf(pool) {
		ports := s.ports
		n := ports.RangeCount()
		if n > MaxRanges {
			return fmt.Errorf("%w: pool %q: scheme %v gives a share of %d ranges (%s…), and more than %d are no use here: each is a "+
				"map element for every subscriber, and a flow that finds its range full is dropped though others are free; "+
				"use scheme sequential, or psid with an offset of at most 8", ErrInexpressible, pool.Name(), pool.Scheme(), n, start(ports.String()), MaxRanges)
		}
		if n == 1 {
			if ports.Len() == 1 {
				shortest = 1
			}
			rs.mapOf(contiguous, 1).add(pool, number, s)
			continue
		}
		ranges = max(ranges, n)
		for r := range ports.Ranges() {
			shortest = min(shortest, r.Len())
		}
		rs.mapOf(ranged, buckets(ports)).add(pool, number, s)
	}
	if n := countAlone(pool); n > 0 {
		rs.mapOf(whole, 1).addWhole(pool, n)
	}
	if shortest == 1 {
		rs.warnings = append(rs.warnings, fmt.Sprintf("pool %q: some ranges have one port, which nft list prints in a way that nft -f does not take "+
			"again; restore them with cgnctl, not from a saved listing", pool.Name()))
	}
	if ranges > 1 && shortest < 64 {
		rs.warnings = append(rs.warnings, fmt.Sprintf("pool %q: shares have up to %d ranges, some of only %d ports: a new flow is dropped "+
			"when the range that its endpoint hashes to is full, though others may be free", pool.Name(), ranges, shortest))
	}
	return nil
}

func start(s string) string { return s[:min(len(s), 40)] }

// mapOf returns the map for a shape, new where it is the first of it.
func (rs *Ruleset) mapOf(kind mapKind, buckets int) *shareMap {
	for _, m := range rs.maps {
		if m.kind == kind && m.buckets == buckets {
			return m
		}
	}
	m := &shareMap{kind: kind, buckets: buckets}
	rs.maps = append(rs.maps, m)
	return m
}

// overlap finds two ranges that share an address.
func overlap(ranges []alloc.AddrRange) (a, b alloc.AddrRange, found bool) {
	sorted := slices.SortedFunc(slices.Values(ranges), byFirst)
	for i := 1; i < len(sorted); i++ {
		if sorted[i].First().Compare(sorted[i-1].Last()) <= 0 {
			return sorted[i-1], sorted[i], true
		}
	}
	return a, b, false
}

// crossing finds a range of x and one of y that share an address. Both are merged.
func crossing(x, y []alloc.AddrRange) (a, b alloc.AddrRange, found bool) {
	for i, j := 0, 0; i < len(x) && j < len(y); {
		switch {
		case x[i].Last().Less(y[j].First()):
			i++
		case y[j].Last().Less(x[i].First()):
			j++
		default:
			return x[i], y[j], true
		}
	}
	return a, b, false
}

// merge sorts ranges and joins neighbours, because the kernel's interval sets take no overlap and few elements are fast ones.
func merge(ranges []alloc.AddrRange) []alloc.AddrRange {
	sorted := slices.SortedFunc(slices.Values(ranges), byFirst)
	out := sorted[:0]
	for _, r := range sorted {
		if n := len(out); n > 0 && (r.First().Compare(out[n-1].Last()) <= 0 || r.First() == out[n-1].Last().Next()) {
			last := out[n-1].Last()
			if last.Less(r.Last()) {
				last = r.Last()
			}
			joined, err := alloc.AddrRangeFrom(out[n-1].First(), last)
			if err != nil {
				panic(err) // both ends are addresses of a plan
			}
			out[n-1] = joined
			continue
		}
		out = append(out, r)
	}
	return slices.Clip(out)
}

func byFirst(a, b alloc.AddrRange) int { return a.First().Compare(b.First()) }

// describePool says in one line what a pool is.
func describePool(p *alloc.Pool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "pool %s: %d subscribers on %d addresses, 1:%d, scheme %v, %d ports each",
		p.Name(), p.Subscribers(), p.Addresses(), p.SharingRatio(), p.Scheme(), p.PortsPerSubscriber())
	return b.String()
}
