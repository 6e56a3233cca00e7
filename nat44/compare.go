//go:build linux

package nat44

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// A mismatch is one element that the kernel lacks, has otherwise, or has beyond the plan.
type mismatch struct {
	m    *shareMap
	e    element // of the ruleset; zero for a surplus element
	have []byte  // the kernel's data, nil where it lacks the element
	key  []byte  // for a surplus element, else nil
}

// A comparison is what stands between the kernel's maps and a ruleset.
type comparison struct {
	kept, moved, added, removed uint64 // subscribers
	changes                     uint64 // elements that differ
	unlisted                    bool   // a map has elements too many, and was too large to list
	ranges                      []string
}

func (c *comparison) isEmpty() bool { return c.changes == 0 && len(c.ranges) == 0 }

// A comparer compares; see Kernel.compare.
type comparer struct {
	k       *Kernel
	rs      *Ruleset
	live    generation
	found   func(mismatch)
	listAll bool
	out     comparison
	done    uint64 // elements read
}

// dumpLimit is up to how many elements a map is listed to find those that should not be there; the time grows with the square.
const dumpLimit = 150_000

// compare reads every element that rs should have in the kernel, in time linear in their number, and calls found for those that
// differ. The slices of a mismatch are only valid during the call. Elements beyond those of rs are counted, and found where the
// map is small enough or listAll is set. The kernel must have the sets of rs.
func (k *Kernel) compare(rs *Ruleset, live generation, listAll bool, found func(mismatch)) (*comparison, error) {
	c := &comparer{k: k, rs: rs, live: live, found: found, listAll: listAll}
	for _, m := range rs.maps {
		if err := c.compareMap(m); err != nil {
			return nil, err
		}
	}
	for name, ranges := range rs.addressSets() {
		same, err := c.sameRanges(live.of(name), ranges)
		if err != nil {
			return nil, err
		}
		if !same {
			c.out.ranges = append(c.out.ranges, name)
		}
	}
	slices.Sort(c.out.ranges)
	return &c.out, nil
}

func (c *comparer) note(m mismatch) {
	c.out.changes++
	c.found(m)
}

// compareMap reads the elements of one map. Those of a subscriber come one behind the other.
func (c *comparer) compareMap(m *shareMap) error {
	table, set := c.rs.instance.Table(), c.live.of(m.name())
	var present uint64
	var want []byte
	var sub struct{ have, same, asked int }
	reader := newReader(c.k.sock, table, set, func(e element, k *kernelElement) error {
		sub.asked++
		if k == nil {
			c.note(mismatch{m: m, e: e})
		} else {
			present++
			sub.have++
			want = appendData(want[:0], m.kind, e)
			if bytes.Equal(want, k.data) {
				sub.same++
			} else {
				c.note(mismatch{m: m, e: e, have: k.data})
			}
		}
		if c.done++; c.done%progressEvery == 0 {
			c.k.progress("elements compared", c.done, c.rs.Elements())
		}
		if sub.asked == m.buckets {
			if m.kind != whole {
				c.countSubscriber(sub.have, sub.same, m.buckets)
			}
			sub.have, sub.same, sub.asked = 0, 0, 0
		}
		return nil
	})
	var failed error
	m.each(func(e element) bool {
		failed = reader.askElement(m.kind, e)
		return failed == nil
	})
	if failed == nil {
		failed = reader.flush()
	}
	if failed != nil {
		return failed
	}
	return c.findSurplus(m, table, set, present)
}

func (c *comparer) countSubscriber(have, same, all int) {
	switch {
	case same == all:
		c.out.kept++
	case have > 0:
		c.out.moved++
	default:
		c.out.added++
	}
}

// findSurplus finds the elements of the kernel's map that the ruleset does not have.
func (c *comparer) findSurplus(m *shareMap, table, set string, present uint64) error {
	count, err := c.k.sock.count(table, set)
	if err != nil || count == present {
		return err
	}
	if count > dumpLimit && count != countUnknown && !c.listAll {
		c.out.unlisted = true
		c.out.changes += count - present
		if m.kind != whole {
			c.out.removed += (count - present) / uint64(m.buckets)
		}
		return nil
	}
	var surplus []mismatch
	err = c.k.sock.dump(table, set, func() { surplus = nil }, func(k kernelElement) error {
		if len(k.key) == m.kind.keyLen() && !c.expects(m, k.key) {
			surplus = append(surplus, mismatch{m: m, key: slices.Clone(k.key), have: slices.Clone(k.data)})
		}
		return nil
	})
	for _, s := range surplus {
		if m.kind == contiguous || m.kind == ranged && binary.NativeEndian.Uint32(s.key[4:]) == 0 {
			c.out.removed++
		}
		c.note(s)
	}
	return err
}

// expects reports whether the ruleset has an element with this key.
func (c *comparer) expects(m *shareMap, key []byte) bool {
	a, ok := c.rs.lookup(netip.AddrFrom4([4]byte(key)))
	if !ok {
		return false
	}
	bucket := 0
	if m.kind == ranged {
		bucket = int(binary.NativeEndian.Uint32(key[4:]))
	}
	return bucket < len(m.own(a))
}

// lookup returns the share of an inside address, whatever its realm: a ruleset has each address once.
func (rs *Ruleset) lookup(inside netip.Addr) (alloc.Allocation, bool) {
	for _, realm := range rs.realms {
		if a, err := rs.plan.Lookup(alloc.SubscriberFrom(realm, inside)); err == nil {
			return a, true
		}
	}
	return alloc.Allocation{}, false
}

// own returns the ranges that an allocation has in the map, one for each bucket; none where it has no element there.
func (m *shareMap) own(a alloc.Allocation) []portset.Range {
	for i := range m.parts {
		if p := &m.parts[i]; p.pool == a.Pool() {
			return p.own(a, m.buckets)
		}
	}
	return nil
}

// sameRanges compares an interval set. These have few elements, but where a plan lists scattered subscribers one by one, so
// they are read by key too, and counted.
func (c *comparer) sameRanges(set string, ranges []alloc.AddrRange) (same bool, err error) {
	table := c.rs.instance.Table()
	same = true
	reader := newReader(c.k.sock, table, set, func(_ element, k *kernelElement) error {
		if k == nil {
			same = false
		}
		return nil
	})
	bounds(ranges, func(addr [4]byte, end bool) bool {
		if end && addr == [4]byte{} {
			return true // the kernel lists this one and does not find it
		}
		err = reader.ask(element{}, func(w *wire) { w.bound(addr, end) })
		return err == nil && same
	})
	if err == nil {
		err = reader.flush()
	}
	if err != nil || !same {
		return false, err
	}
	intervals, err := c.k.sock.count(table, set)
	if err == nil && len(ranges) <= dumpLimit {
		intervals = 0
		err = c.k.sock.dump(table, set, func() { intervals = 0 }, func(e kernelElement) error {
			if !e.end {
				intervals++
			}
			return nil
		})
	}
	return intervals == uint64(len(ranges)) || intervals == countUnknown, err
}
