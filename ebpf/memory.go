package ebpf

import (
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"
)

// A need is how much memory a generation takes that the one before it has not.
type need struct {
	addresses     uint64 // outside addresses that are new
	slots, others uint64 // bytes: their slots and accounts, and all other maps, about
}

// need says how much b takes. Before the object is read, the size of the other maps is not known.
func (b *builder) need() (n need) {
	var had map[netip.Addr]int
	if b.old != nil {
		had = b.old.rowsByAddress()
	}
	for row := range b.tables.rows {
		if _, ok := had[b.address(row)]; !ok {
			n.addresses++
			n.slots += uint64(tableSlots)*slotBytes + uint64(b.ratio(row))*accountBytes
		}
	}
	if b.spec == nil {
		return n
	}
	for name, m := range b.spec.Maps {
		if b.old == nil || ofPlan(name) || b.foreign(name) {
			n.others += mapBytes(m)
		}
	}
	return n
}

// noPrealloc is BPF_F_NO_PREALLOC.
const noPrealloc = 1

// mapBytes estimates the memory of a map, before anything is in it.
func mapBytes(m *ebpf.MapSpec) uint64 {
	each := uint64(m.KeySize) + uint64(m.ValueSize)
	if m.Flags&noPrealloc != 0 {
		each = 16 // entries come when they are needed
	}
	switch m.Type {
	case ebpf.PerCPUArray, ebpf.PerCPUHash, ebpf.LRUCPUHash:
		if cpus, err := ebpf.PossibleCPU(); err == nil {
			each *= uint64(cpus)
		}
	case ebpf.RingBuf:
		each = 1 // entries are bytes
	}
	return uint64(m.MaxEntries) * each
}

// checkMemory refuses what the host cannot hold, before the kernel ends processes to make room for it.
func (b *builder) checkMemory() error {
	n := b.need()
	if have, ok := availableMemory(); ok && n.slots > have {
		return fmt.Errorf("%w: the slots of %d outside addresses take %d MiB, and the host has %d MiB to give: "+
			"it needs more memory, or the plan fewer outside addresses", ErrMemory, n.addresses, n.slots>>20, have>>20)
	}
	return nil
}
