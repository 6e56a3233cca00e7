package main

import (
	"net/netip"
	"strings"
	"testing"
)

// FuzzParseEndpoint compares the argument of trace with what net/netip makes of it.
func FuzzParseEndpoint(f *testing.F) {
	for _, s := range []string{
		"198.18.0.0:6000", "198.18.0.0", "198.18.0.0:0", "198.18.0.0:65535", "198.18.0.0:65536", "198.18.0.0:", ":6000", "", ":",
		"[2001:db8::1]:80", "2001:db8::1", "::ffff:1.2.3.4", "198.18.0.0/31", "198.18.0.0-198.18.0.0", "198.18.0.0:+1", "198.18.0.0:01", "a:b", "\x00",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, port, hasPort, err := parseEndpoint(s)
		if err != nil {
			return
		}
		if !a.Is4() {
			t.Fatalf("parseEndpoint(%q) = %v", s, a)
		}
		if want, wantErr := netip.ParseAddrPort(strings.TrimSpace(s)); wantErr == nil && (!hasPort || want != netip.AddrPortFrom(a, port)) {
			t.Fatalf("parseEndpoint(%q) = %v %d %v, net/netip says %v", s, a, port, hasPort, want)
		}
		if hasPort != strings.Contains(s, ":") {
			t.Fatalf("parseEndpoint(%q) has a port: %v", s, hasPort)
		}
	})
}
