//go:build linux

package nat44

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// increment changes the elements that differ, in one transaction: deletions first, because the kernel refuses a key that it has.
// Where somebody else changed nf_tables since the kernel was read, it looks whether that was in our table, and sends it again if not.
func (k *Kernel) increment(rs *Ruleset, st *state, d *decision) error {
	for range quickRetries {
		err := k.incrementOnce(rs, st, d)
		if !isStale(err) {
			return err
		}
		now, rerr := k.read(rs.instance)
		if rerr != nil || !now.same(st) {
			return errors.Join(err, rerr)
		}
		st = now
	}
	return fmt.Errorf("apply instance %s: %w", rs.instance, ErrUnstable)
}

func (k *Kernel) incrementOnce(rs *Ruleset, st *state, d *decision) error {
	b := &change{table: rs.instance.Table(), live: st.live, wire: k.wire, room: k.sock.room}
	b.fill(rs, st, d)
	k.wire = b.wire
	if len(b.wire.buf)+frame > b.room {
		return k.rebuild(rs, st)
	}
	b.wire.ack()
	last := b.wire.seq
	b.wire.endBatch()
	refused, err := k.sock.commit(&b.wire, last)
	switch {
	case err != nil:
		return fmt.Errorf("change elements: %w", err)
	case refused == nil:
		return k.countedAll(rs, st.live)
	case refused.errno == unix.EEXIST || refused.errno == unix.ENOENT:
		return fmt.Errorf("%w: %w", errChanged, blame(refused, b.parts))
	}
	return blame(refused, b.parts)
}

// errChanged says that the kernel's elements are not those that were read; everything has to be read anew.
var errChanged = errors.New("somebody else changed the elements")

// fill writes the batch.
func (b *change) fill(rs *Ruleset, st *state, d *decision) {
	b.wire.reset()
	b.wire.beginBatch(st.generation)
	for _, m := range d.mismatches {
		if m.have != nil {
			b.element(unix.NFT_MSG_DELSETELEM, 0, m)
		}
	}
	b.endList()
	for _, m := range d.mismatches {
		if m.key == nil {
			b.element(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE|unix.NLM_F_EXCL, m)
		}
	}
	b.endList()
	b.ranges(rs, d.ranges)
	b.mark(rs.mark())
	for _, name := range st.leftovers() {
		b.deleteSet(name)
	}
}

// countedAll checks the number of elements of every map.
func (k *Kernel) countedAll(rs *Ruleset, live generation) error {
	for _, m := range rs.maps {
		if err := k.counted(rs.instance.Table(), live.of(m.name()), m.elements); err != nil {
			return err
		}
	}
	return nil
}

// A change is the batch of an increment.
type change struct {
	table string
	live  generation
	wire  wire
	room  int
	parts []bulkPart
	open  string // the set and operation of the list under construction, "" for none
}

func (b *change) endList() {
	if b.open != "" {
		b.wire.endElements()
		b.open = ""
	}
}

// list starts a list of elements, unless the present one is of the same kind and has room.
func (b *change) list(kind, flags uint16, set string, size int) {
	op := map[uint16]string{unix.NFT_MSG_NEWSETELEM: "add", unix.NFT_MSG_DELSETELEM: "delete"}[kind]
	if b.open == op+set && !b.wire.full(size) {
		return
	}
	b.endList()
	b.wire.beginElements(kind, flags, b.table, set)
	b.open = op + set
	b.parts = append(b.parts, bulkPart{seq: b.wire.seq, op: op, set: set})
}

func (b *change) element(kind, flags uint16, m mismatch) {
	withData := kind == unix.NFT_MSG_NEWSETELEM
	b.list(kind, flags, b.live.of(m.m.name()), m.m.kind.sizeOf(withData))
	part := &b.parts[len(b.parts)-1]
	if m.key != nil {
		b.wire.key(m.key)
		part.note(netip.AddrFrom4([4]byte(m.key)))
		return
	}
	b.wire.element(m.m.kind, m.e, withData)
	part.note(m.e.Inside())
}

func (p *bulkPart) note(a netip.Addr) {
	if !p.first.IsValid() {
		p.first = a
	}
	p.last = a
}

// ranges replaces the content of address sets.
func (b *change) ranges(rs *Ruleset, names []string) {
	all := rs.addressSets()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !slices.Contains(names, name) {
			continue
		}
		set := b.live.of(name)
		b.flush(set)
		bounds(all[name], func(addr [4]byte, end bool) bool {
			b.list(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE|unix.NLM_F_EXCL, set, endLen)
			b.wire.bound(addr, end)
			return true
		})
		b.endList()
	}
}

// flush empties a set.
func (b *change) flush(set string) {
	b.wire.beginNft(unix.NFT_MSG_DELSETELEM, 0)
	b.wire.name(unix.NFTA_SET_ELEM_LIST_TABLE, b.table)
	b.wire.name(unix.NFTA_SET_ELEM_LIST_SET, set)
	b.wire.end()
	b.parts = append(b.parts, bulkPart{seq: b.wire.seq, op: "flush", set: set})
}

func (b *change) mark(text string) {
	b.flush(planSet)
	b.list(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE|unix.NLM_F_EXCL, planSet, 128)
	b.wire.mark(text)
	b.endList()
}

func (b *change) deleteSet(name string) {
	b.wire.beginNft(unix.NFT_MSG_DELSET, 0)
	b.wire.name(unix.NFTA_SET_TABLE, b.table)
	b.wire.name(unix.NFTA_SET_NAME, name)
	b.wire.end()
	b.parts = append(b.parts, bulkPart{seq: b.wire.seq, op: "delete set", set: name})
}
