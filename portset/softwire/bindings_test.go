package softwire

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/cgnkit/cgnkit/portset"
)

func b4Of(i int) netip.Prefix {
	a := place(uint64(i), 128).or(bits128{0x20010db8 << 32, 0})
	return netip.PrefixFrom(a.addr(), 128)
}

// many returns n bindings with length bits of PSID, all PSIDs but the first skip on each address.
func many(n, length, skip int) func(func(BindingSpec) bool) {
	each := 1<<length - skip
	return func(yield func(BindingSpec) bool) {
		for i := range n {
			if !yield(BindingSpec{B4: b4Of(i), IPv4: addr4(0x0a000000 + uint32(i/each)), PSIDLength: length, PSID: skip + i%each}) {
				return
			}
		}
	}
}

func mustBindings(t failer, specs func(func(BindingSpec) bool)) *Bindings {
	t.Helper()
	b, err := NewBindings(specs)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Random tables against a list that is searched from end to end.
func TestBindingsOracle(t *testing.T) {
	seed := testseed.New(t)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 60 {
		layouts := [4]portset.Layout{}
		for i := range layouts {
			a := r.IntN(4)
			layouts[i], _ = portset.NewLayout(a, r.IntN(12))
		}
		used := map[[2]int]bool{}
		var specs []BindingSpec
		for i := range 1 + r.IntN(300) {
			which := r.IntN(len(layouts))
			l := layouts[which]
			psid := r.IntN(l.SharingRatio())
			if used[[2]int{which, psid}] {
				continue
			}
			used[[2]int{which, psid}] = true
			b4 := b4Of(i)
			if r.IntN(3) == 0 {
				b4 = netip.PrefixFrom(place(uint64(i), 64).or(bits128{0x20010db9 << 32, 0}).addr(), 64)
			}
			specs = append(specs, BindingSpec{B4: b4, IPv4: addr4(0xc0000200 + uint32(which)), PSIDOffset: l.Offset(), PSIDLength: l.Length(), PSID: psid})
		}
		table := mustBindings(t, slices.Values(specs))
		compareBindings(t, r, table, specs)
	}
}

// slowB4 returns the address that the oracle of rules would give the B4.
func slowB4(s BindingSpec) netip.Addr {
	if s.B4.Bits() == 128 {
		return s.B4.Addr()
	}
	return slowRule(RuleSpec{IPv6: s.B4, IPv4: netip.PrefixFrom(s.IPv4, 32), PSIDLength: &s.PSIDLength, PSID: &s.PSID}, 0, "").address
}

func (s BindingSpec) slowHas(port int) bool {
	if s.PSIDLength == 0 {
		return true
	}
	return slowCE{a: s.PSIDOffset, psid: right(s.PSID, s.PSIDLength)}.hasPort(port)
}

func compareBindings(t *testing.T, r *rand.Rand, table *Bindings, specs []BindingSpec) {
	t.Helper()
	if table.Len() != len(specs) || len(slices.Collect(table.All())) != len(specs) {
		t.Fatalf("Len() = %d, want %d", table.Len(), len(specs))
	}
	for _, s := range specs {
		b, err := table.Forward(slowB4(s))
		if psid, _ := b.PSID(); err != nil || b.IPv4() != s.IPv4 || int(psid) != s.PSID || b.B4() != slowB4(s) || b.Prefix() != s.B4 {
			t.Fatalf("Forward(%v) = %v, %v; want %+v", slowB4(s), b, err, s)
		}
	}
	for range 2000 {
		a, port := addr4(0xc0000200+uint32(r.IntN(5))), r.IntN(portset.PortCount)
		var want *BindingSpec
		for i := range specs {
			if specs[i].IPv4 == a && specs[i].slowHas(port) {
				want = &specs[i]
			}
		}
		b, err := table.Reverse(a, uint16(port))
		switch {
		case want == nil && (err == nil || b.IsValid()):
			t.Fatalf("Reverse(%v, %d) = %v; nobody has it", a, port, b)
		case want != nil && (err != nil || b.B4() != slowB4(*want)):
			t.Fatalf("Reverse(%v, %d) = %v, %v; want %+v", a, port, b, err, *want)
		}
		s := specs[r.IntN(len(specs))]
		if err := table.Check(slowB4(s), a, uint16(port)); (err == nil) != (s.IPv4 == a && s.slowHas(port)) {
			t.Fatalf("Check(%+v, %v, %d) = %v", s, a, port, err)
		}
	}
}

// PSIDs with gaps of all kinds, every port.
func TestBindingsGaps(t *testing.T) {
	for name, psids := range map[string][]int{
		"one": {77}, "first and last": {0, 255}, "dense at the end": {0, 250, 251, 252, 253, 254, 255}, "dense at the start": {0, 1, 2, 3, 4, 255},
		"powers": {0, 1, 2, 4, 8, 16, 32, 64, 128, 255}, "squares": {0, 1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121, 144, 169, 196, 225},
	} {
		t.Run(name, func(t *testing.T) {
			var specs []BindingSpec
			for i, psid := range psids {
				specs = append(specs, BindingSpec{B4: b4Of(i), IPv4: ip("192.0.2.1"), PSIDLength: 8, PSID: psid})
			}
			slices.Reverse(specs)
			table := mustBindings(t, slices.Values(specs))
			for port := range portset.PortCount {
				b, err := table.Reverse(ip("192.0.2.1"), uint16(port))
				if i := slices.Index(psids, port>>8); i < 0 && !errors.Is(err, ErrUnassigned) || i >= 0 && (err != nil || b.B4() != b4Of(i).Addr()) {
					t.Fatalf("Reverse(%d) = %v, %v; want number %d", port, b, err, i)
				}
			}
		})
	}
}

func TestBindingReasons(t *testing.T) {
	table := mustBindings(t, slices.Values([]BindingSpec{
		{B4: pfx("2001:db8:12:3400::/56"), IPv4: ip("192.0.2.18"), PSIDOffset: 6, PSIDLength: 8, PSID: 52},
		{B4: pfx("2001:db8::1/128"), IPv4: ip("192.0.2.19")},
	}))
	for _, tc := range []struct {
		name, ipv6, ipv4 string
		port             uint16
		want             error
	}{
		{"right", "2001:db8:12:3400:0:c000:212:34", "192.0.2.18", 1232, nil},
		{"whole address", "2001:db8::1", "192.0.2.19", 0, nil},
		{"not its address", "2001:db8:12:3400::1", "192.0.2.18", 1232, ErrNoRule},
		{"address of another", "2001:db8::1", "192.0.2.18", 1232, ErrIPv4Source},
		{"mapped", "2001:db8::1", "::ffff:192.0.2.19", 1232, ErrIPv4Source},
		{"port of another", "2001:db8:12:3400:0:c000:212:34", "192.0.2.18", 1236, ErrPort},
		{"excluded", "2001:db8:12:3400:0:c000:212:34", "192.0.2.18", 1023, ErrExcluded},
		{"IPv4", "192.0.2.18", "192.0.2.18", 1023, ErrNoRule},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := table.Check(ip(tc.ipv6), ip(tc.ipv4), tc.port); !errors.Is(err, tc.want) {
				t.Errorf("Check = %v, want %v", err, tc.want)
			}
		})
	}
	for _, tc := range []struct {
		a    string
		port uint16
		want error
	}{{"192.0.2.18", 1232, nil}, {"192.0.2.18", 1236, ErrUnassigned}, {"192.0.2.18", 1, ErrExcluded}, {"192.0.2.17", 1232, ErrNoRule}, {"2001:db8::1", 1, ErrNoRule}} {
		if b, err := table.Reverse(ip(tc.a), tc.port); !errors.Is(err, tc.want) || b.IsValid() != (err == nil) {
			t.Errorf("Reverse(%s, %d) = %v, %v; want %v", tc.a, tc.port, b, err, tc.want)
		}
	}
	empty := mustBindings(t, slices.Values([]BindingSpec(nil)))
	if _, err := empty.Reverse(ip("192.0.2.1"), 1); !errors.Is(err, ErrNoRule) || empty.Len() != 0 {
		t.Errorf("an empty table: %v", err)
	}
}

