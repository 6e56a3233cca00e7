package request

import (
	"time"
)

// ParseTime reads one time as people and programs write it:
//
//	2026-03-01T12:34:56Z          RFC 3339, also with a blank, /, . and a fraction; also 2026-03-01 12:34:56 UTC, GMT, +0100, UTC+1
//	20260301T123456Z              ISO 8601 without marks
//	01/Mar/2026:12:34:56 +0100    web servers
//	Sun, 01 Mar 2026 12:34:56 +0100   RFC 5322; also ctime with its year, and Mar 1, 2026 12:34:56 PM UTC
//	25/12/2026 12:34 UTC          where day and month cannot be exchanged
//	1783851029.560458             10 digits of seconds since 1970; 13 are milliseconds, 16 microseconds
//
// A time to the second returns from equal to to. A time to the minute returns that minute, a date that day, as [from, to);
// the second 60 of a leap second returns 23:59:59 to 00:00:01, as clocks call it by either second. Both are UTC.
//
// A time without a zone is one of zone, and refused with ErrNoZone when zone is nil. With a zone, a time that does not exist
// or exists twice because clocks were changed is refused with ErrLocalTime, which names both instants. Names of zones other
// than UTC, GMT and Z are refused with ErrZone whatever zone is, and dates such as 03/04/2026 with ErrDayMonth: only a Reader
// can be given their order. Everything else that is refused wraps ErrTime: years of two digits, a clock without a date, a
// weekday that is not that day's, years before 1970. Errors quote the text. It takes some 200 ns.
func ParseTime(text string, zone *time.Location) (from, to time.Time, err error) {
	return parseTime(text, zone, 0)
}

// parseTime reads a time of an input whose dates have that order.
func parseTime(text string, zone *time.Location, order DateOrder) (from, to time.Time, err error) {
	st, err := parseStamp(text, order)
	if err == nil {
		from, to, err = st.resolve(zone)
	}
	if err != nil {
		return time.Time{}, time.Time{}, about("time", text, err)
	}
	return from, to, nil
}

// resolve places a stamp in its own zone, or else in zone.
func (st *stamp) resolve(zone *time.Location) (from, to time.Time, err error) {
	switch {
	case !st.epoch.IsZero():
		return st.epoch, st.epoch, nil
	case st.year == 0:
		return from, to, refuse(ErrTime, "there is no date: write for example 2026-03-01T12:34:56Z")
	case !st.zoned && zone == nil:
		return from, to, refuse(ErrNoZone, "the time has no zone: add Z or an offset such as +01:00, or give the zone as an option")
	case st.precision == toDay:
		from, to = st.startOfDay(zone, 0), st.startOfDay(zone, 1)
		if !from.Before(to) {
			err = refuse(ErrLocalTime, "there was no such day in %s: clocks were put forward over it", zone)
		}
		return from, to, err
	}
	if from, err = st.instant(zone); err != nil {
		return from, to, err
	}
	switch {
	case st.second == 60:
		return leapSecond(from)
	case st.precision == toMinute:
		return from, from.Add(time.Minute), nil
	}
	return from, from, nil
}

// wall returns the stamp as if it were UTC, with second 59 for 60.
func (st *stamp) wall() time.Time {
	return time.Date(st.year, time.Month(st.month), st.day, st.hour, st.minute, min(st.second, 59), st.nano, time.UTC)
}

// leapSecond returns the second before and the one after a leap second, both whole; from is in its second 59. Clocks without leap
// seconds, and POSIX time, call it 00:00:00, and there a plan may change.
func leapSecond(from time.Time) (time.Time, time.Time, error) {
	from = from.Truncate(time.Second)
	midnight := from.Add(time.Second)
	if midnight.Day() != 1 || midnight.Hour() != 0 || midnight.Minute() != 0 || midnight.Second() != 0 {
		return time.Time{}, time.Time{}, refuse(ErrTime, "there is a second 60 only at 23:59:60 UTC on the last day of a month")
	}
	return from, midnight.Add(time.Second), nil
}

