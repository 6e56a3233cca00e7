package rulefile

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A vyosReader reads nat cgnat, as set commands or in braces.
type vyosReader struct {
	in       *lines
	notes    *notes
	path     []string // of the braces that are open
	words    [][]byte
	external map[string]*vyosExternal
	internal map[string]*vyosInternal
	rules    map[int]*vyosRule
	others   map[string]*vyosOther   // of nat source and nat static, which are other ways to translate
	forwards map[string]*vyosForward // by the number of their rule
	tracks   map[string]*vyosOther   // that take packets away from connection tracking
	left     int                     // the line in which a script leaves configuration mode; 0 = it did not
}

// A vyosExternal is pool external: outside addresses and how they are cut.
type vyosExternal struct {
	line        int
	first, last int
	size        int
	ranges      []vyosRange
}

type vyosRange struct {
	span
	seq int
}

type vyosInternal struct {
	line   int
	ranges []span
}

type vyosRule struct {
	number, line   int
	source, target string
	disabled       bool
}

// What VyOS takes when nothing is said.
const (
	vyosSize    = 2000
	vyosFirst   = 1024
	vyosLast    = 65535
	vyosSeq     = 999_999
	maxVyOSPath = 32
)

// parseVyOS reads a configuration and computes what VyOS makes of it.
func parseVyOS(r io.Reader, to *collector) *LineError {
	x := &vyosReader{in: newLines(r), notes: to.notes, external: map[string]*vyosExternal{}, internal: map[string]*vyosInternal{}, rules: map[int]*vyosRule{}, others: map[string]*vyosOther{},
		tracks: map[string]*vyosOther{}, forwards: map[string]*vyosForward{}}
	for x.in.scan() {
		if err := x.line(bytes.TrimSpace(x.in.text)); err != nil {
			return at(x.in, err)
		}
	}
	if x.in.err != nil {
		return x.in.err
	}
	if len(x.path) > 0 {
		return &LineError{Line: x.in.line, Err: ErrSyntax, Msg: "the file ends within " + printable(strings.Join(x.path, " "))}
	}
	if err := x.fill(to); err != nil {
		return err
	}
	x.judge(to)
	x.judgeForwards(to)
	return nil
}

func (x *vyosReader) line(text []byte) *LineError {
	if len(text) == 0 || text[0] == '#' || bytes.HasPrefix(text, []byte("/*")) || bytes.HasPrefix(text, []byte("//")) {
		return nil
	}
	var ok bool
	if x.words, ok = words(x.words[:0], text); !ok || len(x.words) == 0 {
		if bytes.Contains(text, []byte("nat")) {
			return bad(ErrSyntax, "a quote does not end in this line")
		}
		return nil
	}
	var args []string
	for _, w := range x.words {
		args = append(args, string(w))
	}
	switch last := len(args) - 1; {
	case args[last] == "{":
		if last == 0 || last > 0 && strings.Contains(args[last-1], "(") {
			return bad(ErrSyntax, "this is a function or a group of a shell, and scripts are not run").hint("import what show configuration commands prints")
		}
		if len(x.path)+last > maxVyOSPath {
			return bad(ErrSyntax, "braces are nested more than %d deep", maxVyOSPath)
		}
		x.path = append(x.path, strings.Join(args[:last], " "))
		return nil
	case args[0] == "}":
		if len(x.path) == 0 {
			return bad(ErrSyntax, "a brace closes nothing")
		}
		x.path = x.path[:len(x.path)-1]
		return x.statement(x.full(nil))
	case len(x.path) > 0:
		return x.statement(x.full(args))
	}
	return x.command(args, text)
}

// command reads a line that is not within braces.
func (x *vyosReader) command(args []string, text []byte) *LineError {
	switch {
	case slices.Contains(vyosControl, args[0]), bytes.Contains(text, []byte("<<")), strings.HasPrefix(args[0], "exit") && len(args) > 1:
		return bad(ErrSyntax, "%s may decide which lines hold, and scripts are not run", printable(args[0])).hint("import what show configuration commands prints")
	case args[0] == "exit":
		x.left = x.in.line
	case args[0] == "configure":
		x.left = 0
	case x.left > 0 && (args[0] == "set" || args[0] == "delete"):
		return bad(ErrSyntax, "this stands behind the exit in line %d", x.left).hint("import what show configuration commands prints")
	case args[0] == "set":
		return x.statement(args[1:])
	case args[0] == "delete" && strings.HasPrefix(strings.Join(args[1:], " "), "nat"):
		if len(x.external)+len(x.internal)+len(x.rules)+len(x.others) > 0 {
			return bad(ErrSyntax, "delete after set is not followed").hint("import what show configuration commands prints")
		}
		return nil
	case slices.Contains(vyosVerbs, args[0]):
		return bad(ErrSyntax, "%s is not followed", args[0]).hint("import what show configuration commands prints")
	}
	if bytes.Contains(text, []byte("set nat")) {
		return bad(ErrSyntax, "this sets something of nat, and stands behind other words").hint("import what show configuration commands prints")
	}
	x.notes.add(x.in.line, "lines are no configuration", string(text))
	return nil
}

