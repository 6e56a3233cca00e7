package softwire

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/portset"
)

func TestRuleFindings(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*RuleSpec)
		want   []any
	}{
		{"nothing given", func(s *RuleSpec) { *s = RuleSpec{} }, []any{ErrPrefix, "rule6", ErrPrefix, "rule4"}},
		{"families swapped", func(s *RuleSpec) { s.IPv6, s.IPv4 = s.IPv4, s.IPv6 }, []any{ErrPrefix, "rule6", ErrPrefix, "rule4"}},
		{"mapped rule6", func(s *RuleSpec) { s.IPv6 = netip.PrefixFrom(ip("::ffff:192.0.2.0"), 120) }, []any{ErrPrefix, "rule6", ErrLength, "ea-len"}},
		{"mapped rule4", func(s *RuleSpec) { s.IPv4 = netip.PrefixFrom(ip("::ffff:192.0.2.0"), 24) }, []any{ErrPrefix, "rule4"}},
		{"host bits", func(s *RuleSpec) {
			s.IPv6, s.IPv4 = netip.PrefixFrom(ip("2001:db8:12:3400::"), 40), netip.PrefixFrom(ip("192.0.2.18"), 24)
		}, []any{ErrPrefix, "rule6", ErrPrefix, "rule4"}},
		{"multicast", func(s *RuleSpec) { s.IPv6, s.IPv4 = pfx("ff00::/8"), pfx("224.0.0.0/24") }, []any{ErrPrefix, "rule6", ErrPrefix, "rule4"}},
		{"link-local and loopback", func(s *RuleSpec) { s.IPv6, s.IPv4 = pfx("fe80::/40"), pfx("127.0.0.0/24") }, []any{ErrPrefix, "rule6", ErrPrefix, "rule4"}},
		{"ea -1", func(s *RuleSpec) { s.EALen = -1 }, []any{ErrLength, "ea-len"}},
		{"ea 49", func(s *RuleSpec) { s.EALen = 49 }, []any{ErrLength, "ea-len"}},
		{"past bit 64", func(s *RuleSpec) { s.EALen = 25 }, []any{ErrLength, "ea-len"}},
		{"past bit 128", func(s *RuleSpec) { s.IPv6, s.OverwriteIID = pfx("2001:db8::/120"), true }, []any{ErrLength, "ea-len"}},
		{"rule6 longer than 64", func(s *RuleSpec) { s.IPv6, s.EALen = pfx("2001:db8::/72"), 0 }, []any{ErrLength, "rule6"}},
		{"48 EA bits, default offset", func(s *RuleSpec) { s.IPv6, s.IPv4, s.EALen = pfx("2000::/16"), pfx("0.0.0.0/0"), 48 }, []any{portset.ErrLayout, "ea-len"}},
		{"PSID of 24 bits", func(s *RuleSpec) { s.IPv6, s.IPv4, s.EALen = pfx("2000::/16"), pfx("10.0.0.0/8"), 48 }, []any{portset.ErrLayout, "ea-len"}},
		{"a + k = 17", func(s *RuleSpec) { s.PSIDOffset = new(9) }, []any{portset.ErrLayout, "ea-len"}},
		{"offset 16", func(s *RuleSpec) { s.PSIDOffset = new(16) }, []any{portset.ErrLayout, "psid-offset"}},
		{"offset -1", func(s *RuleSpec) { s.PSIDOffset = new(-1) }, []any{portset.ErrLayout, "psid-offset"}},
		{"offset 16, nothing shared", func(s *RuleSpec) { s.EALen, s.PSIDOffset = 8, new(16) }, []any{portset.ErrLayout, "psid-offset"}},
		{"length 17", func(s *RuleSpec) { s.PSIDLength = new(17) }, []any{portset.ErrLayout, "psid-length"}},
		{"length -1", func(s *RuleSpec) { s.PSIDLength = new(-1) }, []any{portset.ErrLayout, "psid-length"}},
		{"VPP's test: EA 16, PSID 4", func(s *RuleSpec) { s.PSIDLength = new(4) }, []any{ErrLength, "psid-length"}},
		{"PSID beside EA bits", func(s *RuleSpec) { s.PSID = new(5) }, []any{portset.ErrPSID, "psid"}},
		{"PSID with a prefix", func(s *RuleSpec) { s.EALen, s.PSIDLength, s.PSID = 4, new(8), new(5) }, []any{portset.ErrPSID, "psid"}},
		{"PSID length with a prefix", func(s *RuleSpec) { s.EALen, s.PSIDLength = 4, new(8) }, []any{portset.ErrPSID, "psid-length"}},
		{"PSID without length", func(s *RuleSpec) { s.EALen, s.PSID = 8, new(5) }, []any{portset.ErrPSID, "psid-length"}},
		{"length without PSID", func(s *RuleSpec) { s.EALen, s.PSIDLength = 8, new(4) }, []any{portset.ErrPSID, "psid"}},
		{"left-aligned PSID", func(s *RuleSpec) { s.EALen, s.PSIDLength, s.PSID = 8, new(8), new(0x3400) }, []any{portset.ErrPSID, "psid"}},
		{"negative PSID", func(s *RuleSpec) { s.EALen, s.PSIDLength, s.PSID = 8, new(8), new(-1) }, []any{portset.ErrPSID, "psid"}},
		{"explicit a + k = 17", func(s *RuleSpec) { s.EALen, s.PSIDLength, s.PSID = 8, new(11), new(1) }, []any{portset.ErrLayout, "psid-length"}},
		{"form", func(s *RuleSpec) { s.IID = 2 }, []any{ErrPrefix, "iid"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := ruleOf(tc.change)
			r, err := NewRule(s)
			if r != nil {
				t.Errorf("rule is %v", r)
			}
			sameFindings(t, err, tc.want...)
			var more []any
			for i, x := range tc.want {
				if i%2 == 1 {
					x = "rules[1]." + x.(string)
				}
				more = append(more, x)
			}
			_, err = NewDomain(DomainSpec{Rules: []RuleSpec{one("2001:db8:1::/64", "198.51.100.1/32", 6, 2, 1), s}})
			sameFindings(t, err, more...)
		})
	}
}

