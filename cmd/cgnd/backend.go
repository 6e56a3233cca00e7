package main

import (
	"fmt"
	"net"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/daemonfile"
	"github.com/cgnkit/cgnkit/nat44"
)

// newBackend opens the backend of a configuration.
func newBackend(c *daemonfile.Config) (daemon.Backend, error) {
	if c.Backend == daemonfile.Nftables {
		return daemon.Nftables(c.Instance)
	}
	f := files{c}
	x := daemon.XDPConfig{Instance: c.Instance, Inside: interfaces(c.Inside), Outside: interfaces(c.Outside), Keys: f.keys, Present: present}
	if c.Policy != "" {
		x.Policies = f.policies
	}
	if c.PortKey != "" {
		x.Key = f.portKey
	}
	return daemon.XDP(x)
}

func interfaces(all []daemonfile.Interface) (out []ebpf.Interface) {
	for _, i := range all {
		out = append(out, ebpf.Interface{Name: i.Name, Realm: i.Realm})
	}
	return out
}

// present returns the interfaces of the host by name, with what changes when one is made anew, set up or down.
func present() (map[string]string, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(all))
	for _, i := range all {
		out[i.Name] = fmt.Sprint(i.Index, i.Flags&net.FlagUp != 0)
	}
	return out, nil
}

// expressible reports whether the backend can do what a plan asks for.
func expressible(c *daemonfile.Config, plan *alloc.Plan) error {
	if c.Backend == daemonfile.XDP {
		_, err := ebpf.NewTables(plan)
		return err
	}
	in, err := nat44.ParseInstance(c.Instance)
	if err != nil {
		return err
	}
	if _, err := nat44.NewRuleset(plan, in); err != nil {
		return fmt.Errorf("instance %s: %w", in, err)
	}
	return nil
}
