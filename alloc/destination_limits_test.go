package alloc

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/portset"
	"github.com/google/go-cmp/cmp"
)

func TestDestinationFindings(t *testing.T) {
	const always = "outside addresses are translated always: leave them out, or choose by port alone, for example 0.0.0.0/0 udp/53"
	for _, tc := range []struct {
		name            string
		list            []Destination
		err             error
		path, msg, hint string
	}{
		{"the zero Destination", append(dests("203.0.113.0/24"), Destination{}), ErrDestination, "no-translate[1]", "destination 1 is the zero Destination", ""},
		{"twice", dests("203.0.113.0/24,203.0.113.1,203.0.113.0/24"), ErrDestination, "no-translate[2]", "destination 203.0.113.0/24 is listed twice", "list every destination once"},
		{"twice in two spellings", dests("203.0.113.0/24 tcp/80,203.0.113.0-203.0.113.255 tcp/80-80"), ErrDestination, "no-translate[1]",
			"destination 203.0.113.0/24 tcp/80 is listed twice", "list every destination once"},
		{"an outside address", dests("203.0.113.0/24,192.0.2.1"), ErrLoop, "no-translate[1]", `destination 192.0.2.1 holds outside address 192.0.2.1 of pool "a"`, always},
		{"a prefix with an outside address", dests("192.0.2.0/24"), ErrLoop, "no-translate[0]", `destination 192.0.2.0/24 holds outside address 192.0.2.1 of pool "a"`, always},
		{"a port of an outside address", dests("192.0.0.0/8 udp/53"), ErrLoop, "no-translate[0]", `destination 192.0.0.0/8 udp/53 holds outside address 192.0.2.1 of pool "a"`, always},
		{"everything", dests("0.0.0.0/0"), ErrLoop, "no-translate[0]", `destination 0.0.0.0/0 holds outside address 192.0.2.1 of pool "a"`, always},
		{"a half of everything", dests("128.0.0.0/1 tcp/1-65535"), ErrLoop, "no-translate[0]", `destination 128.0.0.0/1 tcp/1-65535 holds outside address 192.0.2.1 of pool "a"`, always},
	} {
		t.Run(tc.name, func(t *testing.T) { checkFinding(t, exempt(tc.list...), tc.err, tc.path, tc.msg, tc.hint) })
	}
	t.Run("beside others", func(t *testing.T) {
		s := exempt(dests("192.0.2.0/24")...)
		s.Pools[0].Name = "a b"
		found := findingsOf(t, s)
		if len(found) != 2 || !errors.Is(found[0], ErrName) || !errors.Is(found[1], ErrLoop) || found[1].Pool != "" {
			t.Errorf("findings %+v", found)
		}
	})
	t.Run("without pools", func(t *testing.T) {
		found := findingsOf(t, Spec{NoTranslate: append(dests("0.0.0.0/0"), Destination{})})
		if len(found) != 2 || !errors.Is(found[0], ErrEmpty) || !errors.Is(found[1], ErrDestination) {
			t.Errorf("findings %+v", found)
		}
	})
}

func TestDestinationsAllowed(t *testing.T) {
	for _, list := range []string{
		"0.0.0.0/0 tcp/8000-8080,0.0.0.0-255.255.255.255 udp/0-65535",                                           // by port alone
		"203.0.113.0/24,203.0.113.0/25,203.0.113.7,203.0.113.7 tcp/80,203.0.113.7 udp/80,203.0.113.7 tcp/80-81", // they overlap
		"192.0.2.0,192.0.2.2", // beside the outside address
		"100.64.0.0/10",       // subscribers among each other
		"224.0.0.0/4,127.0.0.1,255.255.255.255,0.0.0.0",
	} {
		want := dests(list)
		if diff := cmp.Diff(want, mustPlan(t, exempt(want...)).NoTranslate(), cmp.AllowUnexported(Destination{}, AddrRange{}, portset.Range{})); diff != "" {
			t.Errorf("%s: NoTranslate (-want +got):\n%s", list, diff)
		}
	}
	s := good(func(s *PoolSpec) { s.Outside, s.ExcludeOutside = addrs("192.0.2.0/30"), addrs("192.0.2.3") })
	s.NoTranslate = dests("192.0.2.3")
	mustPlan(t, s)
}

