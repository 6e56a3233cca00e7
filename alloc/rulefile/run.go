package rulefile

import (
	"fmt"
	"slices"
)

const (
	// maxDepth is more than the nested jumps of any kernel: nftables has 16.
	maxDepth = 64
	// maxWork bounds the steps that walking the chains takes: some ten seconds.
	maxWork = 1 << 29
)

// A walk follows all packets through a program at once.
type walk struct {
	p     *program
	to    *collector
	work  int
	path  []int32 // chains that are being walked
	taken []segment
}

// run walks the chains in which packets enter, and notes what no packet meets.
func (p *program) run(to *collector, n *notes) *LineError {
	w := &walk{p: p, to: to}
	for i, c := range p.roots {
		to.root = uint8(min(i, 255))
		if _, err := w.chain(c, newFlow(segment{everything, allProto}), 0); err != nil {
			return err
		}
	}
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
func (w *walk) chain(c int32, f *flow, cond condID) (*flow, *LineError) {
	ch := &w.p.chains[c]
	if slices.Contains(w.path, c) {
		return nil, w.at(ch.line, bad(ErrSyntax, "chain %s leads to itself", printable(ch.name)))
	}
	if len(w.path) == maxDepth {
		return nil, w.at(ch.line, bad(ErrTooLarge, "chains are nested more than %d deep", maxDepth))
	}
	ch.walked = true
	w.path = append(w.path, c)
	defer func() { w.path = w.path[:len(w.path)-1] }()
	out := newFlow()
	for i := len(ch.front) - 1; i >= 0; i-- {
		if err := w.rule(&ch.front[i], f, out, cond); err != nil {
			return nil, err
		}
	}
	for i := range ch.rules {
		if err := w.rule(&ch.rules[i], f, out, cond); err != nil {
			return nil, err
		}
	}
	if out.empty() {
		return f, nil
	}
	out.each(f.add)
	return f, nil
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
		return w.at(int(line), bad(ErrTooLarge, "the chains jump to each other so often that walking them takes too long"))
	}
	return nil
}

// rule lets f meet one rule. What leaves the chain towards the caller goes to out.
func (w *walk) rule(r *rule, f, out *flow, cond condID) *LineError {
	if r.do == pass || f.empty() {
		return nil
	}
	if r.do == refuse {
		return w.refused(r, f)
	}
	if r.do == lookup {
		return w.lookup(r, f, out, cond)
	}
	take := f.take
	if r.cond != 0 || r.chance {
		if r.do == stop || r.do == back {
			w.excepted(r)
			return nil
		}
		take = f.get
	}
	w.taken = w.taken[:0]
	if r.list >= 0 {
		for _, s := range w.p.lists[r.list] {
			w.taken = take(w.taken, s, r.mask)
		}
	} else {
		w.taken = take(w.taken, r.src, r.mask)
	}
	if err := w.step(len(w.taken), r.line); err != nil || len(w.taken) == 0 {
		return err
	}
	r.hit = true
	return w.act(verdict{r.do, r.target, r.line}, r, w.taken, f, out, cond)
}

// excepted notes a rule that lets packets pass in circumstances. It is taken for one that does not match: whom a plan translates
// depends on destinations only.
func (w *walk) excepted(r *rule) {
	if !r.hit {
		w.to.notes.add(int(r.line), "rules except packets from translation in circumstances that a plan does not have; destinations belong into no-translate",
			w.p.conds[r.cond])
	}
	r.hit = true
}

// A verdict is what becomes of packets that matched.
type verdict struct {
	do     action
	target int32
	line   uint32
}

// act does with segments what a rule, or an element of a map, says.
func (w *walk) act(v verdict, r *rule, taken []segment, f, out *flow, cond condID) *LineError {
	both, err := w.both(cond, r.cond)
	if err != nil {
		return w.at(int(v.line), err)
	}
	switch v.do {
	case snat:
		return w.at2(v.line, w.to.claims(claim{r.out, r.ports, r.line, both, r.netmap, r.chance}, r.src, taken))
	case back:
		for _, g := range taken {
			out.add(g)
		}
	case jump, jumpAway:
		left, err := w.chain(v.target, newFlow(taken...), both)
		if err != nil || r.cond != 0 {
			return err // f still has them
		}
		to := f
		if v.do == jumpAway {
			to = out
		}
		left.each(to.add)
	}
	return nil
}

func (w *walk) at2(line uint32, err *LineError) *LineError {
	if err == nil {
		return nil
	}
	return w.at(int(line), err)
}

// both returns the circumstance of a rule within that of its chain.
func (w *walk) both(a, b condID) (condID, *LineError) {
	switch {
	case a == b || b == 0:
		return a, nil
	case a == 0:
		return b, nil
	}
	id, err := w.p.cond(fmt.Sprintf("%.100s; %.100s", w.p.conds[a], w.p.conds[b]))
	if err == nil && (w.p.odd[a] || w.p.odd[b]) {
		w.p.strange(id)
	}
	return id, err
}

// lookup lets f meet a rule with a map. Keys have no order: of two elements with one key, the collector hears both.
func (w *walk) lookup(r *rule, f, out *flow, cond condID) *LineError {
	both, err := w.both(cond, r.cond)
	if err != nil {
		return w.at(int(r.line), err)
	}
	allowed := newFlow()
	for _, s := range w.p.sources(r) {
		for _, g := range f.get(nil, s, r.mask) {
			allowed.add(g)
		}
	}
	m := w.p.maps[r.target]
	if m.foreign && !allowed.empty() {
		return w.at(int(r.line), bad(ErrSyntax, "map %s maps something else than addresses", printable(m.name)))
	}
	for i := range m.elements {
		e := &m.elements[i]
		if e.catchAll {
			w.work += len(m.elements)
			w.taken = w.others(m, allowed)
		} else {
			w.taken = allowed.get(w.taken[:0], e.key, e.mask)
		}
		if err := w.step(len(w.taken), e.line); err != nil {
			return err
		}
		if len(w.taken) == 0 || e.do == pass {
			continue // a verdict of continue leaves them to the next rule
		}
		e.hit, r.hit = true, true
		if err := w.element(r, e, f, out, both); err != nil {
			return err
		}
	}
	return nil
}

// element lets w.taken meet an element of a map.
func (w *walk) element(r *rule, e *mapElement, f, out *flow, both condID) *LineError {
	if e.do == snat {
		switch {
		case e.out.single():
		case !r.netmap:
			return w.at(int(e.line), bad(ErrShared, "the kernel chooses one of %d addresses", e.out.len()).hint("snat ip prefix to maps one to one"))
		case e.out.len() != e.key.len():
			return w.at(int(e.line), bad(ErrShared, "%d inside addresses are mapped to %d outside addresses, and only one to one gives shares", e.key.len(), e.out.len()))
		}
		c := claim{e.out, e.ports, e.line, both, !e.out.single(), r.chance || w.p.maps[r.target].joined}
		if err := w.to.claims(c, e.key, w.taken); err != nil {
			return w.at(int(e.line), err)
		}
	}
	if r.cond == 0 {
		for _, g := range w.taken {
			f.take(nil, g.span, g.mask)
		}
	} else if e.do == stop || e.do == back {
		w.excepted(r)
		return nil
	}
	if e.do == snat {
		return nil
	}
	return w.act(verdict{e.do, e.target, e.line}, r, slices.Clone(w.taken), f, out, both)
}
