package rulefile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Errors to compare with errors.Is.
var (
	// ErrFormat means: the format is unknown, or not evident.
	ErrFormat = errors.New("unknown format of rules")
	// ErrSyntax means: a line that translates sources, or decides who is translated, is not understood.
	ErrSyntax = errors.New("rule not understood")
	// ErrShared means: a rule gives subscribers no share of their own, such as one address out of several, or a script's loop.
	ErrShared = errors.New("no share of its own")
	// ErrConflict means: rules give one subscriber different shares, by protocol or by circumstance.
	ErrConflict = errors.New("rules differ for one subscriber")
	// ErrOverlap means: two subscribers have a port of an outside address in common.
	ErrOverlap = errors.New("shares overlap")
	// ErrTooLarge means: the file is larger, or takes more work, than the stated limits.
	ErrTooLarge = errors.New("too large")
	// ErrNothing means: the file was read and translates nobody.
	ErrNothing = errors.New("no shares")
	// ErrUnproven means: a plan that was inferred does not give the shares of the rules. It is a defect of this package, found
	// before it can do harm.
	ErrUnproven = errors.New("plan not proven")
)

// A LineError says which line is wrong, and how.
type LineError struct {
	File string
	Line int    // from 1; 0 where no single line is meant
	Msg  string // what is wrong with it
	Hint string // what to do; may be empty
	Text string // the line as it stands there, printable and cut to 200 bytes; may be empty
	Err  error  // one of the Err variables of this package
}

// Error returns "FILE:LINE: MSG: TEXT".
func (e *LineError) Error() string {
	s := e.File
	if e.Line > 0 {
		s += ":" + strconv.Itoa(e.Line)
	}
	s += ": " + e.Msg
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}

// Unwrap returns e.Err.
func (e *LineError) Unwrap() error { return e.Err }

// bad makes a LineError; the parsers fill in file, line and text.
func bad(err error, format string, args ...any) *LineError {
	return &LineError{Msg: fmt.Sprintf(format, args...), Err: err}
}

func (e *LineError) hint(text string) *LineError {
	e.Hint = text
	return e
}

// maxText is the number of bytes of a line that a message quotes.
const maxText = 200

// printable returns a line as a message may show it: what a terminal would obey is escaped.
func printable[T []byte | string](line T) string {
	cut := ""
	if len(line) > maxText {
		line, cut = line[:maxText], "..."
	}
	q := strconv.QuoteToGraphic(strings.TrimSpace(strings.ToValidUTF8(string(line), "\ufffd")))
	q = strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
	return strings.ReplaceAll(q, `\t`, " ") + cut
}
