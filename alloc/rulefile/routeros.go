package rulefile

import (
	"bytes"
	"io"
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
	lists map[string][]span
	// asked are rules whose sources are a list: they are filled in at the end.
	asked []listed
}

// A listed is a rule whose sources are an address list.
type listed struct {
	chain int32
	rule  int
	list  string
	not   bool
	line  int
}

const natMenu = "ip firewall nat"

// parseRouterOS reads /ip firewall nat, and the address lists that its rules name.
func parseRouterOS(r io.Reader, n *notes) (*program, *LineError) {
	x := &routerOSReader{p: newProgram(), notes: n, in: newLines(r), lists: map[string][]span{}}
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
	return x.p, x.fillLists()
}

// fillLists gives rules the sources that stand in address lists.
func (x *routerOSReader) fillLists() *LineError {
	work := 0
	for _, a := range x.asked {
		spans, ok := x.lists[a.list]
		if !ok {
			return &LineError{Line: a.line, Err: ErrSyntax, Msg: "the address list " + printable(a.list) + " is not in this file",
				Hint: "export it too: /ip firewall export"}
		}
		if work += len(spans); work > maxListed {
			return &LineError{Line: a.line, Err: ErrTooLarge, Msg: "rules name large address lists too often"}
		}
		x.p.setSource(&x.p.chains[a.chain].rules[a.rule], spans, a.not)
	}
	return nil
}

func (x *routerOSReader) line(text []byte) *LineError {
	if len(text) == 0 || text[0] == '#' {
		return nil
	}
	var ok bool
	if x.words, ok = words(x.words[:0], text); !ok {
		if x.menu == natMenu || bytes.Contains(text, []byte("to-addresses")) {
			return bad(ErrSyntax, "a quote does not end in this line")
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
	if text[0] == '/' {
		if args = x.enter(args); len(args) == 0 {
			return nil
		}
	}
	switch x.menu {
	case natMenu:
		return x.nat(args, text)
	case "ip firewall address-list":
		return x.list(args)
	}
	x.notes.add(x.in.line, "lines are in other menus than /ip firewall nat", string(text))
	return nil
}

// script refuses loops and variables around rules: scripts are not run.
func (x *routerOSReader) script(text []byte) *LineError {
	for _, word := range []string{"nat", "to-addresses", "src-nat", "netmap", ":for", ":while"} {
		if bytes.Contains(text, []byte(word)) {
			return bad(ErrShared, "this is a script, and scripts are not run").
				hint("run it on a test router, and import what /ip firewall nat export prints there")
		}
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

// enter reads the menu that a line starts with, "/ip firewall nat" or "/ip/firewall/nat", and returns what is behind it.
func (x *routerOSReader) enter(args [][]byte) [][]byte {
	var path []string
	for i, a := range args {
		w := string(a)
		if isRouterOSVerb(w) || strings.Contains(w, "=") {
			x.menu = strings.Join(path, " ")
			return args[i:]
		}
		for part := range strings.SplitSeq(w, "/") {
			if isRouterOSVerb(part) {
				x.menu = strings.Join(path, " ")
				return append([][]byte{[]byte(part)}, args[i+1:]...)
			}
			if part != "" {
				path = append(path, part)
			}
		}
	}
	x.menu = strings.Join(path, " ")
	return nil
}

// list reads an entry of an address list.
func (x *routerOSReader) list(args [][]byte) *LineError {
	var name, address []byte
	for _, a := range args {
		switch key, value, _ := bytes.Cut(a, []byte("=")); string(key) {
		case "list":
			name = value
		case "address":
			address = value
		case "disabled":
			if string(value) == "yes" {
				return nil
			}
		}
	}
	if string(args[0]) != "add" || address == nil {
		return nil
	}
	s, ok := parseSpan(address)
	if !ok {
		x.notes.add(x.in.line, "entries of address lists are no IPv4 addresses", string(address))
		return nil
	}
	x.lists[string(name)] = append(x.lists[string(name)], s)
	return nil
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
	r, chainName, list, err := x.rule(args[1:], text)
	if err != nil || r.line == 0 {
		return err
	}
	x.rules++
	n := x.p.chain(chainName)
	c := &x.p.chains[n]
	if c.line == 0 {
		c.line = x.in.line
	}
	c.rules = append(c.rules, r)
	if list != "" {
		name, not := strings.CutPrefix(list, "!")
		x.asked = append(x.asked, listed{n, len(c.rules) - 1, name, not, x.in.line})
	}
	return nil
}
