package rulefile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cgnkit/cgnkit/portset"
)

// A forward is what a rule does with packets that come in: they go to another address.
type forward struct {
	to    uint32
	known bool   // to is the one address where they go
	text  string // as the rule says it
}

// forwardTo returns the forward to what stands in a rule: "100.64.0.3:80". Ranges and what cannot be read are known of no address.
func forwardTo(what, to string) forward {
	f := forward{text: printable(strings.TrimSpace(what + " " + to))}
	addr, _, _ := strings.Cut(to, ":")
	if s, ok := parseSpan([]byte(addr)); ok && s.single() {
		f.to, f.known = s.first, true
	}
	return f
}

// forward has a rule send packets that come in elsewhere; see forwards.
func (p *program) forward(r *rule, f forward) {
	p.forwards = append(p.forwards, f)
	r.do, r.hit, r.target = dynamic, true, int32(len(p.forwards)) // from 1: others that translate without a share have none
}

// An incoming is packets that come in, as the rules that they met say.
type incoming struct {
	src   []span
	dest  []span
	mask  protoMask
	ports string      // destination ports; "" = any
	set   portset.Set // the same; not valid = any
	rest  []string    // what else must be true
}

// A forwarding looks for forwards that take packets from those whose shares they come to.
type forwarding struct {
	c       *collector
	byOut   []uint32 // entries, by their outside address
	outside []span
	work    int
}

func newForwarding(c *collector) *forwarding {
	f := &forwarding{c: c, outside: c.outside(), byOut: make([]uint32, len(c.entries))}
	for i := range f.byOut {
		f.byOut[i] = uint32(i)
	}
	slices.SortStableFunc(f.byOut, func(a, b uint32) int { return cmp.Compare(c.entries[a].outside, c.entries[b].outside) })
	return f
}

// tooLong reports whether looking on takes too long.
func (f *forwarding) tooLong() bool { return f.work > maxProof+16*len(f.c.entries) }

// judge adds a condition where a forward sends packets to somebody else than the subscriber of the share to which they come.
func (f *forwarding) judge(line int, to forward, in incoming) {
	// From the outside addresses themselves nothing comes in: what is translated to them leaves.
	if f.work += len(in.src) + len(in.dest); len(subtract(union(in.src), f.outside)) == 0 {
		return
	}
	dest := intersect(in.dest, f.outside)
	f.work += len(dest) + len(f.outside)
	e := f.robbed(to, &in, dest)
	if e == nil {
		return
	}
	mask := in.mask
	if in.set.IsValid() {
		mask &= tcp | udp
	}
	f.c.notes.add(line, "rules forward ports of a share to somebody else, who would be taken for its subscriber; see what equal says", to.text)
	in.rest = append(slices.Clone(in.rest), fmt.Sprintf("%s takes what comes to the share of %v", to.text, addr4(e.inside)))
	f.c.conditions = append(f.c.conditions, Condition{Effect: Elsewhere, Protocols: protocolsOf(mask), Text: to.text, Line: line, Vague: true,
		dest: dest, ports: in.ports, rest: strings.Join(in.rest, "; ")})
}

// robbed returns a subscriber to whose share packets come that go to somebody else; nil where there is none.
func (f *forwarding) robbed(to forward, in *incoming, dest []span) *entry {
	for _, s := range dest {
		at, _ := slices.BinarySearchFunc(f.byOut, s.first, func(n, a uint32) int { return cmp.Compare(f.c.entries[n].outside, a) })
		for ; at < len(f.byOut) && f.c.entries[f.byOut[at]].outside <= s.last && !f.tooLong(); at++ {
			f.work++
			e := &f.c.entries[f.byOut[at]]
			if (!to.known || to.to != e.inside) && e.reached(in, f.c.sets) {
				return e
			}
		}
	}
	return nil
}

// reached reports whether packets that come to an entry's outside address may come to its share.
func (e *entry) reached(in *incoming, sets *setTable) bool {
	has := e.given() & in.mask
	if !in.set.IsValid() {
		return has != 0
	}
	for k, m := range []protoMask{tcp, udp} {
		if has&m != 0 && (e.ports[k] == 0 || sets.set(e.ports[k]).Overlaps(in.set)) {
			return true
		}
	}
	return false
}

