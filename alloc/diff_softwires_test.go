package alloc

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/cgnkit/cgnkit/portset/softwire"
)

// everybody iterates over the subscribers of all pools, of whatever kind.
func everybody(p *Plan) iter.Seq[Allocation] {
	return func(yield func(Allocation) bool) {
		for pool := range p.AllPools() {
			for a := range pool.All() {
				if !yield(a) {
					return
				}
			}
		}
	}
}

// littleSoftwires returns pools of MAP and lw4o6 with subscribers in little space. They may be illegal.
func littleSoftwires(rng *rand.Rand) (s Spec) {
	prefix := func(bits int) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, byte(rng.IntN(16))}), bits).Masked()
	}
	for n := range 1 + rng.IntN(4) {
		p := mapE(fmt.Sprintf("p%d", n))
		p.Realm = []string{"", "", "r"}[rng.IntN(3)]
		address := func() netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(rng.IntN(8))}) }
		p.Rules = nil
		switch rng.IntN(3) {
		case 0:
			p.Kind = LW4o6
			for range 1 + rng.IntN(5) {
				b := softwire.BindingSpec{B4: prefix(48), IPv4: address()}
				if rng.IntN(3) > 0 {
					b.PSIDLength, b.PSID = 2, rng.IntN(4)
				}
				p.Bindings = append(p.Bindings, b)
			}
		default:
			if rng.IntN(4) == 0 {
				p.Kind, p.Relay, p.DMR = MAPT, netip.Addr{}, prefix6("2001:db8:ffff::/64")
			}
			for range 1 + rng.IntN(2) {
				bits := 45 + rng.IntN(4)
				p.Rules = append(p.Rules, softwire.RuleSpec{IPv6: prefix(bits), EALen: 48 + rng.IntN(5)/4 - bits,
					IPv4: netip.PrefixFrom(address(), 30+rng.IntN(3)).Masked(), PSIDOffset: new(rng.IntN(2))})
			}
		}
		s.Softwires = append(s.Softwires, p)
	}
	if rng.IntN(2) == 0 {
		s.Pools = []PoolSpec{nat("cgn", "100.64.0.0/29", fmt.Sprintf("198.51.100.%d/32", rng.IntN(2)))}
	}
	return s
}

// variant returns s with a few things of another spec in place of its own.
func variant(rng *rand.Rand, s, other Spec) Spec {
	out := Spec{Pools: other.Pools}
	for i, p := range s.Softwires {
		switch rng.IntN(4) {
		case 0:
			continue
		case 1:
			p.Name += "x"
		case 2:
			if i < len(other.Softwires) && other.Softwires[i].Kind == p.Kind {
				p.Rules, p.Bindings = append(other.Softwires[i].Rules[:0:0], p.Rules...), append(other.Softwires[i].Bindings[:0:0], p.Bindings...)
				p.Rules, p.Bindings = append(p.Rules, other.Softwires[i].Rules...), append(p.Bindings, other.Softwires[i].Bindings...)
			}
		case 3:
			if q, ok := inBindings(rng, p); ok {
				p = q
			}
		}
		out.Softwires = append(out.Softwires, p)
	}
	return out
}

// inBindings returns a pool of lw4o6 that gives the subscribers of a MAP pool what they have, or a little more or less.
func inBindings(rng *rand.Rand, p SoftwireSpec) (SoftwireSpec, bool) {
	d, err := softwire.NewDomain(softwire.DomainSpec{Rules: p.Rules})
	if p.Kind == LW4o6 || err != nil {
		return p, false
	}
	q := SoftwireSpec{Name: p.Name, Realm: p.Realm, Kind: LW4o6, Relay: netip.MustParseAddr("2001:db8:ffff::1")}
	for ce := range d.All() {
		psid, _ := ce.PSID()
		b := softwire.BindingSpec{B4: ce.EndUser(), IPv4: ce.IPv4().Addr(), PSID: int(psid), PSIDOffset: ce.Rule().Layout().Offset(), PSIDLength: ce.Rule().Layout().Length()}
		if rng.IntN(4) > 0 {
			q.Bindings = append(q.Bindings, b)
		}
	}
	return q, true
}

