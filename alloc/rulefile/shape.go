package rulefile

import (
	"math/bits"
	"net/netip"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// shapeOf finds the scheme and its parameters that give an address these port sets, in this order, and no others. Where alone is
// set there is one such address, which may have room for more. The spec has no addresses.
func shapeOf(sets []portset.Set, alone bool) (alloc.PoolSpec, bool) {
	for _, candidate := range candidates(sets, alone) {
		if gives(candidate, sets, alone) {
			return candidate, true
		}
	}
	return alloc.PoolSpec{}, false
}

// gives proves that a spec gives the sets.
func gives(s alloc.PoolSpec, sets []portset.Set, alone bool) bool {
	s.Name = "candidate"
	a := netip.AddrFrom4([4]byte{192, 0, 2, 1})
	s.Outside = []alloc.AddrRange{rangeOf(span{u32(a), u32(a)})}
	p, err := alloc.NewPlacement(s)
	if err != nil || p.Capacity() < uint64(len(sets)) || !alone && p.Capacity() > uint64(len(sets)) {
		return false
	}
	for i, want := range sets {
		got, err := p.Assign(uint64(i), a.Next())
		if err != nil || !got.Ports().Equal(want) {
			return false
		}
	}
	return true
}

// candidates returns what the sets look like, the simplest first.
func candidates(sets []portset.Set, alone bool) []alloc.PoolSpec {
	size := sets[0].Len()
	even, ascending := true, true
	for i, s := range sets {
		even = even && s.Len() == size
		ascending = ascending && (i == 0 || s.First() > sets[i-1].Last())
	}
	var out []alloc.PoolSpec
	if even && ascending {
		s := alloc.PoolSpec{Scheme: alloc.Sequential, SharingRatio: len(sets), PortsPerSubscriber: size}
		if all, ok := together(sets); ok && usable(&s, all) {
			return []alloc.PoolSpec{s}
		}
	}
	out = append(out, psidCandidates(sets, alone)...)
	if even && size > 1 {
		out = append(out, interleaved(sets, size, alone)...)
	}
	return out
}

// usable sets the usable ports: what all leaves out in between is reserved.
func usable(s *alloc.PoolSpec, all portset.Set) bool {
	from(s, all.First())
	span, err := portset.NewRange(int(all.First()), int(all.Last()))
	if err != nil {
		return false
	}
	whole, err := portset.NewSet(span)
	if err != nil {
		return false
	}
	s.Reserve, _ = whole.Minus(all) // the zero Set where nothing is left out
	return true
}

// from makes the ports from first on usable.
func from(s *alloc.PoolSpec, first uint16) {
	if first == 1024 {
		return // the default
	}
	if r, err := portset.NewRange(int(first), portset.PortCount-1); err == nil {
		s.Ports = r
	}
}

// together returns the union of sets.
func together(sets []portset.Set) (portset.Set, bool) {
	var all []portset.Range
	for _, s := range sets {
		for r := range s.Ranges() {
			all = append(all, r)
		}
	}
	u, err := portset.NewSet(all...)
	return u, err == nil
}

// interleaved returns candidates whose shares take turns: staggered and step. Where T owners take turns, a share's ports are T
// usable ports apart, so that reserved ports only widen the distance.
func interleaved(sets []portset.Set, size int, alone bool) []alloc.PoolSpec {
	owners := distance(sets[0])
	all, ok := turns(sets, owners, size)
	if !ok {
		return nil
	}
	s := alloc.PoolSpec{Scheme: alloc.Step, StepSize: owners, SharingRatio: len(sets), PortsPerSubscriber: size}
	if owners == len(sets) || owners > len(sets) && alone {
		s = alloc.PoolSpec{Scheme: alloc.Staggered, SharingRatio: owners, PortsPerSubscriber: size}
	}
	if !usable(&s, all) {
		return nil
	}
	return []alloc.PoolSpec{s}
}

// turns returns the usable ports when owners take turns: those of the sets, and in the last window as many as owners have who are
// not there. Which those are does not matter, as long as they stand between the others.
func turns(sets []portset.Set, owners, size int) (portset.Set, bool) {
	if owners < 2 {
		return portset.Set{}, false
	}
	var ports []portset.Range
	add := func(p int) bool {
		r, err := portset.NewRange(p, p)
		ports = append(ports, r)
		return err == nil
	}
	next := 0 // the lowest port that is free for those who are not there
	for window := 0; window < len(sets); window += owners {
		there := sets[window:min(window+owners, len(sets))]
		for t := range size {
			for _, s := range there {
				p, ok := s.Port(t)
				if !ok || int(p) < next || !add(int(p)) {
					return portset.Set{}, false
				}
				next = int(p) + 1
			}
			for range owners - len(there) {
				if !add(next) {
					return portset.Set{}, false
				}
				next++
			}
		}
	}
	set, err := portset.NewSet(ports...)
	return set, err == nil
}

// psidCandidates returns RFC 7597 layouts: those whose sets, but for reserved ports, are the sets.
func psidCandidates(sets []portset.Set, alone bool) []alloc.PoolSpec {
	var out []alloc.PoolSpec
	for length := bits.Len(uint(len(sets) - 1)); length <= 16; length++ {
		for offset := 1; offset+length <= 16; offset++ {
			l, err := portset.NewLayout(offset, length)
			if err != nil || !fits(l, sets) {
				continue
			}
			s := alloc.PoolSpec{Scheme: alloc.PSID, PSIDOffset: &offset, PSIDLength: &length}
			if lowest := 1 << (16 - offset); lowest < 1024 {
				from(&s, uint16(lowest))
			}
			if !reserve(&s, l, sets) {
				continue
			}
			out = append(out, s)
			if more := l.SharingRatio() - len(sets); more > 0 && !alone {
				s.DynamicShares = more // the PSIDs that no address uses
				out = append(out, s)
			}
		}
	}
	return out
}

// fits reports whether each set lies in the set of one PSID.
func fits(l portset.Layout, sets []portset.Set) bool {
	for _, s := range sets {
		want, ok := l.PSID(s.First())
		if !ok || s.Len() > l.SetLen() {
			return false
		}
		for p := range s.Ports() {
			if psid, ok := l.PSID(p); !ok || psid != want {
				return false
			}
		}
	}
	return true
}

// mostReserved bounds how much larger the sets of PSIDs may be than those that are there: any few ports lie in some large enough set.
const mostReserved = 8

// reserve reserves what the sets lack of those of their PSIDs.
func reserve(s *alloc.PoolSpec, l portset.Layout, sets []portset.Set) bool {
	have := 0
	for _, set := range sets {
		have += set.Len()
	}
	if l.SetLen()*len(sets) > mostReserved*have {
		return false
	}
	var lacking []portset.Range
	for _, set := range sets {
		psid, _ := l.PSID(set.First())
		whole, err := l.Set(psid)
		if err != nil {
			return false
		}
		if left, ok := whole.Minus(set); ok {
			for r := range left.Ranges() {
				lacking = append(lacking, r)
			}
		}
	}
	if len(lacking) == 0 {
		return true
	}
	var err error
	s.Reserve, err = portset.NewSet(lacking...)
	return err == nil
}
