package rulefile

import "slices"

// A bucketing is what stands in the mark, by protocol. Queries of icmp that are no echo requests have no bucket in rules that
// cgnkit writes either: they are not to have anything else.
type bucketing [3]struct {
	buckets      uint32 // it is a number below; 0 = not surely
	whole, dirty bool   // for all packets; something else may stand there
}

// apply brings what stands in the mark up to date.
func (b *bucketing) apply(e *markEvent) {
	for k := range b {
		s := &b[k]
		switch {
		case e.mask&(1<<k) == 0:
		case e.buckets == 0:
			s.buckets, s.whole, s.dirty = 0, false, true
		case !e.some:
			s.buckets, s.whole, s.dirty = e.buckets, true, false
		case e.echo && protoMask(1)<<k == icmp:
			s.dirty = s.dirty || s.whole && s.buckets != e.buckets
			s.buckets, s.whole = e.buckets, s.whole && s.buckets == e.buckets
		case s.buckets != e.buckets:
			s.buckets, s.whole, s.dirty = 0, false, true
		}
	}
}

// surely reports whether all packets of some protocols have one of n buckets.
func (b *bucketing) surely(n uint32, mask protoMask) bool {
	for k, s := range b {
		if mask&(1<<k) != 0 && (s.buckets != n || s.dirty) {
			return false
		}
	}
	return n > 0
}

// checkBuckets makes shares in buckets depend on the mark, where rules do not surely give every packet a bucket that each source has.
func (x *nftReader) checkBuckets() *LineError {
	b := bucketCheck{x: x, buckets: map[*shareMap]uint32{}, chains: map[int32]bool{}, maps: map[int32]bool{}}
	for c := range x.p.chains {
		if m := x.marked[int32(c)]; m != nil {
			if err := b.chain(&x.p.chains[c], m); err != nil {
				return err
			}
		}
	}
	return nil
}

// A bucketCheck remembers what it found out about maps and chains.
type bucketCheck struct {
	x       *nftReader
	buckets map[*shareMap]uint32
	chains  map[int32]bool // which may set the mark, themselves or those that they lead to
	maps    map[int32]bool // of verdicts that lead to such
}

// chain follows the mark through a chain.
func (b *bucketCheck) chain(c *chain, m *marking) *LineError {
	var has bucketing
	done := 0
	for _, a := range m.asks {
		for ; done < a.behind; done++ {
			if e := &m.events[done]; !e.jump || b.sets(e.target, 0) {
				has.apply(e)
			}
		}
		r := &c.rules[a.rule]
		if r.do != lookup {
			continue
		}
		if b.leads(r.target, 0) {
			has.apply(&markEvent{mask: r.mask})
		}
		if err := b.ask(r, &has); err != nil {
			return err
		}
	}
	return nil
}

// ask checks a rule that asks a map.
func (b *bucketCheck) ask(r *rule, has *bucketing) *LineError {
	p := b.x.p
	m := p.maps[r.target]
	if sound := m.err == nil && !m.foreign; !sound || !m.joined {
		return nil
	}
	n, ok := b.buckets[m]
	if !ok {
		n = m.buckets()
		b.buckets[m] = n
	}
	if has.surely(n, r.mask) {
		return nil
	}
	id, err := p.cond("meta mark of " + m.name)
	if err == nil {
		r.cond, err = p.both(r.cond, id)
	}
	return err
}

// sets reports whether a chain, or one that it leads to, may set the mark.
func (b *bucketCheck) sets(c int32, depth int) bool {
	known, ok := b.chains[c]
	if ok || depth > maxDepth {
		return known || depth > maxDepth
	}
	b.chains[c] = false // while it is looked at
	m := b.x.marked[c]
	for i := 0; m != nil && i < len(m.events) && !known; i++ {
		e := &m.events[i]
		known = !e.jump || b.sets(e.target, depth+1)
	}
	for i := range b.x.p.chains[c].rules {
		if r := &b.x.p.chains[c].rules[i]; !known {
			known = r.do == lookup && b.leads(r.target, depth+1) || r.do == jumpAway && b.sets(r.target, depth+1)
		}
	}
	b.chains[c] = known
	return known
}

// leads reports whether a map of verdicts leads to a chain that may set the mark, and back.
func (b *bucketCheck) leads(target int32, depth int) bool {
	known, ok := b.maps[target]
	if ok {
		return known
	}
	for i := range b.x.p.maps[target].elements {
		if e := &b.x.p.maps[target].elements[i]; e.do == jump || e.do == jumpAway {
			known = known || b.sets(e.target, depth+1)
		}
	}
	b.maps[target] = known
	return known
}

// buckets returns how many buckets every source of a map has, from 0 on; 0 where they have not the same.
func (m *shareMap) buckets() uint32 {
	keys := make([]uint64, 0, len(m.elements))
	for i := range m.elements {
		e := &m.elements[i]
		if !e.key.single() || e.catchAll {
			return 0
		}
		keys = append(keys, uint64(e.key.first)<<32|uint64(e.bucket))
	}
	slices.Sort(keys)
	n := uint32(0)
	for n < uint32(len(keys)) && keys[n]>>32 == keys[0]>>32 {
		n++
	}
	for i, key := range keys {
		if uint32(key) != uint32(i)%n || key>>32 != keys[uint32(i)/n*n]>>32 {
			return 0
		}
	}
	if n == 0 || len(keys)%int(n) != 0 {
		return 0
	}
	return n
}
