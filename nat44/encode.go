//go:build linux

package nat44

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
)

// Bytes of one element on the wire: its own header, the key, and the data.
const (
	contiguousLen = attrHeader + (8 + 4) + (8 + 16)
	rangedLen     = attrHeader + (8 + 8) + (8 + 16)
	wholeLen      = attrHeader + (8 + 4) + (8 + 4)
	keyOnlyLen    = attrHeader + (8 + 4)
	endLen        = keyOnlyLen + 8
)

// sizeOf returns the bytes of one element of a kind, with data or, for deletion and reading, without.
func (k mapKind) sizeOf(withData bool) int {
	n := attrHeader + 8 + k.keyLen()
	if withData {
		n += 8 + k.dataLen()
	}
	return n
}

func (k mapKind) keyLen() int {
	if k == ranged {
		return 8
	}
	return 4
}

func (k mapKind) dataLen() int {
	if k == whole {
		return 4
	}
	return 16
}

// element appends one element of a map. It does not allocate beyond growing the buffer.
//
// The data of an interval is its two ends, each an address and a port, each field padded to 4 bytes.
func (w *wire) element(kind mapKind, e element, withData bool) {
	n := kind.sizeOf(withData)
	w.header(n, attrElement|nested)
	key := kind.keyLen()
	w.header(8+key, unix.NFTA_SET_ELEM_KEY|nested)
	w.header(4+key, attrValue)
	inside := e.Inside().As4()
	w.buf = append(w.buf, inside[:]...)
	if kind == ranged {
		w.buf = binary.NativeEndian.AppendUint32(w.buf, uint32(e.bucket)) // a mark is in host order
	}
	if !withData {
		return
	}
	data := kind.dataLen()
	w.header(8+data, unix.NFTA_SET_ELEM_DATA|nested)
	w.header(4+data, attrValue)
	w.buf = appendData(w.buf, kind, e)
}

// key appends an element by its key alone, as the kernel gave it.
func (w *wire) key(key []byte) {
	w.header(attrHeader+8+len(key), attrElement|nested)
	w.header(8+len(key), unix.NFTA_SET_ELEM_KEY|nested)
	w.header(4+len(key), attrValue)
	w.buf = append(w.buf, key...)
}

// appendData appends what an element maps to.
func appendData(b []byte, kind mapKind, e element) []byte {
	o := e.Outside().As4()
	b = append(b, o[:]...)
	if kind == whole {
		return b
	}
	first, last := e.ports.First(), e.ports.Last()
	return append(b, byte(first>>8), byte(first), 0, 0, o[0], o[1], o[2], o[3], byte(last>>8), byte(last), 0, 0)
}

// bound appends one end of an interval: its first address, or with end the address behind its last.
func (w *wire) bound(addr [4]byte, end bool) {
	n := keyOnlyLen
	if end {
		n = endLen
	}
	w.header(n, attrElement|nested)
	w.header(12, unix.NFTA_SET_ELEM_KEY|nested)
	w.header(8, attrValue)
	w.buf = append(w.buf, addr[:]...)
	if end {
		w.uint32(unix.NFTA_SET_ELEM_FLAGS, unix.NFT_SET_ELEM_INTERVAL_END)
	}
}

// bounds calls yield with the ends of the intervals, as nft writes them: what lies before the first interval ends at 0.0.0.0.
func bounds(ranges []alloc.AddrRange, yield func(addr [4]byte, end bool) bool) {
	zero := [4]byte{}
	if len(ranges) > 0 && ranges[0].First().As4() != zero && !yield(zero, true) {
		return
	}
	for _, r := range ranges {
		if !yield(r.First().As4(), false) {
			return
		}
		if after := r.Last().Next(); after.Is4() && !yield(after.As4(), true) {
			return
		}
	}
}

// mark appends the element that says which plan this is, and what its maker wanted of all else.
func (w *wire) mark(text string) {
	const comment = 0 // NFTNL_UDATA_SET_ELEM_COMMENT
	user := 2 + len(text) + 1
	padded := (user + 3) &^ 3
	w.header(attrHeader+(8+4)+attrHeader+padded, attrElement|nested)
	w.header(12, unix.NFTA_SET_ELEM_KEY|nested)
	w.header(8, attrValue)
	w.buf = binary.NativeEndian.AppendUint32(w.buf, planKey)
	w.header(attrHeader+user, unix.NFTA_SET_ELEM_USERDATA)
	w.buf = append(w.buf, comment, byte(len(text)+1))
	w.buf = append(w.buf, text...)
	for range padded - user + 1 {
		w.buf = append(w.buf, 0)
	}
}

// planKey is the one element of the set that names the plan.
const planKey = 1
