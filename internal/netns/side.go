//go:build linux

package netns

import (
	"errors"
	"net/netip"
)

// A side of a [Topology] is a bridge and the hosts that are plugged into it.
type side struct {
	// bridge is also the name of the CGN's link to this side.
	bridge string
	// ns holds the bridge: a switch, or the CGN itself.
	ns      *NS
	gateway netip.Prefix
	cable   cable
	ports   []string
}

// addHost makes a namespace and its cable to a new port. The port joins the bridge later, with all others.
func (s *side) addHost(addr netip.Addr, port string) (Host, error) {
	ns, err := New()
	if err != nil {
		return Host{}, err
	}
	err = prepare(ns)
	if err == nil {
		err = s.cable.connect(ns, HostLink, s.ns, port)
	}
	if err != nil {
		return Host{}, errors.Join(err, ns.Close())
	}
	s.ports = append(s.ports, port)
	return Host{NS: ns, Addr: addr}, nil
}

// join makes the bridge and gives the CGN its address on this side.
func (s *side) join(cgn *NS) error {
	if s.ns != cgn {
		if err := s.joinSwitch(cgn); err != nil {
			return err
		}
	}
	if err := s.ns.AddBridge(s.bridge, s.ports...); err != nil {
		return err
	}
	if err := cgn.AddAddr(s.bridge, s.gateway); err != nil {
		return err
	}
	return s.ns.SetUp(s.bridge)
}

// joinSwitch makes the cable between CGN and switch. XDP programs of the CGN redirect into its end of the cable, which works
// only if the other end has GRO, whatever the other offloads.
func (s *side) joinSwitch(cgn *NS) error {
	if err := s.cable.connect(cgn, s.bridge, s.ns, CGNLink); err != nil {
		return err
	}
	s.ports = append(s.ports, CGNLink)
	return s.ns.EnableGRO(CGNLink)
}

// A cable is what all cables of a side have in common.
type cable struct {
	offload bool
	mtu     int // 0: as the kernel has it.
}

// connect joins two namespaces and switches on both ends.
func (c cable) connect(a *NS, aLink string, b *NS, bLink string) error {
	if err := a.AddVeth(aLink, b, bLink); err != nil {
		return err
	}
	if err := c.plug(a, aLink); err != nil {
		return err
	}
	return c.plug(b, bLink)
}

func (c cable) plug(ns *NS, link string) error {
	if !c.offload {
		if err := ns.DisableOffload(link); err != nil {
			return err
		}
	}
	if c.mtu != 0 {
		if err := ns.SetMTU(link, c.mtu); err != nil {
			return err
		}
	}
	return ns.SetUp(link)
}
