package ebpf

import (
	"net"

	"github.com/vishvananda/netlink"
)

// macsAt returns the MAC address of an interface, and others at which it takes packets for this host: those of what is on top of it in
// this network namespace, and of the card below a VLAN. They are nil where the interface is gone.
func macsAt(index int) (own net.HardwareAddr, others []net.HardwareAddr, err error) {
	byIndex, err := linksByIndex()
	if err != nil {
		return nil, nil, err
	}
	own, others = macsAmong(index, byIndex)
	return own, others, nil
}

// macsAmong is macsAt among the interfaces that there are.
func macsAmong(index int, byIndex map[int]netlink.Link) (own net.HardwareAddr, others []net.HardwareAddr) {
	l := byIndex[index]
	if l == nil {
		return nil, nil
	}
	for at := range above(index, byIndex) {
		others = append(others, byIndex[at].Attrs().HardwareAddr)
	}
	for v, isVLAN := l.(*netlink.Vlan); isVLAN; {
		parent := byIndex[v.ParentIndex]
		if parent == nil {
			break // in another namespace
		}
		others = append(others, parent.Attrs().HardwareAddr)
		v, isVLAN = parent.(*netlink.Vlan)
	}
	return l.Attrs().HardwareAddr, others
}

// above returns an interface and those to which the kernel hands what comes in by it for them.
func above(index int, byIndex map[int]netlink.Link) map[int]bool {
	found := map[int]bool{index: true}
	for grown := true; grown; {
		grown = false
		for at, l := range byIndex {
			if !found[at] && standsOn(l, found, byIndex) {
				found[at], grown = true, true
			}
		}
	}
	return found
}

// standsOn reports whether an interface gets its packets from one of some others without a tag: a bridge or a bond from its ports, and a
// macvlan, which virtual routers (VRRP) use, from its parent.
func standsOn(l netlink.Link, found map[int]bool, byIndex map[int]netlink.Link) bool {
	switch l.Type() {
	case "macvlan":
		return l.Attrs().NetNsID < 0 && found[l.Attrs().ParentIndex]
	case "bridge", "bond", "team":
		for at := range found {
			if byIndex[at].Attrs().MasterIndex == l.Attrs().Index {
				return true
			}
		}
	}
	return false
}
