//go:build linux

package nat44

import (
	"fmt"
	"maps"
	"slices"

	"github.com/google/nftables"
)

// structure returns the differences between the kernel's table and what rs wants, elements of sets and maps aside. Sets of the
// generation that is not live are left out: they are what an interrupted apply left, and no packet meets them.
func (rs *Ruleset) structure(st *state) []Difference {
	var out []Difference
	// as returns what notes differences that mislead, or are of another release: those give the ports that the release says.
	as := func(misleading, otherRelease bool) differ {
		return func(kind DifferenceKind, what, format string, args ...any) {
			d := Difference{Kind: kind, What: what, Detail: fmt.Sprintf(format, args...), Misleading: misleading && !otherRelease, OtherRelease: otherRelease}
			if otherRelease {
				d.Detail += "; made by another release"
			}
			out = append(out, d)
		}
	}
	harmless, by, gives := as(false, false), rs.elsewhere(st), st.gives()
	if !st.loaded {
		harmless(Missing, "rules", "no rule of table %s translates anything", rs.instance.Table())
	}
	if st.flags != 0 {
		harmless(Changed, "table ip "+rs.instance.Table(), "it has flags %#x; with flag 1 (dormant) it does nothing", uint32(st.flags))
	}
	if set := st.sets[planSet]; set == nil || set.Comment != planMark {
		harmless(Missing, "set "+planSet, "it is not there, or without its comment") // no packet meets it
	}
	rs.compareSets(st, as(gives, by.rest), as(false, by.rest))
	for _, name := range st.catchAlls {
		as(gives, false)(Surplus, "set "+name, "it has an element for every address that is not in it")
	}
	rs.compareObjects(st, as(false, by.rest)) // timers and counters decide nobody's port
	rs.compareChains(st, as(gives, by.chains), as(false, by.chains))
	return out
}

// differ notes a difference.
type differ func(kind DifferenceKind, what, format string, args ...any)

func (rs *Ruleset) compareObjects(st *state, differ differ) {
	wanted := map[string]bool{}
	for _, o := range rs.objects() {
		wanted[o.Name] = true
		switch have := st.objects[o.Name]; {
		case have == nil:
			differ(Missing, "object "+o.Name, "it is not there")
		case !sameObject(o, have):
			differ(Changed, "object "+o.Name, "it holds something else")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(st.objects)) {
		if !wanted[name] {
			differ(Surplus, "object "+name, "nobody asked for it")
		}
	}
}

// compareSets compares sets. One beside ours is unused: a rule that refers to it is a difference of its chain.
func (rs *Ruleset) compareSets(st *state, differ, unused differ) {
	wanted := map[string]bool{planSet: true}
	for _, want := range rs.sets(st.live) {
		wanted[want.Name] = true
		switch have := st.sets[want.Name]; {
		case have == nil:
			differ(Missing, "set "+want.Name, "it is not there")
		case !sameSet(want, have):
			differ(Changed, "set "+want.Name, "it has another type, other flags or a smaller size")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(st.sets)) {
		if s := st.sets[name]; !wanted[name] && !s.Anonymous && !slices.Contains(st.leftovers(), name) {
			unused(Surplus, "set "+name, "nobody asked for it")
		}
	}
}

// sameSet compares declarations. A map may be larger than wanted: the size of a map cannot be changed, and it grew by changes.
func sameSet(want, have *nftables.Set) bool {
	return sameType(want, have) && have.Size >= uint32(uint64(want.Size)*4/5) && !have.Dynamic && !have.HasTimeout && !have.Constant
}

// sameType reports whether elements of one set can be read as those of the other.
func sameType(want, have *nftables.Set) bool {
	return want.IsMap == have.IsMap && want.Interval == have.Interval && want.KeyType.GetNFTMagic() == have.KeyType.GetNFTMagic() &&
		(!want.IsMap || want.DataType.GetNFTMagic() == have.DataType.GetNFTMagic())
}

// compareChains compares chains with their rules. One beside ours without a hook is unused, unless a rule of another one jumps to it.
func (rs *Ruleset) compareChains(st *state, differ, unused differ) {
	wanted := rs.chains(st.live)
	for _, c := range wanted {
		have := st.chains[c.name]
		if have == nil {
			differ(Missing, "chain "+c.name, "it is not there")
			continue
		}
		if !c.fits(have) {
			differ(Changed, "chain "+c.name, "it has another type, hook, priority or policy")
		}
		compareRules(c, have, differ)
	}
	for _, name := range slices.Sorted(maps.Keys(st.chains)) {
		if slices.ContainsFunc(wanted, func(c chain) bool { return c.name == name }) {
			continue
		}
		note := unused
		if st.chains[name].Hooknum != nil {
			note = differ
		}
		note(Surplus, "chain "+name, "nobody asked for it")
	}
}

// compareRules names the first rule that differs and says how many there are.
func compareRules(c chain, have *stateChain, differ differ) {
	for i, r := range c.rules {
		if i >= len(have.rules) {
			differ(Missing, "chain "+c.name, "rule %d is not there: %v", i+1, r.rule)
			return
		}
		if wantedSignature(r.rule) != have.rules[i] {
			differ(Changed, "chain "+c.name, "rule %d is not %q", i+1, r.rule.String())
			return
		}
	}
	if n := len(have.rules) - len(c.rules); n > 0 {
		differ(Surplus, "chain "+c.name, "it has %d more rules than wanted", n)
	}
}

// wantedSignature is what ruleSignature returns for the rule once the kernel has it.
func wantedSignature(r rule) string {
	sets := map[string]string{}
	exprs := r.exprs(func(a anonymousSet) *nftables.Set {
		name := fmt.Sprintf("__set%d", len(sets))
		sets[name] = anonymousName(a.keys)
		return &nftables.Set{Name: name}
	})
	return signature(exprs, func(name string) string {
		if s, ok := sets[name]; ok {
			return s
		}
		return name
	})
}
