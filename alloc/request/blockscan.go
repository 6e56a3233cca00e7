package request

import (
	"bufio"
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/cgnkit/cgnkit/alloc/internal/lines"
)

// A blockScanner reads plain lines, and blocks between them.
type blockScanner struct {
	lineScanner
	yield  func(Request) bool
	at     *block
	before []pair   // those of them without a role, before a block
	labels []string // of the lines since the last blank line or heading, as normal writes them
	in     section
	told   paragraph // above the block
	asked  int       // the last line of a question with a time, or of times below it
	depth  int       // how many mails quote the line at hand
	tail   bool      // whether that is one of those
	header bool      // of a forwarded mail
	xarf   bool      // whether the text has a report of X-ARF
	stray  string    // what the line at hand begins with that may be of the time before
	held   Request   // of the line before, and not yet given out; its line is 0 where there is none

	blocks, alone int // how many questions were blocks, and lines with a time
}

// blockScanner returns the scanner of plain lines. A letter is read like the text of a mail.
func (s *settings) blockScanner(in *bufio.Reader, head []byte) *blockScanner {
	own := *s
	own.prose = s.prose || s.isLetter(head)
	b := own.blocks(in)
	b.xarf = hasXARF(head)
	return b
}

func (s *settings) blocks(in *bufio.Reader) *blockScanner {
	text := lines.Of(in, lineLimit)
	return &blockScanner{lineScanner: lineScanner{settings: s, lines: text, parser: &plainParser{settings: s, heading: s.headingOf(text.Ahead)}}}
}

// isLetter reports whether a text has blocks, and no line that is a question by itself. Then lines without an address are prose.
func (s *settings) isLetter(head []byte) bool {
	own := *s
	own.prose = true
	b := own.blocks(bufio.NewReaderSize(bytes.NewReader(head), bufferSize))
	err := b.scan(func(Request) bool { return b.alone == 0 })
	return err == nil && b.alone == 0 && b.blocks > 0
}

func (s *blockScanner) scan(yield func(Request) bool) error {
	s.yield = yield
	for s.lines.Next() {
		if !s.step() {
			return nil
		}
	}
	if err := s.lines.Err(); err != nil {
		s.release("")
		return err
	}
	if s.flush() {
		s.release("")
	}
	return nil
}

// step reads the line at hand. It returns false when there shall be no more.
func (s *blockScanner) step() bool {
	text := s.lines.Line()
	if s.prose {
		text = unquote(text)
	}
	s.stray = ""
	if s.lines.TooLong() || skipped(text) {
		s.header = false
		s.told.ended = true
		r, ok := s.one()
		goOn := s.release("") && s.flush()
		s.told.ended = true
		return goOn && (!ok || s.send(r))
	}
	if depth := depthOf(s.lines.Line(), text); depth != s.depth {
		s.depth = depth
		if p, ok := s.parser.(*plainParser); ok {
			p.breaks() // of another mail than the heading
		}
	}
	line := spaced(text)
	if !hasAddress(line) {
		s.stray = strayOf(line)
		if p, ok := s.parser.(headed); ok {
			p.comment(line)
		}
	}
	if s.isAnother(line) {
		return s.release(s.stray) && s.flush() && s.send(s.another(line))
	}
	if !s.release(s.stray) || !s.line(line) {
		return false
	}
	s.behind(line)
	return true
}

// behind notes what the line at hand, which was read, says about those below it.
func (s *blockScanner) behind(line string) {
	if s.at != nil && s.at.hasTime() || s.held.Line == s.lines.Number() {
		s.asked, s.tail = s.lines.Number(), false
	}
	if s.at == nil && (!hasAddress(line) || isTextWith(line, s.held.Err)) {
		s.tell(line)
	}
}

// tell has a line be heard by the blocks below it.
func (s *blockScanner) tell(line string) {
	if s.ports != PortsSource {
		s.told.line(line[:min(len(line), maxHeading)])
	}
}

