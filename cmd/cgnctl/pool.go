package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/internal/api/form"
)

func newPool(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pool [NAME]",
		Short: "Say what of the pools is in use",
		Long: `Ask cgnd about the pools of the plan that is in force: subscribers and room for more, outside addresses, and how many of the
ports that subscribers own are in use, of each protocol. Use is counted in the background; it is empty before the first time.

Exit 1 when there is no pool of that name.`,
		Example: `  cgnctl pool
  cgnctl pool homes -o json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return badInput(fmt.Sprintf("see %s --help", cmd.CommandPath()), "%s takes the name of a pool, and %d arguments were given", cmd.CommandPath(), len(args))
			}
			return nil
		},
	}
	var api apiFlags
	api.add(cmd)
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var all form.Pools
		if err := api.ask(cmd, e, "/v1/pools", &all); err != nil {
			return err
		}
		if len(args) == 1 {
			kept := all.Pools[:0]
			for _, p := range all.Pools {
				if p.Name == args[0] {
					kept = append(kept, p)
				}
			}
			if all.Pools = kept; len(kept) == 0 {
				return &fault{code: exitNobody, msg: fmt.Sprintf("the plan in force has no pool %q", args[0]), hint: "cgnctl pool lists the pools"}
			}
		}
		return e.printPools(all, *format)
	}
	return cmd
}

func (e *env) printPools(all form.Pools, format string) error {
	if format == "json" {
		return printJSON(e.stdout, all)
	}
	if format == "table" && all.Taken != nil {
		e.note([]string{"counted " + age(*all.Taken) + ", at " + second(*all.Taken)})
	}
	rows := make([]record, len(all.Pools))
	for i, p := range all.Pools {
		var tcp, udp, icmp, percent, sessions any
		if u := p.UsedPorts; u != nil {
			tcp, udp, icmp = u.TCP, u.UDP, u.ICMP
			if p.OwnedPorts > 0 {
				percent = fmt.Sprintf("%.1f", float64(u.Max())*100/float64(p.OwnedPorts))
			}
		}
		if p.Sessions != nil {
			sessions = p.Sessions.Sum()
		}
		rows[i] = printableRecord(record{
			{"pool", p.Name}, {"realm", p.Realm}, {"scheme", p.Scheme}, {"subscribers", p.Subscribers}, {"capacity", p.Capacity}, {"addresses", p.Addresses},
			{"owned", p.OwnedPorts}, {"tcp", tcp}, {"udp", udp}, {"icmp", icmp}, {"percent", percent}, {"sessions", sessions},
		})
	}
	return printRecords(e.stdout, format, rows...)
}
