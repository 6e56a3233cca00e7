package portset

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

func mustLayout(t failer, offset, length int) Layout {
	t.Helper()
	l, err := NewLayout(offset, length)
	if err != nil {
		t.Fatalf("NewLayout(%d, %d): %v", offset, length, err)
	}
	return l
}

// portBits holds every port as 16 characters 0 and 1. The tests read PSIDs out of these texts, the way the RFCs draw them.
var portBits = func() (bits [PortCount]string) {
	for p := range bits {
		bits[p] = fmt.Sprintf("%016b", p)
	}
	return bits
}()

const nobody = -1

// bitOwner returns the PSID that RFC 7597 section 5.1 writes into port, or nobody.
func bitOwner(port, a, k int) int {
	bits := portBits[port]
	if a > 0 && !strings.Contains(bits[:a], "1") {
		return nobody
	}
	if k == 0 {
		return 0
	}
	psid, err := strconv.ParseUint(bits[a:a+k], 2, 16)
	if err != nil {
		panic(err)
	}
	return int(psid)
}

// All ports of all PSIDs of all layouts: 152 layouts, ten million ports.
func TestLayoutExhaustive(t *testing.T) {
	layouts := 0
	var owner [PortCount]int
	for a := range 16 {
		for k := 0; a+k <= 16; k++ {
			layouts++
			l := mustLayout(t, a, k)
			if l.Offset() != a || l.Length() != k || l.ContiguousBits() != 16-a-k || !l.IsValid() {
				t.Fatalf("a=%d k=%d: layout says %v", a, k, l)
			}
			for p := range owner {
				owner[p] = nobody
			}
			sets := make([]Set, l.SharingRatio())
			for psid := range sets {
				s, err := l.Set(uint16(psid))
				if err != nil {
					t.Fatalf("%v PSID %d: %v", l, psid, err)
				}
				sets[psid] = s
				if s.Len() != l.SetLen() {
					t.Fatalf("%v PSID %d: %d ports, SetLen says %d", l, psid, s.Len(), l.SetLen())
				}
				claim(t, l, psid, s, &owner)
			}
			compareOwners(t, l, sets, &owner)
		}
	}
	if layouts != 152 {
		t.Errorf("saw %d layouts, want 152", layouts)
	}
}

// claim writes psid into owner for the ports of its set, which must be free.
func claim(t *testing.T, l Layout, psid int, s Set, owner *[PortCount]int) {
	t.Helper()
	n := 0
	for r := range s.Ranges() {
		for p := int(r.First()); p <= int(r.Last()); p++ {
			if owner[p] != nobody {
				t.Fatalf("%v: port %d belongs to PSID %d and %d", l, p, owner[p], psid)
			}
			owner[p] = psid
			n++
		}
	}
	if n != s.Len() {
		t.Fatalf("%v PSID %d: %d ports in ranges, Len says %d", l, psid, n, s.Len())
	}
}

// compareOwners compares the owners that the sets claim with the bits of the ports, with PSID and with Contains. Contains
// is asked of every set up to k = 5; above, of the owner and of the PSIDs that differ from it in one bit.
func compareOwners(t *testing.T, l Layout, sets []Set, owner *[PortCount]int) {
	t.Helper()
	a, k := l.Offset(), l.Length()
	for p, got := range owner {
		if want := bitOwner(p, a, k); got != want {
			t.Fatalf("%v: port %d belongs to PSID %d, its bits say %d", l, p, got, want)
		}
		psid, ok := l.PSID(uint16(p))
		if ok != (got != nobody) || ok && int(psid) != got {
			t.Fatalf("%v: PSID(%d) = %d, %v; want %d", l, p, psid, ok, got)
		}
		if !ok && psid != 0 {
			t.Fatalf("%v: PSID(%d) = %d for a port without owner", l, p, psid)
		}
		if k <= 5 {
			for q, s := range sets {
				if s.Contains(uint16(p)) != (q == got) {
					t.Fatalf("%v: set of PSID %d contains port %d of PSID %d: %v", l, q, p, got, q != got)
				}
			}
			continue
		}
		if got == nobody {
			// The field of an excluded port reads as a PSID. Its set must not contain the port.
			field, _ := strconv.ParseUint(portBits[p][a:a+k], 2, 16)
			if sets[field].Contains(uint16(p)) {
				t.Fatalf("%v: set of PSID %d contains the excluded port %d", l, field, p)
			}
			continue
		}
		if !sets[got].Contains(uint16(p)) {
			t.Fatalf("%v: set of PSID %d lacks port %d", l, got, p)
		}
		for bit := 1; bit < len(sets); bit *= 2 {
			if sets[got^bit].Contains(uint16(p)) {
				t.Fatalf("%v: set of PSID %d contains port %d of PSID %d", l, got^bit, p, got)
			}
		}
	}
}

