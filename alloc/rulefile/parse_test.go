package rulefile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// row writes a share as "100.64.0.1 198.18.0.1 1024-2047".
func rowsOf(t *rulefile.Table) string {
	var out []string
	for s := range t.All() {
		out = append(out, s.Inside.String()+" "+s.Outside.String()+" "+s.Ports.String())
	}
	return strings.Join(out, "\n")
}

// TestDialects reads small files with what dialects have. Rows come in the order of the rules.
func TestDialects(t *testing.T) {
	for _, c := range []struct{ name, format, text, want string }{
		{"netmap of nftables", "nftables", `table ip nat {
 chain p { type nat hook postrouting priority srcnat;
  snat ip prefix to ip saddr map { 10.0.0.0/31 : 198.18.0.8/31 }
 } }`, "10.0.0.0 198.18.0.8 1-65535\n10.0.0.1 198.18.0.9 1-65535"},
		{"one address without ports", "nftables", "table ip nat {\n chain p {\n  type nat hook postrouting priority 100; policy accept;\n  ip saddr 10.0.0.1 snat to 198.18.0.1\n }\n}",
			"10.0.0.1 198.18.0.1 1-65535"},
		{"goto does not come back", "nftables", `table ip n {
 chain p { type nat hook postrouting priority 100;
  ip saddr 10.0.0.0/30 goto a
  ip saddr 10.0.0.2 meta l4proto { tcp, udp } snat to 198.18.0.9:1-2
 }
 chain a { ip saddr 10.0.0.1 meta l4proto { tcp, udp } snat to 198.18.0.1:1024-2047; }
}`, "10.0.0.1 198.18.0.1 1024-2047"},
		{"jump comes back, return leaves", "nftables", `table ip n {
 chain p { type nat hook postrouting priority 100;
  ip saddr 10.0.0.0/30 jump a
  ip saddr 10.0.0.0/24 meta l4proto { tcp, udp } snat ip to ip saddr map { 10.0.0.2 : 198.18.0.2 . 1-100 }
 }
 chain a {
  ip saddr 10.0.0.2 return
  ip saddr { 10.0.0.1, 10.0.0.2 } ip protocol != icmp snat to ip saddr map { 10.0.0.1 : 198.18.0.1 . 1024-2047, 10.0.0.2 : 198.18.0.1 . 1024-2047 }
 }
}`, "10.0.0.1 198.18.0.1 1024-2047\n10.0.0.2 198.18.0.2 1-100"},
		{"accepted before", "nftables", `table ip n {
 set s { type ipv4_addr; flags interval; elements = { 10.0.0.4-10.0.0.5 } }
 chain p { type nat hook postrouting priority 100;
  ip saddr != @s accept
  snat ip prefix to ip saddr map { 10.0.0.0/29 : 198.18.0.0/29 }
 } }`, "10.0.0.4 198.18.0.4 1-65535\n10.0.0.5 198.18.0.5 1-65535"},
		{"protocols by verdict map, elements added later", "nftables", `add table ip n
add chain ip n p { type nat hook postrouting priority 100 ; }
add map ip n m { type ipv4_addr : interval ipv4_addr . inet_service ; }
add rule ip n p meta l4proto vmap { tcp : jump c, udp : jump c }
add chain ip n c
add rule ip n c snat ip to ip saddr map @m
add element ip n m { 10.0.0.1 : 198.18.0.1 . 5-9 }`, "10.0.0.1 198.18.0.1 5-9"},
		{"the first base chain wins", "nftables", `table ip b { chain p { type nat hook postrouting priority srcnat + 5; ip saddr 10.0.0.1 snat to 198.18.0.2; } }
table ip a { chain p { type nat hook postrouting priority 90; ip saddr 10.0.0.1 snat to 198.18.0.1; } }`, "10.0.0.1 198.18.0.1 1-65535"},
		{"what VyOS makes of nat cgnat", "nftables", `table ip cgnat {
	map tcp_nat_map {
		type ipv4_addr : interval ipv4_addr . inet_service
		flags interval
		elements = { 10.0.0.0 : 198.18.0.1 . 1024-3023, 10.0.0.1 : 198.18.0.1 . 3024-5023 }
	}
	map udp_nat_map {
		type ipv4_addr : interval ipv4_addr . inet_service
		flags interval
		elements = { 10.0.0.0 : 198.18.0.1 . 1024-3023, 10.0.0.1 : 198.18.0.1 . 3024-5023 }
	}
	map other_nat_map {
		type ipv4_addr : interval ipv4_addr
		flags interval
		elements = { 10.0.0.0 : 198.18.0.1, 10.0.0.1 : 198.18.0.1 }
	}
	chain POSTROUTING {
		type nat hook postrouting priority srcnat; policy accept;
		ip protocol tcp counter packets 1 bytes 2 snat ip to ip saddr map @tcp_nat_map
		ip protocol udp counter packets 1 bytes 2 snat ip to ip saddr map @udp_nat_map
		counter packets 1 bytes 2 snat ip to ip saddr map @other_nat_map
	}
}
table ip6 nat { chain p { type nat hook postrouting priority srcnat; ip6 saddr fd00::1 snat to 2001:db8::1 } }`, "10.0.0.0 198.18.0.1 1024-3023\n10.0.0.1 198.18.0.1 3024-5023"},
		{"what VyOS makes of nat source", "nftables", `table ip vyos_nat {
	chain POSTROUTING {
		type nat hook postrouting priority srcnat; policy accept;
		counter packets 0 bytes 0 jump VYOS_PRE_SNAT_HOOK
		oifname "eth0" ip saddr 10.0.0.1 ip protocol { tcp, udp } counter packets 0 bytes 0 snat to 198.18.0.1:1024-2047 comment "SRC-NAT-10"
		oifname "eth0" ip saddr 10.0.0.0/24 counter packets 0 bytes 0 masquerade comment "SRC-NAT-20"
	}
	chain VYOS_PRE_SNAT_HOOK {
		return
	}
}`, "10.0.0.1 198.18.0.1 1024-2047"},
		{"NETMAP", "iptables", "*nat\n-A POSTROUTING -s 10.0.0.4/255.255.255.254 -j NETMAP --to 198.18.0.6/31\nCOMMIT\n",
			"10.0.0.4 198.18.0.6 1-65535\n10.0.0.5 198.18.0.7 1-65535"},
		{"iprange, gotos and inserts", "iptables", `iptables -t nat -N C
iptables -t nat -A C -p tcp -s 10.0.0.1 -j SNAT --to 198.18.0.1:1-9
iptables -t nat -A C -p udp -s 10.0.0.1 -j SNAT --to 198.18.0.1:1-9
iptables -t nat -A POSTROUTING -m iprange --src-range 10.0.0.1-10.0.0.2 -g C
iptables -t nat -I POSTROUTING -s 10.0.0.3,10.0.0.4 -j ACCEPT
iptables -t nat -A POSTROUTING -s 10.0.0.3 -j SNAT --to 198.18.0.3
iptables -t nat -A POSTROUTING -s 10.0.0.5 -j SNAT --to 198.18.0.5`, "10.0.0.1 198.18.0.1 1-9\n10.0.0.5 198.18.0.5 1-65535"},
		{"address lists and menus", "routeros", `/ip firewall address-list
add list=subs address=10.0.0.1
/ip/firewall/nat/add chain=srcnat action=src-nat src-address-list=subs protocol=!icmp to-addresses=198.18.0.1 to-ports=1024-65535
`, "10.0.0.1 198.18.0.1 1024-65535"},
		{"ranges of netmap", "routeros", "/ip firewall nat\nadd action=netmap chain=srcnat src-address=10.0.0.2-10.0.0.3 to-addresses=198.18.0.6-198.18.0.7 to-ports=0-65535\n",
			"10.0.0.2 198.18.0.6 1-65535\n10.0.0.3 198.18.0.7 1-65535"},
		{"columns by place", "csv", "10.0.0.1,198.18.0.1,1024-2047\n# comment\n10.0.0.2,198.18.0.1,\"3000-3001,4000\"\n", "10.0.0.1 198.18.0.1 1024-2047\n10.0.0.2 198.18.0.1 3000-3001,4000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := rowsOf(parse(t, c.format, c.text)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// TestRefusals reads files that give no plan, and expects the line and the reason.
func TestRefusals(t *testing.T) {
	const nat = "table ip n {\n chain p { type nat hook postrouting priority 100;\n"
	for _, c := range []struct {
		name, format, text string
		err                error
		want               string
	}{
		{"tcp and udp differ", "iptables", "*nat\n-A POSTROUTING -s 10.0.0.1 -p tcp -j SNAT --to 198.18.0.1:1-9\n-A POSTROUTING -s 10.0.0.1 -p udp -j SNAT --to 198.18.0.1:1-8\n",
			rulefile.ErrConflict, "rules:3: subscriber 10.0.0.1 gets ports 1-8 for udp here and 1-9 for tcp in line 2"},
		{"another address for udp", "iptables", "*nat\n-A POSTROUTING -s 10.0.0.1 -p tcp -j SNAT --to 198.18.0.1:1-9\n-A POSTROUTING -s 10.0.0.1 -p udp -j SNAT --to 198.18.0.2:1-9\n",
			rulefile.ErrConflict, "rules:3: subscriber 10.0.0.1 gets 198.18.0.2 here and 198.18.0.1 in line 2"},
		{"by interface", "routeros", "/ip firewall nat\nadd chain=srcnat action=src-nat out-interface=a src-address=10.0.0.1 to-addresses=198.18.0.1\nadd chain=srcnat action=src-nat out-interface=b src-address=10.0.0.1 to-addresses=198.18.0.2\n",
			rulefile.ErrConflict, "rules:3: subscriber 10.0.0.1"},
		{"one of several addresses", "iptables", "*nat\n-A POSTROUTING -s 10.0.0.1 -j SNAT --to-source 198.18.0.1-198.18.0.2\n", rulefile.ErrShared, "rules:2: the kernel chooses one of 2 addresses"},
		{"many to one", "nftables", nat + "ip saddr 10.0.0.0/30 tcp dport 1-65535 snat to 198.18.0.1:1024-2047\n}}", rulefile.ErrShared, "rules:3: the rule gives 4 inside addresses the same ports"},
		{"dynamic NAT only", "iptables", "*nat\n-A POSTROUTING -s 10.0.0.0/8 -j SNAT --to 198.18.0.1\n", rulefile.ErrNothing, "no rule here"},
		{"numgen", "nftables", nat + "snat to numgen inc mod 2 map { 0 : 198.18.0.1 }\n}}", rulefile.ErrShared, "rules:3: the kernel chooses the address by numgen"},
		{"script loop", "routeros", "/ip firewall nat\n:for i from=1 to=9 do={add chain=srcnat action=src-nat}\n", rulefile.ErrShared, "rules:2: this is a script"},
		{"shell variable", "iptables", "iptables -t nat -A POSTROUTING -s $a -j SNAT --to $b:1-9\n", rulefile.ErrShared, "rules:1: the script computes this rule"},
		{"unknown match", "nftables", nat + "fib saddr type local ip saddr 10.0.0.1 snat to 198.18.0.1\n}}", rulefile.ErrSyntax, `rules:3: the rule depends on "fib saddr type local`},
		{"rest shares an address", "iptables", "*nat\n-A POSTROUTING -s 10.0.0.1 -p tcp -j SNAT --to 198.18.0.1:1-9\n-A POSTROUTING -j SNAT --to 198.18.0.1\n", rulefile.ErrShared, "rules:3: "},
		{"nobody", "nftables", "table ip n {\n}\n", rulefile.ErrNothing, "rules: no rule here"},
		{"include", "nftables", "include \"x.nft\"\n", rulefile.ErrSyntax, "rules:1: include is not followed"},
		{"loop of chains", "iptables", "*nat\n-A POSTROUTING -j A\n-A A -j B\n-A B -j A\n", rulefile.ErrSyntax, "leads to itself"},
		{"missing map", "nftables", nat + "snat ip to ip saddr map @m\n}}", rulefile.ErrSyntax, "is not in this file"},
		{"missing list", "routeros", "/ip firewall nat\nadd chain=srcnat action=src-nat src-address-list=x to-addresses=198.18.0.1\n", rulefile.ErrSyntax, "rules:2: the address list x"},
		{"netmap of other sizes", "routeros", "/ip firewall nat\nadd chain=srcnat action=netmap src-address=10.0.0.0/24 to-addresses=198.18.0.0/25\n", rulefile.ErrShared, "256 inside addresses are mapped to 128"},
		{"rules are changed", "routeros", "/ip firewall nat\nadd chain=srcnat action=src-nat src-address=10.0.0.1 to-addresses=198.18.0.1\nset 0 to-ports=1-9\n", rulefile.ErrSyntax, "rules:3: set changes rules"},
		{"control characters", "iptables", "*nat\n-A POSTROUTING -s \x1b[2J -j SNAT --to 198.18.0.1\n", rulefile.ErrSyntax, `\x1b[2J`},
		{"two shares in a table", "csv", "subscriber,outside,ports\n10.0.0.1,198.18.0.1,1-9\n10.0.0.1,198.18.0.1,1-8\n", rulefile.ErrConflict, "rules:3: subscriber 10.0.0.1 stands in line 2"},
		{"no header", "csv", "a,b,c\n", rulefile.ErrSyntax, "rules:1: the first line names no columns"},
		{"pool is full", "vyos", "set nat cgnat pool external e range 198.18.0.1\nset nat cgnat pool external e per-user-limit port 40000\nset nat cgnat pool internal i range 10.0.0.0/31\nset nat cgnat rule 1 source pool i\nset nat cgnat rule 1 translation pool e\n",
			rulefile.ErrShared, "no ports left for 10.0.0.1"},
		{"old rules of VyOS", "vyos", "set nat source rule 10 translation address 198.18.0.1\n", rulefile.ErrSyntax, "rules:1: rules of nat source are not read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := tryParse(t, c.format, c.text)
			if !errors.Is(err, c.err) || !contains(err.Error(), c.want) {
				t.Errorf("got %v, want %v with %q", err, c.err, c.want)
			}
			if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) {
				t.Errorf("%q has control characters", err)
			}
		})
	}
}

// TestFindings reads a file in which much is ignored, and expects each to be named.
func TestFindings(t *testing.T) {
	table := parse(t, "iptables", `*filter
-A FORWARD -j ACCEPT
COMMIT
*nat
-A PREROUTING -j DNAT --to-destination 10.0.0.9
-A POSTROUTING -d 192.0.2.0/24 -j ACCEPT
-A POSTROUTING -s 10.0.0.1 -o eth0 -p tcp -j SNAT --to-source 198.18.0.1:1024-2047 --random
-A POSTROUTING -s 10.0.0.2 -o eth0 -p tcp -j SNAT --to-source 198.18.0.1:2048-3071
-A UNUSED -s 10.0.0.3 -p tcp -j SNAT --to-source 198.18.0.1:2048-3071
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`)
	for _, w := range []struct {
		msg         string
		line, count int
	}{
		{"in table filter", 2, 1}, {"DNAT gives nobody a share", 5, 1}, {"except packets", 6, 1}, {"--random", 7, 1},
		{"in circumstances that a plan does not have", 7, 2}, {"tcp and none for udp", 7, 2}, {"no rule for icmp", 7, 2}, {"nothing leads to", 9, 1}, {"MASQUERADE", 10, 1},
	} {
		if !hasFinding(table, w.msg, w.line, w.count) {
			t.Errorf("no finding %q in line %d, %d times: %+v", w.msg, w.line, w.count, table.Findings())
		}
	}
	if s, _ := table.Find(addr("10.0.0.1")); s.Protocols.String() != "tcp" || s.Line != 7 {
		t.Errorf("got %v, line %d; want tcp, line 7", s.Protocols, s.Line)
	}
}

// TestOverlap infers from rules that give one port to two subscribers.
func TestOverlap(t *testing.T) {
	for _, second := range []string{"2000-3000", "2047", "1000-1024,5000"} {
		table := parse(t, "csv", "subscriber,outside,ports\n10.0.0.1,198.18.0.1,1024-2047\n10.0.0.2,198.18.0.1,\""+second+"\"\n10.0.0.3,198.18.0.2,1024-2047\n")
		_, _, err := rulefile.Infer(table)
		var o *rulefile.OverlapError
		if !errors.As(err, &o) || !errors.Is(err, rulefile.ErrOverlap) || o.A.Line+o.B.Line != 5 || !o.A.Ports.Contains(o.Port) || !o.B.Ports.Contains(o.Port) {
			t.Errorf("%s: got %v", second, err)
		}
		if _, ok := table.Overlap(); !ok {
			t.Errorf("%s: Overlap finds none", second)
		}
	}
}

// TestDetect tells formats apart by their first lines.
func TestDetect(t *testing.T) {
	rng := seeded(t)
	_, plan := randomPlan(t, rng, found[0])
	for _, w := range writers {
		text, ok := w.write(sharesOf(plan))
		if !ok {
			continue
		}
		f, ok := rulefile.Detect([]byte(text))
		if !ok || f.String() != w.format {
			t.Errorf("%s: got %v, %v", w.name, f, ok)
		}
	}
	for _, text := range []string{"", "hello\n", "version: 1\npools:\n  - name: a\n    inside: 100.64.0.0/30\n"} {
		if f, ok := rulefile.Detect([]byte(text)); ok {
			t.Errorf("%q: got %v", text, f)
		}
	}
}
