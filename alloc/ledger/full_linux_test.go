package ledger_test

import (
	"bytes"
	"errors"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestFull lets the file have fewer bytes than a record needs, at every length: a full disk. Nothing half-written stays.
func TestFull(t *testing.T) {
	path := small(t)
	before := readFile(t, path)
	whole := filepath.Join(t.TempDir(), "whole")
	writeFile(t, whole, before)
	entry := ledger.Entry{Plan: plan(t, 7, 1000), From: hour(9), Now: hour(9)}
	add(t, whole, entry)
	need := len(readFile(t, whole)) - len(before)

	signal.Ignore(syscall.SIGXFSZ) // it ends the process otherwise
	defer signal.Reset(syscall.SIGXFSZ)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	for room := range need {
		w, err := ledger.Edit(path)
		if err != nil {
			t.Fatal(err)
		}
		limit := old
		limit.Cur = uint64(len(before) + room)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		_, err = w.Add(entry)
		if rerr := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); rerr != nil {
			t.Fatal(rerr)
		}
		w.Close()
		if !errors.Is(err, syscall.EFBIG) {
			t.Fatalf("room for %d of %d bytes: %v", room, need, err)
		}
		if !bytes.Equal(readFile(t, path), before) {
			t.Fatalf("room for %d of %d bytes: the file has changed", room, need)
		}
	}
	add(t, path, entry)
	if !bytes.Equal(readFile(t, path), readFile(t, whole)) {
		t.Error("with room, the record is another one")
	}
}
