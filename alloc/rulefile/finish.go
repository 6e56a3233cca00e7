package rulefile

import (
	"cmp"
	"slices"
)

// table turns what was collected into a table.
func (c *collector) table(name string, f Format) (*Table, *LineError) {
	t := &Table{name: name, format: f, sets: c.sets, pages: c.pages, records: make([]record, 0, len(c.entries))}
	outside := map[uint32]bool{}
	for _, r := range c.rest {
		outside[r.out.first] = true
	}
	all, _ := c.sets.ofRange(1, 65535)
	for i := range c.entries {
		e := &c.entries[i]
		r, err := c.settle(e, all)
		if err != nil {
			return nil, err
		}
		if r.ports == 0 {
			delete1(t.pages, e.inside)
			continue
		}
		if len(outside) > 0 && outside[e.outside] {
			return nil, c.sharedWithRest(e)
		}
		t.pages.put(e.inside, len(t.records))
		t.records = append(t.records, r)
	}
	c.entries = nil
	if n := c.notes.count(rulesDisabled); len(t.records) == 0 && n > 0 {
		return nil, bad(ErrNothing, "no rule here gives a subscriber an outside address and ports, and %d that are disabled were left out", n).
			hint("scripts write rules that somebody is to enable: import what the router exports, or enable them in a copy of the file")
	} else if len(t.records) == 0 {
		return nil, bad(ErrNothing, "no rule here gives a subscriber an outside address and ports").hint("check --from, and that the file holds the rules of source NAT")
	}
	slices.SortStableFunc(c.notes.found, func(a, b Finding) int { return cmp.Compare(a.Line, b.Line) })
	t.findings = c.notes.found
	t.conditions = c.needed()
	return t, nil
}

func delete1(p pages, a uint32) { p[a>>8][a&255] = 0 }

func (c *collector) sharedWithRest(e *entry) *LineError {
	for _, r := range c.rest {
		if r.out.first == e.outside {
			return &LineError{Line: int(r.line), Err: ErrShared, Msg: "the rule translates whoever is left to " + addr4(e.outside).String() +
				", where subscriber " + addr4(e.inside).String() + " has a share: nobody could say who used a port",
				Hint: "give the rest another address; to import without that rule, take it out of a copy of the file"}
		}
	}
	return nil
}

// settle makes one share of what the protocols of an entry have. The zero record says that there is none.
func (c *collector) settle(e *entry, all setID) (record, *LineError) {
	r := record{inside: e.inside, outside: e.outside, line: e.line, mask: e.plain}
	for k, ports := range e.ports {
		if ports == 0 {
			continue
		}
		r.mask |= 1 << k
		if r.ports == 0 {
			r.ports = ports
		} else if r.ports != ports {
			return r, c.differ(e, k)
		}
	}
	if e.plain&icmp != 0 && e.ports[0]|e.ports[1] != 0 {
		r.mask |= anyID
	}
	switch {
	case r.mask&(tcp|udp) == 0:
		c.notes.add(int(e.line), "subscribers are translated in protocols other than tcp and udp only: they have no share", "subscriber "+addr4(e.inside).String())
		return record{}, nil
	case r.ports == 0:
		r.ports = all // a rule without ports: the whole address is theirs
	case e.plain&(tcp|udp) != 0:
		k := 0
		if e.plain&udp != 0 {
			k = 1
		}
		err := bad(ErrConflict, "subscriber %v has any port for %s, and ports %.60s for another protocol", addr4(e.inside), protoNames[k], c.sets.set(r.ports))
		err.Line = int(e.line)
		return r, err.hint("a plan gives tcp and udp the same ports: add the missing rule")
	}
	c.note(e, r)
	return r, nil
}

var protoNames = [...]string{"tcp", "udp", "icmp"}

// differ names the lines that give two protocols different ports.
func (c *collector) differ(e *entry, k int) *LineError {
	for j := range k {
		if e.ports[j] != 0 && e.ports[j] != e.ports[k] {
			err := bad(ErrConflict, "subscriber %v gets ports %.60s for %s here and %.60s for %s in line %d", addr4(e.inside),
				c.sets.set(e.ports[k]), protoNames[k], c.sets.set(e.ports[j]), protoNames[j], e.lines[j])
			err.Line = int(e.lines[k])
			return err.hint("a plan gives all protocols the same ports: decide which of the lines is right")
		}
	}
	return nil
}

// note says which protocols a share does not hold for in the file.
func (c *collector) note(e *entry, r record) {
	text := "subscriber " + addr4(e.inside).String()
	switch r.mask & (tcp | udp) {
	case tcp:
		c.notes.add(int(e.line), "subscribers have rules for tcp and none for udp: a plan translates both", text)
	case udp:
		c.notes.add(int(e.line), "subscribers have rules for udp and none for tcp: a plan translates both", text)
	}
	switch {
	case e.plain&icmp != 0 && e.ports[0]|e.ports[1] != 0:
		c.notes.add(int(e.line), "subscribers have icmp without ports: identifiers outside their share say nothing about who sent them", text)
	case r.mask&icmp == 0:
		c.notes.add(int(e.line), "subscribers have no rule for icmp: a plan translates its queries", text)
	}
	if e.cond != 0 {
		c.notes.add(int(e.line), "rules hold in circumstances that a plan does not have", c.conds.conds[e.cond].text)
	}
}
