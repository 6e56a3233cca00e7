package rulefile_test

import (
	"strings"
	"testing"
)

// TestOlderSNAT reads a map of addresses and ports as it was written before nft knew that by itself, "snat ip addr . port to".
func TestOlderSNAT(t *testing.T) {
	const text = "table ip n {\n chain p {\n  type nat hook postrouting priority srcnat; policy accept;\n  meta l4proto { tcp, udp, icmp } snat ip to ip saddr map { 10.0.0.0 : 198.18.0.1 . 1024-2023, 10.0.0.1 : 198.18.0.1 . 2024-3023 }\n }\n}\n"
	want := rowsOf(parse(t, "nftables", text))
	got := rowsOf(parse(t, "nftables", strings.Replace(text, "snat ip to", "snat ip addr . port to", 1)))
	if want == "" || got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
