package ledger_test

import (
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// heeded returns the plans that may have been in force at an instant, by the ledger and what was remembered beside it.
func (s *straddle) heeded(now, at time.Time) string {
	s.Helper()
	l := open(s.T, s.path)
	if err := l.Heed(now); err != nil {
		s.Fatal(err)
	}
	if (len(l.Warnings()) > 0) == l.Unsure().IsZero() {
		s.Errorf("open since %v, and it warns %q", l.Unsure(), l.Warnings())
	}
	a, err := l.Trace(ledger.Question{Outside: netip.MustParseAddr("198.18.0.0"), Port: ledger.PortOf(5300), From: at, To: at})
	if err != nil {
		s.Fatal(err)
	}
	epochs, _ := l.Between(at, at)
	out := ""
	for _, e := range epochs {
		out += s.letter(e.PlanSHA256)
	}
	if len(out) == 1 == (a.Verdict == ledger.Several) { // the plans give that port to different subscribers
		s.Errorf("at %v the plans %q are possible, and the verdict is %v of %v", at, out, a.Verdict, a.Candidates)
	}
	return out
}

// TestHeed asks about a ledger beside which stands what a daemon remembered: a at hour 1, b at hour 5, c at hour 9.
func TestHeed(t *testing.T) {
	for _, c := range []struct {
		name    string
		reached string    // plan of the epoch that the kernel came to
		since   time.Time // from when it is open
		now     int
		want    map[int]string
	}{
		{"nothing is remembered", "", time.Time{}, 10, map[int]string{1: "a", 5: "b", 9: "c"}},
		{"all came", "c", time.Time{}, 10, map[int]string{4: "a", 5: "b", 8: "b", 9: "c", 10: "c"}},
		{"the last did not", "b", time.Time{}, 10, map[int]string{4: "a", 5: "b", 8: "b", 9: "bc", 10: "bc"}},
		{"the last two did not", "a", time.Time{}, 10, map[int]string{4: "a", 5: "ab", 9: "abc", 10: "abc"}},
		{"the last is not due", "b", time.Time{}, 8, map[int]string{4: "a", 5: "b", 8: "b"}},
		{"the last one came late", "c", hour(9), 10, map[int]string{4: "a", 8: "b", 9: "bc", 10: "bc"}},
		{"it is open since before", "c", hour(5), 10, map[int]string{4: "a", 5: "ab", 8: "ab", 9: "abc"}},
		{"it is of another ledger", "x", hour(5), 10, map[int]string{4: "a", 5: "b", 9: "c"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStraddle(t)
			s.record("b", 5)
			s.record("c", 9)
			if c.reached != "" {
				m := ledger.Memory{From: map[string]time.Time{"a": hour(1), "b": hour(5), "c": hour(9), "x": hour(3)}[c.reached], PlanSHA256: s.plans[c.reached].SHA256(), Since: c.since}
				if err := ledger.Remember(s.path, m); err != nil {
					t.Fatal(err)
				}
			}
			for at, want := range c.want {
				if got := s.heeded(hour(c.now), hour(at)); got != want {
					t.Errorf("at hour %d %q is possible, want %q", at, got, want)
				}
			}
			if got := s.possible(hour(9)); got != "c" {
				t.Errorf("who does not heed it has %q, want c", got)
			}
		})
	}
}

// TestHeedRefuses cannot read what stands beside the ledger: nobody knows what it says.
func TestHeedRefuses(t *testing.T) {
	s := newStraddle(t)
	if err := os.Mkdir(s.path+ledger.MemorySuffix, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := open(t, s.path).Heed(hour(2)); err == nil {
		t.Error("no error")
	}
	if err := os.Remove(s.path + ledger.MemorySuffix); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "{", "{}", "[]", `{"from":"2026-01-01T00:00:00Z","plan_sha256":"x"}`, `{"plan_sha256":"` + s.plans["a"].SHA256() + `"}`} {
		if err := os.WriteFile(s.path+ledger.MemorySuffix, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := open(t, s.path).Heed(hour(2)); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

// TestCommitIsRemembered applies x while no daemon runs: what it remembered goes on, and what was open stays so.
func TestCommitIsRemembered(t *testing.T) {
	s := newStraddle(t)
	remember := func(name string, at int, since time.Time) {
		if err := ledger.Remember(s.path, ledger.Memory{From: hour(at), PlanSHA256: s.plans[name].SHA256(), Since: since}); err != nil {
			t.Fatal(err)
		}
	}
	remember("a", 1, time.Time{})
	s.begin("x", hour(5))
	s.end(hour(5).Add(time.Second), (*ledger.Writer).Commit)
	for at, want := range map[int]string{4: "a", 5: "ax", 6: "x", 7: "x"} {
		if got := s.heeded(hour(10), hour(at)); got != want {
			t.Errorf("at hour %d %q is possible, want %q", at, got, want)
		}
	}
	s.record("b", 8) // the daemon does not run: it never comes
	s.begin("c", hour(9))
	s.end(hour(9).Add(time.Second), (*ledger.Writer).Commit)
	for at, want := range map[int]string{7: "x", 8: "xb", 9: "xbc", 10: "xbc"} {
		if got := s.heeded(hour(10), hour(at)); got != want {
			t.Errorf("at hour %d %q is possible, want %q", at, got, want)
		}
	}
}
