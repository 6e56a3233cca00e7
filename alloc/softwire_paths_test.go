package alloc

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/portset/softwire"
)

// A finding about an outside address that nobody can use is at the rule or binding that has it, also where addresses that can be
// used stand right before it.
func TestPathOfUnusable(t *testing.T) {
	rules := func(four ...string) (s SoftwireSpec) {
		s = SoftwireSpec{Name: "p", Kind: MAPE, Relay: netip.MustParseAddr("2001:db8:ffff::1")}
		for i, four := range four {
			s.Rules = append(s.Rules, softwire.RuleSpec{IPv6: prefix6(fmt.Sprintf("2001:db%x::/32", i)), IPv4: prefix6(four), EALen: 32 - prefix6(four).Bits()})
		}
		return s
	}
	bindings := func(four ...string) (s SoftwireSpec) {
		s = SoftwireSpec{Name: "p", Kind: LW4o6, Relay: netip.MustParseAddr("2001:db8:ffff::1")}
		for i, four := range four {
			s.Bindings = append(s.Bindings, softwire.BindingSpec{B4: prefix6(fmt.Sprintf("2001:db8:%x::/56", i+1)), IPv4: netip.MustParseAddr(four)})
		}
		return s
	}
	for name, c := range map[string]struct {
		spec       SoftwireSpec
		want, says string
	}{
		"first rule":             {rules("0.0.0.0/8", "1.0.0.0/8"), "rules[0].rule4", "outside 0.0.0.0-0.255.255.255 cannot"},
		"a rule's first half":    {rules("192.0.2.0/24", "0.0.0.0/7"), "rules[1].rule4", "outside 0.0.0.0-0.255.255.255 cannot"},
		"rule behind another":    {rules("254.0.0.0/8", "255.0.0.0/8"), "rules[1].rule4", "outside 255.255.255.255 cannot"},
		"rule before another":    {rules("255.0.0.0/8", "254.0.0.0/8"), "rules[0].rule4", "outside 255.255.255.255 cannot"},
		"last binding":           {bindings("192.0.2.1", "255.255.255.254", "255.255.255.255"), "bindings[2].ipv4", "outside 255.255.255.255 cannot"},
		"binding before another": {bindings("255.255.255.255", "255.255.255.254"), "bindings[0].ipv4", "outside 255.255.255.255 cannot"},
		"binding alone":          {bindings("192.0.2.1", "255.255.255.255"), "bindings[1].ipv4", "outside 255.255.255.255 cannot"},
	} {
		_, err := NewPlan(Spec{Softwires: []SoftwireSpec{c.spec}})
		invalid, ok := errors.AsType[*InvalidError](err)
		if !ok || len(invalid.Findings) != 1 || !errors.Is(err, ErrAddress) || invalid.Findings[0].Path != "softwires[0]."+c.want || !strings.HasPrefix(invalid.Findings[0].Msg, c.says) {
			t.Errorf("%s: %+v, want a finding at %s: %s", name, err, c.want, c.says)
		}
	}
}
