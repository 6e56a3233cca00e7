package rulefile_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/rulefile"
	"github.com/cgnkit/cgnkit/portset"
)

// TestNoScheme reads shares that follow no scheme, beside some that do: the first are listed, and both are given.
func TestNoScheme(t *testing.T) {
	rng := seeded(t)
	for range 50 {
		_, plan := randomPlan(t, rng, alloc.Sequential)
		shares := sharesOf(plan)
		odd := map[netip.Addr]bool{}
		for k := range uint32(2 + rng.IntN(20)) {
			size := 100 + rng.IntN(50)
			a, b := wanted{addr4(10<<24 + 3*k), addr4(203<<24 + k), ports(t, fmt.Sprintf("1100-%d", 1100+size))}, wanted{addr4(10<<24 + 3*k + 1), addr4(203<<24 + k), ports(t, fmt.Sprintf("3000-%d", 3000+2*size))}
			shares = append(shares, a, b)
			odd[a.inside], odd[b.inside] = true, true
		}
		text, _ := csvTable(shares)
		spec, x, err := rulefile.Infer(parse(t, "csv", text))
		if err != nil {
			t.Fatal(err)
		}
		listed := spec.Pools[len(spec.Pools)-1]
		if listed.Scheme != alloc.Explicit || len(listed.Shares) != len(odd) || !contains(x.Lines()[len(spec.Pools)-1], "follow no scheme") {
			t.Fatalf("%d shares are listed, want %d: %q", len(listed.Shares), len(odd), x.Lines())
		}
		for _, s := range listed.Shares {
			if !odd[s.Inside] {
				t.Fatalf("%v is listed, and follows a scheme", s)
			}
		}
		got, err := alloc.NewPlan(spec)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range shares {
			a, err := got.Lookup(alloc.SubscriberFrom("", s.inside))
			if err != nil || a.Outside() != s.outside || !a.Ports().Equal(s.ports) {
				t.Fatalf("%v: got %v, %v", s.inside, a, err)
			}
		}
	}
}

// TestNoOrderIsListed reads shares of a regular layout that were given to subscribers in no order.
func TestNoOrderIsListed(t *testing.T) {
	rng := seeded(t)
	var shares []wanted
	for i, k := range rng.Perm(1024) {
		first := 1024 + i%32*2000
		shares = append(shares, wanted{addr4(100<<24 + uint32(k)), addr4(198<<24 + uint32(i/32)), ports(t, fmt.Sprintf("%d-%d", first, first+1999))})
	}
	text, _ := csvTable(shares)
	spec, _, err := rulefile.Infer(parse(t, "csv", text))
	if err != nil || len(spec.Pools) != 1 || len(spec.Pools[0].Shares) != 1024 {
		t.Fatalf("got %v, %d pools; want 1024 listed shares", err, len(spec.Pools))
	}
}

// TestRandomIsListed reads the shares of a key that nobody knows.
func TestRandomIsListed(t *testing.T) {
	key, err := alloc.ParseKey("000102030405060708090a0b0c0d0e0f")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := alloc.NewPlan(alloc.Spec{Keys: []alloc.Key{key}, Pools: []alloc.PoolSpec{{Name: "r", Scheme: alloc.Random, KeyID: key.ID(), PortsPerSubscriber: 60,
		Inside: []alloc.AddrRange{addrRange(t, "100.64.0.0/26")}, Outside: []alloc.AddrRange{addrRange(t, "198.18.0.0/30")}, SharingRatio: 16}}})
	if err != nil {
		t.Fatal(err)
	}
	text, _ := csvTable(sharesOf(plan))
	table := parse(t, "csv", text)
	spec, _, err := rulefile.Infer(table)
	if err != nil || len(spec.Pools) != 1 || len(spec.Pools[0].Shares) != 64 {
		t.Fatalf("got %v, %d pools; want 64 listed shares", err, len(spec.Pools))
	}
	inferred(t, table, plan, "csv")
}

// TestIrregularTables infers from tables in which every address has a layout of its own: few pools are made, and all shares are given.
func TestIrregularTables(t *testing.T) {
	rng := seeded(t)
	var shares []wanted
	for k := range uint32(3000) {
		first := 1024 + rng.IntN(500)
		for j := range uint32(3) {
			n := 50 + rng.IntN(3000)
			shares = append(shares, wanted{addr4(10<<24 + 4*k + j), addr4(198<<24 + 18<<16 + k), ports(t, fmt.Sprintf("%d-%d", first, first+n))})
			first += n + 1 + rng.IntN(300)
		}
	}
	text, _ := csvTable(shares)
	table := parse(t, "csv", text)
	spec, _, err := rulefile.Infer(table)
	if err != nil || len(spec.Pools) > 70 {
		t.Fatalf("got %v, %d pools", err, len(spec.Pools))
	}
	if d := differences(table, shares); len(d) > 0 {
		t.Fatalf("%d shares differ", len(d))
	}
}

