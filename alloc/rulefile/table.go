package rulefile

import (
	"iter"
	"net/netip"
	"strings"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// A Share is what the rules of a file give one inside address.
type Share struct {
	Inside, Outside netip.Addr
	Ports           portset.Set
	Protocols       Protocols // for which there are rules
	AnyIdentifier   bool      // queries of ICMP leave with any identifier, not only with those among Ports
	Line            int       // of the first rule, from 1
}

// Protocols is a set of protocols: TCP, UDP and ICMP, and all others, which have no ports. The zero Protocols is none.
type Protocols struct{ TCP, UDP, ICMP, Other bool }

// String returns "tcp, udp".
func (p Protocols) String() string {
	var names []string
	for _, one := range []struct {
		has  bool
		name string
	}{{p.TCP, "tcp"}, {p.UDP, "udp"}, {p.ICMP, "icmp"}, {p.Other, "other"}} {
		if one.has {
			names = append(names, one.name)
		}
	}
	return strings.Join(names, ", ")
}

// A Table is what the rules of a file come to: one share for each inside address, in the order in which rules name them. It is
// immutable and safe for concurrent use. It takes some 25 bytes a share.
type Table struct {
	name     string
	format   Format
	realm    string // "" = alloc.DefaultRealm
	sets     *setTable
	records  []record
	pages    pages
	findings []Finding
	unread   []string // columns
	named    []span   // without a share, ascending and apart

	conditions []Condition // as rules say them, one by one
}

// A record is a Share in 20 bytes.
type record struct {
	inside, outside uint32
	ports           setID
	line            uint32
	mask            protoMask
}

// Name returns the name of the file, as Parse was given it.
func (t *Table) Name() string { return t.name }

// Format returns the format in which the file was.
func (t *Table) Format() Format { return t.format }

// Realm returns the realm of the subscribers. Only tables of CSV name one; the others have alloc.DefaultRealm.
func (t *Table) Realm() string {
	if t.realm == "" {
		return alloc.DefaultRealm
	}
	return t.realm
}

// Len returns the number of shares, at least 1.
func (t *Table) Len() int { return len(t.records) }

// All iterates over the shares in the order in which rules name them.
func (t *Table) All() iter.Seq[Share] {
	return func(yield func(Share) bool) {
		for i := range t.records {
			if !yield(t.share(i)) {
				return
			}
		}
	}
}

func (t *Table) share(i int) Share {
	r := &t.records[i]
	return Share{
		Inside: addr4(r.inside), Outside: addr4(r.outside), Ports: t.sets.set(r.ports), Line: int(r.line),
		Protocols: protocolsOf(r.mask), AnyIdentifier: r.mask&anyID != 0,
	}
}

// Find returns the share of an inside address. It does not allocate. O(1).
func (t *Table) Find(inside netip.Addr) (s Share, ok bool) {
	if !inside.Is4() {
		return Share{}, false
	}
	i, ok := t.pages.at(u32(inside))
	if !ok {
		return Share{}, false
	}
	return t.share(i), true
}

// Findings returns what was ignored and what is worth knowing, in the order of lines.
func (t *Table) Findings() []Finding { return append([]Finding(nil), t.findings...) }

// A Finding is something in a file that the table does not say. Lines with the same are one Finding.
type Finding struct {
	Line  int    // the first line, from 1
	Count int    // how many lines there are, at least 1
	Msg   string // what is the matter
	Text  string // the first line, or what it is about: printable, cut to 200 bytes; may be empty
}

// notes collects findings.
type notes struct {
	found []Finding
	byMsg map[string]int
}

// maxFindings bounds how many different findings are kept.
const maxFindings = 1000

// add notes one line. The same message for another line is counted.
func (n *notes) add(line int, msg, text string) {
	if n.byMsg == nil {
		n.byMsg = map[string]int{}
	}
	if i, ok := n.byMsg[msg]; ok {
		n.found[i].Count++
		return
	}
	if len(n.found) == maxFindings {
		return
	}
	n.byMsg[msg] = len(n.found)
	n.found = append(n.found, Finding{Line: line, Count: 1, Msg: msg, Text: printable(text)})
}

// rulesDisabled is what is noted of rules that are switched off.
const rulesDisabled = "rules are disabled"

// count returns for how many lines a message was added.
func (n *notes) count(msg string) int {
	i, ok := n.byMsg[msg]
	if !ok {
		return 0
	}
	return n.found[i].Count
}
