package ledger_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// late records a lateness from one instant until another.
func (s *straddle) late(since, until time.Time, had ...string) (n int, err error) {
	s.Helper()
	s.edit(func(w *ledger.Writer) error {
		n, err = w.Late(ledger.Lateness{Since: since, Until: until, Had: had, Now: hour(20), By: "cgnd"})
		return nil
	})
	return n, err
}

// TestLate has a ledger with a from hour 1, b from hour 5 and c from hour 6, and a kernel that had something else for a while.
func TestLate(t *testing.T) {
	half := func(h int) time.Time { return hour(h).Add(30 * time.Minute) }
	s := newStraddle(t)
	a, b, c, x := s.plans["a"].SHA256(), s.plans["b"].SHA256(), s.plans["c"].SHA256(), s.plans["x"].SHA256()
	for name, q := range map[string]struct {
		since, until time.Time
		had          []string
		records      int
		want         map[time.Time]string
	}{
		"the last two missed": {hour(5), half(6), nil, 2, map[time.Time]string{
			hour(5).Add(-1): "a", hour(5): "ab", hour(6).Add(-1): "ab", hour(6): "abc", half(6): "c", hour(9): "c",
		}},
		"the last one missed":          {hour(6), half(6), nil, 1, map[time.Time]string{hour(5): "b", half(5): "b", hour(6): "bc", half(6): "c"}},
		"nothing":                      {hour(2), hour(3), nil, 0, map[time.Time]string{hour(2): "a", half(2): "a", hour(5): "b"}},
		"what the ledger had, by hand": {hour(2), hour(3), []string{a}, 0, map[time.Time]string{hour(2): "a", half(2): "a"}},
		"one before, by hand": {hour(8), hour(9), []string{a}, 1, map[time.Time]string{
			hour(5): "b", half(7): "c", hour(8).Add(-1): "c", hour(8): "ac", half(8): "ac", hour(9).Add(-1): "ac", hour(9): "c", hour(30): "c",
		}},
		"one to come, by hand": {hour(2), hour(3), []string{c}, 1, map[time.Time]string{
			hour(2).Add(-1): "a", hour(2): "ac", half(2): "ac", hour(3): "a", hour(5): "b", hour(6): "c",
		}},
		"two others": {hour(8), hour(9), []string{a, b}, 2, map[time.Time]string{half(7): "c", half(8): "abc", hour(9): "c"}},
		"the next one too early": {half(4), half(5), []string{b}, 2, map[time.Time]string{
			hour(4): "a", half(4): "ab", hour(5): "ab", half(5): "b", hour(6): "c",
		}},
		"across two instants": {half(4), half(6), []string{x}, 3, map[time.Time]string{
			hour(4): "a", half(4): "-a", hour(5): "-ab", hour(6): "-abc", half(6): "c",
		}},
		"unknown": {hour(8), hour(9), []string{x}, 1, map[time.Time]string{
			half(7): "c", hour(8).Add(-1): "c", hour(8): "-c", half(8): "-c", hour(9).Add(-1): "-c", hour(9): "c",
		}},
		"no hash, and one that is known": {hour(8), hour(9), []string{"somebody's\x1b", "", b}, 2, map[time.Time]string{half(7): "c", half(8): "-bc", hour(9): "c"}},
		"at the very beginning":          {hour(6), hour(7), []string{a}, 2, map[time.Time]string{half(5): "b", hour(6).Add(time.Microsecond): "abc", half(6): "abc", hour(7): "c", hour(9): "c"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStraddle(t)
			s.record("b", 5)
			s.record("c", 6)
			for i, want := range []int{q.records, 0} { // a second time there is nothing to record
				if n, err := s.late(q.since, q.until, q.had...); n != want || err != nil {
					t.Errorf("time %d: %d records, %v, want %d", i, n, err, want)
				}
				s.wants(name, q.want)
			}
			if _, _, err := ledger.Verify(s.path); err != nil {
				t.Error(err)
			}
		})
	}
	s.begin("b", hour(2))
	if _, err := s.late(hour(1), hour(2)); !errors.Is(err, ledger.ErrPending) {
		t.Error(err)
	}
}

