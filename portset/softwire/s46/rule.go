package s46

import (
	"fmt"
	"net/netip"

	"github.com/cgnkit/cgnkit/portset/softwire"
)

// A Rule is S46_RULE (RFC 7598 section 4.1), a MAP rule.
type Rule struct {
	Forwarding bool // F: the rule is an FMR, too
	EALen      uint8
	IPv4, IPv6 netip.Prefix
	Ports      *PortParams // nil = offset 6, PSID from EA bits; Spec says when it counts
}

// Code returns CodeRule.
func (Rule) Code() Code { return CodeRule }

func (o Rule) check() error {
	if o.EALen > softwire.MaxEALen {
		return fmt.Errorf("ea-len: %w: %d is not in 0 to %d", ErrValue, o.EALen, softwire.MaxEALen)
	}
	if err := checkPrefix("ipv4-prefix", o.IPv4, false); err != nil {
		return err
	}
	if err := checkPrefix("ipv6-prefix", o.IPv6, true); err != nil {
		return err
	}
	return checkPorts(o.Ports)
}

func checkPorts(p *PortParams) error {
	if p == nil {
		return nil
	}
	if err := p.check(); err != nil {
		return fmt.Errorf("%v: %w", CodePortParams, err)
	}
	return nil
}

func (o Rule) appendBody(b []byte) ([]byte, error) {
	var flags byte
	if o.Forwarding {
		flags = 1
	}
	b = append(b, flags, o.EALen, byte(o.IPv4.Bits()))
	b = appendPrefix6(append(b, o.IPv4.Addr().AsSlice()...), o.IPv6)
	return appendPorts(b, o.Ports)
}

func appendPorts(b []byte, p *PortParams) ([]byte, error) {
	if p == nil {
		return b, nil
	}
	return Append(b, *p)
}

func decodeRule(b []byte) (Option, error) {
	r := reader{b: b}
	o := Rule{Forwarding: r.octet("flags")&1 != 0, EALen: uint8(r.octet("ea-len"))}
	bits := r.octet("prefix4-len")
	a := r.address4("ipv4-prefix")
	if bits > 32 && r.err == nil {
		r.err = fmt.Errorf("prefix4-len: %w: %d is more than 32", ErrValue, bits)
	}
	o.IPv4 = netip.PrefixFrom(a, bits).Masked()
	o.IPv6 = r.prefix6("prefix6")
	if r.err != nil {
		return nil, r.err
	}
	var err error
	o.Ports, err = ports(r.b)
	return o, err
}

// Spec returns the rule as package softwire has it. An explicit PSID (PSIDLen above 0) is used where the rule gives whole addresses,
// and discarded where it does not (RFC 7598 section 4.5): EALen and the length of IPv4 add up to
//
//   - 32: the PSID is used;
//   - less: a router has a prefix with all its ports, and Ports mean nothing;
//   - more: the EA bits hold the PSID (RFC 7597 section 5.2), and with it the border relay finds the router. Offset counts: EA bits do not
//     say it (section 5.1). PSIDLen is kept, so that softwire.NewRule refuses another length than the EA bits leave. PSID is not, because
//     each router has its own: whether that of one agrees, [Rule.CE] says.
func (o Rule) Spec() softwire.RuleSpec {
	s := softwire.RuleSpec{IPv6: o.IPv6, IPv4: o.IPv4, EALen: int(o.EALen), Forwarding: o.Forwarding}
	if p, bits := o.Ports, o.IPv4.Bits()+int(o.EALen); p != nil && bits >= 32 {
		s.PSIDOffset = new(int(p.Offset))
		if p.PSIDLen > 0 {
			s.PSIDLength = new(int(p.PSIDLen))
			if bits == 32 {
				s.PSID = new(int(p.PSID))
			}
		}
	}
	return s
}

