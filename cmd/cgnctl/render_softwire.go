package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/provision"
)

// newRenderRelays has a command for each border relay of MAP and lw4o6.
func newRenderRelays(e *env) []*cobra.Command {
	var cmds []*cobra.Command
	for _, t := range []struct {
		name, short, example string
		write                func(io.Writer, *alloc.Plan) error
		kinds                []alloc.Kind
	}{
		{"vpp-map", "Write pools of MAP and lw4o6 as domains of FD.io VPP's map plugin", "cgnctl render vpp-map -c plan.yaml", provision.VPPMap, []alloc.Kind{alloc.MAPE, alloc.MAPT, alloc.LW4o6}},
		{"jool", "Write a pool of MAP-T for a border relay with Jool", "cgnctl render jool -c plan.yaml > br.sh", provision.Jool, []alloc.Kind{alloc.MAPT}},
		{"lwaftr", "Write pools of lw4o6 as the binding table of Snabb's lwAFTR", "cgnctl render lwaftr -c plan.yaml", provision.LwAFTR, []alloc.Kind{alloc.LW4o6}},
	} {
		cmds = append(cmds, newRenderTarget(e, t.name, t.short, t.example, t.write, t.kinds...))
	}
	return cmds
}

func newRenderOpenWrt(e *env) *cobra.Command {
	var p planFlags
	var realm, upstream string
	cmd := &cobra.Command{
		Use:   "openwrt -c PLAN SUBSCRIBER",
		Short: "Write the network configuration of one subscriber's router with OpenWrt",
		Long: `Write the section of /etc/config/network for the router of one subscriber of MAP-E, MAP-T or lightweight 4over6, for OpenWrt's
package map. Routers that learn theirs by DHCPv6 need none: see cgnctl render kea. Exit 1 when the prefix is no subscriber.`,
		Example: `  cgnctl render openwrt -c plan.yaml 2001:db8:12:3400::/56`,
		Args:    exactly(1, "one end-user IPv6 prefix"),
	}
	p.add(cmd)
	cmd.Flags().StringVar(&realm, "realm", "", "address space of the prefix; default: default")
	cmd.Flags().StringVar(&upstream, "upstream", "wan6", "interface of the router that has the IPv6 prefix")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		prefix, err := parseSubscriber(args[0])
		if err != nil {
			return err
		}
		file, err := p.load()
		if err != nil {
			return err
		}
		s := alloc.Subscriber{Realm: realm, Prefix: prefix}
		err = e.writeTo(func(w io.Writer) error { return provision.OpenWrt(w, file.Plan, s, upstream) })
		if errors.Is(err, alloc.ErrNotSubscriber) || errors.Is(err, alloc.ErrExcluded) {
			return &fault{code: exitNobody, msg: fmt.Sprintf("%s: %v", s.Text(), err)}
		}
		if err == nil {
			e.warn(provision.OpenWrtWarnings(file.Plan, s))
		}
		return err
	}
	return cmd
}
