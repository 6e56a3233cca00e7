package alloc

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/cgnkit/cgnkit/portset/softwire"
)

func prefix6(text string) netip.Prefix { return netip.MustParsePrefix(text) }

// mapE returns a pool of RFC 7597's example, changed by the functions.
func mapE(name string, change ...func(*SoftwireSpec)) SoftwireSpec {
	s := SoftwireSpec{
		Name: name, Kind: MAPE, Relay: netip.MustParseAddr("2001:db8:ffff::1"),
		Rules: []softwire.RuleSpec{{IPv6: prefix6("2001:db8::/40"), IPv4: prefix6("192.0.2.0/24"), EALen: 16}},
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

// lw returns a pool with eight bindings, four on an address.
func lw(name string) SoftwireSpec {
	s := SoftwireSpec{Name: name, Kind: LW4o6, Relay: netip.MustParseAddr("2001:db8:fffe::1")}
	for i := range 8 {
		s.Bindings = append(s.Bindings, softwire.BindingSpec{
			B4: prefix6(fmt.Sprintf("2001:db8:4%02x::/48", i)), IPv4: netip.AddrFrom4([4]byte{203, 0, 113, byte(i / 4)}), PSIDLength: 3, PSID: 4 + i%4,
		})
	}
	return s
}

func nat(name, inside, outside string) PoolSpec {
	in, err := ParseAddrRange(inside)
	if err != nil {
		panic(err)
	}
	out, err := ParseAddrRange(outside)
	if err != nil {
		panic(err)
	}
	return PoolSpec{Name: name, Inside: []AddrRange{in}, Outside: []AddrRange{out}}
}

// mixed is a plan with a pool of every kind.
func mixed() Spec {
	return Spec{
		Pools: []PoolSpec{nat("cgn", "100.64.0.0/24", "198.51.100.0/29")},
		Softwires: []SoftwireSpec{
			mapE("mape"), lw("lw"),
			{Name: "mapt", Kind: MAPT, DMR: prefix6("2001:db8:fffd::/64"), Rules: []softwire.RuleSpec{
				{IPv6: prefix6("2001:db8:100::/40"), IPv4: prefix6("198.18.0.0/28"), EALen: 2},                                                  // /30s
				{IPv6: prefix6("2001:db8:200::/56"), IPv4: prefix6("198.18.1.1/32"), PSIDLength: new(4), PSID: new(9), PSIDOffset: new(4)},      // one CE
				{IPv6: prefix6("2001:db8:300::/48"), IPv4: prefix6("198.18.2.0/31"), EALen: 5, Forwarding: true},                                // outer
				{IPv6: prefix6("2001:db8:300:8000::/50"), IPv4: prefix6("198.18.3.0/31"), EALen: 3, IID: softwire.IIDDraft, PSIDOffset: new(0)}, // inner
				{IPv6: prefix6("2001:db8:500::8000:0:0:0/70"), IPv4: prefix6("198.18.4.0/31"), EALen: 3, OverwriteIID: true},
			}},
		},
	}
}

// Every port of every address of a plan with all kinds, and every subscriber, both ways: they agree with each other, and with
// package softwire.
func TestSoftwireLookups(t *testing.T) {
	p := mustPlan(t, mixed())
	owned := map[string]int{} // ports by subscriber, counted from the outside
	for pool := range p.Softwires() {
		for r := range pool.OutsideRanges() {
			for a := r.First(); a.Compare(r.Last()) <= 0; a = a.Next() {
				if pool.Name() == "mape" && a.As4()[3] > 3 { // 256 of the same kind
					break
				}
				holders := 0
				for al := range p.Holders(a) {
					holders++
					if !al.OutsidePrefix().Contains(a) || al.Pool() != pool {
						t.Fatalf("Holders(%v) has %v of pool %s", a, al.Subscriber(), al.Pool().Name())
					}
				}
				seen := map[Subscriber]bool{}
				for port := range 1 << 16 {
					tr := p.Trace(a, uint16(port))
					if tr.Pool() != pool {
						t.Fatalf("Trace(%v, %d) is about pool %v", a, port, tr.Pool())
					}
					al, ok := tr.Allocation()
					if !ok {
						continue
					}
					s := al.Subscriber()
					seen[s] = true
					owned[s.String()]++
					if !al.Ports().Contains(uint16(port)) || !al.OutsidePrefix().Contains(a) {
						t.Fatalf("Trace(%v, %d) = %v with %v %v", a, port, s, al.OutsidePrefix(), al.Ports())
					}
				}
				if len(seen) != holders {
					t.Errorf("%v: %d holders, ports find %d", a, holders, len(seen))
				}
			}
		}
		n := uint64(0)
		for al := range pool.All() {
			n++
			s := al.Subscriber()
			for _, q := range []netip.Prefix{s.Prefix, netip.PrefixFrom(s.Prefix.Addr(), 128), netip.PrefixFrom(routerAddr(al), 128)} {
				if got, err := p.Lookup(Subscriber{Prefix: q}); err != nil || got != al {
					t.Fatalf("Lookup(%v) = %v, %v; want %v", q, got, err, s)
				}
			}
			if want := al.Ports().Len() << (32 - al.OutsidePrefix().Bits()); owned[s.String()] > 0 && owned[s.String()] != want {
				t.Errorf("%v owns %d ports, and has %d", s, owned[s.String()], want)
			}
			if al.Slot() >= pool.Slots() || al.Ports().Len() < pool.PortsPerSubscriber() {
				t.Errorf("%v: slot %d of %d, %d ports of at least %d", s, al.Slot(), pool.Slots(), al.Ports().Len(), pool.PortsPerSubscriber())
			}
		}
		if n != pool.Subscribers() {
			t.Errorf("pool %s: All has %d, Subscribers says %d", pool.Name(), n, pool.Subscribers())
		}
	}
	for addr, want := range map[string]Status{"192.0.2.9": Reserved, "203.0.113.1": Unassigned, "198.18.1.1": Reserved, "203.0.113.2": NotInPool, "198.51.100.0": Reserved} {
		if got := p.Trace(netip.MustParseAddr(addr), 7); got.Status() != want {
			t.Errorf("Trace(%s, 7) = %v, want %v", addr, got.Status(), want)
		}
	}
	for _, q := range []string{"2001:db8::/40", "2001:db8:0:0::/48", "2001:db8:600::/64", "::/0", "::ffff:192.0.2.1/128"} {
		if al, err := p.Lookup(Subscriber{Prefix: prefix6(q)}); !errors.Is(err, ErrNotSubscriber) {
			t.Errorf("Lookup(%s) = %v, %v; want ErrNotSubscriber", q, al, err)
		}
	}
	if _, err := p.Lookup(Subscriber{Realm: "b", Prefix: prefix6("2001:db8::/56")}); !errors.Is(err, ErrNotSubscriber) {
		t.Errorf("another realm: %v", err)
	}
	if n := p.Subscribers(); n != 256 {
		t.Errorf("Subscribers is %d, want those of the NAT44 pool", n)
	}
}

func routerAddr(a Allocation) netip.Addr {
	addr, ok := a.RouterAddr()
	if !ok {
		panic("no router has this")
	}
	return addr
}

// The example of RFC 7597 appendix A, through a plan.
func TestSoftwireExample(t *testing.T) {
	p := mustPlan(t, Spec{Softwires: []SoftwireSpec{mapE("mape")}})
	al, ok := p.Trace(netip.MustParseAddr("192.0.2.18"), 1232).Allocation()
	if !ok || al.Subscriber().String() != "2001:db8:12:3400::/56" || al.Slot() != 0x34 || routerAddr(al).String() != "2001:db8:12:3400:0:c000:212:34" {
		t.Errorf("192.0.2.18:1232 is %v", al.Subscriber())
	}
	if al.Ports().Len() != 252 || al.Ports().First() != 1232 || al.Inside().String() != "2001:db8:12:3400::" {
		t.Errorf("%v has %v", al.Inside(), al.Ports())
	}
}

// The canonical form has all that a plan is, and does not change for plans without MAP.
func TestSoftwireCanonical(t *testing.T) {
	p := mustPlan(t, mixed())
	b := p.AppendCanonical(nil)
	again, err := ParseCanonical(b)
	if err != nil || again.SHA256() != p.SHA256() {
		t.Fatalf("ParseCanonical: %v\n%s", err, b)
	}
	if d := Diff(p, again); !d.IsEmpty() || d.Kept != 256+65536+8+4+1+32-8+8+8 {
		t.Errorf("Diff with itself: %+v", d)
	}
	if spec := mustPlan(t, p.Spec()); spec.SHA256() != p.SHA256() {
		t.Error("Spec makes another plan")
	}
	alone := mustPlan(t, Spec{Pools: mixed().Pools}).AppendCanonical(nil)
	if want := slices.Concat(alone[:len(alone)-1], []byte(`,"softwires":[{"name":"mape"`)); !bytes.HasPrefix(b, want) {
		t.Errorf("canonical form\n%s\ndoes not begin with\n%s", b, want)
	}
	seen := map[string]string{p.SHA256(): "nothing"}
	for name, change := range map[string]func(*Spec){
		"relay": func(s *Spec) { s.Softwires[0].Relay = netip.MustParseAddr("2001:db8:ffff::2") },
		"kind": func(s *Spec) {
			s.Softwires[0].Kind, s.Softwires[0].Relay, s.Softwires[0].DMR = MAPT, netip.Addr{}, prefix6("2001:db8:ffff::/64")
		},
		"realm":       func(s *Spec) { s.Softwires[0].Realm = "b" },
		"forwarding":  func(s *Spec) { s.Softwires[0].Rules[0].Forwarding = true },
		"iid":         func(s *Spec) { s.Softwires[0].Rules[0].IID = softwire.IIDDraft },
		"overwrite":   func(s *Spec) { s.Softwires[0].Rules[0].OverwriteIID = true },
		"psid-offset": func(s *Spec) { s.Softwires[0].Rules[0].PSIDOffset = new(4) },
		"psid":        func(s *Spec) { s.Softwires[2].Rules[1].PSID = new(8) },
		"binding":     func(s *Spec) { s.Softwires[1].Bindings[3].B4 = prefix6("2001:db8:403:1::/64") },
		"dmr":         func(s *Spec) { s.Softwires[2].DMR = prefix6("2001:db8:fffd:1::/64") },
	} {
		s := mixed()
		change(&s)
		q := mustPlan(t, s)
		if other, twice := seen[q.SHA256()]; twice {
			t.Errorf("%s: the hash is that with %s changed", name, other)
		}
		seen[q.SHA256()] = name
		if again, err := ParseCanonical(q.AppendCanonical(nil)); err != nil || again.SHA256() != q.SHA256() {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{`"kind":"nat44"`, `"kind":"6rd"`, `"kind":"map-e","x":1`} {
		text := strings.Replace(string(b), `"kind":"map-e"`, bad, 1)
		if _, err := ParseCanonical([]byte(text)); !errors.Is(err, ErrCanonical) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// What a plan with MAP must not be: the kind of the finding and where.
func TestSoftwireFindings(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Spec)
		err    error
		path   string
	}{
		"CGN's outside":                 {func(s *Spec) { s.Pools[0] = nat("cgn", "100.64.0.0/24", "192.0.2.128/29") }, ErrOverlap, "softwires[0].rules[0].rule4"},
		"CGN's outside, binding":        {func(s *Spec) { s.Pools[0] = nat("cgn", "100.64.0.0/24", "203.0.113.0/29") }, ErrOverlap, "softwires[1].bindings[0].ipv4"},
		"CGN's second outside, binding": {func(s *Spec) { s.Pools[0] = nat("cgn", "100.64.0.0/24", "203.0.113.1-203.0.113.9") }, ErrOverlap, "softwires[1].bindings[4].ipv4"},
		"binding in CGN's inside":       {func(s *Spec) { s.Pools[0] = nat("cgn", "203.0.113.1", "198.51.100.0/29") }, ErrLoop, "softwires[1].bindings[4].ipv4"},
		"CGN's inside":                  {func(s *Spec) { s.Pools[0] = nat("cgn", "192.0.2.64/26", "198.51.100.0/29") }, ErrLoop, "softwires[0].rules[0].rule4"},
		"outside of two":                {func(s *Spec) { s.Softwires[2].Rules[1].IPv4 = prefix6("192.0.2.3/32") }, ErrOverlap, "softwires[2].rules[1].rule4"},
		"prefix of two":                 {func(s *Spec) { s.Softwires[2].Rules[1].IPv6 = prefix6("2001:db8:12::/56") }, ErrDuplicate, "softwires[2].rules[1].rule6"},
		"binding in rule6":              {func(s *Spec) { s.Softwires[1].Bindings[0].B4 = prefix6("2001:db8:12:3400::1/128") }, ErrDuplicate, "softwires[1].bindings[0].b4"},
		"nested bindings":               {func(s *Spec) { s.Softwires[1].Bindings[0].B4 = prefix6("2001:db8:401:1::/64") }, softwire.ErrOverlap, "softwires[1].bindings[1].b4"},
		"bindings in one another":       {func(s *Spec) { s.Softwires[1].Bindings[6].B4 = prefix6("2001:db8:401:1::/64") }, softwire.ErrOverlap, "softwires[1].bindings[6].b4"},
		"bindings with one prefix":      {func(s *Spec) { s.Softwires[1].Bindings[3].B4 = prefix6("2001:db8:407::/48") }, softwire.ErrOverlap, "softwires[1].bindings[7].b4"},
		"binding of an address in 0.0.0.0/8": {func(s *Spec) {
			s.Softwires[1].Bindings = append(s.Softwires[1].Bindings, softwire.BindingSpec{B4: prefix6("2001:db8:409::/48"), IPv4: netip.MustParseAddr("0.0.0.7")})
		}, ErrAddress, "softwires[1].bindings[8].ipv4"},
		"rule":          {func(s *Spec) { s.Softwires[0].Rules[0].EALen = 49 }, softwire.ErrLength, "softwires[0].rules[0].ea-len"},
		"no rules":      {func(s *Spec) { s.Softwires[0].Rules = nil }, ErrSoftwire, "softwires[0].rules"},
		"no relay":      {func(s *Spec) { s.Softwires[0].Relay = netip.Addr{} }, ErrSoftwire, "softwires[0].relay"},
		"IPv4 relay":    {func(s *Spec) { s.Softwires[1].Relay = netip.MustParseAddr("192.0.2.1") }, softwire.ErrRelay, "softwires[1].relay"},
		"relay in B4":   {func(s *Spec) { s.Softwires[1].Relay = netip.MustParseAddr("2001:db8:401::9") }, softwire.ErrRelay, "softwires[1].relay"},
		"dmr and relay": {func(s *Spec) { s.Softwires[0].DMR = prefix6("2001:db8:ffff::/64") }, ErrSoftwire, "softwires[0].dmr"},
		"no bindings":   {func(s *Spec) { s.Softwires[1].Bindings = nil }, ErrSoftwire, "softwires[1].bindings"},
		"PSID":          {func(s *Spec) { s.Softwires[1].Bindings[2].PSID = 8 }, ErrSoftwire, "softwires[1].bindings[2].psid"},
		"kind":          {func(s *Spec) { s.Softwires[0].Kind = NAT44 }, ErrSoftwire, "softwires[0].kind"},
		"name":          {func(s *Spec) { s.Softwires[0].Name = "cgn" }, ErrName, "softwires[0].name"},
		"name of MAP":   {func(s *Spec) { s.Softwires[1].Name = "mape" }, ErrName, "softwires[1].name"},
		"realm":         {func(s *Spec) { s.Softwires[1].Realm = "a b" }, ErrName, "softwires[1].realm"},
		"0.0.0.0/8":     {func(s *Spec) { s.Softwires[2].Rules[0].IPv4 = prefix6("0.0.0.0/28") }, ErrAddress, "softwires[2].rules[0].rule4"},
		"subscribers": {func(s *Spec) {
			r := &s.Softwires[2].Rules[0]
			r.IPv6, r.IPv4, r.EALen, r.PSIDOffset = prefix6("2001:100::/28"), prefix6("10.0.0.0/12"), 33, new(0)
		}, ErrSoftwire, "softwires[2].rules"},
		"too many": {func(s *Spec) { s.Softwires = slices.Repeat(s.Softwires[:1], 257) }, ErrSoftwire, "softwires"},
	} {
		t.Run(name, func(t *testing.T) {
			s := mixed()
			c.change(&s)
			_, err := NewPlan(s)
			invalid, ok := errors.AsType[*InvalidError](err)
			if !ok || len(invalid.Findings) != 1 || !errors.Is(err, c.err) || invalid.Findings[0].Path != c.path {
				t.Fatalf("got %+v, want %v at %s", err, c.err, c.path)
			}
		})
	}
	s := mixed() // the same prefixes are other subscribers in another realm
	s.Softwires[2].Realm, s.Softwires[2].Rules[1].IPv6 = "b", prefix6("2001:db8:12::/56")
	mustPlan(t, s)
}

func TestSoftwireDiff(t *testing.T) {
	before := mustPlan(t, mixed())
	s := mixed()
	s.Softwires[0].Name = "renamed"
	s.Softwires[1].Bindings[0].PSID, s.Softwires[1].Bindings[1].PSID = 5, 4 // moved
	s.Softwires[1].Bindings[7].B4 = prefix6("2001:db8:499::/48")            // removed and added
	s.Softwires[1].Bindings[6].B4 = prefix6("2001:db8:406::/56")            // another prefix is another subscriber
	d := Diff(before, mustPlan(t, s))
	if d.Moved != 2 || d.Added != 2 || d.Removed != 2 || d.Kept != 256+65536+8+45-4 {
		t.Errorf("%+v", d)
	}
	var got []string
	for c := range d.Changes() {
		got = append(got, c.Kind.String()+" "+c.Subscriber.String())
	}
	want := []string{"moved 2001:db8:400::/48", "moved 2001:db8:401::/48", "removed 2001:db8:406::/48", "removed 2001:db8:407::/48", "added 2001:db8:406::/56", "added 2001:db8:499::/48"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	s.Pools[0] = nat("cgn", "100.64.0.0/25", "198.51.100.0/29")
	if d := DiffNAT44(before, mustPlan(t, s)); d.Removed < 128 || d.Added+d.Moved+d.Kept != 128 || d.Kept+d.Moved+d.Removed != 256 {
		t.Errorf("NAT44 alone: %+v", d)
	}
	s = mixed()
	s.Softwires[2].Rules[0].EALen = 3 // /31s in place of /30s: longer prefixes
	if d := Diff(before, mustPlan(t, s)); d.Removed != 4 || d.Added != 8 || d.Moved != 0 {
		t.Errorf("%+v", d)
	}
}

// Random rule sets: whom a plan finds is whom the domain finds.
func TestSoftwireRandom(t *testing.T) {
	seed := testseed.New(t)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 50 {
		s := mapE("m")
		s.Rules = nil
		for i := range 1 + rnd.IntN(5) {
			bits, ea := 20+rnd.IntN(13), rnd.IntN(20)
			if ea > 32-bits+10 {
				ea = 32 - bits
			}
			s.Rules = append(s.Rules, softwire.RuleSpec{
				IPv6: netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(i)}), 40), EALen: ea,
				IPv4: netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, byte(i * 16)}), bits),
			})
		}
		d, err := softwire.NewDomain(softwire.DomainSpec{Rules: s.Rules, Relay: s.Relay})
		if err != nil {
			t.Fatal(err)
		}
		p := mustPlan(t, Spec{Softwires: []SoftwireSpec{s}})
		for range 500 {
			a, port := netip.AddrFrom4([4]byte{198, 18, byte(rnd.IntN(80)), byte(rnd.IntN(256))}), uint16(rnd.Uint32())
			ce, err := d.Reverse(a, port)
			tr := p.Trace(a, port)
			al, ok := tr.Allocation()
			if ok != (err == nil) || ok && (al.Subscriber().Prefix != ce.EndUser() || routerAddr(al) != ce.Address() || !al.Ports().Equal(ce.Ports())) {
				t.Fatalf("Trace(%v, %d) = %v %v, want %v, %v", a, port, tr.Status(), al, ce, err)
			}
			if errors.Is(err, softwire.ErrNoRule) != (tr.Status() == NotInPool) || errors.Is(err, softwire.ErrExcluded) != (tr.Status() == Reserved) {
				t.Fatalf("Trace(%v, %d) = %v, want %v", a, port, tr.Status(), err)
			}
		}
	}
}

func TestSoftwireNoAllocs(t *testing.T) {
	p := mustPlan(t, mixed())
	queries := []Subscriber{{Prefix: prefix6("2001:db8:12:3400::/56")}, {Prefix: prefix6("2001:db8:403::1/128")}, {Prefix: prefix6("2001:db8:999::/56")}, {Realm: "b", Prefix: prefix6("2001:db8::/56")}}
	outside := []netip.Addr{netip.MustParseAddr("192.0.2.18"), netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("198.18.2.1"), netip.MustParseAddr("9.9.9.9")}
	found := 0
	if n := testing.AllocsPerRun(100, func() {
		for _, q := range queries {
			if a, err := p.Lookup(q); err == nil && a.Subscriber().Prefix.IsValid() && a.Ports().IsValid() {
				found++
			}
		}
		for _, a := range outside {
			if al, ok := p.Trace(a, 40000).Allocation(); ok && al.OutsidePrefix().Contains(a) {
				found++
			}
		}
	}); n != 0 || found != 4*101 {
		t.Errorf("%v allocations a run; found %d", n, found)
	}
}
