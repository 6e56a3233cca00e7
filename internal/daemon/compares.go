package daemon

import (
	"fmt"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
)

// An apply takes away what somebody has changed, and with it all that could be known of that. So the kernel is compared first where that may be so: not where a planned
// epoch would have to wait for it, nor all the time where attempts are refused again and again.

const (
	retryShare = 100       // of the time, at most one part in so many goes to comparisons before attempts that are refused again and again
	savedUp    = time.Hour // of it, what was not used since then may be used at once
)

// unknown reports whether the kernel may have what somebody has changed and no comparison has found: changes that show, and where not all do, those since a while ago.
func (l *loop) unknown(ago time.Duration) bool {
	return l.changed() || !l.inForce.Exact && time.Since(l.knownAt) > ago
}

// inTime reports whether a comparison that begins now, and what takes a while behind it, end before the next epoch begins.
func (l *loop) inTime(behind time.Duration) bool {
	left, ok := l.untilNext()
	return !ok || l.verifyTook <= lateAfter || l.verifyTook+behind < left
}

// comparesFirst reports whether the kernel is to be compared before an apply.
func (l *loop) comparesFirst(want target, why string, start bool) bool {
	e, tries, again := want.epoch, l.failures, l.retryAt
	if why != "" {
		tries, again = l.repairs, l.repairAt
	}
	planned := why == "" && tries == 0 && e.Added.Before(e.From)
	switch {
	case start && (tries == 0 || l.o.Report): // else it would repair what is to be reported
		return true
	case !l.inTime(l.o.Backend.Ahead()) || planned && l.verifyTook > lateAfter:
		return false
	case tries > 0 && time.Now().Before(l.affordAt):
		return false
	case tries > 0 && !again.IsZero() && !l.changed() && time.Since(l.knownAt) < retryShare*l.verifyTook: // nothing happened by which it may be taken now
		return false
	}
	return l.unknown(lookEvery)
}

// compare compares, if it is to, what the kernel has with the plan that it says it has, where that is known: with that which is to be in force where it says nothing. applied
// is the one that was applied last. It reports whether it did.
func (a *attempt) compare(b Backend, t *timeline, applied *alloc.Plan) bool {
	if !a.compares || a.err != nil {
		return false
	}
	plan := a.plan
	switch has := a.before.SHA256; {
	case has == "" || has == a.want.sha256:
	case applied != nil && applied.SHA256() == has:
		plan = applied
	default:
		known := t.plansOf([]string{has})
		if len(known) == 0 {
			return false
		}
		plan = known[0]
	}
	c := compare(b, plan, a.before)
	if a.cost, a.uncompared = c.took, c.err; c.err == nil {
		a.had = &c
	}
	at := time.Now()
	if now, err := b.InForce(); err != nil || now.SHA256 != a.before.SHA256 { // that took its time
		if a.had, a.err = nil, errGivenUp; err == nil {
			a.before, a.looked = now, at
		}
	}
	return true
}

// differs reports whether somebody has changed what the kernel has of the plan that is to be in force.
func (a *attempt) differs() bool {
	c := a.had
	if c == nil || c.plan != a.want.sha256 || a.before.SHA256 == "" && c.Misleading == 0 { // nothing translates: as after a boot
		return false
	}
	return c.Differences > c.OtherRelease
}

// misled reports whether by what the kernel had of its plan somebody else may have had ports than that says.
func (a *attempt) misled() bool {
	return a.had != nil && a.had.Misleading > 0
}

// judge decides at a start whether what was found is drift, and only to be told.
func (a *attempt) judge(report bool) {
	switch {
	case !a.start || a.err != nil:
	case a.differs():
		a.why, a.onlyTold = "drift", report && a.before.SHA256 != ""
	case report && a.uncompared != nil && a.before.SHA256 == a.want.sha256:
		a.err = fmt.Errorf("the kernel has it, and cannot be compared with it; what differs is only to be reported: %w", a.uncompared)
	}
}

// haveCompared notes what came of a comparison before an attempt, and says what somebody else has changed: the attempt may wait for its instant yet.
func (l *loop) haveCompared(a attempt) {
	now := time.Now()
	l.affordAt = later(l.affordAt, now.Add(-savedUp)).Add(retryShare * a.cost)
	l.verifyTook = max(l.verifyTook, a.cost)
	if a.had != nil {
		l.knownAt = now
	}
	if a.misled() || a.why == "drift" && a.differs() {
		l.sayDrift(*a.had, a.onlyTold)
	}
}
