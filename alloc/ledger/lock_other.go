//go:build !unix || aix || solaris

package ledger

import (
	"errors"
	"fmt"
	"os"
)

// tryLock refuses to write where there is no lock that dies with its process; readers need none that lasts.
func tryLock(_ *os.File, kind lockKind) error {
	if kind == exclusive {
		return fmt.Errorf("lock: %w: this system has no lock for files, and a ledger is not written without", errors.ErrUnsupported)
	}
	return nil
}

func unlock(*os.File) error { return nil }

func syncFolder(string) error { return nil }
