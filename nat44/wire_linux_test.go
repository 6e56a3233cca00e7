package nat44

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/cgnkit/cgnkit/alloc"
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

// TestBoundsEqualTheLibrarys compares the ends of intervals.
func TestBoundsEqualTheLibrarys(t *testing.T) {
	set := &nftables.Set{Table: tableOf(cgn), Name: insideSet, KeyType: nftables.TypeIPAddr, Interval: true}
	var want []nftables.SetElement
	got := ours(t, func(w *wire) {
		bounds(spans("100.64.0.0/24 100.64.2.7 192.0.2.0-192.0.2.9"), func(addr [4]byte, end bool) bool {
			before := len(w.buf)
			w.bound(addr, end)
			if n := len(w.buf) - before; n > endLen || !end && n != keyOnlyLen {
				t.Errorf("a bound of %d bytes", n)
			}
			want = append(want, nftables.SetElement{Key: addr[:], IntervalEnd: end})
			return true
		})
	})
	if len(got) != 7 {
		t.Errorf("%d bounds for three ranges", len(got))
	}
	lib := theirs(t, set, want)
	for i := range max(len(got), len(lib)) {
		if a, b := sortedAttrs(t, got[i]), sortedAttrs(t, lib[i]); !sameAttrs(a, b) {
			t.Errorf("bound %d: got  %x\nwant %x", i, a, b)
		}
	}
}

// TestBounds puts the intervals together again: an end closes what began before it, and what begins last and has no end reaches to
// the last address. The kernel reads an interval set that way.
func TestBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ranges := merge(drawSpans(t, 0))
		var got []alloc.AddrRange
		var open *netip.Addr
		ordinal := 0
		var last uint64
		bounds(ranges, func(addr [4]byte, end bool) bool {
			a := netip.AddrFrom4(addr)
			if v := uint64(number(a)) + 1; v <= last {
				t.Fatalf("bounds(%v) is not ascending at %v", ranges, a)
			} else {
				last = v
			}
			switch {
			case end && open != nil:
				got = append(got, must(alloc.AddrRangeFrom(*open, a.Prev())))
				open = nil
			case end && (ordinal > 0 || a != netip.IPv4Unspecified()):
				t.Fatalf("bounds(%v): %v ends nothing", ranges, a)
			case !end && open != nil:
				t.Fatalf("bounds(%v): %v begins in an interval", ranges, a)
			case !end:
				open = &a
			}
			ordinal++
			return true
		})
		if open != nil {
			got = append(got, must(alloc.AddrRangeFrom(*open, at(1<<32-1))))
		}
		if fmt.Sprint(merge(got)) != fmt.Sprint(merge(ranges)) || len(got) != len(ranges) {
			t.Fatalf("bounds(%v) is %v", ranges, got)
		}
		// It stops where it is told to.
		for stop := 1; stop <= ordinal; stop++ {
			n := 0
			if bounds(ranges, func([4]byte, bool) bool { n++; return n < stop }); n != stop {
				t.Fatalf("bounds(%v) called yield %d times, want %d", ranges, n, stop)
			}
		}
	})
}

// TestBoundsTable has the bounds as nft writes them.
func TestBoundsTable(t *testing.T) {
	for _, tt := range []struct{ ranges, want string }{
		{"", ""},
		{"10.0.0.0/8", "0.0.0.0) [10.0.0.0 11.0.0.0)"},
		{"0.0.0.0/8", "[0.0.0.0 1.0.0.0)"},
		{"0.0.0.0/0", "[0.0.0.0"},
		{"240.0.0.0/4", "0.0.0.0) [240.0.0.0"},
		{"255.255.255.255", "0.0.0.0) [255.255.255.255"},
		{"255.255.255.254", "0.0.0.0) [255.255.255.254 255.255.255.255)"},
		{"10.0.0.1 10.0.0.3", "0.0.0.0) [10.0.0.1 10.0.0.2) [10.0.0.3 10.0.0.4)"},
	} {
		var got []string
		bounds(spans(tt.ranges), func(addr [4]byte, end bool) bool {
			s := netip.AddrFrom4(addr).String()
			if end {
				got = append(got, s+")")
			} else {
				got = append(got, "["+s)
			}
			return true
		})
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: got %s, want %s", tt.ranges, s, tt.want)
		}
	}
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

