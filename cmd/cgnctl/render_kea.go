package main

import (
	"errors"
	"io"
	"iter"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/provision"
	"github.com/cgnkit/cgnkit/portset/softwire/s46"
)

// keaFlags are the flags of render kea.
type keaFlags struct {
	planFlags
	dhcp4                                bool
	interfaces, relays, gateways, mostly []string
	reservations                         string
}

func newRenderKea(e *env) *cobra.Command {
	var k keaFlags
	cmd := &cobra.Command{
		Use:   "kea -c PLAN --interface [POOL=]NAME",
		Short: "Write DHCP for Kea: prefixes with their MAP or lw4o6 options, IPv6-mostly",
		Long: `Write a configuration of Kea's DHCPv6 server that delegates the end-user prefixes of pools of MAP-E, MAP-T and lightweight 4over6,
and tells each router what belongs to its prefix (RFC 7598). Kea gives whoever asks a prefix that is free; with --reservations a list
says which router has which: CSV with the columns duid and end-user-prefix. Of a pool of which the list has something, nothing else is
delegated.

With --dhcp4 write one of the DHCPv4 server instead, for the inside addresses of pools of NAT44. --gateway is the subscribers' gateway
(option 3) and the length of their network; it, the network's own address and that for broadcasts are not leased. Pools that
--ipv6-mostly names send option 108 (RFC 8925), by which clients that need no IPv4 take none.

Every pool is on an interface of its own, or with --relay behind relay agents of its own, which are named by link-address (DHCPv6) or
giaddr (DHCPv4); agents that send to an address of the server want --interface NAME/ADDRESS. A pool without an interface is left out.
POOL= may be left out where there is one pool.`,
		Example: `  cgnctl render kea -c plan.yaml --interface homes=eth1 > /etc/kea/kea-dhcp6.conf && kea-dhcp6 -t /etc/kea/kea-dhcp6.conf
  cgnctl render kea -c plan.yaml --interface homes=eth1/2001:db8::53 --relay homes=2001:db8:1::1 --reservations routers.csv
  cgnctl render kea -c plan.yaml --dhcp4 --interface cgn=eth2 --gateway cgn=100.64.0.1/22 --ipv6-mostly cgn=1800 > /etc/kea/kea-dhcp4.conf`,
		Args: exactly(0, "no arguments"),
	}
	k.add(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&k.interfaces, "interface", nil, "[POOL=]NAME[/ADDRESS] of the server, where clients of a pool are; repeatable")
	f.StringArrayVar(&k.relays, "relay", nil, "[POOL=]ADDRESS of a relay agent, behind which clients of a pool are; repeatable")
	f.StringVar(&k.reservations, "reservations", "", "file with a DUID and an end-user prefix a line; - for standard input")
	f.StringArrayVar(&k.gateways, "gateway", nil, "[POOL=]ADDRESS/LENGTH: with --dhcp4, gateway and network of a pool; repeatable")
	f.StringArrayVar(&k.mostly, "ipv6-mostly", nil, "POOL[=SECONDS]: with --dhcp4, send option 108; 1800 seconds by default; repeatable")
	f.BoolVar(&k.dhcp4, "dhcp4", false, "write DHCPv4 for pools of NAT44")
	cmd.RunE = func(*cobra.Command, []string) error {
		switch {
		case !k.dhcp4 && len(k.mostly) > 0:
			return badInput("add --dhcp4", "--ipv6-mostly: option 108 is one of DHCPv4")
		case !k.dhcp4 && len(k.gateways) > 0:
			return badInput("add --dhcp4", "--gateway: routers learn theirs by router advertisements where there is no DHCPv4")
		case k.dhcp4 && k.reservations != "":
			return badInput("leave --dhcp4 out", "--reservations: they are of DHCPv6")
		}
		file, err := k.load()
		if err != nil {
			return err
		}
		if k.dhcp4 {
			return k.write4(e, file.Plan)
		}
		return k.write6(e, file.Plan)
	}
	return cmd
}

func (k *keaFlags) write6(e *env, plan *alloc.Plan) error {
	links, err := k.links(plan.Softwires())
	if err != nil {
		return err
	}
	pools := map[string]provision.Kea6Pool{}
	for name, l := range links {
		pools[name] = provision.Kea6Pool{Link: l}
	}
	var list []provision.Reservation
	if k.reservations != "" {
		if list, err = readReservations(k.reservations, e.stdin); err != nil {
			return err
		}
	}
	if err := e.writeTo(func(w io.Writer) error { return provision.Kea6(w, plan, pools, list) }); err != nil {
		return err
	}
	e.warn(provision.Kea6Warnings(plan, pools))
	return nil
}

func readReservations(path string, stdin io.Reader) ([]provision.Reservation, error) {
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, badInput("", "--reservations: %v", err)
		}
		defer f.Close()
		stdin = f
	}
	list, err := provision.ReadReservations(stdin)
	if err != nil {
		return nil, badInput("for example a line duid,end-user-prefix and a line 00:03:00:01:02:00:00:00:00:07,2001:db8:12:3400::/56", "--reservations %s: %v", path, err)
	}
	return list, nil
}

