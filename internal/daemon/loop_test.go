package daemon

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestStart(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		s := r.after(time.Second)
		r.has(s, 1)
		if !s.Ready || !s.Healthy || len(s.Problems) > 0 || s.Epoch == nil || s.Epoch.Seq != 1 || s.Verify.Runs == 0 || s.Records != 1 {
			t.Errorf("%+v", s)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if !slices.Contains(r.told, "READY=1") {
			t.Error(r.told)
		}
	})
}

// TestStartWithPlanInForce is a restart: nothing is written.
func TestStartWithPlanInForce(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		time.Sleep(time.Hour)
		r.b.sha = r.plan(1).SHA256()
	}, func(r *rig) {
		s := r.after(10 * time.Minute)
		r.has(s, 1)
		if r.b.written() != 0 || !s.Healthy || len(s.Problems) > 0 {
			t.Errorf("%d writes, problems %v", r.b.written(), s.Problems)
		}
	})
}

// TestFutureEpoch looks just before the instant and just after it.
func TestFutureEpoch(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.add(2, 10*time.Minute+300*time.Millisecond)
	}, func(r *rig) {
		s := r.after(10 * time.Minute)
		r.has(s, 1)
		if s.Next == nil || s.Next.Seq != 2 {
			t.Fatalf("next is %v", s.Next)
		}
		r.has(r.after(299*time.Millisecond), 1)
		s = r.after(2 * time.Millisecond)
		r.has(s, 2)
		if s.Next != nil || s.Epoch.Seq != 2 || !s.Healthy || problem(s, "late") != "" {
			t.Errorf("%+v", s)
		}
	})
}

func TestLateEpoch(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.add(2, time.Minute)
		r.b.sha = r.plan(1).SHA256()
		time.Sleep(time.Hour) // the daemon is down at the instant
	}, func(r *rig) {
		s := r.after(time.Second)
		r.has(s, 2)
		want := "epoch 2 in force since 2000-01-01T00:01:00Z by the ledger was applied at 2000-01-01T01:00:00Z, and the kernel had plan " + r.plan(1).SHA256()[:12] + " before; it is recorded that in between both are possible"
		if got := problem(s, "late"); got != want || !s.Healthy || strings.Count(r.logged(), "problem=late") != 1 {
			t.Errorf("late is %q, healthy %t\n%s", got, s.Healthy, r.logged())
		}
		if s = r.after(lateFor - 3*time.Second); problem(s, "late") == "" {
			t.Error("it was not to be seen for long")
		}
		if s = r.after(6 * time.Second); len(s.Problems) > 0 { // the ledger has it for ever
			t.Error(s.Problems)
		}
	})
}

// TestLedgerGrows has a record appear, with another plan and with the same one.
func TestLedgerGrows(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(time.Minute)
		r.add(2, 0)
		r.has(r.after(3*time.Second), 2)
		writes, old := r.b.written(), r.d.Ledger()
		r.add(2, 0)
		s := r.after(3 * time.Second)
		if s.Epoch.Seq != 4 || r.b.written() != writes { // the third says that the second was late
			t.Errorf("epoch %d, %d writes more", s.Epoch.Seq, r.b.written()-writes)
		}
		if n := old.Len(); n != 3 {
			t.Errorf("the ledger from before has %d records", n)
		}
	})
}

// TestReloadOfTheSame writes nothing, and applies nothing.
func TestReloadOfTheSame(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(10 * time.Second)
		applies, led := r.seen().applies, r.d.Ledger()
		now := r.now()
		if err := os.Chtimes(r.path, now, now.Add(time.Hour)); err != nil { // the same content, another time
			t.Fatal(err)
		}
		r.after(3 * time.Second)
		r.d.Reload()
		s := r.after(3 * time.Second)
		if r.seen().applies != applies || r.d.Ledger() != led || !s.Healthy {
			t.Errorf("%d applies more, another ledger: %t", r.seen().applies-applies, r.d.Ledger() != led)
		}
	})
}

