package request

import (
	"strings"
	"time"
	"unicode/utf8"
)

// zone reads what follows the clock: Z, UTC, GMT, an offset, an offset after UTC or GMT, or nothing. Behind an offset a name
// adds nothing and is passed over.
func (c *cursor) zone(st *stamp) error {
	blank := c.blanks()
	switch b := c.at(0); {
	case c.end():
		return nil
	case b == '+', b == '-' && (blank || st.precision > toDay):
		return c.offset(st)
	case b == '-':
		return refuse(ErrTime, "this could be a zone or a clock: write a blank before the zone")
	case isLetter(b):
		return c.zoneWord(st)
	case b == '(':
		return c.bracketZone(st)
	}
	return nil
}

// bracketZone reads a zone in brackets: (UTC-03:00).
func (c *cursor) bracketZone(st *stamp) error {
	inner, rest, ok := strings.Cut(c.s[c.i+1:], ")")
	k := cursor{s: " " + joinZone(inner)}
	if b := k.at(1); !ok || b != '+' && b != '-' && !isLetter(b) {
		return nil // left over
	}
	if err := k.zone(st); err != nil {
		return err
	}
	if k.blanks(); k.end() {
		c.i = len(c.s) - len(rest)
	}
	return nil
}

// joinZone returns the text of a zone that stands alone without blanks around it and within "UTC -03:00".
func joinZone(text string) string {
	text = strings.TrimSpace(text)
	for _, name := range [...]string{"utc", "gmt"} {
		if len(text) > 3 && strings.EqualFold(text[:3], name) {
			if offset := strings.TrimLeft(text[3:], " \t"); offset[0] == '+' || offset[0] == '-' {
				return text[:3] + offset
			}
		}
	}
	return text
}

// unbracketed returns the zone in "(UTC-03:00) Brasília", as Windows names zones, and text that is not of that kind as it is.
func unbracketed(text string) string {
	inner, rest, ok := strings.Cut(strings.TrimSpace(text), ")")
	if inner, bracket := strings.CutPrefix(inner, "("); ok && bracket && !strings.ContainsAny(rest, "0123456789+-") {
		return inner
	}
	return text
}

// zoneWord reads the name of a zone and an offset behind it.
func (c *cursor) zoneWord(st *stamp) error {
	start := c.i
	word := c.word()
	switch strings.ToUpper(word) {
	case "Z":
		st.zoned = true
		return nil
	case "UTC", "GMT", "UT":
		st.zoned = true
		if c.at(0) == '+' || c.at(0) == '-' {
			return c.offset(st)
		}
		return nil
	case "LOCAL":
		k := *c
		if k.blanks(); strings.EqualFold(k.word(), "time") {
			c.i = k.i
		}
		return nil // says no more than no zone at all
	}
	for isLetter(c.at(0)) || c.at(0) == '/' || c.at(0) == '_' || isDigit(c.at(0)) || c.at(0) == '+' || c.at(0) == '-' {
		c.i++
	}
	name := c.s[start:c.i]
	if strings.ContainsAny(name, "/") {
		return refuse(ErrZone, "the zone %s is named: write its offset at that time, such as +01:00, or give the zone as an option", quoted(name))
	}
	return refuse(ErrZone, "%s does not name one zone: write the offset, such as +01:00, or UTC", quoted(name))
}

// offset reads +01:00, +0100, +01 or +1.
func (c *cursor) offset(st *stamp) error {
	negative := c.at(0) == '-'
	c.i++
	n, width := c.digits()
	hours, minutes := n, 0
	switch width {
	case 4:
		hours, minutes = n/100, n%100
	case 1, 2:
		if c.at(0) == ':' {
			c.i++
			if minutes, width = c.digits(); width != 2 {
				return errOffset()
			}
		}
	default:
		return errOffset()
	}
	if hours > 14 || minutes > 59 || hours == 14 && minutes > 0 {
		return errOffset()
	}
	st.zoned, st.offset = true, hours*3600+minutes*60
	if negative {
		st.offset = -st.offset
	}
	c.comment()
	return nil
}

func errOffset() error {
	return refuse(ErrZone, "an offset goes from -14:00 to +14:00, written as +01:00 or +0100")
}

// comment passes over the name of a zone behind an offset, at the end: "+0100 (Central European Time)" or "+0000 UTC".
func (c *cursor) comment() {
	k := *c
	k.blanks()
	bracket := k.accept('(')
	for words := 0; words == 0 || bracket && k.blanks(); words++ {
		start := k.i
		for isLetter(k.at(0)) || k.at(0) >= utf8.RuneSelf {
			k.i++
		}
		if k.i == start {
			return
		}
	}
	if (!bracket || k.accept(')')) && k.end() {
		c.i = k.i
	}
}

// parseZone reads the text of a column that holds zones: as behind a time, or a name that s.names knows.
func (s *settings) parseZone(text string) (*time.Location, error) {
	c := cursor{s: joinZone(unbracketed(text))}
	st := stamp{precision: toSecond}
	err := c.zone(&st)
	if err == nil && c.end() && st.zoned {
		if st.offset == 0 {
			return time.UTC, nil
		}
		return time.FixedZone("", st.offset), nil
	}
	if s.names != nil && strings.Contains(text, "/") {
		if zone := s.named(strings.TrimSpace(text)); zone != nil {
			return zone, nil
		}
	}
	if err == nil {
		err = refuse(ErrZone, "this is no zone: write the offset, such as +01:00, or UTC")
	}
	return nil, about("zone", text, err)
}

// maxZones bounds what is remembered; there are some 600 names.
const maxZones = 1000

// named returns the zone of a name, or nil. It asks once for each name.
func (s *settings) named(name string) *time.Location {
	if zone, ok := s.known[name]; ok || len(s.known) >= maxZones || len(name) > 64 {
		return zone
	}
	zone, err := s.names(name)
	if err != nil {
		zone = nil
	}
	if s.known == nil {
		s.known = map[string]*time.Location{}
	}
	s.known[name] = zone
	return zone
}
