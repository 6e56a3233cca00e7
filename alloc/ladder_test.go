package alloc

import (
	"math/rand/v2"
	"slices"
	"sort"
	"testing"
)

func TestLadderFind(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	many := func(n int, next func(i int) uint32) []uint32 {
		keys := make([]uint32, n)
		for i := range keys {
			keys[i] = next(i)
		}
		slices.Sort(keys)
		return slices.Compact(keys)
	}
	for _, tc := range []struct {
		name string
		keys []uint32
	}{
		{"one key", []uint32{7}},
		{"the extremes", []uint32{0, 0xffffffff}},
		{"one below the smallest ladder", many(ladderMin-1, func(i int) uint32 { return uint32(i) * 3 })},
		{"the smallest ladder", many(ladderMin, func(i int) uint32 { return uint32(i) * 3 })},
		{"consecutive", many(1000, func(i int) uint32 { return 1000 + uint32(i) })},
		{"consecutive up to the end", many(1000, func(i int) uint32 { return 0xffffffff - uint32(i) })},
		{"consecutive from 0", many(1000, func(i int) uint32 { return uint32(i) })},
		{"random over everything", many(5000, func(int) uint32 { return rng.Uint32() })},
		{"random with both ends", append(append([]uint32{0}, many(5000, func(int) uint32 { return 1 + rng.Uint32N(0xfffffff0) })...), 0xffffffff)},
		{"clustered", many(3000, func(i int) uint32 { return uint32(i%7)<<28 + rng.Uint32N(5000) })},
		{"one far away", append(many(300, func(i int) uint32 { return uint32(i) }), 0xffffffff)},
		{"powers of two apart", many(256, func(i int) uint32 { return uint32(i) << 24 })},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLadder(tc.keys)
			if len(tc.keys) >= ladderMin && (l.rungs == nil || len(l.rungs) > len(tc.keys)/4+2) {
				t.Errorf("%d rungs for %d keys", len(l.rungs), len(tc.keys))
			}
			queries := []uint32{0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff}
			for _, k := range tc.keys {
				queries = append(queries, k-1, k, k+1)
			}
			for range 2000 {
				queries = append(queries, rng.Uint32())
			}
			for _, x := range queries {
				want := sort.Search(len(tc.keys), func(i int) bool { return tc.keys[i] > x }) - 1
				if got := l.find(tc.keys, x); got != want {
					t.Fatalf("find(%#x) = %d, want %d", x, got, want)
				}
			}
		})
	}
}
