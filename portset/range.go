package portset

import (
	"fmt"
	"strconv"
)

// PortCount is the number of values in the 16-bit port space, 0 to 65535.
const PortCount = 1 << 16

// A Range is an inclusive range of ports. The zero Range is invalid; it is not "port 0".
//
// Ranges are comparable with ==.
type Range struct {
	// The first port is stored inverted. So the zero struct reads as 65535-0, a reversed range, and can be told
	// from every range that NewRange makes.
	notFirst, last uint16
}

// NewRange returns the ports first to last, both included. It returns an error that wraps ErrRange when either end is
// not in 0..65535 or when first is greater than last.
func NewRange(first, last int) (Range, error) {
	switch {
	case first < 0 || first >= PortCount:
		return Range{}, fmt.Errorf("%w %d-%d: %d is not a port; ports are 0 to 65535", ErrRange, first, last, first)
	case last < 0 || last >= PortCount:
		return Range{}, fmt.Errorf("%w %d-%d: %d is not a port; ports are 0 to 65535", ErrRange, first, last, last)
	case first > last:
		return Range{}, fmt.Errorf("%w %d-%d: the range is reversed; write %d-%d", ErrRange, first, last, last, first)
	}
	return rangeOf(uint16(first), uint16(last)), nil
}

// rangeOf is NewRange for ends that are known to be in order.
func rangeOf(first, last uint16) Range { return Range{notFirst: ^first, last: last} }

// IsValid reports whether r was made by NewRange or ParseRange, that is, whether it is not the zero Range.
func (r Range) IsValid() bool { return r.First() <= r.last }

// First returns the lowest port of r.
func (r Range) First() uint16 { return ^r.notFirst }

// Last returns the highest port of r. It belongs to r.
func (r Range) Last() uint16 { return r.last }

// Len returns the number of ports in r, 1 to 65536, or 0 for the zero Range.
func (r Range) Len() int {
	if !r.IsValid() {
		return 0
	}
	return int(r.last) - int(r.First()) + 1
}

// Contains reports whether port lies in r.
func (r Range) Contains(port uint16) bool { return r.First() <= port && port <= r.last }

// String returns "1024-2023", or "1024" for a single port, or "invalid Range" for the zero Range.
func (r Range) String() string {
	if !r.IsValid() {
		return "invalid Range"
	}
	return string(r.append(nil))
}

func (r Range) append(b []byte) []byte {
	b = strconv.AppendUint(b, uint64(r.First()), 10)
	if r.First() != r.last {
		b = append(b, '-')
		b = strconv.AppendUint(b, uint64(r.last), 10)
	}
	return b
}
