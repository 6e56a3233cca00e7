package main

import (
	"bufio"
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
)

func newDiff(e *env) *cobra.Command {
	var p planFlags
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Say who moves from one plan to another",
		Long: `Compare two plan files subscriber by subscriber. Kept are those with the same outside address and the same port set,
whatever the pools are called. Exit 1 when anything differs.

A table that would have more than 16777216 changes of pools of MAP and lw4o6 has the counts alone. The other formats list every
change, however many there are, and write them as they are found.`,
		Example: `  cgnctl diff plan.yaml plan-with-more-addresses.yaml`,
		Args:    exactly(2, "two plan files"),
	}
	cmd.Flags().StringArrayVar(&p.keys, "key-file", nil, "file with a key of scheme random (repeatable)")
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		var plans [2]*alloc.Plan
		for i, path := range args {
			p.config = path
			f, err := p.load()
			if err != nil {
				return err
			}
			plans[i] = f.Plan
		}
		return e.diff(plans[0], plans[1], *format)
	}
	return cmd
}

func (e *env) diff(older, newer *alloc.Plan, format string) error {
	d := alloc.Diff(older, newer)
	if n := softChanges(d, older, newer); n > maxSoftRows && format == "table" {
		return e.printCounts(d, n)
	}
	return e.printChanges(d, append(older.Realms(), newer.Realms()...), format, d.Changes())
}

// softChanges returns the changes of pools of MAP and lw4o6 where they may be too many for a table, and 0 elsewhere.
func softChanges(d alloc.Difference, older, newer *alloc.Plan) uint64 {
	n := changesOf(d)
	if n <= maxSoftRows {
		return 0
	}
	return n - changesOf(alloc.DiffNAT44(older, newer))
}

func changesOf(d alloc.Difference) uint64 { return d.Moved + d.Added + d.Removed }

// printCounts prints a difference of which n changes, too many for a table, are of MAP and lw4o6: how many there are.
func (e *env) printCounts(d alloc.Difference, n uint64) error {
	if _, err := fmt.Fprintf(e.stdout, "kept %d  moved %d  added %d  removed %d\n", d.Kept, d.Moved, d.Added, d.Removed); err != nil {
		return writeFault(err)
	}
	return &fault{code: exitNobody, msg: fmt.Sprintf("%d changes are of MAP and lw4o6, and a table lists at most %d of these", n, maxSoftRows),
		hint: "-o csv, -o ndjson and -o json list them all; cgnctl lookup answers for one"}
}

// printChanges prints a difference: how many changes there are, and each. Nothing but exit code 1 is returned where there are.
func (e *env) printChanges(d alloc.Difference, realms []string, format string, all iter.Seq[alloc.Change]) error {
	if err := e.printForm(newChangeForm(d, realms, format), d, all); err != nil {
		return err
	}
	if !d.IsEmpty() {
		return &fault{code: exitNobody}
	}
	return nil
}

// printForm prints the changes of a difference.
func (e *env) printForm(form changeForm, d alloc.Difference, all iter.Seq[alloc.Change]) error {
	w := bufio.NewWriterSize(e.stdout, flushAt) // keeps the first error
	_, _ = w.WriteString(form.before)
	p := e.newProgress()
	defer p.done()
	var buf []byte
	n := uint64(0)
	for c := range all {
		buf = form.row(buf[:0], c, n == 0)
		if _, err := w.Write(buf); err != nil {
			return writeFault(err)
		}
		if n++; n%flushAt == 0 {
			p.at(n, changesOf(d))
		}
	}
	_, _ = w.WriteString(form.after)
	return writeFault(w.Flush())
}

// A changeForm is what comes before, for and after the changes. Rows are appended by hand: a renumbering moves millions.
type changeForm struct {
	before, after string
	row           func(b []byte, c alloc.Change, first bool) []byte
}

func newChangeForm(d alloc.Difference, realms []string, format string) changeForm {
	switch format {
	case "json":
		before := fmt.Sprintf(`{"kept":%d,"moved":%d,"added":%d,"removed":%d,"changes":[`, d.Kept, d.Moved, d.Added, d.Removed)
		return changeForm{before, "]}\n", func(b []byte, c alloc.Change, first bool) []byte {
			if !first {
				b = append(b, ',')
			}
			return changeJSON(append(b, '\n'), c)
		}}
	case "ndjson":
		return changeForm{row: func(b []byte, c alloc.Change, _ bool) []byte { return append(changeJSON(b, c), '\n') }}
	case "csv":
		return changeForm{before: "kind,realm,subscriber,old_outside,old_ports,new_outside,new_ports\n", row: changeCSV}
	}
	width := len("REALM")
	for _, realm := range realms {
		width = max(width, len(realm))
	}
	before := fmt.Sprintf("kept %d  moved %d  added %d  removed %d\n", d.Kept, d.Moved, d.Added, d.Removed)
	if !d.IsEmpty() {
		before += fmt.Sprintf("\n%-8s  %-*s  %-15s  %-38s  %s\n", "CHANGE", width, "REALM", "SUBSCRIBER", "OLD", "NEW")
	}
	return changeForm{before, "", func(b []byte, c alloc.Change, _ bool) []byte {
		return fmt.Appendf(b, "%-8s  %-*s  %-15s  %-38s  %s\n", c.Kind, width, c.Subscriber.Realm, c.Subscriber.Text(), tableShare(c.Old), tableShare(c.New))
	}}
}

// changeJSON appends a change as JSON. Realms need no escapes.
func changeJSON(b []byte, c alloc.Change) []byte {
	b = append(append(b, `{"kind":"`...), c.Kind.String()...)
	b = append(append(b, `","realm":"`...), c.Subscriber.Realm...)
	b = appendSubscriber(append(b, `","subscriber":"`...), c.Subscriber)
	b = shareJSON(append(b, `","old":`...), c.Old)
	b = shareJSON(append(b, `,"new":`...), c.New)
	return append(b, '}')
}

func shareJSON(b []byte, s alloc.Share) []byte {
	if !s.Ports.IsValid() {
		return append(b, "null"...)
	}
	b = appendAddr(append(b, `{"outside":"`...), s.Outside.As4())
	b, _ = s.Ports.AppendText(append(b, `","ports":"`...)) // the set is valid
	return append(b, `"}`...)
}

func changeCSV(b []byte, c alloc.Change, _ bool) []byte {
	b = append(append(b, c.Kind.String()...), ',')
	b = append(append(b, c.Subscriber.Realm...), ',')
	b = appendSubscriber(b, c.Subscriber)
	b = shareCSV(append(b, ','), c.Old)
	b = shareCSV(append(b, ','), c.New)
	return append(b, '\n')
}

// appendSubscriber appends what Subscriber.Text returns.
func appendSubscriber(b []byte, s alloc.Subscriber) []byte {
	if s.Prefix.Addr().Is6() {
		return s.Prefix.AppendTo(b)
	}
	return appendAddr(b, s.Prefix.Addr().As4())
}

func shareCSV(b []byte, s alloc.Share) []byte {
	if !s.Ports.IsValid() {
		return append(b, ',')
	}
	b = append(appendAddr(b, s.Outside.As4()), ',')
	quote := s.Ports.RangeCount() > 1
	if quote {
		b = append(b, '"')
	}
	b, _ = s.Ports.AppendText(b) // the set is valid
	if quote {
		b = append(b, '"')
	}
	return b
}

func tableShare(s alloc.Share) string {
	if !s.Ports.IsValid() {
		return "-"
	}
	return s.Outside.String() + ":" + shortPorts(s.Ports)
}
