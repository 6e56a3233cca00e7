package ebpf

import (
	"fmt"
	"unsafe"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// macs compares the MAC addresses of our interfaces. With a wrong one frames take the slow way, where the kernel knows better.
func (c *wireCheck) macs() error {
	var have uint64
	m, err := c.open(harmless, bpf.CgnatMapMacs, int(bpf.CgnatCgnStationLimitCGN_MACS), unsafe.Sizeof(have))
	if m == nil || err != nil {
		return err
	}
	defer m.Close()
	for index, want := range c.want.macs {
		if index >= m.MaxEntries() {
			continue
		}
		if err := m.Lookup(index, &have); err != nil {
			return fmt.Errorf("read map %s: %w", bpf.CgnatMapMacs, permission(err))
		}
		if have != want {
			c.add(harmless, Changed, bpf.CgnatMapMacs, "interface %s has MAC address %v, and programs take it for %v", c.at(index), macOf(want), macOf(have))
		}
	}
	return nil
}

// stations compares at which other MAC addresses they take packets for this host. What is sent to one that is not known is left
// untranslated, and what is sent to one too many gets a port of who sent it.
func (c *wireCheck) stations() error {
	have := make(map[bpf.CgnatCgnStation]uint32)
	if ok, err := readAll(c.verifier, harmless, bpf.CgnatMapStations, int(bpf.CgnatCgnStationLimitCGN_STATIONS), have); !ok || err != nil {
		return err
	}
	for s := range c.want.stations {
		if _, ok := have[s]; !ok {
			c.add(harmless, Missing, bpf.CgnatMapStations, "MAC address %v on interface %s is not known, and what is sent to it is not translated", macOf(s.Mac), c.at(s.Ifindex))
		}
	}
	for s := range have {
		if _, ok := c.want.stations[s]; !ok && c.names[int(s.Ifindex)] != "" {
			c.add(harmless, Changed, bpf.CgnatMapStations, "MAC address %v is none of interface %s, and programs translate what is sent to it", macOf(s.Mac), c.at(s.Ifindex))
		}
	}
	return nil
}
