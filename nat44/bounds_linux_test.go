package nat44

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/nftables"
	"pgregory.net/rapid"

	"github.com/cgnkit/cgnkit/alloc"
)

// TestBoundsEqualTheLibrarys compares the ends of intervals.
func TestBoundsEqualTheLibrarys(t *testing.T) {
	set := &nftables.Set{Table: tableOf(cgn), Name: insideSet, KeyType: nftables.TypeIPAddr, Interval: true}
	var want []nftables.SetElement
	got := ours(t, func(w *wire) {
		bounds(spans("100.64.0.0/24 100.64.2.7 192.0.2.0-192.0.2.9"), func(addr [4]byte, end bool) bool {
			before := len(w.buf)
			w.bound(addr, end)
			if n := len(w.buf) - before; n > endLen || !end && n != keyOnlyLen {
				t.Errorf("a bound of %d bytes", n)
			}
			want = append(want, nftables.SetElement{Key: addr[:], IntervalEnd: end})
			return true
		})
	})
	if len(got) != 7 {
		t.Errorf("%d bounds for three ranges", len(got))
	}
	lib := theirs(t, set, want)
	for i := range max(len(got), len(lib)) {
		if a, b := sortedAttrs(t, got[i]), sortedAttrs(t, lib[i]); !sameAttrs(a, b) {
			t.Errorf("bound %d: got  %x\nwant %x", i, a, b)
		}
	}
}

// TestBounds puts the intervals together again: an end closes what began before it, and what begins last and has no end reaches to
// the last address. The kernel reads an interval set that way.
func TestBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ranges := merge(drawSpans(t, 0))
		var got []alloc.AddrRange
		var open *netip.Addr
		ordinal := 0
		var last uint64
		bounds(ranges, func(addr [4]byte, end bool) bool {
			a := netip.AddrFrom4(addr)
			if v := uint64(number(a)) + 1; v <= last {
				t.Fatalf("bounds(%v) is not ascending at %v", ranges, a)
			} else {
				last = v
			}
			switch {
			case end && open != nil:
				got = append(got, must(alloc.AddrRangeFrom(*open, a.Prev())))
				open = nil
			case end && (ordinal > 0 || a != netip.IPv4Unspecified()):
				t.Fatalf("bounds(%v): %v ends nothing", ranges, a)
			case !end && open != nil:
				t.Fatalf("bounds(%v): %v begins in an interval", ranges, a)
			case !end:
				open = &a
			}
			ordinal++
			return true
		})
		if open != nil {
			got = append(got, must(alloc.AddrRangeFrom(*open, at(1<<32-1))))
		}
		if fmt.Sprint(merge(got)) != fmt.Sprint(merge(ranges)) || len(got) != len(ranges) {
			t.Fatalf("bounds(%v) is %v", ranges, got)
		}
		// It stops where it is told to.
		for stop := 1; stop <= ordinal; stop++ {
			n := 0
			if bounds(ranges, func([4]byte, bool) bool { n++; return n < stop }); n != stop {
				t.Fatalf("bounds(%v) called yield %d times, want %d", ranges, n, stop)
			}
		}
	})
}

// TestBoundsTable has the bounds as nft writes them.
func TestBoundsTable(t *testing.T) {
	for _, tt := range []struct{ ranges, want string }{
		{"", ""},
		{"10.0.0.0/8", "0.0.0.0) [10.0.0.0 11.0.0.0)"},
		{"0.0.0.0/8", "[0.0.0.0 1.0.0.0)"},
		{"0.0.0.0/0", "[0.0.0.0"},
		{"240.0.0.0/4", "0.0.0.0) [240.0.0.0"},
		{"255.255.255.255", "0.0.0.0) [255.255.255.255"},
		{"255.255.255.254", "0.0.0.0) [255.255.255.254 255.255.255.255)"},
		{"10.0.0.1 10.0.0.3", "0.0.0.0) [10.0.0.1 10.0.0.2) [10.0.0.3 10.0.0.4)"},
	} {
		var got []string
		bounds(spans(tt.ranges), func(addr [4]byte, end bool) bool {
			s := netip.AddrFrom4(addr).String()
			if end {
				got = append(got, s+")")
			} else {
				got = append(got, "["+s)
			}
			return true
		})
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: got %s, want %s", tt.ranges, s, tt.want)
		}
	}
}
