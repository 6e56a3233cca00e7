package rulefile

import "slices"

// A path is what is known of a packet: where it goes, and which other matches are true of it.
type path struct {
	dest    []span
	yes, no []uint32 // atoms; none is about destinations
	from    *stop    // where the packets are; nil = at the beginning

	said []relation // of circumstances that the path was split from: what held there, or never did, is so here, too
}

// A stop is how far packets have come on a path until a match decided how it goes on: what is true before it is true on both branches.
type stop struct {
	root, rule   int   // the number of the chain that they entered, and of the rule in it; behind the last one they are judged
	f, out, left *flow // in the chain; on the way back from it; accepted by it
	line         uint32
	tally        tally
}

// resume returns a copy of a stop, for one of the branches.
func (s *stop) resume() stop {
	c := *s
	c.f, c.out, c.left = s.f.clone(), s.out.clone(), s.left.clone()
	return c
}

// A fork is the match that decides how a path goes on.
type fork struct {
	atom uint32
	is   bool // there is one
}

// decided returns what the path says of circumstances and will say of them on its branches. Both have the list, which nobody changes.
func (x *proof) decided() []relation {
	said := slices.Clone(x.known)
	for c, r := range said {
		if r == open {
			said[c] = unknown
		}
	}
	return said
}

// known returns what a path says of an atom; on is the match that would say it, where that is open.
func (p *program) known(at *path, id uint32, on *fork) relation {
	a := &p.atoms[id]
	if a.denied > 0 {
		r := p.knownAll(at, a.denied, on)
		return [...]relation{holds: never, open: open, never: holds}[r]
	}
	var said relation
	switch {
	case a.isDest:
		var looked int
		said, looked = compared(at.dest, a.dest)
		p.looked += looked
		if said != open {
			return said
		}
	case slices.Contains(at.yes, id):
		return holds
	case slices.Contains(at.no, id):
		return never
	default:
		said = p.follows(at, a)
	}
	if said == open && !on.is {
		*on = fork{id, true}
	}
	return said
}

// follows returns what the matches of a path say of another one.
func (p *program) follows(at *path, a *atom) relation {
	for _, id := range at.yes {
		if r := p.atoms[id].implies(a); r != open {
			return r
		}
	}
	for _, id := range at.no {
		denied := p.atoms[id]
		denied.not = !denied.not
		if r := denied.implies(a); r != open {
			return r
		}
	}
	return open
}

// knownAll returns what a path says of a circumstance.
func (p *program) knownAll(at *path, c condID, on *fork) relation {
	all, first := holds, fork{}
	for _, id := range p.conds[c].atoms {
		switch p.known(at, id, &first) {
		case never:
			return never
		case open:
			all = open
		}
	}
	if all == open && !on.is {
		*on = first
	}
	return all
}

// split returns the two paths on which an atom is true, and false.
func (p *program) split(at path, id uint32) (yes, no path) {
	yes, no = at, at
	if a := &p.atoms[id]; a.isDest {
		yes.dest, no.dest = common(at.dest, a.dest), subtract(at.dest, a.dest)
		return yes, no
	}
	yes.yes = append(slices.Clip(at.yes), id)
	no.no = append(slices.Clip(at.no), id)
	return yes, no
}

// condOfPath returns the circumstance that a path is.
func (p *program) condOfPath(at *path) (condID, *LineError) {
	var c condition
	if len(at.dest) != 1 || at.dest[0] != everything {
		text := "to " + textOf(at.dest)
		p.destination(text, at.dest, false)
		c.atoms = append(c.atoms, p.atomID(text))
	}
	c.atoms = append(c.atoms, at.yes...)
	for _, id := range at.no {
		if p.follows(&path{yes: at.yes}, &p.atoms[id]) == never {
			continue
		}
		one, err := p.intern(condition{text: p.atoms[id].text, atoms: []uint32{id}})
		if err != nil {
			return 0, err
		}
		if one, err = p.elsewhere(one); err != nil {
			return 0, err
		}
		c.atoms = append(c.atoms, p.conds[one].atoms...)
	}
	return p.intern(c)
}

// possible reports whether a circumstance can be true of any packet.
func (p *program) possible(c condID) bool {
	dest := []span{everything}
	atoms := p.conds[c].atoms
	for i, id := range atoms {
		a := &p.atoms[id]
		if a.isDest {
			if dest = common(dest, a.dest); len(dest) == 0 {
				return false
			}
			continue
		}
		for _, other := range atoms[:i] {
			if !p.atoms[other].isDest && p.atoms[other].implies(a) == never {
				return false
			}
		}
	}
	return true
}

// together reports whether paths of all protocols are gone at once: where matches are few and say nothing of one protocol, because exceptions of one and
// of another would multiply. Destinations do not, they cut what is left of all destinations; but what is excepted in one protocol goes on in the others.
func (p *program) together() bool {
	few := 0
	for i := range p.atoms {
		switch a := &p.atoms[i]; {
		case a.ofProtocol():
			return false
		case !a.isDest:
			few++
		}
	}
	return len(p.atoms) <= 8 || few <= 8 && !slices.ContainsFunc(p.chains, func(c chain) bool {
		return slices.ContainsFunc(c.front, p.ofSome) || slices.ContainsFunc(c.rules, p.ofSome)
	})
}

// ofSome reports whether a rule is about some destinations and some protocols.
func (p *program) ofSome(r rule) bool {
	return r.cond != 0 && (r.mask != allProto || r.do == lookup) && p.destOf(r.cond) != nil
}
