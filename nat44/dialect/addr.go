package dialect

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strconv"
)

func u32(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func addr4(a uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)})
}

// A block is a prefix of IPv4 addresses as numbers.
type block struct {
	first uint32
	plen  int // prefix length, 0 to 32
}

func (b block) last() uint32 { return b.first | uint32(uint64(1)<<(32-b.plen)-1) }

func (b block) appendTo(text []byte) []byte {
	text = append(addr4(b.first).AppendTo(text), '/')
	return strconv.AppendInt(text, int64(b.plen), 10)
}

func (b block) String() string { return string(b.appendTo(nil)) }

// blockOf returns the block with the given prefix length that contains a.
func blockOf(a uint32, plen int) block {
	return block{a &^ uint32(uint64(1)<<(32-plen)-1), plen}
}

// common returns the smallest block that contains a and b.
func common(a, b uint32) block { return blockOf(a, bits.LeadingZeros32(a^b)) }

// largest returns the largest block that starts at first and ends at last or before.
func largest(first, last uint32) block {
	size := min(bits.TrailingZeros32(first), bits.Len64(uint64(last)-uint64(first)+1)-1)
	return block{first, 32 - size}
}

// A span is an inclusive range of addresses that a pool has in this order.
type span struct {
	first, last uint32
	pool        int32  // number of the pool in the plan
	start       uint32 // position of the first address in the pool
}

// isBlock reports whether s is a prefix.
func (s span) isBlock() bool { return largest(s.first, s.last).last() == s.last }

// appendTo appends s as a prefix where it is one, as a range otherwise.
func (s span) appendTo(text []byte) []byte {
	if s.isBlock() {
		return largest(s.first, s.last).appendTo(text)
	}
	text = append(addr4(s.first).AppendTo(text), '-')
	return addr4(s.last).AppendTo(text)
}

func (s span) String() string { return string(s.appendTo(nil)) }

func utoa(n uint64) string { return strconv.FormatUint(n, 10) }
