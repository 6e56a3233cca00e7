package request

import (
	"strings"
	"time"
)

// zone reads what follows the clock: Z, UTC, GMT, an offset, an offset after UTC or GMT, or nothing. Behind an offset the name of a
// zone adds nothing and is passed over.
func (c *cursor) zone(st *stamp) error {
	form := behindClock
	if c.blanks() {
		form = behindBlank
	}
	return c.zoneIn(st, form)
}

func (c *cursor) zoneIn(st *stamp, form offsetForm) error {
	switch b := c.at(0); {
	case c.end():
		return nil
	case b == '+', b == '-' && (form != behindClock || st.precision > toDay):
		return c.offset(st, form)
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
	k := cursor{s: joinZone(inner)}
	if b := k.at(0); !ok || b != '+' && b != '-' && !isLetter(b) {
		return nil // left over
	}
	if err := k.zoneIn(st, inBrackets); err != nil {
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
			return c.offset(st, named)
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

// parseZone reads the text of a column that holds zones: as behind a time, or a name that s.names knows.
func (s *settings) parseZone(text string) (*time.Location, error) {
	if _, rest, ok := strings.Cut(text, ")"); ok && saysSaving(rest) {
		return nil, about("zone", text, errSaving(rest))
	}
	c := cursor{s: joinZone(unbracketed(text))}
	st := stamp{precision: toSecond}
	err := c.zoneIn(&st, named)
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
