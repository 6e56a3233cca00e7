package nat44

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// within reports whether part lies in whole, or is empty: what a parser returns may not reach beyond what it was given.
func within(part, whole []byte) bool {
	return len(part) == 0 || bytes.Contains(whole, part)
}

// FuzzElements reads arbitrary bytes as a message with elements. Parsing ends, stays within the bytes, and agrees with the decoder of
// mdlayher/netlink wherever that takes them.
func FuzzElements(f *testing.F) {
	for _, m := range wirePlans().maps {
		var w wire
		w.beginElements(unix.NFT_MSG_NEWSETELEM, 0, "cgn", m.name())
		n := 0
		m.each(func(e element) bool { w.element(m.kind, e, n%3 > 0); n++; return n < 9 })
		w.endElements()
		f.Add(w.buf[nlHeaderLen:])
	}
	var w wire
	w.beginElements(unix.NFT_MSG_NEWSETELEM, 0, "cgn", insideSet)
	bounds(spans("10.0.0.0/8 255.255.255.255"), func(addr [4]byte, end bool) bool { w.bound(addr, end); return true })
	w.mark("0123456789abcdef")
	w.endElements()
	f.Add(w.buf[nlHeaderLen:])
	f.Add([]byte{})
	f.Add([]byte{2, 0, 0, 0, 4, 0, 3, 0, 0, 0, 0, 0})                               // an attribute shorter than its header
	f.Add([]byte{2, 0, 0, 0, 16, 0, 3, 128, 12, 0, 1, 128, 8, 0, 3, 0, 0, 1, 0, 0}) // flags of two bytes
	f.Fuzz(func(t *testing.T, b []byte) {
		elements := 0
		err := elementsOf(b, func(e kernelElement) error {
			elements++
			if elements > len(b)/attrHeader {
				t.Fatalf("%d elements in %d bytes", elements, len(b))
			}
			if !within(e.key, b) || !within(e.data, b) || !within([]byte(e.comment), b) {
				t.Fatalf("%+v is not in the message", e)
			}
			if len(e.key) > 0 && len(e.key) < 1000 {
				var w wire
				w.key(e.key)
				again, err := parseElement(w.buf[attrHeader:])
				if err != nil || !bytes.Equal(again.key, e.key) {
					t.Fatalf("the key %x comes back as %x, %v", e.key, again.key, err)
				}
			}
			return nil
		})
		_ = comment(b)
		if len(b) < nfHeaderLen {
			if err == nil {
				t.Fatal("a message without a header is taken")
			}
			return
		}
		all, theirErr := netlink.UnmarshalAttributes(b[nfHeaderLen:])
		if err != nil || theirErr != nil {
			return
		}
		want := 0
		for _, a := range all {
			if a.Type&typeMask == elementList {
				list, err := netlink.UnmarshalAttributes(a.Data)
				if err != nil {
					return
				}
				want += len(list)
			}
		}
		if elements != want {
			t.Fatalf("%d elements, mdlayher/netlink finds %d", elements, want)
		}
	})
}

// conntrackMessage encodes a flow as the kernel does (net/netfilter/nf_conntrack_netlink.c), with the encoder of mdlayher/netlink.
func conntrackMessage(tb testing.TB, f flow) []byte {
	tb.Helper()
	e := netlink.NewAttributeEncoder()
	e.ByteOrder = binary.BigEndian
	for i, t := range []tuple{f.orig, f.reply} {
		e.Nested([]uint16{ctTupleOrig, ctTupleReply}[i], func(e *netlink.AttributeEncoder) error {
			e.Nested(ctTupleIP, func(e *netlink.AttributeEncoder) error {
				e.Bytes(ctSource, t.src.AsSlice())
				e.Bytes(ctDest, t.dst.AsSlice())
				return nil
			})
			e.Nested(ctTupleProto, func(e *netlink.AttributeEncoder) error {
				e.Uint8(ctProtoNum, t.proto)
				switch t.proto {
				case tcp, udp:
					e.Uint16(ctSourcePort, t.srcPort)
					e.Uint16(ctDestPort, t.dstPort)
				case icmp:
					e.Uint16(ctICMPID, t.srcPort)
					e.Uint8(5, 8) // CTA_PROTO_ICMP_TYPE
					e.Uint8(6, 0) // CTA_PROTO_ICMP_CODE
				}
				return nil
			})
			return nil
		})
	}
	e.Uint32(3, 0x18e) // CTA_STATUS
	e.Uint32(ctID, 0xcafe)
	e.Uint32(7, 300) // CTA_TIMEOUT
	b, err := e.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return append([]byte{unix.AF_INET, 0, 0, 0}, b...)
}

