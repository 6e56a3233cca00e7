package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
)

// openFlags choose an instance that is in force, of the only backend that has what the command is about.
type openFlags struct {
	in   instanceFlag
	keys planFlags
}

func (o *openFlags) add(cmd *cobra.Command) {
	o.in.add(cmd)
	backendFlag(cmd, xdp)
	cmd.Flags().StringArrayVar(&o.keys.keys, "key-file", nil, "file with a key of scheme random that the plan in force has (repeatable)")
}

// with runs fn with the instance.
func (o *openFlags) with(fn func(instance string, d *ebpf.Datapath) error) error {
	instance, err := o.in.parse()
	if err != nil {
		return err
	}
	keys, err := o.keys.readKeys()
	if err != nil {
		return err
	}
	d, err := ebpf.Open(instance.String(), keys...)
	if err != nil {
		return xdpFault(err, instance.String())
	}
	defer func() { _ = d.Close() }()
	return xdpFault(fn(instance.String(), d), instance.String())
}

// shareOf finds a subscriber in the plan in force. Without a realm it is looked for in all of them.
func shareOf(plan *alloc.Plan, text, realm string) (share alloc.Allocation, err error) {
	a, err := parseIPv4(text)
	if err != nil {
		return share, err
	}
	realms := plan.Realms()
	if realm != "" {
		realms = []string{realm}
	}
	found := 0
	for _, r := range realms {
		switch s, err := plan.Lookup(alloc.SubscriberFrom(r, a)); {
		case err == nil:
			share = s
			found++
		case !errors.Is(err, alloc.ErrNotSubscriber) && !errors.Is(err, alloc.ErrExcluded):
			return share, badInput("the plan in force has realms "+fmt.Sprint(plan.Realms()), "%v", err)
		}
	}
	switch found {
	case 0:
		return share, badInput("cgnctl status shows the plan in force", "%v is not a subscriber of the plan in force", a)
	case 1:
		return share, nil
	}
	return share, &fault{code: exitAmbiguous, msg: fmt.Sprintf("%v is a subscriber in %d realms", a, found), hint: "name one with --realm"}
}
