package request

import (
	"slices"
	"strings"
	"time"
)

// maxStated is the number of zones that an input can state.
const maxStated = 8

// Stated are the zones that an input states outside of its questions: "All times are UTC." All parts of a mail share them.
type Stated struct {
	zones  []statedZone
	looked int  // how often places were looked up
	whole  bool // whether all of the input was read for them
}

// A statedZone is one of them; zone is nil where it is not one thing to everybody.
type statedZone struct {
	text string
	zone *time.Location
}

// add takes a zone, unless it is known. Behind too many there is one that nobody can know.
func (s *Stated) add(text string, zone *time.Location) {
	known := func(other statedZone) bool {
		return zone == nil && other.zone == nil || zone != nil && other.zone != nil && sameZone(zone, other.zone)
	}
	if len(s.zones) > maxStated || slices.ContainsFunc(s.zones, known) {
		return
	}
	if len(s.zones) == maxStated {
		zone = nil
	}
	s.zones = append(s.zones, statedZone{clip(text, maxGiven), zone})
}

// sameZone reports whether two zones have one name, and one offset where they have none.
func sameZone(a, b *time.Location) bool {
	_, x := time.Unix(0, 0).In(a).Zone()
	_, y := time.Unix(0, 0).In(b).Zone()
	return a.String() == b.String() && x == y
}

// heed takes what a line states.
func (s *settings) heed(line string) {
	if zone, at, ok := s.statedIn(line); ok {
		s.stated.add(around(line, at), zone)
	}
}

// around returns what an error quotes of a line of which the place matters.
func around(line string, at int) string {
	if len(line) <= maxGiven {
		return line
	}
	start := max(0, min(at-3*maxGiven/4, len(line)-maxGiven))
	for start > 0 && line[start-1] != ' ' && start < at {
		start++
	}
	return line[start:]
}

// abbreviations are names of zones that several countries use.
var abbreviations = strings.Fields("CET CEST MET MEZ MESZ EST EDT CST CDT MST MDT PST PDT BST IST JST MSK BRT BRST EET EEST WET AEST AEDT SAST")

// marksOfTime are in lines that are about time, and marksOfZone in those about zones.
var (
	marksOfTime = []string{"time", "zon", "hora", "horá", "fuso", "huso", "zeit", "offset", "tz"}
	marksOfZone = []string{"zone", "zona", "fuso", "huso", "offset", "tz"}
)

func hasAny(lower string, marks []string) bool {
	return slices.ContainsFunc(marks, func(mark string) bool { return strings.Contains(lower, mark) })
}

// A spot is a word and where it stands.
type spot struct {
	word string
	at   int
}

// spotsOf cuts a line into words.
func spotsOf(line string) (spots []spot) {
	start := -1
	for i, r := range line + " " {
		switch blank := strings.ContainsRune(" \t\r\n,;()[]{}<>\"'*`=|#!?&—“”„«»", r); {
		case blank && start >= 0:
			word := line[start:i]
			if at := zoneBehind(word); at > 0 {
				start, word = start+at, word[at:]
			}
			spots, start = append(spots, spot{strings.Trim(word, ".:_"), start}), -1
		case !blank && start < 0:
			start = i
		}
	}
	return spots
}

// zoneBehind returns where UTC begins in a word such as tz:UTC, or -1.
func zoneBehind(word string) int {
	lower := strings.ToLower(word)
	for _, mark := range [...]string{":utc", ":gmt", "-utc", "-gmt"} {
		if i := strings.LastIndex(lower, mark); i >= 0 && len(lower) == len(word) {
			return i + 1
		}
	}
	return -1
}

// manyTimes are words of lines that are about all times, and not the one beside which a zone stands.
var manyTimes = setOfWords("times timestamps horários horarios horas zeiten uhrzeiten heures")

