package nat44

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// This file reads what the encoder writes with the decoder of mdlayher/netlink, and compares it with what google/nftables writes.

const (
	elementList = unix.NFTA_SET_ELEM_LIST_ELEMENTS
	typeMask    = ^(netlink.Nested | netlink.NetByteOrder)
)

// recorded returns the messages that google/nftables sends for what fill asks of it.
func recorded(tb testing.TB, generation uint32, fill func(*nftables.Conn)) []netlink.Message {
	tb.Helper()
	var out []netlink.Message
	c, err := nftables.New(nftables.WithTestDial(func(req []netlink.Message) ([]netlink.Message, error) {
		out = append(out, req...)
		return nil, nil
	}))
	if err != nil {
		tb.Fatal(err)
	}
	fill(c)
	if err := c.FlushWithGenID(generation); err != nil {
		tb.Fatal(err)
	}
	return out
}

// messages cuts a buffer into messages. The lengths must fit exactly.
func messages(t failer, b []byte) []netlink.Message {
	t.Helper()
	var out []netlink.Message
	for len(b) > 0 {
		if len(b) < 16 {
			t.Fatalf("%d bytes are left over", len(b))
		}
		n := int(binary.NativeEndian.Uint32(b))
		if n%4 != 0 || n > len(b) {
			t.Fatalf("a message of %d bytes in %d", n, len(b))
		}
		var m netlink.Message
		if err := m.UnmarshalBinary(b[:n]); err != nil {
			t.Fatalf("message %d: %v", len(out), err)
		}
		out = append(out, m)
		b = b[n:]
	}
	return out
}

// attrs decodes attributes, all of them or none.
func attrs(t failer, b []byte) []netlink.Attribute {
	t.Helper()
	out, err := netlink.UnmarshalAttributes(b)
	if err != nil {
		t.Fatalf("attributes: %v", err)
	}
	return out
}

// listOf returns the elements of a message: the content of its list's attributes.
func listOf(t failer, m netlink.Message) (table, set string, elements [][]byte) {
	t.Helper()
	for _, a := range attrs(t, m.Data[nfHeaderLen:]) {
		switch a.Type & typeMask {
		case unix.NFTA_SET_ELEM_LIST_TABLE:
			table = string(a.Data)
		case unix.NFTA_SET_ELEM_LIST_SET:
			set = string(a.Data)
		case elementList:
			if a.Type != elementList|netlink.Nested {
				t.Fatalf("the list has the type %#x", a.Type)
			}
			for _, e := range attrs(t, a.Data) {
				if e.Type&netlink.Nested == 0 {
					t.Fatalf("an element has the type %#x", e.Type)
				}
				elements = append(elements, e.Data)
			}
		}
	}
	return table, set, elements
}

// theirs returns the elements as google/nftables writes them.
func theirs(tb testing.TB, set *nftables.Set, elements []nftables.SetElement) (out [][]byte) {
	tb.Helper()
	for _, m := range recorded(tb, 0, func(c *nftables.Conn) {
		if err := c.SetAddElements(set, elements); err != nil {
			tb.Fatal(err)
		}
	}) {
		if m.Header.Type == unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_NEWSETELEM {
			_, _, list := listOf(tb, m)
			out = append(out, list...)
		}
	}
	return out
}

// ours returns the elements that write writes.
func ours(tb testing.TB, write func(*wire)) [][]byte {
	tb.Helper()
	var w wire
	w.beginElements(unix.NFT_MSG_NEWSETELEM, 0, "t", "s")
	write(&w)
	w.endElements()
	_, _, list := listOf(tb, messages(tb, w.buf)[0])
	return list
}

// wirePlans has maps of every kind.
func wirePlans() *Ruleset {
	return must(NewRuleset(plan(
		pool("a", "100.64.1.0/28", "192.0.2.0/28", ratio(1)),
		pool("b", "100.64.2.0/25", "192.0.2.16/28", mapped(3, 5)),
		pool("c", "100.64.3.0/25", "192.0.2.32/28", ratio(32)),
		pool("d", "100.64.4.0/28", "192.0.2.64/28", usable("65530-65535"), stepping(2), share(3)),
	), cgn))
}

// dataOf returns an element's data, written without the encoder: both ends, each an address and a port padded to 4 bytes.
func dataOf(kind mapKind, e element) []byte {
	if kind == whole {
		return e.Outside().AsSlice()
	}
	var out []byte
	for _, port := range []uint16{e.ports.First(), e.ports.Last()} {
		out = append(out, e.Outside().AsSlice()...)
		out = append(out, byte(port>>8), byte(port), 0, 0)
	}
	return out
}