func TestNewLayoutErrors(t *testing.T) {
	for _, tc := range []struct {
		name           string
		offset, length int
		text           string
	}{
		{"a=16", 16, 0, "invalid PSID layout: PSID offset 16 is not in 0 to 15 (RFC 7597 section 5.1)"},
		{"a=-1", -1, 8, "invalid PSID layout: PSID offset -1 is not in 0 to 15 (RFC 7597 section 5.1)"},
		{"a wraps to 0 in 8 bits", 256, 0, "invalid PSID layout: PSID offset 256 is not in 0 to 15 (RFC 7597 section 5.1)"},
		{"k=17", 0, 17, "invalid PSID layout: PSID length 17 is not in 0 to 16"},
		{"k=-1", 6, -1, "invalid PSID layout: PSID length -1 is not in 0 to 16"},
		{"a+k=17", 6, 11, "invalid PSID layout: PSID offset 6 + PSID length 11 is more than the 16 bits of a port; " +
			"with offset 6 the length is at most 10"},
		{"a=15 k=2", 15, 2, "invalid PSID layout: PSID offset 15 + PSID length 2 is more than the 16 bits of a port; " +
			"with offset 15 the length is at most 1"},
		{"a=1 k=16", 1, 16, "invalid PSID layout: PSID offset 1 + PSID length 16 is more than the 16 bits of a port; " +
			"with offset 1 the length is at most 15"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, err := NewLayout(tc.offset, tc.length)
			sameError(t, err, ErrLayout, tc.text)
			if l != (Layout{}) {
				t.Errorf("layout is %v, want the zero Layout", l)
			}
		})
	}
}

func TestLayoutSetErrors(t *testing.T) {
	for _, tc := range []struct {
		name   string
		layout Layout
		psid   uint16
		want   error
		text   string
	}{
		{"k=8, PSID 256", mustLayout(t, 6, 8), 256, ErrPSID, "invalid PSID 256: PSID length 8 holds 0 to 255"},
		{"k=8, left-aligned PSID", mustLayout(t, 6, 8), 0x3400, ErrPSID, "invalid PSID 13312: PSID length 8 holds 0 to 255"},
		{"k=0, PSID 1", mustLayout(t, 0, 0), 1, ErrPSID, "invalid PSID 1: PSID length 0 holds 0 to 0"},
		{"k=15, PSID 65535", mustLayout(t, 1, 15), 65535, ErrPSID, "invalid PSID 65535: PSID length 15 holds 0 to 32767"},
		{"zero Layout", Layout{}, 0, ErrLayout, "invalid PSID layout: the zero Layout"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := tc.layout.Set(tc.psid)
			sameError(t, err, tc.want, tc.text)
			if s.IsValid() {
				t.Errorf("set is %v, want the zero Set", s)
			}
		})
	}
}

func TestZeroLayout(t *testing.T) {
	var l Layout
	if l.IsValid() {
		t.Error("IsValid() = true")
	}
	if l == mustLayout(t, 0, 0) {
		t.Error("the zero Layout equals a=0 k=0")
	}
	if l.String() != "invalid Layout" {
		t.Errorf("String() = %q", l)
	}
	for p := range PortCount {
		if psid, ok := l.PSID(uint16(p)); ok || psid != 0 {
			t.Fatalf("PSID(%d) = %d, %v; want 0, false", p, psid, ok)
		}
	}
}

