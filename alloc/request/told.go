package request

import (
	"slices"
	"strings"
	"unicode"
)

// maxTold is how much of a paragraph is kept, in bytes.
const maxTold = 4 << 10

// A paragraph is the last paragraph above rows or a block. It may say that their number is a count, or the port that was attacked. Nobody has a list
// of all that may be counted or attacked: so the paragraph has to name the port of the source, or to consist of words that say nothing of the kind.
type paragraph struct {
	text    strings.Builder
	old     string // the last line of the one before, unless a row stands between
	last    string // its last line, which may be told twice
	begin   int    // where that one begins in the text
	ended   bool   // whether a blank line or a row stands below it
	rows    bool   // whether that is a row
	known   bool   // whether unknown is right
	long    bool   // whether there was more of it than is kept
	group   bool   // what isGroup said before it was forgotten
	unknown string // the first word of it that may say so

	heard bool   // whether word is right
	word  string // what between returns

	denied string // a word of a paragraph before by which ports are not those of the source; "" if there is none
	attack string // a word of such a paragraph, or of the subject, that is of an attack; "" if there is none
	aimed  string // a word of such a paragraph by which an attack was aimed at ports; "" if there is none
	freed  bool   // whether such a paragraph says that the port of the source is in a column
}

// line takes a line without an address.
func (t *paragraph) line(line string) {
	if line == t.last && !t.rows {
		return
	}
	if t.ended {
		if t.old = t.last; t.rows {
			t.old = ""
		}
		t.keep(t.text.String())
		t.text.Reset()
		t.ended, t.rows, t.long = false, false, false
	}
	t.last, t.known, t.heard, t.group, t.begin = line, false, false, false, t.text.Len()
	if t.long = t.long || len(line) >= maxHeading || t.text.Len() >= maxTold; t.text.Len() < maxTold {
		t.text.WriteString(line[:min(len(line), maxTold)] + "\n")
	}
}

// keep keeps what a paragraph says that ends.
func (t *paragraph) keep(text string) {
	text = withoutLabels(text)
	if t.denied == "" {
		t.denied = deniedPort(text)
	}
	if t.attack == "" {
		t.attack = attackIn(text)
	}
	if t.aimed == "" {
		t.aimed = aimedIn(text)
	}
	if !t.freed && mayBeAlarm(text) {
		_, t.freed = freedBy(text)
	}
}

// forget has the paragraph say nothing of what stands below the heading that is its last line, but whether there is a group.
func (t *paragraph) forget() {
	group := t.isGroup()
	t.keep(t.text.String()[:min(t.begin, t.text.Len())])
	*t = paragraph{last: t.last, old: t.last, group: group, denied: t.denied, attack: t.attack, aimed: t.aimed, freed: t.freed}
}

// strange returns the first word of the paragraph that may say what a number below it is; "" if there is none.
func (t *paragraph) strange() string {
	if t == nil {
		return ""
	}
	if !t.known {
		if t.known, t.unknown = true, strangeWord(t.text.String()); t.unknown == "" && t.long {
			t.unknown = "\u2026" // nobody reads all of it
		}
	}
	return t.unknown
}

// between returns a word of the text between rows of a table by which a bare port below it may be something else; "" if there is none.
func (t *paragraph) between() string {
	if t == nil || t.text.Len() == 0 {
		return ""
	}
	if !t.heard {
		text := t.text.String()
		if t.heard, t.word = true, t.notOwn(text); t.word == "" {
			t.word = attackIn(text)
		}
		for line := range strings.Lines(text) {
			if line = strings.TrimRight(line, " ,;|\t\r\n"); t.word == "" && isTitle(line) && !isSum(line) {
				t.word = strangeWord(line) // of the rows below it: "Destination;;"
			}
		}
	}
	return t.word
}

// before returns a word of the paragraphs before, or of the subject, by which a number without a name may be no port of the source; "" if there is none.
func (t *paragraph) before() string {
	if t == nil || t.denied != "" || t.freed {
		return t.deniedBefore()
	}
	if _, free := freedBy(t.text.String()); free {
		return ""
	}
	return t.attack
}

