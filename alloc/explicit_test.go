package alloc

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cgnkit/cgnkit/portset"
)

// legacyShares is a rule set as they are found: subscribers and addresses in no order, sets of many shapes, system ports given
// to a server, shares that interleave on an address, and an address for one subscriber alone.
const legacyShares = `
100.64.0.9 203.0.113.9 1024-2047
100.64.0.10 203.0.113.9 2048-3071
100.64.0.11 203.0.113.9 3072-4095
100.64.7.1 192.0.2.4 1024-2047
100.64.7.2 192.0.2.4 2048-2999,5000-5999,65535
100.64.7.0 192.0.2.4 4000-4999,6000-6100
100.64.0.1 203.0.113.9 80,443
100.64.0.2 203.0.113.9 4096-65535
100.64.200.200 198.51.100.1 1-24,26-65535
100.64.5.5 192.0.2.4 1,3000-3001,3003`

// listedPool returns an Explicit pool of n scattered subscribers, 32 on an address, each with one of the port sets moved up by
// 2016 ports for every slot before it.
func listedPool(n int, sets ...string) PoolSpec {
	s := PoolSpec{Name: "explicit", Scheme: Explicit}
	var slots []portset.Set
	for j := range 32 {
		var moved []portset.Range
		for r := range portSet(sets[j%len(sets)]).Ranges() {
			moved = append(moved, must(portset.NewRange(int(r.First())+j*2016, int(r.Last())+j*2016)))
		}
		slots = append(slots, must(portset.NewSet(moved...)))
	}
	for i, in := range scattered(n) {
		s.Shares = append(s.Shares, ExplicitShare{in.First(), addr4(0xc6120000 + uint32(i/32)), slots[i%32]})
	}
	return s
}

// drawShares draws shares of some of the inside addresses on the outside addresses. Most of them do not collide.
func drawShares(t *rapid.T, inside, outside []AddrRange) []ExplicitShare {
	in, out := firstAddrs(inside, 24), firstAddrs(outside, 6)
	var shares []ExplicitShare
	next := map[uint32]int{} // the lowest port of an outside address that nobody has
	for _, a := range in {
		o := rapid.SampledFrom(out).Draw(t, "on")
		first := max(next[o], rapid.SampledFrom([]int{1, 1, 1024, 1024, 1024, 1024}).Draw(t, "lowest"))
		var list []portset.Range
		for range rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(t, "ranges") {
			last := first + rapid.SampledFrom([]int{0, 1, 99, 999, 999, 999}).Draw(t, "more")
			if last > 65535 {
				break
			}
			list = append(list, must(portset.NewRange(first, last)))
			first = last + 1 + rapid.SampledFrom([]int{0, 1, 1000}).Draw(t, "gap")
		}
		next[o] = first
		if rapid.IntRange(0, 400).Draw(t, "collide") == 0 {
			next[o] = 0
		}
		if len(list) > 0 {
			shares = append(shares, ExplicitShare{addr4(a), addr4(o), must(portset.NewSet(list...))})
		}
	}
	if len(shares) > 1 && rapid.Bool().Draw(t, "shuffle shares") {
		shares = rapid.Permutation(shares).Draw(t, "share order")
	}
	if len(shares) > 0 && rapid.IntRange(0, 60).Draw(t, "spoil shares") == 0 {
		shares = append(shares, rapid.SampledFrom([]ExplicitShare{{}, shares[0], {Inside: shares[0].Inside, Outside: addr("192.0.2.250"), Ports: portSet("5000")}, {Inside: addr("127.0.0.1"), Outside: addr("192.0.2.1"), Ports: portSet("1024")}}).Draw(t, "bad share"))
	}
	return shares
}

// firstAddrs lists the first n addresses of ranges. One that no pool can have may hold 2^28.
func firstAddrs(ranges []AddrRange, n int) (list []uint32) {
	for _, r := range ranges {
		for a := r.First(); r.Contains(a) && len(list) < n; a = a.Next() {
			list = append(list, u32(a))
		}
	}
	return list
}

