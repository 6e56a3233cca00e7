package answer_test

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/answer"
	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/alloc/request"
)

// TestWhyAmbiguous checks that the reason is the true one: it is evidence. The ledger has a first epoch that was under way for a minute, a plan
// that nobody knows for five hours, one that is known besides, a change that took ten minutes, and for an hour the plan before once more, by somebody's hand.
func TestWhyAmbiguous(t *testing.T) {
	const (
		before  = "part of the time lies before the first epoch"
		unknown = "for part of the time it is not known what the kernel had: another plan, or one that somebody had changed"
		change  = "the plan changed in the time that was asked for, or within the tolerance: 2 epochs"
		doubt   = "2 plans are possible then: a change was under way, or the ledger does not say that it came into force"
		stray   = "the kernel may have had another plan then than the one in force, by somebody's hand or by a clock that was wrong"
	)
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	w, err := ledger.Edit(path)
	if err != nil {
		t.Fatal(err)
	}
	day := func(clock string) time.Time { return at("2026-01-01T" + clock + "Z") }
	add := func(e ledger.Entry) {
		if _, err := w.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	add(ledger.Entry{Plan: plan(t, 2016, "198.18.0.0/30"), From: day("00:00:00"), Settled: day("00:01:00"), Now: day("00:01:00")})
	if _, err := w.Late(ledger.Lateness{Since: day("05:00:00"), Until: day("10:00:00"), Had: []string{strings.Repeat("ab", 32)}, Now: day("10:00:00")}); err != nil {
		t.Fatal(err)
	}
	add(ledger.Entry{Plan: plan(t, 1000, "198.18.0.0/30"), From: day("15:00:00"), Settled: day("15:10:00"), Now: day("15:10:00")})
	if n, err := w.Late(ledger.Lateness{Since: day("18:00:00"), Until: day("19:00:00"), Had: []string{plan(t, 2016, "198.18.0.0/30").SHA256()}, Now: day("19:00:00")}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	w.Close()
	led, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer led.Close()
	desk := &answer.Desk{Ledger: led, Now: at("2026-02-01T00:00:00Z"), Tolerance: 5 * time.Second}
	for _, c := range []struct {
		clock string
		port  uint16
		want  string
	}{
		{"00:00:03", 6000, before},
		{"00:00:30", 6000, unknown},
		{"04:00:00", 6000, ""},
		{"07:00:00", 6000, unknown},
		{"12:00:00", 6000, ""},
		{"15:00:03", 6000, change},
		{"15:05:00", 6000, doubt},
		{"16:00:00", 6000, ""},
		{"17:59:57", 6000, stray},
		{"18:30:00", 6000, stray},
		{"19:00:05", 6000, ""},
		{"12:00:00", 0, "without a port: 32 subscribers had a share on the address"},
		{"07:00:00", 0, "without a port: 32 subscribers had a share on the address; and " + unknown},
		{"00:00:03", 0, "without a port: 32 subscribers had a share on the address; and " + before},
	} {
		q := request.Request{Number: 1, Outside: netip.MustParseAddr("198.18.0.0"), Port: c.port, HasPort: c.port != 0, From: day(c.clock), To: day(c.clock)}
		row, err := desk.Answer("x", q)
		if err != nil || row.Why != c.want || (row.Status == answer.Ambiguous) != (c.want != "") {
			t.Errorf("%s, port %d: %v %q (%v), want %q", c.clock, c.port, row.Status, row.Why, err, c.want)
		}
	}
}
