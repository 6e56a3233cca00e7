package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// An equality is two sides, and what was found.
type equality struct {
	a, b  *side
	flags *equalFlags
	count alloc.Difference
	// differs are differences that are not about shares. unproven is what was not compared.
	differs, unproven []string
}

// isEqual reports whether nothing differs of what was compared.
func (c *equality) isEqual() bool { return c.count.IsEmpty() && len(c.differs) == 0 }

// run compares.
func (c *equality) run() {
	c.changes(func(ch alloc.Change) bool {
		switch ch.Kind {
		case alloc.Moved:
			c.count.Moved++
		case alloc.Added:
			c.count.Added++
		case alloc.Removed:
			c.count.Removed++
		}
		return true
	})
	c.protocols()
	c.conditions()
	c.columns()
	c.softwires()
	for _, w := range c.flags.conditions {
		c.unproven = append(c.unproven, fmt.Sprintf("packets of which this is not so: %v (--where)", w))
	}
	for _, realm := range c.realms() {
		for _, w := range c.flags.ofRealm[realm] {
			c.unproven = append(c.unproven, fmt.Sprintf("that %v means realm %s (--where-realm)", w, realm))
		}
	}
	for _, name := range c.flags.without {
		c.unproven = append(c.unproven, map[string]string{"icmp": "icmp", "other": "protocols without ports"}[name]+" (--without)")
	}
}

// columns names what tables say and nobody reads.
func (c *equality) columns() {
	for _, s := range []*side{c.a, c.b} {
		for _, realm := range s.realms {
			if t := s.tables[realm]; t != nil && len(t.Unread()) > 0 {
				c.unproven = append(c.unproven, fmt.Sprintf("columns of %s that are not read: %s", s.name, strings.Join(t.Unread(), ", ")))
				break
			}
		}
	}
}

// softwires compares pools of MAP and lw4o6, which rules of a NAT do not have.
func (c *equality) softwires() {
	switch a, b := c.a.plan, c.b.plan; {
	case a != nil && b != nil:
		if !alloc.SameSoftwires(a, b) {
			c.differs = append(c.differs, "pools of MAP and lightweight 4over6: cgnctl diff says who moves")
		}
	case a != nil && len(a.SoftwireRealms()) > 0, b != nil && len(b.SoftwireRealms()) > 0:
		c.unproven = append(c.unproven, "pools of MAP and lightweight 4over6, which are no business of a NAT")
	}
}

// realms returns the names of all realms, each once.
func (c *equality) realms() []string {
	all := slices.Concat(c.a.realms, c.b.realms)
	slices.Sort(all)
	return slices.Compact(all)
}

// changes calls yield with the subscribers whose shares differ, until yield returns false, and counts those whose do not.
func (c *equality) changes(yield func(alloc.Change) bool) {
	going := true
	c.count.Kept = 0
	c.a.each(func(s alloc.Subscriber, old given) bool {
		change := alloc.Change{Kind: alloc.Removed, Subscriber: s, Old: old.Share}
		if now, ok := c.b.find(s); ok {
			if old.sameShare(now) {
				c.count.Kept++
				return true
			}
			change.Kind, change.New = alloc.Moved, now.Share
		}
		going = yield(change)
		return going
	})
	if !going {
		return
	}
	c.b.each(func(s alloc.Subscriber, now given) bool {
		if _, ok := c.a.find(s); ok {
			return true
		}
		return yield(alloc.Change{Kind: alloc.Added, Subscriber: s, New: now.Share})
	})
}

// alike are subscribers about whom the same is to be said.
type alike struct {
	n     uint64
	first alloc.Subscriber
	a, b  given
}

// protocols compares for which protocols shares hold.
func (c *equality) protocols() {
	differ, cannot := map[[2]string]*alike{}, map[[2]string]*alike{}
	c.a.each(func(s alloc.Subscriber, a given) bool {
		b, ok := c.b.find(s)
		if !ok {
			return true
		}
		same, said := c.sameProtocols(a, b)
		group := differ
		switch {
		case same && said:
			return true
		case same:
			group = cannot
		}
		key := [2]string{c.protocolsOf(a), c.protocolsOf(b)}
		if group[key] == nil {
			group[key] = &alike{first: s, a: a, b: b}
		}
		group[key].n++
		return true
	})
	c.differs = append(c.differs, c.lines(differ, "")...)
	c.unproven = append(c.unproven, c.lines(cannot, c.reason())...)
}

// lines returns a line for each group.
func (c *equality) lines(groups map[[2]string]*alike, reason string) []string {
	var out []string
	for key, g := range groups {
		who := g.first.String()
		if g.n > 1 {
			who = fmt.Sprintf("%d subscribers, the first %v", g.n, g.first)
		}
		out = append(out, fmt.Sprintf("protocols of %s: %s in %s, %s in %s%s", who, key[0], c.a.place(g.a.line), key[1], c.b.place(g.b.line), reason))
	}
	slices.Sort(out)
	return out
}

