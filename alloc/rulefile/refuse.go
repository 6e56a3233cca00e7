package rulefile

// maxRefusals bounds how many rules keep what is wrong with them.
const maxRefusals = 1 << 16

// refusal turns a rule into one that cannot be read exactly. That is an error where a packet can meet it, and nobody's business in
// chains of filters and of other hooks. err names line and text.
func (p *program) refusal(r rule, err *LineError) rule {
	if err.Line == 0 {
		err.Line = int(r.line)
	}
	if len(p.refusals) == maxRefusals {
		r.do, r.target = refuse, -1
		return r
	}
	r.do, r.target = refuse, int32(len(p.refusals))
	p.refusals = append(p.refusals, err)
	return r
}

// refused returns what is wrong with a rule of which packets are left in f.
func (w *walk) refused(r *rule, f *flow) *LineError {
	for _, s := range w.p.sources(r) {
		if w.taken = f.get(w.taken[:0], s, r.mask); len(w.taken) > 0 {
			if r.target < 0 {
				return w.at(int(r.line), bad(ErrSyntax, "the rule is not understood, as many before it"))
			}
			return w.p.refusals[r.target]
		}
	}
	return nil
}

// refuseMissing refuses the rules that lead to a chain that is not in the file.
func (p *program) refuseMissing() {
	for i := range p.chains {
		c := &p.chains[i]
		for _, rules := range [][]rule{c.front, c.rules} {
			for j := range rules {
				if r := &rules[j]; (r.do == jump || r.do == jumpAway) && p.chains[r.target].line == 0 {
					*r = p.refusal(*r, bad(ErrSyntax, "%s is no target that is known, and no chain in this file", printable(p.chains[r.target].name)))
				}
			}
		}
	}
}

// noteMissing notes the jumps to a chain that has no rules in the file: packets come back from there.
func (p *program) noteMissing(n *notes) {
	for i := range p.chains {
		for _, r := range p.chains[i].rules {
			if (r.do == jump || r.do == jumpAway) && p.chains[r.target].line == 0 {
				n.add(int(r.line), "rules lead to a chain that has no rules here", p.chains[r.target].name)
			}
		}
	}
}

// others returns what no element of a map but the catch-all "*" matches.
func (m *shareMap) others(allowed *flow) []segment {
	left := newFlow()
	allowed.each(left.add)
	for i := range m.elements {
		if e := &m.elements[i]; !e.catchAll {
			left.take(nil, e.key, e.mask)
		}
	}
	var out []segment
	left.each(func(g segment) { out = append(out, g) })
	return out
}
