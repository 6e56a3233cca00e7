package ebpf

import (
	"encoding/binary"
	"fmt"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// leadOf returns how frames get to an interface.
func leadOf(index int) (lead, error) {
	byIndex, err := linksByIndex()
	if err != nil {
		return lead{}, err
	}
	l := byIndex[index]
	if l == nil {
		return lead{}, fmt.Errorf("%w: there is no interface %d", ErrInterface, index)
	}
	w, ok := follow(l, byIndex)
	if !ok {
		return lead{}, fmt.Errorf("%w: it has more than %d VLAN tags, or its card is in another network namespace", ErrInterface, maxTags)
	}
	return w, nil
}

func linksByIndex() (map[int]netlink.Link, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	byIndex := make(map[int]netlink.Link, len(links))
	for _, l := range links {
		byIndex[l.Attrs().Index] = l
	}
	return byIndex, nil
}

// vlans returns the VLAN interfaces of this network namespace that have at most maxTags tags.
func vlans() (map[int]lead, error) {
	byIndex, err := linksByIndex()
	if err != nil {
		return nil, err
	}
	out := make(map[int]lead)
	for _, l := range byIndex {
		if w, ok := follow(l, byIndex); ok && w.Tags > 0 {
			out[l.Attrs().Index] = w
		}
	}
	return out, nil
}

// follow follows an interface down to its card. ok is false for one with more tags than can be.
func follow(l netlink.Link, byIndex map[int]netlink.Link) (w lead, ok bool) {
	var tags []tag // from the innermost
	for {
		v, isVLAN := l.(*netlink.Vlan)
		if !isVLAN {
			break
		}
		parent := byIndex[v.ParentIndex]
		if parent == nil || len(tags) == maxTags {
			return lead{}, false // the card is in another namespace, or there is one tag too many
		}
		tags = append(tags, tag{Protocol: uint16(v.VlanProtocol), VID: uint16(v.VlanId)})
		l = parent
	}
	w = lead{Card: l.Attrs().Index, Tags: len(tags)}
	for i, t := range tags {
		w.Tag[len(tags)-1-i] = t
	}
	return w, true
}

// What the kernel's family of generic netlink messages about network devices says: linux/netdev.h.
const (
	netdevFamily      = "netdev"
	netdevGet         = 1
	netdevIndex       = 1
	netdevXDPFeatures = 3
	netdevTransmits   = 1 << 2 // NETDEV_XDP_ACT_NDO_XMIT
)

// transmitters returns the interfaces that can send frames of XDP programs.
func transmitters() (map[int]bool, error) {
	family, err := netlink.GenlFamilyGet(netdevFamily)
	if err != nil {
		return nil, fmt.Errorf("ask what interfaces can do: %w: generic netlink family netdev needs Linux 6.3: %w", ErrKernel, err)
	}
	req := nl.NewNetlinkRequest(int(family.ID), unix.NLM_F_DUMP)
	req.AddRawData([]byte{netdevGet, 1, 0, 0}) // struct genlmsghdr; the library's leaves half of it to chance
	answers, err := req.Execute(unix.NETLINK_GENERIC, 0)
	if err != nil {
		return nil, fmt.Errorf("ask what interfaces can do: %w", err)
	}
	out := make(map[int]bool)
	for _, m := range answers {
		if len(m) < nl.SizeofGenlmsg {
			continue
		}
		attrs, err := nl.ParseRouteAttr(m[nl.SizeofGenlmsg:])
		if err != nil {
			return nil, fmt.Errorf("read what interfaces can do: %w", err)
		}
		if index, features := deviceOf(attrs); features&netdevTransmits != 0 {
			out[index] = true
		}
	}
	return out, nil
}

func deviceOf(attrs []syscall.NetlinkRouteAttr) (index int, features uint64) {
	for _, a := range attrs {
		switch {
		case a.Attr.Type == netdevIndex && len(a.Value) >= 4:
			index = int(binary.NativeEndian.Uint32(a.Value))
		case a.Attr.Type == netdevXDPFeatures && len(a.Value) >= 8:
			features = binary.NativeEndian.Uint64(a.Value)
		}
	}
	return index, features
}
