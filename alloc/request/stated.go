package request

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// maxStated is the number of zones that an input can state.
const maxStated = 8

// stated are the zones that an input states outside of its questions: "All times are UTC." All parts of a mail share them.
type stated struct {
	zones  []statedZone
	looked int // how often places were looked up
}

// A statedZone is one of them; zone is nil where it is not one thing to everybody.
type statedZone struct {
	text string
	zone *time.Location
}

// heed takes what the beginning of an input states.
func (s *settings) heed(head []byte) {
	if s.stated == nil {
		return
	}
	for line := range bytes.SplitSeq(head, []byte("\n")) {
		text := spaced(unquote(trimEnd(line)))
		if zone, ok := s.statedIn(text); ok && len(s.stated.zones) < maxStated {
			s.stated.zones = append(s.stated.zones, statedZone{clip(text, maxGiven), zone})
		}
	}
}

// abbreviations are names of zones that several countries use.
var abbreviations = strings.Fields("CET CEST MET MEZ MESZ EST EDT CST CDT MST MDT PST PDT BST IST JST MSK BRT BRST EET EEST WET AEST AEDT SAST")

// statedIn returns the zone that a line names, if it has no address, no clock, and no names of columns.
func (s *settings) statedIn(line string) (*time.Location, bool) {
	lower := strings.ToLower(line)
	if lower == "" || hasAddress(line) || hasClock(line) || new(csvParser).heading(line) {
		return nil, false
	}
	for _, name := range [...]string{"universal time", "greenwich mean"} {
		if strings.Contains(lower, name) {
			return time.UTC, true
		}
	}
	timely := slices.ContainsFunc([]string{"time", "zon", "hora", "horá", "fuso", "huso", "zeit", "offset", "tz"}, func(word string) bool { return strings.Contains(lower, word) })
	words := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\r,;()[]{}<>\"'*`=|#!?", r) })
	for i, word := range words {
		if zone, ok := s.statedBy(strings.Trim(word, ".:"), words[i+1:], timely); ok {
			return zone, true
		}
	}
	if !timely && !slices.ContainsFunc(words, func(word string) bool { return timeWords[strings.ToLower(word)] }) {
		return nil, false
	}
	return s.statedInWords(words)
}

// statedBy returns the zone that a word names; the word behind it may be its offset. timely says that the line is about time.
func (s *settings) statedBy(word string, behind []string, timely bool) (*time.Location, bool) {
	switch {
	case len(word) >= 3 && (strings.EqualFold(word[:3], "utc") || strings.EqualFold(word[:3], "gmt")) && (len(word) == 3 || !isLetter(word[3])):
		if len(word) == 3 && len(behind) > 0 && strings.ContainsAny(behind[0][:1], "+-") && len(behind[0]) > 1 {
			word += strings.TrimRight(behind[0], ".:")
		}
	case !timely:
		return nil, false
	case slices.Contains(abbreviations, word):
		return nil, true
	case word != "" && (word[0] == '+' || word[0] == '-'), isZoneName(word):
		zone, err := s.parseZone(word)
		return zone, err == nil
	default:
		return nil, false
	}
	zone, err := s.parseZone(word)
	if err != nil {
		return nil, true
	}
	return zone, true
}

// isZoneName reports whether a word looks like America/Sao_Paulo.
func isZoneName(word string) bool {
	area, place, ok := strings.Cut(word, "/")
	return ok && area != "" && place != "" && 'A' <= area[0] && area[0] <= 'Z' && 'A' <= place[0] && place[0] <= 'Z'
}

// hasClock reports whether a line has a clock, which an offset is not.
func hasClock(line string) bool {
	for i := 2; i+1 < len(line); i++ {
		if line[i] != ':' || !isDigit(line[i-1]) || !isDigit(line[i+1]) {
			continue
		}
		start := i - 1
		for start > 0 && isDigit(line[start-1]) {
			start--
		}
		if start == 0 || line[start-1] != '+' && line[start-1] != '-' {
			return true
		}
	}
	return false
}

// placed reads a time in the zone of the option. Where the input states another zone, in which the time would be another, it is
// refused.
func (s *settings) placed(read func(zone *time.Location) (from, to time.Time, err error)) (from, to time.Time, err error) {
	from, to, err = read(s.zone)
	if err != nil || s.stated == nil || s.zone == nil {
		return from, to, err
	}
	for _, other := range s.stated.zones {
		zone := other.zone
		if zone == nil {
			zone = time.FixedZone("", unlikely) // only a time that has a zone itself is the same there
		}
		a, b, err := read(zone)
		if err != nil || !a.Equal(from) || !b.Equal(to) {
			return time.Time{}, time.Time{}, refuse(ErrZone, "the input says %s, and that is not the zone that was given as an option: find out which is right, and write it behind the time", quoted(other.text))
		}
	}
	return from, to, nil
}

// unlikely is an offset that no zone has, in seconds.
const unlikely = 15*3600 + 1
