//go:build linux

package ebpf

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// ageNotes makes what is noted of datagrams that come in parts older, by so many ticks. It returns how many of them there are.
func ageNotes(tb testing.TB, m *ebpf.Map, ticks uint32) int {
	tb.Helper()
	var key bpf.CgnatCgnFragmentKey
	var note bpf.CgnatCgnFragmentNote
	var keys []bpf.CgnatCgnFragmentKey
	all := m.Iterate()
	for all.Next(&key, &note) {
		keys = append(keys, key)
	}
	if err := all.Err(); err != nil {
		tb.Fatal(err)
	}
	for _, key := range keys {
		if err := m.Lookup(key, &note); err != nil {
			tb.Fatal(err)
		}
		note.Seen -= ticks
		if err := m.Put(key, note); err != nil {
			tb.Fatal(err)
		}
	}
	return len(keys)
}

// Where a sender uses an identification again, the time of its parts begins anew: none of them is taken for one of another datagram.
func TestFragmentsOfTheNextDatagram(t *testing.T) {
	l := newLab(t, Config{}, alloc.PoolSpec{Inside: spans("100.64.0.0/25"), Outside: spans("198.51.100.0/30"), SharingRatio: 64})
	me := ap("100.64.0.1:5000")
	out := l.leaves(udp(me, server, "x"))
	notes := l.table(bpf.CgnatMapFragments)
	for from, d := range map[side]datagram{fromInside: udp(me, server, "0123456789abcdef"), fromOutside: udp(server, out, "0123456789abcdef")} {
		parts := cutUp(d, 16)
		for range 3 {
			first := l.run(from, parts[0].frame())
			ageNotes(t, notes, 15) // a note is good for 20 ticks
			later := l.run(from, parts[1].frame())
			if later.verdict != first.verdict || !bytes.Equal(later.frame[ip+4:ip+6], first.frame[ip+4:ip+6]) {
				t.Errorf("side %v: %s, identification %x; the first part: %s, %x",
					from, later.verdict, later.frame[ip+4:ip+6], first.verdict, first.frame[ip+4:ip+6])
			}
		}
	}
}

// Fragments that wait for a first one that never comes are nobody's. The next datagram with that identification may be for another
// subscriber: it comes whole, each part once, and with nothing of the other's.
func TestHeldFragmentsAreOfOneDatagram(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	him, echo := s.Servers[0], s.echo()
	_, first := s.flow(0, echo.Addr())
	_, second := s.flow(1, echo.Addr())
	if first.Addr() != second.Addr() {
		t.Fatalf("the subscribers are behind %v and %v, want one address", first, second)
	}
	parts := func(to netip.AddrPort, text string) (out [][]byte) {
		for _, p := range cutUp(udp(netip.AddrPortFrom(him.Addr, 777), to, strings.Repeat(text, 48)), 64) {
			out = append(out, p.ip())
		}
		return out
	}
	lost, whole := parts(first, "lost"), parts(second, "good")
	var seen [2]*netns.Observer
	for i := range seen {
		seen[i] = must(s.Subscribers[i].Observe(netns.Watch{Match: func(p netns.Packet) bool {
			return p.Src == him.Addr && binary.BigEndian.Uint16(p.Raw[4:]) == 0x1234
		}}))
	}
	send := func(packets ...[]byte) {
		t.Helper()
		if err := him.SendAll(len(packets), func(i int) []byte { return packets[i] }); err != nil {
			t.Fatal(err)
		}
	}
	held := uint64(0)
	for _, packets := range [][][]byte{lost[1:], {whole[2], whole[1]}} {
		send(packets...)
		held += uint64(len(packets))
		until(t, "the parts are held", func() bool { return s.counts()["held"] == held })
		if len(packets) > 2 {
			_ = with(s, "maps", bpf.CgnatMapFragments, func(m *ebpf.Map) error {
				if n := ageNotes(t, m, 21); n != 1 {
					t.Fatalf("%d notes, want 1", n)
				}
				return nil
			})
		}
	}
	send(whole[0])
	send(whole[3:]...)
	until(t, "the datagram is there", func() bool { return must(seen[1].Count()) >= len(whole) })
	if err := him.Ping(netns.Ping{To: ad("203.0.113.254")}); err != nil { // and what comes behind it
		t.Fatal(err)
	}
	got := make([]int, len(whole))
	for _, p := range must(seen[1].Packets()) {
		at := int(binary.BigEndian.Uint16(p.Raw[6:])&0x1fff) * 8 / 64
		got[at]++
		if bytes.Contains(p.Raw, []byte("lost")) {
			t.Errorf("part %d is of a datagram to the other subscriber", at)
		}
	}
	if want := slices.Repeat([]int{1}, len(whole)); !slices.Equal(got, want) {
		t.Errorf("the parts came so often: %v, want %v", got, want)
	}
	if n := must(seen[0].Count()); n > 0 {
		t.Errorf("%d parts came to who had lost the first", n)
	}
}