func TestPlanFile(t *testing.T) {
	inBubble(t, "plan.yaml", func(r *rig) { r.writePlan(1) }, func(r *rig) {
		s := r.after(time.Second)
		r.has(s, 1)
		if s.Epoch != nil || r.d.Ledger() != nil {
			t.Error("a plan file has no epochs")
		}
		time.Sleep(time.Minute)
		r.writePlan(2)
		now := r.now() // the file system has the real clock
		if err := os.Chtimes(r.path, now, now); err != nil {
			t.Fatal(err)
		}
		r.has(r.after(3*time.Second), 2)
	})
}

// TestUnreadable has the kernel stay as it is, at the start and later, and recover.
func TestUnreadable(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.b.sha = "what was there"
		if err := os.WriteFile(r.path, []byte("{\n"), 0o600); err != nil {
			r.Fatal(err)
		}
	}, func(r *rig) {
		s := r.after(time.Minute)
		if r.seen().applies != 0 || s.Healthy || !s.Ready || problem(s, "source") == "" || s.InForce != "what was there" {
			t.Fatalf("%+v", s)
		}
		if err := os.Remove(r.path); err != nil {
			t.Fatal(err)
		}
		r.add(1, 0)
		r.add(2, time.Minute)
		s = r.after(12 * time.Second)
		r.has(s, 1)
		if !s.Healthy {
			t.Fatal(s.Problems)
		}
		// A ledger that is damaged afterwards is not followed into its next epoch.
		text, err := os.ReadFile(r.path)
		if err != nil {
			t.Fatal(err)
		}
		text[len(text)/2] ^= 1
		if err := os.WriteFile(r.path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		future := r.now().Add(time.Hour)
		if err := os.Chtimes(r.path, future, future); err != nil {
			t.Fatal(err)
		}
		s = r.after(2 * time.Minute)
		r.has(s, 1)
		if s.Healthy || problem(s, "source") == "" {
			t.Error(s.Problems)
		}
		// What was applied is looked after all the same.
		r.b.do(func() { r.b.broken, r.b.mark = []string{"gone"}, r.b.mark+1 })
		if r.after(5 * time.Second); len(r.seen().broken) > 0 {
			t.Error("drift is not repaired")
		}
	})
}

// TestLedgerOfAnotherPast has a ledger lose its last record, be emptied, and be another one: the kernel stays as it is, until the
// records are back, or somebody restarts the daemon.
func TestLedgerOfAnotherPast(t *testing.T) {
	put := func(r *rig, text []byte) {
		r.Helper()
		if err := os.WriteFile(r.path, text, 0o600); err != nil {
			r.Fatal(err)
		}
	}
	for name, another := range map[string]func(r *rig, text []byte) (want string){
		"cut off": func(r *rig, text []byte) string {
			put(r, text[:1+bytes.IndexByte(text, '\n')])
			return "that had 2 records with head "
		},
		"emptied": func(r *rig, _ []byte) string {
			put(r, nil)
			return "this one has 0"
		},
		"other": func(r *rig, _ []byte) string {
			if err := os.Remove(r.path); err != nil {
				r.Fatal(err)
			}
			for n := range 3 {
				r.add(n+3, 0)
			}
			return "record 2 of this one has hash "
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, "l.jsonl", func(r *rig) {
				r.add(1, 0)
				r.add(2, 0)
			}, func(r *rig) {
				r.after(time.Minute)
				text, err := os.ReadFile(r.path)
				if err != nil {
					t.Fatal(err)
				}
				writes, led := r.b.written(), r.d.Ledger()
				want := another(r, text)
				s := r.after(2 * time.Minute)
				r.has(s, 2)
				if got := problem(s, "source"); !strings.Contains(got, want) || !strings.Contains(got, "restart cgnd") || s.Healthy || s.Records != 2 {
					t.Errorf("%+v\nwant a problem with %q", s, want)
				}
				if n := strings.Count(r.logged(), "problem=source"); n != 1 || r.b.written() != writes || r.d.Ledger() != led {
					t.Errorf("logged %d times, %d writes more, another ledger: %t", n, r.b.written()-writes, r.d.Ledger() != led)
				}
				put(r, text)
				if s = r.after(12 * time.Second); !s.Healthy {
					t.Error(s.Problems)
				}
				r.has(s, 2)
			})
		})
	}
}

