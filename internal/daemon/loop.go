package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"
)

// A loop is the state of a daemon, which belongs to the goroutine of Run.
type loop struct {
	*Daemon
	log      *slog.Logger
	problems problems
	snapshot Snapshot // what is kept in it as it happens; publish fills in the rest

	// What is being done beside the loop. Its result is a function that settles it in the loop.
	doing      string
	doingSince time.Time
	done       chan func()   // that, and before it what is known already
	stop       chan struct{} // closed to have what is prepared given up; nil = nothing is

	// The source.
	timeline  *timeline
	mark      string // of the file when it was read
	fresh     freshness
	reread    bool   // it is to be read
	intent    string // of what somebody is about to apply, when it was read
	intentBad bool   // it cannot be read
	readAt    time.Time

	// What was applied, and what the kernel has.
	applied  target
	has      bool      // applied is something
	heldAt   time.Time // when the kernel got the plan of applied, for as long as this daemon knows
	redo     string    // why it is to be applied once more, "" = it is not
	inForce  InForce
	asked    bool   // the kernel was looked at
	goodMark string // the backend's mark when the kernel was compared last
	// misleading is how many differences could give a port to somebody else then.
	misleading uint64
	lookedAt   time.Time
	links      string // of the backend then

	lookedWas *time.Time // what Looked is in the snapshot

	// Comparisons, attempts.
	verifiedAt   time.Time
	verifyTook   time.Duration
	verifyBad    bool      // the last one failed
	knownAt      time.Time // the last one ended by which the kernel is known, an attempt's, too
	affordAt     time.Time // before that attempts that are refused again and again do not compare
	failures     int       // of applies of another target, in a row
	retryAt      time.Time // before that none is tried
	adoptAt      time.Time // before that it is not looked for a plan of the daemon before
	repairs      int       // in a row that failed or did not last
	repairAt     time.Time // before that none is tried
	repairedAt   time.Time
	foreign      bool      // the kernel has what somebody else applied, who has recorded it or is going to
	pendingSince time.Time // an intent stands beside the ledger
	late         *lateness // what the ledger does not know yet
	lateAt       time.Time // when it was tried last to record that
	lateSaid     time.Time // when a lateness that is recorded became a problem; zero = none is shown
	prepareAt    time.Time // before that none is prepared
	departed     bool      // the kernel was seen with something else, of which connections may go on
	left         int       // that do
	leftAt       time.Time // before that none are looked for
	leftBad      bool      // that failed

	departure departure

	// What is remembered beyond the end.
	open       doubt     // whether epochs came into force, and what else the kernel had; none = all did, or late says it
	rightAt    time.Time // when the kernel was seen last with the plan of applied
	untold     doubt     // by what the kernel had when it was seen, unless the ledger has it in force when it is read
	strayAt    time.Time // when it was recorded last that it had another one by somebody's hand
	base       memory    // of the daemon before
	kept       memory    // what stands in the file
	keptAt     time.Time
	keepAgain  time.Duration // after keptAt
	lived      lived
	lookedFrom time.Time // when the kernel was seen last, whatever it had

	// Clocks.
	lastMono, lastWall   time.Time
	stepped, steppedBack time.Time
	leapt                time.Time // what the clock on the wall said before it was set forward
	leaptAt              time.Time
	backSince            time.Time // the clock says that what was applied is still to come; zero = it does not

	tidyAt time.Time // memory is given back then, as much was read or applied; zero = it was

	statusWas     string
	firstAttempt  bool // is over
	backendLoaded bool // the files of the backend were read
}

func newLoop(d *Daemon) *loop {
	l := &loop{Daemon: d, log: d.o.Log, problems: problems{}, done: make(chan func(), 2), reread: true}
	l.snapshot = *d.Snapshot()
	l.snapshot.Started = l.wall()
	return l
}

// wall is the clock on the wall.
func (l *loop) wall() time.Time { return l.o.Now().Round(0).UTC() }

// trouble notes a problem and logs it, once.
func (l *loop) trouble(code, text string, warning bool) {
	if l.problems.set(l.wall(), code, text, warning) {
		level := slog.LevelError
		if warning {
			level = slog.LevelWarn
		}
		l.log.Log(context.Background(), level, text, "problem", code)
	}
}

// over forgets a problem.
func (l *loop) over(code string) {
	if l.problems.clear(code) {
		l.log.Info("problem is over", "problem", code)
	}
}

