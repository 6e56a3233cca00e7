package softwire

import (
	"fmt"
	"net/netip"

	"github.com/cgnkit/cgnkit/portset"
)

// NewRule returns the rule that s describes. The error is an *InvalidError with all defects that were found; the Path of
// a finding is the field: rule6, rule4, ea-len, psid-offset, psid-length, psid, iid.
func NewRule(s RuleSpec) (*Rule, error) {
	r, fs := newRule(s)
	if err := findings(fs).err(); err != nil {
		return nil, err
	}
	return &r, nil
}

// newRule checks s. Where prefixes and lengths are wrong, what follows from them is not looked at.
func newRule(s RuleSpec) (Rule, []Finding) {
	c := ruleCheck{s: &s}
	c.prefixes()
	c.lengths()
	if len(c.found) > 0 {
		return Rule{}, c.found
	}
	r := Rule{
		spec: s, base6: from6(s.IPv6.Addr()), base4: from4(s.IPv4.Addr()), end: s.IPv6.Bits() + s.EALen,
		suffix: min(s.EALen, 32-s.IPv4.Bits()),
	}
	r.psids = s.EALen - r.suffix
	c.ports(&r)
	if len(c.found) > 0 {
		return Rule{}, c.found
	}
	r.spec = detach(s)
	return r, nil
}

// detach returns s with numbers of its own, so that a caller's later change does not reach a rule.
func detach(s RuleSpec) RuleSpec {
	for _, p := range []**int{&s.PSIDOffset, &s.PSIDLength, &s.PSID} {
		if *p != nil {
			*p = new(**p)
		}
	}
	return s
}

type ruleCheck struct {
	s     *RuleSpec
	found []Finding
}

func (c *ruleCheck) add(err error, field, hint, format string, args ...any) {
	c.found = append(c.found, Finding{Err: err, Path: field, Name: c.s.Name, Msg: fmt.Sprintf(format, args...), Hint: hint})
}

func (c *ruleCheck) prefixes() {
	six, four := c.s.IPv6, c.s.IPv4
	switch a := six.Addr(); {
	case !six.IsValid():
		c.add(ErrPrefix, "rule6", "for example 2001:db8::/40", "the IPv6 prefix is missing")
	case !a.Is6() || a.Is4In6():
		c.add(ErrPrefix, "rule6", "for example 2001:db8::/40", "%v is not IPv6", six)
	case six != six.Masked():
		c.add(ErrPrefix, "rule6", fmt.Sprintf("write %v", six.Masked()), "%v has host bits", six)
	case !usable6(a) && six.Bits() > 0:
		c.add(ErrPrefix, "rule6", "", "%v cannot be delegated: it is loopback, link-local or multicast", six)
	}
	switch a := four.Addr(); {
	case !four.IsValid():
		c.add(ErrPrefix, "rule4", "for example 192.0.2.0/24", "the IPv4 prefix is missing")
	case !a.Is4():
		c.add(ErrPrefix, "rule4", "for example 192.0.2.0/24", "%v is not IPv4", four)
	case four != four.Masked():
		c.add(ErrPrefix, "rule4", fmt.Sprintf("write %v", four.Masked()), "%v has host bits", four)
	case a.IsLoopback() || a.IsMulticast():
		c.add(ErrPrefix, "rule4", "", "%v cannot be given to a router: it is loopback or multicast", four)
	}
	if c.s.IID > IIDDraft {
		c.add(ErrPrefix, "iid", "rfc7597 or draft", "form %d of interface identifiers is not known", c.s.IID)
	}
}

// undelegable are the IPv6 addresses that no router is delegated any of: loopback, link-local and multicast.
var undelegable = []netip.Prefix{netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("ff00::/8")}

// Undelegable returns the first of these ranges that rule6 holds; ok is false where it holds none. Then most of its end-user prefixes may be
// right all the same. A rule6 that lies in such a range is refused.
func (r *Rule) Undelegable() (p netip.Prefix, ok bool) {
	for _, p := range undelegable {
		if r.spec.IPv6.Overlaps(p) {
			return p, true
		}
	}
	return netip.Prefix{}, false
}

func usable6(a netip.Addr) bool {
	return !a.IsLoopback() && !a.IsMulticast() && !a.IsLinkLocalUnicast()
}

