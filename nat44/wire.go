//go:build linux

package nat44

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// This file is the part of nf_tables' netlink protocol (include/uapi/linux/netfilter/nf_tables.h) that moves elements in bulk.
// Integers are in network order, except in netlink's own headers.

const (
	nlHeaderLen = 16 // struct nlmsghdr
	nfHeaderLen = 4  // struct nfgenmsg
	attrHeader  = 4  // struct nlattr
	nested      = unix.NLA_F_NESTED

	attrElement = 1 // NFTA_LIST_ELEM
	attrValue   = 1 // NFTA_DATA_VALUE

	// An attribute's length is 16 bits. The kernel does not notice a list that overflows it.
	maxElementList = 65535 - attrHeader

	attrSetCount = 20 // NFTA_SET_COUNT, of kernels since 6.16
	batchGenID   = 1  // NFNL_BATCH_GENID
)

// A wire builds netlink messages in one buffer that it keeps.
type wire struct {
	buf     []byte
	seq     uint32
	message int // where the message under construction starts
	list    int // where its element list starts
}

func (w *wire) reset() { w.buf, w.message, w.list = w.buf[:0], 0, 0 }

// begin starts a message.
func (w *wire) begin(kind, flags uint16, family byte, resource uint16) {
	w.message = len(w.buf)
	w.seq++
	w.buf = binary.NativeEndian.AppendUint32(w.buf, 0) // its length, set by end
	w.buf = binary.NativeEndian.AppendUint16(w.buf, kind)
	w.buf = binary.NativeEndian.AppendUint16(w.buf, flags)
	w.buf = binary.NativeEndian.AppendUint32(w.buf, w.seq)
	w.buf = binary.NativeEndian.AppendUint32(w.buf, 0) // port id: the kernel
	w.buf = append(w.buf, family, unix.NFNETLINK_V0)
	w.buf = binary.BigEndian.AppendUint16(w.buf, resource)
}

// beginNft starts a message of nf_tables.
func (w *wire) beginNft(kind, flags uint16) {
	w.begin(unix.NFNL_SUBSYS_NFTABLES<<8|kind, unix.NLM_F_REQUEST|flags, unix.NFPROTO_IPV4, 0)
}

func (w *wire) end() {
	binary.NativeEndian.PutUint32(w.buf[w.message:], uint32(len(w.buf)-w.message))
}

// ack asks for an answer to the message that was ended last.
func (w *wire) ack() {
	at := w.buf[w.message+6:]
	binary.NativeEndian.PutUint16(at, binary.NativeEndian.Uint16(at)|unix.NLM_F_ACK)
}

// name appends a string attribute.
func (w *wire) name(kind uint16, s string) {
	w.header(attrHeader+len(s)+1, kind)
	w.buf = append(w.buf, s...)
	w.buf = append(w.buf, 0)
	for len(w.buf)%4 != 0 {
		w.buf = append(w.buf, 0)
	}
}

// raw appends an attribute as it came from the kernel.
func (w *wire) raw(kind uint16, value []byte) {
	w.header(attrHeader+len(value), kind)
	w.buf = append(w.buf, value...)
	for len(w.buf)%4 != 0 {
		w.buf = append(w.buf, 0)
	}
}

func (w *wire) header(length int, kind uint16) {
	w.buf = binary.NativeEndian.AppendUint16(w.buf, uint16(length))
	w.buf = binary.NativeEndian.AppendUint16(w.buf, kind)
}

func (w *wire) uint32(kind uint16, v uint32) {
	w.header(attrHeader+4, kind)
	w.buf = binary.BigEndian.AppendUint32(w.buf, v)
}

// beginBatch starts a transaction. Where generation is not 0, the kernel refuses it with ERESTART unless that is the current one.
func (w *wire) beginBatch(generation uint32) {
	w.begin(unix.NFNL_MSG_BATCH_BEGIN, unix.NLM_F_REQUEST, unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES)
	if generation != 0 {
		w.uint32(batchGenID, generation)
	}
	w.end()
}

func (w *wire) endBatch() {
	w.begin(unix.NFNL_MSG_BATCH_END, unix.NLM_F_REQUEST, unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES)
	w.end()
}

