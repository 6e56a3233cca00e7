package portset

import (
	"fmt"
	"math"
	"testing"
)

func TestSetSlice(t *testing.T) {
	for _, tc := range []struct {
		name string
		set  Set
		i, n int
		want string
	}{
		{"first block", mustSet(t, "1024-65535"), 0, 4032, "1024-5055"},
		{"last port", mustSet(t, "1024-65535"), 64511, 1, "65535"},
		{"whole", mustSet(t, "0-65535"), 0, 65536, "0-65535"},
		{"list, inside a range", mustSet(t, "1-5,9,20-30"), 1, 3, "2-4"},
		{"list, end of a range", mustSet(t, "1-5,9,20-30"), 0, 5, "1-5"},
		{"list, across ranges", mustSet(t, "1-5,9,20-30"), 3, 4, "4-5,9,20"},
		{"list, last port", mustSet(t, "1-5,9,20-30"), 16, 1, "30"},
		{"list, whole", mustSet(t, "1-5,9,65535"), 0, 7, "1-5,9,65535"},
		{"slice of a slice", mustSet(t, "1-5,9,20-30").Slice(3, 10), 2, 3, "9,20-21"},
		{"PSID set, one range", mustPSID(t, 6, 8, 0x34), 4, 4, "2256-2259"},
		{"PSID set, across ranges", mustPSID(t, 6, 8, 0x34), 2, 4, "1234-1235,2256-2257"},
		{"staggered", mustSet(t, "100-200").Every(1, 10, 10), 2, 3, "121,131,141"},
		{"staggered list", mustSet(t, "1-5,9,20-30").Every(0, 3, 5), 1, 3, "4,20,23"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := tc.set.Slice(tc.i, tc.n)
			if s.String() != tc.want || s.Len() != tc.n {
				t.Errorf("Slice(%d, %d) = %v with %d ports, want %s", tc.i, tc.n, s, s.Len(), tc.want)
			}
			for i := range tc.n {
				got, _ := s.Port(i)
				if want, _ := tc.set.Port(tc.i + i); got != want {
					t.Fatalf("Port(%d) = %d, want %d", i, got, want)
				}
			}
		})
	}
}

func TestSetEvery(t *testing.T) {
	for _, tc := range []struct {
		name         string
		set          Set
		i, stride, n int
		want         string
	}{
		{"stride 1", mustSet(t, "10-20"), 2, 1, 3, "12-14"},
		{"one port", mustSet(t, "10-20"), 2, 65536, 1, "12"},
		{"every second", mustSet(t, "10-20"), 1, 2, 5, "11,13,15,17,19"},
		{"to the last port", mustSet(t, "65530-65535"), 1, 2, 3, "65531,65533,65535"},
		{"the widest stride", mustSet(t, "0-65535"), 0, 65535, 2, "0,65535"},
		{"list", mustSet(t, "1-5,9,20-30"), 0, 3, 5, "1,4,20,23,26"},
		{"list, touching results", mustSet(t, "1,3,4,6,7"), 0, 2, 3, "1,4,7"},
		{"list, stride 1", mustSet(t, "1-5,9,20-30"), 4, 1, 3, "5,9,20"},
		{"slice of a list", mustSet(t, "1-5,9,20-30").Slice(1, 12), 0, 4, 3, "2,9,23"},
		{"PSID set", mustPSID(t, 6, 8, 0x34), 1, 4, 3, "1233,2257,3281"},
		{"every of every", mustSet(t, "100-200").Every(1, 10, 10), 1, 4, 3, "111,151,191"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := tc.set.Every(tc.i, tc.stride, tc.n)
			if s.String() != tc.want || s.Len() != tc.n {
				t.Errorf("Every(%d, %d, %d) = %v with %d ports, want %s", tc.i, tc.stride, tc.n, s, s.Len(), tc.want)
			}
			for i := range tc.n {
				got, _ := s.Port(i)
				if want, _ := tc.set.Port(tc.i + i*tc.stride); got != want {
					t.Fatalf("Port(%d) = %d, want %d", i, got, want)
				}
			}
		})
	}
}

// panicText runs f and returns what it panics with, or "" when it does not.
func panicText(f func()) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprint(v)
		}
	}()
	f()
	return ""
}

