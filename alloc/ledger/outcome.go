package ledger

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
)

// entry returns what is recorded of an intent. An epoch that is planned for later, or was added meanwhile, does not keep anybody from
// recording what was applied; that the clock went backwards does.
func (w *Writer) entry(in Intent, now time.Time) Entry {
	en := Entry{Plan: in.Plan, From: in.From, Settled: later(in.From, now), Now: now, By: in.By, Note: in.Note}
	last := w.ledger.last()
	if last == nil || en.From.After(last.From) || now.Before(w.ledger.epochs[w.ledger.Len()-1].Added) {
		return en
	}
	en.Backdate = true
	switch {
	case en.Note != "":
	case en.From.Equal(last.From):
		en.Note = fmt.Sprintf("applied when epoch %d began", last.Seq)
	default:
		en.Note = fmt.Sprintf("applied before epoch %d begins", last.Seq)
	}
	return en
}

// later returns the later one of two instants: the clock may have been set back while something was applied.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Commit records an intent that was carried out: the plan may be in force from in.From, and surely is at now. Of epochs that the ledger had for
// instants in between nobody can say whether they came into force, as somebody else may follow the ledger; they may have been until now. It
// returns the epoch in force now.
func (w *Writer) Commit(in Intent, now time.Time) (Epoch, error) {
	if _, err := w.end(in, now, Intent{Plan: in.Plan, By: in.By, Note: in.Note}); err != nil {
		return Epoch{}, err
	}
	e, err := w.ledger.AtInstant(later(in.From, now))
	if err == nil {
		w.ledger.came(w.path, e)
	}
	return e, err
}

// Doubt records an intent of which nobody can say whether it ever came into force: what the kernel has now does not tell. From in.From until
// now its plan is possible beside those that the ledger has, of which the last surely counts from now on. It returns the epoch of the
// intent. Where the ledger has none that counts now, nothing is recorded, because the plan would stay in force: the time stays one that no epoch
// covers, and the zero Epoch is returned.
func (w *Writer) Doubt(in Intent, now time.Time) (Epoch, error) {
	last, err := w.ledger.AtInstant(later(in.From, now))
	if errors.Is(err, ErrNotCovered) {
		return Epoch{}, w.Discard()
	}
	counts := Intent{By: in.By, Note: fmt.Sprintf("as in epoch %d: an apply at %s was cut off", last.Seq, stamp(in.From))}
	if counts.Plan, err = w.ledger.Plan(last); err != nil {
		return Epoch{}, err
	}
	in.Note = strings.TrimPrefix(in.Note+"; ", "; ") + "cut off: whether it came into force is not known"
	return w.end(in, now, counts)
}

// Withdraw ends an intent that never came into force: the kernel has what it had before. Who follows the ledger has waited, so that epochs that
// began meanwhile may not have come into force either: they are not settled before now.
func (w *Writer) Withdraw(in Intent, now time.Time) error {
	if _, err := w.unsettle(in, w.entry(in, now)); err != nil {
		return err
	}
	return w.Discard()
}

// Began returns the epochs that began after in.Since and not after now, in the order of the timeline: whether they came into force is open
// until the intent is ended.
func (w *Writer) Began(in Intent, now time.Time) []Epoch { return w.ledger.begun(in.since(), now) }

// end records an intent and what follows from it: what began after in.Since is not settled before now, and counts is in force from then on. The
// intent comes last. A crash before that leaves it standing, so that what is possible stays so, and the next run ends it once more.
func (w *Writer) end(in Intent, now time.Time, counts Intent) (Epoch, error) {
	en := w.entry(in, now)
	if _, err := w.ledger.next(en); err != nil {
		return Epoch{}, err
	}
	last, err := w.unsettle(in, en)
	if err != nil {
		return Epoch{}, err
	}
	if counts.From = en.Settled; counts.Plan != nil && counts.Plan.SHA256() != last.SHA256() {
		if _, err := w.add(w.entry(counts, now)); err != nil {
			return Epoch{}, err
		}
	}
	e, err := w.add(w.entry(in, now))
	if err != nil {
		return Epoch{}, err
	}
	return e, w.Discard()
}

// unsettle records again, as settled when the entry of an intent is, the epochs that began in between. It returns the plan that then counts by
// them and the entry.
func (w *Writer) unsettle(in Intent, en Entry) (last *alloc.Plan, err error) {
	last = en.Plan
	for _, e := range w.ledger.begun(in.since(), en.Settled) {
		plan, err := w.ledger.Plan(e)
		if err != nil {
			return nil, err
		}
		if e.From.After(en.From) {
			last = plan
		}
		if !e.Settled.Before(en.Settled) {
			continue
		}
		again := Entry{
			Plan: plan, From: e.From, Settled: en.Settled, Now: en.Now, By: en.By, Backdate: true,
			Note: fmt.Sprintf("epoch %d, which began while an apply was under way", e.Seq),
		}
		if _, err := w.add(again); err != nil {
			return nil, err
		}
	}
	return last, nil
}

// begun returns the epochs that begin after an instant and not after another one, in the order of the timeline.
func (l *Ledger) begun(after, until time.Time) (out []Epoch) {
	for _, e := range l.time.sure() {
		if e.From.After(after) && !e.From.After(until) {
			out = append(out, *e)
		}
	}
	return out
}

// begins reports whether an epoch begins at an instant.
func (l *Ledger) begins(at time.Time) bool {
	e, err := l.AtInstant(at)
	return err == nil && e.From.Equal(at)
}

// A Lateness says that the kernel went on with an older plan when an epoch began.
type Lateness struct {
	Before string    // SHA-256 of the plan that it had until then; "" with Since = it is not known
	Until  time.Time // when it surely had what the ledger says
	// Since is when the first epoch began that may have missed the kernel; the zero Time = what is known of Before says it.
	Since time.Time
	Now   time.Time
	By    string
}

// Late records that the kernel got what the ledger says only at an instant: the epochs that began since a plan counts that the kernel then had, and were
// not settled when it came, are recorded again as settled then, so that what was before them is possible, too. Where the ledger does not
// know that plan, this is about the last epoch alone; where x.Since is given, about all that began from then on. It returns how many it recorded. The error is one that Add would return.
func (w *Writer) Late(x Lateness) (n int, err error) {
	if _, err := os.Lstat(w.pending()); err == nil {
		return 0, fmt.Errorf("%s: %w", w.pending(), ErrPending)
	}
	last, err := w.ledger.AtInstant(x.Until)
	if err != nil {
		return 0, err
	}
	begun := []Epoch{last}
	for _, e := range w.ledger.time.sure() {
		if e.PlanSHA256 == x.Before && e.From.Before(last.From) {
			begun = w.ledger.begun(e.From, x.Until)
		}
	}
	if !x.Since.IsZero() {
		begun = w.ledger.begun(x.Since.Add(-1), x.Until)
	}
	for _, e := range begun {
		if !e.Settled.Before(x.Until) {
			continue
		}
		plan, err := w.ledger.Plan(e)
		if err != nil {
			return n, err
		}
		again := Entry{
			Plan: plan, From: e.From, Settled: x.Until, Now: x.Now, By: x.By, Backdate: true,
			Note: x.note(e),
		}
		if _, err := w.add(again); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// note says why an epoch is recorded again.
func (x Lateness) note(e Epoch) string {
	text := fmt.Sprintf("epoch %d, which the kernel had at %s at the latest: ", e.Seq, stamp(x.Until))
	if x.Before == "" {
		return text + "until then it is not known which plan it had"
	}
	return text + fmt.Sprintf("until then it had plan %.12s", x.Before)
}
