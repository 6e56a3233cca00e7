package alloc

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/cgnkit/cgnkit/portset"
)

// An ExplicitShare is one line of a list of shares: who has which ports of which outside address. Scheme Explicit only.
//
// The zero ExplicitShare is invalid.
type ExplicitShare struct {
	Inside, Outside netip.Addr  // IPv4
	Ports           portset.Set // not empty, every port of it usable
}

// ParseExplicitShare reads what String writes: the inside address, the outside address and the ports, separated by blanks, such
// as "100.64.0.1 198.18.0.1 1024-2047,4000". Blanks are spaces and tabs. The error wraps ErrShare, and ErrAddress where an address is wrong.
func ParseExplicitShare(s string) (ExplicitShare, error) {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(parts) != 3 {
		return ExplicitShare{}, fmt.Errorf("%w %q: want inside address, outside address and ports, such as 100.64.0.1 198.18.0.1 1024-2047", ErrShare, s[:min(len(s), maxAddrText)])
	}
	inside, err := parseAddr(parts[0])
	if err != nil {
		return ExplicitShare{}, fmt.Errorf("%w: %w", ErrShare, err)
	}
	outside, err := parseAddr(parts[1])
	if err != nil {
		return ExplicitShare{}, fmt.Errorf("%w: %w", ErrShare, err)
	}
	ports, err := portset.ParseSet(parts[2])
	if err != nil {
		return ExplicitShare{}, fmt.Errorf("%w: %w", ErrShare, err)
	}
	return ExplicitShare{Inside: inside, Outside: outside, Ports: ports}, nil
}

// IsValid reports whether s has two IPv4 addresses and ports.
func (s ExplicitShare) IsValid() bool { return s.Inside.Is4() && s.Outside.Is4() && s.Ports.IsValid() }

// String returns the text that ParseExplicitShare reads.
func (s ExplicitShare) String() string {
	if !s.IsValid() {
		return "invalid ExplicitShare"
	}
	b, _ := s.AppendText(nil)
	return string(b)
}

// AppendText appends the text of String. The error wraps ErrShare for a share that is not valid.
func (s ExplicitShare) AppendText(b []byte) ([]byte, error) {
	if !s.IsValid() {
		return b, fmt.Errorf("%w: it lacks an IPv4 address or ports", ErrShare)
	}
	b = append(s.Inside.AppendTo(b), ' ')
	b = append(s.Outside.AppendTo(b), ' ')
	return s.Ports.AppendText(b)
}

// MarshalText returns the text of String. The error wraps ErrShare for a share that is not valid.
func (s ExplicitShare) MarshalText() ([]byte, error) { return s.AppendText(nil) }

// UnmarshalText sets s to what ParseExplicitShare reads.
func (s *ExplicitShare) UnmarshalText(text []byte) error {
	parsed, err := ParseExplicitShare(string(text))
	if err == nil {
		*s = parsed
	}
	return err
}
