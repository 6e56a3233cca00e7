package softwire

import (
	"fmt"
	"net/netip"

	"github.com/cgnkit/cgnkit/portset"
)

// MaxEALen is the largest number of EA bits: 32 of IPv4 and 16 of PSID (RFC 7598 section 4.1).
const MaxEALen = 48

// A RuleSpec describes a MAP rule before it is checked. NewRule turns it into a Rule.
type RuleSpec struct {
	Name string // for messages; may be empty

	IPv6  netip.Prefix // rule6: every end-user prefix of the rule lies in it; without host bits
	IPv4  netip.Prefix // rule4: every IPv4 address of the rule lies in it; without host bits
	EALen int          // o, 0 to MaxEALen

	// PSIDOffset is a, 0 to 15; nil = portset.DefaultOffset. It has no effect where addresses are not shared.
	PSIDOffset *int
	// PSIDLength is k; nil = what EA bits are left for it. Where EA bits hold a PSID, it must be their number.
	PSIDLength *int
	// PSID is the PSID of every CE of the rule, right-aligned, where EA bits hold none (RFC 7597 section 5.2, RFC 7598
	// section 4.5). It needs PSIDLength and a rule that gives whole addresses: o + r = 32.
	PSID *int

	// Forwarding makes the rule an FMR: other CEs send to its CEs directly, without a border relay.
	Forwarding bool
	// IID is the form of interface identifiers; 0 = RFC 7597.
	IID IIDForm
	// OverwriteIID allows EA bits and end-user prefixes beyond bit 64, which then overwrite the interface identifier.
	OverwriteIID bool
}

// A Rule is a valid MAP rule. Who has a BMR has one CE; who forwards has all of them.
type Rule struct {
	spec   RuleSpec
	number int // in its domain

	base6 bits128
	base4 uint32
	end   int // n+o, length of end-user prefixes

	suffix int // p
	psids  int // q

	layout portset.Layout // a = k = 0 where addresses are not shared
	psid   uint16         // where it is explicit
	fixed  bool           // psid is explicit

	shadowed bool // a rule of the domain lies in IPv6
}

// Spec returns a description from which NewRule makes an equal rule.
func (r *Rule) Spec() RuleSpec { return r.spec }

// Name returns the name that the rule was given, which may be empty.
func (r *Rule) Name() string { return r.spec.Name }

// Number returns the place of the rule in its domain, from 0.
func (r *Rule) Number() int { return r.number }

// IPv6 returns rule6.
func (r *Rule) IPv6() netip.Prefix { return r.spec.IPv6 }

// IPv4 returns rule4.
func (r *Rule) IPv4() netip.Prefix { return r.spec.IPv4 }

// EALen returns o, the number of EA bits.
func (r *Rule) EALen() int { return r.spec.EALen }

// EndUserLen returns n+o, the length of the prefix that stands for a CE.
func (r *Rule) EndUserLen() int { return r.end }

// Forwarding reports whether the rule is an FMR.
func (r *Rule) Forwarding() bool { return r.spec.Forwarding }

// Shared reports whether the CEs of the rule have a share of an address, and not the whole or more.
func (r *Rule) Shared() bool { return r.layout.Length() > 0 }

// Layout returns where PSIDs lie in ports: a = 0, k = 0 where addresses are not shared.
func (r *Rule) Layout() portset.Layout { return r.layout }

// ExplicitPSID returns the PSID that all CEs of the rule have; ok is false where EA bits say it or nothing is shared.
func (r *Rule) ExplicitPSID() (psid uint16, ok bool) { return r.psid, r.fixed }

// Len returns the number of CEs, 2^o.
func (r *Rule) Len() int64 { return 1 << r.spec.EALen }

// At returns the CE whose EA bits are i, 0 to Len()-1. ok is false for any other i.
func (r *Rule) At(i int64) (ce CE, ok bool) {
	if i < 0 || i >= r.Len() {
		return CE{}, false
	}
	return r.ce(uint64(i)), true
}

