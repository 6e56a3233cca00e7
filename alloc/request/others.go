package request

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names of fields that may hold the name of a service, and services, as normal writes them. A port beside one is most often the one that was attacked.
var (
	attackedService = setOfWords("attackedservice targetservice")
	serviceNames    = setOfWords("service servico servicio dienst servicename attackedservice targetservice app application appproto serviceprotocol")
	services        = setOfWords(`ssh sshd openssh rdp msrdp http https httpalt web www ftp ftps ftpd sftp smtp smtps smtpd submission mail imap imaps pop3 pop3s sip sips voip telnet smb samba microsoftds netbios mssql mysql
		postgres postgresql redis mongodb elasticsearch vnc dns domain ntp snmp ldap ldaps winrm adb mqtt docker kubernetes memcached socks proxy openvpn xmpp irc rtsp`)
)

// Names of fields of which four numbers with dots are a version, or the address that the same user had at another time; and of fields in which such
// numbers are a version unless nothing else is in them.
var (
	versionNames = setOfWords("build buildnumber release revision ver appver osver clientver sdk browser navegador previousip registrationip registeredip signupip creationip")
	productNames = setOfWords("app application aplicativo os platform software program client device deviceinfo dispositivo gerat geraet gerate model clientinfo browserinfo") //nolint:misspell // German
)

// Words of names of systems that were attacked, those that may stand beside them, and names that may be of a person as well.
var (
	attackedParts = strings.Fields(`victim victims vitima victima opfer honeypot honeypots honeynet sensor attacked target targeted affected alvo ziel server servers servidor our destination dest dst destino atacado atacada
		localip localhost localserver vhost virtualhost contacted connectedto connectionto loginto logintarget c2 cnc sinkhole serviceip servicehost angegriffenes angegriffener angegriffene betroffenes betroffener betroffene afetado afetada afectado afectada`)
	systemParts = strings.Fields("web my customer client nosso nossa meu minha unser unsere unseren nuestro nuestra mi ip ipaddress address addr host hostname name id system systems sistema site website domain dominio fqdn machine maquina computer rechner node asset endereco direccion adresse service servico do da de del der des the")
	personNames = setOfWords("victim victims victimname nameofvictim vitima nomedavitima victima nombredelavictima opfer alvo target targetname")
)

// isAttackedName reports whether a name consists of such words, as normal writes it: victimhost, angegriffenerserver. A host without more may be attacked, too.
func isAttackedName(name string) bool {
	attacked := name == "host"
	for name != "" {
		longest, of := "", false
		for i, parts := range [...][]string{attackedParts, systemParts} {
			for _, part := range parts {
				if len(part) > len(longest) && strings.HasPrefix(name, part) {
					longest, of = part, i == 0
				}
			}
		}
		if longest == "" {
			return false
		}
		name, attacked = name[len(longest):], attacked || of
	}
	return attacked
}

// A nature is what the name of a field without a role says about its value.
type nature struct {
	place   bool // in which AM and PM are no half of the day
	service bool // which it may be
	version bool // whose numbers with dots are no address that a port could be of
	product bool // in which they are none beside other words

	attacked bool // which is a system that was attacked
	person   bool // or somebody

	harmless bool // of which no port beside it is
	text     bool // which may be called like a service
	proto    bool // which is what is spoken
	moment   bool // which may be the time that is asked about
}

// natureOf returns what a name says.
func natureOf(name string) nature {
	if len(name) > maxName {
		return nature{}
	}
	whole, n := normal(name), normal(lastPart(name))
	isVersion := func(mark string) bool { return strings.Contains(whole, mark) }
	words := nameWords(newPair(name).label)
	isText := func(word string) bool { return textNames[word] }
	r, _ := roleOf(lastPart(name))
	f := nature{
		attacked: isAttackedName(n) || whole != n && isAttackedName(whole) || isServer(words), person: personNames[n],
		place: placeNames[n] && !isBothOf(name), service: serviceNames[n], product: productNames[n],
		version: versionNames[n] || slices.ContainsFunc([]string{"version", "versao", "firmware", "useragent"}, isVersion),
		text:    slices.ContainsFunc(words, isText), proto: r == roleProto,
	}
	parent, _ := cutLast(name)
	within, _ := roleOf(parent)
	f.moment = spareOf(name).role == 0 && mayBeAsked(words)
	f.harmless = f.attacked || f.person || f.place || f.product || f.version || f.service && !attackedService[n] || // which are looked at for themselves
		isHarmless(words) || isCounter(name) || isZoneLabel(name) || isTimeRole(within) || within == roleZone || spareOf(name).role != 0
	return f
}

