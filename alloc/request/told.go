package request

import (
	"slices"
	"strings"
	"unicode"
)

// maxTold is how much of a paragraph is kept, in bytes.
const maxTold = 4 << 10

// A paragraph is the last paragraph above rows, which may say that their number is a count, or the port that was attacked.
type paragraph struct {
	text   strings.Builder
	last   string // its last line, which may be told twice
	before string // the line before that one
	ended  bool   // whether a blank line or a row stands below it
	known  bool   // whether counts is right
	counts bool
}

// line takes a line without an address.
func (t *paragraph) line(line string) {
	if line == t.last && !t.ended {
		return
	}
	if t.ended {
		t.text.Reset()
		t.ended, t.last = false, ""
	}
	t.before, t.last, t.known = t.last, line, false
	if t.text.Len() < maxTold {
		t.text.WriteString(line[:min(len(line), maxTold)] + "\n")
	}
}

// saysCount reports whether the paragraph says so, and names no port of the source.
func (t *paragraph) saysCount() bool {
	if !t.known {
		t.known, t.counts = true, saysCount(t.text.String())
	}
	return t.counts
}

// isGroup reports whether the line right above names of columns says that some of them are of what was attacked: names of groups, "Attacker,Target,", or of
// their ports. Then a port below that does not say whose it is may be that.
func (t *paragraph) isGroup() bool {
	if t == nil || t.before == "" {
		return false
	}
	cells := []string{t.before}
	for _, mark := range [...]rune{'\t', '|', ';', ',', twoBlanks} {
		if c := cut(t.before, mark); len(c) > len(cells) {
			cells = c
		}
	}
	return saysCount(t.before) || slices.ContainsFunc(cells, func(cell string) bool {
		cell = strings.Trim(cell, " :.-=|*_#")
		r, _ := roleOf(cell)
		words := len(strings.Fields(cell))
		return 0 < words && words < 4 && (r == roleDestination || r == roleDestinationPort || sectionOf(cell) == destinationSide || isAttackedName(normal(cell)))
	})
}

// What a paragraph says of a number, as normal writes it. countWords are what is counted, and are words of any letter, too; counters say that they count.
var (
	countWords = setOfWords(`attempt attempts connection connections request requests login logins failures packets bytes hits tries times events flows sessions occurrences scans probes accesses tentativas conexoes acessos requisicoes pacotes ocorrencias vezes
		intentos conexiones accesos paquetes veces solicitudes ocurrencias zugriffe zugriffen versuche versuchen treffer verbindungen anfragen pakete anmeldungen tentatives connexions`)
	counters   = setOfWords("count counts counter hits hit_count hitcount treffer qtd qtde quantidade cantidad anzahl frequency frequencia frecuencia asn")
	numbers    = setOfWords("number numbers no nr num numero amount total sum nombre zahl")
	numberOfs  = setOfWords("of de do da dos das del der von des the")
	vagues     = setOfWords("a an large high great huge significant big considerable increasing certain grande elevado elevada alto alta gran grosse hohe eine einer uma um una un small")
	portWords  = setOfWords("port ports porta portas puerto puertos")
	otherPorts = setOfWords("dstport dstports dport dports destport destports targetport targetports zielport zielports localport serverport")
	ownPorts   = setOfWords("sourceport sourceports srcport srcports sport sports spt quellport quellports quellporte clientport")
	ownSides   = setOfWords("source src origin originating client logical nat public external translated quell origem origen logica logico outside your")
	otherSides = setOfWords(`dst dest destination destinations target targets targeted attacked victim victims local remote server service services scanned probed our ziel destino alvo atacada atacado atacadas atacados attackiert attackierte attackierter angegriffen angegriffene
		angegriffener honeypot affected`)
	scanWords   = setOfWords("scan scans scanning scanner scanners forward forwarding forwarded mirroring")
	listLabels  = setOfWords("fields columns format colunas campos formato spalten felder columnas order")
	listTimes   = setOfWords("time times timestamp timestamps last seen first date dates data hora horario fecha zeit zeiten zeitpunkt datum ultimo ultima letzter letzte")
	hostWords   = setOfWords("ip ips address addresses host hosts attacker attackers source sources endereco enderecos direccion direcciones adresse adressen angreifer atacante atacantes")
	betweenList = setOfWords("and with und mit e com y con et")
)

// toldWords returns the words of a text as normal writes them.
func toldWords(text string) []string {
	words := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, word := range words {
		words[i] = normal(word)
	}
	return words
}

// saysCount reports whether a text says of a number that it is a count or the port that was attacked, and names no other port. What a number
// follows at once has that as its value.
func saysCount(text string) bool {
	words, other := toldWords(text), false
	at := func(i int) string {
		if i < 0 || i >= len(words) {
			return ""
		}
		return words[i]
	}
	for i, word := range words {
		if next := at(i + 1); next != "" && isDigit(next[0]) {
			continue
		}
		switch {
		case ownPorts[word]:
			return false
		case otherPorts[word], counters[word] && !vagues[at(i-1)]:
			other = true
		case numbers[word] && numberOfs[at(i+1)] && !vagues[at(i-1)]:
			other = other || slices.ContainsFunc(words[i+2:min(len(words), i+6)], func(w string) bool { return countWords[w] })
		case portWords[word] && scanWords[at(i+1)]:
		case portWords[word]:
			if !isOtherPort(at, i) {
				return false
			}
			other = true
		}
	}
	return other || slices.ContainsFunc(strings.Split(text, "\n"), isListOfCounts)
}

// isOtherPort reports whether the words around that of a port say that it is the one that was attacked.
func isOtherPort(at func(int) string, i int) bool {
	for _, j := range [...]int{i - 1, i - 2} {
		if ownSides[at(j)] || hostWords[at(j)] && j == i-2 {
			break
		}
		if otherSides[at(j)] {
			return true
		}
	}
	for j := i + 1; j <= i+4; j++ {
		if ownSides[at(j)] {
			return false
		}
		if otherSides[at(j)] {
			return true
		}
		if betweenList[at(j)] || listTimes[at(j)] || hostWords[at(j)] {
			return false
		}
	}
	return false
}

// isListOfCounts reports whether a line lists an address, something that is counted and a time: "IPs with failed logins and last seen".
func isListOfCounts(line string) bool {
	words := toldWords(line)
	has := func(words []string, set map[string]bool) bool {
		return slices.ContainsFunc(words, func(w string) bool { return set[w] })
	}
	if len(words) > 1 && listLabels[words[0]] {
		return has(words[1:], countWords)
	}
	items, counted, timed, hosted := 0, false, false, false
	for item := range strings.FieldsFuncSeq(strings.ReplaceAll(line, " - ", ", "), func(r rune) bool { return strings.ContainsRune(",;/|()[]<>{}:", r) }) {
		words := toldWords(item)
		for begin, i := 0, 0; i <= len(words); i++ {
			if i < len(words) && !betweenList[words[i]] {
				continue
			}
			if part := words[begin:i]; len(part) > 0 {
				items++
				counted = counted || len(part) <= 3 && has(part, countWords) && !has(part, listTimes)
				timed, hosted = timed || has(part, listTimes), hosted || has(part, hostWords)
			}
			begin = i + 1
		}
	}
	return items > 2 && counted && timed && hosted
}
