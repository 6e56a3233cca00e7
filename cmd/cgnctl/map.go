package main

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/portset"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

func newMap(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "map",
		Short: "Compute addresses and ports under a MAP rule (RFC 7597, RFC 7599)",
		Long: `Compute what MAP-E and MAP-T give to a subscriber's router (CE): from its end-user IPv6 prefix, or back from an IPv4 address
and a port.`,
		Example: `  cgnctl map ce --rule6 2001:db8::/40 --rule4 192.0.2.0/24 --ea-len 16 --end-user 2001:db8:12:3400::/56`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newMapCE(e), newMapFind(e))
	return cmd
}

// ruleFlags describe one MAP rule.
type ruleFlags struct {
	rule6, rule4           string
	eaLen                  int
	offset, length, psid   int
	draftIID, overwriteIID bool
	dmr, dst               string
	changed                func(flag string) bool
}

func (r *ruleFlags) add(cmd *cobra.Command) {
	r.addRule(cmd)
	f := cmd.Flags()
	f.StringVar(&r.dmr, "dmr", "", "IPv6 prefix of the default mapping rule (MAP-T); with --dst")
	f.StringVar(&r.dst, "dst", "", "IPv4 destination: show the IPv6 address to which MAP-T sends")
	cmd.MarkFlagsRequiredTogether("dmr", "dst")
}

// addRule adds the flags of the rule itself.
func (r *ruleFlags) addRule(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&r.rule6, "rule6", "", "IPv6 prefix of the rule")
	f.StringVar(&r.rule4, "rule4", "", "IPv4 prefix of the rule")
	decimalVar(f, &r.eaLen, "ea-len", 0, "number of EA bits, 0 to 48")
	decimalVar(f, &r.offset, "psid-offset", portset.DefaultOffset, "PSID offset a, 0 to 15")
	decimalVar(f, &r.length, "psid-length", 0, "PSID length k; default: the EA bits that are left for it")
	decimalVar(f, &r.psid, "psid", 0, "PSID, right-aligned, where the EA bits hold none")
	f.BoolVar(&r.draftIID, "draft-iid", false, "interface identifiers as in the drafts before RFC 7597")
	f.BoolVar(&r.overwriteIID, "overwrite-iid", false, "allow prefixes that reach into the interface identifier")
	r.changed = f.Changed
}

// rule returns the rule that the flags describe.
func (r *ruleFlags) rule() (*softwire.Rule, error) {
	s := softwire.RuleSpec{EALen: r.eaLen, OverwriteIID: r.overwriteIID}
	var err error
	if s.IPv6, err = prefixFlag("rule6", r.rule6, "2001:db8::/40"); err != nil {
		return nil, err
	}
	if s.IPv4, err = prefixFlag("rule4", r.rule4, "192.0.2.0/24"); err != nil {
		return nil, err
	}
	if !r.changed("ea-len") {
		return nil, badInput("for example --ea-len 16; 0 where the rule is for one router", "--ea-len is missing")
	}
	for name, p := range map[string]struct {
		to   **int
		from int
	}{"psid-offset": {&s.PSIDOffset, r.offset}, "psid-length": {&s.PSIDLength, r.length}, "psid": {&s.PSID, r.psid}} {
		if r.changed(name) {
			*p.to = new(p.from)
		}
	}
	if r.draftIID {
		s.IID = softwire.IIDDraft
	}
	rule, err := softwire.NewRule(s)
	if invalid, ok := errors.AsType[*softwire.InvalidError](err); ok {
		first := invalid.Findings[0]
		f := &fault{code: exitInput, msg: "--" + first.Error(), hint: first.Hint}
		f.more(len(invalid.Findings), "")
		return nil, f
	}
	return rule, err
}

// prefixFlag reads the value of a flag that must be given.
func prefixFlag(name, text, example string) (netip.Prefix, error) {
	hint := fmt.Sprintf("for example --%s %s", name, example)
	if text == "" {
		return netip.Prefix{}, badInput(hint, "--%s is missing", name)
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, badInput(hint, "--%s %q is not a prefix", name, text)
	}
	return p, nil
}

// addr4Flag reads an IPv4 address from a flag.
func addr4Flag(name, text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return a, badInput(fmt.Sprintf("for example --%s 192.0.2.18", name), "--%s %q is not an IPv4 address", name, text)
	}
	return a, nil
}

// destination returns the record of --dmr and --dst, which is empty without them.
func (r *ruleFlags) destination(rule *softwire.Rule) (record, error) {
	if r.dmr == "" && r.dst == "" {
		return nil, nil
	}
	p, err := prefixFlag("dmr", r.dmr, "2001:db8:ffff::/64")
	if err != nil {
		return nil, err
	}
	dst, err := addr4Flag("dst", r.dst)
	if err != nil {
		return nil, err
	}
	dmr, err := softwire.NewPref64(p)
	if err != nil {
		return nil, badInput("", "--dmr: %v", err)
	}
	if rule.IPv6().Overlaps(p) { // as in a domain
		return nil, badInput("take a DMR outside of rule6: what is for a destination in it would be for a router", "--dmr: %v overlaps rule6 %v", p, rule.IPv6())
	}
	dst6, err := dmr.Embed(dst)
	if err != nil {
		return nil, badInput("", "--dst: %v", err)
	}
	return record{{"dst", dst}, {"dst6", dst6}}, nil
}

