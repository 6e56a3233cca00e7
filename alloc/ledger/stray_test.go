package ledger_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestStraysAreNeverInForce records epochs, and now and then that the kernel had other plans besides. Another ledger gets the epochs alone: what is in force is
// the same in both at every instant, and what is possible is what is so there and the strays of that time.
func TestStraysAreNeverInForce(t *testing.T) {
	r := rand.New(rand.NewPCG(testseed.New(t), 1))
	for range 10 {
		with, without := newStraddle(t), newStraddle(t)
		type stray struct {
			name     string
			from, to time.Time
		}
		var strays []stray
		at := 1
		for range 1 + r.IntN(6) {
			at += 1 + r.IntN(5)
			if name := []string{"a", "b", "c"}[r.IntN(3)]; r.IntN(2) == 0 {
				with.record(name, at)
				without.record(name, at)
				continue
			}
			from := hour(at).Add(time.Minute)
			at += r.IntN(3)
			x := stray{[]string{"a", "b", "c", "x"}[r.IntN(4)], from, hour(at).Add(30 * time.Minute)} // over when it is recorded
			strays = append(strays, x)
			if _, err := with.late(x.from, x.to, with.plans[x.name].SHA256()); err != nil {
				t.Fatal(err)
			}
			if _, err := without.late(x.from, x.to); err != nil {
				t.Fatal(err)
			}
		}
		one, two := open(t, with.path), open(t, without.path)
		for h := range at + 5 {
			for m := range 3 {
				now := hour(h).Add(time.Duration(m) * 20 * time.Minute)
				e, err1 := one.AtInstant(now)
				f, err2 := two.AtInstant(now)
				if e.PlanSHA256 != f.PlanSHA256 || e.Stray || (err1 == nil) != (err2 == nil) {
					t.Fatalf("at %v epoch %+v is in force, want %+v; %v, %v", now, e, f, err1, err2)
				}
				want := without.possible(now)
				for _, x := range strays {
					name := x.name
					if !one.Knows(with.plans[name].SHA256()) {
						name = "-"
					}
					if !x.from.After(now) && x.to.After(now) && !strings.Contains(want, name) {
						want += name
					}
				}
				sorted := []byte(want)
				slices.Sort(sorted)
				if got := with.possible(now); got != string(sorted) {
					t.Fatalf("at %v %q is possible, want %q; strays %v", now, got, sorted, strays)
				}
			}
		}
	}
}

// TestStrayIsNoEpoch has what a writer does after a stray: an epoch follows the last one that was in force, and what is compared with is that.
func TestStrayIsNoEpoch(t *testing.T) {
	s := newStraddle(t)
	s.record("b", 5)
	if _, err := s.late(hour(8), hour(9), s.plans["a"].SHA256()); err != nil {
		t.Fatal(err)
	}
	s.edit(func(w *ledger.Writer) error {
		en := ledger.Entry{Plan: s.plans["c"], From: hour(8).Add(time.Minute), Now: hour(8).Add(time.Minute)}
		if e, ok := w.Ledger().Before(en); !ok || e.Seq != 2 {
			t.Errorf("it follows %+v", e)
		}
		e, err := w.Add(en)
		if err != nil || e.Backdated {
			t.Errorf("%+v, %v", e, err)
		}
		return nil
	})
	s.wants("a plan that was a stray is recorded within its time", map[time.Time]string{
		hour(8).Add(-1): "b", hour(8): "ab", hour(8).Add(time.Minute): "ac", hour(9).Add(-1): "ac", hour(9): "c",
	})
	// An apply of the plan that was the stray, begun when that was: it is not taken for one that was recorded.
	s.begin("a", hour(10))
	s.end(hour(10).Add(time.Second), (*ledger.Writer).Commit)
	s.wants("and applied", map[time.Time]string{hour(9): "c", hour(10): "ac", hour(11): "a"})
}

// TestOldStrays reads strays as cgnd wrote them before it marked them, as epochs: they are strays.
func TestOldStrays(t *testing.T) {
	s := newStraddle(t)
	s.record("b", 5)
	note := "the kernel had this plan for a while, by somebody's hand or by a clock that was wrong"
	for _, en := range []ledger.Entry{
		{Plan: s.plans["b"], From: hour(9), Settled: hour(9), Note: "as in epoch 2, from when the kernel surely had it again"},
		{Plan: s.plans["a"], From: hour(8), Settled: hour(9), Note: note},
	} {
		en.Now, en.By, en.Backdate = hour(9), "cgnd", true
		add(t, s.path, en)
	}
	s.wants("by cgnd", map[time.Time]string{hour(8).Add(-1): "b", hour(8): "ab", hour(9).Add(-1): "ab", hour(9): "b"})
	if e, err := open(t, s.path).AtInstant(hour(8).Add(time.Minute)); err != nil || e.Seq != 2 {
		t.Errorf("%+v, %v", e, err)
	}
	// What people note decides nothing.
	add(t, s.path, ledger.Entry{Plan: s.plans["a"], From: hour(7), Now: hour(9), Note: note, By: "bob", Backdate: true})
	if e, err := open(t, s.path).AtInstant(hour(7).Add(time.Minute)); err != nil || e.Seq != 5 || e.Stray {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := open(t, s.path).AtInstant(hour(0)); !errors.Is(err, ledger.ErrNotCovered) {
		t.Error(err)
	}
}

// TestStrayHasNoPlan says of a record that has a plan that it is a stray: that is damage, as its plan would be in force nowhere. Its hash is right.
func TestStrayHasNoPlan(t *testing.T) {
	s := newStraddle(t)
	text := strings.TrimSuffix(string(readFile(t, s.path)), "\n")
	text = strings.Replace(text, `,"plan_sha256":`, `,"unknown":true,"plan_sha256":`, 1)
	text, _, _ = strings.Cut(text, `,"hash":"`)
	sum := sha256.Sum256([]byte(text))
	writeFile(t, s.path, []byte(text+`,"hash":"`+hex.EncodeToString(sum[:])+"\"}\n"))
	if l, err := ledger.Open(s.path); !errors.Is(err, ledger.ErrDamaged) || !strings.Contains(err.Error(), "it says that its plan is not known") {
		t.Errorf("%v, %v", l, err)
	}
}
