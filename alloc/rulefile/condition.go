package rulefile

import (
	"encoding/binary"
	"slices"
	"strings"
)

// A condID stands for a circumstance, such as the interface where a packet leaves.
type condID uint16

// maxConds bounds how many different circumstances a file may have.
const maxConds = 1 << 15

// A condition is a circumstance: all its atoms are true.
type condition struct {
	text  string // for people; cut
	atoms []uint32
}

// atomID returns the number of an atom.
func (p *program) atomID(text string) uint32 {
	id, ok := p.byAtom[text]
	if !ok {
		id = uint32(len(p.atoms))
		p.atoms = append(p.atoms, newAtom(text))
		p.byAtom[text] = id
	}
	return id
}

// destination says for which destinations an atom is true.
func (p *program) destination(text string, spans []span, not bool) {
	p.name(spans...)
	if not {
		spans = complement(spans)
	}
	a := &p.atoms[p.atomID(text)]
	a.dest, a.isDest = union(spans), true
}

// cond returns the number of the circumstance that all atoms are true.
func (p *program) cond(atoms ...string) (condID, *LineError) {
	c := condition{text: cut(strings.Join(atoms, " "))}
	for _, a := range atoms {
		c.atoms = append(c.atoms, p.atomID(a))
	}
	return p.intern(c)
}

// intern returns the number of a condition. Its atoms decide which it is.
func (p *program) intern(c condition) (condID, *LineError) {
	slices.Sort(c.atoms)
	c.atoms = slices.Compact(c.atoms)
	key := make([]byte, 0, 4*len(c.atoms))
	for _, a := range c.atoms {
		key = binary.BigEndian.AppendUint32(key, a)
	}
	id, ok := p.byCond[string(key)]
	if !ok {
		if len(p.conds) == maxConds {
			return 0, bad(ErrTooLarge, "the rules depend on more than %d different circumstances", maxConds)
		}
		id = condID(len(p.conds))
		p.conds = append(p.conds, c)
		p.byCond[string(key)] = id
	}
	return id, nil
}

// both returns the circumstance of a rule within that of its chain.
func (p *program) both(a, b condID) (condID, *LineError) {
	switch {
	case a == b || b == 0:
		return a, nil
	case a == 0:
		return b, nil
	}
	if id, ok := p.joins[[2]condID{a, b}]; ok {
		return id, nil
	}
	x, y := &p.conds[a], &p.conds[b]
	id, err := p.intern(condition{text: cut(x.text + "; " + y.text), atoms: slices.Concat(x.atoms, y.atoms)})
	if err == nil {
		p.joins[[2]condID{a, b}] = id
	}
	return id, err
}

// has reports whether one of the atoms of a circumstance is such.
func (p *program) has(c condID, is func(*atom) bool) bool {
	for _, a := range p.conds[c].atoms {
		if is(&p.atoms[a]) {
			return true
		}
	}
	return false
}

// A relation is what a world says of a circumstance.
type relation uint8

const (
	unknown relation = iota
	holds            // in all of the world
	open             // in a part of it, perhaps
	never            // nowhere
)

// relate returns what the world in which w is true says of c.
func (p *program) relate(w, c condID) relation {
	given, all := p.conds[w].atoms, holds
	for _, asked := range p.conds[c].atoms {
		if _, ok := slices.BinarySearch(given, asked); ok {
			continue
		}
		switch p.implied(given, asked) {
		case never:
			return never
		case open:
			all = open
		}
	}
	return all
}

// implied returns what atoms that are true say of another one.
func (p *program) implied(given []uint32, asked uint32) relation {
	for _, g := range given {
		if r := p.atoms[g].implies(&p.atoms[asked]); r != open {
			return r
		}
	}
	return open
}

func cut(text string) string { return text[:min(len(text), maxText)] }
