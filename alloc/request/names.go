package request

import (
	"strings"
	"unicode"
)

// A role is what a column, a member or a key says about a question.
type role uint8

const (
	roleAddress role = iota + 1
	rolePort
	roleTime // a whole time
	roleDate // a date, with or without its clock in a column of its own
	roleClock
	roleFrom
	roleFromDate
	roleFromClock
	roleTo
	roleToDate
	roleToClock
	roleZone
	roleProto
	roleDestination
	roleDestinationPort
	roleHalf      // AM or PM in a field of its own
	roleSaving    // whether clocks showed summer time
	roleFirstSeen // of reports only: their time may not lie before it, or behind the next
	roleLastSeen
	roleDuration // of a flow that began at roleFrom; in tables of flow tools only
	roleCount
)

// spellings are the names of roles as normal writes them. Names of the inside are not among them, and none that could be a
// person's or a case's.
var spellings = [roleCount]string{
	roleAddress: `ip ipaddress ipaddr ipv4 ipv4address ip4 address addr ipport endpoint src srcip srcaddr srcaddress sa source
		sourceip sourceaddress sourceipaddress sourceipv4 sourceidentifier outside outsideip outsideaddress public publicip
		publicaddress publicipaddress publicipv4 external externalip externaladdress nat natip nataddress natsrcip xsrcip
		postnatip postnatsourceipv4address translatedip clientip clientaddress remoteip remoteaddr remoteaddress userip
		loginip hostip ipnumber ipv4addr ipaddressipv4 ipipv4 sourceipv4address originip originipaddress originatingip
		originaddress attackerip attackingip attackeripaddress offendingip offendingipaddress suspectip suspectipaddress
		infringingip infringingipaddress iporigem iporigen ippublico enderecoip direccionip ipdeorigem ipdeorigen origemip
		origenip enderecoiporigem enderecoipdeorigem enderecoippublico enderecoipv4 enderecodeip enderecodeorigem numeroip
		numerodeip direccionipdeorigen direcciondeorigen direccionippublica direccionipv4 ipadresse ipv4adresse quellip
		quelleip quelladresse quellipadresse oeffentlicheip oeffentlicheipadresse offentlicheip offentlicheipadresse
		absenderip ipabsender adresseip adresseipv4 adresseipsource adresseippublique ippublique indirizzoip indirizzoipv4
		indirizzoippubblico indirizzoipsorgente ippubblico infringersipaddress infringersip infringerip infringeripaddress ipsrc idorigh`,
	rolePort: `srcport sourceport sport spt sp outsideport publicport externalport natport natsrcport xsrcport postnatport
		postnaptsourcetransportport translatedport clientport remoteport userport loginport logicalport portalogica
		portaorigem portadeorigem puertoorigen sourceportnumber srcportnumber sourcetcpport sourceudpport
		portsource originport originatingport portalogicadeorigem portalogicaorigem origemporta portapublica
		puertodeorigen puertologico puertologicodeorigen puertopublico origenpuerto quellport
		quelleport quellportnummer portquelle offentlicherport oeffentlicherport
		infringersport infringerport infringingport portpublic portasorgente portadiorigine portadorigine portasource tcpsrcport udpsrcport idorigp sourceports ` + barePorts,
	roleTime: `timestamp ts datetime dateandtime datewithtime eventtime eventtimestamp when at epoch unixtime unixtimestamp instant
		logintime datahora dataehora fechahora fechayhora dataehorario datahorario datadoevento dataehoradoevento
		datahoradoevento fechadelevento fechayhoradelevento zeitstempel zeitpunkt datumuhrzeit datumunduhrzeit datumzeit
		datumundzeit datetimestamp dateandtimeofevent incidenttime dateofincident hitdatetime
		initialinfringementtimestamp dateheure dateetheure horodatage dataora dataeora recentinfringementtimestamp infringementtimestamp frametimeepoch frametime frametimeutc`,
	roleDate:  `date day eventdate data fecha dia datum incidentdate hitdate`,
	roleClock: `time timeofday clock hour hora horario uhrzeit zeit hittime heure ora orario`,
	roleFrom: `from start begin first fromtimestamp startdatetime starttimestamp begintime timefrom timestart datetimefrom
		firstseen inicio desde datahorainicio dataehorainicio datahorainicial dataehorainicial fechahorainicio
		fechayhorainicio von beginn`,
	roleFromDate:  `startdate fromdate begindate datefrom datainicio datainicial fechainicio fechainicial startdatum datedebut datainizio`,
	roleFromClock: `starttime fromtime horainicio horainicial startzeit heuredebut orainizio`,
	roleTo: `to end until stop last totimestamp enddatetime endtimestamp stoptime timeto timeend datetimeto lastseen fim ate
		hasta datahorafim dataehorafim datahorafinal dataehorafinal fechahorafin fechayhorafin fin bis ende`,
	roleToDate:  `enddate todate stopdate dateto datafim datafinal fechafin fechafinal enddatum datefin datafine`,
	roleToClock: `endtime totime horafim horafinal horafin endzeit heurefin orafine`,
	roleZone: `timezone tz zone utcoffset offset tzoffset gmtoffset fuso fusohorario fuseauhoraire fusoorario zonahoraria husohorario zeitzone
		timezoneoffset`,
	roleProto: `proto protocol protocolo protokoll protocole protocollo l4proto ipproto ipprotocol transportprotocol pr`,
	roleDestination: `dst dstip dstaddr dstaddress destination destinationip destinationaddress destinationipaddress destip destaddr dest
		da server serverip target targetip ipdestino ipdedestino enderecodestino enderecoipdestino enderecoipdedestino
		enderecodedestino direccionipdedestino direcciondestino direcciondedestino destinoip destinationhost destinationipv4
		destinationipv4address zielip zieladresse zielipadresse adressedestination adresseipdestination ipdestinazione indirizzodestinazione indirizzoipdestinazione serveripaddress ipdst idresph`,
	roleDestinationPort: `dstport destinationport destport dport dpt dp serverport targetport portadestino destinationportnumber
		portadedestino destinoporta puertodestino puertodedestino destinopuerto zielport portziel portdestination portdedestination portadestinazione portadidestinazione tcpdstport udpdstport idrespp`,
	roleHalf: `ampm pmam ampmindicator ampmmarker ampmflag timeampm ampmtime amorpm meridiem meridian meridiano meridiem12h antemeridiem postmeridiem halfday dayhalf halfofday tageshalfte tageshaelfte`,
	roleSaving: `isdst dstflag dstactive dstinuse indst daylight daylightsaving daylightsavings daylightsavingtime daylightsavingstime isdaylightsaving summertime issummertime sommerzeit istsommerzeit horariodeverao horarioverao
		horadeverano horariodeverano horarioverano heuredete oralegale`,
}

