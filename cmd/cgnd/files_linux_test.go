package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/api"
	"github.com/cgnkit/cgnkit/internal/daemonfile"
)

// TestAddWithoutLedger makes no ledger where there is none: it would begin a past that knows of nobody.
func TestAddWithoutLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	f := files{&daemonfile.Config{Ledger: path, Backend: daemonfile.Nftables}}
	if _, err := f.addEpoch(api.NewEpoch{Plan: []byte(plan(1000)), From: time.Now().Add(time.Hour)}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("it was made")
	}
}
