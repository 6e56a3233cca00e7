package dialect

import (
	"iter"
	"strconv"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// subscriber writes the rules of one subscriber into a chain of the tree.
func (r *iptables) subscriber(chain string, e entry) {
	a := r.in.at(e.span, e.first)
	ports, whole := a.Ports().Range()
	if !whole {
		r.out.put("-A ", chain, " -s ", e.String(), " -g ", chainSub, a.Inside().String())
		return
	}
	for _, protocol := range protocols {
		r.snat(chain, a, protocol, 1, &ports)
	}
	if isWhole(a.Pool()) {
		r.snat(chain, a, "", 1, nil)
	}
}

// several writes the chain of a subscriber with several port ranges. Every rule takes its part of what the rules before
// let pass, so that each range is chosen in proportion to its size. Matching by chance and not in turn keeps a chain
// free of state.
func (r *iptables) several(a alloc.Allocation) {
	chain := chainSub + a.Inside().String()
	for _, protocol := range protocols {
		left := a.Ports().Len()
		for ports := range a.Ports().Ranges() {
			r.snat(chain, a, protocol, float64(ports.Len())/float64(left), &ports)
			left -= ports.Len()
		}
	}
	if isWhole(a.Pool()) {
		r.snat(chain, a, "", 1, nil)
	}
}

// snat appends one rule. An empty protocol is any; chance 1 is always; nil ports leave the ports alone.
func (r *iptables) snat(chain string, a alloc.Allocation, protocol string, chance float64, ports *portset.Range) {
	o := r.out
	b := append(append(o.line[:0], "-A "...), chain...)
	b = a.Inside().AppendTo(append(b, " -s "...))
	b = append(b, "/32"...)
	if protocol != "" {
		b = append(append(b, " -p "...), protocol...)
	}
	if chance < 1 {
		b = append(b, " -m statistic --mode random --probability "...)
		b = strconv.AppendFloat(b, chance, 'f', 11, 64)
	}
	b = a.Outside().AppendTo(append(b, " -j SNAT --to-source "...))
	if ports != nil {
		b = appendPorts(append(b, ':'), *ports)
	}
	o.line = b
	o.end()
}

// shapes iterates over allocations that between them have every port set of the pool. Two subscribers in one slot have
// the same ports on different addresses, except with scheme Random.
func shapes(pool *alloc.Pool) iter.Seq[alloc.Allocation] {
	return func(yield func(alloc.Allocation) bool) {
		seen := make([]bool, pool.Slots())
		left := len(seen) // slots that were not seen
		for a := range pool.All() {
			if pool.Scheme() != alloc.Random {
				if seen[a.Slot()] {
					continue
				}
				seen[a.Slot()] = true
				left--
			}
			if !yield(a) || left == 0 {
				return
			}
		}
	}
}
