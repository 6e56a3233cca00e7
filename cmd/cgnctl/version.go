package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/internal/version"
)

// release is the version of this tree.
const release = version.Release

func newVersion(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: `  cgnctl version -o json`,
		Args:    exactly(0, "no arguments"),
	}
	format := outputFlag(cmd, "table", "json")
	cmd.RunE = func(*cobra.Command, []string) error {
		return printRecords(e.stdout, *format, record{
			{"version", release}, {"commit", commit()}, {"go", runtime.Version()}, {"platform", runtime.GOOS + "/" + runtime.GOARCH},
		})
	}
	return cmd
}

// commit returns the commit that the binary was built from, where the build knew it.
func commit() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}
