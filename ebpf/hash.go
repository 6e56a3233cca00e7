package ebpf

import (
	"slices"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

const (
	shortRange = 8  // a range of no more addresses has them in a hash table,
	fewRanges  = 16 // if there are more such ranges: so many are one node of a tree
	bucketSize = int(bpf.CgnatCgnLimitCGN_BUCKET)
	filling    = 3.5        // addresses for each bucket, on average
	hashSeeds  = 8          // tried before they are left to the tree
	hashMoves  = 1000       // of addresses that make room for another one
	noAddress  = ^uint32(0) // what a bucket has where it has none
)

// apart returns the ranges whose addresses are to be in a tree, and those whose addresses are to be in a hash table.
func apart(ranges []addrRange) (long, short []addrRange) {
	for _, r := range ranges {
		if r.Last-r.First < shortRange && r.Last != noAddress {
			short = append(short, r)
		} else {
			long = append(long, r)
		}
	}
	if len(short) <= fewRanges {
		return ranges, nil
	}
	return long, short
}

// addBuckets appends the hash table of an index for the addresses of ranges. It reports false where they find no places.
func (t *Tables) addBuckets(ix *index, ranges []addrRange) bool {
	n := 0
	for _, r := range ranges {
		n += int(r.Last-r.First) + 1
	}
	if n == 0 {
		return true
	}
	for seed := range uint32(hashSeeds) {
		h := newHashTable(n, 0x9e3779b1+0x3c6ef372*seed)
		if h.addAll(ranges) {
			ix.Bucket, ix.Buckets, ix.Seed = uint32(len(t.buckets)), uint32(len(h.buckets)), h.seed
			t.buckets = append(t.buckets, h.buckets...)
			return true
		}
	}
	return false
}

// A hashTable is the buckets of an index. An address is in one of two buckets, and in the first of them if there was room: then a packet
// needs one line of them.
type hashTable struct {
	buckets []bucket
	seed    uint32
}

func newHashTable(addrs int, seed uint32) *hashTable {
	empty := bucket{}
	for i := range empty.Addr {
		empty.Addr[i] = noAddress
	}
	return &hashTable{slices.Repeat([]bucket{empty}, int(float64(addrs)/filling)+1), seed}
}

// addAll adds the addresses of ranges. It reports false where one finds no place.
func (h *hashTable) addAll(ranges []addrRange) bool {
	for _, r := range ranges {
		for k := range r.Last - r.First + 1 {
			if !h.add(seatAt{r.First + k, r.Position + k, r.Pool}) {
				return false
			}
		}
	}
	for at := range h.buckets {
		for _, addr := range h.buckets[at].Addr {
			if first, _ := h.places(addr); addr != noAddress && first != at {
				h.buckets[first].More = 1
			}
		}
	}
	return true
}

// A seatAt is one address and where it leads to.
type seatAt struct{ addr, position, pool uint32 }

// add adds an address. Where both of its buckets are full, another one moves to its other bucket, and so on.
func (h *hashTable) add(s seatAt) bool {
	first, second := h.places(s.addr)
	if h.put(first, s) || h.put(second, s) {
		return true
	}
	at := first
	for move := range hashMoves {
		s = h.swap(at, move%bucketSize, s)
		first, second = h.places(s.addr)
		if at = first + second - at; h.put(at, s) {
			return true
		}
	}
	return false
}

// put puts an address into a bucket, if there is room.
func (h *hashTable) put(at int, s seatAt) bool {
	i := slices.Index(h.buckets[at].Addr[:], noAddress)
	if i >= 0 {
		h.swap(at, i, s)
	}
	return i >= 0
}

// swap puts an address into a bucket, and returns what was there.
func (h *hashTable) swap(at, i int, s seatAt) (was seatAt) {
	b := &h.buckets[at]
	was = seatAt{b.Addr[i], b.Position[i], b.Pool[i]}
	b.Addr[i], b.Position[i], b.Pool[i] = s.addr, s.position, s.pool
	return was
}

// places returns the buckets of an address, as cgn_hash, cgn_hash_again and cgn_bucket_of do.
func (h *hashTable) places(addr uint32) (first, second int) {
	x := addr * h.seed
	x = (x ^ x>>15) * 0x2c1b3c6d
	x ^= x >> 12
	y := x * 0x297a2d39
	y ^= y >> 15
	n := uint64(len(h.buckets))
	return int(uint64(x) * n >> 32), int(uint64(y) * n >> 32)
}
