package ebpf

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"testing"
)

// sipHash is SipHash-c-d as "SipHash: a fast short-input PRF" (Aumasson, Bernstein, 2012) describes it, over any data.
func sipHash(c, d int, key [2]uint64, data []byte) uint64 {
	v := [4]uint64{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573}
	rounds := func(n int) {
		for range n {
			v[0], v[2] = v[0]+v[1], v[2]+v[3]
			v[1], v[3] = bits.RotateLeft64(v[1], 13)^v[0], bits.RotateLeft64(v[3], 16)^v[2]
			v[0] = bits.RotateLeft64(v[0], 32)
			v[2], v[0] = v[2]+v[1], v[0]+v[3]
			v[1], v[3] = bits.RotateLeft64(v[1], 17)^v[2], bits.RotateLeft64(v[3], 21)^v[0]
			v[2] = bits.RotateLeft64(v[2], 32)
		}
	}
	words := append([]byte(nil), data...)
	for len(words)%8 != 7 {
		words = append(words, 0)
	}
	words = append(words, byte(len(data)))
	for ; len(words) > 0; words = words[8:] {
		m := binary.LittleEndian.Uint64(words)
		v[3] ^= m
		rounds(c)
		v[0] ^= m
	}
	v[2] ^= 0xff
	rounds(d)
	return v[0] ^ v[1] ^ v[2] ^ v[3]
}

// The oracle of the next test has the values of the authors' test vectors, which are of SipHash-2-4.
func TestSipHashVectors(t *testing.T) {
	key, data := [2]uint64{0x0706050403020100, 0x0f0e0d0c0b0a0908}, []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}
	for n, want := range map[int]uint64{0: 0x726fdb47dd0e0e31, 15: 0xa129ca6149be45e5} {
		if got := sipHash(2, 4, key, data[:n]); got != want {
			t.Errorf("SipHash-2-4 of %d octets is %#x, want %#x", n, got, want)
		}
	}
}

// C's hash is SipHash-1-3, and a home follows from it as home.h says.
func TestHome(t *testing.T) {
	rnd := seeded(t)
	for _, key := range [][2]uint64{{}, {math.MaxUint64, 1}, {rnd.Uint64(), rnd.Uint64()}} {
		p := loadParts(t, key)
		q := make([]question, batch)
		for i := range q {
			parity := uint64(rnd.IntN(2) * (1 + rnd.IntN(65536))) // 0, or 1 and the first port
			q[i] = question{A: uint64(rnd.Uint32()), B: uint64(rnd.IntN(65536)<<8 | rnd.IntN(3)), C: uint64(1 + rnd.IntN(1<<rnd.IntN(17))), D: parity}
		}
		p.ask("ask_home", q)
		for _, got := range q {
			hash := sipHash(1, 3, key, binary.LittleEndian.AppendUint64(nil, got.A<<24|got.B)[:7])
			home := hash >> 32 * got.C >> 32
			if first := got.D - 1; got.D > 0 && got.B&0xff == uint64(planeUDP) && got.C > 1 {
				home = hash>>32*(got.C/2)>>32*2 + (got.B>>8^first)&1
			}
			if got.Second != hash || got.Answer != home || home >= got.C {
				t.Fatalf("%+v: hash %#x, home %d, want %#x, %d", got, got.Second, got.Answer, hash, home)
			}
		}
	}
}

// Homes are spread evenly over a share, for neighbouring ports of one address and for one port of neighbouring addresses. The
// statistic is chi-square; 6 of its standard deviations are passed once in millions of runs.
func TestHomesAreSpread(t *testing.T) {
	rnd := seeded(t)
	p := loadParts(t, [2]uint64{rnd.Uint64(), rnd.Uint64()})
	for _, size := range []uint64{2, 3, 7, 63, 64, 1000, 4032} {
		for _, parity := range []uint64{0, 1024 + 1} {
			for name, of := range map[string]func(i uint64) (addr, word uint64){
				"ports of one address":  func(i uint64) (addr, word uint64) { return 0x64400001, i<<8 | uint64(planeUDP) },
				"one port of addresses": func(i uint64) (addr, word uint64) { return 0x64400000 + i, 5060<<8 | uint64(planeTCP) },
			} {
				t.Run(fmt.Sprintf("%d, parity %d, %s", size, parity, name), func(t *testing.T) {
					q := make([]question, batch)
					for i := range q {
						q[i].A, q[i].B = of(uint64(i))
						q[i].C, q[i].D = size, parity
					}
					p.ask("ask_home", q)
					checkSpread(t, q, parity > 0 && q[0].B&0xff == uint64(planeUDP))
				})
			}
		}
	}
}

// checkSpread compares how often each home occurs with the mean. With parity the last of an odd number of ports is nobody's.
func checkSpread(t *testing.T, q []question, parity bool) {
	t.Helper()
	homes := int(q[0].C)
	if parity {
		homes &^= 1
	}
	counts := make([]float64, homes)
	for _, got := range q {
		if parity && (got.Answer^(got.B>>8))&1 != 0 {
			t.Fatalf("port %d has home %d of a share that begins with an even port", got.B>>8, got.Answer)
		}
		counts[got.Answer]++
	}
	mean, chi := float64(len(q))/float64(homes), 0.0
	for _, n := range counts {
		chi += (n - mean) * (n - mean) / mean
	}
	free := float64(homes - 1)
	if parity {
		free-- // half of the ports are odd, always
	}
	if dev := math.Sqrt(2 * max(free, 1)); chi > free+6*dev || chi < free-6*dev {
		t.Errorf("chi-square %.1f with %.0f degrees of freedom", chi, free)
	}
}
