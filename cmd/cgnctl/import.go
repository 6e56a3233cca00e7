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
	var fill bool
	cmd := &cobra.Command{
		Use:   "import [--from FORMAT] FILE",
		Short: "Find the plan that existing NAT rules follow",
		Long: `Read the rules that a NAT runs today, find the plan that they follow and write it as a plan file to standard output.
What was found, and what was ignored and why, goes to standard error. FILE - is standard input.

Formats: ` + strings.Join(rulefile.FormatNames(), ", ") + `. Without --from the start of the file decides. nftables reads files and
nft list ruleset; iptables reads iptables-save and scripts that list commands; routeros reads /ip firewall nat export; vyos
reads nat cgnat; csv reads what cgnctl allocate -o csv prints, with a column protocol where rows are about some.

The plan is proven: it gives every subscriber of the file the same outside address and ports, and has no other subscribers.
Where subscribers are missing among those of a scheme, because they left, the others on their outside address are listed; a note
says how many. With --fill the plan gives shares to the missing ones, too, where that makes it shorter: it says to whom, and
cgnctl equal lists them as added. Those whom a rule, a list or a filter of the file names are not among them.

Rules that contradict each other, two subscribers with one port, and lines about source NAT that are not understood end the
import with the line (exit 2).`,
		Example: `  cgnctl import old.rsc > plan.yaml && cgnctl equal old.rsc plan.yaml
  cgnctl import --fill old.rsc --write-plan plan.yaml
  iptables-save -t nat | cgnctl import --from iptables - > plan.yaml`,
		Args: exactly(1, "one file, or - for standard input"),
	}
	cmd.Flags().StringVar(&from, "from", "", "format of the file: "+strings.Join(rulefile.FormatNames(), ", ")+" (default: by its start)")
	cmd.Flags().StringVar(&path, "write-plan", "", "write the plan to this file, with long lists of subscribers beside it, and not to standard output")
	cmd.Flags().BoolVar(&fill, "fill", false, "give shares also to subscribers who are missing in the file among those of a scheme")
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
		return e.importTable(t, path, fill)
	}
	return cmd
}

// maxPrinted is the number of ranges and listed shares up to which a plan on standard output can surely be read again: plan files have
// 4 MiB at most.
const maxPrinted = 100_000

// importTable finds the plan of a table and writes it. Where fill is set, it may have subscribers of whom the table knows nothing.
func (e *env) importTable(t *rulefile.Table, path string, fill bool) error {
	e.findings(t)
	infer := rulefile.Infer
	if fill {
		infer = rulefile.InferFilled
	}
	spec, found, err := infer(t)
	if err != nil {
		return err
	}
	for i := range spec.Pools {
		spec.Pools[i].Realm = t.Realm()
	}
	plan, err := alloc.NewPlan(spec)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stderr, "cgnctl: %s: %s, %d subscribers\n", t.Name(), t.Format(), t.Len())
	for _, line := range found.Lines() {
		fmt.Fprintf(e.stderr, "cgnctl: %s\n", line)
	}
	e.missing(t, found)
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

// missing says to whom a plan gives shares beside the subscribers of a table, or could give them.
func (e *env) missing(t *rulefile.Table, found *rulefile.Explanation) {
	if o := found.Offer; o != nil {
		listed := "nothing"
		if o.Listed > 0 {
			listed = plural(uint64(o.Listed), "share")
		}
		e.note([]string{fmt.Sprintf("subscribers are missing among those of a scheme. With --fill, which gives shares to %s whom %s does not name, it would be %s and %s listed",
			plural(uint64(o.Filled), "subscriber"), t.Name(), plural(uint64(o.Pools), "pool"), listed)})
	}
	const shown = 5
	if len(found.Filled) == 0 {
		return
	}
	n, names := uint64(0), ""
	for i, r := range found.Filled {
		n += r.Len()
		switch {
		case i > 0 && i < shown:
			names += ", "
			fallthrough
		case i == 0:
			names += r.String()
		case i == shown:
			names += ", ..."
		}
	}
	e.warn([]string{fmt.Sprintf("the plan also gives shares to %s whom %s does not name: %s; cgnctl equal lists them as added",
		plural(n, "subscriber"), t.Name(), names)})
}
