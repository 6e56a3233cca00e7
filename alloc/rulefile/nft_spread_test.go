package rulefile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// nftSaid returns rows and conditions of nftables.
func nftSaid(t *testing.T, text string) string {
	t.Helper()
	table := parse(t, "nftables", text)
	out := []string{rowsOf(table)}
	for _, c := range table.Conditions() {
		out = append(out, c.String())
	}
	return strings.Join(out, " | ")
}

// TestSpread reads rules that stand for several, as nft lists them: verdicts by destination, pairs of addresses, bits of them, protocols in a set.
func TestSpread(t *testing.T) {
	const one = "  ip saddr 10.0.0.1 meta l4proto { tcp, udp } snat to 198.18.0.1:1-9\n"
	const row = "10.0.0.1 198.18.0.1 1-9"
	for _, c := range []struct {
		name, sets, rules, want string
		err                     error
	}{
		{name: "verdicts by destination", rules: "ip daddr vmap { 192.0.2.1 : accept, 192.0.2.32/28 : return, 192.0.2.100 : drop, 192.0.2.9 : continue }\n" + one,
			want: row + " | not translated: to 192.0.2.1, 192.0.2.32/28 | dropped: to 192.0.2.100"},
		{name: "by a named map, with a chain and the rest", sets: "map dv {\n type ipv4_addr : verdict\n flags interval\n elements = { 192.0.2.0/24 : jump x, * : continue }\n}\n chain x { ip daddr 192.0.2.7 accept; }\n",
			rules: "ip daddr vmap @dv\n" + one, want: row + " | not translated: to 192.0.2.7"},
		{name: "the rest is let through", rules: "ip daddr vmap { 192.0.2.0/24 : continue, * : accept }\n" + one, want: row + " | not translated: to 0.0.0.0-10.0.0.0, 10.0.0.2-192.0.1.255, 192.0.3.0-255.255.255.255"},
		{name: "a map that is filled behind the rule", sets: "map dv { type ipv4_addr : verdict; }\n", rules: "ip daddr vmap @dv\n" + one + "}}\nadd element ip n dv { 192.0.2.1 : accept }\ntable ip o { chain c { ", want: row + " | not translated: to 192.0.2.1"},
		{name: "by destination, for some", rules: "ip saddr 10.0.0.1 ip daddr vmap { 192.0.2.1 : accept }\n" + one + strings.ReplaceAll(one, "0.1", "0.2"), err: rulefile.ErrConflict},

		{name: "pairs of all", sets: "set pairs {\n type ipv4_addr . ipv4_addr\n flags interval\n elements = { 0.0.0.0/0 . 192.0.2.8,\n 10.0.0.0/8 . 192.0.2.9 }\n}\n", rules: "ip saddr . ip daddr @pairs accept\n" + one,
			want: row + " | not translated: to 192.0.2.8/31"},
		{name: "pairs of some", rules: "ip saddr . ip daddr { 10.0.0.2 . 192.0.2.9 } return\n" + one + strings.ReplaceAll(one, "10.0.0.1", "10.0.0.2"), err: rulefile.ErrConflict},
		{name: "pairs of nobody", rules: "ip saddr . ip daddr { 10.9.0.2 . 192.0.2.9 } return\n" + one, want: row},
		{name: "pairs, the destination first", rules: "ip daddr . ip saddr { 192.0.2.9 . 10.0.0.0/24, 192.0.2.11 . 10.0.0.0/24 } return\n" + one, want: row + " | not translated: to 192.0.2.9, 192.0.2.11"},
		{name: "pairs that give shares", rules: "ip saddr . ip daddr { 10.0.0.1 . 0.0.0.0/0 } meta l4proto { tcp, udp } snat to 198.18.0.1:1-9\n", want: row},
		{name: "pairs that jump", sets: "chain x { ip saddr 10.0.0.1 tcp dport 25 drop; }\n", rules: "ip saddr . ip daddr { 10.0.0.0/8 . 192.0.2.9, 10.0.0.0/9 . 192.0.2.0/24 } jump x\n" + one, want: row + " | dropped: to 192.0.2.0/24 tcp/25"},
		{name: "pairs of a set that changes", sets: "set pairs { type ipv4_addr . ipv4_addr; flags dynamic; }\n", rules: "ip saddr . ip daddr @pairs accept\n" + one, err: rulefile.ErrSyntax},

		{name: "bits of the source", rules: "ip saddr 10.0.0.0/30 ip saddr & 0.0.0.1 == 0.0.0.1 meta l4proto { tcp, udp } snat to 198.18.0.1:1-9\n", err: rulefile.ErrShared},
		{name: "bits of the source, one of them", rules: "ip saddr & 255.255.255.255 == 10.0.0.2 accept\n" + one + strings.ReplaceAll(one, "10.0.0.1", "10.0.0.2"), want: row},
		{name: "bits of the source that differ", rules: "ip saddr 10.0.0.0/30 ip saddr & 0.0.0.3 != { 0.0.0.1, 0.0.0.2 } accept\n" + one, want: row},
		{name: "bits that no address has", rules: "ip saddr & 255.255.255.0 == 10.0.0.1 accept\n" + one, want: row},
		{name: "bits of the destination", rules: "ip daddr & 255.255.255.0 == { 192.0.2.0, 192.0.3.0 } accept\n" + one, want: row + " | not translated: to 192.0.2.0/23"},
		{name: "other bits of the destination", rules: "ip daddr & 255.255.254.255 != 192.0.2.7 accept\n" + one, want: row + " | not translated: to 0.0.0.0-10.0.0.0, 10.0.0.2-192.0.2.6, 192.0.2.8-192.0.3.6, 192.0.3.8-255.255.255.255"},

		{name: "protocols in a set", sets: "set protos {\n type inet_proto\n elements = { icmp, tcp, udp }\n}\n", rules: "meta l4proto @protos ip saddr 10.0.0.1 meta l4proto { tcp, udp } snat to 198.18.0.1:1-9\n", want: row},
		{name: "protocols that are let through", sets: "set protos { type inet_proto; elements = { udp }; }\n", rules: "ip protocol @protos ip daddr 192.0.2.1 accept\n" + one, want: row + " | not translated: to 192.0.2.1 udp"},
		{name: "other protocols than those of a set", sets: "set protos { type inet_proto; elements = { udp, icmp }; }\n", rules: "meta l4proto != @protos ip daddr 192.0.2.1 accept\n" + one, want: row + " | not translated: to 192.0.2.1 protocols without ports | not translated: to 192.0.2.1 tcp"},
		{name: "protocols that are filled later", sets: "set protos { type inet_proto; }\n", rules: "meta l4proto @protos ip daddr 192.0.2.1 accept\n" + one + "}}\nadd element ip n protos { udp }\ntable ip o { chain c { ", want: row + " | not translated: to 192.0.2.1 udp"},

		{name: "what kind of address it is", rules: "fib daddr type local accept\n" + one, want: row + " | not translated: to 0.0.0.0-10.0.0.0, 10.0.0.2-255.255.255.255, where fib daddr type local"},
		{name: "kinds that exclude each other", rules: "fib daddr type local jump x\n" + one, sets: "chain x { fib daddr type multicast accept; }\n", want: row},
		{name: "kinds in a list", rules: "fib daddr type { broadcast, multicast } return\n" + one, want: row + " | not translated: to 0.0.0.0-10.0.0.0, 10.0.0.2-255.255.255.255, where fib daddr type { broadcast , multicast }"},
		{name: "translated where it is not the box", rules: "fib daddr type != local" + one, want: row + " | translated only: where fib daddr type != local"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := "table ip n {\n" + c.sets + "chain p { type nat hook postrouting priority srcnat; policy accept;\n  " + c.rules + "}}\n"
			if c.err != nil {
				if _, err := tryParse(t, "nftables", text); !errors.Is(err, c.err) {
					t.Errorf("got %v, want %v", err, c.err)
				}
				return
			}
			if got := nftSaid(t, text); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			for _, one := range parse(t, "nftables", text).Conditions() {
				if isFib := strings.Contains(one.String(), "fib daddr"); one.Outside != isFib {
					t.Errorf("%v: known to the box alone is %v", one, one.Outside)
				}
			}
		})
	}
}
