package nat44

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cgnkit/cgnkit/alloc"
)

func TestParseInstance(t *testing.T) {
	long := strings.Repeat("x", maxInstance)
	for _, tt := range []struct{ name, want, table string }{
		{"", "cgn", "cgn"},
		{"cgn", "cgn", "cgn"},
		{"a", "a", "cgn_a"},
		{"north-2", "north-2", "cgn_north-2"},
		{"under_score", "under_score", "cgn_under_score"},
		{"ends-", "ends-", "cgn_ends-"},
		{"cgn_north", "cgn_north", "cgn_cgn_north"}, // not the table of north
		{"north", "north", "cgn_north"},
		{"cgn-", "cgn-", "cgn_cgn-"},
		{long, long, "cgn_" + long},
		// Words of the nft language.
		{"table", "table", "cgn_table"},
		{"ip", "ip", "cgn_ip"},
		{"inet", "inet", "cgn_inet"},
		{"mark", "mark", "cgn_mark"},
	} {
		i, err := ParseInstance(tt.name)
		if err != nil || i.String() != tt.want || i.Table() != tt.table {
			t.Errorf("ParseInstance(%q) = %v, table %s, %v; want %s, %s", tt.name, i, i.Table(), err, tt.want, tt.table)
		}
	}
}

func TestParseInstanceRefuses(t *testing.T) {
	for _, name := range []string{
		strings.Repeat("x", maxInstance+1), "A", "norTh", "north ", " north", "1north", "-north", "_north", "nor th", "nor.th", "nor/th", "north\n",
		"nörth", "north;", "north}", `nor"th`, "nor\x00th", "../north", "no\tth", "@north",
	} {
		i, err := ParseInstance(name)
		want := fmt.Sprintf("invalid instance name %q: want 1 to 32 lower-case letters, digits, '-' and '_', a letter first", name)
		if !errors.Is(err, ErrInstance) || err.Error() != want || i != (Instance{}) {
			t.Errorf("ParseInstance(%q) = %v, %v", name, i, err)
		}
	}
}

// TestInstancesDoNotMeet checks that two names never share a table.
func TestInstancesDoNotMeet(t *testing.T) {
	name := rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"", "cgn", "cgn_", "a", "cgn_a"}).Draw(t, "start") + rapid.StringMatching(`[a-z0-9_-]{0,3}`).Draw(t, "rest")
	})
	rapid.Check(t, func(t *rapid.T) {
		a, errA := ParseInstance(name.Draw(t, "a"))
		b, errB := ParseInstance(name.Draw(t, "b"))
		if errA == nil && errB == nil && (a == b) != (a.Table() == b.Table()) {
			t.Fatalf("%v has table %s, %v has table %s", a, a.Table(), b, b.Table())
		}
	})
}

func TestNewRulesetRefuses(t *testing.T) {
	const realms = " overlap in different realms, and one kernel table tells subscribers apart by address alone; " +
		"give each realm a plan, an instance and a network namespace of its own"
	for name, tt := range map[string]struct {
		plan     *alloc.Plan
		instance Instance
		is       error
		want     string
	}{
		"no instance": {plan(pool("a", "100.64.0.1", "192.0.2.1", ratio(1))), Instance{}, ErrInstance, "invalid instance name: it is empty"},
		"no pools":    {&alloc.Plan{}, cgn, ErrInexpressible, "nftables cannot express this plan: it has no subscribers of NAT44"},
		"the same addresses in two realms": {
			plan(pool("a", "10.0.0.0/24", "192.0.2.0/28", realm("a"), ratio(32)), pool("b", "10.0.0.0/24", "192.0.2.16/28", realm("b"), ratio(32))),
			cgn, ErrInexpressible, "nftables cannot express this plan: inside 10.0.0.0-10.0.0.255 and 10.0.0.0-10.0.0.255" + realms,
		},
		"one address in two realms": {
			plan(pool("a", "10.0.0.0/24 10.9.9.9", "192.0.2.0/28", realm("a"), ratio(32)),
				pool("b", "10.9.0.0/20", "198.18.0.0/24", realm("b"), ratio(32))),
			cgn, ErrInexpressible, "nftables cannot express this plan: inside 10.9.0.0-10.9.15.255 and 10.9.9.9" + realms,
		},
		"the last address of one is the first of the other": {
			plan(pool("a", "10.0.0.1-10.0.0.9", "192.0.2.0/28", realm("a"), ratio(32)), pool("b", "10.0.0.9-10.0.0.12", "192.0.2.16/28", realm("b"), ratio(32))),
			cgn, ErrInexpressible, "nftables cannot express this plan: inside 10.0.0.1-10.0.0.9 and 10.0.0.9-10.0.0.12" + realms,
		},
	} {
		t.Run(name, func(t *testing.T) {
			rs, err := NewRuleset(tt.plan, tt.instance)
			if rs != nil || !errors.Is(err, tt.is) || err.Error() != tt.want {
				t.Errorf("got %v, %v\nwant %s", rs, err, tt.want)
			}
		})
	}
}

