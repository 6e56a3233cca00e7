package main

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
)

func newPlan(e *env) *cobra.Command {
	var p policy
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Summarise a plan: who fits, with how many ports",
		Long: `Print the sizing of a plan: subscribers, addresses, sharing ratio, ports per subscriber, what is left over, and the
first and last record. Takes the same flags as allocate.`,
		Example: `  cgnctl plan --subscribers 100.64.0.0/22 --outside 198.18.0.0/27 --write-plan plan.yaml`,
		Args:    exactly(0, "no arguments"),
	}
	p.add(cmd)
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		plan, err := p.plan(e, cmd)
		if err != nil {
			return err
		}
		switch *format {
		case "json":
			return printRecords(e.stdout, "json", summarize(plan))
		case "csv", "ndjson":
			var pools []record
			for p := range plan.AllPools() {
				pools = append(pools, summarizePool(p))
			}
			return printRecords(e.stdout, *format, pools...)
		}
		return printSummary(e.stdout, plan)
	}
	return cmd
}

// summarize returns the sizing of a plan as a record.
func summarize(plan *alloc.Plan) record {
	var pools []record
	var capacity, subscribers uint64
	for p := range plan.AllPools() {
		pools = append(pools, summarizePool(p))
		capacity += p.Capacity()
		subscribers += p.Subscribers()
	}
	return record{
		{"sha256", plan.SHA256()}, {"subscribers", subscribers}, {"capacity", capacity}, {"pools", pools},
	}
}

func summarizePool(p *alloc.Pool) record {
	var ends [2]any // null where routers hold the port sets, which have rules in place of an order
	var usable any
	scheme := p.Kind().String()
	if p.Kind() == alloc.NAT44 {
		first, _ := p.At(0) // a pool has at least one subscriber
		last, _ := p.At(p.Subscribers() - 1)
		ends, usable, scheme = [2]any{share(first), share(last)}, p.Usable(), p.Scheme().String()
	}
	r := record{
		{"name", p.Name()}, {"realm", p.Realm()}, {"scheme", scheme},
		{"subscribers", p.Subscribers()}, {"addresses", p.Addresses()},
		{"sharing_ratio", p.SharingRatio()}, {"ports_per_subscriber", p.PortsPerSubscriber()},
		{"usable_ports", usable}, {"tail_per_address", p.TailPorts()}, {"dynamic_per_address", p.DynamicPorts()},
		{"capacity", p.Capacity()}, {"capacity_left", p.Capacity() - p.Subscribers()},
	}
	var offset, length, step, key any // null unless the scheme has it, so that every pool has the same fields
	if l, ok := p.Layout(); ok {
		offset, length = l.Offset(), l.Length()
	}
	if p.StepSize() > 0 {
		step = p.StepSize()
	}
	if p.KeyID() != "" {
		key = p.KeyID()
	}
	r = append(r, value{"psid_offset", offset}, value{"psid_length", length}, value{"step", step}, value{"key_id", key})
	return append(r, value{"first", ends[0]}, value{"last", ends[1]})
}

func share(a alloc.Allocation) record {
	return record{{"subscriber", a.Subscriber().Text()}, {"outside", a.Outside()}, {"ports", a.Ports()}}
}

// printSummary prints the sizing for people.
func printSummary(w io.Writer, plan *alloc.Plan) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "plan\tsha256 %s\n", plan.SHA256())
	for p := range plan.Pools() {
		first, _ := p.At(0)
		last, _ := p.At(p.Subscribers() - 1)
		fmt.Fprintf(tw, "\npool\t%s (realm %s)\n", p.Name(), p.Realm())
		fmt.Fprintf(tw, "scheme\t%s%s\n", p.Scheme(), parameters(p))
		fmt.Fprintf(tw, "subscribers\t%d of %d that fit, %d left\n", p.Subscribers(), p.Capacity(), p.Capacity()-p.Subscribers())
		fmt.Fprintf(tw, "addresses\t%d\n", p.Addresses())
		least, most := "", ""
		if p.Scheme() == alloc.Explicit { // what follows differs from share to share and address to address
			least, most = "at least ", "at most "
		}
		fmt.Fprintf(tw, "sharing ratio\t%s1:%d\n", most, p.SharingRatio())
		fmt.Fprintf(tw, "ports per subscriber\t%s%d of the usable %s\n", least, p.PortsPerSubscriber(), shortPorts(p.Usable()))
		if n := p.DynamicPorts(); n > 0 {
			fmt.Fprintf(tw, "dynamic per address\t%d ports\n", n)
		} else {
			fmt.Fprintf(tw, "tail per address\t%s%d ports\n", most, p.TailPorts())
		}
		fmt.Fprintf(tw, "first\t%s -> %s:%s\n", first.Subscriber(), first.Outside(), shortPorts(first.Ports()))
		fmt.Fprintf(tw, "last\t%s -> %s:%s\n", last.Subscriber(), last.Outside(), shortPorts(last.Ports()))
	}
	for p := range plan.Softwires() {
		fmt.Fprintf(tw, "\npool\t%s (realm %s)\n", p.Name(), p.Realm())
		fmt.Fprintf(tw, "kind\t%s\n", p.Kind())
		fmt.Fprintf(tw, "subscribers\t%d\n", p.Subscribers())
		fmt.Fprintf(tw, "addresses\t%d\n", p.Addresses())
		fmt.Fprintf(tw, "sharing ratio\tat most 1:%d\n", p.SharingRatio())
		fmt.Fprintf(tw, "ports per subscriber\tat least %d\n", p.PortsPerSubscriber())
	}
	return writeFault(tw.Flush())
}

func parameters(p *alloc.Pool) string {
	if l, ok := p.Layout(); ok {
		return fmt.Sprintf(" (%s)", l)
	}
	if p.StepSize() > 0 {
		return " (step " + strconv.Itoa(p.StepSize()) + ")"
	}
	if p.KeyID() != "" {
		return " (key " + p.KeyID() + ")"
	}
	return ""
}
