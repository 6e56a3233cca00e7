package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// equalFlags are the flags of equal.
type equalFlags struct {
	planFlags
	from           [2]string
	realm          string
	where, realms  []string
	without        []string
	conditions     []rulefile.Where
	ofRealm        map[string][]rulefile.Where
	noICMP, noRest bool
}

func newEqual(e *env) *cobra.Command {
	var f equalFlags
	cmd := &cobra.Command{
		Use:   "equal A B",
		Short: "Prove that two plans or rule files describe the same mapping",
		Long: `Compare two files subscriber by subscriber: each a plan file, the rules of a NAT (see cgnctl import), or a table as
cgnctl allocate -o csv prints. Equal (exit 0) means that every subscriber of one is in the other, with the same outside address
and exactly the same ports, in tcp, udp and icmp, and that both do so on the same conditions: so every port has the same owner,
and nobody's traffic is lost. Otherwise the differences are listed as by cgnctl diff (exit 1). A file that cannot be read is exit 2,
and so are equal files in which a port has two owners. One of them may be -, standard input.

Differences are also: a subscriber with rules for tcp or udp only; icmp without a rule, or with identifiers outside the share;
protocols without ports that one side translates; an interface, mark or destination on which the rules of one side depend. A plan
depends on its no-translate alone. Traffic between the subscribers themselves is not compared.

--where CONDITION compares what holds for packets of which a condition of the rules is true, in their words, and --where "not
CONDITION" for the others. --without icmp and --without other leave protocols out. What was left out, and what a side cannot
say, is printed as "not compared": the answer is about the rest.

Realms: a table has a column realm, or its column pool names pools of the plan. Rules tell realms apart by a condition:
--where-realm a='iifname vrf-a' for each. --realm compares one realm.`,
		Example: `  cgnctl equal old.rsc plan.yaml --where out-interface=sfp1 --without other
  nft list ruleset | cgnctl equal plan.yaml - --from-b nftables`,
		Args: exactly(2, "two files"),
	}
	formats := "plan, " + strings.Join(rulefile.FormatNames(), ", ")
	cmd.Flags().StringVar(&f.from[0], "from-a", "", "format of A: "+formats+" (default: by its start)")
	cmd.Flags().StringVar(&f.from[1], "from-b", "", "format of B")
	cmd.Flags().StringVar(&f.realm, "realm", "", "compare this realm only")
	cmd.Flags().StringArrayVar(&f.where, "where", nil, "compare packets of which this condition of the rules is true, or \"not CONDITION\" (repeatable)")
	cmd.Flags().StringArrayVar(&f.realms, "where-realm", nil, "realm and the condition by which rules know it: NAME=CONDITION, in the words of A, of B or of both (repeatable)")
	cmd.Flags().StringSliceVar(&f.without, "without", nil, "leave protocols out: icmp, or other for those without ports")
	cmd.Flags().StringArrayVar(&f.keys, "key-file", nil, "file with a key of scheme random (repeatable)")
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if args[0] == "-" && args[1] == "-" {
			return badInput("name a file", "only one of the two can be standard input")
		}
		if err := f.parse(); err != nil {
			return err
		}
		sides, err := e.readSides(&f, args)
		if err != nil {
			return err
		}
		return e.equal(&equality{a: sides[0], b: sides[1], flags: &f}, *format)
	}
	return cmd
}

// parse reads what flags hold.
func (f *equalFlags) parse() error {
	for _, name := range f.without {
		switch name {
		case "icmp":
			f.noICMP = true
		case "other":
			f.noRest = true
		default:
			return badInput("for example --without icmp", "--without: unknown protocol %q: want icmp or other", name)
		}
	}
	for _, text := range f.where {
		f.conditions = append(f.conditions, rulefile.ParseWhere(text))
	}
	f.ofRealm = map[string][]rulefile.Where{}
	for _, text := range f.realms {
		name, condition, ok := strings.Cut(text, "=")
		if !ok || name == "" || condition == "" {
			return badInput("for example --where-realm a='iifname vrf-a'", "--where-realm: %q is not NAME=CONDITION", text)
		}
		f.ofRealm[name] = append(f.ofRealm[name], rulefile.ParseWhere(condition))
	}
	return nil
}

// checkWhere refuses conditions that no rule asks for: they would narrow nothing.
func (f *equalFlags) checkWhere(all []*rulefile.Rules) error {
	list := slices.Clone(f.conditions)
	for _, of := range f.ofRealm {
		list = append(list, of...)
	}
	slices.SortFunc(list, func(a, b rulefile.Where) int { return strings.Compare(a.String(), b.String()) })
	for _, w := range list {
		if slices.ContainsFunc(all, func(r *rulefile.Rules) bool { return r.Has(w) }) {
			continue
		}
		const most = 10
		var known []string
		for _, r := range all {
			known = append(known, r.Matches(most)...)
		}
		hint := "they ask for nothing but sources and protocols"
		if len(known) > 0 {
			hint = "they ask for: " + strings.Join(known[:min(len(known), most)], "; ")
		}
		return badInput(hint, "--where: no rule asks for %q", w.Text)
	}
	return nil
}

// pick leaves the realm that is compared, if one is named.
func (f *equalFlags) pick(s *side) error {
	if f.realm == "" || s.single {
		return nil
	}
	if !slices.Contains(s.realms, f.realm) {
		return badInput("its realms are "+strings.Join(s.realms, ", "), "--realm: %s has no realm %q", s.name, f.realm)
	}
	s.realms = []string{f.realm}
	return nil
}

// protocols returns those that are compared.
func (f *equalFlags) protocols() rulefile.Protocols {
	return rulefile.Protocols{TCP: true, UDP: true, ICMP: !f.noICMP, Other: !f.noRest}
}

// A given is what a side gives a subscriber.
type given struct {
	alloc.Share
	tcp, udp    bool // for which it holds
	icmp        icmpWay
	other       bool // protocols without ports leave with the outside address
	otherUnsaid bool
	line        int // of the first rule; 0 in plans
}

// An icmpWay is what becomes of the queries of ICMP.
type icmpWay uint8

const (
	icmpNot   icmpWay = iota
	icmpShare         // identifiers are those of the share
	icmpAny
)

func givenBy(s rulefile.Share, table bool) given {
	g := given{Share: alloc.Share{Outside: s.Outside, Ports: s.Ports}, tcp: s.Protocols.TCP, udp: s.Protocols.UDP, other: s.Protocols.Other, otherUnsaid: table, line: s.Line}
	switch {
	case s.AnyIdentifier:
		g.icmp = icmpAny
	case s.Protocols.ICMP:
		g.icmp = icmpShare
	}
	return g
}

func givenByPlan(a alloc.Allocation) given {
	return given{Share: a.Share(), tcp: true, udp: true, icmp: icmpShare, other: a.Pool().SharingRatio() == 1}
}

// sameShare reports whether two give the same to tcp and udp.
func (h given) sameShare(o given) bool {
	return h.Outside == o.Outside && h.Ports.Equal(o.Ports) && h.tcp == o.tcp && h.udp == o.udp
}
