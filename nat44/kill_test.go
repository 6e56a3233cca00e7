//go:build linux

package nat44

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"
)

// killed tells the test binary, started once more in the namespace of a test, to apply plans until it is killed.
const killed = "NAT44_APPLY_UNTIL_KILLED"

func TestMain(m *testing.M) {
	if os.Getenv(killed) != "" {
		applyUntilKilled()
	}
	os.Exit(m.Run())
}

func applyUntilKilled() {
	k, err := Open()
	for i := 0; err == nil; i++ {
		_, err = k.Apply(killPlan(nil, i), ApplyOptions{})
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// killPlan returns plans over 100,000 subscribers: from one to the next everybody moves, or a few.
func killPlan(tb testing.TB, i int) *Ruleset {
	if tb == nil {
		tb = &testing.B{} // in the child, which reports by its exit code
	}
	switch i % 3 {
	case 1:
		return subscribersOf(tb, "192.1.0.0-192.1.15.255", 900, "100.64.0.0-100.65.134.100")
	case 2:
		return subscribersOf(tb, "192.1.0.0-192.1.15.255", 900, "100.64.2.0-100.64.3.231", "100.64.0.0-100.64.1.255", "100.64.3.232-100.65.134.100")
	}
	return subscribersOf(tb, "192.0.0.0-192.0.15.255", 1000, "100.64.0.0-100.65.134.159")
}

// TestKilled kills an apply at 50 random moments. Whatever it was doing, the kernel holds one of the plans, whole, or nothing
// live before the first was through; and the next apply converges.
func TestKilled(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	seed := testseed.New(t)
	random := rand.New(rand.NewPCG(seed, 0))
	plans := []*Ruleset{killPlan(t, 0), killPlan(t, 1), killPlan(t, 2)}
	seen := map[string]int{}
	for round := range 50 {
		b.killOnce(time.Duration(random.IntN(1200)) * time.Millisecond)
		st, err := b.k.read(plans[0].instance)
		if err != nil {
			t.Fatal(err)
		}
		if len(st.leftovers()) > 0 {
			seen["with remains"]++
		}
		if !st.loaded {
			seen["nothing live"]++
			if round > 0 && seen["a plan"] > 0 {
				t.Fatalf("round %d: there was a plan, and now nothing is live", round)
			}
			continue
		}
		live := -1
		for i, rs := range plans {
			if st.mark.plan == rs.plan.SHA256() {
				live = i
			}
		}
		if live < 0 {
			t.Fatalf("round %d: the kernel names plan %q", round, st.mark.plan)
		}
		for _, d := range b.differences(plans[live]) {
			if d[:5] != "route" { // those are set when the plan is in force
				t.Fatalf("round %d: the kernel is not plan %d: %s", round, live, d)
			}
		}
		seen["a plan"]++
	}
	t.Log(seen)
	for _, rs := range plans {
		b.apply(rs)
		b.equal(rs)
		if st, err := b.k.read(rs.instance); err != nil || len(st.leftovers()) > 0 {
			t.Fatal(st.leftovers(), err)
		}
	}
}

// killOnce starts the test binary in the namespace, and kills it after a while.
func (b *bench) killOnce(after time.Duration) {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), killed+"=1")
	cmd.Stderr = os.Stderr
	if err := b.ns.Do(cmd.Start); err != nil {
		b.Fatal(err)
	}
	time.Sleep(after) // the moment is random on purpose
	if err := cmd.Process.Kill(); err != nil {
		b.Fatal(err)
	}
	err = cmd.Wait()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		b.Fatalf("it did not run until it was killed: %v", err)
	}
}
