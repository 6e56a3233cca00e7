package request

import "strings"

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
