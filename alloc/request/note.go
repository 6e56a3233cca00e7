package request

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// note takes what the label or column of a time has in brackets: a zone, how times are written, or both.
func (it *item) note(s *settings, note string) error {
	order, err := orderOf(note)
	if err != nil {
		return err
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

// orderOf returns the order of dates that patterns such as DD/MM/YYYY, d/m/yy, JJ.MM.AAAA or MM-DD say, and 0 where they say none.
func orderOf(note string) (order DateOrder, err error) {
	letters := units(note)
	for i := 1; i < len(letters); i++ {
		before, a, b, behind := byte(0), letters[i-1], letters[i], byte(0)
		if i > 1 {
			before = letters[i-2]
		}
		if i+1 < len(letters) {
			behind = letters[i+1]
		}
		switch {
		case a == 'd' && b == 'm' && before == 'y':
			return 0, refuse(ErrDayMonth, "the label says %s, in which the day stands between year and month: write the date as 2026-03-01", quoted(note))
		case a == 'd' && b == 'm':
			return DayFirst, nil
		case a == 'm' && b == 'd' && before != 'y' && before != 'h' && behind != 's': // minutes
			return MonthFirst, nil
		}
	}
	return 0, nil
}

// units returns what the parts of the patterns in a text stand for: d, m, y, h, s or another letter.
func units(note string) (letters []byte) {
	for word := range strings.FieldsFuncSeq(strings.ToLower(note), func(r rune) bool { return strings.ContainsRune(" \t,;", r) }) {
		if !isPattern(word) {
			continue
		}
		for part := range strings.FieldsFuncSeq(word, func(r rune) bool { return r < utf8.RuneSelf && !isLetter(byte(r)) }) {
			if part != "am" && part != "pm" {
				letters = appendUnits(letters, part)
			}
		}
	}
	return letters
}

// appendUnits appends those of letters that are written together: ddmmyyyy.
func appendUnits(letters []byte, part string) []byte {
	for i := 0; i < len(part); {
		end := i + 1
		for end < len(part) && part[end] == part[i] {
			end++
		}
		switch c := part[i]; {
		case c == 't' && end-i < 2: // 2026-03-01T12:34
		case c == 't', c == 'j' && end-i < 3: // Tag, jour
			letters = append(letters, 'd')
		case c == 'j', c == 'a': // Jahr, ano
			letters = append(letters, 'y')
		default:
			letters = append(letters, c)
		}
		i = end
	}
	return letters
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
