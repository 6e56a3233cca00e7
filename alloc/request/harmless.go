package request

import (
	"strconv"
	"strings"
	"unicode"
)

// harmlessWords are words of names of fields whose port a bare "port" beside them is never: of cases, people, places, networks, works and texts. Words of all
// other names may be of a system, a service or an event that was attacked at that port.
var harmlessWords = setOfWords(`case cases caso casos fall reference references ref refs referencia referencias referenz aktenzeichen az file files vorgang vorgangsnummer ticket tickets processo proceso inquerito inquiry oficio mandado docket procedimento
	procedimiento expediente diligencia order no nr nro num numero nummer number nº id ids uuid guid key code codigo serial seq row line zeile linha linea item index count counter anlage anexo attachment appendix page pagina seite
	caseno casenr caseid casenumber ticketid ticketno userid customerid accountid requestid fallnummer
	name nome nombre names first last middle full given family surname sobrenome apellido apellidos vorname nachname person persons pessoa persona people cpf rg cnpj dni mother mae madre father pai padre investigado investigada investigados investigated suspect
	suspects suspeito suspeita sospechoso beschuldigter beschuldigte verdachtiger accused indiciado autor autora requerente requester requesting requisitante solicitante antragsteller officer agente delegado delegada delegacia judge juiz juiza juez richter prosecutor promotor
	promotora fiscal staatsanwalt staatsanwaltschaft police policia polizei court vara tribunal gericht comarca juizo contact contato contacto kontakt sender absender recipient empfanger by sachbearbeiter bearbeiter author witness testemunha
	user users username usuario usuarios usuaria utilizador benutzer benutzername account accounts conta cuenta konto customer cliente kunde kundennummer subscriber assinante abonado teilnehmer nick nickname alias profile perfil uid owner holder titular
	email mail e correo phone telefone telefono telefon tel fax mobile celular handy msisdn imei imsi mac address endereco direccion adresse anschrift street rua calle strasse zip cep plz postcode city cidade ciudad stadt country countries pais land
	state estado region uf cc district bairro location localizacao ubicacion ort
	isp provider provedor proveedor anbieter operator operadora carrier asn as asname org organization organisation organizacao organizacion company empresa firma network net netname rede red netz prefix subnet range cidr hostname rdns ptr reverse dns ttl
	subject assunto asunto betreff comment comments comentario comentarios kommentar note notes nota notas notiz remark remarks obs observacao observacoes observacion observaciones bemerkung bemerkungen description descricao descripcion beschreibung message
	mensagem mensaje nachricht text texto detail details detalhe detalhes detalle detalles summary resumo resumen info information informacao informacion title titulo titel log logs raw evidence evidencia beweis
	filename arquivo archivo datei dateiname filesize size tamanho tamano grosse hash sha1 md5 sha256 infohash torrent work works obra obras werk infringed infringing infringement copyright copyrighted right rights rightsholder rightsowner p2p
	date dates time times day data fecha datum dia hora horario zeit uhrzeit timestamp created updated received reported sent closed deadline prazo plazo frist birth nascimento nacimiento geburtsdatum issued local utc gmt timezone zona zone fuso fuseau horaire huso zeitzone tz offset
	report reports reporter reporting relatorio informe bericht melder source denunciante complaint complainant queixa denuncia beschwerde notice notification abuse language idioma lang sprache session sessionid sessao sesion
	is minutes seconds hours diff agent client device os browser duration duracao dauer
	movie film filme pelicula series serie season episode artist album track song musica studio publisher label media content number platform plataforma plattform crime crimes delito offence offense felony straftat tatvorwurf delikt law lei ley artigo article articulo
	also known other second additional further update real priority prioridade gender sexo idade age profession profissao beruf birthplace naturalidade filiacao remark
	lfd laufende sno sl sr lp pos zeichen geschaftszeichen dienststelle behorde agency authority investigator urgency plaintiff claimant matter rechtsgrundlage legal basis rechteinhaber
	seen
	at on of the de do da dos das del la el der des und and y our ours your yours their his her its nosso nossa seu sua su nuestra unsere unser ihr ihre meu minha my to for para`)

