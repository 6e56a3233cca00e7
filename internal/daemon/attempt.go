package daemon

import (
	"errors"
	"fmt"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
)

// An attempt is the result of an apply.
type attempt struct {
	want       target
	plan       *alloc.Plan
	why        string // "drift" and so on; "" = it is another target
	start      bool   // as at a start, what somebody has changed may only be told
	compares   bool   // what the kernel has is compared before it is touched
	ahead      bool   // it begins before the instant, and waits for it
	before, in InForce
	looked     time.Time // before was asked for then
	seen       bool      // that could be answered
	ended      time.Time // the change was made
	open       doubt     // whether epochs came into force before this, and what else the kernel had
	kept       memory    // what was remembered before the kernel was touched; the zero memory = nothing
	unkept     error     // why that could not be done
	done       Applied
	switched   time.Time // on the wall: packets obeyed the plan
	took       time.Duration
	err        error         // from whatever step
	had        *comparison   // of what the kernel had before it is touched; nil where that was not compared, or could not be
	cost       time.Duration // of comparing that
	uncompared error         // why that failed
	unknown    bool          // what it takes away departs from its plan, perhaps, and could not be compared
	onlyTold   bool          // what was found is not to be repaired
}

// errGivenUp means: what was being prepared is to be decided anew.
var errGivenUp = errors.New("the change was given up before it began")

// apply makes the kernel obey a target.
func (l *loop) apply(want target) {
	why := l.redo
	if l.has && want.sha256 != l.applied.sha256 {
		why = ""
	}
	l.log.Debug("apply", "plan_sha256", want.sha256, "why", why)
	start := !l.has || why == refusedAtStart
	l.attempt("apply", attempt{want: want, why: why, start: start, compares: l.comparesFirst(want, why, start)})
}

// prepare begins to make the kernel obey the next epoch, a while before its instant, and waits for that.
func (l *loop) prepare() {
	if l.timeline == nil || l.unread() || !l.has || l.redo != "" || l.foreign || !l.pendingSince.IsZero() || l.failures > 0 || l.inForce.SHA256 != l.applied.sha256 || time.Now().Before(l.prepareAt) {
		return
	}
	left, ok := l.untilNext()
	if !ok || left > l.o.Backend.Ahead() {
		return
	}
	want, err := l.timeline.at(l.wall().Add(left))
	if err != nil || want.sha256 == l.applied.sha256 || want.epoch.From.Before(l.applied.epoch.From) {
		return
	}
	l.log.Debug("prepare", "plan_sha256", want.sha256, "epoch", want.epoch.Seq)
	before := l.verifyTook + beforeEpoch + 2*lookEvery // as verifyDue has it compared, if the epoch was known by then
	l.attempt("prepare", attempt{want: want, ahead: true, compares: l.unknown(before) && l.inTime(l.o.Backend.Ahead()/2)})
}

// attempt begins an attempt.
func (l *loop) attempt(what string, a attempt) {
	backend, source, wall, first, report := l.o.Backend, l.o.Source, l.wall, !l.has, l.o.Report
	mark, known, ours, unread := l.mark, l.inForce, l.applied.sha256, l.unread()
	patient := l.patient(time.Now())
	line, m, own, plan := l.timeline, l.memory(), l.known(), l.plan.Load()
	unnoted := l.unnoted(m)
	_, bad := l.problems["verify"]
	leapt, leaptSince := l.leapt, time.Time{}
	if !first && l.leaptAt.After(l.heldAt) {
		leaptSince = l.back(l.heldAt)
	}
	var wait func() error
	if a.ahead {
		l.stop = make(chan struct{})
		wait = l.hold(a.want.epoch.From, l.stop)
	}
	l.comparing()
	l.start(what, func() func() {
		a.looked = time.Now()
		if a.before, a.err = backend.InForce(); patient && a.why == "" && (!first || a.before.SHA256 != "") && source.underWay() { // since the last look
			return func() { l.leave(a.before, a.looked) }
		}
		a.seen = a.err == nil
		if a.err == nil {
			a.plan, a.err = a.want.plan()
		}
		a.recall(source, line, own, first, leapt, leaptSince, wall())
		if !first && a.err == nil && a.before.SHA256 == m.PlanSHA256 {
			m.Seen = wall().Truncate(time.Millisecond)
		}
		claimed := func() bool { return unread || source.mark() != mark || patient && source.underWay() }
		a.decide(known, ours, claimed)
		if a.compare(backend, line, plan) {
			a.judge(report)
			found := a
			l.done <- func() { l.haveCompared(found) }
		}
		a.unknown = !m.Departed.IsZero() && a.loses(bad)
		a.remember(source, line, m, first, unnoted)
		a.touch(backend, wall, wait)
		return func() { l.haveApplied(a) }
	})
}

