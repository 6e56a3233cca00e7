package softwire

import (
	"hash/maphash"
	"math/bits"
)

// A hashIndex finds numbers by a key that is stored elsewhere. A slot is 4 bytes: 8 bits of the key's hash, so that hardly any
// wrong key is looked at, and the number plus one. The hash is keyed: nobody can choose keys that collide.
type hashIndex struct {
	slots []uint32 // a power of two; never full
	seed  maphash.Seed
}

const (
	numberBits = 24
	numberMask = 1<<numberBits - 1
)

// newHashIndex returns an index for n numbers, which must be less than numberMask. Between half and two thirds of it stay empty.
func newHashIndex(n int) hashIndex {
	return hashIndex{slots: make([]uint32, 1<<bits.Len(uint(n+n/2))), seed: maphash.MakeSeed()}
}

// hash6 and hash4 return where a key belongs, and the tag of its slot.
func (x *hashIndex) hash6(key bits128) (at, tag uint32) {
	return x.split(maphash.Comparable(x.seed, key))
}

func (x *hashIndex) hash4(key uint32) (at, tag uint32) {
	return x.split(maphash.Comparable(x.seed, key))
}

func (x *hashIndex) split(h uint64) (at, tag uint32) { return uint32(h), uint32(h>>56) << numberBits }

// next returns the next number that may be meant, and where to go on; number is -1 when there is none.
func (x *hashIndex) next(at, tag uint32) (number int, then uint32) {
	mask := uint32(len(x.slots) - 1)
	for {
		slot := x.slots[at&mask]
		at++
		switch {
		case slot == 0:
			return -1, at
		case slot&^numberMask == tag:
			return int(slot&numberMask) - 1, at
		}
	}
}

// put adds a number. The key must not be in the index.
func (x *hashIndex) put(at, tag uint32, number int) {
	mask := uint32(len(x.slots) - 1)
	for x.slots[at&mask] != 0 {
		at++
	}
	x.slots[at&mask] = tag | uint32(number+1)
}
