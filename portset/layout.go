package portset

import "fmt"

// A Layout says where the PSID lies in a port number (RFC 7597 section 5.1):
//
//	 0                   1
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
//	+-----------+-----------+-------+
//	|     A     |   PSID    |   j   |
//	|  a bits   |  k bits   |m bits |
//	+-----------+-----------+-------+
//
// a is the PSID offset, k the PSID length, m = 16-a-k the number of contiguous bits. All sets of one outside address
// must share one layout, or they overlap (RFC 7597 section 5.1).
//
// The zero Layout is invalid; it is not a = 0, k = 0, and its numbers mean nothing. Layouts are comparable with ==.
type Layout struct {
	offsetPlusOne uint8 // a+1, so that the zero struct is no layout
	length        uint8
}

// DefaultOffset is the PSID offset a that RFC 7597 section 5.1 gives when nothing else is said. It excludes ports 0-1023.
const DefaultOffset = 6

// NewLayout returns the layout with PSID offset a = offset (0 to 15) and PSID length k = length (0 to 16). Their sum must
// be at most 16. The error wraps ErrLayout.
func NewLayout(offset, length int) (Layout, error) {
	switch {
	case offset < 0 || offset > 15:
		return Layout{}, fmt.Errorf("%w: PSID offset %d is not in 0 to 15 (RFC 7597 section 5.1)", ErrLayout, offset)
	case length < 0 || length > 16:
		return Layout{}, fmt.Errorf("%w: PSID length %d is not in 0 to 16", ErrLayout, length)
	case offset+length > 16:
		return Layout{}, fmt.Errorf("%w: PSID offset %d + PSID length %d is more than the 16 bits of a port; "+
			"with offset %d the length is at most %d", ErrLayout, offset, length, offset, 16-offset)
	}
	return Layout{offsetPlusOne: uint8(offset + 1), length: uint8(length)}, nil
}

// IsValid reports whether l was made by NewLayout.
func (l Layout) IsValid() bool { return l.offsetPlusOne != 0 }

// Offset returns a, the number of bits before the PSID, 0 to 15.
func (l Layout) Offset() int { return int(l.offsetPlusOne) - 1 }

// Length returns k, the number of bits of the PSID, 0 to 16.
func (l Layout) Length() int { return int(l.length) }

// ContiguousBits returns m = 16-a-k. The ranges of a set hold 2^m ports each.
func (l Layout) ContiguousBits() int { return 16 - l.Offset() - l.Length() }

// SharingRatio returns 2^k, the number of PSIDs.
func (l Layout) SharingRatio() int { return 1 << l.length }

// SetLen returns the number of ports of each PSID: 2^(16-k) for a = 0 and 2^(16-k) - 2^m for a > 0, where the ports with
// A = 0 belong to nobody. RFC 7597 section 5.1 prints the second formula only.
func (l Layout) SetLen() int {
	n := 1 << (16 - l.length)
	if l.Offset() > 0 {
		n -= 1 << l.ContiguousBits()
	}
	return n
}

// Set returns the ports of psid, a right-aligned number below 2^k. For a = 0 they are one range of 2^(16-k) ports. For
// a > 0 they are 2^a - 1 ranges of 2^m ports, 2^(16-a) apart, and the range with A = 0 is left out. O(1), no allocation.
// The error wraps ErrPSID, or ErrLayout for the zero Layout.
//
// For a = 6, k = 8, PSID 0x34 (RFC 7597 appendix A, example 1): 1232-1235, 2256-2259, ... 64720-64723.
func (l Layout) Set(psid uint16) (Set, error) {
	if !l.IsValid() {
		return Set{}, fmt.Errorf("%w: the zero Layout", ErrLayout)
	}
	if int(psid) >= l.SharingRatio() {
		return Set{}, fmt.Errorf("%w %d: PSID length %d holds 0 to %d", ErrPSID, psid, l.length, l.SharingRatio()-1)
	}
	run, stride, count := 1<<l.ContiguousBits(), 1<<(16-l.Offset()), 1<<l.Offset()
	first := int(psid) * run
	if l.Offset() > 0 {
		first, count = first+stride, count-1
	}
	if run == stride || count == 1 {
		return Set{progression: progression{first: uint16(first), run: uint32(run * count), count: 1}}, nil
	}
	return Set{progression: progression{first: uint16(first), stride: uint16(stride), run: uint32(run), count: uint32(count)}}, nil
}

// PSID returns the PSID that owns port. ok is false when nobody owns it: for a > 0 those are the ports below 2^(16-a),
// whose PSID field means nothing (RFC 7597 section 5.1). A port of the zero Layout has no owner.
func (l Layout) PSID(port uint16) (psid uint16, ok bool) {
	if !l.IsValid() || l.Offset() > 0 && port>>(16-l.Offset()) == 0 {
		return 0, false
	}
	return port >> l.ContiguousBits() & uint16(l.SharingRatio()-1), true
}

// String returns "a=6 k=8 m=2".
func (l Layout) String() string {
	if !l.IsValid() {
		return "invalid Layout"
	}
	return fmt.Sprintf("a=%d k=%d m=%d", l.Offset(), l.Length(), l.ContiguousBits())
}
