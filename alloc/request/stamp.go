package request

import (
	"strconv"
	"strings"
	"time"
)

// maxTime is the length of the longest text that is looked at as a time.
const maxTime = 100

// The years that a question can be about.
const minYear, maxYear = 1970, 2999

// A precision is the unit that a time was written to; 0 when there is no clock and no date.
type precision uint8

const (
	toDay precision = iota + 1
	toMinute
	toSecond
)

// A stamp is a time as it was written, before it is placed in a zone.
type stamp struct {
	year, month, day           int // 0 when there is no date
	weekday                    int // from 1 = Sunday; 0 when not written
	hour, minute, second, nano int
	precision                  precision
	unit                       time.Duration // a second or less: what the last digit counts; 0 without seconds
	iso                        bool          // a T stands before the clock
	spoken                     bool          // AM, PM or a word such as Uhr stands behind it
	half                       bool          // AM or PM does

	zoned  bool
	offset int // seconds east of UTC

	epoch time.Time // set for a count of seconds, and then all there is
}

// parseStamp reads a time of any of the forms of ParseTime. Date or clock may be missing.
func parseStamp(text string, order DateOrder) (st stamp, err error) {
	c := cursor{s: strings.Trim(text, " \t\r\n\"'"), order: order}
	if len(c.s) > 1 && c.s[0] == '[' && c.s[len(c.s)-1] == ']' {
		c.s = c.s[1 : len(c.s)-1]
	}
	switch {
	case c.s == "":
		return st, refuse(ErrTime, "no time is given")
	case len(c.s) > maxTime:
		return st, refuse(ErrTime, "this is too long for a time")
	}
	if st.epoch, st.unit, err = c.epoch(); err != nil || !st.epoch.IsZero() {
		return st, err
	}
	if err := c.date(&st); err != nil {
		return st, err
	}
	if err := c.clock(&st); err != nil {
		return st, err
	}
	if err := c.zone(&st); err != nil {
		return st, err
	}
	if c.blanks(); !c.end() {
		return st, refuse(ErrTime, "%s is left over behind the time", quoted(c.s[c.i:]))
	}
	return st, st.check()
}

// epoch reads a whole text of digits as seconds (with a fraction), milli- or microseconds since 1970, told apart by their
// number, which holds from 2001 to 2286. The time is zero when the text is no such count. unit is what the last digit counts.
func (c *cursor) epoch() (t time.Time, unit time.Duration, err error) {
	k := cursor{s: c.s}
	_, width := k.digits()
	count := k.s[:width]
	nano, fraction := 0, k.at(0) == '.' && isDigit(k.at(1))
	unit = time.Second
	if fraction {
		k.i++
		nano, unit = k.fraction()
	}
	if !k.end() || width == 0 || width == 8 || width == 14 {
		return time.Time{}, 0, nil
	}
	n, err := strconv.ParseInt(count, 10, 64)
	switch {
	case err == nil && width == 10:
		t = time.Unix(n, int64(nano))
	case err == nil && width == 13 && !fraction:
		t, unit = time.UnixMilli(n), time.Millisecond
	case err == nil && width == 16 && !fraction:
		t, unit = time.UnixMicro(n), time.Microsecond
	default:
		return t, 0, refuse(ErrTime, "%d digits are no count of seconds, milli- or microseconds since 1970: write for example 2026-03-01T12:34:56Z", width)
	}
	return t.UTC(), unit, checkYear(t.UTC().Year())
}

// fraction reads digits as nanoseconds; what is smaller is cut off. unit is what the last digit counts.
func (c *cursor) fraction() (nano int, unit time.Duration) {
	unit = time.Second
	for next := 100_000_000; isDigit(c.at(0)); c.i++ {
		nano += int(c.at(0)-'0') * next
		unit = max(time.Duration(next), time.Nanosecond)
		next /= 10
	}
	return nano, unit
}

