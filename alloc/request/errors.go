package request

import (
	"errors"
	"fmt"
)

// Why a question cannot be answered. Request.Err and the error of ParseTime wrap one of these.
var (
	// ErrNoZone means: a time without a zone, and Options.Zone is nil.
	ErrNoZone = errors.New("no time zone")
	// ErrZone means: a zone that is not one thing to everybody, such as CET or EST, or that contradicts another.
	ErrZone = errors.New("ambiguous time zone")
	// ErrLocalTime means: a local time that does not exist or exists twice, because clocks were changed then.
	ErrLocalTime = errors.New("no such local time, or two")
	// ErrDayMonth means: day and month of a date could be exchanged, or they contradict Options.Dates.
	ErrDayMonth = errors.New("day and month could be exchanged")
	// ErrTime means: no time, no date, a year of two digits, an end before its beginning, or text that is no time.
	ErrTime = errors.New("invalid time")
	// ErrAddress means: no address, several, or text that is none.
	ErrAddress = errors.New("invalid address")
	// ErrIPv6 means: an IPv6 address; outside addresses are IPv4.
	ErrIPv6 = errors.New("IPv6 address")
	// ErrPort means: text that is no port from 1 to 65535.
	ErrPort = errors.New("invalid port")
	// ErrPortRange means: several ports at once.
	ErrPortRange = errors.New("port range")
	// ErrProtocol means: a protocol other than tcp, udp and icmp.
	ErrProtocol = errors.New("unknown protocol")
	// ErrUnparsable means: text that does not have the form of its format.
	ErrUnparsable = errors.New("unparsable")
)

// errNumber is the ErrPort of a line that may be a question but for a number that nothing says is a port.
var errNumber = fmt.Errorf("%w: a number", ErrPort)

// Why an input cannot be read. NewReader and Reader.All return errors that wrap one of these, ErrUnparsable, or the error of
// the underlying reader.
var (
	// ErrFormat means: none of the formats.
	ErrFormat = errors.New("unknown format")
	// ErrLimit means: the input is larger, in one piece or unfolded, than is ever useful.
	ErrLimit = errors.New("limit exceeded")
)

// maxGiven is how much of the input an error quotes.
const maxGiven = 80

// A refusal says what was given and why it is not taken.
type refusal struct {
	kind  error
	given string // what was given, quoted; "" when why says it
	why   string // the reason, and what to do
}

func (r *refusal) Error() string {
	if r.given == "" {
		return r.why
	}
	return r.given + ": " + r.why
}

func (r *refusal) Unwrap() error { return r.kind }

// refuse returns an error that errors.Is takes for kind.
func refuse(kind error, format string, args ...any) error {
	return &refusal{kind: kind, why: fmt.Sprintf(format, args...)}
}

// about returns err with what was given, when it is a refusal that does not say it yet.
func about(what, text string, err error) error {
	r, ok := err.(*refusal) //nolint:errorlint // made by refuse, never wrapped
	if !ok || r.given != "" || text == "" {
		return err
	}
	return &refusal{kind: r.kind, given: what + " " + quoted(text), why: r.why}
}

// quoted returns text as a Go string literal of bounded length.
func quoted(text string) string { return fmt.Sprintf("%q", clip(text, maxGiven)) }
