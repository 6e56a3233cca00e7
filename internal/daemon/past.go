package daemon

import "time"

// recall finds out what is open. Where the clock was set forward since the kernel got what it has, at an instant that is not zero, it had that not
// earlier than then, in times that were leapt over, which are those behind leapt.
func (a *attempt) recall(s Source, t *timeline, own memory, first bool, leapt, leaptSince, now time.Time) {
	if a.err != nil || t == nil || t.ledger == nil {
		return
	}
	if first {
		m, err := t.ledger.Remembered()
		if a.open = a.neverKept(s, m, err); !a.open.none() {
			return
		}
		both := doubt{m.Since, m.Had}.and(doubt{own.Since, own.Had})
		m.Since, m.Had = both.since, both.had
		own = m
	}
	a.open = t.doubt(own, a.before.SHA256, a.want.epoch, now)
	if a.before.SHA256 == own.PlanSHA256 && own.Since.IsZero() && a.open.since.After(leapt) && leaptSince.After(a.open.since) {
		a.open = doubt{leaptSince, []string{a.before.SHA256}}
	}
}

// neverKept returns what is open where nothing is remembered because nothing can be, or it cannot be read: a daemon before this one may have got the epoch late, and could not
// note it either. Where the ledger itself says from when on the kernel surely had it, nothing is.
func (a *attempt) neverKept(s Source, m memory, err error) (d doubt) {
	e := a.want.epoch
	if !m.IsZero() || a.before.SHA256 != a.want.sha256 || e.Settled.After(e.From) {
		return d
	}
	if err == nil {
		a.unkept = s.remember(memory{From: e.From, PlanSHA256: a.want.sha256})
	}
	if err != nil || a.unkept != nil {
		d.since = e.From
	}
	return d
}

// remember notes beside the ledger what is open, before the kernel is touched: whatever becomes of this daemon, the next one knows. So it is with what
// was seen, where nothing was noted since the clock was set.
func (a *attempt) remember(s Source, t *timeline, m memory, first, unnoted bool) {
	if a.err != nil || a.open.none() && !unnoted && !a.misled() && !a.unknown || t == nil || t.ledger == nil {
		return
	}
	if first {
		seen := m
		m = t.ledger.Recall()
		m.Lived, m.Looked, m.Empty, m.Boot, m.Up = seen.Lived, seen.Looked, seen.Empty, seen.Boot, seen.Up
		m.Departed, m.Equalled = earlier(m.Departed, seen.Departed), earlier(m.Equalled, seen.Equalled)
		m.Misled, m.Latest, m.Departures = m.Misled || seen.Misled, later(m.Latest, seen.Latest), seen.Departures
	}
	all := a.open.and(doubt{m.Since, m.Had})
	if m.Since, m.Had = all.since, all.had; m.IsZero() {
		m.From, m.PlanSHA256 = a.want.epoch.From, a.want.sha256
	}
	if a.misled() || a.unknown {
		m.Departed, m.Misled = earlier(m.Departed, m.LastEqual()), true
	}
	if a.unkept = s.remember(m); a.unkept == nil {
		a.kept = m
	}
}

// haveFound notes what was so before the kernel was touched.
func (l *loop) haveFound(a attempt) {
	if a.seen {
		l.saw(a.before.SHA256, a.looked)
	}
	if !a.kept.IsZero() {
		l.kept = a.kept
	}
	if a.unkept != nil {
		l.cannotKeep(a.unkept)
	}
	if l.has && a.before.SHA256 == l.applied.sha256 && a.looked.After(l.rightAt) {
		l.rightAt = a.looked
	}
}
