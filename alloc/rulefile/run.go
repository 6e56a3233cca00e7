package rulefile

import "slices"

const (
	// maxDepth is more than the nested jumps of any kernel: nftables has 16.
	maxDepth = 64
	// maxWork bounds the steps that walking the chains takes: some ten seconds.
	maxWork = 1 << 27
)

// A walk follows all packets through a program at once.
//
// Rules depend on circumstances that a plan does not have. Every circumstance under which a rule gives shares is a world, and
// has a walk of its own, in which it is true: there the first rule that matches wins. What is open in a world is walked by a
// copy of the packets, to find what else they may meet.
type walk struct {
	p       *program
	to      *collector
	work    int
	path    []int32 // chains that are being walked
	taken   []segment
	worlds  []condID // the first is where no circumstance is true
	known   map[condID]bool
	world   condID
	related []relation // by circumstance; forgotten with the world
	passed  *flow      // accepted: the next chain where packets enter sees them
	excepts map[exceptionKey]*exception
	order   []*exception
	gone    departed // from the chain that is being walked, or one that leads to it
	ended   departed // from all chains
	returns []returned
	able    []relation // of circumstances: holds or never, whatever the world
	excuses []excuse
	aside   []*exception // translated without a share
}

// A place is where in a chain packets are.
type place struct {
	cond  condID
	ghost bool // they are a copy, of packets of another world
}

// run walks the chains in which packets enter, world by world, and notes what no packet meets.
func (p *program) run(to *collector, n *notes) *LineError {
	w := &walk{p: p, to: to, worlds: []condID{0}, known: map[condID]bool{0: true}}
	to.step = w.step
	for n := 0; n < len(w.worlds); { // walking one may find others
		world := w.worlds[n]
		n++
		if err := w.through(world, uint16(n)); err != nil {
			return err
		}
	}
	if err := w.prove(); err != nil {
		return err
	}
	if err := w.untracked(); err != nil {
		return err
	}
	if err := w.forwards(); err != nil {
		return err
	}
	w.advise()
	for i := range p.chains {
		p.chains[i].unmatched(n)
	}
	for _, m := range p.maps {
		for i := range m.elements {
			if e := &m.elements[i]; e.do == snat && !e.hit {
				n.add(int(e.line), "elements of maps are never asked for: no rule looks them up, or rules before it take all packets", m.name)
			}
		}
	}
	return nil
}

// through walks one world.
func (w *walk) through(world condID, number uint16) *LineError {
	w.world, w.related, w.excepts, w.order = world, nil, map[exceptionKey]*exception{}, nil
	w.gone, w.ended, w.aside = departed{}, departed{}, nil
	w.to.enter(number)
	f := newFlow(segment{everything, allProto})
	for _, c := range w.p.roots {
		w.passed = newFlow()
		left, err := w.chain(c, f, place{})
		if err != nil {
			return err
		}
		w.passed.each(left.add)
		f = left
	}
	if err := w.judge(); err != nil {
		return err
	}
	if err := w.leftOver(); err != nil {
		return err
	}
	return w.agree()
}

// relate returns what the world says of a circumstance.
func (w *walk) relate(c condID) relation {
	if c == 0 {
		return holds
	}
	for int(c) >= len(w.related) {
		w.related = append(w.related, unknown)
	}
	if w.related[c] == unknown {
		w.work += 4
		w.related[c] = w.p.relate(w.world, c)
	}
	return w.related[c]
}

// can reports whether a circumstance can be true of any packet.
func (w *walk) can(c condID) bool {
	for int(c) >= len(w.able) {
		w.able = append(w.able, unknown)
	}
	if w.able[c] == unknown {
		w.able[c] = never
		if w.p.possible(c) {
			w.able[c] = holds
		}
		for _, id := range w.p.conds[c].atoms {
			w.work += 4 + len(w.p.atoms[id].dest)
		}
	}
	return w.able[c] == holds
}

// unmatched notes the rules that no packet met.
func (c *chain) unmatched(n *notes) {
	for _, rules := range [][]rule{c.front, c.rules} {
		for i := range rules {
			switch r := &rules[i]; {
			case r.hit || r.do != snat && r.do != lookup:
			case c.walked:
				n.add(int(r.line), "rules can never match: rules before them take all their packets", "chain "+c.name)
			default:
				n.add(int(r.line), "rules are in a chain that nothing leads to", "chain "+c.name)
			}
		}
	}
}

