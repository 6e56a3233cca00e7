package rulefile

import (
	"maps"
	"slices"
)

// given is what is known of all packets that are looked at.
type given struct {
	atoms []atom     // true
	none  [][]uint32 // not true together
}

// given looks up conditions. Those that the rules do not have are left out.
func (p *program) given(list []Where) given {
	var g given
	for _, w := range list {
		atoms := p.named(w.Text)
		if w.Not && len(atoms) > 1 {
			g.none = append(g.none, atoms)
			continue
		}
		for _, id := range atoms {
			a := p.atoms[id]
			a.not = a.not != w.Not
			g.atoms = append(g.atoms, a)
		}
	}
	return g
}

// left returns what of a circumstance is not given; ok is false where it cannot be true.
func (p *program) left(g given, c condID) (atoms []uint32, ok bool) {
	all := p.conds[c].atoms
	for _, none := range g.none {
		if !slices.ContainsFunc(none, func(a uint32) bool { return !slices.Contains(all, a) }) {
			return nil, false
		}
	}
	for _, id := range all {
		said := open
		for i := range g.atoms {
			if r := g.atoms[i].implies(&p.atoms[id]); r != open {
				said = r
				break
			}
		}
		switch said {
		case never:
			return nil, false
		case open:
			atoms = append(atoms, id)
		}
	}
	return atoms, true
}

// where returns a program that does with all packets what p does with those of which conditions are true.
func (p *program) where(list []Where) (*program, *LineError) {
	q := *p
	q.chains, q.conds, q.atoms = slices.Clone(p.chains), slices.Clone(p.conds), slices.Clone(p.atoms)
	q.byCond, q.byAtom, q.joins = maps.Clone(p.byCond), maps.Clone(p.byAtom), maps.Clone(p.joins)
	g := q.given(list)
	met := map[condID]int{} // what is left of a circumstance; -1: it is never true
	for i := range q.chains {
		c := &q.chains[i]
		c.front, c.rules = slices.Clone(c.front), slices.Clone(c.rules)
		for _, rules := range [][]rule{c.front, c.rules} {
			for j := range rules {
				if err := q.narrow(g, met, &rules[j]); err != nil {
					return nil, err
				}
			}
		}
	}
	q.untracked = slices.Clone(p.untracked)
	for i := range q.untracked {
		if err := q.narrow(g, met, &q.untracked[i].rule); err != nil {
			return nil, err
		}
	}
	return &q, nil
}

// narrow takes what is given out of the circumstance of a rule.
func (p *program) narrow(g given, met map[condID]int, r *rule) *LineError {
	left, known := met[r.cond]
	if !known {
		left = -1
		if atoms, ok := p.left(g, r.cond); ok {
			id, err := p.condOf(atoms)
			if err != nil {
				return err
			}
			left = int(id)
		}
		met[r.cond] = left
	}
	if left < 0 {
		r.cond, r.do = 0, pass
		return nil
	}
	r.cond = condID(left)
	return nil
}

// textsOf returns the matches of a circumstance.
func (p *program) textsOf(c condID) (texts []string) {
	for _, a := range p.conds[c].atoms {
		texts = append(texts, p.atoms[a].text)
	}
	return texts
}

// condOf returns the number of the circumstance that atoms are true.
func (p *program) condOf(atoms []uint32) (condID, *LineError) {
	var texts []string
	for _, a := range atoms {
		texts = append(texts, p.atoms[a].text)
	}
	return p.cond(texts...)
}
