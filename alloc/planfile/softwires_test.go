package planfile

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// softwired is a plan with one pool of MAP-E, to which tests append.
const softwired = "version: 1\nsoftwires:\n  - name: a\n    kind: map-e\n    relay: 2001:db8:ffff::1\n    rules:\n      - rule6: 2001:db8::/40\n        rule4: 192.0.2.0/24\n        ea-len: 16\n"

// What is written reads back as the same plan, whatever pools it has, and a second time as the same text.
func TestSoftwiresWrite(t *testing.T) {
	f := loadPlan(t, plansFolder+"/softwires.yaml")
	alone, every := f.Spec, must(Parse("p.yaml", []byte(softwired+"        name: \"no\"\n        psid-offset: 4\n        psid-length: 8\n        forwarding: true\n        iid: draft\n        overwrite-iid: true\n    realm: \"7\"\n"), Options{})).Spec
	alone.Pools = nil
	for name, spec := range map[string]alloc.Spec{"all": f.Spec, "canonical": f.Plan.Spec(), "MAP only": alone, "every key": every} {
		plan := must(alloc.NewPlan(spec))
		var first, second bytes.Buffer
		if err := Write(&first, spec, plan); err != nil {
			t.Fatal(err)
		}
		again, err := Parse("p.yaml", first.Bytes(), Options{})
		if err != nil || again.Plan.SHA256() != plan.SHA256() {
			t.Fatalf("%s: %v of\n%s", name, err, first.String())
		}
		if err := Write(&second, again.Spec, again.Plan); err != nil || second.String() != first.String() {
			t.Errorf("%s: %v: written once\n%s\nand again\n%s", name, err, first.String(), second.String())
		}
		if err := validate(planSchema(t), first.Bytes()); err != nil {
			t.Errorf("%s: the schema refuses\n%s\n%v", name, first.String(), err)
		}
	}
}

// The places of what is wrong: line and column.
func TestSoftwiresPlaces(t *testing.T) {
	s := planSchema(t)
	for _, c := range []struct {
		name, from, to string
		place          string
		syntax         bool // the schema says so, too
	}{
		{"too many EA bits", "ea-len: 16", "ea-len: 30", "9:17: ", false},
		{"host bits", "rule4: 192.0.2.0/24", "rule4: 192.0.2.1/24", "8:16: ", false},
		{"no relay", "    relay: 2001:db8:ffff::1\n", "", "3:5: ", false},
		{"IPv4 relay", "relay: 2001:db8:ffff::1", "relay: 192.0.2.1", "5:12: ", false},
		{"relay is no address", "relay: 2001:db8:ffff::1", "relay: [a]", "5:12: ", true},
		{"rule6 is an address", "rule6: 2001:db8::/40", "rule6: 2001:db8::1", "7:16: ", true},
		{"rule4 is a number", "rule4: 192.0.2.0/24", "rule4: 7", "8:16: ", true},
		{"kind", "map-e", "map-x", "4:11: ", true},
		{"kind of pools", "map-e", "nat44", "4:11: ", true},
		{"kind is a list", "map-e", "[map-e]", "4:11: ", true},
		{"no kind", "    kind: map-e\n", "", "3:5: ", true},
		{"no rule6", "rule6: 2001:db8::/40\n        ", "", "7:9: ", true},
		{"no ea-len", "        ea-len: 16\n", "", "7:9: ", true},
		{"unknown key", "ea-len: 16", "ea-len: 16\n        ealen: 16", "10:9: ", true},
		{"iid", "ea-len: 16", "ea-len: 16\n        iid: eui64", "10:14: ", true},
		{"rules is a text", "rules:\n      - rule6: 2001:db8::/40\n        rule4: 192.0.2.0/24\n        ea-len: 16", "rules: all", "6:12: ", true},
		{"bindings of MAP", "    rules:", "    bindings: 2001:db8:1::/56 192.0.2.1\n    rules:", "6:15: ", false},
		{"binding", "    rules:", "    bindings: [2001:db8:1::/56]\n    rules:", "6:16: ", true},
		{"binding is a number", "    rules:", "    bindings: [7]\n    rules:", "6:16: ", true},
		{"an outside address of CGN", "softwires:", "pools:\n  - {name: b, inside: 100.64.0.0/24, outside: 192.0.2.0/27}\nsoftwires:", "10:16: ", false},
		{"no pools at all", softwired[len("version: 1\n"):], "pools: []\nsoftwires: []\n", "2:8: ", true},
	} {
		text := strings.Replace(softwired, c.from, c.to, 1)
		_, err := Parse("p.yaml", []byte(text), Options{})
		if found := diagnosticsOf(err); len(found) == 0 || !strings.HasPrefix(found[0].Error(), "p.yaml:"+c.place) {
			t.Errorf("%s: %v; want it at %s", c.name, err, c.place)
		}
		if err := validate(s, []byte(text)); (err != nil) != c.syntax {
			t.Errorf("%s: the schema says %v", c.name, err)
		}
	}
}