// line reads the line at hand, which is not blank.
func (s *blockScanner) line(line string) bool {
	s.markXARF(line)
	pairs := s.pairs(line)
	switch {
	case pairs == nil:
	case endsInterval(s.stray): // "to 2026-02-01 03:30" has a colon
		pairs = nil
	default:
		s.stray = "" // the labels say what it is
	}
	if pairs == nil && s.at != nil && isDestinationLine(line) {
		return s.heading(line, destinationSide)
	}
	if pairs == nil || s.isAlone(line, pairs) || s.isHeader(pairs) {
		return s.flush() && s.plain(line)
	}
	if strings.Trim(pairs[0].value, " \t*_`") == "" && (pairs[0].role == 0 || pairs[0].role == roleAddress || pairs[0].role == roleDestination) {
		return s.heading(line, sectionOf(pairs[0].label))
	}
	if !s.begin(pairs) {
		return false
	}
	if s.at == nil {
		s.before = append(s.before, pairs...)
		s.before = s.before[max(0, len(s.before)-maxBesides):]
		return s.plain(line)
	}
	s.at.add(s.settings, line, pairs, s.in)
	if s.at.lines == 1 {
		s.at.line, s.at.first = s.lines.Number(), line
	}
	return true
}

// depthOf returns how many mails quote a line that was cut to a text.
func depthOf(line, text []byte) int { return bytes.Count(line[:len(line)-len(text)], []byte(">")) }

// pairs returns the labels of a line and their values, unless it is the names of columns: "IP:Port   Time".
func (s *blockScanner) pairs(line string) []pair {
	pairs := s.feedback(labelsOf(line))
	if pairs == nil && s.at != nil {
		pairs = numberedLabel(line)
	}
	if p, ok := s.parser.(*plainParser); ok && pairs != nil && !hasAddress(line) && p.take(strings.TrimLeft(line, " \t#")) {
		return nil
	}
	return pairs
}

// isAnother reports whether a line of prose is a further time below a question with one. The end of its interval, which refuses it, is none.
func (s *blockScanner) isAnother(line string) bool {
	if !s.prose || s.asked != s.lines.Number()-1 {
		return false
	}
	end := !s.tail && endsInterval(line)
	if s.tail = end || isTimeAlone(line); s.tail {
		s.asked++
	}
	return s.tail && !end
}

// another refuses a line of prose that is nothing but a time, right below a question with one: it may be another time for the same address.
func (s *blockScanner) another(line string) Request {
	err := refuse(ErrAddress, "this time stands alone below a request, and may be another one for the same address: write address, port and time of each in one line")
	return Request{Line: s.lines.Number(), Text: clip(line, maxText), Err: err}
}

// isTimeAlone reports whether a line is nothing but a date with a clock, or an interval of them.
func isTimeAlone(line string) bool {
	if hasAddress(line) || !hasClock(line) && len(line) < len("1783851029") {
		return false
	}
	text := strings.Trim(withoutBullet(line), labelMarks+",;")
	st, err := parseStamp(text, DayFirst)
	if err != nil {
		st, err = parseStamp(text, MonthFirst)
	}
	if err == nil {
		return st.year != 0 || !st.epoch.IsZero()
	}
	first, second, ok := cutInterval(strings.Fields(text))
	return ok && isTime(first) && isTime(second)
}

// markXARF notes that a line is of a report of X-ARF.
func (s *blockScanner) markXARF(line string) {
	if s.xarf = s.xarf || isXARFLine(strings.ToLower(line)); s.xarf && s.at != nil {
		s.at.xarf = true
	}
}

// feedback has the date at which the mail arrived be the time of a feedback report. Elsewhere that is when a mail came that was not delivered.
func (s *blockScanner) feedback(pairs []pair) []pair {
	for i, p := range pairs {
		if n := normal(p.label); s.arf && (n == "arrivaldate" || n == "receiveddate") {
			pairs[i].role = roleTime
		}
	}
	return pairs
}

// labelsOf returns the pairs of a line, or AM or PM alone.
func labelsOf(line string) []pair {
	if pairs := pairsOf(line); pairs != nil {
		return pairs
	}
	return halfAlone(line)
}

// halfAlone returns AM or PM on a line without anything else, or behind what is no label: "Column 5: PM". A clock above may be meant.
func halfAlone(line string) []pair {
	value := line[strings.LastIndexAny(line, ":=")+1:]
	if halfOf(strings.Trim(value, labelMarks)) == "" {
		return nil
	}
	return []pair{{label: strings.TrimRight(strings.TrimSuffix(line, value), ":="), value: value}}
}

