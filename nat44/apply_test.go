//go:build linux

package nat44

import (
	"errors"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// subscribersOf is a plan over explicit addresses, so that subscribers can come, go and move.
func subscribersOf(t testing.TB, outside string, s int, inside ...string) *Ruleset {
	t.Helper()
	return rulesetOf(t, planOf(t, alloc.Spec{Pools: []alloc.PoolSpec{{
		Name: "a", Inside: addrRanges(t, inside...), Outside: addrRanges(t, outside), PortsPerSubscriber: s,
	}}}))
}

// TestApply goes from plan to plan, and checks the way, the counts and the result.
func TestApply(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, step := range []struct {
		name                        string
		rs                          *Ruleset
		way                         Way
		kept, moved, added, removed uint64
	}{
		{"first", subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24"), FirstLoad, 0, 0, 256, 0},
		{"same", subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24"), Unchanged, 256, 0, 0, 0},
		{"appended", subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24", "100.64.1.0-100.64.1.9"), Increment, 256, 0, 10, 0},
		{"taken away", subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24"), Increment, 256, 0, 0, 10},
		{"two change places", subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.1", "100.64.0.0", "100.64.0.2-100.64.0.255"), Increment, 254, 2, 0, 0},
		{"others come and go", subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.1", "100.64.0.9", "100.64.0.2-100.64.0.8", "10.0.0.1", "100.64.0.10-100.64.0.254"), Increment, 253, 1, 1, 2},
		{"everybody moves", subscribersOf(t, "192.0.2.0/28", 900, "100.64.0.0/24"), Rebuild, 0, 254, 2, 1},
		{"back again", subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24"), Rebuild, 0, 256, 0, 0},
		{"other maps", rulesetOf(t, onePool(t, psid(2, 6), "100.64.0.0/24", "192.0.2.0/28")), Rebuild, 0, 256, 0, 0},
		{"same ports, other name", rulesetOf(t, planOf(t, alloc.Spec{Pools: []alloc.PoolSpec{func() alloc.PoolSpec {
			p := alloc.PoolSpec{Name: "renamed", Inside: addrRanges(t, "100.64.0.0/24"), Outside: addrRanges(t, "192.0.2.0/28")}
			psid(2, 6)(&p)
			return p
		}()}})), Increment, 256, 0, 0, 0},
		{"one to one", rulesetOf(t, onePool(t, func(p *alloc.PoolSpec) { p.SharingRatio = 1 }, "100.64.0.0/28", "192.0.2.0/28")), Rebuild, 0, 16, 0, 240},
	} {
		dry, err := b.k.Apply(step.rs, ApplyOptions{DryRun: true})
		if err != nil {
			t.Fatalf("%s: dry run: %v", step.name, err)
		}
		r := b.apply(step.rs)
		if r.Way != step.way || r.Kept != step.kept || r.Moved != step.moved || r.Added != step.added || r.Removed != step.removed {
			t.Errorf("%s: %v, kept %d moved %d added %d removed %d (%v), want %v, %d %d %d %d", step.name,
				r.Way, r.Kept, r.Moved, r.Added, r.Removed, r.Reasons, step.way, step.kept, step.moved, step.added, step.removed)
		}
		if dry.Way != r.Way || dry.Kept != r.Kept || dry.Moved != r.Moved || dry.Added != r.Added || dry.Removed != r.Removed {
			t.Errorf("%s: the dry run said %+v", step.name, dry)
		}
		b.equal(step.rs)
	}
}

// TestDryRunChangesNothing compares the whole ruleset and the generation id.
func TestDryRunChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	rs := subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24")
	if _, err := b.k.Apply(rs, ApplyOptions{DryRun: true}); err != nil {
		t.Fatal(err)
	}
	if got := b.nft("list", "ruleset"); got != "" {
		t.Fatalf("a dry run left %q", got)
	}
	b.apply(rs)
	before, _ := b.k.sock.generation()
	if _, err := b.k.Apply(subscribersOf(t, "192.0.2.0/28", 900, "100.64.0.0/24"), ApplyOptions{DryRun: true}); err != nil {
		t.Fatal(err)
	}
	// Nothing to do is nothing written.
	if r := b.apply(rs); r.Way != Unchanged {
		t.Fatal(r.Way)
	}
	if after, _ := b.k.sock.generation(); after.id != before.id {
		t.Fatalf("generation %d became %d", before.id, after.id)
	}
	b.equal(rs)
}

// TestInstances keeps two instances apart.
func TestInstances(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	west, err := ParseInstance("west")
	if err != nil {
		t.Fatal(err)
	}
	one := subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24")
	two, err := NewRuleset(onePool(t, ports(1000), "100.64.1.0/24", "198.51.100.0/28"), west)
	if err != nil {
		t.Fatal(err)
	}
	b.apply(one)
	b.apply(two)
	b.equal(one)
	b.equal(two)
	if _, err := b.k.Remove(west); err != nil {
		t.Fatal(err)
	}
	b.equal(one)
	if _, err := b.k.Remove(west); !errors.Is(err, ErrNotLoaded) {
		t.Fatal(err)
	}
	if _, err := b.k.Remove(one.instance); err != nil {
		t.Fatal(err)
	}
	if got := b.nft("list", "ruleset"); got != "" {
		t.Fatalf("left: %s", got)
	}
}
