package live

import (
	"net/netip"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/metrics"
)

// A counter adds up sessions by subscriber. Several sessions of a subscriber may have one outside port, to different remote
// endpoints: the port is in use once. Ports are kept as bits, 512 in a chunk, because shares lie together.
type counter struct {
	plan   *alloc.Plan
	realms []string
	uses   map[netip.Addr]*metrics.Use
	chunks map[uint64]*[8]uint64 // by outside address, protocol and port / 512
}

func newCounter(plan *alloc.Plan) *counter {
	return &counter{plan: plan, realms: plan.Realms(), uses: map[netip.Addr]*metrics.Use{}, chunks: map[uint64]*[8]uint64{}}
}

// add counts a session, unless it is none of the plan's.
func (c *counter) add(p alloc.Protocol, inside netip.Addr, outside netip.AddrPort) {
	u := c.use(inside)
	if u == nil || u.Share.Outside() != outside.Addr() || !u.Share.Ports().Contains(outside.Port()) {
		return
	}
	ports, sessions := field(&u.Ports, p), field(&u.Sessions, p)
	if ports == nil {
		return
	}
	*sessions++
	if c.fresh(p, outside) {
		*ports++
	}
}

// use returns what is known of a subscriber; nil for who is none. nftables has each inside address in one realm only.
func (c *counter) use(inside netip.Addr) *metrics.Use {
	if u, ok := c.uses[inside]; ok {
		return u
	}
	for _, realm := range c.realms {
		if a, err := c.plan.Lookup(alloc.SubscriberFrom(realm, inside)); err == nil {
			u := &metrics.Use{Share: a}
			c.uses[inside] = u
			return u
		}
	}
	return nil
}

// fresh notes a port and reports whether it was not known to be in use.
func (c *counter) fresh(p alloc.Protocol, outside netip.AddrPort) bool {
	a := outside.Addr().As4()
	port := outside.Port()
	key := uint64(a[0])<<56 | uint64(a[1])<<48 | uint64(a[2])<<40 | uint64(a[3])<<32 | uint64(p)<<8 | uint64(port>>9)
	chunk := c.chunks[key]
	if chunk == nil {
		chunk = new([8]uint64)
		c.chunks[key] = chunk
	}
	word, bit := port>>6&7, uint64(1)<<(port&63)
	if chunk[word]&bit != 0 {
		return false
	}
	chunk[word] |= bit
	return true
}

// field returns the number of a protocol, or nil for one without ports.
func field(of *metrics.Protocols, p alloc.Protocol) *uint64 {
	switch p {
	case alloc.TCP:
		return &of.TCP
	case alloc.UDP:
		return &of.UDP
	case icmp:
		return &of.ICMP
	}
	return nil
}

const icmp alloc.Protocol = 1
