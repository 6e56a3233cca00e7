package alloc

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// slowAddrRange reads what ParseAddrRange reads, with net/netip alone.
func slowAddrRange(s string) (first, last netip.Addr, ok bool) {
	s = strings.TrimSpace(s)
	if p, err := netip.ParsePrefix(s); err == nil {
		if !p.Addr().Is4() || p.Addr() != p.Masked().Addr() {
			return first, last, false
		}
		b := p.Addr().As4()
		for i := p.Bits(); i < 32; i++ {
			b[i/8] |= 0x80 >> (i % 8)
		}
		return p.Addr(), netip.AddrFrom4(b), true
	}
	ends := strings.Split(s, "-")
	first, err := netip.ParseAddr(strings.TrimSpace(ends[0]))
	last, err2 := netip.ParseAddr(strings.TrimSpace(ends[len(ends)-1]))
	return first, last, err == nil && err2 == nil && len(ends) <= 2 && first.Is4() && last.Is4() && first.Compare(last) <= 0
}

func FuzzParseAddrRange(f *testing.F) {
	for _, s := range []string{
		"100.64.0.0/22", "100.64.0.7", "100.64.0.4-100.64.0.9", "100.64.0.4 - 100.64.0.9", " 100.64.0.7 ", " 100.64.0.0/22", "100.64.0.0 /22", "100.64.0.0/ 22",
		"100.64.0.1/22", "100.64.0.9-100.64.0.4", "0.0.0.0/0", "0.0.0.0-255.255.255.255", "255.255.255.255", "255.255.255.255/32", "128.0.0.0/1", "1.2.3.4/32",
		"2001:db8::/32", "2001:db8::1", "2001:db8::1-2001:db8::2", "::ffff:1.2.3.4", "::ffff:1.2.3.4/128", "fe80::1%eth0", "1.2.3.4-::1",
		"1.2.3.0/33", "1.2.3.0/-1", "1.2.3.0/+8", "1.0.0.0/08", "1.0.0.0/8_", "1.0.0.0/", "/8", "1.0.0.0/8/8", "1.0.0.0/0x8", "1.0.0.0/256", "1.0.0.0/99999999999999999999",
		"01.2.3.4", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4-", "-1.2.3.4", "1.2.3.4-5", "1.2.3.4--1.2.3.5", "1.2.3.4-1.2.3.5-1.2.3.6", "1.2.3.0/24-1.2.4.0/24", "", "-", "/", "a", "\x00",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseAddrRange(s)
		first, last, ok := slowAddrRange(s)
		if ok != (err == nil) {
			t.Fatalf("ParseAddrRange(%q): %v; net/netip says %v", s, err, ok)
		}
		if err != nil {
			if !errors.Is(err, ErrAddress) || r.IsValid() {
				t.Fatalf("ParseAddrRange(%q) = %v, %v", s, r, err)
			}
			return
		}
		if r.First() != first || r.Last() != last || !r.Contains(first) || !r.Contains(last) || first.Prev().IsValid() && r.Contains(first.Prev()) || r.Contains(last.Next()) {
			t.Fatalf("ParseAddrRange(%q) = %v, want %v to %v", s, r, first, last)
		}
		if r.IsPrefix() != strings.Contains(s, "/") {
			t.Fatalf("ParseAddrRange(%q) takes it for a prefix: %v", s, r.IsPrefix())
		}
		var again AddrRange
		if text := must(r.MarshalText()); again.UnmarshalText(text) != nil || again != r {
			t.Fatalf("%q is written as %s and read back as %v", s, text, again)
		}
	})
}

func TestParseAddrRangeErrors(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"100.64.0.1/22", "invalid address 100.64.0.1/22: host bits are set; write 100.64.0.0/22 for the prefix or 100.64.0.1 for the one address"},
		{"100.64.0.9-100.64.0.4", "invalid address 100.64.0.9-100.64.0.4: the range is reversed; write 100.64.0.4-100.64.0.9"},
		{"1.2.3.0/33", `invalid address "1.2.3.0/33": the prefix length is a number from 0 to 32`},
		{"1.0.0.0/08", `invalid address "1.0.0.0/08": the prefix length is a number from 0 to 32`},
		{"2001:db8::1", `invalid address "2001:db8::1": this is IPv6; NAT44 takes IPv4 addresses`},
		{"2001:db8::/32", `invalid address "2001:db8::": this is IPv6; NAT44 takes IPv4 addresses`},
		{"::ffff:1.2.3.4", `invalid address "::ffff:1.2.3.4": this is IPv6; NAT44 takes IPv4 addresses`},
		{"2001:db8::x", `invalid address "2001:db8::x": not an IPv4 address, and IPv6 is not translated by NAT44`},
		{"01.2.3.4", `invalid address "01.2.3.4": want an IPv4 address such as 100.64.0.1`},
		{"", `invalid address "": want an IPv4 address such as 100.64.0.1`},
	} {
		if _, err := ParseAddrRange(tc.text); !errors.Is(err, ErrAddress) || err.Error() != tc.want {
			t.Errorf("ParseAddrRange(%q):\n got %v\nwant %s", tc.text, err, tc.want)
		}
	}
	var zero AddrRange
	if _, err := zero.MarshalText(); !errors.Is(err, ErrAddress) || zero.IsValid() || zero.Len() != 0 || zero.Contains(addr("255.255.255.255")) || zero.String() != "invalid AddrRange" {
		t.Errorf("the zero AddrRange: %v, %v, %d addresses", zero, err, zero.Len())
	}
	if n := addrs("0.0.0.0/0")[0].Len(); n != 1<<32 {
		t.Errorf("0.0.0.0/0 has %d addresses", n)
	}
}

