package rulefile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// iptablesRules returns rules of POSTROUTING as a file.
func iptablesRules(lines ...string) string {
	return "*nat\n-A POSTROUTING " + strings.Join(lines, "\n-A POSTROUTING ") + "\nCOMMIT\n"
}

const (
	share1    = "-s 100.64.0.1 -p tcp -j SNAT --to-source 198.18.0.1:1024-2047\n-A POSTROUTING -s 100.64.0.1 -p udp -j SNAT --to-source 198.18.0.1:1024-2047"
	share1on0 = "-s 100.64.0.1 -o eth0 -p tcp -j SNAT --to-source 198.18.0.1:1024-2047\n-A POSTROUTING -s 100.64.0.1 -o eth0 -p udp -j SNAT --to-source 198.18.0.1:1024-2047"
	share2on0 = "-s 100.64.0.2 -o eth0 -p tcp -j SNAT --to-source 198.18.0.1:2048-3071\n-A POSTROUTING -s 100.64.0.2 -o eth0 -p udp -j SNAT --to-source 198.18.0.1:2048-3071"
	share2    = "-s 100.64.0.2 -p tcp -j SNAT --to-source 198.18.0.1:2048-3071\n-A POSTROUTING -s 100.64.0.2 -p udp -j SNAT --to-source 198.18.0.1:2048-3071"
	row1      = "100.64.0.1 198.18.0.1 1024-2047"
	row2      = "100.64.0.2 198.18.0.1 2048-3071"
)

