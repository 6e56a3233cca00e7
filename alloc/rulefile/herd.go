package rulefile

import (
	"cmp"
	"slices"
)

// A herd is a stretch of inside addresses whose shares are for the same protocols: what becomes of packets is asked for all of them at once.
type herd struct {
	span
	given protoMask
	entry uint32 // of the first address
}

// herds returns entries of subscribers as herds, ascending.
func (c *collector) herds(entries []uint32) []herd {
	sorted := slices.Clone(entries)
	slices.SortFunc(sorted, func(a, b uint32) int { return cmp.Compare(c.entries[a].inside, c.entries[b].inside) })
	var out []herd
	for _, n := range sorted {
		e := &c.entries[n]
		given := e.given()
		if i := len(out) - 1; i >= 0 && out[i].given == given && out[i].last+1 == e.inside {
			out[i].last = e.inside
			continue
		}
		out = append(out, herd{span{e.inside, e.inside}, given, n})
	}
	return out
}

// among calls yield for the parts of a segment that herds have, with how many addresses those are.
func (g segment) among(herds []herd, yield func(h *herd, n uint64)) (met int) {
	at, _ := slices.BinarySearchFunc(herds, g.first, func(h herd, a uint32) int { return cmp.Compare(h.last, a) })
	for ; at < len(herds) && herds[at].first <= g.last; at++ {
		h := &herds[at]
		yield(h, uint64(min(h.last, g.last))-uint64(max(h.first, g.first))+1)
		met++
	}
	return met
}

// over returns the protocols for which a flow has all of a stretch; ok is false where that is not the same for all of it.
func (f *flow) over(s span) (mask protoMask, ok bool) {
	next, met := uint64(s.first), 0
	for b := f.find(s.first); b < len(f.blocks) && f.blocks[b][0].first <= s.last; b++ {
		lo, hi := within(f.blocks[b], s)
		for _, g := range f.blocks[b][lo:hi] {
			if uint64(g.first) > next || met > 0 && g.mask != mask {
				return 0, false
			}
			mask, next = g.mask, uint64(g.last)+1
			met++
		}
	}
	return mask, met == 0 || next > uint64(s.last)
}
