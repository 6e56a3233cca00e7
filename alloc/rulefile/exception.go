package rulefile

// An exception is what rules let pass in a circumstance that is open in the world that is being walked. A plan knows exceptions
// by destination, for all of its subscribers; for some of them only it has no word.
type exception struct {
	cond condID
	line uint32
	out  uint32 // where rules for the rest translate to
	who  *flow
}

// except notes that packets of some world leave the chain here: they have no share there.
func (w *walk) except(cond condID, line uint32, taken []segment) {
	x := w.excepts[cond]
	if x == nil {
		x = &exception{cond: cond, line: line, who: newFlow()}
		w.excepts[cond] = x
		w.order = append(w.order, x)
	}
	for _, g := range taken {
		x.who.add(g)
	}
}

// excepted notes a rule that lets packets pass in circumstances.
func (w *walk) excepted(r *rule, cond condID) {
	if !r.hit {
		w.to.notes.add(int(r.line), "rules except packets from translation in circumstances that a plan does not have; destinations belong into no-translate",
			w.p.conds[cond].text)
	}
	r.hit = true
}

// judge refuses exceptions that are for some subscribers only, or for those whom a match means that was not understood.
func (w *walk) judge() *LineError {
	for _, x := range w.order {
		var hit, missed *entry
		for _, n := range w.to.inWorld {
			e := &w.to.entries[n]
			w.probe = x.who.get(w.probe[:0], span{e.inside, e.inside}, e.given()&ported)
			if len(w.probe) > 0 {
				hit = e
			} else {
				missed = e
			}
			if hit != nil && (missed != nil || w.p.conds[x.cond].blind) {
				break
			}
		}
		if err := w.step(len(w.to.inWorld), x.line); err != nil {
			return err
		}
		text := printable(w.p.conds[x.cond].text)
		switch {
		case hit == nil:
		case w.p.conds[x.cond].blind:
			return w.at(int(x.line), bad(ErrSyntax, "the rule depends on %q, from which this program cannot tell who is meant: perhaps subscriber %v, who has a share in line %d",
				text, addr4(hit.inside), hit.line).hint("to import without that rule, take it out of a copy of the file"))
		case missed != nil:
			return w.at(int(x.line), bad(ErrConflict, "where %q holds, subscriber %v is not given the share of line %d; others are", text, addr4(hit.inside), hit.line).
				hint("a plan gives a subscriber one share everywhere, and excepts destinations for all: to import without that rule, take it out of a copy of the file"))
		}
	}
	return nil
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
			w.probe = x.who.get(w.probe[:0], span{e.inside, e.inside}, tcp|udp)
			if err := w.step(1, e.line); err != nil {
				return err
			}
			if len(w.probe) > 0 && x.out != e.outside { // two on one address are refused for another reason
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
