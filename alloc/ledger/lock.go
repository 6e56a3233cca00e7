package ledger

import (
	"errors"
	"os"
	"time"
)

// A lockKind says whom a lock excludes.
type lockKind uint8

const (
	shared    lockKind = iota + 1 // writers
	exclusive                     // everybody
)

// How long a lock is waited for, and how often it is tried.
const (
	lockWait = 10 * time.Second
	lockTry  = 20 * time.Millisecond
)

var errHeld = errors.New("held")

// lock waits for a lock on f, which goes with the file's descriptor.
func lock(f *os.File, kind lockKind) error {
	for range lockWait / lockTry {
		err := tryLock(f, kind)
		if !errors.Is(err, errHeld) {
			return err
		}
		time.Sleep(lockTry)
	}
	return ErrLocked
}
