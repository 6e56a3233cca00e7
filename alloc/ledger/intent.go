package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
}

// pendingSuffix is what the file of an intent is called behind the name of the ledger.
const pendingSuffix = ".pending"

type intentFile struct {
	Version int             `json:"cgnkit_pending"`
	From    string          `json:"from"`
	Target  string          `json:"target"`
	Before  string          `json:"before,omitempty"`
	By      string          `json:"by,omitempty"`
	Note    string          `json:"note,omitempty"`
	Plan    json.RawMessage `json:"plan"`
}

// Begin writes down what is about to be applied. The error is ErrPending where another intent stands there, or one that Add
// would return for it.
func (w *Writer) Begin(in Intent) error {
	if err := checkText("the target", in.Target); err != nil {
		return err
	}
	if _, err := w.ledger.next(w.entry(in, in.From)); err != nil {
		return err
	}
	if _, err := os.Lstat(w.pending()); err == nil {
		return fmt.Errorf("%s: %w", w.pending(), ErrPending)
	}
	b, err := json.Marshal(intentFile{
		Version: version, From: stamp(in.From), Target: in.Target, Before: in.Before, By: in.By, Note: in.Note, Plan: in.Plan.AppendCanonical(nil),
	})
	if err != nil {
		return fmt.Errorf("encode an intent: %w", err)
	}
	return writeWhole(w.pending(), append(b, '\n'))
}

// entry returns what is recorded of an intent. An epoch that is planned for later, or was added meanwhile, does not keep anybody from
// recording what was applied; that the clock went backwards does.
func (w *Writer) entry(in Intent, now time.Time) Entry {
	en := Entry{Plan: in.Plan, From: in.From, Settled: now, Now: now, By: in.By, Note: in.Note}
	if en.Settled.Before(en.From) { // the clock was set back meanwhile
		en.Settled = en.From
	}
	last := w.ledger.last()
	if last == nil || !en.From.Before(last.From) || now.Before(w.ledger.epochs[w.ledger.Len()-1].Added) {
		return en
	}
	en.Backdate = true
	if en.Note == "" {
		en.Note = fmt.Sprintf("applied before epoch %d begins", last.Seq)
	}
	return en
}

func (w *Writer) pending() string { return w.path + pendingSuffix }

// IsPending reports whether an intent stands beside the ledger at path: an apply that will be recorded is under way, or was cut
// off. It reads nothing and takes no lock.
func IsPending(path string) bool {
	path, err := realName(path)
	if err != nil {
		return false
	}
	_, err = os.Lstat(path + pendingSuffix)
	return err == nil
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
	b, err := readIntent(w.path)
	if b == nil || err != nil {
		return nil, err
	}
	in, err := w.ledger.parseIntent(b)
	if in == nil && err == nil {
		return nil, w.Discard() // the crash came after the record
	}
	return in, err
}

// readIntent reads the file of an intent beside a ledger. It returns nil where there is none.
func readIntent(path string) ([]byte, error) {
	path, err := realName(path)
	if err != nil {
		return nil, err
	}
	f, err := open(path+pendingSuffix, os.O_RDONLY)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxLine))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path+pendingSuffix, err)
	}
	return append([]byte{}, b...), nil
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
		if e.From.Equal(in.From) && e.PlanSHA256 == in.Plan.SHA256() {
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
	plan, err := alloc.ParseCanonical(f.Plan, keys...)
	if err != nil {
		return nil, err
	}
	return &Intent{Plan: plan, From: from.UTC(), Target: f.Target, Before: f.Before, By: f.By, Note: f.Note}, nil
}

// Commit records an intent: the plan may be in force from in.From, and surely is at now.
func (w *Writer) Commit(in Intent, now time.Time) (Epoch, error) {
	e, err := w.add(w.entry(in, now))
	if err != nil {
		return Epoch{}, err
	}
	return e, w.Discard()
}

// Doubt records an intent of which nobody can say whether it ever came into force: the kernel has something else now, and not what it
// had before either. From in.From until now its plan is possible beside the one that the ledger has, which is recorded
// again from now on.
func (w *Writer) Doubt(in Intent, now time.Time) (Epoch, error) {
	if before, err := w.ledger.AtInstant(in.From); err == nil {
		plan, err := w.ledger.Plan(before)
		if err != nil {
			return Epoch{}, err
		}
		again := Intent{Plan: plan, From: now, By: in.By, Note: fmt.Sprintf("as in epoch %d: an apply at %s was cut off", before.Seq, stamp(in.From))}
		if _, err := w.add(w.entry(again, now)); err != nil { // first, so that a crash in between leaves nothing that is wrong
			return Epoch{}, err
		}
	}
	in.Note = strings.TrimPrefix(in.Note+"; ", "; ") + "cut off: whether it came into force is not known"
	return w.Commit(in, now)
}

// Discard removes an intent: the kernel does not have the plan, or the ledger does.
func (w *Writer) Discard() error {
	if err := os.Remove(w.pending()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return syncFolder(filepath.Dir(w.path))
}
