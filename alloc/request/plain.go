package request

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A plainParser reads lines that hold an address with its port and a time, as long as there is one way to read them.
type plainParser struct {
	*settings
	heading
}

func (p *plainParser) parse(line string) (r Request, ok bool, err error) {
	if !hasAddress(line) && p.take(line) {
		return r, false, nil
	}
	p.look(line)
	r, err = p.question(line)
	p.asked(line, err)
	if hasAddress(line) && (isTextWith(line, err) || err != nil && !isTimed(err) && hasWord([]byte(strings.ToLower(line)))) {
		p.breaks()
	}
	return r, true, err
}

// comment takes a heading that is written as a comment: "# IP Port Time".
func (p *plainParser) comment(line string) { p.take(strings.TrimLeft(line, " \t#")) }

// isPort checks that a word of the rest is where ports are.
func (p *plainParser) isPort(w *words, i int) error {
	known, err := p.check(w, w.rest[i])
	switch {
	case err == nil && p.ports == PortsNamed && p.assumes(w.rest[i]):
		return errBare(errNumber)
	case known && err == nil && p.assumes(w.rest[i]) && p.ofPort() != "":
		return errStrange(errNumber, p.ofPort())
	case known:
		return err
	}
	word := ""
	switch {
	case !p.headed:
		word = p.ofNumber()
	case p.bare:
		word = p.ofPort()
	}
	if word != "" {
		return errStrange(errNumber, word)
	}
	ok := i == w.near
	switch p.port {
	case front:
		ok = i < w.front
	case later:
		ok = i >= w.front
	}
	switch {
	case p.counted:
		return refuse(errNumber, "the heading names numbers besides the port, or no port: write port before it if it is one, or columns divided by commas")
	case !ok:
		return refuse(errNumber, "nothing says that this is the port, and it could count the lines: write 198.18.0.0:6000, or port before it, if it is one, and else take it away")
	}
	return nil
}

// isTime refuses a number that is taken for the clock, or for seconds since 1970, where the line above may name it otherwise.
func (p *plainParser) isTime(w *words, time []string) error {
	for i, word := range time {
		if _, err := strconv.ParseUint(word, 10, 64); err != nil || len(word) < len("1234") {
			continue
		}
		if len(time) > 1 {
			others := slices.Delete(slices.Clone(time), i, i+1)
			if st, err := parseStamp(strings.Join(others, " "), p.dates); err != nil || st.year == 0 && st.epoch.IsZero() {
				continue // such as a year
			}
		}
		if p.judge(w); p.over.mayName(p.row, w) {
			return about("number", word, p.over.errUnnamed(ErrTime, "time"))
		}
	}
	return nil
}

func (p *plainParser) question(line string) (r Request, err error) {
	if r, ok := sshdQuestion(line); ok {
		return r, nil
	}
	w, err := cutWords(line)
	switch {
	case err != nil:
		return r, err
	case len(w.of[sourceSide].hosts) == 0:
		return r, refuse(ErrAddress, "the line has no address: write address, port and time, such as 198.18.0.0:6000 2026-03-01T12:34:56Z")
	case len(w.of[sourceSide].hosts) > 1 || len(w.of[destinationSide].hosts) > 1:
		return r, refuse(ErrAddress, "the line has several addresses: write source -> destination, or a table that names its columns")
	}
	source, err := w.of[sourceSide].endpoint()
	if err != nil {
		return r, err
	}
	if w.hasBarePort() { // "198.18.0.0 port 6000"
		if r.Assumed, err = true, p.isWordedPort(line); err != nil {
			return Request{}, about("port", w.of[sourceSide].ports[0], err)
		}
	}
	target, err := w.of[destinationSide].endpoint()
	if err != nil {
		return r, err
	}
	r.Outside, r.Port, r.HasPort, r.Proto = source.addr, source.port, source.hasPort, w.proto
	if target.addr.IsValid() {
		r.Destination = netip.AddrPortFrom(target.addr, target.port)
	}
	err = p.portAndTime(&r, &w)
	return r, err
}

