package nat44

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/cgnkit/cgnkit/alloc"
)

// TestPrefixes checks that prefixes hold the addresses of the ranges, each once, and that none could be larger.
func TestPrefixes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ranges := merge(drawSpans(t, 0))
		got := prefixes(ranges)
		want, have := members(ranges), map[string]bool{}
		n := 0
		var last uint32
		for i, p := range got {
			if p != p.Masked() {
				t.Fatalf("prefixes(%v) has %v with host bits", ranges, p)
			}
			r := must(alloc.AddrRangeFromPrefix(p))
			if i > 0 && number(r.First()) <= last {
				t.Fatalf("prefixes(%v) = %v is not ascending", ranges, got)
			}
			last = number(r.Last())
			for a := range members([]alloc.AddrRange{r}) {
				if want[a] == 0 {
					t.Fatalf("prefixes(%v) = %v holds %v", ranges, got, a)
				}
				n++
			}
			have[p.String()] = true
		}
		if n != len(want) {
			t.Fatalf("prefixes(%v) = %v: %d addresses, want %d", ranges, got, n, len(want))
		}
		for _, p := range got {
			// Merged ranges do not touch, so two halves of a prefix come from one range and should be that prefix.
			sibling := p.Addr().As4()
			if p.Bits() == 0 {
				continue
			}
			bit := 32 - p.Bits()
			sibling[3-bit/8] ^= 1 << (bit % 8)
			if s := fmt.Sprintf("%d.%d.%d.%d/%d", sibling[0], sibling[1], sibling[2], sibling[3], p.Bits()); have[s] {
				t.Fatalf("prefixes(%v) has %v and %s, which are one", ranges, p, s)
			}
		}
	})
}

func TestPrefixesTable(t *testing.T) {
	for _, tt := range []struct{ ranges, want string }{
		{"0.0.0.0/0", "[0.0.0.0/0]"},
		{"0.0.0.0-255.255.255.254", "[0.0.0.0/1 128.0.0.0/2 192.0.0.0/3 224.0.0.0/4 240.0.0.0/5 248.0.0.0/6 252.0.0.0/7 254.0.0.0/8 255.0.0.0/9 " +
			"255.128.0.0/10 255.192.0.0/11 255.224.0.0/12 255.240.0.0/13 255.248.0.0/14 255.252.0.0/15 255.254.0.0/16 255.255.0.0/17 255.255.128.0/18 " +
			"255.255.192.0/19 255.255.224.0/20 255.255.240.0/21 255.255.248.0/22 255.255.252.0/23 255.255.254.0/24 255.255.255.0/25 255.255.255.128/26 " +
			"255.255.255.192/27 255.255.255.224/28 255.255.255.240/29 255.255.255.248/30 255.255.255.252/31 255.255.255.254/32]"},
		{"255.255.255.255", "[255.255.255.255/32]"},
		{"192.0.2.1-192.0.2.6", "[192.0.2.1/32 192.0.2.2/31 192.0.2.4/31 192.0.2.6/32]"},
		{"203.0.113.17 198.51.100.64/29", "[203.0.113.17/32 198.51.100.64/29]"},
		{"128.0.0.0-255.255.255.255", "[128.0.0.0/1]"},
	} {
		if got := fmt.Sprint(prefixes(spans(tt.ranges))); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.ranges, got, tt.want)
		}
	}
}
