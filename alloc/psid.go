package alloc

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/cgnkit/cgnkit/portset"
)

// systemPorts is the number of system ports (RFC 6335 section 6), 0 to 1023.
const systemPorts = 1024

// A psidTable says which PSIDs of an address are assigned, in which order, and with which ports. It has one entry per
// PSID at most, whatever the number of subscribers.
type psidTable struct {
	layout portset.Layout
	// psids lists the assigned PSIDs in slot order, and slots is its inverse, with -1 for a PSID that is not assigned. Both
	// are nil when slot and PSID are the same number.
	psids []uint16
	slots []int32
	// cut[psid] is the set without the reserved ports, for layouts of which reserved ports cut away something. Nil when
	// every set is whole.
	cut []portset.Set

	count int // assigned PSIDs
	least int // ports of the smallest assigned set
	ports int // ports of all assigned sets together
}

// newPSIDTable lays the sets of layout over the usable ports. A PSID without usable ports is not assigned, and for a = 0
// neither is one that holds a reserved system port (RFC 7596 section 5.1 recommends that, RFC 7597 section 5.1 has a > 0
// for the same purpose) unless it is the only one. Who makes the system ports usable has every PSID assigned, and PSID 0
// without port 0.
func newPSIDTable(layout portset.Layout, usable portset.Set) *psidTable {
	t := &psidTable{layout: layout, least: portset.PortCount}
	all, _ := portset.NewRange(0, portset.PortCount-1)
	everything, _ := portset.NewSet(all)
	reserved, _ := everything.Minus(usable) // port 0 at least
	system, _ := portset.NewRange(1, systemPorts-1)
	systemSet, _ := portset.NewSet(system)
	reservedSystem, _ := systemSet.Minus(usable) // the zero Set where all are usable
	if lowest := 1 << (16 - layout.Offset()); layout.Offset() > 0 && int(reserved.Last()) < lowest {
		t.count, t.least = layout.SharingRatio(), layout.SetLen()
		t.ports = t.count * t.least
		return t
	}
	t.slots = make([]int32, layout.SharingRatio())
	t.cut = make([]portset.Set, layout.SharingRatio())
	for psid := range t.slots {
		t.slots[psid] = -1
		set, err := layout.Set(uint16(psid))
		if err != nil {
			panic(err) // psid is below the sharing ratio
		}
		left, ok := set.Minus(reserved)
		if !ok || layout.Offset() == 0 && layout.Length() > 0 && set.Overlaps(reservedSystem) {
			continue
		}
		t.slots[psid], t.cut[psid] = int32(len(t.psids)), left
		t.psids = append(t.psids, uint16(psid))
		t.least, t.ports = min(t.least, left.Len()), t.ports+left.Len()
	}
	t.count = len(t.psids)
	return t
}

// set returns the ports of a slot.
func (t *psidTable) set(slot uint32) portset.Set {
	psid := uint16(slot)
	if t.psids != nil {
		psid = t.psids[slot]
	}
	if t.cut != nil {
		return t.cut[psid]
	}
	set, _ := t.layout.Set(psid) // slots are below the sharing ratio
	return set
}

// slot returns the slot that owns a usable port.
func (t *psidTable) slot(port uint16) (slot uint32, ok bool) {
	psid, ok := t.layout.PSID(port)
	if !ok || t.slots == nil {
		return uint32(psid), ok
	}
	return uint32(t.slots[psid]), t.slots[psid] >= 0
}

// setAside returns how many of the last slots hold at least n ports.
func (t *psidTable) setAside(n int) int {
	slots := 0
	for ; n > 0 && slots < t.count; slots++ {
		n -= t.set(uint32(t.count - 1 - slots)).Len()
	}
	return slots
}

// sizePSID resolves the layout, C and S of a PSID pool.
func (z *sizing) sizePSID(s *PoolSpec, d demand) *Finding {
	offset := portset.DefaultOffset
	if s.PSIDOffset != nil {
		offset = *s.PSIDOffset
	}
	if _, err := portset.NewLayout(offset, 0); err != nil {
		return &Finding{Err: ErrScheme, Path: "psid-offset", Msg: err.Error()}
	}
	length, f := s.psidLength(z.usable, offset, d)
	if f != nil {
		return f
	}
	layout, err := portset.NewLayout(offset, length)
	if err != nil {
		return &Finding{Err: ErrScheme, Path: "psid-length", Msg: err.Error()}
	}
	if f := s.checkPSIDRatio(layout); f != nil {
		return f
	}
	z.psids = newPSIDTable(layout, z.usable)
	aside := s.DynamicShares + z.psids.setAside(s.DynamicPorts)
	if aside >= z.psids.count {
		f := &Finding{Err: ErrPorts, Path: "psid-length",
			Msg: fmt.Sprintf("PSID offset %d and length %d leave no share: %d PSIDs have usable ports%s", offset, length, z.psids.count, withDynamic(s))}
		if !z.dynamic {
			f.Hint = "use more usable ports or another PSID length"
		}
		return f
	}
	z.ratio, z.size = uint32(z.psids.count-aside), uint32(z.psids.least)
	return nil
}

