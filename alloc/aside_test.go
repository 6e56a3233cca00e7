package alloc

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestHintsAboutDynamicAreTrue applies the hint of plans that set too much aside: with the number in it everybody fits, and
// with one more they do not.
func TestHintsAboutDynamicAreTrue(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	seen := map[string]int{}
	for range 4000 {
		s := PoolSpec{Name: "p", Inside: addrs(fmt.Sprintf("100.64.0.0-100.64.%d.255", rng.IntN(20))), Outside: addrs(fmt.Sprintf("198.18.0.0-198.18.0.%d", rng.IntN(40)))}
		s.Scheme = []Scheme{Sequential, Spread, Stripe, Staggered, Step}[rng.IntN(5)]
		if s.Scheme == Step {
			s.StepSize = 1 + rng.IntN(8)
		}
		if rng.IntN(2) == 0 {
			s.SharingRatio = 1 + rng.IntN(500)
		}
		if rng.IntN(2) == 0 {
			s.PortsPerSubscriber = 1 + rng.IntN(3000)
		}
		amount := &s.DynamicShares
		if rng.IntN(2) == 0 {
			amount = &s.DynamicPorts
		}
		*amount = 1 + rng.IntN(65536)
		_, err := NewPlan(Spec{Pools: []PoolSpec{s}})
		var invalid *InvalidError
		if !errors.As(err, &invalid) {
			continue
		}
		var most int
		var what string
		if n, _ := fmt.Sscanf(invalid.Findings[0].Hint, "set at most %d %s aside", &most, &what); n != 2 {
			if invalid.Findings[0].Hint == "" {
				t.Fatalf("%+v: no hint for: %v", s, err)
			}
			continue
		}
		seen[what]++
		for n, fits := range map[int]bool{most: true, most + 1: false} {
			*amount = n
			if _, err := NewPlan(Spec{Pools: []PoolSpec{s}}); (err == nil) != fits {
				t.Fatalf("%+v: hint %q, and with %d: %v", s, invalid.Findings[0].Hint, n, err)
			}
		}
	}
	if seen["ports"] < 10 || seen["shares"] < 10 {
		t.Errorf("hints seen: %v; the test does not reach them", seen)
	}
}
