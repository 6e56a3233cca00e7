package publish

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
)

// A block is an inclusive range of outside addresses that one pool has.
type block struct {
	first, last uint32
	pool        *alloc.Pool
}

// blocks returns the outside addresses of a plan in ascending order. No two overlap: plans see to that.
func blocks(p *alloc.Plan) []block {
	var all []block
	for pool := range p.AllPools() {
		for r := range pool.OutsideRanges() {
			all = append(all, block{u32(r.First()), u32(r.Last()), pool})
		}
	}
	slices.SortFunc(all, func(a, b block) int { return cmp.Compare(a.first, b.first) })
	joined := all[:0]
	for _, b := range all {
		if n := len(joined); n > 0 && joined[n-1].pool == b.pool && joined[n-1].last+1 == b.first {
			joined[n-1].last = b.last
			continue
		}
		joined = append(joined, b)
	}
	return joined
}

// prefixes calls do for each prefix of each block, until it returns an error.
func prefixes(p *alloc.Plan, do func(netip.Prefix, *alloc.Pool) error) error {
	for _, b := range blocks(p) {
		r, err := alloc.AddrRangeFrom(addr4(b.first), addr4(b.last))
		if err != nil {
			return err
		}
		for prefix := range r.Prefixes() {
			if err := do(prefix, b.pool); err != nil {
				return err
			}
		}
	}
	return nil
}

func u32(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func addr4(a uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)})
}
