package ledger

import (
	"errors"
	"fmt"
	"os"
	"slices"
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
	return e, errors.Join(err, w.Discard()) // last: who follows the ledger waits for that, and then finds what is noted
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
	e, err := w.end(in, now, counts)
	if err != nil {
		return Epoch{}, err
	}
	return e, w.Discard()
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
	return w.add(w.entry(in, now))
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

// A Lateness says that for a while the kernel had another plan than the ledger says, or may have had: an older one because it got an epoch late, or one
// that somebody gave it by hand.
type Lateness struct {
	Before string    // SHA-256 of the plan that it had until then; "" = it is not known. For people
	Until  time.Time // when it surely had what the ledger says
	// Since is when the first epoch began that may have missed the kernel, or when it was seen last with what the ledger says.
	Since time.Time
	// Had are the SHA-256 of plans that it had meanwhile besides those that the ledger has for that time. One that the ledger does not know leaves
	// open who had ports. At most 16, the last of which is Anything where there were more.
	Had []string
	Now time.Time
	By  string
}

// Late records a Lateness. The epochs that began from x.Since on, and were not settled at x.Until, are recorded again as settled then, so that what was
// before them is possible, too. The plans of x.Had are recorded as strays from x.Since until x.Until: possible, and never in force. It returns how many it
// recorded. The error is one that Add would return.
func (w *Writer) Late(x Lateness) (n int, err error) {
	if _, err := os.Lstat(w.pending()); err == nil {
		return 0, fmt.Errorf("%s: %w", w.pending(), ErrPending)
	}
	if _, err := w.ledger.AtInstant(x.Until); err != nil || x.Until.Sub(x.Since) <= strayRoom {
		return 0, err
	}
	begun := w.ledger.begun(x.Since.Add(-1), x.Until)
	for _, e := range begun {
		if !e.Settled.Before(x.Until) {
			continue
		}
		if err := w.again(e, x); err != nil {
			return n, err
		}
		n++
	}
	for _, sha := range w.strays(x, begun) {
		if err := w.stray(sha, x); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// again records an epoch once more, as settled when the kernel surely had it.
func (w *Writer) again(e Epoch, x Lateness) error {
	plan, err := w.ledger.Plan(e)
	if err != nil {
		return err
	}
	_, err = w.add(Entry{Plan: plan, From: e.From, Settled: x.Until, Now: x.Now, By: x.By, Backdate: true, Note: x.note(e)})
	return err
}

// maxStrays is how many plans are told apart that the kernel had without the ledger's knowing.
const maxStrays = 16

// strayRoom is how long a Lateness is at least that is recorded, and how far behind its beginning a plan may begin that is known for it.
const strayRoom = time.Microsecond

// strays returns the plans of x.Had that are no candidates by the epochs in force since x.Since.
func (w *Writer) strays(x Lateness, begun []Epoch) (out []string) {
	known := []string{}
	if e, err := w.ledger.AtInstant(x.Since.Add(-1)); err == nil {
		known = append(known, e.PlanSHA256) // it may still have had that
	}
	for _, e := range begun {
		if !e.From.After(x.Since.Add(strayRoom)) {
			known = append(known, e.PlanSHA256)
		}
	}
	for _, e := range w.ledger.time.strays {
		if !e.From.After(x.Since.Add(strayRoom)) && !e.Settled.Before(x.Until) {
			known = append(known, e.PlanSHA256)
		}
	}
	for _, sha := range x.Had {
		if !w.ledger.Knows(sha) && (!isHash(sha) || len(out) == maxStrays-1) {
			sha = origin
		}
		if !slices.Contains(known, sha) && !slices.Contains(out, sha) && len(out) < maxStrays {
			out = append(out, sha)
		}
	}
	return out
}

// free returns the first instant from another one on at which no epoch begins.
func (l *Ledger) free(at time.Time) time.Time {
	for l.begins(at) {
		at = at.Add(1)
	}
	return at
}

// note says why an epoch is recorded again.
func (x Lateness) note(e Epoch) string {
	text := fmt.Sprintf("epoch %d, which the kernel had at %s at the latest: ", e.Seq, stamp(x.Until))
	if !isHash(x.Before) {
		return text + "until then it is not known which plan it had"
	}
	return text + fmt.Sprintf("until then it had plan %.12s", x.Before)
}
