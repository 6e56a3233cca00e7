package request

import (
	"slices"
	"strings"
	"unicode"
)

// A heading is what the lines above a line say about its columns.
type heading struct {
	counted  bool  // whether one names numbers other than the port: then a number without a name is none
	headed   bool  // whether one says where the port is
	bare     bool  // whether its name does not say whose port it is
	ofSource bool  // whether its name says that it is that of the source, and no words stand between
	utc      bool  // whether one says that times are UTC, likewise
	mark     rune  // what stands between its names; 0 for a blank
	cells    int   // how many names it has
	broken   bool  // whether something else stands below the last line without an address
	rows     bool  // whether rows stand below it
	far      bool  // and a blank line behind them
	port     place // where it is, as one says of which all is understood

	row    string // the line at hand, as it stands in the input
	judged bool   // whether it is known what stands above it
	taken  string // the last line that was taken: it may be told twice
	allOf  bool   // and whether all that it names is columns
	last   names  // of the last line without an address
	names  names  // of the last heading of which not all is understood
	above
}

// headingOf returns that of rows above which nothing stands. ahead returns what follows the line at hand.
func (s *settings) headingOf(ahead func(n int) []byte) heading {
	return heading{above: above{ahead: ahead, deaf: s.ports == PortsSource}}
}

// A place is where a number has to stand to be the port without a word that says so.
type place uint8

const (
	near  place = iota // right behind the address
	front              // before the address
	later              // behind the address, perhaps with something between
)

// maxHeading is how much of a line is looked at for names of columns.
const maxHeading = 2 << 10

// take takes a line without an address. It reports whether all that it names is columns: "IP Port Time".
func (h *heading) take(line string) bool {
	line = line[:min(len(line), maxHeading)]
	if line == h.taken && h.taken != "" {
		return h.allOf
	}
	h.taken = line
	h.allOf = h.takeNew(line)
	return h.allOf
}

// blank takes a blank line.
func (h *heading) blank() {
	h.far = h.far || h.rows
	h.taken = ""
	h.above.blank()
}

// takeNew is take for a line that was not told before.
func (h *heading) takeNew(line string) bool {
	h.tell(line)
	if strings.Trim(line, " \t-=_+|:~*#>") != "" { // what stands between rows may say something else, in whatever words
		h.breaks()
	}
	if isReference(line) {
		return false
	}
	if !mayBeHeading(line) {
		h.other(line)
		h.numbers(line)
		return false
	}
	if isRemark(line) {
		return false
	}
	n := namesOf(line)
	h.last, h.broken = n, false
	h.words(n)
	if len(n.of) < 2 || slices.ContainsFunc(n.of, func(c columnName) bool { return !c.known() }) {
		return false
	}
	address, port := n.find(roleAddress), n.find(rolePort)
	if address < 0 {
		return true
	}
	group := h.told.isGroup()
	h.last, h.names = names{}, names{}
	h.understood()
	h.counted, h.port = port < 0 || n.count(rolePort) > 1 || isBarePort(n.of[port].text) && group || n.isOthers(port) || slices.ContainsFunc(n.of, func(c columnName) bool { return c.role == 0 || c.role == roleDestinationPort }), near
	h.utc, h.mark, h.cells, h.rows, h.far = n.saysUTC(), n.apart, len(n.of), false, false
	h.headed, h.bare = port >= 0, port >= 0 && isBarePort(n.of[port].text)
	h.ofSource = h.headed && !h.bare
	switch {
	case port < address:
		h.port = front
	case port > address+1:
		h.port = later
	}
	return true
}