// A table in a file beside the plan, and what is wrong with one.
func TestSoftwiresFile(t *testing.T) {
	plan := "version: 1\nsoftwires:\n  - name: a\n    kind: lw4o6\n    relay: 2001:db8:ffff::1\n    bindings:\n      - file: table.csv\n      - 2001:db8:9::/56 192.0.2.9\n"
	var b strings.Builder
	b.WriteString("b4,ipv4,psid-offset,psid-length,psid # made by hand\n\n")
	for i := range 600 {
		fmt.Fprintf(&b, "2001:db8:0:%x::/64,198.51.100.%d,0,6,%d\n", i, i/60, 1+i%60)
	}
	folder := put(t, map[string]string{"plan.yaml": plan, "table.csv": b.String()})
	f, err := Load(folder+"/plan.yaml", Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, render(err))
	}
	for p := range f.Plan.Softwires() {
		if p.Subscribers() != 601 || p.Addresses() != 11 {
			t.Errorf("%d subscribers on %d addresses", p.Subscribers(), p.Addresses())
		}
	}
	for text, want := range map[string]string{
		"2001:db8::/56,198.51.100.1\n2001:db8:1::/56 x\n":          "table.csv:2:1: ",
		"2001:db8::/56,198.51.100.1\n2001:db8:1::/56 198.51.100.1": "table.csv:2:1: ",
		"":                                   "table.csv: ",
		"# nothing\n":                        "table.csv: ",
		"b4,ipv4\n2001:db8::/56 192.0.2.9\n": "plan.yaml:8:9: ",
		"b4,ipv4\n2001:db8::/56 192.0.2.8\n# in it\n2001:db8:0:7::/64 192.0.2.7\n": "table.csv:4:1: pool \"a\": bindings[1].b4: 2001:db8:0:7::/64 lies in 2001:db8::/56 of bindings[0]",
		"2001:db8::/56 192.0.2.8\n2001:db8:9:7::/64 192.0.2.7":                     "plan.yaml:8:9: pool \"a\": bindings[2].b4: 2001:db8:9::/56 holds 2001:db8:9:7::/64 of bindings[1]",
		"2001:db8::/56 192.0.2.8\n2001:db8:ffff::/64 192.0.2.7":                    "plan.yaml:5:12: pool \"a\": relay: 2001:db8:ffff::1 lies in 2001:db8:ffff::/64, the prefix of bindings[1]",
	} {
		folder := put(t, map[string]string{"plan.yaml": plan, "table.csv": text})
		_, err := Load(folder+"/plan.yaml", Options{})
		if err == nil || !strings.HasPrefix(strings.TrimPrefix(err.Error(), folder+"/"), want) {
			t.Errorf("%q: %v; want it at %s", text, err, want)
		}
	}
}

// The example of every key is taken by both readers.
func TestSoftwiresExamples(t *testing.T) {
	s := planSchema(t)
	for _, c := range []struct {
		indent string
		fields []field
	}{{"    ", softwireFields}, {"        ", ruleFields}} {
		for _, f := range c.fields {
			text, line := softwired, c.indent+f.key+": "+f.example+"\n"
			before, after, there := strings.Cut(text, c.indent+f.key+": ")
			head, _, _ := strings.Cut(text, "    rules:")
			switch {
			case there:
				_, rest, _ := strings.Cut(after, "\n")
				text = before + line + rest
			case f.key == "rule6":
				text = strings.Replace(text, "2001:db8::/40", f.example, 1)
			case f.key == "rules":
				text = head + line
			case len(c.indent) == 8:
				text += line
			case f.key != "name":
				text = head + line + strings.TrimPrefix(text, head)
			}
			if err := validate(s, []byte(text)); err != nil {
				t.Errorf("the schema refuses the example of %s: %v\n%s", f.key, err, text)
			}
			for _, d := range diagnosticsOf(second(Parse("p.yaml", []byte(text), Options{}))) {
				if !isFinding(d) {
					t.Errorf("the decoder refuses the example of %s: %v", f.key, d)
				}
			}
		}
	}
}
