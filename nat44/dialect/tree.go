package dialect

import (
	"iter"
	"math/bits"
)

// Chains of rules are walked one rule after the other, so that a packet must not meet a rule per subscriber. A tree splits
// the inside addresses into chains by prefix: a chain has at most width entries, each of which is an item (a prefix that
// is treated as one) or a jump to the chain of a longer prefix. From the root, at /0, to an address there are at most eight
// chains, which also keeps within the 16 nested jumps of nftables, on which iptables is built today.

const (
	stride = 4           // bits of the address that a chain decides
	width  = 1 << stride // entries of a chain
)

// A tree is the tree of chains over some addresses. It is computed while it is walked and holds nothing but the spans.
type tree struct {
	spans []span // ascending, without overlap
	// grain returns the size, in bits, of the largest item that may start at address a of the k-th span. Nil: any prefix
	// within a span is an item. It must hold for every part of an item too.
	grain func(k int, a uint32) int
}

// An entry is what a chain holds: an item, or a jump to a chain.
type entry struct {
	block
	jump bool
	span int // number of the span of the first address
}

// root returns the prefix of the first chain.
func (t *tree) root() block { return common(t.spans[0].first, t.spans[len(t.spans)-1].last) }

// chains iterates over the prefixes of all chains, a chain before those that it jumps to.
func (t *tree) chains() iter.Seq[block] {
	return func(yield func(block) bool) { t.visit(t.root(), yield) }
}

func (t *tree) visit(b block, yield func(block) bool) bool {
	if !yield(b) {
		return false
	}
	for e := range t.entries(b) {
		if e.jump && !t.visit(e.block, yield) {
			return false
		}
	}
	return true
}

// entries iterates over the entries of the chain of b, in ascending order.
func (t *tree) entries(b block) iter.Seq[entry] {
	step := min(b.plen/stride*stride+stride, 32)
	if t.hasFew(b) {
		step = 32 // then nothing needs a chain of its own
	}
	return func(yield func(entry) bool) {
		for k, a, ok := t.next(b, b.first); ok; {
			e := entry{block: t.item(k, a), span: k}
			end := e.last()
			if e.plen > step {
				slot := blockOf(a, step)
				if highest := t.highest(slot.last()); highest > end {
					e.block, e.jump = common(a, highest), true
				}
				end = slot.last()
			}
			if !yield(e) || end >= b.last() {
				return
			}
			k, a, ok = t.next(b, end+1)
		}
	}
}

// hasFew reports whether b has no more items than one chain holds.
func (t *tree) hasFew(b block) bool {
	n := 0
	for k, a, ok := t.next(b, b.first); ok; {
		if n++; n > width {
			return false
		}
		last := t.item(k, a).last()
		if last >= b.last() {
			break
		}
		k, a, ok = t.next(b, last+1)
	}
	return true
}

// next returns the lowest address of the tree in b that is not below a, and its span.
func (t *tree) next(b block, a uint32) (k int, found uint32, ok bool) {
	if k = from(t.spans, a); k == len(t.spans) {
		return 0, 0, false
	}
	found = max(a, t.spans[k].first)
	return k, found, found <= b.last()
}

// highest returns the highest address of the tree that is not above a. There must be one.
func (t *tree) highest(a uint32) uint32 {
	k := from(t.spans, a)
	if k < len(t.spans) && t.spans[k].first <= a {
		return a
	}
	return t.spans[k-1].last
}

// item returns the largest item that starts at address a of the k-th span.
func (t *tree) item(k int, a uint32) block {
	b := largest(a, t.spans[k].last)
	if t.grain != nil {
		b.plen = max(b.plen, 32-t.grain(k, a))
	}
	return b
}

// perAddress is the grain of trees with an item for each subscriber.
func perAddress(int, uint32) int { return 0 }

// sizeBits returns the bits of the largest prefix of at most n addresses that a may start.
func sizeBits(a uint32, n uint64) int { return min(bits.TrailingZeros32(a), bits.Len64(n)-1) }
