package alloc

// A ladder speeds up the search in ascending keys. It cuts the span of the keys into equal buckets, about one for four
// keys, and remembers where each bucket starts: the search then runs inside one bucket. One byte per key.
type ladder struct {
	base  uint32
	shift uint8
	rungs []uint32 // rungs[b] = number of keys in buckets before b; one more entry than buckets
}

// ladderMin is the number of keys below which a plain binary search is as good.
const ladderMin = 64

func newLadder(keys []uint32) ladder {
	if len(keys) < ladderMin {
		return ladder{}
	}
	l := ladder{base: keys[0]}
	width := uint64(keys[len(keys)-1]-keys[0]) + 1
	for width>>l.shift > uint64(len(keys)/4) {
		l.shift++
	}
	l.rungs = make([]uint32, (width-1)>>l.shift+2)
	for _, k := range keys {
		l.rungs[(k-l.base)>>l.shift+1]++
	}
	for b := 1; b < len(l.rungs); b++ {
		l.rungs[b] += l.rungs[b-1]
	}
	return l
}

// find returns the number of the last key that is not above x, or -1.
func (l *ladder) find(keys []uint32, x uint32) int {
	lo, hi := 0, len(keys)
	if l.rungs != nil {
		if x < l.base {
			return -1
		}
		b := int((x - l.base) >> l.shift)
		if b > len(l.rungs)-2 {
			return len(keys) - 1
		}
		lo, hi = int(l.rungs[b]), int(l.rungs[b+1])
	}
	for lo < hi { // keys[:lo] <= x < keys[hi:]
		if mid := int(uint(lo+hi) >> 1); keys[mid] <= x {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}
