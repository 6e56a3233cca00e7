package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/internal/api"
)

// newGenToken makes tokens for the API. The secret goes to standard error, so that it does not get into the file of its hash.
func newGenToken(stdout io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "token NAME read|trace|admin",
		Short: "Make a token for the API on TCP",
		Long: `Print a line for the file that listen.tokens names on standard output, and on standard error the token itself, which is shown
this once: the file has its SHA-256 only.`,
		Example: "  umask 077; cgnd gen token noc-portal read >> /etc/cgnd/tokens",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			role, ok := api.ParseRole(args[1])
			if !ok {
				return fmt.Errorf("role %q: want read, trace or admin", args[1])
			}
			secret, line, err := api.NewToken(args[0], role)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintln(stdout, line); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.ErrOrStderr(), secret)
			return err
		},
	}
}
