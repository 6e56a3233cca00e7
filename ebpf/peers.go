package ebpf

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// Tables of remote endpoints, one a subscriber: so many are possible where a pool filters. They take memory when they are made.
const (
	minFilters = 1 << 20
	maxFilters = 1 << 26
)

const (
	peerBytes = uint32(bpf.CgnatCgnLimitCGN_PEER_BYTES)
	noPeer    = byte(bpf.CgnatCgnLimitCGN_PEER_NONE)
)

// filters reports whether a pool with a policy filters by remote endpoints.
func filters(p bpf.CgnatCgnPolicy) bool { return Filtering(p.Filtering) != EndpointIndependent }

// mostPeers returns how many peers are kept by the policy that wants most of them.
func (r record) mostPeers() uint32 {
	most := uint32(1)
	for _, p := range r.Policies {
		if filters(p) {
			most = max(most, p.Peers)
		}
	}
	return most
}

// peerRoom returns how many entries a table has.
func (r record) peerRoom() uint32 {
	const line = uint32(bpf.CgnatCgnLimitCGN_PEER_LINE)
	return (r.mostPeers() + line - 1) / line * line
}

// filterShape returns how many tables of remote endpoints there may be, a power of two, and how many entries they have. Where the old
// map is of another shape peers are carried over, so the number of tables stays while it is enough.
func (b *builder) filterShape() (n, room uint32) {
	var wanted uint64
	for i, p := range b.record.Policies {
		if filters(p) {
			wanted += uint64(b.tables.pools[i].Subscribers)
		}
	}
	if n = 1; wanted > 0 {
		n = max(minFilters, b.oldFilters())
	}
	for uint64(n) < min(wanted, maxFilters) {
		n *= 2
	}
	return n, b.record.peerRoom()
}

// sizeFilters sets the sizes of their maps. It returns how many entries a table has.
func (b *builder) sizeFilters() (room uint32) {
	tables, blanks := b.spec.Maps[bpf.CgnatMapFilters], b.spec.Maps[bpf.CgnatMapBlanks]
	tables.MaxEntries, room = b.filterShape()
	blanks.MaxEntries = 1
	if tables.MaxEntries > 1 {
		blanks.MaxEntries = uint32(len(b.record.Policies))
	}
	tables.ValueSize, blanks.ValueSize = tableBytes(room), tableBytes(room)
	return room
}

// tableBytes returns the size of a table with so many entries.
func tableBytes(room uint32) uint32 { return room*peerBytes + uint32(bpf.CgnatCgnLimitCGN_PEER_HEAD) }

// fillBlanks writes the empty table of each pool that filters, in which marks of what the pool has no peers for are those of no entry.
func (b *builder) fillBlanks() error {
	room := b.record.peerRoom()
	for i, p := range b.record.Policies {
		if !filters(p) {
			continue
		}
		blank := make([]byte, tableBytes(room))
		for at := p.Peers; at < room; at++ {
			blank[12*room+at] = noPeer
		}
		if err := b.coll.Maps[bpf.CgnatMapBlanks].Put(uint32(i), blank); err != nil {
			return fmt.Errorf("write the empty table of pool %d: %w", i, err)
		}
	}
	return nil
}

// oldFilters returns how many tables the old generation may have, 0 where none can be taken over.
func (b *builder) oldFilters() uint32 {
	if b.old == nil || b.foreign(bpf.CgnatMapFilters) {
		return 0
	}
	m, err := b.old.openMap("maps", bpf.CgnatMapFilters)
	if err != nil {
		return 0 // takeOver says what is wrong with it
	}
	defer m.Close()
	return m.MaxEntries()
}

// otherPeers reports whether there may be subscribers that keep their address and have another number of peers than they had, whose
// tables are searched in another way. What pools are called says nothing about that: a name may go to another pool.
func (b *builder) otherPeers() bool {
	return b.policyChanges(b.old, func(was, is bpf.CgnatCgnPolicy) bool { return filters(was) && filters(is) && was.Peers != is.Peers })
}

