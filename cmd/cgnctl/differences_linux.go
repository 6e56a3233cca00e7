package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"

	"github.com/cgnkit/cgnkit/nat44"
)

// A differenceWriter prints differences as they are found, so that a million of them need no memory.
type differenceWriter struct {
	out    *bufio.Writer
	csv    *csv.Writer
	format string
	n      int
	err    error
}

func (e *env) newDifferenceWriter(format string) *differenceWriter {
	w := &differenceWriter{out: bufio.NewWriterSize(e.stdout, flushAt), format: format}
	w.csv = csv.NewWriter(w.out)
	return w
}

// begin prints what comes before the differences.
func (w *differenceWriter) begin(rs *nat44.Ruleset) {
	if w.format == "json" {
		head, err := json.Marshal(record{{"instance", rs.Instance().String()}, {"plan_sha256", rs.Plan().SHA256()}})
		w.err = err
		fmt.Fprintf(w.out, `%s,"differences":[`, head[:len(head)-1])
	}
}

func (w *differenceWriter) add(d nat44.Difference) {
	w.n++
	switch w.format {
	case "csv":
		if w.n == 1 {
			_ = w.csv.Write([]string{"what", "kind", "detail"}) // end has the error
		}
		_ = w.csv.Write([]string{d.What, d.Kind.String(), d.Detail})
	case "json", "ndjson":
		b, err := json.Marshal(record{{"what", d.What}, {"kind", d.Kind.String()}, {"detail", d.Detail}})
		if err != nil {
			w.err = err
		}
		if w.format == "json" && w.n > 1 {
			_ = w.out.WriteByte(',')
		}
		_, _ = w.out.Write(b)
		if w.format == "ndjson" {
			_ = w.out.WriteByte('\n')
		}
	default:
		fmt.Fprintf(w.out, "%v\n", d)
	}
}

// end prints what comes behind the differences.
func (w *differenceWriter) end(rs *nat44.Ruleset, v nat44.Verification) error {
	switch {
	case w.format == "json":
		fmt.Fprintf(w.out, `],"equal":%t,"elements":%d}`+"\n", v.Differences == 0, v.Elements)
	case w.format == "table" && w.n == 0:
		fmt.Fprintf(w.out, "the kernel equals the plan: %d elements, plan sha256 %s\n", v.Elements, rs.Plan().SHA256())
	}
	w.csv.Flush()
	if err := w.out.Flush(); err != nil {
		return writeFault(err)
	}
	return w.err
}
