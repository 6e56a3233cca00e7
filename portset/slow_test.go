package portset

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A slowSet is the oracle: one bool for every port, filled by walking all ports. It has no arithmetic to get wrong.
//
// It does not cover: error values and their texts, panics, the zero Set (it can be empty, a Set cannot), how a Set is
// represented, allocation and speed, what Permutation computes, and texts that are not canonical.
type slowSet [PortCount]bool

func (o *slowSet) ports() []uint16 {
	var ports []uint16
	for p, in := range o {
		if in {
			ports = append(ports, uint16(p))
		}
	}
	return ports
}

// ranges writes down each port whose lower neighbour is missing, up to the first whose upper neighbour is missing.
func (o *slowSet) ranges() []string {
	var ranges []string
	first := 0
	for p, in := range o {
		if !in {
			continue
		}
		if p == 0 || !o[p-1] {
			first = p
		}
		if p == PortCount-1 || !o[p+1] {
			if first == p {
				ranges = append(ranges, fmt.Sprint(p))
			} else {
				ranges = append(ranges, fmt.Sprint(first, "-", p))
			}
		}
	}
	return ranges
}

// slowOf returns the set of the given ports.
func slowOf(ports []uint16) *slowSet {
	o := new(slowSet)
	for _, p := range ports {
		o[p] = true
	}
	return o
}

// drawSet draws a set of any construction and computes it slowly beside. depth bounds the constructions that start from
// another set.
func drawSet(t *rapid.T, depth int) (Set, *slowSet) {
	kinds := []string{"ranges", "ranges", "near ranges", "layout", "GMA", "value and mask"}
	if depth > 0 {
		kinds = append(kinds, "slice", "slice", "every", "every", "minus", "text")
	}
	switch kind := rapid.SampledFrom(kinds).Draw(t, "kind"); kind {
	case "ranges":
		return drawRanges(t, PortCount)
	case "near ranges":
		return drawRanges(t, 64)
	case "layout":
		return drawPSID(t)
	case "GMA":
		return drawGMA(t)
	case "value and mask":
		return drawValueMask(t)
	case "slice":
		s, o := drawSet(t, depth-1)
		i := rapid.IntRange(0, s.Len()-1).Draw(t, "i")
		n := rapid.IntRange(1, s.Len()-i).Draw(t, "n")
		return s.Slice(i, n), slowOf(o.ports()[i : i+n])
	case "every":
		s, o := drawSet(t, depth-1)
		i := rapid.IntRange(0, s.Len()-1).Draw(t, "i")
		stride := rapid.OneOf(rapid.IntRange(1, 8), rapid.IntRange(1, PortCount)).Draw(t, "stride")
		n := rapid.IntRange(1, (s.Len()-1-i)/stride+1).Draw(t, "n")
		slow, ports := new(slowSet), o.ports()
		for x := range n {
			slow[ports[i+x*stride]] = true
		}
		return s.Every(i, stride, n), slow
	case "minus":
		s, o := drawSet(t, depth-1)
		u, v := drawSet(t, depth-1)
		left, ok := s.Minus(u)
		if !ok {
			return s, o
		}
		return left, slowMinus(o, v)
	default:
		s, o := drawSet(t, depth-1)
		return mustSet(t, s.String()), o
	}
}

// drawRanges draws ranges that start within the lowest or the highest ports, or anywhere. With a small width many of them
// touch and overlap.
func drawRanges(t *rapid.T, width int) (Set, *slowSet) {
	base := rapid.SampledFrom([]int{0, PortCount - width}).Draw(t, "base")
	slow := new(slowSet)
	var ranges []Range
	for range rapid.IntRange(1, 12).Draw(t, "ranges") {
		first := base + rapid.IntRange(0, width-1).Draw(t, "first")
		n := rapid.OneOf(rapid.Just(1), rapid.IntRange(1, 8), rapid.IntRange(1, width)).Draw(t, "ports")
		last := min(first+n-1, PortCount-1)
		ranges = append(ranges, mustRange(t, first, last))
		for p := range slow {
			if first <= p && p <= last {
				slow[p] = true
			}
		}
	}
	s, err := NewSet(ranges...)
	if err != nil {
		t.Fatalf("NewSet(%v): %v", ranges, err)
	}
	return s, slow
}

func drawPSID(t *rapid.T) (Set, *slowSet) {
	a := rapid.IntRange(0, 15).Draw(t, "a")
	k := rapid.IntRange(0, 16-a).Draw(t, "k")
	psid := rapid.IntRange(0, 1<<k-1).Draw(t, "psid")
	slow := new(slowSet)
	for p := range slow {
		slow[p] = bitOwner(p, a, k) == psid
	}
	return mustPSID(t, a, k, uint16(psid)), slow
}

func drawGMA(t *rapid.T) (Set, *slowSet) {
	ratio := rapid.OneOf(rapid.IntRange(1, 300), rapid.IntRange(1, PortCount)).Draw(t, "ratio")
	contiguous := rapid.IntRange(1, PortCount/ratio).Draw(t, "contiguous")
	psid := rapid.IntRange(0, ratio-1).Draw(t, "psid")
	lastStart := (PortCount/(ratio*contiguous) - 1) * ratio * contiguous
	lowest := rapid.IntRange(0, lastStart).Draw(t, "lowest")
	slow := new(slowSet)
	for i := 0; ; i++ { // the formula of RFC 7597 appendix B as it stands
		start := ratio * contiguous * i
		if start+ratio*contiguous > PortCount {
			break
		}
		for j := range contiguous {
			if start >= lowest {
				slow[start+contiguous*psid+j] = true
			}
		}
	}
	return mustGMA(t, ratio, contiguous, lowest, psid), slow
}

