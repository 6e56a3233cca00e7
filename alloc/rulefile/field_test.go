package rulefile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// The generators below write as those do that operators download, down to their habits: abbreviations, chains that are emptied before
// they are filled, jumps behind the rules, rules for the way back, disabled rules, and port ranges of different sizes.

// A village is 128 subscribers on four addresses.
func village(t *testing.T, first, size int) (shares []wanted) {
	t.Helper()
	for i := range 128 {
		lo := first + i%32*size
		shares = append(shares, wanted{addr4(100<<24 | 64<<16 | uint32(i)), addr4(198<<24 | 18<<16 | uint32(i/32)), ports(t, fmt.Sprintf("%d-%d", lo, min(lo+size-1, 65535)))})
	}
	return shares
}

// nftAdded adds rules chain by chain, each emptied first, and lets the rest of a chain leave by its address.
func nftAdded(shares []wanted) string {
	var b strings.Builder
	b.WriteString("define WAN_0 = 198.18.0.0\nadd table ip nat\nadd chain ip nat POSTROUTING { type nat hook postrouting priority 100; policy accept; }\n" +
		"add chain ip nat CGNATOUT\nadd chain ip nat CGNATIN\nflush chain ip nat CGNATOUT\nadd rule ip nat POSTROUTING oifname \"bond1\" counter jump CGNATOUT\n")
	for i, s := range shares {
		chain := fmt.Sprintf("CGNATOUT_%d", i/32)
		if i%32 == 0 {
			fmt.Fprintf(&b, "add chain ip nat %s\nflush chain ip nat %[1]s\nadd rule ip nat CGNATOUT ip saddr %s counter jump %[1]s\n", chain, net27(s.inside))
			fmt.Fprintf(&b, "add chain ip nat CGNATIN_%d\nflush chain ip nat CGNATIN_%[1]d\nadd rule ip nat CGNATIN ip daddr %s/32 counter jump CGNATIN_%[1]d\n", i/32, s.outside)
		}
		out := s.outside.String()
		if i < 32 {
			out = "$WAN_0"
		}
		for _, p := range []string{"tcp", "udp"} {
			fmt.Fprintf(&b, "add rule ip nat %s ip protocol %s ip saddr %s counter snat to %s:%s\n", chain, p, s.inside, out, s.ports)
			fmt.Fprintf(&b, "add rule ip nat CGNATIN_%d ip daddr %s %s dport %s counter dnat to %s\n", i/32, s.outside, p, s.ports, s.inside)
		}
		if i%32 == 31 {
			fmt.Fprintf(&b, "add rule ip nat %s counter snat to %s\n", chain, s.outside)
		}
	}
	return b.String()
}

// nftFlushed declares its maps, empties them, and declares them once more with a map for each protocol.
func nftFlushed(shares []wanted) string {
	var b, with, without strings.Builder
	for _, s := range shares {
		fmt.Fprintf(&with, "%s : %s . %s, ", s.inside, s.outside, s.ports)
		fmt.Fprintf(&without, "%s : %s, ", s.inside, s.outside)
	}
	b.WriteString("#!/usr/sbin/nft -f\n\nadd table ip cgnat\nflush table ip cgnat\n\n")
	names := []string{"tcp", "udp", "icmp"}
	for _, p := range names {
		fmt.Fprintf(&b, "add map ip cgnat %s_nat_map { type ipv4_addr: interval ipv4_addr . inet_service ; flags interval ;}\n", p)
	}
	b.WriteString("add map ip cgnat other_nat_map { type ipv4_addr: interval ipv4_addr ; flags interval ;}\nadd element ip cgnat tcp_nat_map { 100.64.0.1 : 192.0.2.1 . 7-9 }\n")
	for _, p := range append(names, "other") {
		fmt.Fprintf(&b, "flush map ip cgnat %s_nat_map\n", p)
	}
	b.WriteString("table ip cgnat {\n")
	for _, p := range names {
		fmt.Fprintf(&b, "  map %s_nat_map {\n    type ipv4_addr : interval ipv4_addr . inet_service\n    flags interval\n    elements = { %s }\n  }\n", p, with.String())
	}
	fmt.Fprintf(&b, "  map other_nat_map {\n    type ipv4_addr : interval ipv4_addr\n    flags interval\n    elements = { %s }\n  }\n  chain POSTROUTING {\n    type nat hook postrouting priority 100; policy accept;\n", without.String())
	for _, p := range names {
		fmt.Fprintf(&b, "    ip protocol %s counter snat ip to ip saddr map @%[1]s_nat_map\n", p)
	}
	b.WriteString("    counter snat ip to ip saddr map @other_nat_map\n  }\n}\n")
	return b.String()
}

