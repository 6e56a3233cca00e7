package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cgnkit/cgnkit/internal/api"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/daemonfile"
)

// TestStaleCredentials has the status say for as long as it is so that tokens could not be read again.
func TestStaleCredentials(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	write := func(mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path, []byte("# nobody\n"), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	write(0o600)
	credentials, err := api.NewCredentials(path, "", "")
	if err != nil {
		t.Fatal(err)
	}
	o := &door{Daemon: daemon.New(daemon.Options{Instance: "cgn"}), log: slog.New(slog.DiscardHandler), credentials: new(atomic.Pointer[api.Credentials])}
	o.credentials.Store(credentials)
	if p := o.Snapshot().Problems; len(p) != 0 {
		t.Errorf("%+v", p)
	}
	write(0o644)
	for range 2 {
		o.Reload()
		if p := o.Snapshot().Problems; len(p) != 1 || p[0].Code != "credentials" || !p[0].Warning || p[0].Since.IsZero() || !strings.Contains(p[0].Text, "0644") {
			t.Errorf("%+v", p)
		}
	}
	if p := o.Daemon.Snapshot().Problems; len(p) != 0 {
		t.Errorf("the daemon's own snapshot was changed: %+v", p)
	}
	write(0o600)
	if o.Reload(); len(o.Snapshot().Problems) != 0 {
		t.Error("it was mended")
	}
}

// TestModeNote has a socket that everybody may open be said.
func TestModeNote(t *testing.T) {
	for mode, want := range map[os.FileMode]bool{0o660: false, 0o664: false, 0o600: false, 0o666: true, 0o777: true, 0o662: true} {
		if got := modeNote(daemonfile.Listen{Mode: mode}); (got != "") != want {
			t.Errorf("%#o: %q", mode, got)
		}
	}
}