func FuzzParseCanonical(f *testing.F) {
	for _, tc := range canonicalSpecs {
		p, err := NewPlan(tc.spec)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p.AppendCanonical(nil))
	}
	if p, err := NewPlan(mixed()); err == nil {
		f.Add(p.AppendCanonical(nil))
	} else {
		f.Fatal(err)
	}
	for _, s := range []string{
		`{"cgnkit_plan":1,"pools":[],"softwires":[{"name":"a","realm":"default","kind":"lw4o6","relay":"2001:db8::1","bindings":["2001:db8:1::/56 192.0.2.1 0 16 65535"]}]}`,
		"", "{", "null", "[]", `{"cgnkit_plan":1,"pools":[]}`, `{"cgnkit_plan":1,"pools":[{}]}`, `{"cgnkit_plan":1,"pools":null}`, `{"cgnkit_plan":2}`,
		`{"cgnkit_plan":1,"pools":[{"name":"a","realm":"default","scheme":"psid","inside":["1.0.0.0"],"inside_excluded":[],"outside":["2.0.0.0"],"outside_excluded":[],"usable_ports":"1024-65535","psid_offset":0,"psid_length":16,"dynamic_shares":64511}]}`,
		`{"cgnkit_plan":1,"pools":[{"name":"a","realm":"default","scheme":"step","inside":["1.0.0.0"],"inside_excluded":[],"outside":["2.0.0.0"],"outside_excluded":[],"usable_ports":"65535","sharing_ratio":1,"ports_per_subscriber":65536,"dynamic":false,"step":65536}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseCanonical(b, testKey)
		if err != nil {
			if p != nil || !errors.Is(err, ErrCanonical) {
				t.Fatalf("ParseCanonical = %v, %v", p, err)
			}
			return
		}
		if !bytes.Equal(p.AppendCanonical(nil), b) {
			t.Fatalf("accepted, but the canonical form is %s", p.AppendCanonical(nil))
		}
		if sum := sha256.Sum256(b); p.SHA256() != hex.EncodeToString(sum[:]) {
			t.Fatalf("SHA256 = %s, want %x", p.SHA256(), sum)
		}
		n := 0
		for a := range everybody(p) {
			back, ok := p.Trace(a.Outside(), a.Ports().Last()).Allocation()
			if !ok || back != a {
				t.Fatalf("port %d of the share of %v traces to %+v", a.Ports().Last(), a.Subscriber(), back)
			}
			if n++; n == 5 {
				break
			}
		}
	})
}

func FuzzParseKey(f *testing.F) {
	for _, s := range []string{
		"000102030405060708090a0b0c0d0e0f", "000102030405060708090A0B0C0D0E0F\n", " 00000000000000000000000000000000\t", "", "00", "000102030405060708090a0b0c0d0e0f00",
		"000102030405060708090a0b0c0d0e0", "0x0102030405060708090a0b0c0d0e0f", "g00102030405060708090a0b0c0d0e0f", "00010203 0405060708090a0b0c0d0e0f", "00:01",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, err := ParseKey(s)
		digits := strings.ToLower(strings.TrimSpace(s))
		if ok := len(digits) == 32 && strings.Trim(digits, "0123456789abcdef") == "" && strings.Trim(digits, "0") != ""; ok != (err == nil) {
			t.Fatalf("ParseKey(%q): %v", s, err)
		}
		if err != nil {
			want := "invalid key: want 32 hexadecimal digits (AES-128), for example from 'openssl rand -hex 16'"
			if len(digits) == 32 && strings.Trim(digits, "0") == "" {
				want = "invalid key: a key of zeros hides nothing"
			}
			if !errors.Is(err, ErrKey) || err.Error() != want || k != (Key{}) {
				t.Fatalf("ParseKey(%q) = %v, %v; the error must not quote the key", s, k, err)
			}
			return
		}
		if hex.EncodeToString(k.bytes[:]) != digits || len(k.ID()) != 16 || strings.Contains(digits, k.ID()) {
			t.Fatalf("ParseKey(%q) = %x with ID %s", s, k.bytes, k.ID())
		}
	})
}
