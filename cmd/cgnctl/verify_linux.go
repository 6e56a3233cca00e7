package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/nat44"
)

func newVerify(e *env) *cobra.Command {
	var p planFlags
	var in instanceFlag
	cmd := &cobra.Command{
		Use:   "verify -c PLAN",
		Short: "Prove that the kernel equals a plan",
		Long: `Compare the kernel of this network namespace with a plan: table, chains, rules, timers, every element of every map, and
routes; with --backend xdp every entry of every map, policies, the programs and where they run, and of every port that
is in use whether it belongs to who uses it. Every difference is listed, and the exit code is 5 when there are any.
Changes nothing. Needs root, because the kernel tells nobody else.`,
		Example: `  cgnctl verify -c plan.yaml
  cgnctl verify -c plan.yaml --backend xdp`,
		Args: exactly(0, "no arguments"),
	}
	p.add(cmd)
	in.add(cmd)
	backend := backendFlag(cmd, backends...)
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(*cobra.Command, []string) error {
		if *backend == xdp {
			return e.verifyXDP(&in, &p, *format)
		}
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
	w.begin(rs.Instance().String(), rs.Plan().SHA256())
	end := e.watch(k)
	v, err := k.Verify(rs, func(d nat44.Difference) {
		if w.n == 0 {
			end() // the differences take the place of the progress
			k.Progress = nil
		}
		w.add(d.What, d.Kind.String(), d.Detail)
	})
	end()
	if err != nil {
		return err
	}
	e.note(v.Notes)
	if err := w.end(rs.Plan().SHA256(), value{"elements", v.Elements}); err != nil {
		return err
	}
	if v.Differences > 0 {
		f := &fault{code: exitCheck, msg: fmt.Sprintf("the kernel departs from the plan in %s", many(v.Differences, "place"))}
		if !v.Foreign {
			f.hint = repair(command("apply", nftables, rs.Instance().String()), v.Differences, v.OtherRelease)
		}
		return f
	}
	return nil
}

// repair says what to do about differences. Those that are there because another release made what the kernel has are nobody's doing.
func repair(apply string, differences, release uint64) string {
	switch release {
	case 0:
		return apply + " repairs it"
	case differences:
		return "another release made what the kernel has, and nobody changed it: " + apply + " replaces it"
	}
	return fmt.Sprintf("%s repairs it; %s %s there because another release made what the kernel has, and nobody changed that",
		apply, many(release, "difference"), map[bool]string{true: "is", false: "are"}[release == 1])
}

func many(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