// isServer reports whether the words of a name end with one for a server, and others stand before it.
func isServer(words []string) bool { return len(words) > 1 && servers[words[len(words)-1]] }

// isBothOf reports whether a name is of two things, as "C&C", which is no country and no copy of a mail.
func isBothOf(name string) bool { return strings.Contains(name, "&") }

// servers are words at the end of names of systems that were attacked.
var servers = setOfWords("server servers servidor servidores serverip serverhost servername")

// mayHaveAddress reports whether a value may have an address of somebody else.
func (n nature) mayHaveAddress(value string) bool {
	return !n.version && hasAddress(value) && (!n.product || len(strings.Fields(value)) == 1 || !strings.ContainsFunc(value, unicode.IsLetter))
}

// isAttacked reports whether a value is a system that was attacked, by the name of its field. That of a person has blanks, and no dots inside of words.
func (n nature) isAttacked(value string) bool {
	if !n.attacked || isNothing(value) {
		return false
	}
	words := strings.Fields(value)
	return !n.person || len(words) == 1 || slices.ContainsFunc(words, func(word string) bool { return strings.Contains(strings.TrimRight(word, "."), ".") })
}

// A stranger is a value with an address that may be of somebody else, or the name of a system that was attacked.
type stranger struct {
	value    string
	attacked bool
	unknown  bool // whether the name of its field may be of anything
}

// isNot reports whether a stranger is another one than an address, or the name of a host that is made of it.
func (s stranger) isNot(addr netip.Addr) bool {
	return s.isNobodys() || hasOtherAddress(s.value, addr) || (s.attacked || s.unknown) && !isNameOf(s.value, addr)
}

// isNobodys reports whether a value under a name that may be of anything is no address and no host, whatever is asked about.
func (s stranger) isNobodys() bool {
	return s.unknown && (strings.ContainsAny(s.value, " \t") || !strings.ContainsAny(s.value, "0123456789"))
}

// isNameOf reports whether a text has the numbers of an address, in their order or in the other one: 0-0-18-198.isp.example.
func isNameOf(text string, addr netip.Addr) bool {
	numbers := "." + strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' }), ".") + "."
	forward := strings.Split(addr.String(), ".")
	back := slices.Clone(forward)
	slices.Reverse(back)
	return hasAddress(text) && !hasOtherAddress(text, addr) || strings.Contains(numbers, "."+strings.Join(forward, ".")+".") || strings.Contains(numbers, "."+strings.Join(back, ".")+".")
}

// field takes a value whose name has no role: AM or PM, a clock, and what a port could be of.
func (it *item) field(n nature, value string) {
	it.aside(n.place, value)
	it.stranger(n, value)
}

// stranger keeps a value that a port could be of: a service, an address, a system that was attacked.
func (it *item) stranger(n nature, value string) {
	value = strings.Trim(value, " \t\r\n")
	if isNothing(value) {
		return
	}
	it.besideTime(n, value)
	it.service = it.service || n.isService(value)
	if strings.Contains(value, ":") {
		if it.crowded = it.crowded || len(it.links) == maxBesides; !it.crowded {
			it.links = append(it.links, value)
		}
	}
	s := stranger{value: value, attacked: n.isAttacked(value), unknown: !n.harmless && !sharing[normal(value)] && (knownProto(value) == "" || isShortNumber(value))}
	if slices.ContainsFunc(it.hosts, stranger.isNobodys) || !s.unknown && !s.attacked && !n.mayHaveAddress(value) {
		return
	}
	if it.crowded = it.crowded || len(it.hosts) == maxBesides || len(it.foreign) == maxBesides; it.crowded {
		return
	}
	it.hosts = append(it.hosts, s)
	if it.ordered && (s.attacked || s.unknown) {
		it.foreign = append(it.foreign, s)
	}
}

