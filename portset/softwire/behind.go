package softwire

import (
	"cmp"
	"net/netip"
	"slices"
	"sort"
)

// sortB4 fills by6: the places of the bindings in byB4, by the address of the B4.
func (t *Bindings) sortB4() {
	t.by6 = slices.Clone(t.order)
	slots := t.byB4.slots
	slices.SortFunc(t.by6, func(a, b uint32) int { return slots[a].b4.compare(slots[b].b4) })
}

// Behind returns the binding in whose prefix an address lies; for a B4 that has an address only, that address. The error is
// ErrNoRule. Where Nested finds something, it may be any of those that hold the address, or ErrNoRule. O(log n), no allocation.
func (t *Bindings) Behind(ipv6 netip.Addr) (Binding, error) {
	if !ipv6.Is6() {
		return Binding{}, ErrNoRule
	}
	a := from6(ipv6)
	i := sort.Search(len(t.by6), func(i int) bool { return t.byB4.slots[t.by6[i]].b4.compare(a) > 0 })
	// Prefixes are disjoint, and a B4's address lies in its own: the prefix that holds a belongs to a neighbour of a.
	for _, n := range [2]int{i - 1, i} {
		if n < 0 || n == len(t.by6) {
			continue
		}
		if b := &t.byB4.slots[t.by6[n]]; b.holds(a) {
			return *b, nil
		}
	}
	return Binding{}, ErrNoRule
}

// Nested returns two bindings of which one's prefix holds the other's; found is false where there are none. A binding table may
// have such, but there an address may be behind two B4s. O(n).
func (t *Bindings) Nested() (a, b Binding, found bool) {
	for i := 1; i < len(t.by6); i++ {
		// What lies between two B4s in a prefix lies in it, too: neighbours are enough.
		a, b = t.byB4.slots[t.by6[i-1]], t.byB4.slots[t.by6[i]]
		if a.holds(b.b4) || b.holds(a.b4) {
			return a, b, true
		}
	}
	return Binding{}, Binding{}, false
}

// holds reports whether an address lies in the prefix of b.
func (b *Binding) holds(a bits128) bool {
	m := mask128(int(b.bits))
	return a.and(m) == b.b4.and(m)
}

func (b bits128) compare(c bits128) int {
	return cmp.Or(cmp.Compare(b.hi, c.hi), cmp.Compare(b.lo, c.lo))
}
