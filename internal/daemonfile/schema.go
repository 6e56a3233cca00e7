package daemonfile

import (
	"encoding/json"
	"fmt"
	"strings"
)

// A schemaNode is the part of JSON Schema 2020-12 that configurations need. Fields are written in this order.
type schemaNode struct {
	Schema      string                 `json:"$schema,omitempty"`
	Title       string                 `json:"title,omitempty"`
	Description string                 `json:"description,omitempty"`
	Type        string                 `json:"type,omitempty"`
	Enum        []string               `json:"enum,omitempty"`
	Examples    []string               `json:"examples,omitempty"`
	Pattern     string                 `json:"pattern,omitempty"`
	MinLength   int                    `json:"minLength,omitempty"`
	MaxLength   int                    `json:"maxLength,omitempty"`
	Minimum     *int64                 `json:"minimum,omitempty"`
	Maximum     *int64                 `json:"maximum,omitempty"`
	MinItems    int                    `json:"minItems,omitempty"`
	MaxItems    int                    `json:"maxItems,omitempty"`
	Required    []string               `json:"required,omitempty"`
	Properties  map[string]*schemaNode `json:"properties,omitempty"`
	Items       *schemaNode            `json:"items,omitempty"`
	AnyOf       []*schemaNode          `json:"anyOf,omitempty"`
	OneOf       []*schemaNode          `json:"oneOf,omitempty"`
	Additional  *bool                  `json:"additionalProperties,omitempty"`

	DependentRequired map[string][]string `json:"dependentRequired,omitempty"`
	If                *schemaNode         `json:"if,omitempty"`
	Else              *schemaNode         `json:"else,omitempty"`
	Not               *schemaNode         `json:"not,omitempty"`
}

// never is the schema that nothing has.
func never() *schemaNode { return &schemaNode{Not: &schemaNode{}} }

// Schema returns the JSON Schema (2020-12) of the configuration. It says what is well-formed; what the keys mean for each other
// only Parse can tell in full.
func Schema() ([]byte, error) {
	root := schemaOf(fields)
	root.Schema, root.Title = "https://json-schema.org/draft/2020-12/schema", "cgnd configuration"
	root.Description = "What cgnd follows, and how."
	root.OneOf = []*schemaNode{{Required: []string{"ledger"}}, {Required: []string{"plan"}}}
	root.If = &schemaNode{Required: []string{"backend"}, Properties: map[string]*schemaNode{"backend": {Enum: []string{XDP}}}}
	root.Else = &schemaNode{Properties: map[string]*schemaNode{}}
	for _, key := range xdpOnly {
		root.Else.Properties[key] = never()
	}
	root.Properties["listen"].DependentRequired = map[string][]string{
		"tcp": {"tokens"}, "tokens": {"tcp"}, "plain": {"tcp"}, "certificate": {"tcp", "key"}, "key": {"tcp", "certificate"},
	}
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("configuration schema: %w", err)
	}
	return append(out, '\n'), nil
}

func schemaOf(fields []field) *schemaNode {
	no := false
	out := &schemaNode{Type: "object", Additional: &no, Properties: map[string]*schemaNode{}}
	for _, f := range fields {
		n := f.schema()
		n.Description = strings.ReplaceAll(f.doc, "`", "")
		if f.initial != "" {
			n.Description += " Default: " + strings.ReplaceAll(f.initial, "`", "") + "."
		}
		if f.example != "" {
			n.Examples = []string{f.example}
		}
		out.Properties[f.key] = n
	}
	return out
}

func (f field) schema() *schemaNode {
	one := &schemaNode{Type: "string", MaxLength: 4095}
	switch f.kind {
	case section:
		return schemaOf(f.fields)
	case choice:
		return &schemaNode{Type: "string", Enum: f.choices}
	case path:
		one.Pattern = "^/"
		return one
	case duration:
		one.Pattern = `^([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$`
		return one
	case mode:
		// Without quotes 0660 is 432 by YAML 1.1, and 660 by 1.2. Where the schema sees a number, it cannot tell which was written.
		return &schemaNode{AnyOf: []*schemaNode{
			{Type: "string", Pattern: "^(0o|0)?[67][0-7]{2}$"}, {Type: "integer", Minimum: new(int64(0o600)), Maximum: new(int64(0o777))}, {Type: "integer", Minimum: new(int64(600)), Maximum: new(int64(777))},
		}}
	case account:
		return &schemaNode{AnyOf: []*schemaNode{{Type: "string", MinLength: 1, MaxLength: 256}, {Type: "integer", Minimum: new(int64(0)), Maximum: new(int64(maxID))}}}
	case number:
		return &schemaNode{Type: "integer", Minimum: new(int64(f.least)), Maximum: new(int64(f.most))}
	case percent:
		return &schemaNode{AnyOf: []*schemaNode{{Type: "integer", Minimum: new(int64(1)), Maximum: new(int64(100))}, {Type: "string", Enum: []string{off}}}}
	case endpoint:
		one.Pattern = endpointPattern()
		return one
	case paths:
		one.Pattern = "^/"
	case links:
		one.Pattern = "^[^/ =]{1,15}(=.+)?$"
	case insideOnly:
		one.Pattern = "^[^/ =]{1,15}$"
	default:
		one.Pattern, one.MinLength, one.MaxLength = f.pattern, 1, 256
		return one
	}
	return &schemaNode{AnyOf: []*schemaNode{one, {Type: "array", Items: one, MinItems: 1, MaxItems: maxItems}}}
}

// endpointPattern returns a pattern of addresses with a port: netip has no other ones.
func endpointPattern() string {
	const (
		octet  = `(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])`
		v4     = `(` + octet + `\.){3}` + octet
		group  = `[0-9A-Fa-f]{1,4}`
		port   = `([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])`
		groups = 8
	)
	v6 := []string{fmt.Sprintf(`(%s:){7}%s`, group, group), fmt.Sprintf(`(%s:){6}%s`, group, v4)}
	for before := range groups { // groups before ::, and at most so many after it
		head := fmt.Sprintf(`(%s:){%d}:`, group, before)
		if before == 0 {
			head = "::"
		}
		after := groups - 1 - before
		v6 = append(v6, head)
		if after > 0 {
			v6 = append(v6, fmt.Sprintf(`%s(%s:){0,%d}%s`, head, group, after-1, group))
		}
		if after > 1 {
			v6 = append(v6, fmt.Sprintf(`%s(%s:){0,%d}%s`, head, group, after-2, v4))
		}
	}
	return fmt.Sprintf(`^(\[(%s)\]|%s):%s$`, strings.Join(v6, "|"), v4, port)
}

// KeyTable returns the keys as a Markdown table, for docs/cgnd.md.
func KeyTable() string {
	var b strings.Builder
	b.WriteString("| key | default | example | meaning |\n|---|---|---|---|\n")
	addRows(&b, "", fields)
	return b.String()
}

func addRows(b *strings.Builder, prefix string, fields []field) {
	for _, f := range fields {
		if f.kind == section {
			fmt.Fprintf(b, "| `%s` | | | %s |\n", prefix+f.key, f.doc)
			addRows(b, prefix+f.key+".", f.fields)
			continue
		}
		fmt.Fprintf(b, "| `%s` | %s | `%s` | %s |\n", prefix+f.key, f.initial, f.example, choicesOf(f)+f.doc)
	}
}

func choicesOf(f field) string {
	if len(f.choices) == 0 {
		return ""
	}
	return "`" + strings.Join(f.choices, "`, `") + "`. "
}
