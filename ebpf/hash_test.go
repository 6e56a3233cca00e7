package ebpf

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// findAlone looks for an address in the buckets of an index, as cgn_find_alone does.
func (t *Tables) findAlone(ix index, addr uint32) (pool, position uint32, found bool) {
	h := hashTable{t.buckets[ix.Bucket : ix.Bucket+ix.Buckets], ix.Seed}
	first, second := h.places(addr)
	for i, at := range []int{first, second} {
		b := &h.buckets[at]
		if i == 1 && h.buckets[first].More == 0 {
			break
		}
		if k := slices.Index(b.Addr[:], addr); k >= 0 && addr != noAddress {
			return b.Pool[k], b.Position[k], true
		}
	}
	return 0, 0, false
}

// randomShort returns disjoint ranges of at most most addresses, in the order of their addresses.
func randomShort(rnd *rand.Rand, n int, most uint32) (out []addrRange) {
	first := uint32(0)
	for i := range uint32(n) {
		first += rnd.Uint32N(1 << rnd.IntN(12))
		r := addrRange{First: first, Last: first + rnd.Uint32N(most), Pool: i % 7, Position: 100 * i}
		out, first = append(out, r), r.Last+1
	}
	return out
}

// Every address of a short range is found where it should be, beside a tree of the longer ones, and nothing else is found.
func TestBuckets(t *testing.T) {
	rnd := seeded(t)
	for _, n := range []int{17, 18, 40, 300, 5000, 100_000} {
		for _, most := range []uint32{1, 2, shortRange, 3 * shortRange} {
			ranges := randomShort(rnd, n, most)
			var got Tables
			got.buckets = make([]bucket, rnd.IntN(3)) // of another index
			if err := got.addIndex(slices.Clone(ranges)); err != nil {
				t.Fatal(err)
			}
			ix, short := got.indexes[0], 0
			for _, r := range ranges {
				if r.Last-r.First < shortRange {
					short++
				}
			}
			if hashed := short > fewRanges; hashed != (ix.Buckets > 0) || hashed && int(ix.Ranges) != n-short || !hashed && int(ix.Ranges) != n {
				t.Fatalf("%d of %d: %d ranges are short, the tree has %d, and there are %d buckets", n, most, short, ix.Ranges, ix.Buckets)
			}
			if ix.Buckets == 0 {
				continue
			}
			for _, r := range ranges {
				if r.Last-r.First >= shortRange {
					if _, _, found := got.findAlone(ix, r.First); found {
						t.Fatalf("%d of %d: %+v is in a bucket", n, most, r)
					}
					continue
				}
				for addr := r.First; addr <= r.Last; addr++ {
					if pool, position, found := got.findAlone(ix, addr); !found || pool != r.Pool || position != r.Position+addr-r.First {
						t.Fatalf("%d of %d: %d of %+v leads to %d, %d, %v", n, most, addr, r, pool, position, found)
					}
				}
				if _, _, found := got.findAlone(ix, r.Last+1); found && !slices.ContainsFunc(ranges, func(o addrRange) bool { return o.First == r.Last+1 }) {
					t.Fatalf("%d of %d: %d is in no range, and is found", n, most, r.Last+1)
				}
			}
		}
	}
}

// Few ranges are a tree, whatever their length. The highest address is in no bucket, where it stands for none.
func TestFewAreNoBuckets(t *testing.T) {
	var got Tables
	for _, n := range []int{1, fewRanges, fewRanges + 1} {
		if err := got.addIndex(randomShort(seeded(t), n, 1)); err != nil {
			t.Fatal(err)
		}
	}
	last := append(randomShort(seeded(t), fewRanges+1, 1), addrRange{First: noAddress, Last: noAddress})
	if err := got.addIndex(last); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][2]uint32{{1, 0}, {fewRanges, 0}, {0, 5}, {1, 5}} {
		if ix := got.indexes[i]; ix.Ranges != want[0] || ix.Buckets != want[1] {
			t.Errorf("index %d has %d ranges and %d buckets, want %v", i, ix.Ranges, ix.Buckets, want)
		}
	}
}

// Where addresses find no places, whatever the seed, they are in the tree: no plan is refused for that.
func TestCrowdedBuckets(t *testing.T) {
	h := newHashTable(1, 1)
	if h.addAll(randomShort(seeded(t), 2*bucketSize, 1)) {
		t.Error("a bucket holds twice as many addresses as it has places")
	}
}

// Ranges of all lengths, inside and outside, and what is beside them, are found by the programs as by alloc.
func TestShortRangesAgree(t *testing.T) {
	rnd := seeded(t)
	for range 4 {
		pool := alloc.PoolSpec{SharingRatio: 64}
		for _, r := range randomShort(rnd, 4000, 2*shortRange) {
			pool.Inside = append(pool.Inside, must(alloc.AddrRangeFrom(fromWire(wireOrder(10<<24+r.First)), fromWire(wireOrder(10<<24+r.Last)))))
		}
		for _, r := range randomShort(rnd, 200, 2*shortRange) {
			pool.Outside = append(pool.Outside, must(alloc.AddrRangeFrom(fromWire(wireOrder(198<<24|18<<16+r.First)), fromWire(wireOrder(198<<24|18<<16+r.Last)))))
		}
		rnd.Shuffle(len(pool.Inside), func(i, j int) { pool.Inside[i], pool.Inside[j] = pool.Inside[j], pool.Inside[i] })
		k := load(t, mustPlan(t, pool))
		t.Logf("%d ranges in trees, %d buckets; %d answers are alloc's", len(k.tables.ranges), len(k.tables.buckets), k.forward(rnd, 20_000)+k.reverse(rnd, 2))
		if len(k.tables.buckets) < 1000 || len(k.tables.ranges) < 500 {
			t.Error("too few to say anything")
		}
	}
}
