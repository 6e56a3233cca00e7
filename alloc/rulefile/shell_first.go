package rulefile

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// shells are what runs a script as it is read here. iptables-restore reads a listing.
var shells = wordSet("sh bash dash ash ksh mksh zsh busybox env iptables-restore iptables-legacy-restore iptables-nft-restore")

// first reads the first line of a script, #!/bin/sh -e: who runs it, and with which options.
func (s *shell) first(comment []byte, line int) *LineError {
	text, ok := bytes.CutPrefix(comment, []byte("#!"))
	words := bytes.Fields(text)
	if line != 1 || !ok || len(words) == 0 {
		return nil
	}
	for i, w := range words {
		switch name := baseOf(w); {
		case w[0] == '-' && (strings.Contains(string(w), "n") || string(w) == "-c"), w[0] != '-' && !shells[name] && (i == 0 || baseOf(words[0]) == "env" && !isAssignment(w)):
			return bad(ErrSyntax, "the first line does not have a shell run this script").hint(notRun)
		case w[0] != '-' && name != "env" && name != "busybox":
			s.option(words[i+1:])
		}
	}
	return nil
}

// hasParameter reports whether a word has a parameter of the script: $1, ${2}.
func hasParameter(word []byte) bool {
	for i := range word {
		if rest, ok := bytes.CutPrefix(word[i:], []byte("$")); ok {
			rest, braces := bytes.CutPrefix(rest, []byte("{"))
			if len(rest) > 0 && '1' <= rest[0] && rest[0] <= '9' && (!braces || bytes.IndexByte([]byte("}%#:/^,"), rest[min(1, len(rest)-1)]) >= 0 && !bytes.HasPrefix(rest[1:], []byte(":-"))) {
				return true
			}
		}
	}
	return false
}

// ofSed is what has sed run a command: e, alone or behind an address, and the flag of s.
var ofSed = regexp.MustCompile(`(^|[;{}!0-9$/,\s])e(\s|$|[;}])|[^a-zA-Z0-9\s][gpiImMw0-9]*e[gpiImM0-9]*\s*($|[;}])`)

// runsCommands reports whether an argument of awk or sed may run commands.
func runsCommands(name, arg string) bool {
	if name == "awk" {
		return strings.Contains(arg, "system") || strings.ContainsAny(arg, "|@") || strings.HasPrefix(arg, "-f") || strings.HasPrefix(arg, "--f")
	}
	if strings.HasPrefix(arg, "-f") || strings.HasPrefix(arg, "--f") {
		return true
	}
	if _, script, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(arg, "--") {
		arg = script
	} else if strings.HasPrefix(arg, "-") {
		_, arg, _ = strings.Cut(arg, "e")
	}
	return ofSed.MatchString(arg)
}

// mustBeSet reports whether the inside of ${...} ends a script where a variable is not set: ${1:?usage}.
func mustBeSet(in []byte) bool {
	name, _, ok := bytes.Cut(in, []byte("?"))
	name = bytes.TrimSuffix(name, []byte(":"))
	return ok && len(name) > 0 && !slices.ContainsFunc(name, func(c byte) bool { return !isVariable([]byte{c}) && (c < '0' || c > '9') })
}
