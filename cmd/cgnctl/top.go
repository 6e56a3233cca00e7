package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/internal/api/form"
)

// rankings are what subscribers can be ranked by.
var rankings = []string{"ports", "mappings", "sessions"}

// mostTop is how many a daemon ranks.
const mostTop = 100

func newTop(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "top",
		Short: "List the subscribers who use most",
		Long: `Ask cgnd which subscribers use most: ports of the protocol that each uses most, mappings of all protocols, or with nftables
sessions. It counts them in the background, every 30 s or less often where there are many; when it did so last is said.

Exit 1 when nobody uses anything.`,
		Example: `  cgnctl top
  cgnctl top --by sessions -n 5 -o csv`,
		Args: exactly(0, "no arguments"),
	}
	var api apiFlags
	api.add(cmd)
	by := cmd.Flags().String("by", rankings[0], "what counts: "+strings.Join(rankings, ", "))
	n := 20
	cmd.Flags().VarP((*decimal)(&n), "number", "n", "how many, at most "+fmt.Sprint(mostTop))
	_ = cmd.RegisterFlagCompletionFunc("by", cobra.FixedCompletions(rankings, cobra.ShellCompDirectiveNoFileComp))
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !slices.Contains(rankings, *by) {
			return badInput("they can be ranked by "+strings.Join(rankings, ", "), "--by %q: there is no such ranking", *by)
		}
		if n < 1 || n > mostTop {
			return badInput("for example -n 20", "-n %d: want a number from 1 to %d", n, mostTop)
		}
		var t form.Top
		if err := api.ask(cmd, e, fmt.Sprintf("/v1/top?by=%s&n=%d", *by, n), &t); err != nil {
			return err
		}
		if err := e.printTop(t, *format); err != nil {
			return err
		}
		if len(t.Top) == 0 {
			return &fault{code: exitNobody, msg: "nobody used anything at " + second(t.Taken)}
		}
		return nil
	}
	return cmd
}

func (e *env) printTop(t form.Top, format string) error {
	if format == "json" {
		return printJSON(e.stdout, t)
	}
	if format == "table" {
		e.note([]string{"counted " + age(t.Taken) + ", at " + second(t.Taken)})
		if len(t.Top) == 0 {
			return nil
		}
	}
	rows := make([]record, len(t.Top))
	for i, m := range t.Top {
		var sessions any
		if m.Sessions != nil {
			sessions = m.Sessions.Sum()
		}
		rows[i] = printableRecord(record{
			{"rank", m.Rank}, {"subscriber", m.Subscriber}, {"realm", m.Realm}, {"pool", m.Pool}, {"outside", m.Outside}, {"owned", m.Owned},
			{"tcp", m.Used.TCP}, {"udp", m.Used.UDP}, {"icmp", m.Used.ICMP}, {"mappings", m.Mappings.Sum()}, {"sessions", sessions},
		})
	}
	return printRecords(e.stdout, format, rows...)
}
