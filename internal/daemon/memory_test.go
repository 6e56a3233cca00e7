package daemon

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// again ends the daemon, lets something happen, and starts another one.
func (r *rig) again(meanwhile func()) {
	r.Helper()
	r.alone(false)
	r.restart(func() {
		r.alone(false)
		meanwhile()
	})
}

// restart is again without comparing what the file alone says.
func (r *rig) restart(meanwhile func()) {
	r.Helper()
	r.end()
	meanwhile()
	r.d = New(r.options)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); r.d.Run(ctx) }()
	r.end = func() time.Duration { cancel(); <-ended; return 0 }
}

// possible fails the test unless the ledger has these plans as candidates at an instant.
func (r *rig) possible(at time.Time, want ...int) {
	r.Helper()
	epochs, _ := r.d.Ledger().Between(at, at)
	var got []int
	for _, e := range epochs {
		for n := range 10 {
			if r.plan(n).SHA256() == e.PlanSHA256 {
				got = append(got, n)
			}
		}
	}
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		r.Errorf("at %s plans %v are possible, want %v", stamp(at), got, want)
	}
}

// alone compares what the file says without the daemon with what the daemon says: all that is possible by the latter is so by the former, and where the
// daemon has settled, nothing else.
func (r *rig) alone(settled bool) {
	r.Helper()
	file, err := ledger.Open(r.path)
	if err != nil && !settled {
		return // nobody is named
	}
	if err != nil {
		r.Fatal(err)
	}
	defer file.Close()
	if err := file.Heed(r.now()); err != nil {
		r.Fatal(err)
	}
	shot := r.d.Snapshot()
	for ago := range 10 * time.Minute / time.Second {
		at := r.now().Add(-ago * time.Second)
		alone := r.plansAt(file, ledger.Question{From: at, To: at})
		said := r.plansAt(r.d.Ledger(), ledger.Question{From: at, To: at, Unsure: shot.Unsure, Had: shot.Had})
		if !slices.Equal(alone, said) && (settled || slices.ContainsFunc(said, func(n int) bool { return !slices.Contains(alone, n) })) {
			r.Fatalf("at %s the daemon, unsure since %s, says %v, and the file alone %v", stamp(at), stamp(shot.Unsure), said, alone)
		}
	}
}