// clock reads the clock, if there is one, and what divides it from the date.
func (c *cursor) clock(st *stamp) error {
	if st.precision > toDay {
		return nil // date read it
	}
	if st.precision == toDay {
		mark := c.i
		dashes := (c.at(0) == 'T' || c.at(0) == 't') && isDigit(c.at(1))
		if dashes || (c.at(0) == ':' || c.at(0) == '_') && isDigit(c.at(1)) {
			st.iso = dashes
			c.i++
		} else {
			c.accept(',')
			if c.blanks(); !isDigit(c.at(0)) || c.i == mark {
				c.i = mark
				return nil
			}
		}
		return c.hours(st, dashes)
	}
	return c.hours(st, false)
}

// hours reads hh:mm, hh:mm:ss, hh:mm:ss.fraction, hhmm or hhmmss; with dashes also hh-mm-ss, which one rights holder writes.
func (c *cursor) hours(st *stamp, dashes bool) error {
	n, width := c.digits()
	colon := byte(':')
	if dashes && c.at(0) == '-' && isDigit(c.at(1)) && isDigit(c.at(2)) && c.at(3) == '-' {
		colon = '-'
	}
	switch {
	case width == 4:
		st.hour, st.minute, st.precision = n/100, n%100, toMinute
	case width == 6:
		st.hour, st.minute, st.second, st.precision = n/10000, n/100%100, n%100, toSecond
	case width <= 2 && width > 0 && c.accept(colon):
		st.hour, st.precision = n, toMinute
		if st.minute, width = c.digits(); width != 2 {
			return refuse(ErrTime, "the minute must have two digits")
		}
		if c.accept(colon) {
			st.precision = toSecond
			if st.second, width = c.digits(); width != 2 {
				return refuse(ErrTime, "the second must have two digits")
			}
		}
	default:
		return errNoTime()
	}
	if st.precision == toSecond {
		st.unit = time.Second
	}
	if st.precision == toSecond && (c.at(0) == '.' || c.at(0) == ',') && isDigit(c.at(1)) {
		c.i++
		st.nano, st.unit = c.fraction()
	}
	if err := c.halfDay(st); err != nil {
		return err
	}
	c.hourWord(st)
	return nil
}

// hourWord passes over what people write behind a clock: 12:34:56h, 12:34 Uhr, 12:34 hrs.
func (c *cursor) hourWord(st *stamp) {
	k := *c
	k.blanks()
	switch strings.ToLower(k.word()) {
	case "h", "hs", "hrs", "horas", "uhr":
		c.i, st.spoken = k.i, true
	}
}

// halfDay reads AM or PM, if there.
func (c *cursor) halfDay(st *stamp) error {
	k := *c
	k.blanks()
	word := k.word()
	am, pm := strings.EqualFold(word, "am"), strings.EqualFold(word, "pm")
	if !am && !pm {
		return nil
	}
	c.i, st.spoken, st.half = k.i, true, true
	if st.hour < 1 || st.hour > 12 {
		return refuse(ErrTime, "hour %d does not go with %s", st.hour, word)
	}
	st.hour %= 12
	if pm {
		st.hour += 12
	}
	return nil
}

// errNoTime says what a time looks like.
func errNoTime() error {
	return refuse(ErrTime, "this is no time: write for example 2026-03-01T12:34:56Z")
}

// check refuses dates and clocks that do not exist.
func (st *stamp) check() error {
	if st.hour > 23 || st.minute > 59 || st.second > 60 {
		return refuse(ErrTime, "a clock goes from 00:00:00 to 23:59:59")
	}
	if st.year == 0 {
		return nil
	}
	if err := checkYear(st.year); err != nil {
		return err
	}
	d := time.Date(st.year, time.Month(st.month), st.day, 0, 0, 0, 0, time.UTC)
	if st.month < 1 || st.month > 12 || st.day < 1 || d.Day() != st.day {
		return refuse(ErrTime, "there is no such day")
	}
	if st.weekday != 0 && int(d.Weekday())+1 != st.weekday {
		return refuse(ErrTime, "%s is a %s, not a %s: find out which is right", d.Format(time.DateOnly), d.Weekday(), dayNames[st.weekday-1])
	}
	return nil
}

func checkYear(year int) error {
	if year < minYear || year > maxYear {
		return refuse(ErrTime, "the year must be from %d to %d", minYear, maxYear)
	}
	return nil
}
