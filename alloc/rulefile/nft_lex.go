package rulefile

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
)

// Kinds of tokens of nftables. Others are one character: { } ; , : = and the end of a line.
const (
	tokEnd    = 0
	tokWord   = 'w'
	tokString = 's'
	tokLine   = '\n'
)

const (
	maxToken = 4 << 10
	// maxDefined bounds what define holds, and maxExpanded what it is expanded to.
	maxDefined  = 1 << 20
	maxExpanded = 1 << 26
)

// A token is a word or a character. Its text is valid until the next one is read.
type token struct {
	kind byte
	text []byte
	line int
}

func (t token) is(word string) bool { return t.kind == tokWord && string(t.text) == word }

// A lexer cuts a file of nftables into tokens, without holding it.
type lexer struct {
	r     *bufio.Reader
	left  *io.LimitedReader
	line  int
	start []byte // of the current line, for messages
	prev  []byte // of the line before it
	buf   []byte
	err   *LineError

	remark func(word []byte) // is told what may be an address in a comment; nil = nobody is

	defined  map[string][]token
	size     int // tokens in defined
	pending  []token
	expanded int
}

func newLexer(r io.Reader) *lexer {
	left := &io.LimitedReader{R: r, N: maxFile + 1}
	l := &lexer{r: bufio.NewReaderSize(left, 64<<10), left: left, line: 1, defined: map[string][]token{}}
	if b, err := l.r.Peek(3); err == nil && string(b) == "\xef\xbb\xbf" {
		_, _ = l.r.Discard(3) // they were peeked at
	}
	return l
}

// getc reads one byte; ok is false at the end.
func (l *lexer) getc() (c byte, ok bool) {
	c, err := l.r.ReadByte()
	if err == nil && l.left.N > 0 {
		if len(l.start) < 2*maxText {
			l.start = append(l.start, c)
		}
		return c, true
	}
	switch {
	case err == nil:
		l.err = &LineError{Line: l.line, Msg: "the file is longer than 1 GiB", Err: ErrTooLarge}
	case !errors.Is(err, io.EOF):
		if said, ok := errors.AsType[*LineError](err); ok { // of what is in the file
			l.err = &LineError{Line: l.line, Msg: said.Msg, Hint: said.Hint, Err: said.Err}
			break
		}
		l.err = &LineError{Line: l.line, Msg: "cannot read on: " + err.Error(), Err: err}
	}
	return 0, false
}

func (l *lexer) unget() {
	if err := l.r.UnreadByte(); err == nil && len(l.start) > 0 && len(l.start) < 2*maxText {
		l.start = l.start[:len(l.start)-1]
	}
}

// text returns the current line for a message. It reads nothing away.
func (l *lexer) text() string {
	rest, _ := l.r.Peek(maxText) // at the end of the file there is less
	line, _, _ := bytes.Cut(append(bytes.Clone(l.start), rest...), []byte("\n"))
	return printable(bytes.TrimSpace(line))
}

// logical returns what is left of the current line, and of those that backslashes continue it with. It reads nothing away; size is how much that is. ok is
// false where it is too long.
func (l *lexer) logical() (text []byte, size int, ok bool) {
	rest, err := l.r.Peek(maxShellLine)
	for {
		n := bytes.IndexByte(rest[size:], '\n')
		if n < 0 {
			return append(text, rest[size:]...), len(rest), err != nil // the file ends here
		}
		line := bytes.TrimSuffix(rest[size:size+n], []byte("\r"))
		size += n
		if !(&lines{}).continues(append(text, line...)) {
			return append(text, line...), size, true
		}
		text = append(text, line[:len(line)-1]...)
		size++
	}
}

// discard reads bytes away, which were looked at before.
func (l *lexer) discard(size int) {
	for range size {
		if c, _ := l.getc(); c == '\n' {
			l.newLine()
		}
	}
}

// maxShellLine is more than lines of scripts take that are not nft's alone.
const maxShellLine = 16 << 10

// newLine counts a line that ended.
func (l *lexer) newLine() {
	l.line++
	l.start, l.prev = l.prev[:0], l.start
}

// next returns the next token, with variables replaced. At the end, and after an error, it is tokEnd.
func (l *lexer) next() token {
	for {
		if n := len(l.pending); n > 0 {
			t := l.pending[n-1]
			l.pending = l.pending[:n-1]
			return t
		}
		t := l.raw()
		if t.kind != tokWord || t.text[0] != '$' || len(t.text) == 1 {
			return t
		}
		if !l.expand(string(t.text[1:])) {
			return token{line: l.line}
		}
	}
}

