package daemon

import (
	"fmt"
	"slices"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
)

// read reads the files anew: the source, and what the backend has of files.
func (l *loop) read() {
	l.reread = false
	source, backend, old, wall := l.o.Source, l.o.Backend, l.timeline, l.wall
	l.start("read", func() func() {
		mark, intent, at := source.mark(), source.intentMark(), wall() // before reading: what changes meanwhile is read once more
		var m memory
		var merr error
		if old == nil {
			m, merr = source.recall()
		}
		t, err := source.load(old)
		changed, berr := backend.Reload()
		return func() {
			l.recall(m)
			l.haveReadBeside(t, mark, freshness{mark + "\n" + intent, at}, intent, err, changed, berr)
			l.cannotRecall(merr)
		}
	})
}

// haveReadBeside is haveRead of a ledger and what somebody is about to apply. Where only the latter is new and cannot be read, the ledger is what it was.
func (l *loop) haveReadBeside(t *timeline, mark string, f freshness, intent string, err error, changed bool, backendErr error) {
	only := err != nil && l.timeline != nil && !l.unread() && mark == l.mark && intent != "" && (intent != l.intent || l.intentBad)
	l.intent = intent
	if l.intentBad = only || l.intentBad && err != nil && intent != ""; only {
		l.log.Warn("what somebody is about to apply cannot be read", "error", err)
		t, err = l.timeline, nil
	}
	l.haveRead(t, mark, err, changed, backendErr)
	if !l.intentBad {
		l.fresh = f
	}
}

func (l *loop) haveRead(t *timeline, mark string, err error, changed bool, backendErr error) {
	defer l.told()
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
	l.lookAgain()
	l.over("source")
	if l.late != nil && l.late.recorded {
		l.late = nil
	}
	l.snapshot.Read = l.wall()
	if t == l.timeline {
		l.log.Debug("the source says what it said before")
		return
	}
	if l.timeline == nil && t.ledger != nil && !l.has {
		m := t.ledger.Recall()
		if l.recall(m); m.IsZero() { // it is of another ledger
			l.lived.forget()
		}
		l.base = m
		l.inherits(m)
		l.over("memory")
	}
	if l.timeline != nil && l.timeline.ledger != nil && l.timeline.ledger.Target() != t.ledger.Target() { // it stands somewhere else from now on
		l.kept = memory{}
	}
	l.timeline, l.retryAt = t, time.Time{}
	l.untidy()
	if t.ledger != nil {
		l.snapshot.Head, l.snapshot.Records = t.ledger.Head(), t.ledger.Len()
		for _, w := range t.ledger.Warnings() {
			l.log.Warn(w)
		}
		l.log.Info("ledger read", "records", t.ledger.Len(), "head", t.ledger.Head())
		return
	}
	l.log.Info("plan file read", "plan_sha256", t.plan.SHA256())
}

// lookAgain has the kernel looked into without delay where what was read says more about it.
func (l *loop) lookAgain() {
	if l.unread() { // what the kernel has instead is drift, perhaps, and what could not be noted can be now
		l.lookedAt, l.keepAgain = time.Time{}, 0
	}
	if l.foreign { // by what was read it may be nobody's who is about to record it: then it is noted at the next look
		l.lookedAt = time.Time{}
	}
}

// look looks whether the file or the kernel have changed.
func (l *loop) look() {
	source, backend, wall := l.o.Source, l.o.Backend, l.wall
	begun := time.Now()
	l.departure.looking = l.instant(begun)
	l.start("look", func() func() {
		// The kernel first: whoever applies and then records has done the latter by the time that his intent is gone.
		in, err := backend.InForce()
		at := wall()
		intent, mark := source.intentMark(), source.mark()
		return func() {
			if l.reread = l.reread || intent != l.intent; !l.reread && mark == l.mark && !l.intentBad {
				l.fresh = freshness{mark + "\n" + intent, at}
			}
			l.haveLooked(in, err, intent != "", mark, begun)
		}
	})
}

