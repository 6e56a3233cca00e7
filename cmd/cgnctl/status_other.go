//go:build !linux

package main

import "github.com/spf13/cobra"

func newStatus(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Say how cgnd is",
		Long:    "Ask a cgnd for its state. On Linux it also says what the kernel holds.\n\nExit 5 when it is not healthy.",
		Example: "  cgnctl status --url https://cgn1.example.net:9743 --token-file ~/.cgnd-token",
		Args:    exactly(0, "no arguments"),
	}
	var api apiFlags
	api.add(cmd)
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return e.askStatus(cmd, &api, *format) }
	return cmd
}
