package daemon

import (
	"fmt"
	"slices"
	"time"
)

// A departure is that the kernel may give ports to others than its plan says, though it has it: somebody changed elements of it, or nobody can look. It may have
// begun as soon as the last comparison had begun that found none, or the last look that shows that nothing was changed since that: not every look does.
type departure struct {
	began   instant // of the comparison that is under way, or of the apply before it
	looking instant // of the look that is under way
	equal   instant // when the kernel was known last to be equal, by this daemon or the one before
	latest  instant // the latest that the clock has said since then, where it was set back: before that instant
	stands  bool
	from    instant // when it began, at the earliest
	misled  bool    // drift, where that stands, can give ports to others
	found   bool    // and so it was found, of the plan itself
	over    []departed
}

// An instant is one of the monotonic clock, zero = that is not known, and the earliest that the clock on the wall has said of it, however it was set since; of an
// end the latest.
type instant struct{ mono, wall time.Time }

// ever is the beginning of what is lost in time.
var ever = time.Unix(0, 0).UTC()

// instant returns one of the monotonic clock.
func (l *loop) instant(at time.Time) instant { return instant{at, l.back(at)} }

// goBack has each instant be as early as the clock says now, if that is earlier than before: who asks goes by a clock that may have been right at any time.
// step is by how much it was set just now.
func (l *loop) goBack(step time.Duration) {
	d := &l.departure
	for _, i := range [...]*instant{&d.began, &d.looking, &d.equal, &d.from} {
		i.wall = earlier(i.wall, l.back(i.mono))
	}
	if step >= -backOver && step <= stepOver {
		return
	}
	for i := range d.over {
		o := &d.over[i]
		o.from.wall, o.to.wall = earlier(o.from.wall, l.back(o.from.mono)), later(o.to.wall, l.back(o.to.mono))
	}
	if step < 0 {
		d.latest = instant{time.Now(), later(d.latest.wall, l.wall().Add(-step))}
	}
}

// comparing notes that a comparison begins, or what ends with one.
func (l *loop) comparing() { l.departure.began = l.instant(time.Now()) }

// comparedAs notes a comparison.
func (l *loop) comparedAs(c comparison) {
	if c.Misleading == 0 && l.left == 0 && !l.departed {
		l.isEqualSince(l.departure.began)
		l.departure.misled = false
	}
}

// sawAs notes that the kernel was looked at.
func (l *loop) sawAs(in InForce) {
	if in.Exact && l.has && in.SHA256 == l.applied.sha256 && l.isEqual() && l.left == 0 && !l.departed {
		l.isEqualSince(l.departure.looking)
	}
}

// isEqualSince notes an instant at which the kernel was equal, as far as that can give a port to somebody else.
func (l *loop) isEqualSince(at instant) {
	l.departure.equal = at
	l.departure.forget()
}

// forget forgets what the clock said before the kernel was equal, unless it departs from its plan since then.
func (d *departure) forget() {
	if !d.stands && d.latest.mono.Before(d.equal.mono) {
		d.latest = instant{}
	}
}

// departsAs notes a comparison that finds what can give a port to somebody else. Where the kernel has another plan, as that
// says, that is what it had, and is recorded.
func (l *loop) departsAs(c comparison) {
	if d := &l.departure; c.Misleading > 0 {
		d.misled = true
		d.found = d.found || c.sha == c.plan || c.sha == "" || c.edited
	}
	l.departedSince() // it may be over before anybody asks
}

// departs reports whether the kernel may depart from its plan, as far as is known.
func (d *departure) departs(p problems) bool {
	_, drift := p["drift"]
	_, kernel := p["kernel"]
	_, verify := p["verify"]
	d.misled = d.misled && drift
	return d.misled || kernel || verify
}

// departedSince returns since when the kernel may depart from its plan, by the clock on the wall; zero = it does not, as far as is known.
func (l *loop) departedSince() time.Time {
	d := &l.departure
	was := d.stands
	d.stands = d.departs(l.problems)
	switch {
	case !d.stands:
		if was && d.found && l.o.Source.ledger {
			l.departedUntil()
		}
		d.found = false
		d.forget()
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
	d.equal, d.from, d.latest, d.stands, d.misled, d.found = instant{}, instant{}, instant{}, false, false, false
	d.over = slices.DeleteFunc(d.over, func(o departed) bool { return o.past })
	if m.Departed.IsZero() {
		l.over("drift")
	}
	if m.IsZero() {
		return
	}
	var past []departed
	for _, o := range m.Departures {
		past = append(past, departed{from: instant{l.mono(m, o.From), o.From}, to: instant{l.mono(m, o.To), o.To}, past: true})
	}
	d.over = append(past, d.over...)
	d.equal, d.latest = l.inherited(m, m.LastEqual()), instant{wall: m.Latest}
	if !m.Departed.IsZero() {
		d.from, d.stands, d.misled, d.found = l.inherited(m, m.Departed), true, true, m.Misled
		l.trouble("drift", fmt.Sprintf("the daemon before noted that the kernel may depart from its plan since %s, and it could not be compared yet since this one began", stamp(m.Departed)), false)
	}
}

// inherited returns the instant of which the clock said something to the daemon before. Where it was set back since, the machine knows by how much, unless it
// was started again: then all of the past may be what is meant.
func (l *loop) inherited(m memory, noted time.Time) instant {
	wall := l.wall()
	if at := l.mono(m, noted); !at.IsZero() {
		return instant{at, earlier(noted, l.back(at))}
	}
	if m.Ahead(wall) {
		return instant{wall: ever}
	}
	return instant{time.Now().Add(noted.Sub(wall)), noted}
}

// mono returns the instant itself, where the machine has run since; zero = it has not.
func (l *loop) mono(m memory, noted time.Time) time.Time {
	if boot, up := l.o.Uptime(); m.Boot != "" && m.Boot == boot && up >= m.Up {
		return time.Now().Add(m.Up - up - m.Looked.Sub(noted))
	}
	return time.Time{}
}