// start does work beside the loop.
func (l *loop) start(what string, work func() (settle func())) {
	l.doing, l.doingSince = what, time.Now()
	go func() {
		settle := work()
		l.done <- func() {
			l.doing = ""
			settle()
		}
	}()
}

// settle notes what came of work beside the loop, or of a part of it.
func (l *loop) settle(settle func()) {
	l.watchClock() // what is settled is put in its place by the clock as it is now
	settle()
}

// decide begins what is to be done next, if nothing is being done.
func (l *loop) decide() {
	if l.doing != "" {
		return
	}
	now := time.Now()
	l.audit()
	l.auditDepartures(now)
	switch want, due := l.due(now); {
	case l.readDue(now):
		l.read()
	case due:
		l.apply(want)
	case l.adoptDue(now):
		l.adopt()
	case l.leftDue(now):
		l.leftovers()
	case l.recordDue(now):
		l.record()
	case l.forgetful(now):
		l.keep()
	case now.Sub(l.lookedAt) >= lookEvery:
		l.look()
	case l.verifyDue(now):
		l.verify()
	case !l.tidyAt.IsZero() && !now.Before(l.tidyAt):
		l.tidyAt = time.Time{}
		go debug.FreeOSMemory()
	default:
		l.prepare()
	}
}

// untidy notes that work was done that takes memory as plans are large: what was a plan before, and what was made to apply one. The collector would
// look for it minutes later, and return it later still.
func (l *loop) untidy() { l.tidyAt = time.Now().Add(tidyAfter) }

// unread reports whether the source cannot be read, or not be followed.
func (l *loop) unread() bool {
	_, failed := l.problems["source"]
	return failed
}

func (l *loop) readDue(now time.Time) bool {
	return l.reread || l.unread() && now.Sub(l.readAt) >= rereadEvery
}

// due returns what is to be applied now, if anything is: another target, or once more what was applied.
func (l *loop) due(now time.Time) (want target, due bool) {
	repair := l.has && l.redo != "" && !l.foreign && !now.Before(l.repairAt)
	if l.timeline == nil || l.unread() { // what the file said before is not followed into another epoch
		return l.applied, repair
	}
	want, err := l.timeline.at(l.wall())
	if err != nil {
		if isNotCovered(err) {
			l.firstAttempt = true
			l.trouble("not-covered", err.Error()+"; the kernel stays as it is", false)
		}
		return l.applied, repair
	}
	l.over("not-covered")
	if l.has && l.goesBack(want, now) {
		return l.applied, repair
	}
	if l.has && want.sha256 == l.applied.sha256 {
		l.sameTarget(want)
		return l.applied, repair
	}
	if now.Before(l.retryAt) || (l.has || l.inForce.SHA256 != "") && !l.pendingSince.IsZero() && l.patient(now) {
		return l.applied, repair // what somebody is about to record decides
	}
	return want, true
}

// sameTarget notes that what was applied is what is to be in force: by another epoch perhaps, and after another plan that was refused.
func (l *loop) sameTarget(want target) {
	if want.epoch.Seq != l.applied.epoch.Seq {
		l.log.Info("epoch in force", "epoch", want.epoch.Seq, "plan_sha256", want.sha256, "kernel", "has the plan already")
	}
	// What began in between never came, or nobody knows.
	if d := l.timeline.doubt(l.known(), l.applied.sha256, want.epoch, l.wall()); !d.none() && want.epoch.Seq != l.applied.epoch.Seq {
		if l.open = l.open.and(d); l.inForce.SHA256 == want.sha256 && len(l.open.had) == 0 {
			l.sayLate(attempt{want: want, before: InForce{SHA256: want.sha256}, open: l.open, switched: l.wall()})
		}
	}
	l.applied = want
	if l.failures > 0 && l.redo == "" {
		l.failures, l.retryAt = 0, time.Time{}
		l.over("apply")
	}
}

// goesBack reports whether a target is an earlier epoch only because the clock was set back a moment ago, however little: a ledger only
// grows, so that nothing else makes an epoch that has begun lie ahead.
func (l *loop) goesBack(want target, now time.Time) bool {
	if !want.epoch.From.Before(l.applied.epoch.From) {
		l.backSince = time.Time{}
		return false
	}
	if l.backSince.IsZero() {
		l.backSince = now
	}
	last := l.backSince
	if l.steppedBack.After(last) {
		last = l.steppedBack
	}
	return now.Sub(last) < steadyFor
}

