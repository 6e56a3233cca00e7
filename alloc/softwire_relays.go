package alloc

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/cgnkit/cgnkit/portset/softwire"
)

// A prefixClaim is an IPv6 prefix of a pool, that of subscribers or of the border relay, by the pool's number.
type prefixClaim struct {
	prefix netip.Prefix
	k      int
}

// prefixClaims returns the prefixes of all pools, by realm, address and length.
func prefixClaims(pools []*Pool) []prefixClaim {
	var claims []prefixClaim
	for k, pool := range pools {
		for p := range pool.soft.prefixes() {
			claims = append(claims, prefixClaim{p, k})
		}
	}
	slices.SortFunc(claims, inOrder(pools))
	return claims
}

// inOrder compares claims by realm, address and length, so that a prefix stands before those that lie in it.
func inOrder(pools []*Pool) func(a, b prefixClaim) int {
	return func(a, b prefixClaim) int {
		return cmp.Or(cmp.Compare(pools[a.k].realm, pools[b.k].realm), a.prefix.Addr().Compare(b.prefix.Addr()), a.prefix.Bits()-b.prefix.Bits(), a.k-b.k)
	}
}

// relays finds border relays and DMRs that lie in the prefix of a subscriber of another pool of the realm, or hold one: the
// route to them would draw the subscriber's packets away, and what comes from them would look as if it came from the subscriber.
// Those of the pool itself were found before. claims are in the order of prefixClaims.
func (c *checker) relays(pools []*Pool, numbers []int, claims []prefixClaim) {
	for k, pool := range pools {
		field, at := pool.soft.drawn()
		other, prefix, ok := meets(at, k, pools, claims)
		if !ok {
			continue
		}
		c.addToSoftwire(numbers[k], Finding{Err: fmt.Errorf("%w: %w", ErrSoftwire, softwire.ErrRelay), Path: field,
			Msg:  fmt.Sprintf("%s: %s %s %v, a subscriber's prefix in pool %q", field, textOf(at), lies(at, prefix), prefix, other.name),
			Hint: "use an address outside all end-user prefixes, or leave its prefix out of the rule"})
	}
}

// meets returns a pool beside the k-th of the same realm with a subscriber's prefix that has an address in common with at.
func meets(at netip.Prefix, k int, pools []*Pool, claims []prefixClaim) (*Pool, netip.Prefix, bool) {
	realm := pools[k].realm
	for i, pool := range pools {
		if i == k || pool.realm != realm {
			continue
		}
		if a, ok := pool.behind(at.Addr()); ok {
			return pool, a.softPrefix(), true
		}
	}
	// Whoever is not behind the first address of at begins behind it.
	i, _ := slices.BinarySearchFunc(claims, at, func(c prefixClaim, at netip.Prefix) int {
		return cmp.Or(cmp.Compare(pools[c.k].realm, realm), c.prefix.Addr().Compare(at.Addr()))
	})
	for ; i < len(claims) && pools[claims[i].k].realm == realm && at.Contains(claims[i].prefix.Addr()); i++ {
		if other := pools[claims[i].k]; claims[i].k != k {
			a, _ := other.behind(claims[i].prefix.Addr()) // whoever is the first in it
			return other, a.softPrefix(), true
		}
	}
	return nil, netip.Prefix{}, false
}

// relaysOfTwo finds border relays and DMRs that lie in the DMR of another pool of the realm: a packet of MAP-T whose destination is
// embedded as such an address would end at the wrong border relay. Pools may have the same, and a relay may have an address there that
// stands for no destination. Each pool has one finding at most; it is at the later of the two.
func (c *checker) relaysOfTwo(pools []*Pool, numbers []int) {
	claims := make([]prefixClaim, len(pools))
	for k, pool := range pools {
		_, at := pool.soft.drawn()
		claims[k] = prefixClaim{at, k}
	}
	slices.SortFunc(claims, inOrder(pools))
	told := make([]bool, len(pools))
	for i, outer := 1, 0; i < len(claims); i++ {
		a, b := claims[outer], claims[i]
		if pools[a.k].realm != pools[b.k].realm || !a.prefix.Contains(b.prefix.Addr()) {
			outer = i // as with end-user prefixes
			continue
		}
		if a.prefix == b.prefix || pools[a.k].soft.spares(b.prefix) {
			continue
		}
		if a.k > b.k {
			a, b = b, a
		}
		if told[b.k] {
			continue
		}
		told[b.k] = true
		field, _ := pools[b.k].soft.drawn()
		other := "border relay"
		if _, ok := pools[a.k].soft.dmr(); ok {
			other = "DMR"
		}
		c.addToSoftwire(numbers[b.k], Finding{Err: fmt.Errorf("%w: %w", ErrSoftwire, softwire.ErrRelay), Path: field,
			Msg:  fmt.Sprintf("%s: %s %s %s, the %s of pool %q", field, textOf(b.prefix), lies(b.prefix, a.prefix), textOf(a.prefix), other, pools[a.k].name),
			Hint: "in a DMR every address stands for an IPv4 destination: take relays and other DMRs from outside it, or give the pools the same DMR"})
	}
}

// spares reports whether a prefix is an address that no IPv4 destination is embedded as, such as that of a border relay behind zeros.
func (p *softwirePool) spares(at netip.Prefix) bool {
	if p.domain == nil || !at.IsSingleIP() {
		return false
	}
	dmr, _ := p.domain.DMR()
	ipv4, ok := dmr.Extract(at.Addr())
	if !ok {
		return true
	}
	as, err := dmr.Embed(ipv4)
	return err != nil || as != at.Addr()
}

// drawn returns the prefix whose route leads to the border relay, and the field that says it.
func (p *softwirePool) drawn() (field string, at netip.Prefix) {
	if dmr, ok := p.dmr(); ok {
		return "dmr", dmr
	}
	return "relay", netip.PrefixFrom(p.relay, 128)
}

// dmr returns the default mapping rule; ok is false where the pool has none.
func (p *softwirePool) dmr() (netip.Prefix, bool) {
	if p.domain == nil {
		return netip.Prefix{}, false
	}
	dmr, ok := p.domain.DMR()
	return dmr.Prefix(), ok
}

// textOf returns a prefix as text, and that of one address without its length.
func textOf(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// lies says how two prefixes that overlap do.
func lies(p, q netip.Prefix) string {
	if p.Bits() < q.Bits() {
		return "holds"
	}
	return "lies in"
}
