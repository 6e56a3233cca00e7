package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

func newTrace(e *env) *cobra.Command {
	var p planFlags
	var l ledgerFlags
	var when timeFlags
	var more moreFlags
	var proto string
	cmd := &cobra.Command{
		Use:   "trace {-c PLAN | --ledger FILE} OUTSIDE[:PORT]",
		Short: "Say who owns a port of an outside address",
		Long: `Answer the reverse question for the plan: exactly one subscriber, or the reason why nobody (exit 1): reserved, tail,
unassigned, dynamic, excluded, not-in-pool. Without a port list everyone who shares the address (exit 3), unless that is one.

With --ledger the question is about a time, and the plan is the one that was in force then. Where several may have been, within
--tolerance of a change or in an interval, all are asked, and there is one answer only if they agree; otherwise every candidate is
listed with its epoch (exit 3). --flows narrows the candidates of a question without a port to those who went to a destination, by
the plan of that time and, with --proto, by that protocol; --radius and --leases add to whom the inside
address belonged. Exit 4 when no epoch covers the time. A time without an offset is refused, never guessed.

Shares hold for TCP and UDP ports and for ICMP query identifiers alike, so that --proto changes nothing but which flow records
count; it is checked, so that a question about a protocol without ports is not answered as if it had some.`,
		Example: `  cgnctl trace -c plan.yaml 198.18.0.0:6000
  cgnctl trace --ledger ledger.jsonl 198.18.0.0:6000 --at 2026-03-01T12:34:56Z --tolerance 5s
  cgnctl trace --ledger ledger.jsonl 198.18.0.0 --from 2023-02-09T16:20-03:00 --to 2023-02-09T16:30-03:00`,
		Args: exactly(1, "one outside address with a port, such as 198.18.0.0:6000"),
	}
	p.add(cmd)
	l.add(cmd)
	when.add(cmd)
	more.add(cmd)
	cmd.MarkFlagsMutuallyExclusive("config", "ledger")
	cmd.Flags().StringVar(&proto, "proto", "", "tcp, udp or icmp")
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		number, ok := protocols[proto]
		if cmd.Flags().Changed("proto") && !ok {
			return badInput("for a protocol without ports, leave the port out: a 1:1 address has one answer", "--proto %q: want tcp, udp or icmp", proto)
		}
		a, port, hasPort, err := parseEndpoint(args[0])
		if err != nil {
			return err
		}
		if l.path != "" {
			first, last, err := when.window()
			if err != nil {
				return err
			}
			l.keys, more.flows.protocol = p, number
			return l.with(e, func(led *ledger.Ledger) error {
				return e.traceLedger(led, question(a, port, hasPort, first, last), &more, *format)
			})
		}
		if err := withoutLedger(cmd.Flags(), "at", "from", "to", "tolerance", "flows", "radius", "leases"); err != nil {
			return err
		}
		f, err := p.load()
		if err != nil {
			return err
		}
		if !hasPort {
			return e.traceAddress(f.Plan, a, *format)
		}
		return e.trace(f.Plan, a, port, *format)
	}
	return cmd
}

// protocols are those with ports, or what stands for ports.
var protocols = map[string]uint8{"tcp": 6, "udp": 17, "icmp": 1}

// parseEndpoint reads "198.18.0.0:6000" or "198.18.0.0".
func parseEndpoint(text string) (a netip.Addr, port uint16, hasPort bool, err error) {
	addr, portText, hasPort := strings.Cut(text, ":")
	if strings.Count(text, ":") > 1 || strings.HasPrefix(text, "[") {
		return a, 0, false, badInput("", "%s: this is IPv6; outside addresses of NAT44 are IPv4", text)
	}
	if a, err = parseIPv4(addr); err != nil || !hasPort {
		return a, 0, false, err
	}
	n, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return a, 0, false, badInput("for example 198.18.0.0:6000", "%s: %q is not a port from 0 to 65535", text, portText)
	}
	return a, uint16(n), true, nil
}

