package provision

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

func TestLwAFTR(t *testing.T) {
	var lw bytes.Buffer
	p := planOf(t)
	if err := LwAFTR(&lw, p); err != nil {
		t.Fatal(err)
	}
	want := `binding-table {
  // pool lw
  softwire { ipv4 203.0.113.100; psid 5; b4-ipv6 2001:db8:400::cb00:7164:5; br-address 2001:db8:fffd::1; port-set { psid-length 6; reserved-ports-bit-count 0; } }
  softwire { ipv4 203.0.113.101; psid 0; b4-ipv6 2001:db8:400:100::1; br-address 2001:db8:fffd::1; port-set { psid-length 0; reserved-ports-bit-count 0; } }
}
`
	if !strings.HasSuffix(lw.String(), want) {
		t.Errorf("lwAFTR:\n%s\nwant at the end\n%s", lw.String(), want)
	}
}

// secondMAPT adds a pool of MAP-T.
func secondMAPT(dmr string) func(*alloc.Spec) {
	return func(s *alloc.Spec) {
		s.Softwires = append(s.Softwires, alloc.SoftwireSpec{Name: "more", Kind: alloc.MAPT, DMR: pfx(dmr), Rules: []softwire.RuleSpec{
			{IPv6: pfx("2001:db8:2000::/40"), IPv4: pfx("198.18.4.0/28"), EALen: 8, PSIDOffset: new(2)},
		}})
	}
}

