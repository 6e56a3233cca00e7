package request

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The words of "All times are given in …", in the languages of those who write.
var (
	clauseLinks = setOfWords(`are is were was be in on at the a an given expressed shown listed stated reported recorded logged indicated displayed provided written noted specified presented as per according to
		using use all both always local sind ist der den die das als gemäß laut angegeben alle são sao estão estao em no na de do da dos das todos os todas expressos expressas informados indicados
		conforme segundo son están estan el en la los las según segun expresados expresadas indicadas sont à le les au sono here below above and dates`)
	copulas = setOfWords("are is were be in sind ist são sao estão estao em son están estan en sont sono")
	allOf   = setOfWords("all alle todos todas tous toutes tutti tutte")
	// notZones are what times are said to be in, or to have, that is no zone.
	notZones = setOfWords(`iso rfc unix epoch posix ntp gps excel table tables annex annexe appendix attachment column columns row rows section page format am pm ip id tabela tabla anexo anlage tabelle january february march april may june july
		august september october november december monday tuesday wednesday thursday friday saturday sunday local i he she we they coordinated greenwich the this that these those yes no only approximate`)
	germanTimes = setOfWords("zeiten uhrzeiten zeitangaben zeitstempel")
	localTimes  = setOfWords("ortszeit lokalzeit echtzeit sommerzeit winterzeit uhrzeit zeit laufzeit tageszeit jahreszeit bürozeit arbeitszeit")
)

// clause returns where a line goes on behind "All times are …", and the end of that sentence; from is -1 where it does not say that.
func (st *statement) clause() (from, end int) {
	for k, word := range st.lower {
		if !manyTimes[word] && word != "zeitangaben" && word != "zeitstempel" || st.spots[k].end {
			continue
		}
		all := k > 0 && allOf[st.lower[k-1]] || k > 1 && allOf[st.lower[k-2]]
		i, says := k+1, all
		for i < len(st.words) && i <= k+8 && clauseLinks[st.lower[i]] && !st.spots[i].end {
			says = says || copulas[st.lower[i]]
			i++
		}
		if !says || i == len(st.words) || i > k+8 {
			continue
		}
		for end = i; end < len(st.words) && end < i+12; end++ {
			if st.spots[end].end {
				end++
				break
			}
		}
		return i, end
	}
	return -1, -1
}

// isCapital reports whether a word is a name: it begins with a capital letter.
func isCapital(word string) bool {
	r, _ := utf8.DecodeRuneInString(word)
	return unicode.IsUpper(r)
}

// isUnknownName reports whether a word may be the name of a zone that nobody knows.
func (st *statement) isUnknownName(i int) bool {
	return i < len(st.words) && isCapital(st.words[i]) && !notZones[st.lower[i]] && !strings.ContainsAny(st.words[i], "0123456789@") && !timeWords[st.lower[i]] && !manyTimes[st.lower[i]]
}

// unknown returns where a line says "All times are …", "time zone is …" or "local time in …" with a name that nobody knows.
func (st *statement) unknown(clause, end int) (at int, ok bool) {
	if clause >= 0 {
		if i := st.unknownIn(clause, end); i >= 0 {
			return st.spots[i].at, true
		}
	}
	for i := 1; i+1 < len(st.words); i++ {
		if st.saysZone(i) && st.isUnknownName(i+2) {
			return st.spots[i+2].at, true
		}
	}
	return 0, false
}

// unknownIn returns the word behind "All times are …" that is the name, or -1.
func (st *statement) unknownIn(clause, end int) int {
	german := slices.ContainsFunc(st.lower[:clause], func(word string) bool { return germanTimes[word] })
	shouted := strings.ToUpper(st.line) == st.line
	for i := clause; i < end; i++ {
		word, before := st.lower[i], ""
		if i > clause {
			before = st.lower[i-1]
		}
		switch {
		case regions[word], strings.HasSuffix(word, "zeit") && !localTimes[word]:
			return i
		case i == clause && st.isUnknownName(i) && (!german && !shouted || isShort(st.words[i])):
			return i
		case (before == "in" || before == "at") && slices.Contains(st.lower[:i], "local") && st.isUnknownName(i):
			return i
		}
	}
	return -1
}

// isShort reports whether a word may be an abbreviation.
func isShort(word string) bool { return len(word) <= 5 && strings.ToUpper(word) == word }

// saysZone reports whether a word and the one behind it say that a zone follows: "time zone is", "local time in".
func (st *statement) saysZone(i int) bool {
	word, before, behind := st.lower[i], st.lower[i-1], st.lower[i+1]
	switch {
	case word == "zone" && before == "time", word == "timezone", word == "zeitzone":
		return behind == "is" || behind == "was" || behind == "ist"
	}
	return word == "time" && before == "local" && (behind == "in" || behind == "at")
}

// zoneLabels are parts of labels behind which nothing but a zone stands, as normal writes them.
var zoneLabels = []string{"timezone", "zeitzone", "fusohorario", "husohorario", "zonahoraria", "fuseauhoraire", "fusoorario", "tijdzone", "tidszon", "tidssone", "tidszone", "saatdilimi", "aikavyohyke", "strefaczasowa", "casovepasmo", "fusorar", "utcoffset", "gmtoffset", "tzoffset"}

