package metrics

import "github.com/cgnkit/cgnkit/alloc"

// PoolsOf returns what a plan says of its pools, in its order. It takes some 50 ns a subscriber of pools with scheme PSID or
// Explicit, whose shares may differ in size, and nothing otherwise: make it once for a plan.
func PoolsOf(plan *alloc.Plan) []Pool {
	var out []Pool
	for p := range plan.Pools() {
		addresses := p.Addresses()
		pool := Pool{
			Name: p.Name(), Subscribers: p.Subscribers(), Capacity: p.Capacity(), Addresses: addresses, SharingRatio: p.SharingRatio(),
			OwnedPorts:   p.Subscribers() * uint64(p.PortsPerSubscriber()),
			DynamicPorts: addresses * uint64(p.DynamicPorts()),
			TailPorts:    addresses * uint64(p.TailPorts()),
		}
		if s := p.Scheme(); s == alloc.PSID || s == alloc.Explicit {
			pool.OwnedPorts = ownedPorts(p)
		}
		if p.Scheme() == alloc.Explicit { // whose addresses differ, and which has no shares without a subscriber
			pool.TailPorts = addresses*uint64(p.Usable().Len()) - pool.OwnedPorts
		}
		out = append(out, pool)
	}
	return out
}

// ownedPorts adds up the shares of all subscribers.
func ownedPorts(p *alloc.Pool) (n uint64) {
	for a := range p.All() {
		n += uint64(a.Ports().Len())
	}
	return n
}