// policyChanges reports whether an outside address that stays in its realm comes from a pool with one policy to a pool with another, of
// which a question is true.
func (g *generation) policyChanges(old *generation, question func(was, is bpf.CgnatCgnPolicy) bool) bool {
	had := old.rowsByAddress()
	for row, r := range g.tables.rows {
		before, ok := had[g.address(row)]
		if !ok {
			continue
		}
		number := old.tables.rows[before].Pool
		if question(old.record.Policies[number], g.record.Policies[r.Pool]) && old.realmOf(number) == g.realmOf(r.Pool) {
			return true
		}
	}
	return false
}

// realmOf returns the realm of a pool by its number.
func (g *generation) realmOf(pool uint32) string { return g.plan.Realms()[g.tables.pools[pool].Realm] }

// peersFate says what becomes of peers: they stay where they are, are carried to other tables, or are forgotten. What pools know that do
// not filter any longer is not looked at.
func (b *builder) peersFate() (carried, forgotten bool, err error) {
	if b.old == nil || !slices.ContainsFunc(b.old.record.Policies, filters) || !slices.ContainsFunc(b.record.Policies, filters) {
		return false, false, nil
	}
	m, err := b.old.openMap("maps", bpf.CgnatMapFilters)
	if errors.Is(err, ErrChanged) {
		return false, true, nil
	}
	if err != nil {
		return false, false, err
	}
	defer m.Close()
	n, room := b.filterShape()
	switch {
	case b.record.Key != b.old.record.Key, b.old.record.roomOf(m) == 0:
		return false, true, nil
	case b.otherPeers(), m.MaxEntries() != n, m.ValueSize() != tableBytes(room):
		return true, false, nil
	}
	return false, false, nil
}

// settlePeers ends what is left of the peers under the plan of old: those that its tables have got last are carried over, and tables go
// that nobody needs.
func (g *generation) settlePeers(old *generation) error {
	m, err := g.openMap("maps", bpf.CgnatMapFilters)
	if err != nil {
		return err
	}
	defer m.Close()
	if m.MaxEntries() == 1 {
		return nil // no pool filters
	}
	if err := g.carryPeers(old); err != nil {
		return err
	}
	if err := g.forgetMoved(m, old); err != nil {
		return err
	}
	return g.forgetOpen(m, old)
}

// forgetMoved takes away the tables of subscribers that have another address than under the plan of old, or none. Who has another share of the
// same address has the same table: whom it has sent to by this plan is there already, and entries of mappings that have ended are nobody's.
func (g *generation) forgetMoved(m *ebpf.Map, old *generation) error {
	for change := range alloc.DiffNAT44(old.plan, g.plan).Changes() {
		if change.Kind == alloc.Added || change.Old.Outside == change.New.Outside {
			continue
		}
		key := filterKey{wireOrder(hostOrder(change.Subscriber.Addr())), wireOrder(hostOrder(change.Old.Outside))}
		if err := m.Delete(key); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("forget the peers of %v: %w", change.Subscriber, permission(err))
		}
	}
	return nil
}

// forgetOpen takes away the tables of pools that do not filter any longer.
func (g *generation) forgetOpen(m *ebpf.Map, old *generation) error {
	if !g.policyChanges(old, func(was, is bpf.CgnatCgnPolicy) bool { return filters(was) && !filters(is) }) {
		return nil
	}
	var keys []filterKey
	var key filterKey
	at := g.rowsByAddress()
	err := m.NextKey(nil, &key)
	for ; err == nil; err = m.NextKey(key, &key) {
		row, ok := at[fromWire(key.Outside)]
		if !ok || !filters(g.record.Policies[g.tables.rows[row].Pool]) {
			keys = append(keys, key)
		}
	}
	if !errors.Is(err, ebpf.ErrKeyNotExist) {
		return fmt.Errorf("look for tables of peers: %w", permission(err))
	}
	for _, key := range keys {
		if err := m.Delete(key); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("forget the peers of %v: %w", fromWire(key.Inside), permission(err))
		}
	}
	return nil
}
