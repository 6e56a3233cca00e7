package alloc

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/portset/softwire"
)

// A relay or DMR that lies in the prefix of a subscriber, of its own pool or of another: whose packets are meant could not be told.
func TestRelayInASubscribersPrefix(t *testing.T) {
	addr := netip.MustParseAddr
	for name, c := range map[string]struct {
		change func(*Spec)
		path   string
		says   []string
	}{
		"relay in a rule of its pool": {func(s *Spec) { s.Softwires[0].Relay = addr("2001:db8:12:3400::1") },
			"softwires[0].relay", []string{"2001:db8:12:3400::1", "2001:db8:12:3400::/56", "rules[0]"}},
		"relay in a rule of another": {func(s *Spec) { s.Softwires[1].Relay = addr("2001:db8:12:3400::1") },
			"softwires[1].relay", []string{"2001:db8:12:3400::1", "2001:db8:12:3400::/56", `"mape"`}},
		"relay in a later pool's inner rule": {func(s *Spec) { s.Softwires[0].Relay = addr("2001:db8:300:8001::1") },
			"softwires[0].relay", []string{"2001:db8:300:8001::1", "2001:db8:300:8000::/53", `"mapt"`}},
		"relay is behind a B4 of another": {func(s *Spec) { s.Softwires[0].Relay = addr("2001:db8:401::9") },
			"softwires[0].relay", []string{"2001:db8:401::9", "2001:db8:401::/48", `"lw"`}},
		"DMR in a prefix of another": {func(s *Spec) { s.Softwires[2].DMR = prefix6("2001:db8:12::/64") },
			"softwires[2].dmr", []string{"2001:db8:12::/64", "2001:db8:12::/56", `"mape"`}},
		"DMR holds a B4 of another": {func(s *Spec) { s.Softwires[2].DMR = prefix6("2001:db8:400::/40") },
			"softwires[2].dmr", []string{"2001:db8:400::/40", "2001:db8:400::/48", `"lw"`}},
		"DMR holds a B4 of another behind its first address": {func(s *Spec) {
			s.Softwires[1].Bindings = s.Softwires[1].Bindings[:1]
			s.Softwires[1].Bindings[0].B4, s.Softwires[2].DMR = prefix6("2001:db9:77::/48"), prefix6("2001:db9::/32")
		}, "softwires[2].dmr", []string{"2001:db9::/32", "2001:db9:77::/48", `"lw"`}},
		"DMR holds a rule6 of another behind its first address": {func(s *Spec) {
			s.Softwires[0].Rules = s.Softwires[0].Rules[:1]
			s.Softwires[0].Rules[0].IPv6, s.Softwires[2].DMR = prefix6("2001:db9:7700::/40"), prefix6("2001:db9::/32")
		}, "softwires[2].dmr", []string{"2001:db9::/32", "2001:db9:7700::/", `"mape"`}},
	} {
		t.Run(name, func(t *testing.T) {
			s := mixed()
			c.change(&s)
			_, err := NewPlan(s)
			invalid, ok := errors.AsType[*InvalidError](err)
			if !ok || len(invalid.Findings) != 1 || !errors.Is(err, ErrSoftwire) || invalid.Findings[0].Path != c.path {
				t.Fatalf("got %+v, want a finding at %s", err, c.path)
			}
			for _, text := range c.says {
				if !strings.Contains(invalid.Findings[0].Msg, text) {
					t.Errorf("%q does not name %s", invalid.Findings[0].Msg, text)
				}
			}
		})
	}
	s := mixed() // in another realm these are other addresses
	s.Softwires[1].Realm, s.Softwires[1].Relay = "b", addr("2001:db8:12:3400::1")
	mustPlan(t, s)
	s = mixed() // the neighbours of a prefix are not in it
	s.Softwires[1].Relay = addr("2001:db8:100::").Prev()
	s.Softwires[0].Rules[0].IPv6, s.Softwires[0].Rules[0].EALen = prefix6("2001:db8:80::/41"), 15
	s.Softwires[0].Rules[0].IPv4 = prefix6("192.0.2.0/25")
	if _, err := NewPlan(s); !errors.Is(err, softwire.ErrRelay) {
		t.Errorf("the last address of a rule6: %v", err)
	}
	s.Softwires[1].Relay = addr("2001:db8:80::").Prev()
	mustPlan(t, s)
}

