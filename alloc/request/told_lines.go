package request

import (
	"slices"
	"strings"
)

// sumWords begin the line that counts the rows above it.
var sumWords = setOfWords("total totals subtotal sum summe gesamt soma suma somme totale")

// isSum reports whether a line is such a word and a number: "Total: 2".
func isSum(line string) bool {
	words := toldWords(line)
	return len(words) == 2 && sumWords[words[0]] && words[1] != "" && isDigit(words[1][0])
}

// caseWords begin lines which say which case or letter it is.
var caseWords = setOfWords("case ref reference referencia referenz ticket file order docket oficio mandado processo proceso procedimento procedimiento inquerito expediente autos aktenzeichen az vorgang boletim caso fall")

// isReference reports whether a line is nothing but the number of a case or letter: "Ref. 12/2026".
func isReference(line string) bool {
	number := false
	words := toldWords(line)
	for i, word := range words {
		isNumber := word != "" && isDigit(word[0])
		number = number || isNumber
		if i == 0 && !caseWords[word] || i > 0 && !isNumber && !caseWords[word] && word != "no" && word != "nr" && word != "n\u00ba" && len(word) > 1 {
			return false
		}
	}
	return number && !strings.ContainsAny(line, "\t|;,")
}

// isRoman reports whether a word is a number of the Romans, as annexes have: "Anexo II".
func isRoman(word string) bool { return strings.Trim(word, "ivx") == "" }

// replyEnds end the line above a mail that a reply quotes, and replyBegins begin the first line of one that is forwarded.
var (
	replyEnds   = []string{"wrote:", "writes:", "schrieb:", "escreveu:", "escribi\u00f3:", "\u00e9crit :", "\u00e9crit:", "scritto:", "schreef:"}
	replyBegins = []string{"-----", "________", "from:", "von:", "de:", "da:", "van:", "sent:", "gesendet:", "enviado", "envoy\u00e9", "inviato", "verzonden:", "begin forwarded", "forwarded message"}
)

// isReply reports whether a line says that another mail begins, to whose rows the heading of a table above does not belong.
func isReply(line string) bool {
	line = strings.ToLower(strings.Trim(line, " \t\r>|;,"))
	return slices.ContainsFunc(replyEnds, func(end string) bool { return strings.HasSuffix(line, end) }) ||
		slices.ContainsFunc(replyBegins, func(begin string) bool {
			return strings.HasPrefix(line, begin) && line != strings.Repeat("-", len(line))
		})
}

// localWords are of times on the clock of some place.
var localWords = setOfWords("local locale locales locais locali lokal lokale lokaler lokalen lokalzeit ortszeit")
