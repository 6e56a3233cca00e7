package request

import (
	"strings"
	"unicode/utf8"
)

// A pair is a label and its value: "Source port: 6000".
type pair struct {
	label string // without what it has in brackets, unless that is part of the name
	note  string // what it has in brackets
	value string
	role  role // 0 when the label says nothing about a question
	utc   bool
}

// maxLabelWords is the number of words of the longest label; with more before the colon, the line is a sentence.
const maxLabelWords = 6

// pairsOf cuts "Label: value" and, on the same line, the labels behind it that have a role: "IP: 198.18.0.0 Port: 6000". It
// returns nil for any other line.
func pairsOf(line string) []pair {
	text := withoutBullet(line)
	if text == "" || text[0] < utf8.RuneSelf && !isLetter(text[0]) {
		return nil
	}
	end := labelEnd(text)
	if end < 0 || !isLabel(withoutNote(text[:end])) {
		return nil
	}
	found := []pair{newPair(text[:end])}
	value := text[end+1:]
	for from := 0; len(found) < maxLabelWords; {
		at := strings.IndexAny(value[from:], ":=")
		if at < 0 {
			break
		}
		at += from
		start := nextLabel(value[:at])
		if from = at + 1; start < 0 {
			continue
		}
		found[len(found)-1].value = value[:start]
		if found[len(found)-1].mayBeSummer(value[start:at]) {
			found[len(found)-1].value = value[:start+3] // of the time, or of the port?
		}
		found = append(found, newPair(value[start:at]))
		value, from = value[at+1:], 0
	}
	found[len(found)-1].value = value
	if found[0].role == 0 && !hasRole(found, roleAddress, roleAddress) {
		found = found[:1] // a remark may have "time:" in it
		found[0].value = text[end+1:]
	}
	return found
}

// mayBeSummer reports whether a label behind the value of a pair begins with DST and may be the zone of a time: "Time: 2026-01-10 12:34 DST Port: 6000".
func (p pair) mayBeSummer(label string) bool {
	if len(label) < 5 || !strings.EqualFold(label[:4], "dst ") || !isTimeRole(p.role) {
		return false
	}
	st, err := parseStamp(p.value, DayFirst)
	return err != nil || !st.zoned
}

// hasRole reports whether a pair has a role from first to last.
func hasRole(pairs []pair, first, last role) bool {
	for _, p := range pairs {
		if first <= p.role && p.role <= last {
			return true
		}
	}
	return false
}

// withoutBullet takes away what stands before an item of a list: "* ", "• ", "1) ", "a. ", and marks of Markdown.
func withoutBullet(line string) string {
	text := strings.TrimLeft(line, " \t*_`-+>•·◦‣▪■●○►▶–—\u2219")
	for i := range min(len(text), 4) {
		switch c := text[i]; {
		case (c == '.' || c == ')') && i > 0 && i+1 < len(text) && (text[i+1] == ' ' || text[i+1] == '\t'):
			return strings.TrimLeft(text[i+1:], " \t*_`")
		case !isDigit(c) && (i > 0 || !isLetter(c)):
			return text
		}
	}
	return text
}

// labelEnd returns the place of the first colon or equals sign outside of brackets, or -1; of "IP:Port: " it is the second.
func labelEnd(text string) int {
	end := firstMark(text)
	if end >= 0 && end+1 < len(text) && isLetter(text[end+1]) {
		if more := firstMark(text[end+1:]); more >= 0 {
			if r, _ := roleOf(text[:end+1+more]); r != 0 {
				return end + 1 + more
			}
		}
	}
	return end
}

func firstMark(text string) int {
	depth := 0
	for i := range len(text) {
		switch c := text[i]; {
		case i > maxName:
			return -1
		case c == '(' || c == '[':
			depth++
		case (c == ')' || c == ']') && depth > 0:
			depth--
		case (c == ':' || c == '=') && depth == 0:
			return i
		}
	}
	return -1
}

// withoutNote returns a label up to what it has in brackets.
func withoutNote(label string) string {
	label, _, _ = strings.Cut(label, "(")
	return label
}

