package rulefile_test

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/rulefile"
	"github.com/cgnkit/cgnkit/portset"
)

func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := testseed.New(t)
	return rand.New(rand.NewPCG(seed, 1))
}

func parse(t testing.TB, format, text string) *rulefile.Table {
	t.Helper()
	table, err := tryParse(t, format, text)
	if err != nil {
		t.Fatalf("%v\n%s", err, head(text))
	}
	return table
}

func tryParse(t testing.TB, format, text string) (*rulefile.Table, error) {
	t.Helper()
	f, err := rulefile.ParseFormat(format)
	if err != nil {
		t.Fatal(err)
	}
	if at := strings.LastIndex(text, "*nat\n"); f == rulefile.Iptables && at >= 0 && !strings.Contains(text[at:], "COMMIT") {
		text += "COMMIT\n" // tables of tests leave it out
	}
	return rulefile.Parse(strings.NewReader(text), f, "rules")
}

func head(s string) string { return s[:min(len(s), 2000)] }

func addrRange(t testing.TB, s string) alloc.AddrRange {
	t.Helper()
	r, err := alloc.ParseAddrRange(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func ports(t testing.TB, s string) portset.Set {
	t.Helper()
	p, err := portset.ParseSet(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// differences returns the inside addresses whose share differs between a table and what was wanted.
func differences(t *rulefile.Table, want []wanted) []netip.Addr {
	var out []netip.Addr
	seen := map[netip.Addr]bool{}
	for _, w := range want {
		seen[w.inside] = true
		s, ok := t.Find(w.inside)
		if !ok || s.Outside != w.outside || !s.Ports.Equal(w.ports) {
			out = append(out, w.inside)
		}
	}
	for s := range t.All() {
		if !seen[s.Inside] {
			out = append(out, s.Inside)
		}
	}
	return out
}

// randomPlan returns a plan of some scheme, small enough to be written many times.
func randomPlan(t testing.TB, rng *rand.Rand, scheme alloc.Scheme) (alloc.Spec, *alloc.Plan) {
	t.Helper()
	for {
		s := alloc.PoolSpec{Name: "flats", Scheme: scheme}
		first := uint32(100)<<24 | uint32(64)<<16 | rng.Uint32N(1<<20)
		for range 1 + rng.IntN(3) {
			n := 1 + rng.Uint32N(150)
			s.Inside = append(s.Inside, span(t, first, first+n-1))
			first += n + rng.Uint32N(70)
		}
		out := uint32(198)<<24 | uint32(18)<<16 | rng.Uint32N(1<<15)
		for range 1 + rng.IntN(3) {
			n := 1 + rng.Uint32N(12)
			s.Outside = append([]alloc.AddrRange{span(t, out, out+n-1)}, s.Outside...)
			out += n + rng.Uint32N(5)
		}
		switch rng.IntN(3) {
		case 0:
			s.SharingRatio = 1 + rng.IntN(70)
		case 1:
			s.PortsPerSubscriber = 100 + rng.IntN(4000)
		}
		if rng.IntN(3) == 0 {
			s.Reserve = ports(t, "1900,5060-5061,20000-20099")
		}
		if rng.IntN(3) == 0 {
			s.Ports, _ = portset.NewRange(1536+rng.IntN(3000), 65535-rng.IntN(3000))
		}
		switch scheme {
		case alloc.Staggered:
			s.SharingRatio, s.PortsPerSubscriber = 30+rng.IntN(40), 50+rng.IntN(200)
		case alloc.Step:
			s.SharingRatio, s.PortsPerSubscriber = 0, 50+rng.IntN(200)
			if rng.IntN(2) == 0 {
				s.SharingRatio = 5 + rng.IntN(60)
			}
			s.StepSize = 2 << rng.IntN(4)
		case alloc.PSID:
			offset, length := 1+rng.IntN(6), 1+rng.IntN(7)
			s.PSIDOffset, s.PSIDLength, s.SharingRatio, s.PortsPerSubscriber = &offset, &length, 0, 0
			// Where the first ports of a set are cut away, sets are in another order than their PSIDs.
			s.Ports, s.Reserve = portset.Range{}, portset.Set{}
			if rng.IntN(3) == 0 {
				s.Reserve = ports(t, "65000-65535")
			}
		}
		spec := alloc.Spec{Pools: []alloc.PoolSpec{s}}
		if plan, err := alloc.NewPlan(spec); err == nil {
			return spec, plan
		}
	}
}

func span(t testing.TB, first, last uint32) alloc.AddrRange {
	t.Helper()
	r, err := alloc.AddrRangeFrom(addr4(first), addr4(last))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func addr4(a uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)})
}
