package ledger_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestLacks has a ledger with a from hour 1 and b from hour 5, which was late until half past.
func TestLacks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	a, b := plan(t, 100, 2016), plan(t, 100, 1000)
	add(t, path, ledger.Entry{Plan: a, From: hour(1)}, ledger.Entry{Plan: b, From: hour(5), Settled: hour(5).Add(30 * time.Minute)})
	l := open(t, path)
	for name, c := range map[string]struct {
		plan     string
		from, to time.Time
		lacks    bool
		since    time.Time
		until    time.Time
	}{
		"as the ledger says":          {a.SHA256(), hour(2), hour(5).Add(10 * time.Minute), false, time.Time{}, time.Time{}},
		"too long":                    {a.SHA256(), hour(2), hour(7), true, hour(5).Add(30 * time.Minute), hour(7)},
		"too long, by what it takes":  {a.SHA256(), hour(2), hour(5).Add(30*time.Minute + 90*time.Millisecond), false, time.Time{}, time.Time{}},
		"too early":                   {b.SHA256(), hour(3), hour(9), true, hour(3), hour(5)},
		"before all epochs":           {b.SHA256(), hour(0), hour(1), false, time.Time{}, time.Time{}},
		"a plan that nobody knows":    {plan(t, 7, 7).SHA256(), hour(2), hour(3), true, hour(2), hour(3)},
		"a moment":                    {b.SHA256(), hour(3), hour(3).Add(50 * time.Millisecond), false, time.Time{}, time.Time{}},
		"while both may have been so": {b.SHA256(), hour(5), hour(6), false, time.Time{}, time.Time{}},
	} {
		part, ok := l.Lacks(ledger.Span{From: c.from, To: c.to, PlanSHA256: c.plan})
		if ok != c.lacks || ok && (!part.From.Equal(c.since) || !part.To.Equal(c.until)) {
			t.Errorf("%s: %v, from %v until %v", name, ok, part.From, part.To)
		}
	}
}

// TestLateWithinLate records a plan by somebody's hand within a time that is open already: what was possible stays so until the end of that.
func TestLateWithinLate(t *testing.T) {
	s := newStraddle(t)
	s.record("b", 5)
	s.record("c", 6)
	half := hour(6).Add(30 * time.Minute)
	for _, late := range []struct {
		since, until time.Time
		had          []string
	}{{hour(5), hour(7), nil}, {half, half.Add(time.Minute), []string{s.plans["a"].SHA256()}}, {half, half.Add(time.Minute), []string{s.plans["x"].SHA256()}}} {
		if _, err := s.late(late.since, late.until, late.had...); err != nil {
			t.Fatal(err)
		}
	}
	s.wants("both", map[time.Time]string{hour(5): "ab", hour(6): "abc", half.Add(time.Second): "-abc", half.Add(2 * time.Minute): "abc", hour(7): "c"})
}

// TestHeedLived has a memory that says of times that came twice what the kernel had: where the ledger says something else, nobody is named.
func TestHeedLived(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	a, b := plan(t, 100, 2016), plan(t, 100, 1000)
	epochs := add(t, path, ledger.Entry{Plan: a, From: hour(1)}, ledger.Entry{Plan: b, From: hour(5)})
	for name, c := range map[string]struct {
		span ledger.Span
		now  time.Time
		want ledger.Verdict
	}{
		"once":                      {ledger.Span{From: hour(5), To: hour(7), PlanSHA256: a.SHA256()}, hour(8), ledger.One},
		"twice":                     {ledger.Span{From: hour(5), To: hour(7), PlanSHA256: a.SHA256(), Twice: true}, hour(8), ledger.Several},
		"the clock was set back":    {ledger.Span{From: hour(5), To: hour(9), PlanSHA256: a.SHA256()}, hour(8), ledger.Several},
		"twice, as the ledger says": {ledger.Span{From: hour(5), To: hour(7), PlanSHA256: b.SHA256(), Twice: true}, hour(8), ledger.One},
	} {
		m := ledger.Memory{From: epochs[1].From, PlanSHA256: b.SHA256(), Lived: []ledger.Span{c.span}}
		if err := ledger.Remember(path, m); err != nil {
			t.Fatal(err)
		}
		l := open(t, path)
		if got := l.Recall(); !got.Equal(m) {
			t.Errorf("%s: %+v", name, got)
		}
		if err := l.Heed(c.now); err != nil {
			t.Fatal(err)
		}
		answer, err := l.Trace(ledger.At(addr("198.18.0.0", 1), ledger.PortOf(6000), hour(6), 0))
		if err != nil || answer.Verdict != c.want {
			t.Errorf("%s: %v, %v", name, answer, err)
		}
	}
}

// TestFullMemory has as much be remembered as there may be.
func TestFullMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	epochs := add(t, path, ledger.Entry{Plan: plan(t, 100, 2016), From: hour(1)})
	at := time.Date(2026, 1, 1, 0, 0, 0, 123456789, time.UTC)
	m := ledger.Memory{From: hour(1), PlanSHA256: epochs[0].PlanSHA256, Since: at, Seen: at, Leapt: at, Looked: at, Boot: "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f", Up: 1 << 60}
	for range ledger.MaxLived {
		m.Had = append(m.Had, epochs[0].PlanSHA256)
		m.Lived = append(m.Lived, ledger.Span{From: at, To: at, PlanSHA256: epochs[0].PlanSHA256, Twice: true})
	}
	if err := ledger.Remember(path, m); err != nil {
		t.Fatal(err)
	}
	if got, err := open(t, path).Remembered(); err != nil || !got.Equal(m) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestLateIsEnough records two plans of the same time, which begin one just after the other: nothing is lacking then.
func TestLateIsEnough(t *testing.T) {
	s := newStraddle(t)
	s.record("b", 5)
	s.record("c", 6)
	had := []string{s.plans["a"].SHA256(), s.plans["b"].SHA256(), s.plans["x"].SHA256()}
	for i, want := range []bool{true, false} {
		l := open(t, s.path)
		for _, sha := range had {
			if part, ok := l.Lacks(ledger.Span{From: hour(8), To: hour(9), PlanSHA256: sha}); ok != want {
				t.Errorf("time %d: plan %.12s: %t, %v", i, sha, ok, part)
			}
		}
		if _, err := s.late(hour(8), hour(9), had...); err != nil {
			t.Fatal(err)
		}
	}
}
