package planfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/cgnkit/cgnkit/alloc"
)

// planSchema returns the compiled schema.
func planSchema(t failer) *jsonschema.Schema {
	t.Helper()
	text, err := Schema()
	if err != nil {
		t.Fatalf("Schema: %v", err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("the schema is not JSON: %v", err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("plan.schema.json", doc); err != nil {
		t.Fatalf("AddResource: %v", err)
	}
	s, err := c.Compile("plan.schema.json") // this checks the schema against its metaschema
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	return s
}

// validate checks a YAML text against the schema, the way an editor does.
func validate(s *jsonschema.Schema, text []byte) error {
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		return err
	}
	asJSON, err := json.Marshal(v)
	if err != nil {
		return err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		return err
	}
	return s.Validate(doc)
}

func TestSchemaIsCurrent(t *testing.T) {
	want, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	const path = "../../docs/plan.schema.json"
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what Schema returns (%v); run: make generate", path, err)
	}
}

func TestSchemaMeta(t *testing.T) {
	if got, want := planSchema(t).DraftVersion, 2020; got != want {
		t.Errorf("the schema is of draft %d, want %d", got, want)
	}
	c := jsonschema.NewCompiler()
	meta, err := c.Compile("https://json-schema.org/draft/2020-12/schema")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(must(Schema())))
	if err != nil {
		t.Fatal(err)
	}
	if err := meta.Validate(doc); err != nil {
		t.Errorf("the schema is no schema: %v", err)
	}
	if err := meta.Validate(map[string]any{"type": 3}); err == nil {
		t.Error("the metaschema takes anything")
	}
}

func TestSchemaKeys(t *testing.T) {
	type mapping struct {
		Required   []string
		Additional *bool `json:"additionalProperties"`
		Properties map[string]struct {
			Description string
			Examples    []string
			Items       json.RawMessage
		}
	}
	var plan, pool, soft, rule mapping
	if err := json.Unmarshal(must(Schema()), &plan); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(plan.Properties["pools"].Items, &pool); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(plan.Properties["softwires"].Items, &soft); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(soft.Properties["rules"].Items, &rule); err != nil {
		t.Fatal(err)
	}
	var tables []string // each with what introduces the next
	for text := range strings.SplitSeq(KeyTable(), "keys:\n\n") {
		table, _, _ := strings.Cut(text, "\nEach ")
		tables = append(tables, table)
	}
	if len(tables) != 5 {
		t.Fatalf("the key table is not four tables:\n%s", KeyTable())
	}
	for _, c := range []struct {
		what, table string
		schema      mapping
		fields      []field
	}{{"the plan", tables[1], plan, planFields}, {"a pool", tables[2], pool, fields}, {"softwires", tables[3], soft, softwireFields}, {"a rule", tables[4], rule, ruleFields}} {
		if c.schema.Additional == nil || *c.schema.Additional {
			t.Errorf("the schema takes unknown keys in %s", c.what)
		}
		for _, f := range c.fields {
			p, ok := c.schema.Properties[f.key]
			if !ok || p.Description != f.doc || strings.Join(p.Examples, "|") != f.example || f.doc == "" || f.example == "" && f.kind != versionNumber && f.kind != poolList && f.kind != softwireList {
				t.Errorf("the schema says of %s: %+v", f.key, p)
			}
			if slices.Contains(c.schema.Required, f.key) != f.required {
				t.Errorf("the schema says that %s is required: %v", f.key, !f.required)
			}
			if !strings.Contains(c.table, "\n| `"+f.key+"` | ") {
				t.Errorf("the key table lacks %s", f.key)
			}
		}
		if len(c.schema.Properties) != len(c.fields) || strings.Count(c.table, "\n") != len(c.fields)+2 {
			t.Errorf("%s: %d keys in the schema and %d lines in the table, want %d and 2 more", c.what, len(c.schema.Properties), strings.Count(c.table, "\n"), len(c.fields))
		}
	}
}

