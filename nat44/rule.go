package nat44

import (
	"fmt"
	"strings"

	"github.com/cgnkit/cgnkit/alloc"
)

// A statement is a part of a rule. It has two renderings: text is what nft reads, and rule_linux.go has what nft makes of that
// text (nft --debug=netlink) as a method of the same type, so that no statement can lack one of them.
type statement interface {
	text() string
	encoder
}

// A rule is a list of statements; all of them must match for the last one to act.
type rule []statement

func (r rule) String() string {
	parts := make([]string, len(r))
	for i, s := range r {
		parts[i] = s.text()
	}
	return strings.Join(parts, " ")
}

// Protocol numbers, and offsets of addresses in the IPv4 header.
const (
	icmp    = 1
	tcp     = 6
	udp     = 17
	dccp    = 33
	udplite = 136

	saddr = 12
	daddr = 16
)

// jhashSeed is fixed: a seed that changed would move live endpoints to another range at the next load.
const jhashSeed = 0x63676e

var protoNames = map[byte]string{tcp: "tcp", udp: "udp", icmp: "icmp", dccp: "dccp", udplite: "udplite"}

// inSet: ip saddr @inside, ip daddr != @exempt.
type inSet struct {
	field uint32 // saddr or daddr
	set   string
	not   bool
}

func (s inSet) text() string {
	field, op := "saddr", ""
	if s.field == daddr {
		field = "daddr"
	}
	if s.not {
		op = "!= "
	}
	return fmt.Sprintf("ip %s %s@%s", field, op, s.set)
}

// notDNATed: ct status ! dnat. Packets whose destination was translated came for an outside address, so they are hairpinned and
// must leave with an outside source.
type notDNATed struct{}

func (notDNATed) text() string { return "ct status ! dnat" }

// known: ct state established,related.
type known struct{}

func (known) text() string { return "ct state established,related" }

// protocols: meta l4proto tcp, or meta l4proto { icmp, tcp, udp }. Ascending.
type protocols []byte

func (p protocols) text() string {
	if len(p) == 1 {
		return "meta l4proto " + protoNames[p[0]]
	}
	return "meta l4proto " + p.set()
}

// set returns the protocols as a set written in place.
func (p protocols) set() string {
	names := make([]string, len(p))
	for i, proto := range p {
		names[i] = protoNames[proto]
	}
	return "{ " + strings.Join(names, ", ") + " }"
}

// except: meta l4proto != { dccp, udplite }. At least two, ascending.
type except protocols

func (p except) text() string { return "meta l4proto != " + protocols(p).set() }

// echo: icmp type { echo-reply, echo-request }.
type echo struct{}

func (echo) text() string { return "icmp type { echo-reply, echo-request }" }

// service: ip daddr 203.0.113.53 udp dport 53.
type service struct{ alloc.Destination }

func (s service) text() string {
	addrs := ""
	if a := s.Addrs(); a.Len() < 1<<32 {
		addrs = "ip daddr " + a.String() + " "
	}
	ports, _ := s.Ports()
	return fmt.Sprintf("%s%v dport %v", addrs, s.Protocol(), ports)
}

// bucketOf: meta mark set jhash ip saddr . th sport mod 8 seed 0x63676e. For icmp it is the query identifier instead of the port.
type bucketOf struct {
	icmp    bool
	buckets int
}

func (b bucketOf) text() string {
	key := "th sport"
	if b.icmp {
		key = "icmp id"
	}
	return fmt.Sprintf("meta mark set jhash ip saddr . %s mod %d seed %#x", key, b.buckets, jhashSeed)
}

// translate: snat ip to ip saddr map @shares. Never with random or fully-random: they break endpoint-independent mapping.
type translate struct {
	kind mapKind
	set  string
}

func (t translate) text() string {
	switch t.kind {
	case ranged:
		return "snat ip to ip saddr . meta mark map @" + t.set
	case whole:
		return "snat to ip saddr map @" + t.set
	}
	return "snat ip to ip saddr map @" + t.set
}

// setTimeout: ct timeout set "rfc_tcp".
type setTimeout string

func (s setTimeout) text() string { return fmt.Sprintf("ct timeout set %q", string(s)) }

// count: counter name "untranslated".
type count string

func (c count) text() string { return fmt.Sprintf("counter name %q", string(c)) }

// A verdict ends a chain.
type verdict uint8

const (
	accept verdict = iota + 1
	drop
)

func (v verdict) text() string {
	if v == drop {
		return "drop"
	}
	return "accept"
}
