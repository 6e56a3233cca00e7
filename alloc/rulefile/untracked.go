package rulefile

// maxUntracked bounds how many rules are kept that stand outside of translation and change it.
const maxUntracked = 1 << 12

// A detour is what a rule outside of translation does to packets, so that translation sees none of them, or others than came.
type detour uint8

const (
	noDetour  detour = iota
	untracked        // they are not tracked, and not translated
	zoned            // they are tracked apart from their answers
	targeted         // one of both, or something that does not matter: by a target that nft does not show
	rewritten        // they get other addresses or ports
)

// String returns what is true of packets that took it.
func (d detour) String() string {
	return [...]string{"nothing", "notrack", "ct zone set", `xt target "CT"`, "addresses or ports are rewritten"}[min(d, rewritten)]
}

// effect returns what becomes of packets that took it.
func (d detour) effect() Effect {
	if d == untracked {
		return Passed
	}
	return Elsewhere
}

// A detoured is a rule with the detour to which it leads.
type detoured struct {
	rule
	by detour
}

// untrack remembers a rule that changes what rules of NAT see of packets. Those that neither packets of subscribers nor answers to them
// may meet do not matter, but for those that rewrite: they may make others look like subscribers.
func (p *program) untrack(r rule, conds []string, by detour) *LineError {
	id, err := p.cond(conds...)
	if err != nil {
		return err
	}
	r.cond, r.do = id, accept
	if len(p.untracked) == maxUntracked { // one for all others
		last := &p.untracked[maxUntracked-1]
		*last = detoured{newRule(int(last.line)), max(last.by, by)}
		last.do = accept
		return nil
	}
	p.untracked = append(p.untracked, detoured{r, by})
	return nil
}

// untracked notes that some packets of subscribers, or of the answers to them, are not translated, or otherwise. Which chains lead to
// such a rule is not followed, so that it is not said for whom that is.
func (w *walk) untracked() *LineError {
	if len(w.p.untracked) == 0 {
		return nil
	}
	who, outside := newFlow(w.to.subscribers()...), w.to.outside()
	if who.empty() {
		return nil
	}
	type key struct {
		cond condID
		by   detour
	}
	once := map[key]bool{}
	for i := range w.p.untracked {
		r := &w.p.untracked[i]
		k := key{r.cond, r.by}
		if r.do == pass || once[k] { // never true
			continue
		}
		c := w.p.conditionOf(r.cond)
		met, err := w.meets(&r.rule, c.dest, who, outside)
		if err != nil {
			return err
		}
		if !met && r.by != rewritten {
			continue
		}
		once[k] = true
		c.Effect, c.Line, c.Protocols, c.Vague, c.cond = r.by.effect(), int(r.line), protocolsOf(r.mask), true, r.cond
		c.Text, c.rest = "", r.by.String()
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