func (k *keaFlags) write4(e *env, plan *alloc.Plan) error {
	links, err := k.links(plan.Pools())
	if err != nil {
		return err
	}
	gateways, err := byPool(plan.Pools(), "gateway", "cgn=100.64.0.1/22", k.gateways)
	if err != nil {
		return err
	}
	pools := map[string]provision.Kea4Pool{}
	for name, l := range links {
		g, err := one("gateway", name, gateways[name], netip.ParsePrefix)
		if err != nil {
			return err
		}
		pools[name] = provision.Kea4Pool{Link: l, Gateway: g}
	}
	for name := range gateways {
		if _, known := links[name]; !known {
			return badInput("name its interface too: --interface "+name+"=eth2", "--gateway: pool %q is on no interface", name)
		}
	}
	if err := v6Mostly(pools, k.mostly); err != nil {
		return err
	}
	err = e.writeTo(func(w io.Writer) error { return provision.Kea4(w, plan, pools) })
	if errors.Is(err, provision.ErrGateway) {
		return badInput("give the address of the gateway with the length of a network that holds every inside address of the pool", "--gateway: %v", err)
	}
	return err
}

// links returns the links of pools that are on an interface.
func (k *keaFlags) links(pools iter.Seq[*alloc.Pool]) (map[string]provision.Link, error) {
	interfaces, err := byPool(pools, "interface", "homes=eth1", k.interfaces)
	if err == nil && len(interfaces) == 0 {
		err = badInput("for example --interface homes=eth1", "--interface is missing")
	}
	if err != nil {
		return nil, err
	}
	relays, err := byPool(pools, "relay", "homes=2001:db8:1::1", k.relays)
	if err != nil {
		return nil, err
	}
	links := map[string]provision.Link{}
	for name, values := range interfaces {
		l, err := one("interface", name, values, parseLink)
		if err != nil {
			return nil, err
		}
		if k.dhcp4 && l.Address.IsValid() {
			return nil, badInput("leave the address out", "--interface: Kea takes what relay agents send to any IPv4 address of %s", l.Interface)
		}
		links[name] = l
	}
	for name, values := range relays {
		l, known := links[name]
		if !known {
			return nil, badInput("name its interface too: --interface "+name+"=eth1", "--relay: pool %q is on no interface", name)
		}
		for _, text := range values {
			a, err := netip.ParseAddr(text)
			if err != nil {
				return nil, badInput("", "--relay: %v", err)
			}
			l.Relays = append(l.Relays, a)
		}
		links[name] = l
	}
	return links, nil
}

// parseLink reads NAME[/ADDRESS].
func parseLink(text string) (provision.Link, error) {
	name, address, given := strings.Cut(text, "/")
	l := provision.Link{Interface: name}
	if !given {
		return l, nil
	}
	var err error
	l.Address, err = netip.ParseAddr(address)
	return l, err
}

// byPool reads values of the form [POOL=]VALUE.
func byPool(pools iter.Seq[*alloc.Pool], flag, example string, values []string) (map[string][]string, error) {
	known, only := map[string]bool{}, ""
	for p := range pools {
		known[p.Name()], only = true, p.Name()
	}
	out := map[string][]string{}
	for _, text := range values {
		name, value, named := strings.Cut(text, "=")
		switch {
		case !named && len(known) != 1:
			return nil, badInput("for example --"+flag+" "+example, "--%s %q: name the pool, there are %d", flag, text, len(known))
		case !named:
			name, value = only, text
		case !known[name]:
			return nil, badInput("", "--%s: the plan has no such pool %q", flag, name)
		}
		out[name] = append(out[name], value)
	}
	return out, nil
}

// one reads the value of a flag that a pool has once.
func one[T any](flag, pool string, values []string, parse func(string) (T, error)) (v T, err error) {
	switch len(values) {
	case 0:
		return v, badInput("for example --"+flag+" "+pool+"=100.64.0.1/22", "--%s of pool %q is missing", flag, pool)
	case 1:
	default:
		return v, badInput("", "--%s: pool %q is named twice", flag, pool)
	}
	if v, err = parse(values[0]); err != nil {
		return v, badInput("", "--%s: %v", flag, err)
	}
	return v, nil
}

// v6Mostly sets for how long clients of pools do without IPv4.
func v6Mostly(pools map[string]provision.Kea4Pool, mostly []string) error {
	for _, text := range mostly {
		name, value, given := strings.Cut(text, "=")
		k, known := pools[name]
		seconds, err := uint64(s46.DefaultV6OnlyWait), error(nil)
		if given {
			seconds, err = strconv.ParseUint(value, 10, 32)
		}
		switch {
		case !known:
			return badInput("name its interface too: --interface "+name+"=eth2", "--ipv6-mostly: pool %q is on no interface", name)
		case err != nil || seconds == 0:
			return badInput("for example --ipv6-mostly cgn=1800", "--ipv6-mostly %q: want seconds, 300 or more", text)
		}
		k.V6OnlyWait = uint32(seconds)
		pools[name] = k
	}
	return nil
}
