package request

import (
	"errors"
	"net/netip"
	"strings"
	"time"
)

// A plainParser reads lines that hold an address, a port and a time in any order, as long as there is one way to read them.
type plainParser struct{ *settings }

// maxWords is the number of words of the longest line that is taken for a question.
const maxWords = 64

// fillers are words that may stand in a line and say nothing.
var fillers = map[string]bool{
	"ip": true, "ipv4": true, "address": true, "addr": true, "source": true, "src": true, "outside": true, "public": true, "time": true,
	"date": true, "timestamp": true, "at": true, "on": true, "proto": true, "protocol": true, "@": true, "in": true,
}

// words are what a line consists of.
type words struct {
	source, target []endpoint
	proto          string
	port           string   // the word behind "port"
	rest           []string // time, and perhaps the port

	behindArrow, behindPort bool
}

func (p plainParser) parse(line string) (r Request, ok bool, err error) {
	r, err = p.question(line)
	return r, err == nil || !isHeading(line), err
}

// isHeading reports whether a line names nothing but columns: "IP Port Time".
func isHeading(line string) bool {
	n := 0
	for word := range strings.FieldsFuncSeq(line, isBlank) {
		if r, _ := roleOf(word); r == 0 {
			return false
		}
		n++
	}
	return n > 1
}

func (p plainParser) question(line string) (r Request, err error) {
	w, err := cutWords(line)
	switch {
	case err != nil:
		return r, err
	case len(w.source) == 0:
		return r, refuse(ErrAddress, "the line has no address: write address, port and time, such as 198.18.0.0:6000 2026-03-01T12:34:56Z")
	case len(w.source) > 1 || len(w.target) > 1:
		return r, refuse(ErrAddress, "the line has several addresses: write source -> destination, or a table that names its columns")
	}
	e := w.source[0]
	r.Outside, r.Port, r.HasPort, r.Proto = e.addr, e.port, e.hasPort, w.proto
	if len(w.target) == 1 {
		r.Destination = netip.AddrPortFrom(w.target[0].addr, w.target[0].port)
	}
	if w.port != "" {
		n, err := parsePort(w.port)
		if err == nil && e.hasPort && e.port != n {
			err = refuse(ErrPort, "the line has two ports, %d and %d", e.port, n)
		}
		if err != nil {
			return r, err
		}
		r.Port, r.HasPort = n, true
	}
	err = p.portAndTime(&r, w.rest)
	return r, err
}

// cutWords sorts the words of a line.
func cutWords(line string) (w words, err error) {
	if strings.Contains(line, "->") {
		line = strings.ReplaceAll(line, "->", " > ")
	}
	n := 0
	for word := range strings.FieldsFuncSeq(line, isBlank) {
		if n++; n > maxWords {
			return w, refuse(ErrUnparsable, "the line has more than %d words: this is no question", maxWords)
		}
		if word = bareWord(word); word == "" {
			continue
		}
		if err := w.add(word); err != nil {
			return w, err
		}
	}
	return w, nil
}

func isBlank(r rune) bool { return r == ' ' || r == '\t' || r == '|' || r == '\r' }

// add sorts a word.
func (w *words) add(word string) error {
	if w.behindPort {
		w.port, w.behindPort = word, false
		return nil
	}
	lower := strings.ToLower(word)
	switch {
	case word == ">":
		w.behindArrow = true
	case lower == "port":
		w.behindPort = true
	case fillers[lower]:
	case lower == "tcp" || lower == "udp" || lower == "icmp":
		w.proto = lower
	case looksLikeAddress(word):
		return w.address(word)
	case isRangeWord(word):
		_, err := parsePort(word)
		return err
	default:
		w.rest = append(w.rest, word)
	}
	return nil
}

// address takes an address, behind an arrow as that of the destination.
func (w *words) address(word string) error {
	e, err := parseEndpoint(word)
	if err != nil {
		return err
	}
	if w.behindArrow {
		w.target = append(w.target, e)
	} else {
		w.source = append(w.source, e)
	}
	return nil
}

