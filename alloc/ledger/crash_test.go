package ledger_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestCut cuts a ledger off at every byte of its last record, also with zeros behind. Readers know the records before it; the
// next writer mends it and goes on.
func TestCut(t *testing.T) {
	good := readFile(t, small(t))
	last := bytes.LastIndexByte(good[:len(good)-1], '\n') + 1
	path := filepath.Join(t.TempDir(), "cut.jsonl")
	for at := last; at <= len(good); at++ {
		for _, zeros := range []int{0, 1, 4096} {
			if at == len(good) && zeros > 0 {
				continue // zeros behind a whole line are no record that was cut off, but one that never came
			}
			writeFile(t, path, append(bytes.Clone(good[:at]), make([]byte, zeros)...))
			whole := 2
			if at >= len(good)-1 {
				whole = 3
			}
			l := open(t, path)
			if wrong := at != len(good) && at+zeros != last; l.Len() != whole || (len(l.Warnings()) > 0) != wrong {
				t.Fatalf("cut at byte %d of the last record, %d zeros: %d epochs, warnings %v", at-last, zeros, l.Len(), l.Warnings())
			}
			add(t, path, ledger.Entry{Plan: plan(t, 7, 1000), From: hour(9)})
			l, _, err := ledger.Verify(path)
			if err != nil || l.Len() != whole+1 {
				t.Fatalf("cut at byte %d of the last record, %d zeros, then added: %v", at-last, zeros, err)
			}
			l.Close()
		}
	}
	writeFile(t, path, append(bytes.Clone(good), 0, 0, 0))
	if l := open(t, path); l.Len() != 3 || len(l.Warnings()) != 1 {
		t.Errorf("zeros behind a whole ledger: %d epochs, warnings %v", l.Len(), l.Warnings())
	}
}

// TestCutBody cuts off a record that brings a plan: a later record may not rely on it.
func TestCutBody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l")
	add(t, path, ledger.Entry{Plan: plan(t, 100, 2016), From: hour(1)}, ledger.Entry{Plan: plan(t, 100, 1000), From: hour(2)})
	b := readFile(t, path)
	writeFile(t, path, b[:len(b)-10])
	e := add(t, path, ledger.Entry{Plan: plan(t, 100, 1000), From: hour(3)})[0]
	l := open(t, path)
	if p, err := l.Plan(e); err != nil || p.SHA256() != plan(t, 100, 1000).SHA256() || l.Len() != 2 {
		t.Errorf("%d epochs, %v", l.Len(), err)
	}
}

// TestWriters lets two writers meet: the second waits.
func TestWriters(t *testing.T) {
	path := small(t)
	w, err := ledger.Edit(path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		w2, err := ledger.Edit(path)
		if err == nil {
			_, err = w2.Add(ledger.Entry{Plan: plan(t, 7, 1000), From: hour(9), Now: hour(9)})
			_ = w2.Close()
		}
		done <- err
	}()
	if _, err := w.Add(ledger.Entry{Plan: plan(t, 8, 1000), From: hour(8), Now: hour(8)}); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		t.Fatalf("the second writer did not wait: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	w.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if l := open(t, path); l.Len() != 5 {
		t.Errorf("%d epochs, want 5", l.Len())
	}
}

// TestSameInstantByClock has writers that take the clock's time: of two in the same instant the second begins behind the first, and takes nobody's place.
func TestSameInstantByClock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l")
	var want []string
	for i := range 5 {
		w, err := ledger.Edit(path)
		if err != nil {
			t.Fatal(err)
		}
		p := plan(t, 4+i, 1000)
		e, err := w.Add(ledger.Entry{Plan: p, Now: hour(1)})
		if err != nil || e.Backdated || e.From.Before(hour(1)) || e.From.Sub(hour(1)) > time.Microsecond || !e.Settled.Equal(e.From) {
			t.Errorf("epoch %+v, %v", e, err)
		}
		want = append(want, p.SHA256())
		w.Close()
	}
	found, _ := open(t, path).Between(hour(1), hour(2))
	for i, e := range found {
		if len(found) != len(want) || e.PlanSHA256 != want[i] {
			t.Fatalf("epochs %+v, want all five", found)
		}
	}
}

// TestMade sees that a ledger which gets no record leaves no file, and that nothing but a regular file is one.
func TestMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l")
	w, err := ledger.Edit(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Add(ledger.Entry{Plan: plan(t, 7, 1000), Now: hour(1), By: "a\nb"}); !errors.Is(err, ledger.ErrText) {
		t.Errorf("a name of two lines: %v", err)
	}
	w.Close()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	if _, err := ledger.Open(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("opened: %v", err)
	}
	// A link to a file that does not exist yet stays a link, whether a record comes or not.
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if w, err = ledger.Edit(link); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if to, err := os.Readlink(link); err != nil || to != path {
		t.Errorf("the link is %s, %v", to, err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file behind the link is still there: %v", err)
	}
	if _, err := ledger.Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "a ledger is a regular file") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := ledger.Edit(filepath.Join(path, "x", "y")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that does not exist: %v", err)
	}
}
