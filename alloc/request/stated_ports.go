package request

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A portsStated is what an input says about ports that nothing names, wherever that stands. Each word is the first one that says so.
type portsStated struct {
	denied string // they are not those of the source
	aimed  string // an attack was aimed at ports
	attack string // there was one
	freed  bool   // the port of the source is in a column, and so may be what the others say
}

// heed takes what a text says.
func (p *portsStated) heed(text string) {
	if p.attack == "" {
		p.attack = attackIn(text)
	}
	if !mayBeAlarm(text) {
		return
	}
	if p.denied == "" {
		p.denied = deniedPort(text)
	}
	if p.aimed == "" {
		p.aimed = aimedIn(text)
	}
	if !p.freed && hasPortWord(text) {
		_, p.freed = freedBy(text)
	}
}

// known reports whether nothing matters that a text could say besides.
func (p *portsStated) known() bool { return p.denied != "" }

// ofPort returns a word by which a port whose name does not say whose it is may be one that was attacked; "" if there is none.
func (s *settings) ofPort() string {
	switch {
	case s.stated == nil || s.ports == PortsSource:
		return ""
	case s.stated.ports.denied != "" || s.stated.ports.freed:
		return s.stated.ports.denied
	}
	return s.stated.ports.aimed
}

// ofNumber is ofPort for a number without a name.
func (s *settings) ofNumber() string {
	if word := s.ofPort(); word != "" || s.stated == nil || s.ports == PortsSource || s.stated.ports.freed {
		return word
	}
	return s.stated.ports.attack
}

// A portHearer collects paragraphs for what they say about ports.
type portHearer struct {
	text   []byte
	labels []string // of services and systems that were attacked, unless a question stands in the same paragraph: then they are its own
	row    bool     // whether one does
}

// portMarks are in each line with an address that says more about ports than where one is.
var portMarks = func() (marks [][]byte) {
	for _, mark := range append(strings.Fields("dest dst dpt dport target victim server service ziel alvo vitima opfer source quell orige not no our unser noss nuestr"), attackMarks...) {
		marks = append(marks, []byte(mark))
	}
	return marks
}()

// ports heeds a line for what it says about ports. lower is the line in lower case.
func (h *hearer) ports(line, lower []byte) {
	if h.stated.ports.known() {
		return
	}
	if len(bytes.TrimSpace(line)) == 0 {
		h.endPorts()
		h.endLabels()
		return
	}
	if !hasWord(lower) { // most rows have none
		h.par.row = true
		h.endPorts()
		return
	}
	has := func(mark []byte) bool { return bytes.Contains(lower, mark) }
	row := hasAddress(string(line[:min(len(line), maxHeading)]))
	if text := spaced(line[:min(len(line), maxHeading)]); row && isTargetLabel(text) {
		h.label(attackOn + text)
	} else {
		h.par.row = h.par.row || row
	}
	for len(line) > maxTold { // what is cut is heard twice
		h.endPorts()
		h.stated.ports.heed(spaced(line[:maxTold]))
		line = line[maxTold-maxGiven:]
	}
	switch {
	case row && !slices.ContainsFunc(portMarks, has) && (h.isLetter() || !hasPortWord(string(lower))):
		h.endPorts()
	case row || h.format != Plain && h.format != 0:
		h.endPorts()
		if text := spaced(line); !h.isNames(text) {
			h.cells(text)
			h.stated.ports.heed(h.withoutNames(text))
		}
	default:
		text := spaced(line)
		if h.isNames(text) {
			h.endPorts()
			return
		}
		h.cells(text)
		if h.par.text = append(append(h.par.text, h.withoutNames(text)...), '\n'); len(h.par.text) > maxTold {
			h.endPorts()
		}
	}
}

// hasWord reports whether a line in lower case has three letters in a row, or ones that are not ASCII.
func hasWord(lower []byte) bool {
	run := 0
	for _, c := range lower {
		if c >= utf8.RuneSelf {
			return true
		}
		if run++; c < 'a' || c > 'z' {
			run = 0
		}
		if run == 3 {
			return true
		}
	}
	return false
}

// endPorts heeds the paragraph.
func (h *hearer) endPorts() {
	if len(h.par.text) > 0 {
		h.stated.ports.heed(string(h.par.text))
		h.par.text = h.par.text[:0]
	}
}

// isTargetLabel reports whether a line is a label for the address of a system that was attacked, or of a destination.
func isTargetLabel(line string) bool {
	pairs := pairsOf(line)
	return len(pairs) == 1 && (pairs[0].role == roleDestination || pairs[0].role == 0 && isAttackedName(normal(pairs[0].label)))
}

// isLetter reports whether an input may have blocks.
func (h *hearer) isLetter() bool { return h.format == Plain || h.format == 0 }

