package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/alloc/planfile"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/daemonfile"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// manyPlan returns plans of 8,192 subscribers, or with XDP, where an address takes 3 MiB, of 1,024, who all move from one to the next: it takes a moment
// until the kernel has them, and to compare them.
func manyPlan(backend string, n int) string {
	inside, outside := 19, 24
	if backend == daemonfile.XDP {
		inside, outside = 22, 27
	}
	return fmt.Sprintf("version: 1\npools:\n  - {name: a, inside: [100.64.0.0/%d], outside: [198.18.%d.0/%d], ports-per-subscriber: 1000}\n", inside, n%2, outside)
}

// possibleAt returns the plans that may have been in force at an instant, by the files alone.
func (s *site) possibleAt(at time.Time) (out []string, records int) {
	s.Helper()
	led, err := ledger.Open(s.path("ledger.jsonl"))
	if err != nil {
		s.Fatal(err)
	}
	defer led.Close()
	if err := led.Heed(time.Now()); err != nil {
		s.Fatal(err)
	}
	epochs, gap := led.Between(at, at)
	for _, e := range epochs {
		out = append(out, e.PlanSHA256)
	}
	if gap {
		out = append(out, "unknown")
	}
	return out, led.Len()
}

// TestKilledBeforeTheRecord has epochs be late, and kills cgnd at random moments of the start that applies them, and when the kernel has just got the plan
// and the ledger does not say yet that it was late: at no time do the files name one plan only for the time in which it was the other one, and in
// the end they name one from when the kernel has it.
func TestKilledBeforeTheRecord(t *testing.T) {
	onBoth(t, killedBeforeTheRecord)
}

func killedBeforeTheRecord(t *testing.T, backend string) {
	s := newSiteOf(t, backend, "instance: late\nledger: FOLDER/ledger.jsonl\n")
	rounds := 16
	if backend == daemonfile.XDP { // whose start takes longer
		rounds = 6
	}
	seed := testseed.New(t)
	random := rand.New(rand.NewPCG(seed, 0))
	now := func() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
	s.record(manyPlan(backend, 0), now())
	settled := func(n daemon.Snapshot) bool { return healthy(n) && n.Unsure.IsZero() && n.InForce == n.Wanted }
	s.start()
	before := s.await("start", settled).InForce
	between, applied := 0, 0
	for round := 1; round <= rounds; round++ {
		if err := s.stop(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		instant := now().Add(50 * time.Millisecond)
		s.record(manyPlan(backend, round), instant)
		time.Sleep(200 * time.Millisecond) // so that the instant is over
		wrong := instant.Add(50 * time.Millisecond)
		for kill := range 3 {
			s.start()
			if kill == 0 && round%2 == 0 {
				for end := time.Now().Add(20 * time.Second); !strings.Contains(s.log.String(), "plan applied") && time.Now().Before(end); {
					time.Sleep(time.Millisecond)
				}
			} else {
				time.Sleep(time.Duration(random.IntN(600)) * time.Millisecond) // the moment is random on purpose
			}
			_ = s.stop(syscall.SIGKILL)
			log := s.log.String()
			if strings.Contains(log, "plan applied") {
				if applied++; !strings.Contains(log, "recorded that the kernel was late") {
					between++
				}
			}
			if got, _ := s.possibleAt(wrong); !slices.Contains(got, before) {
				t.Fatalf("round %d: the kernel had %.12s, and possible are %.12s\n%s", round, before, got, log)
			}
		}
		s.start()
		n := s.await("converge", settled)
		after := n.InForce
		if after == before || len(n.Problems) > 1 {
			t.Fatalf("round %d: %+v", round, n)
		}
		at := now()
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) { // what is noted follows what is recorded
			if got, _ := s.possibleAt(at); slices.Equal(got, []string{after}) {
				break
			}
		}
		// Who dies right behind the apply leaves a kernel with a plan that nobody has noted, which the next one has to take for possible from when
		// the plan before was seen last.
		if got, _ := s.possibleAt(instant.Add(-time.Millisecond)); !slices.Contains(got, before) {
			t.Fatalf("round %d: just before the epoch possible are %.12s, without %.12s", round, got, before)
		}
		for at, want := range map[time.Time][]string{wrong: {before, after}, at: {after}} {
			// Who dies between a record and the note of it records the same once more, so that a plan may be there twice.
			if got, _ := s.possibleAt(at); !slices.Equal(slices.Compact(got), want) {
				t.Fatalf("round %d: at %v possible are %.12s, want %.12s", round, at, got, want)
			}
		}
		before = after
	}
	t.Logf("of %d that applied the plan, %d were killed before the record", applied, between)
	if between < rounds/4 {
		t.Errorf("only %d were killed between the apply and the record", between)
	}
}

