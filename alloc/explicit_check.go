package alloc

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/cgnkit/cgnkit/portset"
)

// maxBadShares bounds the findings of one kind about the shares of one pool.
const maxBadShares = 50

// checkListed checks that a pool has shares exactly where its scheme lists them, and nothing beside them that they say too.
func (c *checker) checkListed(i int, s *PoolSpec) {
	if s.scheme() != Explicit {
		return
	}
	if len(s.Shares) == 0 {
		c.addTo(i, Finding{Err: ErrEmpty, Path: "shares", Msg: "scheme explicit has no shares", Hint: "list them: subscriber, outside address and ports"})
	}
	for _, f := range []struct {
		path  string
		given bool
		why   string
	}{
		{"inside", len(s.Inside) > 0, "its subscribers are those of its shares"},
		{"exclude-inside", len(s.ExcludeInside) > 0, "its subscribers are those of its shares"},
		{"outside", len(s.Outside) > 0, "its outside addresses are those of its shares"},
		{"exclude-outside", len(s.ExcludeOutside) > 0, "its outside addresses are those of its shares"},
		{"skip-edge-addresses", s.SkipEdges, "its addresses are those of its shares"},
		{"ports-per-subscriber", s.PortsPerSubscriber > 0, "its shares say it"},
		{"sharing-ratio", s.SharingRatio > 0, "its shares say it"},
		{"dynamic-shares", s.DynamicShares > 0, "what its shares leave is set aside for nothing"},
		{"dynamic-ports", s.DynamicPorts > 0, "what its shares leave is set aside for nothing"},
	} {
		if f.given {
			c.addTo(i, Finding{Err: ErrScheme, Path: f.path, Msg: fmt.Sprintf("scheme explicit takes no %s: %s", f.path, f.why), Hint: "leave it out"})
		}
	}
}

// explicit finishes the i-th pool, of scheme Explicit: its addresses follow from its shares. It returns nil when they make no sense.
func (c *checker) explicit(i int, pool *Pool) *Pool {
	s := &c.spec.Pools[i]
	usable, f := usablePorts(s)
	if f != nil {
		c.addTo(i, *f)
		return nil
	}
	if len(s.Shares) == 0 || !c.checkShares(i, s.Shares, usable) {
		return nil
	}
	inside, outside := make([]AddrRange, len(s.Shares)), []AddrRange(nil)
	number, address := map[uint32]uint32{}, make([]uint32, len(s.Shares))
	for k, share := range s.Shares {
		in, out := u32(share.Inside), u32(share.Outside)
		inside[k] = addrRangeOf(span{in, in})
		n, ok := number[out]
		if !ok {
			n = uint32(len(outside))
			number[out] = n
			outside = append(outside, addrRangeOf(span{out, out}))
		}
		address[k] = n
	}
	in, twice := newOrder(inside, nil)
	if twice != nil {
		c.addSecondShares(i, s.Shares)
		return nil
	}
	pool.inside = in
	pool.place.outside, _ = newOrder(outside, nil) // each stands there once
	c.numbers = append(c.numbers, i)
	table := newShareTable(s.Shares, address, len(outside))
	c.findCollisions(i, table)
	pool.place.list = table
	pool.place.sizing = sizing{usable: usable, ratio: table.most, size: table.least, step: 1}
	return pool
}

// checkShares reports whether every share makes sense by itself, and whether they are not too many.
func (c *checker) checkShares(i int, shares []ExplicitShare, usable portset.Set) bool {
	wrong := 0
	for k, s := range shares {
		f := shareFinding(s, usable)
		if f == nil {
			if c.shareRanges += s.Ports.RangeCount(); c.shares+k+1 <= maxShares && c.shareRanges <= maxShareRanges {
				continue
			}
			f = &Finding{Err: ErrShare, Msg: fmt.Sprintf("a plan lists at most %d shares, with %d ranges together", maxShares, maxShareRanges),
				Hint: "split the plan, or use a scheme for those that follow one"}
			wrong = maxBadShares
		}
		f.Path = fmt.Sprintf("shares[%d]", k)
		c.addTo(i, *f)
		if wrong++; wrong >= maxBadShares {
			break
		}
	}
	c.shares += len(shares)
	return wrong == 0
}

// shareFinding says what is wrong with one share, or returns nil.
func shareFinding(s ExplicitShare, usable portset.Set) *Finding {
	if !s.Inside.Is4() || !s.Outside.Is4() {
		return &Finding{Err: ErrAddress, Msg: fmt.Sprintf("share of %v on %v: NAT44 takes IPv4 addresses", s.Inside, s.Outside)}
	}
	in, out := u32(s.Inside), u32(s.Outside)
	if why := whyUnusable(span{in, in}); why != "" {
		return &Finding{Err: ErrAddress, Msg: fmt.Sprintf("inside %v cannot be used: %s", s.Inside, why)}
	}
	if why := whyUnusable(span{out, out}); why != "" {
		return &Finding{Err: ErrAddress, Msg: fmt.Sprintf("outside %v cannot be used: %s", s.Outside, why)}
	}
	if !s.Ports.IsValid() {
		return &Finding{Err: ErrPorts, Msg: fmt.Sprintf("the share of subscriber %v has no ports", s.Inside), Hint: "give it ports, or leave the subscriber out"}
	}
	if covers(usable, s.Ports) {
		return nil
	}
	cut, _ := s.Ports.Minus(usable)
	f := &Finding{Err: ErrPorts, Msg: fmt.Sprintf("the share of subscriber %v has %s, which the pool does not use", s.Inside, somePorts(cut)),
		Hint: "widen ports or reserve less, or take them out of the share"}
	if cut.Last() == 0 {
		f.Msg, f.Hint = fmt.Sprintf("the share of subscriber %v has port 0, which cannot be used", s.Inside), "begin at port 1"
	}
	return f
}

