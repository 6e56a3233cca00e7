package request

import (
	"slices"
	"strings"
)

// maxWords is the number of words of the longest line that is taken for a question.
const maxWords = 64

// fillers are words that may stand in a line and say nothing.
var fillers = map[string]bool{
	"ip": true, "ipv4": true, "address": true, "addr": true, "outside": true, "public": true, "time": true,
	"date": true, "timestamp": true, "at": true, "on": true, "@": true, "in": true,
}

// sides are words that say whose the addresses and ports behind them are.
var sides = map[string]section{
	">": destinationSide, "destination": destinationSide, "dest": destinationSide, "dst": destinationSide, "target": destinationSide,
	"source": sourceSide, "src": sourceSide,
}

// turns are words that are about time unless an address is behind them.
var turns = map[string]section{"to": destinationSide, "from": sourceSide}

// words are what a line consists of.
type words struct {
	of    [destinationSide + 1]side
	proto string
	rest  []string // time, and perhaps the port
	early int      // how many of rest stand before any word about the destination
	front int      // how many of rest stand before the address of the source
	near  int      // which of rest is the number right behind that address; -1 for none
	count int      // of how many the line consists
	spare int      // how many of them say nothing, or count the lines

	in       section // whose the next address or port is
	begun    bool    // whether a word about the destination was there
	port     bool    // behind "port"
	number   bool    // behind "protocol", which may be a number
	address  bool    // right behind an address
	sided    bool    // whether a word said whose an address is
	ofSource bool    // whether the word before a port says that it is that of the source
	summer   bool    // right behind "dst", which is about the destination only where an address or a port follows
	open     bool    // and behind a time without a zone, whose it may be
	before   string  // the word before, in lower case
	turn     string  // "to" or "from", which may come before an address or a time
}

// A side is what a line says about the source or the destination.
type side struct {
	hosts []endpoint
	ports []string
}

// endpoint returns the address and the one port of a side.
func (s *side) endpoint() (e endpoint, err error) {
	if len(s.hosts) > 0 {
		e = s.hosts[0]
	}
	for _, text := range s.ports {
		n, err := parsePort(text)
		if err != nil {
			return e, err
		}
		if e.hasPort && e.port != n {
			return e, refuse(ErrPort, "the line has two ports for one address, %d and %d: keep the one that is asked for, and write destination before the other's", e.port, n)
		}
		e.port, e.hasPort = n, true
	}
	return e, nil
}

// cutWords sorts the words of a line.
func cutWords(line string) (w words, err error) {
	if strings.Contains(line, "->") {
		line = strings.ReplaceAll(line, "->", " > ")
	}
	w.in, w.near = sourceSide, -1
	n := 0
	for rest, between := line, (cells{}); ; {
		word := between.next(&rest)
		if word == "" {
			break
		}
		w.address = w.address && !between.isEmptyCell()
		if n++; n > maxWords {
			return w, refuse(ErrUnparsable, "the line has more than %d words: this is no question", maxWords)
		}
		w.count = n
		if n == 1 && (isCount(word) || isBullet(word)) {
			w.spare++
			continue
		}
		if n == 1 && isBracketed(word) {
			w.spare++
			w.keep(word)
			continue
		}
		raw := word
		label, word := bareWord(word)
		if label == "" {
			w.passOver(raw, word)
		}
		for _, word := range [...]string{label, word} {
			if word == "" {
				continue
			}
			if err := w.add(word); err != nil {
				return w, err
			}
		}
	}
	if w.port {
		return w, refuse(ErrPort, "the line has the word port and no number behind it")
	}
	if w.summer {
		return w, errSummer()
	}
	w.flush()
	return w, nil
}

// passOver counts a word that says nothing. Brackets or quotes alone are a cell with nothing in it.
func (w *words) passOver(raw, word string) {
	if word == "" || fillers[strings.ToLower(word)] {
		w.spare++
	}
	w.address = w.address && (word != "" || len(raw) < 2)
}

// isOpen reports whether the words before were about a time, and say no zone of it.
func (w *words) isOpen() bool {
	st, err := parseStamp(strings.Join(w.rest, " "), DayFirst)
	return len(w.rest) > 0 && (err != nil || !st.zoned)
}

