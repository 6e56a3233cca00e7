package alloc

import (
	"slices"

	"github.com/cgnkit/cgnkit/portset"
)

// A shareTable holds the shares of an Explicit pool. Equal port sets are kept once, as a slot: in the rule sets that such pools
// are made from, addresses by the thousand repeat a few dozen sets. A subscriber then costs 8 bytes for its seat and 6 bytes
// for each range of its share, beside its place in the orders of addresses; a slot of one range costs 4 bytes.
type shareTable struct {
	ranges []portset.Range // of slots 0 to len(ranges)-1: the sets that are one range, by first appearance
	sets   []portset.Set   // of the slots behind: the other sets, by first appearance
	whole  portset.Set     // all ports, to cut sets from without allocating

	seats []seat // by position

	// The ranges of all shares, by outside address and ascending on each. No two of an address overlap.
	begin  []uint32 // begin[a] = where those of address number a begin; one more entry than addresses
	firsts []uint16 // the first port of each
	holder []uint32 // the position that has it

	most   uint32 // shares on the address that has most
	least  uint32 // ports of the smallest share
	fewest int    // ports that shares take on the address where they take fewest
}

// A seat says where a share lies.
type seat struct{ address, slot uint32 }

// Bounds of the shares of a plan and of their ranges. The first keeps a position in 24 bits, see shareTable.index.
const (
	maxShares      = 1 << 24
	maxShareRanges = 1 << 26
)

// newShareTable lays out shares that are valid one by one. address[i] is the number of the outside address of share i, of which
// there are n. Overlaps are for the caller to find.
func newShareTable(shares []ExplicitShare, address []uint32, n int) *shareTable {
	t := &shareTable{seats: make([]seat, len(shares)), begin: make([]uint32, n+1), least: portset.PortCount}
	all, _ := portset.NewRange(0, portset.PortCount-1)
	t.whole, _ = portset.NewSet(all)
	t.number(shares, address)
	t.index()
	t.count(n)
	return t
}

// number gives every share its seat.
func (t *shareTable) number(shares []ExplicitShare, address []uint32) {
	slots := map[portset.Range]uint32{}
	for i, s := range shares {
		t.seats[i].address = address[i]
		r, ok := s.Ports.Range()
		if !ok {
			continue
		}
		slot, known := slots[r]
		if !known {
			slot = uint32(len(t.ranges))
			slots[r] = slot
			t.ranges = append(t.ranges, r)
		}
		t.seats[i].slot = slot
	}
	t.ranges = slices.Clip(t.ranges)
	several, key := map[string]uint32{}, []byte(nil)
	for i, s := range shares {
		if _, ok := s.Ports.Range(); ok {
			continue
		}
		key = key[:0]
		for r := range s.Ports.Ranges() {
			key = append(key, byte(r.First()>>8), byte(r.First()), byte(r.Last()>>8), byte(r.Last()))
		}
		slot, known := several[string(key)]
		if !known {
			slot = uint32(len(t.ranges) + len(t.sets))
			several[string(key)] = slot
			set, _ := portset.NewSet(slices.Collect(s.Ports.Ranges())...) // keeps nothing of the caller's
			t.sets = append(t.sets, set)
		}
		t.seats[i].slot = slot
	}
}

// index fills begin, firsts and holder. Sorting plain integers is several times faster than sorting with a comparison, and an
// address, a port and a position fit into one.
func (t *shareTable) index() {
	keys := make([]uint64, 0, len(t.seats))
	for i, s := range t.seats {
		high := uint64(s.address)<<40 | uint64(i)
		if int(s.slot) < len(t.ranges) {
			keys = append(keys, high|uint64(t.ranges[s.slot].First())<<24)
			continue
		}
		for r := range t.sets[int(s.slot)-len(t.ranges)].Ranges() {
			keys = append(keys, high|uint64(r.First())<<24)
		}
	}
	slices.Sort(keys)
	t.firsts, t.holder = make([]uint16, len(keys)), make([]uint32, len(keys))
	for k, key := range keys {
		t.firsts[k], t.holder[k] = uint16(key>>24), uint32(key&(maxShares-1))
		t.begin[key>>40+1] = uint32(k + 1)
	}
}

// count fills most, least and fewest.
func (t *shareTable) count(n int) {
	shares, ports := make([]uint32, n), make([]int, n)
	for _, s := range t.seats {
		size := t.set(s.slot).Len()
		shares[s.address]++
		ports[s.address] += size
		t.least = min(t.least, uint32(size))
	}
	t.most, t.fewest = slices.Max(shares), slices.Min(ports)
}

// slots returns the number of different port sets.
func (t *shareTable) slots() int { return len(t.ranges) + len(t.sets) }

// set returns the ports of a slot.
func (t *shareTable) set(slot uint32) portset.Set {
	if int(slot) < len(t.ranges) {
		r := t.ranges[slot]
		return t.whole.Slice(int(r.First()), r.Len())
	}
	return t.sets[int(slot)-len(t.ranges)]
}

// has reports whether a slot has a port.
func (t *shareTable) has(slot uint32, port uint16) bool {
	if int(slot) < len(t.ranges) {
		return t.ranges[slot].Contains(port)
	}
	return t.sets[int(slot)-len(t.ranges)].Contains(port)
}

// find returns the position of the share that has a port of address number a. O(log r) for r ranges on the address.
func (t *shareTable) find(a uint32, port uint16) (pos uint32, ok bool) {
	lo, hi := t.begin[a], t.begin[a+1]
	from := lo
	for lo < hi { // firsts[:lo] <= port < firsts[hi:]
		if mid := (lo + hi) / 2; t.firsts[mid] <= port {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == from {
		return 0, false
	}
	pos = t.holder[lo-1]
	return pos, t.has(t.seats[pos].slot, port)
}

// holders yields the positions of the shares on address number a, each once, by their lowest ports.
func (t *shareTable) holders(a uint32, yield func(pos uint32) bool) {
	for k := t.begin[a]; k < t.begin[a+1]; k++ {
		pos := t.holder[k]
		if t.firsts[k] == t.set(t.seats[pos].slot).First() && !yield(pos) {
			return
		}
	}
}

// alone reports whether address number a has one share.
func (t *shareTable) alone(a uint32) bool {
	on := t.holder[t.begin[a]:t.begin[a+1]]
	return !slices.ContainsFunc(on, func(pos uint32) bool { return pos != on[0] })
}

// bytes returns the memory that t holds on to, except for the lists of sets of several ranges.
func (t *shareTable) bytes() int {
	return 4*cap(t.ranges) + 24*cap(t.sets) + 8*cap(t.seats) + 4*cap(t.begin) + 2*cap(t.firsts) + 4*cap(t.holder)
}
