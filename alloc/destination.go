package alloc

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/cgnkit/cgnkit/portset"
)

// A Protocol is a transport protocol by its IANA number. The zero Protocol stands for any.
type Protocol uint8

// The protocols that have ports and can be named in a Destination.
const (
	AnyProtocol Protocol = 0
	TCP         Protocol = 6
	UDP         Protocol = 17
)

// String returns "any", "tcp" or "udp".
func (p Protocol) String() string {
	switch p {
	case AnyProtocol:
		return "any"
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	}
	return "invalid Protocol"
}

// A Destination describes where packets of subscribers go: to some addresses, and optionally to some ports of one protocol
// there. A plan lists those that are not translated (RFC 6888 REQ-6).
//
// The zero Destination is invalid. Destinations are comparable with ==, and two that mean the same are equal: a range that
// is a prefix is one, however it was written.
type Destination struct {
	addrs    AddrRange
	ports    portset.Range // invalid for any protocol
	protocol Protocol
}

// DestinationFrom returns the destination with these addresses, which may be any IPv4 addresses, 0.0.0.0/0 included. For
// any protocol it takes the zero Range, for TCP and UDP the destination ports. The error wraps ErrDestination.
func DestinationFrom(addrs AddrRange, protocol Protocol, ports portset.Range) (Destination, error) {
	switch {
	case !addrs.IsValid():
		return Destination{}, fmt.Errorf("%w: it has no addresses", ErrDestination)
	case protocol != AnyProtocol && protocol != TCP && protocol != UDP:
		return Destination{}, fmt.Errorf("%w: protocol %d is neither TCP nor UDP", ErrDestination, protocol)
	case protocol == AnyProtocol && ports.IsValid():
		return Destination{}, fmt.Errorf("%w: ports %v belong to a protocol, TCP or UDP", ErrDestination, ports)
	case protocol != AnyProtocol && !ports.IsValid():
		return Destination{}, fmt.Errorf("%w: %v has no ports; all of them are 0-65535", ErrDestination, protocol)
	}
	// An aligned range whose size is a power of two is a prefix. A single address is written as such.
	n := addrs.Len()
	addrs.prefix = n > 1 && bits.OnesCount64(n) == 1 && uint64(addrs.span().first)%n == 0
	return Destination{addrs: addrs, ports: ports, protocol: protocol}, nil
}

// ParseDestination reads addresses as ParseAddrRange does, optionally followed by blanks, "tcp/" or "udp/" and a port or
// port range: "203.0.113.0/24", "203.0.113.53 udp/53", "0.0.0.0/0 tcp/8000-8080". The error wraps ErrDestination, and
// ErrAddress where the addresses are wrong.
func ParseDestination(s string) (Destination, error) {
	where, what := s, ""
	if i := strings.IndexFunc(s, isLetter); i > 0 && (s[i-1] == ' ' || s[i-1] == '\t') {
		where, what = s[:i], strings.TrimRight(s[i:], " \t")
	}
	addrs, err := ParseAddrRange(where)
	if err != nil {
		return Destination{}, fmt.Errorf("%w: %w", ErrDestination, err)
	}
	if what == "" {
		return DestinationFrom(addrs, AnyProtocol, portset.Range{})
	}
	name, text, hasPorts := strings.Cut(what, "/")
	var protocol Protocol
	switch name {
	case TCP.String():
		protocol = TCP
	case UDP.String():
		protocol = UDP
	default:
		return Destination{}, fmt.Errorf("%w: want tcp/PORTS or udp/PORTS behind the addresses, and this is %q", ErrDestination, what[:min(len(what), maxAddrText)])
	}
	if !hasPorts {
		return Destination{}, fmt.Errorf("%w: %s has no ports; all of them are %s/0-65535", ErrDestination, name, name)
	}
	ports, err := portset.ParseRange(text)
	if err != nil {
		return Destination{}, fmt.Errorf("%w: %w", ErrDestination, err)
	}
	return DestinationFrom(addrs, protocol, ports)
}

func isLetter(r rune) bool { return 'a' <= r|0x20 && r|0x20 <= 'z' }

// IsValid reports whether d is not the zero Destination.
func (d Destination) IsValid() bool { return d.addrs.IsValid() }

