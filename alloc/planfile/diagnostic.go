package planfile

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Errors to compare with errors.Is.
var (
	// ErrRead means: a file cannot be read, is a directory, or is too large.
	ErrRead = errors.New("cannot read")
	// ErrSyntax means: a file is not YAML, or has unknown keys, duplicate keys or values of the wrong type.
	ErrSyntax = errors.New("not a plan file")
	// ErrList means: a line of a subscriber list is not an address, prefix or range, or one of a list of shares is no share.
	ErrList = errors.New("invalid subscriber list")
)

// A Diagnostic is one complaint about one place of a file.
type Diagnostic struct {
	File         string
	Line, Column int    // from 1; 0 when the complaint is about the file as a whole
	Path         string // of the value: "softwires[0].rules[2].ea-len"; empty where no single value is meant
	Msg          string // what is wrong; it names the value
	Hint         string // what would be right; may be empty
	Err          error  // ErrSyntax, ErrList, ErrRead, or a finding of package alloc

	source string // the line
}

// Error returns "file:line:column: message".
func (d Diagnostic) Error() string {
	file := readable(d.File)
	switch {
	case d.Line == 0:
		return file + ": " + d.Msg
	case d.Column == 0:
		return fmt.Sprintf("%s:%d: %s", file, d.Line, d.Msg)
	}
	return fmt.Sprintf("%s:%d:%d: %s", file, d.Line, d.Column, d.Msg)
}

// Unwrap returns d.Err.
func (d Diagnostic) Unwrap() error { return d.Err }

// maxExcerpt is the number of characters of a line that an excerpt shows.
const maxExcerpt = 100

// Excerpt returns the line with a caret under the column, two lines of text, or "" when the place is not known:
//
//	14 |     outside: [198.18.0.1/27]
//	   |               ^
func (d Diagnostic) Excerpt() string {
	if d.Line == 0 || d.source == "" {
		return ""
	}
	text, column := clip(d.source, d.Column)
	gutter := fmt.Sprintf("%5d | ", d.Line)
	if column == 0 {
		return gutter + text + "\n"
	}
	return gutter + text + "\n" + strings.Repeat(" ", len(gutter)-2) + "| " + strings.Repeat(" ", column-1) + "^\n"
}

// clip returns the part of a line around a column that fits on a terminal, without characters that could drive one, and the
// column in that part.
func clip(line string, column int) (string, int) {
	runes := make([]rune, 0, len(line))
	for _, r := range strings.TrimRight(line, "\r\n") {
		switch {
		case r == '\t':
			r = ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			r = '?'
		}
		runes = append(runes, r)
	}
	if column > len(runes)+1 {
		column = len(runes) + 1
	}
	if from := column - maxExcerpt/2; from > 0 && len(runes) > maxExcerpt {
		runes, column = runes[from:], column-from
	}
	if len(runes) > maxExcerpt {
		runes = runes[:maxExcerpt]
	}
	return string(runes), column
}

// An Error is everything that is wrong with a plan file.
type Error struct{ Diagnostics []Diagnostic }

// Error returns the diagnostics, one a line.
func (e *Error) Error() string {
	lines := make([]string, len(e.Diagnostics))
	for i, d := range e.Diagnostics {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the diagnostics.
func (e *Error) Unwrap() []error {
	errs := make([]error, len(e.Diagnostics))
	for i, d := range e.Diagnostics {
		errs[i] = d
	}
	return errs
}

// readable makes a message fit for a terminal: no control characters, and its middle left out when it is very long.
func readable(msg string) string {
	const most = 600
	if len(msg) > most {
		head, tail := most/2, len(msg)-most/2
		for !utf8.RuneStart(msg[head]) && head > 0 {
			head--
		}
		for tail < len(msg) && !utf8.RuneStart(msg[tail]) {
			tail++
		}
		msg = msg[:head] + "..." + msg[tail:]
	}
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, msg)
}

// quote shortens text from a file for a message and takes away what could drive a terminal.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		return fmt.Sprintf("%q...", s[:cut])
	}
	return fmt.Sprintf("%q", s)
}
