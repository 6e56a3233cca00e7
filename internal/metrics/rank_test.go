package metrics

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/cgnkit/cgnkit/internal/testseed"
)

// TestMostAndOf compares rankings and the index with what random subscribers use, sorted once more.
func TestMostAndOf(t *testing.T) {
	seed := testseed.New(t)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 20 {
		p := twoPools(t)
		tally := NewTally(p, 0)
		tally.Rank(7)
		tally.Keep()
		all := slices.Collect(p.All())
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		users := rng.IntN(len(all))
		var uses []Use
		for _, a := range all[:users] {
			u := Use{Share: a, Ports: Protocols{rng.Uint64N(5), rng.Uint64N(5), rng.Uint64N(2)}, Sessions: Protocols{TCP: rng.Uint64N(3)}}
			u.Mappings = u.Ports
			uses = append(uses, u)
			tally.Add(u, nil)
		}
		got := tally.Usage(PoolsOf(p), nil)
		for _, name := range Orders {
			o, ok := ParseOrder(name)
			if !ok || o.String() != name {
				t.Fatalf("%s: %v", name, o)
			}
			want := slices.DeleteFunc(slices.Clone(uses), func(u Use) bool { return o.Of(u) == 0 })
			slices.SortFunc(want, o.compare)
			if want = want[:min(7, len(want))]; !slices.Equal(got.Most(o), want) {
				t.Fatalf("%s: %v, want %v", name, got.Most(o), want)
			}
		}
		for i, a := range all {
			want := Use{Share: a}
			if i < users {
				want = uses[i]
			}
			if u, ok := got.Of(a); !ok || u != want {
				t.Fatalf("%v: %+v, want %+v", a.Inside(), u, want)
			}
		}
	}
}

func TestOfNothing(t *testing.T) {
	p := twoPools(t)
	a := share(t, p, "100.64.0.1")
	var none *Usage
	if _, ok := none.Of(a); ok {
		t.Error("nothing was read, and it knows")
	}
	if u, ok := NewTally(p, 0).Usage(PoolsOf(p), nil).Of(a); ok {
		t.Errorf("nothing was kept, and it knows %+v", u)
	}
	tally := NewTally(p, 0)
	tally.Keep()
	u := tally.Usage(PoolsOf(p), nil)
	if _, ok := u.Of(share(t, twoPools(t), "100.64.0.1")); ok {
		t.Error("it knows of another plan")
	}
	if u.Most(ByPorts) != nil || u.Most(0) != nil || u.Most(9) != nil {
		t.Error("it ranks nobody")
	}
	if _, ok := ParseOrder("name"); ok {
		t.Error("name is an order")
	}
	if n := unsafe.Sizeof(entry{}); n != 24 {
		t.Errorf("an entry has %d bytes", n)
	}
}

// TestHuge has more ports and sessions than there can be: they are as many as there is room for.
func TestHuge(t *testing.T) {
	p := twoPools(t)
	tally := NewTally(p, 0)
	tally.Keep()
	a := share(t, p, "100.64.0.1")
	tally.Add(Use{Share: a, Ports: Protocols{TCP: 1 << 40}, Sessions: Protocols{UDP: 1 << 40}}, nil)
	if u, _ := tally.Usage(PoolsOf(p), nil).Of(a); u.Ports.TCP != 65535 || u.Sessions.UDP != 1<<32-1 {
		t.Errorf("%+v", u)
	}
}
