package ebpf

import (
	"fmt"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// maxTags is how many VLAN tags a frame may have: QinQ.
const maxTags = 2

// provider is the protocol of the outer tags of QinQ, as IEEE 802.1ad has them.
const provider = 0x88a8

// A tag is a VLAN.
type tag struct {
	Protocol uint16 `json:"protocol"` // 0x8100, or 0x88a8 as outer tags have it
	VID      uint16 `json:"vid"`
}

// A lead is how frames get to an interface: the card, and their tags from the outermost. A card has none.
type lead struct {
	Card int          `json:"card"`
	Tags int          `json:"tags,omitempty"`
	Tag  [maxTags]tag `json:"tag"`
}

// entry returns what C looks for when a frame comes in.
func (w lead) entry() (e bpf.CgnatCgnWire) {
	e.Ifindex = uint32(w.Card)
	for i, t := range w.Tag {
		e.Vid[i] = t.VID
		if t.Protocol == provider {
			e.Vid[i] |= uint16(bpf.CgnatCgnWireLimitCGN_VID_PROVIDER)
		}
	}
	return e
}

// cable returns what C puts before a frame that goes out.
func (w lead) cable() (e bpf.CgnatCgnCable) {
	e.Ifindex, e.Tags = uint32(w.Card), uint32(w.Tags)
	for i, t := range w.Tag {
		e.Tag[i].Protocol, e.Tag[i].Tci = wire16(t.Protocol), wire16(t.VID)
	}
	return e
}

// addWires tells the programs in the driver which interface a frame belongs to, how VLANs are reached, and by which interfaces
// they can send themselves. What goes out by another takes the slow way. It comes after the programs are attached, because some
// drivers can send only then; the few packets before take the slow way, too.
func (b *builder) addWires() error {
	wires, err := vlans()
	if err != nil {
		return err
	}
	able, err := transmitters()
	if err != nil {
		return err
	}
	for _, a := range b.record.Links {
		if _, ok := wires[a.Index]; !ok {
			wires[a.Index] = a.Lead
		}
	}
	if b.record.Tagged {
		if err := b.addTagged(wires, able); err != nil {
			return err
		}
	}
	return b.addExits(able)
}

// addTagged fills the maps of the tagged program. VLANs of cards that can send become interfaces that can.
func (b *builder) addTagged(wires map[int]lead, able map[int]bool) error {
	for _, a := range b.record.Links {
		link := bpf.CgnatCgnLink{Ifindex: uint32(a.Index)}
		if a.Inside {
			link.Inside, link.Realm = 1, uint16(b.realm(a))
		}
		if err := b.coll.Maps[bpf.CgnatMapLinks].Put(a.Lead.entry(), link); err != nil {
			return fmt.Errorf("add interface %s: %w", a.Name, err)
		}
	}
	for index, w := range wires {
		if w.Tags == 0 {
			continue
		}
		if err := b.coll.Maps[bpf.CgnatMapCables].Put(uint32(index), w.cable()); err != nil {
			return fmt.Errorf("add VLAN interface %d: %w", index, err)
		}
		if able[w.Card] {
			able[index] = true
		}
	}
	return nil
}

// addExits writes the interfaces by which the driver may send.
func (b *builder) addExits(able map[int]bool) error {
	words := make(map[uint32]uint64)
	for index := range able {
		words[uint32(index)/64] |= 1 << (index % 64)
	}
	exits := b.coll.Maps[bpf.CgnatMapExits]
	for at, word := range words {
		if at >= exits.MaxEntries() {
			continue // the slow way is right for them, too
		}
		if err := exits.Put(at, word); err != nil {
			return fmt.Errorf("add the interfaces that can send: %w", err)
		}
	}
	return nil
}
