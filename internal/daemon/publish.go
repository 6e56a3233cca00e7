package daemon

import (
	"fmt"
	"strings"
	"time"
)

// publish makes the present state known, and tells the service manager that the loop is alive.
func (l *loop) publish() {
	l.listens()
	if at := l.looked.Load(); at != l.lookedWas {
		l.lookedWas, l.snapshot.Looked = at, l.back(*at)
	}
	s := l.snapshot // a copy; what it refers to is replaced and never changed
	s.Taken, s.Doing = l.wall(), l.doing
	s.Problems, s.Healthy = l.problems.list()
	s.Healthy = s.Healthy && l.has
	s.InForce = l.inForce.SHA256
	s.Ready = l.firstAttempt
	if l.has {
		s.Wanted = l.applied.sha256
	}
	if l.timeline != nil {
		if want, err := l.timeline.at(s.Taken); err == nil {
			s.Wanted = want.sha256
		}
		if e, ok := l.timeline.next(s.Taken); ok {
			s.Next = infoOf(e)
		}
	}
	if l.has && l.applied.epoch.Seq > 0 {
		s.Epoch = infoOf(l.applied.epoch)
	}
	open := l.unsure(s.Taken)
	s.Unsure, s.Had = open.since, open.had
	s.Departed = l.departedSince()
	s.Departures = l.departures()
	for _, at := range []time.Time{l.retryAt, l.repairAt} {
		s.Apply.Retry = max(s.Apply.Retry, time.Until(at), 0)
	}
	wasReady := l.Snapshot().Ready
	now := &published{shot: &s, fresh: l.fresh}
	if l.timeline != nil {
		now.ledger = l.timeline.ledger
	}
	l.public.Store(now)
	if s.Ready && !wasReady {
		l.o.Notify("READY=1")
	}
	if text := statusText(&s); text != l.statusWas {
		l.statusWas = text
		l.o.Notify("STATUS=" + text)
	}
	if l.doing == "" || time.Since(l.doingSince) < workLimit {
		l.o.Notify("WATCHDOG=1")
	}
}

// statusText is the state in a line.
func statusText(s *Snapshot) string {
	var b strings.Builder
	switch {
	case !s.Ready:
		b.WriteString("starting")
	case s.Epoch != nil:
		fmt.Fprintf(&b, "epoch %d, plan %.12s", s.Epoch.Seq, s.Epoch.SHA256)
	case s.InForce != "":
		fmt.Fprintf(&b, "plan %.12s", s.InForce)
	default:
		b.WriteString("no plan in force")
	}
	if s.Ready && s.Healthy {
		b.WriteString(", healthy")
	}
	for _, p := range s.Problems {
		fmt.Fprintf(&b, "; %s: %s", p.Code, p.Text)
	}
	// A line break would begin another variable of the protocol.
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, b.String())
}
