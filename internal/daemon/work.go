package daemon

import (
	"errors"
	"fmt"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
)

// read reads the files anew: the source, and what the backend has of files.
func (l *loop) read() {
	l.reread = false
	source, backend, old := l.o.Source, l.o.Backend, l.timeline
	l.start("read", func() func() {
		mark := source.mark() // before reading: what changes meanwhile is read once more
		t, err := source.load(old)
		changed, berr := backend.Reload()
		return func() { l.haveRead(t, mark, err, changed, berr) }
	})
}

func (l *loop) haveRead(t *timeline, mark string, err error, changed bool, backendErr error) {
	l.readAt, l.mark = time.Now(), mark
	if backendErr != nil {
		l.trouble("backend-files", backendErr.Error()+"; what was read before stays in force", false)
		l.firstAttempt = l.firstAttempt || !l.backendLoaded
	} else {
		l.over("backend-files")
		if l.backendLoaded && changed && l.has {
			l.redo = "files of the backend changed"
		}
		l.backendLoaded = true
	}
	if err != nil {
		l.firstAttempt = true
		l.trouble("source", err.Error()+"; the kernel stays as it is", false)
		return
	}
	l.over("source")
	l.snapshot.Read = l.wall()
	if t == l.timeline {
		l.log.Debug("the source says what it said before")
		return
	}
	l.timeline, l.retryAt = t, time.Time{}
	if t.ledger != nil {
		l.snapshot.Head, l.snapshot.Records = t.ledger.Head(), t.ledger.Len()
		l.ledger.Store(t.ledger)
		for _, w := range t.ledger.Warnings() {
			l.log.Warn(w)
		}
		l.log.Info("ledger read", "records", t.ledger.Len(), "head", t.ledger.Head())
		return
	}
	l.log.Info("plan file read", "plan_sha256", t.plan.SHA256())
}

// look looks whether the file or the kernel have changed.
func (l *loop) look() {
	source, backend := l.o.Source, l.o.Backend
	l.start("look", func() func() {
		// The kernel first: whoever applies and then records has done the latter by the time that his intent is gone.
		in, err := backend.InForce()
		underWay, mark := source.underWay(), source.mark()
		return func() { l.haveLooked(in, err, underWay, mark) }
	})
}

func (l *loop) haveLooked(in InForce, err error, underWay bool, mark string) {
	now := time.Now()
	l.lookedAt = now
	if mark != l.mark {
		l.reread = true
	}
	if err != nil {
		l.trouble("kernel", "the kernel cannot be looked at: "+err.Error(), false)
		return
	}
	l.over("kernel")
	waits := l.waits(underWay, now)
	if l.foreign = l.has && in.SHA256 != l.applied.sha256 && (l.reread || waits); l.foreign {
		return // what the ledger says then decides
	}
	l.inForce = in
}

// waits reports whether somebody is to be given time to record what he applies. Whoever does not in two minutes was killed.
func (l *loop) waits(underWay bool, now time.Time) bool {
	switch {
	case !underWay:
		l.pendingSince = time.Time{}
		l.over("pending")
		return false
	case l.pendingSince.IsZero():
		l.pendingSince = now
	}
	if l.patient(now) {
		return true
	}
	l.trouble("pending", "an apply that was to be recorded was cut off: the next cgnctl apply --ledger finds out what came of it", true)
	return false
}

// patient reports whether somebody who has begun to apply still has time to record it.
func (l *loop) patient(now time.Time) bool {
	return l.pendingSince.IsZero() || now.Sub(l.pendingSince) < foreignFor
}

// A comparison is the result of Verify.
type comparison struct {
	Verified
	mark     string // of the backend before it began
	took     time.Duration
	examples []string
	err      error
}

func compare(b Backend, plan *alloc.Plan, in InForce) (c comparison) {
	begun := time.Now()
	c.mark = in.Mark
	c.Verified, c.err = b.Verify(plan, func(d string) {
		if len(c.examples) < maxExamples {
			c.examples = append(c.examples, d)
		}
	})
	c.took = time.Since(begun)
	return c
}

