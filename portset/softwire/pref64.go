package softwire

import (
	"fmt"
	"net/netip"
)

// A Pref64 is an IPv6 prefix in which IPv4 addresses are embedded (RFC 6052 section 2.2), such as the default mapping rule
// (DMR) of MAP-T. The zero Pref64 is invalid. Pref64s are comparable with ==.
//
//	PL   bits of the address
//	32   |     prefix    |v4(32)         | u | suffix                    |
//	40   |     prefix        |v4(24)     | u |(8)| suffix                |
//	48   |     prefix            |v4(16) | u | (16)  | suffix            |
//	56   |     prefix                |(8)| u |  v4(24)   | suffix        |
//	64   |     prefix                    | u |   v4(32)      | suffix    |
//	96   |     prefix                                    |    v4(32)     |
type Pref64 struct{ prefix netip.Prefix }

// wellKnown is the prefix that RFC 6052 section 2.1 sets aside. It must not carry IPv4 addresses that are not global.
var wellKnown = Pref64{netip.MustParsePrefix("64:ff9b::/96")}

// NewPref64 returns p for embedding. Its length is 32, 40, 48, 56, 64 or 96; MAP-T has 64 unless there is a reason
// (RFC 7599 section 5.1). Bits 64 to 71 of a /96 must be zero. The error wraps ErrPrefix or ErrLength.
func NewPref64(p netip.Prefix) (Pref64, error) {
	switch a := p.Addr(); {
	case !p.IsValid() || !a.Is6() || a.Is4In6():
		return Pref64{}, fmt.Errorf("%w: %v is not an IPv6 prefix", ErrPrefix, p)
	case p.Bits() != 96 && (p.Bits() < 32 || p.Bits() > 64 || p.Bits()%8 != 0):
		return Pref64{}, fmt.Errorf("%w: %v cannot carry IPv4 addresses; lengths are 32, 40, 48, 56, 64 and 96 (RFC 6052 section 2.2)", ErrLength, p)
	case p != p.Masked():
		return Pref64{}, fmt.Errorf("%w: %v has host bits; write %v", ErrPrefix, p, p.Masked())
	case !usable6(a):
		return Pref64{}, fmt.Errorf("%w: %v is link-local or multicast", ErrPrefix, p)
	case from6(a).lo>>56 != 0:
		return Pref64{}, fmt.Errorf("%w: %v: bits 64 to 71 must be zero (RFC 6052 section 2.2)", ErrPrefix, p)
	}
	return Pref64{p}, nil
}

// IsValid reports whether p was made by NewPref64.
func (p Pref64) IsValid() bool { return p.prefix.IsValid() }

// Prefix returns the prefix.
func (p Pref64) Prefix() netip.Prefix { return p.prefix }

// String returns the prefix as text.
func (p Pref64) String() string { return p.prefix.String() }

// Embed returns the IPv6 address that stands for an IPv4 address. For 10.2.3.4 under 2001:db8:ffff::/64 it is
// 2001:db8:ffff:0:a:203:400:0 (RFC 7599 appendix A, example 2). The error wraps ErrPrefix for what is not IPv4, or
// ErrNotGlobal. O(1), no allocation but for the error.
func (p Pref64) Embed(ipv4 netip.Addr) (netip.Addr, error) {
	switch {
	case !p.IsValid():
		return netip.Addr{}, fmt.Errorf("%w: the zero Pref64", ErrPrefix)
	case !ipv4.Is4():
		return netip.Addr{}, fmt.Errorf("%w: %v is not IPv4", ErrPrefix, ipv4)
	case p == wellKnown && !global(ipv4):
		return netip.Addr{}, fmt.Errorf("%w: %v must not be embedded in %v (RFC 6052 section 3.1)", ErrNotGlobal, ipv4, p)
	}
	a, v := p.prefix.Addr().As16(), ipv4.As4()
	at := p.prefix.Bits() / 8
	for _, b := range v {
		if at == 8 {
			at++ // u
		}
		a[at] = b
		at++
	}
	return netip.AddrFrom16(a), nil
}

// Extract returns the IPv4 address that an IPv6 address stands for. ok is false where the address is not in p, where
// bits 64 to 71 are not zero, or where the well-known prefix carries an address that it must not. The suffix behind the
// address is ignored (RFC 6052 section 2.2). O(1), no allocation.
func (p Pref64) Extract(ipv6 netip.Addr) (ipv4 netip.Addr, ok bool) {
	if !p.IsValid() || !p.prefix.Contains(ipv6) {
		return netip.Addr{}, false
	}
	a := ipv6.As16()
	var v [4]byte
	at := p.prefix.Bits() / 8
	for i := range v {
		if at == 8 {
			at++
		}
		v[i] = a[at]
		at++
	}
	ipv4 = netip.AddrFrom4(v)
	if a[8] != 0 || p == wellKnown && !global(ipv4) {
		return netip.Addr{}, false
	}
	return ipv4, true
}

// notGlobal are the IPv4 prefixes that are not global. Those for documentation are left out: RFC 6052 itself embeds them
// in the well-known prefix, and no packet has them.
var notGlobal = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("224.0.0.0/3"),
}

func global(a netip.Addr) bool {
	for _, p := range notGlobal {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
