package softwire

import (
	"cmp"
	"iter"
	"math/bits"
	"slices"
)

// A Comparison is what two sets of domains have in common: the CEs of one set and those of the other that have the same end-user
// prefix. It is made of runs of CEs, so that its size and the time to make it follow from the rules, and not from how many CEs
// there are.
type Comparison struct {
	both, same uint64
	met        map[*Domain][]run // of newer domains: CEs whose prefix an older CE has
	kept       map[*Domain][]run // of older domains: CEs that have the same in both
}

// Compare compares the domains of two sets. Within a set, no rule6 of a domain may overlap one of another; else what is counted
// means nothing. O(n log n) for n rules in all.
func Compare(older, newer []*Domain) Comparison {
	c := Comparison{met: map[*Domain][]run{}, kept: map[*Domain][]run{}}
	a, b := stretchesOf(older), stretchesOf(newer)
	for i, j := 0, 0; i < len(a) && j < len(b); {
		c.meet(a[i], b[j])
		if a[i].last.compare(b[j].last) < 0 {
			i++
		} else {
			j++
		}
	}
	for _, lists := range []map[*Domain][]run{c.met, c.kept} {
		for _, list := range lists {
			slices.SortFunc(list, byRule)
		}
	}
	return c
}

// Both returns how many end-user prefixes CEs of both sets have, and how many of them have the same of IPv4: address or prefix, and
// ports.
func (c Comparison) Both() (n, same uint64) { return c.both, c.same }

// Older iterates over the CEs of one of the older domains, in the order of All, but for those that have the same of IPv4 in a newer
// domain. Among what remains some may have the same, too, where two rules write PSIDs differently: about as many as there are others.
func (c Comparison) Older(d *Domain) iter.Seq[CE] { return without(d.runs(), c.kept[d]) }

// Newer iterates over the CEs of one of the newer domains, in the order of All, whose end-user prefix is of no older CE.
func (c Comparison) Newer(d *Domain) iter.Seq[CE] { return without(d.runs(), c.met[d]) }

// without iterates over the CEs of runs that are in none of others, which lie in them. Both are in the order of byRule.
func without(runs, others []run) iter.Seq[CE] {
	return func(yield func(CE) bool) {
		k := 0
		for _, r := range runs {
			for ea := r.first; ea <= r.last; ea++ {
				if k < len(others) && others[k].rule == r.rule && others[k].first == ea {
					ea = others[k].last // at most 2^48, as all numbers here
					k++
					continue
				}
				if !yield(r.rule.ce(ea)) {
					return
				}
			}
		}
	}
}

// A domainStretch is a stretch of one of several domains.
type domainStretch struct {
	stretch
	domain *Domain
}

func stretchesOf(domains []*Domain) []domainStretch {
	var list []domainStretch
	for _, d := range domains {
		for _, s := range d.stretches() {
			list = append(list, domainStretch{s, d})
		}
	}
	slices.SortFunc(list, func(a, b domainStretch) int { return cmp.Or(a.first.compare(b.first), a.last.compare(b.last)) })
	return list
}

// meet counts the CEs of two stretches that have the same end-user prefixes. Rules whose prefixes differ in length have none in
// common; where they do not, no rule begins or ends inside one of them, and so neither do a and b.
func (c *Comparison) meet(a, b domainStretch) {
	first, last := a.first, a.last
	if first.compare(b.first) < 0 {
		first = b.first
	}
	if last.compare(b.last) > 0 {
		last = b.last
	}
	if first.compare(last) > 0 || a.rule.end != b.rule.end {
		return
	}
	o, n := runOf(a.rule, first, last), runOf(b.rule, first, last)
	c.both += o.last - o.first + 1
	c.met[b.domain] = append(c.met[b.domain], n)
	for part, same := range sameOf(o, n) {
		c.same += same
		if same == part.last-part.first+1 {
			c.kept[a.domain] = append(c.kept[a.domain], part)
		}
	}
}

// sameOf iterates over parts of o with how many of their CEs have the same address or prefix and ports as the CEs of n, which have
// the same end-user prefixes. What is in no part has others. There are some 100 parts at most.
func sameOf(o, n run) iter.Seq2[run, uint64] {
	return func(yield func(run, uint64) bool) {
		x, y := shapeOf(o.rule), shapeOf(n.rule)
		if x.bits != y.bits || x.offset != y.offset || x.length != y.length {
			return
		}
		if o.rule.psids == n.rule.psids { // EA bits mean the same in both
			if x.share(o.first) == y.share(n.first) {
				yield(o, o.last-o.first+1)
			}
			return
		}
		for at := o.first; at <= o.last; {
			free := blockAt(at, o.last)
			last := at + 1<<free - 1
			if !yield(run{o.rule, at, last}, x.solutions(at, y, n.first+(at-o.first), free)) {
				return
			}
			at = last + 1
		}
	}
}

// blockAt returns b so that at to at + 2^b - 1 are all numbers that differ from at in the last b bits, and none is above last.
func blockAt(at, last uint64) int {
	b := bits.TrailingZeros64(at | 1<<MaxEALen)
	for at+(1<<b)-1 > last {
		b--
	}
	return b
}

// A shape says which bit of a share each EA bit is. With PSID offset 1 the port's first bit is always 1, so that k bits of
// PSID behind it are k+1 bits with offset 0: the only sets of ports that two layouts have.
type shape struct {
	rule                 *Rule
	bits, offset, length int
}

func shapeOf(r *Rule) shape {
	s := shape{r, r.spec.IPv4.Bits() + r.suffix, r.layout.Offset(), r.layout.Length()}
	if s.offset == 1 {
		s.offset, s.length = 0, s.length+1
	}
	return s
}

// share returns the IPv4 address and the PSID of a CE as one number of 48 bits, with the PSID that shape's offset and length mean.
func (s shape) share(ea uint64) uint64 {
	ce := s.rule.ce(ea)
	psid := uint64(ce.psid)
	if s.length > s.rule.layout.Length() {
		psid |= 1 << (s.length - 1)
	}
	return uint64(ce.v4)<<16 | psid
}

// place returns the bit of a share that an EA bit is, both counted from the last.
func (s shape) place(eaBit int) int {
	if eaBit < s.rule.psids {
		return eaBit
	}
	return 16 + (32 - s.bits) + eaBit - s.rule.psids
}

// solutions returns for how many numbers i of some bits s.share(x+i) = t.share(y+i), where the last bits of x and y are zero. Each
// bit of a share is a bit of i or does not depend on it; that both shares have the same there says of two bits of i that
// they are the same, or of one what it is.
func (s shape) solutions(x uint64, t shape, y uint64, free int) uint64 {
	zero, one := free, free+1
	parent := make([]int, free+2)
	for i := range parent {
		parent[i] = i
	}
	find := func(i int) int {
		for parent[i] != i {
			i = parent[i]
		}
		return i
	}
	left, right := s.bitsOf(x, free), t.bitsOf(y, free)
	unions := 0
	for i := range left {
		if a, b := find(left[i]), find(right[i]); a != b {
			parent[min(a, b)] = max(a, b) // so that zero and one stay what they are
			unions++
		}
	}
	if find(zero) == find(one) {
		return 0
	}
	return 1 << (free - unions)
}

// bitsOf returns of each bit of a share which of the last bits of ea it is: their number, or free for a zero and free+1 for a one.
func (s shape) bitsOf(ea uint64, free int) (list [48]int) {
	share := s.share(ea)
	for i := range list {
		list[i] = free + int(share>>i&1)
	}
	for i := range free {
		list[s.place(i)] = i
	}
	return list
}
