package portset

// A list is an ascending sequence of disjoint ranges that do not touch, with the number of ports before each.
// It never changes after it is made and is shared by all sets that are cut from it.
type list struct {
	ranges []Range
	before []uint32 // before[i] = ports in ranges[:i]
	n      uint32   // ports in all
}

// newList takes ranges that are ascending, disjoint and not touching.
func newList(ranges []Range) *list {
	l := &list{ranges: ranges, before: make([]uint32, len(ranges))}
	for i, r := range ranges {
		l.before[i] = l.n
		l.n += uint32(r.Len())
	}
	return l
}

// at returns the port with index i, which must be below l.n. O(log ranges).
func (l *list) at(i uint32) uint16 {
	k := l.rangeAt(i)
	return l.ranges[k].First() + uint16(i-l.before[k])
}

// rangeAt returns the number of the range that holds the port with index i.
func (l *list) rangeAt(i uint32) int {
	lo, hi := 0, len(l.before) // before[lo] <= i < before[hi]
	for hi-lo > 1 {
		if mid := int(uint(lo+hi) >> 1); l.before[mid] <= i {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// index returns the index of port. O(log ranges).
func (l *list) index(port uint16) (uint32, bool) {
	lo, hi := 0, len(l.ranges)
	for hi-lo > 1 {
		if mid := int(uint(lo+hi) >> 1); l.ranges[mid].First() <= port {
			lo = mid
		} else {
			hi = mid
		}
	}
	if !l.ranges[lo].Contains(port) {
		return 0, false
	}
	return l.before[lo] + uint32(port-l.ranges[lo].First()), true
}
