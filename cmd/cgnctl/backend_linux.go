package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cgnkit/cgnkit/nat44"
)

// The backends.
const (
	nftables = "nftables"
	xdp      = "xdp"
)

var backends = []string{nftables, xdp}

// backendOf is the annotation of a flag that belongs to one backend.
const backendOf = "backend"

// backendFlag adds --backend and returns where its value will be. The first choice is the default.
func backendFlag(cmd *cobra.Command, choices ...string) *string {
	backend := cmd.Flags().String("backend", choices[0], "what translates: "+strings.Join(choices, ", "))
	checkBackend(cmd, backend, choices)
	return backend
}

// checkBackend refuses other backends than the choices, and flags of another backend than is chosen.
func checkBackend(cmd *cobra.Command, backend *string, choices []string) {
	check := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) (err error) {
		if !slices.Contains(choices, *backend) && (*backend != "" || cmd.Flags().Changed("backend")) {
			return badInput("the backends are: "+strings.Join(choices, ", "), "unknown backend %q", *backend)
		}
		cmd.Flags().Visit(func(f *pflag.Flag) {
			if of := f.Annotations[backendOf]; err == nil && len(of) > 0 && *backend != "" && of[0] != *backend {
				err = badInput("leave it out, or say --backend "+of[0], "--%s belongs to backend %s, and this is %s", f.Name, of[0], *backend)
			}
		})
		if err == nil && check != nil {
			err = check(cmd, args)
		}
		return err
	}
	_ = cmd.RegisterFlagCompletionFunc("backend", cobra.FixedCompletions(choices, cobra.ShellCompDirectiveNoFileComp))
}

// onlyFor says that flags belong to one backend.
func onlyFor(cmd *cobra.Command, backend string, flags ...string) {
	for _, name := range flags {
		_ = cmd.Flags().SetAnnotation(name, backendOf, []string{backend})
	}
}

// command returns the command that does something to an instance, for hints: to follow one must not meet another instance.
func command(verb, backend, instance string) string {
	out := "cgnctl " + verb
	if backend == xdp {
		out += " --backend " + backend
	}
	if instance != "" && (instance != nat44.DefaultInstance || verb == "remove") { // what is removed is named, always
		out += " --instance " + instance
	}
	return out
}
