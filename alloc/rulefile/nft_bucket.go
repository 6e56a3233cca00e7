package rulefile

import (
	"math/bits"
	"slices"
)

// A bucketing is what the rules of a chain put into the mark so far: a number below so many, or 0 for none, by protocol.
type bucketing [3]uint32

// An askedMap is a rule that asks a map of which the keys have a bucket.
type askedMap struct {
	chain int32
	rule  int
	by    bucketing
}

// setMark reads what follows "meta mark set": "jhash ip saddr . th sport mod 8 seed 0x1" is a bucket.
func (x *nftReader) setMark(r *nftRule) {
	var words []string
	for depth := x.depth; x.tok.kind != tokEnd && (x.depth > depth || !x.isEnd() && !x.isVerdict()); x.advance() {
		if len(words) < maxBucketWords {
			words = append(words, string(x.tok.text))
		}
	}
	at := slices.Index(words, "mod")
	if len(words) < 2 || at < 0 || at+1 == len(words) || slices.Contains(words, "offset") || slices.Contains(words, "map") {
		return
	}
	switch words[1] { // behind set
	case "jhash", "symhash", "numgen":
		r.buckets, _ = parseNumber([]byte(words[at+1]))
	}
}

// maxBucketWords is more than the expression of a bucket has.
const maxBucketWords = 32

// marks remembers a rule that puts a bucket into the mark. Of icmp it may be for queries alone.
func (x *nftReader) marks(c int32, r *nftRule) {
	by := x.buckets[c]
	for k := range by {
		bit := protoMask(1) << k
		if r.mask&bit != 0 && r.src == everything && r.list < 0 && r.set == "" && (len(r.conds) == 0 || bit == icmp) {
			by[k] = r.buckets
		}
	}
	x.buckets[c] = by
}

// checkBuckets makes shares in buckets depend on the mark, where rules do not surely give every packet a bucket that each source has.
func (x *nftReader) checkBuckets() *LineError {
	known := map[*shareMap]uint32{}
	for _, a := range x.bucketed {
		r := &x.p.chains[a.chain].rules[a.rule]
		if r.do != lookup {
			continue
		}
		m := x.p.maps[r.target]
		if !m.joined || m.err != nil || m.foreign {
			continue
		}
		n, ok := known[m]
		if !ok {
			n = m.buckets()
			known[m] = n
		}
		sure := n > 0
		for k := range a.by {
			sure = sure && (r.mask&(1<<k) == 0 || a.by[k] == n)
		}
		if sure {
			continue
		}
		id, err := x.p.cond("meta mark of " + m.name)
		if err == nil {
			r.cond, err = x.p.both(r.cond, id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// buckets returns how many buckets every source of a map has, from 0 on; 0 where they have not the same.
func (m *shareMap) buckets() uint32 {
	keys := make([]uint64, 0, len(m.elements))
	for i := range m.elements {
		e := &m.elements[i]
		if !e.key.single() || e.catchAll {
			return 0
		}
		keys = append(keys, uint64(e.key.first)<<32|uint64(e.bucket))
	}
	slices.Sort(keys)
	n := uint32(0)
	for n < uint32(len(keys)) && keys[n]>>32 == keys[0]>>32 {
		n++
	}
	for i, key := range keys {
		if uint32(key) != uint32(i)%n || key>>32 != keys[uint32(i)/n*n]>>32 {
			return 0
		}
	}
	if n == 0 || len(keys)%int(n) != 0 {
		return 0
	}
	return n
}

// parseMark reads a mark in any way that nft writes it.
func parseMark(b []byte) (n uint32, ok bool) {
	hex, isHex := cutHex(b)
	if !isHex {
		return parseNumber(b)
	}
	for _, c := range hex {
		d := uint32(16)
		switch {
		case '0' <= c && c <= '9':
			d = uint32(c - '0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			d = uint32(c|0x20-'a') + 10
		}
		if d == 16 || bits.Len32(n) > 28 {
			return 0, false
		}
		n = n<<4 | d
	}
	return n, len(hex) > 0
}

func cutHex(b []byte) (digits []byte, ok bool) {
	if len(b) > 2 && b[0] == '0' && b[1]|0x20 == 'x' {
		return b[2:], true
	}
	return b, false
}