// reason says why protocols are not compared, where a side has no way to say what the other one does.
func (c *equality) reason() string {
	var out []string
	for _, s := range []*side{c.a, c.b} {
		switch s.format {
		case rulefile.RouterOS:
			out = append(out, "RouterOS cannot map identifiers of icmp into a share: never trace a subscriber by one")
		case rulefile.VyOS:
			out = append(out, "VyOS maps all but tcp and udp by address only: never trace a subscriber by an identifier of icmp")
		case rulefile.CSV:
			out = append(out, "a table says nothing of protocols without ports")
		}
	}
	return " (" + strings.Join(slices.Compact(out), "; ") + ")"
}

// sameProtocols reports whether two hold for the same protocols. said is false where that cannot be said, because of what a
// side cannot do at all.
func (c *equality) sameProtocols(a, b given) (same, said bool) {
	same, said = a.tcp == b.tcp && a.udp == b.udp, true
	if !c.flags.noICMP && a.icmp != b.icmp {
		loose := c.a
		if b.icmp == icmpAny {
			loose = c.b
		}
		if a.icmp == icmpNot || b.icmp == icmpNot || loose.format != rulefile.RouterOS && loose.format != rulefile.VyOS {
			same = false
		}
		said = false
	}
	if !c.flags.noRest && a.other != b.other {
		with := c.a
		if b.other {
			with = c.b
		}
		if !a.otherUnsaid && !b.otherUnsaid && with.format != rulefile.VyOS {
			same = false
		}
		said = false
	}
	return same, said
}

// protocolsOf returns "tcp, udp, icmp with any identifier".
func (c *equality) protocolsOf(g given) string {
	var names []string
	for _, p := range []struct {
		has  bool
		name string
	}{
		{g.tcp && g.udp, "tcp and udp"}, {g.tcp && !g.udp, "tcp"}, {g.udp && !g.tcp, "udp"},
		{g.icmp == icmpShare && !c.flags.noICMP, "icmp"}, {g.icmp == icmpAny && !c.flags.noICMP, "icmp with any identifier"},
		{g.other && !c.flags.noRest, "protocols without ports"},
	} {
		if p.has {
			names = append(names, p.name)
		}
	}
	return strings.Join(names, ", ")
}

// conditions compares on what shares depend besides source and protocol.
func (c *equality) conditions() {
	if c.a.single || c.b.single || len(c.flags.ofRealm) == 0 {
		c.conditionsOf("", c.a.table(""), c.b.table(""))
		return
	}
	for _, realm := range c.realms() {
		c.conditionsOf(realm, c.a.table(realm), c.b.table(realm))
	}
}

// inTheirWords returns how rules say a condition, as --where takes it.
func inTheirWords(d rulefile.Condition) string {
	if d.Line == 0 || d.Text == "" || strings.HasSuffix(d.String(), "where "+d.Text) {
		return ""
	}
	return " (" + d.Text + ")"
}

// table returns the rules of a realm; nil where a side has none.
func (s *side) table(realm string) *rulefile.Table {
	if s.rules == nil {
		return nil
	}
	return s.tables[realm]
}

// conditionsOf compares conditions.
func (c *equality) conditionsOf(realm string, a, b *rulefile.Table) {
	suffix := ""
	if realm != "" {
		suffix = " in realm " + realm
	}
	lists := [2][]rulefile.Condition{}
	sides := [2]*side{c.a, c.b}
	for i, t := range []*rulefile.Table{a, b} {
		switch s := sides[i]; {
		case t != nil:
			lists[i] = t.Conditions()
		case s.plan != nil:
			lists[i] = rulefile.PlanConditions(s.plan)
		case s.format == rulefile.CSV && sides[1-i].plan != nil && len(sides[1-i].plan.NoTranslate()) > 0:
			c.unproven = append(c.unproven, fmt.Sprintf("destinations that %s does not translate: a table does not say", sides[1-i].name))
			return
		}
	}
	onlyA, onlyB, both := rulefile.CompareConditions(lists[0], lists[1], c.flags.protocols())
	for i, list := range [][]rulefile.Condition{onlyA, onlyB} {
		for _, d := range list {
			c.differs = append(c.differs, fmt.Sprintf("%s: %v%s%s; not so in %s", sides[i].place(d.Line), d, inTheirWords(d), suffix, sides[1-i].name))
		}
	}
	for _, d := range both {
		if d.Outside {
			c.unproven = append(c.unproven, fmt.Sprintf("what stands elsewhere, and is taken to be the same: %v%s", d, suffix))
		}
	}
}
