//go:build linux

package netns

import (
	"fmt"
	"net/netip"
	"slices"
)

// Options describe a [Topology]. The zero value is the topology of the requirements: two subscribers, two servers.
type Options struct {
	// Inside are the addresses of the subscribers, one namespace each. Default: 100.64.0.1 and 100.64.0.2.
	Inside []netip.Addr
	// InsideGateway is the CGN's own address towards the subscribers. Subscribers outside of its prefix get a host route.
	// Default: 100.64.255.254/16.
	InsideGateway netip.Prefix
	// Servers are the addresses of the servers, one namespace each, all within the prefix of OutsideGateway. Default:
	// 203.0.113.1 and 203.0.113.2.
	Servers []netip.Addr
	// OutsideGateway is the CGN's own address towards the servers. Default: 203.0.113.254/24.
	OutsideGateway netip.Prefix
	// Outside are the prefixes that the servers reach through the CGN: its pools. Default: 192.0.2.0/24.
	Outside []netip.Prefix
	// InsideRoutes gives the servers a way back to the inside addresses. By default they have none, so a packet that leaves
	// the CGN untranslated is never answered.
	InsideRoutes bool
	// Switches takes the bridges out of the CGN: each is in a namespace of its own, with a cable to the CGN. XDP programs can
	// neither be attached to a bridge natively nor redirect to one; with the ends of the cables they can do both, as the
	// switches have GRO there. Names, addresses and routes stay the same. Unlike a bridge, an end of a cable drops what is
	// larger than its own MTU; so an MTU that both directions need is one for OutsideMTU.
	Switches bool
	// OutsideMTU is the MTU of all links towards the servers, theirs too. Default: that of the kernel, 1500.
	OutsideMTU int
	// Offload leaves the offloads of the links as the kernel has them, which is faster and less like a wire; see
	// [NS.DisableOffload].
	Offload bool
}

func (o Options) withDefaults() Options {
	if len(o.Inside) == 0 {
		o.Inside = []netip.Addr{netip.AddrFrom4([4]byte{100, 64, 0, 1}), netip.AddrFrom4([4]byte{100, 64, 0, 2})}
	}
	if !o.InsideGateway.IsValid() {
		o.InsideGateway = netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 255, 254}), 16)
	}
	if len(o.Servers) == 0 {
		o.Servers = []netip.Addr{netip.AddrFrom4([4]byte{203, 0, 113, 1}), netip.AddrFrom4([4]byte{203, 0, 113, 2})}
	}
	if !o.OutsideGateway.IsValid() {
		o.OutsideGateway = netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, 113, 254}), 24)
	}
	if len(o.Outside) == 0 {
		o.Outside = []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, 0}), 24)}
	}
	return o
}

func (o Options) validate() error {
	seen := map[netip.Addr]bool{o.InsideGateway.Addr(): true, o.OutsideGateway.Addr(): true}
	if len(seen) == 1 {
		return fmt.Errorf("both gateways are %v", o.InsideGateway.Addr())
	}
	for a := range seen {
		if !a.Is4() {
			return fmt.Errorf("gateway %v is not an IPv4 address", a)
		}
	}
	for _, a := range slices.Concat(o.Inside, o.Servers) {
		switch {
		case !a.Is4():
			return fmt.Errorf("host %v is not an IPv4 address", a)
		case seen[a]:
			return fmt.Errorf("address %v is given twice", a)
		}
		seen[a] = true
	}
	for _, p := range o.Outside {
		if !p.Addr().Is4() {
			return fmt.Errorf("outside prefix %v is not IPv4", p)
		}
	}
	for _, a := range o.Servers {
		if !o.OutsideGateway.Contains(a) {
			return fmt.Errorf("server %v is not within %v", a, o.OutsideGateway.Masked())
		}
	}
	return nil
}