func newMapCE(e *env) *cobra.Command {
	var r ruleFlags
	var endUser string
	cmd := &cobra.Command{
		Use:   "ce",
		Short: "Show what an end-user IPv6 prefix stands for",
		Long: `Show the IPv4 address or prefix, the PSID, the ports and the MAP address of the router (CE) with an end-user IPv6 prefix. Exit 1
when the prefix is not in the rule. With --dmr and --dst, also the IPv6 address to which it sends by MAP-T.`,
		Example: `  cgnctl map ce --rule6 2001:db8::/40 --rule4 192.0.2.0/24 --ea-len 16 --end-user 2001:db8:12:3400::/56`,
		Args:    exactly(0, "no arguments"),
	}
	r.add(cmd)
	cmd.Flags().StringVar(&endUser, "end-user", "", "IPv6 prefix that was delegated to the router")
	format := outputFlag(cmd, "json", "table", "csv", "ndjson")
	cmd.RunE = func(*cobra.Command, []string) error {
		rule, err := r.rule()
		if err != nil {
			return err
		}
		prefix, ce, err := ceOf(rule, endUser)
		if err != nil {
			return err
		}
		return e.printCE(&r, prefix, ce, *format)
	}
	return cmd
}

// ceOf returns the router with the prefix that --end-user gives.
func ceOf(rule *softwire.Rule, endUser string) (netip.Prefix, softwire.CE, error) {
	prefix, err := prefixFlag("end-user", endUser, "2001:db8:12:3400::/56")
	if err != nil {
		return prefix, softwire.CE{}, err
	}
	ce, err := rule.Forward(prefix)
	switch {
	case errors.Is(err, softwire.ErrNoRule):
		err = &fault{code: exitNobody, msg: fmt.Sprintf("--end-user: %v", err)}
	case err != nil:
		err = badInput("", "--end-user: %v", err)
	}
	return prefix, ce, err
}

func newMapFind(e *env) *cobra.Command {
	var r ruleFlags
	var ipv4 string
	var port int
	cmd := &cobra.Command{
		Use:   "find",
		Short: "Say which end-user IPv6 prefix has an IPv4 address and port",
		Long: `Say which router (CE) has an IPv4 address and port, TCP or UDP, or an ICMP identifier. Exit 1 when nobody has it: the address
is not in the rule, or the port belongs to no PSID. --port may be left out where the rule shares no addresses.`,
		Example: `  cgnctl map find --rule6 2001:db8::/40 --rule4 192.0.2.0/24 --ea-len 16 --ipv4 192.0.2.18 --port 1232`,
		Args:    exactly(0, "no arguments"),
	}
	r.add(cmd)
	cmd.Flags().StringVar(&ipv4, "ipv4", "", "IPv4 address")
	decimalVar(cmd.Flags(), &port, "port", 0, "port or ICMP identifier")
	format := outputFlag(cmd, "json", "table", "csv", "ndjson")
	cmd.RunE = func(*cobra.Command, []string) error {
		rule, err := r.rule()
		if err != nil {
			return err
		}
		a, err := addr4Flag("ipv4", ipv4)
		switch {
		case err != nil:
			return err
		case port < 0 || port >= portset.PortCount:
			return badInput("", "port %d is not in 0 to 65535", port)
		case !r.changed("port") && rule.Shared():
			return badInput("for example --port 1232", "--port is missing: %d routers share an address", rule.Layout().SharingRatio())
		}
		ce, err := rule.Reverse(a, uint16(port))
		if err != nil {
			return &fault{code: exitNobody, msg: fmt.Sprintf("nobody has %v port %d under rule6 %v rule4 %v: %v", a, port, rule.IPv6(), rule.IPv4(), err)}
		}
		return e.printCE(&r, ce.EndUser(), ce, *format)
	}
	return cmd
}

// printCE prints a CE with the end-user prefix that was given or found.
func (e *env) printCE(r *ruleFlags, endUser netip.Prefix, ce softwire.CE, format string) error {
	dst, err := r.destination(ce.Rule())
	if err != nil {
		return err
	}
	if none, ok := ce.Rule().Undelegable(); ok {
		e.warn([]string{fmt.Sprintf("--rule6 %v holds %v, of which no router is delegated anything", ce.Rule().IPv6(), none)})
	}
	var psid, ipv4 any = nil, ce.IPv4()
	if n, ok := ce.PSID(); ok {
		psid = n
	}
	if ce.IPv4().IsSingleIP() {
		ipv4 = ce.IPv4().Addr()
	}
	var ports any = ce.Ports()
	if format == "json" || format == "ndjson" {
		ports = portSummary(ce.Ports())
	}
	all := record{
		{"end_user", endUser}, {"ipv4", ipv4}, {"psid", psid}, {"psid_len", ce.Rule().Layout().Length()},
		{"ce_ipv6", ce.Address()}, {"ports", ports},
	}
	return printRecords(e.stdout, format, append(all, dst...))
}

// portSummary is a port set as its size and its first and last two ranges: all 63 of them help nobody.
func portSummary(s portset.Set) record {
	const ends = 2
	var ranges [][2]uint16
	for p := range s.Ranges() {
		ranges = append(ranges, [2]uint16{p.First(), p.Last()})
	}
	n := min(ends, len(ranges))
	return record{
		{"range_count", len(ranges)}, {"port_count", s.Len()}, {"first", ranges[:n]}, {"last", ranges[len(ranges)-n:]},
	}
}
