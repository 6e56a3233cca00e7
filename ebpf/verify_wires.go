package ebpf

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"unsafe"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// verifyWires compares what the programs in the driver know of interfaces with those that there are.
func (v *verifier) verifyWires() error {
	if v.record.SHA256 != v.plan.SHA256() {
		return nil // which is reported; realms have other numbers
	}
	cookie, err := namespaceCookie()
	if err != nil {
		return err
	}
	if v.namespace() != fmt.Sprint(cookie) {
		v.Notes = append(v.Notes, "what the programs know of interfaces was not compared: this is not the network namespace of the instance")
		return nil
	}
	w, err := v.wiring()
	if err != nil {
		return err
	}
	c := wireCheck{verifier: v, want: w, names: make(map[int]string)}
	if err := c.name(); err != nil {
		return err
	}
	steps := []func() error{c.exits, c.outsides, c.macs, c.stations}
	if v.record.Tagged {
		steps = append(steps, c.links, c.cables)
	}
	for _, step := range steps {
		c.details = nil
		if err := step(); err != nil {
			return err
		}
		slices.SortFunc(c.details, func(d, e Difference) int { return strings.Compare(d.Detail, e.Detail) }) // maps have no order
		for _, d := range c.details {
			v.count(d)
		}
	}
	return nil
}

// A wireCheck compares a wiring.
type wireCheck struct {
	*verifier
	want    wiring
	names   map[int]string // of the interfaces that there are
	exit    map[int]bool   // what the map says of them
	details []Difference   // of the map at hand
}

// add adds a difference of a map.
func (c *wireCheck) add(b bearing, kind DifferenceKind, name, detail string, args ...any) {
	c.details = append(c.details, newDifference(b, kind, "map "+name, detail, args...))
}

func (c *wireCheck) name() error {
	all, err := net.Interfaces()
	if err != nil {
		return fmt.Errorf("list interfaces: %w", err)
	}
	for _, i := range all {
		c.names[i.Index] = i.Name
	}
	return nil
}

// own reports whether an interface is one of the instance.
func (c *wireCheck) own(index int) bool {
	for _, a := range c.record.Links {
		if a.Index == index || a.Lead.Card == index {
			return true
		}
	}
	return false
}

// exits compares by which interfaces the driver may send: what they send is translated in any case. Bits of interfaces that are gone do
// no harm: nothing is routed there.
func (c *wireCheck) exits() error {
	var word uint64
	c.exit = make(map[int]bool)
	m, err := c.openMap("maps", bpf.CgnatMapExits)
	if errors.Is(err, ErrChanged) {
		c.add(harmless, Missing, bpf.CgnatMapExits, "it is not pinned any longer")
		return nil
	}
	if err != nil {
		return err
	}
	defer m.Close()
	for _, index := range slices.Sorted(maps.Keys(c.names)) {
		name := c.names[index]
		at := uint32(index) / 64
		if at >= m.MaxEntries() {
			continue // it takes the slow way in any case
		}
		if err := m.Lookup(at, &word); err != nil {
			return fmt.Errorf("read map %s: %w", bpf.CgnatMapExits, permission(err))
		}
		c.exit[index] = word>>(index%64)&1 == 1
		switch {
		case c.exit[index] && !c.want.able[index]:
			c.add(harmless, Changed, bpf.CgnatMapExits, "interface %s cannot send by XDP, and programs would send by it", name)
		case !c.exit[index] && c.want.able[index] && c.own(index):
			c.add(harmless, Changed, bpf.CgnatMapExits, "interface %s can send by XDP, and programs do not", name)
		case !c.exit[index] && c.want.able[index]:
			c.Notes = append(c.Notes, fmt.Sprintf("interface %s was able to send by XDP only after the instance was applied: what leaves by it takes the slow way", name))
		}
	}
	return nil
}

