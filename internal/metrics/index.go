package metrics

import (
	"cmp"
	"encoding/binary"
	"math"
	"net/netip"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
)

// An index knows what every subscriber uses.
type index struct {
	pools   []*alloc.Pool
	numbers map[*alloc.Pool]uint16
	entries []entry
}

// An entry is a Use in 24 bytes.
type entry struct {
	inside   uint32
	pool     uint16
	ports    [3]uint16
	sessions [3]uint32
}

// place is what entries are sorted by.
func (e entry) place() uint64 { return uint64(e.pool)<<32 | uint64(e.inside) }

// Keep has Usage.Of know every subscriber. Call it before Add.
func (t *Tally) Keep() {
	t.each = &index{numbers: map[*alloc.Pool]uint16{}}
	for p := range t.plan.Pools() {
		if len(t.each.pools) > math.MaxUint16 {
			return // of more pools than that, the last ones are not kept
		}
		t.each.numbers[p] = uint16(len(t.each.pools))
		t.each.pools = append(t.each.pools, p)
	}
}

// add notes a Use. An index that is nil notes nothing.
func (x *index) add(u Use) {
	if x == nil {
		return
	}
	n, ok := x.numbers[u.Share.Pool()]
	if !ok {
		return
	}
	x.entries = append(x.entries, entry{
		inside: key(u.Share.Inside()), pool: n,
		ports:    [3]uint16{count16(u.Ports.TCP), count16(u.Ports.UDP), count16(u.Ports.ICMP)},
		sessions: [3]uint32{count32(u.Sessions.TCP), count32(u.Sessions.UDP), count32(u.Sessions.ICMP)},
	})
}

func key(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func count16(n uint64) uint16 { return uint16(min(n, math.MaxUint16)) }

func count32(n uint64) uint32 { return uint32(min(n, math.MaxUint32)) }

// sorted finishes an index, so that it can be asked.
func (x *index) sorted() *index {
	if x != nil {
		slices.SortFunc(x.entries, func(a, b entry) int { return cmp.Compare(a.place(), b.place()) })
		x.entries = slices.Clip(x.entries)
	}
	return x
}

// Of returns what the subscriber of a share used, which may be nothing. ok is false where the reading did not keep that, and where
// it was of another plan. Mappings are not kept: they are as many as ports.
func (u *Usage) Of(share alloc.Allocation) (use Use, ok bool) {
	if u == nil || u.each == nil {
		return use, false
	}
	n, ok := u.each.numbers[share.Pool()]
	if !ok {
		return use, false
	}
	use.Share = share
	at, found := slices.BinarySearchFunc(u.each.entries, uint64(n)<<32|uint64(key(share.Inside())), func(e entry, place uint64) int {
		return cmp.Compare(e.place(), place)
	})
	if found {
		e := u.each.entries[at]
		use.Ports = Protocols{uint64(e.ports[0]), uint64(e.ports[1]), uint64(e.ports[2])}
		use.Mappings = use.Ports
		use.Sessions = Protocols{uint64(e.sessions[0]), uint64(e.sessions[1]), uint64(e.sessions[2])}
	}
	return use, true
}
