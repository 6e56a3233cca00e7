package request

import (
	"slices"
	"strings"
	"unicode"
)

// Words of sentences about ports, as normal writes them.
//
//nolint:misspell // other languages
var (
	otherPorts = setOfWords("dport dports dpt dstport dstports destport destports destinationport destinationports targetport targetports serviceport serverport attackedport zielport zielports zielporte portziel")
	otherSides = setOfWords(`destination destinations dest dst target targets targeted attacked victim victims server servers webserver service services web honeypot honeypots sensor scanned probed hit our my local listening open ziel angegriffen angegriffene angegriffenen angegriffener angegriffenes
		unser unsere unserer unseren unseres server servers dienst dienstes dienste opfer opfers destino destinos atacada atacadas atacado atacados alvo alvos vitima vitimas servidor servidores servico servicos nosso nossa nossos nossas nuestro nuestra nuestros victima victimas servicio servicios objetivo
		destinazione cible cibles serveur serveurs attaque attaquee attaques attaquees notre nos visee vise bersaglio attaccata attaccate`)

	// ownersOf stand before what somebody has, which need not be what was attacked.
	ownersOf = setOfWords("our my hit local unser unsere unserer unseren unseres nosso nossa nossos nossas nuestro nuestra nuestros notre nos")

	// strongSides say of a port that it is that of the source, whatever else is said.
	strongSides = setOfWords("source src quell origem origen origine sorgente")

	denials = setOfWords(`not non without never none neither nor missing unavailable unknown lacking lack lacks instead rather than cannot cant dont doesnt didnt isnt arent wasnt werent havent hasnt hadnt couldnt wont if whether unless only
		kein keine keinen keiner keinem keines nicht ohne fehlt fehlen fehlend fehlende weder statt anstatt sondern unbekannt falls ob nur nao nem sem falta faltam faltando ausente ausentes indisponivel indisponiveis desconhecida desconhecidas desconhecido apenas somente
		sin ni tampoco desconocido desconocidos solo solamente pas sans aucun aucune manque inconnu inconnus seulement senza manca sconosciuta niet geen zonder onbekend distinct different unique various verschiedene verschiedener verschiedenen distintos distintas diferentes varios varias per`)
	countings  = setOfWords("hits count counts anzahl quantidade cantidad total totals amount quantity howmany tally retries summe zahl contagem conteo")
	countNouns = setOfWords("hits attempts tries packets bytes requests connections sessions events failures logins scans attacks tentativas acessos ataques intentos accesos versuche zugriffe treffer pakete angriffe tentatives connexions tentativi")
	joints     = setOfWords("and und e y et with mit com con or oder ou plus sowie avec")
	columnsAre = setOfWords("column columns spalte spalten coluna colunas columna columnas colonne colonnes figure figures value values zahl zahlen valor")
	saysAre    = setOfWords("is are ist sind e sao es son est sont means refers")
)

// attackMarks begin or are words of attacks.
var attackMarks = strings.Fields("attack angriff angegriff ataque ataca atacad attaqu attacc scan brute honeypot ddos exploit probe probing intrus invas einbruch malware botnet c2 sinkhole blocklist blacklist fail2ban")

// countMarks begin words for what is counted, and serviceMarks are services that letters about attacks name.
var (
	countMarks   = append(strings.Fields("attempt hits anzahl quantidade cantidad tentativa intento versuch count number numero"), " per ", " je ", " por ", " pro ")
	serviceMarks = strings.Fields("ssh rdp ftp telnet smtp imap pop3 sip smb mysql mssql postgres redis vnc ldap winrm telnet")
	countedWords = setOfWords("attempts hits anzahl quantidade cantidad tentativas intentos versuche count counts")
)

// namesService reports whether a word of a text is a service that has nothing to do with who writes.
func namesService(word string) bool {
	n := strings.TrimRight(word, "0123456789")
	return slices.Contains(serviceMarks, word) || slices.Contains(serviceMarks, strings.TrimSuffix(n, "d"))
}