func (l *loop) haveLooked(in InForce, err error, underWay bool, mark string, begun time.Time) {
	now := time.Now()
	l.lookedAt = now
	l.lateShown(now)
	if mark != l.mark {
		l.reread = true
	}
	if err != nil {
		l.trouble("kernel", "the kernel cannot be looked at: "+err.Error(), false)
		return
	}
	l.over("kernel")
	l.saw(in.SHA256, begun)
	if l.links != "" && in.Links != l.links { // what failed for want of an interface does not wait for its turn
		l.retryAt, l.repairAt = time.Time{}, time.Time{}
	}
	l.links = in.Links
	waits := l.waits(underWay, now)
	told := in.SHA256 != l.applied.sha256 && (l.reread || waits)
	if l.foreign = l.has && told; told {
		l.tell(in.SHA256)
		l.inForce, l.asked = in, true
		return // what the ledger says then decides
	}
	l.watch(in, begun)
	defer l.sawAs(in)
	// So it does when it can be read again: somebody may have recorded what he has applied.
	l.foreign = l.has && l.unread() && in.SHA256 != "" && in.SHA256 != l.applied.sha256
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
	sha      string // of what the kernel had
	plan     string // with which it was compared
	edited   bool   // it had another plan, and departed from that, too
	took     time.Duration
	examples []string
	err      error
}

func compare(b Backend, plan *alloc.Plan, in InForce) (c comparison) {
	begun := time.Now()
	c.mark, c.sha, c.plan = in.Mark, in.SHA256, plan.SHA256()
	c.Verified, c.err = b.Verify(plan, func(d string) {
		if len(c.examples) < maxExamples {
			c.examples = append(c.examples, d)
		}
	})
	c.took = time.Since(begun)
	return c
}

// compareOther compares what the kernel has with the other plan that it says it has, where that is known.
func (c *comparison) compareOther(b Backend, t *timeline, in InForce) {
	if c.Misleading == 0 || in.SHA256 == "" || in.SHA256 == c.plan || t == nil {
		return
	}
	for _, other := range t.plansOf([]string{in.SHA256}) {
		o := compare(b, other, in)
		c.edited = o.err != nil || o.Misleading > 0
	}
}

// verify compares the kernel with what was applied.
func (l *loop) verify() {
	source, backend, plan, mark, line := l.o.Source, l.o.Backend, l.plan.Load(), l.mark, l.timeline
	patient, unread, ours := l.patient(time.Now()), l.unread(), l.applied.sha256
	l.comparing()
	l.start("verify", func() func() {
		in, err := backend.InForce()
		if err != nil {
			return func() { l.compared(comparison{err: err}) }
		}
		c := compare(backend, plan, in)
		c.compareOther(backend, line, in)
		// Somebody may have begun to apply since the kernel was looked at. Then this comparison says nothing.
		now, err := backend.InForce()
		void := err != nil || now.SHA256 != in.SHA256 || unread && in.SHA256 != "" && in.SHA256 != ours || c.Differences > 0 && (patient && source.underWay() || source.mark() != mark)
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
	if l.verifiedAt, l.verifyBad = now, c.err != nil; c.err != nil {
		l.verifyTook = max(l.verifyTook, c.took) // it may have ended before it began
		l.snapshot.Verify.Failed++
		l.trouble("verify", "the kernel cannot be compared with the plan: "+c.err.Error(), false)
		return false
	}
	l.verifyTook, l.knownAt = c.took, now
	l.over("verify")
	l.untidy()
	l.comparedAs(c)
	l.goodMark, l.misleading = c.mark, c.Misleading
	v := &l.snapshot.Verify
	v.Runs, v.At, v.Took, v.Differences = v.Runs+1, l.wall(), c.took, c.Differences
	for _, n := range c.Notes {
		l.log.Debug(n)
	}
	if c.Differences == 0 {
		switch {
		case l.left > 0:
			l.sayLeft()
		case !l.departed: // else connections are looked for first
			l.over("drift")
		}
		return false
	}
	if c.Misleading > 0 {
		l.departs()
	}
	v.Different++
	return true
}

// sayDrift says what somebody else has changed, and whether it stays so.
func (l *loop) sayDrift(c comparison, stays bool) {
	defer l.departsAs(c)
	d := &l.snapshot.Drift
	text := fmt.Sprintf("somebody else changed the kernel: it departs from plan %.12s in %d places", c.plan, c.Differences)
	if stays {
		text += "; it is not repaired, as configured"
	}
	if l.problems["drift"].Text == text && slices.Equal(d.Examples, c.examples) { // it is what was said
		return
	}
	d.Found, d.Last, d.Examples = d.Found+1, l.wall(), c.examples
	l.trouble("drift", text, false)
	for _, e := range c.examples {
		l.log.Warn("drift", "difference", e)
	}
}

// drifted says so, and has it repaired.
func (l *loop) drifted(c comparison) {
	l.sayDrift(c, l.o.Report)
	if l.o.Report {
		return
	}
	if l.redo == "drift" && time.Now().Before(l.repairAt) { // it was refused, and its turn comes again
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
