package softwire

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/cgnkit/cgnkit/portset"
)

// NewDomain returns the domain that s describes. The error is an *InvalidError; paths of its findings are such as
// "rules[3].ea-len", "relay" and "dmr". It finds, beside what is wrong with single rules,
//
//   - a rule6 that stands twice, or that lies in another deeper than that one's EA bits reach (ErrOverlap). A rule6 that
//     lies in another and is not deeper is legal: the longest match counts;
//   - IPv4 addresses that two rules give away (ErrOverlap). Legal is the same rule4 with different explicit PSIDs;
//   - sharers of an address with different PSID offsets or lengths (ErrConflict).
//
// O(n log n) for n rules.
func NewDomain(s DomainSpec) (*Domain, error) {
	var fs findings
	switch {
	case len(s.Rules) == 0:
		fs.add(Finding{Err: ErrPrefix, Path: "rules", Msg: "the domain has no rule"})
	case len(s.Rules) > MaxRules:
		fs.add(Finding{Err: ErrTooMany, Path: "rules", Msg: fmt.Sprintf("%d rules are more than %d", len(s.Rules), MaxRules)})
		return nil, fs.err()
	}
	d := &Domain{rules: make([]Rule, 0, len(s.Rules))}
	for i, spec := range s.Rules {
		r, found := newRule(spec)
		for _, f := range found {
			f.Path = fmt.Sprintf("rules[%d].%s", i, f.Path)
			fs.add(f)
		}
		r.number = i
		d.rules = append(d.rules, r)
		if fs.full() {
			break
		}
	}
	fs.add(d.setRelay(s)...)
	if len(fs) == 0 { // rules that are wrong by themselves are not compared
		d.nest6(&fs)
		nested := len(fs) == 0 // else there may be nothing yet to look prefixes up in
		d.hold4(&fs)
		if nested {
			d.checkRelay(&fs)
		}
	}
	if err := fs.err(); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Domain) setRelay(s DomainSpec) (found []Finding) {
	add := func(err error, path, format string, args ...any) {
		found = append(found, Finding{Err: err, Path: path, Msg: fmt.Sprintf(format, args...)})
	}
	if a := s.Relay; a.IsValid() {
		d.relay = a
		if !a.Is6() || a.Is4In6() || a.Zone() != "" || a.IsUnspecified() || !usable6(a) {
			add(ErrRelay, "relay", "%v is not an IPv6 address to which packets can be sent", a)
		}
	}
	if s.DMR.IsValid() {
		var err error
		if d.dmr, err = NewPref64(s.DMR); err != nil {
			add(err, "dmr", "%v", err)
		}
	}
	if s.Relay.IsValid() && s.DMR.IsValid() {
		add(ErrRelay, "dmr", "a domain has a border relay (MAP-E) or a DMR (MAP-T), and not both")
	}
	return found
}

// checkRelay compares relay and DMR with the rules: what comes from them must not look as if it came from a CE, and a route to
// them must not draw away what is for one.
func (d *Domain) checkRelay(fs *findings) {
	if d.relay.IsValid() {
		if ce, err := d.behind(d.relay); err == nil {
			what := "lies in"
			if ce.address() == from6(d.relay) {
				what = "is the MAP address of"
			}
			fs.add(Finding{Err: ErrRelay, Path: "relay", Msg: fmt.Sprintf("%v %s end-user prefix %v of %s", d.relay, what, ce.EndUser(), ce.rule.label())})
		}
	}
	if !d.dmr.IsValid() {
		return
	}
	for i := range d.rules {
		if r := &d.rules[i]; r.spec.IPv6.Overlaps(d.dmr.Prefix()) {
			fs.add(Finding{Err: ErrOverlap, Path: "dmr", Msg: fmt.Sprintf("%v overlaps rule6 %v of %s", d.dmr.Prefix(), r.spec.IPv6, r.label())})
			return
		}
	}
}

// label names a rule in a message about another.
func (r *Rule) label() string {
	if r.spec.Name == "" {
		return fmt.Sprintf("rules[%d]", r.number)
	}
	return fmt.Sprintf("rules[%d] (%q)", r.number, r.spec.Name)
}

func (r *Rule) finding(err error, field, format string, args ...any) Finding {
	return Finding{Err: err, Path: fmt.Sprintf("rules[%d].%s", r.number, field), Name: r.spec.Name, Msg: fmt.Sprintf(format, args...)}
}