func TestCutPanics(t *testing.T) {
	permutation, err := NewPermutation([16]byte{}, mustSet(t, "1024-2047"))
	if err != nil {
		t.Fatal(err)
	}
	ten, list := mustSet(t, "10-19"), mustSet(t, "1-5,9,20-23")
	out := func(i, stride, n, ports int) string {
		return fmt.Sprintf("portset: index %d, stride %d, count %d is out of range for a set of %d ports", i, stride, n, ports)
	}
	for _, tc := range []struct {
		name string
		cut  func() Set
		want string
	}{
		{"no ports", func() Set { return ten.Slice(0, 0) }, out(0, 1, 0, 10)},
		{"negative count", func() Set { return ten.Slice(0, -1) }, out(0, 1, -1, 10)},
		{"negative index", func() Set { return ten.Slice(-1, 2) }, out(-1, 1, 2, 10)},
		{"index at the end", func() Set { return ten.Slice(10, 1) }, out(10, 1, 1, 10)},
		{"one too many", func() Set { return ten.Slice(1, 10) }, out(1, 1, 10, 10)},
		{"list, one too many", func() Set { return list.Slice(1, 10) }, out(1, 1, 10, 10)},
		{"zero Set", func() Set { return Set{}.Slice(0, 1) }, out(0, 1, 1, 0)},
		{"zero Set, no ports", func() Set { return Set{}.Slice(0, 0) }, out(0, 1, 0, 0)},
		{"largest index", func() Set { return ten.Slice(math.MaxInt, 1) }, out(math.MaxInt, 1, 1, 10)},
		{"largest index, two ports", func() Set { return ten.Slice(math.MaxInt, 2) }, out(math.MaxInt, 1, 2, 10)},
		{"largest count", func() Set { return ten.Slice(1, math.MaxInt) }, out(1, 1, math.MaxInt, 10)},
		{"smallest index", func() Set { return ten.Slice(math.MinInt, 1) }, out(math.MinInt, 1, 1, 10)},

		{"every: no ports", func() Set { return ten.Every(0, 2, 0) }, out(0, 2, 0, 10)},
		{"every: negative count", func() Set { return ten.Every(9, 2, -1) }, out(9, 2, -1, 10)},
		{"every: stride 0", func() Set { return ten.Every(0, 0, 2) }, out(0, 0, 2, 10)},
		{"every: stride 0, one port", func() Set { return ten.Every(0, 0, 1) }, out(0, 0, 1, 10)},
		{"every: negative stride", func() Set { return ten.Every(9, -1, 2) }, out(9, -1, 2, 10)},
		{"every: negative index", func() Set { return ten.Every(-1, 2, 2) }, out(-1, 2, 2, 10)},
		{"every: one too many", func() Set { return ten.Every(0, 3, 5) }, out(0, 3, 5, 10)},
		{"every: one too far", func() Set { return ten.Every(1, 3, 4) }, out(1, 3, 4, 10)},
		{"every: index at the end", func() Set { return ten.Every(10, 2, 1) }, out(10, 2, 1, 10)},
		{"every: largest index", func() Set { return ten.Every(math.MaxInt, 2, 2) }, out(math.MaxInt, 2, 2, 10)},
		{"every: largest stride", func() Set { return ten.Every(0, math.MaxInt, 3) }, out(0, math.MaxInt, 3, 10)},
		{"every: largest count", func() Set { return ten.Every(0, 2, math.MaxInt) }, out(0, 2, math.MaxInt, 10)},
		{"every: zero Set", func() Set { return Set{}.Every(0, 1, 1) }, out(0, 1, 1, 0)},
		{"every: product past 32 bits", func() Set { return ten.Every(9, 65536, 65536) }, out(9, 65536, 65536, 10)},

		{"permutation: no ports", func() Set { return permutation.Set(0, 0) }, out(0, 1, 0, 1024)},
		{"permutation: negative count", func() Set { return permutation.Set(0, -1) }, out(0, 1, -1, 1024)},
		{"permutation: one too many", func() Set { return permutation.Set(1, 1024) }, out(1, 1, 1024, 1024)},
		{"permutation: largest count", func() Set { return permutation.Set(0, math.MaxInt) }, out(0, 1, math.MaxInt, 1024)},
		{"permutation: zero value", func() Set { return new(Permutation).Set(0, 1) }, out(0, 1, 1, 0)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var s Set
			if got := panicText(func() { s = tc.cut() }); got != tc.want {
				t.Errorf("panic %q with result %v\nwant  %q", got, s, tc.want)
			}
		})
	}
}

