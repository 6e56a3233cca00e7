package softwire

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/internal/testseed"
)

// The lists of a domain against both lookups: everybody who is found by a port is listed, once, and nobody else.
func TestLists(t *testing.T) {
	for name, rules := range smallDomains {
		t.Run(name, func(t *testing.T) {
			d := mustDomain(t, DomainSpec{Rules: rules})
			all := slices.Collect(d.All())
			if int64(len(all)) != d.Count() {
				t.Errorf("All has %d CEs, Count says %d", len(all), d.Count())
			}
			listed := map[CE]bool{}
			for _, ce := range all {
				if listed[ce] {
					t.Errorf("%v is listed twice", ce)
				}
				listed[ce] = true
				psid, _ := ce.PSID()
				if got, ok := ce.Rule().Find(ce.IPv4().Addr(), psid); !ok || got != ce {
					t.Errorf("Find(%v, %d) = %v, %v; want %v", ce.IPv4(), psid, got, ok, ce)
				}
				if got, err := d.Behind(ce.Address()); err != nil || got != ce {
					t.Errorf("Behind(%v) = %v, %v; want %v", ce.Address(), got, err, ce)
				}
			}
			found := map[CE]bool{}
			for a := ip("192.0.2.14"); a != ip("192.0.2.27"); a = a.Next() {
				here := map[CE]bool{}
				for port := range 1 << 16 {
					if ce, err := d.Reverse(a, uint16(port)); err == nil {
						found[ce], here[ce] = true, true
					}
				}
				on := slices.Collect(d.On(a))
				for _, ce := range on {
					if !here[ce] {
						t.Errorf("On(%v) has %v, whom no port finds", a, ce)
					}
				}
				if len(on) != len(here) {
					t.Errorf("On(%v) has %d CEs, ports find %d", a, len(on), len(here))
				}
			}
			if len(found) != len(all) {
				t.Errorf("All has %d CEs, ports find %d", len(all), len(found))
			}
		})
	}
	if _, ok := mustDomain(t, DomainSpec{Rules: smallDomains["explicit PSID"]}).Rule(0).Find(ip("192.0.2.16"), 4); ok {
		t.Error("Find answers for a PSID that the rule does not have")
	}
}

// Prefixes of every length, and addresses in and beside them, against a search from end to end.
func TestBehind(t *testing.T) {
	seed := testseed.New(t)
	rnd := rand.New(rand.NewPCG(seed, 0))
	var specs []BindingSpec
	for i := range 200 {
		a := bits128{0x2001<<48 | uint64(i)<<16 | rnd.Uint64N(1<<16), rnd.Uint64()}
		n := []int{48, 52, 56, 64, 128}[rnd.IntN(5)]
		specs = append(specs, BindingSpec{B4: netip.PrefixFrom(a.addr(), n).Masked(), IPv4: addr4(0x0a000000 + uint32(i)/4), PSIDLength: 2, PSID: i % 4})
	}
	table := mustBindings(t, slices.Values(specs))
	if a, b, found := table.Nested(); found {
		t.Fatalf("%v and %v are disjoint", a, b)
	}
	for _, s := range specs {
		for range 20 {
			a := from6(s.B4.Addr())
			a.lo ^= rnd.Uint64() >> rnd.IntN(64)
			a.hi ^= rnd.Uint64() >> (40 + rnd.IntN(24))
			want := slices.IndexFunc(specs, func(s BindingSpec) bool { return s.B4.Contains(a.addr()) })
			b, err := table.Behind(a.addr())
			if (err == nil) != (want >= 0) || err == nil && b.Spec() != specs[want] {
				t.Fatalf("Behind(%v) = %v, %v; want number %d", a.addr(), b, err, want)
			}
		}
		b, err := table.Behind(s.B4.Addr())
		if err != nil || b.Spec() != s {
			t.Fatalf("Behind(%v) = %v, %v; want %v", s.B4, b, err, s)
		}
		if got, ok := table.Find(s.IPv4, uint16(s.PSID)); !ok || got != b {
			t.Fatalf("Find(%v, %d) = %v, %v; want %v", s.IPv4, s.PSID, got, ok, b)
		}
		if on := slices.Collect(table.On(s.IPv4)); !slices.Contains(on, b) || len(on) != 4 {
			t.Fatalf("On(%v) = %v; want four, and %v among them", s.IPv4, on, b)
		}
	}
	inner := BindingSpec{B4: pfx("2001:0:1:2::1/128"), IPv4: ip("10.9.9.9")}
	outer := BindingSpec{B4: pfx("2001:0:1::/48"), IPv4: ip("10.9.9.8")}
	if _, _, found := mustBindings(t, slices.Values([]BindingSpec{inner, outer})).Nested(); !found {
		t.Error("Nested does not find an address in a prefix")
	}
}

func TestBindingText(t *testing.T) {
	for text, want := range map[string]string{
		"2001:db8:1::/56 192.0.2.1":        "2001:db8:1::/56 192.0.2.1",
		"2001:db8::1,192.0.2.1,0,8,52":     "2001:db8::1/128 192.0.2.1 0 8 52",
		"2001:db8:1::/56\t192.0.2.1 6 4 0": "2001:db8:1::/56 192.0.2.1 6 4 0",
	} {
		if s, err := ParseBindingSpec(text); err != nil || s.String() != want {
			t.Errorf("%q: %v, %v; want %s", text, s, err, want)
		}
	}
	for _, text := range []string{"", "2001:db8::1", "2001:db8::1 192.0.2.1 0", "x 192.0.2.1", "2001:db8::1 2001:db8::2", "2001:db8::1 192.0.2.1 0 8 -1",
		"2001:db8::1 192.0.2.1 0 8 65536", "fe80::1%eth0 192.0.2.1", "2001:db8::1 192.0.2.1 0 8 52 1"} {
		if s, err := ParseBindingSpec(text); err == nil {
			t.Errorf("%q: %v, want an error", text, s)
		}
	}
}
