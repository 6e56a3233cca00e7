//go:build unix

package api

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestPipe has a pipe that nobody writes to be where tokens should be: it is no file, and nobody waits for it.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadTokens(path); err == nil || !strings.Contains(err.Error(), "is no regular file") {
		t.Error(err)
	}
}
