package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/cgnkit/cgnkit/alloc"
)

// An Entry is an epoch that is to be recorded.
type Entry struct {
	Plan *alloc.Plan

	// From is the instant from which the plan may be in force. It must lie behind that of the last epoch, whose place it takes when
	// the two are equal and not before Now: a plan for later can be exchanged, what was so cannot. The zero Time stands for Now, or for just
	// behind it where another epoch begins then, and must not lie before the last epoch either: a clock that went backwards is an error and not a
	// backdated epoch.
	From time.Time
	// Settled is the instant from which it surely is; the zero Time stands for From.
	Settled time.Time
	// Now is the time of recording; required. Take it while the Writer is held: another one may have recorded something while this one waited.
	Now time.Time

	By, Note string // who and why, printable, at most 1,024 bytes each
	// Backdate allows a From that does not lie behind that of the last epoch. It needs a Note with a letter or a digit.
	Backdate bool
}

// A Writer holds a ledger for writing; others wait. Close it.
type Writer struct {
	ledger *Ledger
	file   *os.File
	path   string
	made   bool // the file did not exist before
}

// Edit opens the ledger at path for writing, or makes one, and mends what a crash has left at its end and beside it. It waits up to ten
// seconds for another writer and then returns ErrLocked.
func Edit(path string, keys ...alloc.Key) (*Writer, error) { return edit(path, true, keys) }

// EditExisting is Edit for a ledger that has to be there already; otherwise the error wraps os.ErrNotExist, and none is made.
func EditExisting(path string, keys ...alloc.Key) (*Writer, error) { return edit(path, false, keys) }

func edit(path string, mayMake bool, keys []alloc.Key) (*Writer, error) {
	path, err := realName(path)
	if err != nil {
		return nil, err
	}
	w := &Writer{path: path}
	if err := w.hold(mayMake); err != nil {
		return nil, err
	}
	if w.ledger, err = read(w.file, path, keys); err == nil {
		err = w.mend()
	}
	if err != nil {
		w.Close()
		return nil, err
	}
	w.tidy()
	return w, nil
}

// hold opens and locks the file. A writer that made the file and recorded nothing has removed it again meanwhile, perhaps.
func (w *Writer) hold(mayMake bool) error {
	for {
		f, err := open(w.path, os.O_RDWR)
		w.made = errors.Is(err, os.ErrNotExist) && mayMake
		if w.made {
			f, err = open(w.path, os.O_RDWR|os.O_CREATE)
		}
		if err != nil {
			return err
		}
		if err := lock(f, exclusive); err != nil {
			f.Close()
			return fmt.Errorf("%s: %w", w.path, err)
		}
		mine, err1 := f.Stat()
		there, err2 := os.Stat(w.path)
		if err1 == nil && err2 == nil && os.SameFile(mine, there) {
			w.file = f
			return nil
		}
		f.Close()
	}
}

// Ledger returns the ledger as it is, records that were added included. It is closed with the Writer.
func (w *Writer) Ledger() *Ledger { return w.ledger }

// Close lets the next writer in. A ledger that was made and got no record is removed again.
func (w *Writer) Close() error {
	if st, err := w.file.Stat(); w.made && err == nil && st.Size() == 0 {
		_ = os.Remove(w.path) // before the lock is gone: nobody else can have written to it
	}
	return w.file.Close() // and with it the lock
}

// mend removes an incomplete record at the end, or gives a whole one its newline.
func (w *Writer) mend() error {
	l := w.ledger
	if !l.cut() {
		return nil
	}
	l.warnings = append(l.warnings, l.cutText()+"; mended")
	if err := w.file.Truncate(l.size); err != nil {
		return fmt.Errorf("%s: remove what a crash has left: %w", w.path, err)
	}
	if l.open {
		if err := w.write([]byte("\n")); err != nil {
			return err
		}
		l.size++
	}
	l.torn, l.open = 0, false
	return nil
}

// write appends b behind the whole records and makes it durable. If it cannot, the file is as it was, unless the machine
// dies as well: then it ends with an incomplete record.
func (w *Writer) write(b []byte) error {
	_, err := w.file.WriteAt(b, w.ledger.size)
	if err == nil {
		err = w.file.Sync()
	}
	if err != nil {
		_ = w.file.Truncate(w.ledger.size)
		_ = w.file.Sync()
		return fmt.Errorf("%s: nothing was recorded: %w", w.path, err)
	}
	if w.made && w.ledger.size == 0 {
		if err := syncFolder(filepath.Dir(w.path)); err != nil {
			return fmt.Errorf("%s: %w", w.path, err)
		}
	}
	return nil
}