func (c *ruleCheck) lengths() {
	if c.s.EALen < 0 || c.s.EALen > MaxEALen {
		c.add(ErrLength, "ea-len", "", "%d is not in 0 to %d (RFC 7598 section 4.1)", c.s.EALen, MaxEALen)
		return
	}
	if !c.s.IPv6.IsValid() {
		return
	}
	end := c.s.IPv6.Bits() + c.s.EALen
	switch {
	case end > 128:
		c.add(ErrLength, "ea-len", fmt.Sprintf("at most %d", 128-c.s.IPv6.Bits()),
			"%d EA bits behind %v end at bit %d; an IPv6 address has 128", c.s.EALen, c.s.IPv6, end)
	case end > 64 && !c.s.OverwriteIID && c.s.IPv6.Bits() > 64:
		c.add(ErrLength, "rule6", "", "%v is longer than /64 and overwrites the interface identifier; the rule does not allow that", c.s.IPv6)
	case end > 64 && !c.s.OverwriteIID:
		c.add(ErrLength, "ea-len", fmt.Sprintf("at most %d", 64-c.s.IPv6.Bits()),
			"%d EA bits behind %v end at bit %d and overwrite the interface identifier; the rule does not allow that", c.s.EALen, c.s.IPv6, end)
	}
}

// ports sets layout and explicit PSID of r, whose p and q are known.
func (c *ruleCheck) ports(r *Rule) {
	offset, k := portset.DefaultOffset, r.psids
	if c.s.PSIDOffset != nil {
		offset = *c.s.PSIDOffset
	}
	if c.s.PSIDLength != nil {
		k = *c.s.PSIDLength
	}
	n := len(c.found)
	switch {
	case c.s.PSIDLength != nil && (k < 0 || k > 16):
		c.add(portset.ErrLayout, "psid-length", "", "%d is not in 0 to 16", k)
	case r.psids > 0:
		c.besideEABits(r, k)
	default:
		c.explicit(r, k)
	}
	if len(c.found) == n {
		c.layout(r, offset, k)
	}
}

// besideEABits checks what is said of the PSID where EA bits hold it.
func (c *ruleCheck) besideEABits(r *Rule, k int) {
	switch {
	case k != r.psids:
		c.add(ErrLength, "psid-length", fmt.Sprintf("psid-length %d, or ea-len %d", r.psids, 32-c.s.IPv4.Bits()+k),
			"%d contradicts the EA bits: %d bits of %v and ea-len %d leave %d for the PSID", k, r.suffix, c.s.IPv4, c.s.EALen, r.psids)
	case c.s.PSID != nil:
		c.add(portset.ErrPSID, "psid", "leave psid out", "PSID %d contradicts the EA bits, which hold a PSID of %d bits", *c.s.PSID, r.psids)
	}
}

// explicit checks what is said of the PSID where EA bits hold none.
func (c *ruleCheck) explicit(r *Rule, k int) {
	bits := c.s.IPv4.Bits() + r.suffix // of what a CE gets
	switch {
	case bits < 32 && (c.s.PSID != nil || k != 0):
		field := "psid"
		if c.s.PSID == nil {
			field = "psid-length"
		}
		c.add(portset.ErrPSID, field, "", "a PSID needs a whole address, and %v with ea-len %d gives every CE a /%d (RFC 7598 section 4.5)", c.s.IPv4, c.s.EALen, bits)
	case c.s.PSID != nil && c.s.PSIDLength == nil:
		c.add(portset.ErrPSID, "psid-length", "", "PSID %d needs a psid-length", *c.s.PSID)
	case c.s.PSID == nil && k != 0:
		c.add(portset.ErrPSID, "psid", "", "psid-length %d needs a psid: the EA bits hold none", k)
	}
}

// layout sets what ports has checked.
func (c *ruleCheck) layout(r *Rule, offset, k int) {
	layout, err := portset.NewLayout(offset, k)
	if err != nil {
		field, hint := "psid-length", ""
		switch {
		case offset < 0 || offset > 15:
			field = "psid-offset"
		case r.psids > 0:
			field = "ea-len"
			hint = fmt.Sprintf("with psid-offset %d at most ea-len %d under %v", offset, 32-c.s.IPv4.Bits()+16-offset, c.s.IPv4)
		}
		c.add(err, field, hint, "%v", err)
		return
	}
	if c.s.PSID != nil {
		psid := *c.s.PSID
		if psid < 0 || psid >= layout.SharingRatio() {
			c.add(portset.ErrPSID, "psid", "PSIDs are right-aligned here", "PSID %d: psid-length %d holds 0 to %d", psid, k, layout.SharingRatio()-1)
			return
		}
		r.psid, r.fixed = uint16(psid), k > 0
	}
	if k == 0 {
		layout, _ = portset.NewLayout(0, 0) // an address of one's own has all ports
	}
	r.layout = layout
}
