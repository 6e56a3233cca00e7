package ledger_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

func TestParseTime(t *testing.T) {
	for _, tt := range []struct {
		text  string
		first string // RFC 3339
		width time.Duration
		why   string
	}{
		{text: "2026-03-01T12:34:56Z", first: "2026-03-01T12:34:56Z", width: time.Second - 1},
		{text: "2026-03-01T13:34:56.25+01:00", first: "2026-03-01T12:34:56.25Z", width: 10*time.Millisecond - 1},
		{text: "2026-03-01T12:34:56.5Z", first: "2026-03-01T12:34:56.5Z", width: 100*time.Millisecond - 1},
		{text: "2026-03-01T12:34:56.123Z", first: "2026-03-01T12:34:56.123Z", width: time.Millisecond - 1},
		{text: "2026-03-01T12:34:56.1234567Z", first: "2026-03-01T12:34:56.1234567Z", width: 99},
		{text: "2026-03-01t09:34:56-03:00", first: "2026-03-01T12:34:56Z", width: time.Second - 1},
		{text: "2026-03-01 12:34:56z", first: "2026-03-01T12:34:56Z", width: time.Second - 1},
		{text: "2026-03-01T12:34Z", first: "2026-03-01T12:34:00Z", width: time.Minute - 1},
		{text: "2023-02-09T16:20-03:00", first: "2023-02-09T19:20:00Z", width: time.Minute - 1},
		{text: "2026-03-01T12:34:56.000001Z", first: "2026-03-01T12:34:56.000001Z", width: time.Microsecond - 1},
		{text: "2026-03-01T12:34:56.123456789Z", first: "2026-03-01T12:34:56.123456789Z"},
		{text: "2026-03-01T12:34:56", why: "the time zone is missing"},
		{text: "2026-03-01T12:34", why: "the time zone is missing"},
		{text: "2026-03-01", why: "the time zone is missing"},
		{text: "2016-12-31T23:59:60Z", why: "a leap second"},
		{text: "2026-02-30T12:34:56Z", why: "want RFC 3339"},
		{text: "2026-03-01T12:34:56 CET", why: "want RFC 3339"},
		{text: "1969-12-31T23:59:59Z", why: "outside the years"},
		{text: "9999-12-31T23:59:59-01:00", why: "outside the years"},
		{text: "01/03/2026", why: "want RFC 3339"},
		{text: "", why: "want RFC 3339"},
		{text: "now", why: "want RFC 3339"},
	} {
		first, last, err := ledger.ParseTime(tt.text)
		if tt.why != "" {
			if !errors.Is(err, ledger.ErrTime) || !strings.Contains(err.Error(), tt.why) {
				t.Errorf("%q: %v, want %s", tt.text, err, tt.why)
			}
			continue
		}
		if err != nil || first.Format(time.RFC3339Nano) != tt.first || last.Sub(first) != tt.width {
			t.Errorf("%q: %v to %v, %v", tt.text, first, last, err)
		}
	}
}

// FuzzParseTime reads anything: what is taken has an offset, lies in the years that the ledger knows, and reads back as itself.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2026-03-01T12:34:56Z", "2026-03-01 12:34+01:00", "2016-12-31T23:59:60Z", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		first, last, err := ledger.ParseTime(s)
		if err != nil {
			if !errors.Is(err, ledger.ErrTime) {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		if last.Before(first) || first.Year() < 1970 || last.Year() > 9999 || !strings.ContainsAny(s, "Zz+-") {
			t.Fatalf("%q: %v to %v", s, first, last)
		}
		again, _, err := ledger.ParseTime(first.Format(time.RFC3339Nano))
		if err != nil || !again.Equal(first) {
			t.Fatalf("%q: %v reads as %v, %v", s, first, again, err)
		}
	})
}
