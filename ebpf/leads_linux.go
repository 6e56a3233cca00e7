package ebpf

import (
	"encoding/binary"
	"errors"
	"fmt"

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

// transmitters returns the interfaces that can send frames of XDP programs. They are asked for one by one: the kernel does not mark
// what it lists as parts of an answer (NLM_F_MULTI), and the library takes the first of them, which is lo, for all of it.
func transmitters() (map[int]bool, error) {
	family, err := netlink.GenlFamilyGet(netdevFamily)
	if err != nil {
		return nil, fmt.Errorf("ask what interfaces can do: %w: generic netlink family netdev needs Linux 6.3: %w", ErrKernel, err)
	}
	byIndex, err := linksByIndex()
	if err != nil {
		return nil, err
	}
	out := make(map[int]bool)
	for index := range byIndex {
		features, err := featuresOf(family.ID, index)
		if errors.Is(err, unix.ENODEV) {
			continue // it was taken away just now
		}
		if err != nil {
			return nil, fmt.Errorf("ask what interface %d can do: %w", index, err)
		}
		if features&netdevTransmits != 0 {
			out[index] = true
		}
	}
	return out, nil
}

// featuresOf asks what XDP programs can do with an interface.
func featuresOf(family uint16, index int) (features uint64, err error) {
	req := nl.NewNetlinkRequest(int(family), 0)
	body := []byte{netdevGet, 1, 0, 0} // struct genlmsghdr; the library's leaves half of it to chance
	body = binary.NativeEndian.AppendUint16(body, unix.SizeofRtAttr+4)
	body = binary.NativeEndian.AppendUint16(body, netdevIndex)
	req.AddRawData(binary.NativeEndian.AppendUint32(body, uint32(index)))
	answers, err := req.Execute(unix.NETLINK_GENERIC, 0)
	if err != nil {
		return 0, err
	}
	for _, m := range answers {
		if len(m) < nl.SizeofGenlmsg {
			continue
		}
		attrs, err := nl.ParseRouteAttr(m[nl.SizeofGenlmsg:])
		if err != nil {
			return 0, err
		}
		for _, a := range attrs {
			if a.Attr.Type == netdevXDPFeatures && len(a.Value) >= 8 {
				features = binary.NativeEndian.Uint64(a.Value)
			}
		}
	}
	return features, nil
}
