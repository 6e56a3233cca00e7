package request

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/cgnkit/cgnkit/alloc/internal/lines"
)

// A vocabulary says what the members of an object mean.
type vocabulary struct {
	roleOf func(string) (role, bool)
	lists  bool // whether an array in the outermost object may hold the questions
	lax    bool // whether a protocol may be any text
}

var jsonNames = vocabulary{roleOf: jsonRole, lists: true}

// jsonRole is roleOf for members, also of objects that programs write for a time or a zone: {"time": {"date": …, "timezone": …}}, {"time": {"$date": …}},
// {"timezone": {"name": …}}.
func jsonRole(name string) (role, bool) {
	if len(name) > maxName {
		return 0, false
	}
	parent := withoutType(name)
	if r, utc := roleOf(parent); r != 0 || !strings.Contains(parent, ".") {
		return r, utc
	}
	parent, last := cutLast(parent)
	switch r, utc := roleOf(parent); {
	case isTimeRole(r) && strings.EqualFold(last, "date"):
		return r, utc
	case isTimeRole(r) && strings.EqualFold(last, "timezone"), r == roleZone && (strings.EqualFold(last, "name") || strings.EqualFold(last, "id")):
		return roleZone, false
	}
	return 0, false
}

// withoutType returns the name of a member without the type that databases write as a member of its own: {"port": {"$numberInt": "6000"}}.
func withoutType(name string) string {
	for strings.HasPrefix(lastPart(name), "$") {
		name, _ = cutLast(name)
	}
	return name
}

// cutLast cuts the last part of a name off.
func cutLast(name string) (parent, last string) {
	last = lastPart(name)
	return strings.TrimSuffix(name[:len(name)-len(last)], "."), last
}

// A jsonScanner reads questions from JSON: an array, an object with an array, one object, or several one behind the other.
type jsonScanner struct {
	*settings
	vocabulary
	text  jsonText
	yield func(Request) bool
}

// errStop ends a scan that its caller does not want to go on.
var errStop = errors.New("stopped")

// jsonScanner returns a scanner of lines when the beginning looks like an object a line, so that one bad line ends nothing.
func (s *settings) jsonScanner(in *bufio.Reader, head []byte, v vocabulary) scanner {
	j := &jsonScanner{settings: s, vocabulary: v, text: jsonText{r: in, line: 1}}
	if isNDJSON(head) {
		return &ndjsonScanner{jsonScanner: j, lines: lines.Of(in, lineLimit)}
	}
	return j
}

// isNDJSON reports whether one of the first two lines with content is an object, and the one before it no beginning of one.
func isNDJSON(head []byte) bool {
	second := false
	for line := range bytes.SplitSeq(head, []byte("\n")) {
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0:
			continue
		case line[0] != '{':
			return false
		case json.Valid(line):
			return true
		case second || bytes.IndexByte([]byte("{[,:"), line[len(line)-1]) >= 0:
			return false
		}
		second = true
	}
	return false
}

func (s *jsonScanner) scan(yield func(Request) bool) error {
	s.yield = yield
	err := s.documents()
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}

// documents reads values up to the end.
func (s *jsonScanner) documents() error {
	for {
		b, err := s.text.peek()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if b == '[' {
			err = s.elements(1)
		} else {
			err = s.element(b, 0)
		}
		if err != nil {
			return err
		}
	}
}

// elements reads an array of questions.
func (s *jsonScanner) elements(depth int) error {
	return s.text.array(depth, func(first byte) error { return s.element(first, depth) })
}

// element reads one question.
func (s *jsonScanner) element(first byte, depth int) error {
	s.text.head = s.text.head[:0]
	line := s.text.line
	if first != '{' {
		if err := s.text.skip(depth); err != nil {
			return err
		}
		return s.send(Request{Err: refuse(ErrUnparsable, "want an object with members such as ip, port and time")}, line, s.text.head)
	}
	o, err := s.object(depth)
	if err != nil {
		return err
	}
	return s.ask(o, line)
}

// object reads an object, and sends the questions in its lists.
func (s *jsonScanner) object(depth int) (*jsonObject, error) {
	o := &jsonObject{jsonScanner: s}
	err := s.text.object("", depth+1, o)
	if o.head == nil {
		o.head = s.text.head
	}
	return o, err
}

// ask sends the question that an object is. One with a list of questions need not be one.
func (s *jsonScanner) ask(o *jsonObject, line int) error {
	if o.found && o.bad == nil && o.isEmpty() {
		return nil
	}
	r, err := Request{}, o.bad
	o.apart = o.outer && o.within != "" // else it would stand beside the address
	if err == nil {
		r, err = o.request(s.settings)
		if err != nil && o.found {
			err = refuse(ErrUnparsable, "the object has a list of questions, and members beside it that are none by themselves: give each question all that it needs")
		}
	}
	if err != nil {
		r = Request{Err: err}
	}
	return s.send(r, line, o.head)
}

func (s *jsonScanner) send(r Request, line int, text []byte) error {
	r.Line, r.Text = line, clip(string(text), maxText)
	if !s.yield(r) {
		return errStop
	}
	return nil
}

// apartNames are of members in which all is of the source.
var apartNames = setOfWords("src attacker client offender origin peer remote angreifer atacante")

// A jsonObject is the visitor of one question.
type jsonObject struct {
	*jsonScanner
	item
	bad    error  // the first reason why the members make no question
	found  bool   // whether an array held questions
	outer  bool   // whether a port that does not say whose stands in none
	within string // the member of an object for the source in which the address stands; "" if it stands in none
	head   []byte // its beginning, up to the first array of objects
}

