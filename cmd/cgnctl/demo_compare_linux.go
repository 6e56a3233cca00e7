package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// A comparison is a demo of several backends, one after the other in one network.
type comparison struct {
	*demo
	*netns.Topology
	servers []*demoServer
	sides   []*demoSide
}

// A demoSide is what one backend does.
type demoSide struct {
	*demoNet
	demoBackend
	can []ability
}

// A demoBackend makes the CGN obey the plan.
type demoBackend interface {
	name() string
	// apply returns what it did, and proves it.
	apply() (said string, err error)
	// watch finds packets that leave untranslated.
	watch(*netns.Topology) (*leakWatch, error)
	// remove takes everything away. It may be called when apply has failed.
	remove() error
}

// errNoXDP means: XDP cannot be shown here, for a reason that is no failure.
var errNoXDP = errors.New("XDP is not shown")

// compare builds the network, lets packets through it with each backend, and removes it.
func (d *demo) compare(ctx context.Context) error {
	t, err := netns.NewTopology(netns.Options{Inside: demoHosts[:], Switches: true})
	if err != nil {
		return networkFault(err)
	}
	c := &comparison{demo: d, Topology: t}
	err = c.run(ctx)
	// The namespaces have no names: this process holds them, and whatever is in them goes with them.
	if err := t.Close(); err != nil {
		return badInput("the kernel removes what is left as soon as cgnctl ends", "remove the network: %v", err)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, errNoXDP):
		return fmt.Errorf("%w: %w", errNoTraffic, err)
	case err != nil:
		return kernelFault(err)
	}
	return c.sum()
}

func (c *comparison) run(ctx context.Context) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.drawNetwork(c.Topology)
	if c.servers, err = serveAll(c.Topology); err != nil {
		return err
	}
	c.say("3. Applied to the kernel of the CGN, and verified:\n")
	for _, b := range c.backends() {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := c.try(ctx, b)
		if errors.Is(err, errNoXDP) && len(c.sides) > 0 {
			c.e.note([]string{err.Error()})
			continue
		}
		if err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.show()
}

func (c *comparison) backends() (list []demoBackend) {
	if c.backend == both {
		list = append(list, &demoNftables{cgn: c.CGN, plan: c.plan})
	}
	return append(list, &demoXDP{cgn: c.CGN, plan: c.plan})
}

// try has one backend translate.
func (c *comparison) try(ctx context.Context, b demoBackend) (err error) {
	defer func() { err = errors.Join(err, b.remove()) }()
	said, err := b.apply()
	if err != nil {
		return err
	}
	c.say("   %-8s  %s", b.name(), said)
	s := &demoSide{demoNet: &demoNet{demo: c.demo, Topology: c.Topology}, demoBackend: b}
	w, err := b.watch(c.Topology)
	if err != nil {
		return err
	}
	if err := s.sendTo(ctx, c.servers, w); err != nil {
		return err
	}
	if s.can, err = s.abilities(ctx, c.servers); err != nil {
		return err
	}
	c.sides = append(c.sides, s)
	return nil
}

// noXDP says why XDP cannot be shown, where that is no failure.
func noXDP(err error) error {
	switch {
	case errors.Is(err, ebpf.ErrPermission), errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: it needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN in the initial user namespace: %w", errNoXDP, err)
	case errors.Is(err, ebpf.ErrKernel), errors.Is(err, syscall.ENODEV), errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w: the kernel lacks something: %w", errNoXDP, err)
	case errors.Is(err, ebpf.ErrMemory):
		return fmt.Errorf("%w: %w", errNoXDP, err)
	}
	return err
}

// sum says how it went, once everything is removed.
func (c *comparison) sum() error {
	right, all, leaks, lacks := 0, 0, 0, 0
	for _, s := range c.sides {
		right, all, leaks = right+s.right(), all+len(s.flows), leaks+s.leaks
		for _, a := range s.can {
			if s.name() == xdp && !a.yes {
				lacks++
			}
		}
	}
	switch {
	case right < all:
		return &fault{code: exitCheck, msg: fmt.Sprintf("only %d of %d flows left with a port of their subscriber; everything is removed", right, all)}
	case leaks > 0:
		return &fault{code: exitCheck, msg: plural(uint64(leaks), "packet") + " reached a server untranslated; everything is removed"}
	case lacks > 0:
		return &fault{code: exitCheck, msg: fmt.Sprintf("XDP did not do %d things that it should; everything is removed", lacks)}
	}
	c.say("%d of %d flows left with a port of their subscriber. Everything is removed.", right, all)
	return nil
}
