package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A badVector is what no rule set may say (RFC 7597 section 5, RFC 7598 section 4), in both forms that a user has for it.
type badVector struct {
	rules []string // of a plan
	field string   // that check names, below softwires[0]; empty where the rules are right and a question has no answer
	args  []string // of cgnctl map; nil where it takes two rules
	flag  string   // that it names
	ask   []string // a command that takes the plan, where the rules are right
	exits [2]int   // of ask and args then
	says  [2]string
}

// badVectors turns each map-neg vector into commands. What a vector does not say is of a rule without other defects.
func badVectors(in map[string]json.RawMessage) badVector {
	num := func(key string) (n int, ok bool) { ok = json.Unmarshal(in[key], &n) == nil; return n, ok }
	two := func(key string) (n [2]int, ok bool) { ok = json.Unmarshal(in[key], &n) == nil; return n, ok }
	word := func(key string) (s string) { _ = json.Unmarshal(in[key], &s); return s }
	a, hasA := num("a")
	k, hasK := num("k")
	psid, hasPSID := num("psid")
	ea, hasEA := num("ea_len")
	port, hasPort := num("port")
	as, manyA := two("a")
	ks, manyK := two("k")
	one := func(what, value string) badVector {
		return single("2001:db8::/56", "192.0.2.18/32", 0, []string{"psid-offset", "6", "psid-length", "8", "psid", "0"}, what, value)
	}
	switch {
	case manyA:
		return badVector{rules: sharers([2][2]int{{as[0], 8}, {as[1], 8}}), field: "rules[1].psid-offset"}
	case manyK:
		return badVector{rules: sharers([2][2]int{{6, ks[0]}, {6, ks[1]}}), field: "rules[1].psid-length"}
	case hasPort:
		v := single("2001:db8::/40", "192.0.2.0/24", 16, []string{"psid-offset", fmt.Sprint(a)}, "", "")
		v.args = append([]string{"find"}, append(v.args[1:], "--ipv4", "192.0.2.18", "--port", fmt.Sprint(port))...)
		v.field, v.ask = "", []string{"trace", fmt.Sprintf("192.0.2.18:%d", port)}
		v.exits, v.says = [2]int{exitNobody, exitNobody}, [2]string{"reserved  192.0.2.18", "the port is excluded from every port set"}
		return v
	case word("end_user") != "":
		v := single(word("rule6"), "192.0.0.0/16", ea, nil, "", "")
		v.args = append(v.args, "--end-user", word("end_user"))
		v.field, v.ask = "", []string{"lookup", word("end_user")} // prefixes of the plan are as long as they have to be
		v.exits, v.says = [2]int{exitNobody, exitInput}, [2]string{"is not a subscriber", "--end-user: end-user prefix does not fit the rule: rule6 2001:db8::/40 and 24 EA bits need /64"}
		return v
	case word("rule4") != "":
		return single("2001:db8::/40", word("rule4"), ea, nil, "psid", fmt.Sprint(psid))
	case hasPSID:
		return one("psid", fmt.Sprint(psid))
	case hasEA:
		return single("2000::/3", "192.0.2.0/24", 0, nil, "ea-len", fmt.Sprint(ea))
	case hasA && hasK:
		return one("psid-length", fmt.Sprint(k))
	default:
		return one("psid-offset", fmt.Sprint(a))
	}
}

// single is a rule with some further keys, of which one gets another value.
func single(six, four string, ea int, more []string, what, value string) badVector {
	keys := append([]string{"rule6", six, "rule4", four, "ea-len", fmt.Sprint(ea)}, more...)
	there := false
	for i := 0; i < len(keys); i += 2 {
		if keys[i] == what {
			keys[i+1], there = value, true
		}
	}
	if !there && what != "" {
		keys = append(keys, what, value)
	}
	v := badVector{args: []string{"ce"}, field: "rules[0]." + what, flag: "--" + what}
	var text []string
	for i := 0; i < len(keys); i += 2 {
		text = append(text, keys[i]+": "+keys[i+1])
		v.args = append(v.args, "--"+keys[i], keys[i+1])
	}
	v.rules = []string{"{" + strings.Join(text, ", ") + "}"}
	return v
}

// sharers are two rules for one router each on one IPv4 address, with these offsets and lengths.
func sharers(layouts [2][2]int) (rules []string) {
	for i, l := range layouts {
		rules = append(rules, fmt.Sprintf("{rule6: 2001:db8:0:%d::/64, rule4: 192.0.2.18/32, ea-len: 0, psid-offset: %d, psid-length: %d, psid: %d}", i+1, l[0], l[1], i+1))
	}
	return rules
}

// What the vectors forbid is refused in plans and by map, and both name the rule and the field.
func TestBadVectors(t *testing.T) {
	b, err := os.ReadFile("../../testdata/vectors/rfc.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			ID     string
			Inputs map[string]json.RawMessage
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, vector := range file.Vectors {
		if !strings.HasPrefix(vector.ID, "map-neg-") {
			continue
		}
		seen++
		t.Run(vector.ID, func(t *testing.T) {
			v := badVectors(vector.Inputs)
			plan := filepath.Join(t.TempDir(), "plan.yaml")
			text := "version: 1\nsoftwires:\n  - name: a\n    kind: map-e\n    relay: 2001:db9::1\n    rules:\n"
			for _, r := range v.rules {
				text += "      - " + r + "\n"
			}
			if err := os.WriteFile(plan, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if v.field == "" {
				expect(t, v.exits[0], v.says[0], v.ask[0], "-c", plan, v.ask[1])
				expect(t, v.exits[1], v.says[1], append([]string{"map"}, v.args...)...)
				return
			}
			out := expect(t, -1, v.field+": ", "check", plan)
			if lines := strings.Split(out, "\n"); !strings.HasPrefix(lines[0], plan+":") {
				t.Errorf("the finding has no place: %s", out)
			}
			expect(t, -1, `"path":"softwires[0].`+v.field+`"`, "check", plan, "-o", "json")
			expect(t, -1, `"fullyQualifiedName": "softwires[0].`+v.field+`"`, "check", plan, "-o", "sarif")
			expect(t, -1, v.field+": ", "check", plan, "-o", "junit")
			expect(t, exitInput, v.field+": ", "lookup", "-c", plan, "2001:db8::/64")
			if v.args != nil {
				expect(t, exitInput, "cgnctl: "+v.flag+": ", append([]string{"map"}, append(v.args, "--end-user", "2001:db8::/64")...)...)
			}
		})
	}
	if seen != 9 {
		t.Errorf("%d vectors, want 9", seen)
	}
}

// expect runs cgnctl and asserts what it says on either stream, and its exit code; -1 stands for 2 and 5.
func expect(t *testing.T, exit int, want string, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	code := run(&env{stdin: strings.NewReader(""), stdout: &out, stderr: &out}, args)
	if code != exit && (exit >= 0 || code != exitInput && code != exitCheck) {
		t.Errorf("cgnctl %s: exit code %d, want %d\n%s", strings.Join(args, " "), code, exit, out.String())
	}
	if !strings.Contains(out.String(), want) {
		t.Errorf("cgnctl %s: %q is not in\n%s", strings.Join(args, " "), want, out.String())
	}
	return out.String()
}
