package request

import (
	"net/netip"
	"strings"
	"time"
)

// A tcpdumpParser reads lines of tcpdump -n, also with -e and -v. The source of a packet is asked for.
type tcpdumpParser struct {
	*settings
	head string // of a packet whose addresses stand in the next line, as with -v; else empty
}

// isTcpdump reports whether a line has the form "… IP source > destination: …", or is of another protocol than IP.
func isTcpdump(line string) bool {
	if strings.HasPrefix(line, "tcpdump: ") || strings.HasPrefix(line, "reading from file ") || strings.Contains(line, ", ethertype ") || strings.Contains(line, " ARP, ") {
		return true
	}
	_, packet, ok := cutIP(line)
	return ok && (strings.Contains(packet, " > ") || strings.HasPrefix(packet, "(tos "))
}

// cutIP cuts a line at its "IP" or "IP6", or behind the header of Ethernet.
func cutIP(line string) (before, packet string, ok bool) {
	for _, mark := range []string{"IP ", "IP6 "} {
		if packet, ok := strings.CutPrefix(line, mark); ok {
			return "", packet, true
		}
		if before, packet, ok := strings.Cut(line, " "+mark); ok {
			return before, packet, true
		}
	}
	return cutEthernet(line)
}

// cutEthernet cuts "time MAC > MAC, ethertype IPv4 (0x0800), length 74: packet". With a VLAN, its tag stands before the last ethertype.
func cutEthernet(line string) (before, packet string, ok bool) {
	const mark = ", ethertype IPv4"
	at := strings.LastIndex(line, mark)
	if at < 0 {
		return "", "", false
	}
	before, _, _ = strings.Cut(line[:at], " > ")
	before = before[:max(strings.LastIndexByte(before, ' '), 0)]
	packet = strings.TrimPrefix(strings.TrimPrefix(line[at+len(mark):], " (0x0800)"), ", ")
	if strings.HasPrefix(packet, "length ") {
		_, packet, _ = strings.Cut(packet, ": ")
	}
	return before, packet, true
}

// tcpdumpNoise are the beginnings and ends of lines that tcpdump writes besides packets.
var tcpdumpNoise = []string{"tcpdump: ", "listening on ", "reading from file ", "dropped privs to ", "\t0x"}

var tcpdumpCounts = []string{"packets captured", "packet captured", "packets received by filter", "packets dropped by kernel", "packets dropped by interface"}

func (p *tcpdumpParser) parse(line string) (r Request, ok bool, err error) {
	for _, noise := range tcpdumpNoise {
		if strings.HasPrefix(line, noise) {
			return r, false, nil
		}
	}
	for _, count := range tcpdumpCounts {
		if strings.HasSuffix(line, count) {
			return r, false, nil
		}
	}
	head := p.head
	p.head = ""
	before, packet, ok := cutIP(line)
	switch {
	case ok && strings.HasPrefix(packet, "(tos "):
		p.head = line
		return r, false, nil
	case !ok && head != "" && strings.Contains(line, " > "):
		before, _, _ = cutIP(head)
		r, err = p.packet(before, strings.TrimLeft(line, " \t"))
		if err == nil && r.Proto == "" && strings.Contains(head, "proto UDP (17)") {
			r.Proto = "udp"
		}
		return r, true, err
	case !ok && strings.TrimLeft(line, " \t") != line && !hasAddress(line): // more about a packet, with -v
		return r, false, nil
	case !ok || strings.HasPrefix(packet, "("):
		return r, true, refuse(ErrUnparsable, "this is no packet of IPv4, as tcpdump -n -tt writes it")
	}
	r, err = p.packet(before, packet)
	return r, true, err
}

// packet reads what stands before and behind "IP".
func (p tcpdumpParser) packet(before, packet string) (r Request, err error) {
	if r.From, r.To, err = p.time(before); err != nil {
		return r, err
	}
	source, rest, ok := strings.Cut(packet, " > ")
	if !ok {
		return r, refuse(ErrUnparsable, "the packet has no source and destination")
	}
	target, what, _ := strings.Cut(rest, ": ")
	from, err := dotted(source)
	if err != nil {
		return r, err
	}
	to, err := dotted(strings.TrimSuffix(target, ":"))
	if err != nil {
		return r, err
	}
	r.Outside, r.Port, r.HasPort = from.addr, from.port, from.hasPort
	r.Destination, r.Packet = netip.AddrPortFrom(to.addr, to.port), true
	switch {
	case strings.HasPrefix(what, "Flags ["), strings.HasPrefix(what, "tcp "):
		r.Proto = "tcp"
	case strings.HasPrefix(what, "UDP"):
		r.Proto = "udp"
	case strings.HasPrefix(what, "ICMP "):
		r.Proto = "icmp"
		r.Port, r.HasPort, err = echoID(what)
	}
	return r, err
}

// directions are what tcpdump writes between an interface and "IP".
var directions = setOfWords("In Out B M P")

// time reads the time before "IP": the first word, or two when a date comes first. An interface and a direction may follow, and nothing else:
// nothing there says a zone in a way that is read.
func (p tcpdumpParser) time(before string) (from, to time.Time, err error) {
	words := strings.Fields(before)
	if len(words) == 0 {
		return from, to, refuse(ErrTime, "the packet has no time: run tcpdump with -tt")
	}
	text, others := words[0], words[1:]
	if strings.Count(text, "-") == 2 && len(others) > 0 {
		text, others = text+" "+others[0], others[1:]
	}
	if n := len(others); n > 2 || n > 0 && !directions[others[n-1]] { // such as a zone
		return from, to, refuse(ErrUnparsable, "%s before IP is no time of tcpdump", quoted(before))
	}
	st, err := parseStamp(text, p.dates)
	if err == nil && st.epoch.IsZero() && st.year == 0 {
		err = refuse(ErrTime, "the packet has no date: run tcpdump with -tt")
	}
	if err == nil {
		from, to, err = p.placed(st.resolve)
	}
	return from, to, about("time", text, err)
}

// dotted reads "1.2.3.4.443" or, without a port, "1.2.3.4".
func dotted(text string) (e endpoint, err error) {
	host, port := text, ""
	if i := strings.LastIndexByte(text, '.'); strings.Count(text, ".") > 3 || i > strings.LastIndexByte(text, ':') && strings.Contains(text, ":") {
		host, port = text[:i], text[i+1:]
	}
	if e.addr, err = parseAddr(host); err == nil && port != "" {
		e.port, err = parsePort(port)
		e.hasPort = err == nil
	}
	if err != nil {
		return e, tcpdumpNames(err)
	}
	return e, nil
}

// tcpdumpNames adds how names become numbers.
func tcpdumpNames(err error) error {
	if r, ok := err.(*refusal); ok && r.kind != ErrIPv6 { //nolint:errorlint // made by refuse, never wrapped
		return &refusal{kind: r.kind, given: r.given, why: r.why + "; tcpdump -n writes no names"}
	}
	return err
}

// echoID returns the query identifier of an echo request, which takes the place of the port. Other ICMP has none of the
// sender's.
func echoID(what string) (port uint16, ok bool, err error) {
	rest, ok := strings.CutPrefix(what, "ICMP echo request, id ")
	if !ok {
		return 0, false, nil
	}
	id, _, _ := strings.Cut(rest, ",")
	if id == "0" {
		return 0, false, nil
	}
	port, err = parsePort(id)
	return port, err == nil, err
}