// TestWorlds reads rules that depend on circumstances: in each, the first that matches wins.
func TestWorlds(t *testing.T) {
	twoTables := func(one, two string) string {
		return "table ip n1 {\n chain p { type nat hook postrouting priority srcnat;\n  " + one + "\n } }\ntable ip n2 {\n chain p { type nat hook postrouting priority srcnat + 1;\n  " + two + "\n } }\n"
	}
	for _, c := range []struct {
		name, format, text, want string
		err                      error
		line                     int
	}{
		{name: "accepted in the same circumstance", text: iptablesRules("-s 100.64.0.1 -o eth0 -j ACCEPT", share1on0, share2on0), want: row2},
		{name: "returned in the same circumstance", text: iptablesRules("-s 100.64.0.1 -o eth0 -j RETURN", share1on0, share2on0), want: row2},
		{name: "masqueraded in the same circumstance", text: iptablesRules("-o eth0 -s 100.64.0.1 -j MASQUERADE", share1on0, share2on0), want: row2},
		{name: "the rest first, in the same circumstance", text: iptablesRules("-s 100.64.0.0/10 -o eth0 -j SNAT --to-source 198.18.9.9", share1on0), err: rulefile.ErrNothing},
		{name: "the rest first, wherever it goes", text: iptablesRules("-s 100.64.0.0/10 -o eth0 -j SNAT --to-source 198.18.9.9", "-s 100.64.0.1 -o eth0 -d 10.0.0.0/8 -j SNAT --to-source 198.18.0.1:1-9"), err: rulefile.ErrNothing},
		{name: "the rest behind", text: iptablesRules(share1on0, "-o eth0 -s 100.64.0.0/10 -j SNAT --to-source 198.18.9.9"), want: row1},
		{name: "one is accepted elsewhere", text: iptablesRules("-s 100.64.0.1 -d 192.0.2.0/24 -j ACCEPT", share1on0, share2on0), err: rulefile.ErrConflict, line: 2},
		{name: "one is translated otherwise elsewhere", text: iptablesRules("-s 100.64.0.1 -d 192.0.2.0/24 -j SNAT --to-source 198.18.0.9:1-9", share1on0, share2on0), err: rulefile.ErrConflict, line: 3},
		{name: "another interface", text: iptablesRules("-s 100.64.0.1 -o eth1 -j ACCEPT", share1on0, share2on0), want: row1 + "\n" + row2},
		{name: "all are accepted elsewhere", text: iptablesRules("-s 100.64.0.0/10 -d 192.0.2.0/24 -j ACCEPT", share1on0, share2on0), want: row1 + "\n" + row2},
		{name: "accepted by a chain of another circumstance", text: iptablesRules("-d 192.0.2.0/24 -j X", share1on0, share2on0) + "-A X -s 100.64.0.1 -j ACCEPT\n", err: rulefile.ErrConflict, line: 8},
		{name: "returned by a chain of another circumstance", text: iptablesRules("-d 192.0.2.0/24 -j X", share1on0, share2on0) + "-A X -s 100.64.0.1 -j RETURN\n", want: row1 + "\n" + row2},
		{name: "goto and not back", text: iptablesRules("-d 192.0.2.0/24 -s 100.64.0.1 -g X", share1on0, share2on0) + "-A X -s 100.64.0.9 -j RETURN\n", err: rulefile.ErrConflict, line: 2},
		{name: "behind the shares", text: iptablesRules(share1, share2, "-s 100.64.0.1 -d 192.0.2.0/24 -j ACCEPT"), want: row1 + "\n" + row2},
		{name: "each /27 with its exception", text: iptablesRules("-s 100.64.0.1 -j A", "-s 100.64.0.2 -j B") + "-A A -d 192.0.2.0/24 -j RETURN\n-A B -d 192.0.2.0/24 -j RETURN\n" +
			strings.ReplaceAll("-A POSTROUTING "+share1, "POSTROUTING", "A") + "\n" + strings.ReplaceAll("-A POSTROUTING "+share2, "POSTROUTING", "B") + "\n", want: row1 + "\n" + row2},
		{name: "a set that is not here", text: iptablesRules("-s 100.64.0.1 -m set --match-set business src -j ACCEPT", share1), err: rulefile.ErrSyntax, line: 2},
		{name: "a set of destinations", text: iptablesRules("-m set --match-set free dst -j ACCEPT", share1), want: row1},
		{name: "two worlds differ", text: iptablesRules("-s 100.64.0.1 -p tcp -o wan1 -j SNAT --to-source 198.18.0.1:1024-2047", "-s 100.64.0.1 -p udp -o wan2 -j SNAT --to-source 198.18.0.1:1024-2047",
			"-s 100.64.0.1 -p udp -o wan1 -j SNAT --to-source 198.18.0.1:3000-3999"), err: rulefile.ErrConflict},
		{name: "long conditions differ at their end", text: iptablesRules("-o xxxxxxxxxxxxxxx -j C") + "-A C -s 100.64.0.1 -p udp -m multiport --dports " + strings.Repeat("10001,", 30) + "2 -j SNAT --to-source 198.18.0.1:1024-2047\n" +
			"-A C -s 100.64.0.1 -p udp -m multiport --dports " + strings.Repeat("10001,", 30) + "3 -j SNAT --to-source 198.18.0.1:3000-3999\n", err: rulefile.ErrConflict, line: 5},
		{name: "every second packet", text: iptablesRules("-s 100.64.0.1 -m statistic --mode nth --every 2 --packet 0 -j SNAT --to-source 198.18.0.1:1024-2047"), err: rulefile.ErrSyntax, line: 2},
		{name: "half of the flows", text: iptablesRules("-s 100.64.0.1 -p tcp -m statistic --mode random --probability 0.5 -j SNAT --to-source 198.18.0.1:1024-2047", "-j MASQUERADE"), err: rulefile.ErrShared, line: 2},
		{name: "udp is the rest's", text: iptablesRules("-s 100.64.0.0/10 -p udp -j SNAT --to-source 198.18.9.9", share1), err: rulefile.ErrConflict, line: 2},
		{name: "icmp only", text: iptablesRules(share1, "-s 100.64.0.2 -p icmp -j SNAT --to-source 198.18.0.1:2048-3071"), want: row1},
		{name: "one by another interface", text: iptablesRules(share1on0, strings.ReplaceAll(share2on0, "eth0", "eth1")), err: rulefile.ErrConflict, line: 4},
		{name: "one by any interface", text: iptablesRules(share1on0, share2), err: rulefile.ErrConflict, line: 4},
		{name: "all by two interfaces", text: iptablesRules(share1on0, share2on0, strings.ReplaceAll(share1on0, "eth0", "eth1"), strings.ReplaceAll(share2on0, "eth0", "eth1")), want: row1 + "\n" + row2},
		{name: "routeros masquerade first", format: "routeros", text: "/ip firewall nat\nadd action=masquerade chain=srcnat out-interface=sfp1 src-address=100.64.0.0/10\nadd action=src-nat chain=srcnat out-interface=sfp1 src-address=100.64.0.1 to-addresses=198.18.0.1 to-ports=1-9\n", err: rulefile.ErrNothing},
		{name: "routeros accept before the jump", format: "routeros", text: "/ip firewall nat\nadd action=accept chain=srcnat out-interface=sfp1 src-address=100.64.0.1\nadd action=jump chain=srcnat jump-target=C out-interface=sfp1\nadd action=src-nat chain=C src-address=100.64.0.1 to-addresses=198.18.0.1 to-ports=1024-2047\nadd action=src-nat chain=C src-address=100.64.0.2 to-addresses=198.18.0.1 to-ports=2048-3071\n", want: row2},
		{name: "tables differ by interface", format: "nftables", text: twoTables(`oifname "wan1" ip saddr 100.64.0.1 snat to 198.18.0.1:1-9`, `oifname "wan2" ip saddr 100.64.0.1 snat to 198.18.0.2:1-9`), err: rulefile.ErrShared},
		{name: "the first table masquerades", format: "nftables", text: twoTables(`ip saddr 100.64.0.1 masquerade`, `ip saddr { 100.64.0.1, 100.64.0.2 } snat ip prefix to ip saddr map { 100.64.0.0/30 : 198.18.0.0/30 }`), want: "100.64.0.2 198.18.0.2 1-65535"},
		{name: "the first table accepts, the second decides", format: "nftables", text: twoTables(`ip saddr 100.64.0.1 accept`, `ip saddr 100.64.0.1 snat to 198.18.0.2`), want: "100.64.0.1 198.18.0.2 1-65535"},
		{name: "verdicts behind a mask", format: "nftables", text: twoTables(`ip saddr & 255.255.255.255 == 100.64.0.1 accept`+"\n"+`ip saddr 100.64.0.1 snat to 198.18.0.2`, ""), err: rulefile.ErrNothing},
		{name: "raw payload", format: "nftables", text: twoTables("@nh,96,32 0x64400001 accept\nip saddr 100.64.0.1 snat to 198.18.0.2", ""), err: rulefile.ErrSyntax, line: 3},
		{name: "continue in a map", format: "nftables", text: twoTables("ip saddr vmap { 100.64.0.1 : continue, 100.64.0.2 : accept }\nip saddr 100.64.0.1 snat to 198.18.0.2", ""), want: "100.64.0.1 198.18.0.2 1-65535"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.format == "" {
				c.format = "iptables"
			}
			if strings.Contains(c.name, "tables differ") {
				c.text = strings.NewReplacer("ip saddr", "meta l4proto { tcp, udp } ip saddr").Replace(c.text)
				c.err = rulefile.ErrConflict
			}
			table, err := tryParse(t, c.format, c.text)
			if c.err == nil && err == nil {
				if got := rowsOf(table); got != c.want {
					t.Errorf("got\n%s\nwant\n%s", got, c.want)
				}
				return
			}
			if !errors.Is(err, c.err) || c.err == nil {
				t.Fatalf("got %v, want %v", err, c.err)
			}
			var l *rulefile.LineError
			if c.line > 0 && (!errors.As(err, &l) || l.Line != c.line) {
				t.Errorf("got %v, want line %d", err, c.line)
			}
		})
	}
}