// rosShort cuts names of properties short, and gives ICMP a rule for the prefix of a chain.
func rosShort(shares []wanted) string {
	var b strings.Builder
	for i, s := range shares {
		chain := "CGNAT-" + s.outside.String()
		if i%32 == 0 {
			fmt.Fprintf(&b, "ip firewall nat add chain=srcnat action=jump comment=\"JUMP para %s\" jump-target=\"%s\" src-address=\"%s\"\n", s.outside, chain, net27(s.inside))
			fmt.Fprintf(&b, "ip firewall nat add chain=\"%s\" action=src-nat protocol=icmp src-address=%s to-address=%s\n", chain, net27(s.inside), s.outside)
		}
		for _, p := range []string{"tcp", "udp"} {
			fmt.Fprintf(&b, "ip firewall nat add chain=\"%s\" action=src-nat protocol=%s src-address=%s to-address=%s to-ports=%s comment=CGNAT>%s<para_%s disable=no\n",
				chain, p, s.inside, s.outside, s.ports, s.outside, s.inside)
		}
	}
	return b.String()
}

// rosRanges jumps by ranges behind the rules, and has rules for the way back.
func rosRanges(shares []wanted) string {
	var b, jumps strings.Builder
	b.WriteString("/ip firewall nat\n")
	for i, s := range shares {
		chain := fmt.Sprintf("CGNAT-0-%d", i/32)
		if i%32 == 0 {
			fmt.Fprintf(&jumps, "add chain=srcnat src-address=\"%s-%s\" action=jump jump-target=\"%s_OUT\"\n", s.inside, shares[i+31].inside, chain)
			fmt.Fprintf(&jumps, "add chain=dstnat dst-address=%s action=jump jump-target=\"%s_IN\"\n", s.outside, chain)
		}
		for _, p := range []string{"tcp", "udp"} {
			fmt.Fprintf(&b, "add action=src-nat chain=\"%s_OUT\" protocol=%s src-address=%s to-addresses=%s to-ports=%s\n", chain, p, s.inside, s.outside, s.ports)
			fmt.Fprintf(&b, "add action=dst-nat chain=\"%s_IN\" protocol=%s to-addresses=%s src-address=%s dst-port=%s\n", chain, p, s.inside, s.outside, s.ports)
		}
		fmt.Fprintf(&b, "add action=src-nat chain=\"%s_OUT\" src-address=%s to-addresses=%s\n", chain, s.inside, s.outside)
	}
	return b.String() + jumps.String()
}

// shellJumps runs iptables by its path, chain by chain, and jumps behind the rules.
func shellJumps(shares []wanted) string {
	var b, jumps strings.Builder
	for i, s := range shares {
		chain := fmt.Sprintf("CGNAT_0_%d", i/32)
		if i%32 == 0 {
			fmt.Fprintf(&jumps, "/sbin/iptables -t nat -A POSTROUTING -s %s -j %s_OUT\n/sbin/iptables -t nat -A PREROUTING -d %s/32 -j %[2]s_IN\n", net27(s.inside), chain, s.outside)
			fmt.Fprintf(&b, "/sbin/iptables -t nat -N %s_OUT\n/sbin/iptables -t nat -N %[1]s_IN\n/sbin/iptables -t nat -F %[1]s_OUT\n/sbin/iptables -t nat -F %[1]s_IN\n", chain)
		}
		first, last := s.ports.First(), s.ports.Last()
		for _, p := range []string{"tcp", "udp"} {
			fmt.Fprintf(&b, "/sbin/iptables -t nat -A %s_OUT -s %s -p %s -j SNAT --to %s:%d-%d\n", chain, s.inside, p, s.outside, first, last)
			fmt.Fprintf(&b, "/sbin/iptables -t nat -A %s_IN -d %s -p %s --dport %d:%d -j DNAT --to %s\n", chain, s.outside, p, first, last, s.inside)
		}
		fmt.Fprintf(&b, "/sbin/iptables -t nat -A %s_OUT -s %s -j SNAT --to %s\n", chain, s.inside, s.outside)
	}
	return b.String() + jumps.String()
}

var fieldStyles = map[string]func([]wanted) string{
	"nft, rules added": nftAdded, "nft, maps emptied": nftFlushed, "RouterOS, names cut short": rosShort, "RouterOS, jumps by range": rosRanges, "iptables by path": shellJumps,
}

