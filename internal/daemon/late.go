package daemon

import (
	"fmt"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// A lateness is what the ledger is to be told of an epoch that was late.
type lateness struct {
	ledger.Lateness
	text     string      // for people
	say      bool        // also when it could be recorded
	held     *alloc.Plan // that the kernel had by a clock that was ahead; nil = the kernel was late
	recorded bool        // the ledger has it, and was not read since
}

// sayLate has the ledger say that it and the kernel did not agree for a while.
func (l *loop) sayLate(a attempt) {
	l.open = time.Time{}
	e := a.want.epoch
	if a.held != nil {
		l.sayAhead(a)
		return
	}
	from := e.Settled
	if a.since.Before(e.From) {
		from = a.since
	}
	by := a.switched.Sub(from)
	if e.Seq == 0 || a.since.IsZero() || by <= lateAfter {
		if e.Seq > 0 && a.before.SHA256 == "" && by > sayLateAfter { // there was nobody who could have had ports
			l.log.Info("the kernel had no plan until now, as after a boot", "epoch", e.Seq, "since", stamp(e.From))
		}
		if l.late == nil {
			l.over("late")
		}
		return
	}
	before := a.before.SHA256
	text := fmt.Sprintf("epoch %d in force since %s by the ledger was applied at %s, and the kernel had plan %.12s before", e.Seq, stamp(e.From), stamp(a.switched), before)
	if before == "" || before == a.want.sha256 {
		before = ""
		text = fmt.Sprintf("the kernel surely had epoch %d at %s, and it is not known which plan it had since %s", e.Seq, stamp(a.switched), stamp(a.since))
	}
	until := a.switched.Truncate(time.Millisecond).Add(time.Millisecond)
	x := &lateness{Lateness: ledger.Lateness{Before: before, Until: until, Since: a.since, By: "cgnd"}, text: text, say: by > sayLateAfter}
	if l.late != nil && !l.late.recorded {
		x.Since, x.say = earlier(x.Since, l.late.Since), true
	}
	l.late, l.lateAt = x, time.Time{}
}

// sayAhead has the ledger say which plan the kernel had while the clock was ahead.
func (l *loop) sayAhead(a attempt) {
	since := a.switched.Add(-time.Since(a.heldAt)).Truncate(time.Millisecond) // by the clock as it is now
	since = since.Add(-time.Millisecond)
	if since.Before(a.want.epoch.From) {
		since = a.want.epoch.From.Add(time.Millisecond)
	}
	until := a.switched.Truncate(time.Millisecond).Add(time.Millisecond)
	text := fmt.Sprintf("the clock was ahead: the kernel had plan %.12s of a later epoch from %s to %s", a.held.SHA256(), stamp(since), stamp(until))
	l.late, l.lateAt = &lateness{Lateness: ledger.Lateness{Since: since, Until: until, By: "cgnd"}, text: text, say: true, held: a.held}, time.Time{}
}

// ahead records what the kernel had while the clock was ahead: first that the epoch of the true time counts from the end of that on.
func (x lateness) ahead(w *ledger.Writer) (n int, err error) {
	e, err := w.Ledger().AtInstant(x.Until)
	if err != nil {
		return 0, err
	}
	plan, err := w.Ledger().Plan(e)
	if err != nil {
		return 0, err
	}
	note := fmt.Sprintf("as in epoch %d, when the clock was right again", e.Seq)
	if _, err := w.Add(ledger.Entry{Plan: plan, From: x.Until, Now: x.Now, By: x.By, Note: note, Backdate: true}); err != nil {
		return 0, err
	}
	note = "the clock was ahead, and the kernel had this plan"
	if _, err := w.Add(ledger.Entry{Plan: x.held, From: x.Since, Settled: x.Until, Now: x.Now, By: x.By, Note: note, Backdate: true}); err != nil {
		return 1, err
	}
	return 2, nil
}

// record has the ledger say that an epoch was late.
func (l *loop) record() {
	source, old, x := l.o.Source, l.timeline, *l.late
	l.lateAt, x.Now = time.Now(), l.wall().Truncate(time.Millisecond)
	l.start("record", func() func() {
		n, err := source.late(old, x)
		return func() {
			if err != nil {
				l.trouble("late", fmt.Sprintf("%s; this cannot be recorded, so answers of cgnctl about the time in between may be wrong: %v", x.text, err), true)
				return
			}
			x.recorded = true
			l.late, l.reread = &x, true // until it is read
			l.log.Info("recorded that the kernel was late", "records", n, "until", x.Until)
			if x.say {
				l.trouble("late", x.text+"; it is recorded that in between both are possible", true)
				l.lateSaid = time.Now()
			} else {
				l.over("late")
			}
		}
	})
}

// lateShown ends the problem of a lateness that the ledger has, after a while.
func (l *loop) lateShown(now time.Time) {
	if l.late == nil && !l.lateSaid.IsZero() && now.Sub(l.lateSaid) >= lateFor {
		l.lateSaid = time.Time{}
		l.over("late")
	}
}

// unsure returns from when on it is not known whether epochs of the ledger came into force; the zero Time = it is.
func (l *loop) unsure(now time.Time) (since time.Time) {
	if l.timeline == nil || l.timeline.ledger == nil {
		return since
	}
	since = l.open
	if l.late != nil {
		since = earlier(since, l.late.Since)
	}
	has := l.inForce.SHA256
	if l.has {
		has = l.applied.sha256
	}
	want, err := l.timeline.at(now)
	if err != nil || has == "" || has == want.sha256 || want.epoch.From.Before(l.applied.epoch.From) {
		return since
	}
	return earlier(since, l.timeline.ledger.Missed(has, want.epoch, time.Time{}))
}

// late records that the kernel was late, in a ledger that goes on from what was read.
func (s Source) late(read *timeline, x lateness) (n int, err error) {
	if s.underWay() { // who has the lock for so long
		return 0, ledger.ErrPending
	}
	keys, err := s.keys()
	if err != nil {
		return 0, err
	}
	w, err := ledger.EditExisting(s.path, keys...)
	if err != nil {
		return 0, err
	}
	defer w.Close()
	if err := goesOn(w.Ledger(), read.ledger); err != nil {
		return 0, fmt.Errorf("%s: %w", s.path, err)
	}
	if x.held != nil {
		return x.ahead(w)
	}
	return w.Late(x.Lateness)
}
