package planfile

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cgnkit/cgnkit/alloc"
)

// schemaNode is the part of JSON Schema 2020-12 that plan files need. Fields are written in this order.
type schemaNode struct {
	Schema      string                 `json:"$schema,omitempty"`
	ID          string                 `json:"$id,omitempty"`
	Title       string                 `json:"title,omitempty"`
	Description string                 `json:"description,omitempty"`
	Type        any                    `json:"type,omitempty"`
	Const       any                    `json:"const,omitempty"`
	Enum        []string               `json:"enum,omitempty"`
	Default     any                    `json:"default,omitempty"`
	Examples    []string               `json:"examples,omitempty"`
	Pattern     string                 `json:"pattern,omitempty"`
	Minimum     *int                   `json:"minimum,omitempty"`
	Maximum     *int                   `json:"maximum,omitempty"`
	MinItems    int                    `json:"minItems,omitempty"`
	Required    []string               `json:"required,omitempty"`
	Properties  map[string]*schemaNode `json:"properties,omitempty"`
	Items       *schemaNode            `json:"items,omitempty"`
	AnyOf       []*schemaNode          `json:"anyOf,omitempty"`
	Additional  *bool                  `json:"additionalProperties,omitempty"`
}

const (
	octet          = `(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])`
	address        = octet + `(\.` + octet + `){3}`
	addrRange      = address + `(/(3[0-2]|[12]?[0-9])| *- *` + address + `)?`
	addrPattern    = `^` + addrRange + `$`
	destPattern    = `^` + addrRange + `( +(tcp|udp)/ *[0-9]{1,5}( *- *[0-9]{1,5})?)? *$`
	portPattern    = `^ *[0-9]{1,5}( *- *[0-9]{1,5})? *$`
	onePattern     = `^` + address + `$`
	listPattern    = `^[ \t]*` + address + `[ \t]+` + address + `[ \t]+[0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?)*[ \t]*$`
	bindingPattern = `^[ \t]*[0-9a-fA-F:]+(/[0-9]{1,3})?[ \t,]+` + address + `([ \t,]+[0-9]{1,5}){0,3}[ \t]*$`
	setPattern     = `^ *[0-9]{1,5}( *- *[0-9]{1,5})?( *, *[0-9]{1,5}( *- *[0-9]{1,5})?)* *$`
)

// Schema returns the JSON Schema (2020-12) of the plan file. It says what is well-formed; whether a plan is valid (that
// nothing overlaps, that everybody fits) only alloc.NewPlan can tell.
func Schema() ([]byte, error) {
	root := mappingOf(planFields)
	root.AnyOf = []*schemaNode{{Required: []string{"pools"}}, {Required: []string{"softwires"}}}
	root.Schema, root.Title = "https://json-schema.org/draft/2020-12/schema", "cgnkit plan"
	root.Description = "Which subscriber owns which ports of which outside address."
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("plan schema: %w", err)
	}
	return append(out, '\n'), nil
}

// mappingOf returns the schema of a mapping with these keys.
func mappingOf(fields []field) *schemaNode {
	no := false
	out := &schemaNode{Type: "object", Additional: &no, Properties: map[string]*schemaNode{}, Required: []string{}}
	for _, f := range fields {
		node := f.schema()
		node.Description = f.doc
		if f.example != "" {
			node.Examples = []string{f.example}
		}
		out.Properties[f.key] = node
		if f.required {
			out.Required = append(out.Required, f.key)
		}
	}
	return out
}

