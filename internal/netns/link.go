//go:build linux

package netns

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
)

// AddVeth joins two namespaces, which may be the same, by a virtual cable: one end is called name in n, the other peerName
// in peer. Both ends are down.
func (n *NS) AddVeth(name string, peer *NS, peerName string) error {
	err := peer.control(func(fd int) error {
		veth := netlink.NewVeth(linkAttrs(name))
		veth.PeerName = peerName
		veth.PeerNamespace = netlink.NsFd(fd)
		return n.request(func(h *netlink.Handle) error { return h.LinkAdd(veth) })
	})
	if err != nil {
		return fmt.Errorf("add veth %s to %s: %w", name, peerName, err)
	}
	return nil
}

// AddBridge adds a bridge, which is down, and makes the given links its ports. It forwards at once, without spanning tree.
// Netfilter does not see what bridges of the namespace carry, only what they deliver.
func (n *NS) AddBridge(name string, ports ...string) error {
	if err := n.quietBridges(); err != nil {
		return fmt.Errorf("add bridge %s: %w", name, err)
	}
	snooping := false // Snooping only adds queries of its own.
	bridge := &netlink.Bridge{LinkAttrs: linkAttrs(name), MulticastSnooping: &snooping}
	// Without an address of its own a bridge takes that of a port, and changes it when ports come and go, under the feet of
	// neighbours that remember it.
	bridge.HardwareAddr = randomMAC()
	if err := n.request(func(h *netlink.Handle) error { return h.LinkAdd(bridge) }); err != nil {
		return fmt.Errorf("add bridge %s: %w", name, err)
	}
	for _, port := range ports {
		link, err := n.link(port)
		if err != nil {
			return err
		}
		if err := n.request(func(h *netlink.Handle) error { return h.LinkSetMaster(link, bridge) }); err != nil {
			return fmt.Errorf("add port %s to bridge %s: %w", port, name, err)
		}
	}
	return nil
}

// quietBridges takes netfilter off the bridges. Where br_netfilter is loaded, every frame otherwise meets the IP hooks on the
// port already, and a packet with a wrong checksum never gets any further.
func (n *NS) quietBridges() error {
	for _, name := range []string{"iptables", "ip6tables", "arptables"} {
		err := n.SetSysctl("net.bridge.bridge-nf-call-"+name, "0")
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func linkAttrs(name string) netlink.LinkAttrs {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	return attrs
}

// randomMAC returns a locally administered unicast address.
func randomMAC() net.HardwareAddr {
	mac := make(net.HardwareAddr, 6)
	rand.Read(mac)
	mac[0] = 0x02
	return mac
}

func (n *NS) link(name string) (netlink.Link, error) {
	var link netlink.Link
	err := n.request(func(h *netlink.Handle) (err error) {
		link, err = h.LinkByName(name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find link %s: %w", name, err)
	}
	return link, nil
}

// AddAddr gives the link an address. The prefix carries the host bits: 192.0.2.1/24.
func (n *NS) AddAddr(link string, addr netip.Prefix) error {
	l, err := n.link(link)
	if err != nil {
		return err
	}
	a := &netlink.Addr{IPNet: ipNet(addr)}
	if err := n.request(func(h *netlink.Handle) error { return h.AddrAdd(l, a) }); err != nil {
		return fmt.Errorf("add address %v to %s: %w", addr, link, err)
	}
	return nil
}

// SetUp switches the links on. A link carries packets only once its other end is on too; see AwaitUp.
func (n *NS) SetUp(links ...string) error {
	for _, name := range links {
		link, err := n.link(name)
		if err != nil {
			return err
		}
		if err := n.request(func(h *netlink.Handle) error { return h.LinkSetUp(link) }); err != nil {
			return fmt.Errorf("switch on link %s: %w", name, err)
		}
	}
	return nil
}

// SetMTU sets the size of the largest packet that the link takes.
func (n *NS) SetMTU(link string, mtu int) error {
	l, err := n.link(link)
	if err != nil {
		return err
	}
	if err := n.request(func(h *netlink.Handle) error { return h.LinkSetMTU(l, mtu) }); err != nil {
		return fmt.Errorf("set MTU of %s to %d: %w", link, mtu, err)
	}
	return nil
}

// MAC returns the hardware address of the link.
func (n *NS) MAC(link string) (net.HardwareAddr, error) {
	l, err := n.link(link)
	if err != nil {
		return nil, err
	}
	return l.Attrs().HardwareAddr, nil
}

// ipNet keeps the host bits.
func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{
		IP:   p.Addr().AsSlice(),
		Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
	}
}
