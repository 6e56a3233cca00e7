package portset

import (
	"encoding/binary"
	"fmt"
)

// A PortSetOption is the PCP option PORT_SET of RFC 7753 section 4: "map this many ports, starting at this internal
// port". The zero value is invalid because a size of 0 is (section 4.2).
type PortSetOption struct {
	// Size is the number of ports, 1 to 65535.
	Size uint16
	// FirstInternal is the first internal port of the set.
	FirstInternal uint16
	// Parity is the P bit: keep the parity of the internal port.
	Parity bool
}

const (
	portSetCode   = 130
	portSetLen    = 5
	portSetPadded = 4 + 8 // option header, data, and padding to a multiple of four (RFC 6887 section 7.3)
)

// AppendBinary appends the option with its header and padding, 12 octets in all, in network order. The error wraps
// ErrWire when Size is 0 or when the ports would run past 65535.
func (o PortSetOption) AppendBinary(b []byte) ([]byte, error) {
	if err := o.check(); err != nil {
		return b, err
	}
	b = append(b, portSetCode, 0)
	b = binary.BigEndian.AppendUint16(b, portSetLen)
	b = binary.BigEndian.AppendUint16(b, o.Size)
	b = binary.BigEndian.AppendUint16(b, o.FirstInternal)
	var flags byte
	if o.Parity {
		flags = 1
	}
	return append(b, flags, 0, 0, 0), nil
}

// ParsePortSetOption reads the option at the start of b and returns the octets after it and its padding. Reserved bits
// are ignored, as RFC 7753 section 4 has receivers do. The error wraps ErrWire; a PCP server answers it with
// MALFORMED_OPTION (section 4.2).
func ParsePortSetOption(b []byte) (o PortSetOption, rest []byte, err error) {
	if len(b) < portSetPadded {
		return o, b, fmt.Errorf("%w: %d octets, want %d", ErrWire, len(b), portSetPadded)
	}
	if b[0] != portSetCode {
		return o, b, fmt.Errorf("%w: option code %d, want %d", ErrWire, b[0], portSetCode)
	}
	if n := binary.BigEndian.Uint16(b[2:]); n != portSetLen {
		return o, b, fmt.Errorf("%w: option length %d, want %d", ErrWire, n, portSetLen)
	}
	o = PortSetOption{
		Size:          binary.BigEndian.Uint16(b[4:]),
		FirstInternal: binary.BigEndian.Uint16(b[6:]),
		Parity:        b[8]&1 != 0,
	}
	if err := o.check(); err != nil {
		return PortSetOption{}, b, err
	}
	return o, b[portSetPadded:], nil
}

// Internal returns the internal ports that the option names. The error wraps ErrWire.
func (o PortSetOption) Internal() (Range, error) {
	if err := o.check(); err != nil {
		return Range{}, err
	}
	return rangeOf(o.FirstInternal, o.FirstInternal+o.Size-1), nil
}

func (o PortSetOption) check() error {
	if o.Size == 0 {
		return fmt.Errorf("%w: size 0 (RFC 7753 section 4.2)", ErrWire)
	}
	if last := int(o.FirstInternal) + int(o.Size) - 1; last >= PortCount {
		return fmt.Errorf("%w: %d ports from %d end at %d, past 65535", ErrWire, o.Size, o.FirstInternal, last)
	}
	return nil
}
