package request

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// above is the last line of words above the rows at hand: a title, or names of columns of which none is known. Nobody can tell them apart by
// their words. What stands right above rows, in as many words as they have fields, may be such names, and then no number of these rows is a port.
type above struct {
	line     names
	before   names      // the line of words right before it
	numbered names      // a later line of words and numbers
	fresh    bool       // whether no row stands between the line and the one at hand
	gap      bool       // whether the line before that one is blank
	apart    bool       // whether a blank line stands below the line, as below a title
	seen     bool       // whether rows stand below it, or a heading that is understood
	told     *paragraph // what the paragraph above says; nil where there is none, or nobody asks
	deaf     bool       // whether nobody asks, as a port without a name is the subscriber's whatever it says
	over     names      // the last such line that may name the columns of rows; they go on behind blank lines, too

	ahead func(n int) []byte // what follows the line at hand; nil where nobody knows
}

// words takes a line of words.
func (a *above) words(n names) {
	if n.ended && a.gap { // of a new paragraph
		a.over = names{}
	}
	if n.line != a.line.line { // it may be told twice
		a.before, a.numbered = names{}, names{}
		if a.fresh && !a.apart {
			a.before = a.line
		}
	}
	a.line, a.fresh, a.gap, a.apart, a.seen = n, true, false, false, false
}

// understood takes a line of which every name is known.
func (a *above) understood() {
	if a.told != nil {
		a.told.forget()
	}
	*a = above{seen: true, ahead: a.ahead, told: a.told, deaf: a.deaf}
}

// blank takes a blank line.
func (a *above) blank() {
	a.endTold(false)
	a.gap = true
	a.apart = a.apart || a.fresh
	a.numbered = names{}
}

// other takes a line without an address that is no line of words.
func (a *above) other(line string) {
	if a.gap = false; !a.fresh {
		return
	}
	words := strings.FieldsFunc(line, isBetween)
	switch {
	case strings.Trim(line, " \t-=_+|:~*#") == "":
		if len(strings.FieldsFunc(line, func(r rune) bool { return isBlank(r) || r == '+' })) > 1 {
			a.fresh, a.apart = false, false // each column is underlined
		}
	case slices.ContainsFunc(words, isShortNumber) && slices.ContainsFunc(words, isTime):
		a.fresh = false // a row with the name of a host
	}
}

// numbers takes a line of words and numbers: "IP Top 10 Last".
func (a *above) numbers(line string) {
	words := strings.FieldsFunc(line, isBetween)
	if !a.seen && len(words) > 0 && isLetter(words[0][0]) && (!slices.ContainsFunc(words, isTime) || !slices.ContainsFunc(words, isShortNumber)) {
		a.numbered, a.gap = namesOf(line), false
	}
}

// forget has what stands above a heading say no more than whether there are groups of columns.
func (a *above) forget() {
	if a.told != nil {
		a.told.forget()
	}
}

// row takes a line with an address.
func (a *above) row() { a.fresh, a.gap, a.seen = false, false, true }

// asked ends the paragraph above a row with an address. A line of text that has one belongs to the paragraph: "Port scan from 198.18.0.0".
func (a *above) asked(row string, err error) {
	switch {
	case !hasAddress(row):
	case isTextWith(row, err):
		a.tell(row[:min(len(row), maxHeading)])
	default:
		a.endTold(true)
	}
}

// isTextWith reports whether a line with an address is text, by what was wrong with it as a question.
func isTextWith(line string, err error) bool {
	if err == nil || isTimed(err) {
		return false
	}
	first, _ := utf8.DecodeRuneInString(withoutBullet(line))
	return unicode.IsLetter(first) || attackIn(line) != "" || deniedPort(line) != ""
}

// tell takes a line without an address.
func (a *above) tell(line string) {
	if a.deaf {
		return
	}
	if a.told == nil {
		a.told = new(paragraph)
	}
	a.told.line(line)
}

// endTold ends the paragraph, by a row or a blank line.
func (a *above) endTold(row bool) {
	if a.told != nil {
		a.told.ended, a.told.rows = true, a.told.rows || row
	}
}

// judge finds out whether the line may name the columns of a row, or is a title.
func (a *above) judge(row string, w *words) (isTitle bool) {
	for i, n := range [...]*names{&a.numbered, &a.line, &a.before} {
		if !n.mayName(row, w) {
			continue
		}
		if i == 0 || !a.apart || a.isDoubleSpaced() {
			a.over = *n
			return false
		}
		isTitle = true
	}
	if isTitle {
		a.line, a.before, a.numbered = names{}, names{}, names{}
	}
	return isTitle
}

// isDoubleSpaced reports whether the row at hand and the next one stand apart by blank lines: then one below the line above says nothing.
func (a *above) isDoubleSpaced() bool {
	if a.ahead == nil {
		return false
	}
	const far = 4 << 10
	blank := false
	for line := range bytes.Lines(a.ahead(far)) {
		line = bytes.TrimLeft(bytes.TrimSpace(line), "> \t")
		if len(line) == 0 {
			blank = true
			continue
		}
		text := spaced(line)
		return blank && hasAddress(text) && slices.ContainsFunc(strings.FieldsFunc(text, isBetween), isShortNumber)
	}
	return false
}

