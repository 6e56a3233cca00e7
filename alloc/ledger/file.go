package ledger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// realName returns the file that a path means: links are followed, also one to a file that does not exist yet. What stands beside a
// ledger stands beside that file, whatever it is called by.
func realName(path string) (string, error) {
	for range 40 {
		name, err := filepath.EvalSymlinks(path)
		if err == nil || !errors.Is(err, os.ErrNotExist) {
			return name, err
		}
		to, err := os.Readlink(path)
		if err != nil {
			return path, nil //nolint:nilerr // it is no link, and does not exist
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return "", fmt.Errorf("%s: too many links", path)
}

// open opens a file that is neither folder nor device, and does not wait at a pipe.
func open(path string, flags int) (*os.File, error) {
	none := fmt.Errorf("%s: a ledger is a regular file, and this is none", path)
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() { // to open a device may do something
		return nil, none
	}
	f, err := os.OpenFile(path, flags|syscall.O_NONBLOCK, 0o640)
	if err != nil {
		return nil, err
	}
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() { // it was put there meanwhile
		f.Close()
		return nil, none
	}
	return f, nil
}

// readBeside reads a file that stands beside a ledger, or its first bytes where it has more than the limit; nil where there is none,
// and an error where there is one that cannot be read.
func readBeside(path, suffix string, limit int64) ([]byte, error) {
	path, err := realName(path)
	if err != nil {
		return nil, err
	}
	f, err := open(path+suffix, os.O_RDONLY)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path+suffix, err)
	}
	return b, nil
}
