package planfile

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// A decoder walks the nodes of one plan file. It reports what is wrong and goes on, so that one run shows everything.
type decoder struct {
	file  *File
	opts  Options
	lines []string // of the file, for excerpts
	path  string   // of the value that is looked at, as in findings of package alloc
	found []Diagnostic
}

// maxFound is the number of complaints after which the rest is left out: a large file that is no plan has millions.
const maxFound = 100

// report adds a complaint about the value at d.path, and names it: who reads a report of CI has no excerpt.
func (d *decoder) report(n *yaml.Node, err error, hint, format string, args ...any) {
	switch {
	case len(d.found) < maxFound:
		msg := fmt.Sprintf(format, args...)
		if d.path != "" {
			msg = d.path + ": " + msg
		}
		g := d.at(n.Line, n.Column, err, hint, msg)
		g.Path = d.path
		d.found = append(d.found, g)
	case len(d.found) == maxFound:
		d.found = append(d.found, d.at(n.Line, n.Column, ErrSyntax, "correct the others first", "more is wrong from here on, and is left out"))
	}
}

func (d *decoder) at(line, column int, err error, hint, msg string) Diagnostic {
	g := Diagnostic{File: d.file.Name, Line: line, Column: column, Msg: readable(msg), Hint: hint, Err: err}
	if line >= 1 && line <= len(d.lines) {
		g.source = d.lines[line-1]
	}
	return g
}

// document decodes the root node.
func (d *decoder) document(n *yaml.Node) {
	given := d.mapping(n, "the plan file", keyNames(planFields), func(key string, v *yaml.Node) {
		fieldNamed(planFields, key).set(d, nil, v)
	})
	if n.Kind != yaml.MappingNode {
		return
	}
	if !given["version"] {
		d.report(n, ErrSyntax, fmt.Sprintf("write version: %d at the top", Version), "the key version is missing")
	}
	if !given["pools"] && !given["softwires"] {
		d.report(n, ErrSyntax, "list at least one pool", "the key pools is missing")
	}
}

func (d *decoder) version(n *yaml.Node) {
	switch {
	case n.Kind != yaml.ScalarNode || n.Tag != "!!int":
		d.wrongType(n, "the value", fmt.Sprintf("the number %d", Version))
	case n.Value != strconv.Itoa(Version):
		d.report(n, ErrSyntax, "", "%s is unknown; this program reads version %d", n.Value, Version)
	}
}

func (d *decoder) pools(n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		d.wrongType(n, "the value", "a list of pools")
		return
	}
	d.file.poolList = n
	for item := range d.items(n) {
		p, given := d.item(item, "a pool", fields)
		d.file.pools = append(d.file.pools, p)
		listed := given["shares"] || p.spec.Scheme == alloc.Explicit // without shares alloc says so
		for _, f := range fields {
			if item.Kind == yaml.MappingNode && (f.required || f.orShares && !listed) && !given[f.key] {
				d.report(item, ErrSyntax, fmt.Sprintf("for example %s: %s", f.key, f.example), "the pool has no %s", f.key)
			}
		}
	}
}

// item reads a mapping whose keys are those of a table.
func (d *decoder) item(n *yaml.Node, what string, table []field) (*pool, map[string]bool) {
	p := &pool{node: n, keys: map[string]*yaml.Node{}, lists: map[string][]origin{}}
	return p, d.mapping(n, what, keyNames(table), func(key string, v *yaml.Node) {
		p.keys[key] = v
		if f := fieldNamed(table, key); f.kind == number {
			f.number(p, d.number(v, f.least, f.most))
		} else {
			f.set(d, p, v)
		}
	})
}

// mapping calls each for the keys of a mapping, after reporting those that are unknown, duplicate or not text. It returns
// the known keys that are there.
func (d *decoder) mapping(n *yaml.Node, what string, known []string, each func(key string, v *yaml.Node)) map[string]bool {
	if n.Kind != yaml.MappingNode {
		d.wrongType(n, what, "a mapping with the keys "+strings.Join(known, ", "))
		return nil
	}
	seen, given := map[string]*yaml.Node{}, map[string]bool{}
	for i := 0; i+1 < len(n.Content) && len(d.found) <= maxFound; i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch {
		case k.Kind != yaml.ScalarNode:
			d.wrongType(k, "a key of "+what, "text")
		case k.Tag == "!!merge" || !slices.Contains(known, k.Value):
			hint := "the keys are " + strings.Join(known, ", ")
			if near := nearest(k.Value, known); near != "" {
				hint = fmt.Sprintf("did you mean %s?", near)
			}
			d.report(k, ErrSyntax, hint, "unknown key %s in %s", quote(k.Value), what)
		case seen[k.Value] != nil:
			d.report(k, ErrSyntax, "leave one of them out", "duplicate key %s, first in line %d", k.Value, seen[k.Value].Line)
		default:
			seen[k.Value], given[k.Value] = k, true
			d.key(k.Value, v, each)
		}
	}
	return given
}

