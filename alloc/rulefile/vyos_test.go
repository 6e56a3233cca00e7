package rulefile_test

import (
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// TestVyOSExclude reads rules of nat source that except packets: they are not read, and that is said.
func TestVyOSExclude(t *testing.T) {
	table := parse(t, "vyos", "set nat source rule 5 exclude\nset nat cgnat pool external e range 198.18.0.1\nset nat cgnat pool internal i range 10.0.0.0/31\n"+
		"set nat cgnat rule 1 source pool i\nset nat cgnat rule 1 translation pool e\n")
	if !hasFinding(table, "rules of nat source except packets", 1, 1) {
		t.Errorf("it is not noted: %+v", table.Findings())
	}
}

const vyosTwo = "set nat cgnat pool external e range 198.18.0.1\nset nat cgnat pool internal i range 10.0.0.0/31\nset nat cgnat rule 1 source pool i\nset nat cgnat rule 1 translation pool e\n"

// TestVyOSOthers reads rules of nat source and nat static, which translate otherwise: where they may touch subscribers, no plan does the same.
func TestVyOSOthers(t *testing.T) {
	for _, c := range []struct {
		text, want string // the condition; "" = none
		noted      bool
	}{
		{"set nat source rule 5 exclude\n", "not translated: where source rule 5 exclude", true},
		{"set nat source rule 5 exclude\nset nat source rule 5 translation address masquerade\n", "not translated: where source rule 5 exclude", true},
		{"set nat source rule 5 translation address masquerade\nset nat source rule 5 outbound-interface name eth0\n", "translated otherwise: where source rule 5 translation address masquerade", true},
		{"set nat source rule 5 source address 10.0.0.0/8\nset nat source rule 5 translation address masquerade\n", "translated otherwise: where source rule 5", true},
		{"set nat source rule 5 source address !192.168.0.0/16\nset nat source rule 5 translation address masquerade\n", "translated otherwise: where source rule 5", true},
		{"set nat source rule 5 source group network-group lan\nset nat source rule 5 translation address masquerade\n", "translated otherwise: where source rule 5", true},
		{"nat {\n source {\n rule 5 {\n exclude\n translation {\n address masquerade\n }\n source {\n address 192.168.0.0/16\n }\n }\n }\n}\n", "", true},
		{"set nat source rule 5 translation address masquerade\nset nat source rule 5 source address 192.168.0.0/16\n", "", true},
		{"set nat source rule 5 translation address masquerade\nset nat source rule 5 disable\n", "", true},
		{"set nat source rule 5 description 'disable exclude'\n", "", false},
		{"set nat static rule 7 destination address 203.0.113.1\nset nat static rule 7 translation address 10.0.0.1\nset nat static rule 7 inbound-interface eth0\n", "translated otherwise: where static rule 7", true},
		{"set nat static rule 7 destination address 198.18.0.0/30\nset nat static rule 7 translation address 192.168.0.0/30\n", "translated otherwise: where static rule 7", true},
		{"set nat static rule 7 destination address 203.0.113.1\nset nat static rule 7 translation address 192.168.0.1\n", "", true},
		{"nat {\n static {\n rule 7 {\n destination {\n address 203.0.113.1\n }\n translation {\n address 10.0.0.1\n }\n }\n }\n}\n", "translated otherwise: where static rule 7", true},
		{"set nat destination rule 3 translation address 10.0.0.1\n", "translated otherwise: to 198.18.0.1, where nat destination", true},
		{"set nat destination rule 3 destination address 192.0.2.1\nset nat destination rule 3 translation address 10.0.0.1\n", "", false},
	} {
		table := parse(t, "vyos", vyosTwo+c.text)
		got := ""
		for _, one := range table.Conditions() {
			got += one.String()
		}
		if c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.text, got, c.want)
		}
		if a, b, _ := rulefile.CompareConditions(table.Conditions(), table.Conditions(), rulefile.Protocols{TCP: true, UDP: true}); c.want != "" && len(a)+len(b) == 0 {
			t.Errorf("%s: it is equal to itself", c.text)
		}
		if (len(table.Findings()) > 1) != c.noted { // one is about icmp
			t.Errorf("%s: noted: %+v", c.text, table.Findings())
		}
	}
}