// barePorts are those names of ports that do not say whose.
const barePorts = `port ports porta portas puerto puertos portnumber portnummer numerodeport numerodiporta numerodaporta numerodepuerto portrange portid`

var bareNames = setOfWords(barePorts)

// isBarePort reports whether a name is one of those, whatever it has in brackets: "Port (TCP)".
func isBarePort(name string) bool {
	return len(name) <= maxName && bareNames[normal(newPair(name).label)]
}

var roles = func() map[string]role {
	m := map[string]role{}
	for r, names := range spellings {
		for name := range strings.FieldsSeq(names) {
			m[name] = role(r)
		}
	}
	return m
}()

// roleBegins are the beginnings of all these names, down to a letter.
var roleBegins = func() map[string]bool {
	m := map[string]bool{"": true}
	for name := range roles {
		for i := range name {
			m[name[:i]] = true
		}
		m[name] = true
	}
	return m
}()

// maxName is the length of the longest name that is looked at.
const maxName = 80

// roleOf returns the role of a name, or 0, and whether the name says that the time is UTC: "Time (UTC)".
func roleOf(name string) (r role, utc bool) {
	if len(name) > maxName {
		return 0, false
	}
	n := normal(name)
	if r := roles[n]; r != 0 {
		return r, false
	}
	for _, zone := range []string{"utc", "gmt"} {
		if short, ok := strings.CutSuffix(n, zone); ok {
			if r = roles[short]; r >= roleTime && r < roleZone {
				return r, true
			}
		}
	}
	return 0, false
}

// normal returns the letters and digits of a name in lower case, without accents: "Source-IP" and "src.ip" are one word.
func normal(name string) string {
	if isNormal(name) {
		return name
	}
	var b strings.Builder
	b.Grow(len(name))
	for _, r := range name {
		switch {
		case r < 0x80 && unicode.IsLetter(r) || isDigit(byte(r)) && r < 0x80:
			b.WriteRune(unicode.ToLower(r))
		case r >= 0x80:
			if plain, ok := accents[unicode.ToLower(r)]; ok {
				b.WriteByte(plain)
			} else if unicode.IsLetter(r) {
				b.WriteRune(r)
			}
		}
	}
	return b.String()
}

// isNormal reports whether normal would change nothing.
func isNormal(name string) bool {
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && !isDigit(c) {
			return false
		}
	}
	return true
}

// accents are those of Portuguese and Spanish, in whose countries most of these questions are asked, of German, French and Italian.
var accents = map[rune]byte{'á': 'a', 'à': 'a', 'â': 'a', 'ã': 'a', 'ç': 'c', 'é': 'e', 'è': 'e', 'ê': 'e', 'ë': 'e', 'í': 'i', 'ì': 'i', 'î': 'i', 'ï': 'i', 'ñ': 'n', 'ò': 'o', 'ó': 'o', 'ô': 'o', 'õ': 'o', 'ù': 'u', 'ú': 'u', 'û': 'u', 'ü': 'u', 'ä': 'a', 'ö': 'o'}
