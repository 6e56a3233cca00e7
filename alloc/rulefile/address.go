package rulefile

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
)

// A span is an inclusive range of IPv4 addresses as numbers: eight bytes, for millions of rules.
type span struct{ first, last uint32 }

var everything = span{0, ^uint32(0)}

func (s span) len() uint64  { return uint64(s.last) - uint64(s.first) + 1 }
func (s span) single() bool { return s.first == s.last }

// isPrefix reports whether s is the addresses of one prefix.
func (s span) isPrefix() bool {
	n := s.len()
	return n&(n-1) == 0 && uint64(s.first)&(n-1) == 0
}

func (s span) String() string {
	if s.single() {
		return addr4(s.first).String()
	}
	return rangeOf(s).String()
}

func addr4(a uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)})
}

func u32(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// rangeOf returns s as people would write it: a prefix where it is one.
func rangeOf(s span) alloc.AddrRange {
	if !s.single() && s.isPrefix() {
		p := netip.PrefixFrom(addr4(s.first), 32-bits.TrailingZeros64(s.len()))
		if r, err := alloc.AddrRangeFromPrefix(p); err == nil {
			return r
		}
	}
	r, err := alloc.AddrRangeFrom(addr4(s.first), addr4(s.last))
	if err != nil {
		panic(err) // spans are IPv4 and ascending
	}
	return r
}

// parseAddr reads "198.18.0.1". It allocates nothing.
func parseAddr(b []byte) (a uint32, ok bool) {
	octets, value, digits := 0, uint32(0), 0
	for i := 0; i <= len(b); i++ {
		switch {
		case i < len(b) && '0' <= b[i] && b[i] <= '9':
			if digits > 0 && value == 0 {
				return 0, false // 010 is octal to some
			}
			value = value*10 + uint32(b[i]-'0')
			if digits++; value > 255 {
				return 0, false
			}
		case digits > 0 && (i == len(b) || b[i] == '.'):
			a = a<<8 | value
			octets, value, digits = octets+1, 0, 0
		default:
			return 0, false
		}
	}
	return a, octets == 4
}

// parseNumber reads a decimal number of at most nine digits.
func parseNumber(b []byte) (n uint32, ok bool) {
	if len(b) == 0 || len(b) > 9 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint32(c-'0')
	}
	return n, true
}

// parseSpan reads "100.64.0.1", "100.64.0.0/24", "100.64.0.0/255.255.255.0" or "100.64.0.1-100.64.0.9". Host bits are
// dropped, as every kernel does.
func parseSpan(b []byte) (span, bool) {
	if addr, length, ok := bytes.Cut(b, []byte("/")); ok {
		return parsePrefix(addr, length)
	}
	from, to, isRange := bytes.Cut(b, []byte("-"))
	first, ok := parseAddr(from)
	if !ok {
		return span{}, false
	}
	last := first
	if isRange {
		last, ok = parseAddr(to)
	}
	return span{first, last}, ok && first <= last
}

func parsePrefix(addr, length []byte) (span, bool) {
	a, ok := parseAddr(addr)
	if !ok {
		return span{}, false
	}
	plen, ok := parseNumber(length)
	if !ok {
		mask, ok := parseAddr(length)
		plen = uint32(bits.LeadingZeros32(^mask))
		if !ok || mask != prefixMask(plen) {
			return span{}, false
		}
	}
	if plen > 32 {
		return span{}, false
	}
	m := prefixMask(plen)
	return span{a & m, a | ^m}, true
}

// hasHostBits reports whether a prefix is written as an address within it.
func hasHostBits(b []byte) bool {
	addr, length, _ := bytes.Cut(b, []byte("/"))
	a, ok := parseAddr(addr)
	s, isPrefix := parsePrefix(addr, length)
	return ok && isPrefix && s.first != a
}

func prefixMask(plen uint32) uint32 { return uint32(uint64(0xffff_ffff) << (32 - plen)) }

// complement returns what spans leave of the address space. It sorts spans.
func complement(spans []span) []span {
	var out []span
	next := uint64(0)
	for _, s := range union(spans) {
		if uint64(s.first) > next {
			out = append(out, span{uint32(next), s.first - 1})
		}
		next = uint64(s.last) + 1
	}
	if next <= uint64(everything.last) {
		out = append(out, span{uint32(next), everything.last})
	}
	return out
}

// subtract returns what spans have and others have not. Both are ascending and apart, as union returns them. It takes time for those
// of others that touch spans, which reach counts; spans beside all of them are copied.
func subtract(spans, others []span) []span {
	if len(spans) == 0 || len(others) == 0 {
		return slices.Clone(spans)
	}
	lo, hi := touching(span{others[0].first, others[len(others)-1].last}, spans)
	out := append(make([]span, 0, len(spans)+2), spans[:lo]...)
	for _, s := range spans[lo:hi] {
		from, to := touching(s, others)
		next := uint64(s.first)
		for _, o := range others[from:to] {
			if uint64(o.first) > next {
				out = append(out, span{uint32(next), o.first - 1})
			}
			next = uint64(o.last) + 1
		}
		if next <= uint64(s.last) {
			out = append(out, span{uint32(next), s.last})
		}
	}
	return append(out, spans[hi:]...)
}

// common returns what is in both lists, which are ascending and apart. It takes time for the shorter one, and for what that touches of the other.
func common(a, b []span) []span {
	if len(a) > len(b) {
		a, b = b, a
	}
	var out []span
	for _, s := range a {
		lo, hi := touching(s, b)
		for _, o := range b[lo:hi] {
			out = append(out, span{max(s.first, o.first), min(s.last, o.last)})
		}
	}
	return out
}

// reach returns how many of others spans touch.
func reach(spans, others []span) (n int) {
	for _, s := range spans {
		from, to := touching(s, others)
		n += to - from
	}
	return n
}

// compared returns what spans say of others, both ascending and apart: never where they have no address in common, holds where the former lie in the
// latter. It looks for those of the shorter list in the longer one, and returns for how many.
func compared(spans, others []span) (said relation, looked int) {
	a, b := spans, others
	if len(a) > len(b) {
		a, b = b, a
	}
	said = never
	for i := 0; i < len(a) && said == never; i++ {
		looked++
		if lo, hi := touching(a[i], b); lo < hi {
			said = open
		}
	}
	if said == never {
		return never, looked
	}
	for _, s := range spans {
		looked++
		if lo, hi := touching(s, others); hi-lo != 1 || s.first < others[lo].first || s.last > others[lo].last {
			return open, looked
		}
	}
	return holds, looked
}

// touching returns which of others have an address in s: those from lo to before hi.
func touching(s span, others []span) (lo, hi int) {
	lo, _ = slices.BinarySearchFunc(others, s.first, func(o span, a uint32) int { return cmp.Compare(o.last, a) })
	hi, found := slices.BinarySearchFunc(others, s.last, func(o span, a uint32) int { return cmp.Compare(o.first, a) })
	if found {
		hi++
	}
	return lo, max(lo, hi)
}

// textOf returns spans as text: one as it is, several in braces; long ones are cut, and still told apart.
func textOf(spans []span) string {
	if len(spans) == 1 {
		return spans[0].String()
	}
	var b []byte
	var all hash.Hash
	for i, s := range union(spans) {
		if i > 0 {
			b = append(b, ", "...)
		}
		if b = append(b, s.String()...); len(b) > maxText {
			if all == nil {
				all = sha256.New()
			}
			all.Write(b[maxText:]) // never fails
			b = b[:maxText]
		}
	}
	return "{ " + abridged(b, all) + " }"
}
