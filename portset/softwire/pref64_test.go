package softwire

import (
	"errors"
	"net/netip"
	"testing"
)

// All lengths that a prefix can have.
func TestPref64Lengths(t *testing.T) {
	legal := map[int]bool{32: true, 40: true, 48: true, 56: true, 64: true, 96: true}
	for bits := range 129 {
		p, err := NewPref64(netip.PrefixFrom(ip("2001:db8::"), bits).Masked())
		if legal[bits] != (err == nil) || legal[bits] != p.IsValid() || err != nil && !errors.Is(err, ErrLength) {
			t.Errorf("/%d: %v, %v", bits, p, err)
		}
	}
	for _, p := range []netip.Prefix{{}, pfx("192.0.2.0/32"), netip.PrefixFrom(ip("2001:db8::1"), 96), pfx("ff02::/64"), pfx("fe80::/64"), pfx("2001:db8:0:0:ff00::/96")} {
		if _, err := NewPref64(p); !errors.Is(err, ErrPrefix) {
			t.Errorf("%v: %v, want ErrPrefix", p, err)
		}
	}
}

func TestExtract(t *testing.T) {
	for _, tc := range []struct{ prefix, addr, want string }{
		{"2001:db8:ffff::/64", "2001:db8:ffff:0:a:203:400:0", "10.2.3.4"},
		{"2001:db8:ffff::/64", "2001:db8:ffff:0:a:203:4ff:ffff", "10.2.3.4"}, // suffix
		{"2001:db8:ffff::/64", "2001:db8:ffff:0:10a:203:400:0", ""},          // u
		{"2001:db8:ffff::/64", "2001:db8:fffe:0:a:203:400:0", ""},            // another prefix
		{"2001:db8:ffff::/64", "10.2.3.4", ""},
		{"64:ff9b::/96", "64:ff9b::808:808", "8.8.8.8"},
		{"64:ff9b::/96", "64:ff9b::a02:304", ""}, // not global
		{"2001:db8::/96", "2001:db8::a02:304", "10.2.3.4"},
	} {
		p, err := NewPref64(pfx(tc.prefix))
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := p.Extract(ip(tc.addr)); ok != (tc.want != "") || ok && got != ip(tc.want) {
			t.Errorf("%s: Extract(%s) = %v, %v; want %q", tc.prefix, tc.addr, got, ok, tc.want)
		}
	}
	if _, err := (Pref64{}).Embed(ip("192.0.2.1")); !errors.Is(err, ErrPrefix) {
		t.Errorf("the zero Pref64 embeds: %v", err)
	}
	if _, ok := (Pref64{}).Extract(ip("::")); ok {
		t.Error("the zero Pref64 extracts")
	}
	p, _ := NewPref64(pfx("2001:db8::/64"))
	if _, err := p.Embed(ip("::ffff:192.0.2.1")); !errors.Is(err, ErrPrefix) {
		t.Errorf("IPv6 is embedded: %v", err)
	}
}