// TestVyOSWords reads words that mean something else than what is read, or nothing that is known.
func TestVyOSWords(t *testing.T) {
	var cases []refusal
	for text, want := range map[string]string{
		"set nat cgnat pool external e per-user-limit 1000":                "per-user-limit 1000 of an external pool",
		"set nat cgnat pool external e per-user-limit port 1000 extra":     "per-user-limit port 1000 extra of an external pool",
		"set nat cgnat pool external e mode random":                        "mode random of an external pool",
		"set nat cgnat pool external e external-port-range":                "external-port-range of an external pool",
		"set nat cgnat pool internal i mode random":                        "mode of an internal pool",
		"set nat cgnat pool both b range 10.0.0.0/31":                      "pool both of nat cgnat",
		"set nat cgnat disable":                                            "disable of nat cgnat",
		"set nat cgnat mode random":                                        "mode of nat cgnat",
		"set nat cgnat exclude rule 5":                                     "exclude rules of nat cgnat",
		"set nat cgnat rule 1 source address 10.0.0.0/31":                  "source address 10.0.0.0/31 of a cgnat rule",
		"set nat cgnat rule 1 mode random":                                 "mode random of a cgnat rule",
		"set nat cgnat rule 1 disable please":                              "disable please of a cgnat rule",
		"set nat source rule 5 load-balance backend 198.18.0.9":            "load-balance of a rule of nat source",
		"set nat source rule 5 translation options address-mapping random": "rules of nat source are not read",
		"set nat source group a":                                           "group of nat source",
		"set nat static rule 5 translation address lan":                    "translation address lan is no IPv4",
		"set nat static rule 5 mode random":                                "mode random of a rule of nat static",
		"set nat sometimes rule 5 exclude":                                 "sometimes of nat",
		"rename nat cgnat rule 1 to rule 2":                                "rename is not followed",
		"edit nat cgnat":                                                   "edit is not followed",
	} {
		cases = append(cases, refusal{text, vyosTwo + text + "\n", rulefile.ErrSyntax, "rules:5: " + want})
	}
	checkRefusals(t, "vyos", cases)
	for _, text := range []string{"set nat cgnat log-allocation\n", "set nat cgnat rule 1 description 'mode random'\n", "set nat cgnat pool external e description disable\n", "set system host-name a\ncommit\nsave\n"} {
		if table := parse(t, "vyos", vyosTwo+text); table.Len() != 2 {
			t.Errorf("%s: %s", text, rowsOf(table))
		}
	}
}

// TestVyOSScripts reads set commands with what a shell has around them.
func TestVyOSScripts(t *testing.T) {
	const set = "set nat cgnat pool external e range 198.18.0.1\nset nat cgnat pool external e per-user-limit port 1000\nset nat cgnat pool internal i range 10.0.0.1\nset nat cgnat rule 1 source pool i\nset nat cgnat rule 1 translation pool e\n"
	for _, text := range []string{set, "#!/bin/vbash\nsource /opt/vyatta/etc/functions/script-template\nconfigure\n" + set + "commit\nsave\nexit\n", "show configuration commands\n" + set} {
		if got := rowsOf(parse(t, "vyos", text)); got != "10.0.0.1 198.18.0.1 1024-2023" {
			t.Errorf("%s\ngot\n%s", text, got)
		}
	}
	var cases []refusal
	for _, c := range [][2]string{{"if false; then\n", "fi\n"}, {"cat <<X\n", "X\n"}, {"for i in 1; do\n", "done\n"}, {"rules() {\n", "}\n"}, {"{\n", "}\n"}, {"", "discard\n"}, {"", "vyos@vyos# set nat cgnat rule 1 disable\n"}, {"", "exit discard\n"}, {"configure\nexit\n", ""}} {
		cases = append(cases, refusal{c[0] + c[1], c[0] + set + c[1], rulefile.ErrSyntax, "rules:"})
	}
	checkRefusals(t, "vyos", cases)
}
