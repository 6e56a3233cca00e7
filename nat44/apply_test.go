//go:build linux

package nat44

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netnstest"
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

// TestForeignChanges has somebody else change the table: verify must name it, apply must repair it.
func TestForeignChanges(t *testing.T) {
	rulesets := map[string]*Ruleset{
		"shares": subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24"),
		"ranges": rulesetOf(t, onePool(t, psid(2, 6), "100.64.0.0/24", "192.0.2.0/28")),
		"whole":  rulesetOf(t, onePool(t, func(p *alloc.PoolSpec) { p.SharingRatio = 1 }, "100.64.0.0/28", "192.0.2.0/28")),
		"exempt": rulesetOf(t, loadPlan(t, "exempt.yaml")),
	}
	for _, c := range []struct {
		name, on string
		nft      []string
		want     string
	}{
		{"element deleted", "shares", []string{"delete element ip cgn shares { 100.64.0.7 }"}, "subscriber 100.64.0.7: missing: map shares has nothing instead of 192.0.2.0:8024-9023"},
		{"element added", "shares", []string{"add element ip cgn shares { 10.9.9.9 : 192.0.2.1 . 1024-2023 }"}, "subscriber 10.9.9.9: surplus: map shares gives it 192.0.2.1:1024-2023"},
		{"element changed", "shares", []string{"delete element ip cgn shares { 100.64.0.7 }", "add element ip cgn shares { 100.64.0.7 : 192.0.2.9 . 1-2 }"}, "subscriber 100.64.0.7: changed: map shares has 192.0.2.9:1-2 instead of 192.0.2.0:8024-9023"},
		{"address range in an element", "shares", []string{"delete element ip cgn shares { 100.64.0.7 }", "add element ip cgn shares { 100.64.0.7 : 192.0.2.8-192.0.2.9 . 1-2 }"}, "has 192.0.2.8-192.0.2.9:1-2"},
		{"map flushed", "shares", []string{"flush map ip cgn shares"}, "subscriber 100.64.0.255: missing"},
		{"rule added", "shares", []string{"insert rule ip cgn translate accept"}, "chain translate: changed: rule 1"},
		{"rule appended", "shares", []string{"add rule ip cgn guard counter"}, "chain guard: surplus: it has 1 more rules"},
		{"rules flushed", "shares", []string{"flush chain ip cgn guard"}, "chain guard: missing: rule 1"},
		{"table flushed", "shares", []string{"flush table ip cgn"}, "no rule of table cgn translates anything"},
		{"table deleted", "shares", []string{"delete table ip cgn"}, "table ip cgn: missing"},
		{"chain added", "shares", []string{"add chain ip cgn mine { type filter hook forward priority 0; policy drop; }"}, "chain mine: surplus"},
		{"chain policy", "shares", []string{"add chain ip cgn guard { policy drop; }"}, "chain guard: changed: it has another type, hook, priority or policy"},
		{"jump map added", "shares", []string{"add chain ip cgn mine", "add map ip cgn jumps { type ipv4_addr : verdict; }", "add element ip cgn jumps { 10.0.0.1 : jump mine }", "insert rule ip cgn translate ip saddr vmap @jumps"}, "set jumps: surplus"},
		{"rules swapped", "shares", []string{"flush chain ip cgn translate", "add rule ip cgn translate meta l4proto { icmp, tcp, udp } snat ip to ip saddr map @shares", "add rule ip cgn translate ip saddr != @inside accept", "add rule ip cgn translate ip daddr @inside ct status ! dnat accept"}, "chain translate: changed: rule 1"},
		{"persistent added", "shares", []string{"flush chain ip cgn translate", "add rule ip cgn translate ip saddr != @inside accept", "add rule ip cgn translate ip daddr @inside ct status ! dnat accept", "add rule ip cgn translate meta l4proto { icmp, tcp, udp } snat ip to ip saddr map @shares persistent"}, "chain translate: changed: rule 3"},
		{"protocol dropped", "shares", []string{"flush chain ip cgn translate", "add rule ip cgn translate ip saddr != @inside accept", "add rule ip cgn translate ip daddr @inside ct status ! dnat accept", "add rule ip cgn translate meta l4proto { tcp, udp } snat ip to ip saddr map @shares"}, "chain translate: changed: rule 3"},
		{"set added", "shares", []string{"add set ip cgn mine { type ipv4_addr; }"}, "set mine: surplus"},
		{"object added", "shares", []string{"add counter ip cgn mine"}, "object mine: surplus"},
		{"inside cut", "shares", []string{"delete element ip cgn inside { 100.64.0.0/24 }"}, "set inside: changed"},
		{"inside grown", "shares", []string{"add element ip cgn inside { 10.0.0.0/8 }"}, "set inside: changed"},
		{"outside deleted", "shares", []string{"delete set ip cgn outside"}, "set outside: missing: it is not there"},
		{"mark deleted", "shares", []string{"delete set ip cgn plan"}, "set plan"},
		{"catch-all", "shares", []string{"add element ip cgn shares { * : 9.9.9.9 . 1-2 }"}, "set shares: surplus: it has an element for every address that is not in it"},
		{"sets of another generation in use", "shares", []string{"add set ip cgn inside_b { type ipv4_addr; flags interval; }", "add rule ip cgn guard ip saddr @inside_b accept"}, "chain guard: surplus"},
		{"leftovers in use", "shares", []string{"add set ip cgn shares_b { type ipv4_addr; }", "add chain ip cgn mine", "add rule ip cgn mine ip saddr @shares_b accept"}, "chain mine: surplus"},
		{"counter map added", "shares", []string{"add counter ip cgn mine", "add map ip cgn counters { type ipv4_addr : counter; }", "add element ip cgn counters { 10.0.0.1 : \"mine\" }"}, "set counters: surplus"},
		{"mark without comment", "shares", []string{"delete set ip cgn plan", "add set ip cgn plan { type mark; }"}, "set plan: missing"},
		{"table asleep", "shares", []string{"add table ip cgn { flags dormant; }"}, "table ip cgn: changed: it has flags 0x1"},
		{"timer changed", "shares", []string{"flush chain ip cgn timers", "delete ct timeout ip cgn rfc_udp", "add ct timeout ip cgn rfc_udp { protocol udp; l3proto ip; policy = { replied : 30 }; }"}, "object rfc_udp: changed"},
		{"mark gone", "shares", []string{"flush set ip cgn plan"}, "it names plan none"},
		{"bucket deleted", "ranges", []string{"delete element ip cgn ranges_3 { 100.64.0.7 . 0x2 }"}, "subscriber 100.64.0.7: missing: map ranges_3"},
		{"bucket added", "ranges", []string{"add element ip cgn ranges_3 { 100.64.0.7 . 0x3 : 192.0.2.0 . 1-2 }"}, "subscriber 100.64.0.7: surplus: map ranges_3"},
		{"whole changed", "whole", []string{"delete element ip cgn whole { 100.64.0.7 }", "add element ip cgn whole { 100.64.0.7 : 192.0.2.3 }"}, "subscriber 100.64.0.7: changed: map whole has 192.0.2.3 instead of 192.0.2.7"},
		{"exemption dropped", "exempt", []string{"flush set ip cgn exempt"}, "set exempt: changed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, rs := newBench(t), rulesets[c.on]
			b.apply(rs)
			b.nft(strings.Join(c.nft, "; "))
			found := b.differences(rs)
			if !strings.Contains(strings.Join(found, "\n"), c.want) {
				t.Fatalf("verify says %q, want %q", found, c.want)
			}
			b.apply(rs)
			b.equal(rs)
			if r := b.apply(rs); r.Way != Unchanged {
				t.Fatalf("applied once more: %v, %v", r.Way, r.Reasons)
			}
		})
	}
}

