package softwire

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/portset"
)

func rejected(t *testing.T, want object) {
	t.Helper()
	if s := text(t, want, ""); !strings.HasPrefix(s, "reject") {
		t.Fatalf("the vector expects %q, not a rejection", s)
	}
}

// driveBadRule completes what a vector gives to a rule that has no other defect.
func driveBadRule(t *testing.T, in, want object) {
	rejected(t, want)
	kind, path := portset.ErrLayout, "psid-length"
	s := one("2001:db8::/56", "192.0.2.18/32", 6, 8, 0)
	switch {
	case in.has("rule4"):
		s = ruleOf(func(s *RuleSpec) { s.EALen, s.PSID = num(t, in, "ea_len"), new(num(t, in, "psid")) })
		kind, path = portset.ErrPSID, "psid"
	case in.has("ea_len"):
		s = ruleOf(func(s *RuleSpec) { s.IPv6, s.EALen = pfx("2000::/3"), num(t, in, "ea_len") })
		kind, path = ErrLength, "ea-len"
	case in.has("psid"):
		*s.PSIDLength, *s.PSID = num(t, in, "k"), num(t, in, "psid")
		kind, path = portset.ErrPSID, "psid"
	case in.has("k"):
		*s.PSIDOffset, *s.PSIDLength = num(t, in, "a"), num(t, in, "k")
	default:
		*s.PSIDOffset, path = num(t, in, "a"), "psid-offset"
	}
	r, err := NewRule(s)
	if r != nil {
		t.Errorf("rule is %v, want none", r)
	}
	sameFindings(t, err, kind, path)
}

func driveShortEndUser(t *testing.T, in, want object) {
	rejected(t, want)
	r := mustRule(t, RuleSpec{IPv6: pfx(text(t, in, "rule6")), IPv4: pfx("198.18.0.0/16"), EALen: num(t, in, "ea_len")})
	if ce, err := r.Forward(pfx(text(t, in, "end_user"))); !errors.Is(err, ErrEndUser) || ce.IsValid() {
		t.Errorf("Forward = %v, %v; want ErrEndUser", ce, err)
	}
}

func driveConflict(t *testing.T, in, want object) {
	rejected(t, want)
	layouts := [2][2]int{{6, 8}, {6, 8}}
	name, which, path := "a", 0, "psid-offset"
	if in.has("k") {
		name, which, path = "k", 1, "psid-length"
	}
	for i, n := range field[[]int](t, in, name) {
		layouts[i][which] = n
	}
	a, b := layouts[0], layouts[1]
	_, err := NewDomain(DomainSpec{Rules: []RuleSpec{
		one("2001:db8:0:1::/64", "192.0.2.18/32", a[0], a[1], 1), one("2001:db8:0:2::/64", "192.0.2.18/32", b[0], b[1], 2),
	}})
	sameFindings(t, err, ErrConflict, "rules[1]."+path)
	_, err = NewBindings(slices.Values([]BindingSpec{
		{B4: pfx("2001:db8::1/128"), IPv4: ip("192.0.2.18"), PSIDOffset: a[0], PSIDLength: a[1], PSID: 1},
		{B4: pfx("2001:db8::2/128"), IPv4: ip("192.0.2.18"), PSIDOffset: b[0], PSIDLength: b[1], PSID: 2},
	}))
	sameFindings(t, err, ErrConflict, "bindings[1]."+path)
}

func driveExcluded(t *testing.T, in, want object) {
	rejected(t, want)
	a, port := num(t, in, "a"), uint16(num(t, in, "port"))
	d := mustDomain(t, DomainSpec{Rules: []RuleSpec{ruleOf(func(s *RuleSpec) { s.PSIDOffset = &a })}})
	if ce, err := d.Reverse(ip("192.0.2.18"), port); !errors.Is(err, ErrExcluded) {
		t.Errorf("Reverse = %v, %v; want ErrExcluded", ce, err)
	}
	for i := range d.Rule(0).Len() {
		ce, _ := d.Rule(0).At(i)
		if err := d.Check(ce.Address(), ce.IPv4().Addr(), port); !errors.Is(err, ErrExcluded) {
			t.Fatalf("Check(%v) = %v; want ErrExcluded", ce, err)
		}
	}
}

func driveDMR(t *testing.T, in, want object) {
	length := num(t, in, "dmr_len")
	p := netip.PrefixFrom(ip("2001:db8:ffff::"), length)
	_, err := NewDomain(DomainSpec{Rules: []RuleSpec{ruleOf()}, DMR: p})
	if valid := field[bool](t, want, "valid"); valid != (err == nil) {
		t.Fatalf("/%d: %v, valid is %v", length, err, valid)
	}
	if err != nil {
		sameFindings(t, err, ErrLength, "dmr")
	}
}
