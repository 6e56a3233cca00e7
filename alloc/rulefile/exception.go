package rulefile

import "slices"

// An exception is what rules let pass in a circumstance that is open in the world that is being walked. A plan knows exceptions
// by destination, for all of its subscribers; for some of them only it has no word.
type exception struct {
	cond   condID
	effect Effect
	line   uint32
	out    uint32 // where rules for the rest translate to
	who    *flow

	before condID // what held of those who left before
	vague  bool   // for whom it is does not follow from circumstances
}

// An exceptionKey is a circumstance, and what becomes of packets in it.
type exceptionKey struct {
	cond   condID
	effect Effect
}

// departed is which packets of those that still travel a chain have left it in a circumstance before: a circumstance leaves copies.
type departed struct {
	cond  condID // that they did not
	vague bool   // some of them did, and a circumstance does not say which
}

// depart notes that those who met a rule have left, where a circumstance is true.
func (w *walk) depart(from *departed, m *meeting, cond condID) *LineError {
	switch {
	case !m.copied:
	case m.r.do == lookup || m.r.src != everything || m.r.list >= 0 || m.r.mask != allProto:
		from.vague = true
	default:
		id, err := w.p.elsewhere(cond)
		if err == nil {
			from.cond, err = w.p.both(from.cond, id)
		}
		if err != nil {
			return w.at(int(m.r.line), err)
		}
	}
	return nil
}

// pass lets packets of an open circumstance leave without a share.
func (w *walk) pass(v verdict, m *meeting, taken []segment) *LineError {
	if v.do == back {
		w.returned(m, newFlow(taken...))
		return w.depart(&w.gone, m, m.r.cond)
	}
	effect := map[action]Effect{drop: Dropped, dynamic: Elsewhere, accept: Passed}[v.do]
	if err := w.except(m.then.cond, effect, v.line, w.departed(), taken); err != nil {
		return err
	}
	w.excepted(m.r, m.then.cond)
	if effect == Passed {
		return nil
	}
	return w.depart(&w.ended, m, m.then.cond)
}

// returned is packets that go back to the caller of a chain, in an open circumstance.
type returned struct {
	r      *rule
	cond   condID
	who    *flow
	before [2]departed
}

func (w *walk) returned(m *meeting, who *flow) {
	w.returns = append(w.returns, returned{m.r, m.then.cond, who, w.departed()})
}

// missing notes what those who went back from a chain miss: the shares that others got behind them. f is who is left at its end,
// and goes on as they do.
func (w *walk) missing(f *flow, from int) *LineError {
	list := w.returns[from:]
	w.returns = w.returns[:from]
	for _, x := range list {
		var all, taken []segment
		x.who.each(func(g segment) { all = append(all, g) })
		for _, g := range all {
			for _, l := range f.get(nil, g.span, g.mask) {
				x.who.take(nil, l.span, l.mask)
				w.work++
			}
		}
		x.who.each(func(g segment) { taken = append(taken, g) })
		if err := w.step(len(all)+len(taken), x.r.line); err != nil {
			return err
		}
		if len(taken) == 0 {
			continue
		}
		if err := w.except(x.cond, Passed, x.r.line, x.before, taken); err != nil {
			return err
		}
		w.excepted(x.r, x.cond)
	}
	return nil
}

// departed returns who has left by now.
func (w *walk) departed() [2]departed { return [2]departed{w.gone, w.ended} }

// except notes that packets of some world leave the chain here: they have no share there.
func (w *walk) except(cond condID, effect Effect, line uint32, left [2]departed, taken []segment) *LineError {
	key := exceptionKey{cond, effect}
	before, err := w.p.both(left[0].cond, left[1].cond)
	if err != nil {
		return w.at(int(line), err)
	}
	x := w.excepts[key]
	if x == nil {
		x = &exception{cond: cond, effect: effect, line: line, before: before, who: newFlow()}
		w.excepts[key] = x
		w.order = append(w.order, x)
	}
	x.vague = x.vague || x.before != before || left[0].vague || left[1].vague
	for _, g := range taken {
		x.who.add(g)
	}
	return nil
}

// An excuse is a rule that lets packets pass in circumstances.
type excuse struct {
	line uint32
	text string
}

// excepted remembers a rule that lets packets pass in circumstances.
func (w *walk) excepted(r *rule, cond condID) {
	if !r.hit {
		w.excuses = append(w.excuses, excuse{r.line, w.p.conds[cond].text})
	}
	r.hit = true
}

// advise notes what is to be done about the rules that let packets pass in circumstances, once it is known what becomes of these.
func (w *walk) advise() {
	msg := "rules except packets from translation in circumstances that a plan does not have; destinations belong into no-translate"
	if w.to.doubted {
		msg = "rules let packets go on in circumstances that a plan does not have, and other rules decide about some of them; see what equal says"
	}
	for _, x := range w.excuses {
		w.to.notes.add(int(x.line), msg, x.text)
	}
}

// judge refuses exceptions that are for some subscribers only, or for those whom a match means that was not understood.
func (w *walk) judge() *LineError {
	herds := w.to.herds(w.to.inWorld)
	for _, x := range w.order {
		blind := w.p.has(x.cond, (*atom).blind)
		if err := w.step(len(herds), x.line); err != nil {
			return err
		}
		some, just := x.glance(herds, blind)
		if !just {
			var err *LineError
			if some, err = w.judgeEach(x, blind); err != nil {
				return err
			}
		}
		if some == 0 {
			continue // nobody who has a share
		}
		if err := w.depends(x, some); err != nil {
			return err
		}
	}
	return w.judgeAside()
}