var found = []alloc.Scheme{alloc.Sequential, alloc.Spread, alloc.Stripe, alloc.Staggered, alloc.Step, alloc.PSID}

// TestEveryStyle writes random plans in every style of operators' scripts, reads them back and infers a plan: each subscriber
// has the same share in all of them.
func TestEveryStyle(t *testing.T) {
	rng := seeded(t)
	written := map[string]int{}
	for i := range 180 {
		scheme := found[i%len(found)]
		_, plan := randomPlan(t, rng, scheme)
		shares := sharesOf(plan)
		for _, w := range writers {
			text, ok := w.write(shares)
			if !ok {
				continue
			}
			written[w.name]++
			table := parse(t, w.format, text)
			if d := differences(table, shares); len(d) > 0 {
				t.Fatalf("%s, %v: %d subscribers differ, the first %v\n%s", w.name, scheme, len(d), d[0], head(text))
			}
			inferred(t, table, plan, w.name)
		}
	}
	for _, w := range writers {
		if written[w.name] < 5 {
			t.Errorf("%s: only %d plans were written", w.name, written[w.name])
		}
	}
}

// inferred infers a plan and compares it with the one that the rules were written from.
func inferred(t *testing.T, table *rulefile.Table, plan *alloc.Plan, style string) {
	t.Helper()
	spec, x, err := rulefile.Infer(table)
	if err != nil {
		var scheme alloc.Scheme
		for p := range plan.Pools() {
			scheme = p.Scheme()
		}
		t.Fatalf("%s, scheme %v: %v", style, scheme, err)
	}
	got, err := alloc.NewPlan(spec)
	if err != nil {
		t.Fatal(err)
	}
	if d := alloc.Diff(plan, got); !d.IsEmpty() {
		t.Fatalf("%s: moved %d, added %d, removed %d: %q", style, d.Moved, d.Added, d.Removed, x.Lines())
	}
	if len(x.Lines()) != len(spec.Pools) || x.Shares != table.Len() {
		t.Fatalf("%s: %q does not explain %d pools", style, x.Lines(), len(spec.Pools))
	}
}

// TestOneRuleChanged changes one share of a file and expects exactly that subscriber to differ.
func TestOneRuleChanged(t *testing.T) {
	rng := seeded(t)
	for range 60 {
		_, plan := randomPlan(t, rng, found[rng.IntN(3)])
		shares := sharesOf(plan)
		for _, w := range writers {
			changed := append([]wanted(nil), shares...)
			k := rng.IntN(len(changed))
			victim := changed[k].inside
			if mutate(rng, &changed, k) && len(changed) == 0 {
				continue
			}
			text, ok := w.write(changed)
			if !ok {
				continue
			}
			table, err := tryParse(t, w.format, text)
			if errors.Is(err, rulefile.ErrNothing) {
				continue
			} else if err != nil {
				t.Fatalf("%s: %v", w.name, err)
			}
			if d := differences(table, shares); len(d) != 1 || d[0] != victim {
				t.Fatalf("%s: %v differ, want %v alone", w.name, d, victim)
			}
		}
	}
}

// mutate changes share k: its ports, its address, or it is removed.
func mutate(rng *rand.Rand, shares *[]wanted, k int) (removed bool) {
	s := &(*shares)[k]
	switch rng.IntN(3) {
	case 0:
		var ranges []portset.Range
		for r := range s.ports.Ranges() {
			ranges = append(ranges, r)
		}
		last := &ranges[len(ranges)-1]
		if r, err := portset.NewRange(int(last.First()), int(last.Last())-1); err == nil {
			*last = r
		} else {
			*last, _ = portset.NewRange(int(last.First())-1, int(last.Last()))
		}
		s.ports, _ = portset.NewSet(ranges...)
	case 1:
		s.outside = addr("203.0.113.77")
	default:
		*shares = append((*shares)[:k], (*shares)[k+1:]...)
		return true
	}
	return false
}

// TestSecondRuleForASubscriber adds a rule for a subscriber that has one: behind it, it can never match; before it, it wins.
func TestSecondRuleForASubscriber(t *testing.T) {
	const one = "-A POSTROUTING -s 100.64.0.1 -p tcp -j SNAT --to-source 198.18.0.1:1024-2047\n-A POSTROUTING -s 100.64.0.1 -p udp -j SNAT --to-source 198.18.0.1:1024-2047\n"
	const two = "-A POSTROUTING -s 100.64.0.1 -p tcp -j SNAT --to-source 198.18.0.1:2048-3071\n-A POSTROUTING -s 100.64.0.1 -p udp -j SNAT --to-source 198.18.0.1:2048-3071\n"
	for _, c := range []struct{ text, want string }{{one + two, "1024-2047"}, {two + one, "2048-3071"}} {
		table := parse(t, "iptables", "*nat\n"+c.text+"COMMIT\n")
		s, ok := table.Find(addr("100.64.0.1"))
		if !ok || s.Ports.String() != c.want {
			t.Errorf("got %v, want %s", s.Ports, c.want)
		}
		if !hasFinding(table, "can never match", 4, 2) {
			t.Errorf("the rule that never matches is not noted: %+v", table.Findings())
		}
	}
}

