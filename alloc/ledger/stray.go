package ledger

import (
	"encoding/hex"
	"slices"
	"strings"
)

// isHash reports whether a text is one that a SHA-256 can have.
func isHash(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == len(origin)/2 && strings.ToLower(s) == s
}

// Knows reports whether a record has a plan. Who records that of a stray later makes it known.
func (l *Ledger) Knows(sha string) bool {
	_, ok := l.bodies[sha]
	return ok
}

// possible returns the epochs that may have been in force in the window of a question, and whether there may have been something else.
func (l *Ledger) possible(q Question) (epochs []*Epoch, gap bool) {
	unsure := earlier(q.Unsure, l.unsure)
	epochs, gap = l.time.between(q.From, q.To, unsure)
	if strays := l.time.straysIn(q.From, q.To, unsure); len(strays) > 0 {
		epochs = slices.Clone(epochs)
		for _, e := range strays {
			if !l.Knows(e.PlanSHA256) {
				gap = true
				continue
			}
			epochs = append(epochs, e)
		}
		slices.SortStableFunc(epochs, byFrom)
	}
	gap = gap || !l.departed.IsZero() && !q.To.Before(l.departed)
	for _, all := range [...][]Departure{l.departures, q.Departures} {
		gap = gap || slices.ContainsFunc(all, func(d Departure) bool { return d.Overlaps(q.From, q.To) })
	}
	if unsure.IsZero() || q.To.Before(unsure) {
		return epochs, gap
	}
	epochs = slices.Clone(epochs)
	for _, sha := range append(slices.Clone(l.had), q.Had...) {
		if slices.ContainsFunc(epochs, func(e *Epoch) bool { return e.PlanSHA256 == sha }) {
			continue
		}
		e := l.lastWith(sha)
		if gap = gap || e == nil; e != nil {
			epochs = append(epochs, e)
		}
	}
	return epochs, gap
}

// lastWith returns the last record of a plan that is known, or nil. One that is a stray only is known by no record.
func (l *Ledger) lastWith(sha string) *Epoch {
	if !l.Knows(sha) {
		return nil
	}
	for i := range slices.Backward(l.epochs) {
		if l.epochs[i].PlanSHA256 == sha && !l.epochs[i].Stray {
			return &l.epochs[i]
		}
	}
	return nil
}

// stray records that from x.Since until x.Until the kernel may have had a plan besides what the ledger says.
func (w *Writer) stray(sha string, x Lateness) error {
	e := Epoch{
		Seq: uint64(len(w.ledger.epochs) + 1), From: x.Since.UTC(), Settled: x.Until.UTC(), Added: x.Now.UTC(), By: x.By, PlanSHA256: sha, Backdated: true, Stray: true, Note: strayNote,
	}
	if !w.ledger.Knows(sha) {
		e.Note = "the kernel had a plan that the ledger does not know, by somebody's hand: who had ports by it is not known"
		if !isHash(sha) {
			e.PlanSHA256 = origin
		}
	}
	return w.append(e, nil, 0)
}

// strayNote is the note of a stray whose plan is known.
const strayNote = "the kernel had this plan for a while, by somebody's hand or by a clock that was wrong"

// oldStray reports whether a record is that of a stray as cgnd wrote it before it marked them: an epoch like any other but for who noted what.
func (r record) oldStray() bool {
	return r.Backdated && r.By == "cgnd" && r.Note == strayNote
}