func TestLayoutValues(t *testing.T) {
	if mustLayout(t, 6, 8) != mustLayout(t, DefaultOffset, 8) {
		t.Error("equal layouts differ, or the default offset is not 6")
	}
	if mustLayout(t, 6, 8) == mustLayout(t, 6, 7) || mustLayout(t, 5, 8) == mustLayout(t, 6, 8) {
		t.Error("different layouts are equal")
	}
	if got := mustLayout(t, 6, 8).String(); got != "a=6 k=8 m=2" {
		t.Errorf("String() = %q", got)
	}
	if got := mustLayout(t, 0, 16).String(); got != "a=0 k=16 m=0" {
		t.Errorf("String() = %q", got)
	}
}

func mustGMA(t failer, ratio, contiguous, lowest, psid int) Set {
	t.Helper()
	s, err := GMA(ratio, contiguous, lowest, psid)
	if err != nil {
		t.Fatalf("GMA(%d, %d, %d, %d): %v", ratio, contiguous, lowest, psid, err)
	}
	return s
}

// A layout is the special case of the modulus algorithm with powers of two.
func TestGMAEqualsLayout(t *testing.T) {
	for _, tc := range []struct{ a, k int }{{0, 0}, {0, 8}, {0, 16}, {1, 8}, {4, 6}, {6, 8}, {6, 10}, {15, 0}, {15, 1}} {
		l := mustLayout(t, tc.a, tc.k)
		lowest := 0
		if tc.a > 0 {
			lowest = PortCount >> tc.a
		}
		for psid := range l.SharingRatio() {
			s := mustGMA(t, l.SharingRatio(), PortCount>>tc.a>>tc.k, lowest, psid)
			if want := mustPSID(t, tc.a, tc.k, uint16(psid)); !s.Equal(want) {
				t.Fatalf("%v PSID %d: GMA gives %v, Layout %v", l, psid, s, want)
			}
			if psid > 300 {
				break
			}
		}
	}
}

func TestGMAErrors(t *testing.T) {
	const layout = "invalid PSID layout: sharing ratio %d times %d contiguous ports is not in 1 to 65536"
	for _, tc := range []struct {
		name                            string
		ratio, contiguous, lowest, psid int
		want                            error
		text                            string
	}{
		{"ratio 0", 0, 4, 0, 0, ErrLayout, fmt.Sprintf(layout, 0, 4)},
		{"negative ratio", -1, 4, 0, 0, ErrLayout, fmt.Sprintf(layout, -1, 4)},
		{"no contiguous ports", 4, 0, 0, 0, ErrLayout, fmt.Sprintf(layout, 4, 0)},
		{"both negative", -4, -4, 0, 0, ErrLayout, fmt.Sprintf(layout, -4, -4)},
		{"block too large", 257, 256, 0, 0, ErrLayout, fmt.Sprintf(layout, 257, 256)},
		{"product wraps to 0", 1 << 20, 1 << 20, 0, 0, ErrLayout, fmt.Sprintf(layout, 1<<20, 1<<20)},
		{"negative lowest port", 4, 4, -1, 0, ErrLayout, "invalid PSID layout: lowest port -1 is not in 0 to 65535"},
		{"lowest port past the end", 4, 4, 65536, 0, ErrLayout, "invalid PSID layout: lowest port 65536 is not in 0 to 65535"},
		{"negative PSID", 4, 4, 0, -1, ErrPSID, "invalid PSID -1: sharing ratio 4 holds 0 to 3"},
		{"PSID of the ratio", 4, 4, 0, 4, ErrPSID, "invalid PSID 4: sharing ratio 4 holds 0 to 3"},
		{"one block, some of it reserved", 64, 1024, 1024, 5, ErrEmpty,
			"empty port set: no whole block of 65536 ports starts at or above port 1024"},
		{"the last block is not whole", 100, 4, 65001, 0, ErrEmpty,
			"empty port set: no whole block of 400 ports starts at or above port 65001"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := GMA(tc.ratio, tc.contiguous, tc.lowest, tc.psid)
			sameError(t, err, tc.want, tc.text)
			if s.IsValid() {
				t.Errorf("set is %v, want the zero Set", s)
			}
		})
	}
	if s := mustGMA(t, 100, 4, 64800, 99); s.String() != "65196-65199" {
		t.Errorf("the last whole block gives %v, want 65196-65199", s)
	}
}
