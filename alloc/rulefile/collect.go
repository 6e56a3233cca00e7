package rulefile

import (
	"fmt"

	"github.com/cgnkit/cgnkit/portset"
)

// maxShares bounds the memory of a table to a gigabyte.
const maxShares = 1 << 24

// maxOnOne is the number of inside addresses up to which a rule that sends them all to one outside address, without ports, is
// taken for the rest of a chain of subscribers (ICMP, mostly). More have no shares on an address anyway.
const maxOnOne = 1 << 16

// A claim is what a rule or an element of a map gives to whom it matches.
type claim struct {
	out    span
	ports  setID // 0: the rule names no ports
	line   uint32
	cond   condID
	netmap bool // the i-th of the source to the i-th of out
	chance bool // a part of a share, where chance says so
	joined bool // a part of a share, in a bucket
}

// A collector puts together what rules give each inside address, by protocol.
type collector struct {
	sets       *setTable
	conds      *program
	notes      *notes
	entries    []entry
	pages      pages
	rest       []claim // translate whoever is left to one address
	step       func(work int, line uint32) *LineError
	world      uint16   // which is being walked, from 1
	inWorld    []uint32 // entries that it gives
	others     []*exception
	conditions []Condition
	always     bool   // shares hold where nothing is special
	doubted    bool   // rules that let packets pass are not the last that they meet
	settled    int    // how many entries there were behind the last world that gave some
	ranged     uint64 // entries that came in ranges
}

// enter begins another world.
func (c *collector) enter(world uint16) {
	c.world, c.inWorld, c.others = world, c.inWorld[:0], nil
}

// An entry is what is known of an inside address.
type entry struct {
	inside, outside uint32
	ports           [3]setID  // of tcp, udp and icmp
	lines           [3]uint32 // that gave them
	line            uint32    // that came first
	cond            condID
	plain           protoMask // translated without ports
	open            protoMask // parts of the share may come
	chance          protoMask // of these, chance says whether
	parts           protoMask // the share came in parts
	world           uint16    // in which it was given last
	first, got      protoMask // given in the first world, and in the last one
}

// pages finds the number of an address: a page for each /24 that has one.
type pages map[uint32]*[256]uint32

// at returns the number of an address, from 0; ok is false where it has none.
func (p pages) at(a uint32) (n int, ok bool) {
	page := p[a>>8]
	if page == nil || page[a&255] == 0 {
		return 0, false
	}
	return int(page[a&255] - 1), true
}

func (p pages) put(a uint32, n int) {
	page := p[a>>8]
	if page == nil {
		page = new([256]uint32)
		p[a>>8] = page
	}
	page[a&255] = uint32(n + 1)
}

// claims gives segments what a rule says. src is what the rule matches, from which netmap counts.
func (c *collector) claims(cl claim, src span, taken []segment) *LineError {
	if c.conds.has(cl.cond, (*atom).changing) {
		err := bad(ErrSyntax, "the rule depends on %q, which is not understood", printable(c.conds.conds[cl.cond].text))
		err.Line = int(cl.line)
		return err
	}
	total := count(taken)
	switch {
	case cl.netmap && total > maxRanged:
		return bad(ErrTooLarge, "the rule maps %d addresses: ranges give %d shares at most", total, maxRanged)
	case cl.netmap || total == 1:
	case cl.ports != 0:
		return bad(ErrShared, "the rule gives %d inside addresses the same ports", total).hint("give each subscriber ports of its own")
	case isRest(&cl, taken):
		c.leave(cl, taken)
		return nil
	}
	if err := c.step(4*int(total), cl.line); err != nil {
		return err
	}
	for _, g := range taken {
		before := len(c.entries)
		for a := uint64(g.first); a <= uint64(g.last); a++ {
			out := cl.out.first
			if cl.netmap {
				out += uint32(a) - src.first
			}
			if err := c.give(uint32(a), out, g.mask, cl); err != nil {
				return err
			}
		}
		if !g.single() {
			c.ranged += uint64(len(c.entries) - before)
		}
		if c.ranged > 4*maxRanged {
			return bad(ErrTooLarge, "rules for ranges of addresses give more than %d shares", 4*maxRanged)
		}
	}
	return nil
}

// maxRanged bounds the shares of one rule, and a fourth of those of all rules for ranges: a short file must not take the memory of
// a large one.
const maxRanged = 1 << 20