// listLen returns the length of a message's element list, its header included: what has to fit into 16 bits.
func listLen(t failer, m netlink.Message) int {
	t.Helper()
	for _, a := range attrs(t, m.Data[nfHeaderLen:]) {
		if a.Type&typeMask == elementList {
			return int(a.Length)
		}
	}
	t.Fatalf("a message without a list")
	return 0
}

// unsent returns a bulk whose batches nobody takes: sending fails, and the batch can be looked at.
func unsent(room int) *bulk {
	return &bulk{sock: &socket{fd: -1, room: room}, table: "cgn_" + strings.Repeat("x", maxInstance), set: "ranges_256_b"}
}

// TestListsEndAtTheLimit fills batches with each kind of element and checks the limit of a list from both sides: it is never longer
// than 65,535 bytes, and one more element would be too many. Batches keep to the room that the socket gives.
func TestListsEndAtTheLimit(t *testing.T) {
	var e element
	for a := range wirePlans().plan.All() {
		e = element{a, 1, portRange("1024-2047")}
		break
	}
	sizes := map[string]struct {
		size  int
		write func(*wire)
	}{
		"contiguous": {contiguousLen, func(w *wire) { w.element(contiguous, e, true) }},
		"ranged":     {rangedLen, func(w *wire) { w.element(ranged, e, true) }},
		"whole":      {wholeLen, func(w *wire) { w.element(whole, e, true) }},
		"bounds":     {endLen, func(w *wire) { w.bound([4]byte{1, 2, 3, 4}, true) }},
	}
	for name, s := range sizes {
		rooms := []int{70_000, 140_000, 212_992 - 4096, 1 << 20, 1<<20 + 13, batchBytes, 64 << 20}
		// Room for another list, just about: the frame of its message has to fit as well.
		probe := unsent(1 << 30)
		for len(probe.parts) < 3 {
			_ = probe.add(e.Inside(), s.size, s.write)
		}
		rooms = append(rooms, probe.wire.message+maxElementList-1, probe.wire.message+maxElementList, probe.wire.message+maxElementList+8)
		for _, room := range rooms {
			t.Run(fmt.Sprintf("%s, room %d", name, room), func(t *testing.T) {
				b := unsent(room)
				n := 0
				for ; ; n++ {
					if n > batchBytes/s.size+1 {
						t.Fatal("the batch is not sent when it should be")
					}
					if err := b.add(e.Inside(), s.size, s.write); err != nil {
						if !errors.Is(err, unix.EBADF) {
							t.Fatal(err)
						}
						break
					}
				}
				if len(b.wire.buf) > min(room, batchBytes) {
					t.Errorf("a batch of %d bytes, and the room is %d", len(b.wire.buf), min(room, batchBytes))
				}
				if len(b.wire.buf) < min(room, batchBytes)-2*(1<<16) {
					t.Errorf("a batch of %d bytes leaves most of a room of %d", len(b.wire.buf), room)
				}
				all := messages(t, b.wire.buf)
				total := 0
				for i, m := range all[1 : len(all)-1] {
					length := listLen(t, m)
					if _, _, list := listOf(t, m); length != attrHeader+len(list)*s.size {
						t.Fatalf("list %d has %d elements in %d bytes", i, len(list), length)
					} else {
						total += len(list)
					}
					if length > 65535 || length+s.size <= 65535 {
						t.Errorf("list %d has %d bytes, and elements have %d", i, length, s.size)
					}
					acked := m.Header.Flags&netlink.Acknowledge != 0
					if acked != (i == len(all)-3) {
						t.Errorf("message %d of %d asks for an acknowledgement: %t", i, len(all)-2, acked)
					}
				}
				if total != n || b.sent != uint64(n) {
					t.Errorf("%d elements in the batch, %d were added, %d counted", total, n, b.sent)
				}
			})
		}
	}
}

