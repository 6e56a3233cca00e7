package holder

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"io"
	"strconv"
)

// Bounds of a block. A RADIUS attribute has at most 253 bytes of value, which escapes make four times as long.
const (
	maxAttributes = 512
	maxValue      = 253
	maxName       = 64
)

// ReadRADIUS reads a detail file of FreeRADIUS, plain or compressed with gzip: blocks of a line with a date and lines
// "\tAttribute = value", separated by blank lines. name is for messages. Records may come twice and in any order, in this file and across
// files. Of the other attributes than those of Person it needs Acct-Status-Type, Acct-Session-Id, Framed-IP-Address and one of Event-Timestamp
// and Timestamp. A block that cannot be used becomes a Warning, and makes its address uncertain, and so does one without the blank line behind it; an error wraps ErrRead, ErrFormat or ErrTooLarge, and what
// was read until then stays. O(n) and, for each session, O(r) in its records that are kept.
//
// When: Event-Timestamp, and Timestamp less Acct-Delay-Time. Where the two are more than two seconds apart, both are possible, and so are Event-Timestamp with and without the delay where there is no Timestamp; where
// they are a day apart, the clock of the NAS is wrong, Timestamp counts and a Warning says so. The date in the first line has no zone: it is used only
// when there is nothing else and Options.Zone is given, and a Warning says so.
func (b *Book) ReadRADIUS(r io.Reader, name string, o Options) error {
	s, err := b.open(r, name, o)
	if err != nil {
		return err
	}
	return s.close(s.details())
}

func (s *source) details() error {
	var p packet
	started := false // whether a block is open
	for s.Next() {
		line := s.Line()
		if len(bytes.TrimSpace(line)) == 0 {
			if !s.Whole() { // the beginning of another line, perhaps
				continue
			}
			if started {
				s.take(&p)
			}
			started = false
			if err := s.full(); err != nil {
				return err
			}
			continue
		}
		if !started {
			p.reset(s.Number())
			started = true
		}
		switch {
		case s.TooLong():
			p.bad = "a line is longer than 65536 bytes"
		case line[0] == '\t' || line[0] == ' ':
			p.attribute(bytes.TrimSpace(line))
		case len(p.date) == 0 && p.attributes == 0:
			p.date = append(p.date, line[:min(len(line), maxName)]...)
		default:
			p.bad = "a line is neither a date at the start nor an attribute"
		}
	}
	if started && s.Err() == nil { // after an error the block may lack more than its end
		p.cutOff(s.Whole())
		s.take(&p)
	}
	return s.full()
}

// A packet is a block of a detail file: the attributes that are used.
type packet struct {
	line       int
	attributes int
	bad        string // what is wrong with it
	date       []byte
	values     [fields][]byte
	doubtful   [fields]bool // whether the value is cut, or another one follows it
	others     []string     // further values of Framed-IP-Address
	last       int          // the attribute of the last line; fields for one that is not used
	cut        bool         // the file ends before the block does
	torn       string       // the beginning of a Framed-IP-Address that is cut off
}

// The attributes that are used.
const (
	status = iota
	sessionID
	address
	userName
	callingStation
	circuitID
	portID
	nasAddress
	nasAddress6
	nasName
	clientAddress
	eventTime
	receivedTime
	delay
	sessionTime
	packetType
	fields
)

var attributes = map[string]int{
	"Acct-Status-Type": status, "Acct-Session-Id": sessionID, "Framed-IP-Address": address, "User-Name": userName, "Calling-Station-Id": callingStation,
	"ADSL-Agent-Circuit-Id": circuitID, "Agent-Circuit-Id": circuitID, "NAS-Port-Id": portID,
	"NAS-IP-Address": nasAddress, "NAS-IPv6-Address": nasAddress6, "NAS-Identifier": nasName, "Client-IP-Address": clientAddress,
	"Event-Timestamp": eventTime, "Timestamp": receivedTime, "Acct-Delay-Time": delay, "Acct-Session-Time": sessionTime,
	"Packet-Type": packetType,
}

