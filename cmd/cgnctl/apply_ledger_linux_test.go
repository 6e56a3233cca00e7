package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// A rig is a ledger, a kernel that has a plan or none, and perhaps somebody who follows the ledger as cgnd does. Its clock goes by seconds.
type rig struct {
	*testing.T
	path   string
	plans  map[string]*alloc.Plan // by letter
	names  map[string]string      // letters by hash
	clock  time.Time
	kernel string // the hash of its plan, "" where it has none
	boot   int

	follows bool
	waiting time.Time // since when the follower sees an apply that has not ended

	had []string // from second 0 on, what the kernel had when the second began
	log bytes.Buffer
}

func newRig(t *testing.T, follows bool) *rig {
	t.Helper()
	g := &rig{T: t, path: filepath.Join(t.TempDir(), "l"), plans: map[string]*alloc.Plan{}, names: map[string]string{}, clock: at(0), follows: follows}
	for i, letter := range []string{"a", "b", "c", "d"} {
		p := rigPlan(t, 500+100*i)
		g.plans[letter], g.names[p.SHA256()] = p, letter
	}
	return g
}

// at is a second of the rig's time.
func at(second int) time.Time {
	return time.Date(2026, 1, 1, 0, 0, second, 0, time.UTC)
}

func rigPlan(t *testing.T, ports int) *alloc.Plan {
	t.Helper()
	inside, err := alloc.ParseAddrRange("100.64.0.0/28")
	if err != nil {
		t.Fatal(err)
	}
	outside, err := alloc.ParseAddrRange("198.18.0.0/32")
	if err != nil {
		t.Fatal(err)
	}
	p, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{
		Name: "a", Inside: []alloc.AddrRange{inside}, Outside: []alloc.AddrRange{outside}, PortsPerSubscriber: ports,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (g *rig) note(format string, args ...any) {
	fmt.Fprintf(&g.log, "%4d  ", len(g.had))
	fmt.Fprintf(&g.log, format+"\n", args...)
}

// pass lets seconds go by. Who follows the ledger brings the kernel what is in force, but waits for whoever applies.
func (g *rig) pass(seconds int) {
	g.Helper()
	for range seconds {
		if g.follows {
			g.follow()
		}
		g.had = append(g.had, g.kernel)
		g.clock = g.clock.Add(time.Second)
	}
}

func (g *rig) follow() {
	g.Helper()
	if !ledger.IsPending(g.path) {
		g.waiting = time.Time{}
	} else {
		if g.waiting.IsZero() {
			g.waiting = g.clock
		}
		if g.clock.Sub(g.waiting) < ledger.Patience {
			return
		}
	}
	l, err := ledger.Open(g.path)
	if err != nil {
		return // there is none yet
	}
	defer l.Close()
	if e, err := l.AtInstant(g.clock); err == nil && e.PlanSHA256 != g.kernel {
		g.kernel = e.PlanSHA256
		g.note("the follower applies %s", g.names[g.kernel])
	}
}

// restart starts the machine again.
func (g *rig) restart() {
	g.kernel, g.waiting = "", time.Time{}
	g.boot++
	g.note("the machine starts again")
}

// plan records an epoch that lies ahead, if the ledger takes it.
func (g *rig) plan(letter string, ahead int) {
	g.Helper()
	w, err := ledger.Edit(g.path)
	if err != nil {
		g.Fatal(err)
	}
	defer w.Close()
	_, err = w.Add(ledger.Entry{Plan: g.plans[letter], From: g.clock.Add(time.Duration(ahead) * time.Second), Now: g.clock})
	if err != nil && !errors.Is(err, ledger.ErrPending) && !errors.Is(err, ledger.ErrBefore) {
		g.Fatal(err)
	}
	g.note("%s is planned in %d s: %v", letter, ahead, err)
}

// begin begins to apply a plan.
func (g *rig) begin(letter string) *recording {
	g.Helper()
	w, err := ledger.Edit(g.path)
	if err != nil {
		g.Fatal(err)
	}
	r := &recording{e: &env{stdout: &g.log, stderr: &g.log}, w: w, path: g.path}
	r.now = func() time.Time { return g.clock }
	r.inForce = func() (string, error) { return g.kernel, nil }
	r.intent = ledger.Intent{Plan: g.plans[letter], Target: "nftables cgn", Boot: fmt.Sprint(g.boot)}
	g.note("apply %s", letter)
	if err := r.begin(); err != nil {
		g.Fatalf("%v\n%s", err, g.log.String())
	}
	return r
}

// swap has the kernel get the plan of an apply.
func (g *rig) swap(r *recording) {
	g.kernel = r.intent.Plan.SHA256()
	g.note("the kernel has %s", g.names[g.kernel])
}

// end ends an apply, which failed or not. ok says that nothing did.
func (g *rig) end(r *recording, failed error) (ok bool) {
	g.Helper()
	defer r.close()
	ep, err := r.end(failed)
	g.note("ended as epoch %d, %v", ep.Seq, err)
	if failed == nil && err == nil && g.kernel != r.intent.Plan.SHA256() {
		g.Fatalf("nothing failed, and the kernel has another plan\n%s", g.log.String())
	}
	return err == nil
}

// kill ends an apply before it could say anything.
func (g *rig) kill(r *recording) {
	r.close()
	g.note("killed")
}

// possible returns the plans that may have been in force by the ledger at instants, as letters, and "-" for none.
func (g *rig) possible(instants ...time.Time) []string {
	g.Helper()
	all := make([]string, len(instants))
	l, err := ledger.Open(g.path)
	if errors.Is(err, os.ErrNotExist) {
		return slices.Repeat([]string{"-"}, len(instants))
	}
	if err != nil {
		g.Fatal(err)
	}
	defer l.Close()
	for i, t := range instants {
		epochs, gap := l.Between(t, t)
		var out []string
		if gap {
			out = append(out, "-")
		}
		for _, e := range epochs {
			out = append(out, g.names[e.PlanSHA256])
		}
		slices.Sort(out)
		all[i] = strings.Join(slices.Compact(out), "")
	}
	return all
}

// wants compares what is possible at seconds.
func (g *rig) wants(want map[int]string) {
	g.Helper()
	for second, w := range want {
		if got := g.possible(at(second))[0]; got != w {
			g.Errorf("second %d: %q is possible, want %q", second, got, w)
		}
	}
	g.check()
	if g.Failed() {
		g.Log(g.log.String())
	}
}

// check compares what the kernel had with what was possible by the ledger. A kernel without a plan gives nobody a port.
func (g *rig) check() {
	g.Helper()
	if _, _, err := ledger.Verify(g.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		g.Fatal(err)
	}
	seconds := make([]time.Time, len(g.had))
	for i := range seconds {
		seconds[i] = at(i)
	}
	for i, got := range g.possible(seconds...) {
		sha := g.had[i]
		if sha != "" && !strings.Contains(got, g.names[sha]) && !strings.Contains(got, "-") {
			g.Fatalf("second %d: %q is possible, and the kernel had %q\n%s", i, got, g.names[sha], g.log.String())
		}
	}
}

// begun returns a rig whose kernel and ledger have plan a since second 0. It is second 10.
func begun(t *testing.T, follows bool) *rig {
	t.Helper()
	g := newRig(t, follows)
	r := g.begin("a")
	g.swap(r)
	g.end(r, nil)
	g.pass(10)
	return g
}

// TestKilledBeforePlanned has a planned epoch begin while an apply that was killed stands there: the kernel still has what it had, and whoever
// follows the ledger waits.
func TestKilledBeforePlanned(t *testing.T) {
	g := begun(t, true)
	g.plan("c", 5)
	g.kill(g.begin("b"))
	g.pass(10)
	g.wants(map[int]string{9: "a", 10: "ab", 14: "ab", 15: "abc", 19: "abc"})
	r := g.begin("c")
	g.pass(5)
	g.wants(map[int]string{9: "a", 10: "a", 14: "a", 15: "ac", 24: "ac"})
	g.swap(r)
	g.end(r, nil)
	g.pass(1)
	g.wants(map[int]string{14: "a", 15: "ac", 24: "ac", 25: "c"})
}

// TestFailedAcrossPlanned has a planned epoch begin while an apply is under way that fails in the end.
func TestFailedAcrossPlanned(t *testing.T) {
	g := begun(t, true)
	g.plan("c", 5)
	r := g.begin("b")
	g.pass(10)
	g.end(r, errors.New("interrupted"))
	g.pass(5)
	g.wants(map[int]string{9: "a", 10: "a", 14: "a", 15: "ac", 19: "ac", 20: "c", 24: "c"})
	if g.kernel != g.plans["c"].SHA256() {
		t.Error("the planned epoch never came into force")
	}
}

// TestFailedAfterKilled has the apply that comes after one that was killed fail, too.
func TestFailedAfterKilled(t *testing.T) {
	g := begun(t, true)
	g.plan("c", 5)
	g.kill(g.begin("b"))
	g.pass(10)
	g.kill(g.begin("d"))
	g.pass(5)
	g.wants(map[int]string{14: "a", 15: "ac", 19: "ac", 20: "acd"})
	g.end(g.begin("b"), errors.New("interrupted"))
	g.pass(1)
	g.wants(map[int]string{14: "a", 15: "ac", 20: "ac", 24: "ac", 25: "c"})
}

// TestPlannedNotYet has an apply begin before who follows the ledger has come to an epoch that was planned.
func TestPlannedNotYet(t *testing.T) {
	g := begun(t, false)
	g.plan("c", 5)
	g.pass(6)
	r := g.begin("b")
	g.pass(4)
	g.wants(map[int]string{14: "a", 15: "ac", 16: "abc", 19: "abc"})
	g.swap(r)
	g.end(r, nil)
	g.pass(1)
	g.wants(map[int]string{14: "a", 15: "ac", 16: "abc", 19: "abc", 20: "b"})
}

// TestKilledAndRestarted has the kernel forget a plan that it had: that it has what it had before, nothing, does not say that nothing happened.
func TestKilledAndRestarted(t *testing.T) {
	g := begun(t, false)
	g.restart()
	g.pass(10)
	r := g.begin("b")
	g.swap(r)
	g.kill(r)
	g.pass(10)
	g.restart()
	g.pass(1)
	r = g.begin("b")
	g.swap(r)
	g.end(r, nil)
	g.pass(1)
	g.wants(map[int]string{19: "a", 20: "ab", 30: "ab", 31: "b"})
}

// TestKilledAndRemoved is the same within one run of the machine, by somebody who removes the plan.
func TestKilledAndRemoved(t *testing.T) {
	g := newRig(t, false)
	g.plan("a", 0)
	g.pass(10)
	r := g.begin("b")
	g.swap(r)
	g.kill(r)
	g.pass(10)
	g.kernel = ""
	g.kill(g.begin("c"))
	g.pass(1)
	g.wants(map[int]string{9: "a", 10: "ab", 19: "ab", 20: "abc"}) // b until the instant at which c begins, which is open until c has ended
}

// TestKilledAndRestored has another run of the machine give the kernel what it had before, by what follows the ledger.
func TestKilledAndRestored(t *testing.T) {
	g := begun(t, false)
	r := g.begin("b")
	g.swap(r)
	g.kill(r)
	g.pass(10)
	g.restart()
	g.kernel = g.plans["a"].SHA256()
	g.pass(5)
	g.kill(g.begin("c"))
	g.pass(1)
	g.wants(map[int]string{9: "a", 10: "ab", 24: "ab", 25: "abc"}) // as above
}

// TestKilledFirst has the first apply of all be killed: there is no plan that could be in force afterwards, and the one that was killed is not.
func TestKilledFirst(t *testing.T) {
	for _, swapped := range []bool{false, true} {
		g := newRig(t, false)
		r := g.begin("a")
		if swapped {
			g.swap(r)
		}
		g.kill(r)
		g.pass(10)
		g.restart()
		r = g.begin("b")
		g.pass(10)
		g.end(r, errors.New("interrupted"))
		g.pass(10)
		g.wants(map[int]string{0: "-", 9: "-", 15: "-", 25: "-"})
	}
}

// TestApplies plays random histories of applies that end, fail or are killed at any moment, of epochs that are planned, and of a machine that starts
// again: whatever the kernel had is possible by the ledger, second by second, and when an apply has ended it is the only one.
func TestApplies(t *testing.T) {
	seed := testseed.New(t)
	r := rand.New(rand.NewPCG(seed, 1))
	for round := range 14 {
		g := newRig(t, round%2 == 0)
		for range 15 {
			g.play(r)
		}
		g.check()
	}
}

// play does something at random.
func (g *rig) play(r *rand.Rand) {
	g.Helper()
	if g.follows && r.IntN(2) == 0 { // what is planned comes into force only if somebody sees to it
		g.plan(string("abcd"[r.IntN(4)]), 1+r.IntN(8))
		g.pass(r.IntN(3))
	}
	g.playApply(r, string("abcd"[r.IntN(4)]))
	g.pass(r.IntN(4))
	switch r.IntN(9) {
	case 0, 1:
		g.restart()
	case 2:
		g.kernel = ""
		g.note("removed")
	case 3:
		g.pass(int(ledger.Patience / time.Second))
	}
	g.pass(r.IntN(4))
}

// playApply applies a plan, or tries to.
func (g *rig) playApply(r *rand.Rand, letter string) {
	g.Helper()
	rec := g.begin(letter)
	g.pass(r.IntN(6))
	fails := r.IntN(3) == 0
	if r.IntN(5) == 0 {
		g.kill(rec)
		return
	}
	if !fails {
		g.swap(rec)
		if g.pass(r.IntN(3)); r.IntN(3) == 0 {
			g.kill(rec)
			return
		}
	}
	if fails {
		g.end(rec, errors.New("it failed"))
		return
	}
	if !g.end(rec, nil) { // who follows the ledger lost patience, and changed the kernel meanwhile
		return
	}
	if got := g.possible(g.clock)[0]; got != letter {
		g.Fatalf("applied %s, and %q is possible\n%s", letter, got, g.log.String())
	}
}
