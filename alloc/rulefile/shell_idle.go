package rulefile

import (
	"bytes"
	"slices"
	"strings"
)

// A shell is what is known of a script around rules. Scripts are not run: a line is passed over where it decides nothing about whether rules hold, and all
// others are refused.
type shell struct {
	ended int               // the line that ends the script; 0 = none
	vars  map[string]string // what variables stand for, as it is written; "" = not known
	fixed map[string]bool   // those that are read-only
	halts bool              // set -e: what fails ends it

	strict bool // set -u: a parameter that is not given ends it
	hidden bool // whether variables may be set that are not known
}

// idle are commands that put no rules into the kernel, and none out of it.
var idle = wordSet(": true echo printf logger sleep date hostname uname id whoami which type cat tee grep egrep sed awk cut head tail sort uniq tr wc ls pwd " +
	"basename dirname readlink mkdir rmdir rm cp mv ln chmod chown touch umask cd shopt ulimit wait sync insmod depmod lsmod tc ethtool ifconfig route " +
	"conntrack brctl bridge vconfig arptables ebtables ipset iptables-save iptables-legacy-save iptables-nft-save ip6tables ip6tables-legacy ip6tables-nft " +
	"ip6tables-save ip6tables-restore sysctl")

// failing are commands behind which "|| exit 1" ends a script that does not work at all, and no other.
var failing = wordSet("modprobe insmod sysctl cd mkdir touch")

// deciding are commands that fail to say no, or that there is none.
var deciding = wordSet("grep egrep which type command readlink ls conntrack lsmod")

