package request

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// note takes what the label or column of a time has in brackets: a zone, how times are written, or both.
func (it *item) note(s *settings, note string) error {
	n := normal(note)
	var order DateOrder
	switch {
	case strings.HasPrefix(n, "ddmm") || strings.HasPrefix(n, "ttmm"):
		order = DayFirst
	case strings.HasPrefix(n, "mmdd"):
		order = MonthFirst
	}
	if order != 0 {
		if err := it.orderIs(s, order, note); err != nil {
			return err
		}
	}
	zone := withoutPatterns(note)
	switch normal(zone) {
	case "":
		return nil
	case "local", "localtime", "horalocal", "ortszeit":
		it.local = true // which says no more than no zone at all
		return nil
	}
	if _, err := s.parseZone(zone); err != nil {
		return err
	}
	return it.set(roleZone, false, zone)
}

// withoutPatterns returns text without the words that say how times are written.
func withoutPatterns(text string) string {
	var rest []string
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" \t,;", r) }) {
		if !isPattern(word) {
			rest = append(rest, word)
		}
	}
	return strings.Join(rest, " ")
}

// isPattern reports whether a word says how times are written: YYYY-MM-DD, hh:mm:ss, 24h. The letters of zones such as MST and ART stand in patterns,
// too, but there each is written twice, or alone between marks.
func isPattern(word string) bool {
	if strings.Trim(word, "0123456789") != "" && !strings.ContainsFunc(word, unicode.IsLetter) {
		return false // an offset
	}
	for part := range strings.FieldsFuncSeq(strings.ToLower(word), func(r rune) bool { return r < utf8.RuneSelf && !isLetter(byte(r)) }) {
		switch part {
		case "h", "hs", "hr", "hrs", "am", "pm", "a", "d", "m", "y", "s":
			continue
		}
		for i := 0; i < len(part); {
			end := i + 1
			for end < len(part) && part[end] == part[i] {
				end++
			}
			between := part[i] == 't' && i > 0 && end < len(part) // 2026-03-01T12:34
			if strings.IndexByte("adfhjmsty", part[i]) < 0 || end == i+1 && !between {
				return false
			}
			i = end
		}
	}
	return true
}

// orderIs takes the order of dates that a label or column states.
func (it *item) orderIs(s *settings, order DateOrder, note string) error {
	if s.dates != 0 && s.dates != order || it.order != 0 && it.order != order {
		return refuse(ErrDayMonth, "the label says %s, which is another order of dates than was given: find out how this sender writes dates", quoted(note))
	}
	it.order = order
	return nil
}