func (f field) schema() *schemaNode {
	addr, no := &schemaNode{Type: "string", Pattern: addrPattern}, false
	switch f.kind {
	case versionNumber:
		return &schemaNode{Const: Version}
	case poolList:
		item, either := mappingOf(fields), &schemaNode{}
		for _, f := range fields {
			if f.orShares {
				either.Required = append(either.Required, f.key)
			}
		}
		item.AnyOf = []*schemaNode{either, {Required: []string{"shares"}}}
		return &schemaNode{Type: "array", MinItems: 1, Items: item}
	case softwireList:
		return &schemaNode{Type: "array", MinItems: 1, Items: mappingOf(softwireFields)}
	case prefix:
		return &schemaNode{Type: "string", Pattern: `^[0-9a-fA-F:.]+/[0-9]{1,3}$`}
	case address6:
		return &schemaNode{Type: "string", Pattern: `^[0-9a-fA-F:.]+$`}
	case ruleList:
		return &schemaNode{Type: "array", MinItems: 1, Items: mappingOf(ruleFields)}
	case bindingList:
		return oneOrMore(&schemaNode{Type: "string", Pattern: bindingPattern}, fileSchema("A binding a line, in the plan's folder or below."))
	case destinations:
		one := &schemaNode{Type: "string", Pattern: destPattern}
		return &schemaNode{AnyOf: []*schemaNode{one, {Type: "array", Items: one}}}
	case number:
		return &schemaNode{Type: "integer", Minimum: &f.least, Maximum: &f.most}
	case boolean:
		return &schemaNode{Type: "boolean", Default: false}
	case portRange:
		return &schemaNode{AnyOf: []*schemaNode{{Type: "string", Pattern: portPattern}, {Type: "integer"}}}
	case portSet:
		return setSchema()
	case addresses:
		return &schemaNode{AnyOf: []*schemaNode{addr, {Type: "array", Items: addr}}}
	case subscriber:
		return oneOrMore(addr, fileSchema("List of subscribers, in the plan's folder or below."))
	case shareList:
		one := &schemaNode{Type: "string", Pattern: onePattern}
		keyed := &schemaNode{Type: "object", Additional: &no, Required: shareKeys,
			Properties: map[string]*schemaNode{"subscriber": one, "outside": one, "ports": setSchema()}}
		return oneOrMore(&schemaNode{Type: "string", Pattern: listPattern}, keyed, fileSchema("CSV with a line a share, in the plan's folder or below."))
	}
	if f.key == "scheme" {
		return &schemaNode{Type: "string", Enum: alloc.SchemeNames(), Default: f.initial}
	}
	return &schemaNode{Type: "string", Enum: f.values}
}

// setSchema returns the schema of a port set, or a list of such.
func setSchema() *schemaNode {
	set := []*schemaNode{{Type: "string", Pattern: setPattern}, {Type: "integer"}}
	return &schemaNode{AnyOf: append(set, &schemaNode{Type: "array", Items: &schemaNode{AnyOf: set}})}
}

// fileSchema returns the schema of {file: NAME}.
func fileSchema(what string) *schemaNode {
	no := false
	return &schemaNode{Type: "object", Additional: &no, Required: []string{"file"},
		Properties: map[string]*schemaNode{"file": {Type: "string", Description: what}}}
}

// oneOrMore returns the schema of one of these items, or of a list of them.
func oneOrMore(item ...*schemaNode) *schemaNode {
	return &schemaNode{AnyOf: append(item, &schemaNode{Type: "array", MinItems: 1, Items: &schemaNode{AnyOf: item}})}
}

// KeyTable returns the keys of a plan and those of a pool as two Markdown tables, for docs/plan-format.md.
func KeyTable() string {
	return "The plan has these keys:\n\n" + tableOf(planFields) + "\nEach pool has these keys:\n\n" + tableOf(fields) +
		"\nEach of `softwires` has these keys:\n\n" + tableOf(softwireFields) + "\nEach rule has these keys:\n\n" + tableOf(ruleFields)
}

func tableOf(fields []field) string {
	var out strings.Builder
	out.WriteString("| key | default | example | meaning |\n|---|---|---|---|\n")
	for _, f := range fields {
		initial, example := f.initial, f.example
		switch {
		case f.required:
			initial = "**required**"
		case f.orShares:
			initial = "**required** without `shares`"
		}
		if example != "" {
			example = "`" + example + "`"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", f.key, initial, example, f.doc)
	}
	return out.String()
}
