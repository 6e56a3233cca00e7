package request

import (
	"slices"
	"strings"
	"unicode"
)

// againWords are words of labels which say that a value is given once more, or another one: "Second IP", "Time (corrected)". othersWords say of an address or
// a time that it is of somebody or something else.
var (
	againWords = setOfWords(`second third other others another corrected correction correct real actual true new also additional further alternative alternate forwarded proxy updated last final
		zweite zweiter weitere weiterer andere anderer korrigiert korrigierte neue tatsachliche segunda segundo outra outro outros outras corrigida corrigido correcao nova novo otra otro otros otras corregida corregido nueva nuevo adicional
		ips times timestamps ports portas puertos addresses enderecos direcciones adressen horarios horas zeiten uhrzeiten`)
	othersWords = setOfWords(`victim victims vitima victima opfer target destination dest destino ziel server servers servidor reporter reporting reported report reports relatorio bericht honeypot sensor our ours local inside private internal mail relay dns gateway
		attacked alvo notice notification sent received created generated printed case ticket complaint update updates`)
)

// words returns those of a label.
func (p pair) words() []string {
	return strings.FieldsFunc(p.label, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// isAgain reports whether a label without a role may be of another value for one that has: it says so of an address, a port or a time or of nothing, or it
// is one with a number.
func (p pair) isAgain() bool {
	if p.role != 0 {
		return false
	}
	again, named, others := 0, false, false
	words := p.words()
	for _, word := range words {
		n := normal(word)
		r, _ := roleOf(n)
		if againWords[n] {
			again++
		}
		named = named || n == "forwarded" || !againWords[n] && 0 < r && r < roleZone // "last" is the end of an interval, too
		others = others || othersWords[n]
	}
	return !others && (again > 0 && (named || again == len(words)) || isNumbered(p.label))
}

// isNumbered reports whether a label is one that has a role, with a number behind it: "Time 2".
func isNumbered(label string) bool {
	name := strings.TrimRight(label, " 0123456789#.")
	r, _ := roleOf(name)
	return name != label && 0 < r && r < roleZone
}

// numberedLabel returns a line without an address that begins with such a label. One with an address is the heading of another question.
func numberedLabel(line string) []pair {
	text := withoutBullet(line)
	if end := labelEnd(text); end > 0 && isNumbered(text[:end]) && !hasAddress(line) && strings.TrimSpace(text[end+1:]) != "" {
		return []pair{{label: text[:end], value: text[end+1:]}}
	}
	return nil
}

// more keeps what may be another value.
func (b *block) more(p pair) {
	if p.isAgain() && len(b.others) < maxBesides {
		b.others = append(b.others, p)
	}
}

// once refuses a block with another value for what it asks about, under a name of its own.
func (b *block) once() error {
	for _, p := range b.others {
		value := strings.Trim(p.value, labelMarks)
		names := func(of ...role) bool {
			return slices.ContainsFunc(p.words(), func(word string) bool {
				r, _ := roleOf(strings.TrimRight(word, "0123456789"))
				return slices.Contains(of, r)
			})
		}
		st, err := parseStamp(value, DayFirst)
		var kind error
		switch {
		case slices.Contains(b.values[:], value):
		case hasAddress(value) && isPrivate(value):
		case hasOtherAddress(value, b.asked()):
			kind = ErrAddress
		case hasClock(value) || err == nil && st.year != 0:
			kind = ErrTime
		case names(rolePort) && strings.ContainsAny(value, "0123456789"):
			kind = ErrPort
		}
		if kind != nil {
			return refuse(kind, "%s could be another value for what is asked about: make it a question of its own, or take it away", quoted(strings.TrimSpace(p.label)+": "+value))
		}
	}
	return nil
}

// isPrivate reports whether a value is an address that is nobody's outside address.
func isPrivate(value string) bool {
	a, err := parseAddr(value)
	return err == nil && a.IsPrivate()
}
