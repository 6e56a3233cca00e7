package request

import (
	"slices"
	"strings"
)

// Words of sentences that say how times become those of a zone, or that somebody has to make them so, in the languages of those who write.
var (
	// toConvert are of somebody who has to convert times, and not of who has done so.
	toConvert = setOfWords(`convert converting conversion conversions translate transform umrechnen umzurechnen umrechnung konvertieren konvertierung umwandeln umzuwandeln umwandlung
		adjust adjusting adjustment adjustments normalize normalise change shift umstellen umzustellen anpassen korrigieren corregir ajustar ajuste ajuster normalizar transformar transformer trasformare pasar pasarlas pasarlos passar mettre portare
		convertir convertirse convierta convierte conviertan convertirlas convertirlos conversión converter converta convertam conversão conversao convertissez convertis convertire convertite converta converti conversione`)
	// converted are of who has done so, unless one of mustWords says that it is still to be done.
	converted = []string{"converted", "translated", "transformed", "umgerechnet", "konvertiert", "umgewandelt", "normali", "adjusted", "convertid", "convertit", "converties", "convertie"}
	mustWords = setOfWords(`must should need needs needed be can could may might shall will would please müssen muss müssten sollen soll sollten können kann könnten bitte deben debe debería deberían hay pueden puede
		devem deve deveriam precisam precisa podem pode doivent doit devraient peuvent peut devono dovrebbero vanno possono`)
	// whoConverts stand before "convert" where nobody else has to.
	whoConverts = setOfWords("we i they always automatically which that systems servers")
	// arithmetic are what is done with hours.
	arithmetic = setOfWords(`shifted offset difference skew drift slow fast ahead behind versatz diferença diferencia décalage add adds adding added subtract subtracts subtracting subtracted deduct deducting deducted plus minus less
		addieren addiere addiert addition subtrahieren subtrahiere subtrahiert abziehen abzuziehen abgezogen ziehen zieht rechnen hinzufügen hinzuzufügen hinzugefügt hinzurechnen hinzuzurechnen hinzuzählen hinzuzuzählen dazurechnen dazuzählen dazu
		zuzüglich abzüglich weniger draufrechnen aufschlagen zurückrechnen
		sumar sume suma sumen sumando súmele añadir añada añadiendo agregar agregue restar reste resta resten restando réstele sustraer descontar descuente quitar quite más mas menos
		somar some soma somem somando somar-se adicionar adicione adicionando acrescentar acrescente subtrair subtraia subtraindo diminuir diminua retirar retire tirar tire desconte mais
		ajouter ajoutez ajoute ajoutant soustraire soustrayez soustrait retrancher retranchez retranche enlever enlevez additionner moins
		aggiungere aggiungete aggiunga aggiungi aggiungendo sommare sommate sommi sottrarre sottraete sottragga sottrarne togliere togliete tolga detrarre più meno`)
	// resulting say what comes of it.
	resulting = setOfWords("get gets getting obtain obtains obtaining derive calculate compute erhalten bekommen berechnen obtener obtenga calcular obter obtenha obtenir obtenez calculer ottenere calcolare")
	// becoming stand before a zone that times become.
	becoming = setOfWords("to into for für para pour per")
	// relating stand before "to UTC" where times are in it.
	relating = setOfWords("refer refers referring relate relates correspond corresponds equal equals set according relative conform conforms belong belongs close due adhere stick keep similar")
	// lasting stand before lengths of time that are none between clocks.
	lasting = setOfWords(`within for during lasted lasting lasts last next past every each over than innerhalb binnen während dauerte letzten nächsten mindestens durante dentro últimas próximas cada pendant sous dernières prochaines
		entro ultime prossime per às as las à`)
)

// lessThanHours are how words begin that are units.
var lessThanHours = []string{"min", "sec", "seg", "sek", "ms", "mil"}

// maxHours is the largest offset from UTC.
const maxHours = 14

