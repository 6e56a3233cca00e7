package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/internal/api/client"
	"github.com/cgnkit/cgnkit/internal/daemon"
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
		Short: "Say what the kernel holds, and how cgnd is",
		Long: `Say what the kernel of this network namespace holds: every instance of both backends, or of one, with the plan in force,
interfaces, mappings, memory, and the packets that were dropped, with reasons. Changes nothing. Where instances of
nftables are found, and those of xdp cannot be looked for from here, that is a note. The kernel tells root only.

Where a cgnd answers on its usual socket, its state comes first, also for who may open the socket and is not root. With --socket or
--url that cgnd is asked, and the kernel is not looked at. Formats for programs have instances with the keys of before, and json the
daemon besides; with --socket or --url they have the daemon only.

Exit 1 when there is nothing, 5 when cgnd is not healthy.`,
		Example: `  cgnctl status
  cgnctl status --backend xdp --instance west -o json
  cgnctl status --url https://cgn1.example.net:9743 --token-file ~/.cgnd-token`,
		Args: exactly(0, "no arguments"),
	}
	var keys planFlags
	var api apiFlags
	api.add(cmd)
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
		if api.given() {
			for _, name := range []string{"backend", "instance", "key-file"} {
				if cmd.Flags().Changed(name) {
					return badInput("leave it out: a cgnd has one instance, which it says", "--%s chooses what of the kernel is looked at, and cgnd is asked", name)
				}
			}
			return e.askStatus(cmd, &api, *format)
		}
		return e.status(cmd, *backend, *instance, &keys, *format)
	}
	return cmd
}

// status says what the kernel holds, and what the daemon on the usual socket says.
func (e *env) status(cmd *cobra.Command, backend, instance string, keys *planFlags, format string) error {
	s := e.neighbour(cmd, backend, instance)
	all, err := e.held(backend, instance, keys)
	if s != nil && errors.Is(err, os.ErrPermission) {
		e.note([]string{"the kernel was not looked at: that takes root"})
		err = nil
	}
	if err != nil {
		return err
	}
	if err := e.printStatus(all, s, format); err != nil {
		return err
	}
	switch {
	case s != nil:
		return unwell(s)
	case len(all) == 0:
		return &fault{code: exitNobody, msg: nothingHeld(backend, instance)}
	}
	return nil
}

func (e *env) printStatus(all []held, s *daemon.Snapshot, format string) error {
	if s == nil || format == "csv" || format == "ndjson" {
		return e.printHeld(all, nil, format)
	}
	if format == "table" {
		if err := sayDaemon(e.stdout, s); err != nil {
			return writeFault(err)
		}
		if len(all) > 0 {
			if _, err := fmt.Fprintln(e.stdout); err != nil {
				return writeFault(err)
			}
		}
	}
	return e.printHeld(all, s, format)
}

// neighbour returns what the daemon on the usual socket says, where there is one and it is the one that is asked for.
func (e *env) neighbour(cmd *cobra.Command, backend, instance string) *daemon.Snapshot {
	if _, err := os.Stat(client.DefaultSocket); err != nil {
		return nil
	}
	var s daemon.Snapshot
	if err := (&apiFlags{}).ask(cmd, e, "/v1/status", &s); err != nil {
		e.note([]string{err.Error()})
		return nil
	}
	if backend != "" && backend != s.Backend || instance != "" && instance != s.Instance {
		return nil
	}
	return &s
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

// printHeld prints instances, and as json a daemon with them that is not nil.
func (e *env) printHeld(all []held, s *daemon.Snapshot, format string) error {
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
		r := record{{"instances", heads}}
		if s != nil {
			r = append(r, value{"daemon", s})
		}
		return printRecords(e.stdout, format, r)
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