// hasBarePort reports whether no more than the word port says whose the port of the source is. Where the destination has one, it is not the other's.
func (w *words) hasBarePort() bool {
	source, target := &w.of[sourceSide], &w.of[destinationSide]
	if len(source.ports) == 0 || source.hosts[0].hasPort || w.ofSource {
		return false
	}
	return len(target.ports) == 0 && !slices.ContainsFunc(target.hosts, func(e endpoint) bool { return e.hasPort })
}

// isWordedPort checks that the port behind the address may be taken for its own, where a line has no more than the word port before it.
func (p *plainParser) isWordedPort(line string) error {
	switch p.ports {
	case PortsNamed:
		return errBare(ErrPort)
	case PortsSource:
		return nil
	}
	word := p.told.deniedWord()
	switch isLabel := func(l pair) bool { return l.role == rolePort }; {
	case word != "":
	case slices.ContainsFunc(pairsOf(line), isLabel): // a field like those of blocks
		if word = p.ofPort(); word == "" && p.told != nil {
			word = p.told.aboveBlock()
		}
	case p.stated != nil:
		word = p.stated.ports.denied
	}
	if word != "" {
		return errStrange(ErrPort, word)
	}
	return nil
}

// portAndTime finds the one way in which the words are a time and, unless it is known, a port.
func (p *plainParser) portAndTime(r *Request, w *words) error {
	rest := w.rest
	var found int
	var best error
	var from, to time.Time
	var port uint16
	assumed := r.Assumed
	try := func(n uint16, assumes bool, words []string) {
		a, b, err := p.zonedTimes(w, words)
		if err == nil {
			err = p.isTime(w, words)
		}
		if err != nil {
			if best == nil || errors.Is(best, ErrTime) && !errors.Is(err, ErrTime) {
				best = err
			}
			return
		}
		found++
		from, to, port, assumed = a, b, n, assumes
	}
	var portError error
	if !r.HasPort {
		for i, word := range rest[:w.early] {
			if !isShortNumber(word) {
				continue
			}
			others := append(append(make([]string, 0, len(rest)), rest[:i]...), rest[i+1:]...)
			n, err := parsePort(word)
			if bad := p.isPort(w, i); bad != nil {
				err = about("number", word, bad)
			}
			if err != nil {
				if _, _, bad := p.zonedTimes(w, others); bad == nil {
					portError = err
				}
				continue
			}
			try(n, p.assumes(word), others)
		}
	}
	if !r.HasPort || found == 0 {
		try(r.Port, r.Assumed, rest)
	}
	switch {
	case found == 1 && portError == nil:
		r.From, r.To = from, to
		r.Port, r.HasPort, r.Assumed = port, port != 0, assumed
		return nil
	case found > 1 || found == 1 && errors.Is(portError, errNumber):
		return refuse(ErrUnparsable, "port and time can be told apart in more than one way: write address:port and the time as 2026-03-01T12:34:56Z")
	case portError != nil:
		return portError
	}
	return best
}

// assumes reports whether no heading says whose port a number of the row is.
func (p *plainParser) assumes(number string) bool {
	if p.heading.names.of == nil {
		return !p.ofSource
	}
	i := p.heading.names.column(p.row, number)
	return i < 0 || !p.ofSource || isBarePort(p.heading.names.of[i].text)
}

// isShortNumber reports whether a word is a number that could be meant as a port.
func isShortNumber(word string) bool {
	c := cursor{s: word}
	_, width := c.digits()
	return c.end() && width >= 1 && width <= 7
}

// times reads a time, or "between … and …", "from … to …", "… - …".
func (p *plainParser) times(words []string) (from, to time.Time, err error) {
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
		return p.placed(func(zone *time.Location) (time.Time, time.Time, error) { return parseTime(text, zone, p.dates) })
	}
	a, err := parseStamp(first, p.dates)
	if err != nil {
		return from, to, about("time", text, err)
	}
	b, err := parseStamp(second, p.dates)
	if err == nil {
		from, to, err = p.placed(func(zone *time.Location) (time.Time, time.Time, error) { return between(a, b, zone) })
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