func drawValueMask(t *rapid.T) (Set, *slowSet) {
	value, mask := rapid.Uint16().Draw(t, "value"), rapid.Uint16().Draw(t, "mask")
	slow := new(slowSet)
	for p := range slow {
		slow[p] = true
		for bit := range 16 {
			if portBits[mask][bit] == '1' && portBits[p][bit] != portBits[value][bit] {
				slow[p] = false
			}
		}
	}
	return ValueMask(value, mask), slow
}

func slowMinus(s, t *slowSet) *slowSet {
	left := new(slowSet)
	for p := range left {
		left[p] = s[p] && !t[p]
	}
	return left
}

func (o *slowSet) overlaps(t *slowSet) bool {
	for p := range o {
		if o[p] && t[p] {
			return true
		}
	}
	return false
}

// compare fails unless s answers every question the way slow does.
func compare(t failer, s Set, slow *slowSet) {
	t.Helper()
	ports := slow.ports()
	if s.Len() != len(ports) || s.IsValid() != (len(ports) > 0) {
		t.Fatalf("Len() = %d, IsValid() = %v; want %d ports", s.Len(), s.IsValid(), len(ports))
	}
	if len(ports) == 0 {
		return
	}
	if s.First() != ports[0] || s.Last() != ports[len(ports)-1] {
		t.Fatalf("ends are %d and %d, want %d and %d", s.First(), s.Last(), ports[0], ports[len(ports)-1])
	}
	next := 0
	for p, in := range slow {
		if got := s.Contains(uint16(p)); got != in {
			t.Fatalf("Contains(%d) = %v, want %v", p, got, in)
		}
		i, ok := s.Index(uint16(p))
		if ok != in || ok && i != next {
			t.Fatalf("Index(%d) = %d, %v; want %d, %v", p, i, ok, next, in)
		}
		if in {
			if q, ok := s.Port(next); !ok || int(q) != p {
				t.Fatalf("Port(%d) = %d, %v; want %d", next, q, ok, p)
			}
			next++
		}
	}
	if q, ok := s.Port(next); ok {
		t.Fatalf("Port(%d) = %d, past the last index", next, q)
	}
	if got := slices.Collect(s.Ports()); !slices.Equal(got, ports) {
		t.Fatalf("Ports() differs from the %d ports of the oracle", len(ports))
	}
	compareRanges(t, s, slow.ranges())
}

func compareRanges(t failer, s Set, want []string) {
	t.Helper()
	var got []string
	last := -2
	for r := range s.Ranges() {
		if int(r.First()) <= last+1 {
			t.Fatalf("range %v touches or precedes port %d", r, last)
		}
		last = int(r.Last())
		got = append(got, r.String())
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%d ranges differ from the %d of the oracle", len(got), len(want))
	}
	if s.RangeCount() != len(want) {
		t.Fatalf("RangeCount() = %d, want %d", s.RangeCount(), len(want))
	}
	if r, ok := s.Range(); ok != (len(want) == 1) || ok && r.String() != want[0] {
		t.Fatalf("Range() = %v, %v with %d ranges", r, ok, len(want))
	}
	if s.String() != strings.Join(want, ",") {
		t.Fatalf("String() differs from the ranges of the oracle")
	}
}

func TestSetAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, slow := drawSet(t, 3)
		compare(t, s, slow)
		again, err := ParseSet(s.String())
		if err != nil || !again.Equal(s) || !s.Equal(again) {
			t.Fatalf("String and ParseSet give another set (error %v)", err)
		}
		compare(t, again, slow)
	})
}

func TestTwoSetsAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, slow := drawSet(t, 2)
		u, slowU := drawSet(t, 2)
		if got, want := s.Overlaps(u), slow.overlaps(slowU); got != want {
			t.Fatalf("Overlaps = %v, want %v", got, want)
		}
		if s.Overlaps(u) != u.Overlaps(s) {
			t.Fatalf("Overlaps is not symmetric")
		}
		if got, want := s.Equal(u), *slow == *slowU; got != want || u.Equal(s) != want {
			t.Fatalf("Equal = %v and %v, want %v", got, u.Equal(s), want)
		}
		left, ok := s.Minus(u)
		if ok != left.IsValid() {
			t.Fatalf("Minus returns %v with a set of %d ports", ok, left.Len())
		}
		compare(t, left, slowMinus(slow, slowU))
		compare(t, s, slow) // the operands stay what they were
		compare(t, u, slowU)
	})
}

// Every split of a set into slices and into staggered shares is a partition of it.
func TestSharesPartition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, slow := drawSet(t, 1)
		shares := rapid.IntRange(1, min(s.Len(), 40)).Draw(t, "shares")
		n := s.Len() / shares
		for name, share := range map[string]func(j int) Set{
			"slice": func(j int) Set { return s.Slice(j*n, n) },
			"every": func(j int) Set { return s.Every(j, shares, n) },
		} {
			var owners [PortCount]int
			for j := range shares {
				for p := range share(j).Ports() {
					if !slow[p] || owners[p] != 0 {
						t.Fatalf("%s %d: port %d is not of the set or has owner %d", name, j, p, owners[p]-1)
					}
					owners[p] = j + 1
				}
			}
			for i, p := range slow.ports() {
				want := 0
				if i < n*shares {
					want = map[string]int{"slice": i / n, "every": i % shares}[name] + 1
				}
				if owners[p] != want {
					t.Fatalf("%s: port %d with index %d has owner %d, want %d", name, p, i, owners[p]-1, want-1)
				}
			}
		}
	})
}
