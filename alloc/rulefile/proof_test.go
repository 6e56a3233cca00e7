package rulefile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

const (
	mapM  = "map m { type ipv4_addr : interval ipv4_addr . inet_service; elements = { 100.64.0.1 : 198.18.0.1 . 1024-2047, 100.64.0.2 : 198.18.0.1 . 2048-3071 } }\nset none { type ipv4_addr; }\n"
	byMap = "meta l4proto { icmp, tcp, udp } snat ip to ip saddr map @m\n"
)

// nftRules returns a table of nftables with the map m and chains.
func nftRules(chains ...string) string {
	return "table ip n {\n" + mapM + strings.Join(chains, "\n") + "\n}\n"
}

// root returns a chain that packets enter.
func root(name, head string, rules ...string) string {
	return "chain " + name + " {\ntype nat hook postrouting priority " + head + ";\n" + strings.Join(rules, "\n") + "\n}"
}

// TestWhatComesOfPackets reads rules in which packets that one rule lets pass meet others.
func TestWhatComesOfPackets(t *testing.T) {
	const returns = "chain c {\nip daddr 192.0.2.53 return\n" + byMap + "}"
	const subs, exempt = "-A C -d 192.0.2.53 -j RETURN\n-A C ", "-j C"
	chainC := subs + strings.ReplaceAll(share1, "POSTROUTING", "C") + "\n"
	rsc := func(lines ...string) string {
		return "/ip firewall nat\nadd action=jump chain=srcnat jump-target=c\nadd action=return chain=c dst-address=192.0.2.53\n" +
			"add action=src-nat chain=c src-address=100.64.0.1 protocol=tcp to-addresses=198.18.0.1 to-ports=1024-2047\n" +
			"add action=src-nat chain=c src-address=100.64.0.1 protocol=udp to-addresses=198.18.0.1 to-ports=1024-2047\n" + strings.Join(lines, "\n") + "\n"
	}
	for _, c := range []struct {
		name, format, text, want string
		err                      error
	}{
		{"returned to the same", "nftables", nftRules(returns, root("p", "100", "jump c", byMap)), "", nil},
		{"returned to the end", "nftables", nftRules(returns, root("p", "100", "jump c")), "not translated: to 192.0.2.53", nil},
		{"returned to another share", "nftables", nftRules(returns, root("p", "100", "jump c", "ip saddr 100.64.0.1 meta l4proto { tcp, udp } snat to 198.18.9.9:7000-7999")), "", rulefile.ErrConflict},
		{"returned to a drop", "nftables", nftRules(returns, root("p", "100", "jump c", "drop")), "dropped: to 192.0.2.53", nil},
		{"gone to, and returned to no drop", "nftables", nftRules(returns, root("p", "100", "goto c", "drop")), "not translated: to 192.0.2.53", nil},
		{"accepted, and masqueraded by the next", "nftables", nftRules(root("p", "90", "ip daddr 192.0.2.53 accept", byMap), root("q", "100", "meta l4proto { tcp, udp, icmp } masquerade")),
			"translated otherwise: to 192.0.2.53 ", nil},
		{"accepted, and nothing behind", "nftables", nftRules(root("p", "90", "ip daddr 192.0.2.53 accept", byMap), root("q", "100", "ip saddr 10.0.0.0/8 masquerade")), "not translated: to 192.0.2.53", nil},
		{"translated by an interface first", "nftables", nftRules(root("p", "100", "ip daddr 192.0.2.53 oifname r1 "+byMap, "ip daddr 192.0.2.53 accept", byMap)),
			"not translated: to 192.0.2.53, where elsewhere: oifname r1", nil},
		{"translated to nowhere", "nftables", nftRules(root("p", "100", "ip daddr @none oifname r1 "+byMap)), "", rulefile.ErrNothing},
		{"translated by two interfaces at once", "nftables", nftRules("chain c {\noifname r1 "+byMap+"}", root("p", "100", "oifname r2 jump c")), "", rulefile.ErrNothing},
		{"the policy drops", "nftables", nftRules(root("p", "100; policy drop", "ip daddr 192.0.2.53 return", byMap)), "dropped: to 192.0.2.53", nil},
		{"the policy drops what is not accepted", "nftables", nftRules(root("p", "100; policy drop", "ip daddr 192.0.2.53 accept", byMap)), "not translated: to 192.0.2.53", nil},
		{"the policy of a file that drops", "iptables", "*nat\n:POSTROUTING DROP [0:0]\n" + chainC + "-A POSTROUTING " + exempt + "\nCOMMIT\n", "dropped: to 192.0.2.53", nil},
		{"the policy of a script that drops", "iptables", "iptables -t nat -P POSTROUTING DROP\niptables -t nat -A POSTROUTING -d 192.0.2.53 -j RETURN\niptables -t nat -A POSTROUTING -s 100.64.0.1 -j SNAT --to-source 198.18.0.1\n", "dropped: to 192.0.2.53", nil},
		{"an unknown policy", "iptables", "*nat\n:POSTROUTING QUEUE [0:0]\n" + chainC + "-A POSTROUTING -j C\nCOMMIT\n", "", rulefile.ErrSyntax},
		{"iptables, returned to the end", "iptables", iptablesRules("-j C") + chainC, "not translated: to 192.0.2.53", nil},
		{"iptables, returned to a masquerade", "iptables", iptablesRules("-j C", "-s 100.64.0.0/30 -p tcp -j MASQUERADE", "-s 100.64.0.0/30 -p udp -j MASQUERADE") + chainC, "translated otherwise: to 192.0.2.53 tcp | translated otherwise: to 192.0.2.53 udp", nil},
		{"iptables, dropped behind", "iptables", iptablesRules("! -d 192.0.2.53 -j C", "-j DROP") + chainC, "dropped: to 192.0.2.53", nil},
		{"iptables, gone to", "iptables", iptablesRules("-d 192.0.2.53 -o r1 -g C", "-d 192.0.2.53 -j ACCEPT", share1) + "-A C " + strings.ReplaceAll(share1, "POSTROUTING", "C") + "\n", "not translated: to 192.0.2.53, where elsewhere: -d 192.0.2.53; -o r1", nil},
		{"routeros, returned to the end", "routeros", rsc(), "not translated: to 192.0.2.53", nil},
		{"routeros, returned to a masquerade", "routeros", rsc("add action=masquerade chain=srcnat protocol=tcp"), "translated otherwise: to 192.0.2.53 tcp", nil},
		{"others are masqueraded by another interface", "iptables", iptablesRules(share1on0, "-o eth1 -j MASQUERADE"), "translated only: where -o eth0 | translated otherwise: where -o eth1", nil},
		{"one priority, the same either way", "nftables", nftRules(root("p", "100", byMap), root("q", "srcnat", "ip saddr 172.17.0.0/16 masquerade")), "", nil},
		{"one priority, another share", "nftables", nftRules(root("p", "100", byMap), root("q", "srcnat", "ip saddr 100.64.0.1 meta l4proto udp snat to 198.18.9.9:9000-9999")), "", rulefile.ErrConflict},
		{"one priority, a drop", "nftables", nftRules(root("p", "100", byMap), root("q", "100", "oifname r1 drop")), "", rulefile.ErrConflict},
		{"one priority, and no rules", "nftables", nftRules(root("p", "100", byMap), root("q", "100"), root("r", "100"), root("s", "100"), root("u", "100"), root("v", "100")), "", nil},
		{"one priority, too many", "nftables", nftRules(root("p", "100", byMap), root("q", "100", "drop"), root("r", "100", "drop"), root("s", "100", "drop"), root("u", "100", "drop")), "", rulefile.ErrTooLarge},
		{"names of priorities", "nftables", nftRules(root("p", "0", "ip saddr 100.64.0.1 "+byMap), root("q", "mangle + 10", "drop")), "", rulefile.ErrNothing},
		{"a priority that nobody knows", "nftables", nftRules(root("p", "early", byMap)), "", rulefile.ErrSyntax},
		{"not tracked", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\nip saddr 100.64.0.1 notrack\n}"), "not translated: where notrack, for some", nil},
		{"not tracked by an interface", "nftables", nftRules(root("p", "100", byMap), "chain raw {\niifname r1 meta l4proto tcp notrack accept\n}"), "not translated: tcp, where notrack, for some", nil},
		{"others are not tracked", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\nip saddr 10.0.0.0/8 ip daddr 10.0.0.0/8 notrack\n}"), "", nil},
		{"answers are not tracked", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\nip saddr 10.0.0.0/8 notrack\n}"), "not translated: where notrack, for some", nil},
		{"answers of all others are not tracked", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\nip saddr != 100.64.0.0/10 notrack\n}"), "not translated: where notrack, for some", nil},
		{"answers elsewhere are not tracked", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\nip saddr 10.0.0.0/8 ip daddr != 198.18.0.0/24 notrack\n}"), "", nil},
		{"the box is not tracked", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook output priority -300;\nnotrack\n}"), "", nil},
		{"iptables, not tracked", "iptables", iptablesRules(share1) + "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -s 100.64.0.0/24 -j CT --notrack\nCOMMIT\n", "not translated: where notrack, for some", nil},
		{"iptables, rewritten", "iptables", iptablesRules(share1) + "*rawpost\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -s 100.64.0.0/24 -j RAWSNAT --to-source 192.0.2.1/32\nCOMMIT\n", "translated otherwise: where addresses or ports are rewritten, for some", nil},
		{"iptables, others are not tracked", "iptables", iptablesRules(share1) + "*raw\n-A PREROUTING -s 10.0.0.0/24 -d 10.0.0.0/24 -j NOTRACK\n-A OUTPUT -j NOTRACK\n-A PREROUTING -s 100.64.0.1 -j CT --helper ftp\nCOMMIT\n", "", nil},
		{"not tracked, behind what is not understood", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\nip saddr & 255 == 1 notrack\n}"), "not translated: where notrack, for some", nil},
		{"not tracked, behind what is wrong", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\nmeta l4proto bogus notrack\n}"), "not translated: where notrack, for some", nil},
		{"a chain and a comment are called so", "nftables", nftRules(root("p", "100", byMap), "chain notrack {\ncounter\n}\nchain raw { type filter hook prerouting priority -300;\nmeta l4proto bogus jump notrack\nip saddr & 255 == 1 jump notrack comment \"notrack\"\n}"), "", nil},
		{"tracked in a zone", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\nip saddr 100.64.0.1 ct zone set 5\n}"), "translated otherwise: where ct zone set, for some", nil},
		{"tracked in a zone one way", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\nip daddr 198.18.0.1 ct reply zone set 5\n}"), "translated otherwise: where ct zone set, for some", nil},
		{"others are tracked in a zone", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\nip saddr 10.0.0.0/8 ip daddr 10.0.0.0/8 ct zone set 5\nct zone 5 accept\n}\nchain o { type filter hook output priority -300;\nct zone set 5\n}"), "", nil},
		{"another source", "nftables", nftRules(root("p", "100", byMap), "chain q { type filter hook forward priority 0;\nip saddr 100.64.0.1 ip saddr set 100.64.0.2\n}"), "translated otherwise: where addresses or ports are rewritten, for some", nil},
		{"another source of others", "nftables", nftRules(root("p", "100", byMap), "chain q { type filter hook forward priority 0;\nip saddr 10.0.0.1 ip saddr set 100.64.0.2\n}"), "translated otherwise: where addresses or ports are rewritten, for some", nil},
		{"another destination", "nftables", nftRules(root("p", "100", byMap), "chain q { type filter hook prerouting priority 0;\ncounter ip daddr set 192.0.2.9\n}"), "translated otherwise: where addresses or ports are rewritten, for some", nil},
		{"another port", "nftables", nftRules(root("p", "100", byMap), "chain q { type filter hook postrouting priority 200;\nudp sport set 9\n}"), "translated otherwise: where addresses or ports are rewritten, for some", nil},
		{"another source by its place", "nftables", nftRules(root("p", "100", byMap), "chain q { type filter hook forward priority 0;\n@nh,96,32 set 0x64400002\n}"), "translated otherwise: where addresses or ports are rewritten, for some", nil},
		{"another source at a device", "nftables", nftRules(root("p", "100", byMap)) + "table netdev d {\nchain q { type filter hook ingress device r1 priority 0;\nip saddr 100.64.0.1 ip saddr set 100.64.0.2\n}\n}\n", "translated otherwise: where addresses or ports are rewritten, for some", nil},
		{"what is written is no address", "nftables", nftRules(root("p", "100", byMap), "chain q { type filter hook forward priority 0;\nip dscp set cs1\nmeta mark set 3\ntcp flags syn tcp option maxseg size set 1360\nip saddr 100.64.0.1 ct mark set 3\n}") +
			"table bridge d {\nchain notrack {\n}\nchain q { type filter hook prerouting priority 0;\nether saddr set 02:00:00:00:00:01\nip saddr 100.64.0.1 meta mark set 1\n}\n}\ntable ip6 s {\nchain q { type filter hook prerouting priority raw;\nnotrack\n}\n}\n", "", nil},
		{"a target that is not read", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\nip saddr 100.64.0.1 counter xt target \"CT\"\n}"), "translated otherwise: where xt target \"CT\", for some", nil},
		{"a target that says nothing of it", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\nip saddr 100.64.0.1 counter xt target \"TRACE\"\n}"), "", nil},
		{"routeros, nothing is tracked", "routeros", rsc("/ip firewall connection tracking", "set enabled=no udp-timeout=10s"), "not translated: where notrack, for some", nil},
		{"routeros, tracked where need be", "routeros", rsc("/ip firewall connection tracking", "set enabled=auto udp-timeout=10s"), "not translated: to 192.0.2.53", nil},
		{"all are tracked in one zone", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority raw;\ncounter\nct zone set 5\n}\nchain o { type filter hook output priority -300;\nct zone set 7\n}"), "", nil},
		{"all are tracked in one zone, twice", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\nct zone set 5\n}\nchain q { type filter hook prerouting priority -250;\nct zone set 5\n}"), "", nil},
		{"all but some are tracked in one zone", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority raw;\niifname x accept\nct zone set 5\n}"), "translated otherwise: where ct zone set, for some", nil},
		{"by where they come from", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority raw;\niifname x ct zone set 5\niifname y ct zone set 5\n}"), "translated otherwise: where ct zone set, for some", nil},
		{"by a map", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority raw;\nct zone set iif map { lo : 1 }\n}"), "translated otherwise: where ct zone set, for some", nil},
		{"in two zones", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\nct zone set 5\n}\nchain q { type filter hook prerouting priority -250;\nct zone set 6\n}"), "translated otherwise: where ct zone set, for some", nil},
		{"in one zone, and some in it by another rule", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\nct zone set 5\nip saddr 100.64.0.1 ct zone set 5\n}"), "translated otherwise: where ct zone set, for some", nil},
		{"in one zone, one way", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\nct original zone set 5\n}"), "translated otherwise: where ct zone set, for some", nil},
		{"in one zone, and where it is too late", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\nct zone set 5\n}\nchain q { type filter hook forward priority 0;\nct zone set 5\n}"), "translated otherwise: where ct zone set, for some", nil},
		{"in one zone, and not tracked", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\nct zone set 5\nip saddr 100.64.0.1 notrack\n}"), "not translated: where notrack, for some", nil},
		{"in one zone, in a chain that is jumped to", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\njump z\n}\nchain z { ct zone set 5; }"), "translated otherwise: where ct zone set, for some", nil},
		{"in one zone of IPv4 over TCP", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\nmeta l4proto tcp ct zone set 5\n}"), "translated otherwise: tcp, where ct zone set, for some", nil},
		{"in one zone, of a table for IPv6", "nftables", nftRules(root("p", "100", byMap), "chain raw { type filter hook prerouting priority -300;\nmeta nfproto ipv6 ct zone set 5\n}"), "", nil},
		{"iptables, tracked in a zone", "iptables", iptablesRules(share1) + "*raw\n-A PREROUTING -s 100.64.0.1/32 -j CT --zone 5\nCOMMIT\n", "translated otherwise: where ct zone set, for some", nil},
		{"iptables, answers are not tracked", "iptables", iptablesRules(share1) + "*raw\n-A PREROUTING -s 192.0.2.0/24 -j NOTRACK\nCOMMIT\n", "not translated: where notrack, for some", nil},
		{"iptables, answers of all others are not tracked", "iptables", iptablesRules(share1) + "*raw\n-A PREROUTING ! -s 100.64.0.0/10 -j CT --notrack\nCOMMIT\n", "not translated: where notrack, for some", nil},
		{"routeros, answers are not tracked", "routeros", rsc("/ip firewall raw", "add action=notrack chain=prerouting src-address=!100.64.0.0/10"), "not translated: where notrack, for some", nil},
		{"routeros, not tracked", "routeros", rsc("/ip firewall raw", "add action=notrack chain=prerouting src-address=100.64.0.0/10"), "not translated: where notrack, for some", nil},
		{"routeros, others are not tracked", "routeros", rsc("/ip firewall raw", "add action=notrack chain=prerouting src-address=10.0.0.0/8 dst-address=10.0.0.0/8", "add action=notrack chain=prerouting disabled=yes", "add action=drop chain=prerouting"), "not translated: to 192.0.2.53", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			table, err := tryParse(t, c.format, c.text)
			if c.err != nil || err != nil {
				if !errors.Is(err, c.err) {
					t.Errorf("got %v, want %v\n%s", err, c.err, c.text)
				}
				return
			}
			var got []string
			for _, one := range table.Conditions() {
				got = append(got, one.String())
			}
			if text := strings.Join(got, " | "); !strings.Contains(text, c.want) || c.want == "" && text != "" {
				t.Errorf("got %q, want %q\n%s", text, c.want, c.text)
			}
		})
	}
}

