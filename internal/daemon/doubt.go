package daemon

import (
	"slices"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// A doubt is the time in which the kernel may not have had what the ledger says. The zero doubt is none.
type doubt struct {
	since time.Time
	had   []string // SHA-256 of plans that it had since then, and that are not those of the ledger for that time
}

// and returns what covers both.
func (d doubt) and(e doubt) doubt {
	d.since = earlier(d.since, e.since)
	d.had = slices.Clone(d.had)
	for _, sha := range e.had {
		if !slices.Contains(d.had, sha) {
			d.had = append(d.had, sha)
		}
	}
	if len(d.had) > maxHad { // the rest may be whichever
		d.had = append(d.had[:maxHad-1], ledger.Anything)
	}
	return d
}

// none reports whether there is no doubt.
func (d doubt) none() bool { return d.since.IsZero() }

// doubt returns from when on it is open what the kernel had, that has one plan now when an epoch is to be in force; of a plan file all is known.
func (t *timeline) doubt(m memory, has string, want ledger.Epoch, now time.Time) (d doubt) {
	if t.ledger != nil {
		if has == want.PlanSHA256 && m.PlanSHA256 != has { // who gave it that plan has noted it, perhaps
			m = t.ledger.Told(m, has)
		}
		d.since, d.had = t.ledger.OpenSince(m, has, want, now)
	}
	return d
}

// back returns what the clock on the wall, as it is now, would have said at an instant of the monotonic clock; zero for zero.
func (l *loop) back(at time.Time) time.Time {
	if at.IsZero() {
		return at
	}
	return l.wall().Add(-time.Since(at)).Truncate(time.Millisecond)
}

// known returns what this daemon knows of the past of the kernel.
func (l *loop) known() memory {
	if !l.has && l.timeline != nil && l.timeline.ledger != nil {
		m := l.timeline.ledger.Recall()
		both := l.open.and(doubt{m.Since, m.Had})
		m.Since, m.Had = both.since, both.had
		return m
	}
	m := l.memory()
	m.Since, m.Had = l.open.since, l.open.had
	if !l.heldAt.IsZero() { // it knows better than by the clock
		m.Leapt = l.back(l.heldAt)
	}
	return m
}

// isRight reports whether a plan is the one to be in force.
func (l *loop) isRight(sha string) bool {
	if l.timeline == nil || l.unread() {
		return false
	}
	want, err := l.timeline.at(l.wall())
	return err == nil && want.sha256 == sha
}

// watch notes what the kernel has when it was looked at, and nobody is about to record that.
func (l *loop) watch(in InForce, at time.Time) {
	l.asked = true
	if l.has && in.SHA256 != l.applied.sha256 {
		l.departs()
	}
	switch {
	case l.timeline == nil || l.timeline.ledger == nil:
	case l.has && in.SHA256 == l.applied.sha256:
		l.rightAt = at // what it had besides is over when leftDue finds it so
	case in.SHA256 != "": // by what was read last, where the ledger cannot be read now
		if want, err := l.timeline.at(l.wall()); err == nil {
			l.open = l.open.and(l.timeline.doubt(l.known(), in.SHA256, want.epoch, l.wall()))
		}
	}
}

// tell notes what the kernel was seen with while somebody may be about to record that, or has done so and it was not read yet. It may be gone by then.
func (l *loop) tell(sha string) {
	if sha == "" || l.timeline == nil || l.timeline.ledger == nil || l.has && sha == l.applied.sha256 {
		return
	}
	l.leftAt = time.Time{}
	if want, err := l.timeline.at(l.wall()); err == nil && want.sha256 != sha {
		d := l.timeline.doubt(l.known(), sha, want.epoch, l.wall())
		d.had = []string{sha} // all else is known
		l.untold = l.untold.and(d)
	}
}

// told notes what the ledger did not say of it when it was read, and nobody is about to record anything.
func (l *loop) told() {
	if l.untold.none() || !l.pendingSince.IsZero() && l.patient(time.Now()) {
		return
	}
	d := l.untold
	d.had = slices.DeleteFunc(slices.Clone(d.had), l.isRight)
	if l.untold = (doubt{}); len(d.had) > 0 {
		l.open = l.open.and(d)
	}
}

// unsure returns what is in doubt now.
func (l *loop) unsure(now time.Time) (d doubt) {
	if l.timeline == nil || l.timeline.ledger == nil {
		return d
	}
	d = l.open.and(l.untold).and(l.late.doubt())
	want, err := l.timeline.at(now)
	if err != nil {
		return d
	}
	m := l.known()
	if d = d.and(l.timeline.doubt(m, l.inForce.SHA256, want.epoch, now)); !l.asked { // it may have anything
		seen := want.epoch.From
		if !m.IsZero() {
			seen = m.LastSeen(now)
		}
		d = d.and(doubt{seen, []string{""}})
	}
	return d.and(l.lacking(now))
}
