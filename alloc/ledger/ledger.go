package ledger

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
)

// maxLine bounds a record, and with it the memory that reading takes: a plan of 16 million scattered addresses fits.
const maxLine = 512 << 20

// A Ledger is a file of epochs that was read and found whole. It takes about 300 bytes of memory an epoch, and room for plans
// that were asked for (see Plan). It shows what the file had when it was opened. A Ledger is safe for concurrent use.
type Ledger struct {
	name     string
	target   string // what name meant when it was opened: links are followed
	file     *os.File
	close    func() error
	epochs   []Epoch // by sequence number
	pending  *Epoch  // an apply beside the ledger whose end is not known
	intent   *Intent // that apply
	apply    []byte  // its file
	sum      []byte  // SHA-256 of the file as it was read
	bodies   map[string]place
	time     timeline
	size     int64 // of the whole records
	torn     int64 // bytes behind them that a crash has left
	open     bool  // the last record lacks its newline
	warnings []string
	plans    plans

	memory     []byte // what a daemon remembered when the ledger was opened
	memoryErr  error
	unsure     time.Time // see Heed
	had        []string
	departed   time.Time
	departures []Departure // and when it did, by the same, where no record says so
}

// A place says where in the file a plan's canonical form stands.
type place struct {
	offset int64
	length int
}

