package daemon

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestPrepared has an apply that takes 4 s begin before the instant, and end there.
func TestPrepared(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.b.ahead = 8 * time.Second
		r.add(1, 0)
		r.add(2, time.Minute)
	}, func(r *rig) {
		s := r.after(55 * time.Second)
		r.has(s, 1)
		if s.Doing != "prepare" || !s.Healthy || s.Epoch.Seq != 1 {
			t.Errorf("%+v", s)
		}
		r.has(r.after(5*time.Second-time.Millisecond), 1)
		s = r.after(2 * time.Millisecond)
		r.has(s, 2)
		if s.Epoch.Seq != 2 || !s.Healthy || r.seen().waited != 1 || !s.Unsure.IsZero() {
			t.Errorf("%+v", s)
		}
		if s = r.after(time.Minute); s.Records != 2 || len(s.Problems) > 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestGivenUp has something happen while an epoch is being prepared that is more urgent, or that makes it another one.
func TestGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(r *rig)
		want int // the plan at the instant
	}{
		"another epoch for the same instant": {func(r *rig) { r.add(3, 3*time.Second) }, 3},
		"drift":                              {func(r *rig) { r.b.do(func() { r.b.broken, r.b.mark = []string{"gone"}, r.b.mark+1 }) }, 2},
		"reload":                             {func(r *rig) { r.d.Reload() }, 2},
		"the clock":                          {func(r *rig) { r.step(time.Hour) }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, "l.jsonl", func(r *rig) {
				r.b.ahead = 8 * time.Second
				r.add(1, 0)
				r.add(2, time.Minute)
			}, func(r *rig) {
				r.after(57 * time.Second)
				r.b.do(func() { r.b.ahead = 2 * time.Second }) // once more it takes a second
				r.after(-0)
				c.do(r)
				s := r.after(3*time.Second + 10*time.Millisecond)
				r.has(s, c.want)
				if writes := r.seen().writes; c.want != 2 && slices.Contains(writes, r.plan(2).SHA256()) {
					t.Error("the kernel had what was prepared and is no longer to be")
				}
				if len(r.seen().broken) > 0 {
					t.Error("drift is not repaired")
				}
				r.after(time.Minute)
			})
		})
	}
}

// TestPrepareRefused has the kernel refuse what is prepared, and take it at the instant.
func TestPrepareRefused(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.b.ahead = 8 * time.Second
		r.add(1, 0)
		r.add(2, time.Minute)
	}, func(r *rig) {
		r.after(30 * time.Second)
		r.b.do(func() { r.b.busy = errRefused })
		s := r.after(29 * time.Second)
		if n := strings.Count(r.logged(), "cannot be prepared"); n < 2 || n > 5 || !s.Healthy || len(s.Problems) > 0 {
			t.Errorf("%d attempts, %+v", n, s)
		}
		r.b.do(func() { r.b.busy = nil })
		r.has(r.after(1010*time.Millisecond), 2)
	})
}

// TestPrepareEnds ends the daemon while it waits for an instant: nothing is changed.
func TestPrepareEnds(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.b.ahead = 8 * time.Second
		r.add(1, 0)
		r.add(2, time.Minute)
	}, func(r *rig) {
		r.after(57 * time.Second)
		r.end()
		r.after(time.Hour)
		if s := r.seen(); s.sha != r.plan(1).SHA256() || s.waited != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestLateRecorded has the kernel take 3 s for an epoch: whoever asks about those has both candidates, from the daemon and from the ledger.
func TestLateRecorded(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.add(2, time.Minute)
	}, func(r *rig) {
		begun := r.now()
		instant := begun.Add(time.Minute)
		r.after(30 * time.Second)
		r.b.do(func() { r.b.takes = 3 * time.Second })
		if s := r.after(31 * time.Second); !s.Unsure.Equal(instant) {
			t.Errorf("while it takes: %v", s.Unsure)
		}
		s := r.after(3 * time.Second)
		r.has(s, 2)
		if s.Records != 3 || s.Epoch.Seq != 3 || !s.Healthy || len(s.Problems) > 0 || !s.Unsure.IsZero() {
			t.Errorf("%+v", s)
		}
		for at, want := range map[time.Time]int{instant.Add(-1): 1, instant: 2, instant.Add(3 * time.Second): 2, instant.Add(3*time.Second + 2*time.Millisecond): 1} {
			if epochs, gap := r.d.Ledger().Between(at, at); len(epochs) != want || gap {
				t.Errorf("at %v: %+v", at, epochs)
			}
		}
	})
}

