package alloc

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sharesOfPlan lists who owns what, as text.
func sharesOfPlan(p *Plan) map[Subscriber]string {
	out := map[Subscriber]string{}
	for a := range p.All() {
		out[a.Subscriber()] = fmt.Sprint(a.Outside(), " ", a.Ports())
	}
	return out
}

func TestDiffAgainstBruteForce(t *testing.T) {
	draw := func(rng *rand.Rand) *Plan {
		for {
			var s Spec
			for n := range 1 + rng.IntN(2) {
				p := PoolSpec{Name: fmt.Sprintf("p%d", n), Realm: []string{"", "r"}[rng.IntN(2)], Inside: smallRanges(rng, 0x64400000+uint32(n)*70),
					Outside: smallRanges(rng, 0xc0000200+uint32(n)*80), Scheme: Scheme(1 + rng.IntN(4)), SharingRatio: []int{0, 40, 64}[rng.IntN(3)]}
				s.Pools = append(s.Pools, p)
			}
			if plan, err := NewPlan(s); err == nil {
				return plan
			}
		}
	}
	seen := map[ChangeKind]int{}
	for seed := range uint64(250) {
		rng := rand.New(rand.NewPCG(seed, 17))
		older, newer := draw(rng), draw(rng)
		was, is := sharesOfPlan(older), sharesOfPlan(newer)
		want := map[ChangeKind]uint64{}
		for s, share := range was {
			switch now, ok := is[s]; {
			case !ok:
				want[Removed]++
			case now == share:
				want[0]++
			default:
				want[Moved]++
			}
		}
		for s := range is {
			if _, ok := was[s]; !ok {
				want[Added]++
			}
		}
		d := Diff(older, newer)
		if got := map[ChangeKind]uint64{0: d.Kept, Moved: d.Moved, Added: d.Added, Removed: d.Removed}; got[0] != want[0] || got[Moved] != want[Moved] || got[Added] != want[Added] || got[Removed] != want[Removed] {
			t.Fatalf("seed %d: Diff counts %v, want %v", seed, got, want)
		}
		changed := map[Subscriber]bool{}
		for c := range d.Changes() {
			seen[c.Kind]++
			if changed[c.Subscriber] {
				t.Fatalf("seed %d: %v changes twice", seed, c.Subscriber)
			}
			changed[c.Subscriber] = true
			if text := changeText(c.Old); text != was[c.Subscriber] {
				t.Fatalf("seed %d: %v had %s, the change says %s", seed, c.Subscriber, was[c.Subscriber], text)
			}
			if text := changeText(c.New); text != is[c.Subscriber] {
				t.Fatalf("seed %d: %v has %s, the change says %s", seed, c.Subscriber, is[c.Subscriber], text)
			}
			_, old := was[c.Subscriber]
			_, now := is[c.Subscriber]
			if want := map[[2]bool]ChangeKind{{true, true}: Moved, {false, true}: Added, {true, false}: Removed}[[2]bool{old, now}]; c.Kind != want {
				t.Fatalf("seed %d: %v is %v, want %v", seed, c.Subscriber, c.Kind, want)
			}
		}
		if uint64(len(changed)) != d.Moved+d.Added+d.Removed || d.IsEmpty() != (len(changed) == 0) {
			t.Fatalf("seed %d: %d changes, %+v", seed, len(changed), d)
		}
	}
	for _, k := range []ChangeKind{Moved, Added, Removed} {
		if seen[k] < 100 {
			t.Errorf("%v was seen %d times only", k, seen[k])
		}
	}
}

func changeText(s Share) string {
	if !s.Outside.IsValid() && !s.Ports.IsValid() {
		return ""
	}
	return fmt.Sprint(s.Outside, " ", s.Ports)
}

func TestDiffOfNamesAndRealms(t *testing.T) {
	renamed := func(s *PoolSpec) { s.Name = "other" }
	for _, tc := range []struct {
		name         string
		older, newer Spec
		want         string // kept, moved, added, removed
	}{
		{"renamed pool", good(), good(renamed), "16 0 0 0"},
		{"the same numbers by another scheme", good(), good(scheme(Spread)), "16 0 0 0"},
		{"another realm", good(), good(realmB), "0 0 16 16"},
		{"the same subscriber in two realms", good(), twoPools("100.64.0.0/28", "192.0.2.1", "100.64.0.0/28", "192.0.2.2", realmB), "16 0 16 0"},
		{"realms swap their addresses",
			twoPools("100.64.0.0/28", "192.0.2.1", "100.64.0.0/28", "192.0.2.2", realmB),
			twoPools("100.64.0.0/28", "192.0.2.2", "100.64.0.0/28", "192.0.2.1", realmB), "0 32 0 0"},
		{"pools in another order",
			twoPools("100.64.0.0/28", "192.0.2.1", "100.64.1.0/28", "192.0.2.2"),
			twoPools("100.64.1.0/28", "192.0.2.2", "100.64.0.0/28", "192.0.2.1"), "32 0 0 0"},
		{"one pool split in two", spec(pool("a", "100.64.0.0/28", "192.0.2.0/31", size(8064))),
			twoPools("100.64.0.0/29", "192.0.2.0", "100.64.0.8/29", "192.0.2.1"), "16 0 0 0"},
		{"more reserved ports move those behind", good(size(1000)), good(size(1000), reserve("9024")), "8 8 0 0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := Diff(mustPlan(t, tc.older), mustPlan(t, tc.newer))
			if diff := cmp.Diff(tc.want, fmt.Sprint(d.Kept, d.Moved, d.Added, d.Removed)); diff != "" {
				t.Errorf("kept, moved, added, removed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChangesStop(t *testing.T) {
	d := Diff(mustPlan(t, good()), mustPlan(t, good(realmB)))
	for stop := 1; stop <= 32; stop++ {
		n := 0
		for range d.Changes() {
			if n++; n == stop {
				break
			}
		}
		if n != stop {
			t.Fatalf("the iteration ends after %d changes, want %d", n, stop)
		}
	}
}
