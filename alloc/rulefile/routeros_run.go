package rulefile

import (
	"bytes"
	"strings"
)

// runs refuses commands that run what stands elsewhere, or take the configuration away. RouterOS takes abbreviations of them.
func (x *routerOSReader) runs(args [][]byte, text []byte) *LineError {
	path := pathOf(args)
	if len(path) > 0 && text[0] != '/' {
		path = append(strings.Fields(x.menu), path...)
	}
	own := 0
	if text[0] != '/' {
		own = len(strings.Fields(x.menu))
	}
	for i, w := range path {
		switch {
		case isShortOf(w, "import", 2) && (i == 0 || i == own && w == "import"), isShortOf(w, "run", 2) && i > 0 && isShortOf(path[i-1], "script", 2):
		case isShortOf(w, "reset-configuration", len("reset-c")), isShortOf(w, "load", 2) && i > 0 && isShortOf(path[i-1], "backup", 2):
		case i == own && (w == "quit" || w == "undo" || w == "redo"):
		default:
			continue
		}
		return bad(ErrSyntax, "%s is not followed, and may decide which rules the router has", printable(strings.Join(path[min(i, own):i+1], " "))).
			hint("import what /ip firewall nat export prints on the router, or take the line out of a copy if no rule depends on it")
	}
	return nil
}

// pathOf returns the menus and the command with which a line begins: "/system/script/run x" and "system script run x".
func pathOf(args [][]byte) (path []string) {
	for _, a := range args {
		for w := range strings.SplitSeq(string(a), "/") {
			switch {
			case strings.ContainsAny(w, "=\"[$") || isRouterOSVerb(w) || len(path) == maxMenu:
				return path
			case w != "":
				path = append(path, w)
			}
		}
	}
	return path
}

// isShortOf reports whether a word is a command, or the beginning of it with so many letters at least.
func isShortOf(word, command string, letters int) bool {
	return len(word) >= letters && strings.HasPrefix(command, word)
}

// severalElsewhere reports whether a line in another menu has several commands of which one may be about rules.
func severalElsewhere(text []byte) bool {
	if !unquoted(text, ";") {
		return false
	}
	for _, w := range []string{"nat", "address-list", "import", "run", "reset", "load", "quit"} {
		if bytes.Contains(text, []byte(w)) {
			return true
		}
	}
	return false
}