// beginElements starts a message with a list of elements of a set.
func (w *wire) beginElements(kind, flags uint16, table, set string) {
	w.beginNft(kind, flags)
	w.name(unix.NFTA_SET_ELEM_LIST_TABLE, table)
	w.name(unix.NFTA_SET_ELEM_LIST_SET, set)
	w.list = len(w.buf)
	w.header(0, unix.NFTA_SET_ELEM_LIST_ELEMENTS|nested)
}

func (w *wire) endElements() {
	binary.NativeEndian.PutUint16(w.buf[w.list:], uint16(len(w.buf)-w.list))
	w.end()
}

// full reports whether the element list has no room for n more bytes.
func (w *wire) full(n int) bool { return len(w.buf)-w.list+n > maxElementList }

// errTruncated says that a message of the kernel ends early.
var errTruncated = errors.New("netlink message ends early")

// attributes calls yield with the attributes in b, without the flags of their types.
func attributes(b []byte, yield func(kind uint16, value []byte) error) error {
	for len(b) >= attrHeader {
		n := int(binary.NativeEndian.Uint16(b))
		if n < attrHeader || n > len(b) {
			return errTruncated
		}
		kind := binary.NativeEndian.Uint16(b[2:]) &^ uint16(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER)
		if err := yield(kind, b[attrHeader:n]); err != nil {
			return err
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	return nil
}

// A kernelElement is an element as the kernel tells it. Its slices lie in the receive buffer.
type kernelElement struct {
	key, data []byte
	end       bool // it ends an interval
	comment   string
}

// elementsOf calls yield with the elements in the payload of a NFT_MSG_NEWSETELEM message.
func elementsOf(payload []byte, yield func(kernelElement) error) error {
	if len(payload) < nfHeaderLen {
		return errTruncated
	}
	return attributes(payload[nfHeaderLen:], func(kind uint16, value []byte) error {
		if kind != unix.NFTA_SET_ELEM_LIST_ELEMENTS {
			return nil
		}
		return attributes(value, func(_ uint16, value []byte) error {
			e, err := parseElement(value)
			if err != nil {
				return err
			}
			return yield(e)
		})
	})
}

func parseElement(b []byte) (e kernelElement, err error) {
	err = attributes(b, func(kind uint16, value []byte) error {
		switch kind {
		case unix.NFTA_SET_ELEM_KEY:
			return dataValue(value, &e.key)
		case unix.NFTA_SET_ELEM_DATA:
			return dataValue(value, &e.data)
		case unix.NFTA_SET_ELEM_FLAGS:
			if len(value) != 4 {
				return errTruncated
			}
			e.end = binary.BigEndian.Uint32(value)&unix.NFT_SET_ELEM_INTERVAL_END != 0
		case unix.NFTA_SET_ELEM_USERDATA:
			e.comment = comment(value)
		}
		return nil
	})
	return e, err
}

func dataValue(b []byte, to *[]byte) error {
	return attributes(b, func(kind uint16, value []byte) error {
		if kind == attrValue {
			*to = value
		}
		return nil
	})
}

// comment reads the comment from user data: type, length, and a string that ends with NUL. It is "" where there is none.
func comment(b []byte) string {
	for len(b) >= 2 && int(b[1]) <= len(b)-2 {
		kind, n := b[0], int(b[1])
		if kind == 0 && n > 0 {
			return string(b[2 : 2+n-1])
		}
		b = b[2+n:]
	}
	return ""
}

// A KernelError is an operation that the kernel refused.
type KernelError struct {
	Op    string // what was asked for: "add elements to map shares"
	First string // the first inside address concerned, "" where it does not come down to subscribers
	Last  string // the last
	Errno unix.Errno
	Text  string // what the kernel says beyond the error number; may be empty
}

// Error returns the operation, whom it concerns and the cause.
func (e *KernelError) Error() string {
	who := ""
	switch {
	case e.First != "" && e.First == e.Last:
		who = fmt.Sprintf(" of subscriber %s", e.First)
	case e.First != "":
		who = fmt.Sprintf(" of subscribers %s to %s", e.First, e.Last)
	}
	text := ""
	if e.Text != "" {
		text = ": " + e.Text
	}
	return fmt.Sprintf("%s%s: %v%s", e.Op, who, e.Errno, text)
}

// Unwrap returns the error number.
func (e *KernelError) Unwrap() error { return e.Errno }
