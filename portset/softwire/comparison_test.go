package softwire

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/internal/testseed"
)

// has4 is what a CE has of IPv4, as text.
func has4(ce CE) string { return fmt.Sprint(ce.IPv4(), ce.Ports()) }

// randomSet returns domains with little rules in little space, none of which overlaps a rule of another domain.
func randomSet(r *rand.Rand) (set []*Domain) {
	for n := range 1 + r.IntN(2) {
		set = append(set, randomDomain(func() (rules []RuleSpec) {
			for range 1 + r.IntN(3) {
				rules = append(rules, littleRule(r, n))
			}
			return rules
		}))
	}
	return set
}

// randomDomain returns the first domain that is legal of what draw returns.
func randomDomain(draw func() []RuleSpec) *Domain {
	for {
		var rules []RuleSpec
		for _, s := range draw() {
			if isLegal(s) {
				rules = append(rules, s)
			}
		}
		if d, err := NewDomain(DomainSpec{Rules: rules}); err == nil {
			return d
		}
	}
}

// littleRule returns a rule in the n-th half of a space where rules meet, nest and have the same shares often.
func littleRule(r *rand.Rand, n int) RuleSpec {
	bits := 44 + r.IntN(5)
	s := RuleSpec{IPv6: netip.PrefixFrom(bits128{0x20010db8<<32 | uint64(n)<<31 | r.Uint64N(1<<4)<<16, 0}.addr(), bits).Masked(), EALen: 48 + r.IntN(2) - bits}
	return withShares(r, s)
}

// withShares returns s with other shares: one of four addresses or more, and PSIDs at the first or second bit of ports.
func withShares(r *rand.Rand, s RuleSpec) RuleSpec {
	s.IPv4 = netip.PrefixFrom(addr4(0xc0000200|r.Uint32N(4)), 30+r.IntN(3)).Masked()
	s.PSIDOffset, s.PSIDLength, s.PSID = new(r.IntN(2)), nil, nil
	if r.IntN(2) == 0 {
		s.IPv4 = netip.PrefixFrom(s.IPv4.Addr(), max(32-s.EALen, 29)).Masked()
		s.PSIDLength = new(1 + r.IntN(3))
		s.PSID = new(r.IntN(1 << *s.PSIDLength))
	}
	return s
}

// changed returns domains that have to do with those of a set: rules are left out, halved, given other shares, or added.
func changed(r *rand.Rand, set []*Domain) (out []*Domain) {
	for n, d := range set {
		out = append(out, randomDomain(func() (rules []RuleSpec) {
			for i := range d.Len() {
				s := d.Rule(i).Spec()
				switch r.IntN(6) {
				case 0:
					continue
				case 1:
					rules = append(rules, half(s, r.Uint32N(2)))
					if r.IntN(2) == 0 {
						continue
					}
					s = half(s, 1)
				case 2, 3:
					s = withShares(r, s)
				}
				rules = append(rules, s)
			}
			if r.IntN(4) == 0 {
				rules = append(rules, littleRule(r, n))
			}
			return rules
		}))
	}
	return out
}

// half returns the rule of one half of the end-user prefixes of s, which is illegal where EA bits hold no address.
func half(s RuleSpec, bit uint32) RuleSpec {
	s.IPv6 = netip.PrefixFrom(from6(s.IPv6.Addr()).or(place(uint64(bit), s.IPv6.Bits()+1)).addr(), s.IPv6.Bits()+1)
	if s.EALen--; s.IPv4.Bits() < 32 {
		s.IPv4 = netip.PrefixFrom(addr4(from4(s.IPv4.Addr())|bit<<(31-s.IPv4.Bits())), s.IPv4.Bits()+1)
	}
	return s
}

// Random sets of domains, compared CE by CE.
func TestCompareAgainstBruteForce(t *testing.T) {
	seed := testseed.New(t)
	r := rand.New(rand.NewPCG(seed, 3))
	mixed, kept, met, twoWays := 0, 0, 0, 0
	for round := range 10_000 {
		older := randomSet(r)
		newer := changed(r, older)
		was, is := sharesOf(older), sharesOf(newer)
		both, same := uint64(0), uint64(0)
		for p, share := range was {
			if now, ok := is[p]; ok {
				both++
				if now == share {
					same++
				}
			}
		}
		c := Compare(older, newer)
		if n, s := c.Both(); n != both || s != same {
			t.Fatalf("round %d: %d prefixes in both, %d the same; want %d, %d\n%v\n%v", round, n, s, both, same, rulesOf(older), rulesOf(newer))
		}
		if same > 0 && same < both {
			mixed++
		}
		twoWays += otherWay(older, newer, was, is)
		kept, met = kept+int(same), met+int(both)
		for _, d := range older {
			left := listed(t, c.Older(d), d)
			for ce := range d.All() {
				if p := ce.EndUser(); !left[p] && is[p] != was[p] {
					t.Fatalf("round %d: Older leaves out %v, which has %q and then %q", round, ce, was[p], is[p])
				}
			}
		}
		for _, d := range newer {
			left := listed(t, c.Newer(d), d)
			for ce := range d.All() {
				if _, had := was[ce.EndUser()]; left[ce.EndUser()] == had {
					t.Fatalf("round %d: Newer has %v: %v, and an older CE does: %v", round, ce, left[ce.EndUser()], had)
				}
			}
		}
	}
	t.Logf("%d times some were the same; %d of %d the same, %d of them by rules that put PSIDs elsewhere", mixed, kept, met, twoWays)
	if mixed < 200 || kept < 1000 || met-kept < 1000 || twoWays < 100 {
		t.Error("the random rules do not reach all cases")
	}
}