// isAttackWord reports whether a word is of an attack.
func isAttackWord(word string) bool {
	if word == "" || word == "attacker" || word == "attackers" {
		return false
	}
	return slices.ContainsFunc(attackMarksBy[word[0]], func(mark string) bool { return strings.HasPrefix(word, mark) }) || strings.HasSuffix(word, "scan")
}

// attackMarksBy are attackMarks by their first letter.
var attackMarksBy = func() (marks [256][]string) {
	for _, mark := range attackMarks {
		marks[mark[0]] = append(marks[mark[0]], mark)
	}
	return marks
}()

// hasPortWord reports whether a text has a word for a port, or one that begins or ends so: "portscan", and not "report" or "important".
func hasPortWord(text string) bool {
	text = strings.ToLower(text)
	if strings.Contains(text, "puert") || strings.Contains(text, "dpt") || strings.Contains(text, "spt") {
		return true
	}
	for rest := text; ; {
		at := strings.Index(rest, "port")
		if at < 0 {
			return false
		}
		begin, end := at, at+len("port")
		for begin > 0 && isLetter(rest[begin-1]) {
			begin--
		}
		for end < len(rest) && isLetter(rest[end]) {
			end++
		}
		if word := rest[begin:end]; begin == at && !plainPorts[word] || otherPorts[word] || ownPorts[word] || !notOfPorts[word] && (strings.HasSuffix(word, "port") || strings.HasSuffix(word, "ports")) {
			return true
		}
		rest = rest[end:]
	}
}

// plainPorts are words that begin like one for a port.
var plainPorts = setOfWords("portal portals portable portion portions portrait portfolio portugal portuguese portland portsmouth porto porter")

// mayBeAlarm reports whether a text may be about ports or attacks. It is cheaper than to cut it into words.
func mayBeAlarm(text string) bool {
	lower := strings.ToLower(text)
	return slices.ContainsFunc(countMarks, func(mark string) bool { return strings.Contains(lower, mark) }) || slices.ContainsFunc(serviceMarks, func(mark string) bool { return strings.Contains(lower, mark) }) ||
		strings.Contains(lower, "port") || strings.Contains(lower, "puert") || strings.Contains(lower, "dpt") || slices.ContainsFunc(attackMarks, func(mark string) bool { return strings.Contains(lower, mark) })
}

// sentencesOf cuts a text into sentences, which may go over lines.
func sentencesOf(text string) (sentences []string) {
	begin := 0
	for i, r := range text {
		if r == '.' || r == '!' || r == '?' {
			if rest := text[i+1:]; rest == "" || rest[0] == ' ' || rest[0] == '\n' || rest[0] == '\t' {
				sentences = append(sentences, text[begin:i+1])
				begin = i + 1
			}
		}
	}
	return append(sentences, text[begin:])
}

// contractions writes isn't as isnt, which is one word.
var contractions = strings.NewReplacer("n't", "nt ", "n\u2019t", "nt ")

// clausesOf cuts a sentence into the words of what stands between its marks.
func clausesOf(sentence string) (clauses [][]string) {
	sentence = contractions.Replace(sentence)
	for clause := range strings.FieldsFuncSeq(sentence, func(r rune) bool { return strings.ContainsRune(",;/|()[].:=\n\t", r) || r == '-' }) {
		if words := toldWords(clause); len(words) > 0 {
			clauses = append(clauses, words)
		}
	}
	return clauses
}

// A portSaying is what a sentence says about ports.
type portSaying struct {
	own    bool   // it names the port of the source
	strong bool   // and says that it is in a column
	bad    string // a word by which there is none, or that of another; "" if there is none
}

