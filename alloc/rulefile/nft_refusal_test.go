package rulefile_test

import (
	"testing"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// TestNftRefusals reads rules that decide about subscribers in ways that are not followed.
func TestNftRefusals(t *testing.T) {
	var cases []refusal
	for _, rule := range []string{
		`iifname . ip saddr vmap { "lan" . 10.0.0.1 : accept }`,
		`ip saddr . meta l4proto vmap { 10.0.0.1 . tcp : accept }`,
		`meta l4proto . ip saddr vmap { tcp . 10.0.0.1 : accept }`,
		`ip saddr & 255.255.255.254 vmap { 10.0.0.0 : accept }`,
		`oifname vmap { "wan0" : accept }`,
		`ct state vmap { new : accept }`,
		`tcp dport vmap { 80 : accept }`,
		`ip saddr 10.0.0.1 counter packets 0 bytes 0 xt target NETMAP`,
		`ip saddr 10.0.0.1 counter packets 0 bytes 0 # xt_NETMAP`,
		`ip saddr & 0.0.0.1 == 0.0.0.1 accept`,
		`ip saddr & 255.255.255.255 == 10.0.0.2-10.0.0.3 accept`,
		`ip saddr & 255.255.255.255 vmap { 10.0.0.2 : accept }`,
		`ip saddr & nonsense == 10.0.0.2 accept`,
		`@nh,96,32 0x64400001 accept`,
		`ip saddr . ip daddr != { 10.0.0.2 . 0.0.0.0/0 } accept`,
		`ip saddr . ip daddr . tcp dport { 10.0.0.2 . 0.0.0.0/0 . 80 } accept`,
		`ip saddr . ip saddr { 10.0.0.2 . 10.0.0.2 } accept`,
		`ip saddr . ip daddr vmap { 10.0.0.2 . 192.0.2.1 : accept }`,
		`ip saddr . ip daddr @nobody accept`,
		`ip saddr . ip daddr { 10.0.0.2 } accept`,
		`ip saddr . ip daddr { 10.0.0.2 . 192.0.2.1 } ip daddr vmap { 192.0.2.1 : accept }`,
		`meta l4proto @nobody accept`,
		`meta l4proto . ip saddr { tcp . 10.0.0.1 } accept`,
		`meta l4proto { tcp, nonsense } accept`,
		`iifname . ip saddr @pairs return`,
		`ct original ip saddr 10.0.0.1 accept`,
		`fib saddr type local masquerade`,
		`snat ip to ip daddr map { 10.0.0.1 : 198.18.0.1 }`,
		`snat ip to ip saddr . ip daddr map { 10.0.0.1 . 192.0.2.8 : 198.18.0.1 }`,
		`snat ip to meta mark map { 1 : 198.18.0.1 }`,
		`ip daddr vmap @nobody`,
		`ip daddr vmap { 192.0.2.8 : queue }`,
		`ip daddr . tcp dport vmap { 192.0.2.8 . 80 : accept }`,
		`fib daddr . iif type local accept`,
		`fib daddr oif lo accept`,
		`fib daddr type vmap { local : accept }`,
		`fib saddr . daddr type local accept`,
		`ip saddr @nobody accept`,
		`ip saddr vmap @nobody`,
		`jump nowhere`,
		`meta nfproto vmap { ipv4 : accept }`,
	} {
		cases = append(cases, refusal{rule, nftPost + "  " + rule + "\n" + nftTwo, rulefile.ErrSyntax, "rules:3: "})
	}
	for _, set := range []string{
		"map v { type ifname . ipv4_addr : verdict\n elements = { \"lan\" . 10.0.0.1 : accept } }\n chain q { iifname . ip saddr vmap @v; }",
		"map v { type ipv4_addr . ipv4_addr : verdict\n elements = { 10.0.0.1 . 10.0.0.2 : accept } }\n chain q { ip saddr vmap @v; }",
		"map v { type ipv4_addr : verdict\n elements = { 10.0.0.1 : queue to 1 } }\n chain q { ip saddr vmap @v; }",
		"set v { type ipv4_addr\n elements = { example.com } }\n chain q { ip saddr @v accept; }",
	} {
		cases = append(cases, refusal{set, "table ip n {\n " + set + "\n}\n" + nftPost + "  jump q\n" + nftTwo, rulefile.ErrSyntax, "rules:"})
	}
	const m = "table ip n {\n map m { type ipv4_addr : interval ipv4_addr . inet_service\n  elements = { 10.0.0.1 : 198.18.0.1 . 1-9 } }\n}\n"
	cases = append(cases,
		refusal{"elements are deleted", m + "delete element ip n m { 10.0.0.9 }\n" + nftPost + nftTwo, rulefile.ErrSyntax, "rules:5: delete element"},
		refusal{"command in quotes", nftPost + nftTwo + "nft 'insert rule ip n p ip saddr 10.0.0.2 accept'\n", rulefile.ErrSyntax, "rules:7: this line runs nft"},
		refusal{"file", nftPost + nftTwo + "nft -f /etc/more.nft\n", rulefile.ErrSyntax, "rules:7: this line runs nft"},
		refusal{"shell", nftPost + nftTwo + "ssh router nft flush ruleset\n", rulefile.ErrSyntax, "rules:7: this line runs nft"},
	)
	checkRefusals(t, "nftables", cases)
}

// TestNftReads reads what looks like the above, and can be read.
func TestNftReads(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"chains of filters", `table inet filter {
 set pairs { type ipv4_addr . inet_service
 }
 set names { type ipv4_addr; elements = { example.com } }
 chain input { type filter hook input priority filter; policy drop;
  ct state vmap { established : accept, related : accept, invalid : drop }
  meta l4proto ipv6-icmp accept
  meta l4proto { icmp, nonsense } accept
  ip saddr . tcp dport @pairs accept
  ip saddr @missing accept
  fib daddr type local accept
  meta mark set ip saddr map { 10.0.0.1 : 1 }
  ip saddr { 10.0.0.1, nonsense, { } } accept
 }
}
` + nftPost + nftTwo, twoRows},
		{"statements without a verdict", nftPost + "  fib saddr type local counter\n  meta mark set ip saddr map { 10.0.0.1 : 1, 10.0.0.2 : 2 }\n  ct mark set meta mark\n  limit rate 5/second log prefix \"x\"\n" + nftTwo, twoRows},
		{"IPv4 said in other ways", nftPost + "  meta nfproto == ipv4 meta protocol ip ip saddr == 10.0.0.3 accept\n  meta nfproto != ipv4 drop\n" + nftTwo, twoRows},
		{"continue", nftPost + "  ip saddr vmap { 10.0.0.1 : continue, 10.0.0.3 : accept }\n" + nftTwo, twoRows},
		{"dormant tables", "table ip d {\n flags dormant\n chain p { type nat hook postrouting priority 0; snat to 198.18.0.9; }\n}\n" + nftPost + nftTwo, twoRows},
		{"here document", "nft -f - <<EOF\n" + nftPost + nftTwo + "EOF\nnft list ruleset\n", twoRows},
		{"redefined", "define P = 198.18.0.7\nredefine P = 198.18.0.1\n" + nftPost + "ip saddr 10.0.0.1 meta l4proto { tcp, udp } snat to $P:1-9\n }\n}\n", "10.0.0.1 198.18.0.1 1-9"},
		{"another family is flushed", nftPost + nftTwo + "flush ruleset ip6\n", twoRows},
		{"everybody but IPv6", nftPost + "  meta nfproto != ipv6 ip saddr 10.0.0.2 accept\n" + nftTwo, "10.0.0.1 198.18.0.1 1-9"},
		{"catch-all", `table ip n {
 chain few { ip saddr 10.0.0.2 meta l4proto { tcp, udp } snat to 198.18.0.1:10-19; }
 chain rest {
  ip saddr 10.0.0.1 meta l4proto { tcp, udp } snat to 198.18.0.9:1-9
  ip saddr 10.1.0.1 meta l4proto { tcp, udp } snat to 198.18.0.1:1-9
 }
` + "chain p { type nat hook postrouting priority srcnat\n  ip saddr vmap { * : jump rest, 10.0.0.0/27 : jump few }\n }\n}\n", "10.1.0.1 198.18.0.1 1-9\n10.0.0.2 198.18.0.1 10-19"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := rowsOf(parse(t, "nftables", c.text)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}