// zoneNames are whole labels of that kind.
var zoneNames = setOfWords("tz fuso huso tzinfo tzname")

// noZoneYet are the first words of values that say no zone.
var noZoneYet = setOfWords("local localtime lokal see please unknown not same as your our the of siehe bitte ver vide desconhecido desconocido unbekannt keine default auto system server ortszeit hora")

// labelled returns what stands behind a label for a zone, "time zone: …", where that is not known.
func (s *settings) labelled(st *statement) []foundZone {
	for start := 0; start < len(st.line); {
		at := start + strings.IndexAny(st.line[start:], ":=")
		if at < start {
			break
		}
		if label := st.line[start:at]; len(label) <= maxName && isZoneLabel(label) {
			return valueOfZone(st.line[at+1:], at)
		}
		start = at + 1
	}
	return nil
}

func isZoneLabel(label string) bool {
	n := normal(label)
	return zoneNames[normal(label[strings.LastIndexAny(strings.TrimRight(label, " "), " ")+1:])] || slices.ContainsFunc(zoneLabels, func(mark string) bool { return strings.Contains(n, mark) })
}

// valueOfZone returns what the value of such a label says, which is no zone that is known.
func valueOfZone(value string, at int) []foundZone {
	value = strings.Trim(value, " \t\"'.,;<>")
	words := strings.Fields(strings.ToLower(value))
	switch {
	case len(words) == 0 || isNothing(value) || len(words) > 5 || noZoneYet[strings.Trim(words[0], ",;.:")]:
		return nil
	case strings.Trim(value, "0:") == "":
		return []foundZone{{time.UTC, at}}
	}
	return []foundZone{{at: at}}
}

// Words around the name of a country whose time is meant.
var (
	romanceTimes = setOfWords("hora horas horário horários horario horarios heure heures ora orario ortszeit")
	otherTimes   = setOfWords("time times zeit zeiten uhrzeit uhrzeiten ortszeit lokalzeit timezone zeitzone")
	zoneTimes    = setOfWords("ortszeit lokalzeit timezone zeitzone uhrzeit") // behind which a country says whose time it is
	kindsOfTime  = setOfWords("local standard official legal oficial lokale lokaler normal normale the de do da del di el la o a peninsular ufficiale légale officielle d")
	placing      = setOfWords("in of at von em en")
	idioms       = setOfWords("first second last that this any some long same every next full")
)

// nationNamed returns the zone of a country, or of what is its own, where a line says its time: "hora argentina", "time in Germany", "deutsche
// Ortszeit". Inside of a sentence about all times its name is enough.
func (s *settings) nationNamed(st *statement, i int, inside bool) (*time.Location, bool) {
	name, ok := nations[st.lower[i]]
	if !ok || !inside && !st.isTimeBehind(i+1) && !st.isTimeBefore(i) {
		return nil, false
	}
	if zone := s.zoneNamed(name); zone != nil {
		return zone, true
	}
	return nil, true
}

// zoneNamed returns the zone with a name, or nil.
func (s *settings) zoneNamed(name string) *time.Location {
	if name == "" || s.names == nil {
		return nil
	}
	return s.named(name)
}

// isTimeBehind reports whether a word about time follows, perhaps behind "local" or "official".
func (st *statement) isTimeBehind(i int) bool {
	for i < len(st.words) && kindsOfTime[st.lower[i]] {
		i++
	}
	return i < len(st.words) && (otherTimes[st.lower[i]] || romanceTimes[st.lower[i]]) && st.words[i] != "Times"
}

// isTimeBefore reports whether a word about time stands before a country: "hora de", "time in".
func (st *statement) isTimeBefore(i int) bool {
	j, places := i-1, false
	for j >= 0 && j >= i-4 && (kindsOfTime[st.lower[j]] || placing[st.lower[j]]) && !st.spots[j].end {
		places = places || placing[st.lower[j]] || st.lower[j] == "local"
		j--
	}
	places = places || j >= 0 && (zoneTimes[st.lower[j]] || j > 0 && st.lower[j-1] == "local")
	switch {
	case j < 0 || st.spots[j].end:
		return false
	case romanceTimes[st.lower[j]]:
		return j == 0 || !startsWithDigit(st.words[j-1]) // 24 horas
	}
	return otherTimes[st.lower[j]] && places && isCapital(st.words[i]) && (j == 0 || !idioms[st.lower[j-1]])
}

// dateWords stand beside the abbreviation of a zone as timeWords do.
var dateWords = setOfWords("date dates fecha fechas datum timestamp timestamps clock reloj relógio relogio uhr logs")

// isNear reports whether a word about time stands at most n words from another one.
func (st *statement) isNear(i, n int) bool {
	return slices.ContainsFunc(st.lower[max(0, i-n):min(len(st.lower), i+n+1)], func(word string) bool {
		return timeWords[word] || dateWords[word] || strings.HasPrefix(word, "zon") || strings.HasPrefix(word, "tz") || strings.HasPrefix(word, "timezone")
	})
}