func TestExhaustiveExplicit(t *testing.T) {
	for name, s := range map[string]Spec{
		"legacy":              spec(explicit("p", legacyShares)),
		"reserved":            spec(explicit("p", legacyShares, reserve("25"))),
		"one":                 spec(explicit("p", "100.64.0.1 192.0.2.1 1-65535")),
		"one port":            spec(explicit("p", "100.64.0.1 192.0.2.1 65535", usable("1024-65535"))),
		"every other port":    spec(explicit("p", "100.64.0.1 192.0.2.1 2,4,6,8,10\n100.64.0.3 192.0.2.1 1,3,5,7,9,65535")),
		"beside others":       spec(pool("a", "100.65.0.0/28", "192.0.2.3"), explicit("p", legacyShares), pool("z", "100.64.0.128/28", "192.0.2.5")),
		"several explicit":    spec(explicit("p", legacyShares), explicit("q", "100.64.0.12 203.0.113.10 1024-2047\n100.64.0.13 203.0.113.8 1024-2047")),
		"in two realms":       spec(explicit("p", legacyShares), explicit("q", "100.64.0.9 203.0.113.10 1024-2047", realmB)),
		"hundreds":            spec(listedPool(200, "1024-2023", "1024-1500,1502-2023")),
		"addresses ascending": spec(explicit("p", "100.64.0.0 192.0.2.0 1024-2047\n100.64.0.1 192.0.2.1 1024-2047\n100.64.0.2 192.0.2.2 1024-2047")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !exhaust(t, name, s) {
				t.Error("the spec is no valid plan")
			}
		})
	}
}

// TestPropertyExplicitIsChecked compares whether NewPlan takes a list with a count of the owners of every port.
func TestPropertyExplicitIsChecked(t *testing.T) {
	taken, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		s := PoolSpec{Name: "p", Scheme: Explicit}
		if rapid.Bool().Draw(t, "ports given") {
			s.Ports = portRange("2-60")
		}
		for range rapid.IntRange(1, 6).Draw(t, "shares") {
			var list []portset.Range
			for range rapid.IntRange(1, 3).Draw(t, "ranges") {
				first := rapid.IntRange(1, 60).Draw(t, "first")
				list = append(list, must(portset.NewRange(first, first+rapid.IntRange(0, 4).Draw(t, "more"))))
			}
			s.Shares = append(s.Shares, ExplicitShare{addr4(0x64400000 + uint32(rapid.IntRange(0, 30).Draw(t, "inside"))),
				addr4(0xc0000200 + uint32(rapid.IntRange(0, 1).Draw(t, "outside"))), must(portset.NewSet(list...))})
		}
		want := map[error]bool{}
		owner, subscribers := map[netip.AddrPort]int{}, map[netip.Addr]bool{}
		for _, e := range s.Shares {
			want[ErrDuplicate] = want[ErrDuplicate] || subscribers[e.Inside]
			subscribers[e.Inside] = true
			for p := range e.Ports.Ports() {
				at := netip.AddrPortFrom(e.Outside, p)
				want[ErrOverlap] = want[ErrOverlap] || owner[at] > 0
				owner[at]++
				want[ErrPorts] = want[ErrPorts] || s.Ports.IsValid() && !s.Ports.Contains(p)
			}
		}
		got := map[error]bool{}
		for _, f := range findingsOf(t, spec(s)) {
			got[f.Err] = true
		}
		// One kind may hide those behind it.
		for _, kind := range []error{ErrPorts, ErrDuplicate, ErrOverlap} {
			if got[kind] != want[kind] {
				t.Fatalf("%v found: %v, want %v: %v", kind, got[kind], want[kind], s.Shares)
			}
			if want[kind] {
				refused++
				return
			}
		}
		if len(got) > 0 {
			t.Fatalf("found %v in %v", got, s.Shares)
		}
		taken++
	})
	if taken == 0 || refused == 0 {
		t.Errorf("%d were taken and %d refused: the generator is useless", taken, refused)
	}
}

