package alloc

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// rangeLists returns a disjoint range list of a named kind, within 4096 addresses from base.
func rangeList(rng *rand.Rand, kind string, base uint32) []AddrRange {
	var out []AddrRange
	at := base
	for at < base+4000 {
		s := span{at, at}
		switch kind {
		case "clustered":
			if len(out)%20 == 0 {
				s.first += uint32(rng.IntN(500))
			}
			s.last = s.first + uint32(rng.IntN(3))
		case "scattered ranges":
			s.first += 1 + uint32(rng.IntN(15))
			s.last = s.first + uint32(rng.IntN(9))
		case "touching":
			s.last = s.first + uint32(rng.IntN(6))
		case "single addresses":
			s.first += 1 + uint32(rng.IntN(5))
			s.last = s.first
		case "mixed":
			s.first += uint32(rng.IntN(2) * rng.IntN(300))
			s.last = s.first + uint32(rng.IntN(2)*rng.IntN(200))
		}
		out = append(out, addrRangeOf(s))
		at = s.last + 1
	}
	return out
}

func TestOrder(t *testing.T) {
	orders := map[string]func(*rand.Rand, []AddrRange){
		"ascending":  func(*rand.Rand, []AddrRange) {},
		"descending": func(_ *rand.Rand, r []AddrRange) { slices.Reverse(r) },
		"shuffled":   func(rng *rand.Rand, r []AddrRange) { rng.Shuffle(len(r), func(i, j int) { r[i], r[j] = r[j], r[i] }) },
	}
	for _, kind := range []string{"clustered", "scattered ranges", "touching", "single addresses", "mixed"} {
		for name, arrange := range orders {
			for _, holes := range []int{0, 30, 500} {
				t.Run(fmt.Sprintf("%s, %s, %d exclusions", kind, name, holes), func(t *testing.T) {
					t.Parallel()
					for seed := range uint64(5) {
						rng := rand.New(rand.NewPCG(seed, 7))
						const base = 0x0a000100
						ranges := rangeList(rng, kind, base)
						arrange(rng, ranges)
						var exclude []span
						for range holes {
							first := base + uint32(rng.IntN(4600))
							exclude = append(exclude, span{first, first + uint32(rng.IntN(4))})
						}
						compareOrder(t, ranges, mergeSpans(exclude), base-2, base+5000)
					}
				})
			}
		}
	}
}

// compareOrder checks an order against a list of addresses.
func compareOrder(t *testing.T, ranges []AddrRange, exclude []span, from, to uint32) {
	t.Helper()
	o, twice := newOrder(ranges, exclude)
	if twice != nil {
		t.Fatalf("newOrder says that %v stands there twice", addr4(twice.addr))
	}
	isCut := func(a uint32) bool {
		return slices.ContainsFunc(exclude, func(e span) bool { return e.contains(a) })
	}
	position, cut := map[uint32]uint32{}, map[uint32]bool{}
	var list []uint32
	for _, r := range ranges {
		for a := r.span().first; a <= r.span().last; a++ {
			if isCut(a) {
				cut[a] = true
				continue
			}
			position[a] = uint32(len(list))
			list = append(list, a)
		}
	}
	if int(o.n) != len(list) {
		t.Fatalf("the order has %d addresses, want %d", o.n, len(list))
	}
	c := o.cursor()
	for pos, want := range list {
		if got := o.addr(uint32(pos)); got != want {
			t.Fatalf("addr(%d) = %v, want %v", pos, addr4(got), addr4(want))
		}
		if got := c.take(1); got != want {
			t.Fatalf("the cursor takes %v at %d, want %v", addr4(got), pos, addr4(want))
		}
	}
	if got := c.take(1); got != list[0] {
		t.Fatalf("behind the last address the cursor takes %v, want the first, %v", addr4(got), addr4(list[0]))
	}
	for a := from; a <= to; a++ {
		pos, ok := o.position(a)
		want, wantOK := position[a]
		if ok != wantOK || ok && pos != want {
			t.Fatalf("position(%v) = %d, %v; want %d, %v", addr4(a), pos, ok, want, wantOK)
		}
		if o.isExcluded(a) != cut[a] {
			t.Fatalf("isExcluded(%v) = %v", addr4(a), !cut[a])
		}
	}
	for _, a := range []uint32{0, 1, 0x80000000, 0xfffffffe, 0xffffffff} {
		if _, ok := o.position(a); ok {
			t.Fatalf("the order has %v", addr4(a))
		}
	}
}

