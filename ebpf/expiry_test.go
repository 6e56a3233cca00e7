//go:build linux

package ebpf

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
	"unsafe"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// longAgo is further back than any mapping lives, in ticks.
const longAgo = 1 << 30

// expire makes the mappings idle that a test chooses, in the table and in the model: as if nothing had been heard of them for
// a long time. It does not wait, and neither does what follows.
func (l *lab) expire(of func(*mapping) bool) {
	l.Helper()
	for to, m := range l.model.outside {
		if m.idle || !of(m) {
			continue
		}
		m.idle = true
		l.model.live[m.insider.holder()]--
		seen := binary.NativeEndian.AppendUint32(nil, l.slot(to.plane, to.endpoint).Seen-longAgo)
		if _, err := l.slots[to.endpoint.Addr()].WriteAt(seen, l.place(to.plane, to.endpoint)+8); err != nil {
			l.Fatal(err)
		}
		l.forgetRefusal(m.insider.endpoint.Addr())
	}
}

// forgetRefusal lets a subscriber who was refused in this tick try again in this tick.
func (l *lab) forgetRefusal(inside netip.Addr) {
	l.Helper()
	share, _ := l.model.subscriber(inside)
	at, accounts := uint32(slotOf(l.d.Plan(), share)), l.accounts[share.Outside()]
	var a bpf.CgnatCgnAccount
	if err := accounts.Lookup(at, &a); err != nil {
		l.Fatal(err)
	}
	if a.Full != 0 {
		a.Full = 0
		if err := accounts.Put(at, a); err != nil {
			l.Fatal(err)
		}
	}
}

// mappings returns those of an inside address that are not idle, by their inside ports.
func (m *model) mappings(p plane, inside netip.Addr) (out []*mapping) {
	for who, to := range m.inside {
		if who.plane == p && who.endpoint.Addr() == inside && !to.idle {
			out = append(out, to)
		}
	}
	slices.SortFunc(out, func(a, b *mapping) int { return cmp.Compare(a.insider.endpoint.Port(), b.insider.endpoint.Port()) })
	return out
}

// checkTable compares all slots of an outside address with the model: none has an owner that the model does not know, nor
// lacks one.
func (l *lab) checkTable(a alloc.Allocation) {
	l.Helper()
	const size = int64(unsafe.Sizeof(bpf.CgnatCgnSlot{}))
	table := make([]byte, int64(planeICMP+1)<<16*size)
	if _, err := l.slots[a.Outside()].ReadAt(table, 0); err != nil {
		l.Fatal(err)
	}
	for p := range planeICMP + 1 {
		for port := range 1 << 16 {
			to := netip.AddrPortFrom(a.Outside(), uint16(port))
			owner, m := binary.NativeEndian.Uint64(table[l.place(p, to):]), l.model.outside[outsider{p, to}]
			switch {
			case p == planeICMP && port == 0 && insideOf(owner).Addr() == l.model.alone[a.Outside()]: // who has the address alone
			case m == nil && owner != 0:
				l.Errorf("%v of plane %d is %v's, want nobody's", to, p, insideOf(owner))
			case m != nil && insideOf(owner) != m.insider.endpoint:
				l.Errorf("%v of plane %d is %v's, want %v's", to, p, insideOf(owner), m.insider.endpoint)
			}
		}
	}
}
