package ledger

import (
	"slices"
	"time"
)

// A Span is a time in which the kernel was seen with a plan, by the clock on the wall as it was then. Where that was set back, spans overlap.
type Span struct {
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	PlanSHA256 string    `json:"plan_sha256"`
	// Twice says that some of that time came twice: the clock was set back to before To, or the span lies in time that had been lived through.
	Twice bool `json:"twice,omitempty"`
	// Unread says that nobody could compare it with the ledger then: that could not be read, and had not been.
	Unread bool `json:"unread,omitempty"`
}

// MaxLived is how many spans are kept in a Memory.
const MaxLived = 64

// Anything is the PlanSHA256 of a Span in which the kernel had one plan after the other, and nobody knows any longer which, or one whose hash is none.
const Anything = "0000000000000000000000000000000000000000000000000000000000000000"

// lateRoom is how late the kernel may come to an epoch without a record of it.
const lateRoom = 100 * time.Millisecond

// Lacks returns the part of a span in which its plan is not possible by the ledger, from the first such instant until the last; ok is false where it is
// possible all the time, but for what an epoch that comes in time takes. What is not known is possible.
func (l *Ledger) Lacks(s Span) (part Span, ok bool) {
	part = s
	cuts := l.changes(s.From, s.To)
	for i, at := range cuts {
		if l.has(s.PlanSHA256, at) {
			continue
		}
		if !ok {
			part.From, ok = at, true
		}
		if part.To = s.To; i+1 < len(cuts) {
			part.To = cuts[i+1]
		}
	}
	return part, ok && part.From.Add(lateRoom).Before(s.To) && part.To.Sub(part.From) > time.Millisecond // strays begin one after the other
}

// changes returns an instant and all behind it and before another one at which that may change which plans are possible.
func (l *Ledger) changes(from, to time.Time) []time.Time {
	out := []time.Time{from}
	add := func(all ...time.Time) {
		for _, at := range all {
			if at.After(from) && at.Before(to) {
				out = append(out, at)
			}
		}
	}
	for _, e := range l.time.epochs {
		add(e.From, e.Settled)
	}
	for _, e := range l.time.straysIn(from, to, time.Time{}) {
		add(e.From, e.Settled)
	}
	slices.SortFunc(out, time.Time.Compare)
	return slices.CompactFunc(out, time.Time.Equal)
}

// has reports whether a plan is possible at an instant, by the records alone.
func (l *Ledger) has(sha string, at time.Time) bool {
	epochs, gap := l.time.between(at, at, time.Time{})
	for _, e := range l.time.straysIn(at, at, time.Time{}) {
		gap = gap || e.PlanSHA256 == sha || !l.Knows(e.PlanSHA256)
	}
	return gap || slices.ContainsFunc(epochs, func(e *Epoch) bool { return e.PlanSHA256 == sha })
}

// lacking returns since when, and which, plans that the kernel had are missing in what the ledger says, by what was remembered of times that came twice, or
// in which the ledger could not be read.
func (l *Ledger) lacking(m Memory, now time.Time) (since time.Time, had []string) {
	for i, s := range m.Lived {
		if i == len(m.Lived)-1 && s.Twice && !m.Empty && m.Boot != "" && now.After(s.To) { // as far as anybody knows, it goes on
			s.To = now
		}
		if !s.Twice && !s.Unread && !s.To.After(now) {
			continue
		}
		if part, ok := l.Lacks(s); ok && !part.From.After(now) {
			since, had = earlier(since, part.From), with(had, s.PlanSHA256)
		}
	}
	return since, had
}