// FuzzFlow reads arbitrary bytes as a conntrack message. Parsing ends without a panic, and so does the question whether the flow is
// stale, which is never said of a flow that is not of a subscriber.
func FuzzFlow(f *testing.F) {
	s := flowPlans(f)["now"]
	for _, tt := range staleFlows {
		f.Add(conntrackMessage(f, tt.flow()))
	}
	f.Add([]byte{})
	f.Add([]byte{2, 0, 0, 0, 20, 0, 1, 128, 12, 0, 1, 128, 6, 0, 1, 0, 10, 0, 0, 0}) // an address of two bytes
	f.Fuzz(func(t *testing.T, b []byte) {
		fl, err := parseFlow(b)
		if err != nil {
			return
		}
		if s.stale(fl) && !contains(s.rs.inside, fl.orig.src) && !contains(s.outside, fl.reply.dst) {
			t.Fatalf("%+v is stale and none of ours", fl)
		}
	})
}

// FuzzAnswer reads arbitrary bytes as an answer of the kernel.
func FuzzAnswer(f *testing.F) {
	var w wire
	w.beginElements(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE, "cgn", "shares")
	w.endElements()
	errno := func(e unix.Errno) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(-int32(e))) }
	f.Add(append(errno(0), w.buf[:nlHeaderLen]...))
	f.Add(append(errno(unix.EEXIST), w.buf[:nlHeaderLen]...))
	withText, err := netlink.MarshalAttributes([]netlink.Attribute{{Type: 1, Data: []byte("set is bound\x00")}, {Type: 2, Data: []byte{1, 0, 0, 0}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(append(errno(unix.EBUSY), w.buf[:nlHeaderLen]...), withText...))
	f.Add(append(append(errno(unix.EBUSY), w.buf[:nlHeaderLen]...), 4, 0, 1, 0)) // a text without even its NUL
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := answer(7, b)
		switch {
		case err == nil && (len(b) < 20 || r.seq != 7 || !within([]byte(r.text), b)):
			t.Fatalf("%x gives %+v", b, r)
		case err == nil && int32(binary.NativeEndian.Uint32(b)) != -int32(r.errno):
			t.Fatalf("%x gives errno %d", b, r.errno)
		}
	})
}

// TestAnswer has what the seeds of FuzzAnswer mean.
func TestAnswer(t *testing.T) {
	header := make([]byte, nlHeaderLen)
	text, err := netlink.MarshalAttributes([]netlink.Attribute{{Type: 2, Data: []byte{1, 0, 0, 0}}, {Type: 1, Data: []byte("set is bound\x00")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		b    []byte
		want refusal
		err  error
	}{
		"acknowledgement": {append([]byte{0, 0, 0, 0}, header...), refusal{seq: 9}, nil},
		"errno":           {append(binary.NativeEndian.AppendUint32(nil, ^uint32(16)), header...), refusal{seq: 9, errno: unix.EEXIST}, nil},
		"errno and text": {append(append(binary.NativeEndian.AppendUint32(nil, ^uint32(15)), header...), text...),
			refusal{9, unix.EBUSY, "set is bound"}, nil},
		"no header": {[]byte{0, 0, 0, 0}, refusal{}, errTruncated},
	} {
		if got, err := answer(9, tt.b); got != tt.want || err != tt.err { //nolint:errorlint // the error itself is returned
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
