//go:build linux

package nat44

import (
	"errors"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// TestForeignChanges has somebody else change the table: verify must name it, apply must repair it.
func TestForeignChanges(t *testing.T) {
	rulesets := map[string]*Ruleset{
		"shares": subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24"),
		"ranges": rulesetOf(t, onePool(t, psid(2, 6), "100.64.0.0/24", "192.0.2.0/28")),
		"whole":  rulesetOf(t, onePool(t, func(p *alloc.PoolSpec) { p.SharingRatio = 1 }, "100.64.0.0/28", "192.0.2.0/28")),
		"exempt": rulesetOf(t, loadPlan(t, "exempt.yaml")),
	}
	for _, c := range []struct {
		name, on string
		nft      []string
		want     string
	}{
		{"element deleted", "shares", []string{"delete element ip cgn shares { 100.64.0.7 }"}, "subscriber 100.64.0.7: missing: map shares has nothing instead of 192.0.2.0:8024-9023"},
		{"element added", "shares", []string{"add element ip cgn shares { 10.9.9.9 : 192.0.2.1 . 1024-2023 }"}, "subscriber 10.9.9.9: surplus: map shares gives it 192.0.2.1:1024-2023"},
		{"element changed", "shares", []string{"delete element ip cgn shares { 100.64.0.7 }", "add element ip cgn shares { 100.64.0.7 : 192.0.2.9 . 1-2 }"}, "subscriber 100.64.0.7: changed: map shares has 192.0.2.9:1-2 instead of 192.0.2.0:8024-9023"},
		{"address range in an element", "shares", []string{"delete element ip cgn shares { 100.64.0.7 }", "add element ip cgn shares { 100.64.0.7 : 192.0.2.8-192.0.2.9 . 1-2 }"}, "has 192.0.2.8-192.0.2.9:1-2"},
		{"map flushed", "shares", []string{"flush map ip cgn shares"}, "subscriber 100.64.0.255: missing"},
		{"rule added", "shares", []string{"insert rule ip cgn translate accept"}, "chain translate: changed: rule 1"},
		{"rule appended", "shares", []string{"add rule ip cgn guard counter"}, "chain guard: surplus: it has 1 more rules"},
		{"rules flushed", "shares", []string{"flush chain ip cgn guard"}, "chain guard: missing: rule 1"},
		{"table flushed", "shares", []string{"flush table ip cgn"}, "no rule of table cgn translates anything"},
		{"table deleted", "shares", []string{"delete table ip cgn"}, "table ip cgn: missing"},
		{"chain added", "shares", []string{"add chain ip cgn mine { type filter hook forward priority 0; policy drop; }"}, "chain mine: surplus"},
		{"chain policy", "shares", []string{"add chain ip cgn guard { policy drop; }"}, "chain guard: changed: it has another type, hook, priority or policy"},
		{"jump map added", "shares", []string{"add chain ip cgn mine", "add map ip cgn jumps { type ipv4_addr : verdict; }", "add element ip cgn jumps { 10.0.0.1 : jump mine }", "insert rule ip cgn translate ip saddr vmap @jumps"}, "set jumps: surplus"},
		{"rules swapped", "shares", []string{"flush chain ip cgn translate", "add rule ip cgn translate meta l4proto { icmp, tcp, udp } snat ip to ip saddr map @shares", "add rule ip cgn translate ip saddr != @inside accept", "add rule ip cgn translate ip daddr @inside ct status ! dnat accept"}, "chain translate: changed: rule 1"},
		{"persistent added", "shares", []string{"flush chain ip cgn translate", "add rule ip cgn translate ip saddr != @inside accept", "add rule ip cgn translate ip daddr @inside ct status ! dnat accept", "add rule ip cgn translate meta l4proto { icmp, tcp, udp } snat ip to ip saddr map @shares persistent"}, "chain translate: changed: rule 3"},
		{"protocol dropped", "shares", []string{"flush chain ip cgn translate", "add rule ip cgn translate ip saddr != @inside accept", "add rule ip cgn translate ip daddr @inside ct status ! dnat accept", "add rule ip cgn translate meta l4proto { tcp, udp } snat ip to ip saddr map @shares"}, "chain translate: changed: rule 3"},
		{"set added", "shares", []string{"add set ip cgn mine { type ipv4_addr; }"}, "set mine: surplus"},
		{"object added", "shares", []string{"add counter ip cgn mine"}, "object mine: surplus"},
		{"inside cut", "shares", []string{"delete element ip cgn inside { 100.64.0.0/24 }"}, "set inside: changed"},
		{"inside grown", "shares", []string{"add element ip cgn inside { 10.0.0.0/8 }"}, "set inside: changed"},
		{"outside deleted", "shares", []string{"delete set ip cgn outside"}, "set outside: missing: it is not there"},
		{"mark deleted", "shares", []string{"delete set ip cgn plan"}, "set plan"},
		{"catch-all", "shares", []string{"add element ip cgn shares { * : 9.9.9.9 . 1-2 }"}, "set shares: surplus: it has an element for every address that is not in it"},
		{"sets of another generation in use", "shares", []string{"add set ip cgn inside_b { type ipv4_addr; flags interval; }", "add rule ip cgn guard ip saddr @inside_b accept"}, "chain guard: surplus"},
		{"leftovers in use", "shares", []string{"add set ip cgn shares_b { type ipv4_addr; }", "add chain ip cgn mine", "add rule ip cgn mine ip saddr @shares_b accept"}, "chain mine: surplus"},
		{"counter map added", "shares", []string{"add counter ip cgn mine", "add map ip cgn counters { type ipv4_addr : counter; }", "add element ip cgn counters { 10.0.0.1 : \"mine\" }"}, "set counters: surplus"},
		{"mark without comment", "shares", []string{"delete set ip cgn plan", "add set ip cgn plan { type mark; }"}, "set plan: missing"},
		{"table asleep", "shares", []string{"add table ip cgn { flags dormant; }"}, "table ip cgn: changed: it has flags 0x1"},
		{"timer changed", "shares", []string{"flush chain ip cgn timers", "delete ct timeout ip cgn rfc_udp", "add ct timeout ip cgn rfc_udp { protocol udp; l3proto ip; policy = { replied : 30 }; }"}, "object rfc_udp: changed"},
		{"mark gone", "shares", []string{"flush set ip cgn plan"}, "it names plan none"},
		{"bucket deleted", "ranges", []string{"delete element ip cgn ranges_3 { 100.64.0.7 . 0x2 }"}, "subscriber 100.64.0.7: missing: map ranges_3"},
		{"bucket added", "ranges", []string{"add element ip cgn ranges_3 { 100.64.0.7 . 0x3 : 192.0.2.0 . 1-2 }"}, "subscriber 100.64.0.7: surplus: map ranges_3"},
		{"whole changed", "whole", []string{"delete element ip cgn whole { 100.64.0.7 }", "add element ip cgn whole { 100.64.0.7 : 192.0.2.3 }"}, "subscriber 100.64.0.7: changed: map whole has 192.0.2.3 instead of 192.0.2.7"},
		{"exemption dropped", "exempt", []string{"flush set ip cgn exempt"}, "set exempt: changed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, rs := newBench(t), rulesets[c.on]
			b.apply(rs)
			b.nft(strings.Join(c.nft, "; "))
			found := b.differences(rs)
			if !strings.Contains(strings.Join(found, "\n"), c.want) {
				t.Fatalf("verify says %q, want %q", found, c.want)
			}
			b.apply(rs)
			b.equal(rs)
			if r := b.apply(rs); r.Way != Unchanged {
				t.Fatalf("applied once more: %v, %v", r.Way, r.Reasons)
			}
		})
	}
}

