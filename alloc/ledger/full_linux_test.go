package ledger_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// limited says that a process may have a limit for its files.
const limited = "CGNKIT_TEST_LIMITED"

// TestFull lets the file have fewer bytes than a record needs, at every length: a full disk. Nothing half-written stays. It does so in
// a process of its own, because the limit holds for all files of a process, those of package testing as well.
func TestFull(t *testing.T) {
	if os.Getenv(limited) == "" {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(self, "-test.run=^TestFull$", "-test.v")
		cmd.Env = append(os.Environ(), limited+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: TestFull")) {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
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
