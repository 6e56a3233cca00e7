package answer_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/answer"
	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/alloc/request"
)

// TestEnds asks about packets and flows with subscribers at both ends, at one, or at none.
func TestEnds(t *testing.T) {
	desk := &answer.Desk{Ledger: newLedger(t), Now: at("2026-06-01T00:00:00Z")}
	const both = "refused: both ends may have been subscribers'"
	for _, c := range []struct{ line, want string }{
		{"2026-01-10 12:34:57.2 IP 198.18.0.0.6000 > 203.0.113.9.443: Flags [S], seq 1", "answered"},
		{"2026-01-10 12:34:57.2 IP 203.0.113.9.443 > 198.18.0.0.6000: Flags [S.], seq 1", "refused: 203.0.113.9 was in no pool, but 198.18.0.0:6000 was"},
		{"2026-01-10 12:34:57.2 IP 198.18.0.2.443 > 198.18.0.0.6000: Flags [S.], seq 1", "refused: port 443 is reserved: it is never given to anyone; but the other end, 198.18.0.0:6000, may"},
		{"2026-01-10 12:34:57.2 IP 198.18.0.2.443 > 198.18.0.0.80: Flags [S.], seq 1", "nobody: port 443 is reserved"},
		{"2026-01-10 12:34:57.2 IP 198.18.0.3.60000 > 198.18.0.0.6000: Flags [.], ack 1", "refused: port 60000 is in a share that no subscriber held; but the other end"},
		{"2026-01-10 12:34:57.2 IP 198.18.0.2.6000 > 198.18.0.0.6000: Flags [.], ack 1", both + ", and nothing but the direction tells which is meant: ask about 198.18.0.2:6000 or 198.18.0.0:6000 alone"},
		{"2026-01-10 12:34:57.2 IP 198.18.0.2.6000 > 198.18.0.0.443: Flags [.], ack 1", "answered"},
		{"2026-01-10 12:34:57.2 IP 198.18.0.2 > 198.18.0.0: ICMP echo request, id 6000, seq 1, length 64", both},
		{"2026-01-10 12:34:57Z proto=TCP src=198.18.0.2:6000 dst=198.18.0.0:6000", both},
		{"2026-01-10 12:34:57Z proto=TCP src=198.18.0.2:6000 dst=203.0.113.9:443", "answered"},
		{"2026-01-10 12:34:57.000     0.100 TCP   198.18.0.2:6000 ->   198.18.0.0:6000   10   1000   1", both},
		{"2026-01-10 12:34:57.000     0.100 TCP   198.18.0.2:6000 ->   203.0.113.9:443   10   1000   1", "answered"},
		// The log of a NAT: what came in, to a port that is forwarded, is as a plain flow is; so is what one subscriber sent to another.
		{"2026-01-10 12:34:57.000 CREATE Ignore TCP 203.0.113.9:443 -> 198.18.0.0:6000 203.0.113.9:443 -> 100.64.0.2:51000 0 0", "refused: 203.0.113.9 was in no pool, but 198.18.0.0:6000 was"},
		{"2026-01-10 12:34:57.000 CREATE Ignore TCP 203.0.113.9:443 -> 198.18.0.0:6000 0.0.0.0:0 -> 100.64.0.2:51000 0 0", "refused: 203.0.113.9 was in no pool, but 198.18.0.0:6000 was"},
		{"2026-01-10 12:34:57.000 CREATE Ignore TCP 100.64.0.9:443 -> 198.18.0.0:6000 198.18.0.2:6000 -> 100.64.0.2:51000 0 0", both},
		{"2026-01-10 12:34:57.000 CREATE Ignore TCP 100.64.0.9:443 -> 203.0.113.9:443 198.18.0.2:6000 -> 203.0.113.9:443 0 0", "answered"},
		{`{"source_ip":"198.18.0.2","source_port":6000,"time":"2026-01-10T12:34:57Z","destination":"198.18.0.0:6000"}`, "answered"},
	} {
		in, err := request.NewReader(strings.NewReader(c.line+"\n"), request.Options{Zone: desk.Now.Location()})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for q, err := range in.All() {
			if err != nil {
				t.Fatal(err)
			}
			row, err := desk.Answer("x", q)
			if err != nil {
				t.Fatal(err)
			}
			got := row.Status.String()
			if row.Why != "" {
				got += ": " + row.Why
			}
			if n++; !strings.HasPrefix(got, c.want) || (row.Status == answer.Refused) != (len(row.Candidates) == 0) {
				t.Errorf("%s\n%s, %d candidates, want %s", c.line, got, len(row.Candidates), c.want)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d requests", c.line, n)
		}
	}
}

// TestDigitsOfTimes asks with more and fewer digits of a second in which the plan changed: all that the digits may mean counts.
func TestDigitsOfTimes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	w, err := ledger.Edit(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, from := range []string{"2026-01-01T00:00:00Z", "2026-02-01T00:00:00.1234565Z"} {
		if _, err := w.Add(ledger.Entry{Plan: plan(t, []int{2016, 1000}[i], "198.18.0.0/30"), From: at(from), Now: at(from)}); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	led, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer led.Close()
	desk := &answer.Desk{Ledger: led, Now: at("2026-06-01T00:00:00Z")}
	for digits, want := range map[string]string{
		"": "ambiguous", ".1": "ambiguous", ".12": "ambiguous", ".123": "ambiguous", ".1234": "ambiguous", ".12345": "ambiguous", ".123456": "ambiguous", ".1234565": "answered",
		".0": "ambiguous", ".2": "answered", ".11": "answered", ".13": "answered", ".122": "answered", ".124": "answered", ".123457": "answered", ".12345649": "answered",
	} {
		in, err := request.NewReader(strings.NewReader("198.18.0.0:6000 2026-02-01T00:00:00"+digits+"Z\n"), request.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for q, err := range in.All() {
			if err != nil {
				t.Fatal(err)
			}
			if row, err := desk.Answer("x", q); err != nil || row.Status.String() != want {
				t.Errorf("%q: %v %s (%v), want %s", digits, row.Status, row.Why, err, want)
			}
			if digits != "" {
				continue
			}
			q.To = q.From // as a program says it that asks about a second
			if row, err := desk.Answer("x", q); err != nil || row.Status.String() != want {
				t.Errorf("from %v to %v: %v %s (%v), want %s", q.From, q.To, row.Status, row.Why, err, want)
			}
		}
	}
}
