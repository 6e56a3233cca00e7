package answer_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/answer"
	"github.com/cgnkit/cgnkit/alloc/request"
)

// TestEvidence checks that each row of the CSV report tells runs apart that may answer differently, as the reports with a head do.
func TestEvidence(t *testing.T) {
	manifest := func() answer.Manifest {
		return answer.Manifest{
			Case: "1", Reason: "x", Tool: "cgnctl test", RunAt: at("2026-06-01T00:00:00Z"), Head: strings.Repeat("cd", 32), Skew: time.Second,
			Inputs: []answer.Input{
				{Name: "police.txt", Kind: "requests", Format: "plain", SHA256: strings.Repeat("ab", 32)},
				{Name: "kea.csv", Kind: "leases", SHA256: strings.Repeat("ef", 32)},
			},
		}
	}
	write := func(format string, change func(*answer.Manifest)) string {
		var out bytes.Buffer
		w, err := answer.NewWriter(format, &out)
		if err != nil {
			t.Fatal(err)
		}
		m := manifest()
		change(&m)
		for _, err := range []error{w.Begin(m), w.Row(answer.Row{Input: "police.txt", Status: answer.Refused, Why: "x", Request: request.Request{Number: 1}}), w.End(answer.Totals{})} {
			if err != nil {
				t.Fatal(err)
			}
		}
		return out.String()
	}
	for name, change := range map[string]func(*answer.Manifest){
		"case": func(m *answer.Manifest) { m.Case = "2" }, "reason": func(m *answer.Manifest) { m.Reason = "y" }, "tool": func(m *answer.Manifest) { m.Tool = "y" },
		"time of the run": func(m *answer.Manifest) { m.RunAt = m.RunAt.Add(1) }, "head": func(m *answer.Manifest) { m.Head = strings.Repeat("ce", 32) },
		"zone": func(m *answer.Manifest) { m.Zone = "UTC" }, "dates": func(m *answer.Manifest) { m.Dates = request.MonthFirst },
		"ports": func(m *answer.Manifest) { m.Ports = request.PortsNamed }, "word for ports": func(m *answer.Manifest) { m.Ports = request.PortsSource },
		"tolerance": func(m *answer.Manifest) { m.Tolerance = time.Second }, "skew": func(m *answer.Manifest) { m.Skew = 2 * time.Second },
		"unsure": func(m *answer.Manifest) { m.Unsure = at("2026-02-01T00:00:00Z") }, "unplaced": func(m *answer.Manifest) { m.Unplaced = 1 },
		"format": func(m *answer.Manifest) { m.Inputs[0].Format = "csv" }, "input": func(m *answer.Manifest) { m.Inputs[0].SHA256 = strings.Repeat("aa", 32) },
		"leases": func(m *answer.Manifest) { m.Inputs[1].SHA256 = strings.Repeat("aa", 32) }, "until when leases are whole": func(m *answer.Manifest) { m.Inputs[1].Format = "until 2026-02-01T00:00:00Z" },
	} {
		for _, format := range answer.Formats {
			if write(format, change) == write(format, func(*answer.Manifest) {}) {
				t.Errorf("%s: the report does not say the %s", format, name)
			}
		}
	}
}

// TestPortBasis checks that each report says of each row whether anything names its port, and how many rows rest on a port that nothing does.
func TestPortBasis(t *testing.T) {
	rows := []answer.Row{
		{Status: answer.Nobody, Request: request.Request{Number: 1, Outside: netip.MustParseAddr("198.18.0.0"), Port: 6000, HasPort: true}},
		{Status: answer.Nobody, Request: request.Request{Number: 2, Outside: netip.MustParseAddr("198.18.0.0"), Port: 6001, HasPort: true, Assumed: true}},
		{Status: answer.Ambiguous, Request: request.Request{Number: 3, Outside: netip.MustParseAddr("198.18.0.0")}},
		{Status: answer.Refused, Request: request.Request{Number: 4, Outside: netip.MustParseAddr("198.18.0.0"), Port: 6001, HasPort: true, Assumed: true}},
		{Status: answer.Refused, Request: request.Request{Number: 5, Err: request.ErrTime}},
	}
	want := map[string][]string{
		"csv":  {",heard,named\n2,", ",heard,assumed\n3,", ",heard,\n4,", ",heard,assumed\n5,", ",heard,\n"},
		"json": {`"port":6000,"port_basis":"named"`, `"port":6001,"port_basis":"assumed"`, `"port":null,"from"`, `"ports_assumed":1}`},
		"html": {`6000</span> <br>`, `6001</span> <br>(no name says whose port it is)<br>`, `The ports of 1 of those that are not refused`},
	}
	for _, format := range answer.Formats {
		var out bytes.Buffer
		w, err := answer.NewWriter(format, &out)
		if err != nil {
			t.Fatal(err)
		}
		var totals answer.Totals
		errs := []error{w.Begin(answer.Manifest{Case: "1", Reason: "x"})}
		for _, row := range rows {
			totals.Count(row)
			errs = append(errs, w.Row(row))
		}
		if err := errors.Join(append(errs, w.End(totals))...); err != nil {
			t.Fatal(err)
		}
		rest := out.String()
		for _, part := range want[format] {
			at := strings.Index(rest, part)
			if at < 0 {
				t.Fatalf("%s: %q is not in\n%s", format, part, rest)
			}
			rest = rest[at+1:]
		}
	}
}

// TestEvidenceOfEachInput checks that each row of the CSV report has what was read of its own input, whatever order rows come in, and text that needs quotes.
func TestEvidenceOfEachInput(t *testing.T) {
	var out bytes.Buffer
	w, err := answer.NewWriter("csv", &out)
	if err != nil {
		t.Fatal(err)
	}
	m := answer.Manifest{Case: `1, "b"`, Reason: " x\n", RunAt: at("2026-06-01T00:00:00Z"), Inputs: []answer.Input{
		{Name: "a.txt", Kind: "requests", Format: "plain", SHA256: strings.Repeat("aa", 32)}, {Name: "b.csv", Kind: "requests", Format: "csv", SHA256: strings.Repeat("bb", 32)},
	}}
	if err := w.Begin(m); err != nil {
		t.Fatal(err)
	}
	order := []int{0, 0, 1, 0, 1, 1, 0}
	for _, i := range order {
		if err := w.Row(answer.Row{Input: m.Inputs[i].Name, Status: answer.Refused, Why: `a "quote", and more`}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(answer.Totals{}); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) != 1+len(order) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for n, i := range order {
		got := map[string]string{}
		for k, name := range rows[0] {
			got[name] = rows[n+1][k]
		}
		if in := m.Inputs[i]; got["input"] != in.Name || got["input_sha256"] != in.SHA256 || got["format"] != in.Format || got["case"] != m.Case || got["reason"] != " x?" || got["why"] != `a "quote", and more` {
			t.Errorf("row %d: %v", n+1, got)
		}
	}
}
