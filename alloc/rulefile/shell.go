package rulefile

import (
	"bytes"
	"slices"
	"strings"
)

// A shellCommand is a simple command of a line of a shell script: words without quotes and redirections. What the shell replaces stays as it is written.
type shellCommand struct {
	words [][]byte
	after string // the operator before it: "", ";", "&", "&&", "||" or "|"
	here  string // the word that ends its here document
}

// A shellLexer cuts a line of a shell script into commands. It knows what scripts around rules have; of anything else it says that it is there.
type shellLexer struct {
	text []byte
	i    int
	cmds []shellCommand
	word []byte // nil where none has begun
	bare int    // how many bytes at its beginning are not in quotes
	to   string // the redirection whose target the next word is
	subs [][]byte
	why  string // what is not followed; "" = nothing
}

// shellLine returns the commands of a line, and those between $( and ), which run, too. why says what is not followed.
func shellLine(text []byte) (cmds []shellCommand, subs [][]byte, why string) {
	x := &shellLexer{text: text, cmds: make([]shellCommand, 1)}
	for x.i < len(text) && x.why == "" {
		if x.word == nil && text[x.i] == '#' {
			break
		}
		x.step()
	}
	x.end()
	last := x.cmds[len(x.cmds)-1]
	switch {
	case x.why != "":
	case x.to != "":
		x.why = "a redirection without a file"
	case len(last.words) == 0 && last.after != "" && last.after != ";" && last.after != "&":
		x.why = "a command that goes on in the next line"
	}
	return x.cmds, x.subs, x.why
}

// step reads one character, or what belongs together.
func (x *shellLexer) step() {
	switch c := x.text[x.i]; c {
	case ' ', '\t':
		x.i++
		x.end()
	case '\'':
		x.take(x.upTo(x.i+1, '\''), 1)
	case '"':
		x.inQuotes()
	case '\\':
		if x.i++; x.i < len(x.text) {
			x.add(x.text[x.i])
		}
		x.i++
	case '$':
		x.dollar()
	case '`':
		x.substitute(x.i+1, x.upTo(x.i+1, '`'))
	case ';', '&', '|':
		x.operator(c)
	case '<', '>':
		x.redirect(c)
	case '(', ')':
		x.why = "a group of commands or a function"
	default:
		if x.bare == len(x.word) {
			x.bare++
		}
		x.add(c)
		x.i++
	}
}

// end ends a word.
func (x *shellLexer) end() {
	if x.word == nil {
		return
	}
	cmd := &x.cmds[len(x.cmds)-1]
	if x.to == "" && bytes.IndexByte(x.word, '=') >= x.bare && isAssignment(x.word) && !slices.ContainsFunc(cmd.words, func(w []byte) bool { return !isAssignment(w) }) {
		x.why = "an assignment in quotes, which is none,"
	}
	switch x.to {
	case "":
		cmd.words = append(cmd.words, x.word)
	case "<<":
		cmd.here = string(x.word)
	}
	x.word, x.to, x.bare = nil, "", 0
}

func (x *shellLexer) add(c ...byte) {
	if x.word == nil {
		x.word = []byte{}
	}
	x.word = append(x.word, c...)
}

// upTo returns the place of the next c, or says that there is none.
func (x *shellLexer) upTo(from int, c byte) int {
	n := bytes.IndexByte(x.text[min(from, len(x.text)):], c)
	if n < 0 {
		x.why = "a quote or a substitution that does not end in this line"
		return len(x.text)
	}
	return from + n
}

// take adds the text up to a place, without the quotes around it.
func (x *shellLexer) take(end, quote int) {
	if x.why == "" {
		x.add(x.text[x.i+quote : end]...)
		x.i = end + quote
	}
}

// inQuotes reads "text".
func (x *shellLexer) inQuotes() {
	x.add()
	for x.i++; x.i < len(x.text) && x.why == ""; {
		switch c := x.text[x.i]; c {
		case '"':
			x.i++
			return
		case '\\':
			if x.i++; x.i < len(x.text) {
				x.add(x.text[x.i])
			}
			x.i++
		case '$':
			x.dollar()
		case '`':
			x.substitute(x.i+1, x.upTo(x.i+1, '`'))
		default:
			x.add(c)
			x.i++
		}
	}
	if x.why == "" {
		x.why = "a quote that does not end in this line"
	}
}

// dollar reads a variable, or commands whose output the shell puts there.
func (x *shellLexer) dollar() {
	rest := x.text[x.i:]
	switch {
	case bytes.HasPrefix(rest, []byte("$((")):
		end := bytes.Index(rest, []byte("))"))
		if end < 0 || bytes.ContainsAny(rest[:end], "`") || bytes.Contains(rest[3:end], []byte("$(")) {
			x.why = "arithmetic that is not followed"
			return
		}
		x.take(x.i+end+2, 0)
	case bytes.HasPrefix(rest, []byte("$(")):
		x.substitute(x.i+2, x.upTo(x.i+2, ')'))
	case bytes.HasPrefix(rest, []byte("${")):
		end := x.upTo(x.i, '}')
		if x.why == "" && bytes.ContainsAny(x.text[x.i:end], "`(\"'") {
			x.why = "a variable with something else within"
		}
		if x.why == "" && mustBeSet(x.text[x.i+2:end]) {
			x.why = "a variable that has to be set"
		}
		x.take(min(end+1, len(x.text)), 0)
	default:
		x.add('$')
		x.i++
	}
}

// substitute reads the commands from one place to another. There may be none within them.
func (x *shellLexer) substitute(from, to int) {
	if x.why != "" {
		return
	}
	sub := x.text[from:to]
	if bytes.ContainsAny(sub, "`(") {
		x.why = "substitutions in each other"
		return
	}
	x.subs = append(x.subs, sub)
	x.add(x.text[x.i : to+1]...)
	x.i = to + 1
}

// operator reads what stands between commands.
func (x *shellLexer) operator(c byte) {
	if c == '&' && x.i+1 < len(x.text) && x.text[x.i+1] == '>' {
		x.end()
		x.i++ // &> is a redirection
		x.redirect('>')
		return
	}
	x.end()
	op := string(c)
	if x.i++; x.i < len(x.text) && x.text[x.i] == c {
		op += string(c)
		x.i++
	}
	if op == ";;" {
		x.why = "a case"
		return
	}
	x.cmds = append(x.cmds, shellCommand{after: op})
}

// redirect reads where input comes from, or output goes to.
func (x *shellLexer) redirect(c byte) {
	if strings.Trim(string(x.word), "0123456789") == "" {
		x.word = nil // the number of what is redirected
	}
	x.end()
	x.to = string(c)
	x.i++
	rest := x.text[x.i:]
	switch {
	case bytes.HasPrefix(rest, []byte("(")), bytes.HasPrefix(rest, []byte("<<")):
		x.why = "a redirection that is not followed"
	case c == '<' && bytes.HasPrefix(rest, []byte("<")):
		x.to = "<<"
		x.i++
		if bytes.HasPrefix(rest, []byte("<-")) {
			x.i++
		}
	case len(rest) > 0 && (rest[0] == '>' || rest[0] == '&' || rest[0] == '|'):
		x.i++
	}
}
