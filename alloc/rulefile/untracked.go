package rulefile

// maxUntracked bounds how many rules are kept that take packets away from translation.
const maxUntracked = 1 << 12

// untrack remembers a rule that takes packets away from connection tracking, and so from translation, before any rule of NAT sees
// them. Those for others than subscribers do not matter.
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

// untracked notes that some packets of subscribers are not translated. Which chains lead to such a rule is not followed, so that it
// is not said for whom that is.
func (w *walk) untracked() *LineError {
	if len(w.p.untracked) == 0 {
		return nil
	}
	who := newFlow(w.to.subscribers()...)
	once := map[condID]bool{}
	for i := range w.p.untracked {
		r := &w.p.untracked[i]
		if r.do == pass || once[r.cond] { // never true
			continue
		}
		var met []segment
		for _, s := range w.p.sources(r) {
			met = who.get(met, s, r.mask)
		}
		if err := w.step(len(met)+len(w.p.sources(r)), r.line); err != nil {
			return err
		}
		if len(met) == 0 {
			continue
		}
		once[r.cond] = true
		c := w.p.conditionOf(r.cond)
		c.Effect, c.Line, c.Protocols, c.Vague, c.cond = Passed, int(r.line), protocolsOf(r.mask), true, r.cond
		c.Text, c.rest = "", "notrack"
		w.to.conditions = append(w.to.conditions, c)
	}
	return nil
}
