package rulefile_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// left writes the rules of 64 subscribers on two addresses, of whom the one at 100.64.0.9 has none.
func left(rule func(inside, outside netip.Addr, first, last int) string) string {
	var b strings.Builder
	for i := range uint32(64) {
		if i == 9 {
			continue
		}
		first := 1024 + 2016*int(i%32)
		b.WriteString(rule(addr4(100<<24|64<<16|i), addr4(198<<24|18<<16|i/32), first, first+2015))
	}
	return b.String()
}

// rosLeft, savedLeft and nftLeft are left in three languages, with jumps for prefixes and room for another rule before and behind.
func rosLeft(before, behind string) string {
	return "/ip firewall nat\n" + before + "add action=jump chain=srcnat jump-target=cgn src-address=100.64.0.0/26\n" +
		left(func(in, out netip.Addr, first, last int) string {
			return fmt.Sprintf("add action=src-nat chain=cgn protocol=tcp src-address=%v to-addresses=%v to-ports=%d-%d\nadd action=src-nat chain=cgn protocol=udp src-address=%v to-addresses=%v to-ports=%d-%d\n", in, out, first, last, in, out, first, last)
		}) + behind
}

func savedLeft(before, behind string) string {
	return "*nat\n:POSTROUTING ACCEPT [0:0]\n:cgn - [0:0]\n" + before + "-A POSTROUTING -s 100.64.0.0/26 -j cgn\n" +
		left(func(in, out netip.Addr, first, last int) string {
			return fmt.Sprintf("-A cgn -s %v/32 -p tcp -j SNAT --to-source %v:%d-%d\n-A cgn -s %v/32 -p udp -j SNAT --to-source %v:%d-%d\n", in, out, first, last, in, out, first, last)
		}) + behind
}

func nftLeft(before, behind string) string {
	return "table ip n {\n map m {\n  type ipv4_addr : interval ipv4_addr . inet_service\n  elements = { " +
		left(func(in, out netip.Addr, first, last int) string {
			return fmt.Sprintf("%v : %v . %d-%d,\n", in, out, first, last)
		}) + " }\n }\n chain odd { accept; }\n chain p {\n  type nat hook postrouting priority 100\n" + before + "  ip saddr 100.64.0.0/26 meta l4proto { tcp, udp } snat ip to ip saddr map @m\n }\n" + behind + "}\n"
}

// TestFillNamed gives no share to a subscriber whom the file names, in whatever rule; the frame of the rules names nobody.
func TestFillNamed(t *testing.T) {
	for _, c := range []struct {
		format         string
		write          func(before, behind string) string
		before, behind string
		filled         bool
	}{
		{"routeros", rosLeft, "", "", true},
		{"routeros", rosLeft, "", "add action=masquerade chain=srcnat out-interface=sfp1\n", true},
		{"routeros", rosLeft, "", "add action=masquerade chain=srcnat src-address=100.64.0.0/10\n", true},
		{"routeros", rosLeft, "add action=accept chain=srcnat dst-address=192.0.2.0/24\n", "", true},
		{"routeros", rosLeft, "add action=accept chain=srcnat src-address=100.64.0.9\n", "", false},
		{"routeros", rosLeft, "add action=masquerade chain=srcnat src-address=100.64.0.9\n", "", false},
		{"routeros", rosLeft, "add action=jump chain=srcnat jump-target=odd src-address=100.64.0.9\nadd action=accept chain=odd\n", "", false},
		{"routeros", rosLeft, "", "add action=masquerade chain=srcnat src-address=100.64.0.9\n", false},
		{"routeros", rosLeft, "", "add action=src-nat chain=cgn src-address=100.64.0.9 to-addresses=198.18.0.0 disabled=yes\n", false},
		{"routeros", rosLeft, "add action=accept chain=srcnat src-address-list=odd\n", "/ip firewall address-list\nadd address=100.64.0.9 list=odd\n", false},
		{"routeros", rosLeft, "", "/ip firewall filter\nadd action=drop chain=forward src-address=100.64.0.9\n", false},
		{"iptables", savedLeft, "", "", true},
		{"iptables", savedLeft, "", "-A POSTROUTING -s 100.64.0.0/10 -j MASQUERADE\nCOMMIT\n*filter\n-A FORWARD -s 100.64.0.0/26 -d 192.0.2.1 -j DROP\nCOMMIT\n", true},
		{"iptables", savedLeft, "-A POSTROUTING ! -s 100.64.0.9 -j cgn\n", "", false},
		{"iptables", savedLeft, "-A POSTROUTING -m iprange --src-range 100.64.0.9-100.64.0.9 -j ACCEPT\n", "", false},
		{"iptables", savedLeft, "-A POSTROUTING -s 100.64.0.9 -j LOG\n", "", false},
		{"iptables", savedLeft, "", "COMMIT\n*filter\n-A FORWARD -s 100.64.0.9/32 -j DROP\nCOMMIT\n", false},
		{"iptables", savedLeft, "", "COMMIT\n*filter\n-A FORWARD ! -d 100.64.0.9/32 -j ACCEPT\nCOMMIT\n", false},
		{"nftables", nftLeft, "", "", true},
		{"nftables", nftLeft, "", " chain f {\n  type filter hook forward priority 0\n  ip saddr 100.64.0.0/10 accept\n }\n", true},
		{"nftables", nftLeft, "  ip saddr vmap { 100.64.0.9 : jump odd }\n", "", false},
		{"nftables", nftLeft, "  ip saddr 100.64.0.9 counter\n", "", false},
		{"nftables", nftLeft, "  ip saddr { 100.64.0.9, 100.64.1.9 } accept\n", "", false},
		{"nftables", nftLeft, "", " set blocked {\n  type ipv4_addr\n  elements = { 100.64.0.9 }\n }\n chain f {\n  ip saddr @blocked drop\n }\n", false},
		{"nftables", nftLeft, "", " chain f {\n  ip daddr 100.64.0.9 drop\n }\n", false},
		{"iptables", savedLeft, "# -A cgn -s 100.64.0.9/32 -p tcp -j SNAT --to-source 198.18.0.0:19168-21183\n", "", false},
		{"iptables", savedLeft, "", "-A cgn -j RETURN # not 100.64.0.9, who left\n", false},
		{"iptables", savedLeft, "# 100.64.0.0/26, of version 100.64.0.9.1 of the script\n", "", true},
		{"nftables", nftLeft, "  # ip saddr { 100.64.0.8-100.64.0.9 } accept\n", "", true}, // others of them have shares: it is the frame
		{"nftables", nftLeft, "  #ip saddr 100.64.0.9 accept\n", "", false},
		{"nftables", nftLeft, "", " set blocked { type ipv4_addr; } # elements={100.64.0.9,100.64.1.9}\n", false},
		{"routeros", rosLeft, "# add action=accept chain=srcnat src-address=100.64.0.9\n", "", false},
	} {
		name := c.format + " " + c.before + c.behind
		table := parse(t, c.format, c.write(c.before, c.behind))
		if table.Len() != 63 {
			t.Errorf("%s: %d shares", name, table.Len())
			continue
		}
		_, x, err := rulefile.InferFilled(table)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.filled != (len(x.Filled) == 1 && x.Filled[0].String() == "100.64.0.9") || !c.filled && len(x.Filled) > 0 {
			t.Errorf("%s: filled %v", name, x.Filled)
		}
		if _, x, err = rulefile.Infer(table); err != nil || (x.Offer != nil) != c.filled {
			t.Errorf("%s: %v, offer %+v", name, err, x.Offer)
		}
	}
}