// unjudged adds a condition that is equal to no other, where there are too many forwards.
func (f *forwarding) unjudged(line int) {
	f.c.conditions = append(f.c.conditions, Condition{Effect: Elsewhere, Protocols: protocolsOf(allProto), Line: line, Vague: true,
		dest: []span{everything}, rest: "there are too many rules that forward ports to say whose shares they take"})
}

// An inward walk follows packets that come in, to the rules that forward them. That the first rule which matches wins is not heeded: what one
// rule takes is looked at behind it, too.
type inward struct {
	*forwarding
	p     *program
	depth int
}

// forwards judges the rules that forward packets which come in.
func (w *walk) forwards() *LineError {
	if len(w.p.inward) == 0 || len(w.to.entries) == 0 {
		return nil
	}
	x := inward{forwarding: newForwarding(w.to), p: w.p}
	for _, c := range w.p.inward {
		if err := x.chain(c, incoming{src: []span{everything}, dest: []span{everything}, mask: allProto}); err != nil {
			return err
		}
		if x.tooLong() {
			x.unjudged(w.p.chains[c].line)
			break
		}
	}
	return nil
}

// chain follows packets through a chain.
func (x *inward) chain(c int32, in incoming) *LineError {
	ch := &x.p.chains[c]
	if x.depth++; x.depth > maxDepth {
		err := bad(ErrTooLarge, "chains are nested more than %d deep", maxDepth)
		err.Line = ch.line
		return err
	}
	defer func() { x.depth-- }()
	for i := 0; i < len(ch.front)+len(ch.rules) && !x.tooLong() && len(x.c.conditions) < maxForwards; i++ {
		x.work++
		if err := x.meet(ch.at(i), in); err != nil {
			return err
		}
	}
	return nil
}

// maxForwards bounds how many conditions are kept: one is enough for a difference.
const maxForwards = 1 << 12

// meet lets packets meet one rule.
func (x *inward) meet(r *rule, in incoming) *LineError {
	switch r.do {
	case pass, accept, drop, back:
		return nil
	case dynamic:
		if r.target == 0 {
			return nil // such as to a queue
		}
	}
	in, ok := x.narrow(r, in)
	if !ok {
		return nil
	}
	switch r.do {
	case jump, jumpAway:
		return x.chain(r.target, in)
	case lookup:
		return x.lookup(r, in)
	case dynamic:
		x.judge(int(r.line), x.p.forwards[r.target-1], in)
	default: // it is not understood, or translates here, where packets come in
		x.judge(int(r.line), forward{text: "a rule that is not understood"}, in)
	}
	return nil
}

// lookup follows packets to where a map may send them.
func (x *inward) lookup(r *rule, in incoming) *LineError {
	m, seen := x.p.maps[r.target], map[int32]bool{}
	for i := range m.elements {
		e := &m.elements[i]
		if x.work++; e.do != jump && e.do != jumpAway || seen[e.target] {
			continue
		}
		seen[e.target] = true
		if err := x.chain(e.target, in); err != nil {
			return err
		}
	}
	return nil
}

// narrow returns the packets that match a rule; ok is false where there are none.
func (x *inward) narrow(r *rule, in incoming) (incoming, bool) {
	sources := x.p.sources(r)
	x.work += len(sources) + len(in.src)
	in.src, in.mask = intersect(in.src, sources), in.mask&r.mask
	if r.cond != 0 {
		c := x.p.conditionOf(r.cond)
		x.work += len(c.dest) + len(in.dest) + len(x.p.conds[r.cond].atoms)
		in.dest = intersect(in.dest, c.dest)
		if set, err := portset.ParseSet(c.ports); c.ports != "" && err == nil {
			in.ports, in.set = c.ports, set
		}
		if c.rest != "" {
			in.rest = append(slices.Clone(in.rest), c.rest)
		}
	}
	return in, len(in.src) > 0 && len(in.dest) > 0 && in.mask != 0
}