// sayingOf reads a sentence. What it says stands between marks, and a port of a line may be explained in the next.
func sayingOf(sentence string) (s portSaying) {
	clauses := clausesOf(sentence)
	flat := toldWords(contractions.Replace(sentence))
	ofAttack := slices.ContainsFunc(flat, func(w string) bool { return isAttackWord(w) || otherSides[w] })
	isOwn := func(words []string) bool { return namesOwnPort(words) && (!ofAttack || hasStrongPort(words)) }
	s.own = slices.ContainsFunc(clauses, isOwn) || isOwn(flat)
	for _, words := range clauses {
		if s.bad == "" {
			s.bad = otherPortIn(words)
		}
	}
	if !s.own {
		return s
	}
	if s.bad == "" {
		s.bad = denialIn(flat)
	}
	for _, words := range clauses {
		if s.bad == "" {
			s.bad = countIn(words)
		}
	}
	has := func(set map[string]bool) bool {
		return slices.ContainsFunc(flat, func(w string) bool { return set[w] })
	}
	s.strong = s.bad == "" && (has(saysAre) || has(hostNames) && has(columnClocks))
	return s
}

// columnClocks are words for times of columns.
var columnClocks = setOfWords("clock clocks time times timezone zone utc gmt hora horas horario horarios uhr uhrzeit zeit zeiten zeitzone heure heures ora orario date data fecha datum timestamp zeitpunkt")

// denialIn returns a word of a sentence about the port of the source by which there is none, or it is counted; "" if there is none. "No" is a word of Portuguese as well.
func denialIn(words []string) string {
	portuguese := slices.Contains(words, "porta") || slices.Contains(words, "portas")
	for i, word := range words {
		counts := countings[word] || (word == "number" || word == "numbers" || word == "numero" || word == "numeros") && !isNumberOfPort(words, i)
		if denials[word] || counts || word == "no" && !portuguese {
			return word
		}
	}
	return ""
}

// countIn returns the word of a clause that is what is counted; "" if there is none.
func countIn(words []string) string {
	for _, part := range splitAt(words, joints) {
		isLetters := func(w string) bool { return determiners[w] || ordinaryWords[w] }
		if n := len(part); 0 < n && n <= 3 && countNouns[part[n-1]] && !slices.ContainsFunc(part, isLetters) {
			return part[n-1]
		}
	}
	return ""
}

// splitAt cuts words where one of a set stands.
func splitAt(words []string, set map[string]bool) (parts [][]string) {
	begin := 0
	for i, word := range words {
		if set[word] {
			parts, begin = append(parts, words[begin:i]), i+1
		}
	}
	return append(parts, words[begin:])
}

// isNumberOfPort reports whether a word for a number is of the number of one port: "source port number", "número da porta de origem".
func isNumberOfPort(words []string, i int) bool {
	isPort := func(w string) bool {
		return w == "port" || w == "porta" || w == "puerto" || w == "sourceport" || w == "quellport"
	}
	if i > 0 && isPort(words[i-1]) {
		return true
	}
	for _, word := range words[i+1 : min(len(words), i+4)] {
		if isPort(word) {
			return true
		}
		if !portOfs[word] && !strongSides[word] {
			return false
		}
	}
	return false
}

// hasStrongPort reports whether words name the port of the source in words that are of nothing else.
func hasStrongPort(words []string) bool {
	for i, word := range words {
		if ownPorts[word] && word != "clientport" || portWords[word] && isSourcePort(words, i) {
			return true
		}
	}
	return false
}

// isSourcePort reports whether the port at a place is called that of the source.
func isSourcePort(words []string, i int) bool {
	if i > 0 && strongSides[words[i-1]] {
		return true
	}
	for _, word := range words[i+1 : min(len(words), i+4)] {
		if strongSides[word] {
			return true
		}
		if !portOfs[word] && word != "logica" && word != "logico" && word != "ip" {
			return false
		}
	}
	return false
}

// nearPort is how many words may stand between a port and whose it is.
const nearPort = 5 // "the ports are those of the target"

// otherPortIn returns the word of a clause by which a port is that of an attacked system; "" if there is none.
func otherPortIn(words []string) string {
	for i, word := range words {
		if otherPorts[word] || isOtherPort(word) {
			return word
		}
		if !portWords[word] || isSourcePort(words, i) {
			continue
		}
		if kind := kindOfPort(words, i); kind != "" {
			return kind
		}
		for _, near := range words[max(0, i-nearPort):min(len(words), i+nearPort+1)] {
			if ownersOf[near] || otherSides[near] || services[near] && !vagueServices[near] {
				return near
			}
		}
	}
	return ""
}

