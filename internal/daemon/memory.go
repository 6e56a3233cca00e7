package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// memory is what this daemon knows of the kernel beyond its own end.
type memory = ledger.Memory

// remember makes a memory durable: whole or not at all. Where the ledger is away, or a link to it, it is kept where the ledger was read last.
func (s Source) remember(m memory) error {
	if !s.ledger {
		return nil
	}
	h := s.home.Load()
	if h == nil {
		return s.note(s.path, m)
	}
	if _, err := os.Stat(h.path); err != nil { // nobody reads what is written into the folder on which a disk is mounted later
		if st, err := os.Stat(filepath.Dir(h.path)); err != nil || !os.SameFile(st, h.folder) {
			return fmt.Errorf("%s is away, and so is the folder in which it was", h.path)
		}
	}
	return s.note(h.path, m)
}

// recall returns what stands beside the ledger, which need not be there.
func (s Source) recall() (m memory, err error) {
	if s.ledger {
		m, err = ledger.RecallBeside(s.path)
	}
	return m, err
}

// recall goes on from what the daemon before knew, as soon as that can be read, of whichever ledger it is: what is seen until the ledger itself can be is
// noted with it.
func (l *loop) recall(m memory) {
	if l.base.IsZero() && !m.IsZero() {
		l.base = m
		l.lived.recall(m, l.wall())
		l.inherits(m)
	}
}

// cannotRecall says that what is seen is lost with this daemon, as it can neither be compared with a ledger nor noted beside it.
func (l *loop) cannotRecall(err error) {
	switch {
	case l.timeline != nil || !l.o.Source.ledger || l.inForce.SHA256 == "":
	case err != nil:
		l.cannotKeep(err)
	case l.base.IsZero():
		l.cannotKeep(errors.New("the ledger was not read yet, and nothing stands beside it"))
	}
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
	open := l.open.and(l.unawaited())
	if l.late != nil && !l.late.recorded {
		open = open.and(l.late.doubt())
	}
	m := memory{From: l.applied.epoch.From, PlanSHA256: l.applied.sha256, Seen: l.back(l.rightAt), Leapt: l.leapt}
	if !l.has { // what the daemon before knew, and what was seen since
		m = l.base
		open = open.and(doubt{m.Since, m.Had})
	}
	m.Departed, m.Equalled = l.departedSince(), l.departure.equal.wall
	m.Misled, m.Latest, m.Departures = l.departure.found, l.departure.latest.wall, l.departures()
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

// unnoted reports whether the kernel must not be touched before a memory is noted.
func (l *loop) unnoted(m memory) bool {
	k := l.kept
	return l.knows() && (k.IsZero() || !m.Departed.IsZero() && (k.Departed.IsZero() || m.Misled && !k.Misled))
}

// forgetful reports whether something is to be remembered that is not.
func (l *loop) forgetful(now time.Time) bool {
	if !l.knows() || l.awaited() || now.Sub(l.keptAt) < l.keepAgain {
		return false
	}
	m := l.memory()
	return !m.Equal(l.kept) || m.Seen.Sub(l.kept.Seen).Abs() >= seenEvery || m.Looked.Sub(l.kept.Looked).Abs() >= seenEvery
}

// awaited reports whether somebody is about to record what the kernel has: he notes it himself.
func (l *loop) awaited() bool {
	if !l.foreign || l.unread() {
		return false
	}
	e, ok := l.timeline.ledger.Begun()
	return !ok && !l.intentBad || ok && e.PlanSHA256 == l.inForce.SHA256
}

// unawaited returns what the kernel was seen with that nobody is about to record, as far as is known.
func (l *loop) unawaited() doubt {
	d := l.untold
	if d.none() || l.unread() {
		return d
	}
	e, ok := l.timeline.ledger.Begun()
	if d.had = slices.DeleteFunc(slices.Clone(d.had), func(sha string) bool { return ok && sha == e.PlanSHA256 }); len(d.had) == 0 {
		return doubt{}
	}
	return d
}

// knows reports whether there is something that is to be remembered.
func (l *loop) knows() bool {
	if !l.has {
		return !l.base.IsZero() && l.lived.past.IsZero()
	}
	return l.applied.epoch.Seq > 0
}

// keepAtEnd has it remembered, behind what is being done, unless that is with a whole plan, or either takes long: it is known then what was so at most
// a minute ago.
func (l *loop) keepAtEnd(patience <-chan time.Time) {
	for l.doing != "" {
		if l.doing == "apply" || l.doing == "verify" {
			return
		}
		select {
		case settle := <-l.done:
			l.settle(settle)
		case <-patience:
			return
		}
	}
	if l.watchClock(); !l.knows() { // it may have been set just now
		return
	}
	source, m, done := l.o.Source, l.memory(), make(chan error, 1)
	go func() { done <- source.remember(m) }()
	select {
	case err := <-done:
		if err != nil {
			l.cannotKeep(err)
		}
	case <-patience:
		l.log.Warn("the end does not wait for the disk: what the kernel has may not be noted beside the ledger", "waited", endPatience)
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