// verify compares the kernel with what was applied.
func (l *loop) verify() {
	source, backend, plan, mark := l.o.Source, l.o.Backend, l.plan.Load(), l.mark
	patient := l.patient(time.Now())
	l.start("verify", func() func() {
		in, err := backend.InForce()
		if err != nil {
			return func() { l.compared(comparison{err: err}) }
		}
		c := compare(backend, plan, in)
		// Somebody may have begun to apply since the kernel was looked at. Then this comparison says nothing.
		now, err := backend.InForce()
		void := err != nil || now.SHA256 != in.SHA256 || c.Differences > 0 && (patient && source.underWay() || source.mark() != mark)
		return func() {
			l.lookedAt = time.Time{}
			if void {
				l.verifiedAt = time.Now()
				return
			}
			l.inForce = in
			if l.compared(c) {
				l.drifted(c)
			}
		}
	})
}

// compared notes a comparison, and reports whether there are differences.
func (l *loop) compared(c comparison) bool {
	now := time.Now()
	l.verifiedAt, l.verifyTook = now, c.took
	if c.err != nil {
		l.snapshot.Verify.Failed++
		l.trouble("verify", "the kernel cannot be compared with the plan: "+c.err.Error(), false)
		return false
	}
	l.over("verify")
	l.goodMark = c.mark
	v := &l.snapshot.Verify
	v.Runs, v.At, v.Took, v.Differences = v.Runs+1, l.wall(), c.took, c.Differences
	for _, n := range c.Notes {
		l.log.Debug(n)
	}
	if c.Differences == 0 {
		l.over("drift")
		return false
	}
	v.Different++
	return true
}

// drifted says what somebody else has changed, and has it repaired.
func (l *loop) drifted(c comparison) {
	d := &l.snapshot.Drift
	d.Found, d.Last, d.Examples = d.Found+1, l.wall(), c.examples
	text := fmt.Sprintf("somebody else changed the kernel: it departs from plan %.12s in %d places", l.applied.sha256, c.Differences)
	if l.o.Report {
		text += "; it is not repaired, as configured"
	}
	l.trouble("drift", text, false)
	for _, e := range c.examples {
		l.log.Warn("drift", "difference", e)
	}
	if l.o.Report {
		return
	}
	l.redo = "drift"
	if now := time.Now(); l.repairedAt.IsZero() || now.Sub(l.repairedAt) >= calmAfter {
		l.repairs = 0
	} else {
		l.repairs++
		l.repairAt = now.Add(min(backoff(l.repairs), maxRepairWait))
	}
}

// An attempt is the result of an apply.
type attempt struct {
	want       target
	plan       *alloc.Plan
	why        string // "drift" and so on; "" = it is another target
	before, in InForce
	done       Applied
	began, end time.Time // on the wall
	took       time.Duration
	err        error // from whatever step before the comparison
	comparison comparison
}

// apply makes the kernel obey a target.
func (l *loop) apply(want target) {
	backend, wall, why := l.o.Backend, l.wall, l.redo
	if l.has && want.sha256 != l.applied.sha256 {
		why = ""
	}
	source, waits := l.o.Source, l.has && why == "" && l.patient(time.Now())
	l.log.Debug("apply", "plan_sha256", want.sha256, "why", why)
	l.start("apply", func() func() {
		if waits && source.underWay() { // since the last look
			return func() { l.waits(true, time.Now()) }
		}
		a := attempt{want: want, why: why, began: wall()}
		a.run(backend)
		a.end = wall()
		return func() { l.haveApplied(a) }
	})
}

