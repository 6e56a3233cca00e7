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
	MaxLength   int                    `json:"maxLength,omitempty"`
	Minimum     *int                   `json:"minimum,omitempty"`
	Maximum     *int                   `json:"maximum,omitempty"`
	MinItems    int                    `json:"minItems,omitempty"`
	MaxItems    int                    `json:"maxItems,omitempty"`
	Required    []string               `json:"required,omitempty"`
	Properties  map[string]*schemaNode `json:"properties,omitempty"`
	Items       *schemaNode            `json:"items,omitempty"`
	AnyOf       []*schemaNode          `json:"anyOf,omitempty"`
	OneOf       []*schemaNode          `json:"oneOf,omitempty"`
	Additional  *bool                  `json:"additionalProperties,omitempty"`
}

// Schema returns the JSON Schema (2020-12) of the configuration. It says what is well-formed; what the keys mean for each other
// only Parse can tell in full.
func Schema() ([]byte, error) {
	root := schemaOf(fields)
	root.Schema, root.Title = "https://json-schema.org/draft/2020-12/schema", "cgnd configuration"
	root.Description = "What cgnd follows, and how."
	root.OneOf = []*schemaNode{{Required: []string{"ledger"}}, {Required: []string{"plan"}}}
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
		return &schemaNode{AnyOf: []*schemaNode{{Type: "string", Pattern: "^(0o|0)?[0-7]{3}$"}, {Type: "integer"}}}
	case number:
		return &schemaNode{Type: "integer", Minimum: new(f.least), Maximum: new(f.most)}
	case percent:
		return &schemaNode{AnyOf: []*schemaNode{{Type: "integer", Minimum: new(1), Maximum: new(100)}, {Type: "string", Enum: []string{off}}}}
	case endpoint:
		one.Pattern = `^(\[[0-9A-Fa-f:.]+\]|[0-9.]+):[0-9]{1,5}$`
		return one
	case paths:
		one.Pattern = "^/"
	case links:
		one.Pattern = "^[^/ =]{1,15}(=.+)?$"
	case insideOnly:
		one.Pattern = "^[^/ =]{1,15}$"
	default:
		one.MaxLength = 256
		return one
	}
	return &schemaNode{AnyOf: []*schemaNode{one, {Type: "array", Items: one, MinItems: 1, MaxItems: maxItems}}}
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
