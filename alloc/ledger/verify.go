package ledger

import (
	"errors"
	"fmt"

	"github.com/cgnkit/cgnkit/alloc"
)

// Verify reads the ledger at path as Open does, and besides takes an incomplete record at the end for damage, and
// parses every plan. The error is a *DamageError that names the first bad record. Plans whose keys are not given
// are not parsed; unread says how many epochs have one.
func Verify(path string, keys ...alloc.Key) (l *Ledger, unread int, err error) {
	l, err = Open(path, keys...)
	if err != nil {
		return nil, 0, err
	}
	if l.cut() {
		e := &DamageError{File: path, Line: len(l.epochs) + 1, Msg: fmt.Sprintf("incomplete, %d bytes of it are there", l.torn)}
		if l.open {
			e.Line, e.Msg = len(l.epochs), "the newline behind it is missing"
		}
		l.Close()
		return nil, 0, e
	}
	for e := range l.Epochs() {
		if e.Stray && !l.Knows(e.PlanSHA256) {
			continue
		}
		_, err := l.Plan(e)
		if errors.Is(err, alloc.ErrKey) {
			unread++
			continue
		}
		if err != nil {
			l.Close()
			return nil, 0, &DamageError{File: path, Line: int(e.Seq), Msg: err.Error()}
		}
	}
	return l, unread, nil
}
