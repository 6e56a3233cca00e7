package daemon

import (
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

// recall returns what was remembered of a ledger; the zero memory is nothing, or nothing of this ledger.
func (t *timeline) recall() (m memory) {
	if t.ledger == nil {
		return m
	}
	return t.ledger.Recall()
}

// open is ledger.Ledger.OpenSince; of a plan file everything came into force.
func (t *timeline) open(m memory, has string, want target) (since time.Time) {
	if t.ledger == nil {
		return since
	}
	return t.ledger.OpenSince(m, has, want.epoch)
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
	m := memory{From: l.applied.epoch.From, PlanSHA256: l.applied.sha256, Since: l.open}
	if l.late != nil && !l.late.recorded {
		m.Since = earlier(m.Since, l.late.Since)
	}
	return m
}

// forgetful reports whether something is to be remembered that is not.
func (l *loop) forgetful(now time.Time) bool {
	return l.has && l.applied.epoch.Seq > 0 && l.memory() != l.kept && now.Sub(l.keptAt) >= l.keepAgain
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
		if l.unkept == "" {
			l.log.Warn("what the kernel has cannot be noted beside the ledger: after a kill, epochs that were late may be taken for those in force", "error", err)
		}
		l.unkept = err.Error()
		return
	}
	l.kept, l.unkept = m, ""
}