// notOfPorts are words that end like one for a port, and places.
var notOfPorts = setOfWords(`report reports support supports transport transports export exports import imports airport airports passport passports rapport rapports viewport seaport heliport teleport carport comport purport deport sport sports
	newport bridgeport southport stockport shreveport gulfport rockport westport freeport davenport lockport eastport gosport`)

// isOtherPort reports whether a word names a port by what it is of, and no port of the source: Anmeldeport.
func isOtherPort(word string) bool {
	stem := strings.TrimSuffix(word, "s")
	return len(stem) > len("port")+1 && strings.HasSuffix(stem, "port") && !notOfPorts[word] && !ordinaryWords[word] && roles[word] != rolePort && roles[stem] != rolePort && !ownPorts[word]
}

// kindOfPort returns the word right before a port that says of what it is, "management port", unless that is the source, or a word of letters; "" if there is none.
func kindOfPort(words []string, i int) string {
	if i == 0 || words[i] != "port" && words[i] != "ports" {
		return ""
	}
	kind := words[i-1]
	isKnown := kind == "" || isDigit(kind[0]) || ordinaryWords[kind] || determiners[kind] || referenceWords[kind] || joints[kind] || atWords[kind] || denials[kind] || frontSides[kind] || hostNames[kind] || knownProto(kind) != "" || roles[kind+"port"] == rolePort
	if isKnown {
		return ""
	}
	return kind
}

// deniedPort returns the first word of a text by which a port in it is not that of the source; "" if there is none.
func deniedPort(text string) string {
	if !hasPortWord(text) {
		return ""
	}
	for _, sentence := range sentencesOf(text) {
		if s := sayingOf(sentence); s.bad != "" {
			return s.bad
		}
	}
	return ""
}

// aimedIn returns the first word of a text by which an attack was aimed at ports: a scan, brute force, a service that is named, or an attack on a system that
// its sentence names; "" if there is none.
func aimedIn(text string) string {
	if !mayBeAlarm(text) {
		return ""
	}
	for _, sentence := range sentencesOf(text) {
		words := toldWords(sentence)
		if i := slices.IndexFunc(words, namesService); i >= 0 {
			return words[i]
		}
		at := slices.IndexFunc(words, isAttackWord)
		if at < 0 {
			continue
		}
		for i, word := range words {
			if i > 0 && portWords[word] && (atWords[words[i-1]] || words[i-1] == "to" || words[i-1] == "against") {
				return words[at] // "attacks on port 22"
			}
		}
		isAim := func(w string) bool {
			return strings.HasPrefix(w, "scan") || strings.HasSuffix(w, "scan") || strings.HasPrefix(w, "brute") || services[w] && !vagueServices[w] || otherSides[w] && !ownersOf[w]
		}
		if slices.ContainsFunc(words, isAim) {
			return words[at]
		}
	}
	return ""
}

// freedBy returns what a text has behind the last sentence which says that the port of the source is in a column, and whether there is one. Sentences before it
// are free, unless they are about columns.
func freedBy(text string) (rest string, free bool) {
	sentences := sentencesOf(text)
	for len(sentences) > 1 && strings.IndexFunc(sentences[len(sentences)-1], unicode.IsLetter) < 0 {
		sentences = sentences[:len(sentences)-1]
	}
	last := -1
	for i, sentence := range sentences {
		if s := sayingOf(sentence); s.bad == "" && s.own && (s.strong || i == len(sentences)-1) {
			last = i
		}
	}
	if last < 0 {
		return text, false
	}
	for _, sentence := range sentences[:last] {
		if slices.ContainsFunc(toldWords(sentence), func(w string) bool { return columnsAre[w] }) {
			rest += sentence + "\n"
		}
	}
	return rest + strings.Join(sentences[last+1:], ""), true
}