func TestNotCovered(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.b.sha = "what was there"
		r.add(1, time.Minute)
	}, func(r *rig) {
		s := r.after(30 * time.Second)
		if r.seen().applies != 0 || s.Healthy || !s.Ready || problem(s, "not-covered") == "" {
			t.Fatalf("%+v", s)
		}
		s = r.after(31 * time.Second)
		r.has(s, 1)
		if !s.Healthy {
			t.Error(s.Problems)
		}
	})
}

// TestBlind cannot look at the kernel for a while.
func TestBlind(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(time.Second)
		r.b.do(func() { r.b.blind = errRefused })
		if s := r.after(3 * time.Second); s.Healthy || problem(s, "kernel") == "" {
			t.Errorf("%+v", s)
		}
		r.b.do(func() { r.b.blind = nil })
		if s := r.after(3 * time.Second); !s.Healthy {
			t.Error(s.Problems)
		}
	})
}

func TestBackendFiles(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(time.Second)
		applies := r.seen().applies
		r.b.do(func() { r.b.changed = true })
		r.d.Reload()
		if s := r.after(2 * time.Second); r.seen().applies != applies+1 || !s.Healthy {
			t.Errorf("%d applies, %v", r.seen().applies-applies, s.Problems)
		}
		r.b.do(func() { r.b.files = errRefused })
		r.d.Reload()
		if s := r.after(2 * time.Second); s.Healthy || problem(s, "backend-files") == "" {
			t.Error(s.Problems)
		}
	})
}

// TestHanging has an apply take for ever: the loop lives, the state says so, and in the end the watchdog is not told.
func TestHanging(t *testing.T) {
	var pings atomic.Int64
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.b.takes = time.Hour
		r.options.Notify = func(s string) {
			if s == "WATCHDOG=1" {
				pings.Add(1)
			}
		}
	}, func(r *rig) {
		s := r.after(5 * time.Minute)
		if s.Doing != "apply" || s.Ready || pings.Load() < 250 {
			t.Errorf("doing %q, %d pings", s.Doing, pings.Load())
		}
		r.after(10 * time.Minute)
		before := pings.Load()
		if r.after(10 * time.Minute); pings.Load() != before {
			t.Errorf("%d pings while it hangs", pings.Load()-before)
		}
		r.after(time.Hour) // the bubble ends when nothing is left in it
	})
}

// TestEnd ends a daemon while an apply takes its time: it does not wait, and does nothing more.
func TestEnd(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.b.takes = time.Hour
	}, func(r *rig) {
		r.after(time.Minute)
		if took := r.end(); took != 0 {
			t.Errorf("the end took %v", took)
		}
		r.after(2 * time.Hour)
		if s := r.seen(); s.applies != 1 || s.compare > 1 { // the one before
			t.Errorf("%+v", s)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.told[len(r.told)-1] != "STOPPING=1" {
			t.Error(r.told)
		}
	})
}

// TestIdle counts what an idle daemon asks of the kernel.
func TestIdle(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(time.Minute)
		looks, compared, applies := r.seen().looks, r.seen().compare, r.seen().applies
		r.after(time.Hour)
		if n := r.seen().looks - looks; n > 3700 {
			t.Errorf("%d looks in an hour", n)
		}
		if n := r.seen().compare - compared; n < 11 || n > 13 || r.seen().applies != applies {
			t.Errorf("%d comparisons in an hour, %d applies", n, r.seen().applies-applies)
		}
	})
}

func TestStatusText(t *testing.T) {
	s := &Snapshot{Problems: []Problem{{Code: "apply", Text: "no\nREADY=0"}}}
	if got := statusText(s); strings.ContainsAny(got, "\n") {
		t.Errorf("%q has a line break", got)
	}
}

func TestBackoff(t *testing.T) {
	var got []string
	for n := 1; n < 9; n++ {
		got = append(got, fmt.Sprint(backoff(n)))
	}
	if want := "1s 2s 4s 8s 16s 32s 1m0s 1m0s"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
	if backoff(1<<40) != maxBackoff {
		t.Error("it overflows")
	}
}
