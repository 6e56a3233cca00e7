package rulefile

import (
	"io"
	"slices"
	"strings"
)

// Rules are what stands in a file, before anybody follows packets through it. They are not safe for concurrent use.
type Rules struct {
	name   string
	format Format
	p      *program // nil for formats without chains
	read   notes
	table  *Table // of those
}

// Read reads rules, of any format but CSV. name is for messages. Errors and cost are those of Parse.
func Read(r io.Reader, f Format, name string) (*Rules, error) {
	x := &Rules{name: name, format: f}
	var err *LineError
	switch f {
	case Nftables:
		x.p, err = parseNftables(r, &x.read)
	case Iptables:
		x.p, err = parseIptables(r, &x.read)
	case RouterOS:
		x.p, err = parseRouterOS(r, &x.read)
	case VyOS:
		c := newCollector(&x.read)
		if err = parseVyOS(r, c); err == nil {
			x.table, err = c.table(name, f)
		}
	default:
		return nil, ErrFormat
	}
	if err != nil {
		err.File = name
		return nil, err
	}
	return x, nil
}

// Table follows packets through the rules: all that subscribers send, or only that of which the conditions in where are true. A
// condition that the rules do not have changes nothing, see Has. The error is a *LineError that names the line.
func (x *Rules) Table(where ...Where) (*Table, error) {
	if x.p == nil {
		return x.table, nil
	}
	p, err := x.p, (*LineError)(nil)
	if len(where) > 0 {
		p, err = p.where(where)
	}
	n := &notes{found: slices.Clone(x.read.found), byMsg: map[string]int{}}
	for i, f := range n.found {
		n.byMsg[f.Msg] = i
	}
	var t *Table
	if err == nil {
		t, err = x.follow(p, n)
	}
	if err == nil {
		return t, nil
	}
	err.File = x.name
	return nil, err
}

// follow walks a program.
func (x *Rules) follow(p *program, n *notes) (*Table, *LineError) {
	c := newCollector(n)
	c.sets, c.conds = p.sets, p
	if err := p.run(c, n); err != nil {
		return nil, err
	}
	t, err := c.table(x.name, x.format)
	if err == nil {
		t.named = p.namedIn(t)
	}
	return t, err
}

// A Where is a condition as rules say it, such as "oifname eth0": of the packets that are looked at, it is true or not.
type Where struct {
	Text string
	Not  bool
}

// String returns "not oifname eth0".
func (w Where) String() string {
	if w.Not {
		return "not " + w.Text
	}
	return w.Text
}

// ParseWhere reads what String returns. Quotes do not matter.
func ParseWhere(text string) Where {
	text, not := strings.CutPrefix(plainText(text), "not ")
	return Where{text, not}
}

// plainText returns text without quotes, and with single blanks.
func plainText(text string) string {
	return strings.Join(strings.Fields(strings.NewReplacer(`"`, "", `'`, "").Replace(text)), " ")
}

// spaced is plainText with lists written in one way: "{ a, b }" and "{a,b}" are the same.
func spaced(text string) string {
	return plainText(strings.NewReplacer("{", " { ", "}", " } ", ",", " , ").Replace(text))
}

// Has reports whether the rules ask for a condition.
func (x *Rules) Has(w Where) bool { return x.p != nil && x.p.named(w.Text) != nil }

// Matches returns what the rules ask of packets besides source and protocol, each once and at most most, in the order of the file.
func (x *Rules) Matches(most int) []string {
	var out []string
	for i := 0; x.p != nil && i < len(x.p.atoms) && len(out) < most; i++ {
		out = append(out, printable(x.p.atoms[i].text))
	}
	return out
}

// named returns the atoms that a text means: one match, or all of a rule.
func (p *program) named(text string) []uint32 {
	text = spaced(text)
	for i := range p.atoms {
		if spaced(p.atoms[i].text) == text {
			return []uint32{uint32(i)}
		}
	}
	for i := range p.conds[1:] {
		if c := &p.conds[i+1]; spaced(c.text) == text {
			return c.atoms
		}
	}
	return nil
}