func (e *env) trace(plan *alloc.Plan, a netip.Addr, port uint16, format string) error {
	t := plan.Trace(a, port)
	r := record{{"status", t.Status().String()}, {"outside", a}, {"port", port}}
	al, ok := t.Allocation()
	if ok {
		r = append(r, owner(al)...)
	}
	if err := printRecords(e.stdout, format, r); err != nil || ok {
		return err
	}
	return &fault{code: exitNobody, msg: fmt.Sprintf("%v:%d %s", a, port, why(t.Status(), t.Pool()))}
}

func owner(a alloc.Allocation) record {
	return record{
		{"subscriber", a.Subscriber().Text()}, {"pool", a.Pool().Name()}, {"realm", a.Pool().Realm()}, {"ports", a.Ports()},
	}
}

// why says in words why nobody owns a port.
func why(st alloc.Status, p *alloc.Pool) string {
	switch st {
	case alloc.Reserved:
		if p.Kind() != alloc.NAT44 {
			return fmt.Sprintf("is excluded from every port set on that address, by the PSID offset in pool %q", p.Name())
		}
		return fmt.Sprintf("is reserved in pool %q: usable ports are %s", p.Name(), shortPorts(p.Usable()))
	case alloc.Tail:
		if p.Scheme() == alloc.Explicit {
			return fmt.Sprintf("is in no share that pool %q lists", p.Name())
		}
		return fmt.Sprintf("is in the tail of pool %q: %d ports of each address belong to nobody", p.Name(), p.TailPorts())
	case alloc.Unassigned:
		if p.Kind() != alloc.NAT44 {
			return fmt.Sprintf("is in the port set of a PSID that pool %q gives to nobody", p.Name())
		}
		return fmt.Sprintf("is in a share of pool %q that no subscriber holds", p.Name())
	case alloc.Dynamic:
		return fmt.Sprintf("is set aside for dynamic blocks in pool %q: the log of blocks has the answer", p.Name())
	case alloc.Excluded:
		return fmt.Sprintf("is on an address that pool %q excludes", p.Name())
	default:
		return "is on an address of no pool in this plan"
	}
}

// traceAddress answers a question without a port: everyone on the address.
func (e *env) traceAddress(plan *alloc.Plan, a netip.Addr, format string) error {
	found := slices.Collect(plan.Holders(a))
	pool := plan.Trace(a, 0).Pool()
	dynamic := pool != nil && pool.DynamicPorts() > 0
	switch {
	case len(found) == 0:
		return e.traceNobody(plan.Trace(a, 0).Status(), a, dynamic, format)
	case len(found) == 1 && !dynamic:
		r := record{{"status", alloc.Allocated.String()}, {"outside", a}}
		return printRecords(e.stdout, format, append(r, owner(found[0])...))
	}
	if err := e.printCandidates(format, found); err != nil {
		return err
	}
	f := &fault{code: exitAmbiguous, msg: fmt.Sprintf("%s %v", shareholders(len(found)), a), hint: "give the port: " + a.String() + ":PORT"}
	if dynamic {
		f.msg += fmt.Sprintf(", and %d of its ports are set aside for dynamic blocks, which others may hold", pool.DynamicPorts())
	}
	return f
}

func shareholders(n int) string {
	if n == 1 {
		return "1 subscriber has a share on"
	}
	return fmt.Sprintf("%d subscribers share", n)
}

// traceNobody answers for an address without shares. st is what the plan says of its port 0.
func (e *env) traceNobody(st alloc.Status, a netip.Addr, dynamic bool, format string) error {
	msg := fmt.Sprintf("nobody has a share on %v: ", a)
	switch {
	case st == alloc.Excluded || st == alloc.NotInPool:
		msg += st.String()
	case dynamic:
		st = alloc.Dynamic
		msg += "but ports are set aside for dynamic blocks there, and the log of blocks says who holds them"
	default:
		st = alloc.Unassigned
		msg += st.String()
	}
	if err := printRecords(e.stdout, format, record{{"status", st.String()}, {"outside", a}}); err != nil {
		return err
	}
	return &fault{code: exitNobody, msg: msg}
}