// TestRoutesAreRepaired has somebody delete a blackhole route.
func TestRoutesAreRepaired(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	rs := subscribersOf(t, "192.0.2.0-192.0.2.6", 1000, "100.64.0.0/24")
	if r := b.apply(rs); r.RoutesAdded != 3 {
		t.Fatalf("%d routes added for a /30, a /31 and a /32", r.RoutesAdded)
	}
	netnstest.Run(t, b.ns, "ip", "route", "del", "blackhole", "192.0.2.4/31")
	if d := b.differences(rs); len(d) != 1 || !strings.Contains(d[0], "route 192.0.2.4/31: missing") {
		t.Fatal(d)
	}
	if r := b.apply(rs); r.RoutesAdded != 1 || r.Way != Unchanged {
		t.Fatalf("%+v", r)
	}
	b.equal(rs)
	// Another pool: the old routes go, the new ones come, and a stranger's stays.
	netnstest.Run(t, b.ns, "ip", "route", "add", "blackhole", "198.51.100.1/32")
	next := subscribersOf(t, "198.51.100.0-198.51.100.4", 1000, "100.64.0.0/24")
	r := b.apply(next)
	if r.RoutesAdded != 2 || r.RoutesRemoved != 3 {
		t.Fatalf("%+v", r)
	}
	if _, err := b.k.Remove(next.instance); err != nil {
		t.Fatal(err)
	}
	if got := netnstest.Run(t, b.ns, "ip", "route"); strings.TrimSpace(got) != "blackhole 198.51.100.1" {
		t.Fatalf("routes left: %q", got)
	}
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

// TestForeignTable refuses to touch a table that somebody else made.
func TestForeignTable(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.nft("add table ip cgn; add chain ip cgn theirs; add rule ip cgn theirs accept")
	before := b.nft("list", "ruleset")
	rs := subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24")
	if _, err := b.k.Apply(rs, ApplyOptions{}); !errors.Is(err, ErrForeign) {
		t.Fatal(err)
	}
	if _, err := b.k.Remove(rs.instance); !errors.Is(err, ErrForeign) {
		t.Fatal(err)
	}
	if d := b.differences(rs); len(d) == 0 || !strings.Contains(d[0], "was not made by cgnkit") {
		t.Fatal(d)
	}
	if after := b.nft("list", "ruleset"); after != before {
		t.Fatalf("changed to %s", after)
	}
}

// TestOneWins runs many applies at once. Each either goes through or says that another one is at it, and the kernel then holds
// the plan of one that went through.
func TestOneWins(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	type result struct {
		rs  *Ruleset
		err error
	}
	results := make(chan result)
	const n = 8
	for i := range n {
		k := openKernel(t, b.ns)
		rs := subscribersOf(t, "192.0.0.0/24", 900+i, "100.64.0.0/20")
		go func() {
			_, err := k.Apply(rs, ApplyOptions{})
			results <- result{rs, err}
		}()
	}
	var won []*Ruleset
	for range n {
		switch r := <-results; {
		case r.err == nil:
			won = append(won, r.rs)
		case !errors.Is(r.err, ErrBusy):
			t.Error(r.err)
		}
	}
	if len(won) == 0 {
		t.Fatal("nobody won")
	}
	for _, rs := range won {
		if len(b.differences(rs)) == 0 {
			return
		}
	}
	t.Fatalf("the kernel holds the plan of none of the %d that went through", len(won))
}

// TestStaleGeneration has a stranger change nf_tables all the time. Apply begins anew, and either gets through with the right
// result or gives up saying why.
func TestStaleGeneration(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	rs := subscribersOf(t, "192.0.0.0/24", 1000, "100.64.0.0/24")
	st, err := b.k.read(rs.instance)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.k.stage(rs, st, generation(0)); err != nil {
		t.Fatal(err)
	}
	if st, err = b.k.read(rs.instance); err != nil {
		t.Fatal(err)
	}
	b.nft("add table ip stranger")
	if err := b.k.activate(rs, st, generation(0)); !isStale(err) {
		t.Fatalf("activating in a stale state: %v", err)
	}
	b.apply(rs)
	next := subscribersOf(t, "192.0.0.0/24", 1000, "100.64.0.0/24", "100.64.1.0")
	if st, err = b.k.read(rs.instance); err != nil {
		t.Fatal(err)
	}
	d, err := b.k.plan(next, st)
	if err != nil || d.Way != Increment {
		t.Fatal(d, err)
	}
	b.nft("delete table ip stranger")
	if err := b.k.incrementOnce(next, st, d); !isStale(err) {
		t.Fatalf("changing in a stale state: %v", err)
	}
	b.equal(rs)
	// A stranger's table is no reason to give up, a change of ours is.
	b.nft("insert rule ip cgn guard accept")
	if err := b.k.change(next, st, d); !isStale(err) {
		t.Fatalf("changing what is no longer there: %v", err)
	}
	b.apply(next)
	b.equal(next)
}

// TestErrorNamesSubscribers makes the kernel refuse elements, and wants to read whom that concerns.
func TestErrorNamesSubscribers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	rs := subscribersOf(t, "192.0.0.0/24", 1000, "100.64.0.0/20")
	st, err := b.k.read(rs.instance)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.k.stage(rs, st, generation(0)); err != nil {
		t.Fatal(err)
	}
	// A stranger's element is in the way.
	b.nft("add element ip cgn shares { 100.64.8.0 : 192.0.2.1 . 1-2 }")
	err = b.k.fillMap("cgn", "shares", rs.maps[0])
	refused, ok := errors.AsType[*KernelError](err)
	if !ok || refused.First == "" || !strings.HasPrefix(refused.Op, "add elements") {
		t.Fatalf("%v (%T)", err, err)
	}
	lo, hi := addrRanges(t, refused.First)[0], addrRanges(t, refused.Last)[0]
	at := addrRanges(t, "100.64.8.0")[0].First()
	if at.Less(lo.First()) || hi.Last().Less(at) {
		t.Fatalf("%v does not contain %v", err, at)
	}
	// What was staged goes away with the next apply.
	b.apply(rs)
	b.equal(rs)
}

