package softwire

import (
	"fmt"
	"net/netip"

	"github.com/cgnkit/cgnkit/portset"
)

// A CE is one router under a rule: what its end-user prefix stands for. It is passed by value, and comparable with == for
// CEs of one domain. The zero CE is invalid; its methods must not be called.
type CE struct {
	rule   *Rule
	prefix bits128
	v4     uint32
	psid   uint16
}

// IsValid reports whether c came from a lookup.
func (c CE) IsValid() bool { return c.rule != nil }

// Rule returns the rule that covers c.
func (c CE) Rule() *Rule { return c.rule }

// EndUser returns the prefix that stands for c: rule6 and the EA bits. The prefix that was delegated may be longer.
func (c CE) EndUser() netip.Prefix { return netip.PrefixFrom(c.prefix.addr(), c.rule.end) }

// IPv4 returns what c has of IPv4: a /32, which it may share, or a shorter prefix, which it does not.
func (c CE) IPv4() netip.Prefix {
	return netip.PrefixFrom(addr4(c.v4), c.rule.spec.IPv4.Bits()+c.rule.suffix)
}

// PSID returns the PSID, right-aligned; ok is false where c does not share its address.
func (c CE) PSID() (psid uint16, ok bool) { return c.psid, c.rule.Shared() }

// Ports returns the port set of c, which holds for TCP, UDP and ICMP identifiers alike. It is all 65,536 ports where c
// does not share its address.
func (c CE) Ports() portset.Set {
	s, _ := c.rule.layout.Set(c.psid) // a rule has no PSID outside its layout
	return s
}

// Has reports whether c has the port.
func (c CE) Has(port uint16) bool {
	psid, ok := c.rule.layout.PSID(port)
	return ok && psid == c.psid
}

// Address returns the MAP address of c: its end-user prefix, subnet 0, and the interface identifier (RFC 7597 section 6).
func (c CE) Address() netip.Addr { return c.address().addr() }

func (c CE) address() bits128 {
	return c.rule.spec.IID.address(c.prefix, c.rule.end, c.v4, c.psid)
}

// String returns "2001:db8:12:3400::/56 192.0.2.18 PSID 52", or without a PSID "2001:db8:12:3400::/56 192.0.2.18".
func (c CE) String() string {
	if !c.IsValid() {
		return "invalid CE"
	}
	var ipv4 any = c.IPv4()
	if c.IPv4().IsSingleIP() {
		ipv4 = c.IPv4().Addr()
	}
	if psid, ok := c.PSID(); ok {
		return fmt.Sprintf("%v %v PSID %d", c.EndUser(), ipv4, psid)
	}
	return fmt.Sprintf("%v %v", c.EndUser(), ipv4)
}
