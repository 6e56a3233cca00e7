//go:build linux

package netns

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// Names of the links in a [Topology].
const (
	// HostLink is the only link of a subscriber or a server, besides lo.
	HostLink = "eth0"
	// InsideLink is the link of the CGN towards the subscribers, and the bridge with the ports in0, in1 and so on: the same
	// link, or with [Options.Switches] one at each end of a cable.
	InsideLink = "inside"
	// OutsideLink is the link of the CGN towards the servers, and the bridge with the ports out0, out1 and so on, likewise.
	OutsideLink = "outside"
	// CGNLink is the port of a switch that leads to the CGN; see [Options.Switches].
	CGNLink = "cgn"
)

const linkTimeout = 10 * time.Second

// A Host is a namespace with one address on [HostLink].
type Host struct {
	*NS
	// Addr is the address of the host.
	Addr netip.Addr
}

// A Topology is a row of namespaces: subscribers, CGN, servers. The CGN forwards and does nothing else; translating is up to
// whoever uses the topology.
//
//	subscriber 0 ─ in0 ┐                        ┌ out0 ─ server 0
//	                   ├ inside ─ CGN ─ outside ┤
//	subscriber 1 ─ in1 ┘                        └ out1 ─ server 1
//
// The bridges inside and outside belong to the CGN. With Options.Switches each of them is in a namespace of its own, at the
// other end of a cable, and the CGN's ends of the cables bear the names and the addresses:
//
//	subscriber 0 ─ in0 ┐                                                             ┌ out0 ─ server 0
//	                   ├ inside ─ cgn ──── inside ─ CGN ─ outside ──── cgn ─ outside ┤
//	subscriber 1 ─ in1 ┘                                                             └ out1 ─ server 1
//	                       Access                                          Core
//
// Subscribers have host prefixes (/32), so they reach each other through the CGN only. A host may take more addresses with
// AddAddr; those within the prefix of the gateway work at once.
type Topology struct {
	// CGN is the namespace in the middle.
	CGN *NS
	// Access holds the bridge of the subscribers, and Core that of the servers. Both are the CGN itself, unless
	// Options.Switches makes them plain switches without addresses.
	Access, Core *NS
	// Subscribers are in the order of Options.Inside.
	Subscribers []Host
	// Servers are in the order of Options.Servers.
	Servers []Host
}

// NewTopology makes the namespaces and everything in them, and waits until packets pass. After an error nothing is left.
func NewTopology(opts Options) (*Topology, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, fmt.Errorf("build topology: %w", err)
	}
	t := &Topology{}
	if err := t.build(opts); err != nil {
		return nil, errors.Join(fmt.Errorf("build topology: %w", err), t.Close())
	}
	return t, nil
}

func (t *Topology) build(opts Options) error {
	if err := t.addCGN(); err != nil {
		return fmt.Errorf("CGN: %w", err)
	}
	if err := t.addSwitches(opts.Switches); err != nil {
		return fmt.Errorf("switches: %w", err)
	}
	inside := side{bridge: InsideLink, ns: t.Access, gateway: opts.InsideGateway, cable: cable{offload: opts.Offload}}
	for i, addr := range opts.Inside {
		h, err := inside.addHost(addr, "in"+strconv.Itoa(i))
		if err != nil {
			return fmt.Errorf("subscriber %v: %w", addr, err)
		}
		t.Subscribers = append(t.Subscribers, h)
	}
	outside := side{
		bridge: OutsideLink, ns: t.Core, gateway: opts.OutsideGateway, cable: cable{offload: opts.Offload, mtu: opts.OutsideMTU},
	}
	for i, addr := range opts.Servers {
		h, err := outside.addHost(addr, "out"+strconv.Itoa(i))
		if err != nil {
			return fmt.Errorf("server %v: %w", addr, err)
		}
		t.Servers = append(t.Servers, h)
	}
	if err := t.joinSides(&inside, &outside); err != nil {
		return err
	}
	return t.configure(opts)
}

// addCGN makes the namespace in the middle.
func (t *Topology) addCGN() error {
	cgn, err := New()
	if err != nil {
		return err
	}
	t.CGN = cgn
	if err := prepare(cgn); err != nil {
		return err
	}
	for _, name := range []string{"net.ipv4.conf.all.send_redirects", "net.ipv4.conf.default.send_redirects"} {
		// Subscribers share a bridge, so the kernel would tell them to talk past the CGN.
		if err := cgn.SetSysctl(name, "0"); err != nil {
			return err
		}
	}
	return cgn.SetSysctl("net.ipv4.ip_forward", "1")
}