// TestSchemaExamples puts the example of every key into a plan: both readers take it.
func TestSchemaExamples(t *testing.T) {
	s := planSchema(t)
	if text := exempt(" " + fieldNamed(planFields, "no-translate").example); validate(s, []byte(text)) != nil || second(Parse("p.yaml", []byte(text), Options{})) != nil {
		t.Errorf("the example of no-translate is refused: %v, %v", validate(s, []byte(text)), second(Parse("p.yaml", []byte(text), Options{})))
	}
	for _, f := range fields {
		text := []byte(good + "    " + f.key + ": " + f.example + "\n")
		if f.required || f.orShares {
			lines := strings.Split(strings.TrimSuffix(good, "\n"), "\n")
			for i, l := range lines {
				if before, _, ok := strings.Cut(l, f.key+": "); ok {
					lines[i] = before + f.key + ": " + f.example
				}
			}
			text = []byte(strings.Join(lines, "\n"))
		}
		if err := validate(s, text); err != nil {
			t.Errorf("the schema refuses the example of %s: %v", f.key, err)
		}
		for _, d := range diagnosticsOf(second(Parse("p.yaml", text, Options{}))) {
			if !isFinding(d) {
				t.Errorf("the decoder refuses the example of %s: %v", f.key, d)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestSchemaRefuses lists documents that are no plan by their form: the decoder refuses them, and so does the schema.
func TestSchemaRefuses(t *testing.T) {
	s := planSchema(t)
	rows := map[string]string{
		"empty": "", "list": "[]", "text": "plan", "no version": "pools: []", "no pools": "version: 1", "version 2": strings.Replace(good, "1", "2", 1),
		"version as text": strings.Replace(good, "1", `"1"`, 1), "version null": strings.Replace(good, "1", "", 1), "unknown key": good + "owner: me\n",
		"unknown key in a pool": good + "    colour: blue\n", "pools is a mapping": "version: 1\npools: {}\n", "no pool": "version: 1\npools: []\n", "pool is text": "version: 1\npools: [a]\n",
		"empty file name": "version: 1\npools: [{name: a, inside: {}, outside: 1.2.3.4}]\n", "empty inside": strings.Replace(good, "100.64.0.0/24", "[]", 1),
		"unknown key in a list": "version: 1\npools: [{name: a, inside: {file: x, column: 2}, outside: 1.2.3.4}]\n",
		"file is a number":      "version: 1\npools: [{name: a, inside: {file: 1}, outside: 1.2.3.4}]\n", "file in outside": "version: 1\npools: [{name: a, inside: 1.2.3.4, outside: {file: x}}]\n",
		"IPv6": strings.Replace(good, "100.64.0.0/24", "2001:db8::1", 1), "/33": strings.Replace(good, "/24", "/33", 1), "address in numbers": strings.Replace(good, "100.64.0.0/24", "7", 1),
		"unknown scheme": good + "    scheme: best\n", "ports as word": good + "    ports: all\n", "ports as list": good + "    ports: [1-2]\n", "reserve as mapping": good + "    reserve: {}\n",
	}
	for _, v := range []string{
		"53", "true", "", "{a: b}", "[53]", "[[203.0.113.0/24]]", "[{203.0.113.0: udp/53}]", "203.0.113.0/33", "2001:db8::/32", "udp/53", "203.0.113.53 udp", "203.0.113.53 53", "203.0.113.53:53",
		"203.0.113.53 UDP/53", "203.0.113.53 icmp/8", "203.0.113.53 udp/dns", "203.0.113.53 udp/1-", "\"203.0.113.53 udp/1,2\"", "203.0.113.53udp/53", "203.0.113.53 udp/53 tcp/53", "[203.0.113.53, ]x",
	} {
		rows["no-translate: "+v] = exempt(" " + v)
	}
	wrong := map[kind][]string{
		text: {"1", "true", "[a]", "{a: b}", ""}, number: {"many", `"4"`, "-1", "70000", "1.5", "[4]", "{a: 4}", "true", ""}, boolean: {"1", `"true"`, "[true]", "{a: true}", ""},
		portRange: {"true", "1.5", "{a: 1}", "[1]", "a-b", ""}, portSet: {"true", "1.5", "{a: 1}", "[[1]]", "a", ""},
		addresses: {"1", "true", "{a: b}", "[[100.64.0.1]]", "300.1.1.1", ""}, subscriber: {"1", "true", "{a: b}", "[[100.64.0.1]]", "300.1.1.1", ""},
		shareList: {"1", "true", "{a: b}", "[[100.64.0.1 198.18.0.1 1024]]", "100.64.0.1", "100.64.0.1 198.18.0.1", "100.64.0.1 198.18.0.1 a", "100.64.0.0/31 198.18.0.1 1024", "[]", "", "{file: 1}",
			"{file: x, ports: 1024}", "{subscriber: 100.64.0.1, outside: 198.18.0.1}", "{subscriber: 100.64.0.0/31, outside: 198.18.0.1, ports: 1024}", "{subscriber: 7, outside: 198.18.0.1, ports: 1024}"},
	}
	for _, f := range fields {
		values := wrong[f.kind]
		if f.key == "key-id" { // the decoder takes what looks like a number for an ID
			values = []string{"[a]", "{a: b}", ""}
		}
		if len(values) == 0 {
			t.Errorf("no wrong values for %s", f.key)
		}
		for _, v := range values {
			pool := map[string]string{"name": "a", "inside": "100.64.0.0/24", "outside": "198.18.0.0/27", f.key: v}
			rows[f.key+": "+v] = fmt.Sprintf("version: 1\npools:\n  - name: %s\n    inside: %s\n    outside: %s\n", pool["name"], pool["inside"], pool["outside"])
			if !f.required && !f.orShares {
				rows[f.key+": "+v] += "    " + f.key + ": " + v + "\n"
			}
		}
		if f.required || f.orShares {
			rows["no "+f.key] = strings.ReplaceAll(good, f.key+": ", "realm: ")
		}
	}
	for name, text := range rows {
		if _, err := Parse("p.yaml", []byte(text), Options{}); err == nil {
			t.Errorf("%s: the decoder takes\n%s", name, text)
		}
		if err := validate(s, []byte(text)); err == nil {
			t.Errorf("%s: the schema takes\n%s", name, text)
		}
	}
}

// TestSchemaAccepts writes plans in many spellings: what the decoder takes, the schema takes.
func TestSchemaAccepts(t *testing.T) {
	s := planSchema(t)
	rapid.Check(t, func(t *rapid.T) {
		text := drawPlanText(t)
		if err := validate(s, []byte(text)); err != nil {
			t.Fatalf("the schema refuses\n%s\n%v", text, err)
		}
		for _, d := range diagnosticsOf(second(Parse("p.yaml", []byte(text), Options{}))) {
			if !isFinding(d) {
				t.Fatalf("the decoder refuses\n%s\n%v", text, d)
			}
		}
	})
}

// isFinding reports whether a diagnostic is about the plan and not about the file.
func isFinding(d Diagnostic) bool {
	var f alloc.Finding
	return errors.As(d.Err, &f)
}

// drawPlanText draws a document that is a plan by its form; whether the plan is valid does not matter.
func drawPlanText(t *rapid.T) string {
	one := func(values ...string) string { return rapid.SampledFrom(values).Draw(t, "value") }
	addr := func() string {
		return one("100.64.0.1", "100.64.0.0/22", "10.0.0.1-10.0.0.9", "\"198.18.0.0 - 198.18.0.7\"", "0.0.0.0/0")
	}
	list := func(item func() string) string {
		if rapid.Bool().Draw(t, "single") {
			return item()
		}
		items := make([]string, rapid.IntRange(1, 4).Draw(t, "items"))
		for i := range items {
			items[i] = item()
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	var b strings.Builder
	b.WriteString("version: 1\n")
	if rapid.Bool().Draw(t, "exempt") {
		b.WriteString("no-translate: " + list(func() string {
			return one("203.0.113.0/24", "203.0.113.53 udp/53", "0.0.0.0/0 tcp/8000-8080", "10.0.0.1-10.0.0.9 udp/0", "\"10.0.0.1 - 10.0.0.9   tcp/ 1 - 65535 \"", "'1.2.3.4/32'", "0.0.0.0/0")
		}) + "\n")
	}
	b.WriteString("pools:\n")
	for range rapid.IntRange(1, 3).Draw(t, "pools") {
		indent := "  - "
		listed := rapid.IntRange(0, 3).Draw(t, "listed") == 0
		for _, f := range rapid.Permutation(slices.Clone(fields)).Draw(t, "order") {
			required := f.required || f.orShares && !listed || f.kind == shareList && listed
			if !required && rapid.Bool().Draw(t, "left out") {
				continue
			}
			var v string
			switch f.kind {
			case text:
				v = one("a", "north-1", "\"1\"", "'true'", "x.y_z")
				if f.key == "scheme" {
					v = one(alloc.SchemeNames()...)
				}
			case number:
				v = fmt.Sprint(rapid.IntRange(f.least, f.most).Draw(t, "number"))
			case boolean:
				v = one("true", "false", "True", "FALSE")
			case portRange:
				v = one("1024-65535", "5060", "\"1 - 7\"", "0-65535")
			case portSet:
				v = list(func() string { return one("1024-65535", "5060", "\"1 - 7, 9\"", "'0'") })
			case addresses, subscriber:
				v = list(addr)
			case shareList:
				v = list(func() string {
					return one("100.64.0.1 198.18.0.1 1024-2047", "\" 100.64.0.2\t198.18.0.1  5,7-9 \"", "{subscriber: 100.64.0.3, outside: 198.18.0.1, ports: 1024-2047}",
						"{ports: [1, 2-3], subscriber: 100.64.0.4, outside: '198.18.0.2'}", "{subscriber: 100.64.0.5, outside: 198.18.0.2, ports: 80}")
				})
			}
			fmt.Fprintf(&b, "%s%s: %s\n", indent, f.key, v)
			indent = "    "
		}
	}
	return b.String()
}
