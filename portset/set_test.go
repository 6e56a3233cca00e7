package portset

import (
	"slices"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

func mustSet(t failer, text string) Set {
	t.Helper()
	s, err := ParseSet(text)
	if err != nil {
		t.Fatalf("ParseSet(%q): %v", text, err)
	}
	return s
}

func mustPSID(t failer, offset, length int, psid uint16) Set {
	t.Helper()
	s, err := mustLayout(t, offset, length).Set(psid)
	if err != nil {
		t.Fatalf("a=%d k=%d PSID %d: %v", offset, length, psid, err)
	}
	return s
}

func TestNewSet(t *testing.T) {
	r := func(first, last int) Range { return mustRange(t, first, last) }
	for _, tc := range []struct {
		name string
		in   []Range
		want string
	}{
		{"one", []Range{r(5, 9)}, "5-9"},
		{"last port", []Range{r(65535, 65535)}, "65535"},
		{"unordered", []Range{r(20, 30), r(1, 2), r(7, 7)}, "1-2,7,20-30"},
		{"touching", []Range{r(1, 2), r(3, 4)}, "1-4"},
		{"touching at the end", []Range{r(65535, 65535), r(65000, 65534)}, "65000-65535"},
		{"overlapping", []Range{r(1, 10), r(5, 20), r(19, 19)}, "1-20"},
		{"after all ports", []Range{r(0, 65535), r(3, 4), r(65535, 65535)}, "0-65535"},
		{"same twice", []Range{r(3, 4), r(3, 4)}, "3-4"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := slices.Clone(tc.in)
			s, err := NewSet(tc.in...)
			if err != nil {
				t.Fatal(err)
			}
			if s.String() != tc.want {
				t.Errorf("got %v, want %s", s, tc.want)
			}
			if !slices.Equal(tc.in, before) {
				t.Errorf("NewSet changed its argument to %v", tc.in)
			}
			for i := range tc.in {
				tc.in[i] = r(40000, 40000)
			}
			if s.String() != tc.want {
				t.Errorf("the set changed with its argument, to %v", s)
			}
		})
	}
	for _, tc := range []struct {
		name string
		in   []Range
		want error
		text string
	}{
		{"no ranges", nil, ErrEmpty, "empty port set"},
		{"zero Range", []Range{r(1, 2), {}}, ErrRange, "invalid port range: the zero Range"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := NewSet(tc.in...)
			sameError(t, err, tc.want, tc.text)
			if s.IsValid() {
				t.Errorf("set is %v, want the zero Set", s)
			}
		})
	}
}

func TestZeroSet(t *testing.T) {
	var s Set
	if s.IsValid() || s.Len() != 0 || s.RangeCount() != 0 || s.First() != 0 || s.Last() != 0 {
		t.Errorf("IsValid %v, Len %d, RangeCount %d, First %d, Last %d; want false and zeros",
			s.IsValid(), s.Len(), s.RangeCount(), s.First(), s.Last())
	}
	if s.String() != "invalid Set" {
		t.Errorf("String() = %q", s)
	}
	for p := range PortCount {
		if s.Contains(uint16(p)) {
			t.Fatalf("Contains(%d) = true", p)
		}
		if _, ok := s.Index(uint16(p)); ok {
			t.Fatalf("Index(%d) is ok", p)
		}
	}
	if p, ok := s.Port(0); ok {
		t.Errorf("Port(0) = %d", p)
	}
	if r, ok := s.Range(); ok || r.IsValid() {
		t.Errorf("Range() = %v, %v", r, ok)
	}
	for r := range s.Ranges() {
		t.Errorf("Ranges() yields %v", r)
	}
	for p := range s.Ports() {
		t.Errorf("Ports() yields %v", p)
	}
	full := mustSet(t, "0-65535")
	if !s.Equal(Set{}) || s.Equal(full) || full.Equal(s) {
		t.Error("the zero Set must equal itself only")
	}
	if s.Overlaps(full) || full.Overlaps(s) || s.Overlaps(s) {
		t.Error("the zero Set overlaps something")
	}
	if left, ok := s.Minus(full); ok || left.IsValid() {
		t.Errorf("zero Set minus all = %v, %v", left, ok)
	}
	if left, ok := full.Minus(s); !ok || !left.Equal(full) {
		t.Errorf("all minus zero Set = %v, %v", left, ok)
	}
}