// TestWorkIsBounded reads short files that ask for much.
func TestWorkIsBounded(t *testing.T) {
	const nat = "table ip n {\n chain p { type nat hook postrouting priority 100;\n"
	big := "set big { type ipv4_addr; elements = { "
	var list []string
	for i := range uint32(20_000) {
		list = append(list, addr4(10<<24+2*i).String())
	}
	big += strings.Join(list, ", ") + " } }\n"
	for name, text := range map[string]string{
		"a large prefix": nat + "ip saddr 10.0.0.0/8 snat ip prefix to 11.0.0.0/8\n}}",
		"many prefixes":  nat + manyPrefixes() + "}}",
		"a large set, jumped to": "table ip n {\n" + big + "chain c { ip saddr @big snat to 198.18.0.1; }\n chain p { type nat hook postrouting priority 100;\n ip saddr 10.0.0.0/8 accept\n" +
			strings.Repeat("jump c\n", 20_000) + "}}",
		"many circumstances": nat + manyWorlds() + "}}",
	} {
		if _, err := tryParse(t, "nftables", text); !errors.Is(err, rulefile.ErrTooLarge) {
			t.Errorf("%s: got %v, want ErrTooLarge", name, err)
		}
	}
}

func manyWorlds() string {
	var b strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&b, "oifname v%d ip saddr 10.0.0.1 meta l4proto { tcp, udp } snat to 198.18.0.1:1-9\n", i)
	}
	return b.String()
}

func manyPrefixes() string {
	var b strings.Builder
	for i := range 60 {
		b.WriteString("oifname \"v" + strings.Repeat("x", i+1) + "\" ip saddr 10.0.0.0/12 snat ip prefix to 11.0.0.0/12\n")
	}
	return b.String()
}
