package request

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// kinds are the errors that a Request may wrap.
var kinds = []error{ErrNoZone, ErrZone, ErrLocalTime, ErrDayMonth, ErrTime, ErrAddress, ErrIPv6, ErrPort, ErrPortRange, ErrProtocol, ErrUnparsable, ErrFormat, ErrLimit}

// kindOf returns the one of kinds that err wraps.
func kindOf(err error) error {
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return nil
}

// checkRequest checks what every Request promises.
func checkRequest(t testing.TB, q Request) {
	t.Helper()
	if q.Number < 1 || q.Line < 1 || utf8.RuneCountInString(q.Text) > maxText || !printable(q.Text) || !printable(q.Part) {
		t.Errorf("request %+v", q)
	}
	if q.Err != nil {
		if !printable(q.Err.Error()) || len(q.Err.Error()) > 2000 || kindOf(q.Err) == nil {
			t.Errorf("error %q of kind %v", q.Err, kindOf(q.Err))
		}
		if q != (Request{Number: q.Number, Part: q.Part, Line: q.Line, Text: q.Text, Err: q.Err}) {
			t.Errorf("an error and more: %+v", q)
		}
		return
	}
	if !q.Outside.Is4() || q.HasPort != (q.Port != 0) || q.Assumed && !q.HasPort || !slices.Contains([]string{"", "tcp", "udp", "icmp"}, q.Proto) {
		t.Errorf("request %+v", q)
	}
	checkTimes(t, q.From, q.To)
	if d := q.Destination; d.Addr().IsValid() && !d.Addr().Is4() || !d.Addr().IsValid() && d.Port() != 0 {
		t.Errorf("destination %v", d)
	}
}

// checkTimes checks an instant or interval.
func checkTimes(t testing.TB, from, to time.Time) {
	t.Helper()
	if from.IsZero() || to.Before(from) || from.Location() != time.UTC || to.Location() != time.UTC || from.Year() < minYear-1 || to.Year() > maxYear+1 {
		t.Errorf("from %v to %v", from, to)
	}
}

// printable reports whether a terminal can be given text.
func printable(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// isPortAsked reports whether a text asks about a port, by whatever request of it. With --tz it would be asked in UTC.
func isPortAsked(t testing.TB, text string, port uint16) bool {
	t.Helper()
	got, err := read(t, strings.NewReader(text), Options{Zone: time.UTC})
	if err != nil && !errors.Is(err, ErrFormat) {
		t.Errorf("%q: %v", text, err)
	}
	return slices.ContainsFunc(got, func(q Request) bool { return q.Err == nil && q.HasPort && q.Port == port })
}
