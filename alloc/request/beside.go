package request

import (
	"strings"
	"time"
)

// maxBesides is how many values under names without a role are kept of one question.
const maxBesides = 16

// beside keeps a value under a name that says nothing, where it holds a clock, which may be meant.
func (it *item) beside(value string) {
	if len(it.besides) < maxBesides && hasClock(value) {
		it.besides = append(it.besides, value)
	}
}

// ownsClocks refuses a time of which nothing but a date is given, where a value beside it has a clock: the truth may lie outside of that day, as
// the zone of that clock is not read.
func (it *item) ownsClocks(stamps ...*stamp) error {
	for _, st := range stamps {
		if st == nil || st.precision != toDay || !st.epoch.IsZero() {
			continue
		}
		for _, value := range it.besides {
			if hasClock(value) && st.isNear(value) {
				return errClock(value)
			}
		}
	}
	return nil
}

func errClock(text string) error {
	return refuse(ErrTime, "there is a date, and the clock in %s belongs to no time: write it behind the date, or take it away if it is of something else", quoted(strings.TrimSpace(text)))
}

// isNear reports whether the time in a text may be of the same event as a date: it has no date, or one of that day, of the one before or the one after.
func (st *stamp) isNear(text string) bool {
	other, err := parseStamp(text, DayFirst)
	if err != nil || other.year == 0 {
		return true
	}
	return other.wall().Truncate(24*time.Hour).Sub(st.wall().Truncate(24*time.Hour)).Abs() <= 24*time.Hour
}

// hasClock reports whether a text has a clock: 12:34, 12:34:56, 12h34, 11 PM, 23 Uhr.
func hasClock(text string) bool {
	for i := range len(text) {
		if isDigit(text[i]) && (i == 0 || mayPrecedeClock(text[:i])) && isClock(text[i:]) {
			return true
		}
	}
	return false
}

// mayPrecedeClock reports whether a clock may stand behind a text. Behind a sign it is an offset, behind a colon a part of something longer.
func mayPrecedeClock(text string) bool {
	c := text[len(text)-1]
	text = text[max(0, len(text)-len("31/January/2026:")):] // all of a long one would be looked at again with each clock
	if c == 'T' || c == 't' || c == ':' || c == '/' {
		return len(text) > 1 && isDigit(text[len(text)-2]) && strings.ContainsAny(text, "-/") // 2026-01-31T23:30, 31/Jan/2026:23:30
	}
	return !isDigit(c) && !isLetter(c) && c != '.' && c != '+' && c != '-'
}

// isClock reports whether a text begins with a clock.
func isClock(text string) bool {
	c := cursor{s: text}
	hour, width := c.digits()
	if width < 1 || width > 2 || hour > 24 {
		return false
	}
	if mark := c.at(0) | 0x20; c.accept(':') || mark == 'h' && isDigit(c.at(1)) {
		if mark == 'h' {
			c.i++
		}
		minute, width := c.digits()
		if width != 2 || minute > 59 {
			return false
		}
		if !c.accept(':') {
			return true
		}
		second, width := c.digits()
		return width == 2 && second <= 60 && c.at(0) != ':' // an address of hardware
	}
	c.blanks()
	word := strings.ToLower(c.s[c.i:min(len(c.s), c.i+4)])
	for _, half := range [...]string{"am", "pm", "a.m.", "p.m.", "uhr", "hrs", "h"} {
		if rest, ok := strings.CutPrefix(word, half); ok && (rest == "" || !isLetter(rest[0]) && !isDigit(rest[0])) {
			return true
		}
	}
	return false
}

// clockWords stand before a clock on a line of its own.
var clockWords = []string{"at ", "às ", "as ", "um ", "a las ", "@ "}