func (a *attempt) run(b Backend) {
	begun := time.Now()
	if a.plan, a.err = a.want.plan(); a.err != nil {
		return
	}
	if a.before, a.err = b.InForce(); a.err != nil {
		return
	}
	a.done, a.err = b.Apply(a.plan)
	a.took = time.Since(begun)
	in, err := b.InForce()
	if a.in = in; a.err != nil || err != nil {
		a.err = errors.Join(a.err, err)
		return
	}
	a.comparison = compare(b, a.plan, in)
}

func (l *loop) haveApplied(a attempt) {
	l.firstAttempt = true
	s := &l.snapshot.Apply
	for _, w := range a.done.Warnings {
		l.log.Warn(w)
	}
	if a.in.SHA256 != "" {
		l.inForce = a.in
	}
	if a.err != nil {
		s.Failed++
		l.haveFailed(a)
		return
	}
	if l.redo, l.repairAt = "", (time.Time{}); a.why == "" {
		l.failures, l.retryAt = 0, time.Time{}
	}
	if l.failures == 0 {
		l.over("apply")
	}
	if a.why == "drift" {
		l.repairedAt = time.Now()
		l.snapshot.Drift.Repaired++
	}
	s.OK, s.At, s.Took, s.Way = s.OK+1, a.end, a.took, a.done.Way
	s.Kept, s.Moved, s.Added, s.Removed = a.done.Kept, a.done.Moved, a.done.Added, a.done.Removed
	first := !l.has || l.applied.sha256 != a.want.sha256
	l.applied, l.has = a.want, true
	l.plan.Store(a.plan)
	l.log.Info("plan applied", "plan_sha256", a.want.sha256, "epoch", a.want.epoch.Seq, "why", a.why, "way", a.done.Way, "took", a.took.Round(time.Microsecond),
		"kept", a.done.Kept, "moved", a.done.Moved, "added", a.done.Added, "removed", a.done.Removed)
	if first {
		l.sayLate(a)
	}
	if l.compared(a.comparison) {
		l.drifted(a.comparison)
	}
}

// haveFailed has an apply tried again later, and says so.
func (l *loop) haveFailed(a attempt) {
	if a.why != "" {
		if a.why == "drift" {
			l.snapshot.Drift.Failed++
		}
		l.repairs++
		l.repairAt = time.Now().Add(backoff(l.repairs))
		l.trouble("apply", fmt.Sprintf("plan %.12s could not be applied once more (%s): %v", a.want.sha256, a.why, a.err), false)
		return
	}
	l.failures++
	l.retryAt = time.Now().Add(backoff(l.failures))
	l.trouble("apply", fmt.Sprintf("plan %.12s could not be applied, what was in force stays so: %v", a.want.sha256, a.err), false)
	if a.in.SHA256 == a.want.sha256 && a.before.SHA256 != a.in.SHA256 { // the kernel took it, and what comes behind failed
		l.applied, l.has, l.redo = a.want, true, "the apply did not end well"
		l.repairs, l.repairAt = 1, l.retryAt
		l.plan.Store(a.plan)
		l.trouble("apply", fmt.Sprintf("plan %.12s is in force, but not all that belongs to it was done: %v", a.want.sha256, a.err), false)
	}
}

// sayLate says that the ledger and the kernel did not agree for a while.
func (l *loop) sayLate(a attempt) {
	e := a.want.epoch
	if e.Seq == 0 || a.before.SHA256 == a.want.sha256 || a.end.Sub(e.Settled) <= lateAfter {
		l.over("late")
		return
	}
	had := "no plan"
	if a.before.SHA256 != "" {
		had = fmt.Sprintf("plan %.12s", a.before.SHA256)
	}
	l.trouble("late", fmt.Sprintf("epoch %d in force since %s by the ledger was applied at %s, and the kernel had %s before: answers in between may be wrong",
		e.Seq, stamp(e.From), stamp(a.end), had), true)
}

// backoff returns how long to wait after the nth failure in a row, from 1.
func backoff(n int) time.Duration {
	if n > 6 {
		return maxBackoff
	}
	return min(time.Second<<(n-1), maxBackoff)
}
