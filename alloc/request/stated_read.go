package request

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
)

// ReadStated reads all of an input for what it says about the zone of its times, and about ports that nothing names: in notes, members, headings, columns with unknown names, the
// subject of a mail and each part of it, before or behind the questions. Give what it returns to NewReader as Options.Stated, with
// a reader that begins anew. Only the error of r is returned; what else is wrong with the input NewReader and Reader.All say.
// It takes about as long as reading the questions, and memory of some 100 KiB.
func ReadStated(r io.Reader, o Options) (*Stated, error) {
	s := &settings{zone: o.Zone, names: o.Zones, dates: o.Dates, ports: o.Ports, stated: &Stated{}}
	err := s.hearAll(r)
	s.stated.whole = true
	if _, ok := errors.AsType[*refusal](err); ok {
		err = nil
	}
	return s.stated, err
}

// hearAll heeds an input, or a part of a mail.
func (s *settings) hearAll(r io.Reader) error {
	b, err := s.begin(r)
	if err != nil {
		return err
	}
	if b.format == Mail {
		return (&mailScanner{settings: s, r: errorKeeper{r: b.in}, hears: true}).scan(func(Request) bool { return true })
	}
	return s.hear(b.format, b.head, b.in)
}

// hear heeds a text of a format, 0 when that is unknown. head is its beginning. It refuses nothing.
func (s *settings) hear(f Format, head []byte, r io.Reader) error {
	if f == Mail || f == 0 && bytes.IndexByte(head, 0) >= 0 {
		return nil // its parts are heard; or this is no text
	}
	text := bytes.TrimLeft(head, " \t\r\n")
	switch {
	case f == JSON, f == XARF && len(text) > 0 && (text[0] == '{' || text[0] == '['):
		r = decoded(bufio.NewReader(&jsonPieces{r: bufio.NewReader(r)}), windows1252)
	case f == ACNS:
		r = xmlPieces{r}
	}
	h := hearer{settings: s, format: f}
	in := bufio.NewReaderSize(r, bufferSize)
	var line []byte
	for {
		piece, err := in.ReadSlice('\n')
		line = append(line, piece...)
		h.line(unquote(trimEnd(line)))
		switch {
		case errors.Is(err, bufio.ErrBufferFull): // what is stated may be cut in two
			line = append(line[:0], line[len(line)-4*maxGiven:]...)
			continue
		case errors.Is(err, io.EOF):
			h.endPorts()
			h.endLabels()
			return nil
		case err != nil:
			return err
		}
		line = line[:0]
	}
}

// subject heeds the subject of a mail.
func (s *settings) subject(text string) {
	text = readable(text)
	if plain, err := headerWords.DecodeHeader(text); err == nil {
		text = readable(plain)
	}
	s.heed(spaced([]byte(text)))
	s.stated.ports.heed(text)
}

// A hearer heeds lines.
type hearer struct {
	*settings
	format Format
	table  csvParser
	names  []string // of its columns, where their roles are unknown
	zones  bool     // whether one of them may be of zones
	bare   bool     // whether one right behind a time has no name
	lower  []byte
	par    portHearer
	before []byte // the line before, where it may go on in the next
	last   string // what was heard last
	tail   []byte // the end of the line before
}

// marksOfStatement are in each line that states a zone, but for short ones.
var marksOfStatement = func() (marks [][]byte) {
	for _, mark := range append(slices.Clone(marksOfTime), "utc", "gmt", "(s)", "(d)", "u.t.c", "g.m.t", "zulu", "greenwich", "local", "hour", "stund", "diff", "desfas", "defas", "calage", "ora ", "universal", "universel",
		"minut", "europe/", "america/", "asia/", "africa/", "australia/", "pacific/", "atlantic/", "indian/", "us/", "brazil/", "canada/", "chile/", "mexico/", "etc/") {
		marks = append(marks, []byte(mark))
	}
	return marks
}()

// mentions reports whether a text can state a zone.
func (h *hearer) mentions(text []byte) bool {
	letters := h.toLower(text)
	if len(text) <= maxGiven/2 && !bytes.ContainsAny(text, "0123456789") {
		return len(text) > 2
	}
	if len(text) <= maxGiven/2 && !letters {
		return isOffset(bytes.Trim(text, " \t()[]"))
	}
	return letters && (isNamed(text) || slices.ContainsFunc(marksOfStatement, func(mark []byte) bool { return bytes.Contains(h.lower, mark) }))
}

