package softwire

import (
	"fmt"
	"net/netip"
	"slices"
)

// A DomainSpec describes a MAP domain before it is checked. NewDomain turns it into a Domain.
type DomainSpec struct {
	Rules []RuleSpec // 1 to MaxRules

	// Relay is the address of the border relay, for MAP-E; DMR is the default mapping rule, for MAP-T. At most one of them
	// may be set. Without either, Destination has no answer for what no FMR covers.
	Relay netip.Addr
	DMR   netip.Prefix
}

// MaxRules is the largest number of rules of a domain.
const MaxRules = 1 << 20

// A Domain is a set of rules of which no two disagree. What a border relay knows is a domain, and so is what one CE knows.
type Domain struct {
	rules []Rule
	by6   prefixes
	by4   intervals // owner: a number of holders

	holders []holding
	sharers []sharer

	relay netip.Addr
	dmr   Pref64
}

// A holding is a rule4 and who has it: sharers[from:to], one rule, or several with explicit PSIDs in ascending order.
type holding struct{ from, to int32 }

type sharer struct {
	psid uint16
	rule int32
}

// Len returns the number of rules.
func (d *Domain) Len() int { return len(d.rules) }

// Rule returns the rule with number i, 0 to Len()-1. Like an index, it panics for any other i.
func (d *Domain) Rule(i int) *Rule { return &d.rules[i] }

// Relay returns the address of the border relay; ok is false where the domain has none.
func (d *Domain) Relay() (a netip.Addr, ok bool) { return d.relay, d.relay.IsValid() }

// DMR returns the default mapping rule of MAP-T; ok is false where the domain has none.
func (d *Domain) DMR() (p Pref64, ok bool) { return d.dmr, d.dmr.IsValid() }

// Forward returns the CE with this end-user prefix, under the rule with the longest rule6 that holds it (RFC 7597
// section 5). The error wraps ErrPrefix, ErrNoRule or ErrEndUser. O(log n) for n rules, no allocation but for the error.
func (d *Domain) Forward(endUser netip.Prefix) (CE, error) {
	if err := checkEndUser(endUser); err != nil {
		return CE{}, err
	}
	i := d.by6.find(from6(endUser.Addr()))
	for i != nobody && d.rules[i].spec.IPv6.Bits() > endUser.Bits() {
		i = d.by6.parent[i] // the address lies in that rule6, the prefix does not
	}
	if i == nobody {
		return CE{}, fmt.Errorf("%w: end-user prefix %v is in no rule6", ErrNoRule, endUser)
	}
	return d.rules[i].forward(endUser)
}

// Reverse returns the CE that has this IPv4 address and port (for ICMP, the identifier). The error is ErrNoRule,
// ErrExcluded, ErrUnassigned or ErrShadowed. O(log n) for n rules, no allocation.
func (d *Domain) Reverse(ipv4 netip.Addr, port uint16) (CE, error) {
	if !ipv4.Is4() {
		return CE{}, ErrNoRule
	}
	v4 := from4(ipv4)
	h := d.by4.find(uint64(v4))
	if h == nobody {
		return CE{}, ErrNoRule
	}
	r, err := d.sharer(d.holders[h], port)
	if err != nil {
		return CE{}, err
	}
	ce, err := r.reverse(v4, port)
	if err == nil && !d.has(ce) {
		return CE{}, ErrShadowed
	}
	return ce, err
}

// sharer returns the rule that port belongs to, if any of h has it.
func (d *Domain) sharer(h holding, port uint16) (*Rule, error) {
	list := d.sharers[h.from:h.to]
	first := &d.rules[list[0].rule]
	if len(list) == 1 {
		return first, nil
	}
	psid, ok := first.layout.PSID(port) // all have one layout
	if !ok {
		return nil, ErrExcluded
	}
	i, ok := slices.BinarySearchFunc(list, psid, func(s sharer, psid uint16) int { return int(s.psid) - int(psid) })
	if !ok {
		return nil, ErrUnassigned
	}
	return &d.rules[list[i].rule], nil
}

// Source returns the CE whose MAP address this is. The error is ErrNoRule or ErrIPv6Source. O(log n), no allocation.
func (d *Domain) Source(ipv6 netip.Addr) (CE, error) {
	ce, err := d.behind(ipv6)
	if err == nil && ce.address() != from6(ipv6) {
		return CE{}, ErrIPv6Source
	}
	return ce, err
}

// behind returns the CE in whose end-user prefix an address lies.
func (d *Domain) behind(ipv6 netip.Addr) (CE, error) {
	if !ipv6.Is6() {
		return CE{}, ErrNoRule
	}
	a := from6(ipv6)
	i := d.by6.find(a)
	if i == nobody {
		return CE{}, ErrNoRule
	}
	return d.rules[i].ceOf(a), nil
}

// Check says whether a packet from a CE has the sources that it must have: the IPv4 address, or one of the prefix, and
// the port (for ICMP, the identifier) of the CE in whose end-user prefix the IPv6 source lies, and as IPv6 source
// its MAP address (RFC 7597 section 8.1, RFC 7599 section 8.3). For MAP-T the IPv4 source is what Source says.
//
// It returns nil, or the first reason why not, in this order: ErrNoRule, ErrIPv4Source, ErrExcluded, ErrPort,
// ErrIPv6Source. Packets from the border relay are from no CE: who is a CE compares with Relay and DMR first.
// O(log n), no allocation.
func (d *Domain) Check(ipv6, ipv4 netip.Addr, port uint16) error {
	ce, err := d.behind(ipv6)
	if err != nil {
		return err
	}
	if !ipv4.Is4() || from4(ipv4)&mask32(ce.rule.spec.IPv4.Bits()+ce.rule.suffix) != ce.v4 {
		return ErrIPv4Source
	}
	psid, ok := ce.rule.layout.PSID(port)
	switch {
	case !ok:
		return ErrExcluded
	case psid != ce.psid:
		return ErrPort
	case ce.address() != from6(ipv6):
		return ErrIPv6Source
	}
	return nil
}

// Destination returns the IPv6 address to which a CE sends a packet for this IPv4 address and port: the CE that has them
// under an FMR, else the border relay (MAP-E), or the address embedded in the DMR (MAP-T). The error wraps ErrRelay or
// ErrNotGlobal. A border relay sends to Reverse's CE.Address, FMR or not. O(log n), no allocation but for the error.
func (d *Domain) Destination(ipv4 netip.Addr, port uint16) (netip.Addr, error) {
	if !ipv4.Is4() {
		return netip.Addr{}, fmt.Errorf("%w: destination %v is not IPv4", ErrPrefix, ipv4)
	}
	ce, err := d.Reverse(ipv4, port)
	switch {
	case err == nil && ce.rule.Forwarding():
		return ce.Address(), nil
	case d.relay.IsValid():
		return d.relay, nil
	case d.dmr.IsValid():
		return d.dmr.Embed(ipv4)
	}
	return netip.Addr{}, fmt.Errorf("%w: no FMR covers %v port %d, and the domain has neither border relay nor DMR", ErrRelay, ipv4, port)
}
