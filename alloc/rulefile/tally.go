package rulefile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A tally is what became of packets on one path, by protocol: how many subscribers got their share (Only), and how many did not.
type tally struct {
	count [4][Elsewhere + 1]uint64
	lines [4][Elsewhere + 1]uint32
	// others are those whose share is not for the protocol, and aside those of them that are translated otherwise.
	others, aside [4]uint64
	asideLine     [4]uint32
}

// subscribers returns who has a share that tables hold, ascending.
func (c *collector) subscribers() []segment {
	var out []segment
	for _, h := range c.herds(c.holders()) {
		out = join(out, segment{h.span, allProto})
	}
	return out
}

// holders returns the entries of those who have a share that tables hold.
func (c *collector) holders() (list []uint32) {
	for i := range c.entries {
		if c.entries[i].given()&(tcp|udp) != 0 {
			list = append(list, uint32(i))
		}
	}
	return list
}

// vague reports whether a condition does not say for whom it is.
func (c *collector) vague() bool {
	return slices.ContainsFunc(c.conditions, func(one Condition) bool { return one.Vague })
}

// claims counts whom a rule gives the share that the table has. Another one is refused.
func (x *proof) claims(cl claim, src span, wide bool, taken []segment) *LineError {
	if wide && cl.ports == 0 && !cl.netmap {
		return x.becomes(Elsewhere, cl.line, taken)
	}
	for _, g := range taken {
		if err := x.step(int(g.len())); err != nil {
			return err
		}
		for a := uint64(g.first); a <= uint64(g.last); a++ {
			n, _ := x.c.pages.at(uint32(a)) // it is a subscriber
			e, out := &x.c.entries[n], cl.out.first
			if cl.netmap {
				out += uint32(a) - src.first
			}
			for k := range protoMask(4) {
				if g.mask&(1<<k) == 0 {
					continue
				}
				if !e.gets(out, int(k), &cl, x.c.sets) {
					return x.another(e, out, int(k), &cl)
				}
				x.tally.count[k][Only]++
				x.reached = true
			}
		}
	}
	return nil
}

// gets reports whether a claim gives what an entry has.
func (e *entry) gets(out uint32, k int, cl *claim, sets *setTable) bool {
	switch {
	case e.outside != out:
		return false
	case k == 3 || cl.ports == 0:
		return e.plain&(1<<k) != 0
	case e.ports[k] == cl.ports:
		return true
	}
	return e.parts&(1<<k) != 0 && sets.union(e.ports[k], cl.ports) == e.ports[k]
}

// another refuses a share that differs from that of the table.
func (x *proof) another(e *entry, out uint32, k int, cl *claim) *LineError {
	ports := "any port"
	if cl.ports != 0 {
		ports = "ports " + fmt.Sprintf("%.60s", x.c.sets.set(cl.ports))
	}
	where := ""
	if id, err := x.p.condOfPath(&x.at); err == nil && id != 0 {
		where = " for packets " + x.p.conditionOf(id).where()
	}
	err := bad(ErrConflict, "subscriber %v gets %v and %s for %s here%s, and has another share in line %d", addr4(e.inside), addr4(out), ports,
		[]string{"tcp", "udp", "icmp", "protocols without ports"}[k], where, e.line)
	err.Line = int(cl.line)
	if x.strict {
		return err.hint(orderUnknown)
	}
	return err.hint("a plan gives a subscriber one share, wherever packets go: decide which of the lines is right")
}

const orderUnknown = "chains of one priority: the kernel asks the one that was loaded last first, and a file does not tell which that is; give them different priorities"

// where returns a condition without what happens.
func (c Condition) where() string {
	var parts []string
	if to := c.to(); to != "" {
		parts = append(parts, "to "+to)
	}
	if c.rest != "" {
		parts = append(parts, "of which is true: "+printable(c.rest))
	}
	return strings.Join(parts, ", ")
}

// becomes counts what becomes of those who get no share.
func (x *proof) becomes(e Effect, line uint32, taken []segment) *LineError {
	t := &x.tally
	for _, g := range taken {
		met := g.among(x.herds, func(h *herd, n uint64) { t.take(e, line, g.mask, h.given, n) })
		if err := x.step(met); err != nil {
			return err
		}
	}
	return nil
}

