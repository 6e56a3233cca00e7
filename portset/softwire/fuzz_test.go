package softwire

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

// ruleSize is the number of bytes from which specOf makes a rule.
const ruleSize = 28

// specOf makes a specification of bytes, any legal or illegal one.
func specOf(b []byte) RuleSpec {
	s := RuleSpec{
		IPv6:         netip.PrefixFrom(netip.AddrFrom16([16]byte(b[:16])), int(b[20])%130),
		IPv4:         netip.PrefixFrom(netip.AddrFrom4([4]byte(b[16:20])), int(b[21])%34),
		EALen:        int(int8(b[22])),
		Forwarding:   b[27]&1 != 0,
		IID:          IIDForm(b[27] >> 1 & 3),
		OverwriteIID: b[27]&8 != 0,
	}
	if b[27]&16 == 0 {
		s.IPv6, s.IPv4 = s.IPv6.Masked(), s.IPv4.Masked()
	}
	for i, p := range []**int{&s.PSIDOffset, &s.PSIDLength} {
		if b[23+i] < 128 {
			*p = new(int(b[23+i]) % 20)
		}
	}
	if b[25] < 128 {
		s.PSID = new(int(b[25])<<8 | int(b[26]))
	}
	return s
}

func bytesOf(s RuleSpec) []byte {
	six, four := s.IPv6.Addr().As16(), s.IPv4.Addr().As4()
	b := append(six[:], four[:]...)
	b = append(b, byte(s.IPv6.Bits()), byte(s.IPv4.Bits()), byte(s.EALen), 255, 255, 255, 255, 0)
	if s.OverwriteIID {
		b[27] |= 8
	}
	for i, p := range []*int{s.PSIDOffset, s.PSIDLength} {
		if p != nil {
			b[23+i] = byte(*p)
		}
	}
	if s.PSID != nil {
		binary.BigEndian.PutUint16(b[25:], uint16(*s.PSID))
	}
	return b
}

// A domain either says what is wrong or answers both ways without contradiction.
func FuzzDomain(f *testing.F) {
	for _, rules := range smallDomains {
		var b []byte
		for _, s := range rules {
			b = append(b, bytesOf(s)...)
		}
		f.Add(b, []byte{192, 0, 2, 18}, uint16(1232), bytesOf(ruleOf())[:16])
	}
	f.Fuzz(func(t *testing.T, b, ipv4 []byte, port uint16, ipv6 []byte) {
		var spec DomainSpec
		for ; len(b) >= ruleSize && len(spec.Rules) < 64; b = b[ruleSize:] {
			spec.Rules = append(spec.Rules, specOf(b))
		}
		a4, _ := netip.AddrFromSlice(ipv4)
		a6, _ := netip.AddrFromSlice(ipv6)
		d, err := NewDomain(spec)
		if err != nil {
			if len(err.Error()) == 0 || d != nil {
				t.Fatalf("%v, %v", d, err)
			}
			return
		}
		if err := d.Check(a6, a4, port); err == nil {
			ce, err := d.Reverse(a4, port)
			if err != nil || ce.Address() != a6 {
				t.Fatalf("Check passes %v, %v, %d, and Reverse says %v, %v", a6, a4, port, ce, err)
			}
		}
		if ce, err := d.Reverse(a4, port); err == nil {
			consistent(t, d, ce, a4, port)
		}
		for i := range d.Len() {
			r := d.Rule(i)
			ce, _ := r.At(int64(port) % r.Len())
			if found, err := d.Forward(ce.EndUser()); err == nil && found == ce {
				consistent(t, d, ce, ce.IPv4().Addr(), ce.Ports().Last())
			} else if err == nil && found.Rule().IPv6().Bits() <= r.IPv6().Bits() {
				t.Fatalf("Forward(%v) = %v, want %v", ce.EndUser(), found, ce)
			}
		}
		_, _ = d.Destination(a4, port)
	})
}

