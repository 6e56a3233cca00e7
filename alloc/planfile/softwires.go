package planfile

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

// softwireFields are the keys of a pool of MAP or lw4o6.
var softwireFields = []field{
	{key: "name", kind: text, required: true, example: "fttx-map",
		doc: "Name of the pool, unique in the plan. Letters, digits, `.`, `_` and `-`.",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.soft.Name = d.text(n) }},
	{key: "realm", kind: text, initial: alloc.DefaultRealm, example: "wholesale-b",
		doc: "Address space in which end-user prefixes are unique.",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.soft.Realm = d.text(n) }},
	{key: "kind", kind: text, required: true, example: "map-e", values: alloc.KindNames()[1:],
		doc: "`map-e` (RFC 7597), `map-t` (RFC 7599) or `lw4o6` (RFC 7596).",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.soft.Kind = d.kind(n) }},
	{key: "rules", kind: ruleList, example: "[{rule6: 2001:db8::/40, rule4: 192.0.2.0/24, ea-len: 16}]", initial: "required with map-e and map-t",
		doc: "The MAP rules. What `rule4` covers are outside addresses, and no other pool may have them.",
		set: func(d *decoder, p *pool, n *yaml.Node) { d.rules(p, n) }},
	{key: "relay", kind: address6, example: "2001:db8:ffff::1", initial: "required with map-e and lw4o6",
		doc: "IPv6 address of the border relay, or of the lwAFTR. It lies in no subscriber's prefix, and in another pool's DMR only with an address that stands for no IPv4 destination there. Pools may have the same.",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.soft.Relay = d.address6(n) }},
	{key: "dmr", kind: prefix, example: "2001:db8:ffff::/64", initial: "required with map-t",
		doc: "IPv6 prefix of the default mapping rule, in which IPv4 destinations are embedded. It overlaps no subscriber's prefix and no other pool's DMR, where every address stands for an IPv4 destination. Pools may have the same.",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.soft.DMR = d.prefix(n) }},
	{key: "bindings", kind: bindingList, example: "2001:db8:1::/56 192.0.2.1 0 8 52", initial: "required with lw4o6",
		doc: "The binding table: prefix or address of the B4, its IPv4 address, and where that is shared PSID offset, PSID length and PSID; or `{file: NAME}` for a file beside the plan with one a line.",
		set: func(d *decoder, p *pool, n *yaml.Node) { d.bindings(p, n) }},
}

// ruleFields are the keys of a MAP rule. They have the names of the flags of cgnctl map.
var ruleFields = []field{
	{key: "name", kind: text, example: "north",
		doc: "Name of the rule, for messages.",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.rule.Name = d.text(n) }},
	{key: "rule6", kind: prefix, required: true, example: "2001:db8::/40",
		doc: "IPv6 prefix in which the end-user prefixes lie.",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.rule.IPv6 = d.prefix(n) }},
	{key: "rule4", kind: prefix, required: true, example: "192.0.2.0/24",
		doc: "IPv4 prefix of the outside addresses.",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.rule.IPv4 = d.prefix(n) }},
	{key: "ea-len", kind: number, required: true, least: 0, most: softwire.MaxEALen, example: "16",
		doc:    "EA bits: how many bits behind `rule6` stand for IPv4 suffix and PSID.",
		number: func(p *pool, v int) { p.rule.EALen = v }},
	{key: "psid-offset", kind: number, least: 0, most: 15, initial: "6", example: "6",
		doc:    "RFC 7597's a.",
		number: func(p *pool, v int) { p.rule.PSIDOffset = &v }},
	{key: "psid-length", kind: number, least: 0, most: 16, initial: "the EA bits that are left", example: "8",
		doc:    "RFC 7597's k. a + k is at most 16.",
		number: func(p *pool, v int) { p.rule.PSIDLength = &v }},
	{key: "psid", kind: number, least: 0, most: 65535, initial: "in the EA bits", example: "52",
		doc:    "PSID of every router of the rule, right-aligned, where EA bits hold none.",
		number: func(p *pool, v int) { p.rule.PSID = &v }},
	{key: "forwarding", kind: boolean, initial: "false", example: "true",
		doc: "The rule is a forwarding mapping rule (FMR): routers send to each other without the border relay.",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.rule.Forwarding = d.boolean(n) }},
	{key: "iid", kind: text, initial: "rfc7597", example: "draft", values: []string{"rfc7597", "draft"},
		doc: "Form of interface identifiers: `rfc7597`, or `draft` for that of the drafts before it.",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.rule.IID = d.iid(n) }},
	{key: "overwrite-iid", kind: boolean, initial: "false", example: "true",
		doc: "Allow EA bits and end-user prefixes beyond bit 64, which overwrite the interface identifier.",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.rule.OverwriteIID = d.boolean(n) }},
}

func (d *decoder) softwires(n *yaml.Node) {
	d.file.softwireList = n
	d.file.softwires = d.mappings(n, "a list of pools", "a pool of softwires", softwireFields)
}

func (d *decoder) rules(p *pool, n *yaml.Node) {
	p.rules = d.mappings(n, "a list of rules", "a rule", ruleFields)
	for _, r := range p.rules {
		p.soft.Rules = append(p.soft.Rules, r.rule)
	}
}