// TestUnknownBecomesKnown records a plan that the kernel had by hand, after the ledger has noted its hash: from then on it is a candidate.
func TestUnknownBecomesKnown(t *testing.T) {
	s := newStraddle(t)
	if _, err := s.late(hour(8), hour(9), s.plans["x"].SHA256()); err != nil {
		t.Fatal(err)
	}
	s.wants("unknown", map[time.Time]string{hour(7): "a", hour(8): "-a", hour(9): "a"})
	a, err := open(t, s.path).Trace(ledger.Question{Outside: netip.MustParseAddr("198.18.0.0"), Port: ledger.PortOf(5300), From: hour(8), To: hour(8)})
	if err != nil || a.Verdict != ledger.Several || a.Candidates[0].StatusText() != "not-covered" {
		t.Errorf("%+v, %v", a, err)
	}
	e, ok := open(t, s.path).Epoch(2)
	if !ok || !e.Stray || e.PlanSHA256 != s.plans["x"].SHA256() || !e.Until.Equal(hour(9)) {
		t.Errorf("%+v", e)
	}
	if _, err := open(t, s.path).Plan(e); err == nil {
		t.Error("it is known")
	}
	s.record("x", 12)
	s.wants("known", map[time.Time]string{hour(7): "a", hour(8): "ax", hour(9).Add(-1): "ax", hour(9): "a", hour(12): "x"})
}

// TestUnknownIsNoPlan has records that say that their plan is not known, and have one, or no hash: they are damage.
func TestUnknownIsNoPlan(t *testing.T) {
	s := newStraddle(t)
	if _, err := s.late(hour(8), hour(9), s.plans["x"].SHA256()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), `"unknown":true`); n != 1 {
		t.Fatalf("%d in\n%s", n, text)
	}
	for from, to := range map[string]string{
		`,"unknown":true`:           "",
		s.plans["x"].SHA256():       "x",
		`"settled":"`:               `"settled":"1`,
		`"backdated":true,"unk`:     `"backdated":true,"plan_sha256":"","unk`,
		`"unknown":true`:            `"unknown":false`,
		`"cgnkit_ledger":1,"seq":2`: `"cgnkit_ledger":2,"seq":2`,
	} {
		if err := os.WriteFile(s.path, []byte(strings.ReplaceAll(string(text), from, to)), 0o600); err != nil {
			t.Fatal(err)
		}
		if l, err := ledger.Open(s.path); !errors.Is(err, ledger.ErrDamaged) {
			t.Errorf("%s as %s: %v", from, to, err)
			l.Close()
		}
	}
}

// dark returns a ledger in which somebody else's plan was in the kernel for a while.
func dark(tb testing.TB) string {
	tb.Helper()
	path := small(tb)
	w, err := ledger.EditExisting(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer w.Close()
	last, _ := w.Ledger().Epoch(uint64(w.Ledger().Len()))
	since := last.From.Add(time.Hour)
	if n, err := w.Late(ledger.Lateness{Since: since, Until: since.Add(time.Hour), Had: []string{strings.Repeat("5e", 32)}, Now: since.Add(time.Hour)}); n != 1 || err != nil {
		tb.Fatal(n, err)
	}
	return path
}

// FuzzMemory reads anything beside a ledger: what it says is bounded, and what a question then answers is so, too.
func FuzzMemory(f *testing.F) {
	path := dark(f)
	led, err := ledger.Open(path)
	if err != nil {
		f.Fatal(err)
	}
	e, _ := led.Epoch(1)
	begun := fmt.Sprintf(`{"from":%q,"plan_sha256":%q`, e.From.Format(time.RFC3339Nano), e.PlanSHA256)
	for _, text := range []string{
		"", "{", "[]", "null", begun + "}", begun + `,"open_since":"2026-01-01T00:00:00Z"}`, begun + `,"seen":"9999-01-01T00:00:00Z","leapt":"0001-01-01T00:00:00Z"}`,
		begun + `,"open_since":"2026-01-01T00:00:00Z","had":["x","\u001b[31m",""]}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		folder := t.TempDir()
		writeFile(t, filepath.Join(folder, "l"), readFile(t, path))
		writeFile(t, filepath.Join(folder, "l"+ledger.MemorySuffix), []byte(text))
		l, err := ledger.Open(filepath.Join(folder, "l"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		for _, now := range []time.Time{hour(1), hour(1000000), e.From, e.From.Add(time.Hour)} {
			if err := l.Heed(now); err != nil {
				if m := l.Recall(); !m.IsZero() {
					t.Fatalf("%+v: %v", m, err)
				}
				return
			}
			if _, err := l.Trace(ledger.At(netip.MustParseAddr("198.18.0.0"), ledger.PortOf(5300), now, time.Hour)); err != nil && !errors.Is(err, ledger.ErrNotCovered) {
				t.Fatal(err)
			}
			want, err := l.AtInstant(now)
			if err != nil {
				continue
			}
			if _, had := l.OpenSince(l.Recall(), "somebody's", want, now); len(had) > 64 {
				t.Fatalf("%d plans", len(had))
			}
		}
	})
}