// key calls each for a value, with the path of it.
func (d *decoder) key(key string, v *yaml.Node, each func(key string, v *yaml.Node)) {
	around := d.path
	defer func() { d.path = around }()
	d.path = strings.TrimPrefix(around+"."+key, ".")
	if v.Kind == yaml.AliasNode {
		d.report(v, ErrSyntax, "write the value out", "aliases are not accepted")
		return
	}
	each(key, v)
}

// nearest returns the known key that a typing mistake away from key, or "".
func nearest(key string, known []string) string {
	fold := strings.NewReplacer("_", "-", " ", "-").Replace(strings.ToLower(key))
	for _, k := range known {
		if fold == k || len(fold) > 2 && (strings.TrimSuffix(k, "s") == strings.TrimSuffix(fold, "s") || strings.HasPrefix(k, fold) || oneEdit(fold, k)) {
			return k
		}
	}
	return ""
}

// oneEdit reports whether one letter was added, left out or changed, or two neighbours swapped.
func oneEdit(a, b string) bool {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	a, b = a[i:], b[i:]
	switch {
	case len(a) == len(b):
		return len(a) > 0 && a[1:] == b[1:] || len(a) > 1 && a[0] == b[1] && a[1] == b[0] && a[2:] == b[2:]
	case len(a) == len(b)+1:
		return a[1:] == b
	case len(b) == len(a)+1:
		return b[1:] == a
	}
	return false
}

func (d *decoder) wrongType(n *yaml.Node, what, want string) {
	d.report(n, ErrSyntax, "", "%s must be %s, and this is %s", what, want, typeName(n))
}

func typeName(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	case n.Tag == "!!null":
		return "empty"
	case n.Tag == "!!int":
		return "the number " + quote(n.Value)
	case n.Tag == "!!str":
		return "the text " + quote(n.Value)
	}
	// A tag may hold anything: !%1b is an escape character.
	return quote(n.Value) + " (" + readable(strings.TrimPrefix(n.Tag, "!!")) + ")"
}

func (d *decoder) text(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		d.wrongType(n, "the value", "text")
		return ""
	}
	return n.Value
}

// scalar returns the value of a scalar as it was written, whatever YAML takes it for: a key ID may look like a number.
func (d *decoder) scalar(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		d.wrongType(n, "the value", "text")
		return ""
	}
	return n.Value
}

func (d *decoder) number(n *yaml.Node, least, most int) int {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" {
		d.wrongType(n, "the value", "a number")
		return least
	}
	v, err := strconv.Atoi(n.Value)
	if err != nil || v < least || v > most || strconv.Itoa(v) != n.Value { // YAML 1.1 and 1.2 differ on what 010 is
		d.report(n, ErrSyntax, "", "%s is not a decimal number from %d to %d", quote(n.Value), least, most)
		return least
	}
	return v
}

func (d *decoder) boolean(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || !slices.Contains([]string{"true", "false"}, strings.ToLower(n.Value)) {
		d.wrongType(n, "the value", "true or false")
	}
	return strings.EqualFold(n.Value, "true") // YAML knows True and TRUE
}

func (d *decoder) scheme(n *yaml.Node) alloc.Scheme {
	s, err := alloc.ParseScheme(d.text(n))
	if err != nil && n.Tag == "!!str" {
		hint := ""
		if near := nearest(n.Value, alloc.SchemeNames()); near != "" {
			hint = fmt.Sprintf("did you mean %s?", near)
		}
		d.report(n, err, hint, "%v", err)
	}
	return s
}

func (d *decoder) portRange(n *yaml.Node) portset.Range {
	ports, ok := d.portText(n)
	if !ok {
		return portset.Range{}
	}
	r, err := portset.ParseRange(ports)
	if err != nil {
		d.report(n, err, "for example 1024-65535", "%v", err)
	}
	return r
}

