package alloc

import "iter"

// A Run is a stretch of allocations that step together: consecutive inside addresses own consecutive slots of one outside
// address. It serves writers that make millions of records.
type Run struct {
	First Allocation
	Len   int // at least 1
}

// At returns the k-th allocation of the run, 0 to Len-1.
func (r Run) At(k int) Allocation {
	a := r.First
	a.inside += uint32(k)
	a.slot += uint32(k)
	return a
}

// All iterates over every allocation of pools of kind NAT44: pool by pool, in inside order. Its memory does not grow with the subscribers.
func (p *Plan) All() iter.Seq[Allocation] {
	return func(yield func(Allocation) bool) {
		for _, pool := range p.pools {
			for a := range pool.All() {
				if !yield(a) {
					return
				}
			}
		}
	}
}

// All iterates over the pool's allocations in inside order. It steps from one to the next, which is cheaper than At.
func (p *Pool) All() iter.Seq[Allocation] {
	return func(yield func(Allocation) bool) {
		for r := range p.Runs() {
			for k := range r.Len {
				if !yield(r.At(k)) {
					return
				}
			}
		}
	}
}

// Runs iterates over the pool's allocations in inside order, as runs that are as long as they can be. With Stripe, where
// neighbours are on different addresses, and with MAP and lw4o6 every run has length 1.
func (p *Pool) Runs() iter.Seq[Run] {
	return func(yield func(Run) bool) {
		switch {
		case p.soft != nil:
			p.allSoft(func(a Allocation) bool { return yield(Run{First: a, Len: 1}) })
			return
		case p.place.list != nil:
			p.listedRuns(yield)
			return
		}
		in, out := p.inside.cursor(), p.place.outside.cursor()
		a := Allocation{pool: p, outside: out.take(1)}
		address := uint32(0)
		for left := p.inside.n; left > 0; {
			n := min(left, in.left(), p.place.ratio-a.slot)
			if p.place.scheme == Stripe {
				n = 1
			}
			a.inside = in.take(n)
			if !yield(Run{First: a, Len: int(n)}) {
				return
			}
			left -= n
			switch {
			case p.place.scheme == Stripe:
				if address++; address == p.place.outside.n {
					address = 0
					a.slot++
				}
				a.outside = out.take(1)
			case a.slot+n == p.place.ratio:
				a.slot = 0
				a.outside = out.take(1)
			default:
				a.slot += n
			}
		}
	}
}

// listedRuns is Runs for an Explicit pool: it joins what steps together by chance.
func (p *Pool) listedRuns(yield func(Run) bool) {
	var run Run
	in, address := p.inside.cursor(), uint32(0)
	for _, s := range p.place.list.seats {
		inside := in.take(1)
		if n := uint32(run.Len); n > 0 && s.address == address && s.slot == run.First.slot+n && inside == run.First.inside+n {
			run.Len++
			continue
		}
		if run.Len > 0 && !yield(run) {
			return
		}
		address = s.address
		run = Run{First: Allocation{pool: p, inside: inside, outside: p.place.outside.addr(address), slot: s.slot}, Len: 1}
	}
	yield(run) // a pool has a subscriber
}