// isService reports whether a value says which service was attacked.
func (n nature) isService(value string) bool {
	if n.proto && isOtherProtocol(value) {
		return true
	}
	return (n.service || !n.text && !n.version) && hasService(value)
}

// isOthers reports whether a port that does not say whose it is could be that of another address, of a system that was attacked, of a service, or of what
// has a name that is not known. Where fields stand in lines, an address whose name is known to be of something else counts only where the port follows it.
func (it *item) isOthers(addr netip.Addr, port uint16) bool {
	if it.apart {
		return true
	}
	isNot := func(s stranger) bool { return s.isNot(addr) }
	if it.ordered && (it.crowded || slices.ContainsFunc(it.behind, isNot)) {
		return true
	}
	if it.named[roleDestinationPort] {
		return false
	}
	own := func(host string) bool { return isNameOf(host, addr) }
	return it.service || slices.ContainsFunc(it.links, func(text string) bool { return namesPort(text, own, port) }) ||
		slices.ContainsFunc(it.foreign, isNot) || !it.ordered && (it.crowded || slices.ContainsFunc(it.hosts, isNot))
}

// hasOtherAddress reports whether a text has an address besides that one. A version (Chrome/120.0.0.0) and the name of a host (0.0.18.198.isp.example) have none, nor has
// a network that the address is in.
func hasOtherAddress(text string, addr netip.Addr) bool {
	if low, high, ok := strings.Cut(text, "-"); ok && addr.IsValid() {
		first, err := netip.ParseAddr(strings.TrimSpace(low))
		last, again := netip.ParseAddr(strings.TrimSpace(high))
		if err == nil && again == nil && first.Compare(addr) <= 0 && addr.Compare(last) <= 0 {
			return false
		}
	}
	for word := range strings.FieldsFuncSeq(refanged.Replace(text), isAroundAddress) {
		if _, behind, ok := strings.Cut(word, "//"); ok {
			word = behind // of a link
		}
		host, length, slash := strings.Cut(word, "/")
		a, ok := addressIn(strings.TrimRight(host, ".-"), addr)
		if !ok || a == addr {
			continue
		}
		if bits, err := strconv.Atoi(strings.TrimRight(length, ".:")); slash && err == nil {
			if p, err := a.Prefix(bits); err == nil && p.Contains(addr) {
				continue
			}
		}
		return true
	}
	return false
}

// isAroundAddress reports whether a rune ends what may be an address.
func isAroundAddress(r rune) bool {
	return r >= utf8.RuneSelf || unicode.IsSpace(r) || strings.ContainsRune("()[]{}<>,;|=@*!?#&_`'\"\\", r)
}

// addressIn returns the address that a word is, with or without a port or label: 203.0.113.9:22, dst:203.0.113.9. Of several it is the first that is not the known one.
func addressIn(word string, known netip.Addr) (a netip.Addr, ok bool) {
	if a, err := netip.ParseAddr(word); err == nil {
		return a.Unmap(), true
	}
	for part := range strings.SplitSeq(word, ":") {
		if b, is := fourNumbers(strings.Trim(part, ".-")); is && (!ok || a == known) {
			a, ok = b, true
		}
	}
	return a, ok
}

// fourNumbers reads four numbers with dots, also with zeros before them, and as tcpdump writes them, with the port behind.
func fourNumbers(text string) (a netip.Addr, ok bool) {
	var b [4]byte
	n := 0
	for part := range strings.SplitSeq(text, ".") {
		if v, err := strconv.ParseUint(part, 10, 16); err != nil || n > 4 || n < 4 && (v > 255 || len(part) > 3) {
			return a, false
		} else if n < 4 {
			b[n] = byte(v)
		}
		n++
	}
	return netip.AddrFrom4(b), n >= 4
}
