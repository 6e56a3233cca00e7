package answer_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/answer"
	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/alloc/request"
)

// TestLeapSecond asks about a leap second where the plan changed: some clocks call it 23:59:59 and some 00:00:00, so whoever had the
// port in either of them is a candidate.
func TestLeapSecond(t *testing.T) {
	for _, c := range []struct{ change, want string }{
		{"2026-06-30T23:59:58Z", "answered"},
		{"2026-06-30T23:59:59Z", "answered"},
		{"2026-06-30T23:59:59.5Z", "ambiguous"},
		{"2026-07-01T00:00:00Z", "ambiguous"},
		{"2026-07-01T00:00:00.5Z", "ambiguous"},
		{"2026-07-01T00:00:01Z", "answered"},
	} {
		path := filepath.Join(t.TempDir(), "ledger.jsonl")
		w, err := ledger.Edit(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, from := range []string{"2026-01-01T00:00:00Z", c.change} {
			if _, err := w.Add(ledger.Entry{Plan: plan(t, []int{2016, 1000}[i], "198.18.0.0/30"), From: at(from), Now: at(from)}); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		led, err := ledger.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		desk := &answer.Desk{Ledger: led, Now: at("2026-08-01T00:00:00Z")}
		for _, text := range []string{"2026-06-30T23:59:60Z", "2026-06-30T23:59:60.5Z", "2026-06-30T20:59:60-03:00"} {
			in, err := request.NewReader(strings.NewReader(fmt.Sprintf("198.18.0.0:6000 %s\n", text)), request.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for q, err := range in.All() {
				if err != nil {
					t.Fatal(err)
				}
				row, err := desk.Answer("x", q)
				if got := row.Status.String(); err != nil || got != c.want {
					t.Errorf("%s, the plan changed at %s: %s %s (%v), want %s", text, c.change, got, row.Why, err, c.want)
				}
			}
		}
		led.Close()
	}
}
