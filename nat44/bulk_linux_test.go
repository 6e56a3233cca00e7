package nat44

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

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
