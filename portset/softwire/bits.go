package softwire

import (
	"encoding/binary"
	"net/netip"
)

// bits128 is an IPv6 address as a number. Bit 0 is the first of the address, as the RFCs count.
type bits128 struct{ hi, lo uint64 }

func from6(a netip.Addr) bits128 {
	b := a.As16()
	return bits128{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (b bits128) addr() netip.Addr {
	var a [16]byte
	binary.BigEndian.PutUint64(a[:8], b.hi)
	binary.BigEndian.PutUint64(a[8:], b.lo)
	return netip.AddrFrom16(a)
}

// mask128 returns n ones, then zeros. In Go, a shift by the width or more gives 0.
func mask128(n int) bits128 {
	if n <= 64 {
		return bits128{^uint64(0) << (64 - n), 0}
	}
	return bits128{^uint64(0), ^uint64(0) << (128 - n)}
}

// place returns v, which has at most 64 bits, so that its last bit is bit end-1 of 128.
func place(v uint64, end int) bits128 {
	if end <= 64 {
		return bits128{v << (64 - end), 0}
	}
	return bits128{v >> (end - 64), v << (128 - end)}
}

// field returns the n bits that end at bit end-1. It is place the other way.
func (b bits128) field(end, n int) uint64 {
	v := b.hi >> (64 - min(end, 64))
	if end > 64 {
		v = b.hi<<(end-64) | b.lo>>(128-end)
	}
	return v & (1<<n - 1)
}

func (b bits128) and(c bits128) bits128 { return bits128{b.hi & c.hi, b.lo & c.lo} }

func (b bits128) or(c bits128) bits128 { return bits128{b.hi | c.hi, b.lo | c.lo} }

func from4(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func addr4(v uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], v)
	return netip.AddrFrom4(b)
}

// mask32 returns n ones, then zeros.
func mask32(n int) uint32 { return ^uint32(0) << (32 - n) }
