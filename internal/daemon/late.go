package daemon

import (
	"fmt"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// A lateness is what the ledger is to be told of an epoch that was late.
type lateness struct {
	ledger.Lateness
	text     string    // for people
	say      bool      // also when it could be recorded
	since    time.Time // when the first epoch that the kernel missed began
	recorded bool      // the ledger has it, and was not read since
}

// sayLate has the ledger say that it and the kernel did not agree for a while.
func (l *loop) sayLate(a attempt) {
	e := a.want.epoch
	by := a.switched.Sub(e.Settled)
	if e.Seq == 0 || a.before.SHA256 == a.want.sha256 || by <= lateAfter {
		l.over("late")
		return
	}
	text := fmt.Sprintf("epoch %d in force since %s by the ledger was applied at %s, and the kernel had ", e.Seq, stamp(e.From), stamp(a.switched))
	if a.before.SHA256 != "" {
		text += fmt.Sprintf("plan %.12s before", a.before.SHA256)
		until := a.switched.Truncate(time.Millisecond).Add(time.Millisecond)
		l.late = &lateness{ledger.Lateness{Before: a.before.SHA256, Until: until, By: "cgnd"}, text, by > sayLateAfter, l.timeline.missed(a.before.SHA256, e), false}
		l.lateAt = time.Time{}
	} else if by > sayLateAfter { // there was nobody who could have had ports
		l.trouble("late", text+"no plan before", true)
	}
}

// record has the ledger say that an epoch was late.
func (l *loop) record() {
	source, old, x := l.o.Source, l.timeline, *l.late
	l.lateAt, x.Now = time.Now(), l.wall().Truncate(time.Millisecond)
	l.start("record", func() func() {
		n, err := source.late(old, x.Lateness)
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
			} else {
				l.over("late")
			}
		}
	})
}

// unsure returns from when on it is not known whether epochs of the ledger came into force; the zero Time = it is.
func (l *loop) unsure(now time.Time) (since time.Time) {
	if l.timeline == nil || l.timeline.ledger == nil {
		return since
	}
	if l.late != nil {
		since = l.late.since
	}
	has := l.inForce.SHA256
	if l.has {
		has = l.applied.sha256
	}
	want, err := l.timeline.at(now)
	if err != nil || has == "" || has == want.sha256 || want.epoch.From.Before(l.applied.epoch.From) {
		return since
	}
	if missed := l.timeline.missed(has, want.epoch); since.IsZero() || missed.Before(since) {
		since = missed
	}
	return since
}

// late records that the kernel was late, in a ledger that goes on from what was read.
func (s Source) late(read *timeline, x ledger.Lateness) (n int, err error) {
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
	return w.Late(x)
}

// missed returns when the first epoch began that a kernel has missed that still had a plan when an epoch was to be in force.
func (t *timeline) missed(had string, until ledger.Epoch) time.Time {
	var last time.Time // when the plan was in force last, by the ledger
	for e := range t.ledger.Epochs() {
		if e.PlanSHA256 == had && e.From.Before(until.From) && e.From.After(last) {
			last = e.From
		}
	}
	first := until.From
	for e := range t.ledger.Epochs() {
		if !last.IsZero() && e.From.After(last) && e.From.Before(first) {
			first = e.From
		}
	}
	return first
}
