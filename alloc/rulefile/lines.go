package rulefile

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"iter"
	"strings"
)

const (
	maxFile = 1 << 30
	maxLine = 1 << 20
)

// lines reads a file line by line, within limits.
type lines struct {
	sc   *bufio.Scanner
	left *io.LimitedReader
	line int // the number of the current line, from 1
	text []byte
	err  *LineError
	// joined says that a backslash at the end of a line continues it, as in shells and RouterOS. trimmed says that the blanks
	// at the start of the continuation belong to it.
	joined, trimmed bool
	buf             []byte
	next            int
}

func newLines(r io.Reader) *lines {
	left := &io.LimitedReader{R: r, N: maxFile + 1}
	sc := bufio.NewScanner(left)
	sc.Buffer(make([]byte, 0, 64<<10), maxLine)
	return &lines{sc: sc, left: left}
}

// scan steps to the next line; with joined, the next logical one, whose number is that of its first.
func (l *lines) scan() bool {
	text, ok := l.one()
	if !ok {
		return false
	}
	l.line = l.next
	if !l.joined || !l.continues(text) {
		l.text = text
		return true
	}
	l.buf = l.buf[:0]
	for {
		l.buf = append(l.buf, text...)
		more := l.continues(l.buf)
		if more {
			l.buf = l.buf[:len(l.buf)-1]
		}
		if len(l.buf) > maxLine {
			l.err = &LineError{Line: l.line, Msg: "the line with its continuations is longer than 1 MiB", Err: ErrTooLarge}
			return false
		}
		if !more {
			break
		}
		if text, ok = l.one(); !ok {
			break
		}
		if l.trimmed {
			text = bytes.TrimLeft(text, " \t")
		}
	}
	l.text = l.buf
	return l.err == nil
}

// continues reports whether the next line belongs to this one. A comment ends with its line, and two backslashes are a character.
func (l *lines) continues(text []byte) bool {
	if !bytes.HasSuffix(text, []byte(`\`)) {
		return false
	}
	if l.trimmed {
		return !bytes.HasPrefix(bytes.TrimLeft(text, " \t"), []byte("#"))
	}
	return (len(text)-len(bytes.TrimRight(text, `\`)))%2 == 1 && !commented(text)
}

// commented reports whether a line of a shell ends with a comment.
func commented(line []byte) bool {
	for i, quoted := range shellText(line) {
		if line[i] == '#' && !quoted && (i == 0 || isBlank(line[i-1])) {
			return true
		}
	}
	return false
}

// shellText iterates over what a shell takes for text of a line, or for its own characters: where it is, and whether it is in quotes. Quotes are left out, and
// backslashes with what they stand before.
func shellText(line []byte) iter.Seq2[int, bool] {
	return func(yield func(at int, quoted bool) bool) {
		quote := byte(0)
		for i := 0; i < len(line); i++ {
			switch c := line[i]; {
			case c == '\\' && quote != '\'':
				i++
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
			case c == quote && quote != 0:
				quote = 0
			case !yield(i, quote != 0):
				return
			}
		}
	}
}

// one reads one physical line.
func (l *lines) one() ([]byte, bool) {
	if l.err != nil {
		return nil, false
	}
	if !l.sc.Scan() {
		switch err := l.sc.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			l.err = &LineError{Line: l.next + 1, Msg: "the line is longer than 1 MiB", Err: ErrTooLarge}
		case err != nil:
			l.err = &LineError{Line: l.next + 1, Msg: "cannot read on: " + err.Error(), Err: err}
		}
		return nil, false
	}
	if l.next++; l.left.N == 0 {
		l.err = &LineError{Line: l.next, Msg: "the file is longer than 1 GiB", Err: ErrTooLarge}
		return nil, false
	}
	text := bytes.TrimSuffix(l.sc.Bytes(), []byte("\r"))
	if l.next == 1 {
		text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	}
	return text, true
}

// words splits a line as a shell does: at blanks, with quotes and backslashes. It appends to to. Words without quotes are parts
// of line. ok is false where a quote does not end.
func words(to [][]byte, line []byte) (out [][]byte, ok bool) {
	for i := 0; i < len(line); {
		switch line[i] {
		case ' ', '\t':
			i++
			continue
		case '#':
			return to, true
		}
		start := i
		for i < len(line) && line[i] != ' ' && line[i] != '\t' && line[i] != '"' && line[i] != '\'' && line[i] != '\\' {
			i++
		}
		if i == len(line) || line[i] == ' ' || line[i] == '\t' {
			to = append(to, line[start:i])
			continue
		}
		var word []byte
		if word, i, ok = quoted(line, start); !ok {
			return to, false
		}
		to = append(to, word)
	}
	return to, true
}

// quoted reads a word with quotes that starts at i, and returns where it ends.
func quoted(line []byte, i int) (word []byte, end int, ok bool) {
	word = []byte{}
	quote := byte(0)
	for ; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && quote != '\'' && i+1 < len(line):
			i++
			word = append(word, line[i])
		case quote == 0 && (c == ' ' || c == '\t'):
			return word, i, true
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote && quote != 0:
			quote = 0
		default:
			word = append(word, c)
		}
	}
	return word, i, quote == 0
}

// unquoted reports whether one of the characters stands in a line outside of quotes and comments. That output goes to another
// place, as in 2>&1, is none.
func unquoted(line []byte, chars string) bool {
	if !bytes.ContainsAny(line, chars) {
		return false
	}
	for i, quoted := range shellText(line) {
		switch c := line[i]; {
		case quoted:
		case c == '#' && (i == 0 || isBlank(line[i-1])):
			return false
		case c == '&' && isRedirected(line, i):
		case strings.IndexByte(chars, c) >= 0:
			return true
		}
	}
	return false
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// isRedirected reports whether the & at i belongs to 2>&1 or &>.
func isRedirected(line []byte, i int) bool {
	return i > 0 && line[i-1] == '>' || i+1 < len(line) && line[i+1] == '>'
}
