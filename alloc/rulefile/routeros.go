package rulefile

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"
)

// A routerOSReader reads exports and scripts of RouterOS. Rules are kept as text until address lists are known, which may come
// behind them.
type routerOSReader struct {
	p     *program
	notes *notes
	in    *lines
	menu  string // where commands are: "ip firewall nat"
	words [][]byte
	rules int
	open  int // the line in which a quote does not end; 0 = none
	lists map[string][]span
	// vague says why lists, or "" for all of them, are not known.
	vague map[string]*LineError
	// asked are rules whose sources are a list: they are filled in at the end.
	asked []listed
	aims  []aimedSet // matches whose destinations are a list
}

// A listed is a rule whose sources are an address list.
type listed struct {
	chain int32
	rule  int
	list  string
	not   bool
	line  int
}

const (
	natMenu   = "ip firewall nat"
	listMenu  = "ip firewall address-list"
	rawMenu   = "ip firewall raw"
	trackMenu = "ip firewall connection tracking"
)

// parseRouterOS reads /ip firewall nat, and the address lists that its rules name.
func parseRouterOS(r io.Reader, n *notes) (*program, *LineError) {
	x := &routerOSReader{p: newProgram(), notes: n, in: newLines(r), lists: map[string][]span{}, vague: map[string]*LineError{}}
	x.in.joined, x.in.trimmed = true, true
	for x.in.scan() {
		if err := x.line(bytes.TrimSpace(x.in.text)); err != nil {
			return nil, at(x.in, err)
		}
	}
	if x.in.err != nil {
		return nil, x.in.err
	}
	x.p.roots = []int32{x.p.chain("srcnat")}
	if c, ok := x.p.byName["dstnat"]; ok {
		x.p.inward = []int32{c}
	}
	x.p.noteMissing(n)
	return x.p, x.fillLists()
}

// fillLists gives rules the sources and destinations that stand in address lists.
func (x *routerOSReader) fillLists() *LineError {
	work := 0
	for _, a := range x.aims {
		spans, ok := x.lists[a.set]
		if !ok || cmp.Or(x.vague[""], x.vague[a.set]) != nil || x.p.atoms[x.p.atomID(a.text)].isDest {
			continue // what is not known stays a match by name
		}
		if work += len(spans); work > maxListed {
			return bad(ErrTooLarge, "rules name large address lists too often")
		}
		x.p.destination(a.text, spans, a.not)
	}
	for _, a := range x.asked {
		r := &x.p.chains[a.chain].rules[a.rule]
		if err := cmp.Or(x.vague[""], x.vague[a.list]); err != nil {
			*r = x.p.refusal(*r, err)
			continue
		}
		spans, ok := x.lists[a.list]
		if !ok {
			*r = x.p.refusal(*r, bad(ErrSyntax, "the address list %s is not in this file", printable(a.list)).hint("export it too: /ip firewall export"))
			continue
		}
		if work += len(spans); work > maxListed {
			return &LineError{Line: a.line, Err: ErrTooLarge, Msg: "rules name large address lists too often"}
		}
		x.p.setSource(r, spans, a.not)
	}
	return nil
}

func (x *routerOSReader) line(text []byte) *LineError {
	if len(text) == 0 {
		return nil
	}
	if text[0] == '#' {
		x.p.remark(text)
		return nil
	}
	if x.open > 0 {
		return bad(ErrSyntax, "a quote does not end in line %d: this may be a part of a text", x.open).hint("import what /ip firewall nat export prints")
	}
	var ok bool
	if x.words, ok = words(x.words[:0], text); !ok {
		if x.menu == natMenu || bytes.Contains(text, []byte("to-addresses")) {
			return bad(ErrSyntax, "a quote does not end in this line")
		}
		if isOpen(text) {
			x.open = x.in.line
		}
		return nil
	}
	args := x.words
	if len(args) == 0 {
		return nil
	}
	if bytes.IndexByte([]byte(":{}$"), text[0]) >= 0 {
		return x.script(text)
	}
	if err := x.runs(args, text); err != nil {
		return err
	}
	menu, args := x.enter(args, text[0] == '/')
	switch {
	case len(args) == 0:
		return nil
	case menu != natMenu && menu != listMenu:
		return x.elsewhere(menu, args, text)
	case unquoted(text, ";"):
		return bad(ErrSyntax, "several commands in a line").hint("import what /ip firewall nat export prints")
	case menu == natMenu:
		return x.nat(args, text)
	}
	return x.list(args, text)
}

