package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/nat44"
)

func newRemove(e *env) *cobra.Command {
	var in instanceFlag
	cmd := &cobra.Command{
		Use:   "remove",
		Short: "Take everything of an instance out of the kernel",
		Long: `Take everything of an instance out of the kernel: the table, its blackhole routes, and the flows that it translated;
with --backend xdp the programs on the interfaces and all mappings, whatever release has made them. Subscribers have no
translation afterwards. Exit 1 when there is nothing to remove. Needs root.`,
		Example: `  cgnctl remove --instance west
  cgnctl remove --backend xdp`,
		Args: exactly(0, "no arguments"),
	}
	in.add(cmd)
	backend := backendFlag(cmd, backends...)
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(*cobra.Command, []string) error {
		instance, err := in.parse()
		if err != nil {
			return err
		}
		if *backend == xdp {
			return e.removeXDP(instance.String(), *format)
		}
		return withKernel(func(k *nat44.Kernel) error {
			r, err := k.Remove(instance)
			if errors.Is(err, nat44.ErrNotLoaded) {
				return &fault{code: exitNobody, msg: err.Error()}
			}
			if err != nil {
				return err
			}
			return printRecords(e.stdout, *format, record{{"instance", instance.String()}, {"flows_deleted", r.FlowsDeleted}, {"routes_removed", r.RoutesRemoved}})
		})
	}
	return cmd
}
