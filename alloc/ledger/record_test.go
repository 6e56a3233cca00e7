package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestRecordLayout holds the format still: a ledger is read for decades.
func TestRecordLayout(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(string(readFile(t, small(t)))), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines, want 3", len(lines))
	}
	sha := plan(t, 100, 2016).SHA256()
	body := string(plan(t, 100, 2016).AppendCanonical(nil))
	zeros := strings.Repeat("0", 64)
	want := `{"cgnkit_ledger":1,"seq":1,"from":"2026-01-01T01:00:00Z","added":"2026-01-01T00:00:00Z","by":"alice","note":"the \"first\", plan","plan_sha256":"` +
		sha + `","plan":` + body + `,"prev":"` + zeros + `"`
	sum := sha256.Sum256([]byte(want))
	if want += `,"hash":"` + hex.EncodeToString(sum[:]) + `"}`; lines[0] != want {
		t.Errorf("first record:\n%s\nwant:\n%s", lines[0], want)
	}
	if !strings.Contains(lines[1], `"from":"2026-01-01T02:00:00Z","settled":"2026-01-01T02:00:01Z"`) || !strings.Contains(lines[1], `"prev":"`+hex.EncodeToString(sum[:])+`"`) {
		t.Errorf("second record: %s", lines[1])
	}
	if strings.Contains(lines[2], `"plan":`) || !strings.Contains(lines[2], sha) {
		t.Errorf("the third record repeats a plan that the first has: %s", lines[2])
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

// TestTamper changes every byte of a ledger to several others. Verify must fail each time and name the record; and Open must
// fail, or at least not know of more than was there, in the order in which it was there.
func TestTamper(t *testing.T) {
	path := small(t)
	good := readFile(t, path)
	before := epochs(open(t, path))
	bad := filepath.Join(t.TempDir(), "bad.jsonl")
	for i := range good {
		record := 1 + bytes.Count(good[:i], []byte("\n"))
		for _, mask := range []byte{0x01, 0xff, good[i], good[i] ^ '\n'} {
			if mask == 0 {
				continue
			}
			b := bytes.Clone(good)
			b[i] ^= mask
			writeFile(t, bad, b)
			_, _, err := ledger.Verify(bad)
			var damage *ledger.DamageError
			if !errors.As(err, &damage) || damage.Line != record {
				t.Fatalf("byte %d of record %d is %q in place of %q: %v", i, record, b[i], good[i], err)
			}
			if l, err := ledger.Open(bad); err == nil {
				if got := epochs(l); len(got) > len(before) || fmt.Sprint(got) != fmt.Sprint(before[:len(got)]) || len(l.Warnings()) == 0 {
					t.Fatalf("byte %d of record %d is %q: read as %v", i, record, b[i], got)
				}
				l.Close()
			}
		}
	}
}

// TestLines swaps, doubles and removes whole records.
func TestLines(t *testing.T) {
	path := small(t)
	lines := bytes.SplitAfter(readFile(t, path), []byte("\n"))
	for _, tt := range []struct {
		name string
		keep []int
		line int
		msg  string
	}{
		{"first gone", []int{1, 2}, 1, "records are missing"},
		{"middle gone", []int{0, 2}, 2, "records are missing"},
		{"swapped", []int{0, 2, 1}, 2, "another order"},
		{"doubled", []int{0, 1, 1, 2}, 3, "another order"},
	} {
		var b []byte
		for _, k := range tt.keep {
			b = append(b, lines[k]...)
		}
		writeFile(t, path, b)
		_, err := ledger.Open(path)
		var damage *ledger.DamageError
		if !errors.As(err, &damage) || damage.Line != tt.line || !strings.Contains(err.Error(), tt.msg) || !errors.Is(err, ledger.ErrDamaged) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}

	// Two ledgers that are right each on their own do not make one.
	other := filepath.Join(t.TempDir(), "other.jsonl")
	add(t, other, ledger.Entry{Plan: plan(t, 50, 2016), From: hour(1)}, ledger.Entry{Plan: plan(t, 50, 1000), From: hour(2)})
	writeFile(t, path, append(bytes.Clone(lines[0]), bytes.SplitAfter(readFile(t, other), []byte("\n"))[1]...))
	if _, err := ledger.Open(path); err == nil || !strings.Contains(err.Error(), "record 2: it does not follow the record before it") {
		t.Errorf("a record of another ledger: %v", err)
	}
}

func epochs(l *ledger.Ledger) []ledger.Epoch {
	var out []ledger.Epoch
	for e := range l.Epochs() {
		e.Until = e.From // what comes behind may be missing
		out = append(out, e)
	}
	return out
}

// FuzzOpen reads anything, and what it accepts must be what was written.
func FuzzOpen(f *testing.F) {
	path := small(f)
	good := readFile(f, path)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(good[:len(good)/2])
	f.Add(append(bytes.Clone(good), 0, 0, 0))
	f.Add([]byte{})
	f.Add([]byte("{}\n"))
	f.Add(readFile(f, dark(f)))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "l")
		writeFile(t, path, b)
		l, err := ledger.Open(path)
		if err != nil {
			if !errors.Is(err, ledger.ErrDamaged) {
				t.Fatalf("%v is no DamageError", err)
			}
			return
		}
		defer l.Close()
		for e := range l.Epochs() {
			if _, err := l.Canonical(e); err != nil && !e.Stray {
				t.Fatalf("epoch %d: %v", e.Seq, err)
			}
		}
	})
}