// TestOtherPlanByHand has another plan be in the kernel while no daemon runs, by one that follows a plan file and says nothing to the ledger: for as long as
// that may have been so, and not longer, it is not known who had ports.
func TestOtherPlanByHand(t *testing.T) {
	netnstest.Root(t)
	t.Parallel()
	s := newSite(t, netnstest.NewTopology(t, netns.Options{}), "ledger: FOLDER/ledger.jsonl\n")
	begun := time.Now().UTC().Truncate(time.Millisecond)
	s.record(plan(1000), begun)
	s.start()
	first := s.await("start", healthy)
	time.Sleep(2 * time.Second) // some evidence
	if err := s.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	followed := s.config
	s.config = s.write("other.yaml", "plan: "+s.write("plan.yaml", plan(2000))+"\nlisten: {unix: "+s.path("sock")+"}\naudit: "+s.path("audit.jsonl")+"\n")
	s.start()
	s.await("another plan", func(n daemon.Snapshot) bool { return healthy(n) && n.InForce != first.InForce })
	foreign := time.Now()
	if err := s.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.config = followed
	s.start()
	n := s.await("back", func(n daemon.Snapshot) bool { return healthy(n) && n.Records > 1 && n.Unsure.IsZero() })
	if n.InForce != first.InForce || n.Records != 2 {
		t.Errorf("%+v", n)
	}
	time.Sleep(2 * time.Second) // what is noted follows what is recorded
	for at, want := range map[time.Time][]string{begun.Add(time.Second): {first.InForce}, foreign: {first.InForce, "unknown"}, time.Now(): {first.InForce}} {
		if got, _ := s.possibleAt(at); !slices.Equal(got, want) {
			t.Errorf("at %v possible are %.12s, want %.12s", at, got, want)
		}
	}
	var a struct{ Status string }
	if err := s.get("/v1/trace?outside=192.0.2.0&port=2500&case=1&reason=test&at="+foreign.UTC().Format("2006-01-02T15:04:05.000Z"), &a); err != nil || a.Status != "ambiguous" {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestPlanByHand has somebody apply another plan while cgnd runs, without a word to the ledger, and cgnd repair that, or only report it until somebody
// applies the right one again: from then on the ledger has that it was so, for as long as it may have been.
func TestPlanByHand(t *testing.T) {
	netnstest.Root(t)
	t.Parallel()
	for _, drift := range []string{"repair", "report"} {
		t.Run(drift, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, netnstest.NewTopology(t, netns.Options{}), "ledger: FOLDER/ledger.jsonl\ndrift: "+drift+"\n")
			byHand := func(text string) {
				t.Helper()
				p, err := planfile.Parse("plan", []byte(text), planfile.Options{})
				if err != nil {
					t.Fatal(err)
				}
				if err := s.do(func() error {
					b, err := daemon.Nftables("cgn")
					if err != nil {
						return err
					}
					_, err = b.Apply(p.Plan, nil)
					return errors.Join(err, b.Close())
				}); err != nil {
					t.Fatal(err)
				}
			}
			trace := func(at time.Time) string {
				t.Helper()
				var a struct{ Status string }
				if err := s.get("/v1/trace?outside=192.0.2.0&port=2500&case=1&reason=test&at="+at.UTC().Format("2006-01-02T15:04:05.000Z"), &a); err != nil {
					t.Fatal(err)
				}
				return a.Status
			}
			begun := time.Now().UTC().Truncate(time.Millisecond)
			s.record(plan(1000), begun)
			s.start()
			first := s.await("start", healthy)
			time.Sleep(8 * time.Second) // some evidence, and nothing is known of the 5 s before a change is noticed
			byHand(plan(2000))
			foreign := time.Now()
			if drift == "report" {
				n := s.await("reported", func(n daemon.Snapshot) bool { return len(n.Had) > 0 && !n.Healthy })
				if trace(foreign) != "ambiguous" || trace(begun.Add(time.Second)) != "allocated" || n.Unsure.After(foreign) {
					t.Errorf("%+v", n)
				}
				byHand(plan(1000))
			}
			n := s.await("back", func(n daemon.Snapshot) bool { return healthy(n) && n.Records == 2 && n.Unsure.IsZero() })
			if n.InForce != first.InForce || n.Drift.Found == 0 {
				t.Errorf("%+v", n)
			}
			time.Sleep(2 * time.Second) // what is noted follows what is recorded
			for at, want := range map[time.Time]string{begun.Add(time.Second): "allocated", foreign: "ambiguous", time.Now(): "allocated"} {
				got, _ := s.possibleAt(at)
				if trace(at) != want || (len(got) == 1) != (want == "allocated") || got[0] != first.InForce {
					t.Errorf("at %v possible are %.12s, and the daemon says %s, want %s", at, got, trace(at), want)
				}
			}
		})
	}
}
