package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/nat44"
)

func newApply(e *env) *cobra.Command {
	var p planFlags
	var in instanceFlag
	var x xdpFlags
	var l ledgerFlags
	var f entryFlags
	var o nat44.ApplyOptions
	cmd := &cobra.Command{
		Use:   "apply -c PLAN",
		Short: "Make the kernel obey a plan",
		Long: `Make the kernel of this network namespace obey a plan. What the kernel has is read and compared, element by element;
what differs is changed in one transaction, or everything is built aside and swapped in one transaction. Then flows are
forgotten whose outside endpoint their subscriber no longer owns (nobody else's), and blackhole routes are set for the
outside addresses, so that packets for unused ports do not loop.

With --backend xdp the translation is a program in the drivers of the interfaces. It is loaded beside what is in force
and then takes its place while packets pass: subscribers with the same share keep their mappings. What is not given
(interfaces of a side, policies, the key that ports follow from) stays as the instance has it. After Ctrl-C what was in
force stays in force.

An outside address belongs to one instance. One of the other backend that has it by another plan is refused; by the same
plan it is a warning, because that is how subscribers are moved from one backend to the other.

With --ledger the epoch is recorded when the kernel has the plan. A run that was killed in between is noticed by the next one,
which asks the kernel. A ledger is about one instance: another one is refused as long as the first translates by another plan.

Settings of the host are compared with what the plan needs, and reported; they are never changed.

kept, moved, added and removed count subscribers against what the kernel held. Needs root: CAP_NET_ADMIN, and for xdp
also CAP_BPF and CAP_PERFMON in the initial user namespace.`,
		Example: `  cgnctl apply -c plan.yaml --dry-run
  cgnctl apply -c plan.yaml --ledger ledger.jsonl --note "ticket 4711"
  cgnctl apply -c plan.yaml --backend xdp --inside eth0 --outside eth1`,
		Args: exactly(0, "no arguments"),
	}
	p.add(cmd)
	in.add(cmd)
	x.add(cmd)
	l.add(cmd)
	f.add(cmd)
	backend := backendFlag(cmd, backends...)
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "only say what would change")
	decimalVar(cmd.Flags(), &o.FlowsPerSubscriber, "flows-per-subscriber", nat44.FlowsPerSubscriber, "nftables: flows at once to expect of a subscriber, for the size of the conntrack table")
	onlyFor(cmd, nftables, "flows-per-subscriber")
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.DryRun {
			l.path = "" // nothing happens that could be recorded
		}
		if *backend == xdp {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once; the next apply finishes what it leaves
			return e.applyXDP(ctx, &in, &p, &x, &recordFlags{l, f}, o.DryRun, *format)
		}
		rs, err := in.ruleset(&p)
		if err != nil {
			return err
		}
		if err := e.checkXDP(rs.Plan()); err != nil {
			return err
		}
		rec, err := e.startRecording(&recordFlags{l, f}, nftables, rs.Instance().String(), rs.Plan(), &p)
		if err != nil {
			return err
		}
		defer rec.close()
		var report nat44.Report
		ep, err := rec.end(withKernel(func(k *nat44.Kernel) (err error) {
			end := e.watch(k)
			report, err = k.Apply(rs, o)
			end()
			return err
		}))
		if err != nil {
			return err
		}
		e.warn(report.Warnings)
		if report.Way == nat44.Rebuild {
			e.note(report.Reasons)
		}
		if *format != "table" {
			return printRecords(e.stdout, *format, append(applied(rs, report, o.DryRun), rec.epochOf(ep)...))
		}
		if err := e.printApplied(rs, report, o.DryRun); err != nil {
			return err
		}
		return rec.say(ep)
	}
	return cmd
}

// applied is the result of an apply as a record.
func applied(rs *nat44.Ruleset, r nat44.Report, dry bool) record {
	return record{
		{"instance", rs.Instance().String()}, {"way", r.Way.String()}, {"dry_run", dry},
		{"kept", r.Kept}, {"moved", r.Moved}, {"added", r.Added}, {"removed", r.Removed},
		{"flows_deleted", r.FlowsDeleted}, {"routes_added", r.RoutesAdded}, {"routes_removed", r.RoutesRemoved},
		{"plan_sha256", rs.Plan().SHA256()},
	}
}

// printApplied prints the result of an apply for people.
func (e *env) printApplied(rs *nat44.Ruleset, r nat44.Report, dry bool) error {
	mode := ""
	if dry {
		mode = " (dry run, nothing is changed)"
	}
	_, err := fmt.Fprintf(e.stdout, "instance %v: %v%s\nkept %d  moved %d  added %d  removed %d\n", rs.Instance(), r.Way, mode, r.Kept, r.Moved, r.Added, r.Removed)
	if err == nil && !dry {
		_, err = fmt.Fprintf(e.stdout, "flows deleted %d  routes added %d  routes removed %d\n", r.FlowsDeleted, r.RoutesAdded, r.RoutesRemoved)
	}
	if err == nil {
		_, err = fmt.Fprintf(e.stdout, "plan sha256 %s\n", rs.Plan().SHA256())
	}
	return writeFault(err)
}
