package request

import (
	"strings"
	"time"
	"unicode/utf8"
)

// An offsetForm is where an offset stands. Behind a clock, the same signs also begin the end of an interval, or a tolerance.
type offsetForm uint8

const (
	behindClock offsetForm = iota // 12:34:56-03:00
	behindBlank                   // 12:34:56 -03:00
	inBrackets                    // 12:34:56 (-03:00)
	named                         // UTC-3, or what a column of zones holds: this can be nothing else
)

// offset reads +01:00, +0100, +01 or +1, as far as that can be nothing else where it stands.
func (c *cursor) offset(st *stamp, form offsetForm) error {
	start, negative := c.i, c.at(0) == '-'
	c.i++
	n, width := c.digits()
	hours, minutes := n, 0
	colon := width <= 2 && c.accept(':')
	switch {
	case width == 4:
		hours, minutes = n/100, n%100
	case width == 0 || width > 2:
		return errOffset()
	case colon:
		var digits int
		if minutes, digits = c.digits(); digits != 2 {
			return errOffset()
		}
	}
	if hours > 14 || minutes%15 != 0 || minutes > 45 || hours == 14 && minutes > 0 || negative && (hours > 12 || hours == 12 && minutes > 0) {
		return errOffset()
	}
	o := writtenOffset{form: form, negative: negative, hours: hours, minutes: minutes, width: width, colon: colon}
	if err := o.check(st, c.s[start:c.i]); err != nil {
		return err
	}
	st.zoned, st.offset = true, hours*3600+minutes*60
	if negative {
		st.offset = -st.offset
	}
	return c.comment(st.offset == 0, form)
}

func errOffset() error {
	return refuse(ErrZone, "an offset goes from -12:00 to +14:00 in quarters of an hour, written as +01:00 or +0100")
}

// A writtenOffset is an offset as it was written: width digits, and two more behind a colon.
type writtenOffset struct {
	form           offsetForm
	negative       bool
	hours, minutes int
	width          int
	colon          bool
}

// check refuses an offset that could be something else behind its time.
func (o writtenOffset) check(st *stamp, text string) error {
	if o.form == named {
		return nil
	}
	short := !o.colon && o.width <= 2
	switch {
	case o.width == 1, short && o.hours > 9: // 12:34:56 +5, 12:34:56+10
		return refuse(ErrZone, "%s could be an offset or a tolerance: write the offset as +05:00 or UTC+5, and leave a tolerance to the option for it", quoted(text))
	case o.mayBeEnd(st):
		return refuse(ErrZone, "%s could be an offset or the end of an interval: write 02:30:00 -03:00 or UTC-03:00 for the offset, and start and end with their dates for an interval", quoted(text))
	}
	return nil
}

// mayBeEnd reports whether the offset may be where an interval ends that the clock before it begins: 02:30-03:30.
func (o writtenOffset) mayBeEnd(st *stamp) bool {
	short := !o.colon && o.width <= 2
	end := 60*o.hours + o.minutes
	if end == 0 {
		end = 24 * 60 // midnight
	}
	switch {
	case !o.negative:
		return short && st.precision < toSecond && o.form == behindClock
	case o.form == inBrackets:
		return false
	case st.precision == toDay: // 2026-02-01 -03, 2026-02-01 -0215
		return !o.colon
	case o.form == behindClock && st.spoken:
		return true
	case st.precision == toMinute && o.form == behindClock && (short || !st.iso):
		return true
	case st.precision == toMinute:
		return !short && end > 60*st.hour+st.minute
	}
	return short && o.form == behindClock && st.unit == time.Second && o.hours > st.second // 12:34:01-03
}

// comment passes over the name of a zone behind an offset, at the end: "+0100 (Central European Time)" or "+0000 UTC". Without brackets
// that is an abbreviation of a zone and nothing else, because a unit makes a length of time of the offset. Summer time without the name of a zone is
// refused: some write the offset that holds then, and some that of the winter.
func (c *cursor) comment(isUTC bool, form offsetForm) error {
	k := *c
	k.blanks()
	bracket := k.accept('(')
	for words := 0; words == 0 || bracket && k.blanks(); words++ {
		start := k.i
		for isLetter(k.at(0)) || k.at(0) >= utf8.RuneSelf {
			k.i++
		}
		if word := k.s[start:k.i]; word == "" || !isZoneComment(word, isUTC, bracket || form == named) {
			return nil
		}
	}
	if (!bracket || k.accept(')')) && k.end() {
		if saysSaving(c.s[c.i:]) {
			return errSaving(c.s[c.i:])
		}
		c.i = k.i
	}
	return nil
}

// isZoneComment reports whether a word behind an offset can be of the name of its zone; with free, among others or in a column of zones.
func isZoneComment(word string, isUTC, free bool) bool {
	switch lower := strings.ToLower(word); {
	case lower == "utc" || lower == "gmt" || lower == "z" || lower == "ut" || lower == "zulu":
		return isUTC
	case free:
		return !notInZones[lower]
	}
	return abbreviations[word]
}

// notInZones are words that make something else of an offset before them: units of time, halves of the day, and words of tolerances.
var notInZones = setOfWords(`am pm a p h hr hrs hs hour hours hora horas uhr std stunde stunden heure heures ora ore min mins minute minutes minuto minutos minuten minuti
	s sec secs seg second seconds segundo segundos sekunde sekunden seconde secondes ms msec millisecond milliseconds us d day days dia dias tag tage tagen jour jours
	week weeks tolerance toleranz tolerancia tolerância margin error drift skew or ou oder more less`)