// checkPSIDRatio refuses numbers that contradict the layout.
func (s *PoolSpec) checkPSIDRatio(l portset.Layout) *Finding {
	if s.SharingRatio != 0 && s.SharingRatio != l.SharingRatio() {
		return &Finding{Err: ErrScheme, Path: "sharing-ratio",
			Msg:  fmt.Sprintf("sharing ratio %d contradicts PSID length %d, which is a sharing ratio of %d", s.SharingRatio, l.Length(), l.SharingRatio()),
			Hint: "leave one of them out"}
	}
	if s.PortsPerSubscriber == 0 {
		return nil
	}
	f := &Finding{Err: ErrScheme, Path: "ports-per-subscriber",
		Msg: "ports per subscriber follow from the PSID length in scheme psid", Hint: "leave it out"}
	for k := 16 - l.Offset(); k >= 0; k-- {
		if m, err := portset.NewLayout(l.Offset(), k); err == nil && m.SetLen() >= s.PortsPerSubscriber {
			f.Hint = fmt.Sprintf("leave it out; PSID length %d gives %d ports", k, m.SetLen())
			break
		}
	}
	return f
}

// psidLength returns k: as given, from the sharing ratio, or the smallest at which all subscribers fit.
func (s *PoolSpec) psidLength(usable portset.Set, offset int, d demand) (int, *Finding) {
	switch ratio := s.SharingRatio; {
	case s.PSIDLength != nil:
		return *s.PSIDLength, nil
	case ratio > 0 && bits.OnesCount(uint(ratio)) == 1:
		return bits.TrailingZeros(uint(ratio)), nil
	case ratio > 0:
		return 0, &Finding{Err: ErrScheme, Path: "sharing-ratio",
			Msg:  fmt.Sprintf("sharing ratio %d is not a power of two, as scheme psid needs", ratio),
			Hint: nearestRatios(ratio, 16-offset)}
	}
	lengths := make([]int, 0, 17)
	for k := 0; k <= 16-offset; k++ {
		lengths = append(lengths, k)
	}
	need := d.perAddress()
	i, _ := slices.BinarySearchFunc(lengths, need, func(k, need int) int { return s.psidShares(usable, offset, k) - need })
	if i == len(lengths) {
		most := max(s.psidShares(usable, offset, 16-offset), 0)
		f := &Finding{Err: ErrCapacity, Path: "outside",
			Msg: fmt.Sprintf("%s do not fit on %s: %d fit, with PSID offset %d (%d on an address)%s",
				subscribers(d.subscribers), addresses(d.addresses), uint64(most)*d.addresses, offset, most, withDynamic(s))}
		if most > 0 {
			need := ceilDiv(d.subscribers, uint64(most))
			f.Hint = fmt.Sprintf("it fits with %s (%d more)", addresses(need), need-d.addresses)
			if offset > 0 {
				f.Hint += "; a smaller PSID offset has more PSIDs"
			}
		}
		return 0, f
	}
	return i, nil
}

// psidShares returns how many subscribers an address takes. offset and k must make a layout.
func (s *PoolSpec) psidShares(usable portset.Set, offset, k int) int {
	layout, err := portset.NewLayout(offset, k)
	if err != nil {
		panic(err)
	}
	t := newPSIDTable(layout, usable)
	return t.count - s.DynamicShares - t.setAside(s.DynamicPorts)
}

// nearestRatios names the powers of two around ratio, up to the one that most PSID bits give.
func nearestRatios(ratio, most int) string {
	below := min(bits.Len(uint(ratio))-1, most)
	if below == most {
		return fmt.Sprintf("use %d", 1<<most)
	}
	return fmt.Sprintf("use %d or %d", 1<<below, 1<<(below+1))
}