// TestLateUnrecorded cannot write it down: it says so, and tries again.
func TestLateUnrecorded(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.add(2, time.Minute)
		r.b.takes = time.Second
	}, func(r *rig) {
		instant := r.now().Add(time.Minute)
		r.after(59 * time.Second)
		// The file cannot be written to, and its mark stays as it is.
		if err := os.Symlink(r.path, r.path+".pending"); err != nil {
			t.Fatal(err)
		}
		s := r.after(foreignFor + 4*time.Second)
		r.has(s, 2)
		if !strings.Contains(problem(s, "late"), "cannot be recorded") || !s.Unsure.Equal(instant) || s.Records != 2 {
			t.Errorf("%+v", s)
		}
		if err := os.Remove(r.path + ".pending"); err != nil {
			t.Fatal(err)
		}
		s = r.after(lateOften + 2*time.Second)
		if !strings.Contains(problem(s, "late"), "both are possible") || s.Records != 3 || !s.Unsure.IsZero() {
			t.Errorf("%+v", s)
		}
	})
}

// TestMissed restarts a daemon that missed two epochs: for both it is recorded since when.
func TestMissed(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.add(2, time.Minute)
		r.add(3, 2*time.Minute)
		r.b.sha = r.plan(1).SHA256()
		time.Sleep(time.Hour)
	}, func(r *rig) {
		s := r.after(time.Second)
		r.has(s, 3)
		if s.Records != 5 || !s.Unsure.IsZero() {
			t.Errorf("%+v", s)
		}
		at := r.now().Add(-time.Minute)
		if epochs, _ := r.d.Ledger().Between(at, at); len(epochs) != 3 {
			t.Errorf("%+v", epochs)
		}
	})
}

// TestNothingLate is a kernel that had no plan: nobody else can have had ports.
func TestNothingLate(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		time.Sleep(time.Hour)
	}, func(r *rig) {
		s := r.after(time.Minute)
		r.has(s, 1)
		if s.Records != 1 || len(s.Problems) > 0 || !strings.Contains(r.logged(), "the kernel had no plan") {
			t.Errorf("%+v", s)
		}
		if _, _, err := ledger.Verify(r.path); err != nil {
			t.Error(err)
		}
	})
}

// TestLookedWhilePrepared prepares an epoch for as long as that may take: the kernel is looked at meanwhile, and the status says so.
func TestLookedWhilePrepared(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.add(2, 10*time.Minute)
		r.b.ahead = 2 * time.Minute
	}, func(r *rig) {
		prepared, loads := 0, r.b.ahead/2 // as long as the backend is at it
		for range 11 * 60 {
			s := r.after(time.Second)
			if s.Doing == "prepare" {
				prepared++
			}
			if ago := r.now().Sub(s.Looked); ago > loads+3*lookEvery || ago > 3*lookEvery && (prepared == 0 || prepared > int(loads/time.Second)+3) {
				t.Fatalf("the kernel was looked at %v ago, doing %q, it has prepared for %d s", ago, s.Doing, prepared)
			}
		}
		if r.has(r.d.Snapshot(), 2); prepared < 100 {
			t.Errorf("it prepared for %d s", prepared)
		}
		r.end()
	})
}

// TestSetBackWhilePrepared has the clock be set back while an epoch is prepared, the daemon end or be killed, and the clock be set right before the next one
// begins: what the kernel had by the clock that was behind is possible.
func TestSetBackWhilePrepared(t *testing.T) {
	for _, killed := range []bool{false, true} {
		inBubble(t, "l.jsonl", func(r *rig) {
			r.add(1, 0)
			r.add(2, 10*time.Minute)
			r.add(3, 30*time.Minute)
			r.b.ahead = 4 * time.Second
		}, func(r *rig) {
			r.after(30*time.Minute - time.Second)
			if s := r.d.Snapshot(); s.Doing != "prepare" {
				t.Fatalf("%+v", s)
			}
			r.step(-25 * time.Minute)
			again := r.now()
			r.after(30 * time.Second)
			if killed {
				r.kill(filepath.Dir(r.path))
			}
			r.restart(func() {
				time.Sleep(2 * time.Minute)
				r.step(26 * time.Minute)
				time.Sleep(time.Minute)
			})
			if s := r.after(time.Hour); !s.Unsure.IsZero() {
				t.Errorf("%+v", s)
			}
			r.includes(again.Add(time.Second), 2)
			r.includes(again.Add(2*time.Minute), 2)
			r.possible(r.now(), 3)
			r.end()
		})
	}
}