// TestRealmsThatDoNotMeet checks that realms as such are no obstacle.
func TestRealmsThatDoNotMeet(t *testing.T) {
	p := plan(pool("a", "10.0.0.0-10.0.0.8", "192.0.2.0/28", realm("a"), ratio(32)), pool("b", "10.0.0.9-10.0.0.12", "192.0.2.16/28", realm("b"), ratio(32)))
	rs, err := NewRuleset(p, cgn)
	if err != nil {
		t.Fatal(err)
	}
	checkElements(t, rs)
	if got := fmt.Sprint(rs.inside); got != "[10.0.0.0-10.0.0.12]" {
		t.Errorf("inside is %s", got)
	}
}

// TestOutsideInsideAnotherRealm: outside addresses of one realm may be inside addresses of another as far as the plan goes, but in
// one table the guard would take what is translated to them for something that leaves untranslated, and drop all of it.
func TestOutsideInsideAnotherRealm(t *testing.T) {
	p := plan(
		pool("a", "10.0.0.0/24", "192.0.2.0/28", realm("a"), ratio(32)),
		pool("b", "172.16.0.0/24", "10.0.0.16/28", realm("b"), ratio(32)))
	if _, err := NewRuleset(p, cgn); !errors.Is(err, ErrInexpressible) {
		t.Errorf("outside 10.0.0.16/28 of realm b is inside in realm a, and the plan is taken (%v)", err)
	}
}

func TestRulesetRemembers(t *testing.T) {
	p := planBut("203.0.113.128/25, 203.0.113.0/25, 203.0.113.5 udp/53, 198.51.100.7, 0.0.0.0/0 tcp/25",
		pool("b", "100.64.1.0/24", "192.0.2.16/28", ratio(32)), pool("a", "100.64.0.0/24", "192.0.2.0/28 192.0.2.33", ratio(32)))
	rs := must(NewRuleset(p, must(ParseInstance("north"))))
	if rs.Plan() != p || rs.Instance().String() != "north" || rs.Elements() != 512 {
		t.Errorf("plan %p, instance %v, %d elements", rs.Plan(), rs.Instance(), rs.Elements())
	}
	got := fmt.Sprint(rs.inside, rs.outside, rs.exempt, rs.services)
	want := "[100.64.0.0-100.64.1.255] [192.0.2.0-192.0.2.31 192.0.2.33] [198.51.100.7 203.0.113.0-203.0.113.255] [203.0.113.5 udp/53 0.0.0.0/0 tcp/25]"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWarnings(t *testing.T) {
	const single = ": some ranges have one port, which nft list prints in a way that nft -f does not take again; restore them with cgnctl, not from a saved listing"
	const end = " ports: a new flow is dropped when the range that its endpoint hashes to is full, though others may be free"
	for name, tt := range map[string]struct {
		pools []alloc.PoolSpec
		want  []string
	}{
		"one range":               {[]alloc.PoolSpec{pool("a", "100.64.0.0/27", "192.0.2.0/28", share(20))}, nil},
		"ranges of 64":            {[]alloc.PoolSpec{pool("a", "100.64.0.0/27", "192.0.2.0/28", mapped(4, 6))}, nil},
		"ranges of 32":            {[]alloc.PoolSpec{pool("a", "100.64.0.0/27", "192.0.2.0/28", mapped(4, 7))}, []string{`pool "a": shares have up to 15 ranges, some of only 32` + end}},
		"a hole near the edge":    {[]alloc.PoolSpec{pool("a", "100.64.0.0/27", "192.0.2.0/28", share(2000), reserved("1087"))}, []string{`pool "a": shares have up to 2 ranges, some of only 63` + end}},
		"a hole that leaves 64":   {[]alloc.PoolSpec{pool("a", "100.64.0.0/27", "192.0.2.0/28", share(2000), reserved("1088"))}, nil},
		"a hole in an empty slot": {[]alloc.PoolSpec{pool("a", "100.64.0.0", "192.0.2.0/28", share(2000), reserved("3050"))}, nil},
		"shares of one port":      {[]alloc.PoolSpec{pool("a", "100.64.0.0/27", "192.0.2.0/28", share(1))}, []string{`pool "a"` + single}},
		"each pool its own": {[]alloc.PoolSpec{
			pool("a", "100.64.0.0/27", "192.0.2.0/28", mapped(4, 7)),
			pool("b", "100.64.1.0/27", "192.0.2.16/28", stepping(2), share(3)),
		}, []string{`pool "a": shares have up to 15 ranges, some of only 32` + end, `pool "b"` + single, `pool "b": shares have up to 3 ranges, some of only 1` + end}},
	} {
		t.Run(name, func(t *testing.T) {
			rs := must(NewRuleset(plan(tt.pools...), cgn))
			got := rs.Warnings()
			if !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			if len(got) > 0 {
				got[0] = "changed"
				if rs.Warnings()[0] == "changed" {
					t.Error("Warnings hands out the ruleset's own slice")
				}
			}
		})
	}
}

// at returns the address with a number.
func at(v uint32) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, v)))
}