// portSet reads "1900,5060-5061", or a list of such.
func (d *decoder) portSet(n *yaml.Node) portset.Set {
	var ranges []portset.Range
	for item := range d.items(n) {
		ports, ok := d.portText(item)
		if !ok {
			continue
		}
		s, err := portset.ParseSet(ports)
		if err != nil {
			d.report(item, err, "for example 1900,5060-5061", "%v", err)
			continue
		}
		ranges = slices.AppendSeq(ranges, s.Ranges())
	}
	s, err := portset.NewSet(ranges...)
	if err != nil {
		return portset.Set{} // nothing listed, or everything was reported
	}
	return s
}

// portText returns the text of ports; ok is false after a report that it is something else.
func (d *decoder) portText(n *yaml.Node) (ports string, ok bool) {
	switch {
	case n.Kind != yaml.ScalarNode || n.Tag != "!!str" && n.Tag != "!!int":
		d.wrongType(n, "the value", "ports such as 1024-65535")
		return "", false
	case n.Tag == "!!int" && len(n.Value) > 1 && n.Value[0] == '0': // 010 is 8 to other readers of YAML
		d.report(n, ErrSyntax, "write a decimal number without leading zeros", "%s is not a decimal port number", quote(n.Value))
		return "", false
	}
	return n.Value, true
}

// items iterates over the items of a list with the path of each, or over the one node that is no list.
func (d *decoder) items(n *yaml.Node) iter.Seq[*yaml.Node] {
	return func(yield func(*yaml.Node) bool) {
		if n.Kind != yaml.SequenceNode {
			yield(n)
			return
		}
		list := d.path
		defer func() { d.path = list }()
		for i, item := range n.Content {
			d.path = fmt.Sprintf("%s[%d]", list, i)
			if !yield(item) {
				return
			}
		}
	}
}

// addresses reads an address, prefix or range, or a list of them, and remembers where each stands.
func (d *decoder) addresses(p *pool, key string, n *yaml.Node) []alloc.AddrRange {
	var out []alloc.AddrRange
	for item := range d.items(n) {
		if r, ok := d.address(item); ok {
			p.lists[key] = append(p.lists[key], origin{start: len(out), node: item})
			out = append(out, r)
		}
	}
	return out
}

func (d *decoder) address(n *yaml.Node) (alloc.AddrRange, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		d.wrongType(n, "the value", "an address, prefix or range such as 100.64.0.0/22")
		return alloc.AddrRange{}, false
	}
	r, err := alloc.ParseAddrRange(n.Value)
	if err != nil {
		hint := ""
		if strings.Contains(n.Value, ",") {
			hint = "write several as a list: [100.64.0.0/24, 100.64.1.0/24]"
		}
		d.report(n, err, hint, "%v", err)
		return alloc.AddrRange{}, false
	}
	return r, true
}

// destinations reads a destination, or a list of them, and remembers where each stands.
func (d *decoder) destinations(n *yaml.Node) {
	for item := range d.items(n) {
		if item.Kind != yaml.ScalarNode || item.Tag != "!!str" {
			d.wrongType(item, "the value", "a destination such as 203.0.113.0/24 or 203.0.113.53 udp/53")
			continue
		}
		v, err := alloc.ParseDestination(item.Value)
		if err != nil {
			hint := "for example 203.0.113.0/24, 203.0.113.53 udp/53 or 0.0.0.0/0 tcp/8000-8080"
			if strings.Contains(item.Value, ",") {
				hint = "write several as a list: [203.0.113.0/24, 203.0.113.53 udp/53]"
			}
			d.report(item, err, hint, "%v", err)
			continue
		}
		d.file.Spec.NoTranslate = append(d.file.Spec.NoTranslate, v)
		d.file.exempt = append(d.file.exempt, item)
	}
}

// inside reads addresses and {file: NAME}.
func (d *decoder) inside(p *pool, n *yaml.Node) {
	for item := range d.items(n) {
		o := origin{start: len(p.spec.Inside), node: item}
		if item.Kind == yaml.MappingNode {
			given := d.mapping(item, "a subscriber list", []string{"file"}, func(_ string, v *yaml.Node) {
				if l := listFile(d, v, ReadList); l != nil {
					o.file, o.lines = l.Name, l.Lines
					p.spec.Inside = append(p.spec.Inside, l.Ranges...)
				}
			})
			if !given["file"] {
				d.report(item, ErrSyntax, "for example file: subscribers.csv", "the subscriber list has no file")
			}
		} else if r, ok := d.address(item); ok {
			p.spec.Inside = append(p.spec.Inside, r)
		}
		p.lists["inside"] = append(p.lists["inside"], o)
	}
}
