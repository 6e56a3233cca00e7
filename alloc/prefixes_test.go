package alloc

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/internal/testseed"
)

func TestPrefixes(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"0.0.0.0/0", []string{"0.0.0.0/0"}},
		{"255.255.255.255", []string{"255.255.255.255/32"}},
		{"203.0.113.4-203.0.113.9", []string{"203.0.113.4/30", "203.0.113.8/31"}},
		{"255.255.255.254-255.255.255.255", []string{"255.255.255.254/31"}},
	} {
		r, err := ParseAddrRange(c.text)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for p := range r.Prefixes() {
			got = append(got, p.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.text, got, c.want)
		}
	}
	for range (AddrRange{}).Prefixes() {
		t.Error("the zero AddrRange has prefixes")
	}
}

// TestPrefixesAreTheRange puts the prefixes of random ranges together again. No two in a row could be one.
func TestPrefixesAreTheRange(t *testing.T) {
	seed := testseed.New(t)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for range 20000 {
		a, b := rnd.Uint32(), rnd.Uint32()
		if rnd.IntN(2) == 0 {
			b = a + rnd.Uint32N(100)
		}
		s := span{min(a, b), max(a, b)}
		next, last, n := uint64(s.first), netip.Prefix{}, 0
		for p := range addrRangeOf(s).Prefixes() {
			if uint64(u32(p.Addr())) != next || p != p.Masked() {
				t.Fatalf("%v: %v does not start at %v", s, p, addr4(uint32(next)))
			}
			if last.IsValid() && last.Bits() == p.Bits() && netip.PrefixFrom(last.Addr(), p.Bits()-1).Contains(p.Addr()) && netip.PrefixFrom(last.Addr(), p.Bits()-1).Masked().Addr() == last.Addr() {
				t.Fatalf("%v: %v and %v are one prefix", s, last, p)
			}
			next += 1 << (32 - p.Bits())
			last = p
			n++
		}
		if next != uint64(s.last)+1 || n > 62 {
			t.Fatalf("%v: %d prefixes end before %d", s, n, next)
		}
	}
}
