package daemon

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// A memory is what a daemon knows of the kernel beyond its own end: the epoch that the kernel surely came to, and since when it is open whether
// epochs came into force. It stands in a file beside the ledger, before the kernel is touched.
type memory struct {
	From   time.Time `json:"from"` // of that epoch
	SHA256 string    `json:"plan_sha256"`
	Since  time.Time `json:"open_since,omitzero"` // zero = all came into force, or the ledger says that they were late
}

// memorySuffix is what its file is called behind the name of the ledger, and maxMemory how long it may be.
const (
	memorySuffix = ".cgnd"
	maxMemory    = 4096
)

func (s Source) memoryPath() (string, error) {
	path, err := filepath.EvalSymlinks(s.path)
	return path + memorySuffix, err
}

// remember makes a memory durable: whole or not at all.
func (s Source) remember(m memory) error {
	if !s.ledger {
		return nil
	}
	path, err := s.memoryPath()
	if err != nil {
		return err
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// recall returns what was remembered of a ledger; the zero memory is nothing, or nothing of this ledger.
func (s Source) recall(t *timeline) (m memory) {
	if t.ledger == nil {
		return m
	}
	path, err := s.memoryPath()
	if err != nil {
		return m
	}
	f, err := os.Open(path)
	if err != nil {
		return m
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxMemory))
	if err != nil || json.Unmarshal(b, &m) != nil {
		return memory{}
	}
	for e := range t.ledger.Epochs() {
		if e.From.Equal(m.From) && e.PlanSHA256 == m.SHA256 {
			return m
		}
	}
	return memory{}
}

// open returns since when it is open whether epochs came into force, up to one that is about to be applied to a kernel that has a plan, "" = none. The
// zero Time = all did, as far as is known.
func (t *timeline) open(m memory, has string, want target) (since time.Time) {
	if t.ledger == nil {
		return since
	}
	if !m.Since.After(want.epoch.From) {
		since = m.Since
	}
	if has == "" {
		has = m.SHA256 // until the kernel was emptied
	}
	var seen time.Time
	if has == m.SHA256 {
		seen = m.From
	}
	if has == "" || has == want.sha256 && !seen.Before(want.epoch.From) {
		return since
	}
	if has == want.sha256 && seen.IsZero() { // who gave it that plan has recorded it
		return since
	}
	missed := t.missed(has, want.epoch, seen)
	if has == want.sha256 && missed.Equal(want.epoch.From) { // it had it all the time
		return since
	}
	return earlier(since, missed)
}

// earlier returns the earlier one of two instants, of which the zero Time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// missed returns when the first epoch began that a kernel has missed that still had a plan when an epoch was to be in force. It came to that plan with the
// epoch from seen, or with the last one that has it where seen is zero.
func (t *timeline) missed(had string, until ledger.Epoch, seen time.Time) time.Time {
	if seen.IsZero() {
		for e := range t.ledger.Epochs() {
			if e.PlanSHA256 == had && e.From.Before(until.From) && e.From.After(seen) {
				seen = e.From
			}
		}
	}
	first := until.From
	for e := range t.ledger.Epochs() {
		replaced := !e.Until.IsZero() && !e.Until.After(e.From)
		known := had == until.PlanSHA256 && !e.Settled.Before(until.From) // the ledger says that it is open
		if !seen.IsZero() && !replaced && !known && e.PlanSHA256 != had && e.From.After(seen) && e.From.Before(first) {
			first = e.From
		}
	}
	return first
}

// memory returns what is to be remembered now.
func (l *loop) memory() memory {
	m := memory{From: l.applied.epoch.From, SHA256: l.applied.sha256, Since: l.open}
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