func hasFinding(t *rulefile.Table, msg string, line, count int) bool {
	for _, f := range t.Findings() {
		if contains(f.Msg, msg) && f.Line == line && f.Count == count {
			return true
		}
	}
	return false
}

// TestVyOS reads what VyOS makes of its configuration, in both ways of writing it.
func TestVyOS(t *testing.T) {
	rng := seeded(t)
	for i := range 100 {
		first := 1024 + rng.IntN(2000)
		last := 60000 + rng.IntN(5536)
		size := 200 + rng.IntN(5000)
		var want []wanted
		inside := []string{"100.64.0.0/26", "100.64.1.7", "100.64.2.3-100.64.2.40"}
		outside := []string{"203.0.113.128/26", "192.0.2.5", "198.51.100.9-198.51.100.70"}
		var addrs []netip.Addr
		for _, k := range []int{2, 0, 1} { // by seq
			for a := addrRange(t, outside[k]).First(); addrRange(t, outside[k]).Contains(a); a = a.Next() {
				addrs = append(addrs, a)
			}
		}
		per, n := (last-first+1)/size, 0
		for _, r := range inside {
			for a := addrRange(t, r).First(); addrRange(t, r).Contains(a); a = a.Next() {
				lo := first + n%per*size
				want = append(want, wanted{a, addrs[n/per], ports(t, fmt.Sprintf("%d-%d", lo, lo+size-1))})
				n++
			}
		}
		text := fmt.Sprintf(`set nat cgnat pool external ext external-port-range '%d-%d'
set nat cgnat pool external ext per-user-limit port '%d'
set nat cgnat pool external ext range 203.0.113.128/26 seq '20'
set nat cgnat pool external ext range 192.0.2.5
set nat cgnat pool external ext range 198.51.100.9-198.51.100.70 seq '10'
set nat cgnat pool internal int range 100.64.0.0/26
set nat cgnat pool internal int range '100.64.1.7'
set nat cgnat pool internal int range '100.64.2.3-100.64.2.40'
set nat cgnat rule 10 source pool 'int'
set nat cgnat rule 10 translation pool ext
`, first, last, size)
		if i%2 == 1 {
			text = fmt.Sprintf(`interfaces {
    ethernet eth0 {
        address dhcp
    }
}
nat {
    cgnat {
        pool {
            external ext {
                external-port-range %d-%d
                per-user-limit {
                    port %d
                }
                range 203.0.113.128/26 {
                    seq 20
                }
                range 192.0.2.5 {
                }
                range 198.51.100.9-198.51.100.70 {
                    seq 10
                }
            }
            internal int {
                range 100.64.0.0/26
                range 100.64.1.7
                range "100.64.2.3-100.64.2.40"
            }
        }
        rule 10 {
            source {
                pool int
            }
            translation {
                pool ext
            }
        }
    }
}
`, first, last, size)
		}
		table := parse(t, "vyos", text)
		if d := differences(table, want); len(d) > 0 {
			t.Fatalf("%d differ, the first %v, in\n%s", len(d), d[0], text)
		}
		if _, _, err := rulefile.Infer(table); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNetmapStripes reads the stripes of RouterOS netmap: the i-th inside to the i-th outside, port range by port range.
func TestNetmapStripes(t *testing.T) {
	text := "/ip firewall nat\nadd chain=srcnat action=jump jump-target=CGNAT src-address=100.64.0.0/19\n"
	var want []wanted
	for stripe := range 32 {
		lo, hi := 1536+2000*stripe, 1536+2000*stripe+1999
		for _, p := range []string{"tcp", "udp"} {
			text += fmt.Sprintf("add chain=CGNAT action=netmap protocol=%s src-address=100.64.%d.0/24 to-addresses=198.18.4.0/24 to-ports=%d-%d\n", p, stripe, lo, hi)
		}
		text += fmt.Sprintf("add chain=CGNAT action=netmap src-address=100.64.%d.0/24 to-addresses=198.18.4.0/24\n", stripe)
		for i := range 256 {
			want = append(want, wanted{addr(fmt.Sprintf("100.64.%d.%d", stripe, i)), addr(fmt.Sprintf("198.18.4.%d", i)), ports(t, fmt.Sprintf("%d-%d", lo, hi))})
		}
	}
	table := parse(t, "routeros", text)
	if d := differences(table, want); len(d) > 0 {
		t.Fatalf("%d differ, the first %v", len(d), d[0])
	}
	spec, _, err := rulefile.Infer(table)
	if err != nil {
		t.Fatal(err)
	}
	if p := spec.Pools[0]; len(spec.Pools) != 1 || p.Scheme != alloc.Stripe || len(p.Inside) != 1 || p.Inside[0].String() != "100.64.0.0/19" || p.PortsPerSubscriber != 2000 {
		t.Errorf("got %+v, want one stripe over 100.64.0.0/19", spec.Pools)
	}
}