func TestSetIndexPort(t *testing.T) {
	for _, tc := range []struct {
		name string
		set  Set
		port uint16
		i    int
		ok   bool
	}{
		{"first of a range", mustSet(t, "1024-65535"), 1024, 0, true},
		{"last of a range", mustSet(t, "1024-65535"), 65535, 64511, true},
		{"below a range", mustSet(t, "1024-65535"), 1023, 0, false},
		{"all ports, last", mustSet(t, "0-65535"), 65535, 65535, true},
		{"last port alone", mustSet(t, "65535"), 65535, 0, true},
		{"before the last port alone", mustSet(t, "65535"), 65534, 0, false},
		{"list, first", mustSet(t, "0,65535"), 0, 0, true},
		{"list, last", mustSet(t, "0,65535"), 65535, 1, true},
		{"list, gap", mustSet(t, "0,65535"), 1, 0, false},
		{"list, second range", mustSet(t, "1-3,10-12,20"), 11, 4, true},
		{"list, below", mustSet(t, "1-3,10-12,20"), 0, 0, false},
		{"list, above", mustSet(t, "1-3,10-12,20"), 21, 0, false},
		{"PSID set, first", mustPSID(t, 6, 8, 0x34), 1232, 0, true},
		{"PSID set, second range", mustPSID(t, 6, 8, 0x34), 2256, 4, true},
		{"PSID set, last", mustPSID(t, 6, 8, 0x34), 64723, 251, true},
		{"PSID set, excluded block", mustPSID(t, 6, 8, 0x34), 208, 0, false},
		{"PSID set, next owner", mustPSID(t, 6, 8, 0x34), 1236, 0, false},
		{"PSID 255 reaches the last port", mustPSID(t, 6, 8, 0xff), 65535, 251, true},
		{"cut list, first", mustSet(t, "1-3,10-12,20").Slice(2, 3), 3, 0, true},
		{"cut list, last", mustSet(t, "1-3,10-12,20").Slice(2, 3), 11, 2, true},
		{"cut list, before", mustSet(t, "1-3,10-12,20").Slice(2, 3), 2, 0, false},
		{"cut list, behind", mustSet(t, "1-3,10-12,20").Slice(2, 3), 12, 0, false},
		{"staggered list", mustSet(t, "1-3,10-12,20").Every(0, 3, 3), 20, 2, true},
		{"staggered list, between", mustSet(t, "1-3,10-12,20").Every(0, 3, 3), 11, 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			i, ok := tc.set.Index(tc.port)
			if ok != tc.ok || ok && i != tc.i {
				t.Errorf("Index(%d) = %d, %v; want %d, %v", tc.port, i, ok, tc.i, tc.ok)
			}
			if got := tc.set.Contains(tc.port); got != tc.ok {
				t.Errorf("Contains(%d) = %v, want %v", tc.port, got, tc.ok)
			}
			if !tc.ok {
				return
			}
			if p, ok := tc.set.Port(tc.i); !ok || p != tc.port {
				t.Errorf("Port(%d) = %d, %v; want %d", tc.i, p, ok, tc.port)
			}
		})
	}
}

func TestSetPortOutOfRange(t *testing.T) {
	for name, s := range map[string]Set{
		"range": mustSet(t, "5-9"), "list": mustSet(t, "1,3-5,9"), "PSID set": mustPSID(t, 6, 8, 1),
		"all ports": mustSet(t, "0-65535"),
	} {
		for _, i := range []int{-1, s.Len(), s.Len() + 1, 1 << 16, 1<<31 - 1, -1 << 31} {
			if p, ok := s.Port(i); ok || p != 0 {
				t.Errorf("%s: Port(%d) = %d, %v; want 0, false", name, i, p, ok)
			}
		}
	}
}

func TestSetRange(t *testing.T) {
	for _, tc := range []struct {
		name  string
		set   Set
		want  string // "" when the set is not one range
		count int
	}{
		{"one range", mustSet(t, "10-20"), "10-20", 1},
		{"one port", mustSet(t, "65535"), "65535", 1},
		{"all ports", mustSet(t, "0-65535"), "0-65535", 1},
		{"list", mustSet(t, "10-20,22"), "", 2},
		{"both ends", mustSet(t, "0,65535"), "", 2},
		{"a=0", mustPSID(t, 0, 8, 0x34), "13312-13567", 1},
		{"a=1", mustPSID(t, 1, 8, 3), "33152-33279", 1},
		{"a=6 k=0", mustPSID(t, 6, 0, 0), "1024-65535", 1},
		{"a=6 k=8", mustPSID(t, 6, 8, 0x34), "", 63},
		{"a=15 k=1", mustPSID(t, 15, 1, 1), "", 32767},
		{"slice of a list, within one range", mustSet(t, "1-5,9,20-30").Slice(7, 3), "21-23", 1},
		{"slice of a list, one port", mustSet(t, "1-5,9,20-30").Slice(5, 1), "9", 1},
		{"slice of a list, across", mustSet(t, "1-5,9,20-30").Slice(4, 3), "", 3},
		{"one of every", mustSet(t, "1-5,9,20-30").Every(6, 9, 1), "20", 1},
		{"staggered", mustSet(t, "100-200").Every(0, 2, 3), "", 3},
		{"ratio 1 is one range", mustGMA(t, 1, 1000, 1024, 0), "2000-64999", 1},
		{"one block is one range", mustGMA(t, 2, 20000, 0, 1), "20000-39999", 1},
		{"mask 0", ValueMask(0xffff, 0), "0-65535", 1},
		{"all bits", ValueMask(0xffff, 0xffff), "65535", 1},
		{"high bits", ValueMask(0xfc00, 0xfc00), "64512-65535", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, ok := tc.set.Range()
			if ok != (tc.want != "") || ok && r.String() != tc.want {
				t.Errorf("Range() = %v, %v; want %q", r, ok, tc.want)
			}
			if n := tc.set.RangeCount(); n != tc.count {
				t.Errorf("RangeCount() = %d, want %d", n, tc.count)
			}
		})
	}
}