// isLabel reports whether text can be a label. "Request 2:" is none, but a heading.
func isLabel(text string) bool {
	text = strings.TrimRight(text, " \t*_`")
	words := strings.Fields(text)
	if len(words) == 0 || len(words) > maxLabelWords || strings.ContainsAny(text, ",;!?\"") {
		return false
	}
	last := strings.TrimLeft(words[len(words)-1], "#.")
	return len(words) == 1 || last == "" || !isDigit(last[0])
}

// nextLabel returns where the words at the end of text begin that are a label with a role, or -1. The longest is taken: of
// "198.18.0.0 Source port" that is "Source port".
func nextLabel(text string) int {
	skip := max(0, len(text)-maxName)
	text = text[skip:]
	best, end := -1, len(text)
	for range 4 {
		start := strings.LastIndexAny(strings.TrimRight(text[:end], " \t"), " \t|;,") + 1
		if start == 0 || start == len(text) {
			break // the value or the label would be empty, or the label too long
		}
		if isLetter(text[start]) || text[start] >= utf8.RuneSelf {
			if r, _ := roleOf(text[start:]); r != 0 {
				best = skip + start
			}
		}
		if end = start - 1; !strings.ContainsRune(" \t", rune(text[end])) {
			break
		}
	}
	return best
}

// newPair finds the role of a label. What it has in brackets may be part of its name, as in "IP (source)", or the zone of
// a time; else the label has no role, as "IP (victim)".
func newPair(label string) pair {
	p := pair{label: strings.TrimSpace(label)}
	if p.role, p.utc = roleOf(p.label); p.role != 0 {
		return p
	}
	head, rest, ok := strings.Cut(p.label, "(")
	note, after, closed := strings.Cut(rest, ")")
	if !ok || !closed || normal(after) != "" {
		return p
	}
	if r, _ := roleOf(note + head); r != 0 {
		p.role = r
		return p
	}
	r, utc := roleOf(head)
	switch {
	case r >= roleTime && r < roleZone:
		p.label, p.note, p.role, p.utc = head, note, r, utc
	case r == rolePort || r == roleDestinationPort:
		if proto, err := parseProto(note); err == nil && proto != "" {
			p.label, p.note, p.role = head, note, r
		}
	}
	return p
}

// A section is what headings inside of a block say about the addresses below them.
type section uint8

const (
	anySide section = iota
	sourceSide
	destinationSide
)

// sectionOf returns the section that a heading begins, such as "Destination:" or "Dados de origem:".
func sectionOf(label string) section {
	n := normal(label)
	for _, mark := range []string{"destin", "target", "victim", "ziel"} {
		if strings.Contains(n, mark) {
			return destinationSide
		}
	}
	for _, mark := range []string{"source", "origin", "origem", "origen", "quell"} {
		if strings.Contains(n, mark) {
			return sourceSide
		}
	}
	return anySide
}

// isDestinationLine reports whether a line without a colon is such a heading.
func isDestinationLine(line string) bool {
	return len(strings.Fields(line)) <= 4 && !strings.ContainsAny(line, "0123456789") && sectionOf(line) == destinationSide
}

// headerLabels are those of the header of a forwarded mail, whose date is never the time of a question.
var headerLabels = map[string]bool{
	"subject": true, "assunto": true, "asunto": true, "betreff": true, "sent": true, "enviado": true, "gesendet": true, "cc": true, "messageid": true,
	"replyto": true, "para": true, "de": true, "an": true, "received": true,
}

// isHeader reports whether a pair is of the header of a mail. "From" and "To" are, unless they have a time.
func (p pair) isHeader() bool {
	switch n := normal(p.label); n {
	case "from", "to", "von":
		return !isTime(p.value)
	default:
		return headerLabels[n] && !isBothOf(p.label)
	}
}

// isTime reports whether text begins like a date, a clock or a count of seconds.
func isTime(text string) bool {
	if !strings.ContainsAny(text, "0123456789") {
		return false
	}
	st, err := parseStamp(text, DayFirst)
	if err != nil {
		st, err = parseStamp(text, MonthFirst)
	}
	return err == nil && (st.precision > 0 || !st.epoch.IsZero())
}