// TestElementsEqualTheLibrarys compares every element of maps of every kind, byte for byte, with and without data.
func TestElementsEqualTheLibrarys(t *testing.T) {
	rs := wirePlans()
	kinds := map[mapKind]int{}
	for i, m := range rs.maps {
		set := rs.sets(generation(0))[i]
		for _, withData := range []bool{true, false} {
			var want []nftables.SetElement
			var got [][]byte
			m.each(func(e element) bool {
				w := nftables.SetElement{Key: keyOf(m.kind, e)}
				if withData {
					w.Val = dataOf(m.kind, e)
				}
				want = append(want, w)
				one := ours(t, func(w *wire) {
					before := len(w.buf)
					w.element(m.kind, e, withData)
					if n := len(w.buf) - before; n != m.kind.sizeOf(withData) {
						t.Fatalf("map %s: an element of %d bytes, said to have %d", m.name(), n, m.kind.sizeOf(withData))
					}
				})
				got = append(got, one...)
				kinds[m.kind]++
				return true
			})
			if lib := theirs(t, set, want); !slices.EqualFunc(got, lib, bytes.Equal) {
				t.Errorf("map %s, with data %t: got  %x\nwant %x", m.name(), withData, got, lib)
			}
		}
	}
	if kinds[contiguous] == 0 || kinds[ranged] == 0 || kinds[whole] == 0 {
		t.Errorf("not every kind was compared: %v", kinds)
	}
}

// TestSizes checks the sizes by kind, which decide when a list is full.
func TestSizes(t *testing.T) {
	for _, tt := range []struct {
		kind      mapKind
		full, key int
	}{{contiguous, contiguousLen, keyOnlyLen}, {ranged, rangedLen, keyOnlyLen + 4}, {whole, wholeLen, keyOnlyLen}} {
		if tt.kind.sizeOf(true) != tt.full || tt.kind.sizeOf(false) != tt.key {
			t.Errorf("kind %d: %d and %d bytes", tt.kind, tt.kind.sizeOf(true), tt.kind.sizeOf(false))
		}
	}
	if contiguousLen != 40 || rangedLen != 44 || wholeLen != 28 || keyOnlyLen != 16 || endLen != 24 {
		t.Error("the sizes are not those that were measured")
	}
}

// TestKeyEqualsTheElements checks that writing a key as the kernel gave it is writing the element without data.
func TestKeyEqualsTheElements(t *testing.T) {
	for _, m := range wirePlans().maps {
		m.each(func(e element) bool {
			byElement := ours(t, func(w *wire) { w.element(m.kind, e, false) })
			byKey := ours(t, func(w *wire) { w.key(keyOf(m.kind, e)) })
			if !slices.EqualFunc(byElement, byKey, bytes.Equal) {
				t.Fatalf("map %s: %x and %x", m.name(), byElement, byKey)
			}
			return true
		})
	}
}

// sortedAttrs decodes an element's attributes, without the flags of their types and by type: the library writes them in another
// order.
func sortedAttrs(tb testing.TB, element []byte) (out []netlink.Attribute) {
	tb.Helper()
	for _, a := range attrs(tb, element) {
		out = append(out, netlink.Attribute{Type: a.Type & typeMask, Data: a.Data})
	}
	slices.SortFunc(out, func(a, b netlink.Attribute) int { return int(a.Type) - int(b.Type) })
	return out
}

func sameAttrs(a, b []netlink.Attribute) bool {
	return slices.EqualFunc(a, b, func(a, b netlink.Attribute) bool { return a.Type == b.Type && bytes.Equal(a.Data, b.Data) })
}

// TestMarkEqualsTheLibrarys compares the element that names the plan, and reads it back.
func TestMarkEqualsTheLibrarys(t *testing.T) {
	sha := plan(pool("a", "100.64.0.1", "192.0.2.1", ratio(1))).SHA256()
	got := ours(t, func(w *wire) { w.mark(sha) })
	want := theirs(t, planMarkSet(tableOf(cgn)), []nftables.SetElement{{Key: binaryutil.NativeEndian.PutUint32(1), Comment: sha}})
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
	e, err := parseElement(got[0])
	if err != nil || e.comment != sha || !bytes.Equal(e.key, binaryutil.NativeEndian.PutUint32(planKey)) || e.data != nil || e.end {
		t.Errorf("read back as %+v, %v", e, err)
	}
}

// TestMarkOfAnyLength checks padding: comments of all lengths come back.
func TestMarkOfAnyLength(t *testing.T) {
	for n := 1; n <= 128; n++ {
		text := strings.Repeat("0123456789abcdef", 8)[:n]
		got := ours(t, func(w *wire) { w.mark(text); w.mark("x") })
		if len(got) != 2 {
			t.Fatalf("%d bytes: %d elements", n, len(got))
		}
		if e, err := parseElement(got[0]); err != nil || e.comment != text {
			t.Errorf("%d bytes come back as %q, %v", n, e.comment, err)
		}
	}
}

