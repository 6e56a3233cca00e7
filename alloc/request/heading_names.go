package request

import (
	"slices"
	"strings"
	"unicode"
)

// names are those of columns.
type names struct {
	line  string
	of    []columnName
	apart rune  // what stands between them: a mark, or two blanks; 0 for a blank
	ended bool  // whether the line ends like a sentence
	prose bool  // whether it has a word of sentences
	sizes []int // how many columns it may name where none is known; nil before that was asked
}

// A columnName is the name of one.
type columnName struct {
	text string
	role role
}

// known reports whether it is understood.
func (c columnName) known() bool { return c.role != 0 || isCounter(c.text) }

// find returns the column with a role, or -1.
func (n *names) find(r role) int {
	return slices.IndexFunc(n.of, func(c columnName) bool { return c.role == r })
}

// count returns how many columns have a role.
func (n *names) count(r role) (count int) {
	for _, c := range n.of {
		if c.role == r {
			count++
		}
	}
	return count
}

// isOthers reports whether the port of a column could be that of the destination: its name does not say whose, and there is a column of that.
func (n *names) isOthers(port int) bool {
	return isBarePort(n.of[port].text) && slices.ContainsFunc(n.of, func(c columnName) bool {
		return c.role == roleDestination || c.role == 0 && (sectionOf(c.text) == destinationSide || natureOf(c.text).attacked)
	})
}

// twoBlanks stands for columns that are aligned.
const twoBlanks = ' '

// namesOf cuts a line into what could be names of columns.
func namesOf(line string) (n names) {
	line = strings.Trim(line, " \t\r*_`|")
	if end := firstMark(line); end > 0 && end+1 < len(line) && line[end] == ':' && !strings.ContainsAny(line[:end], " \t|;,") {
		if r, _ := roleOf(line[:end]); r == 0 {
			line = strings.TrimSpace(line[end+1:]) // "Format: IP, port, time"
		}
	}
	if line == "" {
		return n
	}
	n.line, n.ended = line, strings.IndexByte(".:!?,;", line[len(line)-1]) >= 0
	words := strings.FieldsFunc(line, isBetween)
	n.prose = slices.ContainsFunc(words, func(word string) bool { return proseWords[normal(word)] })
	if sentences := sentencesOf(line); len(sentences) > 1 && isSentenceEnd(strings.TrimSpace(sentences[0])) && strings.ContainsFunc(sentences[1], unicode.IsLetter) {
		n.prose = true
	}
	cells := withoutAnd(knownNames(words))
	for _, mark := range [...]rune{'\t', '|', ';', ',', twoBlanks} {
		if c := cut(line, mark); len(c) > 1 && (n.apart == 0 || len(c) > len(cells) && n.apart != '\t' && n.apart != '|') {
			n.apart, cells = mark, c
		}
	}
	if last := len(cells) - 1; n.apart == ',' { // "IP, port and time"
		list := knownNames(strings.FieldsFunc(cells[last], isBetween))
		all := len(list)
		if list = withoutAnd(list); len(list) < all && slices.ContainsFunc(list, func(text string) bool { return newPair(text).role != 0 }) {
			cells = append(cells[:last], list...)
		}
	}
	n.name(cells)
	return n
}

// withoutAnd returns names without the word before the last.
func withoutAnd(names []string) []string {
	return slices.DeleteFunc(names, func(text string) bool {
		switch normal(text) {
		case "and", "und", "e", "y", "et":
			return true
		}
		return false
	})
}

// name takes the names.
func (n *names) name(cells []string) {
	n.of = n.of[:0]
	for _, text := range cells[:min(len(cells), maxWords)] {
		n.of = append(n.of, columnName{text: text, role: newPair(text).role})
	}
}

// cut divides a line where the mark stands.
func cut(line string, mark rune) []string {
	var cells []string
	text := string(mark)
	if mark == twoBlanks {
		text = "  "
	}
	for cell := range strings.SplitSeq(line, text) {
		if cell = strings.Trim(cell, " \t\"*_`"); cell == "" && mark == twoBlanks {
			continue
		}
		last := len(cells) - 1
		if mark == twoBlanks && last >= 0 && isSentenceEnd(cells[last]) {
			cells[last] += " " + cell // two sentences
			continue
		}
		cells = append(cells, cell)
	}
	return cells
}

// isSentenceEnd reports whether a cell ends like a sentence, and not like the name of a column that is short for another: "Nr. of conn.".
func isSentenceEnd(cell string) bool {
	words := strings.FieldsFunc(cell, isBetween)
	return len(words) > 2 && len(words[len(words)-1]) > len("Nnnn.") && strings.IndexByte(".!?", cell[len(cell)-1]) >= 0
}

