//go:build linux

package conformance

import (
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

func ranges(t *testing.T, texts ...string) []alloc.AddrRange {
	t.Helper()
	var out []alloc.AddrRange
	for _, text := range texts {
		r, err := alloc.ParseAddrRange(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func ports(t *testing.T, text string) portset.Set {
	t.Helper()
	s, err := portset.ParseSet(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newPlan(t *testing.T, spec alloc.Spec) *alloc.Plan {
	t.Helper()
	plan, err := alloc.NewPlan(spec)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }
