package softwire

import (
	"cmp"
	"math/bits"
	"slices"
)

// A stretch is a run of addresses, both ends included, of which one rule has the longest rule6. It begins and ends where
// end-user prefixes of the rule do.
type stretch struct {
	first, last bits128
	rule        *Rule
}

// stretches returns the stretches of all rules, ascending. A rule has none where longer ones take all of it away. O(n log n).
func (d *Domain) stretches() []stretch {
	order := make([]*Rule, len(d.rules))
	for i := range order {
		order[i] = &d.rules[i]
	}
	slices.SortFunc(order, func(a, b *Rule) int {
		return cmp.Or(a.base6.compare(b.base6), a.spec.IPv6.Bits()-b.spec.IPv6.Bits())
	})
	list := make([]stretch, 0, len(order))
	var open []*Rule // those that hold the place that the sweep has reached
	var next bits128 // the first address that is in no stretch yet
	upTo := func(last bits128) {
		if next.compare(last) <= 0 {
			list = append(list, stretch{next, last, open[len(open)-1]})
		}
	}
	closeBefore := func(a bits128) {
		for len(open) > 0 && open[len(open)-1].last6().compare(a) < 0 {
			last := open[len(open)-1].last6()
			upTo(last)
			open, next = open[:len(open)-1], last.add(1)
		}
	}
	for _, r := range order {
		closeBefore(r.base6)
		if len(open) > 0 && r.base6.compare(open[len(open)-1].base6) > 0 {
			upTo(r.base6.add(^uint64(0)))
		}
		open, next = append(open, r), r.base6
	}
	for len(open) > 0 {
		last := open[len(open)-1].last6()
		upTo(last)
		open, next = open[:len(open)-1], last.add(1)
		if next == (bits128{}) { // those around it end here, too
			break
		}
	}
	return list
}

// last6 returns the last address of rule6.
func (r *Rule) last6() bits128 {
	m := mask128(r.spec.IPv6.Bits())
	return bits128{r.base6.hi | ^m.hi, r.base6.lo | ^m.lo}
}

// A run is consecutive CEs of a rule, by EA bits.
type run struct {
	rule        *Rule
	first, last uint64
}

// runs returns the CEs of the domain, by rule, then by EA bits. O(n log n) where rules nest, else O(n).
func (d *Domain) runs() []run {
	runs := make([]run, 0, len(d.rules))
	if !slices.ContainsFunc(d.rules, func(r Rule) bool { return r.shadowed }) {
		for i := range d.rules {
			runs = append(runs, run{&d.rules[i], 0, uint64(d.rules[i].Len()) - 1})
		}
		return runs
	}
	for _, s := range d.stretches() {
		runs = append(runs, runOf(s.rule, s.first, s.last))
	}
	slices.SortFunc(runs, byRule)
	return runs
}

func runOf(r *Rule, first, last bits128) run {
	return run{r, first.field(r.end, r.spec.EALen), last.field(r.end, r.spec.EALen)}
}

func byRule(a, b run) int {
	return cmp.Or(cmp.Compare(a.rule.number, b.rule.number), cmp.Compare(a.first, b.first))
}

// add returns b + n, where n is a signed number, modulo 2^128.
func (b bits128) add(n uint64) bits128 {
	lo, carry := bits.Add64(b.lo, n, 0)
	return bits128{b.hi + uint64(int64(n)>>63) + carry, lo}
}