// errSummer refuses "12:34:56 DST".
func errSummer() error {
	return refuse(ErrZone, "DST may be summer time here, of which zone nobody knows: write the offset of the time, such as +02:00, or Destination before the address of that")
}

// cellMarks stand between cells.
const cellMarks = ",;|\t"

// cells are the marks between two words of a line.
type cells struct {
	count [len(cellMarks)]int
	after string // of the word before
}

// next returns the next word that is more than marks between cells and quotes, or "", and what is behind it. The marks before it are counted.
func (c *cells) next(rest *string) string {
	c.count = [len(cellMarks)]int{}
	c.take(c.after)
	for {
		text := strings.TrimLeftFunc(*rest, isBlank)
		c.take((*rest)[:len(*rest)-len(text)])
		end := strings.IndexFunc(text, isBlank)
		if end < 0 {
			end = len(text)
		}
		word := text[:end]
		*rest = text[end:]
		if core := strings.Trim(word, cellMarks+`"'`); core != "" || word == "" {
			at := strings.Index(word, core)
			c.take(word[:at])
			c.after = word[at+len(core):]
			return word
		}
		c.take(word)
	}
}

// take counts the marks in a text.
func (c *cells) take(text string) {
	for i := range len(text) {
		if at := strings.IndexByte(cellMarks, text[i]); at >= 0 {
			c.count[at]++
		}
	}
}

// isEmptyCell reports whether the same mark stands twice between the words.
func (c *cells) isEmptyCell() bool {
	return slices.Max(c.count[:]) > 1
}

func isBlank(r rune) bool { return r == ' ' || r == '\t' || r == '|' || r == '\r' }

// add sorts a word.
func (w *words) add(word string) error {
	if w.port {
		w.port = false
		w.of[w.in].ports = append(w.of[w.in].ports, word)
		return nil
	}
	lower := strings.ToLower(word)
	defer func() { w.before = lower }()
	if w.summer && !w.afterDST(word, lower) {
		return errSummer()
	}
	behind, number := w.address, w.number
	w.address, w.number = false, lower == "proto" || lower == "protocol"
	switch {
	case w.number || fillers[lower]:
	case number && isShortNumber(word), lower == "tcp", lower == "udp", lower == "icmp":
		return w.protocol(word)
	case sides[lower] != anySide:
		return w.side(word, lower, behind)
	case lower == "port":
		return w.aPort()
	case turns[lower] != anySide:
		w.flush()
		w.turn = lower
	case looksLikeAddress(word):
		return w.host(word)
	case isRangeWord(word):
		_, err := parsePort(word)
		return err
	case behind && w.in == destinationSide && isShortNumber(word):
		w.of[w.in].ports = append(w.of[w.in].ports, word)
	default:
		w.flush()
		if behind && isShortNumber(word) {
			w.near = len(w.rest)
		}
		w.keep(word)
	}
	return nil
}

// atWords stand before the port that was attacked: "from 198.18.0.0 on port 22".
var atWords = setOfWords("on at in auf na no en")

// errAttacked refuses such a port.
func errAttacked() error {
	return refuse(ErrPort, "the port in the line may be the one that was attacked: write 198.18.0.0:6000, or port right behind the address, if it is that of the source")
}

// aPort takes the word before a port.
func (w *words) aPort() error {
	if w.in == sourceSide && atWords[w.before] {
		return errAttacked()
	}
	if w.turn == "to" {
		return refuse(ErrPortRange, "the line has a port behind the word to, which could end a range of ports: write destination port for that of the destination")
	}
	w.flush()
	w.port = true
	w.ofSource = w.ofSource || w.in == sourceSide && frontSides[w.before]
	return nil
}

// afterDST reports whether a word behind "dst" is of the destination.
func (w *words) afterDST(word, lower string) bool {
	switch lower {
	case "ip", "ipv4", "address", "addr":
		return true
	}
	ok := lower == "port" && !w.open || looksLikeAddress(word)
	w.summer = w.summer && !ok
	return ok
}