// mayBeHeading reports whether a line may name columns: it is no rule below a heading, and no row of which the address is a name.
// Within a name of several words, between marks, there may be a number: "Last 7 days".
func mayBeHeading(line string) bool {
	isValue := func(word string) bool { return isShortNumber(word) || isTime(word) }
	if !strings.ContainsFunc(line, unicode.IsLetter) {
		return false
	}
	if !slices.ContainsFunc(strings.FieldsFunc(line, isBetween), isValue) {
		return true
	}
	for _, mark := range [...]rune{'\t', '|', ';', ',', twoBlanks} {
		if cells := cut(line, mark); len(cells) > 2 {
			return !slices.ContainsFunc(cells, func(cell string) bool {
				words := strings.FieldsFunc(cell, isBetween)
				return len(words) == 0 || isValue(words[0]) || slices.ContainsFunc(words, isTime) || !strings.ContainsFunc(cell, unicode.IsLetter)
			})
		}
	}
	return false
}

// isBetween reports whether a rune stands between columns.
func isBetween(r rune) bool { return isBlank(r) || r == ',' || r == ';' }

// look takes the line at hand.
func (h *heading) look(row string) {
	h.row, h.judged, h.taken = row, false, ""
	if !hasAddress(row) {
		return
	}
	h.above.row()
	if h.rows = true; h.far && !h.divides(row) { // it may be of another letter
		h.utc, h.ofSource = false, false
	}
}

// divides reports whether a row is divided as the heading is.
func (h *heading) divides(row string) bool {
	row = strings.Trim(row, " \t|")
	if h.mark != 0 {
		return len(cut(row, h.mark)) == h.cells
	}
	return len(cut(row, twoBlanks)) == 1 && !strings.ContainsAny(row, "\t|;,")
}

// judge finds out what the last line without an address says about the row.
func (h *heading) judge(w *words) {
	if h.judged {
		return
	}
	h.judged = true
	if h.last.mayStandAbove(h.row) {
		h.below(h.last)
		return
	}
	if n := h.numbered; n.apart == 0 && n.mayStandAbove(h.row) {
		h.below(n)
		return
	}
	if h.above.judge(h.row, w) {
		h.headed, h.ofSource, h.utc, h.port = false, false, false, near // of another table
	}
}

// breaks ends what a heading says of zone and port: what stands at hand is neither its row nor a rule.
func (h *heading) breaks() { h.utc, h.ofSource, h.broken = false, false, true }

// below has a heading of which not all is understood be that of the row at hand.
func (h *heading) below(n names) {
	if n.line != h.names.line {
		h.mark, h.cells, h.rows, h.far, h.ofSource = n.apart, len(n.of), true, false, !h.broken
	}
	h.names, h.over = n, names{}
}

// check refuses a number of the row that is not where the heading has the port. known is false where there is no heading that is not understood.
func (h *heading) check(w *words, number string) (known bool, err error) {
	if h.judge(w); h.over.mayName(h.row, w) {
		return true, h.over.errUnnamed(errNumber, "port")
	}
	if h.names.of == nil {
		word := h.told.strange()
		switch {
		case word != "":
		case !h.headed:
			word = h.told.before()
		case h.bare:
			word = h.told.notOwn("")
		}
		if word != "" {
			return true, errStrange(errNumber, word)
		}
		return false, nil
	}
	i := h.names.column(h.row, number)
	if i < 0 {
		return true, refuse(errNumber, "%s above looks like the names of columns, and nothing says that this is the port: write port before it if it is one", quoted(h.names.line))
	}
	c := h.names.of[i]
	if c.role != rolePort || h.names.isOthers(i) {
		return true, refuse(errNumber, "its column is named %s, which is not known to be the port that is asked for: write port before it if it is one", quoted(c.text))
	}
	if h.told != nil && (isBarePort(c.text) || !h.ofSource) {
		if word := h.told.notOwn(h.told.text.String()); word != "" {
			return true, errStrange(errNumber, word)
		}
	}
	return true, nil
}

// errStrange refuses a number below a word that may say what it is.
func errStrange(kind error, word string) error {
	return refuse(kind, "nothing says that this is the port of the source, and the text around it has the word %s, by which it may be a count or the port that was attacked: write 198.18.0.0:6000, name it source port, write IP Port Time above rows, %s", quoted(word), trusted)
}
