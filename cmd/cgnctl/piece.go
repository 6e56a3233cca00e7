package main

// pieceLen is how much of a row one fixed-size copy moves. Copying a constant number of bytes is a few instructions; copying
// as many as there are costs a call. A row is made of four pieces.
const pieceLen = 48

// A piece is a part of a row that stands in many rows.
type piece struct {
	short [pieceLen]byte
	n     int    // length in short; 0 when the text is in long
	long  []byte // text that does not fit
}

func pieceOf(text []byte) (p piece) {
	if len(text) > pieceLen {
		return piece{long: text}
	}
	p.n = copy(p.short[:], text)
	return p
}

// put writes the piece to the start of b, which has room for it and at least pieceLen bytes, and returns its length. What
// it writes behind that length is overwritten by what follows.
func (p *piece) put(b []byte) int {
	if p.n == 0 {
		return copy(b, p.long)
	}
	*(*[pieceLen]byte)(b) = p.short
	return p.n
}

// size returns the room that put needs.
func (p *piece) size() int { return max(pieceLen, len(p.long)) }

// putRows writes rows that share all but the last octet of the subscriber, which counts up, and the end. It writes to b from n
// on, where there is room for four pieces a row, and returns where it stopped. Every piece is short.
func putRows(b []byte, n int, head, mid *piece, ends []piece, last byte) int {
	h, m := head.short, mid.short
	headLen, midLen := head.n, mid.n
	for i := range ends {
		o, end := &octets[last], &ends[i]
		row := b[n : n+4*pieceLen]
		*(*[pieceLen]byte)(row) = h
		row = row[headLen:]
		*(*[3]byte)(row) = o.text
		row = row[o.n:]
		*(*[pieceLen]byte)(row) = m
		*(*[pieceLen]byte)(row[midLen:]) = end.short
		n += headLen + int(o.n) + midLen + end.n
		last++
	}
	return n
}

// An octet is a number from 0 to 255 as text.
type octet struct {
	text [3]byte
	n    uint8
}

var octets = func() (t [256]octet) {
	for i := range t {
		b := t[i].text[:0]
		if i >= 100 {
			b = append(b, byte('0'+i/100))
		}
		if i >= 10 {
			b = append(b, byte('0'+i/10%10))
		}
		t[i].n = uint8(len(append(b, byte('0'+i%10))))
	}
	return t
}()

// appendAddr appends an address.
func appendAddr(b []byte, a [4]byte) []byte {
	for i, o := range a {
		if i > 0 {
			b = append(b, '.')
		}
		b = append(b, octets[o].text[:octets[o].n]...)
	}
	return b
}