// Random plans with pools of all kinds, compared subscriber by subscriber.
func TestSoftwireDiffAgainstBruteForce(t *testing.T) {
	seed := testseed.New(t)
	rng := rand.New(rand.NewPCG(seed, 5))
	shares := func(p *Plan) map[Subscriber]string {
		out := map[Subscriber]string{}
		for a := range everybody(p) {
			out[a.Subscriber()] = fmt.Sprint(a.OutsidePrefix(), " ", a.Ports())
		}
		return out
	}
	seen, changedKind, sizes := [4]uint64{}, 0, 0
	for plans := 0; plans < 2000; {
		s := littleSoftwires(rng)
		older, err := NewPlan(s)
		if err != nil {
			continue
		}
		newer, err := NewPlan(variant(rng, s, littleSoftwires(rng)))
		if err != nil {
			continue
		}
		plans++
		if rng.IntN(2) == 0 {
			older, newer = newer, older
		}
		was, is := shares(older), shares(newer)
		var want [4]uint64 // by kind, 0 for who is kept
		for sub, share := range was {
			switch now, ok := is[sub]; {
			case !ok:
				want[Removed]++
			case now != share:
				want[Moved]++
			default:
				want[0]++
			}
			if a, _ := older.Lookup(sub); a.Pool() != nil {
				if b, err := newer.Lookup(sub); err == nil && b.Pool().Kind() != a.Pool().Kind() {
					changedKind++
				}
			}
		}
		for sub := range is {
			if _, ok := was[sub]; !ok {
				want[Added]++
			}
		}
		d := Diff(older, newer)
		if got := [4]uint64{d.Kept, d.Moved, d.Added, d.Removed}; got != want {
			t.Fatalf("kept, moved, added, removed: %d, want %d\n%s\n%s", got, want, older.AppendCanonical(nil), newer.AppendCanonical(nil))
		}
		changed := map[Subscriber]ChangeKind{}
		var counted [4]uint64
		for c := range d.Changes() {
			if changed[c.Subscriber] != 0 {
				t.Fatalf("%v changes twice", c.Subscriber)
			}
			changed[c.Subscriber] = c.Kind
			counted[c.Kind]++
		}
		if counted[0] = d.Kept; counted != want {
			t.Fatalf("Changes has %d, want %d\n%s\n%s", counted, want, older.AppendCanonical(nil), newer.AppendCanonical(nil))
		}
		for k, n := range want {
			seen[k] += n
		}
		sizes += len(was)
	}
	t.Logf("kept, moved, added, removed: %d of %d; %d in a pool of another kind", seen, sizes, changedKind)
	if min(seen[0], seen[1], seen[2], seen[3]) < 1000 || changedKind < 1000 {
		t.Error("the random plans do not reach all cases")
	}
}

// A pool with 2^32 subscribers: who counted them one by one would not end.
func TestDiffOfManySubscribers(t *testing.T) {
	plan := func(change ...func(*softwire.RuleSpec)) *Plan {
		r := softwire.RuleSpec{IPv6: prefix6("2400::/28"), IPv4: prefix6("20.0.0.0/8"), EALen: 32}
		for _, c := range change {
			c(&r)
		}
		return mustPlan(t, Spec{Softwires: []SoftwireSpec{mapE("n", func(s *SoftwireSpec) { s.Rules = []softwire.RuleSpec{r} })}})
	}
	before := plan()
	for name, c := range map[string]struct {
		after *Plan
		want  Difference // counts alone
	}{
		"another offset": {plan(func(r *softwire.RuleSpec) { r.PSIDOffset = new(4) }), Difference{Moved: 1 << 32}},
		"forwarding":     {plan(func(r *softwire.RuleSpec) { r.Forwarding = true }), Difference{Kept: 1 << 32}},
		"other lengths":  {plan(func(r *softwire.RuleSpec) { r.EALen = 30 }), Difference{Removed: 1 << 32, Added: 1 << 30}},
		"elsewhere":      {plan(func(r *softwire.RuleSpec) { r.IPv6 = prefix6("2600::/28") }), Difference{Removed: 1 << 32, Added: 1 << 32}},
	} {
		d := Diff(before, c.after)
		if d.Kept != c.want.Kept || d.Moved != c.want.Moved || d.Added != c.want.Added || d.Removed != c.want.Removed {
			t.Errorf("%s: kept %d, moved %d, added %d, removed %d", name, d.Kept, d.Moved, d.Added, d.Removed)
		}
		n := 0
		for range d.Changes() {
			if n++; n == 3 {
				break
			}
		}
		if !d.IsEmpty() != (n == 3) {
			t.Errorf("%s: %d changes", name, n)
		}
	}
	s := before.Spec() // one router more among 2^32 that stay
	s.Softwires[0].Rules = append(s.Softwires[0].Rules, softwire.RuleSpec{IPv6: prefix6("2600::/56"), IPv4: prefix6("198.51.100.1/32")})
	s.Softwires[0].Rules[0].EALen = 31 // at most 2^32 in all
	s.Softwires[0].Rules[0].IPv6, s.Softwires[0].Rules[0].IPv4 = prefix6("2400::/29"), prefix6("20.0.0.0/9")
	half := s
	half.Softwires = []SoftwireSpec{s.Softwires[0]}
	half.Softwires[0].Rules = s.Softwires[0].Rules[:1]
	d := Diff(mustPlan(t, half), mustPlan(t, s))
	var got []string
	for c := range d.Changes() {
		got = append(got, c.Kind.String()+" "+c.Subscriber.String())
	}
	if d.Kept != 1<<31 || fmt.Sprint(got) != "[added 2600::/56]" {
		t.Errorf("kept %d, %v", d.Kept, got)
	}
}
