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

func pfx(text string) netip.Prefix { return netip.MustParsePrefix(text) }

// kinds returns a specification with a pool of every kind.
func kinds() alloc.Spec {
	in, _ := alloc.ParseAddrRange("100.64.0.0/24")
	out, _ := alloc.ParseAddrRange("198.51.100.0/29")
	return alloc.Spec{
		Pools: []alloc.PoolSpec{{Name: "cgn", Inside: []alloc.AddrRange{in}, Outside: []alloc.AddrRange{out}}},
		Softwires: []alloc.SoftwireSpec{
			{Name: "mape", Kind: alloc.MAPE, Relay: netip.MustParseAddr("2001:db8:ffff::1"), Rules: []softwire.RuleSpec{
				{IPv6: pfx("2001:db8::/40"), IPv4: pfx("192.0.2.0/24"), EALen: 16, Forwarding: true},
				{IPv6: pfx("2001:db8:100::/44"), IPv4: pfx("198.18.0.0/26"), EALen: 10, PSIDOffset: new(4)},
			}},
			{Name: "mapt", Kind: alloc.MAPT, DMR: pfx("2001:db8:fffe::/64"), Rules: []softwire.RuleSpec{
				{IPv6: pfx("2001:db8:200::/40"), IPv4: pfx("203.0.113.0/28"), EALen: 12},
			}},
			{Name: "lw", Kind: alloc.LW4o6, Relay: netip.MustParseAddr("2001:db8:fffd::1"), Bindings: []softwire.BindingSpec{
				{B4: pfx("2001:db8:400::/56"), IPv4: netip.MustParseAddr("203.0.113.100"), PSIDLength: 6, PSID: 5},
				{B4: pfx("2001:db8:400:100::1/128"), IPv4: netip.MustParseAddr("203.0.113.101")},
			}},
		},
	}
}

func planOf(t *testing.T, change ...func(*alloc.Spec)) *alloc.Plan {
	t.Helper()
	s := kinds()
	for _, c := range change {
		c(&s)
	}
	p, err := alloc.NewPlan(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestKea6Refuses(t *testing.T) {
	for name, c := range map[string]struct {
		interfaces map[string]string
		change     func(*alloc.Spec)
		want       error
		text       string
	}{
		"no interface":  {nil, nil, ErrInterface, "0 are named"},
		"pool of NAT44": {map[string]string{"cgn": "eth0"}, nil, ErrInterface, "1 are named"},
		"one for two":   {map[string]string{"mape": "eth0", "mapt": "eth0"}, nil, ErrInterface, "both on eth0"},
		"name":          {map[string]string{"mape": "eth0\"\n"}, nil, ErrInterface, "invalid interface"},
		"long name":     {map[string]string{"mape": "sixteen-letters-"}, nil, ErrInterface, "invalid interface"},
		"nested rules":  {map[string]string{"mape": "eth0"}, func(s *alloc.Spec) { s.Softwires[0].Rules[1].IPv6 = pfx("2001:db8:10::/44") }, ErrInexpressible, "overlap"},
		"drafts":        {map[string]string{"mape": "eth0"}, func(s *alloc.Spec) { s.Softwires[0].Rules[0].IID = softwire.IIDDraft }, ErrInexpressible, "drafts"},
		"the same subnets": {map[string]string{"mape": "eth0", "mapt": "eth1"}, func(s *alloc.Spec) {
			s.Softwires[0].Rules = []softwire.RuleSpec{{IPv6: pfx("2001:db8::/40"), IPv4: pfx("192.0.2.0/26"), EALen: 6}, {IPv6: pfx("2001:db8:800::/40"), IPv4: pfx("192.0.2.64/26"), EALen: 6}}
			s.Softwires[1].Rules = []softwire.RuleSpec{{IPv6: pfx("2001:db8:100::/40"), IPv4: pfx("192.0.2.128/26"), EALen: 6}, {IPv6: pfx("2001:db8:f00::/40"), IPv4: pfx("192.0.2.192/26"), EALen: 6}}
		}, ErrInexpressible, "both need the subnet 2001:db8::/36"},
	} {
		change := c.change
		if change == nil {
			change = func(*alloc.Spec) {}
		}
		var out bytes.Buffer
		err := Kea6(&out, planOf(t, change), c.interfaces)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || out.Len() > 0 {
			t.Errorf("%s: %v, and %d bytes written", name, err, out.Len())
		}
	}
}

func TestKea4Refuses(t *testing.T) {
	for name, c := range map[string]struct {
		pools map[string]Kea4Pool
		want  error
	}{
		"none":            {nil, ErrInterface},
		"MAP":             {map[string]Kea4Pool{"mape": {Interface: "eth0"}}, ErrInterface},
		"name":            {map[string]Kea4Pool{"cgn": {}}, ErrInterface},
		"below 300":       {map[string]Kea4Pool{"cgn": {"eth0", 299}}, ErrInexpressible},
		"only one exists": {map[string]Kea4Pool{"cgn": {"eth0", 0}, "x": {"eth1", 0}}, ErrInterface},
	} {
		if err := Kea4(io.Discard, planOf(t), c.pools); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	var out bytes.Buffer
	if err := Kea4(&out, planOf(t), map[string]Kea4Pool{"cgn": {"eth0", 0}}); err != nil || strings.Contains(out.String(), "v6-only") {
		t.Errorf("%v: a pool that is not IPv6-mostly has\n%s", err, out.String())
	}
}