// TestWrongAdvice reads a file in which a destination must not go into no-translate: packets that one rule lets pass meet another.
func TestWrongAdvice(t *testing.T) {
	for rest, advises := range map[string]bool{"": true, "-s 100.64.0.1 -j MASQUERADE": false} {
		lines := []string{"-j C"}
		if rest != "" {
			lines = append(lines, rest)
		}
		table := parse(t, "iptables", iptablesRules(lines...)+"-A C -d 192.0.2.53 -j RETURN\n-A C "+strings.ReplaceAll(share1, "POSTROUTING", "C")+"\n")
		said := false
		for _, f := range table.Findings() {
			said = said || strings.Contains(f.Msg, "no-translate")
		}
		if said != advises {
			t.Errorf("%q: advises no-translate: %v", rest, said)
		}
	}
}

// TestProofIsBounded reads files whose circumstances multiply: they are read, and equal to nothing.
func TestProofIsBounded(t *testing.T) {
	var b strings.Builder
	for i := range 40 {
		name := string(rune('a'+i/10)) + string(rune('a'+i%10))
		b.WriteString("-A POSTROUTING -s 100.64.0." + []string{"1", "2"}[i%2] + " -m mark --mark 0x" + name + "/0x1 -j N" + name + "\n-A N" + name + " -s 10.0.0.1 -j ACCEPT\n")
	}
	table := parse(t, "iptables", "*nat\n"+b.String()+iptablesRules(share1, share2)[len("*nat\n"):])
	if got := table.Conditions(); len(got) != 1 || !got[0].Vague {
		t.Errorf("got %v, want one that is vague", got)
	}
}
