package ledger

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// A Departure is a time in which by what the kernel had somebody else may have had ports than its plan says, though it had that plan: from From until To,
// by the clock on the wall as it was then, both included.
type Departure struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Overlaps reports whether any of it lies in a window.
func (d Departure) Overlaps(from, to time.Time) bool { return !d.From.After(to) && !d.To.Before(from) }

// MaxDepartures is how many are kept in a Memory.
const MaxDepartures = 16

// Departures returns some with one more. Where there are too many, the oldest two become one, with all that lies between them.
func Departures(all []Departure, d Departure) []Departure {
	all = append(slices.Clone(all), d)
	for len(all) > MaxDepartures {
		all[1] = Departure{earlier(all[0].From, all[1].From), later(all[0].To, all[1].To)}
		all = all[1:]
	}
	return all
}

// Unrecorded returns those of which the ledger does not say that it is not known who had ports.
func (l *Ledger) Unrecorded(all []Departure) []Departure {
	return slices.DeleteFunc(slices.Clone(all), func(d Departure) bool {
		_, lacks := l.Lacks(Span{From: d.From, To: d.To.Add(lateRoom), PlanSHA256: Anything})
		return !lacks
	})
}

// Depart records a Departure: for that time nobody knows who had ports, whatever the ledger says besides. It returns how many records it added: none where it
// lies before the first epoch.
func (w *Writer) Depart(d Departure, now time.Time, by string) (n int, err error) {
	if _, err := os.Lstat(w.pending()); err == nil {
		return 0, fmt.Errorf("%s: %w", w.pending(), ErrPending)
	}
	if epochs := w.ledger.time.sure(); len(epochs) == 0 || d.To.Before(epochs[0].From) {
		return 0, nil
	} else if first := epochs[0].From; d.From.Before(first) {
		d.From = first
	}
	return 1, w.append(Epoch{
		Seq: uint64(len(w.ledger.epochs) + 1), From: d.From.UTC().Truncate(time.Millisecond), Settled: d.To.UTC().Truncate(time.Millisecond).Add(time.Millisecond),
		Added: now.UTC(), By: by, PlanSHA256: Anything, Backdated: true, Stray: true, Note: departureNote,
	}, nil, 0)
}

// departureNote is the note of a recorded Departure.
const departureNote = "the kernel departed from its plan, by somebody's hand: who had ports is not known"

// departuresText says when they were.
func departuresText(all []Departure) string {
	texts := make([]string, len(all))
	for i, d := range all {
		texts[i] = stamp(d.From) + " and " + stamp(d.To)
	}
	return strings.Join(texts, ", ")
}
