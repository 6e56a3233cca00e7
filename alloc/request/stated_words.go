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
	{"zulu", "UTC"},
	{"brasília", "America/Sao_Paulo"}, {"brasilia", "America/Sao_Paulo"}, {"bsb", "America/Sao_Paulo"},
	{"german time", "Europe/Berlin"}, {"deutsche zeit", "Europe/Berlin"}, {"deutscher zeit", "Europe/Berlin"}, {"uk time", "Europe/London"}, {"british time", "Europe/London"},
	{"french time", "Europe/Paris"}, {"heure française", "Europe/Paris"}, {"italian time", "Europe/Rome"}, {"dutch time", "Europe/Amsterdam"}, {"polish time", "Europe/Warsaw"},
	{"india standard", "Asia/Kolkata"}, {"indian standard", "Asia/Kolkata"}, {"japan standard", "Asia/Tokyo"}, {"korea standard", "Asia/Seoul"}, {"singapore standard", "Asia/Singapore"},
	{"central european", ""}, {"eastern european", ""}, {"western european", ""}, {"mitteleuropäische", ""}, {"mitteleuropäischer", ""}, {"osteuropäische", ""},
	{"eastern time", ""}, {"eastern standard", ""}, {"eastern daylight", ""}, {"central time", ""}, {"central standard", ""}, {"central daylight", ""},
	{"mountain time", ""}, {"mountain standard", ""}, {"mountain daylight", ""}, {"pacific time", ""}, {"pacific standard", ""}, {"pacific daylight", ""}, {"atlantic time", ""},
	{"atlantic standard", ""}, {"summer time", ""}, {"daylight time", ""}, {"daylight saving", ""}, {"horário de verão", ""}, {"horario de verano", ""}, {"hora de verano", ""},
	{"sommerzeit", ""}, {"winterzeit", ""}, {"heure d'été", ""}, {"spanish time", ""}, {"portuguese time", ""}, {"us time", ""}, {"australian time", ""}, {"russian time", ""},
}

// areas are those in which places are looked for.
var areas = [...]string{"Europe", "America", "Asia", "Africa", "Australia", "Pacific", "Atlantic"}

// maxPlaces bounds how often the table of zones is asked for what may be a place.
const maxPlaces = 4096

// timeWords stand close to the name of a place whose time is meant.
var timeWords = setOfWords("time times zone timezone local hora horas horário horários horario horarios fuso huso zeit zeiten uhrzeit uhrzeiten ortszeit zeitzone heure heures ora orario")

func setOfWords(text string) map[string]bool {
	m := map[string]bool{}
	for word := range strings.FieldsSeq(text) {
		m[word] = true
	}
	return m
}

// statedInWords returns the zone that a line about time says by the name of a place, a country or a zone.
func (s *settings) statedInWords(words []string) (*time.Location, bool) {
	lower := make([]string, len(words))
	for i, word := range words {
		lower[i] = strings.ToLower(strings.Trim(word, ".:"))
	}
	line := " " + strings.Join(lower, " ") + " "
	for _, p := range phrases {
		if !strings.Contains(line, " "+p.words+" ") {
			continue
		}
		if p.zone == "" {
			return nil, true
		}
		zone, err := s.parseZone(p.zone)
		if err != nil {
			return nil, true
		}
		return zone, true
	}
	for i := range words {
		if closeToTime(lower, i) {
			if zone, ok := s.placeNamed(words[i:]); ok {
				return zone, true
			}
		}
	}
	return nil, false
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
		name = strings.NewReplacer("ã", "a", "á", "a", "é", "e", "í", "i", "ó", "o", "ú", "u", "ç", "c", "ü", "u").Replace(name)
		for _, area := range areas {
			if s.stated.looked++; s.names == nil || s.stated.looked > maxPlaces {
				return nil, false
			}
			if zone, err := s.names(area + "/" + name); err == nil {
				return zone, true
			}
		}
	}
	return nil, false
}
