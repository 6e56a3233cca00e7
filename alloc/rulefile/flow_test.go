package rulefile

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/internal/testseed"
)

// TestFlowAgainstMap does random things to a flow and to a map of addresses, and compares them.
func TestFlowAgainstMap(t *testing.T) {
	seed := testseed.New(t)
	rng := rand.New(rand.NewPCG(seed, 2))
	const size = 3000 // addresses: enough for several blocks
	for range 30 {
		f, oracle := newFlow(segment{span{0, size - 1}, allProto}), make([]protoMask, size)
		for i := range oracle {
			oracle[i] = allProto
		}
		for range 4000 {
			first := rng.Uint32N(size)
			s := span{first, min(first+rng.Uint32N(4), size-1)}
			mask := protoMask(1 + rng.IntN(15))
			want := map[uint32]protoMask{}
			for a := s.first; a <= s.last; a++ {
				if m := oracle[a] & mask; m != 0 {
					want[a] = m
				}
			}
			var got []segment
			switch rng.IntN(3) {
			case 0:
				got = f.get(nil, s, mask)
			case 1:
				got = f.take(nil, s, mask)
				for a := s.first; a <= s.last; a++ {
					oracle[a] &^= mask
				}
			default:
				f.add(segment{s, mask})
				for a := s.first; a <= s.last; a++ {
					oracle[a] |= mask
				}
				continue
			}
			for _, g := range got {
				for a := g.first; a <= g.last; a++ {
					if want[a] != g.mask {
						t.Fatalf("%v: got %b, want %b", addr4(a), g.mask, want[a])
					}
					delete(want, a)
				}
			}
			if len(want) > 0 {
				t.Fatalf("%d addresses are missing of %v", len(want), s)
			}
		}
		checkFlow(t, f, oracle)
	}
}

func checkFlow(t *testing.T, f *flow, oracle []protoMask) {
	t.Helper()
	next := uint32(0)
	f.each(func(g segment) {
		if g.first < next || g.last < g.first || g.mask == 0 {
			t.Fatalf("segment %+v is out of order", g)
		}
		for ; next < g.first; next++ {
			if oracle[next] != 0 {
				t.Fatalf("%v is missing", addr4(next))
			}
		}
		for ; next <= g.last; next++ {
			if oracle[next] != g.mask {
				t.Fatalf("%v has %b, want %b", addr4(next), g.mask, oracle[next])
			}
		}
	})
	for ; int(next) < len(oracle); next++ {
		if oracle[next] != 0 {
			t.Fatalf("%v is missing", addr4(next))
		}
	}
}

// TestFlowIsBounded takes a million scattered addresses out of a flow: blocks must not grow.
func TestFlowIsBounded(t *testing.T) {
	f := newFlow(segment{everything, allProto})
	for i := range uint32(200_000) {
		f.take(nil, span{i * 7919 * 2, i * 7919 * 2}, tcp)
	}
	for _, b := range f.blocks {
		if len(b) == 0 || len(b) > 2*blockSize {
			t.Fatalf("a block has %d segments", len(b))
		}
	}
}

// TestSubtract subtracts spans from spans, and compares with complements and with single addresses.
func TestSubtract(t *testing.T) {
	seed := testseed.New(t)
	rng := rand.New(rand.NewPCG(seed, 3))
	some := func() []span {
		var out []span
		for range rng.IntN(6) {
			first := rng.Uint32N(60)
			out = append(out, span{first, first + rng.Uint32N(9)})
		}
		if rng.IntN(5) == 0 {
			out = append(out, span{^uint32(0) - rng.Uint32N(3), ^uint32(0)})
		}
		return union(out)
	}
	has := func(spans []span, a uint32) bool {
		return slices.ContainsFunc(spans, func(s span) bool { return s.first <= a && a <= s.last })
	}
	for range 3000 {
		a, b := some(), some()
		got := subtract(a, b)
		if want := intersect(a, complement(b)); !slices.Equal(got, want) {
			t.Fatalf("%v without %v: got %v, want %v", a, b, got, want)
		}
		if got, want := common(a, b), intersect(a, b); !slices.Equal(got, want) {
			t.Fatalf("%v and %v have %v in common, want %v", a, b, got, want)
		}
		touched := 0
		for _, s := range a {
			for _, o := range b {
				if o.first <= s.last && s.first <= o.last {
					touched++
				}
			}
		}
		if n := reach(a, b); n != touched {
			t.Fatalf("%v reach %d of %v, want %d", a, n, b, touched)
		}
		for x := range uint32(70) {
			if has(got, x) != (has(a, x) && !has(b, x)) {
				t.Fatalf("%v without %v: got %v, wrong at %d", a, b, got, x)
			}
		}
	}
}

func TestParseSpan(t *testing.T) {
	for text, want := range map[string]string{
		"100.64.0.1": "100.64.0.1", "100.64.0.77/24": "100.64.0.0/24", "10.0.0.0/255.255.254.0": "10.0.0.0/23", "0.0.0.0/0": "0.0.0.0/0",
		"10.0.0.1-10.0.0.2": "10.0.0.1-10.0.0.2", "255.255.255.255/32": "255.255.255.255",
		"": "", "10.0.0": "", "10.0.0.256": "", "10.0.0.01": "", "10.0.0.0/33": "", "10.0.0.0/255.0.255.0": "", "10.0.0.2-10.0.0.1": "", "10.0.0.1.": "", "a": "", "10..0.1": "",
	} {
		s, ok := parseSpan([]byte(text))
		if ok != (want != "") || ok && s.String() != want {
			t.Errorf("%q: got %v, %v, want %q", text, s, ok, want)
		}
	}
}

func TestPriority(t *testing.T) {
	for text, want := range map[string]int{"srcnat": 100, "srcnat + 5": 105, "srcnat - 5": 95, "-150": -150, "0": 0, "srcnat+10": 110,
		"filter": 0, "mangle + 10": -140, "security - 10": 40, "raw": -300, "dstnat": -100, "- 10": -10} {
		if got, ok := priorityOf(text); !ok || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "$prio", "mangle10", "first", "srcnat + x", "+", "1 2 x", "filter *2", "99999999999", "out"} {
		if got, ok := priorityOf(text); ok {
			t.Errorf("%q: got %d, want none", text, got)
		}
	}
}