// withoutLabels returns a text without the lines that are a label and its value, which are judged for themselves.
func withoutLabels(text string) string {
	if !strings.ContainsAny(text, ":=") {
		return text
	}
	var rest strings.Builder
	for line := range strings.Lines(text) {
		if pairs := pairsOf(line); pairs == nil || strings.TrimSpace(pairs[0].value) == "" {
			rest.WriteString(line)
		}
	}
	return rest.String()
}

// notOwn returns a word of a text, or of what stands above it, by which a bare "port" may be one that was attacked; "" if there is none.
func (t *paragraph) notOwn(text string) string {
	if t == nil {
		return ""
	}
	text = withoutLabels(text)
	if t.denied != "" {
		return t.denied
	}
	if word := deniedPort(text); word != "" {
		return word
	}
	if t.freed {
		return ""
	}
	aimed := t.aimed
	if aimed == "" {
		aimed = aimedIn(text)
	}
	if aimed != "" && text != "" {
		if _, free := freedBy(text); free {
			return ""
		}
	}
	return aimed
}

// deniedWord returns a word of the text above by which no port of a row is that of the source; "" if there is none.
func (t *paragraph) deniedWord() string {
	if t == nil || t.denied != "" {
		return t.deniedBefore()
	}
	return deniedPort(t.text.String())
}

func (t *paragraph) deniedBefore() string {
	if t == nil {
		return ""
	}
	return t.denied
}

// isGroup reports whether what stands above a heading, which is the last line, may say whose the port in it is: names of groups, as "Attacker,Target,",
// or a line about ports. Other sentences do not, as the heading says itself what its columns are.
func (t *paragraph) isGroup() bool {
	if t == nil || t.text.Len() == 0 {
		return t != nil && (t.group || t.notOwn("") != "")
	}
	text := t.text.String()[:min(t.begin, t.text.Len())]
	if t.notOwn(text) != "" {
		return true
	}
	if text == "" {
		text = t.old
	}
	for line := range strings.Lines(text) {
		cells := cellsOf(line)
		if (len(cells) > 1 && !slices.ContainsFunc(cells, isLong) || isOfAttack(line)) && strangeWord(line) != "" {
			return true
		}
	}
	return false
}

// cellsOf cuts a line where it is divided most often.
func cellsOf(line string) []string {
	cells := []string{line}
	for _, mark := range [...]rune{'\t', '|', ';', ',', twoBlanks} {
		if c := cut(line, mark); len(c) > len(cells) && (mark != ',' || len(c) > 2 || !strings.Contains(line, ", ")) { // a sentence has one, too
			cells = c
		}
	}
	return cells
}

// isLong reports whether a cell has more words than names have.
func isLong(cell string) bool { return len(strings.Fields(cell)) > 3 }

// isOfAttack reports whether a line speaks of ports, or is neither a sentence nor about time and has a word for a service or something that was attacked.
func isOfAttack(line string) bool {
	words := toldWords(line)
	has := func(set map[string]bool) bool {
		return slices.ContainsFunc(words, func(w string) bool { return set[w] })
	}
	return has(portWords) ||
		!has(clockNames) && !slices.ContainsFunc(cellsOf(line), isLong) && (hasService(line) || slices.ContainsFunc(words, isAttackedName))
}

// aboveBlock returns the first word above a block by which a port in it, whose label does not say whose, may be somebody else's: of a title right above, or of a
// label and its value, a service or an attacked system above a blank line. Without one such labels belong to the block.
func (t *paragraph) aboveBlock() string {
	text := t.text.String()
	if word := t.notOwn(text); word != "" {
		return word
	}
	for line := range strings.Lines(text) {
		pairs := pairsOf(line)
		var counts bool
		switch isLabel := pairs != nil && strings.TrimSpace(pairs[0].value) != ""; {
		case isLabel:
			counts = t.ended && mayBeOthers(pairs[0])
		case t.ended:
			counts = isOfAttack(line) || line == text && isTitle(line)
		default:
			counts = !slices.ContainsFunc(cellsOf(line), isLong) || strings.HasSuffix(text, line)
		}
		if counts {
			if word := strangeWord(line); word != "" {
				return word
			}
		}
	}
	return ""
}

