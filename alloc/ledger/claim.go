package ledger

import (
	"errors"
	"fmt"
	"os"
)

// claimSuffix is what the file that a Claim locks is called behind that of a Memory.
const claimSuffix = ".lock"

// ErrClaimed means: another daemon notes beside the ledger what its kernel has.
var ErrClaimed = errors.New("another cgnd follows this ledger")

// A Claim keeps a second daemon from writing a Memory over that of the first, which has another kernel, or what it knows of the same one. It goes with
// the process.
type Claim struct {
	path string // of the ledger, without links
	file *os.File
}

// ClaimMemory claims the Memory beside the ledger at path, which may be away. The error wraps ErrClaimed where somebody has it.
func ClaimMemory(path string) (*Claim, error) {
	path, err := realName(path)
	if err != nil {
		return nil, err
	}
	name := path + MemorySuffix + claimSuffix
	if st, err := os.Lstat(name); err == nil && !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: this is no regular file", name)
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600) // who can open it can lock it
	if err != nil {
		return nil, err
	}
	switch err := tryLock(f, exclusive); {
	case errors.Is(err, errHeld):
		f.Close()
		return nil, fmt.Errorf("%s: %w, and holds %s: keep one ledger per instance, and stop the one before the other takes over", path, ErrClaimed, name)
	case err != nil:
		f.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Claim{path, f}, nil
}

// Is reports whether it is the claim for the ledger at path, and its file is still there.
func (c *Claim) Is(path string) bool {
	if c == nil {
		return false
	}
	path, err := realName(path)
	if err != nil || path != c.path {
		return false
	}
	there, err1 := os.Lstat(path + MemorySuffix + claimSuffix)
	held, err2 := c.file.Stat()
	return err1 == nil && err2 == nil && os.SameFile(there, held)
}

// Release gives it up. The file stays: somebody may be waiting with it open.
func (c *Claim) Release() {
	if c != nil {
		c.file.Close()
	}
}
