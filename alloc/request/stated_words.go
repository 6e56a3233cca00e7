package request

import (
	"slices"
	"strings"
	"time"
)

// A phrase is how letters say a zone in words. zone is "" where it means several: with or without summer time, or of several countries.
type phrase struct{ words, zone string }

// phrases are in lower case; each is whole words of a line that is about time.
var phrases = []phrase{
	{"zulu", "UTC"}, {"weltzeit", "UTC"}, {"tiempo universal", "UTC"}, {"tempo universal", "UTC"}, {"hora universal", "UTC"}, {"temps universel", "UTC"}, {"heure universelle", "UTC"},
	{"oficial do brasil", "America/Sao_Paulo"}, {"new zealand time", "Pacific/Auckland"},
	{"us eastern", ""}, {"us central", ""}, {"us mountain", ""}, {"us pacific", ""}, {"normalzeit", ""}, {"standardzeit", ""},
	{"brasília", "America/Sao_Paulo"}, {"brasilia", "America/Sao_Paulo"}, {"bsb", "America/Sao_Paulo"},
	{"german time", "Europe/Berlin"}, {"deutsche zeit", "Europe/Berlin"}, {"deutscher zeit", "Europe/Berlin"}, {"uk time", "Europe/London"}, {"british time", "Europe/London"},
	{"french time", "Europe/Paris"}, {"heure française", "Europe/Paris"}, {"italian time", "Europe/Rome"}, {"dutch time", "Europe/Amsterdam"}, {"polish time", "Europe/Warsaw"},
	{"india standard", "Asia/Kolkata"}, {"indian standard", "Asia/Kolkata"}, {"japan standard", "Asia/Tokyo"}, {"korea standard", "Asia/Seoul"}, {"singapore standard", "Asia/Singapore"},
	{"central european", ""}, {"eastern european", ""}, {"western european", ""}, {"mitteleuropäische", ""}, {"mitteleuropäischer", ""}, {"osteuropäische", ""},
	{"eastern time", ""}, {"eastern standard", ""}, {"eastern daylight", ""}, {"central time", ""}, {"central standard", ""}, {"central daylight", ""},
	{"mountain time", ""}, {"mountain standard", ""}, {"mountain daylight", ""}, {"pacific time", ""}, {"pacific standard", ""}, {"pacific daylight", ""}, {"atlantic time", ""},
	{"atlantic standard", ""}, {"summer time", ""}, {"daylight time", ""}, {"daylight saving", ""}, {"horário de verão", ""}, {"horario de verano", ""}, {"hora de verano", ""},
	{"sommerzeit", ""}, {"winterzeit", ""}, {"heure d'été", ""}, {"spanish time", ""}, {"portuguese time", ""}, {"us time", ""}, {"gulf standard", ""}, {"arabian standard", ""}, {"moscow standard", ""}, {"israel standard", ""}, {"pakistan standard", ""}, {"hong kong time", "Asia/Hong_Kong"}, {"australian time", ""}, {"russian time", ""},
}

// areas are those in which places are looked for.
var areas = [...]string{"Europe", "America", "Asia", "Africa", "Australia", "Pacific", "Atlantic", "Indian"}

// offices are whose place a place is, and not whose time.
var offices = setOfWords("office team branch desk headquarters hq police civil federal escritório escritorio polícia policia delegacia oficina büro bureau ufficio")

// timeWords stand close to the name of a place whose time is meant.
var timeWords = setOfWords("time times zone timezone local hora horas horário horários horario horarios fuso huso zeit zeiten uhrzeit uhrzeiten ortszeit lokalzeit zeitzone zeitangaben heure heures ora orario clock clocks")

func setOfWords(text string) map[string]bool {
	m := map[string]bool{}
	for word := range strings.FieldsSeq(text) {
		m[word] = true
	}
	return m
}

// statedInWords returns the zones that a line about time says by the name of a place, a country or a zone. With alone, the line names none
// otherwise; then one that says that it does, and whose name nobody knows, is nil.
func (s *settings) statedInWords(st *statement, alone bool) (found []foundZone) {
	if !st.about.time && !st.about.short && !slices.ContainsFunc(st.lower, func(word string) bool { return timeWords[word] }) {
		return nil
	}
	if f, ok := s.phraseIn(st, alone); ok {
		return []foundZone{f}
	}
	clause, end := st.clause()
	for i := range st.words {
		inside := clause >= 0 && clause <= i && i < end
		zone, ok := s.nationNamed(st, i, inside)
		if !ok && (closeToTime(st.lower, i) || inside) {
			zone, ok = s.placeNamed(st.words[i:])
		}
		if ok {
			if st.isNegated(i) {
				zone = nil
			}
			return []foundZone{{zone, st.spots[i].at}}
		}
	}
	if !alone {
		return nil
	}
	if at, ok := st.unknown(clause, end); ok {
		return []foundZone{{at: at}}
	}
	return s.labelled(st)
}

// phraseIn returns the zone that a phrase of a line says.
func (s *settings) phraseIn(st *statement, alone bool) (foundZone, bool) {
	line := " " + strings.Join(st.lower, " ") + " "
	for _, p := range phrases {
		at := strings.Index(line, " "+p.words+" ")
		if at < 0 {
			continue
		}
		i := strings.Count(line[:at+1], " ") - 1
		if offices[st.wordAt(i+strings.Count(p.words, " ")+1)] && !st.about.time && !st.about.clock {
			continue // Best, Brasilia office
		}
		if !alone && st.isNegated(i) {
			continue // UTC, not Eastern Time
		}
		zone, err := s.parseZone(p.zone)
		if err != nil || st.isNegated(i) {
			zone = nil
		}
		return foundZone{zone, st.spots[i].at}, true
	}
	return foundZone{}, false
}

// closeToTime reports whether a word about time stands at most three words from another one.
func closeToTime(lower []string, i int) bool {
	return slices.ContainsFunc(lower[max(0, i-3):min(len(lower), i+4)], func(word string) bool { return timeWords[word] })
}

// placeNamed returns the zone of the place whose name words begin with: of one word, or of two.
func (s *settings) placeNamed(words []string) (*time.Location, bool) {
	first := strings.Trim(words[0], ".:")
	if len(first) < 3 || first[0] < 'A' || first[0] > 'Z' || timeWords[strings.ToLower(first)] {
		return nil, false
	}
	names := []string{first}
	if len(words) > 1 {
		names = []string{first + "_" + strings.Trim(words[1], ".:"), first}
	}
	for _, name := range names {
		if stem, ok := strings.CutSuffix(name, "er"); ok { // Berliner Zeit
			names = append(names, stem)
		}
	}
	for _, name := range names {
		name = plainLetters.Replace(name)
		if zone := exonyms[name]; zone != "" {
			return s.zoneNamed(zone), true
		}
		if !places[name] || s.names == nil {
			continue
		}
		for _, area := range areas {
			if zone := s.named(area + "/" + name); zone != nil {
				return zone, true
			}
		}
		return nil, true
	}
	return nil, false
}

// plainLetters writes places as the table of zones does.
var plainLetters = strings.NewReplacer("ã", "a", "á", "a", "é", "e", "í", "i", "ó", "o", "ú", "u", "ç", "c", "ü", "u", "ô", "o", "ê", "e", "â", "a", "à", "a", "ä", "a", "ö", "o", "ñ", "n", "è", "e")
