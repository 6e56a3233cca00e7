package request

import (
	"net/netip"
	"slices"
	"strings"
)

// maxBlock is the number of lines of the longest block.
const maxBlock = 64

// A block is a question that is spread over lines of "Label: value" while it is read.
type block struct {
	item
	line    int    // where it begins
	lines   int    // how many it has
	first   string // the first of them
	xarf    bool   // whether the text has a report of X-ARF
	other   bool   // whether it began with another value for a label of the block before
	text    strings.Builder
	bad     error
	address bool   // whether a line has one
	others  []pair // which may be other values for what it asks about
	last    role   // the address that was given last: roleAddress or roleDestination
}

// add takes a line.
func (b *block) add(s *settings, line string, pairs []pair, in section) {
	if b.lines++; b.lines > maxBlock {
		b.bad = refuse(ErrUnparsable, "the block has more than %d lines: put a blank line between questions", maxBlock)
		return
	}
	if b.text.Len() < 4*maxText {
		b.text.WriteString(clip(line, maxText) + " ")
	}
	b.address = b.address || hasAddress(line)
	for _, p := range pairs {
		if err := b.take(s, p, in); err != nil && b.bad == nil {
			b.bad = err
		}
	}
}

// labelMarks stand around labels and values.
const labelMarks = " \t\r*_`\"'<|" + otherQuotes

// take takes the value of a label.
func (b *block) take(s *settings, p pair, in section) error {
	value := strings.TrimRight(strings.TrimLeft(p.value, labelMarks), labelMarks+">.,;-") // an offset begins with "-"
	if isNothing(value) {
		b.sourceless = b.sourceless || p.role == rolePort && !isBarePort(p.label)
		return nil
	}
	if in == destinationSide && sectionOf(p.label) == anySide {
		switch p.role {
		case roleAddress:
			p.role = roleDestination
		case rolePort:
			p.role = roleDestinationPort
		}
	}
	p.role = savingOr(p.role, isDST(p.label), value)
	switch {
	case p.role == 0:
		b.field(natureOf(p.label), value)
		b.besidePair(p)
		b.more(p)
		return nil
	case p.role == roleAddress || p.role == roleDestination:
		return b.host(p.role, in, value)
	case p.role == rolePort || p.role == roleDestinationPort:
		return b.port(p, in, value)
	case p.role == roleProto:
		b.service = b.service || isOtherProtocol(value)
		value = knownProto(value)
	case p.role < roleZone:
		if err := b.note(s, p.note); err != nil {
			return err
		}
		value = withoutAt(value)
	}
	return b.set(p.role, p.utc, value)
}

// asked returns the address that is asked about, where it was given.
func (b *block) asked() netip.Addr {
	e, err := parseEndpoint(b.values[roleAddress])
	if err != nil {
		return netip.Addr{}
	}
	return e.addr
}

// host takes an address, also with a remark in brackets behind it, or "198.18.0.0 port 6000".
func (b *block) host(r role, in section, value string) error {
	b.last, b.hosts = r, nil
	value, remark, _ := strings.Cut(value, " (")
	if remark = strings.TrimRight(remark, ")"); remark != value && hasAddress(remark) {
		return about("address", value, refuse(ErrAddress, "there is another one in brackets, %s: keep the one that is asked for", quoted(remark)))
	}
	words := append(strings.Fields(value), strings.Fields(remark)...)
	if len(words) != 3 {
		return b.set(r, false, value)
	}
	if named, _ := roleOf(words[1]); named != rolePort {
		return b.set(r, false, value)
	}
	if err := b.set(r, false, strings.TrimRight(words[0], ",;")); err != nil {
		return err
	}
	port := pair{label: words[1], role: rolePort}
	if r == roleDestination {
		port.role = roleDestinationPort
	}
	return b.port(port, in, words[2])
}

// port takes a port: "6000", "6000/tcp", "6000 (TCP)", "TCP 6000".
func (b *block) port(p pair, in section, value string) error {
	bare := p.role == rolePort && isBarePort(p.label) && in != sourceSide
	if b.xarf && bare {
		return about("port", value, refuse(ErrPort, "the text has a report of X-ARF, in which this is the port that was attacked: write source port if it is that, or the report into a file of its own"))
	}
	if bare && b.last == roleDestination {
		return about("port", value, refuse(ErrPort, "it follows another address and could be the port of that: write source port or destination port"))
	}
	if bare {
		b.behind = append(b.behind, b.hosts...)
	}
	b.bare, b.own = b.bare || bare, b.own || p.role == rolePort && !bare
	isMark := func(r rune) bool { return strings.ContainsRune(" /()", r) }
	words := strings.FieldsFunc(value+" "+p.note, isMark)
	number := words[:0:0]
	for _, word := range words {
		proto := strings.ToLower(word)
		if proto != "tcp" && proto != "udp" && proto != "icmp" {
			number = append(number, word)
			continue
		}
		if err := b.set(roleProto, false, proto); err != nil {
			return err
		}
	}
	if len(number) == 1 {
		value = number[0]
	}
	return b.set(p.role, false, value)
}

// withoutAt takes away the word between date and clock.
func withoutAt(value string) string {
	for _, word := range []string{" às ", " as ", " a las ", " at ", " um "} {
		if date, clock, ok := strings.Cut(value, word); ok && clock != "" && isDigit(clock[0]) {
			return date + " " + clock
		}
	}
	return value
}

// asks reports whether the block is a question, and not a signature or the header of a mail that looks like one.
func (b *block) asks() bool {
	source := b.values[roleAddress]
	if b.address || source != "" && isDigit(source[0]) && strings.Contains(source, ".") {
		return true
	}
	for r := roleTime; r < roleZone; r++ {
		if b.values[r] != "" && b.values[rolePort] != "" {
			return true
		}
	}
	return false
}

// question turns the block into one.
func (b *block) question(s *settings) (q Request) {
	err := b.bad
	if err == nil {
		err = b.once()
	}
	if err == nil {
		q, err = b.request(s)
	}
	if err != nil {
		q = Request{Err: err}
	}
	q.Line, q.Text = b.line, clip(b.text.String(), maxText)
	return q
}

// hasTime reports whether a line of the block has a time.
func (b *block) hasTime() bool {
	return slices.ContainsFunc(b.values[roleTime:roleZone], func(v string) bool { return v != "" })
}