// consistent checks that all that is said of a CE and one of its ports agrees.
func consistent(t *testing.T, d *Domain, ce CE, a4 netip.Addr, port uint16) {
	t.Helper()
	back, err := d.Reverse(a4, port)
	if err != nil || back != ce {
		t.Fatalf("Reverse(%v, %d) = %v, %v; want %v", a4, port, back, err, ce)
	}
	found, err := d.Forward(ce.EndUser())
	if err != nil || found != ce {
		t.Fatalf("Forward(%v) = %v, %v; want %v", ce.EndUser(), found, err, ce)
	}
	if err := d.Check(ce.Address(), a4, port); err != nil {
		t.Fatalf("Check(%v, %v, %d) = %v", ce.Address(), a4, port, err)
	}
	if !ce.EndUser().Contains(ce.Address()) || !ce.IPv4().Contains(a4) || !ce.Ports().Contains(port) || !ce.Has(port) {
		t.Fatalf("%v with address %v has not %v port %d", ce, ce.Address(), a4, port)
	}
}

// Embedding gives back what was embedded, and never anything else.
func FuzzPref64(f *testing.F) {
	for _, bits := range []byte{0, 32, 40, 48, 56, 64, 96, 97} {
		f.Add([]byte("\x20\x01\x0d\xb8\x01\x22\x03\x44\x00\x00\x00\x00\x00\x00\x00\x00"), bits, uint32(0xc0000221))
	}
	f.Fuzz(func(t *testing.T, prefix []byte, bits byte, v4 uint32) {
		a, _ := netip.AddrFromSlice(prefix)
		p, err := NewPref64(netip.PrefixFrom(a, int(bits)))
		if err != nil {
			return
		}
		six, err := p.Embed(addr4(v4))
		if err != nil {
			return
		}
		back, ok := p.Extract(six)
		text := bitText(six)
		embedded := text[96:]
		if bits < 96 {
			embedded = (text[bits:64] + text[72:])[:32]
		}
		if !ok || back != addr4(v4) || embedded != bitText(addr4(v4)) || text[64:72] != "00000000" {
			t.Fatalf("%v: %v in %v, back %v %v", p, addr4(v4), six, back, ok)
		}
	})
}

// Tables of any bindings: refused, or consistent.
func FuzzBindings(f *testing.F) {
	f.Add([]byte{1, 4, 0, 8, 52, 2, 4, 0, 8, 53, 3, 5, 0, 0, 0}, uint16(13312))
	f.Fuzz(func(t *testing.T, b []byte, port uint16) {
		table, err := NewBindings(func(yield func(BindingSpec) bool) {
			for ; len(b) >= 5; b = b[5:] {
				s := BindingSpec{B4: b4Of(int(b[0])), IPv4: addr4(0xc0000200 | uint32(b[1])), PSIDOffset: int(b[2]), PSIDLength: int(b[3]), PSID: int(b[4])}
				if !yield(s) {
					return
				}
			}
		})
		if err != nil {
			return
		}
		for b := range table.All() {
			if back, err := table.Forward(b.B4()); err != nil || back != b {
				t.Fatalf("Forward(%v) = %v, %v", b, back, err)
			}
			for _, p := range []uint16{b.Ports().First(), b.Ports().Last(), port} {
				back, err := table.Reverse(b.IPv4(), p)
				if has := b.Ports().Contains(p); has != (err == nil && back == b) || has != (table.Check(b.B4(), b.IPv4(), p) == nil) {
					t.Fatalf("port %d of %v: %v, %v", p, b, back, err)
				}
			}
		}
	})
}

func FuzzBindingText(f *testing.F) {
	for _, text := range []string{"2001:db8:1::/56 192.0.2.1 0 8 52", "2001:db8::1,192.0.2.1", "", "::/0 0.0.0.0 0 0 0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseBindingSpec(text)
		if err != nil {
			return
		}
		again, err := ParseBindingSpec(s.String())
		if s.PSIDLength == 0 {
			s.PSIDOffset, s.PSID = 0, 0 // nothing is shared, so that they are not written
		}
		if err != nil || again != s {
			t.Errorf("%q: %v, and of that %v, %v", text, s, again, err)
		}
	})
}
