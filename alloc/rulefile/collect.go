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
	chance bool // a part of a share
}

// A collector puts together what rules give each inside address, by protocol.
type collector struct {
	sets    *setTable
	conds   *program
	notes   *notes
	entries []entry
	pages   pages
	root    uint8   // which of the chains where packets enter is being walked
	rest    []claim // translate whoever is left to one address
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
	root            uint8     // the chain where packets entered that gave it
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
	if c.conds.odd[cl.cond] {
		err := bad(ErrSyntax, "the rule depends on %q, which is not understood", printable(c.conds.conds[cl.cond]))
		err.Line = int(cl.line)
		return err
	}
	total := uint64(0)
	for _, g := range taken {
		total += g.len()
	}
	switch {
	case cl.netmap && total > maxShares:
		return bad(ErrTooLarge, "the rule maps %d addresses: a table holds %d shares at most", total, maxShares)
	case cl.netmap || total == 1:
	case cl.ports != 0:
		return bad(ErrShared, "the rule gives %d inside addresses the same ports", total).hint("give each subscriber ports of its own")
	case total > maxOnOne:
		c.rest = append(c.rest, cl)
		c.notes.add(int(cl.line), "rules translate whoever is left to one address: nobody has a share there", "")
		return nil
	}
	for _, g := range taken {
		for a := uint64(g.first); a <= uint64(g.last); a++ {
			out := cl.out.first
			if cl.netmap {
				out += uint32(a) - src.first
			}
			if err := c.give(uint32(a), out, g.mask, cl); err != nil {
				return err
			}
		}
	}
	return nil
}

// give gives one address an outside address, and ports for the protocols in mask.
func (c *collector) give(a, out uint32, mask protoMask, cl claim) *LineError {
	n, ok := c.pages.at(a)
	if !ok {
		if n = len(c.entries); n == maxShares {
			return bad(ErrTooLarge, "there are more than %d shares", maxShares)
		}
		c.pages.put(a, n)
		c.entries = append(c.entries, entry{inside: a, outside: out, line: cl.line, cond: cl.cond, root: c.root})
	}
	e := &c.entries[n]
	if e.outside != out {
		if c.shadowed(e, cl) && mask&^e.given() == 0 {
			return nil
		}
		return c.conflict(e, e.line, cl, fmt.Sprintf("%v here and %v", addr4(out), addr4(e.outside)))
	}
	for k := range protoMask(4) {
		bit := protoMask(1) << k
		if mask&bit == 0 {
			continue
		}
		if cl.ports == 0 || bit == other {
			if bit == other || e.ports[k] == 0 {
				e.plain |= bit
			} else if !c.shadowed(e, cl) {
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
	case has == 0 && e.plain&bit == 0:
		e.ports[k], e.lines[k] = cl.ports, cl.line
	case has == cl.ports:
	case has != 0 && (cl.chance || e.open&bit != 0):
		e.ports[k] = c.sets.union(has, cl.ports)
	case c.shadowed(e, cl):
		return nil
	default:
		return c.conflict(e, e.lines[k], cl, fmt.Sprintf("ports %.60s here and %.60s", text(c.sets.set(cl.ports)), text(c.sets.set(has))))
	}
	e.open &^= bit
	if cl.chance {
		e.open |= bit
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

// shadowed reports whether a rule can never match for e, because an earlier one has the same circumstances, or is in a
// chain that packets entered before.
func (c *collector) shadowed(e *entry, cl claim) bool {
	return !cl.chance && (e.cond == cl.cond && cl.cond != 0 || e.root != c.root)
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
			printable(c.conds.conds[e.cond]), printable(c.conds.conds[cl.cond]))
	} else {
		err.Hint = "a plan gives a subscriber one share: decide which of the lines is right and take the other out"
	}
	err.Line = int(cl.line)
	return err
}
