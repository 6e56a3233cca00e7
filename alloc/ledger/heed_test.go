package ledger_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// departs asks a ledger as of an instant, when the clock says another one, whether several are possible at a third one, where a plan gives the port to one.
func (s *straddle) departs(asOf, now, at time.Time) bool {
	s.Helper()
	l := open(s.T, s.path)
	if err := l.HeedAsOf(asOf, now); err != nil || len(l.Warnings()) == 0 && !l.Unsure().IsZero() {
		s.Fatal(err, l.Warnings(), l.Unsure())
	}
	a, err := l.Trace(ledger.Question{Outside: netip.MustParseAddr("198.18.0.0"), Port: ledger.PortOf(5300), From: at, To: at})
	if err != nil {
		s.Fatal(err)
	}
	if at.Before(l.Unsure()) && a.Verdict == ledger.Several {
		s.Errorf("it is unsure since %v, and at %v several are possible", l.Unsure(), at)
	}
	return a.Verdict == ledger.Several
}

// TestHeedDeparture has a daemon have remembered that the kernel may depart from its plan: nobody knows who had ports from then on, until an apply. Where the
// clock was set back since, nobody knows of any time.
func TestHeedDeparture(t *testing.T) {
	for name, c := range map[string]struct {
		departed, looked time.Time
		asOf, now        int
		want             map[int]bool // at which hours
	}{
		"none":                             {time.Time{}, hour(9), 10, 10, map[int]bool{2: false, 4: false, 5: false, 9: false}},
		"since hour 5":                     {hour(5), hour(9), 10, 10, map[int]bool{2: false, 4: false, 5: true, 9: true, 11: true}},
		"as of a time before":              {hour(5), hour(9), 4, 10, map[int]bool{2: false, 4: false, 5: true, 9: true}},
		"it lies ahead":                    {hour(5), hour(9), 4, 4, map[int]bool{1: true, 2: true, 4: true, 5: true, 9: true}},
		"the last look at it lies ahead":   {hour(5), hour(9), 8, 8, map[int]bool{1: true, 2: true, 4: true, 5: true, 9: true}},
		"none, and the last look is ahead": {time.Time{}, hour(9), 8, 8, map[int]bool{2: false, 4: false, 5: false, 9: false}},
		"before the first epoch":           {hour(5), hour(9), -1, -1, map[int]bool{1: true, 2: true, 5: true, 9: true}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStraddle(t)
			s.record("b", 3)
			m := ledger.Memory{From: hour(3), PlanSHA256: s.plans["b"].SHA256(), Departed: c.departed, Looked: c.looked}
			if err := ledger.Remember(s.path, m); err != nil {
				t.Fatal(err)
			}
			for at, want := range c.want {
				if got := s.departs(hour(c.asOf), hour(c.now), hour(at)); got != want {
					t.Errorf("at hour %d several are possible: %t, want %t", at, got, want)
				}
			}
			s.begin("c", hour(9))
			s.end(hour(9), (*ledger.Writer).Commit)
			m, err := ledger.RecallBeside(s.path)
			if err != nil || !m.Departed.IsZero() || !m.LastEqual().Equal(hour(9)) {
				t.Errorf("behind an apply stands %+v (%v)", m, err)
			}
		})
	}
}

// TestLastEqual is of a memory that says when, and of one that does not.
func TestLastEqual(t *testing.T) {
	m := ledger.Memory{From: hour(1), Seen: hour(5)}
	if got := m.LastEqual(); !got.Equal(hour(1)) {
		t.Error(got)
	}
	m.Equalled = hour(4)
	if got := m.LastEqual(); !got.Equal(hour(4)) {
		t.Error(got)
	}
}
