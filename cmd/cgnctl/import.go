package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/planfile"
	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

func newImport(e *env) *cobra.Command {
	var from, path string
	cmd := &cobra.Command{
		Use:   "import [--from FORMAT] FILE",
		Short: "Find the plan that existing NAT rules follow",
		Long: `Read the rules that a NAT runs today, find the plan that they follow and write it as a plan file to standard output.
What was found, and what was ignored and why, goes to standard error. FILE - is standard input.

Formats: ` + strings.Join(rulefile.FormatNames(), ", ") + `. Without --from the start of the file decides. nftables reads files and
nft list ruleset; iptables reads iptables-save and scripts without variables; routeros reads /ip firewall nat export; vyos
reads nat cgnat; csv reads what cgnctl allocate -o csv prints.

The plan is proven: it gives every subscriber of the file the same outside address and ports, and has no other subscribers.
Rules that contradict each other, two subscribers with one port, and lines about source NAT that are not understood end the
import with the line (exit 2).`,
		Example: `  cgnctl import old.rsc > plan.yaml && cgnctl equal old.rsc plan.yaml
  iptables-save -t nat | cgnctl import --from iptables - > plan.yaml`,
		Args: exactly(1, "one file, or - for standard input"),
	}
	cmd.Flags().StringVar(&from, "from", "", "format of the file: "+strings.Join(rulefile.FormatNames(), ", ")+" (default: by its start)")
	cmd.Flags().StringVar(&path, "write-plan", "", "write the plan to this file, with long lists of subscribers beside it, and not to standard output")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		in, name, closing, err := e.openRules(args[0])
		if err != nil {
			return err
		}
		defer closing()
		format, err := formatOf("from", from, name, in)
		if err != nil {
			return err
		}
		t, err := rulefile.Parse(in, format, name)
		if err != nil {
			return err
		}
		return e.importTable(t, path)
	}
	return cmd
}

// maxPrinted is the number of ranges and listed shares up to which a plan on standard output can surely be read again: plan files have
// 4 MiB at most.
const maxPrinted = 100_000

// importTable finds the plan of a table and writes it.
func (e *env) importTable(t *rulefile.Table, path string) error {
	e.findings(t)
	spec, found, err := rulefile.Infer(t)
	if err != nil {
		return err
	}
	plan, err := alloc.NewPlan(spec)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stderr, "cgnctl: %s: %s, %d subscribers\n", t.Name(), t.Format(), t.Len())
	for _, line := range found.Lines() {
		fmt.Fprintf(e.stderr, "cgnctl: %s\n", line)
	}
	if path != "" {
		if err := planfile.Save(path, spec, plan); err != nil {
			return badInput("", "--write-plan: %v", err)
		}
		return nil
	}
	ranges := 0
	for _, p := range spec.Pools {
		ranges += len(p.Inside) + len(p.Outside) + len(p.Shares)
	}
	if ranges > maxPrinted {
		e.warn([]string{fmt.Sprintf("the plan has %d address ranges and listed shares, which may be more than a plan file takes: use --write-plan FILE", ranges)})
	}
	return writeFault(planfile.Write(e.stdout, spec, plan))
}
