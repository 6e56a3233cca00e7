package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/nat44"
)

// both is the choice of the demo that shows one backend beside the other.
const both = "both"

func demoFlags(cmd *cobra.Command) *string { return backendFlag(cmd, both, nftables, xdp) }

// A demoNet is a demo with a network.
type demoNet struct {
	*demo
	*netns.Topology
	rs       *nat44.Ruleset
	elements uint64
	flows    []demoFlow
	leaks    int
}

// traffic builds the network, lets packets through it and removes it. It returns the context's error when that ends it early.
func (d *demo) traffic(ctx context.Context) error {
	if d.backend != nftables {
		return d.compare(ctx)
	}
	instance, err := nat44.ParseInstance(nat44.DefaultInstance)
	if err != nil {
		return err
	}
	n := &demoNet{demo: d}
	if n.rs, err = nat44.NewRuleset(d.plan, instance); err != nil {
		return err
	}
	if n.Topology, err = netns.NewTopology(netns.Options{Inside: demoHosts[:]}); err != nil {
		return networkFault(err)
	}
	err = n.run(ctx)
	// The namespaces have no names: this process holds them, and whatever is in them goes with them.
	if err := n.Close(); err != nil {
		return badInput("the kernel removes what is left as soon as cgnctl ends", "remove the network: %v", err)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case err != nil:
		return kernelFault(err)
	}
	return n.sum()
}

// run takes the steps while the network exists. None of them takes long enough to be interrupted in the middle.
func (n *demoNet) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{n.draw, n.apply, n.send, n.show, n.remove} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (n *demoNet) draw(context.Context) error {
	n.drawNetwork(n.Topology)
	return nil
}

// drawNetwork shows what there is.
func (d *demo) drawNetwork(n *netns.Topology) {
	d.say(`2. Network, in namespaces of its own; that of this host is not touched:

     subscribers                   servers
     %-11v---+         +---  %v
                   +-- CGN --+
     %-11v---+         +---  %v
`, n.Subscribers[0].Addr, n.Servers[0].Addr, n.Subscribers[1].Addr, n.Servers[1].Addr)
}

// apply makes the kernel of the CGN obey the plan and proves that it does.
func (n *demoNet) apply(context.Context) error {
	// The kernel's default is short, and apply would warn about it, in a namespace where nobody could do anything about that.
	_ = n.CGN.SetSysctl("net.netfilter.nf_conntrack_icmp_timeout", "60")
	return n.inCGN(func(k *nat44.Kernel) error {
		report, err := k.Apply(n.rs, nat44.ApplyOptions{})
		if err != nil {
			return err
		}
		n.e.warn(report.Warnings)
		var differences []string
		v, err := k.Verify(n.rs, func(d nat44.Difference) { differences = append(differences, d.String()) })
		if err != nil {
			return err
		}
		if v.Differences > 0 {
			return &fault{code: exitCheck, msg: "the kernel departs from the plan:\n" + strings.Join(differences, "\n")}
		}
		n.elements = v.Elements
		n.say("3. Applied to the kernel of the CGN with nftables: %s added.\n   Verified: the kernel equals the plan, %s.\n",
			plural(report.Added, "subscriber"), plural(v.Elements, "element"))
		return nil
	})
}

// inCGN runs fn with a connection to the kernel inside the CGN.
func (n *demoNet) inCGN(fn func(*nat44.Kernel) error) error {
	return n.CGN.Do(func() error { return withKernel(fn) })
}

// show prints a row for each flow. The table leaves out what all rows have in common, to fit into 80 columns.
func (n *demoNet) show(context.Context) error {
	n.say(`4. Traffic: each subscriber asks each server, from its own port %d (ping:
   with that identifier). What each server saw, and what the plan says of that:
`, demoPort)
	table := n.format == "table"
	rows := make([]record, 0, len(n.flows))
	for _, f := range n.flows {
		var seen any
		switch {
		case f.seen.IsValid():
			seen = f.seen
		case table:
			seen = "nothing"
		}
		r := record{{"subscriber", f.subscriber}, {"proto", f.proto}, {"server", f.server}, {"saw", seen}}
		if !table {
			r = append(r, value{"outside", f.share.Outside()})
		}
		rows = append(rows, append(r, value{"ports", f.share.Ports()}, value{"trace", f.whom()}, value{"verdict", f.verdict()}))
	}
	err := n.print("flows", rows, value{"right", n.right()}, value{"leaks", n.leaks}, value{"elements", n.elements}, value{"plan_sha256", n.plan.SHA256()})
	if err != nil {
		return err
	}
	if n.leaks > 0 {
		n.say("\n5. Untranslated: %s!\n", plural(uint64(n.leaks), "packet"))
		return nil
	}
	n.say("\n5. Untranslated: nothing. Each subscriber also sent GRE, which has no ports; it\n   reached the CGN and stopped there.\n")
	return nil
}

func (n *demoNet) remove(context.Context) error {
	return n.inCGN(func(k *nat44.Kernel) error {
		_, err := k.Remove(n.rs.Instance())
		return err
	})
}

func (n *demoNet) right() int {
	right := 0
	for _, f := range n.flows {
		if f.right {
			right++
		}
	}
	return right
}

// sum says how it went, once everything is removed.
func (n *demoNet) sum() error {
	right, all := n.right(), len(n.flows)
	switch {
	case right < all:
		return &fault{code: exitCheck, msg: fmt.Sprintf("only %d of %d flows left with a port of their subscriber; everything is removed", right, all)}
	case n.leaks > 0:
		return &fault{code: exitCheck, msg: plural(uint64(n.leaks), "packet") + " reached a server untranslated; everything is removed"}
	}
	n.say("%d of %d flows left with a port of their subscriber. Everything is removed.", right, all)
	return nil
}

// networkFault gives errors of building the network the hint that helps. Without the privilege it is no failure.
func networkFault(err error) error {
	hint := ""
	switch {
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w, it needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN): %w", errNoTraffic, err)
	case errors.Is(err, syscall.EROFS):
		hint = "/proc/sys is read-only, as in most containers: use a privileged one, or the host"
	case errors.Is(err, syscall.ENOSPC):
		hint = "no more network namespaces are allowed: sysctl user.max_net_namespaces"
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EOPNOTSUPP):
		hint = "the kernel needs network namespaces, veth and bridge: CONFIG_NET_NS, CONFIG_VETH, CONFIG_BRIDGE"
	}
	return badInput(hint, "%v", err)
}
