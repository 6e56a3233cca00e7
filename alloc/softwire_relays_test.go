package alloc

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/portset/softwire"
)

// A relay or DMR that lies in the prefix of a subscriber, of its own pool or of another: whose packets are meant could not be told.
func TestRelayInASubscribersPrefix(t *testing.T) {
	addr := netip.MustParseAddr
	for name, c := range map[string]struct {
		change func(*Spec)
		path   string
		says   []string
	}{
		"relay in a rule of its pool": {func(s *Spec) { s.Softwires[0].Relay = addr("2001:db8:12:3400::1") },
			"softwires[0].relay", []string{"2001:db8:12:3400::1", "2001:db8:12:3400::/56", "rules[0]"}},
		"relay in a rule of another": {func(s *Spec) { s.Softwires[1].Relay = addr("2001:db8:12:3400::1") },
			"softwires[1].relay", []string{"2001:db8:12:3400::1", "2001:db8:12:3400::/56", `"mape"`}},
		"relay in a later pool's inner rule": {func(s *Spec) { s.Softwires[0].Relay = addr("2001:db8:300:8001::1") },
			"softwires[0].relay", []string{"2001:db8:300:8001::1", "2001:db8:300:8000::/53", `"mapt"`}},
		"relay is behind a B4 of another": {func(s *Spec) { s.Softwires[0].Relay = addr("2001:db8:401::9") },
			"softwires[0].relay", []string{"2001:db8:401::9", "2001:db8:401::/48", `"lw"`}},
		"DMR in a prefix of another": {func(s *Spec) { s.Softwires[2].DMR = prefix6("2001:db8:12::/64") },
			"softwires[2].dmr", []string{"2001:db8:12::/64", "2001:db8:12::/56", `"mape"`}},
		"DMR holds a B4 of another": {func(s *Spec) { s.Softwires[2].DMR = prefix6("2001:db8:400::/40") },
			"softwires[2].dmr", []string{"2001:db8:400::/40", "2001:db8:400::/48", `"lw"`}},
	} {
		t.Run(name, func(t *testing.T) {
			s := mixed()
			c.change(&s)
			_, err := NewPlan(s)
			invalid, ok := errors.AsType[*InvalidError](err)
			if !ok || len(invalid.Findings) != 1 || !errors.Is(err, ErrSoftwire) || invalid.Findings[0].Path != c.path {
				t.Fatalf("got %+v, want a finding at %s", err, c.path)
			}
			for _, text := range c.says {
				if !strings.Contains(invalid.Findings[0].Msg, text) {
					t.Errorf("%q does not name %s", invalid.Findings[0].Msg, text)
				}
			}
		})
	}
	s := mixed() // in another realm these are other addresses
	s.Softwires[1].Realm, s.Softwires[1].Relay = "b", addr("2001:db8:12:3400::1")
	mustPlan(t, s)
	s = mixed() // the neighbours of a prefix are not in it
	s.Softwires[1].Relay = addr("2001:db8:100::").Prev()
	s.Softwires[0].Rules[0].IPv6, s.Softwires[0].Rules[0].EALen = prefix6("2001:db8:80::/41"), 15
	s.Softwires[0].Rules[0].IPv4 = prefix6("192.0.2.0/25")
	if _, err := NewPlan(s); !errors.Is(err, softwire.ErrRelay) {
		t.Errorf("the last address of a rule6: %v", err)
	}
	s.Softwires[1].Relay = addr("2001:db8:80::").Prev()
	mustPlan(t, s)
}