// elsewhere reads a command of another menu.
func (x *routerOSReader) elsewhere(menu string, args [][]byte, text []byte) *LineError {
	if severalElsewhere(text) {
		return bad(ErrSyntax, "several commands in a line").hint("import what /ip firewall nat export prints")
	}
	if !strings.HasPrefix(menu, "ipv6") && isNat(args) {
		return bad(ErrSyntax, "this looks like a rule of NAT, and stands in menu /%s", printable(menu)).
			hint("import what /ip firewall nat export prints, or write /ip firewall nat into the line before the rules")
	}
	x.fills(args)
	if strings.HasPrefix(menu, "ip firewall") {
		x.name(args)
	}
	x.notes.add(x.in.line, "lines are in other menus than /ip firewall nat", string(text))
	return x.tracks(menu, args)
}

// isOpen reports whether a text in quotes goes on in the next line. Apostrophes are no quotes here.
func isOpen(text []byte) bool {
	open := false
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			open = !open
		}
	}
	return open
}

// tracks reads a line that may say which packets are tracked.
func (x *routerOSReader) tracks(menu string, args [][]byte) *LineError {
	switch verb := string(args[0]); {
	case menu == rawMenu && verb == "add":
		return x.raw(args[1:])
	case menu == trackMenu && verb == "set" && slices.ContainsFunc(args, func(a []byte) bool { return string(a) == "enabled=no" }):
		return x.p.untrack(newRule(x.in.line), nil, untracked)
	}
	return nil
}

// raw reads a rule that may take packets away from translation, before any rule of NAT sees them.
func (x *routerOSReader) raw(args [][]byte) *LineError {
	o, err := x.rule(args)
	if o.action != "notrack" || o.off != "" || o.chain == "output" {
		return nil
	}
	if err != nil || o.list != "" || o.strange != "" {
		return x.p.untrack(newRule(x.in.line), nil, untracked) // it is not known for whom
	}
	return x.p.untrack(o.rule, o.conds, untracked)
}

// isNat reports whether a command adds a rule of source NAT, wherever it stands.
func isNat(args [][]byte) bool {
	return string(args[0]) == "add" && slices.ContainsFunc(args, func(a []byte) bool {
		return string(a) == "chain=srcnat" || bytes.HasPrefix(a, []byte("to-addresses="))
	})
}

// script refuses loops, conditions and what else may add rules: scripts are not run.
func (x *routerOSReader) script(text []byte) *LineError {
	computes := text[0] != ':' || bytes.IndexByte(text, '{') >= 0
	for _, word := range []string{"nat", "to-addresses", "address-list", "netmap", "import", "script", "reset-configuration", ":parse", ":execute", ":for", ":while", ":error", ":return", ":quit", ":exit"} {
		computes = computes || bytes.Contains(text, []byte(word))
	}
	if computes {
		return bad(ErrShared, "this is a script, and scripts are not run").
			hint("run it on a test router, and import what /ip firewall nat export prints there")
	}
	x.notes.add(x.in.line, "lines are script commands", string(text))
	return nil
}

// verbs are the commands that end the name of a menu.
func isRouterOSVerb(w string) bool {
	switch w {
	case "add", "set", "remove", "print", "move", "enable", "disable", "export", "edit", "comment", "unset", "find":
		return true
	}
	return false
}

