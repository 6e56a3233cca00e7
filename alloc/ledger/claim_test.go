//go:build unix && !aix && !solaris

package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestClaimMemory: one has it, by whatever name; when it is given up, or its file was taken away, it is there for another one.
func TestClaimMemory(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "l.jsonl"), filepath.Join(dir, "link")
	if err := os.Symlink("l.jsonl", link); err != nil {
		t.Fatal(err)
	}
	first, err := ClaimMemory(path) // the ledger itself is away
	if err != nil {
		t.Fatal(err)
	}
	if !first.Is(path) || !first.Is(link) || first.Is(filepath.Join(dir, "other")) {
		t.Error("it is not known which ledger it is for")
	}
	for _, name := range []string{path, link} {
		if c, err := ClaimMemory(name); !errors.Is(err, ErrClaimed) {
			t.Errorf("%s: %v %v", name, c, err)
		}
	}
	other, err := ClaimMemory(filepath.Join(dir, "other"))
	if err != nil {
		t.Fatal(err)
	}
	other.Release()
	if err := os.Remove(path + MemorySuffix + claimSuffix); err != nil {
		t.Fatal(err)
	}
	if first.Is(path) {
		t.Error("its file is gone")
	}
	second, err := ClaimMemory(path)
	if err != nil {
		t.Fatal(err)
	}
	first.Release()
	if _, err := ClaimMemory(path); !errors.Is(err, ErrClaimed) {
		t.Error(err)
	}
	second.Release()
	if second, err = ClaimMemory(path); err != nil {
		t.Fatal(err)
	}
	second.Release()
	name := filepath.Join(dir, "folder")
	if err := os.Mkdir(name+MemorySuffix+claimSuffix, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := ClaimMemory(name); err == nil || errors.Is(err, ErrClaimed) {
		t.Error(err)
	}
}