// mappings reads a list of mappings whose keys are those of a table.
func (d *decoder) mappings(n *yaml.Node, list, what string, table []field) (items []*pool) {
	if n.Kind != yaml.SequenceNode {
		d.wrongType(n, "the value", list)
		return nil
	}
	for item := range d.items(n) {
		if len(d.found) > maxFound {
			break
		}
		p, given := d.item(item, what, table)
		items = append(items, p)
		for _, f := range table {
			if item.Kind == yaml.MappingNode && f.required && !given[f.key] {
				d.report(item, ErrSyntax, fmt.Sprintf("for example %s: %s", f.key, f.example), "%s has no %s", what, f.key)
			}
		}
	}
	return items
}

func (d *decoder) kind(n *yaml.Node) alloc.Kind {
	k, ok := alloc.ParseKind(d.text(n))
	if n.Tag == "!!str" && (!ok || k == alloc.NAT44) {
		d.report(n, ErrSyntax, "map-e, map-t or lw4o6; pools of NAT44 stand in pools", "%s is no kind of softwire", quote(n.Value))
	}
	return k
}

func (d *decoder) iid(n *yaml.Node) softwire.IIDForm {
	for _, f := range []softwire.IIDForm{softwire.IIDRFC7597, softwire.IIDDraft} {
		if n.Kind == yaml.ScalarNode && n.Value == f.String() {
			return f
		}
	}
	d.wrongType(n, "the value", "rfc7597 or draft")
	return 0
}

func (d *decoder) prefix(n *yaml.Node) netip.Prefix {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		d.wrongType(n, "the value", "a prefix such as 2001:db8::/40")
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(n.Value)
	if err != nil {
		d.report(n, errors.Join(ErrSyntax, alloc.ErrSoftwire), "for example 2001:db8::/40", "%s is not a prefix", quote(n.Value))
	}
	return p
}

func (d *decoder) address6(n *yaml.Node) netip.Addr {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		d.wrongType(n, "the value", "an IPv6 address such as 2001:db8:ffff::1")
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(n.Value)
	if err != nil || !a.Is6() || a.Zone() != "" {
		d.report(n, errors.Join(ErrSyntax, alloc.ErrSoftwire), "for example 2001:db8:ffff::1", "%s is not an IPv6 address", quote(n.Value))
	}
	return a
}

// bindings reads bindings and {file: NAME}.
func (d *decoder) bindings(p *pool, n *yaml.Node) {
	for item := range d.items(n) {
		o := origin{start: len(p.soft.Bindings), node: item}
		switch {
		case item.Kind == yaml.MappingNode:
			given := d.mapping(item, "a binding table", []string{"file"}, func(_ string, v *yaml.Node) {
				if l := listFile(d, v, readBindings); l != nil {
					o.file, o.lines = l.name, l.lines
					p.soft.Bindings = append(p.soft.Bindings, l.bindings...)
				}
			})
			if !given["file"] {
				d.report(item, ErrSyntax, "for example file: bindings.csv", "the binding table has no file")
			}
		case item.Kind != yaml.ScalarNode || item.Tag != "!!str":
			d.wrongType(item, "the value", "a binding such as 2001:db8:1::/56 192.0.2.1 0 8 52")
		default:
			b, err := softwire.ParseBindingSpec(item.Value)
			if err != nil {
				d.report(item, errors.Join(ErrSyntax, alloc.ErrSoftwire), "", "%v", err)
				continue
			}
			p.soft.Bindings = append(p.soft.Bindings, b)
		}
		p.lists["bindings"] = append(p.lists["bindings"], o)
	}
}

// A bindingTable is what a file of bindings holds, with the line that each came from.
type bindingTable struct {
	name     string
	bindings []softwire.BindingSpec
	lines    []uint32
}

// readBindings reads a binding a line. A line that begins with the names of the columns is skipped, if it is the first.
func readBindings(r io.Reader, name string) (*bindingTable, error) {
	t, trim := &bindingTable{name: name}, listParser{}
	err := scanLines(r, name, maxListLine, "no binding table", func(text []byte, line int) error {
		if text = trim.trim(text); len(text) == 0 || line == 1 && slices.Equal(text[:min(2, len(text))], []byte("b4")) {
			return nil
		}
		if len(t.bindings) == softwire.MaxBindings {
			return Diagnostic{File: name, Line: line, Err: ErrRead, Msg: fmt.Sprintf("the table has more than %d bindings", softwire.MaxBindings)}
		}
		b, err := softwire.ParseBindingSpec(string(text))
		if err != nil {
			return Diagnostic{File: name, Line: line, Column: 1, Msg: readable(err.Error()), Err: errors.Join(ErrList, err), source: string(text),
				Hint: "write prefix, IPv4 address, PSID offset, PSID length and PSID"}
		}
		t.bindings, t.lines = append(t.bindings, b), append(t.lines, uint32(line))
		return nil
	})
	if err == nil && len(t.bindings) == 0 {
		err = Diagnostic{File: name, Msg: "the table holds no binding", Err: ErrList, Hint: "write a binding a line: 2001:db8:1::/56,192.0.2.1,0,8,52"}
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}
