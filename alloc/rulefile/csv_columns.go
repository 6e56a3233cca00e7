package rulefile

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// A holdsColumn says of each row whether it holds, or when. In a table, rows hold.
type holdsColumn struct {
	at    int
	name  string
	means []string // what it may say, besides nothing
}

// What cells say of rows that hold, and of those that do not, in the languages of those who write tables, without accents.
const (
	holdingWords = "active enabled yes true 1 ativo ativa activo activa aktiv actif attivo attiva habilitado habilitada aktiviert sim si ja oui vero verdadeiro verdadero vrai wahr vigente"
	notWords     = "no false 0 nao nein non falso faux falsch"
)

// Names of columns, without accents and what stands between words. holdingNames say that rows hold, endingNames that they do not, and deedNames what becomes of the subscriber.
const (
	holdingNames = `status state enabled active isactive isenabled enable inuse valid isvalid current iscurrent live islive
		estado situacao situacion statut stato etat zustand ativo ativa activo activa aktiv actif attivo attiva habilitado habilitada habilitato aktiviert vigente valido valida gultig gueltig valide emuso enuso`
	endingNames = `disabled inactive deleted isdisabled isinactive isdeleted disable suspended blocked expired removed terminated cancelled canceled obsolete isobsolete decommissioned retired archived left churned
		inativo inativa inactivo inactiva inaktiv inactif inattivo desativado desativada desactivado desactivada deaktiviert desactive disattivato obsoleto obsoleta veraltet bloqueado bloqueada gesperrt bloque bloccato
		suspenso suspendido suspendu sospeso cancelado cancelada anulado annule annullato gekundigt gekuendigt removido eliminado borrado geloscht geloescht supprime eliminato excluido expirado abgelaufen expire scaduto encerrado`
	deedNames = "action ruleaction verdict operation accion acao aktion azione"
	// whenNames say since when or until when, alone or beside one of aboutTimes.
	whenNames = `from until to since start end starts ends started ended begin begins stop stopped validfrom validuntil validto validthrough
		expires expire expired expiry expiration removed removal deleted deletion disabled deactivated deactivation suspended terminated termination decommissioned archived
		cancelled canceled closed release released retired revoked effective effectivefrom effectiveto effectiveuntil leasestart leaseend
		inicio inicial comeco fim final termino ate desde validade vencimento baixa desativacao cancelamento encerramento exclusao liberacao
		comienzo alta fin hasta vencimiento baja desactivacion cancelacion caducidad validez
		von bis ab seit ende anfang beginn gueltigvon gueltigbis gueltigab gultigvon gultigbis gultigab ablauf kundigung kuendigung sperrung loschung loeschung abmeldung
		debut jusqua jusque depuis expiration resiliation suppression validejusqua inizio fine finoa dal scadenza disattivazione cessazione`
	aboutTimes = `at on date time datetime timestamp ts utc data datade datado datada fecha fechade fechadel hora horade datahora fechahora datum zeitpunkt datede datedu dated datadi dataora`
)

// holdsNames are the columns of that kind: end_date, "End date" and endDate are one.
var holdsNames = func() map[string][]string {
	m := map[string][]string{}
	add := func(names string, means ...string) {
		for name := range strings.FieldsSeq(names) {
			m[name] = means
		}
	}
	add(holdingNames, strings.Fields(holdingWords)...)
	add(endingNames, strings.Fields(notWords)...)
	add(deedNames, "snat", "src-nat", "nat", "translate")
	add("flags") // of what a router prints: X, I, D
	for stem := range strings.FieldsSeq(whenNames) {
		for when := range strings.FieldsSeq("- " + aboutTimes) {
			when = strings.Trim(when, "-")
			for _, name := range []string{stem + when, when + stem} {
				if _, ok := m[name]; !ok {
					m[name] = nil
				}
			}
		}
	}
	return m
}()

// holdsName returns the name under which a column stands there.
func holdsName(column string) string {
	return strings.NewReplacer(" ", "", "-", "", "_", "", ".", "", "/", "", "'", "", "’", "").Replace(withoutAccents(column))
}

// withoutAccents returns text in small letters without accents, also where it is not in UTF-8 but in Latin-1, as spreadsheets write it.
func withoutAccents(text string) string {
	text = strings.TrimSpace(text)
	if !utf8.ValidString(text) {
		var b strings.Builder
		for _, c := range []byte(text) {
			b.WriteRune(rune(c))
		}
		text = b.String()
	}
	return accents.Replace(strings.ToLower(text))
}

var accents = strings.NewReplacer("á", "a", "à", "a", "â", "a", "ã", "a", "ä", "a", "ç", "c", "é", "e", "è", "e", "ê", "e", "ë", "e", "í", "i", "ì", "i", "î", "i", "ï", "i", "ñ", "n", "ó", "o", "ò", "o", "ô", "o", "õ", "o", "ö", "o", "ú", "u", "ù", "u", "û", "u", "ü", "u")

// check refuses a row that does not hold always.
func (c *columns) check(fields []string) *LineError {
	for _, h := range c.holds {
		text := strings.TrimSpace(fields[h.at])
		if text != "" && !slices.Contains(h.means, withoutAccents(text)) {
			return bad(ErrSyntax, "column %s says %q, and the rows of a table hold always", h.name, printable(text)).
				hint("take the rows out that do not hold at the time in question, and then the column")
		}
	}
	return nil
}

// protocols returns the protocols for which a row holds.
func (c *columns) protocols(fields []string) (protoMask, *LineError) {
	if c.proto < 0 {
		return ported, nil
	}
	text := strings.TrimSpace(fields[c.proto])
	if text == "" || text == "*" {
		return ported, nil
	}
	mask := protoMask(0)
	for one := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(",;/+&| ", r) }) {
		m, ok := protoOf([]byte(one))
		if strings.EqualFold(one, "both") {
			m, ok = tcp|udp, true
		}
		if m &= ported; !ok || m == 0 {
			return 0, bad(ErrSyntax, "%q are no protocols of shares: want tcp, udp, icmp or all", printable(text))
		}
		mask |= m
	}
	if mask == 0 {
		return 0, bad(ErrSyntax, "%q are no protocols of shares: want tcp, udp, icmp or all", printable(text))
	}
	return mask, nil
}

// Unread returns the names of the columns of a table of CSV that are not read, in their order, printable. Other formats have none.
func (t *Table) Unread() []string { return slices.Clone(t.unread) }
