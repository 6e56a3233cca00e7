package ebpf

import "testing"

// A checksum that is changed is the one that is summed anew, for all combinations of words at the edges and for random ones.
// Data of nothing but zeros are left out: their checksum is 0xffff, which no change of another checksum can tell from 0.
func TestChecksumDelta(t *testing.T) {
	p := loadParts(t, [2]uint64{})
	rnd := seeded(t)
	edges := []uint32{0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffff0000, 0xfffffffe, 0xffffffff}
	var q []question
	var rest []uint32 // the other words under the checksum, as one
	for _, others := range edges {
		for _, from := range edges {
			for _, to := range edges {
				q, rest = append(q, question{B: uint64(from), C: uint64(to), D: 32}), append(rest, others)
				q, rest = append(q, question{B: uint64(uint16(from)), C: uint64(uint16(to)), D: 16}), append(rest, others)
			}
		}
	}
	for len(q) < batch {
		q, rest = append(q, question{B: uint64(rnd.Uint32()), C: uint64(rnd.Uint32()), D: 32}), append(rest, rnd.Uint32())
		q, rest = append(q, question{B: uint64(uint16(rnd.Uint32())), C: uint64(uint16(rnd.Uint32())), D: 16}), append(rest, rnd.Uint32())
	}
	q, rest = q[:batch], rest[:batch]
	anew := func(word uint64, others uint32) uint16 {
		var b []byte
		for _, w := range []uint32{uint32(word), others} {
			b = append(b, byte(w>>24), byte(w>>16), byte(w>>8), byte(w))
		}
		return ^sum16(b)
	}
	for i := range q {
		q[i].A = uint64(anew(q[i].B, rest[i]))
	}
	compared := 0
	p.ask("ask_checksum", q)
	for i, got := range q {
		if rest[i] == 0 && (got.B == 0 || got.C == 0) {
			continue
		}
		compared++
		if want := anew(got.C, rest[i]); uint16(got.Answer) != want {
			t.Fatalf("%d bits, %#x to %#x beside %#x: %#04x to %#04x, want %#04x", got.D, got.B, got.C, rest[i], got.A, got.Answer, want)
		}
	}
	if compared < batch-200 {
		t.Errorf("%d of %d compared", compared, batch)
	}
}