// Addrs returns the addresses. They are a prefix where they can be written as one, except for a single address.
func (d Destination) Addrs() AddrRange { return d.addrs }

// Protocol returns TCP or UDP, or AnyProtocol for a destination that is addresses alone: that means all protocols, those
// without ports among them.
func (d Destination) Protocol() Protocol { return d.protocol }

// Ports returns the destination ports. ok is false for AnyProtocol.
func (d Destination) Ports() (ports portset.Range, ok bool) { return d.ports, d.ports.IsValid() }

// String returns the one text of d that all spellings have in common, as ParseDestination reads it.
func (d Destination) String() string {
	switch {
	case !d.IsValid():
		return "invalid Destination"
	case d.protocol == AnyProtocol:
		return d.addrs.String()
	}
	return d.addrs.String() + " " + d.protocol.String() + "/" + d.ports.String()
}

// MarshalText returns the text of String. The error wraps ErrDestination for the zero Destination.
func (d Destination) MarshalText() ([]byte, error) {
	if !d.IsValid() {
		return nil, fmt.Errorf("%w: the zero Destination has no text", ErrDestination)
	}
	return []byte(d.String()), nil
}

// UnmarshalText sets d to what ParseDestination reads.
func (d *Destination) UnmarshalText(text []byte) error {
	parsed, err := ParseDestination(string(text))
	if err == nil {
		*d = parsed
	}
	return err
}

// everywhere reports whether d is chosen by port alone.
func (d Destination) everywhere() bool {
	return d.protocol != AnyProtocol && d.addrs.span() == span{0, math.MaxUint32}
}

// NoTranslate returns the destinations that are not translated, in the order of the plan. What subscribers send there
// leaves with its inside address, and the answers come to that.
//
// A destination of all addresses with ports does not mean the plan's own outside addresses: what subscribers send to those
// is translated and turned around, whatever the port. No other destination holds an outside address. Destinations may
// overlap each other.
func (p *Plan) NoTranslate() []Destination { return slices.Clone(p.noTranslate) }

// How many destinations a plan may have. Those with ports may cost a backend a rule each.
const (
	maxDestinations    = 1 << 16
	maxPorted          = 1 << 10
	maxBadDestinations = 50 // that are reported
)

// destinations checks the list of what is not translated.
func (c *checker) destinations(outside *routes) {
	list := c.spec.NoTranslate
	if f := overfull(list); f != nil {
		c.add(*f)
		return
	}
	seen := make(map[Destination]bool, len(list))
	for i, bad := 0, 0; i < len(list) && bad < maxBadDestinations; i++ {
		d, f := list[i], Finding{Path: fmt.Sprintf("no-translate[%d]", i)}
		switch {
		case !d.IsValid():
			f.Err, f.Msg = ErrDestination, fmt.Sprintf("destination %d is the zero Destination", i)
		case seen[d]:
			f.Err, f.Msg, f.Hint = ErrDestination, fmt.Sprintf("destination %v is listed twice", d), "list every destination once"
		default:
			seen[d] = true
			p, a, ok := outside.firstIn(d.addrs.span(), "outside")
			if !ok || d.everywhere() {
				continue
			}
			f.Err, f.Msg = ErrLoop, fmt.Sprintf("destination %v holds outside address %v of pool %q", d, addr4(a), p.name)
			f.Hint = "outside addresses are translated always: leave them out, or choose by port alone, for example 0.0.0.0/0 udp/53"
		}
		bad++
		c.add(f)
	}
}

// overfull returns a finding about the first destination that is one too many, or nil.
func overfull(list []Destination) *Finding {
	ported := 0
	for i, d := range list {
		if d.ports.IsValid() {
			ported++
		}
		if i < maxDestinations && ported <= maxPorted {
			continue
		}
		f := &Finding{Err: ErrDestination, Path: fmt.Sprintf("no-translate[%d]", i), Hint: "join prefixes and port ranges that continue each other"}
		if f.Msg = fmt.Sprintf("a plan has at most %d destinations with ports", maxPorted); i == maxDestinations {
			f.Msg = fmt.Sprintf("the list has %d destinations; a plan has at most %d", len(list), maxDestinations)
		}
		return f
	}
	return nil
}
