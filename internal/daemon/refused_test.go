package daemon

import (
	"strings"
	"testing"
	"time"
)

// TestRefused has the backend refuse: what was in force stays, attempts come with growing distance, and one succeeds.
func TestRefused(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(time.Second)
		r.b.do(func() { r.b.refuse, r.b.applies = errRefused, 0 })
		r.add(2, time.Second)
		s := r.after(5 * time.Minute)
		r.has(s, 1)
		if s.Healthy || !strings.Contains(problem(s, "apply"), errRefused.Error()) || s.Apply.Retry == 0 || s.Epoch.Seq != 1 {
			t.Fatalf("%+v", s)
		}
		if r.seen().applies < 7 || r.seen().applies > 12 { // after 1, 2, 4, 8, 16, 32, 60, 60, … seconds
			t.Errorf("%d attempts in five minutes", r.seen().applies)
		}
		// What is in force is looked after meanwhile.
		r.b.do(func() {
			r.b.refuse, r.b.refused, r.b.broken, r.b.mark = nil, r.plan(2).SHA256(), []string{"gone"}, r.b.mark+1
		})
		s = r.after(10 * time.Second)
		r.has(s, 1)
		if len(r.seen().broken) > 0 || s.Drift.Repaired != 1 || problem(s, "apply") == "" {
			t.Errorf("%+v", s)
		}
		r.b.do(func() { r.b.refused = "" })
		r.d.Reload() // somebody says that it will work now
		s = r.after(2 * time.Second)
		r.has(s, 2)
		if !s.Healthy || s.Apply.Failed == 0 || s.Apply.Retry != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestTakenBack has a plan that is refused be taken back.
func TestTakenBack(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(time.Second)
		r.b.do(func() { r.b.refuse = errRefused })
		r.add(2, time.Second)
		if s := r.after(time.Minute); problem(s, "apply") == "" {
			t.Fatalf("%+v", s)
		}
		r.add(1, 0)
		s := r.after(3 * time.Second)
		r.has(s, 1)
		if !s.Healthy || s.Epoch.Seq != 5 || s.Apply.Retry != 0 { // two say that nobody knows whether the one before came
			t.Errorf("%+v", s)
		}
	})
}

// TestHalfApplied has an apply fail when the kernel has the plan already: connections by the one before may go on until it is done again.
func TestHalfApplied(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) { r.add(1, 0) }, func(r *rig) {
		r.after(time.Second)
		r.b.do(func() { r.b.after = errRefused })
		r.add(2, time.Second)
		s := r.after(10 * time.Second)
		r.has(s, 2)
		if s.Healthy || s.Drift.Found != 0 || s.Epoch.Seq != 2 {
			t.Fatalf("%+v", s)
		}
		r.b.do(func() { r.b.after = nil })
		if s = r.after(time.Minute); !s.Healthy || len(s.Problems) != 1 || problem(s, "late") == "" {
			t.Errorf("%+v", s)
		}
		if s = r.after(lateFor); !s.Healthy || len(s.Problems) > 0 {
			t.Errorf("%+v", s)
		}
	})
}
