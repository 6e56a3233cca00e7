package daemon

import (
	"fmt"
	"time"
)

// A departure is that the kernel may give ports to others than its plan says, though it has it: somebody changed elements of it, or nobody can look. It may have
// begun as soon as the last comparison had begun that found none, or the last look that shows that nothing was changed since that: not every look does.
type departure struct {
	began   instant // of the comparison that is under way, or of the apply before it
	looking instant // of the look that is under way
	equal   instant // when the kernel was known last to be equal, by this daemon or the one before
	stands  bool
	from    instant // when it began, at the earliest
}

// An instant is one of the monotonic clock, zero = that is not known, and the earliest that the clock on the wall has said of it, however it was set since.
type instant struct{ mono, wall time.Time }

// ever is the beginning of what is lost in time.
var ever = time.Unix(0, 0).UTC()

// departing are the codes of problems that are one.
var departing = [...]string{"drift", "kernel", "verify"}

// instant returns one of the monotonic clock.
func (l *loop) instant(at time.Time) instant { return instant{at, l.back(at)} }

// goBack has each instant be as early as the clock says now, if that is earlier than before: who asks goes by a clock that may have been right at any time.
func (l *loop) goBack() {
	d := &l.departure
	for _, i := range [...]*instant{&d.began, &d.looking, &d.equal, &d.from} {
		i.wall = earlier(i.wall, l.back(i.mono))
	}
}

// comparing notes that a comparison begins, or what ends with one.
func (l *loop) comparing() { l.departure.began = l.instant(time.Now()) }

// comparedAs notes a comparison.
func (l *loop) comparedAs(c comparison) {
	if c.Differences == 0 && l.left == 0 && !l.departed {
		l.departure.equal = l.departure.began
	}
}

// sawAs notes that the kernel was looked at.
func (l *loop) sawAs(in InForce) {
	if in.Exact && l.has && in.SHA256 == l.applied.sha256 && l.isEqual() && l.left == 0 && !l.departed {
		l.departure.equal = l.departure.looking
	}
}

// departedSince returns since when the kernel may depart from its plan, by the clock on the wall; zero = it does not, as far as is known.
func (l *loop) departedSince() time.Time {
	d := &l.departure
	was := d.stands
	d.stands = false
	for _, code := range departing {
		if _, ok := l.problems[code]; ok {
			d.stands = true
		}
	}
	switch {
	case !d.stands:
		return time.Time{}
	case !was && !d.equal.wall.IsZero():
		d.from = d.equal
	case !was:
		d.from = l.came()
	}
	return d.from.wall
}

// came returns when the kernel came to its plan, where nothing else is known of it.
func (l *loop) came() instant {
	wall := l.wall()
	if l.timeline != nil {
		if want, err := l.timeline.at(wall); err == nil && !want.epoch.From.IsZero() {
			return instant{time.Now().Add(want.epoch.From.Sub(wall)), want.epoch.From}
		}
	}
	return l.instant(time.Now())
}

// inherits goes on from what the daemon before knew. A departure that it noted stands until a comparison finds none.
func (l *loop) inherits(m memory) {
	d := &l.departure
	d.equal, d.from, d.stands = instant{}, instant{}, false
	if m.Departed.IsZero() {
		l.over("drift")
	}
	if m.IsZero() {
		return
	}
	d.equal = l.inherited(m, m.LastEqual())
	if !m.Departed.IsZero() {
		d.from, d.stands = l.inherited(m, m.Departed), true
		l.trouble("drift", fmt.Sprintf("the daemon before noted that the kernel may depart from its plan since %s, and it could not be compared yet since this one began", stamp(m.Departed)), false)
	}
}

// inherited returns the instant of which the clock said something to the daemon before. Where it was set back since, the machine knows by how much, unless it
// was started again: then all of the past may be what is meant.
func (l *loop) inherited(m memory, noted time.Time) instant {
	wall := l.wall()
	if boot, up := l.o.Uptime(); m.Boot != "" && m.Boot == boot && up >= m.Up {
		at := time.Now().Add(m.Up - up - m.Looked.Sub(noted))
		return instant{at, earlier(noted, l.back(at))}
	}
	if m.Ahead(wall) {
		return instant{wall: ever}
	}
	return instant{time.Now().Add(noted.Sub(wall)), noted}
}
