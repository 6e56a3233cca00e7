package softwire

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// maxText is the number of bytes of a wrong text that a message quotes.
const maxText = 64

// ParseBindingSpec reads what AppendText writes: the B4's prefix or address and its IPv4 address, and where that is shared PSID
// offset, PSID length and PSID, all separated by blanks or commas, such as "2001:db8:1::/56 192.0.2.1 0 8 52". The error wraps
// ErrPrefix or ErrLength. Whether the numbers go together is for NewBindings to say.
func ParseBindingSpec(text string) (BindingSpec, error) {
	f := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' })
	quoted := text[:min(len(text), maxText)]
	if len(f) != 2 && len(f) != 5 {
		return BindingSpec{}, fmt.Errorf("%w: %q is no binding: want prefix and IPv4 address, or these with PSID offset, length and PSID, such as 2001:db8:1::/56 192.0.2.1 0 8 52", ErrPrefix, quoted)
	}
	var s BindingSpec
	var err error
	if s.B4, err = netip.ParsePrefix(f[0]); err != nil {
		a, err := netip.ParseAddr(f[0])
		if err != nil || a.Zone() != "" {
			return BindingSpec{}, fmt.Errorf("%w: %q is not the prefix or address of a B4, such as 2001:db8:1::/56", ErrPrefix, f[0][:min(len(f[0]), maxText)])
		}
		s.B4 = netip.PrefixFrom(a, a.BitLen())
	}
	if s.IPv4, err = netip.ParseAddr(f[1]); err != nil || !s.IPv4.Is4() {
		return BindingSpec{}, fmt.Errorf("%w: %q is not an IPv4 address", ErrPrefix, f[1][:min(len(f[1]), maxText)])
	}
	for i, to := range []*int{&s.PSIDOffset, &s.PSIDLength, &s.PSID} {
		if len(f) == 2 {
			break
		}
		n, err := strconv.ParseUint(f[2+i], 10, 16)
		if err != nil {
			return BindingSpec{}, fmt.Errorf("%w: %q is not a number from 0 to 65535", ErrLength, f[2+i][:min(len(f[2+i]), maxText)])
		}
		*to = int(n)
	}
	return s, nil
}

// AppendText appends the text that ParseBindingSpec reads. It does not fail.
func (s BindingSpec) AppendText(b []byte) ([]byte, error) {
	b = append(s.B4.AppendTo(b), ' ')
	b = s.IPv4.AppendTo(b)
	if s.PSIDLength == 0 {
		return b, nil
	}
	for _, n := range []int{s.PSIDOffset, s.PSIDLength, s.PSID} {
		b = strconv.AppendInt(append(b, ' '), int64(n), 10)
	}
	return b, nil
}

// MarshalText returns the text of AppendText.
func (s BindingSpec) MarshalText() ([]byte, error) { return s.AppendText(nil) }

// UnmarshalText sets s to what ParseBindingSpec reads.
func (s *BindingSpec) UnmarshalText(text []byte) error {
	parsed, err := ParseBindingSpec(string(text))
	if err == nil {
		*s = parsed
	}
	return err
}

// String returns the text of AppendText.
func (s BindingSpec) String() string {
	b, _ := s.AppendText(nil)
	return string(b)
}

// Spec returns a description from which NewBindings makes an equal binding.
func (b Binding) Spec() BindingSpec {
	return BindingSpec{B4: b.Prefix(), IPv4: b.IPv4(), PSIDOffset: b.layout.Offset(), PSIDLength: b.layout.Length(), PSID: int(b.psid)}
}
