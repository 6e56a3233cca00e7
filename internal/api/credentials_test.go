package api

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// TestReloadsAtOnce has a token be taken out while many read the file: it never comes back.
func TestReloadsAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	secret, line, err := NewToken("gone", Admin)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 300 {
		writeFile(t, path, []byte(line), 0o600)
		c, err := NewCredentials(path, "", "")
		if err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() { _ = c.Reload() }) // which sees the file as it was, as it is, or half of it
		}
		next := path + ".new"
		writeFile(t, next, []byte("# nobody\n"), 0o600)
		if err := os.Rename(next, path); err != nil {
			t.Fatal(err)
		}
		if err := c.Reload(); err != nil {
			t.Fatal(err)
		}
		wait.Wait()
		if _, _, ok := c.tokens.Load().find(secret); ok {
			t.Fatalf("it came back in round %d", round)
		}
	}
}

// TestFailed has what cannot be read be told until it can.
func TestFailed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	writeFile(t, path, []byte("# nobody\n"), 0o600)
	c, err := NewCredentials(path, "", "")
	if err != nil || c.Failed() != nil {
		t.Fatal(err, c.Failed())
	}
	writeFile(t, path, []byte("# nobody\n"), 0o644)
	first := c.Reload()
	if first == nil || c.Failed() == nil || c.Failed().Err.Error() != first.Error() {
		t.Fatal(first, c.Failed())
	}
	since := c.Failed().Since
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := c.Reload(); err == nil || !c.Failed().Since.Equal(since) || c.Failed().Err.Error() == first.Error() {
		t.Error(err, c.Failed(), since)
	}
	writeFile(t, path, []byte("# nobody\n"), 0o600)
	if err := c.Reload(); err != nil || c.Failed() != nil {
		t.Error(err, c.Failed())
	}
}

// TestCertificateModes has a key that others may read not be taken, nor a certificate that others may write to.
func TestCertificateModes(t *testing.T) {
	folder := t.TempDir()
	cert, key, _ := writeCertificate(t, folder, 1)
	tokens := filepath.Join(folder, "tokens")
	writeFile(t, tokens, nil, 0o600)
	for modes, want := range map[[2]os.FileMode]bool{
		{0o644, 0o600}: true, {0o644, 0o640}: true, {0o444, 0o400}: true,
		{0o644, 0o644}: false, {0o644, 0o660}: false, {0o644, 0o604}: false, {0o666, 0o600}: false, {0o664, 0o600}: false,
	} {
		for i, path := range []string{cert, key} {
			if err := os.Chmod(path, modes[i]); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := NewCredentials(tokens, cert, key); (err == nil) != want {
			t.Error(fmt.Sprintf("%04o", modes), err)
		}
	}
}
