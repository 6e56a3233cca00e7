package rulefile

import (
	"bytes"
	"strings"
)

// notRun is what to do about scripts that do more than list commands.
const notRun = "scripts are not run: run it on a test machine and import what iptables-save prints, or take the line out of a copy if no rule depends on it"

// scripted reads a line of a shell script. Of what iptables -S prints, lines without a table look like one.
func (x *iptablesReader) scripted(text []byte) *LineError {
	var ok bool
	if text[0] == '-' {
		if x.words, ok = words(x.words[:0], text); !ok {
			return bad(ErrSyntax, "a quote does not end in this line")
		}
		return x.command(append([][]byte{[]byte("-t"), []byte("nat")}, x.words...), text)
	}
	if !bytes.ContainsAny(text[1:], ";&|<>$`()") { // as most lines: one command
		if x.words, ok = words(x.words[:0], text); !ok {
			return bad(ErrSyntax, "a quote does not end in this line").hint(notRun)
		}
		switch args, is, err := x.program(x.words); {
		case err != nil:
			return err
		case is:
			return x.run(args, text)
		}
		return x.shell(text)
	}
	return x.compound(text)
}

// compound reads a line with operators, redirections or variables.
func (x *iptablesReader) compound(text []byte) *LineError {
	x.sh.notice(text)
	cmds, subs, why := shellLine(text)
	if why == "" {
		why = x.sh.passSubs(subs)
	}
	if why != "" {
		return x.refuse(text, why)
	}
	if restores(cmds) {
		x.here = cmds[0].here
		return nil
	}
	others := 0
	for i, c := range cmds {
		args, is, err := x.program(c.words)
		switch {
		case err != nil:
			return err
		case !is:
			others++
			why = x.sh.command(cmds, i, x.in.line)
		case c.here != "":
			why = "a here document"
		case i == 0 && len(subs) == 0 && x.onlyFails(cmds[1:]), len(cmds) == 1:
			return x.run(args, text)
		case x.translating(args):
			return bad(ErrSyntax, "several commands in a line").hint("write one iptables command a line, or import what iptables-save prints")
		default:
			if err := x.run(args, text); err != nil {
				return err
			}
		}
		if why != "" {
			return x.refuse(text, why)
		}
	}
	if others == len(cmds) {
		x.notes.add(x.in.line, "lines are no iptables commands", string(text))
	}
	return nil
}

// onlyFails reports whether commands run only where the one before them fails, and decide nothing then.
func (x *iptablesReader) onlyFails(cmds []shellCommand) bool {
	for i, c := range cmds {
		if c.after != "||" || (&shell{}).command(append([]shellCommand{{}}, cmds...), i+1, 0) != "" {
			return false
		}
	}
	return true
}

// restores reports whether a line begins a here document for iptables-restore.
func restores(cmds []shellCommand) bool {
	c := cmds[0]
	if len(c.words) > 0 && string(c.words[0]) == "sudo" {
		c.words = c.words[1:]
	}
	if len(cmds) > 1 || c.here == "" || len(c.words) == 0 {
		return false
	}
	switch baseOf(c.words[0]) {
	case "iptables-restore", "iptables-legacy-restore", "iptables-nft-restore":
	default:
		return false
	}
	for _, a := range c.words[1:] {
		switch string(a) {
		case "-n", "--noflush", "-c", "--counters", "-w", "--wait", "-v", "--verbose":
		default:
			return false
		}
	}
	return true
}

// program returns the arguments of a command, and whether it is iptables.
func (x *iptablesReader) program(words [][]byte) (args [][]byte, is bool, err *LineError) {
	as := words
	words = x.sh.named(words)
	switch {
	case len(words) == 0 || bytes.IndexByte(words[0], '=') >= 0:
		return nil, false, nil
	case len(words) > len(as) && bytes.Contains(x.in.text, append([]byte{'"'}, as[0]...)):
		return nil, false, bad(ErrSyntax, "%s is several words, and one in quotes", printable(as[0])).hint(notRun)
	}
	name := baseOf(words[0])
	switch {
	case name == "iptables", name == "iptables-legacy", name == "iptables-nft":
	case strings.HasPrefix(name, "$") && len(words) > 1 && bytes.HasPrefix(words[1], []byte("-")):
		why := "and where nothing sets it, none of these rules is loaded" // one that is empty has the shell look for a command that is called -A
		if strings.ContainsAny(name, "-=?+") {
			why = "which depends on a variable that is not known"
		}
		return nil, false, bad(ErrSyntax, "the file does not say which command %s is, %s", printable(name), why).
			hint("set it before in a copy of the file, as in IPT=/sbin/iptables, if whatever runs this one does; otherwise import what iptables-save prints")
	default:
		return nil, false, nil
	}
	if len(words) < 2 || !bytes.HasPrefix(words[1], []byte("-")) {
		return nil, false, bad(ErrSyntax, "the script computes the options of iptables").hint(notRun)
	}
	return words[1:], true, nil
}

