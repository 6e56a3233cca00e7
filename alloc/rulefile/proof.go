package rulefile

import "slices"

const (
	// maxProof bounds the steps of a proof, with some for each share: some seconds.
	maxProof = 1 << 26
	// maxPaths bounds how many paths it goes.
	maxPaths = 1 << 16
	// maxOrders bounds in how many orders chains of one priority are asked.
	maxOrders = 24
)

// A proof walks the rules once more, by another way: one kind of packets after another, of which it is known where they go and what
// else is true of them. Nothing is open then, and the first rule that matches wins. What becomes of every subscriber must be what the
// shares and the conditions say that were found before.
type proof struct {
	p     *program
	c     *collector
	known []relation // of circumstances, on the path
	on    fork       // the match that decides how the path goes on
	at    path
	who   []segment // who has shares
	herds []herd    // they once more
	near  nearby    // the conditions

	work, paths, depth int
	skipped            int // rules that were passed over: eight of them are a step

	stop         // where packets are; its left are those that the chain has accepted
	direct  bool // the match that decides stands in the chain that they entered, or behind all chains
	reached bool // somebody was given a share
	wrong   bool // conditions say that packets are excepted that are not
	strict  bool // the order is not the one by which conditions were found
}

// errFork ends a walk where a match decides that the path says nothing of.
var errFork = &LineError{}

// errLong ends a proof that takes too long.
var errLong = &LineError{}

// prove compares what becomes of packets with what was found. Conditions that are missing are added; where those that are there are
// wrong, all are taken anew from what becomes of packets.
func (w *walk) prove() *LineError {
	orders, err := w.p.orders()
	if err != nil || len(w.p.conds) == 1 && len(orders) == 1 {
		return err
	}
	x := &proof{p: w.p, c: w.to, who: w.to.subscribers(), herds: w.to.herds(w.to.holders())}
	if len(x.who) == 0 {
		return nil
	}
	found := slices.Clone(w.to.conditions)
	if x.wrong = w.to.vague(); !x.wrong {
		err = x.order(orders[0])
	}
	if err == nil && x.wrong {
		w.to.conditions, w.to.always, x.near = nil, true, nearby{}
		err = x.order(orders[0])
	}
	for i := 1; i < len(orders) && err == nil; i++ {
		x.strict = true
		err = x.order(orders[i])
	}
	switch {
	case err == errLong:
		unproven := Condition{Effect: Only, Protocols: protocolsOf(allProto), Line: int(w.to.entries[0].line), Vague: true, dest: []span{everything}}
		w.to.conditions = slices.Concat(found, []Condition{unproven})
		w.to.notes.add(int(w.to.entries[0].line), "the rules depend on so many circumstances that what they come to together was not proven", "")
		return nil
	case err == nil && !x.reached:
		return w.at(int(w.to.entries[0].line), bad(ErrNothing, "no packet can meet the rules that translate: what they ask of it cannot be true together"))
	}
	return err
}

// orders returns the orders in which the kernel may ask the chains that packets enter: those of one priority in the order in which
// they were loaded, which a file does not tell.
func (p *program) orders() ([][]int32, *LineError) {
	all := [][]int32{{}}
	for i := 0; i < len(p.roots); {
		n := i + 1
		for n < len(p.roots) && p.ranks != nil && p.ranks[n] == p.ranks[i] {
			n++
		}
		turns := permutations(p.roots[i:n], maxOrders/len(all))
		if turns == nil {
			c := &p.chains[p.roots[n-1]]
			return nil, &LineError{Line: c.line, Err: ErrTooLarge, Msg: "there are too many chains of one priority, and the kernel asks them in an order that a file does not tell"}
		}
		var next [][]int32
		for _, head := range all {
			for _, tail := range turns {
				next = append(next, slices.Concat(head, tail))
			}
		}
		all, i = next, n
	}
	return all, nil
}

// permutations returns the orders of a list, the given one first; nil if there are more than most.
func permutations(list []int32, most int) [][]int32 {
	if len(list) <= 1 {
		return [][]int32{slices.Clone(list)}
	}
	if len(list) > 4 {
		return nil
	}
	var out [][]int32
	for i, first := range list {
		for _, rest := range permutations(slices.Delete(slices.Clone(list), i, i+1), most) {
			out = append(out, append([]int32{first}, rest...))
		}
	}
	if len(out) > most {
		return nil
	}
	return out
}

