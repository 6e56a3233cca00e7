package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

func newLookup(e *env) *cobra.Command {
	var p planFlags
	var l ledgerFlags
	var when timeFlags
	var realm string
	cmd := &cobra.Command{
		Use:   "lookup {-c PLAN | --ledger FILE} SUBSCRIBER",
		Short: "Say which address and ports a subscriber owns",
		Long: `Answer the forward question. Exit 1 when the address is no subscriber. When it is a subscriber in several realms,
list them and exit 3; --realm picks one. A subscriber of MAP or lightweight 4over6 is an end-user IPv6 prefix, and any address or
prefix in it will do.

With --ledger the question is about a time. Where the share changed in that time, every one is listed with its epoch (exit 3).
Exit 4 when no epoch covers the time.`,
		Example: `  cgnctl lookup -c plan.yaml 100.64.0.2
  cgnctl lookup --ledger ledger.jsonl 100.64.0.2 --at 2026-03-01T12:34:56Z`,
		Args: exactly(1, "one subscriber address"),
	}
	p.add(cmd)
	l.add(cmd)
	when.add(cmd)
	cmd.MarkFlagsMutuallyExclusive("config", "ledger")
	cmd.Flags().StringVar(&realm, "realm", "", "inside address space; default: all")
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		a, err := parseSubscriber(args[0])
		if err != nil {
			return err
		}
		if l.path != "" {
			first, last, err := when.window()
			if err != nil {
				return err
			}
			l.keys = p
			return l.with(e, func(led *ledger.Ledger) error { return e.lookupLedger(led, a, realm, first, last, *format) })
		}
		if err := withoutLedger(cmd.Flags(), "at", "from", "to", "tolerance"); err != nil {
			return err
		}
		f, err := p.load()
		if err != nil {
			return err
		}
		if a.Addr().Is6() && len(f.Plan.SoftwireRealms()) == 0 {
			return badInput("", "%s: this is IPv6, and the plan has no pools of MAP or lightweight 4over6", args[0])
		}
		return e.lookup(f.Plan, a, realmsOf(f.Plan, a, realm), *format)
	}
	return cmd
}

// realmsOf returns the realms in which a subscriber can be: the one that was named, or all.
func realmsOf(plan *alloc.Plan, a netip.Prefix, named string) []string {
	switch {
	case named != "":
		return []string{named}
	case a.Addr().Is6():
		return plan.SoftwireRealms()
	}
	return plan.Realms()
}

// parseSubscriber reads an inside address, or for MAP and lw4o6 an IPv6 address or prefix.
func parseSubscriber(text string) (netip.Prefix, error) {
	if strings.Count(text, ":") < 2 {
		a, err := parseIPv4(text)
		return netip.PrefixFrom(a, 32), err
	}
	const hint = "for example 2001:db8:12:3400::/56 or 2001:db8:12:3400::1"
	p, err := netip.ParsePrefix(text)
	if err != nil {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return p, badInput(hint, "%q is not an IPv6 address or prefix", text)
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if p != p.Masked() {
		return p, badInput(fmt.Sprintf("write %v, or %v for the address", p.Masked(), p.Addr()), "%v: host bits are set", p)
	}
	return p, nil
}

func (e *env) lookup(plan *alloc.Plan, prefix netip.Prefix, realms []string, format string) error {
	var found []alloc.Allocation
	excluded, a := false, alloc.Subscriber{Prefix: prefix}.Text()
	for _, realm := range realms {
		al, err := plan.Lookup(alloc.Subscriber{Realm: realm, Prefix: prefix})
		if err == nil {
			found = append(found, al)
		}
		excluded = excluded || errors.Is(err, alloc.ErrExcluded)
	}
	switch {
	case len(found) == 1:
		return printRecords(e.stdout, format, forward(found[0]))
	case len(found) > 1:
		if err := e.printCandidates(format, found); err != nil {
			return err
		}
		return &fault{code: exitAmbiguous, msg: fmt.Sprintf("%v is a subscriber in %d realms", a, len(found)), hint: "name one with --realm"}
	case excluded:
		return &fault{code: exitNobody, msg: fmt.Sprintf("%v is listed in the plan and excluded: it has no share", a)}
	}
	return &fault{code: exitNobody, msg: fmt.Sprintf("%v is not a subscriber of this plan", a)}
}

func forward(a alloc.Allocation) record {
	return record{
		{"pool", a.Pool().Name()}, {"realm", a.Pool().Realm()}, {"subscriber", a.Subscriber().Text()},
		{"outside", outsideText(a)}, {"ports", a.Ports()},
	}
}

// outsideText returns the outside address, or the prefix where MAP gives a subscriber several.
func outsideText(a alloc.Allocation) string {
	if p := a.OutsidePrefix(); !p.IsSingleIP() {
		return p.String()
	}
	return a.Outside().String()
}

// printCandidates prints several possible answers: for json one object with a list, for the rest a row each.
func (e *env) printCandidates(format string, found []alloc.Allocation) error {
	records := make([]record, len(found))
	for i, a := range found {
		records[i] = forward(a)
	}
	if format == "json" {
		return printRecords(e.stdout, format, record{{"status", "ambiguous"}, {"candidates", records}})
	}
	return printRecords(e.stdout, format, records...)
}

// parseIPv4 reads an address argument.
func parseIPv4(text string) (netip.Addr, error) {
	r, err := alloc.ParseAddrRange(text)
	if err != nil {
		return netip.Addr{}, badInput("", "%v", err)
	}
	if r.Len() != 1 {
		return netip.Addr{}, badInput("to list a whole prefix use cgnctl allocate", "%s: want one address", text)
	}
	return r.First(), nil
}
