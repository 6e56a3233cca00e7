package rulefile

// maxUntracked bounds how many rules are kept that take packets away from translation.
const maxUntracked = 1 << 12

// untrack remembers a rule that takes packets away from connection tracking, and so from translation, before any rule of NAT sees
// them. Those that neither packets of subscribers nor answers to them may meet do not matter.
func (p *program) untrack(r rule, conds []string) *LineError {
	id, err := p.cond(conds...)
	if err != nil {
		return err
	}
	r.cond, r.do = id, accept
	if len(p.untracked) == maxUntracked { // one for all others
		p.untracked[maxUntracked-1] = newRule(int(p.untracked[maxUntracked-1].line))
		p.untracked[maxUntracked-1].do = accept
		return nil
	}
	p.untracked = append(p.untracked, r)
	return nil
}

// untracked notes that some packets of subscribers, or of the answers to them, are not translated. Which chains lead to such a rule is
// not followed, so that it is not said for whom that is.
func (w *walk) untracked() *LineError {
	if len(w.p.untracked) == 0 {
		return nil
	}
	who, outside := newFlow(w.to.subscribers()...), w.to.outside()
	if who.empty() {
		return nil
	}
	once := map[condID]bool{}
	for i := range w.p.untracked {
		r := &w.p.untracked[i]
		if r.do == pass || once[r.cond] { // never true
			continue
		}
		c := w.p.conditionOf(r.cond)
		met, err := w.meets(r, c.dest, who, outside)
		if err != nil {
			return err
		}
		if !met {
			continue
		}
		once[r.cond] = true
		c.Effect, c.Line, c.Protocols, c.Vague, c.cond = Passed, int(r.line), protocolsOf(r.mask), true, r.cond
		c.Text, c.rest = "", "notrack"
		w.to.conditions = append(w.to.conditions, c)
	}
	return nil
}

// meets reports whether packets of subscribers may meet a rule, or answers: those come from anywhere to an outside address.
func (w *walk) meets(r *rule, dest []span, who *flow, outside []span) (bool, *LineError) {
	sources := w.p.sources(r)
	var met []segment
	for _, s := range sources {
		met = who.get(met, s, r.mask)
	}
	if err := w.step(len(met)+len(sources)+len(dest), r.line); err != nil {
		return false, err
	}
	return len(met) > 0 || len(sources) > 0 && reach(dest, outside) > 0, nil
}

// outside returns the addresses that subscribers have shares of, ascending and joined.
func (c *collector) outside() []span {
	var out []span
	for i := range c.entries {
		e := &c.entries[i]
		if s := (span{e.outside, e.outside}); len(out) == 0 || out[len(out)-1] != s {
			out = append(out, s)
		}
	}
	return union(out)
}
