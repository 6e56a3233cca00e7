package ebpf

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// A Fill is how full a table is.
type Fill struct{ Entries, Capacity uint64 }

// displacedTogether is how many entries are read at once.
const displacedTogether = 16 << 10

// Displaced returns how full the table of mappings is that are not at home; those that have ended are in it until a Sweep comes by.
// Where it is full, packets for such mappings search the share of their subscriber. The kernel does not count: it takes some ms when
// the table is empty, and some 100 ms when it is full.
func (d *Datapath) Displaced() (f Fill, err error) {
	m, err := d.generation.openMap("maps", bpf.CgnatMapDisplaced)
	if err != nil {
		return f, err
	}
	defer m.Close()
	f.Capacity = uint64(m.MaxEntries())
	err = eachDisplaced(m, func(bpf.CgnatCgnDisplaced, uint16) { f.Entries++ })
	return f, err
}

// eachDisplaced calls f with the entries of displaced. What is entered meanwhile may be missing.
func eachDisplaced(m *ebpf.Map, f func(key bpf.CgnatCgnDisplaced, port uint16)) error {
	var cursor ebpf.MapBatchCursor
	keys, ports := make([]uint64, displacedTogether), make([]uint16, displacedTogether)
	key := make([]byte, 8) // struct cgn_displaced
	for {
		n, err := m.BatchLookup(&cursor, keys, ports, nil)
		for i := range n {
			binary.NativeEndian.PutUint64(key, keys[i])
			f(bpf.CgnatCgnDisplaced{
				Addr: binary.NativeEndian.Uint32(key), Port: binary.NativeEndian.Uint16(key[4:]), Proto: key[6], Realm: key[7],
			}, ports[i])
		}
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read which mappings are not at home: %w", permission(err))
		}
	}
}

// A stray is an entry of displaced, and the row that its subscriber is on.
type stray struct {
	bpf.CgnatCgnDisplaced
	port uint16
	row  int // -1 = it is no subscriber any more
}

// of returns the key of who owns a slot of the same realm.
func (s stray) of(owner uint64, proto Protocol) bpf.CgnatCgnDisplaced {
	return bpf.CgnatCgnDisplaced{Addr: uint32(owner >> 32), Port: uint16(owner >> 16), Proto: uint8(proto), Realm: s.Realm}
}

// forgetEnded takes out of displaced what a change has ended: mappings of who has moved or is gone, and those of tables that were taken
// away. Of who has a mapping elsewhere, programs of another plan have written it: displaced says then where that is, as it does at its next
// packet in any case. It reads all of displaced, the slots of rows about which it is wrong, and asks the kernel about each such entry: some
// microseconds for each.
func (g *generation) forgetEnded() error {
	strays, err := g.strays()
	if err != nil || len(strays) == 0 {
		return err
	}
	p, err := g.openProgram(bpf.CgnatProgCgnClaim)
	if err != nil {
		return err
	}
	defer p.Close()
	for from := 0; from < len(strays); {
		n := from
		for n < len(strays) && strays[n].row == strays[from].row {
			n++
		}
		if err := g.forgetEndedOf(p, strays[from:n]); err != nil {
			return fmt.Errorf("forget mappings that have ended: %w", err)
		}
		from = n
	}
	return nil
}

// strays returns what displaced has, by row.
func (g *generation) strays() (out []stray, err error) {
	m, err := g.openMap("maps", bpf.CgnatMapDisplaced)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	rows, realms := g.rowsByAddress(), g.plan.Realms()
	err = eachDisplaced(m, func(key bpf.CgnatCgnDisplaced, port uint16) {
		s := stray{key, port, -1}
		if share, err := g.plan.Lookup(alloc.SubscriberFrom(realms[key.Realm], fromWire(key.Addr))); err == nil {
			s.row = rows[share.Outside()]
		}
		out = append(out, s)
	})
	slices.SortFunc(out, func(a, b stray) int { return cmp.Compare(a.row, b.row) })
	return out, err
}

// forgetEndedOf does that for strays of one row.
func (g *generation) forgetEndedOf(p *ebpf.Program, strays []stray) error {
	var has map[bpf.CgnatCgnDisplaced]uint16
	if row := strays[0].row; row >= 0 {
		memory, err := g.openSlots(row)
		if err != nil {
			return err
		}
		defer memory.Close()
		if strays, err = wrongOf(memory, strays); err != nil || len(strays) == 0 {
			return err
		}
		if has, err = slotsHeldBy(memory, strays); err != nil {
			return err
		}
	}
	for _, s := range strays {
		q := bpf.CgnatCgnClaiming{
			Kind: bpf.CgnatCgnClaimKindCGN_CLAIM_FORGET, Realm: uint32(s.Realm), Proto: bpf.CgnatCgnProto(s.Proto), Inside: s.Addr, InsidePort: s.Port,
			Port: has[s.CgnatCgnDisplaced],
		}
		if err := ask(p, &q); err != nil {
			return err
		}
	}
	return nil
}

// wrongOf returns those of some strays of a row that have no slot where displaced says so.
func wrongOf(memory slotMemory, strays []stray) (wrong []stray, err error) {
	slot := make([]byte, slotBytes)
	for _, s := range strays {
		if _, err := memory.ReadAt(slot, int64(s.Proto)*planeBytes+int64(s.port)*slotBytes); err != nil {
			return nil, err
		}
		if s.of(slotFrom(slot).Owner, Protocol(s.Proto)) != s.CgnatCgnDisplaced {
			wrong = append(wrong, s)
		}
	}
	return wrong, nil
}

// slotsHeldBy returns where some strays of a row have slots.
func slotsHeldBy(memory slotMemory, strays []stray) (map[bpf.CgnatCgnDisplaced]uint16, error) {
	has := make(map[bpf.CgnatCgnDisplaced]uint16, len(strays))
	for _, s := range strays {
		has[s.CgnatCgnDisplaced] = 0
	}
	err := eachSlot(memory, make([]byte, planeBytes), func(proto Protocol, port uint16, s bpf.CgnatCgnSlot) bool {
		owner := strays[0].of(s.Owner, proto)
		if _, ok := has[owner]; ok {
			has[owner] = port
		}
		return true
	})
	return has, err
}
