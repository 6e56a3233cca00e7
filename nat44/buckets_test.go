package nat44

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/cgnkit/cgnkit/portset"
)

// drawPorts draws a port set of 2 to most ranges, in lengths that are alike, or not at all.
func drawPorts(t *rapid.T, most int) portset.Set {
	longest := rapid.SampledFrom([]int{1, 2, 3, 60, 200}).Draw(t, "longest")
	same := rapid.Bool().Draw(t, "all alike")
	var ranges []portset.Range
	next := rapid.IntRange(0, 1024).Draw(t, "first port")
	for range rapid.IntRange(2, most).Draw(t, "ranges") {
		n := longest
		if !same {
			n = rapid.IntRange(1, longest).Draw(t, "length")
		}
		ranges = append(ranges, must(portset.NewRange(next, next+n-1)))
		next += n + 1 + rapid.IntRange(0, 3).Draw(t, "gap")
	}
	return must(portset.NewSet(ranges...))
}

// weights counts the buckets of each range, in the order of the ranges, after checking that they stand in that order.
func weights(t interface{ Fatalf(string, ...any) }, ports portset.Set, got []portset.Range) []int {
	var out []int
	at := 0
	for r := range ports.Ranges() {
		n := 0
		for at < len(got) && got[at] == r {
			n++
			at++
		}
		out = append(out, n)
	}
	if at != len(got) {
		t.Fatalf("spread(%v): bucket %d is %v, which is no range of the set or out of order: %v", ports, at, got[at], got)
	}
	return out
}

// TestSpreadCoversTheSet checks what must hold whatever the sizes: n buckets, in order, every range at least once.
func TestSpreadCoversTheSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ports := drawPorts(t, MaxRanges)
		n := ports.RangeCount() + rapid.SampledFrom([]int{0, 0, 1, 2, 7, 100}).Draw(t, "more buckets")
		got := spread(ports, n)
		if len(got) != n {
			t.Fatalf("spread(%v, %d) has %d buckets", ports, n, len(got))
		}
		for i, k := range weights(t, ports, got) {
			if k == 0 {
				t.Fatalf("spread(%v, %d) leaves range %d out", ports, n, i)
			}
		}
	})
}

// worth returns how many of n buckets each range of the set is worth: 1 where that is more than its ports are worth, and of what that
// leaves a part in proportion to its length.
func worth(ports portset.Set, n int) []float64 {
	out := make([]float64, ports.RangeCount())
	for again := true; again; {
		again = false
		left, total := n, 0
		for i, r := range slices.Collect(ports.Ranges()) {
			if out[i] == 1 {
				left--
			} else {
				total += r.Len()
			}
		}
		for i, r := range slices.Collect(ports.Ranges()) {
			if out[i] == 1 {
				continue
			}
			if out[i] = float64(left*r.Len()) / float64(total); out[i] <= 1 {
				out[i], again = 1, true
			}
		}
	}
	return out
}

// TestSpreadIsFair checks, with as many buckets as the package chooses, that a range has the share of the flows that its ports are
// worth, give or take one bucket.
func TestSpreadIsFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ports := drawPorts(t, 64)
		n := buckets(ports)
		fair := worth(ports, n)
		for i, k := range weights(t, ports, spread(ports, n)) {
			if float64(k) > fair[i]+1 || float64(k) < fair[i]-1 {
				t.Fatalf("spread(%v, %d): range %d has %d buckets and is worth %.2f of %.2f", ports, n, i, k, fair[i], fair)
			}
		}
	})
}

// TestBucketsOfEqualRanges checks that ranges of one length have one bucket each: more would only cost elements.
func TestBucketsOfEqualRanges(t *testing.T) {
	for n := 2; n <= MaxRanges; n++ {
		for _, length := range []int{1, 3, 64} {
			var ranges []portset.Range
			for i := range n {
				ranges = append(ranges, must(portset.NewRange(i*200, i*200+length-1)))
			}
			ports := must(portset.NewSet(ranges...))
			if got := buckets(ports); got != n {
				t.Fatalf("%d ranges of %d ports have %d buckets", n, length, got)
			}
			for i, k := range weights(t, ports, spread(ports, n)) {
				if k != 1 {
					t.Fatalf("%d ranges of %d ports: range %d has %d buckets", n, length, i, k)
				}
			}
		}
	}
}

// TestBucketsOfUnequalRanges checks the bounds: a power of two, never below the number of ranges, never above what an element a
// bucket may cost.
func TestBucketsOfUnequalRanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ports := drawPorts(t, MaxRanges)
		n := buckets(ports)
		ranges := ports.RangeCount()
		if n < ranges || n > MaxRanges {
			t.Fatalf("buckets(%v) = %d for %d ranges", ports, n, ranges)
		}
		lengths := map[int]bool{}
		for r := range ports.Ranges() {
			lengths[r.Len()] = true
		}
		if len(lengths) > 1 && n&(n-1) != 0 {
			t.Fatalf("buckets(%v) = %d, no power of two", ports, n)
		}
		if len(lengths) > 1 && n > 64 && n >= 2*ranges {
			t.Fatalf("buckets(%v) = %d, more than %d ranges need", ports, n, ranges)
		}
	})
}

// TestSpreadTable has examples for people.
func TestSpreadTable(t *testing.T) {
	for _, tt := range []struct {
		ports string
		want  string // how many buckets each range has
	}{
		{"1024-2047,3072-4095", "[1 1]"},
		{"1024-2047,3072-5119", "[1 3]"},             // worth 1.33 and 2.67 of 4
		{"1000,2000-2999", "[1 63]"},                 // no more than 64
		{"1900-1999,3000-3049,4000-4049", "[2 1 1]"}, // exact
		{"1-2,4-5,7-8", "[1 1 1]"},                   // alike
		{"1-999,5000,5002,6000-6999", "[31 1 1 31]"}, // the single ports are over-served
		{"65535,1024-1025", "[3 1]"},                 // the end of the port space, worth 2.67 and 1.33
	} {
		ports := portSet(tt.ports)
		if got := fmt.Sprint(weights(t, ports, spread(ports, buckets(ports)))); got != tt.want {
			t.Errorf("%s: %s buckets, want %s", tt.ports, got, tt.want)
		}
	}
}
