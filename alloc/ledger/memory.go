package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A Memory is what a daemon that follows a ledger knows of the kernel beyond its own end: the epoch that the kernel surely came to, and since when
// it is open whether epochs came into force. It stands in a file beside the ledger, before the kernel is touched. The zero Memory says nothing.
type Memory struct {
	From       time.Time `json:"from"` // of that epoch
	PlanSHA256 string    `json:"plan_sha256"`
	Since      time.Time `json:"open_since,omitzero"` // zero = all came into force, or the ledger says that they were late
	// Had are the SHA-256 of plans that the kernel had since then besides, by somebody's hand. At most 16, the last of which is Anything where there were more.
	Had []string `json:"had,omitempty"`
	// Departed is since when the kernel may give ports to others than its plan says, though it has it: somebody changed it, or nobody could look. Zero = it
	// does not, as far as is known.
	Departed time.Time `json:"departed,omitzero"`
	// Misled says that it was found so: by what the kernel has, somebody else may have ports than its plan says.
	Misled bool `json:"misled,omitempty"`
	// Latest is the latest that the clock has said since it departed, where it was set back meanwhile; zero = it was not.
	Latest time.Time `json:"latest,omitzero"`
	// Departures are times of that kind that are over, and that the ledger does not have yet. At most MaxDepartures.
	Departures []Departure `json:"departures,omitempty"`
	// Equalled is when the kernel was last known to be as its plan says; zero = when the epoch began.
	Equalled time.Time `json:"equalled,omitzero"`
	// Seen is when the kernel was seen last with the plan of that epoch; zero = when the epoch began.
	Seen time.Time `json:"seen,omitzero"`
	// Leapt is what the clock said before it was last set forward; zero = it was not, as far as is known.
	Leapt time.Time `json:"leapt,omitzero"`
	// Lived is what the kernel had by the clock on the wall, as far as it was seen, in the order in which it was so: where the clock is set back, what
	// is recorded for a time that was lived through does not take away what was so then. The last one ends at Seen or later. At most MaxLived.
	Lived []Span `json:"lived,omitempty"`
	// Looked is when the kernel was seen last, whatever it had; Empty says that it was nothing. Boot names the run of the machine, and Up is for how long it
	// had been running then, however the clock was set; "" = that is not known.
	Looked time.Time     `json:"looked,omitzero"`
	Empty  bool          `json:"empty,omitempty"`
	Boot   string        `json:"boot,omitempty"`
	Up     time.Duration `json:"up_ns,omitempty"`
}

// Equal reports whether two say the same, but for when the kernel was seen and compared.
func (m Memory) Equal(n Memory) bool {
	return m.From.Equal(n.From) && m.PlanSHA256 == n.PlanSHA256 && m.Since.Equal(n.Since) && slices.Equal(m.Had, n.Had) && m.Leapt.Equal(n.Leapt) && m.Departed.Sub(n.Departed).Abs() < time.Second &&
		m.Misled == n.Misled && m.Latest.Equal(n.Latest) && sameLived(m.Lived, n.Lived) &&
		slices.EqualFunc(m.Departures, n.Departures, func(a, b Departure) bool { return a.From.Equal(b.From) && a.To.Equal(b.To) })
}

// sameLived reports whether two say the same but for the end of the last one.
func sameLived(a, b []Span) bool {
	last := len(a) - 1
	return len(a) == len(b) && slices.EqualFunc(a, b, func(s, t Span) bool {
		return s.From.Equal(t.From) && s.PlanSHA256 == t.PlanSHA256 && s.Twice == t.Twice && s.Unread == t.Unread && (s.To.Equal(t.To) || s.From.Equal(a[last].From))
	})
}

// IsZero reports whether it says nothing.
func (m Memory) IsZero() bool { return m.PlanSHA256 == "" }

// MemorySuffix is what the file of a Memory is called behind the name of the ledger.
const MemorySuffix = ".cgnd"

// maxMemory is how many bytes that file may have.
const maxMemory = 32768

