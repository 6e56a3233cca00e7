package daemon

import "time"

// A departure is that the kernel may give ports to others than its plan says, though it has it: somebody changed elements of it, or nobody can look. Instants
// are of the monotonic clock.
type departure struct {
	equalAt    time.Time // when the kernel was seen last as it was when it was equal
	comparedAt time.Time // when the last comparison began that found it so
	stands     bool
	from       time.Time // when it began, at the earliest; perhaps before this process
}

// departing are the codes of problems that are one.
var departing = [...]string{"drift", "kernel", "verify"}

// sawAs notes that the kernel was looked at.
func (l *loop) sawAs(in InForce, at time.Time) {
	if l.has && l.left == 0 && in.SHA256 == l.applied.sha256 && l.isEqual() {
		l.departure.equalAt = at
	}
}

// comparedAs notes a comparison, before its mark is that of the last one. What differs under the mark of an equal one is of any time since that.
func (l *loop) comparedAs(c comparison, now time.Time) {
	switch d := &l.departure; {
	case c.Differences > 0 && c.mark == l.goodMark:
		d.equalAt = d.comparedAt
	case c.Differences == 0 && l.left == 0:
		d.comparedAt = now.Add(-c.took)
		d.equalAt = d.comparedAt
	}
}

// departedSince returns since when the kernel may depart from its plan, by the clock on the wall as it is now; zero = it does not, as far as is known.
func (l *loop) departedSince() time.Time {
	d := &l.departure
	was := d.stands
	d.stands = false
	for _, code := range departing {
		if _, ok := l.problems[code]; ok {
			d.stands = true
		}
	}
	if !d.stands {
		return time.Time{}
	}
	if !was {
		if d.from = d.equalAt; d.from.IsZero() {
			d.from = time.Now().Add(min(l.departedBefore().Sub(l.wall()), 0))
		}
	}
	return l.back(d.from)
}

// departedBefore returns since when a departure may have been that stood when this process saw the kernel first: since the daemon before knew it, or
// saw the kernel last. Where nothing is known of one, since the kernel came to its plan.
func (l *loop) departedBefore() time.Time {
	switch {
	case !l.base.Departed.IsZero():
		return l.base.Departed
	case !l.base.IsZero():
		return l.base.LastSeen(l.wall())
	}
	if l.timeline != nil {
		if want, err := l.timeline.at(l.wall()); err == nil && !want.epoch.From.IsZero() {
			return want.epoch.From
		}
	}
	return l.wall()
}