// otherWay counts the prefixes that have the same under two rules whose EA bits mean different things.
func otherWay(older, newer []*Domain, was, is map[netip.Prefix]string) (n int) {
	psids := func(set []*Domain, p netip.Prefix) int {
		for _, d := range set {
			if ce, err := d.Forward(p); err == nil {
				return ce.rule.psids
			}
		}
		return -1
	}
	for p, share := range was {
		if is[p] == share && psids(older, p) != psids(newer, p) {
			n++
		}
	}
	return n
}

// listed returns the prefixes of some CEs of a domain, and checks that they come in the order of All.
func listed(t *testing.T, ces func(func(CE) bool), d *Domain) map[netip.Prefix]bool {
	t.Helper()
	out := map[netip.Prefix]bool{}
	all := slices.Collect(d.All())
	at := 0
	for ce := range ces {
		i := slices.Index(all[at:], ce)
		if i < 0 {
			t.Fatalf("%v is not one of the domain, or not in order", ce)
		}
		at += i + 1
		out[ce.EndUser()] = true
	}
	return out
}

func sharesOf(set []*Domain) map[netip.Prefix]string {
	out := map[netip.Prefix]string{}
	for _, d := range set {
		for ce := range d.All() {
			out[ce.EndUser()] = has4(ce)
		}
	}
	return out
}

func rulesOf(set []*Domain) (out []string) {
	for _, d := range set {
		for i := range d.Len() {
			out = append(out, d.Rule(i).String())
		}
	}
	return out
}

// All has each CE that its own prefix leads to, in order of rules and EA bits, and as many as Count says.
func TestAllOfNestedRules(t *testing.T) {
	seed := testseed.New(t)
	r := rand.New(rand.NewPCG(seed, 4))
	nested := 0
	for range 10_000 {
		for _, d := range randomSet(r) {
			var want []CE
			for i := range d.Len() {
				for ea := range uint64(d.Rule(i).Len()) {
					if ce := d.Rule(i).ce(ea); d.has(ce) {
						want = append(want, ce)
					} else {
						nested++
					}
				}
			}
			if got := slices.Collect(d.All()); !slices.Equal(got, want) || d.Count() != int64(len(want)) {
				t.Fatalf("All has %d, Count says %d, want %d", len(got), d.Count(), len(want))
			}
		}
	}
	if nested < 1000 {
		t.Errorf("%d CEs are shadowed", nested)
	}
}

// The ends of the address space, and rules of which inner ones leave nothing.
func TestStretchesAtTheEnds(t *testing.T) {
	d := mustDomain(t, DomainSpec{Rules: []RuleSpec{
		{IPv6: pfx("::/0"), IPv4: pfx("192.0.2.0/30"), EALen: 2},
		{IPv6: pfx("::/1"), IPv4: pfx("192.0.2.4/31"), EALen: 1},
		{IPv6: pfx("c000::/2"), IPv4: pfx("192.0.2.8/32")},
		{IPv6: pfx("8000::/2"), IPv4: pfx("192.0.2.9/32")},
	}})
	var got []string
	for ce := range d.All() {
		got = append(got, ce.String())
	}
	want := []string{"::/2 192.0.2.4", "4000::/2 192.0.2.5", "c000::/2 192.0.2.8", "8000::/2 192.0.2.9"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if n, same := Compare([]*Domain{d}, []*Domain{d}).Both(); n != 4 || same != 4 {
		t.Errorf("with itself: %d, %d", n, same)
	}
}

// 2^32 CEs and more, of which rules alone are looked at.
func TestCompareMany(t *testing.T) {
	many := func(change ...func(*RuleSpec)) []*Domain {
		s := RuleSpec{IPv6: pfx("2400::/28"), IPv4: pfx("20.0.0.0/8"), EALen: 32}
		for _, c := range change {
			c(&s)
		}
		return []*Domain{mustDomain(t, DomainSpec{Rules: []RuleSpec{s}})}
	}
	offset := func(a int) func(*RuleSpec) { return func(s *RuleSpec) { s.PSIDOffset = &a } }
	for name, c := range map[string]struct {
		newer      []*Domain
		both, same uint64
	}{
		"no change":      {many(), 1 << 32, 1 << 32},
		"another offset": {many(offset(4)), 1 << 32, 0},
		"another rule4":  {many(func(s *RuleSpec) { s.IPv4 = pfx("21.0.0.0/8") }), 1 << 32, 0},
		"another length": {many(func(s *RuleSpec) { s.EALen = 30 }), 0, 0},
		"half of it":     {many(func(s *RuleSpec) { s.IPv6, s.IPv4, s.EALen = pfx("2400::/29"), pfx("20.0.0.0/9"), 31 }), 1 << 31, 1 << 31},
		"another half":   {many(func(s *RuleSpec) { s.IPv6, s.IPv4, s.EALen = pfx("2400:8::/29"), pfx("20.0.0.0/9"), 31 }), 1 << 31, 0},
	} {
		if n, same := Compare(many(), c.newer).Both(); n != c.both || same != c.same {
			t.Errorf("%s: %d, %d; want %d, %d", name, n, same, c.both, c.same)
		}
	}
	older := many()
	for range Compare(older, many()).Older(older[0]) {
		t.Fatal("a CE without change")
	}
}
