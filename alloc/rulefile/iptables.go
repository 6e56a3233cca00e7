package rulefile

import (
	"bytes"
	"errors"
	"io"
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
	sh    shell
	here  string // the word that ends a here document of iptables-restore; "" = none is open
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
		return x.sh.first(text, x.in.line)
	case x.sh.ended > 0:
		return bad(ErrSyntax, "the script ends in line %d, and this stands behind it", x.sh.ended).hint("take what does not run out of a copy of the file")
	case x.here != "" && string(text) == x.here:
		x.here = ""
		return x.committed()
	case text[0] == '*':
		if err := x.committed(); err != nil {
			return err
		}
		x.table = string(bytes.TrimSpace(text[1:]))
		return x.once()
	case text[0] == ':' && len(text) > 1 && !isBlank(text[1]): // :CHAIN POLICY [packets:bytes]
		if x.table == "nat" || x.table == "" {
			name, policy, _ := bytes.Cut(text[1:], []byte(" "))
			policy, _, _ = bytes.Cut(policy, []byte(" "))
			return x.policy(x.declare(name), policy)
		}
		return nil
	case string(text) == "COMMIT":
		x.table = ""
		return nil
	}
	text = uncounted(text)
	if len(text) == 0 {
		return nil
	}
	if i := bytes.Index(text, []byte(" #")); i >= 0 {
		x.p.remark(text[i:])
	}
	if text[0] == '-' && x.table != "" {
		return x.saved(text)
	}
	if x.table != "" || x.here != "" {
		return bad(ErrSyntax, "this is no line that iptables-save prints").hint("import the whole of what iptables-save prints, and nothing else")
	}
	return x.scripted(text)
}

// uncounted takes counters away: [12:34] -A ...
func uncounted(text []byte) []byte {
	if i := bytes.IndexByte(text, ']'); text[0] == '[' && len(bytes.Trim(text[1:max(i, 1)], "0123456789:")) == 0 && i > 0 && i+1 < len(text) {
		return bytes.TrimSpace(text[i+1:])
	}
	return text
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
		if name, next, ok := tableOption(a); ok {
			if next {
				if i++; i == len(args) {
					return bad(ErrSyntax, "no table behind %s", printable(a))
				}
				name = x.intern(args[i])
			}
			table = name
			continue
		}
		switch {
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
	if x.computesTable(table, args) {
		return bad(ErrShared, "the script computes the table").hint("run the script on a test machine and import what iptables-save prints")
	}
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
	case "-F", "--flush":
		x.flush(name)
	case "-P", "--policy":
		if len(rest) != 1 {
			return bad(ErrSyntax, "a policy is a chain and one word")
		}
		return x.policy(x.declare(name), rest[0])
	case "-Z", "--zero", "-L", "-S", "-C", "-X", "--delete-chain": // only chains without rules can be deleted
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