// TestFull has the kernel run out of room in a map, which is how it says that memory or size is exhausted.
func TestFull(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	rs := subscribersOf(t, "192.0.0.0/24", 1000, "100.64.0.0/22")
	b.apply(rs)
	small := subscribersOf(t, "192.0.0.0/24", 1000, "100.64.0.0/24")
	m := *small.maps[0]
	m.parts = rs.maps[0].parts
	st, err := b.k.read(rs.instance)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.k.stage(small, st, generation(1)); err != nil { // room for 320
		t.Fatal(err)
	}
	err = b.k.fillMap("cgn", "shares_b", &m)
	if err == nil || !strings.Contains(err.Error(), "subscribers 100.64.0.0 to ") {
		t.Fatalf("1024 elements into room for 320: %v", err)
	}
	b.equal(rs) // nothing of it is live
	if v, err := b.k.Verify(rs, func(Difference) {}); err != nil || len(v.Notes) == 0 {
		t.Fatalf("the remains are not noted: %v %v", v, err)
	}
	if r := b.apply(rs); r.Way != Unchanged {
		t.Fatal(r.Way)
	}
	if got := b.nft("list", "ruleset"); strings.Contains(got, "shares_b") {
		t.Fatal("the remains are still there")
	}
	// And growing beyond the size rebuilds.
	grown := subscribersOf(t, "192.0.0.0/24", 1000, "100.64.0.0/22", "100.65.0.0/22")
	if r := b.apply(grown); r.Way != Rebuild {
		t.Fatal(r.Way, r.Reasons)
	}
	b.equal(grown)
}