// CE returns what the rule gives the router with an end-user prefix. The error is one of softwire.NewRule or Rule.Forward, or wraps ErrContent:
// Ports say another PSID than the EA bits of the prefix do. By RFC 7598 section 4.5 the router must use that in Ports, and packets for these ports go
// to who has it in the EA bits, so that such a rule serves nobody.
func (o Rule) CE(endUser netip.Prefix) (softwire.CE, error) {
	r, err := softwire.NewRule(o.Spec())
	if err != nil {
		return softwire.CE{}, err
	}
	ce, err := r.Forward(endUser)
	if err != nil {
		return softwire.CE{}, err
	}
	if psid, _ := ce.PSID(); r.EALen()+o.IPv4.Bits() > 32 && o.Ports != nil && o.Ports.PSIDLen > 0 && o.Ports.PSID != psid {
		return softwire.CE{}, fmt.Errorf("%v: %v: %w: PSID %d contradicts the EA bits of %v, which hold %d", CodeRule, CodePortParams, ErrContent, o.Ports.PSID, endUser, psid)
	}
	return ce, nil
}

// RuleOf returns the option for a rule. S46_PORTPARAMS is in it where the rule says something about ports.
func RuleOf(r *softwire.Rule) Rule {
	s := r.Spec()
	o := Rule{Forwarding: s.Forwarding, EALen: uint8(s.EALen), IPv4: s.IPv4, IPv6: s.IPv6}
	psid, explicit := r.ExplicitPSID()
	switch {
	case explicit:
		o.Ports = &PortParams{Offset: uint8(r.Layout().Offset()), PSIDLen: uint8(r.Layout().Length()), PSID: psid}
	case r.Shared() && s.PSIDOffset != nil:
		o.Ports = &PortParams{Offset: uint8(*s.PSIDOffset)}
	}
	return o
}

// A DMR is S46_DMR (RFC 7598 section 4.3), the default mapping rule of MAP-T.
type DMR struct{ Prefix netip.Prefix }

// Code returns CodeDMR.
func (DMR) Code() Code { return CodeDMR }

func (o DMR) check() error {
	if _, err := softwire.NewPref64(o.Prefix); err != nil {
		return fmt.Errorf("dmr-ipv6-prefix: %w: %w", ErrValue, err)
	}
	return nil
}

func (o DMR) appendBody(b []byte) ([]byte, error) { return appendPrefix6(b, o.Prefix), nil }

func decodeDMR(b []byte) (Option, error) {
	r := reader{b: b}
	return DMR{r.prefix6("dmr-prefix6")}, r.end()
}

// A Bind is S46_V4V6BIND (RFC 7598 section 4.4): the IPv4 address of a B4 and the prefix or address to which it is bound.
type Bind struct {
	IPv4  netip.Addr
	IPv6  netip.Prefix
	Ports *PortParams // nil = the address is not shared
}

// Code returns CodeBind.
func (Bind) Code() Code { return CodeBind }

func (o Bind) check() error {
	if !o.IPv4.Is4() {
		return fmt.Errorf("ipv4-address: %w: %v is not IPv4", ErrValue, o.IPv4)
	}
	if err := checkPrefix("bind-ipv6-prefix", o.IPv6, true); err != nil {
		return err
	}
	return checkPorts(o.Ports)
}

func (o Bind) appendBody(b []byte) ([]byte, error) {
	return appendPorts(appendPrefix6(append(b, o.IPv4.AsSlice()...), o.IPv6), o.Ports)
}

func decodeBind(b []byte) (Option, error) {
	r := reader{b: b}
	o := Bind{IPv4: r.address4("ipv4-address"), IPv6: r.prefix6("bindprefix6")}
	if r.err != nil {
		return nil, r.err
	}
	var err error
	o.Ports, err = ports(r.b)
	return o, err
}

// Spec returns the binding as package softwire has it.
func (o Bind) Spec() softwire.BindingSpec {
	s := softwire.BindingSpec{B4: o.IPv6, IPv4: o.IPv4}
	if p := o.Ports; p != nil {
		s.PSIDOffset, s.PSIDLength, s.PSID = int(p.Offset), int(p.PSIDLen), int(p.PSID)
	}
	return s
}

// BindOf returns the option for a binding.
func BindOf(b softwire.Binding) Bind {
	o := Bind{IPv4: b.IPv4(), IPv6: b.Prefix()}
	if psid, shared := b.PSID(); shared {
		o.Ports = &PortParams{Offset: uint8(b.Layout().Offset()), PSIDLen: uint8(b.Layout().Length()), PSID: psid}
	}
	return o
}
