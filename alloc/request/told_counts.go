package request

import (
	"slices"
	"strings"
)

// Words that count something for each address, what is counted so, and those before it.
//
//nolint:misspell // other languages
var (
	eachOf     = setOfWords("per je pro por each cada")
	countables = setOfWords(`records entries reports complaints cases incidents notices users accounts persons people days hours works sessions logins events subscribers customers notifications investigations crimes offences
		personen verfahren nutzer benutzer falle meldungen beschwerden anfragen kunden konten tage stunden registros usuarios casos processos denuncias reclamacoes clientes contas pessoas dias horas ocorrencias procesos cuentas personas reclamos signalements plaintes comptes utilisateurs utenti segnalazioni`)
	theirs = setOfWords("their its ihre ihren deren seus suas sus leurs loro")
)

// countedIn returns the word of a line by which its numbers may count something for each address: "Reports per IP address", "IP, users, last login"; "" if
// there is none.
func countedIn(line string) string {
	isHost := func(w string) bool { return hostNames[w] }
	host := false
	clauses := clausesOf(line)
	if slices.ContainsFunc(clauses, namesOwnPort) {
		return "" // which is looked at for itself
	}
	for _, words := range clauses {
		host = host || slices.ContainsFunc(words, isHost)
		for i, word := range words[:len(words)-1] {
			if eachOf[word] && slices.ContainsFunc(words[i+1:min(len(words), i+3)], isHost) && word != "each" && word != "cada" || theirs[word] && countables[words[i+1]] {
				return word
			}
		}
	}
	for _, words := range clauses {
		parts := splitAt(words, joints)
		for _, part := range parts {
			n := len(part)
			if host && len(clauses)+len(parts) > 2 && 0 < n && n < 3 && countables[part[n-1]] && !determiners[part[0]] && part[0] != "the" {
				return part[n-1]
			}
		}
	}
	return ""
}

// unknownIn returns what unknownOf says of a line of a text.
func unknownIn(text string) string {
	for line := range strings.Lines(text) {
		first, rest, ok := strings.Cut(strings.TrimLeft(line, " \t#>*-"), ",")
		if !ok || !strings.Contains(rest, " ") || len(first) > maxName || slices.ContainsFunc(toldWords(first), func(w string) bool { return !hostNames[w] }) {
			continue // most lines
		}
		if word := unknownOf(clausesOf(line)); word != "" {
			return word
		}
	}
	return ""
}

// unknownOf returns a word of a list of names of columns, from the address to the time, that names a column of which nobody knows what it is: "Adresse, Kunde,
// Zeit"; "" if there is none, or the line is no such list.
func unknownOf(clauses [][]string) string {
	var names [][]string
	for _, words := range clauses {
		for _, name := range splitAt(words, joints) {
			if len(name) > 0 {
				names = append(names, name)
			}
		}
	}
	last := len(names) - 1
	if last < 2 || slices.ContainsFunc(names[0], func(w string) bool { return !hostNames[w] }) || !slices.ContainsFunc(names[last], func(w string) bool { return columnClocks[w] }) {
		return ""
	}
	for _, name := range names[1:last] {
		isKnown := func(w string) bool { return hostNames[w] || portWords[w] || columnClocks[w] || knownProto(w) != "" }
		if r, _ := roleOf(strings.Join(name, " ")); r == 0 && !slices.ContainsFunc(name, isKnown) {
			return name[len(name)-1]
		}
	}
	return ""
}

// isNumberOf reports whether a number is of a case or letter, and no count.
func isNumberOf(words []string, i int) bool {
	return slices.ContainsFunc(words[i+1:min(len(words), i+4)], func(w string) bool { return referenceWords[w] })
}

// attackIn returns the first word of an attack, or of what is counted, in a text; "" if there is none.
func attackIn(text string) string {
	if word := unknownIn(text); word != "" {
		return word
	}
	if !mayBeAlarm(text) {
		return ""
	}
	words := toldWords(text)
	for i, word := range words {
		counts := countedWords[word] || (word == "number" || word == "numero") && i+1 < len(words) && portOfs[words[i+1]] && !isNumberOfPort(words, i) && !isNumberOf(words, i)
		if counts || isAttackWord(word) {
			return word
		}
	}
	for line := range strings.Lines(text) {
		if word := countedIn(line); word != "" {
			return word
		}
	}
	return ""
}
