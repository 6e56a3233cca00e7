package portset

import (
	"crypto/aes"
	"fmt"
	"math/bits"
)

// A Permutation is the keyed shuffle of RFC 6431 section 2.2.1 ("Cryptographically Random Port Range"), over the ports of
// a domain: a bijection from the domain to itself that looks random to whoever lacks the key. A share of n ports is the
// image of n consecutive ports, so that shares of disjoint inputs are disjoint.
//
// The RFC's domain is 1024-65535. Any other domain works the same way: a result outside the domain is permuted again until
// it falls inside ("cycle walking"), which keeps it a bijection.
//
// The RFC's construction is a three-round Feistel network on 8-bit halves: obfuscation against guessing, not secrecy.
// A Permutation is immutable and safe for concurrent use.
type Permutation struct {
	domain Set
	// round[r][x] is the round function of round r+1: the first byte of AES-128(key, r+1 || x || 0...). With 3*256
	// possible inputs a table costs less than the AES calls of one share.
	round [3][256]uint8
}

// NewPermutation returns the permutation of domain under key, an AES-128 key. It costs 768 AES blocks, some tens of
// microseconds. It returns ErrEmpty for the zero Set.
func NewPermutation(key [16]byte, domain Set) (*Permutation, error) {
	if !domain.IsValid() {
		return nil, fmt.Errorf("%w: a permutation needs a domain", ErrEmpty)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("AES-128 key: %w", err)
	}
	p := &Permutation{domain: domain}
	var in, out [aes.BlockSize]byte
	for r := range p.round {
		for x := range p.round[r] {
			in[0], in[1] = byte(r+1), byte(x)
			block.Encrypt(out[:], in[:])
			p.round[r][x] = out[0]
		}
	}
	return p, nil
}

// Domain returns the set that p permutes.
func (p *Permutation) Domain() Set { return p.domain }

// Port returns the image of x. ok is false when x is not in the domain. Expected O(65536 / Len of the domain), each
// step some nanoseconds.
func (p *Permutation) Port(x uint16) (y uint16, ok bool) {
	if !p.domain.Contains(x) {
		return 0, false
	}
	for y = p.encrypt(x); !p.domain.Contains(y); {
		y = p.encrypt(y)
	}
	return y, true
}

// Inverse returns the x whose image is y. ok is false when y is not in the domain.
func (p *Permutation) Inverse(y uint16) (x uint16, ok bool) {
	if !p.domain.Contains(y) {
		return 0, false
	}
	for x = p.decrypt(y); !p.domain.Contains(x); {
		x = p.decrypt(x)
	}
	return x, true
}

// Set returns the images of the n domain ports with the indexes i to i+n-1, in ascending order. Like slicing, it panics
// when they are out of range. It takes O(n) time and memory.
func (p *Permutation) Set(i, n int) Set {
	var member [PortCount / 64]uint64 // marking and collecting is cheaper than sorting
	for x := range p.domain.Slice(i, n).Ports() {
		y, _ := p.Port(x)
		member[y/64] |= 1 << (y % 64)
	}
	ranges := make([]Range, 0, n)
	for w, word := range member {
		for ; word != 0; word &= word - 1 {
			y := uint16(w*64 + bits.TrailingZeros64(word))
			if k := len(ranges); k > 0 && ranges[k-1].last+1 == y {
				ranges[k-1].last = y
				continue
			}
			ranges = append(ranges, rangeOf(y, y))
		}
	}
	s, _ := setFrom(ranges)
	return s
}

// encrypt is the RFC's Feistel network. Its pseudo-code calls the low byte left and the high byte right.
func (p *Permutation) encrypt(x uint16) uint16 {
	left, right := uint8(x), uint8(x>>8)
	for r := range p.round {
		left, right = right, left^p.round[r][right]
	}
	return uint16(right)<<8 | uint16(left)
}

func (p *Permutation) decrypt(y uint16) uint16 {
	left, right := uint8(y), uint8(y>>8)
	for r := len(p.round) - 1; r >= 0; r-- {
		left, right = right^p.round[r][left], left
	}
	return uint16(right)<<8 | uint16(left)
}
