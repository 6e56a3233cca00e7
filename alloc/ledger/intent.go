package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
)

// An Intent is a plan that the kernel is about to get. It stands in a file beside the ledger until the ledger has it, so that
// a crash in between is seen: the kernel says whether it has the plan, and the intent since when that may be.
type Intent struct {
	Plan     *alloc.Plan
	From     time.Time // before the kernel was touched
	By, Note string
	// Before is the hash of the plan that the kernel had then, "" where it had none.
	Before string
	Target string // which kernel state, in the words of whoever applies, such as "nftables cgn"
	// Boot names the run of the machine in which From lies, as Linux has it in /proc/sys/kernel/random/boot_id: another one since means that the
	// kernel has forgotten what it had. "" where that is not known.
	Boot string
	// Since lies before From where epochs that began in between did not come into force by then, because who follows the ledger was waiting for
	// the end of another intent, or has not come to them yet. The zero Time stands for From. With another one the intent takes the place of
	// what stands there.
	Since time.Time
}

// since returns the instant from which on it is open which epochs came into force.
func (in Intent) since() time.Time {
	if in.Since.IsZero() || in.Since.After(in.From) {
		return in.From
	}
	return in.Since
}

// Patience is how long who follows a ledger waits for the end of an apply that has begun. Whoever does not end it until then was cut off, and
// the kernel gets what the ledger says.
const Patience = 2 * time.Minute

// pendingSuffix is what the file of an intent is called behind the name of the ledger.
const pendingSuffix = ".pending"

type intentFile struct {
	Version int             `json:"cgnkit_pending"`
	From    string          `json:"from"`
	Since   string          `json:"since,omitempty"` // left out where it is From
	Boot    string          `json:"boot,omitempty"`
	Target  string          `json:"target"`
	Before  string          `json:"before,omitempty"`
	By      string          `json:"by,omitempty"`
	Note    string          `json:"note,omitempty"`
	Plan    json.RawMessage `json:"plan"`
}

// Begin writes down what is about to be applied, and returns it as it is written. Where an epoch begins at the same instant, From lies just
// before that, so that neither takes the place of the other. The error is ErrPending where another intent stands there, unless in.Since is
// given, or one that Add would return for it.
func (w *Writer) Begin(in Intent) (Intent, error) {
	for _, err := range []error{checkText("the target", in.Target), checkText("the boot", in.Boot)} {
		if err != nil {
			return in, err
		}
	}
	now := in.From
	for w.ledger.begins(in.From) {
		in.From = in.From.Add(-1)
	}
	if _, err := w.ledger.next(w.entry(in, now)); err != nil {
		return in, err
	}
	if _, err := os.Lstat(w.pending()); err == nil && in.Since.IsZero() {
		return in, fmt.Errorf("%s: %w", w.pending(), ErrPending)
	}
	f := intentFile{
		Version: version, From: stamp(in.From), Target: in.Target, Boot: in.Boot, Before: in.Before, By: in.By, Note: in.Note, Plan: in.Plan.AppendCanonical(nil),
	}
	if in.since().Before(in.From) {
		f.Since = stamp(in.since())
	}
	b, err := json.Marshal(f)
	if err != nil {
		return in, fmt.Errorf("encode an intent: %w", err)
	}
	return in, writeWhole(w.pending(), append(b, '\n'))
}

func (w *Writer) pending() string { return w.path + pendingSuffix }

// IsPending reports whether an intent stands beside the ledger at path: an apply that will be recorded is under way, or was cut
// off. It reads nothing and takes no lock.
func IsPending(path string) bool {
	_, err := StatPending(path)
	return err == nil
}

// StatPending returns what stands beside the ledger at path as an intent, unread; the error wraps os.ErrNotExist where there is none.
func StatPending(path string) (os.FileInfo, error) {
	path, err := realName(path)
	if err != nil {
		return nil, err
	}
	return os.Lstat(path + pendingSuffix)
}

// Begun returns the epoch of the intent that stood beside the ledger when it was opened, whose plan is possible since; ok is false where there was none.
func (l *Ledger) Begun() (e Epoch, ok bool) {
	if l.pending == nil {
		return Epoch{}, false
	}
	return *l.pending, true
}

// writeWhole makes a file that is there whole or not at all.
func writeWhole(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// Pending returns the intent that a run before this one has left, or nil. One that the ledger has already is removed.
func (w *Writer) Pending() (*Intent, error) {
	b, err := readBeside(w.path, pendingSuffix, maxLine)
	if b == nil || err != nil {
		return nil, err
	}
	in, err := w.ledger.parseIntent(b)
	if in == nil && err == nil {
		return nil, w.Discard() // the crash came after the record
	}
	return in, err
}

// parseIntent reads an intent. It returns nil where there is none, or where the ledger has a record of it.
func (l *Ledger) parseIntent(b []byte) (*Intent, error) {
	if b == nil {
		return nil, nil
	}
	in, err := parseIntent(b, l.plans.keys)
	if err != nil {
		return nil, fmt.Errorf("%s%s: %w: remove the file if the ledger is known to be right", l.name, pendingSuffix, err)
	}
	for _, e := range l.epochs {
		if !e.Stray && e.From.Equal(in.From) && e.PlanSHA256 == in.Plan.SHA256() {
			return nil, nil
		}
	}
	return in, nil
}

func parseIntent(b []byte, keys []alloc.Key) (*Intent, error) {
	var f intentFile
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("not an intent: %w", err)
	}
	from, err := time.Parse(time.RFC3339Nano, f.From)
	if err != nil || f.Version != version {
		return nil, fmt.Errorf("not an intent of version %d", version)
	}
	since := from
	if f.Since != "" {
		if since, err = time.Parse(time.RFC3339Nano, f.Since); err != nil {
			return nil, fmt.Errorf("not an intent: since: %w", err)
		}
	}
	plan, err := alloc.ParseCanonical(f.Plan, keys...)
	if err != nil {
		return nil, err
	}
	in := &Intent{Plan: plan, From: from.UTC(), Since: since.UTC(), Target: f.Target, Boot: f.Boot, Before: f.Before, By: f.By, Note: f.Note}
	in.Since = in.since()
	return in, nil
}

// Discard removes an intent that changed nothing: no epoch began after in.Since, or the kernel had that epoch's plan all the time. For others
// there is Withdraw.
func (w *Writer) Discard() error {
	if err := os.Remove(w.pending()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return syncFolder(filepath.Dir(w.path))
}

// tidy removes what writers that were killed while they wrote an intent or the targets have left beside the ledger. Its name is the ledger's, so this is
// for whoever holds the lock. Where it cannot be removed, it does no harm.
func (w *Writer) tidy() {
	files, err := os.ReadDir(filepath.Dir(w.path))
	if err != nil {
		return
	}
	for _, f := range files {
		for _, path := range []string{w.pending(), w.TargetsPath()} {
			number, ok := strings.CutPrefix(f.Name(), filepath.Base(path)+".")
			if _, err := strconv.ParseUint(number, 10, 64); ok && err == nil {
				_ = os.Remove(filepath.Join(filepath.Dir(w.path), f.Name()))
			}
		}
	}
}