// translating reports whether a command is about a table in which rules decide who is translated, as far as is to be seen.
func (x *iptablesReader) translating(args [][]byte) bool {
	for i, a := range args {
		name, next, ok := tableOption(string(a))
		if next && i+1 < len(args) {
			name = string(args[i+1])
		}
		if ok && name != "filter" && name != "mangle" && name != "security" {
			return true
		}
	}
	return x.hidden(args)
}

// hidden reports whether a variable may hold further options, such as a table. Those behind options are their values.
func (x *iptablesReader) hidden(args [][]byte) bool {
	for i, a := range args {
		if len(a) < 2 || a[0] != '$' && a[0] != '`' || i > 0 && (bytes.HasPrefix(args[i-1], []byte("-")) || string(args[i-1]) == "!") {
			continue
		}
		if value := x.sh.vars[strings.Trim(string(a), "${}")]; value == "" || strings.ContainsAny(value, "$`") || strings.Contains(value, "nat") || strings.Contains(value, "raw") {
			return true
		}
	}
	return false
}

// computesTable reports whether a script computes the table of a command.
func (x *iptablesReader) computesTable(table string, args [][]byte) bool {
	return x.table == "" && (strings.ContainsAny(table, "$`") || table == "filter" && x.hidden(args))
}

// tableOption reads -t, also behind options without values, as in -vt nat, and what getopt takes for --table. next says that the table is the next word.
func tableOption(a string) (table string, next, ok bool) {
	if len(a) < 2 || a[0] != '-' {
		return "", false, false
	}
	if a[1] == '-' {
		name, value, given := strings.Cut(a[2:], "=")
		if n := len(name); n < 2 || n > len("table") || "table"[:n] != name {
			return "", false, false
		}
		return value, !given, true
	}
	rest := strings.TrimLeft(a[1:], "vnx46f")
	if rest == "" || rest[0] != 't' {
		return "", false, false
	}
	return rest[1:], rest == "t", true
}

// run reads one command of iptables.
func (x *iptablesReader) run(args [][]byte, text []byte) *LineError {
	if translates(text) && bytes.ContainsAny(bytes.TrimLeft(text, "$"), "$`") && !x.nameOnly(text) {
		return bad(ErrShared, "the script computes this rule").hint("run the script on a test machine and import what iptables-save prints")
	}
	return x.command(args, text)
}

// nameOnly reports whether nothing but the name of the program is a variable.
func (x *iptablesReader) nameOnly(text []byte) bool {
	first, rest, _ := bytes.Cut(text, []byte(" "))
	if string(first) == "sudo" {
		_, rest, _ = bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	}
	return !bytes.ContainsAny(rest, "$`")
}

func translates(text []byte) bool {
	return bytes.Contains(text, []byte("SNAT")) || bytes.Contains(text, []byte("NETMAP"))
}

// shell notes a line that is no rule, and decides nothing about rules.
func (x *iptablesReader) shell(text []byte) *LineError {
	if why := x.sh.pass(text, x.in.line); why != "" {
		return x.refuse(text, why)
	}
	x.notes.add(x.in.line, "lines are no iptables commands", string(text))
	return nil
}

// refuse refuses a line of a script that may decide whether rules hold.
func (x *iptablesReader) refuse(text []byte, why string) *LineError {
	if translates(text) && bytes.ContainsAny(text, "$`") {
		return bad(ErrShared, "the script computes this rule (%s)", why).hint("run the script on a test machine and import what iptables-save prints")
	}
	return bad(ErrSyntax, "%s is not followed, and may decide which rules hold", why).hint(notRun)
}