// strayOf returns what a line begins with that may be of the time in the line before, as where a mail program broke it: a clock, AM or PM. A short
// line may have the clock further behind: "Clock 23:30". It returns "" where there is nothing of the kind.
func strayOf(line string) string {
	if endsInterval(line) {
		return line
	}
	if isOffsetFirst(line) {
		return strings.TrimSpace(line)
	}
	text := strings.TrimLeft(line, labelMarks+",;(-–")
	for _, word := range clockWords {
		if len(text) > len(word) && strings.EqualFold(text[:len(word)], word) {
			text = strings.TrimLeft(text[len(word):], " ")
			break
		}
	}
	if isClock(text) || len(strings.Fields(text)) <= maxLabelWords && hasClock(text) {
		return text
	}
	first, _, _ := strings.Cut(text, " ")
	if halfOf(first) != "" && first != "Am" { // a word of German
		return strings.Trim(first, "(),;")
	}
	return ""
}

// isOffsetFirst reports whether a line begins with the offset of a clock, as where a mail program broke it: "-03:00 GET /index".
func isOffsetFirst(line string) bool {
	word, rest, _ := strings.Cut(strings.TrimLeft(line, labelMarks+",;("), " ")
	if strings.Trim(rest, labelMarks+".,;)") == "" {
		return false // alone, the input states it
	}
	word = strings.TrimRight(word, labelMarks+".,;)")
	if word == "" || word[0] != '+' && word[0] != '-' || len(word) < len("+03") {
		return false
	}
	_, err := new(settings).parseZone(word)
	return err == nil
}

// goesOn refuses the question of a line where the line behind it begins with a clock that is missing, or with the half of the day.
func goesOn(r Request, stray string) Request {
	var err error
	switch {
	case r.Err != nil || stray == "":
	case endsInterval(stray):
		err = errEnd(stray)
	case hasClock(stray) && r.To.Sub(r.From) >= shortDay:
		err = errClock(stray)
	case !hasClock(stray) && isBehindClock(r.Text+" "):
		err = errBroken(stray)
	}
	if err == nil {
		return r
	}
	return Request{Line: r.Line, Text: r.Text, Err: err}
}

func errBroken(stray string) error {
	return refuse(ErrTime, "%s stands in the next line and could belong to the clock: write it behind the clock", quoted(stray))
}

// endWords stand before the end of an interval.
var endWords = setOfWords("to until till and through thru - – bis und a à até ate e hasta y al jusqu'à fino")

// maxEnd is the number of words of the longest end of an interval on a line of its own.
const maxEnd = 8

// endsInterval reports whether a line is nothing but the end of an interval that the line before begins: "to 2026-02-01 03:30:00 UTC".
func endsInterval(line string) bool {
	words := strings.Fields(strings.Trim(line, labelMarks+".,;"))
	return len(words) > 1 && len(words) <= maxEnd && endWords[strings.ToLower(words[0])] && isDigit(words[1][0]) && (isTime(words[1]) || isClock(words[1]) || hasClock(line))
}

func errEnd(line string) error {
	return refuse(ErrTime, "the next line, %s, may be the end of an interval: write start and end in one line, or labels before both", quoted(line))
}

// besidePair keeps what stands behind a label without a role. "at 23:30:00" looks like one, too.
func (it *item) besidePair(p pair) {
	if hasClock(p.value) {
		it.beside(p.value)
	} else if !hasAddress(p.value) {
		it.beside(p.label + ":" + p.value)
	}
}

// shortDay is the length of a day on which clocks are put forward, and more.
const shortDay = 22 * time.Hour

// goesOn takes what the line behind the block begins with.
func (b *block) goesOn(stray string) {
	if endsInterval(stray) && b.bad == nil {
		b.bad = errEnd(stray)
	}
	if isOffsetFirst(stray) && isBehindClock(strings.TrimSpace(b.text.String())+" ") && b.bad == nil {
		b.bad = errBroken(stray)
	}
	if hasClock(stray) {
		b.beside(stray)
	} else {
		b.aside(false, stray)
	}
}
