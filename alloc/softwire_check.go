package alloc

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/cgnkit/cgnkit/portset"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

// softwires builds the pools of other kinds than NAT44 and compares their addresses with each other and with the rest.
func (c *checker) softwires(p *Plan) []*Pool {
	list := c.spec.Softwires
	if len(list) > maxSoftwires {
		c.add(Finding{Err: ErrSoftwire, Path: "softwires", Msg: fmt.Sprintf("the plan has %d pools of MAP and lw4o6; at most %d are possible", len(list), maxSoftwires),
			Hint: "a pool may have many rules"})
		return nil
	}
	var pools []*Pool
	var numbers []int // in spec, of each of pools
	for i := range list {
		if pool := c.softwire(i); pool != nil {
			pools, numbers = append(pools, pool), append(numbers, i)
		}
	}
	for k, pool := range pools {
		c.besideNAT44(numbers[k], pool, p)
	}
	c.besideEachOther(pools, numbers)
	return pools
}

// addToSoftwire adds a finding about the i-th of them. f.Path is relative to the pool.
func (c *checker) addToSoftwire(i int, f Finding) {
	f.Pool = c.spec.Softwires[i].Name
	f.Path = fmt.Sprintf("softwires[%d].%s", i, f.Path)
	c.add(f)
}

// softwire checks the i-th pool by itself. It returns nil where its addresses make no sense.
func (c *checker) softwire(i int) *Pool {
	s := &c.spec.Softwires[i]
	known := len(c.findings)
	c.softwireNames(i, s)
	pool := &Pool{name: s.Name, realm: cmp.Or(s.Realm, DefaultRealm), soft: &softwirePool{kind: s.Kind, relay: s.Relay}}
	c.fields(i, s)
	if len(c.findings) > known {
		return nil
	}
	var err error
	if s.Kind == LW4o6 {
		pool.soft.bindings, err = newBindings(s)
	} else {
		pool.soft.domain, err = softwire.NewDomain(softwire.DomainSpec{Rules: s.Rules, Relay: s.Relay, DMR: s.DMR})
	}
	if invalid := (*softwire.InvalidError)(nil); errors.As(err, &invalid) {
		for _, f := range invalid.Findings {
			// Its text names the rule and the field.
			c.addToSoftwire(i, Finding{Err: fmt.Errorf("%w: %w", ErrSoftwire, f.Err), Path: f.Path, Msg: f.Error(), Hint: f.Hint})
		}
		return nil
	}
	pool.soft.measure(&pool.place)
	if n := pool.soft.count; n > maxSoftwireSubscribers {
		c.addToSoftwire(i, Finding{Err: ErrSoftwire, Path: "rules", Msg: fmt.Sprintf("the rules have %d subscribers; a pool has at most %d", n, uint64(maxSoftwireSubscribers)),
			Hint: "fewer EA bits share addresses among fewer"})
		return nil
	}
	for _, o := range pool.soft.outside {
		// A span may be that of several rules or bindings.
		if which, why := unusableIn(o); why != "" {
			c.addToSoftwire(i, Finding{Err: ErrAddress, Path: s.pathOf(which.first), Msg: fmt.Sprintf("outside %v cannot be used: %s", which, why)})
			return nil
		}
	}
	return pool
}

// softwireNames checks the names, which share one space with those of other pools.
func (c *checker) softwireNames(i int, s *SoftwireSpec) {
	switch {
	case !validName(s.Name):
		c.addToSoftwire(i, Finding{Err: ErrName, Path: "name", Msg: fmt.Sprintf("%q is no pool name", s.Name), Hint: nameHint})
	case c.taken[s.Name]:
		c.addToSoftwire(i, Finding{Err: ErrName, Path: "name", Msg: "another pool has this name too", Hint: "give every pool a name of its own"})
	default:
		if _, taken := c.names[s.Name]; taken {
			c.addToSoftwire(i, Finding{Err: ErrName, Path: "name", Msg: "another pool has this name too", Hint: "give every pool a name of its own"})
		}
	}
	if c.taken == nil {
		c.taken = map[string]bool{}
	}
	c.taken[s.Name] = true
	if s.Realm != "" && !validName(s.Realm) {
		c.addToSoftwire(i, Finding{Err: ErrName, Path: "realm", Msg: fmt.Sprintf("%q is no realm name", s.Realm), Hint: nameHint})
	}
}