// full returns the whole path of a line within braces.
func (x *vyosReader) full(args []string) []string {
	var out []string
	for _, p := range x.path {
		out = append(out, strings.Fields(p)...)
	}
	return append(out, args...)
}

// vyosVerbs are the commands that change a configuration in ways that are not followed.
var vyosVerbs = []string{"edit", "rename", "copy", "move", "load", "merge", "rollback", "activate", "deactivate"}

// vyosControl are words of a shell, and discard, which takes back what was set.
var vyosControl = []string{"if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "select", "function", "(", ")", "return", "eval", "discard"}

// statement reads one path of the configuration. Within braces, those that are only the start of others come, too.
func (x *vyosReader) statement(path []string) *LineError {
	x.untrack(path)
	if len(path) < 2 || path[0] != "nat" && path[0] != "cgnat" {
		return nil
	}
	if path[0] == "nat" {
		path = path[1:]
	}
	switch path[0] {
	case "cgnat":
		return x.cgnat(path[1:])
	case "source", "static":
		return x.other(path)
	case "destination": // of packets that come in
		x.forward(path)
		return nil
	}
	return bad(ErrSyntax, "%s of nat is not understood", printable(path[0]))
}

// cgnat reads what is in nat cgnat.
func (x *vyosReader) cgnat(path []string) *LineError {
	if len(path) == 0 {
		return nil
	}
	switch rest := path[1:]; path[0] {
	case "rule":
		if len(rest) > 0 {
			return x.rule(rest)
		}
	case "pool":
		switch {
		case len(rest) > 0 && rest[0] != "external" && rest[0] != "internal":
			return bad(ErrSyntax, "pool %s of nat cgnat is not understood", printable(rest[0]))
		case len(rest) > 1 && rest[0] == "external":
			return x.pool(rest[1], rest[2:])
		case len(rest) > 1:
			return x.inside(rest[1], rest[2:])
		}
	case "log-allocation":
	case "exclude":
		return bad(ErrSyntax, "exclude rules of nat cgnat are not understood")
	default:
		return bad(ErrSyntax, "%s of nat cgnat is not understood", printable(path[0]))
	}
	return nil
}

func (x *vyosReader) rule(path []string) *LineError {
	n, ok := parseNumber([]byte(path[0]))
	if !ok {
		return bad(ErrSyntax, "%s is no number of a rule", printable(path[0]))
	}
	r := x.rules[int(n)]
	if r == nil {
		r = &vyosRule{number: int(n), line: x.in.line}
		x.rules[int(n)] = r
	}
	switch rest := path[1:]; {
	case len(rest) == 3 && rest[0] == "source" && rest[1] == "pool":
		r.source = rest[2]
	case len(rest) == 3 && rest[0] == "translation" && rest[1] == "pool":
		r.target = rest[2]
	case len(rest) == 1 && rest[0] == "disable":
		r.disabled = true
	case len(rest) == 0, rest[0] == "description", len(rest) == 1 && (rest[0] == "source" || rest[0] == "translation"):
	default:
		return bad(ErrSyntax, "%s of a cgnat rule is not understood", printable(strings.Join(rest, " ")))
	}
	return nil
}

// pool reads a line of pool external.
func (x *vyosReader) pool(name string, rest []string) *LineError {
	p := x.external[name]
	if p == nil {
		p = &vyosExternal{line: x.in.line, first: vyosFirst, last: vyosLast, size: vyosSize}
		x.external[name] = p
	}
	switch {
	case len(rest) == 2 && rest[0] == "external-port-range":
		first, last, ok := parsePorts([]byte(rest[1]))
		if !ok || first < 1 {
			return bad(ErrSyntax, "external-port-range %s is no range of ports", printable(rest[1]))
		}
		p.first, p.last = first, last
	case len(rest) == 3 && rest[0] == "per-user-limit" && rest[1] == "port":
		n, ok := parseNumber([]byte(rest[2]))
		if !ok || n < 1 || n > 65535 {
			return bad(ErrSyntax, "per-user-limit port %s is no number of ports", printable(rest[2]))
		}
		p.size = int(n)
	case len(rest) >= 2 && rest[0] == "range":
		return p.add(rest[1], rest[2:])
	case len(rest) == 0, rest[0] == "description", len(rest) == 1 && rest[0] == "per-user-limit":
	default:
		return bad(ErrSyntax, "%s of an external pool is not understood", printable(strings.Join(rest, " ")))
	}
	return nil
}

// add reads "range R" and "range R seq N".
func (p *vyosExternal) add(text string, rest []string) *LineError {
	s, ok := parseSpan([]byte(text))
	if !ok {
		return bad(ErrSyntax, "range %s is no IPv4 prefix or range", printable(text))
	}
	seq := vyosSeq
	if len(rest) == 2 && rest[0] == "seq" {
		n, ok := parseNumber([]byte(rest[1]))
		if !ok {
			return bad(ErrSyntax, "seq %s is no number", printable(rest[1]))
		}
		seq = int(n)
	} else if len(rest) > 0 {
		return bad(ErrSyntax, "%s of a range is not understood", printable(rest[0]))
	}
	for i := range p.ranges {
		if p.ranges[i].span == s {
			if seq != vyosSeq {
				p.ranges[i].seq = seq
			}
			return nil
		}
	}
	p.ranges = append(p.ranges, vyosRange{s, seq})
	return nil
}

// inside reads a line of pool internal.
func (x *vyosReader) inside(name string, rest []string) *LineError {
	p := x.internal[name]
	if p == nil {
		p = &vyosInternal{line: x.in.line}
		x.internal[name] = p
	}
	if len(rest) == 0 || rest[0] == "description" {
		return nil
	}
	if len(rest) != 2 || rest[0] != "range" {
		return bad(ErrSyntax, "%s of an internal pool is not understood", printable(rest[0]))
	}
	s, ok := parseSpan([]byte(rest[1]))
	if !ok {
		return bad(ErrSyntax, "range %s is no IPv4 prefix or range", printable(rest[1]))
	}
	if n := len(p.ranges); n > 0 && s.first < p.ranges[n-1].first {
		x.notes.add(x.in.line, "internal ranges do not ascend: VyOS promises no other order; compare with show nat cgnat allocation", name)
	}
	p.ranges = append(p.ranges, s)
	return nil
}

// fill gives shares as VyOS does: rule by rule, blocks of one size from the first port of the first address up.
func (x *vyosReader) fill(to *collector) *LineError {
	var rules []*vyosRule
	for _, r := range x.rules {
		rules = append(rules, r)
	}
	slices.SortFunc(rules, func(a, b *vyosRule) int { return cmp.Compare(a.number, b.number) })
	used := map[string]int{}
	for _, r := range rules {
		if r.disabled {
			x.notes.add(r.line, "rules are disabled", fmt.Sprintf("rule %d", r.number))
			continue
		}
		in, out := x.internal[r.source], x.external[r.target]
		if in == nil || out == nil {
			return &LineError{Line: r.line, Err: ErrSyntax, Msg: fmt.Sprintf("rule %d names a pool that is not in this file (source %q, translation %q)",
				r.number, printable(r.source), printable(r.target))}
		}
		if line := used[r.target]; line != 0 {
			return &LineError{Line: r.line, Err: ErrShared, Msg: fmt.Sprintf("rule %d uses external pool %q, which the rule in line %d uses too: both would start at its first port",
				r.number, printable(r.target), line), Hint: "give each rule an external pool of its own"}
		}
		used[r.target] = r.line
		if err := r.fill(in, out, to); err != nil {
			err.Line = r.line
			return err
		}
	}
	return nil
}

func (r *vyosRule) fill(in *vyosInternal, out *vyosExternal, to *collector) *LineError {
	slices.SortStableFunc(out.ranges, func(a, b vyosRange) int { return cmp.Compare(a.seq, b.seq) })
	if len(out.ranges) == 0 || out.last-out.first+1 < out.size {
		return bad(ErrSyntax, "external pool %q has no range, or no room for %d ports", printable(r.target), out.size)
	}
	k, address, port := 0, uint64(out.ranges[0].first), out.first
	for _, s := range in.ranges {
		for a := uint64(s.first); a <= uint64(s.last); a++ {
			if port+out.size-1 > out.last {
				port = out.first
				if address++; address > uint64(out.ranges[k].last) {
					if k++; k == len(out.ranges) {
						return bad(ErrShared, "rule %d: external pool %q has no ports left for %v and those behind it", r.number, printable(r.target), addr4(uint32(a)))
					}
					address = uint64(out.ranges[k].first)
				}
			}
			id, _ := to.sets.ofRange(port, port+out.size-1)
			if n, ok := to.pages.at(uint32(a)); ok {
				return bad(ErrConflict, "subscriber %v has a share by the rule in line %d already", addr4(uint32(a)), to.entries[n].line)
			}
			if err := to.row(uint32(a), uint32(address), id, r.line); err != nil {
				return err
			}
			e := &to.entries[len(to.entries)-1]
			e.ports[2], e.plain = 0, icmp|other // VyOS has a map without ports for all but tcp and udp
			port += out.size
		}
	}
	return nil
}