// numberOf returns the hours, or minutes, that a word says, and the unit behind them in the same word; ok is false where it is no such number. Of words
// for numbers n is 1.
func numberOf(word string) (n int, unit string, ok bool) {
	if count, rest, dashed := strings.Cut(word, "-"); dashed && numerals[count] { // one-hour
		return 1, rest, true
	}
	if numerals[word] && word != "a" { // "a hora" is the time
		return 1, "", true
	}
	c := cursor{s: strings.TrimLeft(word, "+-−~±")}
	n, width := c.digits()
	if width > 0 && (c.at(0) == '.' || c.at(0) == ',' || c.at(0) == ':') && isDigit(c.at(1)) {
		c.i++
		_, more := c.digits()
		width = max(width, more)
	}
	unit = strings.TrimPrefix(strings.TrimLeft(c.s[c.i:], "½¼¾"), "-")
	return n, unit, (width > 0 || unit != c.s[c.i:]) && width <= 3
}

// amountAt returns how many words from one on are a length of time that two zones can differ by, such as "3 hours"; 0 for none.
func (st *statement) amountAt(i int) int {
	n, unit, ok := numberOf(st.lower[i])
	words := 1
	if ok && unit == "" {
		unit, words = st.wordAt(i+1), 2
	}
	unit = strings.TrimRight(unit, ".")
	switch {
	case !ok || unit == "":
	case hourWords[unit] && n <= maxHours, (unit == "min" || strings.HasPrefix(unit, "minut")) && n%15 == 0 && n <= 60*maxHours:
		return words
	}
	return 0
}

// A convertMark says what a word has to do with converting times.
type convertMark uint8

const (
	marksTodo   convertMark = 1 << iota // somebody has to convert
	marksDone                           // somebody has converted, unless another word says that it is still to be done
	marksMust                           // such a word
	marksResult                         // what comes of it
	marksCount                          // hours are added or taken away
	marksSign                           // the same, by a sign
	marksAmount                         // hours, but for those that something lasts
)

// convertMarks marks the words of a line. Those of an offset of UTC, as in "UTC minus 3 hours", have no marks of hours.
func (st *statement) convertMarks() []convertMark {
	marks, own := make([]convertMark, len(st.words)), make([]bool, len(st.words))
	for k, word := range st.words {
		if isPlainUTC(word) {
			if offset, end, _ := st.offsetAt(k + 1); offset != "" {
				for ; k < min(end, len(own)); k++ {
					own[k] = true
				}
			}
		}
	}
	for k, word := range st.lower {
		marks[k] = st.convertMark(k, word, own)
		if mustWords[word] {
			marks[k] |= marksMust
		}
	}
	return marks
}

// convertMark marks a word.
func (st *statement) convertMark(k int, word string, own []bool) convertMark {
	switch {
	case toConvert[word] && (k == 0 || !whoConverts[st.lower[k-1]]):
		return marksTodo
	case slices.ContainsFunc(converted, func(stem string) bool { return strings.HasPrefix(word, stem) }):
		return marksDone
	case resulting[word]:
		return marksResult
	case (word == "to" || word == "into") && st.isToZone(k):
		return marksTodo
	case own[k]:
	case arithmetic[word] && st.isCounted(k, own):
		return marksCount
	case (word == "+" || word == "-") && st.isCounted(k, own), isSignedCount(word):
		return marksSign
	case st.amountAt(k) > 0 && !st.isLasting(k):
		return marksAmount
	}
	return 0
}

// maxSentence is how many words before and behind a zone are looked at.
const maxSentence = 40

// converts reports whether the sentence around the zone at a word does not say that times are of that, but that they become so by adding hours, or in another way.
// Then nobody knows of which zone they are.
func (st *statement) converts(marks []convertMark, i int) bool {
	var all convertMark
	look := func(k int) {
		mark, isNear := marks[k], i-4 <= k && k <= i+4
		if !isNear {
			mark &^= marksResult | marksSign
		}
		if mark == marksAmount && st.isHourOf(k, i) {
			mark = 0
		}
		all |= mark
	}
	for k := i; k >= max(0, i-maxSentence) && (k == i || !st.spots[k].end); k-- {
		look(k)
	}
	for k := i + 1; k < min(len(marks), i+maxSentence) && !st.spots[k-1].end; k++ {
		look(k)
	}
	return all&(marksTodo|marksResult|marksCount|marksSign|marksAmount) != 0 || all&(marksDone|marksMust) == marksDone|marksMust
}

