package request

import (
	"slices"
	"strings"
	"time"
)

// Words beside UTC that make another zone of it.
var (
	shiftLinks = setOfWords("offset time zone difference is of are was deviation shift by ahead behind about")
	minusWords = setOfWords("minus menos moins meno less")
	plusWords  = setOfWords("plus mais más mas piu più")
	numerals   = setOfWords(`half one two three four five six seven eight nine ten eleven twelve a an uma um meia dois duas três tres quatro cinco seis sete oito nove dez una un uno media dos cuatro siete ocho nueve diez once doce
		eine ein einer einen halbe halben anderthalb eineinhalb zwei drei vier fünf sechs sieben acht neun zehn elf zwölf une demi deux trois quatre cinq sept huit neuf dix due tre quattro cinque sei sette otto dieci mezza`)
	hourWords   = setOfWords("h hs hr hrs hour hours hora horas stunde stunden heure heures ora ore std")
	sideWords   = setOfWords("behind ahead before after earlier later vor hinter nach atrás atras adelante delante antes depois después despues atraso avant après retard avance off from slow fast")
	shiftWords  = setOfWords("offset difference deviation shift diferença diferencia abweichung versatz unterschied décalage")
	fromWords   = setOfWords("from de do von aus da")
	conversions = []string{"convert", "umgerechnet", "translated", "transform"}
	notWords    = setOfWords("not nicht não nao never nunca pas kein keine than non isn aren wasn weren don doesn isnt arent")
)

// shiftedUTC returns UTC, or the zone that the words beside it make of it: "UTC minus 3", "UTC offset: -03:00". It is nil where they do in a
// way that is not read: "three hours behind UTC".
func (s *settings) shiftedUTC(st *statement, i int) (zone *time.Location, used int, ok bool) {
	if st.isBeside(i) {
		return nil, 1, true
	}
	offset, end, unknown := st.offsetAt(i + 1)
	switch {
	case unknown:
		return nil, 1, true
	case offset == "":
		return time.UTC, 1, true
	}
	zone, err := s.parseZone(st.words[i] + offset)
	if err != nil {
		zone = nil
	}
	return zone, end - i, true
}

// isBeside reports whether hours before or behind UTC are said: "3 hours ahead of UTC", "Difference to UTC: 3".
func (st *statement) isBeside(i int) bool {
	before := st.lower[max(0, i-4):i]
	isSet := func(set map[string]bool) func(string) bool { return func(word string) bool { return set[word] } }
	from, to := i, i+1
	for from > 0 && from > i-4 && !st.spots[from-1].end {
		from--
	}
	for to < len(st.words) && to < i+5 && !st.spots[to-1].end {
		to++
	}
	if near := st.lower[from:to]; slices.ContainsFunc(near, isHours) && slices.ContainsFunc(near, isSet(sideWords)) {
		return true
	}
	if len(before) > 0 && fromWords[before[len(before)-1]] && hasAny(strings.Join(before, " "), conversions) {
		return true // converted from UTC, to what?
	}
	return slices.ContainsFunc(before, isSet(shiftWords)) && startsWithDigit(st.wordAt(i+1))
}

// isHours reports whether a word is of a length of time: hours, 3h, 180min.
func isHours(word string) bool {
	unit := strings.TrimLeft(word, "+-0123456789.,:½")
	return hourWords[unit] || unit == "min" || strings.HasPrefix(unit, "minut")
}

// offsetAt returns the offset that words say, and where it ends; unknown, where there is one that is not read.
func (st *statement) offsetAt(from int) (offset string, end int, unknown bool) {
	k := from
	for k < len(st.words) && k < from+4 && shiftLinks[st.lower[k]] {
		k++
	}
	word, next := st.wordAt(k), st.wordAt(k+1)
	sign := signOf(word)
	switch {
	case st.isEquation(from, k):
		return "", from, true
	case len(word) > 1 && (word[0] == '+' || word[0] == '-') && isDigit(word[1]):
		return word, k + 1, false
	case k > from && startsWithDigit(word) && (hourWords[next] || isHours(word) || shiftWords[st.lower[k-1]]), k == from && st.isLastNumber(k):
		return "", from, true
	case sign == "":
		return "", from, false
	}
	if hours := strings.TrimRight(next, "hrs"); startsWithDigit(next) && len(hours) <= len("03:00") {
		return sign + hours, k + 2, false
	}
	return "", from, numerals[next]
}

// isLastNumber reports whether a word ends the line and is a number that hours may have: UTC 3.
func (st *statement) isLastNumber(k int) bool {
	word := st.wordAt(k)
	return k == len(st.words)-1 && (len(word) == 1 || len(word) == 2) && strings.Trim(word, "0123456789") == ""
}

// isEquation reports whether words between UTC and an offset are of what it is made of: "UTC = time - 3".
func (st *statement) isEquation(from, k int) bool {
	if k == from || k >= len(st.spots) {
		return false
	}
	start := st.spots[from-1].at
	return strings.Contains(st.line[start:max(start, st.spots[k-1].at)], "=")
}

// wordAt returns a word in lower case, or "" behind the last.
func (st *statement) wordAt(i int) string {
	if i >= len(st.lower) {
		return ""
	}
	return st.lower[i]
}

// signOf returns what a word says of the offset behind it, or "".
func signOf(word string) string {
	switch {
	case word == "-" || minusWords[word]:
		return "-"
	case word == "+" || plusWords[word]:
		return "+"
	}
	return ""
}

func startsWithDigit(word string) bool { return word != "" && isDigit(word[0]) }

// shifted returns UTC for its name in full at a place, or nil where an offset follows.
func (st *statement) shifted(at int) *time.Location {
	for i, spot := range st.spots {
		if spot.at < at {
			continue
		}
		if st.isBeside(i) || st.isNegated(i) {
			return nil
		}
		for j := i + 2; j <= i+3 && j < len(st.words); j++ { // behind "universal time", "greenwich mean time"
			if offset, _, unknown := st.offsetAt(j); unknown || offset != "" && strings.Trim(offset, "+-0:") != "" {
				return nil
			}
		}
		break
	}
	return time.UTC
}

// isNegated reports whether a word before a zone says that it is not the one.
func (st *statement) isNegated(i int) bool {
	for j := i - 1; j >= max(0, i-3) && !st.spots[j].end; j-- {
		if notWords[st.lower[j]] || st.lower[j] == "instead" || st.lower[j] == "no" && slices.Contains([]string{"es", "son", "está", "están", "esta", "estan"}, st.lower[j+1]) {
			return true
		}
	}
	return false
}