// side takes a word that says whose the addresses and ports behind it are.
func (w *words) side(word, lower string, behind bool) error {
	if in := sides[lower]; w.turn == "" || turns[w.turn] != in {
		w.flush()
	}
	w.turn = ""
	w.summer = lower == "dst"
	if w.open = w.summer && !behind && !w.sided && w.in == sourceSide && w.isOpen(); w.open && word != lower {
		return errSummer()
	}
	w.sided = true
	w.turnTo(sides[lower])
	return nil
}

// protocol takes a protocol.
func (w *words) protocol(word string) error {
	p, err := parseProto(word)
	if err == nil && w.proto != "" && w.proto != p {
		err = refuse(ErrProtocol, "the line has two protocols, %s and %s: keep the one that is asked for", w.proto, p)
	}
	w.proto = p
	return err
}

// turnTo begins the words about one side.
func (w *words) turnTo(in section) {
	w.in = in
	w.begun = w.begun || in == destinationSide
}

// flush keeps "to" or "from" as a word about time: no address came behind it.
func (w *words) flush() {
	if w.turn != "" {
		w.keep(w.turn)
		w.turn = ""
	}
}

// keep takes a word of the time, or a number that may be the port.
func (w *words) keep(word string) {
	w.rest = append(w.rest, word)
	if !w.begun {
		w.early = len(w.rest)
	}
}

// host takes an address, behind an arrow as that of the destination.
func (w *words) host(word string) error {
	if in := turns[w.turn]; in != anySide {
		if in == sourceSide && !w.sided && len(w.of[in].ports) > 0 && len(w.of[in].hosts) == 0 {
			return errAttacked() // "port 22 from 198.18.0.0"
		}
		w.turnTo(in)
	}
	w.turn = ""
	e, err := parseEndpoint(word)
	if err != nil {
		return err
	}
	if s := &w.of[w.in]; !slices.Contains(s.hosts, e) {
		s.hosts = append(s.hosts, e)
	}
	if w.in == sourceSide {
		w.front = len(w.rest)
	}
	w.address = true
	return nil
}

// isRangeWord reports whether a word can only be a range of ports: 6000-6010.
func isRangeWord(word string) bool {
	return strings.Count(word, "-") == 1 && !strings.ContainsAny(word, ":/.,") && isPortRange(word)
}

// isCounter reports whether the name of a column says that it counts the rows.
func isCounter(name string) bool {
	switch normal(name) {
	case "":
		return strings.Trim(name, " \t\"") == "#"
	case "no", "nr", "id", "num", "row", "line", "pos", "item":
		return true
	}
	return false
}

// isCount reports whether the first word of a line counts the lines: "1." or "1)". In more brackets it could also be a port.
func isCount(word string) bool {
	count := strings.TrimRight(word, ".)")
	return len(count) == len(word)-1 && isShortNumber(count)
}

// isBullet reports whether the first word of a line is no more than a mark of a list.
func isBullet(word string) bool { return word == "-" || word == "*" || word == "+" }

// isBracketed reports whether a word is a short number in brackets.
func isBracketed(word string) bool {
	number := strings.Trim(word, "()[]")
	return len(number) == len(word)-2 && isShortNumber(number)
}

// bareWord takes marks around a word away, and a label before it: "port:6000", "ip=198.18.0.0". A label that says nothing is
// not returned.
func bareWord(word string) (label, value string) {
	if !strings.HasPrefix(word, "[") || !strings.Contains(word, "]:") {
		word = strings.Trim(word, `,;"'()[]<`+otherQuotes)
	}
	i := strings.IndexAny(word, ":=")
	if i <= 0 || !isLetter(word[0]) {
		return "", word
	}
	name := strings.ToLower(word[:i])
	switch {
	case fillers[name]:
		if i == len(word)-1 {
			return "", name
		}
		return "", word[i+1:]
	case name == "port", name == "proto", name == "protocol", sides[name] != anySide:
		return name, word[i+1:]
	}
	return "", word
}

// looksLikeAddress reports whether a word can only be an address.
func looksLikeAddress(word string) bool {
	return (isHex(word[0]) || word[0] == ':' || word[0] == '[') && (startsAddress(word) || startsAddress(strings.TrimPrefix(word, "[")))
}