// toLower writes a text in lower case, and reports whether it has letters.
func (h *hearer) toLower(text []byte) (letters bool) {
	h.lower = h.lower[:0]
	for _, c := range text {
		letters = letters || isLetter(c)
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		h.lower = append(h.lower, c)
	}
	return letters
}

// isOffset reports whether a text is nothing but an offset: -03:00.
func isOffset(text []byte) bool {
	return len(text) == len("-03:00") && (text[0] == '+' || text[0] == '-') && text[3] == ':'
}

// line heeds a line, and the end of the one before with it if that does not end a sentence.
func (h *hearer) line(text []byte) {
	if h.zone == nil { // then times without a zone are refused, whatever is stated
		h.toLower(text)
		h.ports(text, h.lower)
		return
	}
	mentions := h.mentions(text)
	h.ports(text, h.lower)
	if h.format == CSV && h.row(text, mentions) {
		return
	}
	h.wrapped(text)
	if mentions {
		h.piece(h.said(spaced(text)))
	}
	if h.goesOn(text) && (mentions || h.mentions(h.before)) {
		h.piece(spaced(slices.Concat(h.before, []byte(" "), text[:min(len(text), maxGiven)])))
	}
	h.before = h.before[:0]
	end := bytes.TrimRight(text, " ")
	if n := len(end); n > 0 && n <= maxName && (end[n-1] == ':' || end[n-1] == '=') && isZoneLabel(string(end[:n-1])) {
		h.before = append(h.before, end...) // what it says is in the next line
		return
	}
	if len(end) > 0 && bytes.IndexByte([]byte(".:;!?"), end[len(end)-1]) < 0 && (h.format == Plain || h.format == 0) {
		h.before = append(h.before, end[max(0, len(end)-2*maxGiven):]...)
	}
}

// goesOn reports whether a sentence of the line before may go on in a line: that was long, ends with a comma, or what follows begins with a small letter.
func (h *hearer) goesOn(text []byte) bool {
	n := len(h.before)
	return n > 0 && len(text) > 0 && (n >= maxGiven/2 || h.before[n-1] == ',' || h.before[n-1] == ':' || h.before[n-1] == '=' || 'a' <= text[0] && text[0] <= 'z' && isLetter(h.before[n-1]))
}

// wrapped heeds a line that is nothing but the offset of the time with which the line before ended, as where mail programs break lines.
func (h *hearer) wrapped(text []byte) {
	if h.format == JSON || h.format == ACNS {
		return
	}
	if offset := spaced(bytes.Trim(text, " \t()[]")); len(offset) > 1 && len(offset) <= len("+01:00") && (offset[0] == '+' || offset[0] == '-') && isBehindClock(string(h.tail)) {
		if zone, err := h.parseZone(offset); err == nil {
			h.stated.add(offset, zone)
		}
	}
	h.tail = append(h.tail[:0], text[max(0, len(text)-maxTail):]...)
}

// maxTail is how much of a line is kept to see whether it ends with a time.
const maxTail = 32

// said returns what a line says in its format.
func (h *hearer) said(line string) string {
	switch h.format {
	case CLF:
		return withoutQuoted(line)
	case ACNS:
		if name, value, ok := strings.Cut(line, " "); ok && isZoneLabel(name) {
			return name + ": " + value // an element
		}
	}
	return line
}

// piece heeds a text once.
func (h *hearer) piece(text string) {
	if text != h.last && (h.format != CSV && h.format != JSON || !isStrangers(text)) {
		h.last = text
		h.heed(text)
	}
}

