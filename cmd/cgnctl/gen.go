package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/cgnkit/cgnkit/alloc/planfile"
)

func newGen(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "gen",
		Short: "Write man pages, the command reference or the plan schema",
		Long:  `Write files that are made from the command itself, for packages and documentation.`,
		Example: `  cgnctl gen man /usr/local/share/man/man1
  cgnctl gen schema > plan.schema.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	man := &cobra.Command{
		Use: "man DIR", Short: "Write a man page per command into a folder", Example: `  cgnctl gen man /usr/local/share/man/man1`,
		Args: exactly(1, "a folder"),
		RunE: func(cmd *cobra.Command, args []string) error { return genMan(cmd.Root(), args[0]) },
	}
	schema := &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of the plan file", Example: `  cgnctl gen schema > plan.schema.json`,
		Args: exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			b, err := planfile.Schema()
			if err != nil {
				return err
			}
			_, err = e.stdout.Write(b)
			return writeFault(err)
		},
	}
	reference := &cobra.Command{
		Use: "reference", Short: "Print the command reference as Markdown", Example: `  cgnctl gen reference > cgnctl.md`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(e.stdout, genReference(cmd.Root()))
			return writeFault(err)
		},
	}
	keys := &cobra.Command{
		Use: "keys", Short: "Print the keys of the plan file as a Markdown table", Example: `  cgnctl gen keys`,
		Args: exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(e.stdout, planfile.KeyTable())
			return writeFault(err)
		},
	}
	cmd.AddCommand(man, reference, schema, keys)
	return cmd
}

// genMan writes man pages. Their date is fixed, so that the same command gives the same bytes.
func genMan(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return badInput("", "%v", err)
	}
	date := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	root.DisableAutoGenTag = true
	head := &doc.GenManHeader{Section: "1", Source: "cgnkit " + release, Manual: "cgnkit", Date: &date}
	if err := doc.GenManTree(root, head, dir); err != nil {
		return badInput("", "%v", err)
	}
	return nil
}

// genReference returns the reference of every command, one after the other.
func genReference(root *cobra.Command) string {
	root.DisableAutoGenTag = true
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	var b bytes.Buffer
	b.WriteString("# cgnctl\n\n<!-- Made by \"cgnctl gen reference\"; do not edit. -->\n\n")
	fmt.Fprintf(&b, "%s\n\n", root.Long)
	var each func(cmd *cobra.Command)
	each = func(cmd *cobra.Command) {
		for _, c := range cmd.Commands() {
			if !c.IsAvailableCommand() || c.Name() == "help" {
				continue
			}
			writeReference(&b, c)
			if c.Name() != "completion" {
				each(c)
			}
		}
	}
	each(root)
	return b.String()
}

func writeReference(b *bytes.Buffer, c *cobra.Command) {
	fmt.Fprintf(b, "## %s\n\n%s\n\n```\n%s\n```\n\n", c.CommandPath(), longOf(c), c.UseLine())
	if c.Example != "" {
		fmt.Fprintf(b, "Example:\n\n```\n%s\n```\n\n", c.Example)
	}
	if flags := c.NonInheritedFlags(); flags.HasAvailableFlags() {
		fmt.Fprintf(b, "```\n%s```\n\n", flags.FlagUsages())
	}
}

func longOf(c *cobra.Command) string {
	if c.Long != "" && c.Name() != "completion" {
		return strings.TrimSpace(c.Long)
	}
	return strings.TrimSuffix(c.Short, ".") + "."
}