func TestExplicitHolders(t *testing.T) {
	p := mustPlan(t, spec(explicit("p", legacyShares)))
	for outside, want := range map[string]string{
		"203.0.113.9":  "100.64.0.1 100.64.0.9 100.64.0.10 100.64.0.11 100.64.0.2",
		"192.0.2.4":    "100.64.5.5 100.64.7.1 100.64.7.2 100.64.7.0",
		"198.51.100.1": "100.64.200.200",
		"198.51.100.2": "",
	} {
		var got []string
		for a := range p.Holders(addr(outside)) {
			got = append(got, a.Inside().String())
			if a.Outside() != addr(outside) {
				t.Errorf("a holder on %s is on %v", outside, a.Outside())
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("Holders(%s) = %v, want %s", outside, got, want)
		}
		for range p.Holders(addr(outside)) {
			break
		}
	}
}

// TestExplicitRuns checks that runs are as long as they can be, and that stopping in the middle stops.
func TestExplicitRuns(t *testing.T) {
	p := mustPlan(t, spec(explicit("p", legacyShares)))
	var got []int
	for r := range p.pools[0].Runs() {
		got = append(got, r.Len)
	}
	if want := []int{3, 1, 1, 1, 1, 1, 1, 1}; !slices.Equal(got, want) {
		t.Errorf("runs of %v, want %v", got, want)
	}
	for r := range p.pools[0].Runs() {
		if r.Len == 1 {
			break
		}
	}
}

// TestExplicitDiff moves one, takes one away and adds one, in another order and in a pool of another name.
func TestExplicitDiff(t *testing.T) {
	older := mustPlan(t, spec(explicit("p", legacyShares)))
	changed := strings.ReplaceAll(legacyShares, "100.64.7.0 192.0.2.4 4000-4999,6000-6100", "100.64.7.0 192.0.2.4 4000-4999,6000-6101")
	changed = strings.ReplaceAll(changed, "100.64.5.5", "100.64.5.6")
	lines := strings.Split(strings.TrimSpace(changed), "\n")
	slices.Reverse(lines)
	d := Diff(older, mustPlan(t, spec(explicit("q", strings.Join(lines, "\n")))))
	if d.Kept != 8 || d.Moved != 1 || d.Added != 1 || d.Removed != 1 {
		t.Errorf("%+v", d)
	}
}

// TestExplicitOfEveryScheme writes down the shares of a plan of every other scheme: the answers are the same.
func TestExplicitOfEveryScheme(t *testing.T) {
	for _, kind := range []Scheme{Sequential, Spread, Stripe, Staggered, Step, PSID, Random} {
		t.Run(kind.String(), func(t *testing.T) {
			s := pool("p", "100.64.9.0/25 100.64.1.0/28", "192.0.2.9 192.0.2.0/30", scheme(kind), reserve("5060"))
			switch kind {
			case Step:
				s.StepSize = 4
			case Random:
				s.KeyID = testKey.ID()
			}
			p := mustPlan(t, Spec{Pools: []PoolSpec{s}, Keys: []Key{testKey}})
			list := PoolSpec{Name: "p", Scheme: Explicit, Ports: portRange("1024-65535"), Reserve: portSet("5060")}
			for a := range p.All() {
				list.Shares = append(list.Shares, ExplicitShare{a.Inside(), a.Outside(), a.Ports()})
			}
			q := mustPlan(t, spec(list))
			if d := Diff(p, q); !d.IsEmpty() || d.Kept != p.Subscribers() {
				t.Errorf("the list differs: %+v", d)
			}
			rng := rand.New(rand.NewPCG(1, uint64(kind)))
			for range 20000 {
				at, port := addr4(0xc0000200+rng.Uint32N(12)), uint16(rng.Uint32N(65536))
				one, other := answerOf(p.Trace(at, port)), answerOf(q.Trace(at, port))
				if one.status == Unassigned { // a list has no share that nobody holds
					one = slowAnswer{status: Tail, pool: one.pool}
				}
				if one != other {
					t.Fatalf("Trace(%v, %d) = %+v, and of the list %+v", at, port, one, other)
				}
			}
		})
	}
}

// TestExplicitMemory holds IndexBytes to what its documentation says, on scattered subscribers and on a list in one piece.
func TestExplicitMemory(t *testing.T) {
	const n = 100_000
	p := mustPlan(t, spec(listedPool(n, "1024-3039")))
	if got := float64(p.pools[0].IndexBytes()) / n; got > 32 {
		t.Errorf("%.1f bytes a scattered subscriber, want at most 32", got)
	}
	s := listedPool(n, "1024-3039")
	for i := range s.Shares {
		s.Shares[i].Inside = addr4(0x64400000 + uint32(i))
	}
	if got := float64(mustPlan(t, spec(s)).pools[0].IndexBytes()) / n; got > 15 {
		t.Errorf("%.1f bytes a subscriber of one prefix, want at most 15", got)
	}
}

func TestExplicitIsNoPlacement(t *testing.T) {
	if _, err := NewPlacement(explicit("p", legacyShares)); !errors.Is(err, ErrScheme) {
		t.Errorf("NewPlacement: %v, want %v", err, ErrScheme)
	}
}

func TestExplicitShareText(t *testing.T) {
	for text, want := range map[string]string{
		"100.64.0.1 198.18.0.1 1024-2047":         "100.64.0.1 198.18.0.1 1024-2047",
		"  100.64.0.1\t198.18.0.1  2047,1-2,3 ":   "100.64.0.1 198.18.0.1 1-3,2047",
		"100.64.0.1 198.18.0.1":                   `invalid share "100.64.0.1 198.18.0.1": want inside address, outside address and ports, such as 100.64.0.1 198.18.0.1 1024-2047`,
		"100.64.0.1 198.18.0.1 1024 - 2047":       `invalid share "100.64.0.1 198.18.0.1 1024 - 2047": want inside address, outside address and ports, such as 100.64.0.1 198.18.0.1 1024-2047`,
		"100.64.0.1 198.18.0.300 1024":            `invalid share: invalid address "198.18.0.300": want an IPv4 address such as 100.64.0.1`,
		"2001:db8::1 198.18.0.1 1024":             `invalid share: invalid address "2001:db8::1": this is IPv6; NAT44 takes IPv4 addresses`,
		"100.64.0.1 198.18.0.1 1024-":             `invalid share: port range "1024-": invalid port set text: a port is missing`,
		"100.64.0.1 198.18.0.1 70000":             `invalid share: port range "70000": `,
		strings.Repeat("1 ", 50_000) + "\x1b[2J ": `invalid share "1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ": want`,
	} {
		s, err := ParseExplicitShare(text)
		got := s.String()
		if err != nil {
			got = err.Error()
			if !errors.Is(err, ErrShare) || s.IsValid() {
				t.Errorf("ParseExplicitShare(%.40q) = %v, %v", text, s, err)
			}
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("ParseExplicitShare(%.40q)\n got %s\nwant %s", text, got, want)
		}
	}
	if _, err := (ExplicitShare{}).MarshalText(); !errors.Is(err, ErrShare) || (ExplicitShare{}).String() != "invalid ExplicitShare" {
		t.Errorf("the zero share has a text: %v", err)
	}
}

func FuzzParseExplicitShare(f *testing.F) {
	for _, s := range []string{"100.64.0.1 198.18.0.1 1024-2047", "1.2.3.4 5.6.7.8 1,3,5-9", "1.2.3.4  5.6.7.8\t65535", "::1 1.1.1.1 1", "1.2.3.4 5.6.7.8 9-1", "", "a b c", "1.2.3.4 5.6.7.8 1 2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseExplicitShare(text)
		if err != nil {
			if !errors.Is(err, ErrShare) || s.IsValid() {
				t.Fatalf("%v, %v", s, err)
			}
			return
		}
		var again ExplicitShare
		if b := must(s.MarshalText()); again.UnmarshalText(b) != nil || again.Inside != s.Inside || again.Outside != s.Outside || !again.Ports.Equal(s.Ports) {
			t.Fatalf("%q reads back as %v", b, again)
		}
	})
}

