package portset

import (
	"fmt"
	"strings"
)

// maxText bounds the text that ParseSet reads: 32,768 single ports with five digits and a comma need less.
const maxText = 1 << 18

// ParseRange reads "1024-2023" or "1024". Ports are decimal, 0 to 65535, without sign and with ends in order. Blanks
// around the ports are ignored. The error wraps ErrSyntax or ErrRange.
func ParseRange(s string) (Range, error) {
	from, to, isRange := strings.Cut(s, "-")
	first, err := parsePort(from)
	if err != nil {
		return Range{}, fmt.Errorf("port range %s: %w", quote(s), err)
	}
	last := first
	if isRange {
		if last, err = parsePort(to); err != nil {
			return Range{}, fmt.Errorf("port range %s: %w", quote(s), err)
		}
	}
	return NewRange(first, last)
}

// quoteAt is the number of bytes of a wrong text that a message quotes.
const quoteAt = 40

func quote(s string) string {
	if len(s) > quoteAt {
		return fmt.Sprintf("%q...", s[:quoteAt])
	}
	return fmt.Sprintf("%q", s)
}

func parsePort(s string) (int, error) {
	s = strings.Trim(s, " \t")
	if s == "" {
		return 0, fmt.Errorf("%w: a port is missing", ErrSyntax)
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%w: %s is not a decimal port number", ErrSyntax, quote(s))
		}
		n = min(n*10+int(c-'0'), PortCount)
	}
	if n == PortCount {
		return 0, fmt.Errorf("%w: port %s is past 65535", ErrRange, s[:min(len(s), quoteAt)])
	}
	return n, nil
}

// ParseSet reads ranges and single ports separated by commas, in any order: "1900,5060-5061". They may overlap; the set
// is their union. The error wraps ErrSyntax, ErrRange or, for a blank text, ErrEmpty.
func ParseSet(s string) (Set, error) {
	if strings.Trim(s, " \t") == "" {
		return Set{}, fmt.Errorf("%w: the text is blank", ErrEmpty)
	}
	if len(s) > maxText {
		return Set{}, fmt.Errorf("%w: %d bytes are more than any port set needs", ErrSyntax, len(s))
	}
	var ranges []Range
	for part := range strings.SplitSeq(s, ",") {
		r, err := ParseRange(part)
		if err != nil {
			return Set{}, err
		}
		ranges = append(ranges, r)
	}
	return NewSet(ranges...)
}

// AppendText appends the maximal ranges of s, ascending and separated by commas: "1232-1235,2256-2259". ParseSet reads it
// back to an equal set. The error wraps ErrEmpty for the zero Set.
func (s Set) AppendText(b []byte) ([]byte, error) {
	if !s.IsValid() {
		return b, fmt.Errorf("%w: the zero Set has no text", ErrEmpty)
	}
	sep := false
	for r := range s.Ranges() {
		if sep {
			b = append(b, ',')
		}
		b, sep = r.append(b), true
	}
	return b, nil
}

// MarshalText returns the text of AppendText. It makes a Set a JSON string.
func (s Set) MarshalText() ([]byte, error) { return s.AppendText(nil) }

// UnmarshalText sets s to what ParseSet reads.
func (s *Set) UnmarshalText(text []byte) error {
	t, err := ParseSet(string(text))
	if err == nil {
		*s = t
	}
	return err
}

// String returns the text of AppendText, or "invalid Set" for the zero Set.
func (s Set) String() string {
	b, err := s.AppendText(nil)
	if err != nil {
		return "invalid Set"
	}
	return string(b)
}

// MarshalText returns "1024-2023" or "1024". The error wraps ErrRange for the zero Range.
func (r Range) MarshalText() ([]byte, error) {
	if !r.IsValid() {
		return nil, fmt.Errorf("%w: the zero Range has no text", ErrRange)
	}
	return r.append(nil), nil
}

// UnmarshalText sets r to what ParseRange reads.
func (r *Range) UnmarshalText(text []byte) error {
	if len(text) > maxText {
		return fmt.Errorf("%w: %d bytes are no port range", ErrSyntax, len(text))
	}
	t, err := ParseRange(string(text))
	if err == nil {
		*r = t
	}
	return err
}