// row heeds a line of a table: names that are not known, and what stands below them. It returns false for other lines.
func (h *hearer) row(text []byte, mentions bool) bool {
	if !hasAddress(string(text)) {
		line := spaced(text)
		if !h.table.heading(line) {
			return false
		}
		h.names, _ = split(line, h.table.separator, h.names[:0])
		h.heading()
		return true
	}
	if len(h.names) == 0 {
		return false
	}
	if !mentions && !h.zones && !h.bare && bytes.IndexByte(text, '+') < 0 && !bytes.Contains(text, []byte("-0")) {
		return true
	}
	fields, err := split(spaced(text), h.table.separator, h.table.fields[:0])
	h.table.fields = fields
	if err != nil || len(fields) > len(h.names) {
		return false
	}
	for i, value := range fields {
		if h.table.columns[i].role == 0 && (value != "" || isUTC(h.names[i])) {
			h.piece(h.names[i] + ": " + value)
			h.beside(i, strings.TrimSpace(value))
		}
	}
	return true
}

// beside heeds a value right behind a time that may be the zone of that. In a column without a name, any word may.
func (h *hearer) beside(i int, value string) {
	if i == 0 || !isTimeRole(h.table.columns[i-1].role) {
		return
	}
	switch bare := strings.TrimSpace(h.names[i]) == ""; {
	case abbreviations[value]:
		h.piece(value)
	case bare && len(value) > 1 && isShort(value) && strings.Trim(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "":
		h.stated.add(value, nil)
	}
}

// heading heeds the names of columns that are not known.
func (h *hearer) heading() {
	h.zones, h.bare = false, false
	for i, name := range h.names {
		h.names[i] = name[max(0, len(name)-4*maxGiven):] // as it is heard with each value
		c := h.table.columns[i]
		if c.role != 0 {
			continue
		}
		h.bare = h.bare || strings.TrimSpace(name) == "" && i > 0 && isTimeRole(h.table.columns[i-1].role)
		if len(strings.Fields(name)) > 1 || c.spare.role == 0 && strings.ContainsAny(name, "([/_") && !isZoneLabel(name) {
			h.piece(name)
		}
		h.zones = h.zones || h.mentions([]byte(name))
	}
}

// jsonPieces makes a line of each member of JSON: name: value.
type jsonPieces struct {
	r    *bufio.Reader
	in   bool // a string
	rest []byte
}

func (j *jsonPieces) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(j.rest) == 0 {
			if j.rest, err = j.next(); err != nil {
				return n, err
			}
		}
		k := copy(p[n:], j.rest)
		n, j.rest = n+k, j.rest[k:]
	}
	return n, nil
}

// next returns what a byte, or an escape, becomes, perhaps nothing.
func (j *jsonPieces) next() ([]byte, error) {
	c, err := j.r.ReadByte()
	switch {
	case err != nil:
		return nil, err
	case c == '"':
		j.in = !j.in
		return nil, nil
	case c == '\\' && j.in:
		return j.escape()
	case !j.in && (c == ',' || c == '}' || c == ']'):
		return []byte{'\n'}, nil
	case !j.in && (c == '{' || c == '[' || c == '\n'):
		return []byte{' '}, nil
	case !j.in && c == ':':
		return []byte(": "), nil
	}
	return []byte{c}, nil
}

// escape returns what stands for an escape.
func (j *jsonPieces) escape() ([]byte, error) {
	c, err := j.r.ReadByte()
	switch {
	case err != nil:
		return nil, err
	case c == 'n' || c == 'r':
		return []byte{'\n'}, nil
	case c == 't' || c == 'b' || c == 'f' || c == '"':
		return []byte{' '}, nil
	case c != 'u':
		return []byte{c}, nil
	}
	var code rune
	for range 4 {
		if c, err = j.r.ReadByte(); err != nil {
			return nil, err
		}
		digit := rune(strings.IndexByte("0123456789abcdef", c|0x20))
		if isDigit(c) {
			digit = rune(c - '0')
		}
		if digit < 0 {
			return []byte{' '}, j.r.UnreadByte()
		}
		code = code<<4 | digit
	}
	return []byte(string(code)), nil
}

// xmlPieces makes a line of each element of XML, and of what follows it.
type xmlPieces struct{ r io.Reader }

func (x xmlPieces) Read(p []byte) (int, error) {
	n, err := x.r.Read(p)
	for i, c := range p[:n] {
		switch c {
		case '<':
			p[i] = '\n'
		case '>':
			p[i] = ' '
		}
	}
	return n, err
}
