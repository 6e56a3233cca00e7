package rulefile_test

import (
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

const iptablesTwo = "-A POSTROUTING -s 10.0.0.1 -p tcp -j SNAT --to-source 198.18.0.1:1-9\n-A POSTROUTING -s 10.0.0.1 -p udp -j SNAT --to-source 198.18.0.1:1-9\n" +
	"-A POSTROUTING -s 10.0.0.2 -p tcp -j SNAT --to-source 198.18.0.1:10-19\n-A POSTROUTING -s 10.0.0.2 -p udp -j SNAT --to-source 198.18.0.1:10-19\n"

// TestIptablesRefusals reads rules that decide about subscribers in ways that are not followed.
func TestIptablesRefusals(t *testing.T) {
	var cases []refusal
	for _, rule := range []string{
		"-A POSTROUTING -s 10.0.0.1 -j FULLCONENAT --to-source 203.0.113.9",
		"-A POSTROUTING -s 10.0.0.1 -g nowhere",
		"-A POSTROUTING -m set --match-set business src -j ACCEPT",
		"-A POSTROUTING -m set --match-set business src,dst -j RETURN",
		"-A POSTROUTING -m set ! --match-set business src -j MASQUERADE",
		"-A POSTROUTING -m mac --mac-source 00:00:5e:00:53:01 -j ACCEPT",
		"-A POSTROUTING -m socket -j ACCEPT",
		"-A POSTROUTING -m addrtype --src-type LOCAL -j ACCEPT",
		"-A POSTROUTING -m u32 --u32 12=0x0a000001 -j ACCEPT",
		"-A POSTROUTING -m conntrack --ctorigsrc 10.0.0.1 -j ACCEPT",
		"-A POSTROUTING -m set --match-set a src -j SNAT --to-source 198.18.0.9",
		"-A POSTROUTING -p nonsense -j ACCEPT",
		"-A POSTROUTING -s 10.0.0.1 -j ACCEPT something",
	} {
		cases = append(cases, refusal{rule, "*nat\n" + rule + "\n" + iptablesTwo, rulefile.ErrSyntax, "rules:2: "})
	}
	for _, line := range []string{
		"iptables -t nat -N C1 && iptables -t nat -A POSTROUTING -s 10.0.0.1 -j ACCEPT",
		"iptables -t nat -A POSTROUTING -s 10.0.0.1 -j ACCEPT; true",
		"iptables -t nat -N C || iptables -t nat -A POSTROUTING -j ACCEPT",
		"[ -x /sbin/iptables ] && iptables -t nat -A POSTROUTING -s 10.0.0.1 -j ACCEPT",
		"for a in 1 2; do iptables -t nat -A POSTROUTING -s 10.0.0.$a -j ACCEPT; done",
	} {
		cases = append(cases, refusal{line, line + "\n" + iptablesTwo, rulefile.ErrSyntax, "rules:1: "})
	}
	cases = append(cases, refusal{"computed chain", "iptables -t nat -A $CHAIN -j ACCEPT\n" + iptablesTwo, rulefile.ErrShared, "rules:1: "})
	checkRefusals(t, "iptables", cases)
}

// TestIptablesTables reads files with table nat twice: which of them the kernel has is not to be seen.
func TestIptablesTables(t *testing.T) {
	checkRefusals(t, "iptables", []refusal{
		{"again", "*nat\n" + iptablesTwo + "COMMIT\n*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n", rulefile.ErrSyntax, "rules:7: table nat begins here"},
		{"empty behind", "*nat\n" + iptablesTwo + "COMMIT\n*nat\nCOMMIT\n", rulefile.ErrSyntax, "rules:7: table nat begins here"},
		{"declared before", "*nat\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n*filter\nCOMMIT\n*nat \n" + iptablesTwo + "COMMIT\n", rulefile.ErrSyntax, "rules:6: table nat begins here"},
		{"behind commands", iptablesTwo + "iptables-restore <<EOF\n*nat\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\nEOF\n", rulefile.ErrSyntax, "rules:6: table nat begins here"},
	})
	if got := rowsOf(parse(t, "iptables", "*filter\nCOMMIT\n*nat\n"+iptablesTwo+"COMMIT\n*raw\nCOMMIT\n*filter\nCOMMIT\n")); got != twoRows {
		t.Errorf("other tables: got\n%s", got)
	}
}

// TestIptablesReads reads what looks like the above, and can be read.
func TestIptablesReads(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"other chains and targets", "*nat\n-A PREROUTING -p nonsense -j ACCEPT\n-A PREROUTING -j FULLCONENAT\n-A POSTROUTING -m mac --mac-source 00:00:5e:00:53:01 -j LOG --log-prefix \"-- mac\"\n" + iptablesTwo, twoRows},
		{"destinations", "*nat\n-A POSTROUTING -m set --match-set far dst -j ACCEPT\n-A POSTROUTING -m addrtype --dst-type LOCAL -j RETURN\n" + iptablesTwo, twoRows},
		{"a comment with a dash", "*nat\n-A POSTROUTING -m comment --comment \"-- old\" -s 10.0.0.2 -j ACCEPT\n" + iptablesTwo, "10.0.0.1 198.18.0.1 1-9"},
		{"output goes elsewhere", "iptables -t nat -N C 2>/dev/null || true\niptables -t nat -F >/dev/null 2>&1\niptables -t nat -A POSTROUTING -s 10.0.0.2 -m comment --comment 'a; b && c' -j ACCEPT 2>/dev/null\n" + iptablesTwo,
			"10.0.0.1 198.18.0.1 1-9"},
		{"commands of other tables", "iptables -F; iptables -X\n" + iptablesTwo, twoRows},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := rowsOf(parse(t, "iptables", c.text)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// TestCommit refuses tables that do not end: iptables-restore loads nothing of them, and a listing without its end may have had more rules.
func TestCommit(t *testing.T) {
	for _, c := range []struct {
		text, want string // the error; "" = it is read
	}{
		{"*nat\n" + iptablesTwo + "COMMIT\n", ""},
		{iptablesTwo, ""}, // what iptables -S prints
		{"*nat\n" + iptablesTwo, "rules:5: table nat has no COMMIT"},
		{"*nat\n" + iptablesTwo + "# COMMIT\n", "rules:6: table nat has no COMMIT"},
		{"*nat\n" + iptablesTwo + "COMM", "rules:6: "},
		{"*nat\n" + iptablesTwo + "COMMIT\n*raw\n:PREROUTING ACCEPT [0:0]\n", "rules:8: table raw has no COMMIT"},
		{"*nat\n" + iptablesTwo + "*filter\nCOMMIT\n", "rules:6: table nat has no COMMIT"},
	} {
		table, err := rulefile.Parse(strings.NewReader(c.text), rulefile.Iptables, "rules")
		switch {
		case c.want == "" && (err != nil || table.Len() != 2):
			t.Errorf("%q: %v", c.text, err)
		case c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)):
			t.Errorf("%q: got %v, want %s", c.text, err, c.want)
		}
	}
}