func (o *jsonObject) member(name, value string) error {
	r, utc := o.roleOf(name)
	r = savingOr(r, isDST(name), value)
	o.flow = o.flow || r == roleDestination && strings.HasPrefix(name, "id.resp_") // of Zeek
	if r == 0 && o.lists && value != "" {
		o.spare(spareOf(name), value)
	}
	if r == 0 && o.bad == nil {
		o.bad = o.other(name, value)
	}
	parent, _ := cutLast(withoutType(name))
	switch bare := r == rolePort && isBarePort(withoutType(name)); {
	case r == roleAddress && sectionOf(lastPart(parent)) == sourceSide || r == roleAddress && apartNames[normal(lastPart(parent))]:
		o.within = parent
	case bare:
		o.outer = o.outer || parent == ""
	}
	if r != 0 && o.bad == nil {
		if o.lax && r == roleProto {
			value = knownProto(value)
		}
		o.bad = o.setPort(r, utc, r == rolePort && isBarePort(withoutType(name)), value)
	}
	return nil
}

// knownProto returns the protocol that value names, or "": a report may name what is spoken over it.
func knownProto(value string) string {
	p, err := parseProto(value)
	if err != nil {
		return ""
	}
	return p
}

// manyOf are names of lists of what a question has one of.
var manyOf = setOfWords("times timestamps datetimes dates eventtimes ips ipaddresses sourceips srcips publicips clientips sourceaddresses srcports sourceports")

// list passes over an array, unless its elements are objects that can be questions.
func (o *jsonObject) list(name string, depth int) error {
	l := jsonList{jsonObject: o, name: name}
	read := l.element
	if !o.lists {
		read = func(byte, int) error { return o.text.skip(depth) }
	}
	if err := o.text.array(depth, func(first byte) error { return read(first, depth) }); err != nil {
		return err
	}
	if r, _ := o.roleOf(name); (r != 0 || o.lists && manyOf[normal(lastPart(name))]) && !l.asked && o.bad == nil {
		o.bad = refuse(ErrUnparsable, "%s is a list: give one value a question", quoted(name))
	}
	return l.end()
}

// A jsonList is an array beside the members of an object while it is read.
type jsonList struct {
	*jsonObject
	name   string
	asked  bool // whether an element is a question
	others int  // how many are none
	line   int  // of the first of those
	text   []byte
}

// element reads an element, and sends the question that it is.
func (l *jsonList) element(first byte, depth int) error {
	s := l.jsonScanner
	if first == '{' && l.head == nil {
		l.head = bytes.Clone(s.text.head)
	}
	line, begin := s.text.line, len(s.text.head)
	if first != '{' {
		err := s.text.skip(depth)
		l.other(line, s.text.head[min(begin, len(s.text.head)):])
		return err
	}
	s.text.head = s.text.head[:0]
	o, err := s.object(depth)
	switch {
	case err != nil:
		return err
	case !o.found && !o.asks():
		l.other(line, o.head)
		return nil
	}
	l.asked, l.found = true, true
	o.around(&l.item, l.name)
	return s.ask(o, line)
}

// around takes what stands beside the list in which a question is, as far as it says of what a port could be, and the name of the list.
func (o *jsonObject) around(outer *item, name string) {
	o.service, o.sourceless = o.service || outer.service, o.sourceless || outer.sourceless
	o.crowded = o.crowded || outer.crowded || len(o.hosts)+len(outer.hosts) > maxBesides
	for _, s := range outer.hosts {
		if s.attacked {
			o.hosts = append(o.hosts, s)
		}
	}
	if target := outer.values[roleDestination]; target != "" {
		o.hosts = append(o.hosts, stranger{value: target, attacked: true})
	}
	if o.below == "" {
		o.below = attackIn(lastPart(name))
	}
}

// asks reports whether an object has a member that only a question has.
func (o *jsonObject) asks() bool {
	for r := roleAddress; r < roleZone; r++ {
		if o.named[r] {
			return true
		}
	}
	return o.bad != nil
}

func (l *jsonList) other(line int, text []byte) {
	if l.others++; l.others == 1 {
		l.line, l.text = line, bytes.Clone(text)
	}
}

// end sends what is to be said about elements between questions that are none.
func (l *jsonList) end() error {
	if !l.asked || l.others == 0 {
		return nil
	}
	err := refuse(ErrUnparsable, "%d elements of the list hold no question: give each an address and a time", l.others)
	return l.send(Request{Err: err}, l.line, l.text)
}

// An ndjsonScanner reads an object a line.
type ndjsonScanner struct {
	*jsonScanner
	lines *lines.Lines
}

func (s *ndjsonScanner) scan(yield func(Request) bool) error {
	s.yield = yield
	in := bytes.NewReader(nil)
	s.text.r = bufio.NewReader(in)
	for s.lines.Next() {
		if skipped(s.lines.Line()) {
			if r, ok := commented(string(s.lines.Line()), s.lines.Number()); ok && !yield(r) {
				return nil
			}
			continue
		}
		if err := s.one(in); errors.Is(err, errStop) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return s.lines.Err()
}

// one reads the line at hand. What is wrong with it is wrong with one question.
func (s *ndjsonScanner) one(in *bytes.Reader) error {
	line := s.lines.Line()
	if s.lines.TooLong() {
		return s.send(Request{Err: refuse(ErrUnparsable, "the line is longer than %d bytes", maxLine)}, s.lines.Number(), line)
	}
	in.Reset(line)
	s.text.r.Reset(in)
	s.text.line = s.lines.Number()
	err := s.documents()
	if err == nil || errors.Is(err, errStop) {
		return err
	}
	return s.send(Request{Err: err}, s.lines.Number(), line)
}