func TestBindingFindings(t *testing.T) {
	good := BindingSpec{B4: pfx("2001:db8::1/128"), IPv4: ip("192.0.2.18"), PSIDLength: 8, PSID: 52}
	for _, tc := range []struct {
		name   string
		change func(*BindingSpec)
		want   []any
	}{
		{"nothing", func(s *BindingSpec) { *s = BindingSpec{} }, []any{ErrPrefix, "bindings[1].b4", ErrPrefix, "bindings[1].ipv4"}},
		{"host bits", func(s *BindingSpec) { s.B4 = netip.PrefixFrom(ip("2001:db8::1"), 64) }, []any{ErrPrefix, "bindings[1].b4"}},
		{"longer than 64", func(s *BindingSpec) { s.B4 = pfx("2001:db8::/96") }, []any{ErrLength, "bindings[1].b4"}},
		{"multicast", func(s *BindingSpec) { s.B4, s.IPv4 = pfx("ff02::1/128"), ip("224.0.0.1") }, []any{ErrPrefix, "bindings[1].b4", ErrPrefix, "bindings[1].ipv4"}},
		{"offset", func(s *BindingSpec) { s.PSIDOffset = 16 }, []any{portset.ErrLayout, "bindings[1].psid-offset"}},
		{"length", func(s *BindingSpec) { s.PSIDOffset, s.PSIDLength = 6, 11 }, []any{portset.ErrLayout, "bindings[1].psid-length"}},
		{"PSID", func(s *BindingSpec) { s.PSID = 256 }, []any{portset.ErrPSID, "bindings[1].psid"}},
		{"B4 twice", func(s *BindingSpec) { s.B4 = good.B4 }, []any{ErrOverlap, "bindings[1].b4"}},
		{"PSID twice", func(s *BindingSpec) { s.PSID = 52 }, []any{ErrOverlap, "bindings[1].psid"}},
		{"another offset", func(s *BindingSpec) { s.PSIDOffset = 4 }, []any{ErrConflict, "bindings[1].psid-offset"}},
		{"another length", func(s *BindingSpec) { s.PSIDLength = 7 }, []any{ErrConflict, "bindings[1].psid-length"}},
		{"both others", func(s *BindingSpec) { s.PSIDOffset, s.PSIDLength = 4, 7 }, []any{ErrConflict, "bindings[1].psid-offset"}},
		{"whole address", func(s *BindingSpec) { s.PSIDLength, s.PSID = 0, 0 }, []any{ErrConflict, "bindings[0].psid-length"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bad := good
			bad.B4, bad.PSID = pfx("2001:db8::2/128"), 53
			tc.change(&bad)
			table, err := NewBindings(slices.Values([]BindingSpec{good, bad}))
			if table != nil {
				t.Error("there is a table")
			}
			sameFindings(t, err, tc.want...)
		})
	}
}

