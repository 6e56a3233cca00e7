package rulefile

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// An iptablesReader reads iptables-save and shell scripts of iptables commands.
type iptablesReader struct {
	p     *program
	notes *notes
	in    *lines
	table string // of iptables-save; "" in a script
	words [][]byte
	rest  [][]byte          // reused
	texts map[string]string // words that come in many rules
}

// intern returns a word as a string, without allocating for the words of which rules are made.
func (x *iptablesReader) intern(b []byte) string {
	if s, ok := x.texts[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(x.texts) < maxInterned && len(s) < maxText {
		x.texts[s] = s
	}
	return s
}

// maxInterned bounds how many words are remembered.
const maxInterned = 1 << 10

// parseIptables reads the nat table of iptables. Other tables do not translate.
func parseIptables(r io.Reader, n *notes) (*program, *LineError) {
	x := &iptablesReader{p: newProgram(), notes: n, in: newLines(r), texts: map[string]string{}}
	x.in.joined = true
	for x.in.scan() {
		if err := x.line(bytes.TrimSpace(x.in.text)); err != nil {
			return nil, at(x.in, err)
		}
	}
	if x.in.err != nil {
		return nil, x.in.err
	}
	if err := x.committed(); err != nil {
		return nil, at(x.in, err)
	}
	x.p.roots = []int32{x.p.chain("POSTROUTING")}
	if c, ok := x.p.byName["PREROUTING"]; ok {
		x.p.inward = []int32{c}
	}
	x.p.refuseMissing()
	return x.p, nil
}

func (x *iptablesReader) line(text []byte) *LineError {
	switch {
	case len(text) == 0:
		return nil
	case text[0] == '#':
		x.p.remark(text)
		return nil
	case text[0] == '*':
		if err := x.committed(); err != nil {
			return err
		}
		x.table = string(bytes.TrimSpace(text[1:]))
		return x.once()
	case text[0] == ':': // :CHAIN POLICY [packets:bytes]
		if x.table == "nat" {
			name, policy, _ := bytes.Cut(text[1:], []byte(" "))
			policy, _, _ = bytes.Cut(policy, []byte(" "))
			return x.policy(x.declare(name), policy)
		}
		return nil
	case string(text) == "COMMIT":
		x.table = ""
		return nil
	case text[0] == '[': // counters: [12:34] -A ...
		if i := bytes.IndexByte(text, ']'); i > 0 {
			text = bytes.TrimSpace(text[i+1:])
		}
	}
	if len(text) == 0 {
		return nil
	}
	if i := bytes.Index(text, []byte(" #")); i >= 0 {
		x.p.remark(text[i:])
	}
	if text[0] == '-' && x.table != "" {
		return x.saved(text)
	}
	return x.scripted(text)
}

// committed refuses a table that does not end: iptables-restore loads nothing of it, and what was cut off is not known.
func (x *iptablesReader) committed() *LineError {
	if x.table == "" {
		return nil
	}
	return bad(ErrSyntax, "table %s has no COMMIT, and so iptables-restore loads nothing of it", printable(x.table)).
		hint("import the whole of what iptables-save prints")
}

// once refuses a table nat behind rules of that table: iptables-restore puts it in their place, or behind them, as it is told.
func (x *iptablesReader) once() *LineError {
	if x.table == "nat" && len(x.p.chains) > 0 {
		return bad(ErrSyntax, "table nat begins here, and the file has a part of it already").
			hint("iptables-restore takes the last one, and iptables-restore -n both: import what iptables-save -t nat prints")
	}
	return nil
}

// policy reads what becomes of packets at the end of a chain; "-" is that of chains that others lead to.
func (x *iptablesReader) policy(c *chain, word []byte) *LineError {
	switch string(word) {
	case "", "-", "ACCEPT":
		c.drops = false
	case "DROP":
		c.drops = true
	default:
		return bad(ErrSyntax, "the policy %q is not understood", printable(word))
	}
	return nil
}

// untrack reads a rule of another table than nat, if it changes what translation sees of packets.
func (x *iptablesReader) untrack(table string, chain []byte, rest [][]byte, text []byte) *LineError {
	if table != "raw" && table != "rawpost" || string(chain) == "OUTPUT" {
		return nil
	}
	var by detour
	switch {
	case bytes.Contains(text, []byte("RAWSNAT")), bytes.Contains(text, []byte("RAWDNAT")): // for whom does not matter
		return x.p.untrack(newRule(x.in.line), nil, rewritten)
	case bytes.Contains(text, []byte("NOTRACK")), bytes.Contains(text, []byte("--notrack")):
		by = untracked
	case bytes.Contains(text, []byte("--zone")): // both ways, or one
		by = zoned
	default:
		return nil
	}
	r, err := x.rule(rest, text)
	if err != nil {
		r = newRule(x.in.line) // it is not known for whom
	}
	if r.cond == 0 {
		return x.p.untrack(r, nil, by)
	}
	return x.p.untrack(r, x.p.textsOf(r.cond), by)
}

// saved reads a rule of iptables-save.
func (x *iptablesReader) saved(text []byte) *LineError {
	if x.table != "nat" && x.table != "raw" && x.table != "rawpost" {
		x.notes.add(x.in.line, "rules are in table "+printable(x.table)+", which does not translate", string(text))
		x.words, _ = words(x.words[:0], text)
		x.name(x.words)
		return nil
	}
	var ok bool
	if x.words, ok = words(x.words[:0], text); !ok {
		return bad(ErrSyntax, "a quote does not end in this line")
	}
	return x.command(x.words, text)
}

// name keeps the addresses that a rule of another table names.
func (x *iptablesReader) name(args [][]byte) {
	for i, a := range args {
		switch string(a) {
		case "-s", "--source", "--src", "-d", "--destination", "--dst", "--src-range", "--dst-range":
			if i++; i < len(args) && string(args[i]) == "!" {
				i++
			}
			if i < len(args) {
				spans, _ := spansOf(args[i]) // none where it is a name
				x.p.name(spans...)
			}
		}
	}
}

// scripted reads a line of a shell script. Of what iptables-save prints, lines without a table look like one.
func (x *iptablesReader) scripted(text []byte) *LineError {
	var ok bool
	if x.words, ok = words(x.words[:0], text); !ok {
		return x.shell(text, "a quote does not end in this line")
	}
	args := x.words
	if text[0] != '-' {
		args = command(args)
	} else if x.table == "" {
		args = append([][]byte{[]byte("-t"), []byte("nat")}, args...)
	}
	if args == nil {
		return x.shell(text, "this is a shell command that is not iptables")
	}
	args, several := firstCommand(args, text)
	switch {
	case translates(text) && bytes.ContainsAny(bytes.TrimLeft(text, "$"), "$`"):
		return bad(ErrShared, "the script computes this rule").hint("run the script on a test machine and import what iptables-save prints")
	case several && bytes.Contains(text, []byte("nat")):
		return bad(ErrSyntax, "several commands in a line").hint("write one iptables command a line, or import what iptables-save prints")
	}
	return x.command(args, text)
}

// firstCommand cuts off what a shell reads behind a command: where output goes, and "|| true". several says that there is more.
func firstCommand(args [][]byte, text []byte) (first [][]byte, several bool) {
	if !bytes.ContainsAny(text, ";&|>") {
		return args, false
	}
	end := len(args)
	for i, a := range args {
		switch w := string(a); {
		case strings.HasPrefix(w, ">"), strings.HasPrefix(w, "1>"), strings.HasPrefix(w, "2>"), strings.HasPrefix(w, "&>"):
			end = min(end, i)
		case w == "||" && i+1 < len(args) && (string(args[i+1]) == "true" || string(args[i+1]) == ":"):
			return args[:min(end, i)], len(args) > i+2
		}
	}
	return args[:end], unquoted(text, ";&|")
}

// command takes the name of the program, and what stands before it, away; nil for other commands.
func command(args [][]byte) [][]byte {
	for len(args) > 0 && (string(args[0]) == "sudo" || string(args[0]) == "exec") {
		args = args[1:]
	}
	if len(args) < 2 || !bytes.HasPrefix(args[1], []byte("-")) {
		return nil
	}
	name := string(args[0][bytes.LastIndexByte(args[0], '/')+1:])
	if strings.HasPrefix(name, "iptables") || strings.HasPrefix(name, "$") {
		return args[1:]
	}
	return nil
}

func translates(text []byte) bool {
	return bytes.Contains(text, []byte("SNAT")) || bytes.Contains(text, []byte("NETMAP"))
}

// shell notes a line that is no rule. A loop around rules is refused.
func (x *iptablesReader) shell(text []byte, why string) *LineError {
	if translates(text) || bytes.Contains(text, []byte("iptables")) && bytes.Contains(text, []byte("nat")) {
		return bad(ErrSyntax, "%s, and it seems to translate", why).hint("run the script on a test machine and import what iptables-save prints")
	}
	x.notes.add(x.in.line, "lines are no iptables commands", string(text))
	return nil
}

func (x *iptablesReader) declare(name []byte) *chain {
	n, ok := x.p.byName[string(name)]
	if !ok {
		n = x.p.chain(string(name))
	}
	c := &x.p.chains[n]
	if c.line == 0 {
		c.line = x.in.line
	}
	return c
}

// command reads the arguments of one command.
func (x *iptablesReader) command(args [][]byte, text []byte) *LineError {
	table := "filter"
	if x.table != "" {
		table = x.table
	}
	var verb, name []byte
	rest := x.rest[:0]
	for i := 0; i < len(args); i++ {
		a := x.intern(args[i])
		switch {
		case (a == "-t" || a == "--table") && i+1 < len(args):
			i++
			table = x.intern(args[i])
		case strings.HasPrefix(a, "--table="):
			table = a[len("--table="):]
		case a == "-w" || a == "--wait":
			if i+1 < len(args) {
				if _, ok := parseNumber(args[i+1]); ok {
					i++
				}
			}
		case verb == nil && isVerb(a):
			verb = args[i]
			if i+1 < len(args) && len(args[i+1]) > 0 && args[i+1][0] != '-' {
				i++
				name = args[i]
			}
		default:
			rest = append(rest, args[i])
		}
	}
	x.rest = rest
	if table != "nat" {
		if translates(text) && x.table == "" {
			return bad(ErrSyntax, "the rule is in table %s, and translates only in table nat", printable(table))
		}
		x.notes.add(x.in.line, "rules are in table "+printable(table)+", which does not translate", string(text))
		x.name(args)
		return x.untrack(table, name, rest, text)
	}
	return x.apply(x.intern(verb), name, rest, text)
}

func isVerb(a string) bool {
	switch a {
	case "-A", "--append", "-I", "--insert", "-N", "--new-chain", "-F", "--flush", "-X", "--delete-chain", "-P", "--policy",
		"-D", "--delete", "-R", "--replace", "-Z", "--zero", "-L", "-S", "-E", "-C":
		return true
	}
	return false
}

func (x *iptablesReader) apply(verb string, name []byte, rest [][]byte, text []byte) *LineError {
	if x.table == "" && bytes.ContainsAny(name, "$`") {
		return bad(ErrShared, "the script computes the chain").hint("run the script on a test machine and import what iptables-save prints")
	}
	switch verb {
	case "-A", "--append":
		r, err := x.refusable(rest, text)
		if err == nil {
			c := x.declare(name)
			c.rules = append(c.rules, r)
		}
		return err
	case "-I", "--insert":
		if len(rest) > 0 {
			if n, ok := parseNumber(rest[0]); ok {
				if n != 1 {
					return bad(ErrSyntax, "the rule is inserted at place %d", n).hint("import what iptables-save prints")
				}
				rest = rest[1:]
			}
		}
		r, err := x.refusable(rest, text)
		if err == nil {
			c := x.declare(name)
			c.front = append(c.front, r)
		}
		return err
	case "-N", "--new-chain":
		x.declare(name)
	case "-F", "--flush", "-X", "--delete-chain":
		x.flush(name)
	case "-P", "--policy":
		if len(rest) != 1 {
			return bad(ErrSyntax, "a policy is a chain and one word")
		}
		return x.policy(x.declare(name), rest[0])
	case "-Z", "--zero", "-L", "-S", "-C":
	default:
		if translates(text) || verb != "" {
			return bad(ErrSyntax, "%s is not followed", printable(verb)).hint("import what iptables-save prints")
		}
		return bad(ErrSyntax, "no command such as -A")
	}
	return nil
}

// refusable reads a rule. What is wrong with it matters where a packet can meet it.
func (x *iptablesReader) refusable(rest [][]byte, text []byte) (rule, *LineError) {
	r, err := x.rule(rest, text)
	if err == nil || errors.Is(err, ErrTooLarge) {
		return r, err
	}
	return x.p.refusal(r, at(x.in, err)), nil
}

// flush empties a chain, or all.
func (x *iptablesReader) flush(name []byte) {
	for i := range x.p.chains {
		if c := &x.p.chains[i]; len(name) == 0 || c.name == string(name) {
			c.rules, c.front = nil, nil
		}
	}
}