func (p *packet) reset(line int) {
	p.line, p.attributes, p.bad, p.date = line, 0, "", p.date[:0]
	for i := range p.values {
		p.values[i] = p.values[i][:0]
	}
	p.doubtful, p.others, p.last, p.cut, p.torn = [fields]bool{}, nil, fields, false, ""
}

// cutOff notes that the file ends before the blank line that ends each block: the rest of it is missing, and, where the last line is not whole, of that, too.
// What is left of an attribute then is no value.
func (p *packet) cutOff(whole bool) {
	if p.bad == "" {
		p.cut = true
	}
	p.bad = cmp.Or(p.bad, "the file ends before the blank line behind it, so that it may be cut off")
	if whole || p.last == fields {
		return
	}
	if p.last == address {
		p.torn = string(p.values[address])
		if n := len(p.others); n > 0 {
			p.torn, p.others = p.others[n-1], p.others[:n-1]
			return
		}
	}
	p.values[p.last] = p.values[p.last][:0]
}

// drop removes what is doubtful in a block that may be two records of which something is missing in between. A cut address is
// no longer one.
func (p *packet) drop() {
	for i, doubtful := range p.doubtful {
		if doubtful {
			p.values[i] = p.values[i][:0]
		}
	}
}

// mixedTime reports whether the time may be that of another record.
func (p *packet) mixedTime() bool {
	return p.doubtful[eventTime] || p.doubtful[receivedTime] || p.doubtful[delay]
}

// attribute takes a line "Name = value". Of an attribute that comes several times the first counts.
func (p *packet) attribute(line []byte) {
	if p.attributes++; p.attributes > maxAttributes {
		p.bad = "there are more than 512 attributes"
		return
	}
	name, value, ok := bytes.Cut(line, []byte("="))
	if p.last = fields; !ok {
		p.bad = "a line has no ="
		return
	}
	field, used := attributes[string(bytes.TrimRight(name, " \t:+"))]
	if !used {
		return
	}
	p.last = field
	if value = bytes.TrimSpace(value); len(p.values[field]) > 0 {
		p.again(name, field, value)
		return
	}
	value, ok = octets(field, p.values[field], value)
	p.values[field] = value
	if !ok {
		p.doubtful[field] = true
		p.bad = badValue(name)
	}
}

func badValue(name []byte) string {
	return "the value of " + string(bytes.TrimSpace(name)) + " does not end, or is longer than 253 bytes"
}

// again takes a further value of an attribute.
func (p *packet) again(attribute []byte, field int, value []byte) {
	value, ok := octets(field, nil, value)
	switch {
	case !ok:
		p.doubtful[field], p.bad = true, badValue(attribute)
	case bytes.Equal(value, p.values[field]):
	case field == address:
		p.others = append(p.others, string(value))
	default:
		p.doubtful[field] = true
	}
}

// octets appends the value of an attribute to to. A circuit id is octets in the dictionary, and so hexadecimal digits in the file; servers whose
// dictionary has it as a string write it in quotes.
func octets(field int, to, value []byte) (out []byte, ok bool) {
	digits, found := bytes.CutPrefix(value, []byte("0x"))
	if field == circuitID && found && len(digits) <= 2*maxValue {
		if out, err := hex.AppendDecode(to, digits); err == nil {
			return out, true
		}
	}
	return unquote(to, value)
}

// unquote appends a value to to, without its quotes and escapes. ok is false when the quote does not end or the value is too long.
func unquote(to, value []byte) (out []byte, ok bool) {
	if len(value) == 0 || value[0] != '"' && value[0] != '\'' {
		return append(to, value[:min(len(value), maxValue+1)]...), len(value) <= maxValue
	}
	quote := value[0]
	for i := 1; i < len(value) && len(to) <= maxValue; i++ {
		switch c := value[i]; {
		case c == quote:
			return to, i == len(value)-1
		case c == '\\' && i+1 < len(value):
			i++
			if octal, ok := parseOctal(value[i:]); ok {
				to = append(to, octal)
				i += 2
			} else {
				to = append(to, escaped(value[i]))
			}
		default:
			to = append(to, c)
		}
	}
	return to, false
}

func parseOctal(s []byte) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(s[:3]), 8, 8)
	return byte(n), err == nil
}

// escaped returns the character that a backslash and c stand for.
func escaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}