// decide gives it up where the kernel is not as it was when this was decided, and somebody has recorded that, perhaps, or is about to.
func (a *attempt) decide(known InForce, ours string, claimed func() bool) {
	void := a.ahead && a.before != known || a.why != "" && a.before.SHA256 != "" && a.before.SHA256 != ours && claimed()
	if a.err == nil && void {
		a.err = errGivenUp
	}
}

// loses reports whether an attempt takes away what could not be compared. bad says that the last comparison failed.
func (a *attempt) loses(bad bool) bool {
	return a.err == nil && a.had == nil && (bad || a.uncompared != nil)
}

// touch makes the kernel obey, unless something is in the way.
func (a *attempt) touch(b Backend, wall func() time.Time, wait func() error) {
	if a.err == nil && !a.onlyTold {
		a.run(b, wall, wait)
	}
}

// leave leaves the kernel to somebody else, who is about to record what he applies.
func (l *loop) leave(in InForce, at time.Time) {
	l.asked = true
	l.saw(in.SHA256, at)
	l.waits(true, time.Now())
	l.tell(in.SHA256)
	if !l.has && in.SHA256 != "" {
		l.firstAttempt, l.inForce = true, in
	}
}

// hold returns what waits for an instant on the wall, and gives up when somebody changes the file or the kernel meanwhile, or stop is closed.
func (l *loop) hold(until time.Time, stop chan struct{}) func() error {
	backend, source, wall, mark, known := l.o.Backend, l.o.Source, l.wall, l.mark, l.inForce
	return func() error {
		for {
			if source.mark() != mark || source.underWay() {
				return errGivenUp
			}
			left := until.Sub(wall())
			if left <= 0 {
				return nil
			}
			if left > lookEvery/2 { // so near to the instant nothing is to be in its way
				if in, err := backend.InForce(); err != nil || in != known {
					return errGivenUp
				}
			}
			select {
			case <-stop:
				return errGivenUp
			case <-time.After(min(until.Sub(wall()), lookEvery)):
			}
		}
	}
}

// giveUp has what is being prepared given up.
func (l *loop) giveUp() {
	if l.stop != nil {
		close(l.stop)
		l.stop = nil
	}
}

// wrote reports whether an apply has changed what the kernel has.
func (a *attempt) wrote() bool {
	return a.done.Way != unchanged && a.err == nil || a.in.SHA256 != a.before.SHA256
}

func (a *attempt) run(b Backend, wall func() time.Time, wait func() error) {
	begun := time.Now()
	if wait != nil {
		instant := wait
		wait = func() error {
			err := instant()
			begun = time.Now()
			return err
		}
	}
	a.done, a.err = b.Apply(a.plan, wait)
	a.took, a.ended, a.switched = time.Since(begun), time.Now(), wall()
	if errors.Is(a.err, errGivenUp) {
		return
	}
	in, err := b.InForce()
	a.in, a.err = in, errors.Join(a.err, err)
}

func (l *loop) haveApplied(a attempt) {
	l.stop = nil
	l.untidy()
	l.haveFound(a)
	if errors.Is(a.err, errGivenUp) {
		if a.misled() { // it is so still
			l.goodMark = ""
		}
		l.log.Debug(a.err.Error(), "epoch", a.want.epoch.Seq)
		l.reread, l.lookedAt = true, time.Time{}
		l.tell(a.before.SHA256)
		l.foreign = l.has && a.before.SHA256 != "" && a.before.SHA256 != l.applied.sha256 // until it is looked at
		return
	}
	if a.ahead && a.err != nil && a.in.SHA256 != a.want.sha256 { // at the instant it counts
		l.log.Warn("an epoch cannot be prepared", "epoch", a.want.epoch.Seq, "plan_sha256", a.want.sha256, "error", a.err)
		l.prepareAt = time.Now().Add(prepareAgain)
		return
	}
	s := &l.snapshot.Apply
	for _, w := range a.done.Warnings {
		l.log.Warn(w)
	}
	l.asked = l.asked || !a.looked.IsZero()
	if a.in.SHA256 != "" {
		l.inForce = a.in
		l.sawChange(a)
	}
	if a.unknown && a.wrote() { // nobody will know
		l.departure.found = true
	}
	if a.err != nil {
		l.firstAttempt = true
		l.open = l.open.and(a.open)
		s.Failed++
		l.haveFailed(a)
		return
	}
	first := !l.has || l.applied.sha256 != a.want.sha256
	l.holds(a)
	if a.onlyTold {
		if l.firstAttempt, l.inForce, a.switched = true, a.before, l.wall(); a.endsAll() {
			l.sayLate(a)
		} else {
			l.open = l.open.and(a.open)
		}
		l.redo, l.repairs, l.repairAt = "", 0, time.Time{}
		l.over("apply")
		l.compared(*a.had)
		return
	}
	l.sayApplied(a)
	l.leftNone()
	switch {
	case !a.endsAll():
		l.open = l.open.and(a.stays(l.back(l.heldAt)))
	case first, !a.open.none() && l.isRight(a.want.sha256):
		l.sayLate(a)
	default:
		l.open = l.open.and(a.open)
	}
	l.check(a)
}

