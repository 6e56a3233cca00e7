package s46

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// A reader takes fields off the body of an option. The first error stays.
type reader struct {
	b   []byte
	err error
}

// take returns the next n octets, or n zeros when there are fewer.
func (r *reader) take(n int, field string) []byte {
	if r.err == nil && len(r.b) < n {
		r.err = fmt.Errorf("%s: %w: %d octets are left, and it takes %d", field, ErrTruncated, len(r.b), n)
	}
	if r.err != nil {
		return make([]byte, n)
	}
	f := r.b[:n]
	r.b = r.b[n:]
	return f
}

func (r *reader) octet(field string) int { return int(r.take(1, field)[0]) }

func (r *reader) address4(field string) netip.Addr {
	return netip.AddrFrom4([4]byte(r.take(4, field)))
}

func (r *reader) address6(field string) netip.Addr {
	return netip.AddrFrom16([16]byte(r.take(16, field)))
}

// prefix6 reads a length and as many octets as it needs. Bits behind the prefix are ignored.
func (r *reader) prefix6(field string) netip.Prefix {
	bits := r.octet(field + "-len")
	if bits > 128 && r.err == nil {
		r.err = fmt.Errorf("%s-len: %w: %d is more than 128", field, ErrValue, bits)
	}
	if r.err != nil {
		return netip.Prefix{}
	}
	var a [16]byte
	copy(a[:], r.take((bits+7)/8, field))
	return netip.PrefixFrom(netip.AddrFrom16(a), bits).Masked()
}

// end says whether anything is left.
func (r *reader) end() error {
	if r.err == nil && len(r.b) > 0 {
		r.err = fmt.Errorf("%w: %d", ErrTrailing, len(r.b))
	}
	return r.err
}

func appendPrefix6(b []byte, p netip.Prefix) []byte {
	a := p.Addr().As16()
	return append(append(b, byte(p.Bits())), a[:(p.Bits()+7)/8]...)
}

// checkPrefix says what is wrong with a prefix of one family.
func checkPrefix(field string, p netip.Prefix, six bool) error {
	switch {
	case !p.IsValid() || p.Addr().Is4In6() || p.Addr().Is6() != six:
		return fmt.Errorf("%s: %w: %v is missing or of the wrong family", field, ErrValue, p)
	case p != p.Masked():
		return fmt.Errorf("%s: %w: %v has host bits; write %v", field, ErrValue, p, p.Masked())
	}
	return nil
}

// subOptions calls f for every option of RFC 7598 in b, and skips others. The error names the option and how many of its
// kind come before it.
func subOptions(b []byte, f func(Option) error) error {
	count := map[Code]int{}
	for len(b) > 0 {
		code, _, rest, err := split(b)
		if err != nil {
			return err
		}
		if _, known := names[code]; known {
			// What may not be here is not looked into: containers in containers cost nothing.
			if code >= CodeMAPE {
				return fmt.Errorf("%w: %v is inside another option", ErrContent, code)
			}
			o, _, err := Decode(b)
			if err == nil {
				err = f(o)
			}
			if err != nil {
				return fmt.Errorf("number %d: %w", count[code], err)
			}
			count[code]++
		}
		b = rest
	}
	return nil
}

// ports decodes what may follow the fields of a rule or binding: one S46_PORTPARAMS.
func ports(b []byte) (p *PortParams, err error) {
	err = subOptions(b, func(o Option) error {
		q, ok := o.(PortParams)
		switch {
		case !ok:
			return fmt.Errorf("%w: %v does not belong here", ErrContent, o.Code())
		case p != nil:
			return fmt.Errorf("%w: %v stands twice", ErrContent, o.Code())
		}
		p = &q
		return nil
	})
	return p, err
}

// PortParams are S46_PORTPARAMS (RFC 7598 section 4.5): a, k and PSID. PSIDLen 0 means that there is no PSID.
type PortParams struct {
	Offset, PSIDLen uint8
	PSID            uint16 // right-aligned
}

// Code returns CodePortParams.
func (PortParams) Code() Code { return CodePortParams }

func (p PortParams) check() error {
	switch {
	case p.Offset > 15:
		return fmt.Errorf("offset: %w: %d is not in 0 to 15", ErrValue, p.Offset)
	case int(p.Offset)+int(p.PSIDLen) > 16:
		return fmt.Errorf("PSID-len: %w: offset %d + PSID-len %d is more than 16", ErrValue, p.Offset, p.PSIDLen)
	case int(p.PSID) >= 1<<p.PSIDLen:
		return fmt.Errorf("PSID: %w: PSID-len %d holds 0 to %d, and PSID is %d; it is right-aligned here", ErrValue, p.PSIDLen, 1<<p.PSIDLen-1, p.PSID)
	}
	return nil
}

func (p PortParams) appendBody(b []byte) ([]byte, error) {
	return binary.BigEndian.AppendUint16(append(b, p.Offset, p.PSIDLen), p.PSID<<(16-p.PSIDLen)), nil
}

func decodePortParams(b []byte) (Option, error) {
	r := reader{b: b}
	p := PortParams{Offset: uint8(r.octet("offset")), PSIDLen: uint8(r.octet("PSID-len"))}
	psid := binary.BigEndian.Uint16(r.take(2, "PSID"))
	if p.PSIDLen <= 16 { // else check says so
		p.PSID = psid >> (16 - p.PSIDLen)
	}
	return p, r.end()
}

// BR is S46_BR (RFC 7598 section 4.2): the address of a border relay.
type BR struct{ Addr netip.Addr }

// Code returns CodeBR.
func (BR) Code() Code { return CodeBR }

func (o BR) check() error {
	if a := o.Addr; !a.Is6() || a.Is4In6() || a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return fmt.Errorf("address: %w: %v is not an address to which routers can send", ErrValue, a)
	}
	return nil
}

func (o BR) appendBody(b []byte) ([]byte, error) { return append(b, o.Addr.AsSlice()...), nil }

func decodeBR(b []byte) (Option, error) {
	r := reader{b: b}
	return BR{r.address6("address")}, r.end()
}