// order proves one order of the chains that packets enter.
func (x *proof) order(roots []int32) *LineError {
	if x.p.together() {
		return x.protocols(roots, allProto)
	}
	for k := range protoMask(4) {
		if err := x.protocols(roots, 1<<k); err != nil {
			return err
		}
	}
	return nil
}

// protocols goes all paths.
func (x *proof) protocols(roots []int32, mask protoMask) *LineError {
	todo := []path{{dest: []span{everything}}}
	for i := range x.who {
		x.who[i].mask = mask
	}
	for len(todo) > 0 {
		x.at = todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if x.paths++; x.paths > maxPaths {
			return errLong
		}
		if x.at.from != nil {
			x.stop = x.at.from.resume()
		} else {
			x.stop = x.start(roots)
		}
		err := x.through(roots, mask)
		x.depth = 0
		if err == errFork {
			x.at.said = x.decided()
			yes, no := x.p.split(x.at, x.on.atom)
			x.work += len(yes.dest) + len(no.dest)/16 // most of the latter is copied
			if x.direct {
				reached := x.stop
				yes.from, no.from = &reached, &reached
			}
			todo = append(todo, no, yes)
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// start returns where packets are when nothing is known of them.
func (x *proof) start(roots []int32) stop {
	f := &flow{blocks: make([][]segment, 0, len(x.who)/blockSize+1)}
	for list := range slices.Chunk(x.who, blockSize) {
		f.blocks = append(f.blocks, slices.Clone(list))
	}
	return stop{f: f, out: newFlow(), left: newFlow(), line: uint32(x.p.chains[roots[0]].line)}
}

// through goes one path to its end.
func (x *proof) through(roots []int32, mask protoMask) *LineError {
	x.known = slices.Grow(x.known[:0], len(x.p.conds))[:len(x.p.conds)]
	clear(x.known[copy(x.known, x.at.said):])
	for ; x.root < len(roots); x.root++ {
		c := &x.p.chains[roots[x.root]]
		if err := x.enter(c); err != nil {
			return err
		}
		if c.drops {
			if err := x.all(Dropped, uint32(c.line), x.f); err != nil {
				return err
			}
			x.f = newFlow()
		}
		x.left.each(x.f.add)
		x.rule, x.left = 0, newFlow()
	}
	if err := x.all(Passed, x.line, x.f); err != nil {
		return err
	}
	x.f, x.direct = newFlow(), true
	return x.judge(mask)
}

// enter lets packets travel a chain that they enter, from the rule on where they are.
func (x *proof) enter(c *chain) *LineError {
	for ; x.rule < len(c.front)+len(c.rules) && !x.f.empty(); x.rule++ {
		x.direct = true
		if err := x.meet(c.at(x.rule), x.f, x.out); err != nil {
			return err
		}
	}
	x.out.each(x.f.add)
	x.out = newFlow()
	return nil
}

// at returns a rule of a chain: those that were inserted at the head stand before the others, the last one first.
func (c *chain) at(i int) *rule {
	if i < len(c.front) {
		return &c.front[len(c.front)-1-i]
	}
	return &c.rules[i-len(c.front)]
}

// all lets a flow end.
func (x *proof) all(e Effect, line uint32, f *flow) *LineError {
	var taken []segment
	f.each(func(g segment) { taken = append(taken, g) })
	return x.becomes(e, line, taken)
}

func (x *proof) step(n int) *LineError {
	if x.work += n + 1; x.work > maxProof+16*len(x.c.entries) {
		return errLong
	}
	return nil
}

// is returns what the path says of a circumstance.
func (x *proof) is(c condID) relation {
	if c == 0 {
		return holds
	}
	if int(c) >= len(x.known) {
		return x.p.knownAll(&x.at, c, &x.on)
	}
	if x.known[c] == unknown {
		x.on = fork{}
		before := x.p.looked
		x.known[c] = x.p.knownAll(&x.at, c, &x.on)
		x.work += 4 + x.p.looked - before
	}
	return x.known[c]
}

// fork remembers which match decides about a circumstance.
func (x *proof) fork(c condID) *LineError {
	x.on = fork{}
	x.p.knownAll(&x.at, c, &x.on)
	return errFork
}

// chain lets a flow travel a chain and returns what comes back.
func (x *proof) chain(c int32, f *flow) (*flow, *LineError) {
	if x.depth++; x.depth > maxDepth {
		return nil, x.at0(c)
	}
	defer func() { x.depth-- }()
	x.direct = false
	ch, out := &x.p.chains[c], newFlow()
	for i := 0; i < len(ch.front)+len(ch.rules) && !f.empty(); i++ {
		if err := x.meet(ch.at(i), f, out); err != nil {
			return nil, err
		}
	}
	out.each(f.add)
	return f, nil
}

func (x *proof) at0(c int32) *LineError {
	err := bad(ErrTooLarge, "chains are nested more than %d deep", maxDepth)
	err.Line = x.p.chains[c].line
	return err
}

// meet lets f meet one rule.
func (x *proof) meet(r *rule, f, out *flow) *LineError {
	if r.do == pass {
		return nil
	}
	says := x.is(r.cond)
	if says == never {
		if x.skipped++; x.skipped%8 > 0 {
			return nil
		}
		return x.step(0)
	}
	if err := x.step(1); err != nil {
		return err
	}
	taken, err := x.matched(r, f)
	switch {
	case err != nil || len(taken) == 0:
		return err
	case says == open:
		return x.fork(r.cond)
	case r.do == refuse && r.target < 0:
		return &LineError{Line: int(r.line), Err: ErrSyntax, Msg: "the rule is not understood, as many before it"}
	case r.do == refuse:
		return x.p.refusals[r.target]
	case r.do == lookup:
		return x.lookup(r, taken, f, out)
	}
	if !r.chance {
		for _, g := range taken {
			f.take(nil, g.span, g.mask)
		}
	}
	if r.do == snat {
		return x.claims(claim{r.out, r.ports, r.line, r.cond, r.netmap, r.chance, false}, r.src, wide(x.p.sources(r)), taken)
	}
	return x.verdict(verdict{r.do, r.target, r.line}, f, out, taken)
}

// matched returns what of a flow a rule matches by source and protocol.
func (x *proof) matched(r *rule, f *flow) (taken []segment, err *LineError) {
	sources := x.p.sources(r)
	for _, s := range sources {
		taken = f.get(taken, s, r.mask)
	}
	return taken, x.step(4*(len(sources)-1) + len(taken))
}

// wide reports whether so many are translated to one address that nobody has a share there.
func wide(sources []span) bool {
	n := uint64(0)
	for _, s := range sources {
		n += s.len()
	}
	return n > maxOnOne
}

// verdict does with segments what a rule, or an element of a map, says.
func (x *proof) verdict(v verdict, f, out *flow, taken []segment) *LineError {
	to := out
	switch v.do {
	case drop:
		return x.becomes(Dropped, v.line, taken)
	case dynamic:
		return x.becomes(Elsewhere, v.line, taken)
	case accept:
		to, x.line = x.left, v.line
	case back:
		x.line = v.line
	case jump, jumpAway:
		left, err := x.chain(v.target, newFlow(taken...))
		if err != nil {
			return err
		}
		taken = nil
		left.each(func(g segment) { taken = append(taken, g) })
		if v.do == jump {
			to = f
		}
	}
	for _, g := range taken {
		to.add(g)
	}
	return nil
}

// lookup lets packets meet a rule with a map.
func (x *proof) lookup(r *rule, allowed []segment, f, out *flow) *LineError {
	asked, who := x.p.maps[r.target], newFlow(allowed...)
	if err := x.step(4 * len(asked.elements)); err != nil {
		return err
	}
	for i := range asked.elements {
		e := &asked.elements[i]
		var taken []segment
		if e.catchAll {
			taken = asked.others(who)
		} else {
			taken = who.get(nil, e.key, e.mask)
		}
		if len(taken) == 0 || e.do == pass {
			continue
		}
		if !r.chance {
			for _, g := range taken {
				f.take(nil, g.span, g.mask)
			}
		}
		err := x.step(len(taken))
		switch {
		case err != nil:
		case e.do == snat:
			err = x.claims(claim{e.out, e.ports, e.line, r.cond, !e.out.single(), r.chance, asked.joined}, e.key, wide([]span{e.key}), taken)
		default:
			err = x.verdict(verdict{e.do, e.target, e.line}, f, out, taken)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
