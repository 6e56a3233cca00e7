package nat44

import (
	"math/bits"
	"slices"

	"github.com/cgnkit/cgnkit/portset"
)

// MaxRanges is the largest number of port ranges of one share that the hash-to-range form takes. A PSID layout with offset a
// has 2^a - 1 ranges, so a may be up to 8.
const MaxRanges = 256

// spread divides n hash buckets among the ranges of a port set: in proportion to their sizes, at least one each. An inside
// endpoint whose hash falls in bucket b uses the b-th range of the result, so a range twice as long gets twice the flows. n must
// not be below the number of ranges.
func spread(ports portset.Set, n int) []portset.Range {
	ranges := slices.Collect(ports.Ranges())
	count := make([]int, len(ranges))
	left, total := n, ports.Len()
	// Ranges worth less than one bucket get one, which leaves less for the others, of which some may now be worth less than one.
	for again := true; again; {
		again = false
		for i, r := range ranges {
			if count[i] == 0 && r.Len()*left < total {
				count[i], again = 1, true
				left, total = left-1, total-r.Len()
			}
		}
	}
	// The others get what they are worth, rounded down, and what rounding leaves goes where it left most.
	type remainder struct{ i, part int }
	var rest []remainder
	free := left
	for i, r := range ranges {
		if count[i] == 0 {
			count[i] = r.Len() * left / total
			free -= count[i]
			rest = append(rest, remainder{i, r.Len() * left % total})
		}
	}
	slices.SortStableFunc(rest, func(a, b remainder) int { return b.part - a.part })
	for _, r := range rest[:free] {
		count[r.i]++
	}
	out := make([]portset.Range, 0, n)
	for i, r := range ranges {
		for range count[i] {
			out = append(out, r)
		}
	}
	return out
}

// buckets returns the number of hash buckets for a port set of at least two ranges: their number where all are as long, else a
// power of two, so that few different numbers (and so few maps) come from a plan with reserved ports here and there.
func buckets(ports portset.Set) int {
	shortest, longest := 1<<16, 0
	for r := range ports.Ranges() {
		shortest, longest = min(shortest, r.Len()), max(longest, r.Len())
	}
	n := ports.RangeCount()
	if shortest == longest {
		return n
	}
	// As many as make the shortest range weigh what it is worth, within reason: every bucket is an element a subscriber.
	want := min((ports.Len()+shortest-1)/shortest, 64)
	return 1 << bits.Len(uint(max(want, n)-1))
}
