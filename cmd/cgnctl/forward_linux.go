package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
)

func newForward(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "forward",
		Short: "Open ports of subscribers for good",
		Long: `Port forwards of the XDP backend: what comes for a port of a subscriber's share goes to an inside port of the subscriber, at any
time and from anybody, and what that inside port sends leaves from there. A forward needs no traffic and does not expire; it
ends with cgnctl forward remove, or when the subscriber gets a share without the port.`,
		Example: `  cgnctl forward add 100.64.0.2 tcp/6000 --to 80
  cgnctl forward list`,
		Args: exactly(0, "no arguments, but one of add, remove and list"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newForwardChange(e, "add", "Open a port of a subscriber", `Open a port of a subscriber's share. The port must be free, or have the mapping of that very inside port; a mapping that the inside port
has elsewhere ends. That the forward is there already is no error. A forward counts for the limit of the
policy: one that would be more is refused. Needs root.`, (*ebpf.Datapath).Forward),
		newForwardChange(e, "remove", "Close a port of a subscriber", `Close a port that cgnctl forward add has opened; connections on it end, unless the inside port has that port by itself (its home) and goes on sending: that is an ordinary mapping then, reached by whom the filtering lets in. Exit 1 when there is no such forward. Needs root.`,
			(*ebpf.Datapath).EndForward),
		newForwardList(e),
	)
	return cmd
}

// newForwardChange makes the commands that open and close.
func newForwardChange(e *env, verb, short, long string, change func(*ebpf.Datapath, ebpf.Forward) error) *cobra.Command {
	var o openFlags
	var realm string
	var to int
	cmd := &cobra.Command{
		Use: verb + " SUBSCRIBER PROTOCOL/PORT", Short: short, Long: long,
		Example: "  cgnctl forward " + verb + " 100.64.0.2 tcp/6000 --to 80",
		Args:    exactly(2, "a subscriber and an outside port, such as 100.64.0.2 tcp/6000"),
	}
	o.add(cmd)
	cmd.Flags().StringVar(&realm, "realm", "", "inside address space; default: the one that has the subscriber")
	decimalVar(cmd.Flags(), &to, "to", 0, "inside port (default: the same as the outside port)")
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f, err := parseForward(args[1])
		if err != nil {
			return err
		}
		if f.InsidePort = f.OutsidePort; cmd.Flags().Changed("to") {
			if to < 1 || to > 65535 {
				return badInput("for example --to 80", "--to %d: want a port from 1 to 65535", to)
			}
			f.InsidePort = uint16(to)
		}
		return o.with(func(instance string, d *ebpf.Datapath) error {
			share, err := shareOf(d.Plan(), args[0], realm)
			if err != nil {
				return err
			}
			f.Subscriber = share.Subscriber()
			if err := change(d, f); err != nil {
				return forwardFault(err, instance, share)
			}
			return printRecords(e.stdout, *format, forwardRecord(f, share))
		})
	}
	return cmd
}

func newForwardList(e *env) *cobra.Command {
	var o openFlags
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the ports that are open",
		Long:    `List the forwards of an instance, by outside address, protocol and port. Changes nothing. Needs root.`,
		Example: `  cgnctl forward list -o csv`,
		Args:    exactly(0, "no arguments"),
	}
	o.add(cmd)
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(*cobra.Command, []string) error {
		return o.with(func(_ string, d *ebpf.Datapath) error {
			all := []record{}
			for f, err := range d.Forwards() {
				if err != nil {
					return err
				}
				share, err := d.Plan().Lookup(f.Subscriber)
				if err != nil {
					return err
				}
				all = append(all, forwardRecord(f, share))
			}
			if *format == "json" {
				return printRecords(e.stdout, *format, record{{"forwards", all}})
			}
			return printRecords(e.stdout, *format, all...)
		})
	}
	return cmd
}

// parseForward reads "tcp/6000".
func parseForward(text string) (f ebpf.Forward, err error) {
	const hint = "for example tcp/6000; other protocols have no ports to forward"
	protocol, port, _ := strings.Cut(text, "/")
	switch protocol {
	case ebpf.TCP.String():
		f.Protocol = ebpf.TCP
	case ebpf.UDP.String():
		f.Protocol = ebpf.UDP
	default:
		return f, badInput(hint, "%q: want tcp/PORT or udp/PORT", text)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return f, badInput(hint, "%q: %q is not a port from 1 to 65535", text, port)
	}
	f.OutsidePort = uint16(n)
	return f, nil
}

func forwardRecord(f ebpf.Forward, share alloc.Allocation) record {
	return record{
		{"outside", share.Outside()}, {"protocol", f.Protocol.String()}, {"port", f.OutsidePort},
		{"subscriber", f.Subscriber.Addr()}, {"realm", share.Pool().Realm()}, {"to", f.InsidePort},
	}
}

// forwardFault gives refusals the hint that helps.
func forwardFault(err error, instance string, share alloc.Allocation) error {
	switch {
	case errors.Is(err, ebpf.ErrNoForward):
		return &fault{code: exitNobody, msg: err.Error(), hint: command("forward list", "", instance) + " shows those that there are; --to is the inside port"}
	case errors.Is(err, ebpf.ErrNotOwned):
		return badInput(fmt.Sprintf("the subscriber has ports %s of %v", shortPorts(share.Ports()), share.Outside()), "%v", err)
	case errors.Is(err, ebpf.ErrTaken):
		return badInput(command("forward list", "", instance)+" shows the forwards; other mappings end some time after their last packet", "%v", err)
	case errors.Is(err, ebpf.ErrLimit):
		return badInput(command("forward list", "", instance)+" shows the forwards; cgnctl apply --policy changes the limit", "%v", err)
	}
	return err
}
