package answer_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/answer"
	"github.com/cgnkit/cgnkit/alloc/holder"
	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/alloc/request"
)

var update = flag.Bool("update", false, "write the golden files")

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func plan(t testing.TB, ports int, outside string) *alloc.Plan {
	t.Helper()
	in, err := alloc.ParseAddrRange("100.64.0.0-100.64.0.99")
	if err != nil {
		t.Fatal(err)
	}
	out, err := alloc.ParseAddrRange(outside)
	if err != nil {
		t.Fatal(err)
	}
	p, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{
		Name: "homes", Inside: []alloc.AddrRange{in}, Outside: []alloc.AddrRange{out}, PortsPerSubscriber: ports,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// newLedger has three epochs. The third keeps everybody's ports and has another address more.
func newLedger(t testing.TB) *ledger.Ledger {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	w, err := ledger.Edit(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []ledger.Entry{
		{Plan: plan(t, 2016, "198.18.0.0/30"), From: at("2026-01-01T03:00:00Z")},
		{Plan: plan(t, 1000, "198.18.0.0/30"), From: at("2026-02-01T03:00:00Z")},
		{Plan: plan(t, 1000, "198.18.0.0/29"), From: at("2026-03-01T03:00:00Z")},
	} {
		e.Now = e.From
		if _, err := w.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	l, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

const requests = `# one of each kind
198.18.0.0:6000 2026-01-10T12:34:56Z
198.18.0.0:6000 2026-02-10T12:34:56Z
198.18.0.0:700 2026-01-10T12:34:56Z
198.18.0.9:6000 2026-01-10T12:34:56Z
198.18.0.3:60000 2026-01-10T12:34:56Z
198.18.0.0:6000 2026-02-01T03:00:03Z
198.18.0.0:6000 2026-03-01T03:00:03Z
198.18.0.3 2026-01-10T12:34:56Z
198.18.0.0:6000 2026-01-01T03:00:04Z
198.18.0.0:6000 2025-01-01T03:00:04Z
198.18.0.0:6000 2026-01-10 12:34:56
198.18.0.0:6000 2027-01-10T12:34:56Z
=HYPERLINK("http://bad.example") <script>alert(1)</script>
`

const details = `Sat Jan 10 09:00:00 2026
	Acct-Status-Type = Start
	Acct-Session-Id = "4fd"
	NAS-IP-Address = 192.0.2.1
	User-Name = "joao@isp"
	Framed-IP-Address = 100.64.0.2
	Calling-Station-Id = "00-11-22-33-44-55"
	Timestamp = 1768035600

Sat Jan 10 13:00:00 2026
	Acct-Status-Type = Stop
	Acct-Session-Id = "4fd"
	NAS-IP-Address = 192.0.2.1
	User-Name = "joao@isp"
	Framed-IP-Address = 100.64.0.2
	Calling-Station-Id = "00-11-22-33-44-55"
	Timestamp = 1768050000

`

// report answers the requests above in a format.
func report(t testing.TB, format string) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := answer.NewWriter(format, &out)
	if err != nil {
		t.Fatal(err)
	}
	led := newLedger(t)
	book := holder.New(holder.Limits{})
	if err := book.ReadRADIUS(strings.NewReader(details), "detail", holder.Options{Realm: alloc.DefaultRealm}); err != nil {
		t.Fatal(err)
	}
	desk := &answer.Desk{Ledger: led, Tolerance: 5 * time.Second, Now: at("2026-06-01T00:00:00Z"), Book: book, Skew: time.Second}
	if err := w.Begin(answer.Manifest{
		Case: "123/2026", Reason: "court order <7>", Tool: "cgnctl test", RunAt: desk.Now, Dates: request.DayFirst, Tolerance: desk.Tolerance, Skew: desk.Skew,
		Ledger: "ledger.jsonl", Head: led.Head(), Epochs: led.Len(),
		Inputs: []answer.Input{{Name: "police.txt", Kind: "requests", Format: "plain", Bytes: int64(len(requests)), SHA256: strings.Repeat("ab", 32)}},
	}); err != nil {
		t.Fatal(err)
	}
	in, err := request.NewReader(strings.NewReader(requests), request.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var totals answer.Totals
	for q, err := range in.All() {
		if err != nil {
			t.Fatal(err)
		}
		row, err := desk.Answer("police.txt", q)
		if err != nil {
			t.Fatal(err)
		}
		totals.Count(row)
		if err := w.Row(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(totals); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestReports compares the report of each format with its golden file, and with itself: the same inputs give the same bytes.
func TestReports(t *testing.T) {
	for _, format := range answer.Formats {
		got := report(t, format)
		if !bytes.Equal(got, report(t, format)) {
			t.Errorf("%s: the same inputs give another report", format)
		}
		name := filepath.Join("testdata", "report."+format)
		if *update {
			if err := os.WriteFile(name, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not as %s has it; -update writes it. It is:\n%s", format, name, got)
		}
	}
	if _, err := answer.NewWriter("pdf", nil); !errors.Is(err, answer.ErrFormat) {
		t.Errorf("pdf: %v", err)
	}
}

// TestRows says what each request above is.
func TestRows(t *testing.T) {
	rows, err := csv.NewReader(bytes.NewReader(report(t, "csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	want := []string{
		"answered 100.64.0.2 ports 5056-7071 epoch 1; joao@isp, mac 00:11:22:33:44:55",
		"answered 100.64.0.4 ports 5024-6023 epoch 2; unknown: no record of the address; after the last record",
		"nobody, port 700 is reserved: it is never given to anyone",
		"nobody, 198.18.0.9 was in no pool",
		"nobody, port 60000 is in a share that no subscriber held",
		"ambiguous, the plan changed in the time that was asked for, or within the tolerance: 2 epochs: 100.64.0.2 100.64.0.4",
		"answered 100.64.0.4 ports 5024-6023 epoch 2; unknown: no record of the address",
		"ambiguous, without a port: 4 subscribers had a share on the address: 100.64.0.96 100.64.0.97 100.64.0.98 100.64.0.99",
		"ambiguous, part of the time lies before the first epoch: (not-covered) 100.64.0.2",
		"refused, no epoch covers that time: the first epoch begins at 2026-01-01T03:00:00Z",
		"refused, the time has no zone",
		"refused, 2027-01-10T12:34:56Z lies behind the time of this run, 2026-06-01T00:00:00Z",
		"refused, ",
	}
	if len(rows) != len(want)+1 {
		t.Fatalf("%d rows, want %d", len(rows)-1, len(want))
	}
	for i, row := range rows[1:] {
		cell := func(name string) string { return row[column[name]] }
		got := cell("status")
		if why := cell("why"); why != "" {
			got += ", " + why
		}
		if s := cell("subscriber"); s != "" {
			got += fmt.Sprintf(" %s ports %s epoch %s; %s", s, cell("ports"), cell("epoch"), cell("holder"))
		}
		if c := cell("candidates"); c != "" {
			got += ": " + c
		}
		if !strings.HasPrefix(strings.Replace(got, `time "2026-01-10 12:34:56": `, "", 1), want[i]) {
			t.Errorf("row %d: %s\nwant: %s", i+1, got, want[i])
		}
		if cell("case") != "123/2026" || cell("input_sha256") != strings.Repeat("ab", 32) || len(cell("ledger_head")) != 64 {
			t.Errorf("row %d does not say what it was made from: %q", i+1, row)
		}
	}
	if text := rows[13][column["text"]]; !strings.HasPrefix(text, "'=HYPERLINK") {
		t.Errorf("a formula stays one: %s", text)
	}
}

// TestJSON reads the JSON report back.
func TestJSON(t *testing.T) {
	var doc struct {
		Report map[string]any
		Rows   []map[string]any
		Totals map[string]int
	}
	if err := json.Unmarshal(report(t, "json"), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Rows) != 13 || doc.Totals["requests"] != 13 || doc.Totals["answered"] != 3 || doc.Totals["refused"] != 4 || doc.Report["case"] != "123/2026" {
		t.Errorf("%d rows, totals %v, report %v", len(doc.Rows), doc.Totals, doc.Report)
	}
}

// TestHTML looks for text of an input that would be more than text.
func TestHTML(t *testing.T) {
	got := string(report(t, "html"))
	for _, bad := range []string{"<script", "<7>", "http://", "https://", "src="} {
		if strings.Contains(strings.ReplaceAll(got, "http://bad.example", ""), bad) {
			t.Errorf("the page contains %s", bad)
		}
	}
	if !strings.Contains(got, "&lt;script&gt;") || !strings.HasSuffix(got, "</html>\n") {
		t.Error("the page does not quote the request, or is not whole")
	}
}

// TestWayBack asks with a line of the way back, which has our address as the destination.
func TestWayBack(t *testing.T) {
	desk := &answer.Desk{Ledger: newLedger(t), Now: at("2026-06-01T00:00:00Z")}
	q := request.Request{Number: 1, Outside: netip.MustParseAddr("203.0.113.9"), Port: 443, HasPort: true, From: at("2026-01-10T12:34:56Z"), To: at("2026-01-10T12:34:56Z")}
	for to, want := range map[string]string{
		"198.18.0.0:6000":  "refused: 203.0.113.9 was in no pool, but 198.18.0.0:6000 was: if that end is meant, ask about it",
		"203.0.113.8:6000": "nobody: 203.0.113.9 was in no pool",
	} {
		q.Destination = netip.MustParseAddrPort(to)
		row, err := desk.Answer("in", q)
		if got := row.Status.String() + ": " + row.Why; err != nil || got != want {
			t.Errorf("to %s: %s, %v; want %s", to, got, err, want)
		}
	}
}

// BenchmarkAnswer answers a request and writes its row.
func BenchmarkAnswer(b *testing.B) {
	led := newLedger(b)
	desk := &answer.Desk{Ledger: led, Now: at("2026-06-01T00:00:00Z")}
	for _, format := range answer.Formats {
		b.Run(format, func(b *testing.B) {
			w, err := answer.NewWriter(format, &discard{})
			if err != nil {
				b.Fatal(err)
			}
			if err := w.Begin(answer.Manifest{}); err != nil {
				b.Fatal(err)
			}
			q := request.Request{Number: 1, Line: 1, Text: "198.18.0.0:6000 2026-01-10T12:34:56Z", Outside: netip.MustParseAddr("198.18.0.0"), Port: 6000, HasPort: true, From: at("2026-01-10T12:34:56Z")}
			q.To = q.From
			for b.Loop() {
				row, err := desk.Answer("in", q)
				if err == nil {
					err = w.Row(row)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type discard struct{}

func (*discard) Write(b []byte) (int, error) { return len(b), nil }
