package rulefile_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// nftScript is the rules of two subscribers as a script has them.
const nftScript = "nft add table ip n\nnft add chain ip n p { type nat hook postrouting priority srcnat \\; }\n" +
	"nft add rule ip n p ip saddr 10.0.0.1 meta l4proto { tcp, udp } snat to 198.18.0.1:1-9\nnft add rule ip n p ip saddr 10.0.0.2 meta l4proto { tcp, udp } snat to 198.18.0.1:10-19\n"

// TestNftScripts reads scripts as operators have them.
func TestNftScripts(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"around", "#!/bin/sh -e\n# a comment \\\nset -e\nNFT=/usr/sbin/nft\nmodprobe nf_nat\nsysctl -w net.ipv4.ip_forward=1 >/dev/null || exit 1\necho \"rules of $(hostname): $NFT\"\nip addr add 198.18.0.1/32 dev lo\n" +
			"nft delete table ip n 2>/dev/null || true\nnft flush ruleset; " + nftScript + "nft list ruleset\nexit 0\n\n# the end\n"},
		{"ends of lines", strings.ReplaceAll(nftScript, "\n", " 2>/dev/null || exit 1\n")},
		{"a here document", "#!/bin/bash\nset -eu\nmodprobe nf_nat\nnft -f - <<'RULES'\nflush ruleset\n" + nftPost + nftTwo + "RULES\necho done\n"},
		{"two here documents", "nft -f /dev/stdin <<A\n" + nftPost + nftTwo + "A\nnft -f - << \"B\"\ntable inet f {\n}\nB\n"},
		{"in several lines", strings.ReplaceAll(nftScript, " ip n", " \\\n  ip n")},
		{"quoted words", nftScript + "nft add rule ip n p oifname \"eth0\" counter\n"},
		{"a file of nft", "add counter ip n c\nadd table ip n\ncounter ip n d\nlist ruleset\n" + nftPost + nftTwo},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := rowsOf(parse(t, "nftables", c.text)); got != twoRows {
				t.Errorf("got\n%s", got)
			}
		})
	}
}

// TestNftScriptsNotFollowed reads scripts, and files, of which nobody knows from reading which rules hold.
func TestNftScriptsNotFollowed(t *testing.T) {
	var cases []refusal
	for _, c := range []struct{ before, after, want string }{
		{"if false; then\n", "fi\n", "rules:1: "}, {"for i in 0 1; do\n", "done\n", "rules:1: "}, {"while false\ndo\n", "done\n", "rules:1: "}, {"rules() {\n", "}\n", "rules:1: "}, {"cat <<X\n", "X\n", "rules:1: "},
		{": <<X\n", "X\n", "rules:1: "}, {"exit 0\n", "", "rules:2: the script ends in line 1"}, {"true; exit\n", "", "rules:2: "}, {"true && exit\n", "", "rules:1: "}, {"test -x /usr/sbin/nft || exit 0\n", "", "rules:1: "}, {"echo '\n", "'\n", "rules:1: "},
		{"nft() { :; }\n", "", "rules:1: "}, {"alias nft=true\n", "", "rules:1: "}, {"(\n", ")\n", "rules:1: "}, {"", ". /etc/more\n", "rules:5: "}, {"", "sh /etc/more\n", "rules:5: "}, {"", "iptables -t nat -F\n", "rules:5: "},
		{"", "nft flush ruleset && true\n", "rules:5: "}, {"", "nft add table ip o; exit 0\nnft add table ip p\n", "rules:6: the script ends"}, {"", "nft list ruleset | sh\n", "rules:5: "}, {"", "true; nft flush ruleset\n", "rules:5: "},
		{"", "echo \"$(nft flush ruleset)\"\n", "rules:5: "}, {"", "nft add chain ip n q '{ type nat hook postrouting priority 1 ; }'\n", "rules:5: "}, {"", "nft add rule ip n p 'ip saddr 10.0.0.1 accept'\n", "rules:5: "},
		{"", "nft add table ip o && \\\nnft flush ruleset\n", "rules:5: "}, {"", "cat x | nft -f -\n", "rules:5: "}, {"", "nft -c -f - <<X\nflush ruleset\nX\n", "rules:5: "}, {"", "nft -f - <<X || exit 0\nX\n", "rules:5: "},
		{"", "nft add ip n p ip saddr 10.0.0.1 accept\n", "rules:5: "}, {"", "nft ip n p ip saddr 10.0.0.1 accept\n", "rules:5: "}, {"", "nft add rule ip n p counter && exit 0\n", "rules:5: "}, {"", "# a \\\nnft delete rule ip n p handle 1\n", "rules:6: "},
		{"", "nft -f - <<X\nip n p ip saddr 10.0.0.1 accept\nX\n", "rules:6: "}, {"", "nft -f - <<X\necho\nX\n", "rules:6: "},
	} {
		cases = append(cases, refusal{c.before + "..." + c.after, c.before + nftScript + c.after, rulefile.ErrSyntax, c.want})
	}
	for _, line := range []string{"ip n p ip saddr 10.0.0.1 accept", "add ip n p ip saddr 10.0.0.1 accept", "create something ip n x", "hello", "root@cgn:~# nft list ruleset", "echo a", "modprobe nf_nat"} {
		cases = append(cases, refusal{"in a file: " + line, nftPost + nftTwo + line + "\n", rulefile.ErrSyntax, "rules:7: "})
	}
	checkRefusals(t, "nftables", cases)
}

// heardNft has bash say with which arguments a script runs nft, as nft joins them, and what it gives nft to read.
const heardNft = `nft() { if [ "$1" = -f ]; then cat; else echo "$*"; fi; } >&9
` + asUsual

// TestNftScriptsBeforeBash has bash run random scripts. What is read of one is what bash runs of it, or it is refused.
func TestNftScriptsBeforeBash(t *testing.T) {
	beforeBash(t, "nftables", heardNft, randomNftScript)
}

// randomNftScript returns commands of nft and what may stand around them.
func randomNftScript(rng *rand.Rand) string {
	one := func(list ...string) string { return list[rng.IntN(len(list))] }
	lines := []string{"nft add table ip n", "nft add chain ip n p { type nat hook postrouting priority 100 \\; }"}
	for i := range 2 + rng.IntN(3) {
		who := string(rune('1' + i))
		rule := "ip n p ip saddr 10.0.0." + one(who, who, "9") + one(" ", " \\\n ", " counter ") + one("snat to 198.18.0."+who, "snat to 198.18.0."+who, "accept")
		lines = append(lines, one("nft add rule ", "nft add rule ", "nft add rule ", "nft add rule ", "nft add rule ", "nft add rule ", "nft add rule ", "nft add rule ", "nft add rule ", "nft insert rule ", "nft 'add' rule ", "nft add ", "true; nft add rule ")+rule+
			one("", "", "", "", "", "", "", " # \\", " 2>/dev/null", " || true", " || exit 1", "; echo a", " && exit", "; exit"))
		if rng.IntN(8) == 0 {
			lines = append(lines, one("nft flush chain ip n p", "nft list ruleset", "nft add table ip o; nft flush table ip o", "nft add chain ip n q 2>/dev/null || true", "nft -f - <<X\nadd rule ip n p ip saddr 10.0.0.7 snat to 198.18.0.7\nX",
				"nft add table ip o && nft flush chain ip n p", "nft -f - <<'X'\nadd rule ip n p counter\nX\nmodprobe x", "nft 'flush chain ip n p'"))
		}
	}
	return scattered(rng, lines)
}