// label keeps what a label of a letter says by its name. In other forms the fields of each question are looked at.
func (h *hearer) label(text string) {
	if h.isLetter() && len(h.par.labels) < maxBlock {
		h.par.labels = append(h.par.labels, text)
	}
}

// endLabels heeds the labels of a paragraph without a question.
func (h *hearer) endLabels() {
	for _, text := range h.par.labels {
		if !h.par.row {
			h.stated.ports.heed(text)
		}
	}
	h.par.labels, h.par.row = h.par.labels[:0], false
}

// cells heeds a line of a table that is a name and a value: "Target;www.example.com".
func (h *hearer) cells(line string) {
	fields := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(separators, r) })
	if len(fields) == 2 && (h.format == CSV || strings.IndexByte(line, ',') < 0) {
		if text := fields[0] + ": " + fields[1]; isTargetLabel(text) {
			h.stated.ports.heed(attackOn + text)
		}
	}
}

// isNames reports whether a line is nothing but known names of columns, which say themselves whose ports are.
func (h *hearer) isNames(line string) bool {
	if strings.ContainsAny(line, ".:=") {
		return false
	}
	var table csvParser
	if table.heading(line) {
		return true
	}
	n := namesOf(strings.TrimLeft(line, " \t#"))
	return len(n.of) > 1 && !slices.ContainsFunc(n.of, func(c columnName) bool { return !c.known() })
}

// withoutNames returns a line without the labels that have a role: "Destination port: 443" says nothing of other ports.
func (h *hearer) withoutNames(line string) string {
	pairs := pairsOf(line)
	if pairs == nil {
		return line
	}
	p := pairs[0]
	switch value := strings.TrimSpace(p.value); {
	case p.isHeader():
		return subjectOf(p)
	case p.role != 0:
	case value == "" || len(pairs) > 1:
		return line // a title, or the line of a log
	default:
		return h.unknown(p, line)
	}
	var rest []string
	for _, p := range pairs {
		rest = append(rest, h.known(p, len(pairs) == 1))
	}
	return strings.Join(rest, "; ")
}

// subjectOf returns what the header of a mail says of ports.
func subjectOf(p pair) string {
	switch normal(p.label) {
	case "subject", "betreff", "assunto", "asunto":
		return p.value
	}
	return ""
}

// attackOn stands before what a label names, so that it is heard as an attack on it.
const attackOn = "attack on server: "

// unknown returns what is heard of a label without a role.
func (h *hearer) unknown(p pair, line string) string {
	n, value := natureOf(p.label), strings.TrimSpace(p.value)
	if eventResults[normal(value)] {
		h.label(attackOn + line)
		return ""
	}
	if isNothing(value) || n.text && attackIn(value) == "" && deniedPort(value) == "" {
		return "" // such as the name of a user or a film
	}
	attacked := isAttackedName(normal(p.label)) && normal(p.label) != "host" && !hasAddress(value) && n.isAttacked(value)
	if !attacked && !n.isService(value) && !slices.ContainsFunc(nameWords(p.label), isOfEvent) {
		h.label(line)
		return value
	}
	h.label(attackOn + line)
	if h.isLetter() {
		return ""
	}
	return value
}

// eventNames are words of labels of what somebody did to a system.
var eventNames = setOfWords("direction failures failed method path rule signature jail event ban banned blocked action evento ereignis angriffe")

// eventResults are what became of an attempt to log in.
var eventResults = setOfWords("failed failure fail denied rejected refused blocked dropped banned unauthorized fehlgeschlagen abgelehnt verweigert blockiert negado falhou recusado bloqueado falha fallido denegado rechazado echec refuse bloque negato fallito bloccato")

// isOfEvent reports whether a word of a label is one of those, or of ports, attacks or counts.
func isOfEvent(word string) bool {
	return eventNames[word] || portWords[word] || countNouns[word] || countedWords[word] || isAttackWord(word)
}

// known returns what is heard of a label with a role.
func (h *hearer) known(p pair, alone bool) string {
	value := strings.TrimSpace(p.value)
	h.par.row = h.par.row || p.role == rolePort || isTimeRole(p.role) // of a block, whose labels are its own
	switch {
	case p.role == rolePort && !isBarePort(p.label) && isNothing(value) && value != "":
		return "no " + p.label
	case p.role == roleDestinationPort && alone && strings.ContainsFunc(value, unicode.IsLetter):
		h.label(attackOn + value) // "see above"
	case p.role == roleDestination && alone && !hasAddress(value) && !isNothing(value):
		h.label(attackOn + value)
	case p.role == roleProto && h.isLetter() && isOtherProtocol(value):
		h.label(attackOn + value)
		return ""
	}
	return value
}
