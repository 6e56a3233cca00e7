package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/nat44"
)

// kernelCommands are the commands that reach into the kernel.
func kernelCommands(e *env) []*cobra.Command {
	return []*cobra.Command{newApply(e), newVerify(e), newRemove(e), newDemo(e)}
}

// backendFlag adds --backend, of which there is one so far.
func backendFlag(cmd *cobra.Command) {
	backend := cmd.Flags().String("backend", "nftables", "what translates: nftables")
	check := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		if *backend != "nftables" {
			return badInput("the backends are: nftables", "unknown backend %q", *backend)
		}
		if check != nil {
			return check(cmd, args)
		}
		return nil
	}
}

// withKernel runs fn with a connection to the kernel.
func withKernel(fn func(*nat44.Kernel) error) error {
	k, err := nat44.Open()
	if err != nil {
		return kernelFault(err)
	}
	defer k.Close()
	return kernelFault(fn(k))
}

// watch shows how far the kernel is until end is called. Nothing is printed in between, so it shows on a terminal where stdout
// is one, too.
func (e *env) watch(k *nat44.Kernel) (end func()) {
	p := e.newProgress()
	if e.watched {
		p.to = e.stderr
	}
	k.Progress = func(what string, done, total uint64) {
		p.what = what
		p.at(done, total)
	}
	return p.done
}

// kernelFault gives errors of the kernel the hint that helps.
func kernelFault(err error) error {
	hint := ""
	var own *fault
	switch {
	case err == nil || errors.As(err, &own):
		return err
	case errors.Is(err, os.ErrPermission):
		hint = "run it as root; cgnctl render nftables needs none"
	case errors.Is(err, nat44.ErrUnsupported):
		hint = "modprobe nf_tables, or use a kernel that has it"
	case errors.Is(err, nat44.ErrBusy):
		hint = "wait until that one is through, and look at what it did with cgnctl verify"
	case errors.Is(err, nat44.ErrUnstable):
		hint = "find out who keeps changing nf_tables: nft monitor"
	case errors.Is(err, nat44.ErrConflict):
		hint = "give every address to one instance; cgnctl remove --instance takes one away"
	case errors.Is(err, nat44.ErrForeign):
		hint = "nft list table shows whose it is"
	}
	return badInput(hint, "%v", err)
}

func newApply(e *env) *cobra.Command {
	var p planFlags
	var in instanceFlag
	var o nat44.ApplyOptions
	cmd := &cobra.Command{
		Use:   "apply -c PLAN",
		Short: "Make the kernel obey a plan",
		Long: `Make the kernel of this network namespace obey a plan. What the kernel has is read and compared, element by element;
what differs is changed in one transaction, or everything is built aside and swapped in one transaction. Then flows are
forgotten whose outside endpoint their subscriber no longer owns (nobody else's), and blackhole routes are set for the
outside addresses, so that packets for unused ports do not loop.

Settings of the host are compared with what the plan needs, and reported; they are never changed.

kept, moved, added and removed count subscribers against what the kernel held. Needs root (CAP_NET_ADMIN).`,
		Example: `  cgnctl apply -c plan.yaml --dry-run`,
		Args:    exactly(0, "no arguments"),
	}
	p.add(cmd)
	in.add(cmd)
	backendFlag(cmd)
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "only say what would change")
	decimalVar(cmd.Flags(), &o.FlowsPerSubscriber, "flows-per-subscriber", nat44.FlowsPerSubscriber, "flows at once to expect of a subscriber, for the size of the conntrack table")
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(*cobra.Command, []string) error {
		rs, err := in.ruleset(&p)
		if err != nil {
			return err
		}
		return withKernel(func(k *nat44.Kernel) error {
			end := e.watch(k)
			report, err := k.Apply(rs, o)
			end()
			if err != nil {
				return err
			}
			e.warn(report.Warnings)
			if report.Way == nat44.Rebuild {
				e.note(report.Reasons)
			}
			if *format == "table" {
				return e.printApplied(rs, report, o.DryRun)
			}
			return printRecords(e.stdout, *format, applied(rs, report, o.DryRun))
		})
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

func newVerify(e *env) *cobra.Command {
	var p planFlags
	var in instanceFlag
	cmd := &cobra.Command{
		Use:   "verify -c PLAN",
		Short: "Prove that the kernel equals a plan",
		Long: `Compare the kernel of this network namespace with a plan: table, chains, rules, timers, every element of every map, and
routes. Every difference is listed, and the exit code is 5 when there are any. Changes nothing. Needs root
(CAP_NET_ADMIN), because the kernel tells nobody else.`,
		Example: `  cgnctl verify -c plan.yaml`,
		Args:    exactly(0, "no arguments"),
	}
	p.add(cmd)
	in.add(cmd)
	backendFlag(cmd)
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(*cobra.Command, []string) error {
		rs, err := in.ruleset(&p)
		if err != nil {
			return err
		}
		return withKernel(func(k *nat44.Kernel) error { return e.verify(k, rs, *format) })
	}
	return cmd
}

func (e *env) verify(k *nat44.Kernel, rs *nat44.Ruleset, format string) error {
	w := e.newDifferenceWriter(format)
	w.begin(rs)
	end := e.watch(k)
	v, err := k.Verify(rs, func(d nat44.Difference) {
		if w.n == 0 {
			end() // the differences take the place of the progress
			k.Progress = nil
		}
		w.add(d)
	})
	end()
	if err != nil {
		return err
	}
	e.note(v.Notes)
	if err := w.end(rs, v); err != nil {
		return err
	}
	if v.Differences > 0 {
		f := &fault{code: exitCheck, msg: fmt.Sprintf("the kernel departs from the plan in %s", many(v.Differences, "place"))}
		if !v.Foreign {
			f.hint = "cgnctl apply repairs it"
		}
		return f
	}
	return nil
}

func many(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func newRemove(e *env) *cobra.Command {
	var in instanceFlag
	cmd := &cobra.Command{
		Use:   "remove",
		Short: "Take everything of an instance out of the kernel",
		Long: `Delete the table of an instance, its blackhole routes, and the flows that it translated. Subscribers have no translation
afterwards. Exit 1 when there is nothing to remove. Needs root (CAP_NET_ADMIN).`,
		Example: `  cgnctl remove --instance west`,
		Args:    exactly(0, "no arguments"),
	}
	in.add(cmd)
	backendFlag(cmd)
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(*cobra.Command, []string) error {
		instance, err := in.parse()
		if err != nil {
			return err
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
