package ledger_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestIntent follows an intent: written before, found by the next writer, recorded or dropped.
func TestIntent(t *testing.T) {
	path := small(t)
	in := ledger.Intent{Plan: plan(t, 50, 500), From: hour(5), By: "bob", Note: "ticket", Target: "nftables cgn"}
	edit := func() *ledger.Writer {
		t.Helper()
		w, err := ledger.Edit(path)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	w := edit()
	if old, err := w.Pending(); old != nil || err != nil {
		t.Fatalf("before anything: %v, %v", old, err)
	}
	if ledger.IsPending(path) {
		t.Error("there is no intent, and one is pending")
	}
	if _, err := w.Begin(ledger.Intent{Plan: in.Plan, From: hour(-1), Target: in.Target}); !errors.Is(err, ledger.ErrBefore) {
		t.Errorf("before the last epoch: %v", err)
	}
	if _, err := w.Begin(in); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Begin(in); !errors.Is(err, ledger.ErrPending) {
		t.Errorf("twice: %v", err)
	}
	w.Close() // the process is gone
	if !ledger.IsPending(path) {
		t.Error("an intent is not pending")
	}
	l := open(t, path)
	if b := l.Beside(); len(b) != 1 || b[0].Kind != "pending" || b[0].Name != path+".pending" || !bytes.Equal(b[0].Data, readFile(t, path+".pending")) {
		t.Errorf("beside the ledger is %+v", b)
	}
	writeFile(t, path+".pending.123", nil)   // the next writer removes what a killed one was writing,
	writeFile(t, path+".pending.saved", nil) // and nothing else

	w = edit()
	if rest, err := filepath.Glob(path + ".pending*"); err != nil || len(rest) != 2 || rest[0] != path+".pending" || rest[1] != path+".pending.saved" {
		t.Errorf("beside the ledger are %q, %v", rest, err)
	}
	old, err := w.Pending()
	if err != nil || old == nil {
		t.Fatalf("after a crash: %v, %v", old, err)
	}
	if old.Plan.SHA256() != in.Plan.SHA256() || !old.From.Equal(in.From) || old.By != in.By || old.Note != in.Note || old.Target != in.Target {
		t.Errorf("the intent is another: %+v", old)
	}
	written := readFile(t, path+".pending")
	e, err := w.Commit(*old, hour(6))
	if err != nil || !e.From.Equal(hour(5)) || !e.Settled.Equal(hour(6)) || e.Seq != 4 {
		t.Errorf("recorded as %+v, %v", e, err)
	}
	if left, err := w.Pending(); left != nil || err != nil {
		t.Errorf("after that: %v, %v", left, err)
	}

	// The crash came between the record and the removal of the file: nothing is recorded twice.
	writeFile(t, path+".pending", written)
	if left, err := w.Pending(); left != nil || err != nil {
		t.Errorf("an intent that the ledger has: %v, %v", left, err)
	}
	if _, err := os.Stat(path + ".pending"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its file is still there: %v", err)
	}
	// The clock was set back while the plan was applied.
	in.From = hour(8)
	if e, err := w.Commit(in, hour(7)); err != nil || !e.Settled.Equal(hour(8)) {
		t.Errorf("recorded as %+v, %v", e, err)
	}
	w.Close()
	if _, _, err := ledger.Verify(path); err != nil {
		t.Error(err)
	}
}

// TestIntentWhilePlanned applies a plan while a later epoch is planned, which is allowed, and by a clock that went backwards,
// which is not.
func TestIntentWhilePlanned(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l")
	add(t, path,
		ledger.Entry{Plan: plan(t, 50, 500), From: hour(5), Now: hour(5)},
		ledger.Entry{Plan: plan(t, 50, 600), From: hour(50), Now: hour(6)},
	)
	w, err := ledger.Edit(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	in := ledger.Intent{Plan: plan(t, 50, 700), From: hour(5).Add(time.Minute), Target: "nftables cgn"}
	if _, err := w.Begin(in); !errors.Is(err, ledger.ErrBefore) {
		t.Errorf("by a clock that went backwards: %v", err)
	}
	in.From = hour(7)
	if _, err := w.Begin(in); err != nil {
		t.Fatal(err)
	}
	e, err := w.Commit(in, hour(7).Add(time.Second))
	if err != nil || !e.Until.Equal(hour(50)) || !e.Settled.Equal(hour(7).Add(time.Second)) || !e.Backdated || e.Note != "applied before epoch 2 begins" {
		t.Errorf("recorded as %+v, %v", e, err)
	}
}

// TestPendingIsPossible asks while an apply is under way, or was cut off: both plans are possible from its beginning on.
func TestPendingIsPossible(t *testing.T) {
	path := small(t)
	w, err := ledger.Edit(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Begin(ledger.Intent{Plan: plan(t, 100, 500), From: hour(5), Target: "nftables cgn"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Add(ledger.Entry{Plan: plan(t, 100, 700), Now: hour(6)}); !errors.Is(err, ledger.ErrPending) {
		t.Errorf("added beside it: %v", err)
	}
	w.Close()
	link := filepath.Join(t.TempDir(), "link.jsonl")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	ask := func(path string, at time.Time) []string {
		t.Helper()
		a, err := open(t, path).Trace(ledger.At(addr("198.18.0.0", 0), ledger.PortOf(6000), at, 0))
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, c := range a.Candidates {
			s, _ := c.Subscriber()
			out = append(out, s.String())
		}
		if (a.Verdict == ledger.Several) != (len(out) > 1) {
			t.Errorf("verdict %v for %v", a.Verdict, out)
		}
		return out
	}
	for _, name := range []string{path, link} {
		l := open(t, name)
		if e, err := l.AtInstant(hour(6)); err != nil || e.Seq != 3 || l.Len() != 3 || len(l.Warnings()) != 1 {
			t.Errorf("%s: epoch %+v of %d, %v, warnings %v", name, e, l.Len(), err, l.Warnings())
		}
		if got := ask(name, hour(6)); !slices.Equal(got, []string{"100.64.0.2", "100.64.0.9"}) {
			t.Errorf("%s: behind its beginning: %v", name, got)
		}
		if got := ask(name, hour(5).Add(-1)); !slices.Equal(got, []string{"100.64.0.2"}) {
			t.Errorf("%s: before it: %v", name, got)
		}
	}

	// The kernel has something else by now: it may have had the plan in between.
	if w, err = ledger.Edit(link); err != nil {
		t.Fatal(err)
	}
	in, err := w.Pending()
	if err != nil || in == nil {
		t.Fatalf("%v, %v", in, err)
	}
	if e, err := w.Doubt(*in, hour(8)); err != nil || !e.Until.Equal(hour(8)) {
		t.Errorf("in doubt: %+v, %v", e, err)
	}
	w.Close()
	for at, want := range map[time.Time][]string{
		hour(5).Add(-1): {"100.64.0.2"}, hour(5): {"100.64.0.2", "100.64.0.9"}, hour(8).Add(-1): {"100.64.0.2", "100.64.0.9"}, hour(8): {"100.64.0.2"},
	} {
		if got := ask(path, at); !slices.Equal(got, want) {
			t.Errorf("at %v: %v, want %v", at, got, want)
		}
	}
	if _, _, err := ledger.Verify(path); err != nil {
		t.Error(err)
	}
}

// FuzzPending reads anything beside a ledger: it is an intent or refused.
func FuzzPending(f *testing.F) {
	path := small(f)
	w, err := ledger.Edit(path)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := w.Begin(ledger.Intent{Plan: plan(f, 50, 500), From: hour(5), Target: "nftables cgn"}); err != nil {
		f.Fatal(err)
	}
	w.Close()
	good := readFile(f, path+".pending")
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add(bytes.Replace(good, []byte(`,"target"`), []byte(`,"since":"2026-01-01T04:00:00Z","boot":"f00","target"`), 1))
	f.Add(bytes.Replace(good, []byte(`,"target"`), []byte(`,"since":"never","target"`), 1))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "l")
		w, err := ledger.Edit(path)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		writeFile(t, path+".pending", b)
		in, err := w.Pending()
		if (in == nil) == (err == nil) {
			t.Fatalf("%v, %v", in, err)
		}
		if err == nil {
			if _, err := w.Commit(*in, in.From.Add(time.Second)); err != nil && !errors.Is(err, ledger.ErrTime) && !errors.Is(err, ledger.ErrText) {
				t.Fatal(err)
			}
		}
	})
}
