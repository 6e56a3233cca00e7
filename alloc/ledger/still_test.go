package ledger_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestIsStill changes every byte of a ledger where it is, takes bytes away and adds some: none of these files says what was read. A copy does, and is
// another file.
func TestIsStill(t *testing.T) {
	path := small(t)
	good := readFile(t, path)
	l := open(t, path)
	is := func(b []byte) bool {
		writeFile(t, path, b)
		return l.IsStill(path)
	}
	if !l.IsStill(path) || !is(good) {
		t.Error("the same file is another")
	}
	for i := range good {
		b := bytes.Clone(good)
		if b[i] ^= 1; is(b) {
			t.Errorf("byte %d is %q in place of %q", i, b[i], good[i])
		}
		if is(good[:i]) {
			t.Errorf("%d bytes of %d", i, len(good))
		}
	}
	for _, more := range []string{"\n", "\x00", "{", "x\n", string(good), string(good[:bytes.IndexByte(good, '\n')+1])} {
		if is(append(bytes.Clone(good), more...)) {
			t.Errorf("with %.20q at its end", more)
		}
	}
	if l.IsStill(filepath.Join(t.TempDir(), "none")) {
		t.Error("there is no file")
	}
	other := filepath.Join(t.TempDir(), "other.jsonl")
	if writeFile(t, other, good); l.IsStill(other) || !is(good) {
		t.Error("a copy is not another file, or the file is not what it was any longer")
	}
	if key, err := alloc.ParseKey("000102030405060708090a0b0c0d0e0f"); err != nil || l.IsStill(path, key) {
		t.Error("with another key", err)
	}
	add(t, path, ledger.Entry{Plan: plan(t, 9, 1000), From: hour(100), Now: hour(99)})
	if l.IsStill(path) || !open(t, path).IsStill(path) {
		t.Error("with another epoch")
	}
}

// TestIsStillWithAnApply begins an apply beside the ledger, and ends it.
func TestIsStillWithAnApply(t *testing.T) {
	path := small(t)
	before := open(t, path)
	w, err := ledger.Edit(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	in, err := w.Begin(ledger.Intent{Plan: plan(t, 9, 1000), From: hour(100), Target: "x"})
	if err != nil {
		t.Fatal(err)
	}
	during := open(t, path)
	if before.IsStill(path) || !during.IsStill(path) {
		t.Error("an apply has begun")
	}
	if err := w.Withdraw(in, hour(101)); err != nil {
		t.Fatal(err)
	}
	if !before.IsStill(path) || during.IsStill(path) {
		t.Error("the apply has ended")
	}
}

// TestBodiesInPlace reads records whose plan is larger than what is read at once, between small ones.
func TestBodiesInPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.jsonl")
	outside, err := alloc.ParseAddrRange("198.18.0.0/28")
	if err != nil {
		t.Fatal(err)
	}
	var plans []*alloc.Plan
	for n, addresses := range []int{0, 1, 200_000, 2, 90_000} {
		var inside []alloc.AddrRange
		for i := range addresses {
			a := addr("100.64.0.0", 2*i)
			one, err := alloc.AddrRangeFrom(a, a)
			if err != nil {
				t.Fatal(err)
			}
			inside = append(inside, one)
		}
		p := plan(t, 4, 1000)
		if addresses > 0 {
			var err error
			if p, err = alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{Name: "plan", Inside: inside, Outside: []alloc.AddrRange{outside}, PortsPerSubscriber: 1}}}); err != nil {
				t.Fatal(err)
			}
		}
		plans = append(plans, p)
		add(t, path, ledger.Entry{Plan: p, From: hour(n + 1), Note: `,"plan":{} "plan":`})
	}
	l := open(t, path)
	for e := range l.Epochs() {
		if got, err := l.Canonical(e); err != nil || !bytes.Equal(got, plans[e.Seq-1].AppendCanonical(nil)) {
			t.Errorf("epoch %d: %v", e.Seq, err)
		}
	}
	if l.Len() != len(plans) || !l.IsStill(path) {
		t.Error(l.Len())
	}
}
