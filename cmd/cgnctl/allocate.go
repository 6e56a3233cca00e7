package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
)

func newAllocate(e *env) *cobra.Command {
	var p policy
	var stream bool
	cmd := &cobra.Command{
		Use:   "allocate",
		Short: "List who owns which address and ports",
		Long: `Compute the share of every subscriber and list them in inside order, one record a subscriber. Nothing is printed
before all input is known to be good and everybody is known to fit, except with --stream.

With --stream the subscribers come from one file or from standard input and are answered as they are read. The size of a
share must then be given. Memory grows with the number of /24 networks that hold subscribers, some 100 bytes each.`,
		Example: `  cgnctl allocate --subscribers 100.64.0.0/22 --outside 198.18.0.0/27 -o csv
  cgnctl allocate -c plan.yaml -o ndjson`,
		Args: exactly(0, "no arguments"),
	}
	p.add(cmd)
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.Flags().BoolVar(&stream, "stream", false, "print records while subscribers are still being read")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if stream {
			return p.stream(e, cmd, *format)
		}
		plan, err := p.plan(e, cmd)
		if err != nil {
			return err
		}
		return e.allocate(plan, *format)
	}
	return cmd
}

// allocate writes every record of a plan.
func (e *env) allocate(plan *alloc.Plan, format string) error {
	if err := listable(plan); err != nil {
		return err
	}
	r := e.newRows(format)
	var names []string
	for pool := range plan.AllPools() {
		names = append(names, pool.Name())
		r.total += pool.Subscribers()
		if pool.Kind() != alloc.NAT44 {
			r.who = len("2001:db8:ffff:ff00::/56")
		}
	}
	var summary []byte
	if format == "json" {
		b, err := json.Marshal(summarize(plan))
		if err != nil {
			return fmt.Errorf("output: %w", err)
		}
		summary = b
	}
	defer r.progress.done()
	if err := r.header(names, summary); err != nil {
		return err
	}
	for pool := range plan.Pools() {
		for run := range pool.Runs() {
			if err := r.run(run); err != nil {
				return err
			}
		}
	}
	for pool := range plan.Softwires() {
		if err := r.soft(pool); err != nil {
			return err
		}
	}
	return r.finish()
}
