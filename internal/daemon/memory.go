package daemon

import (
	"fmt"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// memory is what this daemon knows of the kernel beyond its own end.
type memory = ledger.Memory

// remember makes a memory durable: whole or not at all.
func (s Source) remember(m memory) error {
	if !s.ledger {
		return nil
	}
	return ledger.Remember(s.path, m)
}

// earlier returns the earlier one of two instants, of which the zero Time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// memory returns what is to be remembered now.
func (l *loop) memory() memory {
	open := l.open
	if l.late != nil && !l.late.recorded {
		open = open.and(doubt{l.late.Since, l.late.Had})
	}
	m := memory{From: l.applied.epoch.From, PlanSHA256: l.applied.sha256, Seen: l.back(l.rightAt), Leapt: l.leapt}
	if !l.has { // what the daemon before knew, and what was seen since
		m = l.base
		open = open.and(doubt{m.Since, m.Had})
	}
	if m.Since, m.Had = open.since, open.had; !l.lived.past.IsZero() {
		return m
	}
	m.Lived, m.Looked, m.Empty, m.Boot, m.Up = l.lived.list(), time.Time{}, false, "", 0
	if boot, up := l.o.Uptime(); boot != "" && !l.lookedFrom.IsZero() {
		m.Empty = l.lived.broken
		m.Looked, m.Boot, m.Up = l.back(l.lookedFrom), boot, up-time.Since(l.lookedFrom)
	}
	return m
}

// forgetful reports whether something is to be remembered that is not.
func (l *loop) forgetful(now time.Time) bool {
	if l.foreign || !l.knows() || now.Sub(l.keptAt) < l.keepAgain {
		return false
	}
	m := l.memory()
	return !m.Equal(l.kept) || m.Seen.Sub(l.kept.Seen).Abs() >= seenEvery || m.Looked.Sub(l.kept.Looked).Abs() >= seenEvery
}

// knows reports whether there is something that is to be remembered.
func (l *loop) knows() bool {
	if !l.has {
		return !l.base.IsZero() && l.lived.past.IsZero()
	}
	return l.applied.epoch.Seq > 0
}

// keepAtEnd has it remembered, unless something else is being done, or it takes long: it is known then what was so at most a minute ago.
func (l *loop) keepAtEnd() {
	if l.doing != "" || !l.knows() {
		return
	}
	source, m, done := l.o.Source, l.memory(), make(chan struct{})
	go func() {
		defer close(done)
		_ = source.remember(m) // there is nobody left to tell
	}()
	select {
	case <-done:
	case <-time.After(endPatience):
	}
}

// keep has it remembered.
func (l *loop) keep() {
	source, m := l.o.Source, l.memory()
	l.start("record", func() func() {
		err := source.remember(m)
		return func() { l.haveKept(m, err) }
	})
}

func (l *loop) haveKept(m memory, err error) {
	l.keptAt, l.keepAgain = time.Now(), 0
	if err != nil {
		l.keepAgain = lateOften
		l.cannotKeep(err)
		return
	}
	l.kept = m
	l.over("memory")
}

// cannotKeep says that what is known is lost with this daemon.
func (l *loop) cannotKeep(err error) {
	l.trouble("memory", fmt.Sprintf("what the kernel has cannot be noted beside the ledger: after a restart nobody knows which epochs came in time: %v", err), true)
}
