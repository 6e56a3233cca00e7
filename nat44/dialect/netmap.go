package dialect

import (
	"cmp"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
)

// A netmap finds the prefixes of subscribers for which one rule "replace the prefix, keep the host bits, use these ports"
// gives exactly the shares of the plan.
//
// With scheme Stripe, consecutive positions are on consecutive outside addresses in the order of the plan, as long as they
// are in one slot; with sharing ratio 1 every scheme but Explicit is like that. So a prefix of inside addresses can be one rule when
//
//   - it lies in one inside range, so that its addresses have consecutive positions,
//   - its outside addresses lie in one outside range and start at a multiple of its size, so that host bits are kept.
//
// All its subscribers are in one slot then: an outside range has no address twice. And a slot has the same ports on every
// address, with every scheme but Random.
type netmap struct {
	in      *inside
	outside [][]span // by pool: its outside addresses, ascending; nil where a rule serves one subscriber
}

func newNetmap(in *inside) *netmap {
	m := &netmap{in: in}
	for _, pool := range in.pools {
		var spans []span
		if pool.Scheme() == alloc.Stripe || isWhole(pool) && pool.Scheme() != alloc.Random && pool.Scheme() != alloc.Explicit {
			spans = spansOf(pool.OutsideRanges(), 0)
			slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.first, b.first) })
		}
		m.outside = append(m.outside, spans)
	}
	return m
}

// grain returns the size, in bits, of the largest prefix of subscribers from a on that one rule serves.
func (m *netmap) grain(k int, a uint32) int {
	spans := m.outside[m.in.spans[k].pool]
	if spans == nil {
		return 0
	}
	o := u32(m.in.at(k, a).Outside())
	last := spans[from(spans, o)].last
	return sizeBits(o, uint64(last)-uint64(o)+1)
}
