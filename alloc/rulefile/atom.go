package rulefile

import (
	"strconv"
	"strings"
)

// An atom is one match of a rule, such as "-o eth0".
type atom struct {
	text        string
	left, value string // "-o" and "eth0"
	not         bool

	dest   []span // where isDest, the destinations for which it is true
	isDest bool
	denied condID // of packets elsewhere, the circumstance that is not true
}

// newAtom takes a match apart: "! -o eth0", "out-interface=!sfp1", "oifname != eth0".
func newAtom(text string) atom {
	a := atom{text: text}
	rest, not := strings.CutPrefix(text, "! ")
	at := strings.IndexAny(rest, " =")
	switch {
	case strings.HasPrefix(rest, connmark):
		a.left, a.value = connmark, rest[len(connmark):]
	case at < 0:
		a.left = rest
	case rest[at] == '=' || rest[0] == '-':
		a.left, a.value = rest[:at], rest[at+1:]
	default: // of nftables, where what is matched may be two words
		a.left, a.value = rest[:at], rest[at+1:]
		switch a.left {
		case "meta", "ct", "ip":
			word, value, _ := strings.Cut(a.value, " ")
			a.left, a.value = strings.TrimPrefix(a.left+" "+word, "meta "), value
		case "fib":
			if value, ok := strings.CutPrefix(a.value, "daddr type "); ok {
				a.left, a.value = fibType, value
			}
		}
	}
	for _, sign := range []string{"!= ", "!"} {
		if value, ok := strings.CutPrefix(a.value, sign); ok && !not {
			a.value, not = value, true
		}
	}
	a.value, a.not = strings.TrimPrefix(a.value, "== "), not
	if name, ok := longNames[a.left]; ok {
		a.left = name
	}
	if n, err := strconv.ParseUint(a.value, 0, 32); err == nil && single[a.left] {
		a.value = strconv.FormatUint(n, 10)
	}
	return a
}

// connmark is how a mark of a connection is told from that of a packet in iptables.
const connmark = "-m connmark --mark "

var longNames = map[string]string{"--in-interface": "-i", "--out-interface": "-o"}

// single are matches for something of which a packet has one: two values exclude each other.
var single = setOf("-i", "-o", "--mark", connmark, "iif", "iifname", "oif", "oifname", "mark", "iifgroup", "oifgroup", "sdif", "sdifname", "ct mark", "ct zone",
	fibType, "in-interface", "out-interface", "routing-mark", "packet-mark", "connection-mark", "routing-table")

// plain reports whether an atom is about one value: no list, mask, range or pattern.
func (a *atom) plain() bool {
	return single[a.left] && a.value != "" && !strings.ContainsAny(a.value, " {}*+@,!/&|<>")
}

// ofProtocol reports whether an atom may be about packets of one protocol alone.
func (a atom) ofProtocol() bool { return !a.isDest && a.denied == 0 && !single[a.left] }

// implies returns what a, being true, says of b.
func (a *atom) implies(b *atom) relation {
	switch {
	case a.left != b.left:
	case a.value == b.value && a.not == b.not:
		return holds
	case a.value == b.value:
		return never
	case a.not || !a.plain() || !b.plain():
	case b.not:
		return holds
	default:
		return never
	}
	return open
}

// fibType is a match for what kind of address packets go to, such as one of the box itself.
const fibType = "fib daddr type"

// changing reports whether an atom is true of one packet and false of the next one of the same kind.
func (a *atom) changing() bool {
	switch a.left {
	case "--every", "nth", "limit", "dst-limit":
		return true
	}
	return strings.HasPrefix(a.left, "--limit") || strings.HasPrefix(a.left, "--hashlimit")
}

// blind reports whether an atom may be about who sends packets, which cannot be told from the file: an interface where they
// came from, a mark, a set that is not here.
func (a *atom) blind() bool {
	switch a.left {
	case "--match-set":
		return !strings.HasSuffix(a.value, " dst") && !strings.HasSuffix(a.value, " dst,dst")
	case "ip daddr", "ct state", "ct status", "ct direction":
		return false
	}
	return !ways[a.left]
}

// unread reports whether an atom names something of the file that was not read.
func (a *atom) unread() bool { return !a.isDest && strings.Contains(a.value, "@") }

// outside reports whether what an atom means stands in other files, or is known to the box alone: a mark, a set, an address list, an address of its own.
func (a *atom) outside() bool {
	return !a.isDest && (a.left == "--match-set" || strings.HasSuffix(a.left, "address-list") || strings.HasSuffix(strings.TrimSpace(a.left), "mark") || a.left == fibType)
}

// ways are the matches of all dialects that say nothing of the sender.
var ways = setOf("-d", "--destination", "--dst", "--dst-range", "--dst-type", "--dport", "--dports", "--destination-port", "--destination-ports",
	"--sport", "--sports", "--source-port", "--source-ports", "--ports", "-o", "--ctstate", "--ctstatus", "--state", "--dir",
	"--pol", "--icmp-type", "--syn", "--tcp-flags",
	"dst-address", "dst-address-list", "dst-address-type", "dst-port", "src-port", "port", "out-interface", "out-interface-list", "ipsec-policy",
	"connection-state", "connection-nat-state", "icmp-options", "tcp-flags",
	"oif", "oifname", "oifgroup", "tcp", "udp", "icmp", "th", "sctp", "dccp", "udplite", fibType, elsewhere)

func setOf(names ...string) map[string]bool {
	m := map[string]bool{}
	for _, n := range names {
		m[n] = true
	}
	return m
}

// elsewhere begins the atom of packets that did not leave the chain before.
const elsewhere = "elsewhere:"

// ports returns the destination ports that an atom is about, as text, where it is about nothing else.
func (a *atom) ports() (text string, ok bool) {
	value := a.value
	switch a.left {
	case "--dport", "--dports", "--destination-port", "--destination-ports", "dst-port":
	case "tcp", "udp", "th":
		if value, ok = strings.CutPrefix(value, "dport "); !ok {
			return "", false
		}
	default:
		return "", false
	}
	value = strings.NewReplacer("{ ", "", " }", "", " ", "", ":", "-").Replace(value)
	if a.not || value == "" {
		return "", false
	}
	return portsText(value)
}