// withoutConverted returns the zones that a line names, of which those are known to nobody that its times only become. Where it says that hours are to
// be added or taken away, whatever zone comes of it, nobody knows that of its times either.
func (st *statement) withoutConverted(found []foundZone) []foundZone {
	if len(st.spots) == 0 {
		return found
	}
	marks := st.convertMarks()
	for k, f := range found {
		if f.zone != nil && st.converts(marks, st.spotAt(f.at)) {
			found[k].zone = nil
		}
	}
	for k, mark := range marks {
		if mark&marksCount != 0 && signOf(st.lower[k]) == "" && st.isCountedInHours(k) {
			return append(found, foundZone{at: st.spots[k].at})
		}
	}
	return found
}

// isToZone reports whether times have to be brought to UTC: "change the times to UTC", and not "times are relative to UTC".
func (st *statement) isToZone(k int) bool {
	before := ""
	if k > 0 {
		before = st.lower[k-1]
	}
	if slices.ContainsFunc(st.lower[max(0, k-6):k], func(word string) bool { return toConvert[word] }) {
		return false // which says whether it is still to be done
	}
	return isPlainUTC(st.wordAt(k+1)) && before != "" && !relating[before] && !strings.HasSuffix(before, "ed") && !st.spots[k].end && !startsWithDigit(before)
}

// isSignedCount reports whether a word is a number of hours with a sign: +3.
func isSignedCount(word string) bool {
	n, unit, ok := numberOf(word)
	return ok && unit == "" && n <= maxHours && len(word) <= len("+12") && (word[0] == '+' || word[0] == '-')
}

// isClockCount reports whether a word is an offset of four digits: add 0300.
func isClockCount(word string) bool {
	c := cursor{s: word}
	n, width := c.digits()
	return width == 4 && c.end() && n/100 <= maxHours && n%100%15 == 0 && n%100 < 60
}

// isCounted reports whether a number of hours stands close to a word about adding. Minutes and seconds are none unless zones can differ by them: a clock
// may be a minute wrong.
func (st *statement) isCounted(at int, own []bool) bool {
	for k := at + 1; k < min(len(own), at+3) && !st.spots[k-1].end; k++ {
		if next := st.wordAt(k + 1); slices.ContainsFunc(lessThanHours, func(stem string) bool { return strings.HasPrefix(next, stem) }) {
			continue
		}
		if n, unit, ok := numberOf(st.lower[k]); !own[k] && (ok && unit == "" && n <= maxHours && !numerals[st.lower[k]] || isClockCount(st.lower[k])) {
			return true
		}
	}
	return st.isCountedInHours(at)
}

// isCountedInHours reports whether a length of time stands close to a word in the same sentence.
func (st *statement) isCountedInHours(at int) bool {
	for k := at - 1; k >= max(0, at-5) && !st.spots[k].end; k-- {
		if st.amountAt(k) > 0 && !st.isLasting(k) {
			return true
		}
	}
	for k := at + 1; k < min(len(st.lower), at+6) && !st.spots[k-1].end; k++ {
		if st.amountAt(k) > 0 && !st.isLasting(k) {
			return true
		}
	}
	return false
}

// isLasting reports whether a length of time is that of an event, or one to answer in.
func (st *statement) isLasting(k int) bool {
	return k > 0 && (lasting[st.lower[k-1]] || k > 1 && lasting[st.lower[k-2]])
}

// isHourOf reports whether an amount is the hour of the day before its zone: 14h UTC.
func (st *statement) isHourOf(k, zone int) bool {
	_, unit, _ := numberOf(st.lower[k])
	if unit == "" {
		unit = st.wordAt(k + 1)
	}
	return k+st.amountAt(k) == zone && (unit == "h" || unit == "hs") && isDigit(st.lower[k][0])
}

// spotAt returns the word that stands at a place of the line.
func (st *statement) spotAt(at int) int {
	i, _ := slices.BinarySearchFunc(st.spots, at+1, func(s spot, at int) int { return s.at - at })
	return max(0, i-1)
}