// textNames are words of names of users, works and files, which may be called like a service.
var textNames = setOfWords("user users username usuario usuarios benutzer benutzername login account conta cuenta konto nick nickname alias name nome nombre title titulo titel filename file arquivo archivo datei work works werk obra torrent mail email agent useragent sender case caso reference ref ticket processo number id nr")

// sharing are protocols of which one end is like the other: a port beside their name is that of the one who shares.
var sharing = setOfWords("bittorrent torrent utorrent utp p2p edonkey edonkey2000 edonkey2k ed2k emule kad gnutella gnutella2 ares fasttrack directconnect dc dcpp limewire")

// nameWords returns the words of a name as normal writes them, also of one such as caseNumber.
func nameWords(name string) (words []string) {
	runes, begin := []rune(name), 0
	add := func(end int) {
		if word := normal(string(runes[begin:end])); word != "" {
			words = append(words, word)
		}
		begin = end
	}
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			add(i)
		case i > begin && unicode.IsUpper(r) && unicode.IsLower(runes[i-1]):
			add(i)
		}
	}
	add(len(runes))
	return words
}

// isHarmless reports whether all words of a name are such words, or numbers.
func isHarmless(words []string) bool {
	for _, word := range words {
		if _, err := strconv.ParseUint(word, 10, 64); err != nil && !harmlessWords[word] {
			return false
		}
	}
	return len(words) > 0
}

// maxService is the length of the longest value in which the name of a service is looked for; longer ones are letters.
const maxService = 64

// hasService reports whether a value names a service: ssh, sshd, ssh2, tcp/ssh, ssh-bruteforce. Words that are of anything else as well count only
// where nothing else is there.
func hasService(value string) bool {
	if len(value) > maxService {
		return false
	}
	isBetweenWords := func(r rune) bool { return r <= ' ' || strings.ContainsRune("/-_,;()[]|\"'+", r) }
	words := strings.FieldsFunc(value, isBetweenWords)
	for _, word := range words {
		if strings.Contains(value, word+"://") {
			continue // of a link
		}
		n := strings.TrimRight(normal(strings.Trim(word, ":.!?#*")), "0123456789")
		known := services[n] || services[strings.TrimSuffix(n, "d")] || services[normal(word)]
		if known && !strings.Contains(strings.Trim(word, "."), ".") && (len(words) == 1 || !vagueServices[n]) {
			return true
		}
	}
	return services[normal(value)]
}

// vagueServices are names of services that are words of other things, too.
var vagueServices = setOfWords("web www mail submission domain dns proxy socks docker sip redis samba")

// isOtherProtocol reports whether a value that is to be a protocol is something that is spoken at a port of somebody's server.
func isOtherProtocol(value string) bool {
	words := strings.FieldsFunc(value, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, word := range words {
		if n := normal(word); !sharing[n] && n != "protocol" && n != "over" && knownProto(word) == "" {
			return true
		}
	}
	return false
}

// namesPort reports whether a text has a host, other than an address or the name that is made of it, with a port: www.example.com:8080.
func namesPort(text string, own func(host string) bool, port uint16) bool {
	for rest, begin := text, 0; ; {
		i := strings.IndexByte(rest[begin:], ':')
		if i < 0 {
			return false
		}
		i += begin
		begin = i + 1
		end := begin
		for end < len(rest) && isDigit(rest[end]) {
			end++
		}
		if n, err := strconv.ParseUint(rest[begin:end], 10, 16); err != nil || uint16(n) != port {
			continue
		}
		start := i
		for start > 0 && start > i-maxName && !strings.ContainsRune(" \t\r\n/@,;<>\"'()=|", rune(rest[start-1])) {
			start--
		}
		host := rest[start:i]
		if r, _ := roleOf(host); r == 0 && strings.ContainsFunc(host, unicode.IsLetter) && !own(host) {
			return true
		}
	}
}