// manyDestinations returns n single addresses.
func manyDestinations(n int, protocol Protocol, ports portset.Range) []Destination {
	out := make([]Destination, n)
	for i := range out {
		a := 0x0a000000 + uint32(i)
		out[i] = must(DestinationFrom(addrRangeOf(span{a, a}), protocol, ports))
	}
	return out
}

func TestDestinationLimits(t *testing.T) {
	const join = "join prefixes and port ranges that continue each other"
	plain, ported := manyDestinations(65537, AnyProtocol, portset.Range{}), manyDestinations(1025, UDP, portRange("53"))
	full := slices.Concat(plain[:65536-1024], ported[:1024])
	if got := mustPlan(t, exempt(full...)).NoTranslate(); !slices.Equal(got, full) {
		t.Errorf("%d of %d destinations come back", len(got), len(full))
	}
	mustPlan(t, exempt(plain[:65536]...))
	checkFinding(t, exempt(plain...), ErrDestination, "no-translate[65536]", "the list has 65537 destinations; a plan has at most 65536", join)
	checkFinding(t, exempt(slices.Concat(plain[:7], ported)...), ErrDestination, "no-translate[1031]", "a plan has at most 1024 destinations with ports", join)

	if n := len(findingsOf(t, exempt(make([]Destination, 1000)...))); n != maxBadDestinations {
		t.Errorf("1000 zero destinations give %d findings, want %d", n, maxBadDestinations)
	}
}

// TestDestinationLoopsAgainstBruteForce compares the search for outside addresses in destinations with looking at every address.
func TestDestinationLoopsAgainstBruteForce(t *testing.T) {
	const base = 0xc0000200
	loops, clean := 0, 0
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 17))
		var s Spec
		for n := range 1 + rng.IntN(3) {
			out := smallRanges(rng, base+uint32(rng.IntN(3)*40))
			s.Pools = append(s.Pools, PoolSpec{Name: fmt.Sprintf("p%d", n), Ports: portRange("1-65535"), Inside: addrs(fmt.Sprintf("100.64.0.%d", n)),
				Outside: out, ExcludeOutside: []AddrRange{addrRangeOf(span{out[0].span().first, out[0].span().first})}})
		}
		if len(findingsOf(t, s)) > 0 {
			continue
		}
		var want []string
		for range 10 {
			first := base - 2 + uint32(rng.IntN(200))
			d := must(DestinationFrom(addrRangeOf(span{first, first + uint32(rng.IntN(1<<rng.IntN(6)))}), TCP, portRange(strconv.Itoa(len(s.NoTranslate)))))
			for a := d.addrs.span().first; a <= d.addrs.span().last; a++ {
				if slices.ContainsFunc(s.Pools, func(p PoolSpec) bool { return listed(p, "outside", a) && p.ExcludeOutside[0].First() != addr4(a) }) {
					want = append(want, fmt.Sprintf("no-translate[%d]", len(s.NoTranslate)))
					break
				}
			}
			s.NoTranslate = append(s.NoTranslate, d)
		}
		var got []string
		for _, f := range findingsOf(t, s) {
			if !errors.Is(f, ErrLoop) {
				t.Fatalf("seed %d: %v", seed, f)
			}
			got = append(got, f.Path)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: findings at %v, want %v", seed, got, want)
		}
		loops, clean = loops+len(want), clean+10-len(want)
	}
	if loops < 100 || clean < 100 {
		t.Errorf("%d loops and %d destinations without", loops, clean)
	}
}

func TestNoTranslateIsACopy(t *testing.T) {
	list := dests("203.0.113.0/24,0.0.0.0/0 udp/53")
	plan := mustPlan(t, exempt(list...))
	list[0] = Destination{}
	plan.NoTranslate()[1] = Destination{}
	if got, want := plan.NoTranslate(), dests("203.0.113.0/24,0.0.0.0/0 udp/53"); !slices.Equal(got, want) {
		t.Errorf("NoTranslate = %v, want %v", got, want)
	}
	if got := mustPlan(t, good()).NoTranslate(); len(got) != 0 {
		t.Errorf("a plan without has %v", got)
	}
	if got := new(Plan).NoTranslate(); len(got) != 0 {
		t.Errorf("the zero plan has %v", got)
	}
}