// expand puts what a variable stands for in front of the file.
func (l *lexer) expand(name string) bool {
	tokens, ok := l.defined[name]
	if l.expanded += len(tokens) + 1; l.expanded > maxExpanded {
		l.err = &LineError{Line: l.line, Msg: "variables stand for too much text", Err: ErrTooLarge}
		return false
	}
	if !ok {
		l.err = &LineError{Line: l.line, Msg: "variable $" + printable(name) + " is not defined", Text: l.text(), Err: ErrSyntax,
			Hint: "import what nft list ruleset prints"}
		return false
	}
	for _, t := range slices.Backward(tokens) {
		t.line = l.line
		l.pending = append(l.pending, t)
	}
	return true
}

// define reads "NAME = TOKENS" up to the end of the line.
func (l *lexer) define() *LineError {
	name := string(l.next().text)
	if t := l.next(); t.kind != '=' {
		return bad(ErrSyntax, "define without =")
	}
	var tokens []token
	for depth := 0; ; {
		t := l.next()
		switch t.kind {
		case '{':
			depth++
		case '}':
			depth--
		}
		if t.kind == tokEnd || depth <= 0 && (t.kind == tokLine || t.kind == ';') {
			break
		}
		if t.kind == tokLine {
			continue
		}
		if l.size++; l.size > maxDefined {
			return bad(ErrTooLarge, "variables hold more than %d words", maxDefined)
		}
		t.text = bytes.Clone(t.text)
		tokens = append(tokens, t)
	}
	l.defined[name] = tokens
	return l.err
}

// raw returns the next token as it stands there.
func (l *lexer) raw() token {
	for l.err == nil {
		c, ok := l.getc()
		if !ok {
			break
		}
		switch c {
		case ' ', '\t', '\r':
		case '\n':
			l.newLine()
			return token{kind: tokLine, line: l.line - 1}
		case '#':
			// Old versions of nft write what only iptables knows as if it were a comment.
			if rest, err := l.r.Peek(4); err == nil && string(rest) == " xt_" {
				continue
			}
			l.comment()
		case '\\':
			l.continued()
		case '=':
			if rest, err := l.r.Peek(1); err == nil && rest[0] == '=' {
				return l.word(c)
			}
			l.buf = append(l.buf[:0], c)
			return token{c, l.buf, l.line}
		case '{', '}', ';', ',', ':':
			l.buf = append(l.buf[:0], c)
			return token{c, l.buf, l.line}
		case '"', '\'':
			return l.quoted(c)
		default:
			return l.word(c)
		}
	}
	return token{line: l.line}
}

func (l *lexer) comment() {
	var word []byte
	for {
		c, ok := l.getc()
		if ok && isAddressChar(c) {
			if len(word) < maxText {
				word = append(word, c)
			}
			continue
		}
		if len(word) > 0 && l.remark != nil {
			l.remark(word)
			word = word[:0]
		}
		if !ok {
			return
		}
		if c == '\n' {
			l.unget()
			return
		}
	}
}

// continued skips the end of a line behind a backslash.
func (l *lexer) continued() {
	c, ok := l.getc()
	if ok && c == '\r' {
		c, ok = l.getc()
	}
	switch {
	case ok && c == '\n':
		l.newLine()
	case ok:
		l.unget()
	}
}

func (l *lexer) quoted(quote byte) token {
	l.buf = l.buf[:0]
	for {
		c, ok := l.getc()
		if !ok || c == '\n' || len(l.buf) == maxToken {
			if l.err == nil {
				l.err = &LineError{Line: l.line, Msg: "a quoted text does not end in its line", Text: l.text(), Err: ErrSyntax}
			}
			return token{line: l.line}
		}
		if c == quote {
			return token{tokString, l.buf, l.line}
		}
		l.buf = append(l.buf, c)
	}
}

// isWord says which characters do not end a word.
var isWord = func() (t [256]bool) {
	for c := range t {
		t[c] = !bytes.ContainsRune([]byte(" \t\r\n#{};,:=\"'\\"), rune(c))
	}
	t['!'] = true
	return t
}()

func (l *lexer) word(c byte) token {
	l.buf = append(l.buf[:0], c)
	for {
		c, ok := l.getc()
		if !ok {
			break
		}
		comparison := c == '=' && len(l.buf) == 1 && bytes.IndexByte([]byte("!<>="), l.buf[0]) >= 0
		if !isWord[c] && !comparison {
			l.unget()
			break
		}
		if len(l.buf) == maxToken {
			l.err = &LineError{Line: l.line, Msg: "a word is longer than 4 KiB", Text: l.text(), Err: ErrTooLarge}
			return token{line: l.line}
		}
		l.buf = append(l.buf, c)
		if comparison {
			break
		}
	}
	return token{tokWord, l.buf, l.line}
}
