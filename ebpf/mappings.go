package ebpf

import (
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// planeBytes is the memory of the slots of one protocol.
const planeBytes = slotBytes << 16

// Mappings iterates over the mappings that live: outside address by outside address in the order of the plan, TCP before UDP
// before ICMP, in ascending order of ports. It reads the memory of the kernel while packets pass, so it is no snapshot: a mapping
// that is made or ends meanwhile may be in it or not, and one whose state is changing may show some of each. An error is the last
// pair.
//
// It reads 3 MiB for each outside address, in less than a millisecond or so, and computes for each mapping.
func (d *Datapath) Mappings() iter.Seq2[Mapping, error] {
	return func(yield func(Mapping, error) bool) {
		r, err := d.reader()
		if err != nil {
			yield(Mapping{}, err)
			return
		}
		slots := make([]byte, planeBytes)
		for row := range r.tables.rows {
			more, err := r.eachOf(row, slots, yield)
			if err != nil {
				yield(Mapping{}, err)
			}
			if !more || err != nil {
				return
			}
		}
	}
}

// reader returns a reader of slots.
func (d *Datapath) reader() (*reader, error) {
	p, err := d.generation.openProgram(bpf.CgnatProgCgnTidy)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	var t bpf.CgnatCgnTidying // of no share
	if err := ask(p, &t); err != nil {
		return nil, err
	}
	_, tick, err := tickShift()
	if err != nil {
		return nil, err
	}
	return &reader{generation: d.generation, key: d.Key(), now: t.Now, tick: tick}, nil
}

// eachOf yields the mappings of one row. buffer holds the slots of a protocol.
func (r *reader) eachOf(row int, buffer []byte, yield func(Mapping, error) bool) (more bool, err error) {
	memory, err := r.openSlots(row)
	if err != nil {
		return false, err
	}
	defer memory.Close()
	at := place{row: row, pool: r.poolOf(row)}
	more = true
	err = eachSlot(memory, buffer, func(proto Protocol, port uint16, s bpf.CgnatCgnSlot) bool {
		at.proto, at.port = proto, port
		if m, ok := r.mapping(s, at); ok {
			more = yield(m, nil)
		}
		return more
	})
	if err != nil {
		return false, fmt.Errorf("read the slots of %v: %w", r.address(row), err)
	}
	return more, nil
}

// eachSlot calls f with every slot of an outside address that has an owner, until f returns false. buffer holds the slots of a
// protocol.
func eachSlot(memory slotMemory, buffer []byte, f func(Protocol, uint16, bpf.CgnatCgnSlot) bool) error {
	for proto := range Protocol(protocols) {
		if _, err := memory.ReadAt(buffer, int64(proto)*planeBytes); err != nil {
			return err
		}
		for i := 0; i < len(buffer); i += slotBytes {
			if s := slotFrom(buffer[i:]); s.Owner>>16 != 0 && !f(proto, uint16(i/slotBytes), s) {
				return nil
			}
		}
	}
	return nil
}

// A slotMemory is the slots of an outside address, as the kernel has them. The library has such a thing, too, but only lets go of
// it when garbage is collected: with thousands of addresses, gigabytes would count as this process's.
type slotMemory []byte

// openSlots maps the slots of a row into memory. Close them.
func (g *generation) openSlots(row int) (slotMemory, error) {
	m, err := g.openMap("slots", g.address(row))
	if err != nil {
		return nil, err
	}
	defer m.Close() // the memory stays
	if size := int64(m.MaxEntries()) * int64(m.ValueSize()); size < int64(protocols*planeBytes) {
		return nil, fmt.Errorf("read the slots of %v: they have %d octets: %w", g.address(row), size, ErrDamaged)
	}
	memory, err := mapMemory(m.FD(), protocols*planeBytes)
	if err != nil {
		return nil, fmt.Errorf("read the slots of %v: %w", g.address(row), permission(err))
	}
	return memory, nil
}

// ReadAt implements io.ReaderAt. What it reads may be changing.
func (m slotMemory) ReadAt(b []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(b)) > int64(len(m)) {
		return 0, io.ErrUnexpectedEOF
	}
	return copy(b, m[at:]), nil
}

// Close lets go of the memory. It must not be read afterwards.
func (m slotMemory) Close() { unmapMemory(m) }

// slotFrom decodes struct cgn_slot.
func slotFrom(b []byte) bpf.CgnatCgnSlot {
	return bpf.CgnatCgnSlot{
		Owner: binary.NativeEndian.Uint64(b), Seen: binary.NativeEndian.Uint32(b[8:]), State: binary.NativeEndian.Uint32(b[12:]),
	}
}

// An Account is what a subscriber has.
type Account struct {
	Share          alloc.Allocation
	TCP, UDP, ICMP Usage
	Mappings       []Mapping // in the order of Datapath.Mappings
}

// A Usage is how many mappings of one protocol a subscriber has, and may have.
type Usage struct{ Used, Limit int }

// Subscriber returns what a subscriber has. It takes some microseconds, and some 10 ns for a port of the share. The error wraps
// alloc.ErrNotSubscriber or alloc.ErrExcluded, or ErrChanged when the instance has got another plan.
func (d *Datapath) Subscriber(s alloc.Subscriber) (Account, error) {
	if err := d.current(); err != nil {
		return Account{}, err
	}
	share, err := d.generation.plan.Lookup(s)
	if err != nil {
		return Account{}, fmt.Errorf("subscriber %v: %w", s, err)
	}
	r, err := d.reader()
	if err != nil {
		return Account{}, err
	}
	row := r.rowAt(share.Outside())
	a := Account{Share: share}
	memory, err := r.openSlots(row)
	if err != nil {
		return Account{}, err
	}
	defer memory.Close()
	ports := share.Ports()
	limits := r.record.Policies[r.tables.rows[row].Pool].Limit
	buffer := make([]byte, slotBytes)
	for proto, usage := range []*Usage{&a.TCP, &a.UDP, &a.ICMP} {
		usage.Limit = min(ports.Len(), int(limits[proto]))
		at := place{row: row, pool: share.Pool(), proto: Protocol(proto)}
		for at.port = range ports.Ports() {
			if _, err := memory.ReadAt(buffer, int64(proto)*planeBytes+int64(at.port)*slotBytes); err != nil {
				return Account{}, fmt.Errorf("read the slots of %v: %w", share.Outside(), err)
			}
			if m, ok := r.mapping(slotFrom(buffer), at); ok && m.Inside.Addr() == s.Addr() {
				usage.Used++
				a.Mappings = append(a.Mappings, m)
			}
		}
	}
	return a, nil
}

// rowAt returns where an outside address of the plan is.
func (g *generation) rowAt(outside netip.Addr) int {
	a := outside.As4()
	want := binary.NativeEndian.Uint32(a[:])
	return slices.IndexFunc(g.tables.rows, func(r row) bool { return r.Addr == want })
}
