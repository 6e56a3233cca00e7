package main

import (
	_ "embed"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/internal/daemonfile"
)

//go:embed dist/cgnd.8
var manPage string

func newGen(stdout io.Writer) *cobra.Command {
	cmd := &cobra.Command{Use: "gen", Short: "Write files that are made from the command itself", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	printer := func(use, short, example string, text func() (string, error)) *cobra.Command {
		return &cobra.Command{Use: use, Short: short, Example: example, Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
			s, err := text()
			if err == nil {
				_, err = io.WriteString(stdout, s)
			}
			return err
		}}
	}
	cmd.AddCommand(newGenToken(stdout),
		printer("schema", "Print the JSON Schema of the configuration", "  cgnd gen schema > cgnd.schema.json", func() (string, error) {
			b, err := daemonfile.Schema()
			return string(b), err
		}),
		printer("keys", "Print the keys of the configuration as a Markdown table", "  cgnd gen keys", func() (string, error) {
			return daemonfile.KeyTable(), nil
		}),
		printer("config", "Print a configuration to begin with", "  cgnd gen config > /etc/cgnd/cgnd.yaml", func() (string, error) {
			return daemonfile.Sample(), nil
		}),
		&cobra.Command{
			Use: "man DIR", Short: "Write the man pages cgnd(8) and cgnd.yaml(5) into a folder", Example: "  cgnd gen man build/man",
			Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, args []string) error { return genMan(args[0]) },
		})
	return cmd
}

// genMan writes the man pages. The same command gives the same bytes.
func genMan(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"cgnd.8": strings.ReplaceAll(manPage, "@RELEASE@", release), "cgnd.yaml.5": daemonfile.ManPage(release),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