// instant returns the one instant that a stamp with a clock means.
func (st *stamp) instant(zone *time.Location) (time.Time, error) {
	wall := st.wall()
	if st.zoned {
		return wall.Add(-time.Duration(st.offset) * time.Second), nil
	}
	found := instants(wall, zone)
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return time.Time{}, refuse(ErrLocalTime, "there was no such time in %s: clocks were put forward; write the offset, such as +01:00", zone)
	}
	first, second := found[0], found[1]
	if second.Before(first) {
		first, second = second, first
	}
	return time.Time{}, refuse(ErrLocalTime, "this happened twice in %s, at %s and %s: write the offset, such as +01:00",
		zone, first.Format(time.RFC3339), second.Format(time.RFC3339))
}

// startOfDay returns the first instant of the stamp's day, or of one that many days later. Where clocks are changed at
// midnight a day may begin at 01:00, or with the first of two midnights.
func (st *stamp) startOfDay(zone *time.Location, later int) time.Time {
	wall := time.Date(st.year, time.Month(st.month), st.day+later, 0, 0, 0, 0, time.UTC)
	if st.zoned {
		return wall.Add(-time.Duration(st.offset) * time.Second)
	}
	found := instants(wall, zone)
	switch len(found) {
	case 0:
		// The gap begins at a change of offset, and the day where it ends: that is one and the same instant.
		guess := time.Date(wall.Year(), wall.Month(), wall.Day(), 0, 0, 0, 0, zone)
		start, end := guess.ZoneBounds()
		if !start.IsZero() && guess.Sub(start) < 24*time.Hour {
			return start.UTC()
		}
		return end.UTC()
	case 2:
		if found[1].Before(found[0]) {
			return found[1]
		}
	}
	return found[0]
}

// instants returns the instants, none, one or two, at which clocks of zone show wall, which is given as if it were UTC.
func instants(wall time.Time, zone *time.Location) []time.Time {
	guess := wall
	if zone != time.UTC {
		y, m, d := wall.Date()
		guess = time.Date(y, m, d, wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), zone)
	}
	start, end := guess.ZoneBounds()
	near := func(change time.Time) bool {
		return !change.IsZero() && guess.Sub(change).Abs() <= 26*time.Hour
	}
	found := make([]time.Time, 0, 2)
	add := func(at time.Time) {
		_, offset := at.In(zone).Zone()
		t := wall.Add(-time.Duration(offset) * time.Second)
		_, then := t.In(zone).Zone()
		if then == offset && (len(found) == 0 || len(found) == 1 && !found[0].Equal(t)) {
			found = append(found, t)
		}
	}
	add(guess)
	if near(start) {
		add(start.Add(-time.Second))
	}
	if near(end) {
		add(end)
	}
	return found
}

// between places an interval: the date of the second may follow from the first, and a zone that only one of them has holds
// for both. To is the end of the day, minute, second or part of one that the second names, unless both name one instant.
func between(a, b stamp, zone *time.Location) (from, to time.Time, err error) {
	if b.year == 0 && b.epoch.IsZero() {
		b.year, b.month, b.day = a.year, a.month, a.day
	}
	if a.epoch.IsZero() && b.epoch.IsZero() && a.zoned != b.zoned {
		if a.zoned {
			b.zoned, b.offset = true, a.offset
		} else {
			a.zoned, a.offset = true, b.offset
		}
	}
	from, _, err = a.resolve(zone)
	if err != nil {
		return from, to, err
	}
	last, to, err := b.resolve(zone)
	if err != nil {
		return from, to, err
	}
	if last.Equal(to) && !last.Equal(from) {
		to = to.Add(b.unit)
	}
	if to.Before(from) || to.Equal(from) && !last.Equal(from) {
		return from, to, refuse(ErrTime, "the interval ends before it begins: %s is before %s", last.Format(time.RFC3339), from.Format(time.RFC3339))
	}
	return from, to, nil
}