// TestFieldStyles reads what generators of the field write, without being told the format.
func TestFieldStyles(t *testing.T) {
	shares := village(t, 1500, 2000)
	for name, write := range fieldStyles {
		text := write(shares)
		f, ok := rulefile.Detect([]byte(text))
		if !ok {
			t.Errorf("%s: the format is not evident", name)
			continue
		}
		table := parse(t, f.String(), text)
		if d := differences(table, shares); len(d) > 0 {
			t.Errorf("%s: %d differ, the first %v", name, len(d), d[0])
		}
		spec, x, err := rulefile.Infer(table)
		if err != nil || len(spec.Pools) != 1 || spec.Pools[0].Scheme != alloc.Sequential || spec.Pools[0].PortsPerSubscriber != 2000 {
			t.Errorf("%s: %v %q", name, err, x.Lines())
		}
	}
}

// TestUnevenShares reads the layout of generators that round up: the first subscriber of an address has a port more, and the last fewer.
func TestUnevenShares(t *testing.T) {
	shares := village(t, 1026, 2016)
	for i := range shares {
		if i%32 == 0 {
			shares[i].ports = ports(t, "1025-3041")
		}
	}
	for name, write := range fieldStyles {
		text := write(shares)
		f, _ := rulefile.Detect([]byte(text))
		table := parse(t, f.String(), text)
		if d := differences(table, shares); len(d) > 0 {
			t.Errorf("%s: %d differ, the first %v", name, len(d), d[0])
		}
		spec, _, err := rulefile.Infer(table)
		if err != nil || len(spec.Pools) != 1 || len(spec.Pools[0].Shares) != 128 {
			t.Errorf("%s: %v, %d pools, want 128 listed shares", name, err, len(spec.Pools))
		}
	}
}

// TestDisabled says why a script whose rules are to be enabled later gives nobody a share.
func TestDisabled(t *testing.T) {
	text := strings.ReplaceAll(rosShort(village(t, 1500, 2000)), "disable=no", "disabled=yes")
	_, err := tryParse(t, "routeros", text)
	var line *rulefile.LineError
	if !errors.Is(err, rulefile.ErrNothing) || !errors.As(err, &line) || !contains(line.Msg, "256 that are disabled") || !contains(line.Hint, "enable them") {
		t.Errorf("got %v", err)
	}
}

// TestFlushed empties a chain that has rules: those are gone, and the ones behind it count.
func TestFlushed(t *testing.T) {
	const head = "add table ip n\nadd chain ip n p { type nat hook postrouting priority 100; }\n"
	rule := func(out string) string {
		return "add rule ip n p meta l4proto { tcp, udp } ip saddr 100.64.0.1 snat to " + out + ":1024-2047\n"
	}
	table := parse(t, "nftables", head+rule("198.18.0.1")+"flush chain ip n q\nflush chain n p\n"+rule("198.18.0.2"))
	if s, ok := table.Find(addr("100.64.0.1")); !ok || s.Outside != addr("198.18.0.2") {
		t.Errorf("got %v", s)
	}
	if _, err := tryParse(t, "nftables", head+rule("198.18.0.1")+"flush chain ip n p\n"); !errors.Is(err, rulefile.ErrNothing) {
		t.Errorf("all rules are gone: got %v", err)
	}
	if _, err := tryParse(t, "nftables", head+rule("198.18.0.1")+"delete chain ip n p\n"); !errors.Is(err, rulefile.ErrSyntax) {
		t.Errorf("a chain is deleted: got %v", err)
	}
}

// TestRestOfChain has a chain for 32 inside addresses of which the first and the last are nobody's, and a rule for the rest behind it: it
// gives those two all ports of the address, and the message says what to do.
func TestRestOfChain(t *testing.T) {
	var text strings.Builder
	for line := range strings.Lines(nftAdded(village(t, 1500, 2000)[:32])) {
		if !contains(line, "saddr 100.64.0.0 ") && !contains(line, "saddr 100.64.0.31 ") {
			text.WriteString(line)
		}
	}
	table := parse(t, "nftables", text.String())
	_, _, err := rulefile.Infer(table)
	var o *rulefile.OverlapError
	if !errors.As(err, &o) || !contains(o.Hint(), "gives 100.64.0.0 whatever ports") && !contains(o.Hint(), "gives 100.64.0.31 whatever ports") {
		t.Errorf("got %v, hint %q", err, o.Hint())
	}
}
