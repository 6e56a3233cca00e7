package softwire

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/cgnkit/cgnkit/portset"
)

// randomRule returns a rule in little space, so that rules nest and overlap often. It may be illegal.
func randomRule(r *rand.Rand) RuleSpec {
	s := RuleSpec{IID: IIDForm(r.IntN(2)), Forwarding: r.IntN(2) == 0, OverwriteIID: r.IntN(2) == 0}
	bits6 := 32 + r.IntN(12)
	if s.OverwriteIID {
		bits6 = 56 + r.IntN(16)
	}
	s.IPv6 = netip.PrefixFrom(bits128{0x20010db8<<32 | r.Uint64N(1<<12)<<20, r.Uint64N(4) << 62}.addr(), bits6).Masked()
	s.IPv4 = netip.PrefixFrom(addr4(0xc0000200|r.Uint32N(64)), 26+r.IntN(7)).Masked()
	s.EALen = r.IntN(9)
	if r.IntN(3) > 0 {
		s.PSIDOffset = new(r.IntN(8))
	}
	if r.IntN(2) == 0 {
		s.EALen = 32 - s.IPv4.Bits()
		s.PSIDOffset, s.PSIDLength = new(4), new(3)
		s.PSID = new(r.IntN(8))
	}
	return s
}

// slowConflict reports whether two rules give one prefix or one port of an address to two CEs, or a rule6 lies too deep. It looks at
// every CE of both.
func slowConflict(x, y RuleSpec) bool {
	inner, outer := bitText(x.IPv6.Addr())[:x.IPv6.Bits()], bitText(y.IPv6.Addr())[:y.IPv6.Bits()]
	if inner == outer {
		return true
	}
	explicit := func(s RuleSpec) bool { return s.PSID != nil }
	for _, a := range slowAll([]RuleSpec{x}) {
		for _, b := range slowAll([]RuleSpec{y}) {
			n := min(len(a.ipv4), len(b.ipv4))
			if a.ipv4[:n] != b.ipv4[:n] {
				continue
			}
			if !explicit(x) || !explicit(y) || x.IPv4 != y.IPv4 || a.a != b.a || len(a.psid) != len(b.psid) || a.psid == b.psid {
				return true
			}
		}
	}
	return false
}

// tooDeep reports whether the rule6 of a rule lies inside one end-user prefix of the next shorter rule6 around it.
func tooDeep(rules []RuleSpec, i int) bool {
	s := rules[i]
	var shorter []RuleSpec
	for _, o := range rules {
		if o.IPv6.Bits() < s.IPv6.Bits() {
			shorter = append(shorter, o)
		}
	}
	outer := slowLongest(shorter, bitText(s.IPv6.Addr())[:s.IPv6.Bits()])
	return outer >= 0 && s.IPv6.Bits() > shorter[outer].IPv6.Bits()+shorter[outer].EALen
}

// Random rules: a domain is refused when, and only when, the oracle finds a conflict; and it answers as the oracle does.
func TestRandomDomains(t *testing.T) {
	seed := testseed.New(t)
	r := rand.New(rand.NewPCG(seed, 2))
	accepted, refused, nested := 0, 0, 0
	for range 500 {
		var rules []RuleSpec
		for range 1 + r.IntN(4) {
			if s := randomRule(r); isLegal(s) {
				rules = append(rules, s)
			}
		}
		if len(rules) == 0 {
			continue
		}
		conflict := false
		for i := range rules {
			conflict = conflict || tooDeep(rules, i)
			for j := range i {
				conflict = conflict || slowConflict(rules[i], rules[j])
			}
		}
		d, err := NewDomain(DomainSpec{Rules: rules})
		if (err != nil) != conflict {
			t.Fatalf("rules %+v: %v; the oracle says conflict is %v", rules, err, conflict)
		}
		if err != nil {
			refused++
			continue
		}
		accepted++
		nested += compareDomain(t, r, d, rules)
	}
	t.Logf("%d accepted, %d refused, %d times shadowed", accepted, refused, nested)
	if accepted < 50 || refused < 50 {
		t.Error("the random rules do not reach all cases")
	}
}

func isLegal(s RuleSpec) bool {
	_, err := NewRule(s)
	return err == nil
}

// compareDomain compares answers with the oracle and returns how often a rule was shadowed.
func compareDomain(t *testing.T, r *rand.Rand, d *Domain, rules []RuleSpec) (shadowed int) {
	t.Helper()
	all := slowAll(rules)
	compareForward(t, d, all)
	for range 300 {
		a, port := addr4(0xc0000200|r.Uint32N(80)), r.IntN(portset.PortCount)
		holders := holdersOf(all, a)
		compareReverse(t, d, holders, lengths(holders), a, port)
		if _, err := d.Reverse(a, uint16(port)); errors.Is(err, ErrShadowed) {
			shadowed++
		}
		if len(all) > 0 {
			compareCheck(t, d, all[r.IntN(len(all))], a, port, r)
		}
	}
	return shadowed
}

// compareCheck compares Check for a source that is right but for, perhaps, one bit.
func compareCheck(t *testing.T, d *Domain, from slowCE, a netip.Addr, port int, r *rand.Rand) {
	t.Helper()
	src := from6(from.address)
	if r.IntN(2) == 0 {
		src = src.or(place(1, 1+r.IntN(128)))
	}
	right := src.addr() == from.address && from.hasPort(port) && bitText(a)[:len(from.ipv4)] == from.ipv4
	if src.addr() == from.address && (d.Check(src.addr(), a, uint16(port)) == nil) != right {
		t.Fatalf("Check(%v, %v, %d) = %v; the oracle says %v", src.addr(), a, port, d.Check(src.addr(), a, uint16(port)), right)
	}
	if err := d.Check(src.addr(), a, uint16(port)); err == nil {
		ce, err := d.Source(src.addr())
		if back, errBack := d.Reverse(a, uint16(port)); err != nil || errBack != nil || back != ce {
			t.Fatalf("Check passes %v, %v, %d, which belong to %v, %v and %v, %v", src.addr(), a, port, ce, err, back, errBack)
		}
	}
}

// Prefixes of all lengths against a list that is searched from end to end.
func TestPrefixes(t *testing.T) {
	seed := testseed.New(t)
	r := rand.New(rand.NewPCG(seed, 3))
	random := func() bits128 {
		return bits128{r.Uint64() & r.Uint64() & r.Uint64(), r.Uint64() & r.Uint64() & r.Uint64()}.and(bits128{0xc000_0000_0000_0003, 0xc000_0000_0000_0003})
	}
	for range 400 {
		seen := map[netip.Prefix]bool{}
		var list []netip.Prefix
		for range r.IntN(40) {
			p := netip.PrefixFrom(random().addr(), r.IntN(129)).Masked()
			if !seen[p] {
				seen[p] = true
				list = append(list, p)
			}
		}
		table := newPrefixes(list)
		longest := func(a netip.Addr, below int) int32 {
			best := int32(nobody)
			for i, p := range list {
				if p.Bits() < below && p.Contains(a) && (best == nobody || p.Bits() > list[best].Bits()) {
					best = int32(i)
				}
			}
			return best
		}
		for range 100 {
			a := random()
			if got, want := table.find(a), longest(a.addr(), 129); got != want {
				t.Fatalf("%v in %v: %d, want %d", a.addr(), list, got, want)
			}
		}
		for i, p := range list {
			if got, want := table.parent[i], longest(p.Addr(), p.Bits()); got != want {
				t.Fatalf("parent of %v in %v: %d, want %d", p, list, got, want)
			}
		}
	}
}
