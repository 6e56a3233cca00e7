package ebpf

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// A filterKey says whose peers are in a table, as C has it.
type filterKey struct{ Inside, Outside uint32 }

// A peer is an entry of a table: what it is about, and when the mapping has sent to it last.
type peer struct {
	who  uint64
	seen uint32
}

// carryPeers carries the peers that subscribers have under old to tables of another size. Where the map is the same, or the key is
// not, there is nothing to carry. It is done twice: before the new programs run, so that nobody is a stranger to them, and after, for
// those that the old ones have noted meanwhile. Whoever has more peers than are kept now loses some of them.
func (g *generation) carryPeers(old *generation) error {
	if old == nil || old.record.Key != g.record.Key {
		return nil
	}
	from, err := old.openMap("maps", bpf.CgnatMapFilters)
	if errors.Is(err, ErrChanged) {
		return nil // somebody has taken it away, and what was in it
	}
	if err != nil {
		return err
	}
	defer from.Close()
	if same, err := g.hasMap(bpf.CgnatMapFilters, from); same || err != nil {
		return err
	}
	room := old.record.roomOf(from)
	if room == 0 || from.MaxEntries() == 1 {
		return nil
	}
	carry, err := g.openProgram(bpf.CgnatProgCgnCarry)
	if err != nil {
		return err
	}
	defer carry.Close()
	var key filterKey
	var table []byte
	entries := from.Iterate()
	for entries.Next(&key, &table) {
		for c := range batches(key, peersIn(table, room)) {
			if err := ask(carry, &c); err != nil {
				return err
			}
		}
	}
	if err := entries.Err(); err != nil {
		return fmt.Errorf("read the peers before: %w", permission(err))
	}
	return nil
}

// hasMap reports whether a map of g is another's.
func (g *generation) hasMap(name string, other *ebpf.Map) (bool, error) {
	mine, err := g.openMap("maps", name)
	if err != nil {
		return false, err
	}
	defer mine.Close()
	var ids [2]ebpf.MapID
	for i, m := range []*ebpf.Map{mine, other} {
		info, err := m.Info()
		if err != nil {
			return false, fmt.Errorf("look at map %s: %w", name, permission(err))
		}
		ids[i], _ = info.ID()
	}
	return ids[0] == ids[1], nil
}

// roomOf returns how many entries the tables of a map have, which the record is of, 0 where that cannot be told. Those of releases
// before have no marks, and as many entries as the policies say; the rest is the same.
func (r record) roomOf(m *ebpf.Map) uint32 {
	switch m.ValueSize() {
	case tableBytes(r.peerRoom()):
		return r.peerRoom()
	case r.mostPeers() * (peerBytes - 1):
		return r.mostPeers()
	}
	return 0
}

// peersIn returns the peers in a table of so many entries.
func peersIn(table []byte, room uint32) (peers []peer) {
	for i := range room {
		p := peer{binary.NativeEndian.Uint64(table[8*i:]), binary.NativeEndian.Uint32(table[8*room+4*i:])}
		if p.who>>32 != 0 { // what is nothing, and what just changes hands, is less
			peers = append(peers, p)
		}
	}
	return peers
}

// batches yields peers as they are asked for.
func batches(key filterKey, peers []peer) func(func(bpf.CgnatCgnCarrying) bool) {
	return func(yield func(bpf.CgnatCgnCarrying) bool) {
		for len(peers) > 0 {
			c := bpf.CgnatCgnCarrying{Inside: key.Inside, Outside: key.Outside}
			for _, p := range peers[:min(len(peers), len(c.Who))] {
				c.Who[c.Count], c.Seen[c.Count] = p.who, p.seen
				c.Count++
			}
			peers = peers[c.Count:]
			if !yield(c) {
				return
			}
		}
	}
}