// TestDestinationsMoveNobody: what is not translated has no part in shares.
func TestDestinationsMoveNobody(t *testing.T) {
	without, with := mustPlan(t, good()), mustPlan(t, exempt(dests("203.0.113.0/24,100.64.0.3,0.0.0.0/0 udp/53")...))
	if d := Diff(without, with); !d.IsEmpty() || d.Kept != without.Subscribers() {
		t.Errorf("Diff = %+v", d)
	}
	if without.SHA256() == with.SHA256() {
		t.Error("the hash does not tell them apart")
	}
	for port := range uint16(65535) {
		if a, b := answerOf(without.Trace(addr("192.0.2.1"), port)), answerOf(with.Trace(addr("192.0.2.1"), port)); a != b {
			t.Fatalf("Trace(192.0.2.1, %d) = %+v, without destinations %+v", port, b, a)
		}
	}
}

func TestDestinationsCanonical(t *testing.T) {
	text := string(mustPlan(t, good()).AppendCanonical(nil))
	for _, tc := range []struct{ list, want string }{
		{"203.0.113.0/24", `"203.0.113.0/24"`},
		{"203.0.113.53 udp/53,203.0.113.0-203.0.113.255,10.0.0.1-10.0.0.2", `"203.0.113.53 udp/53","203.0.113.0/24","10.0.0.1-10.0.0.2"`},
		{"0.0.0.0-255.255.255.255  tcp/8000 - 8080", `"0.0.0.0/0 tcp/8000-8080"`},
	} {
		plan := mustPlan(t, exempt(dests(tc.list)...))
		want := strings.TrimSuffix(text, "}") + `,"no_translate":[` + tc.want + "]}"
		if diff := cmp.Diff(want, string(plan.AppendCanonical(nil))); diff != "" {
			t.Errorf("the canonical form differs (-want +got):\n%s", diff)
		}
		if again := must(ParseCanonical([]byte(want))); !slices.Equal(again.NoTranslate(), plan.NoTranslate()) || again.SHA256() != plan.SHA256() {
			t.Errorf("%v is read back as %v", plan.NoTranslate(), again.NoTranslate())
		}
	}
	const notWritten = "invalid canonical plan: these bytes are not what AppendCanonical writes for this plan"
	for _, tc := range []struct{ name, list, want string }{
		{"an empty list", "[]", notWritten},
		{"no list", "null", notWritten},
		{"a prefix as a range", `["203.0.113.0-203.0.113.255"]`, notWritten},
		{"a /32", `["203.0.113.0/32"]`, notWritten},
		{"two blanks", `["203.0.113.0  tcp/80"]`, notWritten},
		{"an escape", `["203.0.113.0 tcp\/80"]`, notWritten},
		{"a port as a range", `["203.0.113.0 tcp/80-80"]`, notWritten},
		{"twice", `["10.0.0.1","10.0.0.1"]`, "invalid canonical plan: destination 10.0.0.1 is listed twice"},
		{"an outside address", `["192.0.2.0/24"]`, `invalid canonical plan: destination 192.0.2.0/24 holds outside address 192.0.2.1 of pool "a"`},
		{"null", `[null]`, "invalid canonical plan: destination 0 is the zero Destination"},
		{"a protocol", `["10.0.0.1 icmp"]`, `invalid canonical plan: invalid destination: want tcp/PORTS or udp/PORTS behind the addresses, and this is "icmp"`},
	} {
		p, err := ParseCanonical([]byte(strings.TrimSuffix(text, "}") + `,"no_translate":` + tc.list + "}"))
		if p != nil || !errors.Is(err, ErrCanonical) || err.Error() != tc.want {
			t.Errorf("%s: ParseCanonical = %v, %v; want %s", tc.name, p, err, tc.want)
		}
	}
	before := strings.Replace(text, `"pools"`, `"no_translate":["10.0.0.1"],"pools"`, 1)
	if _, err := ParseCanonical([]byte(before)); err == nil || err.Error() != notWritten {
		t.Errorf("the list before the pools: %v", err)
	}
}