// fields checks that what belongs to a kind is there with it and only with it.
func (c *checker) fields(i int, s *SoftwireSpec) {
	if s.Kind < MAPE || s.Kind > LW4o6 {
		c.addToSoftwire(i, Finding{Err: ErrSoftwire, Path: "kind", Msg: fmt.Sprintf("kind %v is not map-e, map-t or lw4o6", s.Kind)})
		return
	}
	for _, f := range []struct {
		path, example string
		given         bool
		of            []Kind
	}{
		{"rules", "{rule6: 2001:db8::/40, rule4: 192.0.2.0/24, ea-len: 16}", len(s.Rules) > 0, []Kind{MAPE, MAPT}},
		{"relay", "2001:db8:ffff::1", s.Relay.IsValid(), []Kind{MAPE, LW4o6}},
		{"dmr", "2001:db8:ffff::/64", s.DMR.IsValid(), []Kind{MAPT}},
		{"bindings", "2001:db8:1::/56 192.0.2.1 0 8 52", len(s.Bindings) > 0, []Kind{LW4o6}},
	} {
		switch want := slices.Contains(f.of, s.Kind); {
		case want && !f.given:
			c.addToSoftwire(i, Finding{Err: ErrSoftwire, Path: f.path, Msg: fmt.Sprintf("a pool of kind %v needs %s", s.Kind, f.path), Hint: fmt.Sprintf("for example %s: %s", f.path, f.example)})
		case !want && f.given:
			c.addToSoftwire(i, Finding{Err: ErrSoftwire, Path: f.path, Msg: fmt.Sprintf("a pool of kind %v has no %s", s.Kind, f.path), Hint: "leave it out"})
		}
	}
	if a := s.Relay; s.Kind == LW4o6 && a.IsValid() && (!a.Is6() || a.Is4In6() || a.Zone() != "" || a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() || a.IsLinkLocalUnicast()) {
		c.addToSoftwire(i, Finding{Err: fmt.Errorf("%w: %w", ErrSoftwire, softwire.ErrRelay), Path: "relay", Msg: fmt.Sprintf("%v is not an IPv6 address to which packets can be sent", a)})
	}
}

// measure fills what is counted once, and the sizes of place that answers need: the most that share an address, and the
// fewest ports.
func (p *softwirePool) measure(place *placement) {
	place.scheme = PSID
	size := func(l portset.Layout) {
		set, _ := l.Set(0)
		place.ratio = max(place.ratio, uint32(l.SharingRatio()))
		if n := uint32(set.Len()); place.size == 0 || n < place.size {
			place.size = n
		}
	}
	if p.bindings != nil {
		p.count = uint64(p.bindings.Len())
		for b := range p.bindings.All() { // by address
			a := u32(b.IPv4())
			if n := len(p.outside); n > 0 && uint64(a) <= uint64(p.outside[n-1].last)+1 {
				p.outside[n-1].last = a
			} else {
				p.outside = append(p.outside, span{a, a})
			}
			size(b.Layout())
		}
	} else {
		p.count = uint64(p.domain.Count())
		for i := range p.domain.Len() {
			r := p.domain.Rule(i)
			first := u32(r.IPv4().Addr())
			p.outside = append(p.outside, span{first, first | uint32(uint64(1)<<(32-r.IPv4().Bits())-1)})
			size(r.Layout())
		}
		p.outside = mergeSpans(p.outside)
	}
	for _, s := range p.outside {
		p.addresses += s.len()
	}
}

// besideNAT44 compares the outside addresses of a pool with the addresses of all pools of kind NAT44.
func (c *checker) besideNAT44(i int, pool *Pool, p *Plan) {
	spec := &c.spec.Softwires[i]
	for _, s := range pool.soft.outside {
		if other, a, ok := p.outside.firstIn(s, "outside"); ok {
			ports, hint := c.portsOfBoth(pool, other, a)
			c.addToSoftwire(i, Finding{Err: ErrOverlap, Path: spec.pathOf(a), Msg: fmt.Sprintf("outside address %v also belongs to pool %q%s", addr4(a), other.name, ports), Hint: hint})
			break
		}
	}
	inside := p.realms[pool.realm]
	if inside == nil {
		return
	}
	for _, s := range pool.soft.outside {
		if other, a, ok := inside.firstIn(s, "inside"); ok {
			c.addToSoftwire(i, Finding{Err: ErrLoop, Path: spec.pathOf(a), Msg: fmt.Sprintf("outside address %v is also an inside address of realm %q, in pool %q", addr4(a), other.realm, other.name),
				Hint: "an address cannot be on both sides: correct one of the lists, or use another realm"})
			return
		}
	}
}