// prepare sets what all namespaces need before there are links, so that each link starts with it. Without rp_filter a server
// receives packets from addresses that it has no way back to: the ones that nobody translated.
func prepare(ns *NS) error {
	if err := ns.DisableIPv6(); err != nil {
		return err
	}
	for _, name := range []string{"net.ipv4.conf.all.rp_filter", "net.ipv4.conf.default.rp_filter"} {
		if err := ns.SetSysctl(name, "0"); err != nil {
			return err
		}
	}
	return ns.SetUp("lo")
}

// addSwitches makes the namespaces of the bridges, or says that they are in the CGN.
func (t *Topology) addSwitches(own bool) error {
	t.Access, t.Core = t.CGN, t.CGN
	if !own {
		return nil
	}
	for _, to := range []**NS{&t.Access, &t.Core} {
		ns, err := New()
		if err != nil {
			return err
		}
		*to = ns
		if err := prepare(ns); err != nil {
			return err
		}
	}
	return nil
}

// joinSides joins the hosts of each side to the CGN and waits until packets pass.
func (t *Topology) joinSides(sides ...*side) error {
	for _, s := range sides {
		if err := s.join(t.CGN); err != nil {
			return fmt.Errorf("side %s: %w", s.bridge, err)
		}
	}
	for _, s := range sides {
		// The ports too: a bridge drops what comes from a port that it does not know to be up yet.
		if err := s.ns.AwaitUp(linkTimeout, append(s.ports, s.bridge)...); err != nil {
			return fmt.Errorf("side %s: %w", s.bridge, err)
		}
		if err := t.CGN.AwaitUp(linkTimeout, s.bridge); err != nil {
			return fmt.Errorf("CGN: %w", err)
		}
	}
	return nil
}

// configure gives the hosts addresses and routes, once their links are up.
func (t *Topology) configure(opts Options) error {
	for _, h := range t.Subscribers {
		if err := configureSubscriber(h, opts); err != nil {
			return fmt.Errorf("subscriber %v: %w", h.Addr, err)
		}
		if opts.InsideGateway.Contains(h.Addr) {
			continue
		}
		if err := t.CGN.AddRoute(Route{To: hostPrefix(h.Addr), Link: InsideLink}); err != nil {
			return fmt.Errorf("CGN: %w", err)
		}
	}
	for _, h := range t.Servers {
		if err := configureServer(h, opts); err != nil {
			return fmt.Errorf("server %v: %w", h.Addr, err)
		}
	}
	return nil
}

func configureSubscriber(h Host, opts Options) error {
	gateway := opts.InsideGateway.Addr()
	if err := h.AwaitUp(linkTimeout, HostLink); err != nil {
		return err
	}
	if err := h.AddAddr(HostLink, hostPrefix(h.Addr)); err != nil {
		return err
	}
	if err := h.AddRoute(Route{To: hostPrefix(gateway), Link: HostLink}); err != nil {
		return err
	}
	return h.AddRoute(Route{Via: gateway})
}

func configureServer(h Host, opts Options) error {
	prefixes := opts.Outside
	if opts.InsideRoutes {
		prefixes = append(slices.Clone(prefixes), opts.InsideGateway.Masked())
		for _, a := range opts.Inside {
			if !opts.InsideGateway.Contains(a) {
				prefixes = append(prefixes, hostPrefix(a))
			}
		}
	}
	if err := h.AwaitUp(linkTimeout, HostLink); err != nil {
		return err
	}
	if err := h.AddAddr(HostLink, netip.PrefixFrom(h.Addr, opts.OutsideGateway.Bits())); err != nil {
		return err
	}
	for _, p := range prefixes {
		if err := h.AddRoute(Route{To: p, Via: opts.OutsideGateway.Addr()}); err != nil {
			return err
		}
	}
	return nil
}

func hostPrefix(a netip.Addr) netip.Prefix {
	return netip.PrefixFrom(a, a.BitLen())
}

// Close ends all probes and lets go of all namespaces.
func (t *Topology) Close() error {
	var errs []error
	for _, h := range slices.Concat(t.Servers, t.Subscribers) {
		errs = append(errs, h.Close())
	}
	// Without switches they are all one, which minds no second Close.
	for _, ns := range []*NS{t.Core, t.Access, t.CGN} {
		if ns != nil {
			errs = append(errs, ns.Close())
		}
	}
	return errors.Join(errs...)
}
