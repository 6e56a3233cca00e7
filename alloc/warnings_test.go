package alloc

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/portset/softwire"
)

// Whoever shares an address has no port below 1024, or is told of it.
func TestWarnings(t *testing.T) {
	for name, c := range map[string]struct {
		offset, length, psid int
		want                 string
	}{
		"the whole address": {0, 0, 0, ""},
		"the first":         {0, 8, 0, "PSID 0 of 192.0.2.1, from port 0 on"},
		"the last below":    {0, 8, 3, "PSID 3 of 192.0.2.1, from port 768 on"},
		"the first above":   {0, 8, 4, ""},
		"a sixty-fourth":    {0, 6, 0, "PSID 0"},
		"the next":          {0, 6, 1, ""},
		"a half":            {0, 1, 0, "PSID 0"},
		"offset 6":          {6, 8, 0, ""},
		"offset 8":          {8, 8, 0, "from port 256 on"},
	} {
		p, err := NewPlan(Spec{Softwires: []SoftwireSpec{{Name: "lw", Kind: LW4o6, Relay: netip.MustParseAddr("2001:db8:fffe::1"), Bindings: []softwire.BindingSpec{
			{B4: netip.MustParsePrefix("2001:db8:1::/56"), IPv4: netip.MustParseAddr("192.0.2.1"), PSIDOffset: c.offset, PSIDLength: c.length, PSID: c.psid},
			{B4: netip.MustParsePrefix("2001:db8:2::/56"), IPv4: netip.MustParseAddr("192.0.2.2")},
		}}}})
		if err != nil {
			t.Fatal(err)
		}
		switch w := p.Warnings(); {
		case c.want == "" && len(w) > 0:
			t.Errorf("%s: %q", name, w)
		case c.want != "" && (len(w) != 1 || !strings.Contains(w[0], c.want) || !strings.HasPrefix(w[0], `pool "lw": 1 of 2 bindings`)):
			t.Errorf("%s: %q, want %q", name, w, c.want)
		}
	}
}

// The warning about rules is right for every layout: of all routers of a rule, one has a port below 1024 or none has.
func TestWarningsOfRules(t *testing.T) {
	check := func(r softwire.RuleSpec) {
		t.Helper()
		p, err := NewPlan(Spec{Softwires: []SoftwireSpec{{Name: "m", Kind: MAPE, Relay: netip.MustParseAddr("2001:db8:fffe::1"), Rules: []softwire.RuleSpec{
			{IPv6: netip.MustParsePrefix("2001:db8:100::/40"), IPv4: netip.MustParsePrefix("192.0.2.7/32")}, r,
		}}}})
		if err != nil {
			t.Fatal(err)
		}
		low := false
		for pool := range p.Softwires() {
			for a := range pool.All() {
				ce, _ := a.CE()
				low = low || ce.Rule().Shared() && a.Ports().First() < 1024
			}
		}
		w := p.Warnings()
		if (len(w) == 1 && strings.HasPrefix(w[0], `pool "m": by 1 of 2 rules routers share an address`)) != low || len(w) > 1 {
			t.Errorf("%+v: %q, and somebody has such a port: %v", r, w, low)
		}
	}
	for offset := range 16 {
		for k := range 17 - offset {
			if k > 8 && offset != 0 && offset != 6 {
				continue
			}
			check(softwire.RuleSpec{IPv6: netip.MustParsePrefix("2001:db8::/40"), IPv4: netip.MustParsePrefix("192.0.2.1/32"), EALen: k, PSIDOffset: new(offset)})
			for psid := range min(1<<k, 70) {
				check(softwire.RuleSpec{IPv6: netip.MustParsePrefix("2001:db8::/40"), IPv4: netip.MustParsePrefix("192.0.2.1/32"), PSIDOffset: new(offset), PSIDLength: new(k), PSID: new(psid)})
			}
		}
	}
}

// A rule6 that holds addresses which no router can have is warned of, and no other. One of ::/0 is refused: it holds every DMR and relay.
func TestWarningsOfWideRules(t *testing.T) {
	for six, want := range map[string]string{
		"::/64": "::1/128", "8000::/1": "fe80::/10", "fe00::/8": "fe80::/10", "fe00::/7": "fe80::/10",
		"2000::/3": "", "fc00::/7": "", "fe00::/9": "", "fec0::/10": "", "2001:db8::/40": "", "0:0:0:1::/64": "",
	} {
		p, err := NewPlan(Spec{Softwires: []SoftwireSpec{{Name: "m", Kind: MAPT, DMR: netip.MustParsePrefix("4000::/64"), Rules: []softwire.RuleSpec{
			{IPv6: netip.MustParsePrefix(six), IPv4: netip.MustParsePrefix("192.0.2.7/32")},
		}}}})
		if err != nil {
			t.Fatalf("%s: %v", six, err)
		}
		w := p.Warnings()
		if want == "" && len(w) > 0 || want != "" && (len(w) != 1 || !strings.HasPrefix(w[0], `pool "m": rule6 `+six+" holds "+want+",")) {
			t.Errorf("%s: %q, want %q", six, w, want)
		}
	}
}