// Alone is asked of the address: a second share takes it from the first, and what other addresses have does not matter.
func TestAlone(t *testing.T) {
	for name, tt := range map[string]struct {
		pool  PoolSpec
		alone string // the subscribers
	}{
		"1:1":                       {pool("p", "100.64.0.0/31", "192.0.2.0/31", ratio(1)), "[100.64.0.0 100.64.0.1]"},
		"1:1, some of the ports":    {pool("p", "100.64.0.0/31", "192.0.2.0/31", ratio(1), usable("2000-2999")), "[100.64.0.0 100.64.0.1]"},
		"shared, one is there":      {pool("p", "100.64.0.0", "192.0.2.0", ratio(2)), "[]"},
		"psid":                      {pool("p", "100.64.0.0", "192.0.2.0", scheme(PSID), ratio(64)), "[]"},
		"a list, all alone":         {explicit("p", "100.64.0.1 192.0.2.1 1-65535\n100.64.0.2 192.0.2.2 7"), "[100.64.0.1 100.64.0.2]"},
		"a list, some of the ports": {explicit("p", "100.64.0.1 192.0.2.1 1-99,200-299\n100.64.0.2 192.0.2.2 1-9\n100.64.0.3 192.0.2.2 10"), "[100.64.0.1]"},
		"a list, ranges in turn":    {explicit("p", "100.64.0.2 192.0.2.2 1-9,30-39\n100.64.0.3 192.0.2.2 10-19\n100.64.0.1 192.0.2.9 1,3,5"), "[100.64.0.1]"},
		"a list, all shared":        {explicit("p", "100.64.0.2 192.0.2.2 1-9\n100.64.0.3 192.0.2.2 65535"), "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			alone := []netip.Addr{}
			for a := range mustPlan(t, spec(tt.pool)).All() {
				if a.Alone() {
					alone = append(alone, a.Inside())
				}
			}
			if got := fmt.Sprint(alone); got != tt.alone {
				t.Errorf("alone are %s, want %s", got, tt.alone)
			}
		})
	}
}