// knownNames joins words to the longest names that are known. What is in brackets belongs to the name before it.
func knownNames(words []string) (cells []string) {
	words = words[:min(len(words), maxWords)]
	for i := 0; i < len(words); {
		end := i + 1
		var name []byte
		for n, word := range words[i:min(len(words), i+maxLabelWords)] {
			if name = append(name, normal(word)...); !roleBegins[string(name)] {
				break
			}
			if n > 0 && roles[string(name)] != 0 && string(name) != "ipport" { // two columns
				end = i + n + 1
			}
		}
		for end < len(words) && strings.IndexByte("([", words[end][0]) >= 0 {
			for end++; end < len(words) && strings.IndexByte(")]", words[end-1][len(words[end-1])-1]) < 0; end++ {
			}
		}
		cells = append(cells, strings.Join(words[i:end], " "))
		i = end
	}
	has := func(texts []string, want role) bool {
		return slices.ContainsFunc(texts, func(text string) bool { r, _ := roleOf(text); return r == want })
	}
	if !has(cells, roleAddress) && has(words, roleAddress) && !has(cells, roleDestinationPort) && !has(words, 0) {
		return words // "Source Port Time"
	}
	return cells
}

// mayStandAbove reports whether a row may stand below the names: it is divided as they are, or one that is known stands above what it names. A title, a
// letterhead or a sentence is none.
func (n *names) mayStandAbove(row string) bool {
	row = strings.Trim(row, " \t\r*_`|")
	words := strings.FieldsFunc(row, isBetween)
	same := n.apart != 0 && n.apart != ','
	if cells := len(cut(row, n.apart)); n.apart != 0 && cells > 1 && (cells == len(n.of) || same && 2 < len(n.of) && len(n.of) <= 2*len(words)) {
		return !n.prose || same && n.apart != twoBlanks
	}
	if len(n.of) < 3 || n.prose { // an address, a number and a time
		return false
	}
	fits := n.fits(words)
	return fits > 1 || fits == 1 && !n.ended
}

// fits returns how many of an address, a port and a time are named where a row may have them. One by a name that is a word of any title counts
// only beside another.
func (n *names) fits(row []string) (kinds int) {
	address := slices.IndexFunc(row, hasAddress)
	number := slices.IndexFunc(row, isShortNumber)
	time := slices.IndexFunc(row, func(word string) bool {
		return isTime(word) || isDigit(word[0]) && strings.Contains(word, ":") && !hasAddress(word)
	})
	vague := true
	for _, kind := range [...]struct {
		at int
		is func(r role) bool
	}{{address, isAddressRole}, {number, isPortRole}, {time, isTimeRole}} {
		if i := slices.IndexFunc(n.of, func(c columnName) bool { return kind.is(c.role) }); i >= 0 && kind.at >= 0 && n.mayBeAt(i, kind.at, len(row), kind.at == time) {
			kinds++
			vague = vague && vagueNames[normal(n.of[i].text)]
		}
	}
	if kinds == 1 && vague {
		return 0
	}
	return kinds
}

// mayBeAt reports whether a name may be that of a word of a row. A name that is not known may have two words, and a time has several.
func (n *names) mayBeAt(i, at, words int, isTime bool) bool {
	after, left := len(n.of)-1-i, words-1-at
	return (i == 0) == (at == 0) && i <= 2*at && after <= 2*left && (isTime || (after == 0) == (left == 0))
}

// vagueNames are names of columns that are words of titles and letters, too.
var vagueNames = setOfWords(`to from at until start stop end first last day data source public external outside address da sa sp`)

func isAddressRole(r role) bool { return r == roleAddress }

func isPortRole(r role) bool { return r == rolePort || r == roleDestinationPort }

// column returns the column of a row in which a number stands alone, or -1 where it is not sure.
func (n *names) column(row, number string) int {
	row = strings.Trim(row, " \t\r*_`|")
	for _, cells := range [][]string{cut(row, n.apart), strings.FieldsFunc(row, isBlank)} {
		if len(cells) != len(n.of) {
			continue
		}
		i := slices.IndexFunc(cells, func(c string) bool { return strings.Trim(c, " \t\",;") == number })
		if i >= 0 && n.haveTimes(cells) {
			return i
		}
	}
	return -1
}

// haveTimes reports whether each of several words of a time has a name of its own. Else a row may have as many words as there are names only because a
// cell is empty.
func (n *names) haveTimes(cells []string) bool {
	times, named := 0, 0
	for i, cell := range cells {
		if cell = strings.Trim(cell, " \t\",;"); cell != "" && !hasAddress(cell) && (isTime(cell) || isDigit(cell[0]) && strings.Contains(cell, ":")) {
			times++
			if isTimeRole(n.of[i].role) || n.of[i].role == roleZone || isUTC(n.of[i].text) {
				named++
			}
		}
	}
	return times < 2 || times == named
}

// proseWords are words of sentences that no name of a column has.
var proseWords = setOfWords(`please we you your our us my me this these those which that who is are was were be been has have had see find below above following follows attached regards
	thank thanks hello dear hi sir madam with all every wir sie ihr ihre ihnen uns unser unsere bitte diese dieser dieses folgende folgenden wurde wurden ist sind war waren hat haben siehe unten anbei alle
	que por favor seguinte seguintes abaixo foi foram sao seu sua seus suas nosso nossa esses essas estes estas siguiente siguientes abajo fue fueron son su sus nuestro nuestra estos estas todos todas`)