// enter reads the menu that a line starts with, "/ip firewall nat" or "/ip/firewall/nat", and returns what is behind it. A line that
// is only a menu holds for the lines behind it, and others for themselves.
func (x *routerOSReader) enter(args [][]byte, absolute bool) (menu string, rest [][]byte) {
	var path []string
	if !absolute {
		if x.menu == natMenu || x.menu == listMenu || isRouterOSVerb(string(args[0])) {
			return x.menu, args
		}
		path = strings.Fields(x.menu)
	}
	for i, a := range args {
		w := string(a)
		if isRouterOSVerb(w) || strings.Contains(w, "=") {
			return strings.Join(path, " "), args[i:]
		}
		for part := range strings.SplitSeq(w, "/") {
			if isRouterOSVerb(part) {
				return strings.Join(path, " "), append([][]byte{[]byte(part)}, args[i+1:]...)
			}
			switch {
			case part == ".." && len(path) > 0:
				path = path[:len(path)-1]
			case part != "" && part != ".." && len(path) < maxMenu:
				path = append(path, part)
			}
		}
	}
	x.menu = strings.Join(path, " ")
	return x.menu, nil
}

// maxMenu is more than menus are nested.
const maxMenu = 32

// list reads a command of /ip firewall address-list.
func (x *routerOSReader) list(args [][]byte, text []byte) *LineError {
	switch verb := string(args[0]); verb {
	case "add":
	case "print", "export", "comment", "find":
		return nil
	default:
		if verb == "remove" && len(x.lists) == 0 {
			x.notes.add(x.in.line, "lines remove rules before the first is added", string(text))
			return nil
		}
		x.doubt("", bad(ErrSyntax, "%s changes address lists, and is not followed", printable(verb)).hint("import what /ip firewall export prints"))
		return nil
	}
	e := routerOSEntry{x: x}
	for _, a := range args[1:] {
		e.property(a)
	}
	return e.add(string(e.name))
}

// doubt keeps why a list is not known, for the rules that name it.
func (x *routerOSReader) doubt(list string, err *LineError) {
	if x.vague[list] == nil {
		x.vague[list] = at(x.in, err)
	}
}

// nat reads a command of /ip firewall nat.
func (x *routerOSReader) nat(args [][]byte, text []byte) *LineError {
	switch verb := string(args[0]); verb {
	case "add":
	case "print", "export", "comment", "find":
		return nil
	case "remove":
		if x.rules == 0 {
			x.notes.add(x.in.line, "lines remove rules before the first is added", string(text))
			return nil
		}
		fallthrough
	default:
		return bad(ErrSyntax, "%s changes rules that were added before, and is not followed", printable(verb)).
			hint("import what /ip firewall nat export prints")
	}
	x.fills(args)
	o, err := x.rule(args[1:])
	switch {
	case o.off != "":
		x.name(args)
		x.notes.add(x.in.line, o.off, string(text))
		return nil
	case o.chain == "" || bytes.ContainsAny([]byte(o.chain), "$[("):
		return bad(ErrSyntax, "the rule has no chain, or a computed one")
	}
	r := o.rule
	if err == nil {
		r, err = o.finish(text)
	}
	x.rules++
	n := x.p.chain(o.chain)
	c := &x.p.chains[n]
	if c.line == 0 {
		c.line = x.in.line
	}
	switch {
	case o.ordered: // it stands before a rule that is not known
		err = at(x.in, bad(ErrSyntax, "place-before puts the rule somewhere else").hint("import what /ip firewall nat export prints"))
		c.front = append(c.front, x.p.refusal(newRule(x.in.line), err))
		return nil
	case err != nil && errors.Is(err, ErrTooLarge):
		return err
	case err != nil:
		r = x.p.refusal(r, at(x.in, err))
	}
	c.rules = append(c.rules, r)
	if o.list != "" && r.do != refuse {
		name, not := strings.CutPrefix(o.list, "!")
		x.asked = append(x.asked, listed{n, len(c.rules) - 1, name, not, x.in.line})
	}
	return nil
}
