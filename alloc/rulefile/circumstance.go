package rulefile

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/cgnkit/cgnkit/portset"
)

// Conditions returns what the shares of the table depend on besides source and protocol, in the order of lines: the interface by
// which packets leave, destinations that are excepted. Those that are about the same are one. That packets between its own
// subscribers are not translated is no condition, as long as it is all that is said of them.
// It takes time linear in the table, and O(n log n) in the conditions.
func (t *Table) Conditions() []Condition {
	if len(t.conditions) == 0 {
		return nil
	}
	inside, given := make([]span, len(t.records)), protoMask(0)
	for i := range t.records {
		inside[i] = span{t.records[i].inside, t.records[i].inside}
		given |= t.records[i].mask
	}
	list := slices.Clone(t.conditions)
	for i := range list {
		// Protocols that nobody has are not translated anyway: what passes in all others passes in all.
		if c := &list[i]; c.Effect == Passed && c.ports == "" && c.Protocols.mask()|^given&allProto == allProto {
			c.Protocols = protocolsOf(allProto)
		}
	}
	return canonical(list, union(inside))
}

// elsewhere returns the circumstance that another one is not true.
func (p *program) elsewhere(c condID) (condID, *LineError) {
	dest, only := p.conditionOf(c).dest, true
	var texts []string
	for _, a := range p.conds[c].atoms {
		texts = append(texts, p.atoms[a].text)
		only = only && p.atoms[a].isDest
	}
	slices.Sort(texts)
	text := strings.Join(texts, "; ")
	if len(text) > maxText {
		text = fmt.Sprintf("%s... sha256 %x", text[:maxText], sha256.Sum256([]byte(text)))
	}
	text = elsewhere + " " + text
	if only {
		p.destination(text, dest, true)
	} else {
		p.atoms[p.atomID(text)].denied = c
	}
	return p.cond(text)
}

// conditionOf returns what a circumstance says.
func (p *program) conditionOf(c condID) Condition {
	out := Condition{Text: printable(p.conds[c].text), dest: []span{everything}}
	var rest []string
	for _, id := range p.conds[c].atoms {
		a := &p.atoms[id]
		ports, ok := a.ports()
		switch {
		case a.isDest:
			out.dest = common(out.dest, a.dest)
			continue
		case ok && out.ports == "":
			out.ports = ports
			continue
		}
		rest = append(rest, a.text)
		out.Vague = out.Vague || a.unread()
		out.Outside = out.Outside || a.outside()
	}
	slices.Sort(rest)
	out.rest = strings.Join(rest, "; ")
	return out
}

// depends notes an exception for all subscribers.
func (w *walk) depends(x *exception, mask protoMask) *LineError {
	id, err := w.p.both(x.cond, x.before)
	if err != nil {
		return w.at(int(x.line), err)
	}
	c := w.p.conditionOf(id)
	c.Effect, c.Line, c.Protocols, c.Text = x.effect, int(x.line), protocolsOf(mask), printable(w.p.conds[x.cond].text)
	c.Vague, c.cond = c.Vague || x.vague, id
	w.to.conditions = append(w.to.conditions, c)
	return nil
}

// giving notes that the world gives shares, and the subscribers to whom it does not give what others do.
func (w *walk) giving() {
	var first *entry
	vague := false
	for _, n := range w.to.inWorld {
		e := &w.to.entries[n]
		if e.got&(tcp|udp) != 0 && first == nil {
			first = e
		}
		if e.first == 0 {
			e.first = e.got
		}
		vague = vague || e.got != e.first
	}
	if first == nil {
		return
	}
	c := w.p.conditionOf(w.world)
	c.Effect, c.Line, c.Protocols = Only, int(first.line), protocolsOf(allProto)
	w.to.always = w.to.always || w.world == 0
	c.Vague, c.cond = c.Vague || vague, w.world
	w.to.conditions = append(w.to.conditions, c)
}

// needed leaves out where shares hold, if they hold everywhere.
func (c *collector) needed() []Condition {
	var list []Condition
	for _, one := range c.conditions {
		if one.Effect != Only || one.Vague || !c.always {
			list = append(list, one)
		}
	}
	return list
}

// key is what conditions must have in common to be compared by their destinations.
func (c *Condition) key() string {
	return fmt.Sprintf("%d %v %q %q %v", c.Effect, c.Protocols, c.ports, c.rest, c.Vague)
}