// take counts what becomes of n subscribers whose shares are for the protocols given.
func (t *tally) take(e Effect, line uint32, mask, given protoMask, n uint64) {
	for k := range protoMask(4) {
		switch bit := protoMask(1) << k; {
		case mask&bit == 0:
		case given&bit != 0:
			t.count[k][e] += n
			t.lines[k][e] = line
		case e == Elsewhere:
			t.aside[k] += n
			t.asideLine[k] = line
		default:
			t.others[k] += n
		}
	}
}

// judge compares what became of packets with what the conditions say.
func (x *proof) judge(mask protoMask) *LineError {
	type found struct {
		effect Effect
		vague  bool
		line   uint32
	}
	add := map[found]protoMask{}
	for k := range protoMask(4) {
		if mask&(1<<k) == 0 {
			continue
		}
		said, err := x.predict(1 << k)
		if err != nil {
			return err
		}
		excepted := said == Passed // a rule said so
		said = cmp.Or(said, Passed)
		kinds := 0
		for e := Only; e <= Elsewhere; e++ {
			if x.tally.count[k][e] > 0 {
				kinds++
			}
		}
		for e := Only; e <= Elsewhere; e++ {
			switch {
			case x.tally.count[k][e] == 0 || e == said:
			case rank(e) < rank(said):
				x.wrong, x.c.doubted = true, true
			default:
				x.c.doubted = x.c.doubted || excepted
				add[found{e, kinds > 1, x.tally.lines[k][e]}] |= 1 << k
			}
		}
		if x.tally.aside[k] > 0 && said != Elsewhere {
			add[found{Elsewhere, x.tally.others[k] > 0 || kinds > 0 || said == Dropped, x.tally.asideLine[k]}] |= 1 << k
		}
	}
	for f, mask := range add {
		if err := x.except(f.effect, f.vague, f.line, mask); err != nil {
			return err
		}
	}
	return nil
}

// rank orders effects by which of them counts where several are said.
func rank(e Effect) int { return [...]int{Only: 1, Passed: 2, Elsewhere: 3, Dropped: 4}[e] }

// except adds what becomes of packets on the path to the conditions.
func (x *proof) except(e Effect, vague bool, line uint32, mask protoMask) *LineError {
	if x.strict {
		err := bad(ErrConflict, "what becomes of packets depends on the order of chains that have one priority: here they are %s in one of them", map[Effect]string{
			Passed: "not translated", Dropped: "dropped", Elsewhere: "translated otherwise"}[e])
		err.Line = int(line)
		return err.hint(orderUnknown)
	}
	id, err := x.p.condOfPath(&x.at)
	if err != nil {
		return err
	}
	c := x.p.conditionOf(id)
	c.Effect, c.Line, c.Protocols, c.Vague, c.cond = e, int(line), protocolsOf(mask), c.Vague || vague, id
	x.c.conditions = append(x.c.conditions, c)
	return nil
}

// predict returns what the conditions say becomes of packets of a protocol on the path; 0 where
// they say only that shares hold elsewhere, and packets leave as they are.
func (x *proof) predict(mask protoMask) (Effect, *LineError) {
	steps := x.near.heed(x.p, x.c.conditions)
	about, more := x.near.of(x.at.dest, len(x.c.conditions))
	if err := x.step(steps + more); err != nil {
		return 0, err
	}
	for _, e := range []Effect{Dropped, Elsewhere, Passed, Only} {
		if e == Only && x.c.always {
			return Only, nil
		}
		undecided := condID(0)
		for _, i := range about {
			c := &x.c.conditions[i]
			if c.Effect != e || c.Protocols.mask()&mask == 0 {
				continue
			}
			switch x.is(c.cond) {
			case holds:
				return e, nil
			case open:
				undecided = c.cond
			}
		}
		if undecided != 0 {
			return 0, x.fork(undecided)
		}
	}
	return 0, nil
}