// TestRoutesAreRepaired has somebody delete a blackhole route.
func TestRoutesAreRepaired(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	rs := subscribersOf(t, "192.0.2.0-192.0.2.6", 1000, "100.64.0.0/24")
	if r := b.apply(rs); r.RoutesAdded != 3 {
		t.Fatalf("%d routes added for a /30, a /31 and a /32", r.RoutesAdded)
	}
	netnstest.Run(t, b.ns, "ip", "route", "del", "blackhole", "192.0.2.4/31")
	if d := b.differences(rs); len(d) != 1 || !strings.Contains(d[0], "route 192.0.2.4/31: missing") {
		t.Fatal(d)
	}
	if r := b.apply(rs); r.RoutesAdded != 1 || r.Way != Unchanged {
		t.Fatalf("%+v", r)
	}
	b.equal(rs)
	// Another pool: the old routes go, the new ones come, and a stranger's stays.
	netnstest.Run(t, b.ns, "ip", "route", "add", "blackhole", "198.51.100.1/32")
	next := subscribersOf(t, "198.51.100.0-198.51.100.4", 1000, "100.64.0.0/24")
	r := b.apply(next)
	if r.RoutesAdded != 2 || r.RoutesRemoved != 3 {
		t.Fatalf("%+v", r)
	}
	if _, err := b.k.Remove(next.instance); err != nil {
		t.Fatal(err)
	}
	if got := netnstest.Run(t, b.ns, "ip", "route"); strings.TrimSpace(got) != "blackhole 198.51.100.1" {
		t.Fatalf("routes left: %q", got)
	}
}

