package ledger

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// isHash reports whether a text is one that a SHA-256 can have.
func isHash(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == len(origin)/2 && strings.ToLower(s) == s
}

// dark reports whether nobody knows the plan of an epoch. Who records it later makes it known.
func (l *Ledger) dark(e *Epoch) bool {
	_, ok := l.bodies[e.PlanSHA256]
	return e.Unknown && !ok
}

// Knows reports whether a record has a plan.
func (l *Ledger) Knows(sha string) bool {
	_, ok := l.bodies[sha]
	return ok
}

// possible returns the epochs that may have been in force in the window of a question, and whether there may have been something else.
func (l *Ledger) possible(q Question) (epochs []*Epoch, gap bool) {
	unsure := earlier(q.Unsure, l.unsure)
	epochs, gap = l.time.between(q.From, q.To, unsure)
	for _, e := range l.time.dark {
		gap = gap || !e.From.After(q.To) && e.Settled.After(q.From)
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

// lastWith returns the last record of a plan that is known, or nil.
func (l *Ledger) lastWith(sha string) *Epoch {
	if !l.Knows(sha) {
		return nil
	}
	for i := range slices.Backward(l.epochs) {
		if l.epochs[i].PlanSHA256 == sha {
			return &l.epochs[i]
		}
	}
	return nil
}

// stray records that from an instant until x.Until the kernel may have had a plan besides what the ledger says. What was so before may be so until open.
func (w *Writer) stray(sha string, from, open time.Time, x Lateness) error {
	note := "the kernel had this plan for a while, by somebody's hand or by a clock that was wrong"
	en := Entry{From: from, Settled: open, Now: x.Now, By: x.By, Note: note, Backdate: true}
	if e := w.ledger.lastWith(sha); e != nil {
		plan, err := w.ledger.Plan(*e)
		if err != nil {
			return err
		}
		en.Plan = plan
		_, err = w.add(en)
		return err
	}
	if !isHash(sha) {
		sha = origin
	}
	e := Epoch{
		Seq: uint64(len(w.ledger.epochs) + 1), From: from.UTC(), Settled: x.Until.UTC(), Added: x.Now.UTC(), By: x.By, PlanSHA256: sha, Backdated: true, Unknown: true,
		Note: "the kernel had a plan that the ledger does not know, by somebody's hand: who had ports by it is not known",
	}
	return w.append(e, nil, 0)
}