// TestFullAtTheExactByte checks full against the length that the list would have: it must refuse before 16 bits overflow.
func TestFullAtTheExactByte(t *testing.T) {
	var w wire
	w.beginBatch(0) // so that the list does not start at the start
	w.beginElements(unix.NFT_MSG_NEWSETELEM, 0, "cgn", "shares")
	for len(w.buf)-w.list+64 < 1<<16 {
		used := len(w.buf) - w.list
		for _, size := range []int{16, 20, 24, 28, 40, 44, 128, 65536 - used - 8, 65536 - used - 4, 65536 - used, 65536 - used + 4} {
			switch full := w.full(size); {
			case used+size > 65535 && !full:
				t.Fatalf("a list of %d bytes has room for %d more", used, size)
			case used+size <= 65535-attrHeader && full:
				t.Fatalf("a list of %d bytes has no room for %d more", used, size)
			}
		}
		w.key([]byte{1, 2, 3, 4, 5, 6, 7, 8})
	}
}

// TestBulkCarriesEverything puts the elements of whole maps through batches, and reads all of them back in order, once each.
func TestBulkCarriesEverything(t *testing.T) {
	rs := must(NewRuleset(plan(
		pool("a", "100.64.0.0/19", "198.18.0.0/23", ratio(32)), pool("b", "100.65.0.0/22", "198.18.8.0/23", mapped(4, 3)),
	), cgn))
	for _, m := range rs.maps {
		b := unsent(150_000)
		var got [][]byte
		batches := 0
		collect := func() {
			batches++
			for _, msg := range messages(t, b.wire.buf) {
				if msg.Header.Type != unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_NEWSETELEM {
					continue
				}
				_, _, list := listOf(t, msg)
				i := slices.IndexFunc(b.parts, func(p bulkPart) bool { return p.seq == msg.Header.Sequence })
				first, last := attrs(t, attrs(t, list[0])[0].Data)[0].Data, attrs(t, attrs(t, list[len(list)-1])[0].Data)[0].Data
				if i < 0 || !bytes.Equal(b.parts[i].first.AsSlice(), first[:4]) || !bytes.Equal(b.parts[i].last.AsSlice(), last[:4]) {
					t.Fatalf("message %d is from %v to %v: %+v", msg.Header.Sequence, first, last, b.parts)
				}
				got = append(got, list...)
			}
			b.parts = nil // as after a batch that the kernel took
		}
		n := 0
		m.each(func(e element) bool {
			write := func(w *wire) { w.element(m.kind, e, true) }
			if err := b.add(e.Inside(), m.kind.sizeOf(true), write); err != nil {
				collect()
				if err := b.add(e.Inside(), m.kind.sizeOf(true), write); err != nil {
					t.Fatal(err)
				}
			}
			n++
			return true
		})
		if err := b.finish(); !errors.Is(err, unix.EBADF) {
			t.Fatal(err)
		}
		collect()
		if batches < 3 || len(got) != n || b.sent != m.elements {
			t.Fatalf("map %s: %d batches, %d elements of %d, %d counted", m.name(), batches, len(got), n, b.sent)
		}
		i := 0
		m.each(func(e element) bool {
			k, err := parseElement(got[i])
			if err != nil || !bytes.Equal(k.key, keyOf(m.kind, e)) || !bytes.Equal(k.data, dataOf(m.kind, e)) {
				t.Fatalf("map %s, element %d: %+v, %v", m.name(), i, k, err)
			}
			i++
			return true
		})
	}
}

// TestFinishOfNothing checks that a bulk without elements sends nothing.
func TestFinishOfNothing(t *testing.T) {
	if err := unsent(1 << 20).finish(); err != nil {
		t.Error(err)
	}
}