// TestForeignTable refuses to touch a table that somebody else made.
func TestForeignTable(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.nft("add table ip cgn; add chain ip cgn theirs; add rule ip cgn theirs accept")
	before := b.nft("list", "ruleset")
	rs := subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24")
	if _, err := b.k.Apply(rs, ApplyOptions{}); !errors.Is(err, ErrForeign) {
		t.Fatal(err)
	}
	if _, err := b.k.Remove(rs.instance); !errors.Is(err, ErrForeign) {
		t.Fatal(err)
	}
	if d := b.differences(rs); len(d) == 0 || !strings.Contains(d[0], "was not made by cgnkit") {
		t.Fatal(d)
	}
	if after := b.nft("list", "ruleset"); after != before {
		t.Fatalf("changed to %s", after)
	}
}

// TestConflict refuses addresses that another instance has.
func TestConflict(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.apply(subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24"))
	west := must(ParseInstance("west"))
	for _, c := range []struct{ inside, outside string }{{"100.64.1.0/24", "192.0.2.8/29"}, {"100.64.0.128/25", "198.51.100.0/28"}} {
		rs := must(NewRuleset(onePool(t, ports(1000), c.inside, c.outside), west))
		if _, err := b.k.Apply(rs, ApplyOptions{}); !errors.Is(err, ErrConflict) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	over, err := b.k.Overlaps(onePool(t, ports(1000), "10.0.0.0/24", "192.0.2.8/29"))
	if err != nil || len(over) != 1 || over[0].Instance.String() != DefaultInstance || len(over[0].SHA256) != 64 || over[0].Range.String() != "192.0.2.8-192.0.2.15" {
		t.Errorf("overlaps: %+v, %v", over, err)
	}
	if over, err := b.k.Overlaps(onePool(t, ports(1000), "100.64.0.0/24", "198.51.100.0/28")); err != nil || len(over) > 0 {
		t.Errorf("with inside addresses only: %+v, %v", over, err)
	}
}

// TestRouteWithMetric leaves a prefix alone for which somebody has a route, whatever its metric.
func TestRouteWithMetric(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	netnstest.Run(t, b.ns, "ip", "route", "add", "192.0.2.0/28", "dev", "lo", "metric", "100")
	rs := subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24")
	r := b.apply(rs)
	if r.RoutesAdded != 0 || !strings.Contains(strings.Join(r.Warnings, "\n"), "there is a route for 192.0.2.0/28 already") {
		t.Fatalf("%+v", r)
	}
	b.equal(rs)
}
