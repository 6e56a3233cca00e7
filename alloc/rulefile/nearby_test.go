package rulefile

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/internal/testseed"
)

// TestNearby looks for conditions by their destinations while they are added and taken away, and compares with asking each of them.
func TestNearby(t *testing.T) {
	rng := rand.New(rand.NewPCG(testseed.New(t), 5))
	some := func(most int) (out []span) {
		for range 1 + rng.IntN(most) {
			first := rng.Uint32N(2000)
			out = append(out, span{first, first + rng.Uint32N(1+rng.Uint32N(300))})
		}
		return union(out)
	}
	for range 100 {
		p := newProgram()
		var near nearby
		var list []Condition
		for range 400 {
			switch n := rng.IntN(100); {
			case n < 30:
				var atoms []string
				if text := fmt.Sprint("-d ", rng.IntN(1000)); rng.IntN(5) > 0 {
					if _, ok := p.byAtom[text]; !ok {
						p.destination(text, some(3), rng.IntN(9) == 0)
					}
					atoms = append(atoms, text)
				}
				if rng.IntN(3) == 0 {
					atoms = append(atoms, fmt.Sprint("-o eth", rng.IntN(3)))
				}
				id, err := p.cond(atoms...)
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, Condition{cond: id})
			case n == 99:
				list = nil
			}
			near.heed(p, list)
			at := path{dest: some(4)}
			found, _ := near.of(at.dest, len(list))
			if !slices.IsSorted(found) {
				t.Fatalf("not ascending: %v", found)
			}
			for i := range list {
				if p.knownAll(&at, list[i].cond, &fork{}) != never && !slices.Contains(found, int32(i)) {
					t.Fatalf("of %d conditions, %d is about %v, and was not found: %v", len(list), i, at.dest, p.conds[list[i].cond])
				}
			}
		}
	}
}
