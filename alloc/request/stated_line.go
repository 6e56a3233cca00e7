package request

import (
	"slices"
	"strings"
	"time"
)

// marksOfTime are in lines that are about time, marksOfZone in those about zones, and marksOfClock in those in which an abbreviation is one of a zone, too.
var (
	marksOfTime  = []string{"time", "zon", "hora", "horá", "fuso", "huso", "zeit", "offset", "tz", "heure", "orari", "tiempo", "tempo univ"}
	marksOfZone  = []string{"zone", "zona", "fuso", "huso", "offset", "tz"}
	marksOfClock = []string{"clock", "relóg", "relog", "reloj", "uhr", "logs", "dates", "datas", "fechas", "stamps"}
)

func hasAny(lower string, marks []string) bool {
	return slices.ContainsFunc(marks, func(mark string) bool { return strings.Contains(lower, mark) })
}

// A spot is a word and where it stands; end, whether a sentence ends behind it.
type spot struct {
	word string
	at   int
	end  bool
}

// A topic is what a line is about; short, whether it has few words.
type topic struct{ time, zone, clock, short bool }

// A statement is a line in the making: what it says about zones.
type statement struct {
	line         string
	spots        []spot
	words, lower []string // of the spots
	about        topic
}

// A foundZone is a zone that a line names, and where; zone is nil where nobody can know which is meant.
type foundZone struct {
	zone *time.Location
	at   int
}

// read cuts a line into words.
func (s *settings) read(line string) *statement {
	lower := strings.ToLower(line)
	st := &statement{line: line}
	for _, whole := range spotsOf(line) {
		st.spots = append(st.spots, s.parts(whole)...)
	}
	for _, spot := range st.spots {
		st.words = append(st.words, spot.word)
		st.lower = append(st.lower, strings.ToLower(strings.Trim(spot.word, ".:")))
	}
	st.about = topic{time: hasAny(lower, marksOfTime), zone: hasAny(lower, marksOfZone), clock: hasAny(lower, marksOfClock), short: len(st.words) <= 4}
	return st
}

