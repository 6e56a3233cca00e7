package daemon

import "time"

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
