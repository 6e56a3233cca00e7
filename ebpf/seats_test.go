package ebpf

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// listOfShares returns a pool that lists shares, which are text.
func listOfShares(shares ...string) alloc.PoolSpec {
	s := alloc.PoolSpec{Scheme: alloc.Explicit}
	for _, text := range shares {
		s.Shares = append(s.Shares, must(alloc.ParseExplicitShare(text)))
	}
	return s
}

// written returns the pools of a plan with their shares written down one by one, in no order: at most that many of each.
func written(rnd *rand.Rand, plan *alloc.Plan, most int) (out []alloc.PoolSpec) {
	for p := range plan.Pools() {
		s := alloc.PoolSpec{Name: p.Name(), Realm: p.Realm(), Scheme: alloc.Explicit}
		for a := range p.All() {
			if len(s.Shares) == most {
				break
			}
			s.Shares = append(s.Shares, alloc.ExplicitShare{Inside: a.Inside(), Outside: a.Outside(), Ports: a.Ports()})
		}
		rnd.Shuffle(len(s.Shares), func(i, j int) { s.Shares[i], s.Shares[j] = s.Shares[j], s.Shares[i] })
		out = append(out, s)
	}
	return out
}

// The shares of random plans over all schemes, written down.
func TestWrittenPlansAgree(t *testing.T) {
	root(t)
	rnd := seeded(t)
	const want = 30
	for made := 0; made < want; {
		spec := alloc.Spec{Keys: []alloc.Key{testKey}, Pools: []alloc.PoolSpec{randomPool(rnd, 0), randomPool(rnd, 1)}}
		if spec.Pools[0].Scheme != alloc.Scheme(1+made%7) {
			continue
		}
		plan, err := alloc.NewPlan(spec)
		if err != nil {
			continue
		}
		made++
		t.Run(fmt.Sprint(plan.Subscribers(), " of ", spec.Pools[0].Scheme), func(t *testing.T) {
			k := load(t, mustPlan(t, written(rnd, plan, 3000)...))
			if k.forward(rnd, 4096) == 0 || k.reverse(rnd, 4) == 0 {
				t.Fatal("nothing was compared")
			}
		})
	}
}

// listOf returns a pool that lists n scattered subscribers, 60 on an address, some with several ranges.
func listOf(rnd *rand.Rand, n int) alloc.PoolSpec {
	s := alloc.PoolSpec{Name: "listed", Scheme: alloc.Explicit}
	sets := make([]portset.Set, 60)
	for i := range sets {
		first := 1024 + 1000*i
		sets[i] = portSet(fmt.Sprintf("%d-%d", first, first+999))
		if i%20 == 7 {
			sets[i] = portSet(fmt.Sprintf("%d-%d,%d,%d-%d", first, first+99, first+200, first+300, first+999))
		}
	}
	for i, inside := range scattered(rnd, n) {
		s.Shares = append(s.Shares, alloc.ExplicitShare{Inside: inside.First(), Outside: fromWire(wireOrder(0xc6120000 + uint32(i/60))), Ports: sets[i%60]})
	}
	return s
}

func TestMillionSharesAgree(t *testing.T) {
	rnd := seeded(t)
	pool := listOf(rnd, 1_000_000)
	k := load(t, mustPlan(t, pool))
	if n := len(k.tables.lists); n != 2 {
		t.Errorf("%d lists: all addresses but the last have the same port sets", n)
	}
	if each := k.tables.Bytes() / 1_000_000; each > 34 {
		t.Errorf("a share takes %d bytes", each)
	}
	t.Logf("%d bytes of tables; %d answers are alloc's", k.tables.Bytes(), k.forward(rnd, every)+k.reverse(rnd, 4))
}

// Addresses have as many shares as are listed on them, and lists only where a share is more than one range.
func TestSeats(t *testing.T) {
	plain := listOfShares("100.64.0.9 192.0.2.1 2000-2999", "100.64.0.1 192.0.2.1 1-999", "100.64.0.5 192.0.2.2 65535")
	tables := mustTables(t, plain)
	if got := fmt.Sprint(tables.cuts, tables.ratios, len(tables.lists)); got != "[{{{}} 0 999 0 0 2} {{{}} 1999 1000 0 1 2} {{{}} 65534 1 1 0 1}] [2 1] 0" {
		t.Errorf("cuts, shares of addresses, lists: %s", got)
	}
	mixed := listOfShares("100.64.0.9 192.0.2.1 2000-2999,4000", "100.64.0.1 192.0.2.1 1-999", "100.64.0.5 192.0.2.2 65535",
		"100.64.0.6 192.0.2.3 1-999", "100.64.0.7 192.0.2.3 2000-2999,4000", "100.64.0.8 192.0.2.4 1-1000")
	tables = mustTables(t, mixed)
	var lists []uint32
	for _, r := range tables.rows {
		lists = append(lists, r.List)
	}
	if got := fmt.Sprint(tables.cuts[:3], lists, len(tables.lists)); got != "[{{{}} 0 999 0 0 2} {{{}} 999 1001 0 1 2} {{{}} 65534 1 1 0 1}] [0 1 0 1] 2" {
		t.Errorf("cuts, lists of addresses, lists: %s", got)
	}
}
