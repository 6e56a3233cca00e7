package softwire

import (
	"errors"
	"net/netip"
	"testing"
)

// failer is what helpers need of *testing.T, *testing.B and *testing.F.
type failer interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func pfx(text string) netip.Prefix { return netip.MustParsePrefix(text) }

func ip(text string) netip.Addr { return netip.MustParseAddr(text) }

// ruleOf returns the rule 2001:db8::/40, 192.0.2.0/24, 16 EA bits of RFC 7597 appendix A, changed by the functions.
func ruleOf(change ...func(*RuleSpec)) RuleSpec {
	s := RuleSpec{IPv6: pfx("2001:db8::/40"), IPv4: pfx("192.0.2.0/24"), EALen: 16}
	for _, c := range change {
		c(&s)
	}
	return s
}

// one returns a rule for one CE with an explicit PSID.
func one(ipv6, ipv4 string, offset, length, psid int) RuleSpec {
	return RuleSpec{IPv6: pfx(ipv6), IPv4: pfx(ipv4), PSIDOffset: &offset, PSIDLength: &length, PSID: &psid}
}

func mustRule(t failer, s RuleSpec) *Rule {
	t.Helper()
	r, err := NewRule(s)
	if err != nil {
		t.Fatalf("NewRule(%+v): %v", s, err)
	}
	return r
}

func mustDomain(t failer, s DomainSpec) *Domain {
	t.Helper()
	d, err := NewDomain(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// sameFindings compares an error with findings: pairs of kind and path, in order.
func sameFindings(t *testing.T, err error, want ...any) {
	t.Helper()
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("error is %v, want an InvalidError", err)
	}
	for i, f := range invalid.Findings {
		if 2*i+1 >= len(want) {
			t.Errorf("finding %d is one too many: %v", i, f)
			continue
		}
		if kind, path := want[2*i].(error), want[2*i+1].(string); !errors.Is(f, kind) || f.Path != path || !errors.Is(err, kind) {
			t.Errorf("finding %d is %v at %s, want %v at %s", i, f, f.Path, kind, path)
		}
		if f.Msg == "" {
			t.Errorf("finding %d has no message", i)
		}
	}
	if n := len(want) / 2; len(invalid.Findings) < n {
		t.Errorf("%d findings, want %d: %v", len(invalid.Findings), n, err)
	}
}
