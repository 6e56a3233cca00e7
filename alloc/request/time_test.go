package request

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"
)

// at reads an instant of RFC 3339.
func at(t testing.TB, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestParseTime(t *testing.T) {
	for _, c := range []struct{ text, from, to string }{
		{"2026-03-01T12:34:56Z", "2026-03-01T12:34:56Z", ""},
		{"2026-03-01t12:34:56z", "2026-03-01T12:34:56Z", ""},
		{" 2026-03-01T12:34:56.123456789+01:00 ", "2026-03-01T11:34:56.123456789Z", ""},
		{"2026-03-01T12:34:56.1234567891234Z", "2026-03-01T12:34:56.123456789Z", ""},
		{"2026-03-01 12:34:56 UTC", "2026-03-01T12:34:56Z", ""},
		{"2026-03-01 12:34:56 GMT", "2026-03-01T12:34:56Z", ""},
		{"2026-03-01 12:34:56Z", "2026-03-01T12:34:56Z", ""},
		{"2026-03-01 12:34:56 +0100", "2026-03-01T11:34:56Z", ""},
		{"2026-03-01 12:34:56 -03:00", "2026-03-01T15:34:56Z", ""},
		{"2026-03-01 12:34:56-03", "2026-03-01T15:34:56Z", ""},
		{"2026-03-01 12:34:56 UTC+1", "2026-03-01T11:34:56Z", ""},
		{"2026-03-01 12:34:56 GMT-03:00", "2026-03-01T15:34:56Z", ""},
		{"2026-03-01 12:34:56 +0000 UTC", "2026-03-01T12:34:56Z", ""},
		{"2026-03-01 12:34:56 +0100 CET", "2026-03-01T11:34:56Z", ""},
		{"2026-03-01 12:34:56 UTC-3", "2026-03-01T15:34:56Z", ""},
		{"2026-03-01 12:34:56 (UTC-03:00)", "2026-03-01T15:34:56Z", ""},
		{"2026-03-01 12:34:56 ( GMT +1 )", "2026-03-01T11:34:56Z", ""},
		{"2026-03-01 12:34 (UTC)", "2026-03-01T12:34:00Z", "2026-03-01T12:35:00Z"},
		{"2026-03-01 (-03:00)", "2026-03-01T03:00:00Z", "2026-03-02T03:00:00Z"},
		{"2026-03-01 12:34:56 -03:00 (horário de Brasília)", "2026-03-01T15:34:56Z", ""},
		{"2026-03-01 12:34:56h UTC", "2026-03-01T12:34:56Z", ""},
		{"2026-03-01 12:34:56 Uhr UTC+1", "2026-03-01T11:34:56Z", ""},
		{"2026-03-01T12:34:56-00:00", "2026-03-01T12:34:56Z", ""},
		{"2026-03-01T12:34:56+14:00", "2026-02-28T22:34:56Z", ""},
		{"2026/3/1 9:04:05 UTC", "2026-03-01T09:04:05Z", ""},
		{"2026.03.01 12:34:56 UTC", "2026-03-01T12:34:56Z", ""},
		{"2026-Mar-01 12:34:56 UTC", "2026-03-01T12:34:56Z", ""},
		{"2026-03-01T12:34Z", "2026-03-01T12:34:00Z", "2026-03-01T12:35:00Z"},
		{"2026-03-01 12:34 UTC", "2026-03-01T12:34:00Z", "2026-03-01T12:35:00Z"},
		{"2026-03-01 UTC", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"},
		{"2026-03-01Z", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"},
		{"2026-03-01+01:00", "2026-02-28T23:00:00Z", "2026-03-01T23:00:00Z"},
		{"2026-03-01 -03:00", "2026-03-01T03:00:00Z", "2026-03-02T03:00:00Z"},
		{"1783851029", "2026-07-12T10:10:29Z", ""},
		{"1783851029.560458", "2026-07-12T10:10:29.560458Z", ""},
		{"1783851029560", "2026-07-12T10:10:29.56Z", ""},
		{"1783851029560458", "2026-07-12T10:10:29.560458Z", ""},
		{"12/Jul/2026:19:38:25 +0200", "2026-07-12T17:38:25Z", ""},
		{"[12/Jul/2026:19:38:25 +0200]", "2026-07-12T17:38:25Z", ""},
		{"Sun, 01 Mar 2026 12:34:56 +0100", "2026-03-01T11:34:56Z", ""},
		{"Sun, 1 Mar 2026 12:34:56 +0100 (CET)", "2026-03-01T11:34:56Z", ""},
		{"01 March 2026 12:34:56 GMT", "2026-03-01T12:34:56Z", ""},
		{"Feb  3 2014 02:13:35 +0100", "2014-02-03T01:13:35Z", ""},
		{"Sun Mar  1 12:34:56 UTC 2026", "2026-03-01T12:34:56Z", ""},
		{"Sun Mar 1 12:34:56 2026 +0100", "2026-03-01T11:34:56Z", ""},
		{"Sun Mar 1 12:34:56 +0100 2026", "2026-03-01T11:34:56Z", ""},
		{"Sun Mar 01 2026 12:34:56 GMT+0100 (Central European Standard Time)", "2026-03-01T11:34:56Z", ""},
		{"Jul 12, 2026, 7:38:25 PM UTC", "2026-07-12T19:38:25Z", ""},
		{"12:00:00 AM is no time", "", ""},
		{"2026-07-12 12:00:00 AM UTC", "2026-07-12T00:00:00Z", ""},
		{"2026-07-12 12:00 pm UTC", "2026-07-12T12:00:00Z", "2026-07-12T12:01:00Z"},
		{"20260301T123456Z", "2026-03-01T12:34:56Z", ""},
		{"20260301T1234Z", "2026-03-01T12:34:00Z", "2026-03-01T12:35:00Z"},
		{"20260301123456Z", "2026-03-01T12:34:56Z", ""},
		{"20260301123456+0100", "2026-03-01T11:34:56Z", ""},
		{"25/12/2026 12:34:56 UTC", "2026-12-25T12:34:56Z", ""},
		{"12/25/2026 12:34:56 UTC", "2026-12-25T12:34:56Z", ""},
		{"25.12.2026 12:34:56 UTC", "2026-12-25T12:34:56Z", ""},
		{"25-12-2026 12:34:56 UTC", "2026-12-25T12:34:56Z", ""},
		{"03/03/2026 12:34:56 UTC", "2026-03-03T12:34:56Z", ""},
		{"2015-05-06T05-00-00UTC", "2015-05-06T05:00:00Z", ""},
		{"2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z", "2017-01-01T00:00:01Z"},
		{"2017-01-01T00:59:60.5+01:00", "2016-12-31T23:59:59Z", "2017-01-01T00:00:01Z"},
		{"2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z", ""},
		{"1970-01-01T00:00:00+14:00", "1969-12-31T10:00:00Z", ""},
	} {
		from, to, err := ParseTime(c.text, nil)
		if c.from == "" {
			if err == nil {
				t.Errorf("%q: %v", c.text, from)
			}
			continue
		}
		if c.to == "" {
			c.to = c.from
		}
		if err != nil || !from.Equal(at(t, c.from)) || !to.Equal(at(t, c.to)) {
			t.Errorf("%q: %v to %v (%v), want %s to %s", c.text, from, to, err, c.from, c.to)
			continue
		}
		checkTimes(t, from, to)
		if a, b, err := ParseTime(c.text, location(t, "Asia/Kolkata")); err != nil || !a.Equal(from) || !b.Equal(to) {
			t.Errorf("%q: %v to %v with a zone (%v)", c.text, a, b, err)
		}
	}
}

func TestParseTimeRefusals(t *testing.T) {
	const local = "the time has no zone: add Z or an offset such as +01:00, or give the zone as an option"
	const notOne = " does not name one zone: write the offset, such as +01:00, or UTC"
	const none = "this is no time: write for example 2026-03-01T12:34:56Z"
	for _, c := range []struct {
		text string
		kind error
		why  string
	}{
		{"", ErrTime, "no time is given"},
		{"now", ErrTime, none},
		{"yesterday 12:00", ErrTime, none},
		{"2026-03-01T12:34:56", ErrNoZone, local},
		{"2026-03-01", ErrNoZone, local},
		{"20260301", ErrNoZone, local},
		{"2026-03-01 12:34:56 local time", ErrNoZone, local},
		{"Sun Mar  1 12:34:56 2026", ErrNoZone, local},
		{"2026-03-01 12:34:56 CET", ErrZone, `"CET"` + notOne},
		{"2026-03-01 12:34:56 EST", ErrZone, `"EST"` + notOne},
		{"2026-03-01 12:34:56 IST", ErrZone, `"IST"` + notOne},
		{"Sun Mar  1 12:34:56 CST 2026", ErrZone, `"CST"` + notOne},
		{"2026-03-01 12:34:56 Europe/Berlin", ErrZone, `the zone "Europe/Berlin" is named: write its offset at that time, such as +01:00, or give the zone as an option`},
		{"2026-03-01 12:34:56 (CET)", ErrZone, `"CET"` + notOne},
		{"2026-03-01 12:34:56 (UTC-15)", ErrZone, "an offset goes from -12:00 to +14:00 in quarters of an hour, written as +01:00 or +0100"},
		{"2026-03-01 12:34:56 (UTC", ErrTime, `"(UTC" is left over behind the time`},
		{"2026-03-01 12:34:56 (UTC) +01:00", ErrTime, `"+01:00" is left over behind the time`},
		{"2026-03-01 12:34:56 UTC -3", ErrTime, `"-3" is left over behind the time`},
		{"2026-03-01 12:34:56 (1)", ErrTime, `"(1)" is left over behind the time`},
		{"2026-03-01 12:34:56 hours", ErrZone, `"hours"` + notOne},
		{"2026-03-01T12:34:56+15:00", ErrZone, "an offset goes from -12:00 to +14:00 in quarters of an hour, written as +01:00 or +0100"},
		{"2026-03-01T12:34:56+530", ErrZone, "an offset goes from -12:00 to +14:00 in quarters of an hour, written as +01:00 or +0100"},
		{"2026-03-01-03:00", ErrTime, "this could be a zone or a clock: write a blank before the zone"},
		{"26-03-01 12:34:56Z", ErrTime, "the year has two digits: write all four"},
		{"01/03/26 12:34:56Z", ErrTime, "the year has two digits: write all four"},
		{"Sun, 01 Mar 26 12:34:56 +0100", ErrTime, "the year has two digits: write all four"},
		{"03/04/2026 12:34:56Z", ErrDayMonth, "day and month could be exchanged: write 2026-04-03 or 2026-03-04, or give the order of dates as an option"},
		{"3.4.2026 12:34:56Z", ErrDayMonth, "day and month could be exchanged: write 2026-04-03 or 2026-03-04, or give the order of dates as an option"},
		{"Mon, 01 Mar 2026 12:34:56 +0100", ErrTime, "2026-03-01 is a Sunday, not a Monday: find out which is right"},
		{"2026-02-29T12:00:00Z", ErrTime, "there is no such day"},
		{"2026-13-01T12:00:00Z", ErrTime, "there is no such day"},
		{"2026-00-01T12:00:00Z", ErrTime, "there is no such day"},
		{"00/05/2026 12:00 UTC", ErrTime, "there is no such day"},
		{"2026-03-01T24:00:00Z", ErrTime, "a clock goes from 00:00:00 to 23:59:59"},
		{"2026-03-01T12:60:00Z", ErrTime, "a clock goes from 00:00:00 to 23:59:59"},
		{"2026-03-01T12:34:60Z", ErrTime, "there is a second 60 only at 23:59:60 UTC on the last day of a month"},
		{"2016-12-30T23:59:60Z", ErrTime, "there is a second 60 only at 23:59:60 UTC on the last day of a month"},
		{"2026-03-01 13:00:00 PM UTC", ErrTime, "hour 13 does not go with PM"},
		{"2026-03-01 1:2:03 UTC", ErrTime, "the minute must have two digits"},
		{"2026-03-01 1:02:3 UTC", ErrTime, "the second must have two digits"},
		{"12:34:56", ErrTime, "there is no date: write for example 2026-03-01T12:34:56Z"},
		{"12:34:56Z", ErrTime, "there is no date: write for example 2026-03-01T12:34:56Z"},
		{"Mar  1 12:34:56", ErrTime, "there is no year, as in syslog: write for example 2026-03-01T12:34:56Z"},
		{"Mar 1", ErrTime, "there is no year: write for example 2026-03-01T12:34:56Z"},
		{"178385102", ErrTime, "9 digits are no count of seconds, milli- or microseconds since 1970: write for example 2026-03-01T12:34:56Z"},
		{"2026", ErrTime, "4 digits are no count of seconds, milli- or microseconds since 1970: write for example 2026-03-01T12:34:56Z"},
		{"1783851029560.5", ErrTime, "13 digits are no count of seconds, milli- or microseconds since 1970: write for example 2026-03-01T12:34:56Z"},
		{"0201-03-01T12:34:56Z", ErrTime, "the year must be from 1970 to 2999"},
		{"2026-03-01T12:34:56Z x", ErrTime, `"x" is left over behind the time`},
		{"2026-03-01T12:34:56Z\x1b[31m", ErrTime, `"?[31m" is left over behind the time`},
	} {
		from, to, err := ParseTime(c.text, nil)
		want := fmt.Sprintf("time %q: %s", clip(c.text, maxGiven), c.why)
		if c.text == "" {
			want = c.why
		}
		if !errors.Is(err, c.kind) || err.Error() != want || !from.IsZero() || !to.IsZero() {
			t.Errorf("%q: %v to %v\n got %v\nwant %s", c.text, from, to, err, want)
		}
		if !errors.Is(c.kind, ErrNoZone) {
			if _, _, err := ParseTime(c.text, time.UTC); !errors.Is(err, c.kind) {
				t.Errorf("%q with a zone: %v", c.text, err)
			}
		}
	}
}

func TestParseTimeInZone(t *testing.T) {
	for _, c := range []struct{ zone, text, from, to string }{
		{"Europe/Berlin", "2026-03-29 01:59:59", "2026-03-29T00:59:59Z", "2026-03-29T00:59:59Z"},
		{"Europe/Berlin", "2026-03-29 03:00", "2026-03-29T01:00:00Z", "2026-03-29T01:01:00Z"},
		{"Europe/Berlin", "2026-03-29 12:00:00 +00:00", "2026-03-29T12:00:00Z", "2026-03-29T12:00:00Z"},
		{"Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},     // 23 hours
		{"Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},     // 25 hours
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"}, // began at 01:00
		{"America/Sao_Paulo", "2018-11-03", "2018-11-03T03:00:00Z", "2018-11-04T03:00:00Z"},
		{"America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z"}, // its last hour twice
		{"America/Havana", "2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"},    // two midnights
		{"Asia/Kolkata", "2026-03-01 12:34:56", "2026-03-01T07:04:56Z", "2026-03-01T07:04:56Z"},
		{"Asia/Kolkata", "2017-01-01 05:29:60", "2016-12-31T23:59:59Z", "2017-01-01T00:00:01Z"},
	} {
		from, to, err := ParseTime(c.text, location(t, c.zone))
		if err != nil || !from.Equal(at(t, c.from)) || !to.Equal(at(t, c.to)) {
			t.Errorf("%s in %s: %v to %v (%v), want %s to %s", c.text, c.zone, from, to, err, c.from, c.to)
		}
	}
	for _, c := range []struct{ zone, text, want string }{
		{"Europe/Berlin", "2026-03-29 02:30:00", "there was no such time in Europe/Berlin: clocks were put forward; write the offset, such as +01:00"},
		{"Europe/Berlin", "2026-10-25 02:30:00", "this happened twice in Europe/Berlin, at 2026-10-25T00:30:00Z and 2026-10-25T01:30:00Z: write the offset, such as +01:00"},
		{"Europe/Berlin", "2026-10-25 02:30", "this happened twice in Europe/Berlin, at 2026-10-25T00:30:00Z and 2026-10-25T01:30:00Z: write the offset, such as +01:00"},
		{"Australia/Lord_Howe", "2026-04-05 01:45:00", "this happened twice in Australia/Lord_Howe, at 2026-04-04T14:45:00Z and 2026-04-04T15:15:00Z: write the offset, such as +01:00"},
		{"Pacific/Apia", "2011-12-30 12:00:00", "there was no such time in Pacific/Apia: clocks were put forward; write the offset, such as +01:00"},
		{"Pacific/Apia", "2011-12-30", "there was no such day in Pacific/Apia: clocks were put forward over it"},
	} {
		if _, _, err := ParseTime(c.text, location(t, c.zone)); !errors.Is(err, ErrLocalTime) || err.Error() != fmt.Sprintf("time %q: %s", c.text, c.want) {
			t.Errorf("%s in %s: %v", c.text, c.zone, err)
		}
	}
}

// TestLocalTimes compares local times around every change of clocks with a search through all minutes.
func TestLocalTimes(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Casablanca", "America/Havana", "Pacific/Apia", "Asia/Kolkata", "UTC"} {
		zone := location(t, name)
		for change := range changes(zone, 2010, 2020) {
			shown := map[string][]time.Time{}
			for m := -30 * 60; m <= 30*60; m++ {
				instant := change.Add(time.Duration(m) * time.Minute)
				wall := instant.In(zone).Format("2006-01-02 15:04:05")
				shown[wall] = append(shown[wall], instant)
			}
			for m := -150; m <= 150; m++ {
				_, offset := change.In(zone).Zone()
				wall := change.Add(time.Duration(offset)*time.Second + time.Duration(m)*time.Minute).UTC().Format("2006-01-02 15:04:05")
				want := shown[wall]
				from, _, err := ParseTime(wall, zone)
				if len(want) == 1 != (err == nil) || err == nil && !from.Equal(want[0]) || err != nil && !errors.Is(err, ErrLocalTime) {
					t.Errorf("%s in %s: %v (%v), want %v", wall, name, from, err, want)
				}
			}
		}
	}
}

// changes iterates over the instants at which clocks of zone are changed, or one if never.
func changes(zone *time.Location, first, last int) func(func(time.Time) bool) {
	return func(yield func(time.Time) bool) {
		instant := time.Date(first, 1, 1, 0, 0, 0, 0, time.UTC)
		for n := 0; ; n++ {
			_, end := instant.In(zone).ZoneBounds()
			if end.IsZero() || end.Year() > last {
				if n == 0 {
					yield(instant)
				}
				return
			}
			if !yield(end.UTC()) {
				return
			}
			instant = end
		}
	}
}

// TestParseTimeAgainstFormat writes random instants with the standard library and reads them.
func TestParseTimeAgainstFormat(t *testing.T) {
	seed := testseed.New(t)
	r := rand.New(rand.NewPCG(seed, 1))
	layouts := []string{
		time.RFC3339, time.RFC3339Nano, time.RFC1123Z, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05.000000-07:00", "02/Jan/2006:15:04:05 -0700", "20060102T150405Z0700",
		"Mon Jan _2 15:04:05 -0700 2006", "January 2, 2006 3:04:05 PM -0700", "2006/01/02 15:04:05 -07", "Monday, 02-Jan-2006 15:04:05 -0700",
	}
	for range 20_000 {
		offset := (r.IntN(26*4+1) - 12*4) * 15 * 60
		layout := layouts[r.IntN(len(layouts))]
		if layout == "2006/01/02 15:04:05 -07" {
			offset = (r.IntN(19) - 9) * 3600 // two digits that are no more could count seconds
		}
		instant := time.Unix(r.Int64N(4_000_000_000)+86400, 0)
		if layout == time.RFC3339Nano || layout == "2006-01-02 15:04:05.000000-07:00" {
			instant = instant.Add(time.Duration(r.IntN(1e6)) * time.Microsecond)
		}
		text := instant.In(time.FixedZone("", offset)).Format(layout)
		from, to, err := ParseTime(text, nil)
		if err != nil || !from.Equal(instant) || !to.Equal(instant) {
			t.Fatalf("%q: %v to %v (%v), want %v", text, from, to, err, instant.UTC())
		}
	}
}

// location loads a zone.
func location(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}
