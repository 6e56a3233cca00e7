package alloc

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/cgnkit/cgnkit/portset"
)

// failer is what the helpers need of *testing.T, *testing.B and *rapid.T.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// addrs reads address ranges separated by blanks.
func addrs(text string) []AddrRange {
	var out []AddrRange
	for f := range strings.FieldsSeq(text) {
		out = append(out, must(ParseAddrRange(f)))
	}
	return out
}

func addr(text string) netip.Addr         { return netip.MustParseAddr(text) }
func sub(text string) Subscriber          { return SubscriberFrom("", addr(text)) }
func portRange(text string) portset.Range { return must(portset.ParseRange(text)) }
func portSet(text string) portset.Set     { return must(portset.ParseSet(text)) }

// pool returns a pool spec after the edits.
func pool(name, inside, outside string, edits ...func(*PoolSpec)) PoolSpec {
	s := PoolSpec{Name: name, Inside: addrs(inside), Outside: addrs(outside)}
	for _, edit := range edits {
		edit(&s)
	}
	return s
}

// explicit returns an Explicit pool with these shares, one a line.
func explicit(name, shares string, edits ...func(*PoolSpec)) PoolSpec {
	s := PoolSpec{Name: name, Scheme: Explicit}
	for line := range strings.SplitSeq(strings.TrimSpace(shares), "\n") {
		s.Shares = append(s.Shares, must(ParseExplicitShare(line)))
	}
	for _, edit := range edits {
		edit(&s)
	}
	return s
}

func spec(pools ...PoolSpec) Spec { return Spec{Pools: pools} }

func mustPlan(t failer, s Spec) *Plan {
	t.Helper()
	p, err := NewPlan(s)
	if err != nil {
		t.Fatalf("NewPlan: %v", err)
	}
	return p
}

func mustLookup(t failer, p *Plan, s Subscriber) Allocation {
	t.Helper()
	a, err := p.Lookup(s)
	if err != nil {
		t.Fatalf("Lookup(%v): %v", s, err)
	}
	return a
}

// findingsOf returns the findings of NewPlan, nil when it accepts s.
func findingsOf(t failer, s Spec) []Finding {
	t.Helper()
	p, err := NewPlan(s)
	if err == nil {
		return nil
	}
	var invalid *InvalidError
	if p != nil || !errors.As(err, &invalid) || len(invalid.Findings) == 0 {
		t.Fatalf("NewPlan = %v, %#v; want nil and an InvalidError with findings", p, err)
	}
	return invalid.Findings
}

// testKey is the key of Random pools in tests, with the bytes 0 to 15.
var testKey = must(ParseKey("000102030405060708090a0b0c0d0e0f"))

// otherKey is another one.
var otherKey = must(ParseKey("ffeeddccbbaa99887766554433221100"))