// outsides compares which interfaces are those of the outside. What leaves by another one is not translated.
func (c *wireCheck) outsides() error {
	m, err := c.openMap("maps", bpf.CgnatMapOutsides)
	if errors.Is(err, ErrChanged) {
		c.add(harmless, Missing, bpf.CgnatMapOutsides, "it is not pinned any longer")
		return nil
	}
	if err != nil {
		return err
	}
	defer m.Close()
	want := bitsOf(c.want.outside)
	var cursor ebpf.MapBatchCursor
	keys, words := make([]uint32, readTogether), make([]uint64, readTogether)
	for {
		n, err := m.BatchLookup(&cursor, keys, words, nil)
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("read map %s: %w", bpf.CgnatMapOutsides, permission(err))
		}
		for i, at := range keys[:n] {
			if words[i] != want[at] {
				c.add(harmless, Changed, bpf.CgnatMapOutsides, "of interfaces %d to %d, %#x are taken for those of the outside instead of %#x", at*64, at*64+63, words[i], want[at])
			}
		}
		if err != nil {
			return nil
		}
	}
}

// links compares to which interface a frame belongs: whose it is follows from the interface. Where one is gone or not known, nobody is taken for
// a subscriber that was none.
func (c *wireCheck) links() error {
	have := make(map[bpf.CgnatCgnWire]bpf.CgnatCgnLink)
	if ok, err := readAll(c.verifier, misleading, bpf.CgnatMapLinks, int(bpf.CgnatCgnWireLimitCGN_LINKS), have); !ok || err != nil {
		return err
	}
	for wire, want := range c.want.links {
		if got, ok := have[wire]; !ok {
			c.add(harmless, Missing, bpf.CgnatMapLinks, "frames of interface %s are not known", c.at(want.Ifindex))
		} else if got != want {
			b := harmless
			if got.Inside != 0 && (want.Inside == 0 || got.Realm != want.Realm) {
				b = misleading // who sends them is taken for a subscriber that he is not
			}
			c.add(b, Changed, bpf.CgnatMapLinks, "frames of interface %s have %s", c.at(want.Ifindex), differences(got, want))
		}
	}
	for wire, got := range have {
		if _, ok := c.want.links[wire]; !ok {
			b := harmless
			if got.Inside != 0 && c.names[int(got.Ifindex)] != "" {
				b = misleading
			}
			c.add(b, Changed, bpf.CgnatMapLinks, "frames with %s are taken for those of interface %s, and it has none such", words(wire), c.at(got.Ifindex))
		}
	}
	return nil
}

// cables compares how VLANs are reached: by whom packets go, with ports that are decided. One that the driver does not send by need not be known.
func (c *wireCheck) cables() error {
	have := make(map[uint32]bpf.CgnatCgnCable)
	if ok, err := readAll(c.verifier, harmless, bpf.CgnatMapCables, int(bpf.CgnatCgnWireLimitCGN_LINKS), have); !ok || err != nil {
		return err
	}
	for index, want := range c.want.cables {
		got, ok := have[index]
		switch {
		case !ok && (c.own(int(index)) || c.exit[int(index)]):
			c.add(harmless, Missing, bpf.CgnatMapCables, "how interface %s is reached is not known", c.at(index))
		case ok && got != want:
			c.add(harmless, Changed, bpf.CgnatMapCables, "interface %s is reached by %s", c.at(index), differences(got, want))
		}
	}
	for index := range have {
		if _, there := c.names[int(index)]; !there {
			continue // nothing is routed there
		}
		if _, ok := c.want.cables[index]; !ok {
			c.add(harmless, Changed, bpf.CgnatMapCables, "interface %s is no VLAN, and programs take it for one", c.at(index))
		}
	}
	return nil
}

// at names an interface.
func (c *wireCheck) at(index uint32) string {
	if name, ok := c.names[int(index)]; ok {
		return name
	}
	return fmt.Sprint(index)
}

// readAll reads a map with as many keys as there happen to be, of so many that may be. It returns false after a difference.
func readAll[K comparable, V any](v *verifier, b bearing, name string, most int, into map[K]V) (bool, error) {
	var key K
	var value V
	m, err := v.open(b, name, most, unsafe.Sizeof(value))
	if m == nil || err != nil {
		return false, err
	}
	defer m.Close()
	entries := m.Iterate()
	for entries.Next(&key, &value) {
		into[key] = value
	}
	if err := entries.Err(); err != nil {
		return false, fmt.Errorf("read map %s: %w", name, permission(err))
	}
	v.Entries += uint64(len(into))
	return true, nil
}
