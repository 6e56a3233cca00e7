package request

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cgnkit/cgnkit/alloc/internal/lines"
)

// trimEnd takes the end of a line away.
func trimEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// A lineParser reads one line.
type lineParser interface {
	// parse returns the question of a line; ok is false for a line that asks nothing.
	parse(line string) (r Request, ok bool, err error)
}

// A lineScanner reads questions, one a line.
type lineScanner struct {
	*settings
	lines  *lines.Lines
	parser lineParser
}

func (s *lineScanner) scan(yield func(Request) bool) error {
	for s.lines.Next() {
		if r, ok := s.one(); ok && !yield(r) {
			return nil
		}
	}
	return s.lines.Err()
}

// one reads the line at hand.
func (s *lineScanner) one() (Request, bool) {
	if s.lines.TooLong() {
		err := refuse(ErrUnparsable, "the line is longer than %d bytes", maxLine)
		return Request{Line: s.lines.Number(), Text: clip(string(s.lines.Line()), maxText), Err: err}, true
	}
	text := s.lines.Line()
	if s.prose {
		text = unquote(text)
	}
	if skipped(text) {
		return s.comment(spaced(text))
	}
	return s.parse(spaced(text), s.lines.Number())
}

// A headed parser has headings, which may look like comments.
type headed interface {
	comment(line string)
	blank()
}

// comment passes over a blank line or a comment, unless it holds an address.
func (s *lineScanner) comment(line string) (Request, bool) {
	if p, ok := s.parser.(headed); ok && strings.TrimSpace(line) != "" {
		p.comment(line)
	} else if ok {
		p.blank()
	}
	return commented(line, s.lines.Number())
}

// commented returns a question that cannot be answered for a comment with an address.
func commented(line string, n int) (Request, bool) {
	if !hasAddress(line) {
		return Request{}, false
	}
	err := refuse(ErrUnparsable, "this line looks like a comment and holds an address: remove the # if it is a request")
	return Request{Line: n, Text: clip(line, maxText), Err: err}, true
}

// parse reads a line with a number.
func (s *lineScanner) parse(line string, n int) (Request, bool) {
	r, ok, err := s.parser.parse(line)
	if !ok || err != nil && s.prose && !hasAddress(line) {
		return Request{}, false
	}
	if err != nil {
		r = Request{Err: err}
	}
	r.Line, r.Text = n, clip(line, maxText)
	return r, true
}

// skipped reports whether a line is blank or a comment.
func skipped(line []byte) bool {
	line = bytes.TrimLeft(line, " \t\r")
	return len(line) == 0 || line[0] == '#'
}

// unquote takes the marks of a quoted mail away.
func unquote(line []byte) []byte {
	for i, c := range line {
		if c != '>' && c != ' ' {
			return line[i:]
		}
	}
	return nil
}

// spaces are what word processors and mail programs write for a blank, a dash and a colon, and what nobody sees.
var spaces = func() *strings.Replacer {
	pairs := []string{"\u2013", "-", "\u2212", "-", "\u2192", "->", "\uff1a", ": "}
	for _, blank := range "\u00a0\u0085\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000" {
		pairs = append(pairs, string(blank), " ")
	}
	for _, unseen := range "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff" {
		pairs = append(pairs, string(unseen), "")
	}
	return strings.NewReplacer(pairs...)
}()

// otherQuotes are the quotes and bullets that they write around an address, besides those of ASCII.
const otherQuotes = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u00ab\u00bb\u2039\u203a\u2022\u00b7\u2026"

// spaced returns a line in which blanks and dashes are those of ASCII.
func spaced(line []byte) string {
	for _, c := range line {
		if c >= utf8.RuneSelf {
			return spaces.Replace(string(line))
		}
	}
	return string(line)
}

// hasAddress reports whether a line holds what could be an address: digits with dots, or hexadecimal with colons.
func hasAddress(line string) bool {
	for i := range len(line) {
		if (i == 0 || !endsInWord(line[:i])) && (isDigit(line[i]) || isHex(line[i])) && startsAddress(line[i:]) {
			return true
		}
	}
	return false
}

// endsInWord reports whether what follows a text goes on with a word or a number of it. Scripts that write no blanks between words have no such end.
func endsInWord(text string) bool {
	before := strings.TrimSuffix(text, ".")
	r, _ := utf8.DecodeLastRuneInString(before)
	switch {
	case r < utf8.RuneSelf:
		return isDigit(byte(r)) || isLetter(byte(r))
	case r == 'º' || r == 'ª':
		return false
	}
	return unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic)
}

func isHex(b byte) bool { return isDigit(b) || 'a' <= b|0x20 && b|0x20 <= 'f' }

// defangedDot passes over a dot that is written so that no program makes a link of an address.
func (c *cursor) defangedDot() bool {
	for _, dot := range [...]string{"[.]", "(.)", "[dot]", "(dot)"} {
		if strings.HasPrefix(c.s[c.i:], dot) {
			c.i += len(dot)
			return true
		}
	}
	return false
}

// startsAddress reports whether text starts with d.d.d.d, or with two groups of hexadecimal digits of which one is long or
// none: clocks have two digits.
func startsAddress(text string) bool {
	c := cursor{s: text}
	for n := 1; ; n++ {
		if _, width := c.digits(); width < 1 || width > 3 {
			break
		}
		if n == 4 {
			return true
		}
		if !c.accept('.') && !c.defangedDot() {
			break
		}
	}
	end := 0
	for end < len(text) && end < 48 && (isHex(text[end]) || text[end] == ':') {
		end++
	}
	groups := bytes.Count([]byte(text[:end]), []byte(":"))
	return groups >= 7 || groups >= 2 && bytes.Contains([]byte(text[:end]), []byte("::"))
}