// Add records an epoch and returns it as the timeline has it. Whatever the error, nothing was recorded: ErrBefore,
// ErrReason, ErrText, ErrTime, ErrPending while an intent stands beside the ledger, or one of package os.
func (w *Writer) Add(en Entry) (Epoch, error) {
	if _, err := os.Lstat(w.pending()); err == nil {
		return Epoch{}, fmt.Errorf("%s: %w", w.pending(), ErrPending)
	}
	return w.add(en)
}

func (w *Writer) add(en Entry) (Epoch, error) {
	l := w.ledger
	e, err := l.next(en)
	if err != nil {
		return Epoch{}, err
	}
	body := en.Plan.AppendCanonical(nil)
	size := len(body)
	if _, ok := l.bodies[e.PlanSHA256]; ok {
		body = nil
	}
	if err := w.append(e, body, size); err != nil {
		return Epoch{}, err
	}
	e, _ = l.Epoch(e.Seq)
	return e, nil
}

// append writes the record of an epoch. body is nil where an earlier record has its plan, whose size is given for people, or nobody knows that.
func (w *Writer) append(e Epoch, body []byte, size int) error {
	l := w.ledger
	line, err := encode(e, body, l.Head())
	if err != nil {
		return err
	}
	if len(line) > maxLine {
		return fmt.Errorf("the plan takes %d MiB in canonical form, and %d MiB are the most", size>>20, maxLine>>20)
	}
	if err := w.write(append(line, '\n')); err != nil {
		return err
	}
	if err := l.record(line); err != nil { // what was written is read as anybody would
		return err
	}
	l.size++
	l.time = newTimeline(l.epochs, nil, time.Time{})
	return nil
}

// next checks an entry and returns the epoch that it would be.
func (l *Ledger) next(en Entry) (Epoch, error) {
	e := Epoch{
		Seq: uint64(len(l.epochs) + 1), From: en.From.UTC(), Settled: en.Settled.UTC(), Added: en.Now.UTC(),
		By: en.By, Note: en.Note, PlanSHA256: en.Plan.SHA256(),
	}
	if en.From.IsZero() {
		e.From = l.free(e.Added)
	}
	if en.Settled.IsZero() {
		e.Settled = e.From
	}
	for _, err := range []error{
		checkTime("the time of recording", e.Added), checkTime("the beginning of the epoch", e.From), checkTime("when it settled", e.Settled),
		checkText("who recorded it", e.By), checkText("the note", e.Note),
	} {
		if err != nil {
			return Epoch{}, err
		}
	}
	if e.Settled.Before(e.From) {
		return Epoch{}, fmt.Errorf("%w: it would be settled at %s and begin at %s", ErrTime, stamp(e.Settled), stamp(e.From))
	}
	if err := l.follows(e, en); err != nil {
		return Epoch{}, err
	}
	e.Backdated = !l.isNext(e)
	return e, nil
}

// isNext reports whether an epoch changes nothing of what was so: it begins behind the last one, or takes its place before that has begun.
func (l *Ledger) isNext(e Epoch) bool {
	last := l.last()
	return last == nil || e.From.After(last.From) || e.From.Equal(last.From) && !e.From.Before(e.Added)
}

// follows checks that an epoch comes next, or that its entry allows another one.
func (l *Ledger) follows(e Epoch, en Entry) error {
	if l.isNext(e) || en.Backdate && isReason(en.Note) && !en.From.IsZero() {
		return nil
	}
	last := l.last()
	where := fmt.Sprintf("%s lies before epoch %d, which begins at %s", stamp(e.From), last.Seq, stamp(last.From))
	if e.From.Equal(last.From) {
		where = fmt.Sprintf("epoch %d began at that very instant, %s, and is in force since", last.Seq, stamp(last.From))
	}
	switch {
	case en.From.IsZero():
		return fmt.Errorf("%w: it is %s by the clock, and epoch %d begins at %s: the clock went backwards, or that epoch lies in the future",
			ErrBefore, stamp(e.From), last.Seq, stamp(last.From))
	case !en.Backdate:
		return fmt.Errorf("%w: %s", ErrBefore, where)
	}
	return fmt.Errorf("%w: %s", ErrReason, where)
}

// isReason reports whether a note has a letter or a digit.
func isReason(note string) bool {
	return strings.ContainsFunc(note, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
}

// last returns the last epoch of the timeline, or nil.
func (l *Ledger) last() *Epoch {
	if n := len(l.time.epochs); n > 0 { // a writer's timeline has records only
		return l.time.epochs[n-1]
	}
	return nil
}

// Before returns the epoch that is in force when an entry would begin, as far as the ledger knows: the one that it follows, or whose
// place it takes when the two begin at the same instant. ok is false where there is none.
func (l *Ledger) Before(en Entry) (e Epoch, ok bool) {
	from := en.From
	if from.IsZero() {
		from = en.Now
	}
	e, err := l.AtInstant(from)
	return e, err == nil
}