func wordSet(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// pass reads a line without commands of rules, and says what in it may decide whether rules hold; "" = nothing.
func (s *shell) pass(text []byte, line int) (why string) {
	s.notice(text)
	cmds, subs, why := shellLine(text)
	if why == "" {
		why = s.passSubs(subs)
	}
	for i := range cmds {
		if why != "" {
			return why
		}
		why = s.command(cmds, i, line)
	}
	return why
}

// passSubs judges commands whose output a shell puts into a line.
func (s *shell) passSubs(subs [][]byte) (why string) {
	for _, sub := range subs {
		cmds, _, why := shellLine(sub)
		for i := range cmds {
			if why == "" {
				why = (&shell{}).command(cmds, i, 0)
			}
		}
		if why != "" {
			return why
		}
	}
	return ""
}

// command judges the command i of a line. line is 0 in a substitution.
func (s *shell) command(cmds []shellCommand, i, line int) (why string) {
	c := cmds[i]
	if c.here != "" {
		return "a here document"
	}
	alone := (c.after == "" || c.after == ";") && (i+1 == len(cmds) || cmds[i+1].after == ";")
	words := s.assigned(c.words, alone)
	if s.strict && (len(words) == 0 || baseOf(words[0]) != "awk") && slices.ContainsFunc(c.words, hasParameter) { // awk has fields of its own
		return "with set -u a parameter of the script"
	}
	if len(words) == 0 {
		return ""
	}
	name, args := baseOf(words[0]), words[1:]
	switch {
	case name == "exit":
		return s.exit(cmds, i, line, args)
	case name == "set":
		s.option(args)
	case s.halts && line > 0 && deciding[name] && isLast(cmds, i):
		return "with set -e the command " + printable(words[0])
	}
	if s.declare(name, args, alone) || harmless(name, args) {
		return ""
	}
	return "the command " + printable(words[0])
}

// assigned returns what stands behind the assignments of a command, with what a variable stands for. Before a command they hold for that alone, and the
// shell reads its words first.
func (s *shell) assigned(words [][]byte, alone bool) [][]byte {
	n := 0
	for n < len(words) && isAssignment(words[n]) {
		n++
	}
	rest := s.named(words[n:])
	for _, w := range words[:n] {
		s.assign(w, alone && n == len(words))
	}
	return rest
}

// exit judges a command that ends the script.
func (s *shell) exit(cmds []shellCommand, i, line int, args [][]byte) (why string) {
	switch c := cmds[i]; {
	case line > 0 && (c.after == "" || c.after == ";") && (i+1 == len(cmds) || cmds[i+1].after == ";"):
		s.ended = line
		return ""
	case c.after == "||" && i > 0 && s.mayFail(cmds[i-1]) && len(args) == 1 && strings.Trim(string(args[0]), "123456789") == "":
		return ""
	}
	return "an exit that depends on something"
}

// isLast reports whether nothing asks whether a command failed: with set -e that ends the script.
func isLast(cmds []shellCommand, i int) bool {
	if i+1 == len(cmds) {
		return true
	}
	next := cmds[i+1].after
	return next != "&&" && next != "||" && next != "|"
}

// declare reads a command that assigns variables, if it is one.
func (s *shell) declare(name string, args [][]byte, always bool) bool {
	switch name {
	case "export", "readonly", "declare", "typeset", "local": // the last one fails outside of functions, and options may have other values come of it
		plain := name != "local" && !slices.ContainsFunc(args, func(a []byte) bool { return len(a) > 0 && (a[0] == '-' || a[0] == '+') })
		for _, a := range args {
			s.assign(a, always && plain)
			if name == "readonly" {
				s.fix(a)
			}
		}
		return true
	case "unset":
		for _, a := range args {
			s.set(string(a), "")
		}
		return true
	}
	return false
}

// mayFail reports whether a command fails only where the machine lacks something. Empty ones stand behind what was read already.
func (s *shell) mayFail(c shellCommand) bool {
	words := s.named(c.words)
	return len(words) == 0 || failing[baseOf(words[0])]
}

// harmless reports whether a command leaves rules as they are.
func harmless(name string, args [][]byte) bool {
	has := func(list ...string) bool {
		return slices.ContainsFunc(args, func(a []byte) bool { return slices.Contains(list, string(a)) })
	}
	switch name {
	case "set":
		return runsOn(args)
	case "exec": // of redirections only
		return len(args) == 0
	case "command":
		return has("-v", "-V")
	case "modprobe", "rmmod": // without its module a table is gone
		return name == "modprobe" && !has("-r", "--remove") || !slices.ContainsFunc(args, func(a []byte) bool { return isModule(string(a)) })
	case "ip":
		return !has("e", "ex", "exe", "exec") && !slices.ContainsFunc(args, func(a []byte) bool { return bytes.HasPrefix(a, []byte("-b")) })
	case "awk", "sed": // which can run commands
		return !slices.ContainsFunc(args, func(a []byte) bool { return runsCommands(name, string(a)) })
	case "service", "systemctl", "rc-service", "invoke-rc.d", "netfilter-persistent":
		firewall := name == "netfilter-persistent" || slices.ContainsFunc(args, func(a []byte) bool {
			return slices.ContainsFunc([]string{"$", "tables", "netfilter", "fire", "ufw", "wall", "nat"}, func(w string) bool { return bytes.Contains(a, []byte(w)) })
		})
		return !firewall || has("save") || has("enable") && !has("--now")
	}
	return idle[name]
}

// option reads -e, +e and -u of the command set.
func (s *shell) option(args [][]byte) {
	for i, a := range args {
		s.strict = s.strict || string(a) == "nounset" || bytes.HasPrefix(a, []byte("-")) && bytes.IndexByte(a, 'u') > 0
		switch w := string(a); {
		case strings.HasPrefix(w, "-") && strings.Contains(w, "e"), w == "errexit" && i > 0 && bytes.HasPrefix(args[i-1], []byte("-")):
			s.halts = true
		case strings.HasPrefix(w, "+") && strings.Contains(w, "e"), w == "errexit" && i > 0:
			s.halts = false
		}
	}
}

// runsOn reports whether the command set leaves a shell running commands: with -n and -o noexec it does not.
func runsOn(args [][]byte) bool {
	for i, a := range args {
		if w := string(a); w == "noexec" || w == "--" || w == "-" || strings.HasPrefix(w, "-") && strings.Contains(w, "n") ||
			w[:min(1, len(w))] != "-" && w[:min(1, len(w))] != "+" && (i == 0 || !strings.HasSuffix(string(args[i-1]), "o")) {
			return false
		}
	}
	return true
}

func isModule(name string) bool {
	name = strings.ReplaceAll(name, "-", "_")
	return name == "nf_nat" || name == "nf_conntrack" || strings.Contains(name, "tables") || strings.HasPrefix(name, "iptable_") || strings.HasPrefix(name, "nft_") || strings.Contains(name, "$")
}

func isAssignment(word []byte) bool {
	name, _, ok := bytes.Cut(word, []byte("="))
	return ok && isVariable(bytes.TrimSuffix(name, []byte("+")))
}

// assign reads NAME=VALUE, if a word is that. always says whether the line comes to it for certain, and assigns just that.
func (s *shell) assign(word []byte, always bool) {
	if !isAssignment(word) {
		return
	}
	name, value, _ := bytes.Cut(word, []byte("="))
	name, more := bytes.CutSuffix(name, []byte("+"))
	if more || !always {
		value = nil
	}
	s.set(string(name), string(value))
}

// fix has a variable be read-only: what is assigned to it later on is refused by the shell.
func (s *shell) fix(word []byte) {
	name, _, _ := bytes.Cut(word, []byte("="))
	if s.fixed == nil {
		s.fixed = map[string]bool{}
	}
	if len(s.fixed) < maxInterned {
		s.fixed[string(name)] = true
	}
}

func (s *shell) set(name, value string) {
	if s.vars == nil {
		s.vars = map[string]string{}
	}
	if len(value) > maxText || s.fixed[name] {
		value = ""
	}
	if len(s.vars) < maxInterned {
		s.vars[name] = value
	} else if _, ok := s.vars[name]; ok {
		s.vars[name] = ""
	}
}

func isVariable(name []byte) bool {
	for i, c := range name {
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return len(name) > 0
}

// named puts what a variable stands for in place of a command that is one, and takes sudo away. What is not known stays as it is.
func (s *shell) named(words [][]byte) [][]byte {
	for range 4 {
		switch {
		case len(words) == 0:
			return words
		case string(words[0]) == "sudo":
			words = words[1:]
			for len(words) > 0 && (string(words[0]) == "-n" || string(words[0]) == "-E") {
				words = words[1:]
			}
			continue
		case len(words[0]) == 0 || words[0][0] != '$':
			return words
		}
		value := valueWords(s.standsFor(string(words[0][1:])))
		if _, cut := s.vars["IFS"]; len(value) == 0 || cut && len(value) > 1 {
			return words
		}
		words = append(value, words[1:]...)
	}
	return words
}

// standsFor returns what NAME, {NAME} or {NAME:-WORD} behind a $ stands for, or "". Where nothing in the script sets it, that is WORD.
func (s *shell) standsFor(name string) string {
	if in, ok := strings.CutPrefix(name, "{"); ok {
		name, ok = strings.CutSuffix(in, "}")
		if !ok {
			return ""
		}
	}
	before, word, ok := strings.Cut(name, "-")
	if before = strings.TrimSuffix(before, ":"); !ok || !isVariable([]byte(before)) {
		return s.vars[name]
	}
	if value, set := s.vars[before]; set || s.hidden {
		return value
	}
	return word
}

// notice forgets what variables stand for where a line may set some in ways that are not followed: ${IPT:=true}, $((IPT = 1)), printf -v IPT.
func (s *shell) notice(text []byte) {
	if !sets(text) {
		return
	}
	s.hidden = true
	for name := range s.vars {
		s.vars[name] = ""
	}
}

func sets(text []byte) bool {
	if bytes.Contains(text, []byte("printf")) && bytes.Contains(text, []byte("-v")) {
		return true
	}
	for _, around := range [][2]string{{"${", "}"}, {"$((", "))"}} {
		for rest := text; ; {
			_, after, ok := bytes.Cut(rest, []byte(around[0]))
			if !ok {
				break
			}
			in, _, _ := bytes.Cut(after, []byte(around[1]))
			if rest = after; bytes.IndexByte(in, '=') >= 0 || around[1] == "))" && (bytes.Contains(in, []byte("++")) || bytes.Contains(in, []byte("--"))) {
				return true
			}
		}
	}
	return false
}

// valueWords returns the words of a variable. Of $(which NAME) and ${VARIABLE:-NAME} that is NAME.
func valueWords(value string) [][]byte {
	text := value
	for _, around := range [][2]string{{"$(", ")"}, {"`", "`"}} {
		in, ok := strings.CutPrefix(value, around[0])
		f := strings.Fields(strings.TrimSuffix(in, around[1]))
		if !ok || len(f) < 2 || f[0] != "which" && f[0] != "command" && f[0] != "type" {
			continue
		}
		if i := slices.IndexFunc(f, func(w string) bool { return w != f[0] && w[0] != '-' }); i > 0 {
			text = f[i]
		}
	}
	if in, ok := strings.CutPrefix(value, "${"); ok && strings.HasSuffix(in, "}") {
		if _, otherwise, ok := strings.Cut(in, ":-"); ok {
			text = strings.TrimSuffix(otherwise, "}")
		}
	}
	var out [][]byte
	for w := range strings.FieldsSeq(text) {
		out = append(out, []byte(w))
	}
	return out
}

// baseOf returns the name of a program without its folder.
func baseOf(path []byte) string { return string(path[bytes.LastIndexByte(path, '/')+1:]) }