// covers reports whether s has every port of t. Shares by the million are asked this, nearly all of them one range.
func covers(s, t portset.Set) bool {
	for r := range t.Ranges() {
		first, ok := s.Index(r.First())
		last, okay := s.Index(r.Last())
		if !ok || !okay || last-first != r.Len()-1 {
			return false
		}
	}
	return true
}

// addSecondShares adds a finding for every share of a subscriber that has one already.
func (c *checker) addSecondShares(i int, shares []ExplicitShare) {
	keys := make([]uint64, len(shares))
	for k, s := range shares {
		keys[k] = uint64(u32(s.Inside))<<32 | uint64(k)
	}
	slices.Sort(keys)
	first, found := 0, 0
	for k := 1; k < len(keys) && found < maxBadShares; k++ {
		if keys[k]>>32 != keys[first]>>32 {
			first = k
			continue
		}
		found++
		one, other := shares[uint32(keys[first])], shares[uint32(keys[k])]
		c.addTo(i, Finding{Err: ErrDuplicate, Path: fmt.Sprintf("shares[%d]", uint32(keys[k])),
			Msg: fmt.Sprintf("subscriber %v has two shares: %v with %s, and %v with %s", one.Inside,
				one.Outside, somePorts(one.Ports), other.Outside, somePorts(other.Ports)),
			Hint: "list every subscriber once: its ports are on one outside address (RFC 6888 REQ-2), and several ranges make one share"})
	}
}

// findCollisions adds a finding for every two shares that have a port of an address in common. Ranges that do not overlap
// are in the order of their first ports; the first that does begins in the one before it.
func (c *checker) findCollisions(i int, t *shareTable) {
	found := 0
	for a := 0; a+1 < len(t.begin) && found < maxBadShares; a++ {
		for k := t.begin[a] + 1; k < t.begin[a+1]; k++ {
			if before := t.holder[k-1]; before != t.holder[k] && t.has(t.seats[before].slot, t.firsts[k]) {
				found += c.collisions(i, t, uint32(a), maxBadShares-found)
				break
			}
		}
	}
}

// A heldRange is a port range and the position that has it.
type heldRange struct {
	portset.Range
	pos uint32
}

// collisions adds findings about one address, most at most, and returns how many. It walks the ranges and remembers the one
// that reaches furthest, as findOverlaps does.
func (c *checker) collisions(i int, t *shareTable, a uint32, most int) int {
	var held []heldRange
	t.holders(a, func(pos uint32) bool {
		for r := range t.set(t.seats[pos].slot).Ranges() {
			held = append(held, heldRange{r, pos})
		}
		return true
	})
	slices.SortFunc(held, func(x, y heldRange) int { return cmp.Or(cmp.Compare(x.First(), y.First()), cmp.Compare(x.pos, y.pos)) })
	known := map[[2]uint32]bool{}
	for k, furthest := 1, 0; k < len(held) && len(known) < most; k++ {
		x, y := held[furthest], held[k]
		if pair := [2]uint32{min(x.pos, y.pos), max(x.pos, y.pos)}; y.First() <= x.Last() && x.pos != y.pos && !known[pair] {
			known[pair] = true
			c.addCollision(i, t, pair)
		}
		if y.Last() > x.Last() {
			furthest = k
		}
	}
	return len(known)
}

// addCollision adds the finding about two positions.
func (c *checker) addCollision(i int, t *shareTable, pair [2]uint32) {
	shares := c.spec.Pools[i].Shares
	one, other := t.set(t.seats[pair[0]].slot), t.set(t.seats[pair[1]].slot)
	common := one
	if left, ok := one.Minus(other); ok {
		common, _ = one.Minus(left)
	}
	c.addTo(i, Finding{Err: ErrOverlap, Path: fmt.Sprintf("shares[%d]", pair[1]),
		Msg: fmt.Sprintf("subscribers %v and %v both have %s of outside address %v", shares[pair[0]].Inside, shares[pair[1]].Inside,
			somePorts(common), shares[pair[0]].Outside),
		Hint: "give every port of an outside address to one subscriber"})
}

// somePorts names ports in a message: the first ranges, and how many more there are.
func somePorts(s portset.Set) string {
	const most = 4
	text, n := "", 0
	for r := range s.Ranges() {
		if n++; n == 1 {
			text = r.String()
		} else if n <= most {
			text += "," + r.String()
		}
	}
	what := "ports "
	if s.Len() == 1 {
		what = "port "
	}
	if n > most {
		text += fmt.Sprintf(" and %d more ranges", n-most)
	}
	return what + text
}

// pathOf returns the path of what says that the i-th pool has an inside or outside address, relative to the pool.
func (s *PoolSpec) pathOf(field string, a uint32) string {
	ranges, of := s.Outside, func(e ExplicitShare) netip.Addr { return e.Outside }
	if field == "inside" {
		ranges, of = s.Inside, func(e ExplicitShare) netip.Addr { return e.Inside }
	}
	if s.scheme() == Explicit {
		return fmt.Sprintf("shares[%d]", slices.IndexFunc(s.Shares, func(e ExplicitShare) bool { return of(e) == addr4(a) }))
	}
	return fmt.Sprintf("%s[%d]", field, slices.IndexFunc(ranges, func(r AddrRange) bool { return r.span().contains(a) }))
}