// canonical brings conditions into the one form that those with the same meaning have.
func canonical(list []Condition, inside []span) []Condition {
	joined, once := map[string]*Condition{}, onlyOnce(list)
	for _, c := range apart(list) {
		if c.Vague && len(c.dest) == 0 {
			c.dest = []span{everything} // it is not known for what it is: perhaps for something
		}
		if once && c.Effect == Only && !c.Vague && c.rest+c.ports == "" {
			c.Effect, c.dest = Passed, complement(c.dest) // where they are translated, said the other way round
		}
		if old := joined[c.key()]; old != nil {
			old.dest = append(old.dest, c.dest...)
			continue
		}
		joined[c.key()] = &c
	}
	var out []Condition
	room := maxScattered
	for _, c := range joined {
		if c.dest = union(c.dest); c.Effect == Passed && !c.Vague {
			if room -= reach(c.dest, inside); room < 0 {
				c.Vague = true // a hostile file: nobody needs to know
			} else {
				c.dest = subtract(c.dest, inside)
			}
		}
		if len(c.dest) > 0 {
			out = append(out, *c)
		}
	}
	slices.SortFunc(out, func(a, b Condition) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), strings.Compare(a.key(), b.key()))
	})
	return out
}

// maxScattered bounds how often conditions are cut by the subscribers between whom they do not matter.
const maxScattered = 1 << 24

// apart returns a condition for each protocol of those that are about some only.
func apart(list []Condition) []Condition {
	var out []Condition
	for _, c := range list {
		p := c.Protocols
		if p == protocolsOf(allProto) {
			out = append(out, c)
			continue
		}
		for _, one := range []Protocols{{TCP: p.TCP}, {UDP: p.UDP}, {ICMP: p.ICMP}, {Other: p.Other}} {
			if c.Protocols = one; one != (Protocols{}) {
				out = append(out, c)
			}
		}
	}
	return out
}

// onlyOnce reports whether shares hold in one circumstance only.
func onlyOnce(list []Condition) bool {
	n := 0
	for _, c := range list {
		if c.Effect == Only {
			n++
		}
	}
	return n == 1
}

// CompareConditions returns the conditions that only one of two lists has, and those that both have, in the given protocols. Of
// destinations it returns those that differ.
func CompareConditions(a, b []Condition, in Protocols) (onlyA, onlyB, both []Condition) {
	a, b = about(a, in), about(b, in)
	// Of what is exempt as a whole on one side, nothing more needs to be said.
	exempt := union(append(exempted(a), exempted(b)...))
	outside := func(list []Condition) []Condition {
		var out []Condition
		for _, c := range list {
			if c.Effect == Passed && !c.Vague && !c.isWhole() {
				c.dest = subtract(c.dest, exempt)
			}
			if len(c.dest) > 0 {
				out = append(out, c)
			}
		}
		return out
	}
	a, b = outside(a), outside(b)
	byKey := map[string]*Condition{}
	for i := range b {
		byKey[b[i].key()] = &b[i]
	}
	for _, x := range a {
		y := byKey[x.key()]
		if y == nil {
			onlyA = append(onlyA, x)
			continue
		}
		delete(byKey, x.key())
		p, q := x, *y
		if !x.Vague && x.Effect != Only {
			p.dest, q.dest = subtract(x.dest, y.dest), subtract(y.dest, x.dest)
		} else if !x.Vague && slices.Equal(x.dest, y.dest) {
			p.dest, q.dest = nil, nil
		}
		if len(p.dest)+len(q.dest) == 0 {
			both = append(both, x)
		}
		if len(p.dest) > 0 {
			onlyA = append(onlyA, p)
		}
		if len(q.dest) > 0 {
			onlyB = append(onlyB, q)
		}
	}
	for _, y := range b {
		if byKey[y.key()] != nil {
			onlyB = append(onlyB, y)
		}
	}
	return onlyA, onlyB, both
}

// isWhole reports whether a condition is about destinations alone.
func (c *Condition) isWhole() bool { return c.rest+c.ports+c.protocol() == "" && !c.Vague }

// exempted returns the destinations to which nothing is translated.
func exempted(list []Condition) (out []span) {
	for _, c := range list {
		if c.Effect == Passed && c.isWhole() {
			out = append(out, c.dest...)
		}
	}
	return out
}

// about returns conditions with the given protocols alone. What is said of all of these is said of all protocols.
func about(list []Condition, in Protocols) []Condition {
	var out []Condition
	for _, c := range list {
		p := &c.Protocols
		p.TCP, p.UDP, p.ICMP, p.Other = p.TCP && in.TCP, p.UDP && in.UDP, p.ICMP && in.ICMP, p.Other && in.Other
		switch *p {
		case Protocols{}:
			continue
		case in:
			*p = protocolsOf(allProto)
		}
		out = append(out, c)
	}
	return canonical(out, nil)
}

// portsText returns the one text of ports that all spellings have in common.
func portsText(text string) (string, bool) {
	set, err := portset.ParseSet(text)
	if err != nil {
		return "", false
	}
	return set.String(), true
}
