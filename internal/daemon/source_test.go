package daemon

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestKeysAreReadAgain has the right key come when the ledger, which says what it said, was read with a wrong one.
func TestKeysAreReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.jsonl")
	right, wrong := keyOf(t, "000102030405060708090a0b0c0d0e0f"), keyOf(t, "ffffffffffffffffffffffffffffffff")
	inside, err := alloc.ParseAddrRange("100.64.0.0/28")
	if err != nil {
		t.Fatal(err)
	}
	outside, err := alloc.ParseAddrRange("198.18.0.0")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := alloc.NewPlan(alloc.Spec{Keys: []alloc.Key{right}, Pools: []alloc.PoolSpec{{
		Name: "a", Scheme: alloc.Random, KeyID: right.ID(), Inside: []alloc.AddrRange{inside}, Outside: []alloc.AddrRange{outside}, PortsPerSubscriber: 1000,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := ledger.Edit(path, right)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if _, err := w.Add(ledger.Entry{Plan: plan, Now: now}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	keys := []alloc.Key{wrong}
	s := FromLedger(path, func() ([]alloc.Key, error) { return keys, nil })
	planNow := func(tl *timeline) error {
		want, err := tl.at(now.Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		_, err = want.plan()
		return err
	}
	first, err := s.load(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := planNow(first); !errors.Is(err, alloc.ErrKey) {
		t.Errorf("with a wrong key: %v", err)
	}
	if again, err := s.load(first); err != nil || again != first {
		t.Errorf("what says the same was read again: %v", err)
	}
	keys = []alloc.Key{right}
	second, err := s.load(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := planNow(second); err != nil {
		t.Errorf("with the right key: %v", err)
	}
}

// TestGoodCopyIsPutBack has the ledger be damaged in place, moved aside, and a good copy be put there: plans are read from that, also those that
// nobody asked for before.
func TestGoodCopyIsPutBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.jsonl")
	w, err := ledger.Edit(path)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if _, err := w.Add(ledger.Entry{Plan: planNumber(t, 1), Now: now}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := FromLedger(path, func() ([]alloc.Key, error) { return nil, nil })
	first, err := s.load(nil)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Replace(good, []byte("198.18."), []byte("198.19."), 1)
	for _, step := range []func() error{
		func() error { return os.WriteFile(path, damaged, 0o600) },
		func() error { return os.Rename(path, path+".damaged") },
		func() error { return os.WriteFile(path, good, 0o600) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	second, err := s.load(first)
	if err != nil {
		t.Fatal(err)
	}
	want, err := second.at(now.Add(time.Minute))
	if err == nil {
		_, err = want.plan()
	}
	if err != nil {
		t.Error(err)
	}
}

func keyOf(t *testing.T, text string) alloc.Key {
	t.Helper()
	k, err := alloc.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
