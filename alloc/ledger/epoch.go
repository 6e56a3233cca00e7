package ledger

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Errors to compare with errors.Is.
var (
	// ErrDamaged means: the file is not what was written. It is always a *DamageError.
	ErrDamaged = errors.New("the ledger is damaged")
	// ErrNotCovered means: no epoch covers the time.
	ErrNotCovered = errors.New("no epoch covers that time")
	// ErrBefore means: an epoch was to begin before the last one, or to take its place since its beginning, without being backdated.
	ErrBefore = errors.New("the epoch would not follow the last one")
	// ErrReason means: an epoch was to be backdated without a note that says why.
	ErrReason = errors.New("backdating needs a reason")
	// ErrText means: who or why is too long or holds characters that do not print.
	ErrText = errors.New("not a text for the ledger")
	// ErrTime means: a time is not one, has no offset, or lies outside the years 1970 to 9999.
	ErrTime = errors.New("not a time")
	// ErrLocked means: another writer holds the ledger.
	ErrLocked = errors.New("another writer has the ledger")
	// ErrPending means: an apply has begun and neither ended nor been taken back.
	ErrPending = errors.New("an unfinished apply stands beside the ledger")
)

// An Epoch is a plan with the instant from which it is in force, as the ledger has it. The zero Epoch is invalid.
type Epoch struct {
	Seq uint64 // from 1, without gaps, in the order of recording

	From    time.Time // the plan may be in force from here on; UTC
	Settled time.Time // the plan is surely in force from here on; never before From, and mostly equal
	Until   time.Time // the next instant of the timeline; the zero Time for the last, which is still in force

	// Pending says that this is no record, but an apply that has begun and whose end is not known: the plan may be in force from
	// From on. Its Settled and Until are zero, and Seq is the number that it would get.
	Pending bool

	// Stray says that the kernel may have had the plan from From to Settled besides the one in force, by somebody's hand or by a clock that was wrong. It
	// is a candidate for this time, and never in force by the timeline: nobody decided that it should be. Where no record has the plan (see Knows) the time
	// is one of which nobody knows who had ports besides; where not even its hash is known, PlanSHA256 is 64 zeros.
	Stray bool

	Added     time.Time // when it was recorded
	By, Note  string    // who recorded it and why; may be empty
	Backdated bool      // it was recorded although a later epoch was there, or one with the same From that had begun

	PlanSHA256 string // see alloc.Plan.SHA256
	Hash       string // of the record, lower-case hexadecimal; the next record repeats it
}

// maxText is the number of bytes that By and Note may have.
const maxText = 1024

func checkText(what, s string) error {
	switch {
	case len(s) > maxText:
		return fmt.Errorf("%w: %s has %d bytes, and %d are the most", ErrText, what, len(s), maxText)
	case !utf8.ValidString(s):
		return fmt.Errorf("%w: %s is not UTF-8", ErrText, what)
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("%w: %s holds a character that does not print: %+q", ErrText, what, s)
	}
	return nil
}

var (
	firstInstant = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	lastInstant  = time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)
)

func checkTime(what string, t time.Time) error {
	if t.Before(firstInstant) || t.After(lastInstant) {
		return fmt.Errorf("%w: %s lies outside the years 1970 to 9999", ErrTime, what)
	}
	return nil
}

// ParseTime reads a time as RFC 3339 has it: 2026-03-01T12:34:56Z, 2026-03-01T13:34:56.25+01:00; a space may stand for the T,
// and seconds may be left out. It returns the first and the last instant that are meant: they are the same unless seconds were
// left out, which means the whole minute. A time without an offset is refused, and never guessed; so is a leap second,
// which clocks do not show: ask for the second before and the one after. The error wraps ErrTime.
func ParseTime(text string) (first, last time.Time, err error) {
	norm := strings.ToUpper(text)
	if len(norm) > len("2026-03-01") && norm[len("2026-03-01")] == ' ' {
		norm = norm[:len("2026-03-01")] + "T" + norm[len("2026-03-01 "):]
	}
	minute := false
	first, err = time.Parse(time.RFC3339Nano, norm)
	if err != nil {
		minute = true
		first, err = time.Parse("2006-01-02T15:04Z07:00", norm)
	}
	if err != nil {
		return time.Time{}, time.Time{}, fmt.Errorf("%w: %q: %s", ErrTime, text, whyNoTime(norm))
	}
	first = first.UTC()
	if err := checkTime(text, first); err != nil {
		return time.Time{}, time.Time{}, err
	}
	if minute {
		return first, first.Add(time.Minute - 1), nil
	}
	return first, LastOf(first), nil
}

// LastOf returns the last instant at which a clock shows t that shows as many digits as t has to have: that of the second where t has no fraction,
// that of the tenth of a second where it has one digit, and so on. A plan that changed within what a log names leaves two candidates.
func LastOf(t time.Time) time.Time {
	for unit := time.Second; unit > 1; unit /= 10 {
		if t.Nanosecond()%int(unit) == 0 {
			return t.Add(unit - 1)
		}
	}
	return t
}

func whyNoTime(norm string) string {
	for _, layout := range []string{"2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02"} {
		if _, err := time.Parse(layout, norm); err == nil {
			return "the time zone is missing: add Z or an offset such as -03:00"
		}
	}
	if strings.Contains(norm, ":60") {
		return "a leap second: ask for the second before and the one after"
	}
	return "want RFC 3339 with an offset, such as 2026-03-01T12:34:56Z"
}

// A DamageError says where a ledger is not as it was written. It matches ErrDamaged.
type DamageError struct {
	File string
	Line int    // from 1; the record that stood there had this sequence number
	Msg  string // what is wrong
}

// Error returns "file: record 3: message".
func (e *DamageError) Error() string {
	return fmt.Sprintf("%s: record %d: %s", e.File, e.Line, e.Msg)
}

// Is reports whether target is ErrDamaged.
func (e *DamageError) Is(target error) bool { return target == ErrDamaged }
