package dialect

import (
	"math"
	"math/rand/v2"
	"testing"
)

// checkTree checks that the chains of a tree hold exactly its addresses, each in one item, with few entries a chain.
func checkTree(t *testing.T, tr *tree) (chains, depth int) {
	t.Helper()
	covered := uint64(0)
	var visit func(b block, d int)
	visit = func(b block, d int) {
		chains++
		depth = max(depth, d)
		n, end := 0, int64(b.first)-1
		for e := range tr.entries(b) {
			n++
			if int64(e.first) <= end || e.first < b.first || e.last() > b.last() {
				t.Fatalf("entry %v of chain %v is out of order", e, b)
			}
			end = int64(e.last())
			if e.jump {
				if e.plen <= b.plen {
					t.Fatalf("chain %v jumps to %v, which is no longer prefix", b, e.block)
				}
				visit(e.block, d+1)
				continue
			}
			k := from(tr.spans, e.first)
			if k != e.span || tr.spans[k].first > e.first || tr.spans[k].last < e.last() {
				t.Fatalf("item %v of chain %v is in no span", e, b)
			}
			if tr.grain != nil && 32-e.plen > tr.grain(k, e.first) {
				t.Fatalf("item %v is larger than its grain", e)
			}
			covered += uint64(e.last()-e.first) + 1
		}
		if n == 0 || n > width {
			t.Fatalf("chain %v has %d entries", b, n)
		}
	}
	visit(tr.root(), 1)
	want := uint64(0)
	for _, s := range tr.spans {
		want += uint64(s.last) - uint64(s.first) + 1
	}
	if covered != want {
		t.Fatalf("the items hold %d addresses, not %d", covered, want)
	}
	listed := 0
	for range tr.chains() {
		listed++
	}
	if listed != chains {
		t.Fatalf("%d chains are listed, %d are reached", listed, chains)
	}
	if depth > 8 {
		t.Fatalf("%d chains behind one another", depth)
	}
	return chains, depth
}

func TestTreeRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		var spans []span
		for range 1 + r.IntN(60) {
			first := r.Uint32() >> r.IntN(32)
			spans = append(spans, span{first: first, last: first + min(r.Uint32()>>(20+r.IntN(12)), math.MaxUint32-first)})
		}
		spans = union(spans)
		checkTree(t, &tree{spans: spans})
		checkTree(t, &tree{spans: spans, grain: perAddress})
		checkTree(t, &tree{spans: spans, grain: func(_ int, a uint32) int { return sizeBits(a, 8) }})
	}
}

func TestTreeEdges(t *testing.T) {
	for _, spans := range [][]span{
		{{first: 0, last: math.MaxUint32}},
		{{first: 0, last: 0}, {first: math.MaxUint32, last: math.MaxUint32}},
		{{first: 1, last: math.MaxUint32 - 1}},
		{{first: 7, last: 7}},
	} {
		checkTree(t, &tree{spans: spans})
	}
	if chains, depth := checkTree(t, &tree{spans: []span{{first: 100<<24 | 64<<16, last: 100<<24 | 64<<16 | 0xffff}}, grain: perAddress}); chains != 1+16+256+4096 || depth != 4 {
		t.Errorf("a /16 has %d chains, %d behind one another", chains, depth)
	}
}

func TestBlocks(t *testing.T) {
	for _, c := range []struct {
		first, last uint32
		want        string
	}{
		{0, math.MaxUint32, "0.0.0.0/0"}, {0, math.MaxUint32 - 1, "0.0.0.0/1"}, {1, 9, "0.0.0.1/32"}, {2, 9, "0.0.0.2/31"}, {8, 14, "0.0.0.8/30"},
		{math.MaxUint32, math.MaxUint32, "255.255.255.255/32"},
	} {
		if got := largest(c.first, c.last).String(); got != c.want {
			t.Errorf("largest(%d, %d) = %s, not %s", c.first, c.last, got, c.want)
		}
	}
	if got := (span{first: 4, last: 7}).String() + " " + (span{first: 4, last: 6}).String() + " " + (span{first: 4, last: 4}).String(); got != "0.0.0.4/30 0.0.0.4-0.0.0.6 0.0.0.4/32" {
		t.Error(got)
	}
}
