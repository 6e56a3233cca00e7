package alloc

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// An AddrRange is an inclusive range of IPv4 addresses that remembers whether it was written as a prefix. The zero
// AddrRange is invalid; it is not 0.0.0.0. AddrRanges are comparable with ==.
type AddrRange struct {
	// The first address is stored inverted, so that the zero struct is a reversed range and no address.
	notFirst, last uint32
	prefix         bool
}

// ParseAddrRange reads a prefix ("100.64.0.0/22"), an address ("100.64.0.7") or a range ("100.64.0.4-100.64.0.9"); blanks
// around them are ignored. The error wraps ErrAddress and says what would be right: host bits, reversed ranges and IPv6 are refused.
func ParseAddrRange(s string) (AddrRange, error) {
	s = strings.TrimSpace(s)
	if text, bits, ok := strings.Cut(s, "/"); ok {
		return parsePrefix(s, text, bits)
	}
	from, to, isRange := strings.Cut(s, "-")
	first, err := parseAddr(strings.TrimSpace(from))
	if err != nil {
		return AddrRange{}, err
	}
	last := first
	if isRange {
		if last, err = parseAddr(strings.TrimSpace(to)); err != nil {
			return AddrRange{}, err
		}
	}
	return AddrRangeFrom(first, last)
}

// maxAddrText is the number of bytes of a wrong address that a message quotes: more than any right one has.
const maxAddrText = 64

func parsePrefix(s, text, bits string) (AddrRange, error) {
	a, err := parseAddr(text)
	if err != nil {
		return AddrRange{}, err
	}
	n, err := strconv.ParseUint(bits, 10, 8)
	if err != nil || n > 32 || bits[0] == '+' || len(bits) > 1 && bits[0] == '0' {
		return AddrRange{}, fmt.Errorf("%w %q: the prefix length is a number from 0 to 32", ErrAddress, s[:min(len(s), maxAddrText)])
	}
	return AddrRangeFromPrefix(netip.PrefixFrom(a, int(n)))
}

func parseAddr(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if len(s) > maxAddrText {
		s = s[:maxAddrText] + "..." // quoted below; hostile files have long lines
	}
	switch {
	case err != nil && strings.Count(s, ":") > 1:
		return a, fmt.Errorf("%w %q: not an IPv4 address, and IPv6 is not translated by NAT44", ErrAddress, s)
	case err != nil:
		return a, fmt.Errorf("%w %q: want an IPv4 address such as 100.64.0.1", ErrAddress, s)
	case !a.Is4():
		return a, fmt.Errorf("%w %q: this is IPv6; NAT44 takes IPv4 addresses", ErrAddress, s)
	}
	return a, nil
}

// AddrRangeFrom returns the addresses first to last, both included. The error wraps ErrAddress when one is not IPv4 or
// when they are reversed.
func AddrRangeFrom(first, last netip.Addr) (AddrRange, error) {
	for _, a := range []netip.Addr{first, last} {
		if !a.Is4() {
			return AddrRange{}, fmt.Errorf("%w %v: NAT44 takes IPv4 addresses", ErrAddress, a)
		}
	}
	if last.Less(first) {
		return AddrRange{}, fmt.Errorf("%w %v-%v: the range is reversed; write %v-%v", ErrAddress, first, last, last, first)
	}
	return addrRangeOf(span{u32(first), u32(last)}), nil
}

// AddrRangeFromPrefix returns the addresses of p. The error wraps ErrAddress when p is not an IPv4 prefix or has host bits.
func AddrRangeFromPrefix(p netip.Prefix) (AddrRange, error) {
	switch {
	case !p.IsValid() || !p.Addr().Is4():
		return AddrRange{}, fmt.Errorf("%w %v: NAT44 takes IPv4 prefixes", ErrAddress, p)
	case p != p.Masked():
		return AddrRange{}, fmt.Errorf("%w %v: host bits are set; write %v for the prefix or %v for the one address",
			ErrAddress, p, p.Masked(), p.Addr())
	}
	first := u32(p.Addr())
	r := addrRangeOf(span{first, first | uint32(uint64(1)<<(32-p.Bits())-1)})
	r.prefix = true
	return r, nil
}

func addrRangeOf(s span) AddrRange { return AddrRange{notFirst: ^s.first, last: s.last} }

// IsValid reports whether r is not the zero AddrRange.
func (r AddrRange) IsValid() bool { return ^r.notFirst <= r.last }

// First returns the lowest address.
func (r AddrRange) First() netip.Addr { return addr4(^r.notFirst) }

// Last returns the highest address. It belongs to r.
func (r AddrRange) Last() netip.Addr { return addr4(r.last) }

// Len returns the number of addresses, 1 to 2^32, or 0 for the zero AddrRange.
func (r AddrRange) Len() uint64 {
	if !r.IsValid() {
		return 0
	}
	return r.span().len()
}

// Contains reports whether a lies in r.
func (r AddrRange) Contains(a netip.Addr) bool {
	return a.Is4() && r.IsValid() && r.span().contains(u32(a))
}

func (r AddrRange) span() span { return span{^r.notFirst, r.last} }

// String returns the prefix, the address or the range as ParseAddrRange reads it.
func (r AddrRange) String() string {
	if !r.IsValid() {
		return "invalid AddrRange"
	}
	if r.prefix {
		bits := 32
		for n := r.Len(); n > 1; n /= 2 {
			bits--
		}
		return netip.PrefixFrom(r.First(), bits).String()
	}
	return r.span().String()
}

// A span is an inclusive range of IPv4 addresses as numbers: eight bytes, for lists of millions.
type span struct{ first, last uint32 }

func (s span) len() uint64            { return uint64(s.last) - uint64(s.first) + 1 }
func (s span) contains(a uint32) bool { return s.first <= a && a <= s.last }
func (s span) String() string         { return string(s.append(nil)) }

func (s span) append(b []byte) []byte {
	b = addr4(s.first).AppendTo(b)
	if s.first != s.last {
		b = append(b, '-')
		b = addr4(s.last).AppendTo(b)
	}
	return b
}

func u32(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func addr4(a uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)})
}

// MarshalText returns the text of String. The error wraps ErrAddress for the zero AddrRange.
func (r AddrRange) MarshalText() ([]byte, error) {
	if !r.IsValid() {
		return nil, fmt.Errorf("%w: the zero AddrRange has no text", ErrAddress)
	}
	return []byte(r.String()), nil
}

// UnmarshalText sets r to what ParseAddrRange reads.
func (r *AddrRange) UnmarshalText(text []byte) error {
	parsed, err := ParseAddrRange(string(text))
	if err == nil {
		*r = parsed
	}
	return err
}

// IsPrefix reports whether r was written as a prefix.
func (r AddrRange) IsPrefix() bool { return r.prefix }

// Prefixes yields the prefixes that r consists of: ascending, as few as possible, at most 62. Nothing is yielded for the zero AddrRange.
func (r AddrRange) Prefixes() iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		for next, end := uint64(^r.notFirst), uint64(r.last); r.IsValid() && next <= end; {
			size := min(bits.TrailingZeros64(next|1<<32), bits.Len64(end-next+1)-1)
			if !yield(netip.PrefixFrom(addr4(uint32(next)), 32-size)) {
				return
			}
			next += 1 << size
		}
	}
}
