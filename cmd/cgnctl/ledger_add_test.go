package main

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestLedgerAddWaits has many add an epoch at once. Each waits for the others, and none is told that the clock went backwards.
func TestLedgerAddWaits(t *testing.T) {
	const writers = 12
	dir := t.TempDir()
	path := filepath.Join(dir, "l.jsonl")
	for i := range writers {
		if code, _ := runCommand(t, "plan", "--subscribers", fmt.Sprint(4+i), "--outside", "198.18.0.0", "--ports-per-subscriber", "1000", "--write-plan", filepath.Join(dir, fmt.Sprint(i))); code != exitOK {
			t.Fatal(code)
		}
	}
	codes := make([]int, writers)
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			codes[i], _ = runCommand(t, "ledger", "add", "-c", filepath.Join(dir, fmt.Sprint(i)), "--ledger", path)
		})
	}
	all.Wait()
	led, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer led.Close()
	if led.Len() != writers {
		t.Errorf("%d of %d epochs are recorded, exit codes %v", led.Len(), writers, codes)
	}
	before := ledger.Epoch{}
	for e := range led.Epochs() {
		if e.Backdated || !e.From.After(before.From) {
			t.Errorf("epoch %+v behind %+v", e, before)
		}
		before = e
	}
}
