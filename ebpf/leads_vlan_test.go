//go:build linux

package ebpf

import (
	"testing"

	"github.com/vishvananda/netlink"
)

// An interface is followed down to its card, through at most two VLANs, the outermost of which is the first tag. The links are made up: no
// kernel is asked for a VLAN interface.
func TestFollow(t *testing.T) {
	const q, ad = netlink.VLAN_PROTOCOL_8021Q, netlink.VLAN_PROTOCOL_8021AD
	byIndex := map[int]netlink.Link{1: &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: 1}}}
	over := func(index, parent, id int, protocol netlink.VlanProtocol) {
		byIndex[index] = &netlink.Vlan{LinkAttrs: netlink.LinkAttrs{Index: index, ParentIndex: parent}, VlanId: id, VlanProtocol: protocol}
	}
	over(2, 1, 100, q)
	over(3, 1, 4094, ad)
	over(4, 3, 7, q)
	over(5, 4, 8, q)   // a third tag
	over(6, 99, 9, q)  // whose card is in another namespace
	over(7, 6, 10, q)  // and one on top of it
	over(8, 2, 100, q) // the same number twice
	for index, want := range map[int]lead{
		1: {Card: 1},
		2: {Card: 1, Tags: 1, Tag: [maxTags]tag{{0x8100, 100}}},
		3: {Card: 1, Tags: 1, Tag: [maxTags]tag{{0x88a8, 4094}}},
		4: {Card: 1, Tags: 2, Tag: [maxTags]tag{{0x88a8, 4094}, {0x8100, 7}}},
		8: {Card: 1, Tags: 2, Tag: [maxTags]tag{{0x8100, 100}, {0x8100, 100}}},
		5: {}, 6: {}, 7: {},
	} {
		if got, ok := follow(byIndex[index], byIndex); ok != (want.Card != 0) || got != want {
			t.Errorf("interface %d: %+v, %v, want %+v", index, got, ok, want)
		}
	}
}