// spotsOf cuts a line at blanks and marks.
func spotsOf(line string) (spots []spot) {
	start := -1
	for i, r := range line + " " {
		switch blank := strings.ContainsRune(" \t\r\n,;()[]{}<>\"'*`=|#!?&—“”„’«»", r); {
		case blank && start >= 0:
			word := line[start:i]
			if at := zoneBehind(word); at > 0 {
				if not := strings.ToLower(word[:at-1]); notWords[not] { // non-UTC
					spots = append(spots, spot{not, start, false})
				}
				start, word = start+at, word[at:]
			}
			short := strings.Trim(word, ".:_")
			spots, start = append(spots, spot{short, start, strings.ContainsRune(";!?", r) || len(short) > 2 && strings.HasSuffix(word, ".")}), -1
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

// inFull returns zones with names that are no words: of several, or with brackets inside.
func (st *statement) inFull() (found []foundZone) {
	lower := strings.ToLower(st.line)
	for _, name := range [...]string{"universal time", "greenwich mean", "greenwich time"} {
		if at := strings.Index(lower, name); at >= 0 {
			found = append(found, foundZone{st.shifted(min(at, len(st.line))), min(at, len(st.line))})
		}
	}
	for _, both := range [...]string{"CE(S)T", "ME(S)Z", "E(S)T", "E(D)T"} {
		if at := strings.Index(st.line, both); at >= 0 {
			return append(found, foundZone{at: at})
		}
	}
	return found
}

// statedIn returns the zones that a line names, but for those behind a clock, whose own they are. Each counts: of two in one line nobody
// can know which is meant for a time.
func (s *settings) statedIn(line string) (found []foundZone) {
	if f, ok := s.saysOffset(line); ok {
		return []foundZone{f}
	}
	st := s.read(line)
	found = st.inFull()
	many := slices.ContainsFunc(st.lower, func(word string) bool { return manyTimes[word] })
	own, exact := -1, false // the last word that is of a clock, or of a zone that was found
	for i := 0; i < len(st.spots); i++ {
		at := st.spots[i].at
		if !many && (isBehindClock(line[:at]) || own >= 0 && !exact && own == i-1 && isOwn(st.words[i])) || exact && own == i-1 && (abbreviations[st.words[i]] || isPlainUTC(st.words[i])) {
			if !becoming[st.lower[i]] {
				own = i
			}
			continue
		}
		zone, used, ok := s.statedBy(st, i)
		if !ok {
			continue
		}
		if st.isNegated(i) {
			if len(found) > 0 {
				continue // UTC, not CET
			}
			zone = nil
		}
		found = append(found, foundZone{zone, at})
		if i += used - 1; zone != nil && !isPlainUTC(st.words[i]) {
			own, exact = i, true // another name of the same may follow: UTC-3 (BRT)
		}
	}
	if !exact {
		found = append(found, s.statedInWords(st, len(found) == 0)...)
	}
	return st.withoutConverted(found)
}

func isPlainUTC(word string) bool {
	return strings.EqualFold(word, "utc") || strings.EqualFold(word, "gmt")
}

// isOwn reports whether a word behind a zone can be another name of the same: -0300 (BRT), UTC -3.
func isOwn(word string) bool {
	return word != "" && (word[0] == '+' || word[0] == '-' || abbreviations[word] || isPlainUTC(word))
}

// isBehindClock reports whether text ends with a clock, as does what stands before the zone of a time.
func isBehindClock(before string) bool {
	const columns = ",;|\t\"'"
	before = before[max(0, len(before)-2*maxTail):]
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
		// An offset, unless the end of an interval, or an offset behind its own clock: 9:00-17:00.
		return start > 1 && isDigit(lower[start-2]) && isBehindClock(lower[:start-1])
	}
	colon := strings.IndexByte(clock, ':')
	return colon > 0 && colon+1 < len(clock)
}

// statedBy returns the zone that a word names, and how many words that took: those behind it may be its offset.
func (s *settings) statedBy(st *statement, i int) (zone *time.Location, used int, ok bool) {
	word := st.words[i]
	switch {
	case isPlainUTC(word):
		return s.shiftedUTC(st, i)
	case isUTC(word):
		zone, err := s.parseZone(strings.Replace(word, "±", "+", 1))
		if err != nil || strings.Contains(word, "±") && zone != time.UTC {
			zone = nil
		}
		return zone, 1, true
	case strings.EqualFold(word, "zulu"), word == "Z" && st.about.time:
		return time.UTC, 1, true
	case abbreviations[word]:
		return nil, 1, st.saysLetters(i)
	case letterPairs[word]:
		return nil, 1, st.isNear(i, 1)
	case word != "" && (word[0] == '+' || word[0] == '-'):
		zone, err := s.parseZone(word)
		about := st.about.time
		switch len(word) {
		case len("-03:00"):
			about = about || st.about.short
		case len("-3"), len("-03"):
			about = st.about.zone
		}
		return zone, 1, err == nil && about
	}
	zone, ok = s.zoneOfArea(word, st.about)
	return zone, 1, ok
}

// saysLetters reports whether an abbreviation is that of a zone here.
func (st *statement) saysLetters(i int) bool {
	switch word := st.words[i]; {
	case isStrong[word]:
		return true
	case word == "EST" && !st.about.time && !st.about.clock && st.isFounded(i):
		return false
	case wordLike[word]:
		return st.isNear(i, 2) || len(st.words) == 1
	}
	return st.about.time || st.about.short || st.about.clock
}

// isFounded reports whether a word is that of when a firm was founded: EST. 1999.
func (st *statement) isFounded(i int) bool {
	rest, dot := strings.CutPrefix(st.line[st.spots[i].at+len(st.words[i]):], ".")
	year := st.wordAt(i + 1)
	return dot && strings.HasPrefix(rest, " ") && len(year) == 4 && strings.Trim(year, "0123456789") == "" && (year[:2] == "18" || year[:2] == "19" || year[:2] == "20")
}

// isUTC reports whether a word is UTC or GMT, perhaps with an offset, and no name of a computer.
func isUTC(word string) bool {
	if len(word) < 3 || !isPlainUTC(word[:3]) {
		return false
	}
	rest := word[3:]
	return rest == "" || rest[0] != '.' && !isLetter(rest[0]) && (len(rest) == 1 || rest[0] != '-' || !isLetter(rest[1])) && !strings.Contains(rest, ".")
}

// hasArea reports whether a word begins as names in the table of zones do: America/Sao_Paulo.
func hasArea(word string) bool {
	area, place, ok := strings.Cut(strings.ToLower(word), "/")
	return ok && place != "" && zoneAreas[area] && !zoneAreas[place]
}

// zoneOfArea returns the zone of a name such as Europe/Athens. One that begins like those and is not in the table is one that nobody knows.
func (s *settings) zoneOfArea(word string, about topic) (*time.Location, bool) {
	if !hasArea(word) {
		return nil, false
	}
	if zone, err := s.parseZone(word); err == nil {
		return zone, true
	}
	if !about.time && !about.short {
		return nil, false
	}
	var name strings.Builder
	for i, c := range []byte(word) {
		if first := i == 0 || !isLetter(word[i-1]); first && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		} else if !first && 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		name.WriteByte(c)
	}
	zone, err := s.parseZone(name.String())
	if err != nil {
		return nil, true
	}
	return zone, true
}