// begin makes sure that there is a block, unless no label of the line has a role. A label that was there already begins another.
func (s *blockScanner) begin(pairs []pair) bool {
	other := false
	for _, p := range pairs {
		name := normal(p.label)
		if s.in == destinationSide {
			name = "> " + name
		}
		if slices.Contains(s.labels, name) {
			if s.at != nil && p.role != 0 && s.at.values[p.role] != "" {
				other = s.at.values[p.role] != strings.Trim(p.value, labelMarks)
			}
			if !s.flush() {
				return false
			}
		}
		if len(s.labels) <= maxBlock {
			s.labels = append(s.labels, name)
		}
	}
	if s.at == nil && (hasRole(pairs, 1, roleCount) || halfOf(strings.Trim(pairs[0].value, labelMarks)) != "") {
		s.at = &block{item: item{ordered: true}, other: other, xarf: s.xarf}
		s.at.below = s.told.aboveBlock()
		for _, p := range s.before {
			s.at.stranger(natureOf(p.label), strings.Trim(p.value, labelMarks+">.,;-"))
			s.at.besidePair(p)
			s.at.more(p)
		}
	}
	return true
}

// heading ends a block, unless it only says that the addresses below it are those of the destination.
func (s *blockScanner) heading(line string, in section) bool {
	if in != destinationSide && !s.flush() {
		return false
	}
	if words := toldWords(line); in == sourceSide && (strangeOf(words) != "" || namesOwnPort(words) || slices.ContainsFunc(words, func(w string) bool { return recordWords[w] })) {
		in = anySide // "Scans per source port:" is no section
	}
	s.in = in
	return in != anySide || s.plain(line)
}

// recordWords are of what questions come from: "Log source:" is no section for the source of packets.
var recordWords = setOfWords("log logs logfile data report reports record records notice complaint file feed list table case information evidence")

// isAlone reports whether a line with labels is a question by itself, or would be one if its time were right.
func (s *blockScanner) isAlone(line string, pairs []pair) bool {
	if !hasAddress(line) {
		return false
	}
	if hasRole(pairs, roleAddress, roleAddress) && hasRole(pairs, roleTime, roleToClock) {
		return true
	}
	p := plainParser{settings: s.settings}
	if _, err := p.question(line); err == nil || errors.Is(err, errNumber) {
		return true
	}
	_, err := p.question(pairs[0].value)
	return pairs[0].role == 0 && isTimed(err)
}

// isTimed reports whether a question has a time, though perhaps one that cannot be placed, or beside a number.
func isTimed(err error) bool {
	return err == nil || errors.Is(err, errNumber) || errors.Is(err, ErrNoZone) || errors.Is(err, ErrZone) || errors.Is(err, ErrDayMonth) || errors.Is(err, ErrLocalTime)
}

// isHeader reports whether the line belongs to the header of a forwarded mail, which a blank line or an address ends.
func (s *blockScanner) isHeader(pairs []pair) bool {
	if pairs[0].isHeader() {
		s.header = true
		return true
	}
	for _, p := range pairs {
		if p.role == roleAddress && hasAddress(p.value) {
			s.header = false
		}
	}
	return s.header
}

// plain reads the line at hand as one that stands alone.
func (s *blockScanner) plain(line string) bool {
	r, ok := s.parse(line, s.lines.Number())
	return !ok || s.send(r)
}

func (s *blockScanner) send(r Request) bool {
	if isTimed(r.Err) {
		s.alone++
	}
	ok := s.release("")
	s.held = r
	return ok
}

// release gives out the question of the line before. What the line behind it begins with may be of its time.
func (s *blockScanner) release(stray string) bool {
	r := s.held
	s.held = Request{}
	return r.Line == 0 || s.yield(goesOn(r, stray))
}

// flush ends the block. One of a single line is a line.
func (s *blockScanner) flush() bool {
	b := s.at
	s.at, s.labels, s.before, s.in = nil, s.labels[:0], s.before[:0], anySide
	if b == nil {
		return true
	}
	other := b.other && b.values[roleAddress] == "" // and of the question before, or of none?
	if b.lines == 1 && !other {
		r, ok := s.parse(b.first, b.line)
		if !hasAddress(b.first) || isTextWith(b.first, r.Err) {
			s.tell(b.first) // "Port: destination port"
		}
		return !ok || s.send(goesOn(r, s.stray))
	}
	b.goesOn(s.stray)
	if s.prose && !other && !b.asks() {
		return true
	}
	if b.address {
		s.blocks++
	}
	return s.release("") && s.yield(b.question(s.settings))
}
