package ledger

import (
	"bytes"
	"crypto/sha256"
	"io"
	"os"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
)

// IsStill reports whether the file at path is the one that l was opened from, and it, and an apply that is begun beside it, say what l was opened
// with, with the same keys. It compares the whole file by its hash, and takes a small part of the time of Open. O(size of the file). Another file
// that says the same is not still that one: l reads plans from its own when they are first asked for, and that may be damaged by then, or gone.
func (l *Ledger) IsStill(path string, keys ...alloc.Key) bool {
	if !slices.Equal(keys, l.plans.keys) {
		return false
	}
	f, err := open(path, os.O_RDONLY)
	if err != nil {
		return false
	}
	defer f.Close()
	mine, err1 := l.file.Stat()
	now, err2 := f.Stat()
	if err1 != nil || err2 != nil || !os.SameFile(mine, now) {
		return false
	}
	begun, err := readBeside(path, pendingSuffix, maxLine)
	if err != nil || !bytes.Equal(begun, l.apply) {
		return false
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	return err == nil && bytes.Equal(h.Sum(nil), l.sum)
}