// TestSmallRoom applies with the send buffer of somebody who may not enlarge it.
func TestSmallRoom(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.k.sock.room = 1 << 17
	rs := subscribersOf(t, "192.0.0.0/22", 1000, "100.64.0.0/18")
	b.apply(rs)
	b.equal(rs)
	// An increment that does not fit becomes a rebuild.
	inside := []string{"100.64.0.0-100.64.31.255"}
	for i := range 4096 {
		inside = append(inside, fmt.Sprintf("100.64.%d.%d", 32+(4095-i)/256, (4095-i)%256))
	}
	next := subscribersOf(t, "192.0.0.0/22", 1000, append(inside, "100.64.48.0-100.64.63.255")...)
	if r := b.apply(next); r.Moved == 0 {
		t.Fatalf("%+v", r)
	}
	b.equal(next)
}

// TestUncounted does without the number of elements, which kernels before 6.16 do not tell.
func TestUncounted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.k.sock.uncounted = true
	rs := subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24")
	b.apply(rs)
	b.equal(rs)
	b.nft("add element ip cgn shares { 10.9.9.9 : 192.0.2.1 . 1024-2023 }")
	if d := b.differences(rs); len(d) != 1 || !strings.Contains(d[0], "10.9.9.9: surplus") {
		t.Fatal(d)
	}
	if r := b.apply(rs); r.Way != Increment || r.Removed != 1 {
		t.Fatalf("%+v", r)
	}
	b.equal(rs)
}

// TestLockLeavesNoFile applies, fails, and looks for files.
func TestLockLeavesNoFile(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	rs := subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24")
	b.apply(rs)
	release, err := b.k.lock.acquire(rs.instance)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.k.Apply(rs, ApplyOptions{}); !errors.Is(err, ErrBusy) {
		t.Fatal(err)
	}
	release()
	b.apply(rs)
	if left, err := filepath.Glob(fmt.Sprintf("%s/nat44-%d*", lockFolder, b.ns.Inode())); err != nil || len(left) > 0 {
		t.Fatal(left, err)
	}
}

