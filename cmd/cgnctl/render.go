package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/nat44"
	"github.com/cgnkit/cgnkit/nat44/dialect"
)

// newRender has a command for each target, because what can be expressed differs.
func newRender(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "render",
		Short: "Write a plan as configuration of a NAT, or what others should know of it",
		Long: `Write a plan as configuration of a NAT, or as what name servers and the public should know of it: complete, commented, and
the same bytes for the same plan. A pool that the target cannot express exactly is refused with the reason, and nothing is
written. Pools of a kind that is not the target's business, MAP for a NAT, are left out, which stderr says. Needs no root.`,
		Example: `  cgnctl render nftables -c plan.yaml > cgn.nft && nft -c -f cgn.nft`,
		Args:    cobra.ArbitraryArgs,
	}
	// Flags belong to the targets; who names none, or an unknown one, shall read that and not something about flags.
	cmd.FParseErrWhitelist.UnknownFlags = true
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		const targets, hint = "want nftables, iptables, routeros, vyos, vpp, dns, geofeed, prefixlen, bird, kea, openwrt, vpp-map, jool or lwaftr", "for example cgnctl render nftables -c plan.yaml"
		if len(args) > 0 {
			return badInput(hint, "unknown target %q: %s", args[0], targets)
		}
		return badInput(hint, "no target: %s", targets)
	}
	cmd.AddCommand(newRenderNftables(e))
	for _, t := range []struct {
		name, short, example string
		write                func(io.Writer, *alloc.Plan) error
	}{
		{"iptables", "Write a plan for iptables-restore", "cgnctl render iptables -c plan.yaml | iptables-restore --test", dialect.IPTables},
		{"routeros", "Write a plan as a script for MikroTik RouterOS 7", "cgnctl render routeros -c plan.yaml > cgn.rsc", dialect.RouterOS},
		{"vyos", "Write a plan as set commands for VyOS", "cgnctl render vyos -c plan.yaml", dialect.VyOS},
		{"vpp", "Write a plan as det44 commands for FD.io VPP", "cgnctl render vpp -c plan.yaml", dialect.VPP},
	} {
		cmd.AddCommand(newRenderTarget(e, t.name, t.short, t.example, t.write, alloc.NAT44))
	}
	cmd.AddCommand(newRenderDNS(e), newRenderGeofeed(e), newRenderPrefixlen(e), newRenderBIRD(e), newRenderKea(e), newRenderOpenWrt(e))
	cmd.AddCommand(newRenderRelays(e)...)
	return cmd
}

// newRenderTarget builds the command of one target, which serves pools of some kinds.
func newRenderTarget(e *env, name, short, example string, write func(io.Writer, *alloc.Plan) error, kinds ...alloc.Kind) *cobra.Command {
	var p planFlags
	cmd := &cobra.Command{Use: name + " -c PLAN", Short: short, Long: short + ". What it cannot express is refused.", Example: "  " + example, Args: exactly(0, "no arguments")}
	p.add(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		f, err := p.load()
		if err != nil {
			return err
		}
		if err := noNAT44(f.Plan, name, kinds...); err != nil {
			return err
		}
		if err := e.writeTo(func(w io.Writer) error { return write(w, f.Plan) }); err != nil {
			return err
		}
		e.warn(leftOut(f.Plan, name, kinds...))
		return nil
	}
	return cmd
}

// leftOut says which pools of a plan are of other kinds than those that a target serves.
func leftOut(p *alloc.Plan, target string, kinds ...alloc.Kind) []string {
	const shown = 5
	var names []string
	for pool := range p.AllPools() {
		if !slices.Contains(kinds, pool.Kind()) {
			names = append(names, fmt.Sprintf("%s (%v)", pool.Name(), pool.Kind()))
		}
	}
	if n := len(names); n > shown {
		names = append(names[:shown], fmt.Sprintf("and %d more", n-shown))
	}
	if len(names) == 0 {
		return nil
	}
	return []string{"pools left out, because " + target + " does not serve their kind: " + strings.Join(names, ", ")}
}

