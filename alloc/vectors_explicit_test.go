package alloc_test

import (
	"fmt"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// listed reads a share.
func listed(t *testing.T, text string) alloc.ExplicitShare {
	t.Helper()
	s, err := alloc.ParseExplicitShare(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestVectorsAsLists writes down the records that vendors publish as a list of shares, without the formula behind them: both
// lookups answer what the vendor says.
func TestVectorsAsLists(t *testing.T) {
	for _, id := range []string{"juniper-detnapt44", "vyos-cgnat-seq", "br-1to32-2016", "mikrotik-doc"} {
		t.Run(id, func(t *testing.T) {
			var v vendor
			vector(t, "vendors.json", id, &v)
			var shares []alloc.ExplicitShare
			for _, c := range v.Cases {
				shares = append(shares, listed(t, fmt.Sprintf("%s %s %d-%d", c.Inside, c.Outside, c.Lo, c.Hi)))
			}
			p := newPlan(t, alloc.PoolSpec{Scheme: alloc.Explicit, Shares: shares})
			checkCases(t, p, v)
			if p.Subscribers() != uint64(len(v.Cases)) {
				t.Errorf("%d subscribers, want %d", p.Subscribers(), len(v.Cases))
			}
		})
	}
}

// A rule set that follows no scheme is a list of who has what.
func ExampleParseExplicitShare() {
	var shares []alloc.ExplicitShare
	for _, line := range []string{
		"100.64.0.7 198.51.100.2 1024-2047",
		"100.64.9.1 198.51.100.2 4000-4999,8000-8999",
		"100.64.0.8 203.0.113.5 443,1024-65535",
	} {
		s, err := alloc.ParseExplicitShare(line)
		if err != nil {
			fmt.Println(err)
			return
		}
		shares = append(shares, s)
	}
	plan, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{Name: "legacy", Scheme: alloc.Explicit, Shares: shares}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	a, _ := plan.Trace(shares[1].Outside, 8080).Allocation()
	fmt.Println(a.Subscriber(), a.Outside(), a.Ports())
	fmt.Println(plan.Trace(shares[1].Outside, 3000).Status())
	// Output:
	// 100.64.9.1 198.51.100.2 4000-4999,8000-8999
	// tail
}