// TestInterrupted kills nothing, but does what a kill between the swap and the rest leaves: the new rules with the old routes and
// flows. The next apply must finish.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old, next := subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24"), subscribersOf(t, "198.51.100.0/28", 1000, "100.64.0.0/25")
	b.apply(old)
	st, err := b.k.read(next.instance)
	if err != nil {
		t.Fatal(err)
	}
	d, err := b.k.plan(next, st)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.k.change(next, st, d); err != nil {
		t.Fatal(err)
	}
	if found := strings.Join(b.differences(next), "\n"); !strings.Contains(found, "route 192.0.2.0/28: surplus") || !strings.Contains(found, "route 198.51.100.0/28: missing") {
		t.Fatalf("verify says %q", found)
	}
	if r := b.apply(next); r.Way != Unchanged || r.RoutesAdded != 1 || r.RoutesRemoved != 1 {
		t.Fatalf("%+v", r)
	}
	b.equal(next)
	// Somebody flushes everything: what is left is routes, and remove takes them, but not those of another instance.
	west := must(NewRuleset(onePool(t, ports(1000), "100.65.0.0/24", "203.0.113.0/28"), must(ParseInstance("west"))))
	b.apply(west)
	b.nft("flush", "ruleset")
	if r, err := b.k.Remove(next.instance); err != nil || r.RoutesRemoved != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := b.k.Remove(next.instance); !errors.Is(err, ErrNotLoaded) {
		t.Fatal(err)
	}
	if r := b.apply(west); r.RoutesAdded != 0 || r.RoutesRemoved != 0 {
		t.Fatalf("%+v", r)
	}
	b.equal(west)
}

// TestConflict refuses addresses that another instance has.
func TestConflict(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.apply(subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24"))
	west := must(ParseInstance("west"))
	for _, c := range []struct{ inside, outside string }{{"100.64.1.0/24", "192.0.2.8/29"}, {"100.64.0.128/25", "198.51.100.0/28"}} {
		rs := must(NewRuleset(onePool(t, ports(1000), c.inside, c.outside), west))
		if _, err := b.k.Apply(rs, ApplyOptions{}); !errors.Is(err, ErrConflict) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestBusyBox has a stranger change nf_tables all the time, a table of its own. Apply must get through all the same.
func TestBusyBox(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	stop, done := make(chan struct{}), make(chan error, 1)
	stranger := openKernel(t, b.ns)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
				stranger.nft.AddTable(&nftables.Table{Name: "stranger", Family: nftables.TableFamilyIPv4})
				stranger.nft.DelTable(&nftables.Table{Name: "stranger", Family: nftables.TableFamilyIPv4})
				if err := stranger.nft.Flush(); err != nil {
					done <- err
					return
				}
				time.Sleep(20 * time.Millisecond) // a box is busy, not a denial of service
			}
		}
	}()
	for _, rs := range []*Ruleset{
		subscribersOf(t, "192.0.0.0/22", 1000, "100.64.0.0/18"), subscribersOf(t, "192.0.0.0/22", 1000, "100.64.0.0/18", "100.65.0.0"),
		subscribersOf(t, "192.0.0.0/22", 900, "100.64.0.0/18"),
	} {
		b.apply(rs)
		b.equal(rs)
	}
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestRouteWithMetric leaves a prefix alone for which somebody has a route, whatever its metric.
func TestRouteWithMetric(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	netnstest.Run(t, b.ns, "ip", "route", "add", "192.0.2.0/28", "dev", "lo", "metric", "100")
	rs := subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24")
	r := b.apply(rs)
	if r.RoutesAdded != 0 || !strings.Contains(strings.Join(r.Warnings, "\n"), "there is a route for 192.0.2.0/28 already") {
		t.Fatalf("%+v", r)
	}
	b.equal(rs)
}

// TestSmallReceiveBuffer reads with the receive buffer of somebody who may not enlarge it.
func TestSmallReceiveBuffer(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	rs := subscribersOf(t, "192.0.0.0/22", 1000, "100.64.0.0/18")
	b.apply(rs)
	const granted = 212992 // the kernel's default
	if err := unix.SetsockoptInt(b.k.sock.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, granted); err != nil {
		t.Fatal(err)
	}
	b.k.sock.ahead = 2 * granted / answerBytes
	b.equal(rs)
}

// TestRemovedNeverWraps loses one bucket of a share in a plan of two kinds of maps.
func TestRemovedNeverWraps(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	a, k := 3, 6
	rs := rulesetOf(t, planOf(t, alloc.Spec{Pools: []alloc.PoolSpec{
		{Name: "plain", Inside: addrRanges(t, "100.64.0.0/26"), Outside: addrRanges(t, "192.0.2.0"), PortsPerSubscriber: 1000},
		{Name: "psid", Scheme: alloc.PSID, PSIDOffset: &a, PSIDLength: &k, Inside: addrRanges(t, "100.65.0.0/26"), Outside: addrRanges(t, "192.0.2.1")},
	}}))
	b.apply(rs)
	b.nft("delete", "element", "ip", "cgn", "ranges_7", "{ 100.65.0.5 . 0x3 }")
	if r := b.apply(rs); r.Removed != 0 || r.Kept != 127 {
		t.Fatalf("%+v", r)
	}
	b.equal(rs)
}