// Forward returns the CE with this end-user prefix, which may be longer than the EA bits reach: then the MAP address must
// still lie in it, because a border relay knows the EA bits only. The error wraps ErrPrefix, ErrNoRule for a prefix
// outside rule6, or ErrEndUser. O(1), no allocation but for the error.
func (r *Rule) Forward(endUser netip.Prefix) (CE, error) {
	if err := checkEndUser(endUser); err != nil {
		return CE{}, err
	}
	if endUser.Bits() < r.spec.IPv6.Bits() || !r.spec.IPv6.Contains(endUser.Addr()) {
		return CE{}, fmt.Errorf("%w: end-user prefix %v is not in rule6 %v", ErrNoRule, endUser, r.spec.IPv6)
	}
	return r.forward(endUser)
}

// forward is Forward for a prefix in rule6.
func (r *Rule) forward(endUser netip.Prefix) (CE, error) {
	ce := r.ceOf(from6(endUser.Addr()))
	switch {
	case endUser.Bits() < r.end:
		return CE{}, fmt.Errorf("%w: rule6 %v and %d EA bits need /%d, and %v is shorter (RFC 7597 section 5)",
			ErrEndUser, r.spec.IPv6, r.spec.EALen, r.end, endUser)
	case endUser.Bits() > 64 && !r.spec.OverwriteIID:
		return CE{}, fmt.Errorf("%w: %v is longer than /64 and would overwrite the interface identifier; the rule does not allow that", ErrEndUser, endUser)
	case ce.address().and(mask128(endUser.Bits())) != from6(endUser.Addr()):
		return CE{}, fmt.Errorf("%w: bits %d to %d of %v are not those of the MAP address %v, to which border relays send",
			ErrEndUser, r.end, endUser.Bits()-1, endUser, ce.Address())
	}
	return ce, nil
}

// checkEndUser says whether p can be an end-user prefix at all.
func checkEndUser(p netip.Prefix) error {
	switch {
	case !p.IsValid() || !p.Addr().Is6() || p.Addr().Is4In6():
		return fmt.Errorf("%w: end-user prefix %v is not IPv6", ErrPrefix, p)
	case p != p.Masked():
		return fmt.Errorf("%w: end-user prefix %v has host bits; write %v", ErrPrefix, p, p.Masked())
	}
	return nil
}

// Reverse returns the CE that has this IPv4 address and port (for ICMP, the identifier). The error is ErrNoRule,
// ErrExcluded or ErrUnassigned. O(1), no allocation.
func (r *Rule) Reverse(ipv4 netip.Addr, port uint16) (CE, error) {
	if !ipv4.Is4() || !r.spec.IPv4.Contains(ipv4) {
		return CE{}, ErrNoRule
	}
	return r.reverse(from4(ipv4), port)
}

// reverse is Reverse for an address in rule4.
func (r *Rule) reverse(v4 uint32, port uint16) (CE, error) {
	psid, ok := r.layout.PSID(port)
	switch {
	case !ok:
		return CE{}, ErrExcluded
	case r.fixed && psid != r.psid:
		return CE{}, ErrUnassigned
	case r.fixed:
		psid = 0 // EA bits do not hold it
	}
	return r.ce(r.suffixOf(v4)<<r.psids | uint64(psid)), nil
}

// ceOf returns the CE in whose end-user prefix an address of rule6 lies.
func (r *Rule) ceOf(a bits128) CE { return r.ce(a.field(r.end, r.spec.EALen)) }

// ce returns the CE with these EA bits.
func (r *Rule) ce(ea uint64) CE {
	psid := r.psid
	if !r.fixed {
		psid = uint16(ea & (1<<r.psids - 1))
	}
	return CE{
		rule:   r,
		prefix: r.base6.or(place(ea, r.end)),
		v4:     r.base4 | uint32(ea>>r.psids<<(32-r.spec.IPv4.Bits()-r.suffix)),
		psid:   psid,
	}
}

// String returns the rule as the flags of cgnctl write it.
func (r *Rule) String() string {
	s := fmt.Sprintf("rule6 %v rule4 %v ea-len %d", r.spec.IPv6, r.spec.IPv4, r.spec.EALen)
	if r.Shared() {
		s += fmt.Sprintf(" psid-offset %d psid-length %d", r.layout.Offset(), r.layout.Length())
	}
	if r.fixed {
		s += fmt.Sprintf(" psid %d", r.psid)
	}
	return s
}