func count(taken []segment) (n uint64) {
	for _, g := range taken {
		n += g.len()
	}
	return n
}

// isRest reports whether a claim translates so many to one address that nobody has a share there.
func isRest(cl *claim, taken []segment) bool {
	return !cl.netmap && cl.ports == 0 && count(taken) > maxOnOne
}

// leave notes whom a rule for the rest translates.
func (c *collector) leave(cl claim, taken []segment) {
	x := &exception{cond: cl.cond, line: cl.line, out: cl.out.first, who: newFlow()}
	for _, g := range taken {
		x.who.add(g)
	}
	c.others = append(c.others, x)
	for _, r := range c.rest {
		if r.line == cl.line && r.out == cl.out {
			return
		}
	}
	c.rest = append(c.rest, cl)
	c.notes.add(int(cl.line), "rules translate whoever is left to one address: nobody has a share there", "")
}

// give gives one address an outside address, and ports for the protocols in mask.
func (c *collector) give(a, out uint32, mask protoMask, cl claim) *LineError {
	n, ok := c.pages.at(a)
	if !ok {
		if n = len(c.entries); n == maxShares {
			return bad(ErrTooLarge, "there are more than %d shares", maxShares)
		}
		c.pages.put(a, n)
		c.entries = append(c.entries, entry{inside: a, outside: out, line: cl.line, cond: cl.cond})
	}
	e := &c.entries[n]
	if e.world != c.world {
		e.world, e.got = c.world, 0
		c.inWorld = append(c.inWorld, uint32(n))
	}
	if e.outside != out {
		return c.conflict(e, e.line, cl, fmt.Sprintf("%v here and %v", addr4(out), addr4(e.outside)))
	}
	e.got |= mask
	for k := range protoMask(4) {
		bit := protoMask(1) << k
		if mask&bit == 0 {
			continue
		}
		if cl.ports == 0 || bit == other {
			if bit == other || e.ports[k] == 0 {
				e.plain |= bit
			} else {
				return c.conflict(e, e.lines[k], cl, fmt.Sprintf("any port here and %v", c.sets.set(e.ports[k])))
			}
			continue
		}
		if err := c.givePorts(e, int(k), cl); err != nil {
			return err
		}
	}
	return nil
}

// givePorts gives an entry ports for one protocol.
func (c *collector) givePorts(e *entry, k int, cl claim) *LineError {
	bit := protoMask(1) << k
	switch has := e.ports[k]; {
	case (cl.chance || e.chance&bit != 0) && has != 0 && has != cl.ports && e.cond != cl.cond:
		return c.conflict(e, e.lines[k], cl, "a part of its ports by chance here and another")
	case has == 0 && e.plain&bit == 0:
		e.ports[k], e.lines[k] = cl.ports, cl.line
	case has == cl.ports:
	case has != 0 && (cl.chance || cl.joined || e.open&bit != 0):
		e.ports[k], e.parts = c.sets.union(has, cl.ports), e.parts|bit
	default:
		return c.conflict(e, e.lines[k], cl, fmt.Sprintf("ports %.60s here and %.60s", text(c.sets.set(cl.ports)), text(c.sets.set(has))))
	}
	e.open, e.chance = e.open&^bit, e.chance&^bit
	if cl.chance || cl.joined {
		e.open |= bit
	}
	if cl.chance {
		e.chance |= bit
	}
	return nil
}

// text returns a port set; rules without ports leave the zero Set.
func text(s portset.Set) string {
	if !s.IsValid() {
		return "any port"
	}
	return s.String()
}

// given returns the protocols for which an entry is translated.
func (e *entry) given() protoMask {
	m := e.plain
	for k, id := range e.ports {
		if id != 0 {
			m |= 1 << k
		}
	}
	return m
}

func (c *collector) conflict(e *entry, line uint32, cl claim, what string) *LineError {
	if line == 0 {
		line = e.line
	}
	err := bad(ErrConflict, "subscriber %v gets %s in line %d", addr4(e.inside), what, line)
	if cl.cond != e.cond {
		err.Hint = fmt.Sprintf("the rules depend on %q and on %q; a plan gives a subscriber one share: import a file with one of them",
			printable(c.conds.conds[e.cond].text), printable(c.conds.conds[cl.cond].text))
	} else {
		err.Hint = "a plan gives a subscriber one share: decide which of the lines is right and take the other out"
	}
	err.Line = int(cl.line)
	return err
}
