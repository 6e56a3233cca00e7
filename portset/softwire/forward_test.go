package softwire

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func TestForwardErrors(t *testing.T) {
	d := mustDomain(t, DomainSpec{Rules: []RuleSpec{ruleOf(), one("2001:db8:ab:cd00::/56", "203.0.113.1/32", 6, 0, 0), one("2001:db8:ef::/56", "203.0.113.2/32", 6, 0, 0)}})
	over := mustDomain(t, DomainSpec{Rules: []RuleSpec{long("2001:db8::/60", "192.0.2.0/24", 12)}})
	for _, tc := range []struct {
		name    string
		d       *Domain
		endUser netip.Prefix
		want    error
		text    string
	}{
		{"fits", d, pfx("2001:db8:12:3400::/56"), nil, ""},
		{"longer, zeros behind", d, pfx("2001:db8:12:3400::/64"), nil, ""},
		{"longer, not its first subnet", d, pfx("2001:db8:12:3410::/60"), ErrEndUser, "bits 56 to 59 of 2001:db8:12:3410::/60 are not those of the MAP address 2001:db8:12:3400:0:c000:212:34"},
		{"longer than 64", d, pfx("2001:db8:12:3400::/65"), ErrEndUser, "longer than /64"},
		{"too short", d, pfx("2001:db8:12:3000::/52"), ErrEndUser, "rule6 2001:db8::/40 and 16 EA bits need /56, and 2001:db8:12:3000::/52 is shorter"},
		{"shorter than rule6", d, pfx("2001:db8::/39"), ErrNoRule, "in no rule6"},
		{"all of IPv6", d, pfx("::/0"), ErrNoRule, "in no rule6"},
		{"no rule", d, pfx("2001:db9::/56"), ErrNoRule, "in no rule6"},
		{"host bits", d, netip.PrefixFrom(ip("2001:db8:12:3456::"), 56), ErrPrefix, "write 2001:db8:12:3400::/56"},
		{"IPv4", d, pfx("192.0.2.0/24"), ErrPrefix, "not IPv6"},
		{"mapped", d, netip.PrefixFrom(ip("::ffff:192.0.2.0"), 120), ErrPrefix, "not IPv6"},
		{"zero", d, netip.Prefix{}, ErrPrefix, "not IPv6"},
		{"longest match", d, pfx("2001:db8:ab:cd00::/56"), nil, ""},
		{"shorter than the longest match", d, pfx("2001:db8:ab:cc00::/55"), ErrEndUser, "shorter"},
		{"around the longest match", d, pfx("2001:db8:ef::/52"), ErrEndUser, "rule6 2001:db8::/40"},
		{"over bit 64", over, pfx("2001:db8:0:3:4500::/72"), nil, ""},
		{"over bit 64, longer, as the address has it", over, pfx("2001:db8:0:3:4500::/80"), nil, ""},
		{"over bit 64, longer, another", over, pfx("2001:db8:0:3:4501::/80"), ErrEndUser, "bits 72 to 79"},
		{"the address itself", over, pfx("2001:db8:0:3:4500:c000:234:5/128"), nil, ""},
		{"another address", over, pfx("2001:db8:0:3:4500:c000:234:6/128"), ErrEndUser, "bits 72 to 127"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ce, err := tc.d.Forward(tc.endUser)
			if !errors.Is(err, tc.want) || ce.IsValid() != (err == nil) {
				t.Fatalf("Forward = %v, %v; want %v", ce, err, tc.want)
			}
			if err != nil && !strings.Contains(err.Error(), tc.text) {
				t.Errorf("error %q does not say %q", err, tc.text)
			}
			if err == nil && !tc.endUser.Contains(ce.Address()) {
				t.Errorf("%v is not in %v", ce.Address(), tc.endUser)
			}
		})
	}
}

func TestRuleForward(t *testing.T) {
	r := mustRule(t, ruleOf())
	for text, want := range map[string]error{
		"2001:db8:12:3400::/56": nil, "2001:db8:100::/56": ErrNoRule, "2001:db8::/36": ErrNoRule, "::/0": ErrNoRule, "192.0.2.0/24": ErrPrefix,
	} {
		if ce, err := r.Forward(pfx(text)); !errors.Is(err, want) || ce.IsValid() != (err == nil) {
			t.Errorf("Forward(%s) = %v, %v; want %v", text, ce, err, want)
		}
	}
	for text, want := range map[string]error{"192.0.2.18": nil, "192.0.3.18": ErrNoRule, "2001:db8::": ErrNoRule} {
		if ce, err := r.Reverse(ip(text), 1232); !errors.Is(err, want) || ce.IsValid() != (err == nil) {
			t.Errorf("Reverse(%s) = %v, %v; want %v", text, ce, err, want)
		}
	}
	if _, ok := r.At(-1); ok {
		t.Error("At(-1) is a CE")
	}
	if _, ok := r.At(r.Len()); ok {
		t.Error("At(Len()) is a CE")
	}
}

func TestDestination(t *testing.T) {
	rules := func(forwarding bool) []RuleSpec {
		return []RuleSpec{ruleOf(func(s *RuleSpec) { s.Forwarding = forwarding })}
	}
	relay, dmr := ip("2001:db8:ffff::1"), pfx("2001:db8:ffff::/64")
	for _, tc := range []struct {
		name string
		d    DomainSpec
		dst  string
		port uint16
		want string
		err  error
	}{
		{"mesh", DomainSpec{Rules: rules(true), Relay: relay}, "192.0.2.18", 1232, "2001:db8:12:3400:0:c000:212:34", nil},
		{"mesh, no PSID has the port", DomainSpec{Rules: rules(true), Relay: relay}, "192.0.2.18", 80, "2001:db8:ffff::1", nil},
		{"hub and spoke", DomainSpec{Rules: rules(false), Relay: relay}, "192.0.2.18", 1232, "2001:db8:ffff::1", nil},
		{"mesh, MAP-T", DomainSpec{Rules: rules(true), DMR: dmr}, "192.0.2.18", 1232, "2001:db8:12:3400:0:c000:212:34", nil},
		{"hub and spoke, MAP-T", DomainSpec{Rules: rules(false), DMR: dmr}, "192.0.2.18", 1232, "2001:db8:ffff:0:c0:2:1200:0", nil},
		{"outside", DomainSpec{Rules: rules(true), DMR: dmr}, "10.2.3.4", 80, "2001:db8:ffff:0:a:203:400:0", nil},
		{"well-known prefix", DomainSpec{Rules: rules(true), DMR: pfx("64:ff9b::/96")}, "8.8.8.8", 53, "64:ff9b::808:808", nil},
		{"well-known prefix, not global", DomainSpec{Rules: rules(true), DMR: pfx("64:ff9b::/96")}, "10.2.3.4", 53, "", ErrNotGlobal},
		{"neither", DomainSpec{Rules: rules(true)}, "10.2.3.4", 53, "", ErrRelay},
		{"IPv6", DomainSpec{Rules: rules(true), Relay: relay}, "2001:db8::1", 53, "", ErrPrefix},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := mustDomain(t, tc.d).Destination(ip(tc.dst), tc.port)
			if !errors.Is(err, tc.err) || err == nil && got != ip(tc.want) {
				t.Errorf("Destination = %v, %v; want %v, %v", got, err, tc.want, tc.err)
			}
		})
	}
}
