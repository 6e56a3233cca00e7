//go:build linux

package nat44

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// A DifferenceKind says how the kernel departs from a ruleset.
type DifferenceKind uint8

// Kinds of differences.
const (
	Missing DifferenceKind = iota + 1 // the kernel lacks it
	Changed                           // the kernel has something else
	Surplus                           // the kernel has it beyond the ruleset
)

// String returns "missing", "changed" or "surplus".
func (k DifferenceKind) String() string {
	switch k {
	case Missing:
		return "missing"
	case Changed:
		return "changed"
	case Surplus:
		return "surplus"
	}
	return "invalid"
}

// A Difference is one departure of the kernel from a ruleset.
type Difference struct {
	Kind   DifferenceKind
	What   string // "chain guard", "map shares", "subscriber 100.64.0.2", "routes"
	Detail string
	// Misleading says that by it somebody else than the plan says may have a port.
	Misleading bool
	// OtherRelease says that it is there because another release made the rules: nobody changed them.
	OtherRelease bool
}

// String returns the difference as a sentence.
func (d Difference) String() string { return fmt.Sprintf("%s: %v: %s", d.What, d.Kind, d.Detail) }

// A Verification is the result of Verify.
type Verification struct {
	// Differences is the number of departures of the kernel from the ruleset; 0 means that the kernel equals the plan.
	Differences uint64
	// Misleading is how many of them may give a port to somebody else than the plan says. What only keeps packets from passing, or
	// makes them loop or wait, is none.
	Misleading uint64
	// OtherRelease is how many of them are there because another release made the rules. Apply replaces what it made. What differs in
	// elements, addresses or routes is always somebody's doing.
	OtherRelease uint64
	// Notes are what does not change what packets meet, like the remains of an interrupted apply.
	Notes []string
	// Elements is how many map elements were read and compared.
	Elements uint64
	// Foreign says that the instance's table was not made by cgnkit, so that Apply will not touch it.
	Foreign bool
}

// Verify compares the kernel with rs: table, chains, rules, timers, every element of every map by key, their number, and routes.
// It takes time linear in the elements and constant memory; only where a map has more elements than it should is it listed, which
// is quadratic. Where there are differences everything is read twice: once to be sure that nobody was changing it meanwhile, and
// once to call found with every difference.
//
// The error is for what kept it from comparing; it wraps ErrUnstable where the ruleset changed all the time. A kernel without the
// instance is a difference, not an error.
func (k *Kernel) Verify(rs *Ruleset, found func(Difference)) (Verification, error) {
	for range retries {
		first, whole, err := k.verifyOnce(rs, func(Difference) {})
		if err != nil && !isMissing(err) {
			return first, err
		}
		if err == nil && first.Differences == 0 {
			return first, nil
		}
		if err != nil || !whole {
			continue
		}
		second, whole, err := k.verifyOnce(rs, found)
		if err == nil && !whole {
			second.Notes = append(second.Notes, "nf_tables was changed while the differences were read")
		}
		if isMissing(err) {
			err = fmt.Errorf("verify instance %s: %w", rs.instance, ErrUnstable)
		}
		return second, err
	}
	return Verification{}, fmt.Errorf("verify instance %s: %w", rs.instance, ErrUnstable)
}

// verifyOnce compares. whole is false if somebody changed nf_tables meanwhile, so that differences may be none.
func (k *Kernel) verifyOnce(rs *Ruleset, found func(Difference)) (v Verification, whole bool, err error) {
	st, err := k.read(rs.instance)
	if err != nil {
		return v, false, err
	}
	err = k.verify(rs, st, &v, func(d Difference) {
		v.Differences++
		if d.Misleading {
			v.Misleading++
		}
		if d.OtherRelease {
			v.OtherRelease++
		}
		found(d)
	})
	if err != nil {
		return v, false, err
	}
	gen, err := k.sock.generation()
	if err == nil && gen.id != st.generation {
		var now *state
		if now, err = k.read(rs.instance); err == nil {
			return v, now.same(st), nil // it was in somebody else's table, or in elements
		}
	}
	return v, gen.id == st.generation, err
}

func (k *Kernel) verify(rs *Ruleset, st *state, v *Verification, report func(Difference)) error {
	table := rs.instance.Table()
	switch {
	case !st.exists:
		report(Difference{Kind: Missing, What: "table ip " + table, Detail: "the kernel holds nothing of instance " + rs.instance.String()})
		return nil
	case !st.ours:
		v.Foreign = true
		report(Difference{Kind: Changed, What: "table ip " + table, Detail: "it was not made by cgnkit", Misleading: st.gives()})
		return nil
	}
	for _, name := range st.leftovers() {
		v.Notes = append(v.Notes, fmt.Sprintf("set %s is left over from an interrupted apply; no rule uses it, and the next apply deletes it", name))
	}
	for _, d := range rs.structure(st) {
		report(d)
	}
	if st.loaded {
		readable := rs
		if missingSets(rs, st) {
			readable = rs.only(st)
		}
		c, err := k.compare(readable, st.live, true, func(m mismatch) {
			d := m.difference()
			d.Misleading = st.gives()
			report(d)
		})
		if err != nil {
			return err
		}
		for _, name := range c.ranges {
			report(Difference{Kind: Changed, What: "set " + name, Detail: "it holds other addresses", Misleading: st.gives()})
		}
		v.Elements = readable.Elements()
	}
	if st.mark.plan != rs.plan.SHA256() { // which alone gives no port to anybody: what its elements say does
		report(Difference{Kind: Changed, What: "set " + planSet, Detail: fmt.Sprintf("it names plan %s, not %s", quoteSHA(st.mark.plan), rs.plan.SHA256())})
	}
	return k.verifyRoutes(rs, report)
}

// retries is how often something is begun anew because the ruleset changed meanwhile.
const retries = 8

func quoteSHA(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// missingSets reports whether a set of the live generation cannot be read.
func missingSets(rs *Ruleset, st *state) bool {
	for _, want := range rs.sets(st.live) {
		if have := st.sets[want.Name]; have == nil || !sameType(want, have) {
			return true
		}
	}
	return false
}

func (m *mismatch) difference() Difference {
	if m.key != nil {
		return Difference{Kind: Surplus, What: "subscriber " + netip.AddrFrom4([4]byte(m.key)).String(),
			Detail: fmt.Sprintf("map %s gives it %s, and the plan does not", m.m.name(), dataText(m.m.kind, m.have))}
	}
	kind, has := Missing, "has nothing"
	if m.have != nil {
		kind, has = Changed, "has "+dataText(m.m.kind, m.have)
	}
	return Difference{Kind: kind, What: "subscriber " + m.e.Inside().String(),
		Detail: fmt.Sprintf("map %s %s instead of %s", m.m.name(), has, dataText(m.m.kind, appendData(nil, m.m.kind, m.e)))}
}

// dataText returns what an element maps to, for people.
func dataText(kind mapKind, data []byte) string {
	if len(data) != kind.dataLen() {
		return fmt.Sprintf("%d bytes that mean nothing", len(data))
	}
	first := netip.AddrFrom4([4]byte(data))
	if kind == whole {
		return first.String()
	}
	last := netip.AddrFrom4([4]byte(data[8:]))
	lo, hi := binary.BigEndian.Uint16(data[4:]), binary.BigEndian.Uint16(data[12:])
	if first != last {
		return fmt.Sprintf("%v-%v:%d-%d", first, last, lo, hi)
	}
	return fmt.Sprintf("%v:%d-%d", first, lo, hi)
}