// isRangeWord reports whether a word can only be a range of ports: 6000-6010.
func isRangeWord(word string) bool {
	return strings.Count(word, "-") == 1 && !strings.ContainsAny(word, ":/.,") && isPortRange(word)
}

// bareWord takes marks around a word away, and a label before it: "port:6000", "ip=198.18.0.0".
func bareWord(word string) string {
	if !strings.HasPrefix(word, "[") || !strings.Contains(word, "]:") {
		word = strings.Trim(word, `,;"'()[]<`)
	}
	if i := strings.IndexAny(word, ":="); i > 0 && isLetter(word[0]) && (fillers[strings.ToLower(word[:i])] || strings.EqualFold(word[:i], "port")) {
		if i == len(word)-1 || strings.EqualFold(word[:i], "port") && !isDigit(word[i+1]) {
			return word[:i]
		}
		return word[i+1:]
	}
	return word
}

// looksLikeAddress reports whether a word can only be an address.
func looksLikeAddress(word string) bool {
	return (isHex(word[0]) || word[0] == ':' || word[0] == '[') && (startsAddress(word) || startsAddress(strings.TrimPrefix(word, "[")))
}

// portAndTime finds the one way in which the words are a time and, unless it is known, a port.
func (p plainParser) portAndTime(r *Request, rest []string) error {
	var found int
	var best error
	var from, to time.Time
	var port uint16
	try := func(n uint16, words []string) {
		a, b, err := p.times(words)
		if err != nil {
			if best == nil || errors.Is(best, ErrTime) && !errors.Is(err, ErrTime) {
				best = err
			}
			return
		}
		found++
		from, to, port = a, b, n
	}
	var portError error
	if !r.HasPort {
		for i, word := range rest {
			if !isShortNumber(word) {
				continue
			}
			others := append(append(make([]string, 0, len(rest)), rest[:i]...), rest[i+1:]...)
			n, err := parsePort(word)
			if err != nil {
				if _, _, bad := p.times(others); bad == nil {
					portError = err
				}
				continue
			}
			try(n, others)
		}
	}
	if !r.HasPort || found == 0 {
		try(r.Port, rest)
	}
	switch {
	case found == 1 && portError == nil:
		r.From, r.To = from, to
		r.Port, r.HasPort = port, port != 0
		return nil
	case found > 1:
		return refuse(ErrUnparsable, "port and time can be told apart in more than one way: write address:port and the time as 2026-03-01T12:34:56Z")
	case portError != nil:
		return portError
	}
	return best
}

// isShortNumber reports whether a word is a number that could be meant as a port.
func isShortNumber(word string) bool {
	c := cursor{s: word}
	_, width := c.digits()
	return c.end() && width >= 1 && width <= 7
}

// times reads a time, or "between … and …", "from … to …", "… - …".
func (p plainParser) times(words []string) (from, to time.Time, err error) {
	text := strings.Join(words, " ")
	if text == "" {
		return from, to, refuse(ErrTime, "the line has no time: write for example 2026-03-01T12:34:56Z")
	}
	opened := strings.EqualFold(words[0], "between") || strings.EqualFold(words[0], "from")
	if opened {
		words = words[1:]
	}
	first, second, ok := cutInterval(words)
	if !ok {
		if opened {
			return from, to, about("time", text, refuse(ErrTime, "the interval has no end"))
		}
		return parseTime(text, p.zone, p.dates)
	}
	a, err := parseStamp(first, p.dates)
	if err != nil {
		return from, to, about("time", text, err)
	}
	b, err := parseStamp(second, p.dates)
	if err == nil {
		from, to, err = between(a, b, p.zone)
	}
	return from, to, about("time", text, err)
}

// cutInterval cuts the words of an interval where its end begins.
func cutInterval(words []string) (first, second string, ok bool) {
	for i, word := range words {
		switch strings.ToLower(word) {
		case "and", "to", "until", "till", "-", "..":
			return strings.Join(words[:i], " "), strings.Join(words[i+1:], " "), true
		}
	}
	if len(words) == 1 && strings.Count(words[0], "T") == 2 && strings.Count(words[0], "/") == 1 { // ISO 8601
		return strings.Cut(words[0], "/")
	}
	return "", "", false
}