// noNAT44 says what writes a plan of which a NAT serves nothing.
func noNAT44(p *alloc.Plan, target string, kinds ...alloc.Kind) error {
	if !slices.Equal(kinds, []alloc.Kind{alloc.NAT44}) {
		return nil
	}
	for range p.Pools() {
		return nil
	}
	for pool := range p.Softwires() {
		hint := "cgnctl render vpp-map, jool, lwaftr, openwrt and kea write pools of MAP and lw4o6"
		switch target {
		case "vpp":
			hint = "for VPP cgnctl render vpp-map writes pools of MAP and lw4o6"
		case "nftables":
			hint = "cgnctl render nftables --subscriber writes the NAT of one subscriber's router; cgnctl render vpp-map, jool, lwaftr, openwrt and kea write pools of MAP and lw4o6"
		}
		return badInput(hint, "the plan has no pool of kind %v, and %s serves no other: pool %q is of kind %v", alloc.NAT44, target, pool.Name(), pool.Kind())
	}
	return nil
}

func newRenderNftables(e *env) *cobra.Command {
	var p planFlags
	var in instanceFlag
	var router routerFlags
	cmd := &cobra.Command{
		Use:   "nftables -c PLAN",
		Short: "Write a plan, or the NAT of one subscriber's router, as a file for nft -f",
		Long: `Write the nftables ruleset of a plan. Loading the file with nft -f replaces the instance in one transaction. It is the
ruleset that cgnctl apply programs, which is faster, changes only what differs, adds blackhole routes and forgets the
flows of subscribers that moved.

With --subscriber, write the NAT of the router of one subscriber of MAP-E, MAP-T or lightweight 4over6 instead, a Linux machine. Without a
plan, --end-user and the flags of cgnctl map ce say which one. It gives every port of the router's set to TCP, UDP and ICMP identifiers,
each to one inside endpoint at a time, which keeps it towards all destinations. Loading such a file again keeps mappings and flows. Exit 1 when the prefix is no subscriber.`,
		Example: `  cgnctl render nftables -c plan.yaml > cgn.nft && nft -c -f cgn.nft
  cgnctl render nftables -c plan.yaml --subscriber 2001:db8:12:3400::/56 --interface map0 > router.nft
  cgnctl render nftables --rule6 2001:db8::/40 --rule4 192.0.2.0/24 --ea-len 16 --end-user 2001:db8:12:3400::/56`,
		Args: exactly(0, "no arguments"),
	}
	p.add(cmd)
	in.add(cmd)
	cmd.Flags().Lookup("instance").Usage = "names everything that the plan owns in the kernel; of a router: what its table is called by, default: " + nat44.RouterInstance
	router.add(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		if router.given() {
			return router.write(e, &p, &in)
		}
		rs, err := in.ruleset(&p)
		if err != nil {
			return err
		}
		e.warn(append(rs.Warnings(), leftOut(rs.Plan(), "nftables", alloc.NAT44)...))
		return e.writeTo(func(w io.Writer) error { _, err := rs.WriteTo(w); return err })
	}
	return cmd
}

// writeTo writes to stdout through a buffer.
func (e *env) writeTo(write func(io.Writer) error) error {
	out := &sticky{w: e.stdout}
	b := bufio.NewWriter(out)
	err := write(b)
	if flush := b.Flush(); out.err != nil || flush != nil {
		return writeFault(flush)
	}
	return err
}

// A sticky writer remembers that writing failed, to tell that from a refusal.
type sticky struct {
	w   io.Writer
	err error
}

func (s *sticky) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	if err != nil {
		s.err = err
	}
	return n, err
}

// instanceFlag is the flag of every command about an instance in the kernel.
type instanceFlag struct{ name string }

func (f *instanceFlag) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.name, "instance", nat44.DefaultInstance, "names everything that the plan owns in the kernel")
}

func (f *instanceFlag) parse() (nat44.Instance, error) {
	i, err := nat44.ParseInstance(f.name)
	if err != nil {
		return i, badInput("for example --instance west", "--instance: %v", err)
	}
	return i, nil
}

// ruleset reads a plan and makes its ruleset.
func (f *instanceFlag) ruleset(p *planFlags) (*nat44.Ruleset, error) {
	instance, err := f.parse()
	if err != nil {
		return nil, err
	}
	file, err := p.load()
	if err != nil {
		return nil, err
	}
	if err := noNAT44(file.Plan, "nftables", alloc.NAT44); err != nil {
		return nil, err
	}
	return nat44.NewRuleset(file.Plan, instance)
}