// verifyDue reports whether the kernel is to be compared whole: from time to time, and when somebody may have changed it. In a
// network namespace where others change nf_tables all the time, the latter would take all of a core with a large plan.
func (l *loop) verifyDue(now time.Time) bool {
	since := now.Sub(l.verifiedAt)
	if !l.has || l.redo != "" && !now.Before(l.repairAt) || l.foreign || since < lookEvery {
		return false
	}
	if left, ok := l.untilNext(); ok {
		left -= l.o.Backend.Ahead() + l.verifyTook
		if left < 0 {
			return false // the epoch would have to wait for it
		}
		if left < beforeEpoch && since > beforeEpoch && l.unknown(beforeEpoch) {
			return true // an epoch takes that away
		}
	}
	every := VerifyPeriod(l.o.VerifyEvery, l.verifyTook)
	if l.verifyBad || l.misleading > 0 && !l.inForce.Exact && l.redo == "" { // what failed may do so for a moment only, and what is mended not show
		every = min(every, max(verifyAgain, verifyShare*l.verifyTook))
	}
	if since >= every || l.inForce.SHA256 != l.applied.sha256 && l.changed() {
		return true
	}
	return l.changed() && since >= min(verifyShare*l.verifyTook, every)
}

// VerifyPeriod returns how often the kernel is compared with the plan without a reason, where that is to be done at an interval and takes
// so long.
func VerifyPeriod(every, took time.Duration) time.Duration { return max(every, idleShare*took) }

// changed reports whether the kernel may have changed since it was compared.
func (l *loop) changed() bool { return l.inForce.Mark != l.goodMark }

// watchClock notices that the clock on the wall was set.
func (l *loop) watchClock() {
	mono, wall := time.Now(), l.wall()
	defer func() { l.lastMono, l.lastWall = mono, wall }()
	if l.lastMono.IsZero() {
		l.goBack(0)
		return
	}
	passed := mono.Sub(l.lastMono)
	step := wall.Sub(l.lastWall) - passed
	l.goBack(step)
	l.twice(wall, wall.Add(-passed))
	if step < -backOver || step > stepOver {
		l.lived.cut(l.lastWall.Add(passed), wall.Add(-passed), wall, mono)
		l.kept = memory{} // it is to be noted anew, by this clock
	}
	if step.Abs() > stepOver {
		l.stepped = mono
		text := fmt.Sprintf("the clock was set by %v, to %s", step.Round(time.Millisecond), stamp(wall))
		if step < 0 {
			l.giveUp() // until its instant there may be long, and this is to be noted
			l.steppedBack = mono
			if l.late != nil && l.late.leap && !l.late.recorded && l.late.Since.After(wall) { // nothing was late: the clock was ahead
				l.late = nil
				l.over("late")
			}
			text += fmt.Sprintf("; an earlier epoch is gone back to when it has been steady for %v", steadyFor)
		}
		if step > 0 {
			l.leapt, l.leaptAt = l.lastWall, mono
		}
		l.trouble("clock", text, true)
	} else if !l.stepped.IsZero() && mono.Sub(l.stepped) >= clockFor {
		l.stepped = time.Time{}
		l.over("clock")
	}
}

// twice notes that the clock was set back to before the epoch that the kernel has: until it begins once more, the kernel has its plan before its time.
// from is when that was at the earliest.
func (l *loop) twice(wall, from time.Time) {
	if e := l.applied.epoch; l.has && e.Seq > 0 && e.From.After(wall) && l.inForce.SHA256 == l.applied.sha256 && !slices.Contains(l.open.had, l.applied.sha256) {
		from = earlier(from.Truncate(time.Millisecond), l.back(l.heldAt)) // if this clock is the right one
		l.open = l.open.and(doubt{from, []string{l.applied.sha256}})
	}
}

// wake returns how long nothing will have to be done, unless something happens.
func (l *loop) wake() time.Duration {
	wait := lookEvery
	if left, ok := l.untilNext(); ok {
		wait = min(wait, left)
	}
	for _, at := range []time.Time{l.retryAt, l.repairAt} {
		if left := time.Until(at); left > 0 {
			wait = min(wait, left)
		}
	}
	return max(wait, time.Millisecond)
}

// untilNext returns how long it is until the next epoch begins.
func (l *loop) untilNext() (left time.Duration, ok bool) {
	if l.timeline == nil {
		return 0, false
	}
	now := l.wall()
	e, ok := l.timeline.next(now)
	return e.From.Sub(now), ok
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999Z07:00") }
