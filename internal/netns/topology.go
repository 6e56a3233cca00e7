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
	// InsideLink is the bridge of the CGN towards the subscribers. Its ports are in0, in1 and so on.
	InsideLink = "inside"
	// OutsideLink is the bridge of the CGN towards the servers. Its ports are out0, out1 and so on.
	OutsideLink = "outside"
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
// Subscribers have host prefixes (/32), so they reach each other through the CGN only. A host may take more addresses with
// AddAddr; those within the prefix of the gateway work at once.
type Topology struct {
	// CGN is the namespace in the middle.
	CGN *NS
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
	var inside, outside []string
	for i, addr := range opts.Inside {
		port := "in" + strconv.Itoa(i)
		h, err := t.addHost(addr, port, opts)
		if err != nil {
			return fmt.Errorf("subscriber %v: %w", addr, err)
		}
		t.Subscribers, inside = append(t.Subscribers, h), append(inside, port)
	}
	for i, addr := range opts.Servers {
		port := "out" + strconv.Itoa(i)
		h, err := t.addHost(addr, port, opts)
		if err != nil {
			return fmt.Errorf("server %v: %w", addr, err)
		}
		t.Servers, outside = append(t.Servers, h), append(outside, port)
	}
	if err := t.joinPorts(InsideLink, inside, opts.InsideGateway); err != nil {
		return fmt.Errorf("CGN: %w", err)
	}
	if err := t.joinPorts(OutsideLink, outside, opts.OutsideGateway); err != nil {
		return fmt.Errorf("CGN: %w", err)
	}
	// The ports too: a bridge drops what comes from a port that it does not know to be up yet.
	links := slices.Concat([]string{InsideLink, OutsideLink}, inside, outside)
	if err := t.CGN.AwaitUp(linkTimeout, links...); err != nil {
		return fmt.Errorf("CGN: %w", err)
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

// addHost makes a namespace and its cable to the given port of the CGN.
func (t *Topology) addHost(addr netip.Addr, port string, opts Options) (Host, error) {
	ns, err := New()
	if err != nil {
		return Host{}, err
	}
	if err := t.connect(ns, port, opts.Offload); err != nil {
		return Host{}, errors.Join(err, ns.Close())
	}
	return Host{NS: ns, Addr: addr}, nil
}

func (t *Topology) connect(ns *NS, port string, offload bool) error {
	if err := prepare(ns); err != nil {
		return err
	}
	if err := ns.AddVeth(HostLink, t.CGN, port); err != nil {
		return err
	}
	if !offload {
		if err := ns.DisableOffload(HostLink); err != nil {
			return err
		}
		if err := t.CGN.DisableOffload(port); err != nil {
			return err
		}
	}
	if err := ns.SetUp(HostLink); err != nil {
		return err
	}
	return t.CGN.SetUp(port)
}

func (t *Topology) joinPorts(bridge string, ports []string, addr netip.Prefix) error {
	if err := t.CGN.AddBridge(bridge, ports...); err != nil {
		return err
	}
	if err := t.CGN.AddAddr(bridge, addr); err != nil {
		return err
	}
	return t.CGN.SetUp(bridge)
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
	if t.CGN != nil {
		errs = append(errs, t.CGN.Close())
	}
	return errors.Join(errs...)
}
