package request

import (
	"net/netip"
	"strconv"
	"strings"
)

// parseAddr reads an IPv4 address, also as servers write it that listen on IPv6: ::ffff:198.18.0.0.
func parseAddr(text string) (netip.Addr, error) {
	text = refanged.Replace(text)
	a, err := netip.ParseAddr(text)
	switch {
	case err == nil && a.Unmap().Is4():
		return a.Unmap(), nil
	case err == nil:
		return a, about("address", text, refuse(ErrIPv6, "this is IPv6; the outside addresses asked for are IPv4"))
	case strings.Contains(text, "/"):
		if _, err := netip.ParsePrefix(text); err == nil {
			return a, about("address", text, refuse(ErrAddress, "this is a prefix: give one address a question"))
		}
	}
	return netip.Addr{}, about("address", text, refuse(ErrAddress, "this is no IPv4 address: write for example 198.18.0.0"))
}

// refanged writes addresses that are written so that no program makes a link of them as they are: 198[.]18[.]0[.]0.
var refanged = strings.NewReplacer("[.]", ".", "(.)", ".", "[dot]", ".", "(dot)", ".")

// An endpoint is an address and, when one is given, a port.
type endpoint struct {
	addr    netip.Addr
	port    uint16
	hasPort bool
}

// parseEndpoint reads "198.18.0.0", "198.18.0.0:6000" or "198.18.0.0/6000".
func parseEndpoint(text string) (e endpoint, err error) {
	host, port, colon := strings.Cut(text, ":")
	if before, behind, slash := strings.Cut(text, "/"); slash && isSlashPort(behind) {
		host, port, colon = before, behind, true // of Cisco
	}
	if colon && (text[0] == '[' || strings.Contains(port, ":")) {
		host, port, colon = splitBracket(text)
	}
	if e.addr, err = parseAddr(host); err != nil || !colon {
		return e, err
	}
	e.port, err = parsePort(port)
	e.hasPort = err == nil
	return e, err
}

// isSlashPort reports whether the number behind an address and a slash can only be a port, and not the length of a prefix.
func isSlashPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 32 && isDigit(text[0]) && text[0] != '0'
}

// splitBracket takes [address]:port or an IPv6 address apart.
func splitBracket(text string) (host, port string, ok bool) {
	if text[0] != '[' {
		return text, "", false
	}
	host, port, ok = strings.Cut(text[1:], "]")
	port, colon := strings.CutPrefix(port, ":")
	return host, port, ok && colon
}

// parsePort reads one port from 1 to 65535.
func parsePort(text string) (uint16, error) {
	if n, err := strconv.ParseUint(text, 10, 16); err == nil && n > 0 && text[0] != '0' && isDigit(text[0]) { // 0530 is a clock
		return uint16(n), nil
	}
	err := refuse(ErrPort, "a port is a number from 1 to 65535")
	switch {
	case isPortRange(text):
		err = refuse(ErrPortRange, "these are several ports: give one port a question")
	case len(text) > 1 && text[0] == '0' && isShortNumber(text):
		err = refuse(ErrPort, "a port has no zeros before it, and this could be a clock")
	}
	return 0, about("port", text, err)
}

// isPortRange reports whether text is two or more short numbers with a mark between: 6000-6010, 6000,6001.
func isPortRange(text string) bool {
	c := cursor{s: text}
	for n := 1; ; n++ {
		c.blanks()
		if _, width := c.digits(); width < 1 || width > 5 {
			return false
		}
		if c.blanks(); c.end() {
			return n > 1
		}
		start := c.i
		for strings.IndexByte("-.:,;/+&\xe2\x80\x93\x94", c.at(0)) >= 0 && !c.end() {
			c.i++
		}
		if c.i == start && c.s[c.i-1] != ' ' {
			return false
		}
	}
}

// protocols are the names and numbers of the protocols with ports that shares are for.
var protocols = map[string]string{"tcp": "tcp", "udp": "udp", "icmp": "icmp", "6": "tcp", "17": "udp", "1": "icmp"}

// parseProto returns "tcp", "udp" or "icmp", or "" for text that names none.
func parseProto(text string) (string, error) {
	switch p := strings.ToLower(text); p {
	case "", "any", "ip", "ipv4":
		return "", nil
	default:
		if p, ok := protocols[p]; ok {
			return p, nil
		}
		return "", about("protocol", text, refuse(ErrProtocol, "want tcp, udp or icmp, or nothing"))
	}
}

// parseDestination returns what is known of a destination; what is no IPv4 address, such as a name, is not.
func parseDestination(host, port string) (netip.AddrPort, error) {
	e := endpoint{}
	if host != "" {
		if a, err := netip.ParseAddr(host); err == nil {
			e.addr = a.Unmap()
		} else if e, err = parseEndpoint(host); err != nil && e.addr.IsValid() {
			return netip.AddrPort{}, about("destination", host, err)
		}
	}
	if port != "" && port != "0" {
		n, err := parsePort(port)
		if err == nil && e.hasPort && e.port != n {
			err = refuse(ErrPort, "the destination %s and its port %d contradict each other: keep the one that is right", quoted(host), n)
		}
		if err != nil {
			return netip.AddrPort{}, err
		}
		e.port = n
	}
	if !e.addr.Is4() {
		return netip.AddrPort{}, nil
	}
	return netip.AddrPortFrom(e.addr, e.port), nil
}