// Open reads the ledger at path and checks every record. keys are those of plans with scheme random. The error is a
// *DamageError, or one of package os. O(size of the file).
//
// An apply that was begun and not ended, because it is under way or was cut off, is a candidate from its beginning on; Warnings
// says so.
func Open(path string, keys ...alloc.Key) (*Ledger, error) {
	f, err := open(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	target, err := realName(path)
	if err != nil {
		f.Close()
		return nil, err
	}
	memory, memoryErr := readBeside(path, MemorySuffix, maxMemory) // before the records: what is recorded meanwhile is in one or the other
	begun, err := readBeside(path, pendingSuffix, maxLine)         // and so is an apply that ends meanwhile
	if err != nil {
		f.Close()
		return nil, err
	}
	l, err := read(f, path, keys)
	if err == nil && l.cut() {
		// Perhaps a writer is at it right now: when it has let go, the record is whole.
		if lock(f, shared) == nil {
			l, err = read(f, path, keys)
			_ = unlock(f)
		}
	}
	if err == nil {
		l.target, l.memory, l.memoryErr = target, memory, memoryErr
		err = l.take(begun)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	if l.cut() {
		l.warnings = append(l.warnings, l.cutText()+"; the next record that is added mends it")
	}
	return l, nil
}

// take puts an apply that stands beside the ledger into the timeline.
func (l *Ledger) take(begun []byte) error {
	in, err := l.parseIntent(begun)
	if in == nil || err != nil {
		return err
	}
	l.intent, l.apply = in, begun
	l.pending = &Epoch{Seq: uint64(len(l.epochs) + 1), From: in.From, By: in.By, Note: in.Note, PlanSHA256: in.Plan.SHA256(), Pending: true}
	l.time = newTimeline(l.epochs, l.pending, in.since())
	l.warnings = append(l.warnings, fmt.Sprintf("an apply of plan %.12s to %s began at %s and has not ended: from then on that plan is possible, too; "+
		"if nothing is at work now, it was cut off, and the next cgnctl apply --ledger finds out", in.Plan.SHA256(), in.Target, stamp(in.From)))
	return nil
}

// cut reports whether a crash has cut off the last record.
func (l *Ledger) cut() bool { return l.torn > 0 || l.open }

func (l *Ledger) cutText() string {
	if l.open {
		return fmt.Sprintf("%s: record %d is whole but for its newline: a crash has cut it off", l.name, len(l.epochs))
	}
	return fmt.Sprintf("%s: record %d is incomplete, %d bytes of it are there: a crash has cut it off", l.name, len(l.epochs)+1, l.torn)
}

func read(f *os.File, name string, keys []alloc.Key) (*Ledger, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	l := &Ledger{name: name, target: name, file: f, close: f.Close, bodies: map[string]place{}}
	l.plans.keys = keys
	h := sha256.New()
	if err := l.records(bufio.NewReaderSize(io.TeeReader(f, h), 1<<20)); err != nil {
		return nil, err
	}
	l.sum = h.Sum(nil)
	l.time = newTimeline(l.epochs, nil, time.Time{})
	return l, nil
}

// records reads all lines.
func (l *Ledger) records(r *bufio.Reader) error {
	var long []byte
	for {
		line, err := readLine(r, &long)
		switch {
		case errors.Is(err, io.EOF):
			return l.tail(line)
		case errors.Is(err, errLong):
			return l.damage("the line is longer than any record")
		case err != nil:
			return fmt.Errorf("%s: %w", l.name, err)
		}
		if err := l.record(line); err != nil {
			return err
		}
		l.size++ // the newline
	}
}

// record takes a line as the next record.
func (l *Ledger) record(line []byte) error {
	e, body, prev, msg := decode(line)
	switch {
	case msg != "":
		return l.damage(msg)
	case e.Seq != uint64(len(l.epochs)+1):
		return l.damage(fmt.Sprintf("its sequence number is %d: records are missing or in another order", e.Seq))
	case prev != l.Head():
		return l.damage("it does not follow the record before it: one of the two was replaced")
	}
	if body[1] > 0 {
		l.bodies[e.PlanSHA256] = place{l.size + int64(body[0]), body[1] - body[0]}
	} else if _, ok := l.bodies[e.PlanSHA256]; !ok && !e.Stray {
		return l.damage("it has no plan, and no record before it has that plan")
	}
	l.epochs = append(l.epochs, e)
	l.size += int64(len(line))
	return nil
}

func (l *Ledger) damage(msg string) error {
	return &DamageError{File: l.name, Line: len(l.epochs) + 1, Msg: msg}
}

var errLong = errors.New("too long")

// readLine returns a line without its newline, until the next call. With io.EOF it returns what stands behind the last newline. long
// is where lines are put together that are longer than the buffer of r.
func readLine(r *bufio.Reader, long *[]byte) ([]byte, error) {
	part, err := r.ReadSlice('\n')
	if err == nil {
		return part[:len(part)-1], nil
	}
	*long = append((*long)[:0], part...)
	for errors.Is(err, bufio.ErrBufferFull) {
		if len(*long) > maxLine {
			return nil, errLong
		}
		part, err = r.ReadSlice('\n')
		*long = append(*long, part...)
	}
	if err != nil {
		return *long, err
	}
	return (*long)[:len(*long)-1], nil
}

// tail judges what stands behind the last newline: nothing, a record without its newline, the beginning of one, or something
// else. The first three are what a crash leaves; a file system may have made the file longer before the data came, which
// leaves zeros.
func (l *Ledger) tail(rest []byte) error {
	written := bytes.TrimRight(rest, "\x00")
	switch {
	case len(written) == 0 || isBeginning(written):
		l.torn = int64(len(rest))
		return nil
	case isWhole(written):
		l.open = true
		return l.record(written)
	}
	return l.damage("this is not a record, nor the beginning of one")
}

// Target returns the name of the file without links, as it was when the ledger was opened. What stands beside the ledger stands beside that.
func (l *Ledger) Target() string { return l.target }

// Close releases the file.
func (l *Ledger) Close() error { return l.close() }

// Warnings returns what the reader passed over: an incomplete record at the end.
func (l *Ledger) Warnings() []string { return slices.Clone(l.warnings) }

// Len returns the number of records.
func (l *Ledger) Len() int { return len(l.epochs) }

// Epochs iterates over the epochs in the order in which they were recorded.
func (l *Ledger) Epochs() iter.Seq[Epoch] {
	return func(yield func(Epoch) bool) {
		for i := range l.epochs {
			if !yield(l.epochs[i]) {
				return
			}
		}
	}
}

// Epoch returns the epoch with a sequence number.
func (l *Ledger) Epoch(seq uint64) (e Epoch, ok bool) {
	if seq < 1 || seq > uint64(len(l.epochs)) {
		return Epoch{}, false
	}
	return l.epochs[seq-1], true
}

// Head returns the hash of the last record, which stands for the whole ledger, or 64 zeros when there is none.
func (l *Ledger) Head() string {
	if len(l.epochs) == 0 {
		return origin
	}
	return l.epochs[len(l.epochs)-1].Hash
}

// Between returns the epochs that may have been in force at some instant of a window, both ends included, in the order of the
// timeline. gap says that there is a part of which that is not known: the window begins before an epoch is surely in force, or the kernel had a plan
// that the ledger does not know. O(log n) for n epochs.
func (l *Ledger) Between(from, to time.Time) (epochs []Epoch, gap bool) {
	found, gap := l.possible(Question{From: from, To: to})
	for _, e := range found {
		epochs = append(epochs, *e)
	}
	return epochs, gap
}
