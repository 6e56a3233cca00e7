package ebpf

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// Marks are compared eight at once, and that says the same as one by one. Which are like one is exact up to the first.
func TestMarks(t *testing.T) {
	p := loadParts(t, [2]uint64{})
	rnd := rand.New(rand.NewPCG(1, 2))
	kinds := []byte{0, 0x40, 0xff, 0x80, 0x81}
	q := make([]question, batch)
	for i := range q {
		var word [8]byte
		for at := range word {
			if word[at] = kinds[rnd.IntN(len(kinds))]; rnd.IntN(2) == 0 {
				word[at] = 0x80 | byte(rnd.IntN(256))
			}
		}
		q[i].A, q[i].B = binary.LittleEndian.Uint64(word[:]), uint64(0x80|rnd.IntN(4))
	}
	p.ask("ask_marks", q)
	for _, q := range q {
		var like, unused, never uint64
		first := uint64(8)
		for at := range uint64(8) {
			switch mark := byte(q.A >> (8 * at)); {
			case mark == byte(q.B):
				like |= 0x80 << (8 * at)
				first = min(first, at)
			case mark < 0x80:
				unused |= 0x80 << (8 * at)
				if mark < 0x40 {
					never |= 0x80 << (8 * at)
				}
			}
		}
		if q.Answer&like != like || (like == 0) != (q.Answer == 0) || (like != 0 && q.C != first) {
			t.Fatalf("%016x has %02x at %016x, from %d on: want %016x, from %d on", q.A, q.B, q.Answer, q.C, like, first)
		}
		if q.Second != unused|never>>1 {
			t.Fatalf("%016x: unused and new are %016x, want %016x", q.A, q.Second, unused|never>>1)
		}
	}
}
