package ebpf

import (
	"errors"
	"fmt"
	"slices"

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

// A wiring is what the programs in the driver know of the interfaces of this host.
type wiring struct {
	links   map[bpf.CgnatCgnWire]bpf.CgnatCgnLink // by what a frame comes in with; only the tagged program asks
	cables  map[uint32]bpf.CgnatCgnCable          // by VLAN interface, likewise
	able    map[int]bool                          // interfaces by which the driver can send
	outside map[int]bool                          // those of the outside

	macs     map[uint32]uint64              // of our interfaces
	stations map[bpf.CgnatCgnStation]uint32 // other MAC addresses at which they take packets
}

// wiring finds out what the programs should know, in the network namespace of the calling thread.
func (g *generation) wiring() (w wiring, err error) {
	leads, err := vlans()
	if err != nil {
		return w, err
	}
	if w.able, err = transmitters(); err != nil {
		return w, err
	}
	w.outside = make(map[int]bool)
	for _, a := range g.record.Links {
		if !a.Inside {
			w.outside[a.Index] = true
		}
	}
	if err := w.addStations(g.record.Links); err != nil {
		return w, err
	}
	if !g.record.Tagged {
		return w, nil
	}
	w.links, w.cables = make(map[bpf.CgnatCgnWire]bpf.CgnatCgnLink), make(map[uint32]bpf.CgnatCgnCable)
	for _, a := range g.record.Links {
		if _, ok := leads[a.Index]; !ok {
			leads[a.Index] = a.Lead
		}
		link := bpf.CgnatCgnLink{Ifindex: uint32(a.Index)}
		if a.Inside {
			link.Inside, link.Realm = 1, uint16(g.realm(a))
		}
		w.links[a.Lead.entry()] = link
	}
	for index, l := range leads {
		if l.Tags == 0 {
			continue
		}
		w.cables[uint32(index)] = l.cable()
		if w.able[l.Card] { // VLANs of cards that can send become interfaces that can
			w.able[index] = true
		}
	}
	return w, nil
}

// realm returns the number of the realm of an inside interface.
func (g *generation) realm(a attachment) int { return slices.Index(g.plan.Realms(), a.Realm) }

// addWires tells the programs in the driver which interface a frame belongs to and which are for this host, how VLANs are reached, and
// by which interfaces they can send themselves. What goes out by another takes the slow way. It comes after the programs are attached, because some
// drivers can send only then; the few packets before take the slow way, too.
func (b *builder) addWires() error {
	w, err := b.wiring()
	if err != nil {
		return err
	}
	for wire, link := range w.links {
		if err := b.coll.Maps[bpf.CgnatMapLinks].Put(wire, link); err != nil {
			return fmt.Errorf("add interface %d: %w", link.Ifindex, err)
		}
	}
	for index, cable := range w.cables {
		if err := b.coll.Maps[bpf.CgnatMapCables].Put(index, cable); err != nil {
			return fmt.Errorf("add VLAN interface %d: %w", index, err)
		}
	}
	return errors.Join(b.addBits(bpf.CgnatMapExits, w.able), b.addBits(bpf.CgnatMapOutsides, w.outside), b.addMACs(w))
}

// addBits writes a set of interfaces.
func (b *builder) addBits(name string, set map[int]bool) error {
	m := b.coll.Maps[name]
	for at, word := range bitsOf(set) {
		if at >= m.MaxEntries() {
			continue // the slow way is right for them, too, and their addresses are left to the routes
		}
		if err := m.Put(at, word); err != nil {
			return fmt.Errorf("add interfaces to %s: %w", name, err)
		}
	}
	return nil
}

// bitsOf returns a set of interfaces as programs look at it, a bit each.
func bitsOf(set map[int]bool) map[uint32]uint64 {
	words := make(map[uint32]uint64)
	for index := range set {
		words[uint32(index)/64] |= 1 << (index % 64)
	}
	return words
}

// closeExits takes back what can send no longer: a driver may do so only as long as a program is on its interface, or on the other end
// of its cable, and what is sent to it afterwards is lost without a word. It opens none, which may need a cable that nobody knows.
func (g *generation) closeExits() error {
	w, err := g.wiring()
	if err != nil {
		return err
	}
	m, err := g.openMap("maps", bpf.CgnatMapExits)
	if errors.Is(err, ErrChanged) {
		return nil // somebody has taken it away: that is repaired, and not here
	}
	if err != nil {
		return err
	}
	defer m.Close()
	able := bitsOf(w.able)
	for at := range m.MaxEntries() {
		var open uint64
		if err := m.Lookup(at, &open); err != nil {
			return fmt.Errorf("read map %s: %w", bpf.CgnatMapExits, permission(err))
		}
		if keep := open & able[at]; keep != open {
			if err := m.Put(at, keep); err != nil {
				return fmt.Errorf("write map %s: %w", bpf.CgnatMapExits, permission(err))
			}
		}
	}
	return nil
}
