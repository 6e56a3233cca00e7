//go:build unix

package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestFolderNote has a folder that cannot be written.
func TestFolderNote(t *testing.T) {
	folder := t.TempDir()
	for path, want := range map[string]string{
		"": "", filepath.Join(folder, "ledger"): "", filepath.Join(folder, "none", "ledger"): "cannot be written",
	} {
		if got := folderNote(path); (got != "") != (want != "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q", path, got)
		}
	}
}