// chain lets a flow travel a chain and returns what comes back to the caller.
func (w *walk) chain(c int32, f *flow, at place) (*flow, *LineError) {
	ch := &w.p.chains[c]
	if slices.Contains(w.path, c) {
		return nil, w.at(ch.line, bad(ErrSyntax, "chain %s leads to itself", printable(ch.name)))
	}
	if len(w.path) == maxDepth {
		return nil, w.at(ch.line, bad(ErrTooLarge, "chains are nested more than %d deep", maxDepth))
	}
	if err := w.step(len(ch.front)+len(ch.rules), uint32(ch.line)); err != nil {
		return nil, err
	}
	ch.walked = true
	w.path = append(w.path, c)
	gone, returns := w.gone, len(w.returns)
	defer func() { w.path, w.gone = w.path[:len(w.path)-1], gone }()
	out := newFlow()
	for i := len(ch.front) - 1; i >= 0; i-- {
		if err := w.rule(&ch.front[i], f, out, at); err != nil {
			return nil, err
		}
	}
	for i := range ch.rules {
		if err := w.rule(&ch.rules[i], f, out, at); err != nil {
			return nil, err
		}
	}
	out.each(f.add)
	return f, w.missing(f, returns)
}

func (w *walk) at(line int, err *LineError) *LineError {
	if err.Line == 0 {
		err.Line = line
	}
	return err
}

// step accounts for work.
func (w *walk) step(n int, line uint32) *LineError {
	if w.work += n + 1; w.work > maxWork {
		return w.at(int(line), bad(ErrTooLarge, "the rules depend on each other so often that walking them takes too long"))
	}
	return nil
}

// A meeting is a rule and the packets that travel its chain.
type meeting struct {
	r      *rule
	f, out *flow // out goes back to the caller
	at     place // of the chain
	then   place // of those that match
	copied bool  // those that match stay in f, too: the rule may not match
}

// rule lets f meet one rule.
func (w *walk) rule(r *rule, f, out *flow, at place) *LineError {
	if r.do == pass || f.empty() {
		return nil
	}
	m := meeting{r: r, f: f, out: out, at: at, then: at, copied: r.chance}
	if r.cond != 0 {
		both, err := w.p.both(at.cond, r.cond)
		if err != nil {
			return w.at(int(r.line), err)
		}
		if m.then.cond = both; !w.can(both) {
			return nil
		}
		switch relation := w.relate(r.cond); {
		case relation == never:
			return nil
		case relation == open || at.ghost:
			m.then.ghost, m.copied = true, true
		}
	}
	if r.do == refuse {
		return w.refused(r, f)
	}
	if r.do == lookup {
		return w.lookup(&m)
	}
	take := f.take
	if m.copied {
		take = f.get
	}
	w.taken = w.taken[:0]
	if r.list >= 0 {
		list := w.p.lists[r.list]
		if err := w.step(4*len(list), r.line); err != nil {
			return err
		}
		for _, s := range list {
			w.taken = take(w.taken, s, r.mask)
		}
	} else {
		w.taken = take(w.taken, r.src, r.mask)
	}
	if err := w.step(len(w.taken), r.line); err != nil || len(w.taken) == 0 {
		return err
	}
	r.hit = r.hit || r.do == snat && !m.then.ghost
	return w.act(verdict{r.do, r.target, r.line}, &m, w.taken)
}

// A verdict is what becomes of packets that matched.
type verdict struct {
	do     action
	target int32
	line   uint32
}

// act does with segments what a rule, or an element of a map, says.
func (w *walk) act(v verdict, m *meeting, taken []segment) *LineError {
	switch v.do {
	case snat:
		r := m.r
		return w.claims(claim{r.out, r.ports, r.line, m.then.cond, r.netmap, r.chance, false}, m, r.src, taken)
	case drop, dynamic, accept, back:
		return w.leave(v, m, taken)
	case jump, jumpAway:
		if m.r.chance {
			return w.at(int(v.line), bad(ErrShared, "the rule jumps by chance, and no share is sure"))
		}
		left, err := w.chain(v.target, newFlow(taken...), m.then)
		if err != nil {
			return err
		}
		switch {
		case v.do == jumpAway && m.copied && !m.at.ghost:
			w.returned(m, left)
			return w.depart(&w.gone, m, m.r.cond)
		case v.do == jumpAway && m.copied:
			return w.depart(&w.gone, m, m.r.cond)
		case m.copied:
		case v.do == jumpAway:
			left.each(m.out.add)
		default:
			left.each(m.f.add)
		}
	}
	return nil
}

