package answer

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// columns are those of the CSV report. They only ever become more, at the end.
var columns = []string{
	"number", "input", "line", "status", "why", "outside", "port", "proto", "from", "to",
	"subscriber", "realm", "pool", "ports", "epoch", "epoch_from", "epoch_until", "plan_sha256", "candidates", "holder", "destination", "text",
	"case", "reason", "run_at", "tool", "ledger_head", "input_sha256", "other_sha256",
	"format", "zone", "dates", "tolerance", "skew", "ledger_unsure_since", "holder_records_unread", "other_formats",
	"ports_unnamed", "port_basis",
}

// A csvWriter writes the report as CSV. What each row of an input repeats is encoded once.
type csvWriter struct {
	w    *bufio.Writer
	row  bytes.Buffer // what one writes to it
	one  *csv.Writer
	m    Manifest
	rest string   // hashes of everything but the requests
	how  []string // how times, records and other inputs were read
	cell []string
	of   string // the input to which same belongs
	same []byte // the end of its rows
}

func newCSV(w io.Writer) *csvWriter {
	c := &csvWriter{w: bufio.NewWriterSize(w, 64<<10)}
	c.one = csv.NewWriter(&c.row)
	return c
}

func (c *csvWriter) Begin(m Manifest) error {
	c.m, c.rest = m, m.others()
	dates := ""
	if m.Dates != 0 {
		dates = m.Dates.String()
	}
	c.how = []string{harmless(m.Zone), dates, m.Tolerance.String(), m.Skew.String(), stampOr(m.Unsure), strconv.Itoa(m.Unplaced), m.otherFormats(), m.Ports.String()}
	c.of, c.same = "", nil
	return c.write(columns, nil, "")
}

// write writes a row, of which the end may be encoded already, but for the last cell.
func (c *csvWriter) write(cells []string, end []byte, last string) error {
	c.row.Reset()
	err := c.one.Write(cells)
	c.one.Flush()
	row := c.row.Bytes()
	if end != nil {
		row[len(row)-1] = ',' // in place of the end of the line
	}
	if err == nil {
		_, err = c.w.Write(row)
	}
	if err != nil || end == nil {
		return err
	}
	if _, err = c.w.Write(end); err == nil {
		_, err = c.w.WriteString(last + "\n")
	}
	return err
}

// end returns the end of the rows of an input, but for the last cell.
func (c *csvWriter) end(input string) ([]byte, error) {
	if c.same != nil && c.of == input {
		return c.same, nil
	}
	in := c.m.requests(input)
	c.row.Reset()
	err := c.one.Write(append([]string{harmless(c.m.Case), harmless(c.m.Reason), stamp(c.m.RunAt), c.m.Tool, c.m.Head, in.SHA256, c.rest, in.Format}, c.how...))
	c.one.Flush()
	c.of, c.same = input, append(bytes.TrimSuffix(bytes.Clone(c.row.Bytes()), []byte("\n")), ',')
	return c.same, err
}

func (c *csvWriter) Row(r Row) error {
	q := r.Request
	c.cell = append(c.cell[:0], strconv.Itoa(q.Number), harmless(r.Input), strconv.Itoa(q.Line), r.Status.String(), harmless(r.Why))
	c.cell = append(c.cell, questionCells(r)...)
	c.cell = append(c.cell, answerCells(r)...)
	c.cell = append(c.cell, endpoint(q.Destination), harmless(q.Text))
	end, err := c.end(r.Input)
	if err != nil {
		return err
	}
	return c.write(c.cell, end, portBasis(q))
}

// questionCells returns outside, port, proto, from and to.
func questionCells(r Row) []string {
	q := r.Request
	if q.Err != nil || !q.Outside.IsValid() {
		return make([]string, 5)
	}
	port := ""
	if q.HasPort {
		port = strconv.Itoa(int(q.Port))
	}
	return []string{q.Outside.String(), port, q.Proto, stamp(q.From), stamp(q.To)}
}

// answerCells returns subscriber to holder.
func answerCells(r Row) []string {
	cells := make([]string, 10)
	if r.Status == Ambiguous {
		cells[8] = strings.Join(candidateTexts(r), " ")
		cells[9] = harmless(strings.Join(holderTexts(r), "; "))
		return cells
	}
	if len(r.Candidates) == 0 {
		return cells
	}
	c := r.Candidates[0]
	if s, ok := c.Subscriber(); ok {
		cells[0], cells[1], cells[3] = s.Text(), s.Realm, c.Allocation.Ports().String()
		cells[9] = harmless(HolderText(c.Holder))
	}
	if c.Pool != nil {
		cells[2] = c.Pool.Name()
	}
	cells[4], cells[5], cells[6], cells[7] = strconv.FormatUint(c.Epoch.Seq, 10), stamp(c.Epoch.From), until(c.Epoch), c.Epoch.PlanSHA256
	return cells
}

// candidateTexts names each candidate once.
func candidateTexts(r Row) []string {
	var out []string
	seen := map[string]bool{}
	for _, c := range r.Candidates {
		if who := c.who(); !seen[who] {
			seen[who] = true
			out = append(out, who)
		}
	}
	return out
}

// holderTexts says for each candidate to whom it belonged.
func holderTexts(r Row) []string {
	var out []string
	seen := map[string]bool{}
	for _, c := range r.Candidates {
		if text := HolderText(c.Holder); text != "" && !seen[c.who()] {
			seen[c.who()] = true
			out = append(out, c.who()+": "+text)
		}
	}
	return out
}

func until(e ledger.Epoch) string {
	if e.Until.IsZero() {
		return ""
	}
	return stamp(e.Until)
}

func (c *csvWriter) End(Totals) error {
	return c.w.Flush()
}

// harmless keeps text from being taken for a formula where people open the report with a spreadsheet: what was quoted may have
// been written for that.
func harmless(s string) string {
	s = printable(s)
	if s != "" && strings.IndexByte("=+-@", s[0]) >= 0 {
		return "'" + s
	}
	return s
}

// printable replaces what does not print.
func printable(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return strings.Map(func(r rune) rune {
				if unicode.IsPrint(r) {
					return r
				}
				return '?'
			}, s)
		}
	}
	return s
}
