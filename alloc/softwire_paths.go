package alloc

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/cgnkit/cgnkit/portset/softwire"
)

// newBindings makes the binding table of a pool. The error is a *softwire.InvalidError.
func newBindings(s *SoftwireSpec) (*softwire.Bindings, error) {
	t, err := softwire.NewBindings(slices.Values(s.Bindings))
	if err != nil {
		return nil, err
	}
	if a, b, found := t.Nested(); found {
		return nil, &softwire.InvalidError{Findings: []softwire.Finding{s.nested(a, b)}}
	}
	if b, err := t.Behind(s.Relay); err == nil {
		return nil, &softwire.InvalidError{Findings: []softwire.Finding{{Err: softwire.ErrRelay, Path: "relay",
			Msg:  fmt.Sprintf("%v lies in %v, the prefix of bindings[%d]", s.Relay, b.Prefix(), s.indexOf(b)),
			Hint: "use an address outside the prefixes of all B4s"}}}
	}
	return t, nil
}

// nested returns the finding that the prefixes of two bindings have addresses in common, at the later of them.
func (s *SoftwireSpec) nested(a, b softwire.Binding) softwire.Finding {
	at, other := s.indexOf(a), s.indexOf(b)
	if at < other {
		at, other, a, b = other, at, b, a
	}
	return softwire.Finding{Err: softwire.ErrOverlap, Path: fmt.Sprintf("bindings[%d].b4", at),
		Msg:  fmt.Sprintf("%v %s %v of bindings[%d], and an address in both would have two subscribers", a.Prefix(), relation(a.Prefix(), b.Prefix()), b.Prefix(), other),
		Hint: "give every B4 a prefix of its own"}
}

// relation says how two prefixes that overlap do.
func relation(p, q netip.Prefix) string {
	if p == q {
		return "is"
	}
	return lies(p, q)
}

// indexOf returns where a binding is listed.
func (s *SoftwireSpec) indexOf(b softwire.Binding) int {
	psid, _ := b.PSID()
	return slices.IndexFunc(s.Bindings, func(o softwire.BindingSpec) bool {
		return o.B4 == b.Prefix() && o.IPv4 == b.IPv4() && (b.Layout().Length() == 0 || o.PSID == int(psid))
	})
}

// pathOf returns the path of the first rule or binding that has an outside address.
func (s *SoftwireSpec) pathOf(a uint32) string {
	if s.Kind == LW4o6 {
		return fmt.Sprintf("bindings[%d].ipv4", slices.IndexFunc(s.Bindings, func(b softwire.BindingSpec) bool { return b.IPv4 == addr4(a) }))
	}
	return fmt.Sprintf("rules[%d].rule4", slices.IndexFunc(s.Rules, func(r softwire.RuleSpec) bool { return r.IPv4.Contains(addr4(a)) }))
}

// prefixPath returns the path of the rule or binding that has a prefix.
func (s *SoftwireSpec) prefixPath(six netip.Prefix) string {
	if s.Kind == LW4o6 {
		return fmt.Sprintf("bindings[%d].b4", slices.IndexFunc(s.Bindings, func(b softwire.BindingSpec) bool { return b.B4 == six }))
	}
	return fmt.Sprintf("rules[%d].rule6", slices.IndexFunc(s.Rules, func(r softwire.RuleSpec) bool { return r.IPv6 == six }))
}
