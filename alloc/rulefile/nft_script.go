package rulefile

import (
	"bytes"
	"strings"
)

// foreign reads a line that is not nft's, or does not change rules. Shell scripts have some: where one may decide whether rules hold, it is refused.
func (x *nftReader) foreign(shell bool) *LineError {
	if x.tok.kind == '}' {
		return bad(ErrSyntax, "a brace closes nothing")
	}
	word := string(x.tok.text)
	switch word {
	case "insert", "replace", "rename", "undefine", "import":
		return bad(ErrSyntax, "%s puts rules elsewhere, and is not followed", word).hint("import what nft list ruleset prints")
	case "list", "describe", "monitor", "reset", "export", "get":
		x.notes.add(x.tok.line, "lines are no part of a table", word)
		x.skipStatement()
		return nil
	case "flowtable", "counter", "quota", "limit", "secmark", "synproxy", "tunnel": // nft takes them without add
		x.skipStatement()
		return nil
	}
	if shell {
		return bad(ErrSyntax, "this line runs nft in a way that is not followed").hint("import what nft list ruleset prints")
	}
	return x.other(word)
}

// other reads a line of a script that does not run nft.
func (x *nftReader) other(word string) *LineError {
	rest, size, ok := x.logical()
	text := bytes.TrimSpace(append([]byte(word), rest...))
	switch {
	case !ok || len(x.pending) > 0 || x.tok.kind == tokString:
		return bad(ErrSyntax, "this is no statement of nft, and no command of a script that is followed").hint(notRunNft)
	case x.here != "" && string(text) == x.here:
		x.here = ""
	case x.here != "":
		return bad(ErrSyntax, "%s is no statement of nft that is followed", printable(word)).hint("import what nft list ruleset prints")
	default:
		line := x.tok.line
		if why := x.sh.pass(text, line); why != "" {
			if mentionsNft(text) {
				return bad(ErrSyntax, "this line runs nft in a way that is not followed").hint("import what nft list ruleset prints")
			}
			return bad(ErrSyntax, "%s is not followed, and may decide which rules hold", why).hint(notRunNft)
		}
		x.notes.add(line, "lines are no part of a table", word)
		if x.odd == nil {
			x.odd = &LineError{Line: line, Err: ErrSyntax, Msg: "this is no statement of nft, and the file is no script that runs nft", Text: printable(text), Hint: notRunNft}
		}
	}
	x.discard(size)
	x.advance()
	return nil
}

// notRunNft is what to do about scripts that do more than list commands.
const notRunNft = "scripts are not run: import what nft list ruleset prints, or take the line out of a copy if no rule depends on it"

func mentionsNft(text []byte) bool {
	for _, w := range bytes.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t;&|()'\"`", r) }) {
		if string(w) == "nft" || bytes.HasSuffix(w, []byte("/nft")) {
			return true
		}
	}
	return false
}

// run looks at a line that starts with the command nft, as the shell does: it may have other commands, too. done says that the line is read, because what
// follows is a here document.
func (x *nftReader) run() (done bool, err *LineError) {
	x.script = true
	rest, size, ok := x.logical()
	cmds, subs, why := shellLine(append([]byte("nft"), rest...))
	cmds = joinBraces(cmds)
	followed := ok && why == "" && len(subs) == 0 && !quotesText(rest)
	if followed && readsHere(cmds) {
		x.here = cmds[0].here
		x.discard(size)
		x.advance()
		return true, nil
	}
	for i, c := range cmds {
		isNft := len(c.words) > 0 && string(c.words[0]) == "nft"
		switch {
		case c.here != "":
			followed = false
		case i == 0 || c.after == ";" && isNft: // it is looked at when it is read
		case c.after == ";":
			followed = followed && (&shell{}).command(cmds, i, 1) == ""
		default:
			alone := append([]shellCommand{{}}, cmds[1:]...) // nft fails only where rules are refused
			followed = followed && c.after == "||" && !isNft && (&shell{}).command(alone, i, 1) == ""
		}
	}
	if !followed {
		return false, bad(ErrSyntax, "this line runs nft in a way that is not followed").hint("import what nft list ruleset prints")
	}
	return false, nil
}

// readsHere reports whether a line has nft read a here document.
func readsHere(cmds []shellCommand) bool {
	c := cmds[0]
	return c.here != "" && len(cmds) == 1 && len(c.words) == 3 && string(c.words[1]) == "-f" && (string(c.words[2]) == "-" || string(c.words[2]) == "/dev/stdin")
}

// joinBraces puts commands together again that a ; in braces separates: people forget its backslash.
func joinBraces(cmds []shellCommand) []shellCommand {
	out, depth := cmds[:0], 0
	for _, c := range cmds {
		if depth > 0 && c.after == ";" && c.here == "" {
			out[len(out)-1].words = append(out[len(out)-1].words, c.words...)
		} else {
			out, depth = append(out, c), 0
		}
		for _, w := range c.words {
			depth += bytes.Count(w, []byte("{")) - bytes.Count(w, []byte("}"))
		}
	}
	return out
}

// quotesText reports whether quotes hold more than a word. The shell takes them away, and nft reads what is within.
func quotesText(text []byte) bool {
	for i, quoted := range shellText(text) {
		if quoted && strings.IndexByte(" \t{};", text[i]) >= 0 {
			return true
		}
	}
	return false
}

// isTail reports whether here begins what a shell reads behind a command of nft. The line was looked at before.
func (x *nftReader) isTail() bool {
	text := string(x.tok.text)
	return x.tok.kind == tokWord && (text == "||" || strings.HasPrefix(text, "2>") || strings.HasPrefix(text, ">/dev/") || strings.HasPrefix(text, "&>"))
}

// setsOptions reports whether the word set is the command of a shell.
func (x *nftReader) setsOptions() bool {
	rest, _, _ := x.logical()
	rest = bytes.TrimLeft(rest, " \t")
	return len(rest) > 0 && (rest[0] == '-' || rest[0] == '+')
}
