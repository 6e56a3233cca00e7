package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/internal/daemon"
)

// printDaemon prints what a daemon says of itself, and nothing else.
func (e *env) printDaemon(s *daemon.Snapshot, format string) error {
	switch format {
	case "json", "ndjson":
		return printJSON(e.stdout, record{{"daemon", s}})
	case "csv":
		return printRecords(e.stdout, "csv", printableRecord(flatDaemon(s)))
	}
	return writeFault(sayDaemon(e.stdout, s))
}

// unwell is the fault of a daemon that is not healthy: it was asked for its state, and that is bad.
func unwell(s *daemon.Snapshot) error {
	if s.Healthy {
		return nil
	}
	return &fault{code: exitCheck, msg: "cgnd of instance " + printable(s.Instance) + " is not healthy"}
}

func flatDaemon(s *daemon.Snapshot) record {
	var epoch any
	if s.Epoch != nil {
		epoch = s.Epoch.Seq
	}
	codes := []string{}
	for _, p := range s.Problems {
		codes = append(codes, printable(p.Code))
	}
	return record{
		{"instance", s.Instance}, {"backend", s.Backend}, {"healthy", s.Healthy}, {"in_force_sha256", s.InForce}, {"wanted_sha256", s.Wanted},
		{"epoch", epoch}, {"applied", stampOrNull(s.Apply.At)}, {"compared", stampOrNull(s.Verify.At)}, {"differences", s.Verify.Differences},
		{"drift_found", s.Drift.Found}, {"problems", codes},
	}
}

// sayDaemon prints the state of a daemon for people.
func sayDaemon(to io.Writer, s *daemon.Snapshot) error {
	out := &sticky{w: to}
	state := "healthy"
	switch {
	case !s.Ready:
		state = "starting"
	case !s.Healthy:
		state = "not healthy"
	}
	if s.Doing != "" {
		state += ", at work: " + printable(s.Doing)
	}
	fmt.Fprintf(out, "cgnd of %s instance %s: %s\n", printable(s.Backend), printable(s.Instance), state)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, p := range s.Problems {
		fmt.Fprintf(w, "  %s\tsince %s: %s\n", printable(p.Code), second(p.Since), printable(p.Text))
	}
	if s.InForce != "" {
		fmt.Fprintf(w, "  in force\tsha256 %s\n", printable(s.InForce))
	}
	if s.Wanted != s.InForce && s.Wanted != "" {
		fmt.Fprintf(w, "  wanted\tsha256 %s\n", printable(s.Wanted))
	}
	if s.Epoch != nil {
		fmt.Fprintf(w, "  epoch\t%d, from %s\n", s.Epoch.Seq, second(s.Epoch.From))
	}
	if s.Next != nil {
		fmt.Fprintf(w, "  next epoch\t%d, from %s\n", s.Next.Seq, second(s.Next.From))
	}
	if a := s.Apply; !a.At.IsZero() {
		fmt.Fprintf(w, "  applied\t%s, %s, in %v: %d kept, %d moved, %d added, %d removed\n", second(a.At), printable(a.Way), a.Took.Round(time.Millisecond), a.Kept, a.Moved, a.Added, a.Removed)
	}
	if v := s.Verify; !v.At.IsZero() {
		found := "equal"
		if v.Differences > 0 {
			found = plural(v.Differences, "difference")
		}
		fmt.Fprintf(w, "  compared\t%s, %s, in %v\n", second(v.At), found, v.Took.Round(time.Millisecond))
	}
	if d := s.Drift; d.Found > 0 {
		fmt.Fprintf(w, "  drift\tfound %s, repaired %s, last %s\n", times(d.Found), times(d.Repaired), second(d.Last))
	}
	_ = w.Flush() // sticky
	return out.err
}

func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	return plural(n, "time")
}

// askStatus asks one daemon for its state.
func (e *env) askStatus(cmd *cobra.Command, api *apiFlags, format string) error {
	var s daemon.Snapshot
	if err := api.ask(cmd, e, "/v1/status", &s); err != nil {
		return err
	}
	if err := e.printDaemon(&s, format); err != nil {
		return err
	}
	return unwell(&s)
}