// portsOfBoth says whether a pool and one of kind NAT44 have a port of an outside address in common. Where they have none the address is
// refused all the same: routes and blackholes are for addresses, so that what is for the border relay would end at the NAT, or the other way round.
func (c *checker) portsOfBoth(pool, nat *Pool, a uint32) (text, hint string) {
	hint = "give every outside address to one pool"
	if slices.ContainsFunc(c.findings, func(f Finding) bool { return f.Pool == nat.name }) {
		return "", hint // its shares may make no sense
	}
	for port := range 1 << 16 {
		if _, err := pool.reverse(addr4(a), uint16(port)); err == nil && nat.place.gives(a, uint16(port)) {
			return fmt.Sprintf(", and both have port %d of it", port), hint
		}
	}
	return ", which has other ports of it", hint + ": routes lead to an address, and not to some of its ports"
}

// gives reports whether a port of an outside address is in a share, or set aside for dynamic blocks.
func (p *placement) gives(a uint32, port uint16) bool {
	if p.list != nil {
		address, ok := p.outside.position(a)
		if ok {
			_, ok = p.list.find(address, port)
		}
		return ok
	}
	_, st := p.slot(a, port)
	return st == Allocated || st == Dynamic
}

// besideEachOther finds outside addresses and end-user prefixes that two pools have, the first of each pair, and relays in the
// prefixes of other pools or in their DMRs.
func (c *checker) besideEachOther(pools []*Pool, numbers []int) {
	if len(pools) < 2 {
		return
	}
	type four struct {
		span
		k int
	}
	var claims []four
	for k, pool := range pools {
		for _, s := range pool.soft.outside {
			claims = append(claims, four{s, k})
		}
	}
	slices.SortFunc(claims, func(a, b four) int { return cmp.Or(cmp.Compare(a.first, b.first), a.k-b.k) })
	told := map[[2]int]bool{}
	for i, furthest := 1, 0; i < len(claims); i++ {
		a, b := claims[furthest], claims[i]
		if pair := [2]int{min(a.k, b.k), max(a.k, b.k)}; b.first <= a.last && !told[pair] {
			told[pair] = true
			c.addToSoftwire(numbers[pair[1]], Finding{Err: ErrOverlap, Path: c.spec.Softwires[numbers[pair[1]]].pathOf(b.first), Hint: "give every outside address to one pool",
				Msg: fmt.Sprintf("outside address %v also belongs to pool %q", addr4(b.first), pools[pair[0]].name)})
		}
		if b.last > a.last {
			furthest = i
		}
	}
	prefixes := prefixClaims(pools)
	c.endUsers(pools, numbers, prefixes)
	c.relays(pools, numbers, prefixes)
	c.relaysOfTwo(pools, numbers)
}

// endUsers finds prefixes of two pools of a realm of which one lies in the other. claims are in the order of prefixClaims.
func (c *checker) endUsers(pools []*Pool, numbers []int, claims []prefixClaim) {
	told := map[[2]int]bool{}
	for i, outer := 1, 0; i < len(claims); i++ {
		a, b := claims[outer], claims[i]
		if pools[a.k].realm != pools[b.k].realm || !a.prefix.Contains(b.prefix.Addr()) {
			outer = i // prefixes are disjoint or one holds the other, so that comparing with the outermost is enough
			continue
		}
		pair := [2]int{min(a.k, b.k), max(a.k, b.k)}
		if a.k == b.k || told[pair] {
			continue
		}
		told[pair] = true
		later, other := b.prefix, a.prefix
		if pair[1] == a.k {
			later, other = other, later
		}
		c.addToSoftwire(numbers[pair[1]], Finding{Err: ErrDuplicate, Path: c.spec.Softwires[numbers[pair[1]]].prefixPath(later), Hint: "give every end-user prefix to one pool, or give the pools different realms",
			Msg: fmt.Sprintf("%v overlaps %v of pool %q", later, other, pools[pair[0]].name)})
	}
}

// prefixes iterates over the IPv6 prefixes that hold the subscribers.
func (p *softwirePool) prefixes() func(yield func(netip.Prefix) bool) {
	return func(yield func(netip.Prefix) bool) {
		if p.bindings != nil {
			for b := range p.bindings.All() {
				if !yield(b.Prefix()) {
					return
				}
			}
			return
		}
		for i := range p.domain.Len() {
			if !yield(p.domain.Rule(i).IPv6()) {
				return
			}
		}
	}
}
