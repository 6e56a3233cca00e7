package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/internal/daemonfile"
	"github.com/cgnkit/cgnkit/internal/version"
)

// The exit codes are those of cgnctl.
const (
	exitInput = 2 // usage, configuration, or something that the daemon needs and does not get
)

// release is the version of this tree.
const release = version.Release

// revision returns the commit that the binary was built from, "" where the build did not know it.
func revision() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return ""
}

// run executes the command and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cmd := newRoot(stdout, stderr)
	cmd.SetArgs(args)
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(stderr, "cgnd: %v\n", err)
		return exitInput
	}
	return 0
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	var config string
	var check bool
	cmd := &cobra.Command{
		Use:   "cgnd -c FILE",
		Short: "Make the kernel follow a plan",
		Long: `Make the kernel follow the plan that a ledger says is in force, or that of a plan file, until SIGTERM. The kernel is left as
it is at the end, so that no packet is lost when cgnd is stopped, killed or replaced. SIGHUP has it read its files anew, but for
the configuration, which takes a restart. Logs go to standard error.`,
		Example:       "  cgnd --check -c /etc/cgnd/cgnd.yaml\n  cgnd -c /etc/cgnd/cgnd.yaml",
		Args:          cobra.NoArgs,
		SilenceErrors: true, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if config == "" {
				return errors.New("-c FILE is missing; docs/cgnd.md says what stands in it")
			}
			c, err := daemonfile.Load(config)
			if err != nil {
				return err
			}
			if check {
				return checkFiles(c, stdout)
			}
			return serve(cmd.Context(), c, stderr)
		},
	}
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	cmd.Flags().StringVarP(&config, "config", "c", "", "configuration file")
	cmd.Flags().BoolVar(&check, "check", false, "only check configuration, plan or ledger, policies and keys; the kernel is not touched")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml")
	cmd.AddCommand(newGen(stdout), newVersion(stdout))
	return cmd
}

func newVersion(stdout io.Writer) *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(stdout, "cgnd %s %s/%s %s\n", release, runtime.GOOS, runtime.GOARCH, runtime.Version())
			return err
		}}
}
