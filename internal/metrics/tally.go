package metrics

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/alarm"
)

// MaxTop is how many subscribers a list of those who use most may have.
const MaxTop = 100

// A Use is what one subscriber uses.
type Use struct {
	Share    alloc.Allocation
	Ports    Protocols // ports of the share that some mapping has
	Mappings Protocols
	Sessions Protocols // 0 where the backend does not know them
}

// A Usage is what all subscribers use.
type Usage struct {
	Plan        *alloc.Plan   // that it was read with
	Taken       time.Time     // when reading it began
	Took        time.Duration // to read it
	Pools       []PoolUsage   // in the order of the plan that it was read with
	HasSessions bool          // the backend knows sessions
	Top         []TopUse      // who use most, most first; nobody unless asked for

	most [3][]Use // by Order
	each *index
}

// A PoolUsage is what the subscribers of a pool use.
type PoolUsage struct {
	Name                      string
	Ports, Mappings, Sessions Protocols
	// Subscribers and Addresses count how many use how many ports of the protocol that they use most. Who uses none is counted, too.
	Subscribers, Addresses Histogram
}

// A TopUse is a subscriber that uses many ports.
type TopUse struct {
	Pool       string
	Subscriber alloc.Subscriber
	Ports      uint64 // of the protocol that it uses most
}

// A Tally adds up one look at the live state. It keeps 40 bytes or so for every outside address in use, and nothing for subscribers.
type Tally struct {
	plan      *alloc.Plan
	topN      int
	pools     map[*alloc.Pool]*PoolUsage
	active    map[*alloc.Pool]uint64 // subscribers
	addresses map[netip.Addr]*address
	top       []TopUse // sorted, most first
	rankings  [3]ranking
	each      *index // nil unless asked for
}

// An address is an outside address that somebody uses.
type address struct {
	pool  *alloc.Pool
	ports Protocols
}

// NewTally returns an empty Tally for a plan that lists the topN subscribers who use most, at most MaxTop.
func NewTally(plan *alloc.Plan, topN int) *Tally {
	t := &Tally{
		plan: plan, topN: min(max(topN, 0), MaxTop), pools: map[*alloc.Pool]*PoolUsage{}, active: map[*alloc.Pool]uint64{},
		addresses: map[netip.Addr]*address{},
	}
	for p := range plan.Pools() {
		t.pools[p] = &PoolUsage{Name: p.Name(), Subscribers: newHistogram(subscriberBounds), Addresses: newHistogram(addressBounds)}
	}
	return t
}

// Add adds what a subscriber uses, and tells a round of alarms. Each subscriber is added once at most; who uses nothing may be
// left out. A share that is not of the Tally's plan is ignored. round may be nil.
func (t *Tally) Add(u Use, round *alarm.Round) {
	p := u.Share.Pool()
	pool := t.pools[p]
	if pool == nil {
		return
	}
	pool.Ports, pool.Mappings, pool.Sessions = pool.Ports.plus(u.Ports), pool.Mappings.plus(u.Mappings), pool.Sessions.plus(u.Sessions)
	for i := range t.rankings {
		t.rankings[i].add(u)
	}
	t.each.add(u)
	used := u.Ports.Max()
	pool.Subscribers.add(used, 1)
	t.active[p]++
	a := t.addresses[u.Share.Outside()]
	if a == nil {
		a = &address{pool: p}
		t.addresses[u.Share.Outside()] = a
	}
	a.ports = a.ports.plus(u.Ports)
	if used == 0 {
		return
	}
	t.rank(TopUse{Pool: pool.Name, Subscriber: u.Share.Subscriber(), Ports: used})
	if round != nil {
		s := u.Share.Subscriber()
		round.Observe(alarm.Observation{
			Key: alarm.SubscriberKey(pool.Name, p.Realm(), s.Addr()), Used: used, Size: uint64(u.Share.Ports().Len()),
		})
	}
}

// rank keeps the topN.
func (t *Tally) rank(u TopUse) {
	if t.topN == 0 || len(t.top) == t.topN && t.top[t.topN-1].compare(u) <= 0 {
		return
	}
	i, _ := slices.BinarySearchFunc(t.top, u, TopUse.compare)
	t.top = slices.Insert(t.top, i, u)
	t.top = t.top[:min(len(t.top), t.topN)]
}

// compare puts who uses more first, and then goes by pool and address, so that the order does not depend on that of the kernel.
func (u TopUse) compare(o TopUse) int {
	return cmp.Or(cmp.Compare(o.Ports, u.Ports), cmp.Compare(u.Pool, o.Pool), u.Subscriber.Addr().Compare(o.Subscriber.Addr()))
}

// Usage finishes the Tally: it adds who uses nothing, tells a round of alarms about addresses and pools, and returns the result.
// pools are those of PoolsOf for the plan. The Tally is not to be used afterwards.
func (t *Tally) Usage(pools []Pool, round *alarm.Round) *Usage {
	out := &Usage{Plan: t.plan, Top: t.top, each: t.each.sorted()}
	for i, r := range t.rankings {
		out.most[i] = r.uses
	}
	inUse := map[*alloc.Pool]uint64{}
	for outside, a := range t.addresses {
		pool, used := t.pools[a.pool], a.ports.Max()
		pool.Addresses.add(used, 1)
		inUse[a.pool]++
		if round != nil && used > 0 {
			round.Observe(alarm.Observation{Key: alarm.AddressKey(pool.Name, outside), Used: used, Size: uint64(a.pool.Usable().Len())})
		}
	}
	i := 0
	for p := range t.plan.Pools() {
		pool := t.pools[p]
		pool.Subscribers.add(0, p.Subscribers()-min(t.active[p], p.Subscribers()))
		pool.Addresses.add(0, p.Addresses()-min(inUse[p], p.Addresses()))
		if round != nil && i < len(pools) {
			round.Observe(alarm.Observation{Key: alarm.PoolKey(pool.Name), Used: pool.Ports.Max(), Size: pools[i].OwnedPorts})
		}
		out.Pools = append(out.Pools, *pool)
		i++
	}
	return out
}