// Remember makes a Memory durable beside the ledger at path: whole or not at all. Its file may be read by whoever may read the ledger, as far as
// mode and group go; where the group cannot be given to it, only by its owner. The ledger itself may be away.
func Remember(path string, m Memory) error {
	path, err := realName(path)
	if err != nil {
		return err
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	path += MemorySuffix
	if err := os.Remove(path + ".new"); err != nil && !errors.Is(err, os.ErrNotExist) { // of one that was killed, or whatever stands there
		return err
	}
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	likeLedger(f, path[:len(path)-len(MemorySuffix)], path)
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// likeLedger has a file be readable for those for whom a ledger is, or, where that is away, the file before was. That it cannot be done is not worth
// losing what is in it.
func likeLedger(f *os.File, path, before string) {
	st, err := os.Stat(path)
	if err != nil {
		st, err = os.Stat(before)
	}
	if err != nil {
		return
	}
	mode := st.Mode().Perm()&0o644 | 0o600
	if !giveGroup(f, st) {
		mode &^= 0o040
	}
	_ = f.Chmod(mode) // the umask does not count
}

// Recall returns what was remembered beside the ledger, as it stands there now; the zero Memory is nothing, or nothing of this ledger.
func (l *Ledger) Recall() Memory {
	m, _ := l.Remembered()
	return m
}

// Remembered is Recall with an error where something stands there that cannot be read, or is not what a daemon writes.
func (l *Ledger) Remembered() (Memory, error) {
	b, err := readBeside(l.target, MemorySuffix, maxMemory)
	if err != nil {
		return Memory{}, err
	}
	return l.parseMemory(b)
}

// RecallBeside returns what was remembered beside the ledger at path, of whichever ledger. That may be away, and is not read.
func RecallBeside(path string) (Memory, error) {
	b, err := readBeside(path, MemorySuffix, maxMemory)
	if err != nil {
		return Memory{}, err
	}
	return decodeMemory(b, path)
}

func decodeMemory(b []byte, name string) (m Memory, err error) {
	if b == nil {
		return m, nil
	}
	if err := json.Unmarshal(b, &m); err != nil || !isHash(m.PlanSHA256) || m.From.IsZero() {
		return Memory{}, fmt.Errorf("%s%s: this is not what cgnd writes", name, MemorySuffix)
	}
	return m, nil
}

func (l *Ledger) parseMemory(b []byte) (Memory, error) {
	m, err := decodeMemory(b, l.name)
	if err != nil || m.IsZero() {
		return Memory{}, err
	}
	for i := range l.epochs {
		if e := &l.epochs[i]; e.From.Equal(m.From) && e.PlanSHA256 == m.PlanSHA256 {
			return m, nil
		}
	}
	return Memory{}, nil
}

// came notes that the kernel has an epoch, where a daemon follows the ledger that has not seen that, or does not run any longer. What was open stays
// so. Where that cannot be noted, more stays possible than has to.
func (l *Ledger) came(path string, e Epoch) {
	m := l.Recall()
	if m.IsZero() || m.From.After(e.From) {
		return
	}
	_ = Remember(path, l.advance(m, e))
}

// advance returns what is to be remembered when the kernel has surely come to an epoch.
func (l *Ledger) advance(m Memory, e Epoch) Memory {
	if missed, _ := l.OpenSince(Memory{From: m.From, PlanSHA256: m.PlanSHA256}, m.PlanSHA256, e, e.Settled); missed.Before(e.From) && !l.openFrom(missed, e) {
		m.Since = earlier(m.Since, missed)
	}
	if m.Misled && !m.Departed.IsZero() { // that is over, and whoever follows the ledger records it
		m.Departures = Departures(m.Departures, Departure{m.Departed, later(e.Settled, m.Latest)})
	}
	m.From, m.PlanSHA256, m.Seen, m.Boot, m.Up = e.From, e.PlanSHA256, e.Settled, "", 0
	m.Departed, m.Misled, m.Latest, m.Equalled = time.Time{}, false, time.Time{}, e.From
	return m
}

// openFrom reports whether the ledger itself says of all that began from an instant on until an epoch that it is open whether that came.
func (l *Ledger) openFrom(at time.Time, until Epoch) bool {
	for _, e := range l.begun(at.Add(-1), until.From.Add(-1)) {
		if e.Settled.Before(until.From) {
			return false
		}
	}
	return true
}

// Told returns what is known of a kernel that has a plan, where something is known already, and somebody may have noted since then that it has come to
// a later epoch, as Commit does.
func (l *Ledger) Told(known Memory, has string) Memory {
	m := l.Recall()
	if known.IsZero() || m.PlanSHA256 != has || !m.From.After(known.From) {
		return known
	}
	for i := range slices.Backward(l.epochs) {
		if e := l.epochs[i]; e.PlanSHA256 == has && e.From.Equal(m.From) {
			return l.advance(known, e)
		}
	}
	return known
}

// OpenSince returns since when it is open whether epochs came into force, up to one that is about to be applied to a kernel that has a plan, "" = none, or
// that is not known. The zero Time = all did, as far as is known. had are the SHA-256 of plans that it had since then and should not have had. What was
// remembered by a clock that was ahead does not count.
func (l *Ledger) OpenSince(m Memory, has string, want Epoch, now time.Time) (since time.Time, had []string) {
	early := !m.IsZero() && m.From.After(want.From) // by a clock that was ahead, or is behind now
	if !m.Since.After(now) {
		since, had = m.Since, slices.Clone(m.Had)
	}
	switch {
	case early && (has == "" || has == want.PlanSHA256):
		return since, had
	case early:
		from := want.From
		if m.Leapt.After(from) && m.Leapt.Before(now) {
			from = m.Leapt
		} else if slices.Contains(had, has) { // since when is known
			return since, had
		}
		return earlier(since, from), with(had, has)
	case has == "":
		has = m.PlanSHA256 // until the kernel was emptied
	case has == want.PlanSHA256 && !m.IsZero() && m.PlanSHA256 != has: // nobody has noted when it came to that plan
		seen := m.LastSeen(now)
		if seen.Before(want.From) {
			had = with(had, has)
		}
		return earlier(since, earlier(seen, l.Missed(m.PlanSHA256, want, m.From))), had
	case has != want.PlanSHA256 && (!m.IsZero() && m.PlanSHA256 != has || !l.due(has, m, want)): // or when it came to it
		missed, _ := l.OpenSince(Memory{From: m.From, PlanSHA256: m.PlanSHA256}, "", want, now)
		switch {
		case m.IsZero():
			missed = want.From
		default:
			missed = earlier(missed, m.LastSeen(now))
		}
		return earlier(since, missed), with(had, has)
	}
	return earlier(since, l.missedBy(m, has, want)), had
}

// LastSeen returns when the kernel had surely the plan of the epoch: what was before that is over by then. It may have been seen before the epoch
// began, where the one before has the same plan.
func (m Memory) LastSeen(now time.Time) time.Time {
	began := m.From.Add(time.Millisecond)
	if m.Seen.IsZero() || m.Seen.After(now) || !m.Seen.Before(m.From) && m.Seen.Before(began) {
		return began
	}
	return m.Seen
}

// LastEqual returns when the kernel was known last to be as the plan of the epoch says, by the clock of that time.
func (m Memory) LastEqual() time.Time {
	if m.Equalled.IsZero() {
		return m.From
	}
	return m.Equalled
}

// Ahead reports whether what is remembered is of a clock that was ahead, or that is behind now: it was surely set back since.
func (m Memory) Ahead(now time.Time) bool {
	return m.Departed.After(now) || m.Equalled.After(now) || m.Seen.After(now) || m.Looked.After(now)
}

// due reports whether a kernel that came to what is remembered may have come to another plan since then by an epoch.
func (l *Ledger) due(has string, m Memory, want Epoch) bool {
	for i := range l.epochs {
		if e := &l.epochs[i]; e.PlanSHA256 == has && !e.From.Before(m.From) && !e.From.After(want.From) && !e.Stray {
			return true
		}
	}
	return false
}

// with adds a plan to others, unless it is there. Where there are too many, the last of them becomes whichever.
func with(had []string, sha string) []string {
	if !isHash(sha) {
		sha = origin
	}
	if slices.Contains(had, sha) {
		return had
	}
	if len(had) >= maxStrays {
		return append(slices.Clone(had[:maxStrays-1]), Anything)
	}
	return append(had, sha)
}

// missedBy returns since when epochs did not come into force in a kernel that had a plan of the ledger when another was to be in force.
func (l *Ledger) missedBy(m Memory, has string, want Epoch) (since time.Time) {
	var seen time.Time
	if has == m.PlanSHA256 {
		seen = m.From
	}
	if has == "" || has == want.PlanSHA256 && !seen.Before(want.From) {
		return since
	}
	if has == want.PlanSHA256 && seen.IsZero() { // nothing is remembered
		return since
	}
	missed := l.Missed(has, want, seen)
	if has == want.PlanSHA256 && missed.Equal(want.From) { // it had it all the time
		return since
	}
	return missed
}

// Missed returns when the first epoch began that a kernel has missed that still had a plan when an epoch was to be in force. It came to that plan with
// the epoch from seen, or with the last one that has it where seen is zero.
func (l *Ledger) Missed(had string, until Epoch, seen time.Time) time.Time {
	if seen.IsZero() {
		for e := range l.Epochs() {
			if e.PlanSHA256 == had && !e.Stray && e.From.Before(until.From) && e.From.After(seen) {
				seen = e.From
			}
		}
	}
	first := until.From
	for e := range l.Epochs() {
		replaced := !e.Until.IsZero() && !e.Until.After(e.From)
		known := had == until.PlanSHA256 && !e.Settled.Before(until.From) // the ledger says that it is open
		if !seen.IsZero() && !replaced && !known && !e.Stray && e.PlanSHA256 != had && e.From.After(seen) && e.From.Before(first) {
			first = e.From
		}
	}
	return first
}

// earlier returns the earlier one of two instants, of which the zero Time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