// nest6 fills by6 and finds prefixes that stand twice or lie too deep.
func (d *Domain) nest6(fs *findings) {
	list := make([]netip.Prefix, len(d.rules))
	seen := make(map[netip.Prefix]*Rule, len(d.rules))
	for i := range d.rules {
		r := &d.rules[i]
		list[i] = r.spec.IPv6
		if other := seen[list[i]]; other != nil {
			fs.add(r.finding(ErrOverlap, "rule6", "%v is the rule6 of %s, too", list[i], other.label()))
		}
		seen[list[i]] = r
	}
	if len(*fs) > 0 {
		return
	}
	d.by6 = newPrefixes(list)
	for i, p := range d.by6.parent {
		if p == nobody {
			continue
		}
		r, outer := &d.rules[i], &d.rules[p]
		outer.shadowed = true
		if r.spec.IPv6.Bits() > outer.end {
			fs.add(r.finding(ErrOverlap, "rule6", "%v lies inside one end-user prefix of %s, whose prefixes are /%d", r.spec.IPv6, outer.label(), outer.end))
		}
	}
}

// hold4 fills by4, and finds addresses that two rules give away.
func (d *Domain) hold4(fs *findings) {
	order := make([]int32, len(d.rules))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(x, y int32) int {
		a, b := &d.rules[x], &d.rules[y]
		return cmp.Or(cmp.Compare(a.base4, b.base4), cmp.Compare(a.spec.IPv4.Bits(), b.spec.IPv4.Bits()), cmp.Compare(a.psid, b.psid), cmp.Compare(x, y))
	})
	var spans []span
	for _, i := range order {
		r := &d.rules[i]
		d.sharers = append(d.sharers, sharer{r.psid, i})
		last := len(d.sharers) - 1
		if n := len(d.holders); n > 0 {
			if other := &d.rules[d.sharers[last-1].rule]; other.spec.IPv4 == r.spec.IPv4 {
				d.compareSharers(fs, r, other)
				d.holders[n-1].to++
				continue
			}
		}
		spans = append(spans, span{uint64(r.base4), uint64(r.base4 | ^mask32(r.spec.IPv4.Bits())), int32(len(d.holders))})
		d.holders = append(d.holders, holding{int32(last), int32(last) + 1})
	}
	var parents []int32
	d.by4, parents = newIntervals(spans, nobody)
	for i, p := range parents {
		if p != nobody {
			r, outer, kind := d.ruleOf(spans[i].owner), d.ruleOf(p), ErrOverlap
			if conflicting(r, outer) {
				kind = ErrConflict
			}
			fs.add(r.finding(kind, "rule4", "%v lies in rule4 %v of %s%s", r.spec.IPv4, outer.spec.IPv4, outer.label(), layouts(r, outer)))
		}
	}
}

// ruleOf returns the first rule that has a holding.
func (d *Domain) ruleOf(h int32) *Rule { return &d.rules[d.sharers[d.holders[h].from].rule] }

// compareSharers compares two rules with the same rule4, of which other was sorted just before r.
func (d *Domain) compareSharers(fs *findings, r, other *Rule) {
	switch {
	case conflicting(r, other):
		fs.add(r.finding(ErrConflict, r.differing(other), "%v is the rule4 of %s, too%s (RFC 7597 section 5.1)", r.spec.IPv4, other.label(), layouts(r, other)))
	case !r.fixed || !other.fixed:
		fs.add(r.finding(ErrOverlap, "rule4", "%v is the rule4 of %s, too, and one of them gives away all of it", r.spec.IPv4, other.label()))
	case r.psid == other.psid:
		fs.add(r.finding(ErrOverlap, "psid", "PSID %d of %v belongs to %s, too", r.psid, r.spec.IPv4, other.label()))
	}
}

// conflicting reports whether two rules that have an IPv4 address in common cut its ports differently, which is worse than
// that they both have it.
func conflicting(r, other *Rule) bool {
	return r.Shared() && other.Shared() && r.layout != other.layout
}

// differing returns the field by which two rules cut ports differently: that of the PSID offset, or of what gives the PSID its length.
func (r *Rule) differing(other *Rule) string {
	if field := differing(r.layout, other.layout); field != "psid-length" || r.spec.PSIDLength != nil {
		return field
	}
	return "ea-len"
}

// differing returns the first field in which two layouts differ.
func differing(a, b portset.Layout) string {
	if a.Offset() != b.Offset() {
		return "psid-offset"
	}
	return "psid-length"
}

// layouts says, where two rules have different layouts, which.
func layouts(r, other *Rule) string {
	if !conflicting(r, other) {
		return ""
	}
	text := func(l portset.Layout) string {
		return fmt.Sprintf("psid-offset %d psid-length %d", l.Offset(), l.Length())
	}
	return fmt.Sprintf(", with %s there and %s here", text(other.layout), text(r.layout))
}