// sayApplied notes and logs an apply that went well.
func (l *loop) sayApplied(a attempt) {
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
	s := &l.snapshot.Apply
	s.OK, s.At, s.Took, s.Way = s.OK+1, a.switched, a.took, a.done.Way
	s.Kept, s.Moved, s.Added, s.Removed = a.done.Kept, a.done.Moved, a.done.Added, a.done.Removed
	l.log.Info("plan applied", "plan_sha256", a.want.sha256, "epoch", a.want.epoch.Seq, "why", a.why, "way", a.done.Way, "took", a.took.Round(time.Microsecond),
		"kept", a.done.Kept, "moved", a.done.Moved, "added", a.done.Added, "removed", a.done.Removed)
}

// holds notes that the kernel has what was applied, and since when, as far as that is this daemon's doing.
func (l *loop) holds(a attempt) {
	l.rightAt = time.Now()
	if a.before.SHA256 != a.want.sha256 {
		l.heldAt = time.Now().Add(-a.took)
	} else if !l.has || l.applied.sha256 != a.want.sha256 {
		l.heldAt = time.Time{}
	}
	if !l.has && l.leapt.IsZero() && l.timeline != nil && l.timeline.ledger != nil {
		l.leapt = l.timeline.ledger.Recall().Leapt
	}
	l.applied, l.has = a.want, true
	l.plan.Store(a.plan)
}

// unchanged is the way of an apply that had nothing to do, with any backend.
const unchanged = "unchanged"

// check compares what an apply has made with the plan. That is beside the loop, so that it is known that the plan is in force.
func (l *loop) check(a attempt) {
	backend, source, m, keeps := l.o.Backend, l.o.Source, l.memory(), l.forgetful(time.Now())
	if !l.inTime(backend.Ahead()) { // then verifyDue has it compared
		l.firstAttempt, l.goodMark = true, ""
		return
	}
	l.start("verify", func() func() {
		var kept error
		if keeps { // first: a comparison may take long
			kept = source.remember(m)
		}
		var c comparison
		if a.had != nil && a.had.plan == a.want.sha256 && a.why == "" && a.done.Way == unchanged {
			c = *a.had // nothing was written since
			c.mark = a.in.Mark
		} else {
			c = compare(backend, a.plan, a.in)
		}
		now, err := backend.InForce()
		void := err == nil && now.SHA256 != a.in.SHA256 // somebody has applied something meanwhile
		return func() {
			l.firstAttempt = true
			if keeps {
				l.haveKept(m, kept)
			}
			if void {
				l.lookedAt, l.verifiedAt = time.Time{}, time.Now()
				return
			}
			if l.compared(c) {
				l.drifted(c)
			}
		}
	})
}

// haveFailed has an apply tried again later, and says so.
func (l *loop) haveFailed(a attempt) {
	if a.why != "" && l.has {
		if a.why == "drift" {
			l.snapshot.Drift.Failed++
		}
		l.repairs++
		l.repairAt = time.Now().Add(l.pause(a, l.repairs))
		l.trouble("apply", fmt.Sprintf("plan %.12s could not be applied once more (%s): %v", a.want.sha256, a.why, a.err), false)
		return
	}
	l.failures++
	l.retryAt = time.Now().Add(l.pause(a, l.failures))
	l.trouble("apply", fmt.Sprintf("plan %.12s could not be applied, what was in force stays so: %v", a.want.sha256, a.err), false)
	if a.in.SHA256 == a.want.sha256 && a.before.SHA256 != a.in.SHA256 { // the kernel took it, and what comes behind failed
		l.holds(a)
		l.redo = "the apply did not end well"
		l.repairs, l.repairAt = 1, l.retryAt
		if a.before.SHA256 != "" && a.want.epoch.Seq > 0 { // by which connections may go on
			l.open = l.open.and(a.stays(l.back(l.heldAt)))
		} else {
			l.sayLate(a)
		}
		l.trouble("apply", fmt.Sprintf("plan %.12s is in force, but not all that belongs to it was done: %v", a.want.sha256, a.err), false)
	}
}

// pause returns how long to wait after the nth failure in a row: of what is always compared first, until that can be afforded.
func (l *loop) pause(a attempt, n int) time.Duration {
	if a.start && l.o.Report {
		return max(backoff(n), time.Until(l.affordAt))
	}
	return backoff(n)
}

// backoff returns how long to wait after the nth failure in a row, from 1.
func backoff(n int) time.Duration {
	if n > 6 {
		return maxBackoff
	}
	return min(time.Second<<(n-1), maxBackoff)
}