// plansAt returns which plans a ledger finds possible, by asking for an address of each; 0 = one that it does not know.
func (r *rig) plansAt(led *ledger.Ledger, q ledger.Question) (out []int) {
	r.Helper()
	for n := 1; n < 10; n++ {
		q.Outside, q.Port = netip.AddrFrom4([4]byte{198, 18, byte(n), 0}), ledger.PortOf(5000)
		a, err := led.Trace(q)
		if err != nil {
			return nil // there is no epoch yet
		}
		for _, c := range a.Candidates {
			switch c.Status {
			case 0:
				out = append(out, 0)
			case alloc.Allocated:
				out = append(out, n)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestNeverForgotten has an epoch be late, or never come, in many ways: what the kernel had instead is a candidate in the ledger in the end, and neither
// before nor afterwards.
func TestNeverForgotten(t *testing.T) {
	for name, c := range map[string]struct {
		play  func(r *rig, instant time.Time) // until the kernel has what it is to have
		ended int                             // the plan that it then has
	}{
		"refused, then the plan before": {func(r *rig, _ time.Time) {
			r.b.do(func() { r.b.refused = r.plan(2).SHA256() })
			r.after(5 * time.Minute)
			r.add(1, time.Second)
		}, 1},
		"refused, then the plan before while down": {func(r *rig, _ time.Time) {
			r.b.do(func() { r.b.refused = r.plan(2).SHA256() })
			r.after(5 * time.Minute)
			r.again(func() { r.add(1, 0); time.Sleep(time.Second) })
		}, 1},
		"down all the time": {func(r *rig, _ time.Time) {
			r.again(func() { time.Sleep(5 * time.Minute); r.add(1, 0); time.Sleep(time.Minute) })
		}, 1},
		"killed in the middle of the apply": {func(r *rig, instant time.Time) {
			r.b.do(func() { r.b.takes = 20 * time.Second })
			r.after(instant.Sub(r.now()) + 5*time.Second)
			r.again(func() { time.Sleep(20 * time.Second); r.b.do(func() { r.b.takes = 0 }) })
		}, 2},
		"killed before the record": {func(r *rig, instant time.Time) {
			r.b.do(func() { r.b.takes = 20 * time.Second })
			if err := os.Symlink(r.path, r.path+".pending"); err != nil {
				t.Fatal(err)
			}
			r.after(instant.Sub(r.now()) + foreignFor + 30*time.Second)
			r.again(func() {
				if err := os.Remove(r.path + ".pending"); err != nil {
					t.Fatal(err)
				}
			})
		}, 2},
		"refused, then the machine boots": {func(r *rig, _ time.Time) {
			r.b.do(func() { r.b.refused = r.plan(2).SHA256() })
			r.after(5 * time.Minute)
			r.again(func() { r.b.do(func() { r.b.sha, r.b.refused = "", ""; r.b.mark++ }) })
		}, 2},
		"refused, then flushed": {func(r *rig, _ time.Time) {
			r.b.do(func() { r.b.refused = r.plan(2).SHA256() })
			r.after(5 * time.Minute)
			r.b.do(func() { r.b.sha, r.b.refused = "", ""; r.b.mark++ })
			r.d.Reload()
		}, 2},
		"off at the instant": {func(r *rig, _ time.Time) {
			r.again(func() { time.Sleep(5 * time.Minute); r.b.do(func() { r.b.sha = "" }) })
		}, 2},
		"an error behind the change": {func(r *rig, instant time.Time) {
			r.b.do(func() { r.b.takes, r.b.after = 20*time.Second, errors.New("routes: no buffer space") })
			r.after(instant.Sub(r.now()) + 25*time.Second)
			r.b.do(func() { r.b.takes, r.b.after = 0, nil })
		}, 2},
		"blind behind the change": {func(r *rig, instant time.Time) {
			r.b.do(func() { r.b.takes = 20 * time.Second })
			r.after(instant.Sub(r.now()) + 10*time.Second)
			r.b.do(func() { r.b.blind = errors.New("no buffer space") })
			r.after(12 * time.Second)
			r.b.do(func() { r.b.takes, r.b.blind = 0, nil })
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, "l.jsonl", func(r *rig) {
				r.add(1, 0)
				r.add(2, time.Minute)
			}, func(r *rig) {
				instant := r.now().Add(time.Minute)
				r.after(30 * time.Second)
				c.play(r, instant)
				s := r.after(3 * time.Minute)
				r.has(s, c.ended)
				if !s.Healthy || !s.Unsure.IsZero() {
					t.Errorf("%+v", s)
				}
				r.alone(true)
				r.possible(instant.Add(-time.Millisecond), 1)
				r.possible(instant, 1, 2)
				r.possible(instant.Add(10*time.Second), 1, 2)
				r.possible(r.now().Add(-10*time.Second), c.ended)
				records := s.Records
				r.again(func() {})
				if s = r.after(time.Minute); s.Records != records { // once is enough
					t.Errorf("%d records, and there were %d", s.Records, records)
				}
				r.end()
			})
		})
	}
}

// TestTwiceLate cannot record that an epoch was late before the next one is: the ledger has both in the end.
func TestTwiceLate(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.add(2, time.Minute)
		r.add(3, 2*time.Minute)
	}, func(r *rig) {
		instant := r.now().Add(time.Minute)
		r.after(50 * time.Second)
		r.b.do(func() { r.b.takes = 20 * time.Second })
		r.after(15 * time.Second)
		if err := os.Mkdir(r.path+".pending", 0o700); err != nil {
			t.Fatal(err)
		}
		r.has(r.after(4*time.Minute), 3)
		if err := os.Remove(r.path + ".pending"); err != nil {
			t.Fatal(err)
		}
		s := r.after(time.Minute)
		if !s.Healthy || !s.Unsure.IsZero() {
			t.Errorf("%+v", s)
		}
		r.possible(instant.Add(-time.Second), 1)
		r.possible(instant.Add(10*time.Second), 1, 2)
		r.possible(instant.Add(70*time.Second), 1, 2, 3)
		r.possible(r.now(), 3)
	})
}

// TestOnTime restarts a daemon again and again, beside memories that say nothing of this ledger: no record is added.
func TestOnTime(t *testing.T) {
	restartBeside(t, []string{"gone", `{"from":"2001-01-01T00:00:00Z","plan_sha256":"` + planNumber(t, 9).SHA256() + `","open_since":"1999-01-01T00:00:00Z"}`}, func(_ *rig, s *Snapshot, _ time.Time) {
		if s.Records != 2 || len(s.Problems) > 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestGarbage is the same beside what is no memory: the epoch may have come late, which is recorded once.
func TestGarbage(t *testing.T) {
	restartBeside(t, []string{"", "{", "[]", `{"plan_sha256":"x"}`}, func(r *rig, s *Snapshot, instant time.Time) {
		if s.Records != 3 || !s.Unsure.IsZero() {
			t.Errorf("%+v", s)
		}
		r.possible(instant.Add(10*time.Second), 1, 2)
		r.possible(r.now(), 2)
	})
}

// restartBeside restarts a daemon beside texts that take the place of the memory, and looks at it each time. "gone" is none.
func restartBeside(t *testing.T, texts []string, look func(r *rig, s *Snapshot, instant time.Time)) {
	t.Helper()
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.add(2, time.Minute)
	}, func(r *rig) {
		instant := r.now().Add(time.Minute)
		r.after(2 * time.Minute)
		for _, text := range texts {
			r.restart(func() {
				err := os.WriteFile(r.path+ledger.MemorySuffix, []byte(text), 0o600)
				if text == "gone" {
					err = os.Remove(r.path + ledger.MemorySuffix)
				}
				if err != nil {
					t.Fatal(err)
				}
			})
			s := r.after(time.Minute)
			r.has(s, 2)
			look(r, s, instant)
		}
		r.end()
	})
}
