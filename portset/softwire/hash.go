package softwire

import (
	"hash/maphash"
	"math/bits"
)

// A table is a hash table with its entries in place: a lookup goes to memory once, and reads on where entries collide. The
// hash is keyed, so that nobody can choose keys that collide. Numbers of entries are places in the table.
type table[K comparable, E any] struct {
	slots []E // at least one is free
	seed  maphash.Seed
	key   func(*E) (k K, used bool)
}

// newTable returns a table for n entries with n/free places more.
func newTable[K comparable, E any](n, free int, key func(*E) (K, bool)) table[K, E] {
	return table[K, E]{slots: make([]E, n+n/free+1), seed: maphash.MakeSeed(), key: key}
}

// find returns the place of the entry with a key, or the free one where it would be.
func (t *table[K, E]) find(key K) (at int, ok bool) {
	// The high bits of hash times size are as evenly spread as the hash: no power of two is needed, and no division.
	h, _ := bits.Mul64(maphash.Comparable(t.seed, key), uint64(len(t.slots)))
	for at = int(h); ; {
		k, used := t.key(&t.slots[at])
		if !used || k == key {
			return at, used
		}
		if at++; at == len(t.slots) {
			at = 0
		}
	}
}
