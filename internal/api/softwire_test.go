package api

import (
	"net/netip"
	"net/url"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/api/form"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

// TestSubscriberPrefixes asks for subscribers of MAP and lightweight 4over6: by their prefixes, and by what lies in them.
func TestSubscriberPrefixes(t *testing.T) {
	inside, err := alloc.ParseAddrRange("100.64.0.0/29")
	if err != nil {
		t.Fatal(err)
	}
	outside, err := alloc.ParseAddrRange("198.18.0.0/30")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := alloc.NewPlan(alloc.Spec{
		Pools: []alloc.PoolSpec{{Name: "a", Inside: []alloc.AddrRange{inside}, Outside: []alloc.AddrRange{outside}, PortsPerSubscriber: 1000}},
		Softwires: []alloc.SoftwireSpec{
			{Name: "mape", Realm: "homes", Kind: alloc.MAPE, Relay: netip.MustParseAddr("2001:db8:ffff::1"), Rules: []softwire.RuleSpec{
				{IPv6: netip.MustParsePrefix("2001:db8::/40"), IPv4: netip.MustParsePrefix("192.0.2.0/24"), EALen: 16},
				{IPv6: netip.MustParsePrefix("2001:db8:100::/44"), IPv4: netip.MustParsePrefix("198.51.100.0/24"), EALen: 4},
			}},
			{Name: "lw", Kind: alloc.LW4o6, Relay: netip.MustParseAddr("2001:db8:fffe::1"), Bindings: []softwire.BindingSpec{
				{B4: netip.MustParsePrefix("2001:db8:400::1/128"), IPv4: netip.MustParseAddr("203.0.113.1"), PSIDLength: 8, PSID: 4},
			}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := serveWith(t, &fakeDaemon{plan: plan}, func(o *Options) { o.Kernel = &fakeKernel{} })
	for _, q := range []struct {
		realm, who                       string
		code                             int
		subscriber, pool, outside, ports string
		count                            float64
	}{
		{"homes", "2001:db8:12:3400::/56", 200, "2001:db8:12:3400::/56", "mape", "192.0.2.18", "", 252},
		{"homes", "2001:db8:12:34ff::1", 200, "2001:db8:12:3400::/56", "mape", "192.0.2.18", "", 252},
		{"homes", "2001:db8:12:3410::/60", 200, "2001:db8:12:3400::/56", "mape", "192.0.2.18", "", 252},
		{"homes", "2001:db8:101::/48", 200, "2001:db8:101::/48", "mape", "198.51.100.16/28", "0-65535", 65536},
		{"default", "2001:db8:400::1", 200, "2001:db8:400::1/128", "lw", "203.0.113.1", "1024-1279", 256},
		{"homes", "2001:db8:12::/48", 404, "", "", "", "", 0}, // of several
		{"default", "2001:db8:12:3400::/56", 404, "", "", "", "", 0},
		{"homes", "2001:db8:12:3400::1/56", 400, "", "", "", "", 0},
		{"homes", "2001:db8:12:3400::/129", 400, "", "", "", "", 0},
		{"homes", "2001:db8::1%eth0", 400, "", "", "", "", 0},
		{"default", "::ffff:100.64.0.1", 404, "", "", "", "", 0},
		{"default", "100.64.0.1/32", 400, "", "", "", "", 0},
	} {
		code, a := c.ask("GET", "/v1/subscribers/"+q.realm+"/"+url.PathEscape(q.who), nil)
		if code != q.code {
			t.Errorf("%s: %d %v, want %d", q.who, code, a, q.code)
			continue
		}
		if code != 200 {
			continue
		}
		if a["subscriber"] != q.subscriber || a["pool"] != q.pool || a["outside"] != q.outside || a["port_count"] != q.count || q.ports != "" && a["ports"] != q.ports {
			t.Errorf("%s: %v", q.who, a)
		}
		if a["verdict"] != form.Unknown || a["usage"] != nil || a["refusals"] != nil {
			t.Errorf("%s: a router tells nobody here what it uses: %v", q.who, a)
		}
	}
	if code, a := c.ask("GET", "/v1/subscribers/default/100.64.0.1", nil); code != 200 || a["verdict"] != form.Idle || a["usage"] == nil {
		t.Errorf("%d %v", code, a)
	}
}
