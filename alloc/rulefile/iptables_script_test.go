package rulefile_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// scriptTwo is the rules of two subscribers as a script has them.
var scriptTwo = "iptables -t nat " + strings.TrimSpace(strings.ReplaceAll(iptablesTwo, "\n-A", "\niptables -t nat -A")) + "\n"

// TestScripts reads scripts as operators have them.
func TestScripts(t *testing.T) {
	restored := "*nat\n:POSTROUTING ACCEPT [0:0]\n" + iptablesTwo + "COMMIT\n"
	for _, c := range []struct{ name, text string }{
		{"around", "#!/bin/bash\n# a comment \\\nset -euo pipefail\nset +x\nWAN=eth0 LAN=\"eth1\"\nexport PATH=/sbin:$PATH\nmodprobe ip_tables\n/sbin/modprobe nf_nat_ftp || true\nmodprobe -r nf_nat_sip 2>/dev/null\n" +
			"sysctl -w net.ipv4.ip_forward=1\nsysctl -q -p >/dev/null 2>&1 || exit 1\necho 1 > /proc/sys/net/ipv4/ip_forward\necho \"NAT rules: -j SNAT; go on\"\nip addr add 198.18.0.1/32 dev lo\n" +
			scriptTwo + "iptables-save > /etc/iptables.rules\nlogger \"done at $(date +%s)\"; sleep 1\n: > /tmp/x\nexit 0\n\n# the end\n"},
		{"ends where something fails", "#!/bin/sh -e\nX=\"a b\" Y='c' Z=a=\"b\"\nset -e\ngrep -q x /etc/y || true\nlsmod | grep x && echo yes\nset +e\ngrep -q x /etc/y\n" + scriptTwo},
		{"filters", "iptables -F; iptables -X\niptables -P FORWARD ACCEPT\niptables -A FORWARD -i $LAN -o ${WAN} -m state --state $STATES -j ACCEPT\nip6tables -t nat -F\n" + scriptTwo},
		{"a variable", "IPT=/sbin/iptables\nIP6T=/sbin/ip6tables; MODPROBE=\"$(command -v modprobe)\"\n$MODPROBE nf_nat\n$IP6T -t nat -F\n" + strings.ReplaceAll(scriptTwo, "iptables", "$IPT")},
		{"passed over", "#!/usr/bin/env bash\nset -euo pipefail\nX=1\necho \"$X ${2:-none} $? $#\"\nawk '{print $1}' /etc/hosts >/dev/null\nsed -i -e 's/a/e/' -e '/^#/d' /tmp/x\nsed 's/eth0/eth1/g' /tmp/x\nip route add default dev eth0\n" + scriptTwo},
		{"busybox", "#!/bin/busybox sh\n" + scriptTwo}, {"options", "#! /bin/sh -e\n" + scriptTwo},
		{"a default", strings.ReplaceAll(scriptTwo, "iptables", "${IPT:-iptables}")},
		{"a default of a path", strings.ReplaceAll(scriptTwo, "iptables", "\"${IPTABLES-/sbin/iptables}\"")},
		{"a default of what is set", "IPT=iptables\n" + strings.ReplaceAll(scriptTwo, "iptables", "${IPT:-true}")},
		{"braces", "IPT=`which iptables`\n" + strings.ReplaceAll(scriptTwo, "iptables", "\"${IPT}\"")},
		{"with options", "IPTABLES=${IPTABLES:-/usr/sbin/iptables}\nNAT=\"$IPTABLES -w -t nat\"\n$NAT -F\n" + strings.ReplaceAll(scriptTwo, "iptables -t nat", "$NAT")},
		{"quotes and sudo", "sudo sysctl -p\n" + strings.NewReplacer("iptables", "sudo /usr/sbin/iptables", "nat", "'nat'", "-j", "\\\n  -j").Replace(scriptTwo)},
		{"ends", strings.ReplaceAll(scriptTwo, "\n", " 2>&1 >>/tmp/log || exit 1 # of the rule\n")},
		{"table attached", strings.ReplaceAll(scriptTwo, "-t nat", "-vtnat")},
		{"here document", "#!/bin/sh\nmodprobe ip_tables\niptables-restore -c <<'RULES'\n" + restored + "RULES\nexit\n"},
		{"chains are deleted", "iptables -t nat -F\n" + scriptTwo + "iptables -t nat -X\n"},
		{"counters", strings.ReplaceAll(restored, "-A", "[12:345] -A")},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := rowsOf(parse(t, "iptables", c.text)); got != twoRows {
				t.Errorf("got\n%s", got)
			}
		})
	}
}