func TestLegalRules(t *testing.T) {
	for name, change := range map[string]func(*RuleSpec){
		"48 EA bits, offset 0": func(s *RuleSpec) {
			s.IPv6, s.IPv4, s.EALen, s.PSIDOffset = pfx("2000::/16"), pfx("0.0.0.0/0"), 48, new(0)
		},
		"a + k = 16":                func(s *RuleSpec) { s.PSIDOffset = new(8) },
		"right length":              func(s *RuleSpec) { s.PSIDLength = new(8) },
		"length 0, PSID 0":          func(s *RuleSpec) { s.EALen, s.PSIDLength, s.PSID = 8, new(0), new(0) },
		"up to bit 64":              func(s *RuleSpec) { s.IPv6 = pfx("2001:db8::/48") },
		"past bit 64, as asked for": func(s *RuleSpec) { s.IPv6, s.OverwriteIID = pfx("2001:db8::/49"), true },
		"up to bit 128":             func(s *RuleSpec) { s.IPv6, s.OverwriteIID = pfx("2001:db8::/112"), true },
		"all of IPv6":               func(s *RuleSpec) { s.IPv6 = pfx("::/0") },
	} {
		t.Run(name, func(t *testing.T) {
			r := mustRule(t, ruleOf(change))
			again := mustRule(t, r.Spec())
			if again.String() != r.String() || again.end != r.end || again.layout != r.layout || again.psid != r.psid {
				t.Errorf("from its own specification: %v, want %v", again, r)
			}
			for _, i := range []int64{0, r.Len() / 3, r.Len() - 1} {
				ce, ok := r.At(i)
				if back, err := r.Forward(ce.EndUser()); !ok || err != nil || back != ce {
					t.Errorf("EA bits %d: %v, %v; want %v", i, back, err, ce)
				}
				if back, err := r.Reverse(ce.IPv4().Addr(), ce.Ports().Last()); err != nil || back != ce {
					t.Errorf("EA bits %d: Reverse = %v, %v; want %v", i, back, err, ce)
				}
			}
		})
	}
}