// number is the inverse of at.
func number(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// drawSpans draws ranges that lie near each other, near the start, the middle or the end of all addresses.
func drawSpans(t *rapid.T, least int) []alloc.AddrRange {
	base := rapid.SampledFrom([]uint32{0, 0x64400000 - 30, 1<<32 - 64}).Draw(t, "base")
	var out []alloc.AddrRange
	for range rapid.IntRange(least, 12).Draw(t, "ranges") {
		first := base + uint32(rapid.IntRange(0, 63).Draw(t, "first"))
		last := base + uint32(rapid.IntRange(int(first-base), min(63, int(first-base)+9)).Draw(t, "last"))
		out = append(out, must(alloc.AddrRangeFrom(at(first), at(last))))
	}
	return out
}

// members returns which addresses are in ranges, and how often.
func members(ranges []alloc.AddrRange) map[netip.Addr]int {
	out := map[netip.Addr]int{}
	for _, r := range ranges {
		for a := r.First(); ; a = a.Next() {
			out[a]++
			if a == r.Last() {
				break
			}
		}
	}
	return out
}

// TestMerge compares the merged ranges with the set of addresses: the same ones, each once, in ascending ranges that do not touch.
func TestMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ranges := drawSpans(t, 0)
		before := slices.Clone(ranges)
		got := merge(ranges)
		if !slices.Equal(ranges, before) {
			t.Fatalf("merge(%v) changes its argument", before)
		}
		want, have := members(ranges), members(got)
		if len(want) != len(have) {
			t.Fatalf("merge(%v) = %v", ranges, got)
		}
		for a := range want {
			if have[a] != 1 {
				t.Fatalf("merge(%v) = %v has %v %d times", ranges, got, a, have[a])
			}
		}
		for i := 1; i < len(got); i++ {
			if number(got[i].First()) <= number(got[i-1].Last())+1 {
				t.Fatalf("merge(%v) = %v: %v touches %v", ranges, got, got[i-1], got[i])
			}
		}
	})
}

// TestOverlap compares with counting addresses.
func TestOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ranges := drawSpans(t, 1)
		a, b, found := overlap(ranges)
		twice := false
		for _, n := range members(ranges) {
			twice = twice || n > 1
		}
		if found != twice {
			t.Fatalf("overlap(%v) = %v, %v, %t", ranges, a, b, found)
		}
		if found && !slices.ContainsFunc(slices.Collect(maps.Keys(members([]alloc.AddrRange{a}))), b.Contains) {
			t.Fatalf("overlap(%v) = %v, %v, which do not overlap", ranges, a, b)
		}
	})
}