func TestRelaysRefuse(t *testing.T) {
	only := func(i int) func(*alloc.Spec) {
		return func(s *alloc.Spec) { s.Softwires = s.Softwires[i : i+1] }
	}
	for name, c := range map[string]struct {
		write  func(io.Writer, *alloc.Plan) error
		change func(*alloc.Spec)
		text   string
	}{
		"VPP, none":    {VPPMap, func(s *alloc.Spec) { s.Softwires = nil }, "no pool of kind [map-e map-t lw4o6]"},
		"VPP, drafts":  {VPPMap, func(s *alloc.Spec) { s.Softwires[0].Rules[0].IID = softwire.IIDDraft }, "drafts"},
		"VPP, DMR /56": {VPPMap, func(s *alloc.Spec) { s.Softwires[1].DMR = pfx("2001:db8:fffe::/56") }, "64 or 96"},
		"VPP, rules of a DMR": {VPPMap, func(s *alloc.Spec) {
			s.Softwires[1].Rules = append(s.Softwires[1].Rules, softwire.RuleSpec{IPv6: pfx("2001:db8:300::/40"), IPv4: pfx("203.0.113.16/28"), EALen: 12})
		}, "by the DMR alone"},
		"VPP, behind bit 64": {VPPMap, func(s *alloc.Spec) {
			s.Softwires[0].Rules[0].IPv6, s.Softwires[0].Rules[0].OverwriteIID = pfx("2001:db8::/60"), true
		}, "bit 64"},
		"VPP, EA and PSID": {VPPMap, func(s *alloc.Spec) { r := &s.Softwires[0].Rules[0]; r.EALen, r.PSIDLength, r.PSID = 8, new(4), new(1) }, "EA bits and a PSID"},
		"VPP, PSID with MAP-T": {VPPMap, func(s *alloc.Spec) {
			s.Softwires[1].Rules[0] = softwire.RuleSpec{IPv6: pfx("2001:db8:200::/56"), IPv4: pfx("203.0.113.0/32"), PSIDLength: new(4), PSID: new(1)}
		}, "encapsulation only"},
		"VPP, not neighbours": {VPPMap, func(s *alloc.Spec) {
			rule := func(six, four string, psid int) softwire.RuleSpec {
				return softwire.RuleSpec{IPv6: pfx(six), IPv4: pfx(four), PSIDLength: new(4), PSID: new(psid)}
			}
			s.Softwires[0].Rules = []softwire.RuleSpec{rule("2001:db8::/56", "192.0.2.1/32", 1), rule("2001:db8:1::/56", "192.0.2.2/32", 1), rule("2001:db8:2::/56", "192.0.2.1/32", 2)}
		}, "one behind the other"},
		"VPP, nested": {VPPMap, func(s *alloc.Spec) {
			s.Softwires[0].Rules = append(s.Softwires[0].Rules, softwire.RuleSpec{IPv6: pfx("2001:db8:12::/48"), IPv4: pfx("198.18.1.0/29"), EALen: 8})
		}, `pool "mape": 2001:db8:12::/48 and 2001:db8::/40 of pool "mape" overlap`},
		"VPP, realms": {VPPMap, func(s *alloc.Spec) {
			s.Softwires[2].Realm, s.Softwires[2].Bindings[0].B4 = "other", pfx("2001:db8:1::/56")
		}, `pool "lw": 2001:db8:1::/56 and 2001:db8::/40 of pool "mape" overlap`},
		"VPP, pools of a DMR": {VPPMap, secondMAPT("2001:db8:fffe::/64"), `pool "more": it finds the rule of a packet to the DMR by the DMR alone, and 2001:db8:fffe::/64 and 2001:db8:fffe::/64 of pool "mapt" overlap`},
		"VPP, a DMR in another realm's": {VPPMap, func(s *alloc.Spec) {
			secondMAPT("2001:db8:fffe:0:cb:7100::/96")(s)
			s.Softwires[len(s.Softwires)-1].Realm = "far"
		}, "by the DMR alone"},
		"VPP, a relay in a DMR of another realm": {VPPMap, func(s *alloc.Spec) {
			s.Softwires[0].Realm, s.Softwires[0].Relay = "far", netip.MustParseAddr("2001:db8:fffe::1")
		}, "by the DMR alone"},
		"VPP, IPv4 prefixes with MAP-T": {VPPMap, func(s *alloc.Spec) {
			s.Softwires[1].Rules[0].IPv4, s.Softwires[1].Rules[0].EALen = pfx("203.0.113.0/28"), 2
		}, "gives routers IPv4 prefixes"},
		"Jool, MAP-E": {Jool, only(0), "no pool of kind [map-t]"},
		"Jool, two": {Jool, func(s *alloc.Spec) {
			s.Softwires[0].Kind, s.Softwires[0].Relay, s.Softwires[0].DMR = alloc.MAPT, netip.Addr{}, pfx("2001:db8:fff0::/64")
		}, "one instance"},
		"Jool, drafts": {Jool, func(s *alloc.Spec) { s.Softwires[1].Rules[0].IID = softwire.IIDDraft }, "drafts"},
		"Jool, PSID": {Jool, func(s *alloc.Spec) {
			s.Softwires[1].Rules[0] = softwire.RuleSpec{IPv6: pfx("2001:db8:200::/56"), IPv4: pfx("203.0.113.0/32"), PSIDLength: new(4), PSID: new(1)}
		}, "EA bits only"},
		"Jool, nested": {Jool, func(s *alloc.Spec) {
			s.Softwires[1].Rules = append(s.Softwires[1].Rules, softwire.RuleSpec{IPv6: pfx("2001:db8:210::/44"), IPv4: pfx("203.0.113.16/28"), EALen: 4})
		}, "longest match"},
		"lwAFTR, realms": {LwAFTR, func(s *alloc.Spec) {
			other := s.Softwires[2]
			other.Name, other.Realm = "far", "far"
			other.Bindings = []softwire.BindingSpec{{B4: pfx("2001:db8:400::/56"), IPv4: netip.MustParseAddr("203.0.113.102")}}
			s.Softwires = append(s.Softwires, other)
		}, `pool "far": 2001:db8:400::/56 and 2001:db8:400::/56 of pool "lw" overlap`},
		"lwAFTR, none":        {LwAFTR, only(0), "no pool of kind [lw4o6]"},
		"lwAFTR, PSID offset": {LwAFTR, func(s *alloc.Spec) { s.Softwires[2].Bindings[0].PSIDOffset = 6 }, "PSID offset 6"},
	} {
		var out bytes.Buffer
		err := c.write(&out, planOf(t, c.change))
		if !errors.Is(err, ErrInexpressible) || !strings.Contains(err.Error(), c.text) || out.Len() > 0 {
			t.Errorf("%s: %v, and %d bytes written", name, err, out.Len())
		}
	}
}