// TestBatchEqualsTheLibrarys compares the frame of a transaction with the library's, message by message.
func TestBatchEqualsTheLibrarys(t *testing.T) {
	for _, generation := range []uint32{0, 1, 0xdeadbeef} {
		var w wire
		w.seq = 41
		w.beginBatch(generation)
		w.beginElements(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE|unix.NLM_F_EXCL, "cgn_a-b", "shares")
		w.mark("x")
		w.endElements()
		w.ack()
		last := w.seq
		w.endBatch()
		got := messages(t, w.buf)
		set := &nftables.Set{Table: &nftables.Table{Name: "cgn_a-b", Family: nftables.TableFamilyIPv4}, Name: "shares"}
		want := recorded(t, generation, func(c *nftables.Conn) {
			if err := c.SetAddElements(set, []nftables.SetElement{{Key: binaryutil.NativeEndian.PutUint32(1), Comment: "x"}}); err != nil {
				t.Fatal(err)
			}
		})
		if len(got) != 3 || len(want) != 3 {
			t.Fatalf("%d and %d messages", len(got), len(want))
		}
		for i := range got {
			if got[i].Header.Type != want[i].Header.Type || got[i].Header.PID != 0 || got[i].Header.Sequence != uint32(42+i) {
				t.Errorf("message %d: got %+v, want %+v", i, got[i].Header, want[i].Header)
			}
		}
		// The library repeats the generation at the end, where the kernel does not look for it.
		want[2].Data = want[2].Data[:nfHeaderLen]
		for _, i := range []int{0, 2} {
			if !bytes.Equal(got[i].Data, want[i].Data) || got[i].Header.Flags != netlink.Request {
				t.Errorf("generation %d: message %d is %x with %v, want %x", generation, i, got[i].Data, got[i].Header.Flags, want[i].Data)
			}
		}
		if f := netlink.Request | netlink.Create | netlink.Excl | netlink.Acknowledge; got[1].Header.Flags != f || last != got[1].Header.Sequence {
			t.Errorf("elements have flags %v and number %d, want %v and %d", got[1].Header.Flags, got[1].Header.Sequence, f, last)
		}
		if !bytes.Equal(got[1].Data[:nfHeaderLen], want[1].Data[:nfHeaderLen]) {
			t.Errorf("nfgenmsg %x, want %x", got[1].Data[:nfHeaderLen], want[1].Data[:nfHeaderLen])
		}
		if table, name, list := listOf(t, got[1]); table != "cgn_a-b\x00" || name != "shares\x00" || len(list) != 1 {
			t.Errorf("table %q, set %q, %d elements", table, name, len(list))
		}
	}
}

// TestNamesAreAligned checks every length of a name: what follows starts at a multiple of four.
func TestNamesAreAligned(t *testing.T) {
	for n := range maxInstance + 8 {
		table, set := strings.Repeat("t", n+1), strings.Repeat("s", 40-n)
		var w wire
		w.beginElements(unix.NFT_MSG_DELSETELEM, 0, table, set)
		w.key([]byte{1, 2, 3, 4})
		w.endElements()
		gotTable, gotSet, list := listOf(t, messages(t, w.buf)[0])
		if gotTable != table+"\x00" || gotSet != set+"\x00" || len(list) != 1 {
			t.Errorf("%q, %q, %d elements", gotTable, gotSet, len(list))
		}
	}
}

// TestKernelError has the texts that an operator reads.
func TestKernelError(t *testing.T) {
	parts := []bulkPart{
		{seq: 5, op: "add", set: "shares", first: ip("100.64.0.1"), last: ip("100.64.3.255")},
		{seq: 6, op: "delete", set: "whole_b", first: ip("100.64.9.9"), last: ip("100.64.9.9")},
		{seq: 7, op: "flush", set: "plan"},
	}
	for _, tt := range []struct {
		refusal refusal
		want    string
	}{
		{refusal{5, unix.ENFILE, ""}, "add elements of shares of subscribers 100.64.0.1 to 100.64.3.255: too many open files in system"},
		{refusal{6, unix.ENOENT, ""}, "delete elements of whole_b of subscriber 100.64.9.9: no such file or directory"},
		{refusal{7, unix.EBUSY, "set is bound"}, "flush elements of plan: device or resource busy: set is bound"},
		{refusal{4, unix.ERESTART, ""}, "commit: interrupted system call should be restarted"},
	} {
		err := blame(&tt.refusal, parts)
		var k *KernelError
		if err.Error() != tt.want || !errors.Is(err, tt.refusal.errno) || !errors.As(err, &k) {
			t.Errorf("got %q, want %q", err, tt.want)
		}
	}
}
