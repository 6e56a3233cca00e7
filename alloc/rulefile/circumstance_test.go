package rulefile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// said returns the conditions of rules of POSTROUTING, or why there are none.
func said(t *testing.T, lines ...string) string {
	t.Helper()
	var out []string
	for _, c := range parse(t, "iptables", iptablesRules(lines...)).Conditions() {
		out = append(out, c.String())
	}
	return strings.Join(out, " | ")
}

// TestConditions reads on what shares depend.
func TestConditions(t *testing.T) {
	const chain = "\n-A C -s 100.64.0.1 -p tcp -j SNAT --to-source 198.18.0.1:1024-2047\n-A C -s 100.64.0.1 -p udp -j SNAT --to-source 198.18.0.1:1024-2047"
	for _, c := range []struct {
		name, want string
		lines      []string
	}{
		{"nothing", "", []string{share1}},
		{"an interface", "translated only: where -o eth0", []string{share1on0, share2on0}},
		{"an interface of some rules, that all have without it too", "", []string{share1on0, share1}},
		{"two interfaces", "translated only: where -o eth0 | translated only: where -o eth1", []string{share1on0, strings.ReplaceAll(share1on0, "eth0", "eth1")}},
		{"a destination", "not translated: to 192.0.2.0/24", []string{"-d 192.0.2.0/24 -j ACCEPT", share1}},
		{"two that touch", "not translated: to 192.0.2.0/23", []string{"-d 192.0.2.0/24 -j ACCEPT", "-d 192.0.3.0/24 -j RETURN", share1}},
		{"the same said the other way round", "not translated: to 192.0.2.0/24", []string{"! -d 192.0.2.0/24 -j C", "-j ACCEPT" + chain}},
		{"only to a destination", "not translated: to 0.0.0.0-100.64.0.0, 100.64.0.2-192.0.1.255, 192.0.3.0-255.255.255.255", []string{"-d 192.0.2.0/24 -j C", "-j ACCEPT" + chain}},
		{"ports", "not translated: to 192.0.2.1 tcp/25,587", []string{"-d 192.0.2.1 -p tcp -m multiport --dports 587,25 -j ACCEPT", share1}},
		{"dropped", "dropped: to 192.0.2.0/24", []string{"-d 192.0.2.0/24 -j DROP", share1}},
		{"masqueraded", "translated otherwise: to 192.0.2.0/24", []string{"-d 192.0.2.0/24 -j MASQUERADE", share1}},
		{"the rest to one address", "translated otherwise: to 192.0.2.0/24", []string{"-d 192.0.2.0/24 -j SNAT --to-source 198.18.9.9", share1}},
		{"between subscribers", "", []string{"-d 100.64.0.1 -j ACCEPT", share1}},
		{"between subscribers, dropped", "dropped: to 100.64.0.1", []string{"-d 100.64.0.1 -j DROP", share1}},
		{"behind the shares", "", []string{share1, "-d 192.0.2.0/24 -j ACCEPT"}},
		{"returned, and translated all the same", "", []string{"-j D\n-A D -d 192.0.2.0/24 -j RETURN\n-A D -s 203.0.113.1 -j ACCEPT", share1}},
		{"returned, and not", "not translated: to 192.0.2.0/24", []string{"-j C\n-A C -d 192.0.2.0/24 -j RETURN" + chain}},
		{"all but what returns", "not translated: to 0.0.0.0-100.64.0.0, 100.64.0.2-192.0.1.255, 192.0.3.0-255.255.255.255 tcp/25", []string{"-j D\n-A D -d 192.0.2.0/24 -j RETURN\n-A D -p tcp --dport 25 -j ACCEPT", share1}},
		{"some return who have no share", "not translated: to 192.0.2.0/25", []string{"-d 192.0.2.0/24 -j D\n-A D -s 10.0.0.0/8 -d 192.0.2.7 -j RETURN\n-A D -d 192.0.2.0/25 -j ACCEPT", share1}},
		{"dropped first", "dropped: to 192.0.2.0/24, where -o x | not translated: to 192.0.2.0/25, where elsewhere: -d 192.0.2.0/24; -o x", []string{"-d 192.0.2.0/24 -o x -j DROP", "-d 192.0.2.0/25 -j ACCEPT", share1}},
		{"icmp masqueraded", "translated otherwise: icmp | translated otherwise: protocols without ports", []string{share1, "-s 100.64.0.0/10 -j MASQUERADE"}},
		{"icmp to an address of the rest", "translated otherwise: icmp | translated otherwise: protocols without ports", []string{share1, "-s 100.64.0.0/10 -j SNAT --to-source 198.18.9.9"}},
		{"icmp masqueraded by an interface", "translated otherwise: icmp, where -o x", []string{share1, "-o x -j MASQUERADE"}},
		{"others masqueraded", "", []string{share1, "-s 192.168.0.0/16 -j MASQUERADE"}},
		{"icmp in some circumstances", " icmp, where elsewhere: --icmp-type 8", []string{"-s 100.64.0.1 -p icmp --icmp-type 8 -j SNAT --to-source 198.18.0.1:1024-2047", share1}},
		{"a protocol each", " udp, where -o a", []string{"-s 100.64.0.1 -o a -p tcp -j SNAT --to-source 198.18.0.1:1-9", "-s 100.64.0.1 -o b -p udp -j SNAT --to-source 198.18.0.1:1-9"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := said(t, c.lines...); !strings.Contains(got, c.want) || c.want == "" && got != "" {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestConditionsOfSets compares rules whose destinations stand in sets and lists of the file.
func TestConditionsOfSets(t *testing.T) {
	nft := func(set, match string) string {
		return "table ip n {\n set s { type ipv4_addr; flags interval; elements = { " + set + " } }\n chain p { type nat hook postrouting priority srcnat;\n  " + match +
			" accept\n  ip saddr 100.64.0.1 snat to 198.18.0.1\n } }"
	}
	same := "/ip firewall address-list\nadd list=x address=192.0.2.0/25\nadd list=x address=192.0.2.128/25\n/ip firewall nat\nadd chain=srcnat action=accept dst-address-list=x\n" +
		"add chain=srcnat action=src-nat src-address=100.64.0.1 to-addresses=198.18.0.1\n"
	want := parse(t, "nftables", nft("192.0.2.0/24", "ip daddr @s")).Conditions()
	for _, c := range []struct {
		format, text string
		equal        bool
	}{
		{"nftables", nft("192.0.2.128/25, 192.0.2.0/25", "ip daddr @s"), true},
		{"nftables", nft("10.0.0.1", "ip daddr { 192.0.2.0-192.0.2.255 }"), true},
		{"routeros", same, true},
		{"nftables", nft("192.0.2.0/25", "ip daddr @s"), false},
		{"nftables", nft("192.0.2.0/24", "ip daddr != @s"), false},
		{"nftables", nft("192.0.2.0/24", "ip daddr @s tcp dport 80"), false},
		{"nftables", nft("192.0.2.0/24", "ip daddr @s tcp dport @ports"), false},
		{"routeros", strings.Replace(same, "list=x address=192.0.2.128/25", "list=y address=192.0.2.128/25", 1), false},
	} {
		a, b, _ := rulefile.CompareConditions(want, parse(t, c.format, c.text).Conditions(), rulefile.Protocols{TCP: true, UDP: true, ICMP: true, Other: true})
		if (len(a)+len(b) == 0) != c.equal {
			t.Errorf("equal is %v, want %v: %v, %v\n%s", !c.equal, c.equal, a, b, c.text)
		}
	}
	long := func(last string) []rulefile.Condition {
		return parse(t, "nftables", nft("", "oifname { "+strings.Repeat("wan0, ", 60)+last+" }")).Conditions()
	}
	if a, b, _ := rulefile.CompareConditions(long("wan1"), long("wan2"), rulefile.Protocols{TCP: true}); len(a) != 1 || len(b) != 1 {
		t.Errorf("long matches that differ at their end: %v, %v", a, b)
	}
	if a, b, both := rulefile.CompareConditions(long("wan1"), long("wan1"), rulefile.Protocols{TCP: true}); len(a)+len(b) != 0 || len(both) != 1 {
		t.Errorf("a long match is not equal to itself: %v, %v", a, b)
	}
	ports := parse(t, "nftables", nft("", "tcp dport @ports")).Conditions()
	if a, b, _ := rulefile.CompareConditions(ports, ports, rulefile.Protocols{TCP: true}); len(a) == 0 || len(b) == 0 {
		t.Error("a set that was not read is equal to itself")
	}
}

// TestBuckets reads shares of several ranges, of which a mark chooses one.
func TestBuckets(t *testing.T) {
	const whole = "table ip n {\n map m { type ipv4_addr . mark : interval ipv4_addr . inet_service; elements = { 10.0.0.1 . 0x0 : 198.18.0.1 . 1-9, 10.0.0.1 . 0x00000001 : 198.18.0.1 . 20-29 } }\n" +
		" chain p { type nat hook postrouting priority srcnat;\n  icmp type { echo-reply, echo-request } meta mark set jhash ip saddr . icmp id mod 2 seed 0x1\n" +
		"  meta l4proto { tcp, udp } meta mark set jhash ip saddr . th sport mod 2 seed 0x1\n  meta l4proto { icmp, tcp, udp } snat ip to ip saddr . meta mark map @m\n }\n}\n"
	for _, c := range []struct {
		old, by string
		sure    bool
	}{
		{"", "", true}, {"th sport mod 2", "th sport mod 3", false}, {"icmp id mod 2", "icmp id mod 2 offset 1", false}, {"{ tcp, udp } meta mark", "udp meta mark", false},
		{"meta l4proto { tcp, udp } meta mark", "ip daddr 192.0.2.1 meta l4proto { tcp, udp } meta mark", false}, {"10.0.0.1 . 0x00000001", "10.0.0.1 . 0x2", false},
		{"jhash ip saddr . th sport mod 2 seed 0x1", "0x1", false}, {"20-29 }", "20-29, 10.0.0.2 . 0 : 198.18.0.2 . 1-9 }", false},
	} {
		got := parse(t, "nftables", strings.Replace(whole, c.old, c.by, 1)).Conditions()
		if (len(got) == 0) != c.sure {
			t.Errorf("%q for %q: got %v", c.by, c.old, got)
		}
	}
}

// TestPlanConditions compares what a plan does not translate with rules.
func TestPlanConditions(t *testing.T) {
	d, err := alloc.ParseDestination("192.0.2.53 udp/53")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := alloc.NewPlan(alloc.Spec{NoTranslate: []alloc.Destination{d}, Pools: []alloc.PoolSpec{{Name: "p", SharingRatio: 1,
		Inside: []alloc.AddrRange{addrRange(t, "100.64.0.1")}, Outside: []alloc.AddrRange{addrRange(t, "198.18.0.1")}}}})
	if err != nil {
		t.Fatal(err)
	}
	for rule, differences := range map[string]int{"-d 192.0.2.53 -p udp --dport 53 -j ACCEPT": 0, "-d 192.0.2.53 -p tcp --dport 53 -j ACCEPT": 2, "-d 192.0.2.53 -p udp --sport 53 -j ACCEPT": 2,
		"-d 192.0.2.53 -p udp -j ACCEPT": 2, "-d 192.0.2.53 -j ACCEPT": 1} {
		a, b, _ := rulefile.CompareConditions(rulefile.PlanConditions(plan), parse(t, "iptables", iptablesRules(rule, share1)).Conditions(), rulefile.Protocols{TCP: true, UDP: true, ICMP: true, Other: true})
		if len(a)+len(b) != differences {
			t.Errorf("%s: %v, %v, want %d differences", rule, a, b, differences)
		}
	}
}

// TestWhere follows only some of the packets.
func TestWhere(t *testing.T) {
	rules, err := rulefile.Read(strings.NewReader(iptablesRules(
		"-o wan1 -s 100.64.0.1 -j SNAT --to-source 198.18.0.1", "-o wan2 -s 100.64.0.1 -j SNAT --to-source 198.18.0.2",
		"-m mark --mark 0x10 -s 100.64.0.9 -j SNAT --to-source 198.18.0.9")), rulefile.Iptables, "rules")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rules.Table(); !errors.Is(err, rulefile.ErrConflict) {
		t.Fatalf("got %v, want ErrConflict", err)
	}
	for _, c := range []struct{ where, want, conditions string }{
		{"-o wan1", "100.64.0.1 198.18.0.1 1-65535", ""},
		{"-o  'wan2'", "100.64.0.1 198.18.0.2 1-65535", ""},
		{"not -o wan1", "100.64.0.1 198.18.0.2 1-65535", "translated only: where -o wan2"},
	} {
		where := []rulefile.Where{rulefile.ParseWhere(c.where), rulefile.ParseWhere("not --mark 0x10")}
		table, err := rules.Table(where...)
		if err != nil {
			t.Errorf("%s: %v", c.where, err)
			continue
		}
		var got []string
		for _, one := range table.Conditions() {
			got = append(got, one.String())
		}
		if rowsOf(table) != c.want || strings.Join(got, "") != c.conditions {
			t.Errorf("%s: got %s, %q", c.where, rowsOf(table), got)
		}
	}
	if rules.Has(rulefile.ParseWhere("-o wan3")) || !rules.Has(rulefile.ParseWhere("not -o wan1")) {
		t.Error("Has is wrong")
	}
	if _, err := rules.Table(); !errors.Is(err, rulefile.ErrConflict) {
		t.Errorf("got %v: the rules themselves were changed", err)
	}
}

// TestRealms reads tables with rows of several realms.
func TestRealms(t *testing.T) {
	const text = "realm,subscriber,outside,ports\nb,10.0.0.1,198.18.0.1,1-9\na,10.0.0.1,198.18.0.1,10-19\n,10.0.0.1,198.18.0.1,20-29\n"
	tables, err := rulefile.ParseCSV(strings.NewReader(text), "t", nil)
	if err != nil || len(tables) != 3 || tables[0].Realm() != "b" || tables[1].Realm() != "a" || tables[2].Realm() != alloc.DefaultRealm {
		t.Fatalf("got %v, %v", tables, err)
	}
	if _, ok := rulefile.Overlap(tables...); ok {
		t.Error("ports overlap")
	}
	tables, err = rulefile.ParseCSV(strings.NewReader(strings.Replace(text, "10-19", "9-19", 1)), "t", nil)
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := rulefile.Overlap(tables...); !ok || o.Port != 9 {
		t.Errorf("got %v, want port 9 twice", o)
	}
	if _, err := rulefile.Parse(strings.NewReader(text), rulefile.CSV, "t"); !errors.Is(err, rulefile.ErrConflict) {
		t.Errorf("got %v, want ErrConflict", err)
	}
	byPool := func(pool string) string { return strings.TrimSuffix(pool, "-pool") }
	tables, err = rulefile.ParseCSV(strings.NewReader("pool,subscriber,outside,ports\nx-pool,10.0.0.1,198.18.0.1,1-9\ny-pool,10.0.0.1,198.18.0.1,10-19\n"), "t", byPool)
	if err != nil || len(tables) != 2 || tables[1].Realm() != "y" {
		t.Errorf("got %v, %v", tables, err)
	}
}