func TestSetMinus(t *testing.T) {
	for _, tc := range []struct{ name, s, t, want string }{
		{"nothing in common", "10-20", "30-40", "10-20"},
		{"touching", "10-20", "21", "10-20"},
		{"the middle", "10-20", "15", "10-14,16-20"},
		{"the first port", "10-20", "1-10", "11-20"},
		{"the last port", "10-20", "20-99", "10-19"},
		{"port 65535", "0-65535", "65535", "0-65534"},
		{"port 0", "0-65535", "0", "1-65535"},
		{"all but the ends", "0-65535", "1-65534", "0,65535"},
		{"everything", "10-20", "10-20", ""},
		{"more than everything", "10-20,30", "0-65535", ""},
		{"everything in parts", "10-20", "10-12,13-20", ""},
		{"a cut over two ranges", "10-20,30-40", "15-35", "10-14,36-40"},
		{"a cut over a whole range", "10-20,25,30-40", "20-30", "10-19,31-40"},
		{"many cuts in one range", "10-20", "1-2,11,13,15-16,30", "10,12,14,17-20"},
		{"a cut that ends where a range starts", "10-20,30-40", "5-10,29-30", "11-20,31-40"},
		{"reserved ports", "0-65535", "0-1023,5004,5060", "1024-5003,5005-5059,5061-65535"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, cut := mustSet(t, tc.s), mustSet(t, tc.t)
			got, ok := s.Minus(cut)
			if ok != (tc.want != "") || ok && got.String() != tc.want {
				t.Errorf("got %v, %v; want %q", got, ok, tc.want)
			}
			if got.IsValid() != ok {
				t.Errorf("ok is %v, but the set is %v", ok, got)
			}
			if s.String() != mustSet(t, tc.s).String() || cut.String() != mustSet(t, tc.t).String() {
				t.Errorf("Minus changed its operands to %v and %v", s, cut)
			}
		})
	}
	t.Run("PSID sets", func(t *testing.T) {
		all := mustSet(t, "1024-65535")
		left, ok := all.Minus(mustPSID(t, 6, 8, 0x34))
		if !ok || left.Len() != 64512-252 || left.RangeCount() != 64 {
			t.Errorf("%d ports in %d ranges, want %d in 64", left.Len(), left.RangeCount(), 64512-252)
		}
		if left.Overlaps(mustPSID(t, 6, 8, 0x34)) || !left.Overlaps(mustPSID(t, 6, 8, 0x35)) {
			t.Error("the wrong ports are left")
		}
	})
}

func TestSetOverlaps(t *testing.T) {
	for _, tc := range []struct {
		name string
		s, t Set
		want bool
	}{
		{"same", mustSet(t, "10-20"), mustSet(t, "10-20"), true},
		{"one port", mustSet(t, "10-20"), mustSet(t, "20-30"), true},
		{"touching", mustSet(t, "10-20"), mustSet(t, "21-30"), false},
		{"nested", mustSet(t, "0-65535"), mustSet(t, "65535"), true},
		{"interleaved", mustSet(t, "1,3,5,7"), mustSet(t, "0,2,4,6,8"), false},
		{"in the last ranges", mustSet(t, "1,3,5,65535"), mustSet(t, "0,2,4,65534-65535"), true},
		{"one range in a gap", mustSet(t, "10-20,30-40"), mustSet(t, "21-29"), false},
		{"neighbour PSIDs", mustPSID(t, 6, 8, 0x34), mustPSID(t, 6, 8, 0x35), false},
		{"PSIDs of two layouts", mustPSID(t, 6, 8, 0x34), mustPSID(t, 6, 7, 0x1a), true},
		{"PSID set and excluded ports", mustPSID(t, 6, 8, 0x34), mustSet(t, "0-1023"), false},
		{"slices of a list", mustSet(t, "1-5,9,20-30").Slice(0, 6), mustSet(t, "1-5,9,20-30").Slice(6, 3), false},
		{"staggered neighbours", mustSet(t, "100-200").Every(0, 2, 50), mustSet(t, "100-200").Every(1, 2, 50), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.s.Overlaps(tc.t); got != tc.want {
				t.Errorf("%v.Overlaps(%v) = %v", tc.s, tc.t, got)
			}
			if got := tc.t.Overlaps(tc.s); got != tc.want {
				t.Errorf("reversed: %v.Overlaps(%v) = %v", tc.t, tc.s, got)
			}
		})
	}
}
