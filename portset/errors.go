package portset

import "errors"

// Errors to compare with errors.Is. The messages that wrap them quote what was given.
var (
	// ErrRange means: a port is outside 0..65535, or a range is reversed.
	ErrRange = errors.New("invalid port range")
	// ErrSyntax means: a text is not a port range or a list of them.
	ErrSyntax = errors.New("invalid port set text")
	// ErrEmpty means: a set without ports was asked for.
	ErrEmpty = errors.New("empty port set")
	// ErrLayout means: PSID offset and PSID length do not fit into 16 bits.
	ErrLayout = errors.New("invalid PSID layout")
	// ErrPSID means: a PSID does not fit into the PSID length of its layout.
	ErrPSID = errors.New("invalid PSID")
	// ErrWire means: bytes are not a PCP PORT_SET option.
	ErrWire = errors.New("malformed PORT_SET option")
)
