package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// newRoot builds the command tree. Nouns answer and change nothing; verbs change something.
func newRoot(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:   "cgnctl",
		Short: "Plan carrier-grade NAT port allocation and answer who owns which port",
		Long: `cgnctl computes which subscriber owns which ports of which outside address (RFC 7422, RFC 7597), prints it, proves
it, and answers both directions. It finds the plan that the rules of a NAT follow, writes a plan as configuration of a NAT, and
makes the Linux kernel obey it, by nftables or by XDP. Only what reaches into the kernel needs root: apply, verify, remove, status, forward, checkpoint,
restore, events, and a demo with traffic; status, sub, top and pool ask cgnd.

Exit codes: 0 answered, equal or valid; 1 a valid question whose answer is "nobody", or differences; 2 usage,
configuration or input error; 3 ambiguous, several candidates; 4 no epoch covers that time; 5 a check
failed.`,
		Example: `  cgnctl allocate --subscribers 100.64.0.0/22 --outside 198.18.0.0/27
  cgnctl trace -c plan.yaml 198.18.0.0:6000`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				hint := "the commands are listed by cgnctl --help"
				if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
					hint = fmt.Sprintf("did you mean cgnctl %s?", near[0])
				}
				return badInput(hint, "unknown command %q", args[0])
			}
			return cmd.Help()
		},
	}
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.HiddenDefaultCmd = false
	root.AddCommand(
		newAllocate(e), newPlan(e), newLookup(e), newTrace(e), newCheck(e), newDiff(e), newLedger(e), newAnswer(e), newImport(e), newEqual(e),
		newPSID(e), newMap(e), newRender(e), newVersion(e), newGen(e),
	)
	root.AddCommand(kernelCommands(e)...)
	root.AddCommand(newSub(e), newTop(e), newPool(e))
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Example = "  cgnctl completion bash > /etc/bash_completion.d/cgnctl"
			for _, shell := range c.Commands() {
				shell.Example = "  cgnctl completion " + shell.Name()
			}
		}
	}
	return root
}

// exactly is cobra.ExactArgs with a message that names what is wanted.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return badInput(fmt.Sprintf("see %s --help", cmd.CommandPath()), "%s takes %s, and %d arguments were given", cmd.CommandPath(), what, len(args))
		}
		return nil
	}
}