func TestOrderTwice(t *testing.T) {
	for _, tc := range []struct{ name, ranges, exclude, twice string }{
		{"the same address", "10.0.0.1 10.0.0.1", "", "10.0.0.1"},
		{"address in a prefix behind it", "10.0.0.3 10.0.0.0/29", "", "10.0.0.3"},
		{"prefix in a prefix", "10.0.0.0/8 10.1.0.0/16", "", "10.1.0.0"},
		{"the lowest of several", "10.0.0.20 10.0.0.9-10.0.0.10 10.0.0.20 10.0.0.8-10.0.0.9", "", "10.0.0.9"},
		{"touching only", "10.0.0.4-10.0.0.7 10.0.0.0-10.0.0.3 10.0.0.8", "", ""},
		{"excluded both times", "10.0.0.0/30 10.0.0.2", "10.0.0.2", ""},
		{"in ranges that were joined", "10.0.0.0-10.0.0.3 10.0.0.4-10.0.0.7 10.0.0.5", "", "10.0.0.5"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var exclude []span
			for _, e := range addrs(tc.exclude) {
				exclude = append(exclude, e.span())
			}
			_, twice := newOrder(addrs(tc.ranges), exclude)
			got := ""
			if twice != nil {
				got = addr4(twice.addr).String()
			}
			if got != tc.twice {
				t.Errorf("twice = %q, want %q", got, tc.twice)
			}
		})
	}
}

// scattered returns n single addresses, no two of which touch, in random order.
func scattered(n int) []AddrRange {
	rng := rand.New(rand.NewPCG(1, 2))
	out := make([]AddrRange, n)
	at := uint32(1 << 24)
	for i := range out {
		at += 2 + uint32(rng.IntN(400))
		out[i] = addrRangeOf(span{at, at})
	}
	rng.Shuffle(n, func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// heapOf returns the bytes by which the live heap grows with what build returns.
func heapOf(build func() any) int {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	kept := build()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(kept)
	return int(after.HeapAlloc) - int(before.HeapAlloc)
}

func TestOrderMemory(t *testing.T) {
	const n = 1_000_000
	singles := scattered(n)
	blocks := make([]AddrRange, n/4)
	for i := range blocks {
		first := 0x0a000000 + uint32(i)*12
		blocks[i] = must(ParseAddrRange(addr4(first/4*4).String() + "/30"))
	}
	rng := rand.New(rand.NewPCG(3, 4))
	rng.Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
	for _, tc := range []struct {
		name   string
		ranges []AddrRange
		most   int // bytes
	}{
		{"a million scattered addresses in random order", singles, 24 * n},
		{"scattered /30 ranges in random order", blocks, 24 * len(blocks)},
		{"100.64.0.0/10", addrs("100.64.0.0/10"), 1023},
		{"10.0.0.0/8", addrs("10.0.0.0/8"), 1023},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var o order
			heap := heapOf(func() any {
				made, twice := newOrder(tc.ranges, nil)
				if twice != nil {
					t.Fatalf("%v stands there twice", addr4(twice.addr))
				}
				o = made
				return &o
			})
			if got := o.indexBytes(); got > tc.most {
				t.Errorf("indexBytes = %d, want %d at most (%.1f for each range)", got, tc.most, float64(got)/float64(len(tc.ranges)))
			}
			if heap > o.indexBytes()+o.indexBytes()/50+64<<10 {
				t.Errorf("the heap grows by %d bytes, indexBytes says %d", heap, o.indexBytes())
			}
			runtime.KeepAlive(&o)
		})
	}
}

func TestPlanMemory(t *testing.T) {
	for name, s := range map[string]Spec{
		"100.64.0.0/10 onto a /15": spec(pool("p", "100.64.0.0/10", "198.18.0.0/15")),
		"2^24 subscribers":         spec(pool("p", "10.0.0.0/8", "198.18.0.0/15")),
	} {
		for p := range mustPlan(t, s).Pools() {
			if got := p.IndexBytes(); got >= 1024 {
				t.Errorf("%s: IndexBytes = %d, want less than 1024", name, got)
			}
		}
	}
}
