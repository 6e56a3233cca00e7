package rulefile

import (
	"bytes"
	"slices"
)

// name keeps addresses that the file names, besides the sources of rules that are walked: what rules are not for, destinations, sets,
// and rules that are disabled or of other tables.
func (p *program) name(spans ...span) {
	for _, s := range spans {
		if s != everything && (len(p.said) == 0 || p.said[len(p.said)-1] != s) {
			p.said = append(p.said, s)
		}
	}
	if len(p.said) > 2*p.joined+maxNamed {
		p.said = union(p.said)
		p.joined = len(p.said)
	}
}

// remark keeps the addresses that stand in a comment: people switch off rules by making them one.
func (p *program) remark(text []byte) {
	for len(text) > 0 {
		n := bytes.IndexFunc(text, func(c rune) bool { return !isAddressChar(byte(min(c, 0x7f))) })
		if n < 0 {
			n = len(text)
		}
		p.remarkWord(text[:n])
		text = text[min(n+1, len(text)):]
	}
}

// remarkWord keeps the addresses that a word of a comment is.
func (p *program) remarkWord(word []byte) {
	if s, ok := parseSpan(bytes.Trim(word, "./-")); ok {
		p.name(s)
	}
}

// isAddressChar reports whether a character may stand in an address, a prefix or a range.
func isAddressChar(c byte) bool { return '0' <= c && c <= '9' || c == '.' || c == '/' || c == '-' }

// maxNamed is how many spans are kept before they are joined.
const maxNamed = 1 << 20

// namedIn returns the addresses that a program names and to which the table gives nothing. Spans in which somebody has a share are the
// frame of the rules, such as a jump for a prefix, and name nobody.
func (p *program) namedIn(t *Table) []span {
	pages := t.pages.filled()
	var out []span
	joined := 0
	add := func(s span) {
		if s == everything || t.pages.any(pages, s) {
			return
		}
		if out = append(out, s); len(out) > 2*joined+maxNamed {
			out = union(out)
			joined = len(out)
		}
	}
	for i := range p.chains {
		c := &p.chains[i]
		for _, rules := range [][]rule{c.front, c.rules} {
			for j := range rules {
				add(rules[j].src)
			}
		}
	}
	for _, m := range p.maps {
		for i := range m.elements {
			add(m.elements[i].key)
		}
	}
	for _, list := range append(slices.Clone(p.lists), p.said) {
		for _, s := range list {
			add(s)
		}
	}
	return union(out)
}

// names reports whether the file names an address that has no share.
func (t *Table) names(a uint32) bool {
	_, found := slices.BinarySearchFunc(t.named, a, func(s span, a uint32) int {
		switch {
		case s.last < a:
			return -1
		case s.first > a:
			return 1
		}
		return 0
	})
	return found
}

// filled returns the pages in which somebody stands, ascending.
func (p pages) filled() []uint32 {
	keys := make([]uint32, 0, len(p))
	for key, page := range p {
		if slices.ContainsFunc(page[:], func(n uint32) bool { return n != 0 }) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// any reports whether an address of a span has a number. filled is what filled returns.
func (p pages) any(filled []uint32, s span) bool {
	if s.single() {
		_, ok := p.at(s.first)
		return ok
	}
	at, _ := slices.BinarySearch(filled, s.first>>8)
	for ; at < len(filled) && filled[at] <= s.last>>8; at++ {
		first, last := uint32(0), uint32(255)
		if filled[at] == s.first>>8 {
			first = s.first & 255
		}
		if filled[at] == s.last>>8 {
			last = s.last & 255
		}
		if slices.ContainsFunc(p[filled[at]][first:last+1], func(n uint32) bool { return n != 0 }) {
			return true
		}
	}
	return false
}
