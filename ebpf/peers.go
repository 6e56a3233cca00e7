package ebpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// Tables of remote endpoints, one a subscriber: so many are possible where a pool filters. They take memory when they are made.
const (
	minFilters = 1 << 20
	maxFilters = 1 << 26
)

// filters reports whether a pool with a policy filters by remote endpoints.
func filters(p bpf.CgnatCgnPolicy) bool { return Filtering(p.Filtering) != EndpointIndependent }

// sizeFilters sets how many tables of remote endpoints there may be, a power of two, and how large they are: as the policy wants
// that wants most. It returns that. Other sizes would take another map, so the number stays while it is enough.
func (b *builder) sizeFilters() (room uint32) {
	var wanted uint64
	room = 1
	for i, p := range b.record.Policies {
		if filters(p) {
			wanted += uint64(b.tables.pools[i].Subscribers)
			room = max(room, p.Peers)
		}
	}
	n := uint32(1)
	if wanted > 0 {
		n = max(minFilters, b.oldFilters())
	}
	for uint64(n) < min(wanted, maxFilters) {
		n *= 2
	}
	b.spec.Maps[bpf.CgnatMapFilters].MaxEntries = n
	for _, name := range []string{bpf.CgnatMapFilters, bpf.CgnatMapBlanks} {
		b.spec.Maps[name].ValueSize = room * uint32(bpf.CgnatCgnLimitCGN_PEER_BYTES)
	}
	return room
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

// otherPeers reports whether a pool keeps another number of peers than it did, and has tables that are searched in another way.
func (b *builder) otherPeers() bool {
	had := b.old.record.policiesByName(b.old.plan)
	for i, name := range poolNames(b.plan) {
		old, now := had[name], b.record.Policies[i]
		if filters(old) && filters(now) && old.Peers != now.Peers {
			return true
		}
	}
	return false
}

// forgetPeers takes away the tables of subscribers that have another share than under the plan of old, or none.
func (g *generation) forgetPeers(old *generation) error {
	m, err := g.openMap("maps", bpf.CgnatMapFilters)
	if err != nil {
		return err
	}
	defer m.Close()
	if m.MaxEntries() == 1 {
		return nil // no pool filters
	}
	for change := range alloc.DiffNAT44(old.plan, g.plan).Changes() {
		if change.Kind == alloc.Added {
			continue
		}
		key := [2]uint32{wireOrder(hostOrder(change.Subscriber.Addr())), wireOrder(hostOrder(change.Old.Outside))}
		if err := m.Delete(key); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("forget the peers of %v: %w", change.Subscriber, permission(err))
		}
	}
	return nil
}