// A rule has its own copy of what it was made from.
func TestRuleIsDetached(t *testing.T) {
	offset := 4
	r := mustRule(t, ruleOf(func(s *RuleSpec) { s.PSIDOffset = &offset }))
	offset = 99
	if got := *r.Spec().PSIDOffset; got != 4 {
		t.Errorf("the offset is %d now", got)
	}
}

func TestDomainFindings(t *testing.T) {
	other := ruleOf(func(s *RuleSpec) { s.IPv6, s.IPv4 = pfx("2001:db8:100::/40"), pfx("198.51.100.0/24") })
	for _, tc := range []struct {
		name string
		spec DomainSpec
		want []any
	}{
		{"no rules", DomainSpec{}, []any{ErrPrefix, "rules"}},
		{"rule6 twice", DomainSpec{Rules: []RuleSpec{ruleOf(), ruleOf(func(s *RuleSpec) { s.IPv4 = pfx("198.51.100.0/24") })}}, []any{ErrOverlap, "rules[1].rule6"}},
		{"rule4 twice", DomainSpec{Rules: []RuleSpec{other, ruleOf(func(s *RuleSpec) { s.IPv4 = pfx("198.51.100.0/24") })}}, []any{ErrOverlap, "rules[1].rule4"}},
		{"rule4 in another", DomainSpec{Rules: []RuleSpec{other, ruleOf(func(s *RuleSpec) { s.IPv4, s.EALen = pfx("198.51.100.128/25"), 15 })}}, []any{ErrOverlap, "rules[1].rule4"}},
		{"rule4 in another, another layout", DomainSpec{Rules: []RuleSpec{other, ruleOf(func(s *RuleSpec) { s.IPv4 = pfx("198.51.100.128/25") })}}, []any{ErrConflict, "rules[1].rule4"}},
		{"rule4 twice, another layout", DomainSpec{Rules: []RuleSpec{other, ruleOf(func(s *RuleSpec) { s.IPv4, s.PSIDOffset = pfx("198.51.100.0/24"), new(4) })}}, []any{ErrConflict, "rules[1].psid-offset"}},
		{"rule4 twice, other EA bits", DomainSpec{Rules: []RuleSpec{other, ruleOf(func(s *RuleSpec) { s.IPv4, s.EALen = pfx("198.51.100.0/24"), 14 })}}, []any{ErrConflict, "rules[1].ea-len"}},
		{"rule4 twice, other EA bits and a length", DomainSpec{Rules: []RuleSpec{other, ruleOf(func(s *RuleSpec) { s.IPv4, s.EALen, s.PSIDLength = pfx("198.51.100.0/24"), 14, new(6) })}}, []any{ErrConflict, "rules[1].psid-length"}},
		{"address twice, another length", DomainSpec{Rules: []RuleSpec{one("2001:db8::/56", "198.51.100.7/32", 6, 8, 1), one("2001:db8:1::/56", "198.51.100.7/32", 6, 4, 2)}}, []any{ErrConflict, "rules[1].psid-length"}},
		{"address twice, another offset and length", DomainSpec{Rules: []RuleSpec{one("2001:db8::/56", "198.51.100.7/32", 6, 8, 1), one("2001:db8:1::/56", "198.51.100.7/32", 4, 4, 2)}}, []any{ErrConflict, "rules[1].psid-offset"}},
		{"explicit in a shared one", DomainSpec{Rules: []RuleSpec{other, one("2001:db8::/56", "198.51.100.7/32", 6, 8, 1)}}, []any{ErrOverlap, "rules[1].rule4"}},
		{"PSID twice", DomainSpec{Rules: []RuleSpec{one("2001:db8::/56", "198.51.100.7/32", 6, 8, 1), one("2001:db8:1::/56", "198.51.100.7/32", 6, 8, 1)}}, []any{ErrOverlap, "rules[1].psid"}},
		{"explicit and whole", DomainSpec{Rules: []RuleSpec{one("2001:db8::/56", "198.51.100.7/32", 6, 8, 1), one("2001:db8:1::/56", "198.51.100.7/32", 6, 0, 0)}}, []any{ErrOverlap, "rules[0].rule4"}},
		{"explicit on nested rule4s", DomainSpec{Rules: []RuleSpec{shareOf("2001:db8::/48", 1), one("2001:db8:1::/56", "192.0.2.16/32", 6, 2, 2)}}, []any{ErrOverlap, "rules[1].rule4"}},
		{"rule6 inside an end-user prefix", DomainSpec{Rules: []RuleSpec{ruleOf(), one("2001:db8:12:3456::/64", "198.51.100.7/32", 6, 8, 1)}}, []any{ErrOverlap, "rules[1].rule6"}},
		{"relay and DMR", DomainSpec{Rules: []RuleSpec{other}, Relay: ip("2001:db8:ffff::1"), DMR: pfx("2001:db8:ffff::/64")}, []any{ErrRelay, "dmr"}},
		{"relay is IPv4", DomainSpec{Rules: []RuleSpec{other}, Relay: ip("192.0.2.1")}, []any{ErrRelay, "relay"}},
		{"relay is multicast", DomainSpec{Rules: []RuleSpec{other}, Relay: ip("ff02::1")}, []any{ErrRelay, "relay"}},
		{"relay has a zone", DomainSpec{Rules: []RuleSpec{other}, Relay: ip("2001:db8:ffff::1%eth0")}, []any{ErrRelay, "relay"}},
		{"relay is a CE", DomainSpec{Rules: []RuleSpec{ruleOf()}, Relay: ip("2001:db8:12:3400:0:c000:212:34")}, []any{ErrRelay, "relay"}},
		{"relay is in a CE's prefix", DomainSpec{Rules: []RuleSpec{ruleOf()}, Relay: ip("2001:db8:12:3400::1")}, []any{ErrRelay, "relay"}},
		{"rule6 twice, with a relay", DomainSpec{Rules: []RuleSpec{ruleOf(), ruleOf(func(s *RuleSpec) { s.IPv4 = pfx("192.0.3.0/24") })}, Relay: ip("2001:db8:ffff::1")},
			[]any{ErrOverlap, "rules[1].rule6"}},
		{"DMR in rule6", DomainSpec{Rules: []RuleSpec{ruleOf()}, DMR: pfx("2001:db8:12::/64")}, []any{ErrOverlap, "dmr"}},
		{"DMR around rule6", DomainSpec{Rules: []RuleSpec{ruleOf()}, DMR: pfx("2001:db8::/32")}, []any{ErrOverlap, "dmr"}},
		{"DMR around a rule6 that begins behind it", DomainSpec{Rules: []RuleSpec{ruleOf(func(s *RuleSpec) { s.IPv6, s.EALen = pfx("2001:db8:77::/48"), 8 })}, DMR: pfx("2001:db8::/32")},
			[]any{ErrOverlap, "dmr"}},
		{"DMR of 60 bits", DomainSpec{Rules: []RuleSpec{ruleOf()}, DMR: pfx("2001:db8:ffff::/60")}, []any{ErrLength, "dmr"}},
		{"DMR with host bits", DomainSpec{Rules: []RuleSpec{ruleOf()}, DMR: netip.PrefixFrom(ip("2001:db8:ffff::1"), 64)}, []any{ErrPrefix, "dmr"}},
		{"DMR with u", DomainSpec{Rules: []RuleSpec{ruleOf()}, DMR: pfx("2001:db8:ffff:0:100::/96")}, []any{ErrPrefix, "dmr"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, err := NewDomain(tc.spec)
			if d != nil {
				t.Error("there is a domain")
			}
			sameFindings(t, err, tc.want...)
		})
	}
}

func TestFindingText(t *testing.T) {
	_, err := NewDomain(DomainSpec{Rules: []RuleSpec{ruleOf(func(s *RuleSpec) { s.Name, s.EALen = "north\x1b", 49 })}})
	const want = `rules[0].ea-len (rule "north\x1b"): 49 is not in 0 to 48 (RFC 7598 section 4.1)`
	if err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
	many := slices.Repeat([]RuleSpec{{}}, 2*MaxFindings)
	if _, err = NewDomain(DomainSpec{Rules: many}); strings.Count(err.Error(), "\n") != MaxFindings-1 {
		t.Errorf("%d lines for %d defects", strings.Count(err.Error(), "\n")+1, 2*len(many))
	}
}