func TestSetEqual(t *testing.T) {
	psid := mustPSID(t, 6, 8, 0x34)
	list := mustSet(t, "1-5,9,20-30")
	for _, tc := range []struct {
		name string
		s, t Set
		want bool
	}{
		{"same range", mustSet(t, "1-5"), mustSet(t, "5,4,1-3"), true},
		{"PSID set and its text", psid, mustSet(t, psid.String()), true},
		{"PSID set and GMA", psid, mustGMA(t, 256, 4, 1024, 0x34), true},
		{"PSID set of a=0 and value/mask", mustPSID(t, 0, 8, 0x34), ValueMask(0x3400, 0xff00), true},
		{"PSID set and value/mask without its first range", psid, mustSet(t, ValueMask(0x34<<2, 0xff<<2).String()), false},
		{"slice in one range", list.Slice(6, 3), mustSet(t, "20-22"), true},
		{"slice over ranges", list.Slice(4, 3), mustSet(t, "5,9,20"), true},
		{"whole slice", list.Slice(0, list.Len()), list, true},
		{"staggered and a list", mustSet(t, "10-20").Every(0, 5, 3), mustSet(t, "10,15,20"), true},
		{"staggered over a list", list.Every(0, 5, 3), mustSet(t, "1,9,24"), true},
		{"same length, other ports", mustSet(t, "1-5"), mustSet(t, "2-6"), false},
		{"same length, other ranges", mustSet(t, "1,3"), mustSet(t, "1,4"), false},
		{"same length, last differs", list, mustSet(t, "1-5,9,20-29,31"), false},
		{"same slices at other places", list.Slice(0, 3), list.Slice(1, 3), false},
		{"same runs, other count", mustSet(t, "1-99").Every(0, 2, 5), mustSet(t, "1-99").Every(0, 2, 6), false},
		{"same runs, other stride", mustSet(t, "1-99").Every(0, 2, 5), mustSet(t, "1-99").Every(0, 3, 5), false},
		{"other length", mustSet(t, "1-5"), mustSet(t, "1-4"), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.s.Equal(tc.t); got != tc.want {
				t.Errorf("%v.Equal(%v) = %v", tc.s, tc.t, got)
			}
			if got := tc.t.Equal(tc.s); got != tc.want {
				t.Errorf("reversed: %v.Equal(%v) = %v", tc.t, tc.s, got)
			}
			if got := cmp.Equal(tc.s, tc.t); got != tc.want {
				t.Errorf("cmp.Equal = %v", got)
			}
		})
	}
}

func TestSetIterationStops(t *testing.T) {
	for name, s := range map[string]Set{
		"range": mustSet(t, "65530-65535"), "list": mustSet(t, "1-3,5,7-65535"), "PSID set": mustPSID(t, 6, 8, 0),
		"staggered list": mustSet(t, "1-3,5,7-65535").Every(0, 2, 100),
	} {
		var first []Range
		for r := range s.Ranges() {
			first = append(first, r)
			break
		}
		if len(first) != 1 || first[0].First() != s.First() {
			t.Errorf("%s: first range %v, want one from %d", name, first, s.First())
		}
		var ports []uint16
		for p := range s.Ports() {
			if ports = append(ports, p); len(ports) == 3 {
				break
			}
		}
		for i, p := range ports {
			if q, _ := s.Port(i); q != p {
				t.Errorf("%s: Ports yields %v, but Port(%d) = %d", name, ports, i, q)
			}
		}
	}
}

// The documented size, on the 64-bit platforms where it holds.
func TestSetSize(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) == 8 && unsafe.Sizeof(Set{}) != 24 {
		t.Errorf("a Set has %d bytes, want 24", unsafe.Sizeof(Set{}))
	}
}