// statedIn returns the zone that a line names, and where, unless the zone stands behind a clock, whose own it is.
func (s *settings) statedIn(line string) (zone *time.Location, at int, ok bool) {
	lower := strings.ToLower(line)
	for _, name := range [...]string{"universal time", "greenwich mean"} {
		if at = strings.Index(lower, name); at >= 0 {
			return time.UTC, min(at, len(line)), true
		}
	}
	spots := spotsOf(line)
	words := make([]string, len(spots))
	for i, spot := range spots {
		words[i] = spot.word
	}
	many := slices.ContainsFunc(words, func(word string) bool { return manyTimes[strings.ToLower(word)] })
	about := topic{time: hasAny(lower, marksOfTime), zone: hasAny(lower, marksOfZone), short: len(words) <= 4}
	own := -1 // the last word that is of a clock
	for i, spot := range spots {
		if !many && (isBehindClock(line[:spot.at]) || own >= 0 && own == i-1 && isOwn(spot.word)) {
			own = i
			continue
		}
		if zone, ok := s.statedBy(spot.word, words[i+1:], about); ok {
			return zone, spot.at, true
		}
	}
	if !about.time && !slices.ContainsFunc(words, func(word string) bool { return timeWords[strings.ToLower(word)] }) {
		return nil, 0, false
	}
	zone, ok = s.statedInWords(words)
	return zone, 0, ok
}

// isOwn reports whether a word behind a zone can be another name of the same: -0300 (BRT), UTC -3.
func isOwn(word string) bool {
	return word != "" && (word[0] == '+' || word[0] == '-' || slices.Contains(abbreviations, word) || strings.EqualFold(word, "utc") || strings.EqualFold(word, "gmt"))
}

// isBehindClock reports whether text ends with a clock, as does what stands before the zone of a time.
func isBehindClock(before string) bool {
	const columns = ",;|\t\"'"
	text := strings.TrimRight(before, columns)
	if text == before {
		text = strings.TrimRight(before, " ([")
	}
	lower := strings.ToLower(text)
	for _, half := range [...]string{"am", "pm", "a.m.", "p.m.", "h", "uhr"} {
		if short, ok := strings.CutSuffix(lower, half); ok {
			lower = strings.TrimRight(short, " ")
			break
		}
	}
	start := len(lower)
	for start > 0 && (isDigit(lower[start-1]) || strings.IndexByte(":.", lower[start-1]) >= 0) {
		start--
	}
	clock := lower[start:]
	if start > 0 && (lower[start-1] == '+' || lower[start-1] == '-') && strings.Count(clock, ":") < 2 {
		return false // an offset
	}
	colon := strings.IndexByte(clock, ':')
	return colon > 0 && colon+1 < len(clock)
}

// A topic is what a line is about; short, whether it has few words.
type topic struct{ time, zone, short bool }

// statedBy returns the zone that a word names; the word behind it may be its offset.
func (s *settings) statedBy(word string, behind []string, about topic) (*time.Location, bool) {
	switch {
	case isUTC(word):
		if len(word) == 3 && len(behind) > 0 && len(behind[0]) > 1 && strings.ContainsAny(behind[0][:1], "+-") {
			word += behind[0]
		}
	case strings.EqualFold(word, "zulu"), word == "Z" && about.time:
		return time.UTC, true
	case slices.Contains(abbreviations, word):
		return nil, about.time || about.short
	case word != "" && (word[0] == '+' || word[0] == '-'):
		zone, err := s.parseZone(word)
		switch len(word) {
		case len("-03:00"):
			about.time = about.time || about.short
		case len("-3"), len("-03"):
			about.time = about.zone
		}
		return zone, err == nil && about.time
	case isZoneName(word):
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

// isUTC reports whether a word is UTC or GMT, perhaps with an offset, and no name of a computer.
func isUTC(word string) bool {
	if len(word) < 3 || !strings.EqualFold(word[:3], "utc") && !strings.EqualFold(word[:3], "gmt") {
		return false
	}
	rest := word[3:]
	return rest == "" || rest[0] != '.' && !isLetter(rest[0]) && (len(rest) == 1 || rest[0] != '-' || !isLetter(rest[1])) && !strings.Contains(rest, ".")
}

// isZoneName reports whether a word looks like America/Sao_Paulo.
func isZoneName(word string) bool {
	area, place, ok := strings.Cut(word, "/")
	return ok && area != "" && place != "" && 'A' <= area[0] && area[0] <= 'Z' && 'A' <= place[0] && place[0] <= 'Z'
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
