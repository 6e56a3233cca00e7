package s46

import (
	"encoding/binary"
	"fmt"
)

// CodeV6Only is the DHCPv4 option "IPv6-Only Preferred" (RFC 8925).
const CodeV6Only = 108

// MinV6OnlyWait and DefaultV6OnlyWait are times in seconds (RFC 8925 section 3.4).
const (
	MinV6OnlyWait     = 300
	DefaultV6OnlyWait = 1800
)

// AppendV6Only appends DHCPv4 option 108: code, length 4, seconds. A server sends it only to those who ask for it, and only
// from pools for networks that need no IPv4 (RFC 8925 section 3.3).
func AppendV6Only(b []byte, seconds uint32) []byte {
	return binary.BigEndian.AppendUint32(append(b, CodeV6Only, 4), seconds)
}

// DecodeV6Only reads DHCPv4 option 108 at the start of b and returns its seconds and the bytes behind it. A length other
// than 4 is an error, and a client ignores the option (RFC 8925 section 3.1). The error wraps ErrUnknown, ErrTruncated or ErrValue.
func DecodeV6Only(b []byte) (seconds uint32, rest []byte, err error) {
	switch {
	case len(b) < 2:
		return 0, nil, fmt.Errorf("option 108: %w: %d octets, and code and length take 2", ErrTruncated, len(b))
	case b[0] != CodeV6Only:
		return 0, nil, fmt.Errorf("DHCPv4 option %d: %w", b[0], ErrUnknown)
	case b[1] != 4:
		return 0, nil, fmt.Errorf("option 108: %w: its length is %d and must be 4 (RFC 8925 section 3.1)", ErrValue, b[1])
	case len(b) < 6:
		return 0, nil, fmt.Errorf("option 108: %w: %d octets of 4", ErrTruncated, len(b)-2)
	}
	return binary.BigEndian.Uint32(b[2:]), b[6:], nil
}

// V6OnlyTimer returns for how many seconds a client stays without IPv4: what the option says, MinV6OnlyWait at least
// (RFC 8925 section 3.2).
func V6OnlyTimer(seconds uint32) uint32 { return max(seconds, MinV6OnlyWait) }
