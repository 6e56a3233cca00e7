package provision

import (
	"net/netip"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

// A claim is an IPv6 prefix that holds subscribers of a pool.
type claim struct {
	prefix netip.Prefix
	pool   *alloc.Pool
}

// prefixesOf returns the prefixes of rules and bindings, in the order of the plan.
func prefixesOf(pools []*alloc.Pool) []claim {
	var claims []claim
	for _, p := range pools {
		if t := p.Bindings(); t != nil {
			for b := range t.All() {
				claims = append(claims, claim{b.Prefix(), p})
			}
			continue
		}
		for i := range p.Domain().Len() {
			claims = append(claims, claim{p.Domain().Rule(i).IPv6(), p})
		}
	}
	return claims
}

// nested returns a claim that lies in another, the outer one first; ok is false if there is none. Within a realm only rules of one pool lie in
// one another, but what has one table for all pools knows no realms. It sorts claims; O(n log n).
func nested(claims []claim) (outer, inner claim, ok bool) {
	slices.SortStableFunc(claims, func(a, b claim) int { return a.prefix.Compare(b.prefix) })
	for i := 1; i < len(claims); i++ {
		// Whatever lies between an outer prefix and one in it lies in the outer one, too.
		if claims[i-1].prefix.Overlaps(claims[i].prefix) {
			return claims[i-1], claims[i], true
		}
	}
	return claim{}, claim{}, false
}

// givesPrefixes reports whether routers get IPv4 prefixes by a rule, and not one address.
func givesPrefixes(r *softwire.Rule) bool { return r.EALen() < 32-r.IPv4().Bits() }
