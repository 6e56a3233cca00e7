package holder

import (
	"fmt"
	"strings"
	"time"
)

// A Person is someone who had an inside address, as one session or lease tells it. Texts that the record does not have are
// empty. They come from other people's equipment: print them with %q.
type Person struct {
	User    string // User-Name
	Circuit string // the line: the circuit id that the access node or relay agent gave; a binary one as 0x and hexadecimal digits
	Port    string // NAS-Port-Id: the line, too, where the NAS does not choose it anew for each session
	MAC     string // Calling-Station-Id or hwaddr; six octets are written 00:11:22:33:44:55, anything else as it was
	Client  string // the DHCP client id
	Host    string // the host name of a lease; whoever uses the line chooses it, so it says little
	Session string // Acct-Session-Id
	NAS     string // NAS-IP-Address, NAS-IPv6-Address, NAS-Identifier or Client-IP-Address, the first that is there
	Source  string // the first record of the session or lease: file:line

	// From and To bound the time in which the person can have had the address. Zero means that the bound is not known.
	From, To time.Time
	// SureFrom to SureTo is the time in which the person had it for certain; both are zero when there is none.
	SureFrom, SureTo time.Time
}

// Same reports whether two records tell of the same person: of User, Circuit, MAC and Client they share at least one, and
// none that both have differs. Port and Host are not looked at.
func (p Person) Same(q Person) bool {
	return p.identity().same(q.identity())
}

// identity returns what Same compares.
func (p Person) identity() identity {
	return identity{user: p.User, circuit: p.Circuit, mac: p.MAC, client: p.Client}
}

// An identity is what a record says of a person.
type identity struct {
	user, circuit, port, mac, client, host string
}

func (i identity) same(o identity) bool {
	shared, differs := i.compare(o)
	return shared && !differs
}

// compare looks at what both have.
func (i identity) compare(o identity) (shared, differs bool) {
	for _, pair := range [...][2]string{{i.user, o.user}, {i.circuit, o.circuit}, {i.mac, o.mac}, {i.client, o.client}} {
		if pair[0] != "" && pair[1] != "" {
			shared = shared || pair[0] == pair[1]
			differs = differs || pair[0] != pair[1]
		}
	}
	return shared, differs
}

// with fills what i lacks from o.
func (i identity) with(o identity) identity {
	for _, pair := range [...]struct {
		to   *string
		from string
	}{{&i.user, o.user}, {&i.circuit, o.circuit}, {&i.port, o.port}, {&i.mac, o.mac}, {&i.client, o.client}, {&i.host, o.host}} {
		if *pair.to == "" {
			*pair.to = pair.from
		}
	}
	return i
}

// macAddress writes six octets in one way; what is no MAC address stays as it is.
func macAddress(s string) string {
	var digits [12]byte
	n := 0
	for _, c := range []byte(s) {
		switch {
		case c == ':' || c == '-' || c == '.':
			continue
		case c >= 'A' && c <= 'F':
			c |= 0x20
		case c >= '0' && c <= '9' || c >= 'a' && c <= 'f':
		default:
			return s
		}
		if n == len(digits) {
			return s
		}
		digits[n] = c
		n++
	}
	if n != len(digits) || strings.Count(s, ".") == 3 { // 100.64.123.211 is an address of another kind
		return s
	}
	return fmt.Sprintf("%s:%s:%s:%s:%s:%s", digits[:2], digits[2:4], digits[4:6], digits[6:8], digits[8:10], digits[10:])
}