// spared reports whether one of two is an address that no destination is embedded as in the other: one that ends in 1, where there is a suffix.
func spared(a, b netip.Prefix) bool {
	of := func(p, q netip.Prefix) bool { return p.IsSingleIP() && p.Addr().As16()[15] == 1 && q.Bits() < 96 }
	return of(a, b) || of(b, a)
}

// Border relays and DMRs of two pools of a realm are apart or the same. The oracle is that of prefixes: each pair, whether one holds the other.
func TestRelaysOfTwoPools(t *testing.T) {
	bases := []string{"2001:db8::", "2001:db8:a00::", "2001:db8:a00:8000::", "2001:db8:808:808::", "2001:db9::", "2001:db8:a00::1", "2001:dba::"}
	lengths := []int{32, 40, 48, 56, 64, 96}
	seen := map[string]int{}
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 11))
		var s Spec
		var at []netip.Prefix
		for k := range 2 + r.IntN(4) {
			base := netip.MustParseAddr(bases[r.IntN(len(bases))])
			pool := SoftwireSpec{Name: fmt.Sprint("p", k), Realm: []string{"", DefaultRealm, "b"}[r.IntN(3)], Kind: []Kind{MAPE, MAPT, MAPT, LW4o6}[r.IntN(4)]}
			six := fmt.Sprintf("2001:dc%x::/48", k)
			switch pool.Kind {
			case LW4o6:
				pool.Bindings = []softwire.BindingSpec{{B4: prefix6(six), IPv4: netip.MustParseAddr(fmt.Sprintf("192.0.%d.1", k))}}
			default:
				pool.Rules = []softwire.RuleSpec{{IPv6: prefix6(six), IPv4: prefix6(fmt.Sprintf("192.0.%d.0/24", k)), EALen: 8}}
			}
			if pool.Kind == MAPT {
				pool.DMR = netip.PrefixFrom(base, lengths[r.IntN(len(lengths))]).Masked()
				at = append(at, pool.DMR)
			} else {
				pool.Relay = base
				at = append(at, netip.PrefixFrom(base, 128))
			}
			s.Softwires = append(s.Softwires, pool)
		}
		wrong := func(j, k int) bool { // j before k
			return cmp.Or(s.Softwires[j].Realm, DefaultRealm) == cmp.Or(s.Softwires[k].Realm, DefaultRealm) && at[j] != at[k] && at[j].Overlaps(at[k]) && !spared(at[j], at[k])
		}
		want := ""
		for k := range at {
			for j := range k {
				if wrong(j, k) {
					want = "refused"
				}
			}
		}
		_, err := NewPlan(s)
		invalid, refused := errors.AsType[*InvalidError](err)
		if seen[want]++; refused != (want != "") {
			t.Fatalf("seed %d: %v %+v: %v", seed, at, s.Softwires, err)
		}
		if !refused {
			continue
		}
		for _, f := range invalid.Findings {
			k := slices.IndexFunc(s.Softwires, func(p SoftwireSpec) bool { return p.Name == f.Pool })
			var others []string
			for j := range k {
				if wrong(j, k) {
					others = append(others, fmt.Sprintf("%s, the %s of pool %q", textOf(at[j]), map[bool]string{true: "DMR", false: "border relay"}[at[j].Bits() < 128], s.Softwires[j].Name))
				}
			}
			field := map[bool]string{true: "dmr", false: "relay"}[at[k].Bits() < 128]
			if !errors.Is(f.Err, softwire.ErrRelay) || f.Path != fmt.Sprintf("softwires[%d].%s", k, field) || !strings.HasPrefix(f.Msg, field+": "+textOf(at[k])+" ") ||
				!slices.ContainsFunc(others, func(o string) bool { return strings.HasSuffix(f.Msg, o) }) {
				t.Fatalf("seed %d: %v: %+v, want one of %v", seed, at, f, others)
			}
		}
	}
	if seen[""] < 300 || seen["refused"] < 300 {
		t.Errorf("valid, and refused: %v", seen)
	}
}