// glance judges an exception herd by herd, and returns in which protocols it is. just is false where some subscribers may be meant only.
func (x *exception) glance(herds []herd, blind bool) (some protoMask, just bool) {
	var first protoMask
	hits, vague := 0, false
	for i := range herds {
		h := &herds[i]
		mask, whole := x.who.over(h.span)
		if !whole {
			return 0, false
		}
		if mask&h.given&ported != 0 {
			hits++
		}
		if mask&h.given == 0 && x.effect != Elsewhere {
			mask = 0 // not translated anyway
		}
		if i == 0 {
			first = mask
		}
		some |= mask
		vague = vague || mask != first
	}
	if hits > 0 && (blind || hits < len(herds)) {
		return 0, false
	}
	x.vague = x.vague || vague
	return some, true
}

// judgeEach judges an exception subscriber by subscriber.
func (w *walk) judgeEach(x *exception, blind bool) (some protoMask, err *LineError) {
	if err := w.step(len(w.to.inWorld), x.line); err != nil {
		return 0, err
	}
	var hit, missed *entry
	var first protoMask
	for _, n := range w.to.inWorld {
		e := &w.to.entries[n]
		mask := x.who.at(e.inside)
		if mask&e.given()&ported != 0 {
			hit = e
		} else {
			missed = e
		}
		if hit != nil && (missed != nil || blind) {
			return 0, w.unjust(x, hit, blind)
		}
		if mask&e.given() == 0 && x.effect != Elsewhere {
			mask = 0 // not translated anyway
		}
		if n == w.to.inWorld[0] {
			first = mask
		}
		some |= mask
		x.vague = x.vague || mask != first
	}
	return some, nil
}

// judgeAside notes in what protocols subscribers who have a share are translated otherwise, behind it.
func (w *walk) judgeAside() *LineError {
	for _, x := range slices.Concat(w.aside, w.to.others) {
		if err := w.step(len(w.to.inWorld), x.line); err != nil {
			return err
		}
		var first, some protoMask
		for i, n := range w.to.inWorld {
			mask := x.who.at(w.to.entries[n].inside)
			if i == 0 {
				first = mask
			}
			some |= mask
			x.vague = x.vague || mask != first
		}
		if some == 0 {
			continue
		}
		x.effect = Elsewhere
		if err := w.depends(x, some); err != nil {
			return err
		}
	}
	return nil
}

// unjust returns what is wrong with an exception.
func (w *walk) unjust(x *exception, hit *entry, blind bool) *LineError {
	text := printable(w.p.conds[x.cond].text)
	if blind {
		return w.at(int(x.line), bad(ErrSyntax, "the rule depends on %q, from which this program cannot tell who is meant: perhaps subscriber %v, who has a share in line %d",
			text, addr4(hit.inside), hit.line).hint("to import without that rule, take it out of a copy of the file; equal can leave such packets out: --where \"not "+text+"\""))
	}
	return w.at(int(x.line), bad(ErrConflict, "where %q holds, subscriber %v is not given the share of line %d; others are", text, addr4(hit.inside), hit.line).
		hint("a plan gives a subscriber one share everywhere, and excepts destinations for all: to import without that rule, take it out of a copy of the file"))
}

// leftOver refuses what rules for the rest take of those who have a share, and shares by chance that chance may miss.
func (w *walk) leftOver() *LineError {
	for _, n := range w.to.inWorld {
		e := &w.to.entries[n]
		if e.chance != 0 {
			err := bad(ErrShared, "subscriber %v gets a share by chance, and nothing sure where chance says no", addr4(e.inside))
			return w.at(int(e.line), err.hint("the last of the rules by chance has none, on the box as here"))
		}
		for _, x := range w.to.others {
			if err := w.step(1, e.line); err != nil {
				return err
			}
			if x.who.at(e.inside)&(tcp|udp) != 0 && x.out != e.outside { // two on one address are refused for another reason
				err := bad(ErrConflict, "subscriber %v has a share in line %d, and the rule translates the rest of tcp or udp to another address", addr4(e.inside), e.line)
				return w.at(int(x.line), err.hint("a plan gives tcp and udp the same ports: decide which of the lines is right"))
			}
		}
	}
	return nil
}

// agree refuses worlds that give shares to different subscribers: who is translated would depend on what a plan does not have.
func (w *walk) agree() *LineError {
	c := w.to
	if err := w.step(len(c.entries), 0); err != nil || len(c.inWorld) == 0 {
		return err
	}
	w.giving()
	var here, elsewhere, before, added *entry
	for i := range c.entries {
		switch e := &c.entries[i]; {
		case e.given()&(tcp|udp) == 0:
		case e.world != c.world:
			elsewhere = e
		case c.settled > 0 && i >= c.settled:
			here, added = e, e
		default:
			here = e
		}
		if i < c.settled {
			before = &c.entries[i]
		}
	}
	c.settled = len(c.entries)
	if elsewhere == nil && added != nil {
		elsewhere, here = before, added // who is there in no other world
	}
	if here == nil || elsewhere == nil {
		return nil
	}
	if here.line > elsewhere.line {
		here, elsewhere = elsewhere, here
	}
	err := bad(ErrConflict, "subscriber %v has a share where %q holds, and %v where %q does (line %d)", addr4(elsewhere.inside),
		printable(w.p.conds[elsewhere.cond].text), addr4(here.inside), printable(w.p.conds[here.cond].text), here.line)
	return w.at(int(elsewhere.line), err.hint("a plan translates its subscribers wherever they go: import a file with the rules of one circumstance"))
}
