package publish

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

// everyKind returns a plan in which the outside addresses of a pool are shared by different numbers.
func everyKind(t *testing.T) *alloc.Plan {
	t.Helper()
	pfx, addr := netip.MustParsePrefix, netip.MustParseAddr
	share := func(inside string, outside string, first, last int) alloc.ExplicitShare {
		r, err := portset.NewRange(first, last)
		if err != nil {
			t.Fatal(err)
		}
		ports, err := portset.NewSet(r)
		if err != nil {
			t.Fatal(err)
		}
		return alloc.ExplicitShare{Inside: addr(inside), Outside: addr(outside), Ports: ports}
	}
	p, err := alloc.NewPlan(alloc.Spec{
		Pools: []alloc.PoolSpec{
			{Name: "cgn", Inside: []alloc.AddrRange{parse(t, "100.64.0.0/24")}, Outside: []alloc.AddrRange{parse(t, "198.51.100.0/28")}, SharingRatio: 16},
			{Name: "listed", Scheme: alloc.Explicit, Shares: []alloc.ExplicitShare{share("100.65.0.1", "198.51.100.16", 2000, 2999), share("100.65.0.2", "198.51.100.16", 3000, 3999), share("100.65.0.3", "198.51.100.17", 1024, 65535)}},
		},
		Softwires: []alloc.SoftwireSpec{
			{Name: "map", Kind: alloc.MAPE, Relay: addr("2001:db8:ffff::1"), Rules: []softwire.RuleSpec{
				{IPv6: pfx("2001:db8::/40"), IPv4: pfx("192.0.2.0/24"), EALen: 16},
				{IPv6: pfx("2001:db8:200::/44"), IPv4: pfx("198.18.1.0/26"), EALen: 4},
				{IPv6: pfx("2001:db8:300::/44"), IPv4: pfx("198.18.1.64/26"), EALen: 6},
				{IPv6: pfx("2001:db8:400::/44"), IPv4: pfx("198.18.1.128/25"), EALen: 0},
				{IPv6: pfx("2001:db8:500::/56"), IPv4: pfx("198.18.2.0/32"), PSIDOffset: new(4), PSIDLength: new(4), PSID: new(3)},
				{IPv6: pfx("2001:db8:501::/56"), IPv4: pfx("198.18.2.0/32"), PSIDOffset: new(4), PSIDLength: new(4), PSID: new(4)},
			}},
			{Name: "lw", Kind: alloc.LW4o6, Relay: addr("2001:db8:fffd::1"), Bindings: []softwire.BindingSpec{
				{B4: pfx("2001:db8:600::/56"), IPv4: addr("203.0.113.1"), PSIDLength: 8, PSID: 4},
				{B4: pfx("2001:db8:601::/56"), IPv4: addr("203.0.113.1"), PSIDLength: 8, PSID: 5},
				{B4: pfx("2001:db8:602::/56"), IPv4: addr("203.0.113.2")},
				{B4: pfx("2001:db8:603::/56"), IPv4: addr("203.0.113.3")},
			}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The sites behind an address are those of its rule, its binding or its pool, and the length that of what a router has.
func TestPrefixLengths(t *testing.T) {
	p := everyKind(t)
	got := text(t, func(b *strings.Builder) error { return PrefixLengths(b, p) })
	want := []string{"192.0.2.0/24,32,256", "198.18.1.0/26,30,1", "198.18.1.64/26,32,1", "198.18.1.128/25,25,1", "198.18.2.0/32,32,16",
		"198.51.100.0/28,32,16", "198.51.100.16/32,32,2", "198.51.100.17/32,32,1", "203.0.113.1/32,32,256", "203.0.113.2/31,32,1"}
	if !strings.HasSuffix(got, "\r\n"+strings.Join(want, "\r\n")+"\r\n") {
		t.Errorf("%s\nwant at the end\n%s", got, strings.Join(want, "\n"))
	}
	// Nobody shares more than what is said, and everybody has the length that is said.
	for _, line := range want {
		var prefix string
		var length, count int
		if _, err := fmt.Sscanf(strings.ReplaceAll(line, ",", " "), "%s %d %d", &prefix, &length, &count); err != nil {
			t.Fatal(err)
		}
		in := netip.MustParsePrefix(prefix)
		for a := in.Addr(); in.Contains(a); a = a.Next() {
			n := 0
			for h := range p.Holders(a) {
				if n++; h.OutsidePrefix().Bits() != length {
					t.Errorf("%s: %v has %v", line, h.Subscriber(), h.OutsidePrefix())
				}
			}
			if n > count || n == 0 {
				t.Errorf("%s: %d have %v", line, n, a)
			}
		}
	}
}
