package nat44

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// A mark is what the element of set plan says: which plan this is, and what the release that wrote it wanted of all else. A mark of an
// early release has the plan alone.
type mark struct {
	plan   string // SHA-256
	chains string // digest of chains and rules
	rest   string // digest of objects and of the declarations of sets
}

// parseMark reads a mark. What is no mark of ours is a plan by another name.
func parseMark(s string) mark {
	f := strings.Split(s, " ")
	if len(f) != 3 || len(f[1]) != digestLen || len(f[2]) != digestLen {
		return mark{plan: f[0]}
	}
	return mark{f[0], f[1], f[2]}
}

func (m mark) String() string {
	if m.chains == "" {
		return m.plan
	}
	return m.plan + " " + m.chains + " " + m.rest
}

// mark returns the mark of rs. It fits into a comment, which takes 127 bytes.
func (rs *Ruleset) mark() string {
	return mark{rs.plan.SHA256(), digest(rs.chainLines()), digest(rs.restLines())}.String()
}

const digestLen = 16

// digest is of lines. What they are like is the same in all releases, or each takes what another one has made for what somebody changed.
func digest(lines []string) string {
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:])[:digestLen]
}

// chainLines are the chains and rules that rs wants, as the kernel would have them.
func (rs *Ruleset) chainLines() (lines []string) {
	wanted := rs.chains(0)
	slices.SortFunc(wanted, func(a, b chain) int { return strings.Compare(a.name, b.name) })
	for _, c := range wanted {
		lines = append(lines, chainLine(c.name, c.kind, uint32(*hooks[c.hook]), c.priority, nftables.ChainPolicyAccept))
		for _, r := range c.rules {
			lines = append(lines, wantedSignature(r.rule))
		}
	}
	return lines
}

// chainLines are the chains and rules of the kernel, with the names that sets have in the first generation.
func (st *state) chainLines() (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(st.chains)) {
		c := st.chains[name]
		if c.Hooknum == nil || c.Priority == nil {
			lines = append(lines, "chain "+name)
		} else {
			policy := nftables.ChainPolicyAccept
			if c.Policy != nil {
				policy = *c.Policy
			}
			lines = append(lines, chainLine(name, string(c.Type), uint32(*c.Hooknum), int32(*c.Priority), policy))
		}
		for _, exprs := range c.exprs {
			lines = append(lines, signature(exprs, st.firstName))
		}
	}
	return lines
}

func chainLine(name, kind string, hook uint32, priority int32, policy nftables.ChainPolicy) string {
	return fmt.Sprintf("chain %s type %s hook %d priority %d policy %d", name, kind, hook, priority, policy)
}

// firstName returns the name that a set of the live generation has in the first one. A set of a generation that is not live has a
// name that no release wants.
func (st *state) firstName(name string) string {
	if keys, ok := st.anonymous[name]; ok {
		return keys
	}
	base, g := splitName(name)
	switch {
	case g == st.live:
		return base
	case isContent(name):
		return name + " of another generation"
	}
	return name
}

// restLines are the objects and sets that rs wants. A size is not among what they say: it follows from the plan, and a map that grew keeps its own.
func (rs *Ruleset) restLines() (lines []string) {
	for _, o := range rs.objects() {
		lines = append(lines, fmt.Sprintf("object %s type %d", o.Name, o.Type))
		if t, ok := o.Obj.(*expr.CtTimeout); ok {
			lines = append(lines, fmt.Sprintf("protocol %d/%d", t.L3Proto, t.L4Proto))
			for _, state := range slices.Sorted(maps.Keys(t.Policy)) {
				lines = append(lines, fmt.Sprintf("state %d: %d", state, t.Policy[state]))
			}
		}
	}
	for _, s := range rs.sets(0) {
		lines = append(lines, fmt.Sprintf("set %s map=%t interval=%t,%t key %d/%d data %d/%d", s.Name, s.IsMap, s.Interval, s.DataInterval,
			s.KeyType.GetNFTMagic(), s.KeyType.Bytes, s.DataType.GetNFTMagic(), s.DataType.Bytes))
	}
	return lines
}

// elsewhere says what of a table another release has made, as this one would not.
type elsewhere struct {
	chains bool // the kernel has the chains as their maker wanted them
	rest   bool // objects and declarations of sets were wanted otherwise
}

// elsewhere reads that from the mark. Where the mark names another plan, or was written by a release that did not say what it wanted,
// nobody knows who has made what differs.
func (rs *Ruleset) elsewhere(st *state) (e elsewhere) {
	if st.mark.plan != rs.plan.SHA256() || st.mark.chains == "" {
		return e
	}
	e.chains = st.mark.chains == digest(st.chainLines()) && st.mark.chains != digest(rs.chainLines())
	e.rest = st.mark.rest != digest(rs.restLines())
	return e
}