// leave lets segments leave a chain without a share.
func (w *walk) leave(v verdict, m *meeting, taken []segment) *LineError {
	switch {
	case m.r.chance:
		return w.at(int(v.line), bad(ErrShared, "the rule lets packets pass by chance, and no share is sure"))
	case m.then.ghost && v.do == back && m.at.ghost:
		if m.copied {
			return w.depart(&w.gone, m, m.r.cond)
		}
		for _, g := range taken { // the copies go back to where others go on
			m.out.add(g)
		}
	case m.then.ghost:
		return w.pass(v, m, taken)
	case v.do == back:
		for _, g := range taken {
			m.out.add(g)
		}
	case v.do == accept:
		for _, g := range taken {
			w.passed.add(g)
		}
	case v.do == dynamic:
		w.aside = append(w.aside, &exception{cond: m.then.cond, effect: Elsewhere, line: v.line, who: newFlow(taken...)})
	}
	return nil
}

// claims gives segments a share, or remembers the world in which they have one.
func (w *walk) claims(c claim, m *meeting, src span, taken []segment) *LineError {
	if m.then.ghost {
		if !w.known[c.cond] {
			w.known[c.cond] = true
			w.worlds = append(w.worlds, c.cond)
		}
		if !isRest(&c, taken) {
			return nil
		}
		if err := w.except(c.cond, Elsewhere, c.line, w.departed(), taken); err != nil {
			return err
		}
		return w.depart(&w.ended, m, c.cond)
	}
	if err := w.to.claims(c, src, taken); err != nil {
		return w.at(int(c.line), err)
	}
	return nil
}

// lookup lets packets meet a rule with a map. Keys have no order: of two elements with one key, the collector hears both.
func (w *walk) lookup(m *meeting) *LineError {
	r := m.r
	allowed := newFlow()
	sources := w.p.sources(r)
	if err := w.step(4*len(sources), r.line); err != nil {
		return err
	}
	for _, s := range sources {
		for _, g := range m.f.get(nil, s, r.mask) {
			allowed.add(g)
		}
	}
	asked := w.p.maps[r.target]
	if asked.foreign && !allowed.empty() {
		return w.at(int(r.line), bad(ErrSyntax, "map %s maps something else than addresses", printable(asked.name)))
	}
	for i := range asked.elements {
		e := &asked.elements[i]
		if e.catchAll {
			w.work += len(asked.elements)
			w.taken = asked.others(allowed)
		} else {
			w.taken = allowed.get(w.taken[:0], e.key, e.mask)
		}
		if err := w.step(len(w.taken), e.line); err != nil {
			return err
		}
		if len(w.taken) == 0 || e.do == pass {
			continue // a verdict of continue leaves them to the next rule
		}
		if err := w.element(m, e); err != nil {
			return err
		}
	}
	return nil
}

// element lets w.taken meet an element of a map.
func (w *walk) element(m *meeting, e *mapElement) *LineError {
	r := m.r
	if !m.then.ghost || e.do != snat {
		e.hit, r.hit = true, true
	}
	taken := slices.Clone(w.taken)
	if e.do != pass && !m.copied {
		for _, g := range taken {
			w.taken = m.f.take(w.taken[:0], g.span, g.mask)
		}
	}
	if e.do != snat {
		return w.act(verdict{e.do, e.target, e.line}, m, taken)
	}
	switch {
	case e.out.single():
	case !r.netmap:
		return w.at(int(e.line), bad(ErrShared, "the kernel chooses one of %d addresses", e.out.len()).hint("snat ip prefix to maps one to one"))
	case e.out.len() != e.key.len():
		return w.at(int(e.line), bad(ErrShared, "%d inside addresses are mapped to %d outside addresses, and only one to one gives shares", e.key.len(), e.out.len()))
	}
	joined := w.p.maps[r.target].joined
	return w.claims(claim{e.out, e.ports, e.line, m.then.cond, !e.out.single(), r.chance, joined}, m, e.key, taken)
}
