package request

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// maxToken is the length of the longest piece of XML between two tags.
const maxToken = 1 << 20

// acnsNames are the elements of a Source that are looked at, as normal writes them.
var acnsNames = map[string]role{
	"ipaddress": roleAddress, "port": rolePort, "timestamp": roleTime, "protocol": roleProto,
	"destinationipaddress": roleDestination, "destinationport": roleDestinationPort,
}

// An acnsScanner reads the Source elements of notices: of a file of XML, or of the blocks between the marks in a text.
type acnsScanner struct {
	*settings
	r     *bufio.Reader
	yield func(Request) bool
	rest  acnsRest
}

func (s *acnsScanner) scan(yield func(Request) bool) error {
	s.yield = func(r Request) bool {
		s.rest.ask(r)
		return yield(r)
	}
	block := &xmlBlock{r: s.r, outside: s.rest.keep}
	begin, err := firstByte(s.r)
	if err != nil {
		return err
	}
	whole := begin == '<'
	if block.open = whole; !whole {
		err = block.start()
	}
	for ; err == nil; err = block.start() {
		if err = s.notices(block, !whole && !block.marked); err != nil {
			break
		}
		if err = block.finish(); err != nil {
			break
		}
	}
	if errors.Is(err, errStop) {
		return nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return s.rest.scan(s.settings, yield)
}

// firstByte returns the first byte that is no blank.
func firstByte(r *bufio.Reader) (byte, error) {
	head, err := r.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if head = bytes.TrimLeft(head, " \t\r\n"); len(head) > 0 {
		return head[0], nil
	}
	return 0, nil
}

// A source is what is known of one Source element while it is read.
type source struct {
	item
	line int
	text strings.Builder
	bad  error
}

// notices reads one block of XML, or one element of it.
func (s *acnsScanner) notices(block *xmlBlock, one bool) error {
	d := xml.NewDecoder(block)
	d.CharsetReader = asciiReader
	// Titles of works have a bare & now and then. The decoder knows the five entities of XML and leaves others as they are, so
	// that none can grow.
	d.Strict = false
	p := acnsParser{acnsScanner: s, block: block, first: block.line + 1}
	if len(block.ahead) > 0 {
		p.first = block.line
	}
	for {
		block.left = maxToken
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			if len(p.open) > 0 {
				return refuse(ErrUnparsable, "line %d: the XML ends inside of %s", block.line, quoted(p.open[len(p.open)-1]))
			}
			return p.finish()
		}
		if err != nil {
			return block.told(err)
		}
		if err := p.token(token); err != nil {
			return err
		}
		if _, ended := token.(xml.EndElement); one && ended && len(p.open) == 0 {
			return p.finish()
		}
	}
}

// An acnsParser follows the elements of a block.
type acnsParser struct {
	*acnsScanner
	block *xmlBlock
	first int
	root  string // name of the first element
	sent  int
	open  []string // names of the elements that are open
	at    *source  // nil outside of a Source
	value strings.Builder
}

func (p *acnsParser) token(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		return p.start(t.Name.Local)
	case xml.EndElement:
		return p.end(t.Name.Local)
	case xml.CharData:
		if p.at == nil && len(p.open) == 0 && hasAddress(string(t)) {
			p.rest.text(t, p.block.line)
		}
		if p.at != nil && p.value.Len() <= maxValue {
			p.value.Write(t[:min(len(t), maxValue+1)])
		}
	}
	return nil
}

func (p *acnsParser) start(name string) error {
	if len(p.open) == maxDepth {
		return refuse(ErrLimit, "line %d: the XML is nested more than %d levels deep", p.block.line, maxDepth)
	}
	p.value.Reset()
	if p.root == "" {
		p.root = name
	}
	if normal(name) == "source" && p.at == nil || len(p.open) == 0 && p.at == nil && acnsNames[normal(name)] != 0 {
		p.at = &source{line: p.block.line}
	}
	p.open = append(p.open, name)
	return nil
}

// end takes the value of an element; the end of a Source completes a question.
func (p *acnsParser) end(name string) error {
	if len(p.open) == 0 || p.open[len(p.open)-1] != name {
		return refuse(ErrUnparsable, "line %d: this is no XML: </%s> closes nothing", p.block.line, clip(name, maxGiven))
	}
	p.open = p.open[:len(p.open)-1]
	inSource := len(p.open) == 0 || normal(p.open[len(p.open)-1]) == "source"
	if r := acnsNames[normal(name)]; r != 0 && p.at != nil && inSource {
		if err := p.take(r, name); err != nil {
			return err
		}
	}
	p.value.Reset()
	if normal(name) == "source" {
		return p.send()
	}
	return nil
}

// take sets a value. Outside of any Source, as in a fragment, the next address begins the next question.
func (p *acnsParser) take(r role, name string) error {
	value := strings.TrimSpace(p.value.String())
	if len(p.open) == 0 && p.at.values[r] != "" {
		if err := p.send(); err != nil {
			return err
		}
		p.at = &source{line: p.block.line}
	}
	p.at.text.WriteString("<" + name + ">" + clip(value, maxText) + "</" + name + ">")
	if r == roleProto {
		value = knownProto(value)
	}
	if err := p.at.set(r, false, value); err != nil && p.at.bad == nil {
		p.at.bad = err
	}
	return nil
}

// send completes the question at hand.
func (p *acnsParser) send() error {
	at := p.at
	if p.at = nil; at == nil {
		return nil
	}
	r, err := Request{}, at.bad
	if err == nil {
		r, err = at.request(p.settings)
	}
	if err != nil {
		r = Request{Err: err}
	}
	r.Line, r.Text = at.line, clip(at.text.String(), maxText)
	p.sent++
	if !p.yield(r) {
		return errStop
	}
	return nil
}

// finish ends a block. One without any Source asked something that was not understood.
func (p *acnsParser) finish() error {
	if p.at == nil && p.sent == 0 {
		p.at = &source{line: p.first, bad: refuse(ErrUnparsable, "the XML has no Source element: want one with IP_Address, Port and TimeStamp")}
		p.at.text.WriteString("<" + p.root + ">")
	}
	return p.send()
}

// asciiReader reads an encoding of which ASCII is a part. The text is UTF-8 already, and no value of ours has other characters.
func asciiReader(label string, r io.Reader) (io.Reader, error) {
	switch l := normal(label); l[:min(len(l), 5)] {
	case "ascii", "usasc", "iso88", "windo", "latin":
		return r, nil
	}
	return nil, refuse(ErrUnparsable, "the XML is encoded as %s: save it as UTF-8", quoted(label))
}
