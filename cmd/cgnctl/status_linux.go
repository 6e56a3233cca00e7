package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/nat44"
)

// A held is what the kernel holds of an instance.
type held struct {
	backend, instance, state, sha256 string
	detail                           record                  // what only this backend has, for json
	flat                             record                  // the numbers that all backends have, for csv
	say                              func(*tabwriter.Writer) // the rest of it for people
}

func newStatus(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say what the kernel holds",
		Long: `Say what the kernel of this network namespace holds: every instance of both backends, or of one, with the plan in force,
interfaces, mappings, memory, and the packets that were dropped, with reasons. Changes nothing. Where instances of
nftables are found, and those of xdp cannot be looked for from here, that is a note.

Exit 1 when there is nothing. Needs root, because the kernel tells nobody else.`,
		Example: `  cgnctl status
  cgnctl status --backend xdp --instance west -o json`,
		Args: exactly(0, "no arguments"),
	}
	var keys planFlags
	backend := cmd.Flags().String("backend", "", "what translates: "+strings.Join(backends, ", ")+" (default: all)")
	instance := cmd.Flags().String("instance", "", "only this instance (default: all)")
	cmd.Flags().StringArrayVar(&keys.keys, "key-file", nil, "xdp: file with a key of scheme random that the plan in force has (repeatable)")
	onlyFor(cmd, xdp, "key-file")
	checkBackend(cmd, backend, backends)
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.Flags().Changed("instance") {
			if _, err := (&instanceFlag{*instance}).parse(); err != nil {
				return err
			}
		}
		all, err := e.held(*backend, *instance, &keys)
		if err != nil {
			return err
		}
		if err := e.printHeld(all, *format); err != nil {
			return err
		}
		if len(all) == 0 {
			return &fault{code: exitNobody, msg: nothingHeld(*backend, *instance)}
		}
		return nil
	}
	return cmd
}

func nothingHeld(backend, instance string) string {
	what := "no instance"
	if instance != "" {
		what = "no instance " + instance
	}
	if backend != "" {
		what += " of backend " + backend
	}
	return what + " is in the kernel of this network namespace"
}

// held looks for instances.
func (e *env) held(backend, instance string, keys *planFlags) (all []held, err error) {
	if backend != xdp {
		err = withKernel(func(k *nat44.Kernel) error {
			states, err := k.Instances()
			for _, s := range states {
				if instance == "" || instance == s.Instance.String() {
					all = append(all, heldNftables(s))
				}
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if backend != nftables {
		more, err := heldXDP(instance, keys)
		if len(all) > 0 && unseen(err) {
			e.note([]string{"instances of backend xdp cannot be looked for: " + err.Error()})
			return all, nil
		}
		return append(all, more...), xdpFault(err, "")
	}
	return all, nil
}

func heldNftables(s nat44.InstanceState) held {
	h := held{backend: nftables, instance: s.Instance.String(), state: "in force", sha256: s.SHA256}
	if !s.Loaded {
		h.state = "not loaded"
	}
	h.flat = record{
		{"subscribers", s.Subscribers}, {"addresses", nil}, {"tcp", nil}, {"udp", nil}, {"icmp", nil}, {"bytes", nil},
		{"dropped_packets", s.Untranslated}, {"dropped_bytes", s.Bytes},
	}
	h.detail = record{{"subscribers", s.Subscribers}, {"drops", []record{{{"reason", "untranslated"}, {"packets", s.Untranslated}, {"bytes", s.Bytes}}}}}
	h.say = func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "  subscribers\t%d\n", s.Subscribers)
		if s.Untranslated > 0 {
			fmt.Fprintf(w, "  untranslated\t%s dropped: no ports, no subscriber, or no valid flow\n", many(s.Untranslated, "packet"))
		}
	}
	return h
}

// printHeld prints instances.
func (e *env) printHeld(all []held, format string) error {
	heads, flats := []record{}, []record{}
	for _, h := range all {
		var sha any
		if h.sha256 != "" {
			sha = h.sha256
		}
		head := record{{"backend", h.backend}, {"instance", h.instance}, {"state", h.state}, {"plan_sha256", sha}}
		heads = append(heads, append(slices.Clip(head), h.detail...))
		flats = append(flats, append(slices.Clip(head), h.flat...))
	}
	switch format {
	case "json":
		return printRecords(e.stdout, format, record{{"instances", heads}})
	case "ndjson":
		return printRecords(e.stdout, format, heads...)
	case "csv":
		return printRecords(e.stdout, format, flats...)
	}
	out := &sticky{w: e.stdout}
	for i, h := range all {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "%s instance %s: %s\n", h.backend, h.instance, h.state)
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		if h.sha256 != "" {
			fmt.Fprintf(w, "  plan\tsha256 %s\n", h.sha256)
		}
		h.say(w)
		_ = w.Flush() // sticky
	}
	return writeFault(out.err)
}
