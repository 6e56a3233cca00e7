package main

import (
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/provision"
	"github.com/cgnkit/cgnkit/portset/softwire/s46"
)

func newRenderKea(e *env) *cobra.Command {
	var p planFlags
	var interfaces, mostly []string
	var dhcp4 bool
	cmd := &cobra.Command{
		Use:   "kea -c PLAN --interface [POOL=]NAME",
		Short: "Write DHCP for Kea: prefixes with their MAP or lw4o6 options, IPv6-mostly",
		Long: `Write a configuration of Kea's DHCPv6 server that delegates the end-user prefixes of pools of MAP-E, MAP-T and lightweight 4over6,
and tells each router what belongs to its prefix (RFC 7598). With --dhcp4 write one of the DHCPv4 server instead, for the inside
addresses of pools of NAT44; those that --ipv6-mostly names send option 108 (RFC 8925), by which clients that need no IPv4 take none.

Every pool is on an interface of its own; a pool without one is left out. POOL= may be left out where there is one pool.`,
		Example: `  cgnctl render kea -c plan.yaml --interface homes=eth1 > /etc/kea/kea-dhcp6.conf && kea-dhcp6 -t /etc/kea/kea-dhcp6.conf
  cgnctl render kea -c plan.yaml --dhcp4 --interface cgn=eth2 --ipv6-mostly cgn=1800 > /etc/kea/kea-dhcp4.conf`,
		Args: exactly(0, "no arguments"),
	}
	p.add(cmd)
	cmd.Flags().StringArrayVar(&interfaces, "interface", nil, "where clients of a pool are; repeatable")
	cmd.Flags().StringArrayVar(&mostly, "ipv6-mostly", nil, "POOL[=SECONDS]: with --dhcp4, send option 108; 1800 seconds by default; repeatable")
	cmd.Flags().BoolVar(&dhcp4, "dhcp4", false, "write DHCPv4 for pools of NAT44")
	cmd.RunE = func(*cobra.Command, []string) error {
		file, err := p.load()
		if err != nil {
			return err
		}
		pools := file.Plan.Softwires()
		if dhcp4 {
			pools = file.Plan.Pools()
		} else if len(mostly) > 0 {
			return badInput("add --dhcp4", "--ipv6-mostly: option 108 is one of DHCPv4")
		}
		devices, err := byPool(pools, "interface", interfaces)
		if err != nil {
			return err
		}
		if !dhcp4 {
			return e.writeTo(func(w io.Writer) error { return provision.Kea6(w, file.Plan, devices) })
		}
		served, err := v6Mostly(devices, mostly)
		if err != nil {
			return err
		}
		return e.writeTo(func(w io.Writer) error { return provision.Kea4(w, file.Plan, served) })
	}
	return cmd
}

// byPool reads values of the form [POOL=]VALUE.
func byPool(pools iter.Seq[*alloc.Pool], flag string, values []string) (map[string]string, error) {
	known, only := map[string]bool{}, ""
	for p := range pools {
		known[p.Name()], only = true, p.Name()
	}
	if len(values) == 0 {
		return nil, badInput("for example --"+flag+" homes=eth1", "--%s is missing", flag)
	}
	out := map[string]string{}
	for _, text := range values {
		name, value, named := strings.Cut(text, "=")
		switch {
		case !named && len(known) != 1:
			return nil, badInput("for example --"+flag+" homes=eth1", "--%s %q: name the pool, there are %d", flag, text, len(known))
		case !named:
			name, value = only, text
		case !known[name]:
			return nil, badInput("", "--%s: the plan has no such pool %q", flag, name)
		}
		if _, twice := out[name]; twice {
			return nil, badInput("", "--%s: pool %q is named twice", flag, name)
		}
		out[name] = value
	}
	return out, nil
}

// v6Mostly adds to pools on interfaces for how long their clients do without IPv4.
func v6Mostly(devices map[string]string, mostly []string) (map[string]provision.Kea4Pool, error) {
	out := map[string]provision.Kea4Pool{}
	for name, device := range devices {
		out[name] = provision.Kea4Pool{Interface: device}
	}
	for _, text := range mostly {
		name, value, given := strings.Cut(text, "=")
		k, known := out[name]
		seconds, err := uint64(s46.DefaultV6OnlyWait), error(nil)
		if given {
			seconds, err = strconv.ParseUint(value, 10, 32)
		}
		switch {
		case !known:
			return nil, badInput("name its interface too: --interface "+name+"=eth2", "--ipv6-mostly: pool %q is on no interface", name)
		case err != nil || seconds == 0:
			return nil, badInput("for example --ipv6-mostly cgn=1800", "--ipv6-mostly %q: want seconds, 300 or more", text)
		}
		k.V6OnlyWait = uint32(seconds)
		out[name] = k
	}
	return out, nil
}