// TestChangeLists checks the batch of an increment: each list is of one set and one operation, in the order of the calls, none
// longer than its 16 bits, and each message knows whom it concerns.
func TestChangeLists(t *testing.T) {
	rs := must(NewRuleset(plan(pool("a", "100.64.0.0/20", "198.18.0.0/23", ratio(32)), pool("b", "100.65.0.0/30", "198.18.8.0/30", ratio(1))), cgn))
	for _, live := range []generation{generation(0), generation(1)} {
		b := &change{table: "cgn", live: live, room: 1 << 30}
		b.wire.beginBatch(7)
		var want []string
		step := func(kind, flags uint16, mm mismatch) {
			b.element(kind, flags, mm)
			op := "add"
			if kind == unix.NFT_MSG_DELSETELEM {
				op = "delete"
			}
			key := mm.key
			if key == nil {
				key = keyOf(mm.m.kind, mm.e)
			}
			want = append(want, fmt.Sprintf("%s %s %x", op, live.of(mm.m.name()), key))
		}
		for _, m := range rs.maps {
			m.each(func(e element) bool {
				step(unix.NFT_MSG_DELSETELEM, 0, mismatch{m: m, e: e, have: []byte{1}})
				return true
			})
			step(unix.NFT_MSG_DELSETELEM, 0, mismatch{m: m, key: []byte{9, 9, 9, 9}})
		}
		b.endList()
		for _, m := range rs.maps {
			m.each(func(e element) bool {
				step(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE|unix.NLM_F_EXCL, mismatch{m: m, e: e})
				return true
			})
		}
		b.endList()
		b.ranges(rs, []string{insideSet})
		b.mark(rs.plan.SHA256())
		b.deleteSet("shares_b")
		var got, tail []string
		for i, m := range messages(t, b.wire.buf)[1:] {
			part := b.parts[i]
			if part.seq != m.Header.Sequence {
				t.Fatalf("message %d has number %d, its part %d", i, m.Header.Sequence, part.seq)
			}
			op := map[netlink.HeaderType]string{unix.NFT_MSG_NEWSETELEM: "add", unix.NFT_MSG_DELSETELEM: "delete", unix.NFT_MSG_DELSET: "delete set"}[m.Header.Type&0xff]
			if op == "delete set" {
				tail = append(tail, op+" "+part.set)
				continue
			}
			_, set, list := listOf(t, m)
			set = strings.TrimSuffix(set, "\x00")
			if set == planSet || set == live.of(insideSet) {
				tail = append(tail, fmt.Sprintf("%s %s %d", op, set, len(list)))
				continue
			}
			if n := listLen(t, m); n > 65535 || n != attrHeader+len(list)*rs.maps[0].kind.sizeOf(op == "add") && set == live.of("shares") {
				t.Errorf("list %d has %d bytes for %d elements", i, n, len(list))
			}
			if part.op != op || part.set != set {
				t.Errorf("message %d does %s %s, its part says %+v", i, op, set, part)
			}
			var keys [][]byte
			for _, raw := range list {
				e, err := parseElement(raw)
				if err != nil {
					t.Fatal(err)
				}
				keys = append(keys, e.key)
				got = append(got, fmt.Sprintf("%s %s %x", op, set, e.key))
			}
			if !bytes.Equal(part.first.AsSlice(), keys[0][:4]) || !bytes.Equal(part.last.AsSlice(), keys[len(keys)-1][:4]) {
				t.Errorf("message %d is from %v to %v, its part says %+v", i, keys[0], keys[len(keys)-1], part)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d operations, want %d", len(got), len(want))
		}
		set := live.of(insideSet)
		if s := fmt.Sprint(tail); s != fmt.Sprintf("[delete %s 0 add %s 5 delete plan 0 add plan 1 delete set shares_b]", set, set) {
			t.Errorf("the batch ends with %s", s)
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
