package ebpf

import (
	"encoding/binary"
	"fmt"
	"net"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// macNumber returns a MAC address as programs read it from a frame. ok is false for what is none, or is that of a group.
func macNumber(a net.HardwareAddr) (n uint64, ok bool) {
	if len(a) != 6 || a[0]&1 == 1 {
		return 0, false
	}
	n = uint64(binary.NativeEndian.Uint16(a)) | uint64(binary.NativeEndian.Uint32(a[2:]))<<16
	return n, n != 0
}

// macOf is the inverse.
func macOf(n uint64) net.HardwareAddr {
	a := make(net.HardwareAddr, 6)
	binary.NativeEndian.PutUint16(a, uint16(n))
	binary.NativeEndian.PutUint32(a[2:], uint32(n>>16))
	return a
}

// addStations finds out at which MAC addresses our interfaces take packets for this host. An interface that is gone has none.
func (w *wiring) addStations(links []attachment) error {
	w.macs, w.stations = make(map[uint32]uint64), make(map[bpf.CgnatCgnStation]uint32)
	for _, a := range links {
		own, others, err := macsAt(a.Index)
		if err != nil {
			return err
		}
		first, ok := macNumber(own)
		if ok {
			w.macs[uint32(a.Index)] = first
		}
		for _, o := range others {
			if n, ok := macNumber(o); ok && n != first {
				w.stations[bpf.CgnatCgnStation{Mac: n, Ifindex: uint32(a.Index)}] = 1
			}
		}
	}
	return nil
}

// addMACs tells the programs which frames are for this host.
func (b *builder) addMACs(w wiring) error {
	m := b.coll.Maps[bpf.CgnatMapMacs]
	for index, mac := range w.macs {
		if index >= m.MaxEntries() {
			continue // behind the driver the kernel knows it
		}
		if err := m.Put(index, mac); err != nil {
			return fmt.Errorf("add the MAC address of interface %d: %w", index, err)
		}
	}
	for station, yes := range w.stations {
		if err := b.coll.Maps[bpf.CgnatMapStations].Put(station, yes); err != nil {
			return fmt.Errorf("add MAC address %v of interface %d: %w", macOf(station.Mac), station.Ifindex, err)
		}
	}
	return nil
}
