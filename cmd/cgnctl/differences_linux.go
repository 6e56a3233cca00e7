package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
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
func (w *differenceWriter) begin(instance, sha256 string) {
	if w.format == "json" {
		head, err := json.Marshal(record{{"instance", instance}, {"plan_sha256", sha256}})
		w.err = err
		fmt.Fprintf(w.out, `%s,"differences":[`, head[:len(head)-1])
	}
}

func (w *differenceWriter) add(what, kind, detail string) {
	w.n++
	switch w.format {
	case "csv":
		if w.n == 1 {
			_ = w.csv.Write([]string{"what", "kind", "detail"}) // end has the error
		}
		_ = w.csv.Write([]string{what, kind, detail})
	case "json", "ndjson":
		b, err := json.Marshal(record{{"what", what}, {"kind", kind}, {"detail", detail}})
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
		fmt.Fprintf(w.out, "%s: %s: %s\n", what, kind, detail)
	}
}

// end prints what comes behind the differences: how much was compared.
func (w *differenceWriter) end(sha256 string, compared ...value) error {
	switch {
	case w.format == "json":
		tail, err := json.Marshal(append(record{{"equal", w.n == 0}}, compared...))
		if w.err == nil {
			w.err = err
		}
		fmt.Fprintf(w.out, "],%s\n", tail[min(1, len(tail)):])
	case w.format == "table" && w.n == 0:
		fmt.Fprint(w.out, "the kernel equals the plan: ")
		for _, c := range compared {
			fmt.Fprintf(w.out, "%d %s, ", c.v, c.key)
		}
		fmt.Fprintf(w.out, "plan sha256 %s\n", sha256)
	}
	w.csv.Flush()
	if err := w.out.Flush(); err != nil {
		return writeFault(err)
	}
	return w.err
}
