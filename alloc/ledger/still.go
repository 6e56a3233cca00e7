package ledger

import (
	"bytes"
	"crypto/sha256"
	"io"
	"os"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
)

// IsStill reports whether the file at path, and an apply that is begun beside it, say what l was opened with, with the same keys. It compares
// the whole file by its hash, and takes a small part of the time of Open. O(size of the file).
func (l *Ledger) IsStill(path string, keys ...alloc.Key) bool {
	if !slices.Equal(keys, l.plans.keys) {
		return false
	}
	f, err := open(path, os.O_RDONLY)
	if err != nil {
		return false
	}
	defer f.Close()
	begun, err := readBeside(path, pendingSuffix, maxLine)
	if err != nil || !bytes.Equal(begun, l.apply) {
		return false
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	return err == nil && bytes.Equal(h.Sum(nil), l.sum)
}