// isTitle reports whether a paragraph of one line is no greeting and no sentence.
func isTitle(line string) bool {
	line = strings.TrimSpace(line)
	return len(strings.Fields(line)) <= 5 && !strings.HasSuffix(line, ",") && !strings.HasSuffix(line, ".")
}

// mayBeOthers reports whether a label names something that a port below may be of.
func mayBeOthers(p pair) bool {
	n := natureOf(p.label)
	value := strings.TrimSpace(p.value)
	switch {
	case p.role == roleDestination, n.isService(value), n.isAttacked(value):
		return true
	case p.role == roleProto:
		return isOtherProtocol(value)
	}
	return p.role == 0 && !n.harmless && !p.isHeader()
}

// toldWords returns the words of a text as normal writes them.
func toldWords(text string) []string {
	words := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, word := range words {
		words[i] = normal(word)
	}
	return words
}

// strangeWord returns the first word of a text that is in no list of words of letters; "" where there is none, or where the text says that the port of the
// source is in a column. Where it says that it is not, it returns a word of that.
func strangeWord(text string) string {
	if mayBeAlarm(text) {
		if word := deniedPort(text); word != "" {
			return word
		}
		text, _ = freedBy(text)
	}
	for line := range strings.Lines(text) {
		line = withoutSalutation(strings.TrimSpace(line))
		if isLetterLabel(line) {
			continue
		}
		if word := strangeOf(toldWords(line)); word != "" {
			return word
		}
		if word := countedIn(line); word != "" {
			return word
		}
	}
	return ""
}

// strangeOf returns the first word of a line that is in no such list, and numbers nothing: "Case 4711".
func strangeOf(words []string) (strange string) {
	reference := false // whether a number follows
	for i, word := range slices.Backward(words) {
		isListed := listedWords[word] && i > 0 && determiners[words[i-1]] || word == "times" && i == 0 && len(words) > 1 && remarkVerbs[words[1]]
		switch {
		case word == "":
		case isDigit(word[0]) || isRoman(word):
			reference = true
		case ordinaryWords[word], reference && (word == "number" || referenceWords[word]):
		case isListed:
			reference = false
		case len(word) == 1:
		default:
			strange = word
		}
	}
	return strange
}

// withoutSalutation returns what a line has behind "Dear Mr Example,".
func withoutSalutation(line string) string {
	first, _, _ := strings.Cut(line, " ")
	if !salutations[normal(strings.TrimRight(first, ".,:;!"))] {
		return line
	}
	if end := strings.IndexAny(line, ",:;!"); end >= 0 {
		return line[end:]
	}
	if len(strings.Fields(line)) > maxLabelWords {
		return line
	}
	return ""
}

// isLetterLabel reports whether a line is a label and a value, of which no number below it is: of the header of a mail, a case, a person. It may not name columns.
func isLetterLabel(line string) bool {
	pairs := pairsOf(line)
	if len(pairs) != 1 || strings.TrimSpace(pairs[0].value) == "" {
		return false
	}
	p := pairs[0]
	n := natureOf(p.label)
	isName := func(word string) bool {
		r, _ := roleOf(word)
		return r != 0 && !vagueNames[word] && r < roleZone || hostNames[word] || portWords[word]
	}
	if p.isHeader() {
		return true
	}
	return isHarmless(nameWords(p.label)) && !n.isService(strings.TrimSpace(p.value)) && !slices.ContainsFunc(toldWords(p.value), isName)
}

// namesOwnPort reports whether words name the port of the source: "source port", "porta lógica", "port of the source".
func namesOwnPort(words []string) bool {
	at := func(i int) string {
		if i < 0 || i >= len(words) {
			return ""
		}
		return words[i]
	}
	for i, word := range words {
		switch {
		case ownPorts[word]:
			return true
		case !portWords[word]:
		case frontSides[at(i-1)], ownSides[at(i+1)], portOfs[at(i+1)] && (ownSides[at(i+2)] || portOfs[at(i+2)] && ownSides[at(i+3)]):
			return true
		}
	}
	return false
}