// Of several bindings with another layout than the first of their address, each is told with that one.
func TestBindingsOfAnotherLayout(t *testing.T) {
	var specs []BindingSpec
	for i, length := range []int{8, 7, 7} {
		specs = append(specs, BindingSpec{B4: netip.PrefixFrom(ip(fmt.Sprintf("2001:db8::%d", i+1)), 128), IPv4: ip("192.0.2.18"), PSIDLength: length, PSID: 52 + i})
	}
	_, err := NewBindings(slices.Values(specs))
	if err == nil || strings.Count(err.Error(), "in bindings[0]") != 2 {
		t.Errorf("want both findings to name bindings[0]: %v", err)
	}
}

// A million bindings take at most 96 bytes each, however many share an address.
func TestBindingsMemory(t *testing.T) {
	const n = 1_000_000
	for _, length := range []int{0, 6} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		table := mustBindings(t, many(n, length, 0))
		runtime.GC()
		runtime.ReadMemStats(&after)
		each := float64(int64(after.HeapAlloc)-int64(before.HeapAlloc)) / n
		t.Logf("k=%d: %.1f bytes a binding", length, each)
		if each > 96 {
			t.Errorf("k=%d: %.1f bytes a binding, want at most 96", length, each)
		}
		runtime.KeepAlive(table)
	}
}

// Of bindings with one B4 the first in the specifications is right, and each other has a finding that names it, whatever the addresses.
func TestB4Repeated(t *testing.T) {
	for _, order := range [][]int{{1, 2, 3, 4}, {4, 3, 2, 1}, {3, 1, 4, 2}, {2, 4, 1, 3}, {4, 1, 3, 2}, {3, 4, 1, 2}} {
		specs := []BindingSpec{{B4: pfx("2001:db8:9::/56"), IPv4: ip("192.0.2.9")}}
		for _, last := range order {
			specs = append(specs, BindingSpec{B4: pfx("2001:db8:1::1/128"), IPv4: ip(fmt.Sprint("192.0.2.", last))})
		}
		_, err := NewBindings(slices.Values(specs))
		invalid, ok := errors.AsType[*InvalidError](err)
		if !ok {
			t.Fatalf("%v: %v", order, err)
		}
		paths := []string{}
		for _, f := range invalid.Findings {
			paths = append(paths, f.Path)
			if !strings.HasSuffix(f.Msg, "is the B4 of bindings[1], too") {
				t.Errorf("%v: %s", order, f.Msg)
			}
		}
		if slices.Sort(paths); !slices.Equal(paths, []string{"bindings[2].b4", "bindings[3].b4", "bindings[4].b4"}) {
			t.Errorf("%v: findings at %v", order, paths)
		}
	}
}
