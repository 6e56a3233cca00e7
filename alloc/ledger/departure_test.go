package ledger_test

import (
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestCommitEndsDeparture applies a plan while no daemon runs: what a comparison had found before is not forgotten, and what may have been is.
func TestCommitEndsDeparture(t *testing.T) {
	for _, misled := range []bool{true, false} {
		s := newStraddle(t)
		m := ledger.Memory{From: hour(1), PlanSHA256: s.plans["a"].SHA256(), Departed: hour(5), Misled: misled, Looked: hour(6)}
		if err := ledger.Remember(s.path, m); err != nil {
			t.Fatal(err)
		}
		s.begin("b", hour(9))
		s.end(hour(9), (*ledger.Writer).Commit)
		for at, want := range map[int]bool{4: false, 5: misled, 8: misled, 10: false} {
			if got := s.departs(hour(10), hour(10), hour(at)); got != want {
				t.Errorf("misled %t: at hour %d several are possible: %t", misled, at, got)
			}
		}
		l := open(t, s.path)
		defer l.Close()
		if err := l.Heed(hour(10)); err != nil || (len(l.Warnings()) > 0) != misled || (len(l.Beside()) > 0) != misled {
			t.Errorf("misled %t: %v, warnings %q, beside %v", misled, err, l.Warnings(), l.Beside())
		}
	}
}

// TestDepart records departures: behind that the file beside the ledger does not count, and answers are the same.
func TestDepart(t *testing.T) {
	s := newStraddle(t)
	s.record("b", 3)
	were := []ledger.Departure{{From: hour(2), To: hour(4)}, {From: hour(5), To: hour(5).Add(time.Millisecond)}, {From: hour(-9), To: hour(-8)}}
	m := ledger.Memory{From: hour(3), PlanSHA256: s.plans["b"].SHA256(), Departures: were}
	if err := ledger.Remember(s.path, m); err != nil {
		t.Fatal(err)
	}
	check := func(when string, missing int) {
		t.Helper()
		for at, want := range map[int]bool{1: false, 2: true, 3: true, 4: true, 5: true, 6: false} {
			if got := s.departs(hour(10), hour(10), hour(at)); got != want {
				t.Errorf("%s: at hour %d several are possible: %t, want %t", when, at, got, want)
			}
		}
		l := open(t, s.path)
		if left := l.Unrecorded(were); len(left) != missing {
			t.Errorf("%s: not recorded are %v", when, left)
		}
	}
	check("before", 2)
	w, err := ledger.Edit(s.path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for i, d := range were {
		n, err := w.Depart(d, hour(10), "cgnd")
		if want := map[bool]int{true: 1, false: 0}[i < 2]; err != nil || n != want {
			t.Errorf("%v: %d records, %v", d, n, err)
		}
	}
	check("behind", 0)
	if e, err := w.Ledger().AtInstant(hour(5)); err != nil || e.PlanSHA256 != s.plans["b"].SHA256() {
		t.Errorf("in force is %v (%v)", e, err)
	}
}

// TestDepartures keeps only so many, and forgets none.
func TestDepartures(t *testing.T) {
	var all []ledger.Departure
	for i := range 3 * ledger.MaxDepartures {
		all = ledger.Departures(all, ledger.Departure{From: hour(10 * i), To: hour(10*i + 1)})
		if len(all) > ledger.MaxDepartures || !all[0].From.Equal(hour(0)) || !all[len(all)-1].To.Equal(hour(10*i+1)) {
			t.Fatal(all)
		}
	}
	if last := all[len(all)-1]; last.Overlaps(hour(400), hour(469)) || !last.Overlaps(hour(471), hour(500)) || !last.Overlaps(hour(0), hour(470)) || last.Overlaps(hour(472), hour(500)) {
		t.Error(last)
	}
}
