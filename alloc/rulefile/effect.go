package rulefile

import (
	"fmt"
	"strings"

	"github.com/cgnkit/cgnkit/alloc"
)

// An Effect is what a Condition does to packets of subscribers.
type Effect uint8

const (
	// Only means: shares hold only where the condition is true.
	Only Effect = iota + 1
	// Passed means: where it is true, packets leave without translation, or go on to rules that are not about subscribers.
	Passed
	// Dropped means: where it is true, packets are dropped.
	Dropped
	// Elsewhere means: where it is true, packets are translated otherwise, such as by masquerade.
	Elsewhere
)

// String returns what happens, as the start of a sentence.
func (e Effect) String() string {
	return [...]string{"invalid Effect", "translated only", "not translated", "dropped", "translated otherwise"}[min(e, Elsewhere)]
}

// A Condition is what shares depend on besides source and protocol. Conditions of a Table are those of all its subscribers alike.
type Condition struct {
	Effect    Effect
	Protocols Protocols
	Text      string // as it stands in the file, printable; may be empty
	Line      int    // of the first rule, from 1; 0 in plans
	// Vague means that for whom it is, or for what, does not follow from its text: it is equal to no other.
	Vague bool
	// Outside means that what it is about stands elsewhere: a mark, a set.
	Outside bool

	dest  []span // ascending and joined
	ports string // destination ports; "" = any
	rest  string // what else must be true; "" = nothing
	cond  condID // of rules, while they are read
}

// String returns "not translated: to 192.0.2.53 udp/53".
func (c Condition) String() string {
	var parts []string
	if to := c.to(); to != "" {
		parts = append(parts, "to "+to)
	} else if p := c.protocol(); p != "" {
		parts = append(parts, p)
	}
	if c.rest != "" {
		parts = append(parts, "where "+printable(c.rest))
	}
	if c.Vague {
		parts = append(parts, "for some subscribers or protocols only, or for those whom the file does not tell")
	}
	if len(parts) == 0 {
		return c.Effect.String()
	}
	return c.Effect.String() + ": " + strings.Join(parts, ", ")
}

// to returns the destinations, with protocol and ports; "" where they are all.
func (c Condition) to() string {
	var names []string
	for i, s := range c.dest {
		if i == 3 && len(c.dest) > 4 {
			names = append(names, fmt.Sprintf("and %d more", len(c.dest)-3))
			break
		}
		names = append(names, s.String())
	}
	text := strings.Join(names, ", ")
	switch {
	case c.ports != "":
		return text + " " + c.protocol() + "/" + c.ports
	case len(c.dest) == 1 && c.dest[0] == everything:
		return ""
	case c.protocol() != "":
		return text + " " + c.protocol()
	}
	return text
}

// protocol returns "tcp", and "" for all.
func (c Condition) protocol() string {
	if c.Protocols == (Protocols{TCP: true, UDP: true, ICMP: true, Other: true}) {
		return ""
	}
	return strings.NewReplacer(", ", " and ", "other", "protocols without ports").Replace(c.Protocols.String())
}

// PlanConditions returns the conditions of a plan: its destinations that are not translated. Traffic between its subscribers is no
// condition, as in Table.Conditions.
func PlanConditions(p *alloc.Plan) []Condition {
	var list []Condition
	var inside, outside []span
	for pool := range p.Pools() {
		for r := range pool.InsideRanges() {
			inside = append(inside, span{u32(r.First()), u32(r.Last())})
		}
		for r := range pool.OutsideRanges() {
			outside = append(outside, span{u32(r.First()), u32(r.Last())})
		}
	}
	for _, d := range p.NoTranslate() {
		c := Condition{Effect: Passed, Protocols: protocolsOf(allProto), Text: "no-translate " + d.String(), dest: []span{{u32(d.Addrs().First()), u32(d.Addrs().Last())}}}
		if ports, ok := d.Ports(); ok {
			c.ports, _ = portsText(ports.String())
			c.Protocols = Protocols{TCP: d.Protocol() == alloc.TCP, UDP: d.Protocol() == alloc.UDP}
			if c.dest[0] == everything {
				c.dest = complement(outside)
			}
		}
		list = append(list, c)
	}
	return canonical(list, inside)
}

func (p Protocols) mask() (m protoMask) {
	for k, has := range []bool{p.TCP, p.UDP, p.ICMP, p.Other} {
		if has {
			m |= 1 << k
		}
	}
	return m
}

// protocolsOf returns a mask as Protocols.
func protocolsOf(m protoMask) Protocols {
	return Protocols{TCP: m&tcp != 0, UDP: m&udp != 0, ICMP: m&icmp != 0, Other: m&other != 0}
}
