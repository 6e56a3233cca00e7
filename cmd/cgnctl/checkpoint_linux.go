package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/ebpf"
)

func newCheckpoint(e *env) *cobra.Command {
	var o openFlags
	var c ebpf.CheckpointOptions
	cmd := &cobra.Command{
		Use:   "checkpoint FILE",
		Short: "Write the mappings that live to a file",
		Long: `Write the mappings of an instance of the XDP backend to a file, with their ages and checksums: 24 bytes each, forwards too. cgnctl restore
makes them again: on a node that takes over, or here after cgnctl remove or a reboot. - is standard output. The file takes the
place of one that is there when it is whole, and only its owner can read it: it says who has which port. Packets pass all the while.

With --displaced those are left out that a node with the same plan and port key finds by itself. Needs root.`,
		Example: `  cgnctl checkpoint /var/lib/cgnkit/mappings`,
		Args:    exactly(1, "a file, or - for standard output"),
	}
	o.add(cmd)
	cmd.Flags().BoolVar(&c.Displaced, "displaced", false, "leave out what a node with the same plan and port key finds by itself")
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		return o.with(func(instance string, d *ebpf.Datapath) error {
			if args[0] == "-" {
				n, err := d.Checkpoint(e.stdout, c)
				if err == nil {
					e.note([]string{plural(n, "mapping") + " written"})
				}
				return err
			}
			n, err := writeFile(args[0], func(w io.Writer) (uint64, error) { return d.Checkpoint(w, c) })
			if err != nil {
				return err
			}
			return printRecords(e.stdout, *format, record{{"instance", instance}, {"mappings", n}, {"file", args[0]}})
		})
	}
	return cmd
}

// writeFile writes to a path. What is no ordinary file, a pipe or a device, stays what it is; a link stays, too.
func writeFile(path string, write func(io.Writer) (uint64, error)) (n uint64, err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if st, err := os.Stat(path); err != nil || st.Mode().IsRegular() {
		return writeWhole(path, write)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return 0, badInput("", "%v", err)
	}
	n, err = write(f)
	return n, errors.Join(err, f.Close())
}

// writeWhole writes a file, for its owner only, that takes the place of one that is there when all of it is on the disk.
func writeWhole(path string, write func(io.Writer) (uint64, error)) (n uint64, err error) {
	f, err := newWholeFile(path, 0o600)
	if err != nil {
		return 0, badInput("", "%v", err)
	}
	if n, err = write(f); err != nil {
		return n, errors.Join(err, f.drop())
	}
	if err := f.keep(); err != nil {
		return n, badInput("", "%v", err)
	}
	return n, nil
}

func newRestore(e *env) *cobra.Command {
	var o openFlags
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make the mappings of a checkpoint again",
		Long: `Make the mappings again that cgnctl checkpoint has written, - is standard input. Nothing that lives is overwritten: placed are those that are
there now, taken those whose port somebody else has by now, or whose inside endpoint another port; moved those of
subscribers that have no such port in the plan in force; limited those of subscribers that have as many as their limit
allows, forwards among them: what stands last in the file is left out; busy those that packets were in the way of, for which it
can be run again.

A checkpoint that is damaged is used up to the damage, which is exit 2. Needs root.`,
		Example: `  cgnctl restore /var/lib/cgnkit/mappings`,
		Args:    exactly(1, "a file, or - for standard input"),
	}
	o.add(cmd)
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		from := e.stdin
		if args[0] != "-" {
			f, err := os.Open(args[0])
			if err != nil {
				return badInput("cgnctl checkpoint writes one", "%v", err)
			}
			defer f.Close()
			from = f
		}
		return o.with(func(instance string, d *ebpf.Datapath) error {
			r, err := d.Restore(from)
			if errors.Is(err, ebpf.ErrCheckpoint) {
				return badInput(fmt.Sprintf("cgnctl checkpoint writes them; before the damage %s been restored", wasOrWere(r.Placed)), "%s: %v", args[0], err)
			}
			if err != nil {
				return err
			}
			if r.Busy > 0 {
				e.warn([]string{fmt.Sprintf("packets were in the way of %s: run it again", plural(r.Busy, "mapping"))})
			}
			if r.Limited > 0 {
				e.warn([]string{plural(r.Limited, "mapping") + " left out: the subscriber would have more than the limit of the policy"})
			}
			return printRecords(e.stdout, *format, record{
				{"instance", instance}, {"placed", r.Placed}, {"taken", r.Taken}, {"moved", r.Moved}, {"limited", r.Limited}, {"busy", r.Busy},
			})
		})
	}
	return cmd
}

func wasOrWere(n uint64) string {
	if n == 1 {
		return "1 mapping has"
	}
	return fmt.Sprintf("%d mappings have", n)
}
