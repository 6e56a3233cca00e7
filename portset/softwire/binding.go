package softwire

import (
	"fmt"
	"net/netip"

	"github.com/cgnkit/cgnkit/portset"
)

// A BindingSpec describes one entry of an lwAFTR's binding table (RFC 7596 section 6.1) before it is checked.
type BindingSpec struct {
	// B4 is the B4's address as a /128, or a prefix of up to 64 bits from which the B4 makes its address as a CE does
	// (RFC 7596 section 5.1, RFC 7597 section 6).
	B4   netip.Prefix
	IPv4 netip.Addr

	// PSIDLength is k, 0 for an address that is not shared, and PSID the right-aligned PSID. PSIDOffset is a, which should
	// be 0 (RFC 7596 section 5.1). With offset 0, low PSIDs hold the ports below 1024, and who hands out shares should
	// leave them out.
	PSIDOffset, PSIDLength, PSID int
}

// A Binding is one entry of a binding table: which B4 has which port set of an IPv4 address. It is passed by value, and
// comparable with ==. The zero Binding is invalid.
type Binding struct { // 32 bytes, and a table has one for each
	b4     bits128
	v4     uint32
	psid   uint16
	layout portset.Layout
	bits   uint8 // of the prefix from which b4 was made, or 128
}

// newBinding checks s. Paths of findings are the fields alone.
func newBinding(s BindingSpec) (Binding, []Finding) {
	var fs findings
	add := func(err error, field, format string, args ...any) {
		fs.add(Finding{Err: err, Path: field, Msg: fmt.Sprintf(format, args...)})
	}
	if err := checkB4(s.B4); err != nil {
		add(err, "b4", "%v", err)
	}
	if !s.IPv4.Is4() || s.IPv4.IsLoopback() || s.IPv4.IsMulticast() || s.IPv4.IsUnspecified() {
		add(ErrPrefix, "ipv4", "%v is not an IPv4 address that a B4 can have", s.IPv4)
	}
	layout, err := portset.NewLayout(s.PSIDOffset, s.PSIDLength)
	switch {
	case err != nil && (s.PSIDOffset < 0 || s.PSIDOffset > 15):
		add(err, "psid-offset", "%v", err)
	case err != nil:
		add(err, "psid-length", "%v", err)
	case s.PSID < 0 || s.PSID >= layout.SharingRatio():
		add(portset.ErrPSID, "psid", "PSID %d: psid-length %d holds 0 to %d", s.PSID, s.PSIDLength, layout.SharingRatio()-1)
	case s.PSIDLength == 0:
		layout, _ = portset.NewLayout(0, 0) // an address of one's own has all ports
	}
	if len(fs) > 0 {
		return Binding{}, fs
	}
	b := Binding{b4: from6(s.B4.Addr()), bits: uint8(s.B4.Bits()), layout: layout, psid: uint16(s.PSID), v4: from4(s.IPv4)}
	if b.bits <= 64 {
		b.b4 = IIDRFC7597.address(b.b4, int(b.bits), b.v4, b.psid)
	}
	return b, nil
}

// checkB4 says whether p can be the address or the prefix of a B4.
func checkB4(p netip.Prefix) error {
	switch a := p.Addr(); {
	case !p.IsValid() || !a.Is6() || a.Is4In6():
		return fmt.Errorf("%w: %v is not IPv6", ErrPrefix, p)
	case p != p.Masked():
		return fmt.Errorf("%w: %v has host bits; write %v, or /128 for an address", ErrPrefix, p, p.Masked())
	case p.Bits() > 64 && p.Bits() < 128:
		return fmt.Errorf("%w: %v is longer than /64 and would overwrite the interface identifier", ErrLength, p)
	case a.IsUnspecified() || !usable6(a):
		return fmt.Errorf("%w: %v is not an address or prefix that a B4 can have", ErrPrefix, p)
	}
	return nil
}

// IsValid reports whether b came from a binding table.
func (b Binding) IsValid() bool { return b.layout.IsValid() }

// B4 returns the B4's address.
func (b Binding) B4() netip.Addr { return b.b4.addr() }

// Prefix returns what the specification had: the prefix of the B4, or its address as a /128.
func (b Binding) Prefix() netip.Prefix {
	return netip.PrefixFrom(b.b4.and(mask128(int(b.bits))).addr(), int(b.bits))
}

// IPv4 returns the IPv4 address.
func (b Binding) IPv4() netip.Addr { return addr4(b.v4) }

// PSID returns the PSID, right-aligned; ok is false where the address is not shared.
func (b Binding) PSID() (psid uint16, ok bool) { return b.psid, b.layout.Length() > 0 }

// Layout returns where PSIDs lie in ports: a = 0, k = 0 where the address is not shared.
func (b Binding) Layout() portset.Layout { return b.layout }

// Ports returns the port set, which holds for TCP, UDP and ICMP identifiers alike.
func (b Binding) Ports() portset.Set {
	s, _ := b.layout.Set(b.psid) // a binding has no PSID outside its layout
	return s
}

// String returns "2001:db8::1 192.0.2.18 PSID 52", or without a PSID "2001:db8::1 192.0.2.18".
func (b Binding) String() string {
	if !b.IsValid() {
		return "invalid Binding"
	}
	if psid, ok := b.PSID(); ok {
		return fmt.Sprintf("%v %v PSID %d", b.B4(), b.IPv4(), psid)
	}
	return fmt.Sprintf("%v %v", b.B4(), b.IPv4())
}
