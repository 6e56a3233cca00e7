package alloc

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"
)

var overlapText = regexp.MustCompile(`^(inside|outside) address(?:es)? (\S+) .*belongs? to pool "(\w+)"$`)

// smallRanges returns disjoint ranges among 64 addresses from base.
func smallRanges(rng *rand.Rand, base uint32) []AddrRange {
	var out []AddrRange
	for at := base + rng.Uint32N(30); at < base+64; {
		s := span{at, at + rng.Uint32N(3)*rng.Uint32N(4)}
		out = append(out, addrRangeOf(s))
		if at = s.last + 1 + rng.Uint32N(20); rng.IntN(4) == 0 {
			break
		}
	}
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// TestOverlapsAgainstBruteForce compares the overlaps that NewPlan finds with those found by looking at every address:
// each address that two pools have is in a finding, and each address of a finding belongs to both of its pools.
func TestOverlapsAgainstBruteForce(t *testing.T) {
	const inBase, outBase = 0x64400000, 0xc0000200
	valid, invalid := 0, 0
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 11))
		var s Spec
		for n := range 2 + rng.IntN(4) {
			p := PoolSpec{Name: fmt.Sprintf("p%d", n), Realm: []string{"", "default", "r"}[rng.IntN(3)], Ports: portRange("1-65535"),
				Inside: smallRanges(rng, inBase), Outside: smallRanges(rng, outBase)}
			if rng.IntN(2) == 0 { // apart from the others, so that there are valid plans too
				p.Inside = smallRanges(rng, inBase+uint32(n+1)*64)
				p.Outside = smallRanges(rng, outBase+uint32(n+1)*64)
			}
			s.Pools = append(s.Pools, p)
		}
		wantIn, wantOut := bruteOverlaps(s, "inside"), bruteOverlaps(s, "outside")
		gotIn, gotOut := map[uint32]bool{}, map[uint32]bool{}
		for _, f := range findingsOf(t, s) {
			m := overlapText.FindStringSubmatch(f.Msg)
			if m == nil {
				t.Fatalf("seed %d: unexpected finding %+v", seed, f)
			}
			got := gotIn
			if m[1] == "outside" {
				got = gotOut
			}
			common := addrs(m[2])[0]
			for a := common.First(); common.Contains(a); a = a.Next() {
				got[u32(a)] = true
				for _, name := range []string{f.Pool, m[3]} {
					if i := slices.IndexFunc(s.Pools, func(p PoolSpec) bool { return p.Name == name }); !listed(s.Pools[i], m[1], u32(a)) {
						t.Fatalf("seed %d: %s: pool %s does not have %v", seed, f.Error(), name, a)
					}
				}
			}
			if f.Pool == m[3] {
				t.Fatalf("seed %d: pool %s overlaps itself", seed, f.Pool)
			}
		}
		compareAddrs(t, seed, "inside", gotIn, wantIn)
		compareAddrs(t, seed, "outside", gotOut, wantOut)
		if len(wantIn)+len(wantOut) > 0 {
			invalid++
			continue
		}
		valid++
		checkRoutes(t, seed, s)
	}
	if valid < 100 || invalid < 100 {
		t.Errorf("%d valid and %d invalid plans: too few of one kind", valid, invalid)
	}
}

func listed(p PoolSpec, field string, a uint32) bool {
	ranges := p.Inside
	if field == "outside" {
		ranges = p.Outside
	}
	return slices.ContainsFunc(ranges, func(r AddrRange) bool { return r.Contains(addr4(a)) })
}

// bruteOverlaps returns the addresses that two pools have: two of one realm, for inside addresses.
func bruteOverlaps(s Spec, field string) map[uint32]bool {
	out := map[uint32]bool{}
	for _, base := range []uint32{0x64400000, 0xc0000200} {
		for a := base; a < base+600; a++ {
			count := map[string]int{}
			for _, p := range s.Pools {
				if listed(p, field, a) {
					realm := p.Realm
					if realm == "" || field == "outside" {
						realm = "default"
					}
					if count[realm]++; count[realm] > 1 {
						out[a] = true
					}
				}
			}
		}
	}
	return out
}

func compareAddrs(t *testing.T, seed uint64, field string, got, want map[uint32]bool) {
	t.Helper()
	for a := range want {
		if !got[a] {
			t.Fatalf("seed %d: two pools have %s address %v, which is in no finding", seed, field, addr4(a))
		}
	}
	if len(got) != len(want) {
		t.Fatalf("seed %d: findings name %d %s addresses, want %d", seed, len(got), field, len(want))
	}
}

// checkRoutes asks for every address which pool has it.
func checkRoutes(t *testing.T, seed uint64, s Spec) {
	t.Helper()
	plan := mustPlan(t, s)
	for a := uint32(0xc0000200) - 1; a < 0xc0000200+600; a++ {
		want := ""
		for _, p := range s.Pools {
			if listed(p, "outside", a) {
				want = p.Name
			}
		}
		if got := answerOf(plan.Trace(addr4(a), 30000)); got.pool != want || (got.status == NotInPool) != (want == "") {
			t.Fatalf("seed %d: %v belongs to pool %q, Trace says %+v", seed, addr4(a), want, got)
		}
	}
	for _, realm := range []string{"default", "r", "other"} {
		for a := uint32(0x64400000) - 1; a < 0x64400000+600; a++ {
			want := ""
			for _, p := range s.Pools {
				if listed(p, "inside", a) && SubscriberFrom(p.Realm, addr4(a)).Realm == realm {
					want = p.Name
				}
			}
			got, err := plan.Lookup(SubscriberFrom(realm, addr4(a)))
			if (err == nil) != (want != "") || err == nil && got.Pool().Name() != want {
				t.Fatalf("seed %d: %v of realm %s belongs to pool %q, Lookup says %v", seed, addr4(a), realm, want, err)
			}
		}
	}
}

// TestLoopsAgainstBruteForce compares the search for outside addresses that are inside with looking at every address.
func TestLoopsAgainstBruteForce(t *testing.T) {
	const base = 0x64400000
	loops := 0
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 13))
		var s Spec
		for n := range 3 {
			s.Pools = append(s.Pools, PoolSpec{Name: fmt.Sprintf("p%d", n), Realm: []string{"", "r"}[rng.IntN(2)],
				Ports: portRange("1-65535"), Inside: smallRanges(rng, base+uint32(n)*64), Outside: smallRanges(rng, base+uint32(rng.IntN(2)*1000+n*64+30))})
		}
		if len(bruteOverlaps(s, "outside")) > 0 {
			continue
		}
		want := map[string]bool{}
		for _, p := range s.Pools {
			for _, q := range s.Pools {
				for a := uint32(base); a < base+300; a++ {
					if p.Realm == q.Realm && listed(p, "outside", a) && listed(q, "inside", a) {
						want[p.Name] = true
					}
				}
			}
		}
		got := map[string]bool{}
		for _, f := range findingsOf(t, s) {
			if !errors.Is(f, ErrOverlap) {
				got[f.Pool] = errors.Is(f, ErrLoop)
			}
		}
		for _, p := range s.Pools {
			if got[p.Name] != want[p.Name] {
				t.Fatalf("seed %d: an outside address of %s is inside: %v, found: %v", seed, p.Name, want[p.Name], got[p.Name])
			}
		}
		loops += len(want)
	}
	if loops < 100 {
		t.Errorf("only %d loops", loops)
	}
}
