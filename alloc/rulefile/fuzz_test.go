package rulefile_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// fuzz parses anything as a format: nothing panics, errors say something printable, and what is inferred gives the table.
func fuzz(f *testing.F, format rulefile.Format, extra ...string) {
	rng := rand.New(rand.NewPCG(7, 7))
	for range 3 {
		_, plan := randomPlan(f, rng, alloc.Sequential)
		shares := sharesOf(plan)
		shares = shares[:min(len(shares), 5)]
		for _, w := range writers {
			if text, ok := w.write(shares); ok && w.format == format.String() {
				f.Add([]byte(text))
			}
		}
	}
	for _, text := range append(extra, "", `""`, `0 ""`, "{", "}") {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rulefile.Detect(data)
		table, err := rulefile.Parse(bytes.NewReader(data), format, "rules")
		if err != nil {
			if bytes.ContainsAny([]byte(err.Error()), "\x00\x07\x1b\r\n") {
				t.Fatalf("%q has control characters", err)
			}
			return
		}
		for _, c := range table.Conditions() {
			if strings.ContainsAny(c.String(), "\x00\x07\x1b\r\n") {
				t.Fatalf("%q has control characters", c)
			}
		}
		if table.Len() > 5000 {
			return // inferring many is slow, and nothing new
		}
		spec, _, err := rulefile.Infer(table)
		if errors.Is(err, rulefile.ErrUnproven) {
			t.Fatal(err)
		} else if err != nil {
			return
		}
		gives(t, spec, table)
		if spec, _, err = rulefile.InferFilled(table); err != nil {
			t.Fatalf("only an exact plan is found: %v", err)
		}
		gives(t, spec, table)
	})
}

// gives fails unless a plan gives all shares of a table.
func gives(t *testing.T, spec alloc.Spec, table *rulefile.Table) {
	t.Helper()
	plan, err := alloc.NewPlan(spec)
	if err != nil {
		t.Fatal(err)
	}
	for s := range table.All() {
		a, err := plan.Lookup(alloc.SubscriberFrom("", s.Inside))
		if err != nil || a.Outside() != s.Outside || !a.Ports().Equal(s.Ports) {
			t.Fatalf("%v: the plan gives %v", s, a)
		}
	}
}

func FuzzNftables(f *testing.F) {
	fuzz(f, rulefile.Nftables, "define a = { 10.0.0.1, 10.0.0.2 }\ntable ip n {\n set s { typeof ip saddr; elements = $a }\n chain p { type nat hook postrouting priority srcnat - 1;\n ip saddr @s snat ip prefix to ip saddr map { 10.0.0.0/31 : 198.18.0.0/31 }\n ip saddr 10.0.0.3 tcp dport 1-65535 snat to 198.18.0.3:5-9 random,persistent\n goto q\n }\n chain q { return; }\n}",
		"flush ruleset\nadd table ip n\nadd chain ip n p { type nat hook postrouting priority 100 ; }\nadd rule ip n p meta l4proto vmap { tcp : jump c, udp : goto c, icmp : accept }\n",
		nftPost+"  iifname . ip saddr vmap { a . 10.0.0.1 : accept }\n"+nftTwo, "table inet f {\n chain i { meta l4proto { x, { y } } accept; }\n}\n"+nftPost+"ip saddr vmap { * : jump p, 10.0.0.0/9 : continue }\n"+nftTwo,
		listing(f, "spread.txt"), listing(f, "spread.json"), listing(f, "ours.json"), nftPost+"ip saddr 10.0.0.0/24 ip saddr & 0.0.0.3 != { 0.0.0.1 } ip daddr . ip saddr @x meta l4proto @y jump p\n"+nftTwo,
		"define P = 1\nredefine P = 198.18.0.1\nnft -f - <<EOF\n"+nftPost+nftTwo+"EOF\n", "set -e\n"+nftScript+"nft flush table ip n 2>/dev/null || \\\n true; exit\n")
}

func FuzzIptables(f *testing.F) {
	fuzz(f, rulefile.Iptables, "*nat\n-A POSTROUTING -s 10.0.0.0/30 -j NETMAP --to 198.18.0.0/30\nCOMMIT\n",
		"iptables -t nat -I POSTROUTING 1 ! -s 10.0.0.0/8 -j RETURN\n$IPT -t nat -A C -m iprange --src-range 10.0.0.1-10.0.0.2 -g D\n",
		"*nat\n-A POSTROUTING -m set --match-set a dst -m comment --comment \"-- x\" -j ACCEPT\n"+iptablesTwo, "iptables -t nat -N C 2>/dev/null || true\niptables -t nat -A C ! -s 10.0.0.1 -p tcp -j LOG; x\n",
		"IPT=`which iptables` X=\"$((1+2))${Y:-z}\"\n"+strings.ReplaceAll(scriptTwo, "iptables", "\"$IPT\"")+"sysctl -w a=$(date) 2>&1 </dev/null || exit 1\niptables-restore <<-'X' &\nX\nexit\n")
}

func FuzzRouterOS(f *testing.F) {
	fuzz(f, rulefile.RouterOS, "/ip firewall address-list add list=a address=10.0.0.1\n/ip firewall nat\nadd chain=srcnat action=netmap src-address=10.0.0.0/30 to-addresses=198.18.0.0-198.18.0.3 to-ports=1-9\nadd chain=srcnat src-address-list=!a action=return\n",
		"/ip firewall\nnat add chain=srcnat place-before=0 !src-address\n"+rosLists+rosVIP)
}

func FuzzVyOS(f *testing.F) {
	fuzz(f, rulefile.VyOS, "set nat cgnat pool external e range 198.18.0.0/30 seq 1\nset nat cgnat pool internal i range 10.0.0.0/29\nset nat cgnat rule 1 source pool i\nset nat cgnat rule 1 translation pool e\n",
		"nat {\n cgnat {\n  pool {\n   external e {\n    range 198.18.0.0/30 {\n     seq 3\n    }\n   }\n  }\n }\n}\n")
}

func FuzzCSV(f *testing.F) {
	fuzz(f, rulefile.CSV, "subscriber;outside;first_port;last_port\n10.0.0.1;198.18.0.1;1;9\n", "10.0.0.1,198.18.0.1,\"1-9,11\"\n",
		"10.0.0.0,198.18.0.0,1024-2047\n10.0.0.1,198.18.0.0,2048-3071\n10.0.0.3,198.18.0.0,4096-5119\n10.0.0.4,198.18.0.1,1024-2047\n10.0.0.6,198.18.0.1,3072-4095\n10.0.0.7,198.18.0.1,4096-5119\n10.0.0.9,198.18.0.2,2048-3071\n10.0.0.10,198.18.0.2,3072-4095\n10.0.0.11,198.18.0.2,4096-5119\n")
}
