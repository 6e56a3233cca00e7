package portset

import "fmt"

// GMA returns the set that the generalised modulus algorithm of RFC 7597 appendix B gives to psid, for a sharing ratio
// and a number of contiguous ports that need not be powers of two: the ports
//
//	ratio*contiguous*i + contiguous*psid + j,   0 <= j < contiguous
//
// for every i whose block of ratio*contiguous ports starts at lowest or above and ends at 65535 or below. Ports in the
// blocks that are left out belong to nobody. The error wraps ErrLayout, ErrPSID or, when no block is left, ErrEmpty.
func GMA(ratio, contiguous, lowest, psid int) (Set, error) {
	switch {
	case ratio < 1 || ratio > PortCount || contiguous < 1 || contiguous > PortCount/ratio:
		return Set{}, fmt.Errorf("%w: sharing ratio %d times %d contiguous ports is not in 1 to 65536", ErrLayout, ratio, contiguous)
	case lowest < 0 || lowest >= PortCount:
		return Set{}, fmt.Errorf("%w: lowest port %d is not in 0 to 65535", ErrLayout, lowest)
	case psid < 0 || psid >= ratio:
		return Set{}, fmt.Errorf("%w %d: sharing ratio %d holds 0 to %d", ErrPSID, psid, ratio, ratio-1)
	}
	block := ratio * contiguous
	from, to := (lowest+block-1)/block, PortCount/block // blocks from..to-1
	if from >= to {
		return Set{}, fmt.Errorf("%w: no whole block of %d ports starts at or above port %d", ErrEmpty, block, lowest)
	}
	first, count := from*block+contiguous*psid, to-from
	if count == 1 || ratio == 1 {
		return Set{progression: progression{first: uint16(first), run: uint32(contiguous * count), count: 1}}, nil
	}
	return Set{progression: progression{first: uint16(first), stride: uint16(block), run: uint32(contiguous), count: uint32(count)}}, nil
}

// ValueMask returns the ports whose bits under mask equal those of value: p such that p & mask == value & mask
// (RFC 6431 section 2.1). Bits of value outside mask are ignored, as the RFC has them zero. mask 0 is the whole port space.
//
// For value 80 and mask 496 (section 2.3.2, where the prose has a wrong value): 80-95, 592-607, ... 65104-65119.
// O(ranges) in time and memory; there are up to 32,768 ranges.
func ValueMask(value, mask uint16) Set {
	value &= mask
	run := int(mask & -mask) // the bits below the lowest mask bit run freely
	if mask == 0 {
		return Set{progression: progression{run: PortCount, count: 1}}
	}
	var ranges []Range
	for p := 0; p < PortCount; p += run {
		if uint16(p)&mask != value {
			continue
		}
		// The next candidate differs in the lowest mask bit, so that ranges never touch.
		ranges = append(ranges, rangeOf(uint16(p), uint16(p+run-1)))
	}
	s, _ := setFrom(ranges) // value itself is always a member
	return s
}