// mayName reports whether a line may name the columns of a row, though none of its names is known: it has as many words. A date, a clock and a zone may have one
// name or three, and what counts the rows has none.
func (n *names) mayName(row string, w *words) bool {
	if (n.apart == ',' || n.apart == ';') && len(n.of) > 2 && len(cut(row, n.apart)) > 2 {
		return true // whatever is empty or in quotes
	}
	if n.line == "" {
		return false
	}
	if n.sizes == nil {
		n.sizes = n.counts()
	}
	if len(n.sizes) == 0 {
		return false
	}
	if (n.apart == ',' || n.apart == ';') && len(n.of) < 3 && len(cut(row, n.apart)) > 2 {
		return false // the row is divided as the line is, and into more parts
	}
	most := w.count
	least := most - w.spare - max(0, len(w.rest)-2) // the number, and one name for the time
	for _, count := range n.sizes {
		if least <= count && count <= most {
			return true
		}
	}
	return withoutBlanks(n.line) && len(strings.FieldsFunc(n.line, isBetween)) <= most
}

// counts returns how many names a line may have; none for one that is a sentence or a label, or of which all is understood: "IP/Port/Time".
func (n *names) counts() []int {
	isLetters := func(word string) bool { return letterWords[normal(word)] }
	if n.endsAsText() || slices.ContainsFunc(strings.FieldsFunc(n.line, isBetween), isLetters) {
		return []int{}
	}
	line := n.line
	if label, rest, ok := strings.Cut(line, ": "); ok && !strings.ContainsAny(label, "([") && !strings.Contains(rest, ":") {
		line = rest // "The columns are: host count last"
	}
	isWord := func(word string) bool {
		return strings.ContainsFunc(word, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
	}
	words := strings.FieldsFunc(line, isBetween)
	glued := len(words) == 1 // host-count-last
	parts := strings.FieldsFunc(line, func(r rune) bool {
		return isBetween(r) || glued && r == '-' || strings.ContainsRune("/\\+&=>~\u00a6\u00b7\u2022\u3001\uff0c\uff0f\uff5c", r)
	})
	isPort := func(part string) bool { r, _ := roleOf(part); return r == rolePort }
	isOther := func(part string) bool {
		r, _ := roleOf(part)
		return r != roleAddress && r != rolePort && !isTimeRole(r)
	}
	if glued && slices.ContainsFunc(parts, isPort) && !slices.ContainsFunc(parts, isOther) {
		return []int{}
	}
	return []int{len(words), len(withoutAnd(slices.Clone(words))), len(slices.DeleteFunc(words, func(word string) bool { return !isWord(word) })), len(slices.DeleteFunc(parts, func(part string) bool { return !isWord(part) })), len(n.of)}
}

// endsAsText reports whether a line ends like a sentence or a label. A list may end with a colon, and the last of several names may be short for another.
func (n *names) endsAsText() bool {
	words := strings.FieldsFunc(n.line, isBetween)
	switch last, _ := utf8.DecodeLastRuneInString(n.line); last {
	case ':', '.':
		if n.apart == ',' && len(n.of)+len(words)-len(withoutAnd(slices.Clone(words))) > 2 {
			return false
		}
		if last == ':' {
			return true
		}
		end := len(words) - 1
		return len(words[end]) > len("Nnnn.") && !slices.ContainsFunc(words[:end], func(word string) bool { return strings.HasSuffix(word, ".") })
	default:
		return strings.ContainsRune("!?,\u3002\uff01\uff1f\uff0c\uff1a\u3001\u2026", last)
	}
}

// withoutBlanks reports whether a line is written in a script that has no blanks between words.
func withoutBlanks(line string) bool {
	return strings.ContainsFunc(line, func(r rune) bool {
		return r >= utf8.RuneSelf && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Hangul)
	})
}

// letterWords are words of letters that are in no name of a column, and in no list of names.
var letterWords = setOfWords("please dear hello hi thank thanks regards we wir bitte hallo favor estimado estimados prezado prezados senhores")

// isRemark reports whether a line says something about the times below it, and is neither a title nor names of columns: "(UTC)", "All times are in UTC".
func isRemark(line string) bool {
	line = strings.Trim(line, " \t\r*_`")
	words := strings.FieldsFunc(line, isBetween)
	if len(words) == 0 {
		return false
	}
	if strings.HasPrefix(line, "(") && strings.HasSuffix(line, ")") && len(words) <= 2 {
		return true
	}
	all := false
	for len(words) > 0 && remarkAlls[normal(words[0])] {
		words, all = words[1:], true
	}
	return len(words) > 1 && remarkTimes[normal(words[0])] && (remarkVerbs[normal(words[1])] && len(words) > 2 || all && isUTC(words[1]))
}

var (
	remarkAlls  = setOfWords("all alle the die todos todas os as los las tous toutes les tutti tutte gli le")
	remarkTimes = setOfWords("times timezone zeitzone timestamps dates clocks zeiten zeitangaben zeitstempel uhrzeiten horarios horas datas fechas heures orari ore")
	remarkVerbs = setOfWords("in are is sind ist em sao en son estan estao sont sono")
)

// errUnnamed refuses a number of a row below such a line.
func (n *names) errUnnamed(kind error, what string) error {
	return refuse(kind, "%s above may be the names of columns, and nothing says that this is the %s: write 198.18.0.0:6000, port before it, or IP Port Time above; below a title, put a blank line", quoted(n.line), what)
}