// TestScriptsNotFollowed reads scripts of which nobody knows from reading which rules hold.
func TestScriptsNotFollowed(t *testing.T) {
	var cases []refusal
	for _, c := range []struct{ before, after, want string }{
		{"if false; then\n", "fi\n", "rules:1: "}, {"if [ \"$1\" = blue ]; then\n", "else\niptables -t nat -F\nfi\n", "rules:1: "}, {"for i in 0 1; do\n", "done\n", "rules:1: "},
		{"while false\ndo\n", "done\n", "rules:1: "}, {"case $1 in\nstart)\n", ";;\nesac\n", "rules:1: "}, {"rules() {\n", "}\n", "rules:1: "}, {"function rules {\n", "}\n", "rules:1: "},
		{"iptables() { :; }\n", "", "rules:1: "}, {"alias iptables=true\n", "", "rules:1: "}, {"(\n", ") >/dev/null\n", "rules:1: "}, {"{\n", "} >/dev/null\n", "rules:1: "}, {"cat <<X\n", "X\n", "rules:1: "},
		{": <<'X'\n", "X\n", "rules:1: "}, {"echo \"\n", "\"\n", "rules:1: "}, {"echo 'a\n", "'\n", "rules:1: "}, {"exit 0\n", "", "rules:2: the script ends in line 1"}, {"true; exit\n", "", "rules:2: the script ends"},
		{"[ -n \"$1\" ] || exit 0\n", "", "rules:1: "}, {"test -x /sbin/iptables || exit 0\n", "", "rules:1: "}, {"grep -q blue /etc/role || exit 1\n", "", "rules:1: "}, {"true && exit 0\n", "", "rules:1: "}, {"sysctl -p || exit 0\n", "", "rules:1: "},
		{"return\n", "", "rules:1: "}, {"exec /usr/local/bin/rules\n", "", "rules:1: "}, {"set -n\n", "", "rules:1: "}, {"set -o noexec\n", "", "rules:1: "}, {". /etc/cgn.conf\n", "", "rules:1: "}, {"source /etc/cgn.conf\n", "", "rules:1: "},
		{"eval \"$RULES\"\n", "", "rules:1: "}, {"trap 'iptables -t nat -F' EXIT\n", "", "rules:1: "}, {"X=$(iptables -t nat -F)\n", "", "rules:1: "}, {"echo \"`sh /etc/x`\"\n", "", "rules:1: "}, {"", "sh /etc/more.sh\n", "rules:5: "},
		{"", "nft flush ruleset\n", "rules:5: "}, {"", "iptables-restore < /etc/rules\n", "rules:5: "}, {"", "cat /etc/rules | iptables-restore -n\n", "rules:5: "}, {"", "iptables-restore -t <<X\nX\n", "rules:5: "},
		{"", "ip netns exec a sh x\n", "rules:5: "}, {"", "modprobe -r iptable_nat\n", "rules:5: "}, {"", "systemctl restart firewalld\n", "rules:5: "}, {"", "iptables $FLUSH\n", "rules:5: "}, {"", "iptables -t $T -A POSTROUTING -j ACCEPT\n", "rules:5: "},
		{"", "iptables -A CGNAT $T -j ACCEPT\n", "rules:5: "}, {"", "iptables -tnat -D POSTROUTING 1\n", "rules:5: "}, {"", "iptables -vt nat -D POSTROUTING 1\n", "rules:5: "}, {"", "iptables --tab nat -D POSTROUTING 1\n", "rules:5: "},
		{"", "$FLUSH -t nat\n", "rules:5: "}, {"", "iptables -F; sh /etc/x\n", "rules:5: "}, {"", "# not a line \\\niptables -t nat -D POSTROUTING 1\n", "rules:6: "}, {"", "true # \\\niptables -t nat -D POSTROUTING 1\n", "rules:6: "},
		{"", "echo \\\\\niptables -t nat -D POSTROUTING 1\n", "rules:6: "}, {"", "root@cgn:~# iptables-save\n", "rules:5: "}, {"", "true || iptables -t nat -A POSTROUTING -j ACCEPT\n", "rules:5: "}, {"iptables -F; exit 0\n", "", "rules:2: the script ends"},
		{"true || \\\n", "", "rules:1: several commands"}, {"true ||\n", "", "rules:1: "}, {"iptables -F ||\n", "", "rules:1: "}, {"true &&\n", "", "rules:1: "},
		{"set -e\ngrep -q blue /etc/role\n", "", "rules:2: "}, {"set -euo pipefail; lsmod | grep nat\n", "", "rules:1: "}, {"#!/bin/sh -e\nconntrack -F; true\n", "", "rules:2: "}, {"set -o errexit\nwhich nft\n", "", "rules:2: "},
		{": ${1:?usage}\n", "", "rules:1: a variable that has to be set"}, {"echo ${X?}\n", "", "rules:1: "}, {"set -u\necho $1\n", "", "rules:2: with set -u a parameter"}, {"#!/bin/bash -u\necho \"${1}\"\n", "", "rules:2: "}, {"set -o nounset\nX=$1\n", "", "rules:2: "},
		{"", "ip netns exe x iptables -t nat -F\n", "rules:5: the command ip"}, {"", "awk 'BEGIN{system(\"iptables -t nat -F\")}'\n", "rules:5: the command awk"}, {"", "sed '1e iptables -t nat -F' x\n", "rules:5: the command sed"}, {"", "sed -n 's/.*/iptables -F/e' x\n", "rules:5: "}, {"", "awk '{ print | \"sh\" }' x\n", "rules:5: "},
		{"#!/bin/true\n", "", "rules:1: the first line does not have a shell run this script"}, {"#!/usr/bin/perl\n", "", "rules:1: "}, {"#!/bin/bash -n\n", "", "rules:1: "}, {"#!/usr/bin/env python3\n", "", "rules:1: "}, {"#!/usr/bin/env -S bash -n\n", "", "rules:1: "},
		{"\"X=1\" Y=2\n", "", "rules:1: "}, {"X\\=1\n", "", "rules:1: "}, {"'X'=1\n", "", "rules:1: "},
	} {
		cases = append(cases, refusal{c.before + "..." + c.after, c.before + scriptTwo + c.after, rulefile.ErrSyntax, c.want})
		if strings.Contains(c.after, "$") {
			cases[len(cases)-1].err = nil
		}
	}
	for _, name := range []string{"$IPT", "\"$IPT\"", "${IPTABLES}", "$IPTABLES", "sudo $IPT", "$(which iptables) $IPT", "IPT=iptables $IPT", "$IPTABLES; IPT=iptables; $IPT"} { // empty where the line runs
		cases = append(cases, refusal{name + " that nothing sets", strings.ReplaceAll(scriptTwo, "iptables", name) + "IPT=iptables\n", nil, "rules:1: "})
	}
	for _, before := range []string{"IPT=ip6tables-legacy; IPT=/bin/$X", "IPT=", "IPT=true; unset IPT", ": ${IPT:=true}", "echo $((IPT = 1))", "printf -v IPT true", "true && IPT=true"} {
		cases = append(cases, refusal{"a default behind " + before, before + "\n" + strings.ReplaceAll(scriptTwo, "iptables", "${IPT:-iptables}"), nil, "rules:2: "})
	}
	cases = append(cases, refusal{"a default of something else", strings.ReplaceAll(scriptTwo, "iptables", "${IPT:-ip6tables}"), nil, "rules:"},
		refusal{"a default that is set", strings.ReplaceAll(scriptTwo, "iptables", "${IPT:=iptables}"), nil, "rules:1: the script computes this rule (the command ${IPT:=iptables})"},
		refusal{"set and taken back", "IPT=iptables\nunset IPT\n" + strings.ReplaceAll(scriptTwo, "iptables", "$IPT"), nil, "rules:3: "},
		refusal{"in quotes", "\"IPT=iptables\"\n" + strings.ReplaceAll(scriptTwo, "iptables", "$IPT"), nil, "rules:1: "},
		refusal{"read-only", "readonly IPT=echo\nIPT=iptables\n" + strings.ReplaceAll(scriptTwo, "iptables", "$IPT"), nil, "rules:3: "},
		refusal{"a number", "declare -i IPT=iptables\n" + strings.ReplaceAll(scriptTwo, "iptables", "$IPT"), nil, "rules:2: "},
		refusal{"local to no function", "local IPT=iptables\n" + strings.ReplaceAll(scriptTwo, "iptables", "$IPT"), nil, "rules:2: "},
		refusal{"other marks between words", "IFS=,\nIPT=\"iptables -t nat\"\n" + strings.ReplaceAll(scriptTwo, "iptables -t nat", "$IPT"), nil, "rules:3: "},
		refusal{"set for one command", "IPT=iptables true\n" + strings.ReplaceAll(scriptTwo, "iptables", "$IPT"), nil, "rules:2: "})
	for _, value := range []string{"echo", "/sbin/ip6tables", "$(cat /etc/ipt)", "", "iptables-translate", "\"true iptables\"", "\"iptables $X\""} {
		cases = append(cases, refusal{"IPT=" + value, "IPT=" + value + "\n" + strings.ReplaceAll(scriptTwo, "iptables", "$IPT"), nil, "rules:"})
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			table, err := tryParse(t, "iptables", c.text)
			if err == nil {
				t.Fatalf("it was read as\n%s\nwith %+v", rowsOf(table), table.Findings())
			}
			if !contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// heard has bash say with which arguments a script runs iptables, and what it gives iptables-restore.
const heard = `iptables() { printf 'iptables'; printf ' %q' "$@"; echo; } >&9
function /sbin/iptables { iptables "$@"; }
function iptables-restore { cat; } >&9
` + asUsual

// asUsual are commands that succeed.
const asUsual = `modprobe() { :; }; sysctl() { :; }; ip() { :; }; sudo() { "$@"; }; which() { echo "$1"; }
PATH=
cat() { local l; while IFS= read -r l; do printf '%s\n' "$l"; done; }
`

// TestScriptsBeforeBash has bash run random scripts. What is read of one is what bash runs of it, or it is refused.
func TestScriptsBeforeBash(t *testing.T) { beforeBash(t, "iptables", heard, randomScript) }

// beforeBash compares what is read of random scripts with what bash says that it runs: functions are in place of the commands that put rules into the kernel.
func beforeBash(t *testing.T, format, functions string, random func(*rand.Rand) string) {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatalf("%v: .ci/tools installs it", err)
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	before, said := write("functions", functions), filepath.Join(dir, "said")
	rng := seeded(t)
	const scripts = 400
	taken := 0
	for range scripts {
		text := random(rng)
		table, err := tryParse(t, format, text)
		if err != nil {
			continue
		}
		taken++
		cmd := exec.CommandContext(t.Context(), bash, "-c", `exec 9>"$1"; . "$2"; . "$3"`, "bash", said, before, write("script", text))
		cmd.Dir = dir
		_ = cmd.Run() // scripts end as they like
		ran, err := os.ReadFile(said)
		if err != nil {
			t.Fatal(err)
		}
		want, err := tryParse(t, format, string(ran))
		if err != nil || rowsOf(want) != rowsOf(table) {
			t.Fatalf("read as\n%s\nand bash ran\n%s\nof\n%s", rowsOf(table), ran, text)
		}
	}
	t.Logf("%d scripts, %d of them read", scripts, taken)
	if taken < scripts/20 || taken > scripts*9/10 {
		t.Errorf("%d of %d scripts were read: the test shows nothing", taken, scripts)
	}
}

// scattered puts into a script what operators have there, and sometimes what is not followed.
func scattered(rng *rand.Rand, lines []string) string {
	pairs := [][2]string{{"# a ; exit 0", ""}, {"# x \\", ""}, {"echo a b", ""}, {"echo \"a # b\" # exit", ""}, {"modprobe x || exit 1", ""}, {"sysctl -w a=1; echo b", ""}, {"IPT=/sbin/iptables", ""}, {"IPT=$(which iptables)", ""},
		{"set -e", ""}, {"X=1 Y='a b'", ""}, {": exit", ""}, {"echo a\\", ""}, {"echo a\\\\", ""}, {"echo a #\\", ""}, {"echo 'a\\'", ""}, {"IPT=\"iptables -t nat\"", ""}, {"echo $((1 + 2))", ""}, {"readonly IPT=iptables", ""}, {"IPT=true echo 1", ""}, {"unset IPT", ""}, {"", "exit 0"}, {"ip route add x", ""},
		{"IPT=true", ""}, {"true && IPT=true", ""}, {"if false; then", "fi"}, {"for i in 1 2; do", "done"}, {"f() {", "}"}, {"cat <<X", "X"}, {"echo '", "'"}, {"echo \"", "\""}, {"exit 0", ""}, {"true; exit", ""}, {"false || exit 0", ""},
		{"iptables() { :; }", ""}, {"nft() { :; }", ""}, {"(", ")"}, {"false &&", ""}, {"true || \\", ""}, {"true || exit 1", ""}, {"set -n", ""}, {"[ a = b ] || exit 1", ""}, {": <<'X'", "X"}, {"echo `exit`", ""}, {"iptables -F; exit", ""},
		{"sleep() { :; }", ""}, {": ${IPT:=true}", ""}, {"printf -v IPT true", ""}, {"echo $((IPT = 1))", ""}, {"echo ${IPTABLES=true}", ""}}
	const followed = 22 // of those, at the start
	for range rng.IntN(4) {
		n := len(pairs)
		if rng.IntN(3) > 0 {
			n = followed
		}
		pair := pairs[rng.IntN(n)]
		at := rng.IntN(len(lines) + 1)
		end := at + rng.IntN(len(lines)+1-at)
		lines = slices.Insert(lines, end, pair[1])
		lines = slices.Insert(lines, at, pair[0])
	}
	return strings.Join(lines, "\n") + "\n"
}

// randomScript returns rules and what may stand around them.
func randomScript(rng *rand.Rand) string {
	one := func(list ...string) string { return list[rng.IntN(len(list))] }
	lines := []string{one("IPT=iptables", "IPT=iptables", "IPT=iptables true", "")}
	for i := range 2 + rng.IntN(3) {
		who := string(rune('1' + i))
		src := one("10.0.0."+who, "'10.0.0."+who+"'", "\"10.0.0.9\"")
		lines = append(lines, one("iptables -t nat", "/sbin/iptables -t nat", "iptables -tnat", "sudo iptables -vt nat", "$IPT -t nat", "\"$IPT\" -t nat", "${IPT} -t nat", "${IPT:-iptables} -t nat", "${IPTABLES-/sbin/iptables} -t nat", "${IPT:-true} -t nat", "IPT=iptables; $IPT -t nat", "iptables -t nat", "iptables -t nat")+" -"+one("A", "A", "A", "I")+
			" POSTROUTING -s "+src+one(" ", " \\\n ", "  ")+one("-j SNAT --to 198.18.0."+who, "-j SNAT --to 198.18.0."+who, "-j ACCEPT")+one("", "", "", " # \\", " 2>/dev/null", " >/dev/null 2>&1 || true", " || exit 1", " || echo bad", " && exit", " &"))
		if rng.IntN(8) == 0 {
			lines = append(lines, one("iptables -t nat -X", "iptables -t nat -F", "iptables -F FORWARD", "iptables -t nat -N A"))
		}
	}
	return scattered(rng, lines)
}
